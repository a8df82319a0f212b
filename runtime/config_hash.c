/* config_hash.c - what of a configuration can change an event, as one text, and its hash.
 *
 * The text has a line "key=value" per effective value: defaults filled in, sorted, so that neither
 * the order of keys nor comments nor spelt-out defaults matter. What cannot change an event
 * (workers, frames, folders, brokers, logs, snapshots, sinks) is left out. Order counts where it
 * does for events: stages, and rules, whose alerts at one instant come in the order of the file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/config_private.h"
#include "runtime/hash.h"

struct lines {
    char **line;
    size_t n;
};

/* Adds "key=value"; the buffer `value` is emptied for the next one. */
static void add(struct lines *lines, const char *key, struct vg_buf *value)
{
    lines->line = realloc(lines->line, (lines->n + 1) * sizeof(*lines->line));
    VG_CHECK(lines->line);
    VG_CHECK(asprintf(&lines->line[lines->n++], "%s=%s", key, value->len ? value->data : "") >= 0);
    vg_buf_clear(value);
}

/* Strings go in as JSON, so that none of them can look like the end of a line. */
static void add_text(struct lines *lines, const char *prefix, const char *key, const char *text)
{
    struct vg_buf full = VG_BUF_INIT, value = VG_BUF_INIT;

    vg_buf_printf(&full, "%s%s", prefix, key);
    vg_buf_json_str(&value, text);
    add(lines, full.data, &value);
    vg_buf_done(&full);
    vg_buf_done(&value);
}

static void add_number(struct lines *lines, const char *prefix, const char *key, int64_t number)
{
    char text[24];

    snprintf(text, sizeof(text), "%lld", (long long)number);
    add_text(lines, prefix, key, text);
}

static void add_float(struct lines *lines, const char *prefix, const char *key, float number)
{
    struct vg_buf text = VG_BUF_INIT;

    vg_buf_float(&text, number);
    add_text(lines, prefix, key, text.data);
    vg_buf_done(&text);
}

