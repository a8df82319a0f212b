/* overlay.c - one event under artefacts, watched with a gate and without.
 *
 * The chain without a gate is the same one, and not one with a stage less: what is planned and kept
 * in memory is equal, so a difference between the two is a mark and nothing else.
 */
#include "app/overlay.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/sim_study.h"

/* What is still the case after so long is not new to anybody. */
static const int64_t longest_ns = 600 * VG_NS_PER_S;

/* ---- the chain without a gate ---- */

static void mark_nothing(void *self, void *memory, struct vg_row *row, struct vg_out *out)
{
    (void)self;
    (void)memory;
    (void)row;
    (void)out;
}

static struct vg_stage_config *find_gate(const struct vg_config *config)
{
    for (uint32_t i = 0; i < config->stages_n; i++) {
        if (strcmp(config->stages[i].ops->name, "artefact") == 0)
            return &config->stages[i];
    }
    return NULL;
}

vg_status vg_overlay_init(struct vg_overlay *o, const struct vg_config *gated, struct vg_err *err)
{
    struct vg_stage_config *gate;

    *o = (struct vg_overlay){ .gated = gated, .ungated = *gated };
    o->ungated.stages = calloc(gated->stages_n, sizeof(*gated->stages));
    VG_CHECK(o->ungated.stages);
    memcpy(o->ungated.stages, gated->stages, gated->stages_n * sizeof(*gated->stages));
    gate = find_gate(&o->ungated);
    if (!gate)
        return vg_fail(err, VG_E_CONFIG,
                       "the configuration has no stage of type artefact, so nothing is withheld "
                       "from its limits");
    o->open = *gate->ops;
    o->open.row = mark_nothing;
    gate->ops = &o->open;
    return VG_OK;
}

void vg_overlay_done(struct vg_overlay *o)
{
    free(o->ungated.stages);
    *o = (struct vg_overlay){ 0 };
}

/* ---- rows ---- */

static void disturb(const struct vg_effect *artefact, double now_s, struct vg_sim_row *row)
{
    struct vg_shown shown = { .silent = row->silent };

    for (int c = 0; c < VG_CHANNELS; c++) {
        shown.value[c] = (double)row->value[c];
        shown.quality[c] = row->quality[c];
    }
    vg_effect_show(artefact, now_s, &shown);
    row->silent = shown.silent;
    row->device_ns += (int64_t)(shown.clock_s * 1e9);
    for (int c = 0; c < VG_CHANNELS; c++) {
        bool changed = shown.value[c] != (double)row->value[c];

        row->quality[c] = shown.quality[c];
        if (shown.quality[c] != VG_Q_GOOD)
            row->value[c] = 0;
        else if (changed)
            row->value[c] = vg_effect_reading(c, shown.value[c]);
    }
}

/* ---- a chain ---- */

struct watch {
    const struct vg_config *config;
    struct vg_alert_collector alerts;
};

static void on_event(void *ctx, uint32_t patient, const struct vg_item_event *event,
                     const char *json, size_t len)
{
    struct watch *w = ctx;

    (void)patient;
    vg_alert_collect(&w->alerts, w->config, event, json, len);
}

static double seconds_since(int64_t since_ns, int64_t ns)
{
    return (double)(ns - since_ns) / 1e9;
}

static vg_status feed(struct vg_offline *chain, const struct vg_overlay_rows *rows,
                      const struct vg_effect *artefact, struct vg_err *err)
{
    const struct vg_offline_place next = { 0 };
    vg_status st = VG_OK;

    for (size_t i = 0; i < rows->n && st == VG_OK; i++) {
        struct vg_sim_row row = rows->row[i];
        struct vg_decoded decoded;

        if (artefact)
            disturb(artefact, seconds_since(rows->row[0].record_ns, row.record_ns), &row);
        if (row.silent)
            continue;
        vg_sim_study_decode(&row, &decoded);
        st = vg_offline_row(chain, &next, row.record_ns, &decoded, err);
    }
    if (st == VG_OK)
        vg_offline_finish(chain, rows->row[rows->n - 1].record_ns);
    return st;
}

