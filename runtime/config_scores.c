/* config_scores.c - reads section `scores` of a configuration, and what its rules say of scores.
 *
 * A score is for some patients only. Which profiles have it, and that none of them is too young or
 * pregnant, is settled here: a chart for adults must not be laid beside a child's bed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "runtime/config_private.h"
#include "runtime/score_file.h"

struct score_options {
    char *file;
    struct vg_strings profiles;
    struct vg_strings expires;
};

const struct vg_option vg_scores_options[] = {
    VG_OPT_STRING(struct score_options, file, "file", NULL, VG_OPT_REQUIRED | VG_OPT_PATH,
                  "The table, such as scores/news2.yaml."),
    VG_OPT_LIST(struct score_options, profiles, "profiles", 0,
                "The profiles whose patients have the score; all of them when left out."),
    VG_OPT_MAP(struct score_options, expires, "expires", 0,
               "How long a channel's value counts, where that is not what the file says: {temp: "
               "12h}."),
    VG_OPT_END,
};

const struct vg_option vg_profile_scale_options[] = {
    VG_OPT_INT(struct vg_spo2_scale, use, "use", NULL, 1, 2, "", VG_OPT_REQUIRED,
               "SpO2 scale of NEWS2: 2 only for a prescribed target of 88 to 92 %."),
    VG_OPT_STRING(struct vg_spo2_scale, author, "author", NULL, 0, "Who prescribed scale 2."),
    VG_OPT_STRING(struct vg_spo2_scale, reason, "reason", NULL, 0, "Why."),
    VG_OPT_END,
};

static const struct vg_shape score_shape = { .kind = VG_SHAPE_KEYS,
                                             .name = "score",
                                             .table = { vg_scores_options } };
const struct vg_shape vg_shape_scores = { .kind = VG_SHAPE_NAMED,
                                          .name = "scores",
                                          .empty_too = true,
                                          .entry = &score_shape,
                                          .pattern = VG_NAME_PATTERN };
const struct vg_shape vg_shape_spo2_scale = { .kind = VG_SHAPE_KEYS,
                                              .name = "spo2_scale",
                                              .empty_too = true,
                                              .table = { vg_profile_scale_options } };

/* ---- profiles ---- */

static bool fits(struct vg_load *l, const struct vg_node *map, const char *key, const char *text,
                 size_t size)
{
    if (!text || strlen(text) < size)
        return true;
    vg_document_error(l->doc, vg_node_find(map, key)->at, "\"%s\" is longer than %zu bytes", key,
                      size - 1);
    return false;
}

void vg_load_spo2_scale(struct vg_load *l, struct vg_profile *p, const struct vg_node *profile)
{
    const struct vg_node *map = vg_document_mapping(l->doc, profile, "spo2_scale");
    struct vg_spo2_scale o = { 0 };
    const struct vg_target target = { vg_profile_scale_options, &o };

    if (!map)
        return;
    vg_document_options(l->doc, map, &target, 1, NULL);
    if (o.use == 2 && (!o.author || !o.author[0]))
        vg_document_error(l->doc, map->key_at,
                          "scale 2 needs an \"author\": it makes low values count as normal, which "
                          "somebody must have prescribed");
    if (fits(l, map, "author", o.author, sizeof(p->spo2_scale_author)) &&
        fits(l, map, "reason", o.reason, sizeof(p->spo2_scale_reason))) {
        p->spo2_scale = (uint8_t)o.use;
        snprintf(p->spo2_scale_author, sizeof(p->spo2_scale_author), "%s",
                 o.author ? o.author : "");
        snprintf(p->spo2_scale_reason, sizeof(p->spo2_scale_reason), "%s",
                 o.reason ? o.reason : "");
    }
    vg_options_done(vg_profile_scale_options, &o);
}

/* ---- section scores ---- */

static void read_file(struct vg_load *l, const struct vg_node *node, const char *path,
                      struct vg_score_chart *score)
{
    const struct vg_node *at = vg_node_find(node, "file");
    struct vg_err err = { 0 };
    vg_status st = vg_score_read(path, node->key, score, &l->files, &err);

    if (st != VG_OK)
        vg_document_error(l->doc, at->at, "%s", err.msg);
    else if (score->example)
        vg_document_error(l->doc, at->at,
                          "%s is an example and not for use; put your hospital's numbers and their "
                          "source into a copy, and remove \"example\" from it",
                          score->title);
}