/* The options that have all of `flags`. */
static void add_options(struct lines *lines, const char *prefix, const struct vg_option *table,
                        const void *self, unsigned flags)
{
    struct vg_buf key = VG_BUF_INIT, value = VG_BUF_INIT;

    for (const struct vg_option *o = table; o && o->type != VG_OPT_END_; o++) {
        if ((o->flags & flags) != flags)
            continue;
        vg_buf_clear(&key);
        vg_buf_printf(&key, "%s%s", prefix, o->name);
        vg_option_print(o, self, &value);
        add(lines, key.data, &value);
    }
    vg_buf_done(&key);
    vg_buf_done(&value);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines, sorted; frees them. */
static void finish(struct lines *lines, struct vg_buf *ret)
{
    if (lines->n > 0)
        qsort(lines->line, lines->n, sizeof(*lines->line), compare);
    for (size_t i = 0; i < lines->n; i++) {
        vg_buf_printf(ret, "%s\n", lines->line[i]);
        free(lines->line[i]);
    }
    free(lines->line);
}

/* ---- the parts ---- */

static void add_source(struct lines *lines, const struct vg_source_config *source)
{
    add_text(lines, "source.", "type", source->ops->name);
    add_options(lines, "source.", source->ops->options, source->self, VG_OPT_EVENTS);
    add_options(lines, "source.", vg_ingest_options, &source->ingest, VG_OPT_EVENTS);
    add_text(lines, "source.decoder.", "type", source->decoder->name);
    add_options(lines, "source.decoder.", source->decoder->options, source->decoder_self, 0);
}

static void add_models(struct lines *lines, const struct vg_config *config)
{
    for (uint32_t i = 0; i < config->models_n; i++) {
        const struct vg_model *model = config->models[i];
        char prefix[VG_NAME_SIZE + 16];

        snprintf(prefix, sizeof(prefix), "models.%s.", model->name);
        add_text(lines, prefix, "type", model->ops->name);
        add_text(lines, prefix, "sha256", model->sha256);
    }
}

static void add_side(struct lines *lines, const char *prefix, const char *side, uint32_t set,
                     const float value[VG_CHANNELS])
{
    char key[VG_NAME_SIZE];

    for (int c = 0; c < VG_CHANNELS; c++) {
        if (!(set & UINT32_C(1) << c))
            continue;
        snprintf(key, sizeof(key), "%s.%s", vg_channels[c].name, side);
        add_float(lines, prefix, key, value[c]);
    }
}

static void add_limits(struct lines *lines, const char *prefix, const struct vg_limits *l)
{
    add_side(lines, prefix, "low", l->low_set, l->low);
    add_side(lines, prefix, "high", l->high_set, l->high);
}

static void add_profiles(struct lines *lines, const struct vg_site *site)
{
    char prefix[VG_NAME_SIZE + 16];

    for (uint32_t i = 0; i < site->profiles_n; i++) {
        const struct vg_profile *p = &site->profiles[i];

        snprintf(prefix, sizeof(prefix), "profiles.%s.", p->name);
        add_text(lines, prefix, "default", i == 0 ? "true" : "false");
        if (p->pulseless) /* else nothing, so that hashes of before stand */
            add_text(lines, prefix, "pulseless", "true");
        if (p->ventilated)
            add_text(lines, prefix, "ventilated", "true");
        if (p->age_years > 0)
            add_float(lines, prefix, "age_years", p->age_years);
        if (p->pregnant)
            add_text(lines, prefix, "pregnant", "true");
        if (p->spo2_scale != 0) {
            add_number(lines, prefix, "spo2_scale.use", p->spo2_scale);
            add_text(lines, prefix, "spo2_scale.author", p->spo2_scale_author);
            add_text(lines, prefix, "spo2_scale.reason", p->spo2_scale_reason);
        }
        add_limits(lines, prefix, &p->limits);
    }
}

/* A bed without limits of its own adds nothing, so that hashes of before stand. */
static void add_bed_limits(struct lines *lines, const struct vg_bed_config *bed)
{
    char prefix[VG_BED_SIZE + 16];

    if (!bed->limits)
        return;
    snprintf(prefix, sizeof(prefix), "bed_limits.%s.", bed->bed);
    add_limits(lines, prefix, &bed->limits->limits);
    add_text(lines, prefix, "author", bed->limits->author);
    add_text(lines, prefix, "reason", bed->limits->reason);
}

static void add_wards(struct lines *lines, const struct vg_site *site)
{
    for (uint32_t i = 0; i < site->wards_n; i++)
        add_text(lines, "wards.", site->wards[i], "");
    for (uint32_t i = 0; i < site->beds_n; i++)
        add_text(lines, "beds.", site->beds[i].bed, site->profiles[site->beds[i].profile].name);
    for (uint32_t i = 0; i < site->beds_n; i++)
        add_bed_limits(lines, &site->beds[i]);
}

static void add_bound(struct lines *lines, const char *prefix, const char *key,
                      const struct vg_bound *bound)
{
    static const char *const origins[] = {
        [VG_BOUND_NONE] = "none",
        [VG_BOUND_FIXED] = "fixed",
        [VG_BOUND_PROFILE_LOW] = "profile.low",
        [VG_BOUND_PROFILE_HIGH] = "profile.high",
        [VG_BOUND_MODEL] = "threshold",
    };
    struct vg_buf text = VG_BUF_INIT;

    vg_buf_printf(&text, "%s %s ", bound->above ? "above" : "below", origins[bound->origin]);
    vg_buf_float(&text, bound->value);
    add_text(lines, prefix, key, text.data);
    vg_buf_done(&text);
}

/* Only what is set, so that hashes of before stand. */
static void add_life(struct lines *lines, const char *prefix, const struct vg_lifecycle *life)
{
    if (life->latching)
        add_text(lines, prefix, "latching", "true");
    if (life->escalate_after_ns > 0) {
        add_number(lines, prefix, "escalate.after", life->escalate_after_ns);
        add_text(lines, prefix, "escalate.to", vg_priority_name(life->escalate_to));
    }
    if (life->realarm_ns > 0)
        add_number(lines, prefix, "realarm", life->realarm_ns);
    if (life->worse.origin != VG_BOUND_NONE) {
        add_bound(lines, prefix, "worse", &life->worse);
        add_text(lines, prefix, "worse.priority", vg_priority_name(life->worse_to));
        add_number(lines, prefix, "worse.for", life->worse_for_ns);
    }
    if (life->refractory_ns > 0)
        add_number(lines, prefix, "refractory", life->refractory_ns);
    if (life->budget_max > 0) {
        add_number(lines, prefix, "budget.max", life->budget_max);
        add_number(lines, prefix, "budget.per", life->budget_per_ns);
    }
    for (uint32_t i = 0; i < life->inhibitors; i++) {
        char key[32];

        snprintf(key, sizeof(key), "inhibited_by.%u", i);
        add_number(lines, prefix, key, life->inhibited_by[i]);
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): at most VG_NESTING_MAX deep */
static void add_rule(struct lines *lines, const char *prefix, const struct vg_rule *r)
{
    char inner[128];

    add_text(lines, prefix, "name", r->name);
    add_text(lines, prefix, "title", r->title);
    add_number(lines, prefix, "rule", r->rule);
    add_text(lines, prefix, "priority", vg_priority_name(r->priority));
    add_text(lines, prefix, "kind", vg_alert_kind_name(r->kind));
    add_text(lines, prefix, "channel",
             r->channel == VG_CHANNEL_NONE ? "" : vg_channels[r->channel].name);
    add_text(lines, prefix, "condition", vg_condition_name(r->condition));
    add_text(lines, prefix, "model", r->model);
    add_bound(lines, prefix, "bound", &r->bound);
    add_bound(lines, prefix, "clear", &r->clear);
    add_number(lines, prefix, "for", r->for_ns);
    add_number(lines, prefix, "clear.for", r->clear_for_ns);
    add_number(lines, prefix, "keep_firing_for", r->keep_firing_for_ns);
    add_number(lines, prefix, "update_every", r->update_every_ns);
    add_life(lines, prefix, &r->life);
    add_number(lines, prefix, "longer_than", r->longer_than_ns);
    if (r->source)
        add_text(lines, prefix, "source", "true");
    add_number(lines, prefix, "within", r->within_ns);
    add_float(lines, prefix, "quantile", r->quantile);
    if (r->rule == VG_RULE_SCORE) {
        add_number(lines, prefix, "score", r->score);
        add_text(lines, prefix, "single", r->single ? "true" : "false");
    }
    add_float(lines, prefix, "probability", r->probability);
    add_number(lines, prefix, "at_least", r->least);
    add_number(lines, prefix, "of", r->of);
    add_number(lines, prefix, "good_only", r->good_only);
    add_number(lines, prefix, "confidence", r->confidence);
    add_number(lines, prefix, "relative", r->relative);
    add_number(lines, prefix, "join", r->join);
    add_text(lines, prefix, "reference", r->reference);
    for (uint32_t i = 0; i < r->parts; i++) {
        snprintf(inner, sizeof(inner), "%spart.%06u.", prefix, i);
        add_rule(lines, inner, &r->part[i]);
    }
}

static void add_scores(struct lines *lines, const struct vg_site *site)
{
    struct vg_buf text = VG_BUF_INIT;

    for (uint32_t i = 0; i < site->scores_n; i++) {
        const struct vg_site_score *s = &site->scores[i];

        vg_buf_clear(&text);
        vg_score_print(&s->score, &text);
        for (uint32_t p = 0; p < site->profiles_n; p++)
            vg_buf_printf(&text, "profile %s %d\n", site->profiles[p].name, s->profile[p]);
        add_text(lines, "scores.", s->score.name, text.data);
    }
    vg_buf_done(&text);
}

static void add_site(struct lines *lines, const struct vg_site *site)
{
    char prefix[32];

    add_profiles(lines, site);
    add_scores(lines, site);
    add_wards(lines, site);
    for (uint32_t i = 0; i < site->rules_n; i++) {
        snprintf(prefix, sizeof(prefix), "alert_rules.%06u.", i);
        add_rule(lines, prefix, &site->rules[i]);
    }
}

static void write_config(const struct vg_config *config, const struct vg_planned_stage *stages,
                         struct vg_buf *ret)
{
    struct lines lines = { 0 };
    char prefix[32];

    add_text(&lines, "service.", "name", config->service.name);
    add_source(&lines, &config->source);
    add_models(&lines, config);
    for (uint32_t i = 0; i < config->stages_n; i++) {
        snprintf(prefix, sizeof(prefix), "stages.%06u.", i);
        add_text(&lines, prefix, "type", stages[i].ops->name);
        add_options(&lines, prefix, stages[i].ops->options, stages[i].self, 0);
    }
    add_site(&lines, &config->site);
    finish(&lines, ret);
}

/* ---- the identity of a stage's memory ---- */

static void add_scales(struct lines *lines, const struct vg_model *model)
{
    char prefix[32];

    add_number(lines, "", "tick", model->tick_ns);
    for (uint32_t c = 0; c < model->channels; c++) {
        snprintf(prefix, sizeof(prefix), "channel.%06u.", c);
        add_text(lines, prefix, "name", vg_channels[model->channel[c]].name);
        add_float(lines, prefix, "mean", model->mean[c]);
        add_float(lines, prefix, "scale", model->scale[c]);
    }
}

/* The model that the stage's option `model` names, or NULL. */
static const struct vg_model *named_model(const struct vg_config *config,
                                          const struct vg_planned_stage *stage)
{
    const struct vg_option *opt =
        stage->ops->options ? vg_option_find(stage->ops->options, "model") : NULL;
    const char *name;

    if (!opt || opt->type != VG_OPT_STRING_)
        return NULL;
    name = *(char *const *)((const char *)stage->self + opt->offset);
    for (uint32_t i = 0; name && i < config->models_n; i++) {
        if (strcmp(config->models[i]->name, name) == 0)
            return config->models[i];
    }
    return NULL;
}

/* Memory means the same while the options, the model, and for stages on the grid the tick, the
 * channels and their scales are the same. What the alert stage keeps hangs on all that can change
 * an event, as only it makes events. */
static void write_stage(const struct vg_config *config, const struct vg_planned_stage *stage,
                        struct vg_buf *ret)
{
    struct lines lines = { 0 };
    const struct vg_model *model = named_model(config, stage);

    add_text(&lines, "", "type", stage->ops->name);
    add_options(&lines, "options.", stage->ops->options, stage->self, 0);
    if (model)
        add_text(&lines, "", "sha256", model->sha256);
    if (stage->rows & VG_ROW_TICK && config->models_n > 0)
        add_scales(&lines, config->models[0]);
    if (strcmp(stage->ops->name, "alert") == 0)
        add_text(&lines, "", "config", config->hash);
    finish(&lines, ret);
}

void vg_config_make_hashes(struct vg_config *config, const struct vg_planned_stage *stages)
{
    struct vg_buf text = VG_BUF_INIT;
    char hex[VG_SHA256_HEX_SIZE];

    write_config(config, stages, &text);
    vg_sha256_hex(text.data, text.len, hex);
    snprintf(config->hash, sizeof(config->hash), "sha256:%s", hex);
    for (uint32_t i = 0; i < config->stages_n; i++) {
        vg_buf_clear(&text);
        write_stage(config, &stages[i], &text);
        vg_sha256(text.data, text.len, config->stages[i].identity);
    }
    vg_buf_done(&text);
}