vg_status vg_overlay_watch(const struct vg_config *config, const struct vg_overlay_rows *rows,
                           const struct vg_effect *artefact, struct vg_alert_list *ret,
                           struct vg_err *err)
{
    struct watch w = { .config = config };
    const struct vg_offline_sink sink = { .ctx = &w, .event = on_event };
    struct vg_offline *chain = NULL;
    vg_status st = vg_offline_new(config, &sink, &chain, err);

    if (st == VG_OK)
        st = feed(chain, rows, artefact, err);
    vg_offline_free(chain);
    *ret = w.alerts.list;
    vg_alert_collect_done(&w.alerts);
    vg_alert_list_end(ret, rows->row[rows->n - 1].record_ns);
    return st;
}

/* ---- judging ---- */

bool vg_overlay_is_event(const struct vg_config *config, const struct vg_alert_seen *alert,
                         struct vg_overlay_event *ret)
{
    const struct vg_rule *rule = vg_alert_rule(config, alert->rule);
    int64_t over_ns;

    if (!rule || rule->rule != VG_RULE_LIMIT || rule->priority != VG_PRIORITY_HIGH)
        return false;
    over_ns = alert->end_ns - rule->clear_for_ns - rule->keep_firing_for_ns;
    if (over_ns > alert->start_ns + longest_ns)
        over_ns = alert->start_ns + longest_ns;
    *ret = (struct vg_overlay_event){ .rule = alert->rule,
                                      .channel = alert->channel,
                                      .onset_ns = alert->start_ns - rule->for_ns,
                                      .start_ns = alert->start_ns,
                                      .until_ns =
                                          over_ns > alert->start_ns ? over_ns : alert->start_ns };
    return true;
}

/* Of a line or a cuff one channel is told of for all. */
static bool same_sensor(int a, int b)
{
    static const int first[] = { VG_CHANNEL_abp_sys, VG_CHANNEL_nibp_sys };

    for (size_t i = 0; i < VG_ARRAY_LEN(first); i++) {
        if (a >= first[i] && a < first[i] + 3)
            return b >= first[i] && b < first[i] + 3;
    }
    return a == b;
}

/* Who is ventilated is told of as disconnected instead. */
static bool stands_in(const struct vg_config *config, const struct vg_alert_seen *alert)
{
    const struct vg_rule *rule = vg_alert_rule(config, alert->rule);
    uint32_t condition = rule ? rule->condition : alert->rule - config->site.rules_n;

    return (!rule || rule->rule == VG_RULE_CONDITION) &&
           (condition == VG_CONDITION_ARTEFACT || condition == VG_CONDITION_DISCONNECTED);
}

/* When the limit was told of, or (technical) what stands in for it. */
static int64_t told_ns(const struct vg_config *config, const struct vg_alert_list *list,
                       const struct vg_overlay_event *event, bool technical)
{
    int64_t first_ns = VG_TIME_NONE;

    for (size_t i = 0; i < list->n; i++) {
        const struct vg_alert_seen *a = &list->seen[i];
        bool matches = technical ? stands_in(config, a) && a->priority == VG_PRIORITY_HIGH &&
                                       same_sensor(a->channel, event->channel)
                                 : a->rule == event->rule && a->channel == event->channel;
        int64_t at_ns = a->urgent_ns > event->start_ns ? a->urgent_ns : event->start_ns;

        if (matches && a->end_ns > event->start_ns &&
            (first_ns == VG_TIME_NONE || at_ns < first_ns))
            first_ns = at_ns;
    }
    return first_ns;
}

static bool in_time(int64_t at_ns, int64_t ungated_ns)
{
    return at_ns != VG_TIME_NONE && at_ns <= ungated_ns + VG_OVERLAY_LATEST_NS;
}