static void read_expires(struct vg_load *l, const struct vg_node *map, struct vg_score_chart *score)
{
    for (const struct vg_node *n = map ? map->child : NULL; n; n = n->next) {
        int channel = vg_load_channel(l, n->key_at, "channel", n->key, NULL);
        int64_t ns;

        if (!vg_parse_duration(n->text, &ns) || ns < VG_NS_PER_S)
            vg_document_error(l->doc, n->at, "expected a duration of at least 1s, such as 4h");
        else if (channel != VG_CHANNEL_NONE && !vg_score_expire(score, channel, ns))
            vg_document_error(l->doc, n->key_at,
                              "no parameter of %s takes its value from %s; remove it", score->title,
                              n->key);
    }
}

/* Which profiles have the score: those that are listed, or all. */
static void read_profiles(struct vg_load *l, const struct vg_node *list, struct vg_site_score *s)
{
    const struct vg_site *site = &l->config->site;

    s->profile = calloc(site->profiles_n + 1, sizeof(*s->profile));
    VG_CHECK(s->profile);
    for (uint32_t i = 0; !list && i < site->profiles_n; i++)
        s->profile[i] = true;
    for (const struct vg_node *n = list ? list->child : NULL; n; n = n->next) {
        int found = vg_load_profile(l, n);

        if (found >= 0)
            s->profile[found] = true;
    }
}

static void check_profile(struct vg_load *l, const struct vg_score_chart *score,
                          const struct vg_profile *p)
{
    const struct vg_node *profiles = vg_node_find(l->doc->root, "profiles");
    struct vg_place at = vg_node_find(profiles, p->name)->key_at;

    if (p->pregnant && score->not_pregnant)
        vg_document_error(l->doc, at,
                          "%s is not for pregnant patients; list the profiles that have it under "
                          "scores.%s.profiles, without %s",
                          score->title, score->name, p->name);
    if (p->age_years > 0 && p->age_years < score->from_years)
        vg_document_error(l->doc, at,
                          "%s is not for patients under %g years; list the profiles that have it "
                          "under scores.%s.profiles, without %s",
                          score->title, (double)score->from_years, score->name, p->name);
    else if (p->age_years == 0 && score->from_years > 0)
        vg_document_warn(l->doc, at,
                         "%s is not for patients under %g years, and profile %s has no "
                         "\"age_years\"",
                         score->title, (double)score->from_years, p->name);
}

static void load_score(struct vg_load *l, const struct vg_node *node)
{
    struct vg_site *site = &l->config->site;
    struct vg_site_score *s = &site->scores[site->scores_n];
    struct score_options o = { 0 };
    const struct vg_target target = { vg_scores_options, &o };
    uint32_t errors = l->doc->count[VG_ERROR];

    if (!vg_load_is_name(l, node) || !vg_document_is_mapping(l->doc, node))
        return;
    site->scores_n++;
    snprintf(s->score.name, sizeof(s->score.name), "%s", node->key);
    vg_document_options(l->doc, node, &target, 1, NULL);
    if (o.file)
        read_file(l, node, o.file, &s->score);
    read_profiles(l, vg_node_find(node, "profiles"), s);
    if (l->doc->count[VG_ERROR] == errors) {
        read_expires(l, vg_node_find(node, "expires"), &s->score);
        for (uint32_t i = 0; i < site->profiles_n; i++) {
            if (s->profile[i])
                check_profile(l, &s->score, &site->profiles[i]);
        }
    }
    vg_options_done(vg_scores_options, &o);
}

void vg_load_scores(struct vg_load *l)
{
    const struct vg_node *map = vg_document_mapping(l->doc, l->doc->root, "scores");
    struct vg_site *site = &l->config->site;

    if (!map)
        return;
    site->scores = calloc(map->children + 1, sizeof(*site->scores));
    VG_CHECK(site->scores);
    for (const struct vg_node *n = map->child; n; n = n->next)
        load_score(l, n);
}

/* ---- rules ---- */

static const struct vg_score_level *find_level(struct vg_load *l, const struct vg_node *at,
                                               const struct vg_score_chart *score, const char *name)
{
    const char *names[VG_SCORE_LEVELS_MAX];

    for (uint32_t i = 0; i < score->levels; i++) {
        names[i] = score->level[i].name;
        if (strcmp(names[i], name) == 0)
            return &score->level[i];
    }
    vg_document_unknown(l->doc, at->at, "level", name, names, score->levels);
    return NULL;
}

/* A number of points; totals are whole, so one lies above N - 1/2 or below. */
static void set_points(struct vg_bound *bound, int64_t points)
{
    bound->origin = VG_BOUND_FIXED;
    bound->value = (float)points - 0.5f;
}

/* The most that can be reached, in one parameter or in all. */
static int64_t most_points(const struct vg_score_chart *score, bool single)
{
    int64_t ret = 0;

    for (uint32_t p = 0; p < score->parameters; p++) {
        int most = 0;

        for (uint32_t t = score->parameter[p].first;
             t < score->parameter[p].first + score->parameter[p].n; t++)
            most = score->table[t].most > most ? score->table[t].most : most;
        ret = single ? (most > ret ? most : ret) : ret + most;
    }
    return ret;
}

static bool find_score(struct vg_load *l, const struct vg_node *at, const char *name,
                       struct vg_rule *rule)
{
    const struct vg_site *site = &l->config->site;
    const char **names = calloc(site->scores_n + 1, sizeof(*names));
    bool found = false;

    VG_CHECK(names);
    for (uint32_t i = 0; i < site->scores_n; i++) {
        names[i] = site->scores[i].score.name;
        if (strcmp(names[i], name) != 0)
            continue;
        rule->score = i;
        found = true;
    }
    if (!found)
        vg_document_unknown(l->doc, at->at, "score", name, names, site->scores_n);
    free(names);
    return found;
}

void vg_load_score_rule(struct vg_load *l, const struct vg_node *when, const char *name,
                        const struct vg_score_when *o, struct vg_rule *rule)
{
    const struct vg_node *level = vg_node_find(when, "level");
    const struct vg_score_chart *score;
    int64_t points = o->single > 0 ? o->single : o->at_least;

    if (!find_score(l, vg_node_find(when, "score"), name, rule))
        return;
    score = &l->config->site.scores[rule->score].score;
    if ((o->at_least > 0) + (o->single > 0) + (o->level != NULL) != 1) {
        vg_document_error(l->doc, when->at,
                          "a rule about a score has one of \"at_least\" (a total), \"single\" "
                          "(points in one parameter) and \"level\" (of the score)");
        return;
    }
    rule->single = o->single > 0;
    if (o->level) {
        const struct vg_score_level *found = find_level(l, level, score, o->level);

        if (!found)
            return;
        rule->single = found->single;
        points = found->points;
    }
    /* A table that could not be read has its own problem. */
    if (score->parameters > 0 && points > most_points(score, rule->single))
        vg_document_error(l->doc, when->at, "%s gives at most %d %s, so this rule can never fire",
                          score->title, (int)most_points(score, rule->single),
                          rule->single ? "points in one parameter" : "points");
    rule->bound.above = true;
    set_points(&rule->bound, points);
    if (score->advisory)
        rule->kind = VG_ALERT_ADVISORY;
}

bool vg_load_score_points(struct vg_load *l, const struct vg_node *at, const char *text,
                          struct vg_bound *ret)
{
    int64_t points;

    if (!vg_parse_int(text, &points) || points < 1 || points > 200) {
        vg_document_error(l->doc, at->at,
                          "\"%.60s\" is no total; expected a whole number of points", text);
        return false;
    }
    set_points(ret, points);
    return true;
}

void vg_load_check_score(struct vg_load *l, const struct vg_node *node, const struct vg_rule *rule)
{
    const struct vg_node *at = vg_node_find(node, "priority");
    const struct vg_score_chart *score;

    if (rule->rule != VG_RULE_SCORE || !at || rule->score >= l->config->site.scores_n)
        return;
    score = &l->config->site.scores[rule->score].score;
    if (score->advisory && rule->priority == VG_PRIORITY_HIGH)
        vg_document_error(l->doc, at->at, "%s is advisory, and an advisory alert is never high",
                          score->title);
    for (uint32_t i = 0; i < score->levels; i++) {
        const struct vg_score_level *level = &score->level[i];

        if (level->single == rule->single && (float)level->points == rule->bound.value + 0.5f &&
            rule->priority > level->priority)
            vg_document_warn(l->doc, at->at, "%s gives this level priority %s: %s", score->title,
                             vg_priority_name(level->priority), level->response);
    }
}