void vg_overlay_judge(const struct vg_config *config, const struct vg_alert_list *ungated,
                      const struct vg_alert_list *gated, struct vg_overlay_outcome *o)
{
    o->ungated_ns = told_ns(config, ungated, &o->event, false);
    o->limit_ns = told_ns(config, gated, &o->event, false);
    o->technical_ns = told_ns(config, gated, &o->event, true);
    if (o->ungated_ns == VG_TIME_NONE || o->ungated_ns > o->event.until_ns)
        o->found = VG_OVERLAY_HIDDEN;
    else if (in_time(o->limit_ns, o->ungated_ns))
        o->found = VG_OVERLAY_BY_LIMIT;
    else if (in_time(o->technical_ns, o->ungated_ns))
        o->found = VG_OVERLAY_BY_TECHNICAL;
    else if (o->limit_ns != VG_TIME_NONE || o->technical_ns != VG_TIME_NONE)
        o->found = VG_OVERLAY_LATE;
    else
        o->found = VG_OVERLAY_MISSED;
}

/* ---- laying ---- */

/* Seconds since the first row of the newest reading of a cuff until `at_s`; without one, at_s. */
static double reading_before(const struct vg_overlay_rows *rows, double at_s)
{
    double ret = at_s;

    for (size_t i = 0; i < rows->n; i++) {
        double now_s = seconds_since(rows->row[0].record_ns, rows->row[i].record_ns);

        if (now_s > at_s)
            break;
        if (rows->row[i].quality[VG_CHANNEL_nibp_mean] == VG_Q_GOOD)
            ret = now_s;
    }
    return ret;
}

static struct vg_effect draw(const struct vg_effect_entry *entry, enum vg_overlay_place place,
                             const struct vg_overlay_rows *rows,
                             const struct vg_overlay_event *event, struct vg_random *random)
{
    double onset_s = seconds_since(rows->row[0].record_ns, event->onset_ns);
    double pending_s = seconds_since(event->onset_ns, event->start_ns);
    double u = vg_random_uniform(random, 0, 1);
    struct vg_effect ret = vg_effect_make(entry, 0, 0, random);

    if (place == VG_OVERLAY_BEFORE)
        ret.start_s = floor(onset_s - u * ret.length_s);
    else if (place == VG_OVERLAY_AT)
        ret.start_s = floor(onset_s - 5 + u * 10);
    else
        ret.start_s = floor(onset_s + u * pending_s);
    if (entry->spoils_one_reading)
        ret.start_s = reading_before(rows, ret.start_s);
    return ret;
}

static void append(struct vg_overlay_outcomes *list, const struct vg_overlay_outcome *one)
{
    list->one = reallocarray(list->one, list->n + 1, sizeof(*list->one));
    VG_CHECK(list->one);
    list->one[list->n++] = *one;
}

static vg_status lay_one(const struct vg_overlay *overlay, const struct vg_overlay_rows *rows,
                         const struct vg_effect *artefact, struct vg_overlay_outcome *o,
                         struct vg_err *err)
{
    struct vg_alert_list gated = { 0 }, ungated = { 0 };
    vg_status st = vg_overlay_watch(&overlay->ungated, rows, artefact, &ungated, err);

    if (st == VG_OK)
        st = vg_overlay_watch(overlay->gated, rows, artefact, &gated, err);
    o->same_channel = vg_effect_span(artefact).channels >> o->event.channel & 1;
    if (st == VG_OK)
        vg_overlay_judge(overlay->gated, &ungated, &gated, o);
    free(gated.seen);
    free(ungated.seen);
    return st;
}

vg_status vg_overlay_lay(const struct vg_overlay *overlay, const struct vg_overlay_rows *rows,
                         const struct vg_overlay_outcome *what, struct vg_random *random,
                         struct vg_overlay_outcomes *ret, struct vg_err *err)
{
    const struct vg_effect_entry *entry;
    vg_status st = VG_OK;

    for (uint32_t k = 0; (entry = vg_artefact_entry(k)) && st == VG_OK; k++) {
        for (int place = 0; place < VG_OVERLAY_PLACES && st == VG_OK; place++) {
            struct vg_effect artefact =
                draw(entry, (enum vg_overlay_place)place, rows, &what->event, random);
            struct vg_overlay_outcome one = *what;

            one.artefact = k;
            one.place = (uint8_t)place;
            st = lay_one(overlay, rows, &artefact, &one, err);
            if (st == VG_OK)
                append(ret, &one);
        }
    }
    return st;
}
