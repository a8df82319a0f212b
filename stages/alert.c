/* alert.c - the stage that turns rows into alert events, by the rules of the configuration.
 *
 * This file decides what is watched and calls each watch for each row; what a kind of rule means is in
 * the file of its name (alert_limit.c, alert_trend.c, ...), what is watched without being asked for in
 * alert_builtin.c, and when an episode starts and ends in alert_watch.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "stages/alert_artefact.h"
#include "stages/alert_awake.h"
#include "stages/alert_life.h"
#include "stages/alert_why.h"

static const struct vg_option options[] = {
    VG_OPT_LIST(struct vg_alert, rules, "rules", VG_OPT_EVENTS,
                "Names from alert_rules; all of them when left out. Rules run in the order of "
                "alert_rules."),
    VG_OPT_DURATION(
        struct vg_alert, invalid_ns, "invalid_after", "60s", 5, 60, VG_OPT_EVENTS,
        "A channel with a limit of high priority that has been invalid for so long is told "
        "of (condition artefact). May be shorter than the default, never longer."),
    VG_OPT_DURATION(struct vg_alert, invalid_high_ns, "invalid_high_after", "120s", 5, 120,
                    VG_OPT_EVENTS,
                    "... and after so long with high priority; at least invalid_after."),
    VG_OPT_INT(struct vg_alert, dead_letters, "dead_letters", "10", 2, 10000, "a minute",
               VG_OPT_EVENTS,
               "So many messages or rows of a partition that could not be read within a minute are "
               "told of (condition dead_letter_rate)."),
    VG_OPT_END,
};

/* The kinds; a rule's kind, or for a condition the kind of that condition. */
static const struct vg_watch_kind *kind_of(const struct vg_rule *rule)
{
    static const struct vg_watch_kind *const kinds[] = {
        [VG_RULE_LIMIT] = &vg_watch_limit,
        [VG_RULE_FORECAST] = &vg_watch_forecast,
        [VG_RULE_ANOMALY] = &vg_watch_anomaly,
        [VG_RULE_STALE] = &vg_watch_stale,
        [VG_RULE_TREND] = &vg_watch_trend,
        [VG_RULE_RATE] = &vg_watch_rate,
        [VG_RULE_BASELINE] = &vg_watch_baseline,
        [VG_RULE_CHANGE] = &vg_watch_change,
        [VG_RULE_COMBINATION] = &vg_watch_combination,
        [VG_RULE_SCORE] = &vg_watch_score,
    };
    static const struct vg_watch_kind *const conditions[] = {
        [VG_CONDITION_LEAD_OFF] = &vg_watch_lead_off,
        [VG_CONDITION_DEVICE_CLOCK] = &vg_watch_device_clock,
        [VG_CONDITION_MODEL_ERROR] = &vg_watch_model_error,
        [VG_CONDITION_DEAD_LETTER] = &vg_watch_dead_letter,
        [VG_CONDITION_MAX_PATIENTS] = &vg_watch_max_patients,
        [VG_CONDITION_ARTEFACT] = &vg_watch_artefact,
        [VG_CONDITION_CHECK_SENSOR] = &vg_watch_check_sensor,
        [VG_CONDITION_READMITTED] = &vg_watch_readmitted,
        [VG_CONDITION_DISCONNECTED] = &vg_watch_disconnected,
        [VG_CONDITION_BED_SHARED] = &vg_watch_bed_shared,
        [VG_CONDITION_KEY_MISMATCH] = &vg_watch_key_mismatch,
        [VG_CONDITION_DEAD_LETTER_RATE] = &vg_watch_dead_letter_rate,
        [VG_CONDITION_DELIVERY_FAILING] = &vg_watch_notice,
        [VG_CONDITION_DELIVERY_LOST] = &vg_watch_notice,
        [VG_CONDITION_PASSED_OVER] = &vg_watch_notice,
        [VG_CONDITION_LIMIT_REFUSED] = &vg_watch_limit_refused,
    };
    _Static_assert(VG_ARRAY_LEN(conditions) == VG_CONDITION_COUNT, "a condition without a kind");

    if (rule->rule == VG_RULE_CONDITION)
        return conditions[rule->condition];
    return rule->source ? &vg_watch_source : kinds[rule->rule];
}

/* ---- what is watched ---- */

static bool listed(const struct vg_alert *a, const char *rule)
{
    for (size_t i = 0; i < a->rules.n; i++) {
        if (strcmp(a->rules.value[i], rule) == 0)
            return true;
    }
    return a->rules.n == 0;
}

static vg_status unknown_rule(const struct vg_site *site, const char *name, struct vg_err *err)
{
    const char **names = calloc(site->rules_n + 1, sizeof(*names));
    const char *near;

    VG_CHECK(names != NULL);
    for (uint32_t i = 0; i < site->rules_n; i++)
        names[i] = site->rules[i].name;
    near = vg_did_you_mean(name, names, site->rules_n);
    vg_fail_option(err, VG_E_CONFIG, "rules", "there is no rule \"%s\" in alert_rules%s%s%s", name,
                   near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    free(names);
    return VG_E_CONFIG;
}

static vg_status check_names(const struct vg_alert *a, struct vg_err *err)
{
    for (size_t i = 0; i < a->rules.n; i++) {
        if (!vg_site_rule(a->site, a->rules.value[i]))
            return unknown_rule(a->site, a->rules.value[i], err);
    }
    return VG_OK;
}

static vg_status add_watch(struct vg_alert *a, struct vg_plan *plan, const struct vg_rule *rule,
                           int channel, struct vg_err *err);

/* Where an earlier rule is watched, which a combination refers to. */
static vg_status find_rule(const struct vg_alert *a, const struct vg_rule *part, uint32_t *ret,
                           struct vg_err *err)
{
    for (uint32_t i = 0; i < a->watches; i++) {
        if (!a->watch[i].quiet && strcmp(a->watch[i].rule->name, part->reference) == 0) {
            *ret = i;
            return VG_OK;
        }
    }
    return vg_fail_option(err, VG_E_CONFIG, "rules",
                          "rule %s refers to rule %s, which this stage does not watch; add it to "
                          "\"rules\"",
                          part->name, part->reference);
}

/* Watches the parts of a combination, which come before it, and notes where. */
/* NOLINTNEXTLINE(misc-no-recursion): at most VG_NESTING_MAX deep */
static vg_status add_parts(struct vg_alert *a, struct vg_plan *plan, const struct vg_rule *rule,
                           uint32_t place[VG_PARTS_MAX], struct vg_err *err)
{
    vg_status st = VG_OK;

    for (uint32_t i = 0; i < rule->parts && st == VG_OK; i++) {
        const struct vg_rule *part = &rule->part[i];

        if (part->rule == VG_RULE_REFERENCE) {
            st = find_rule(a, part, &place[i], err);
        } else {
            st = add_watch(a, plan, part, part->channel, err);
            place[i] = a->watches - 1;
            if (st == VG_OK)
                a->watch[place[i]].quiet = true;
        }
        if (st == VG_OK)
            a->watch[place[i]].asked = true;
    }
    return st;
}

/* What stands in for limits is about all of them, so it comes behind, and whether there are any
 * shows at the end (vg_artefact_link()). */
static bool is_stand_in(const struct vg_rule *rule)
{
    return rule->rule == VG_RULE_CONDITION && rule->condition == VG_CONDITION_ARTEFACT;
}

/* NOLINTNEXTLINE(misc-no-recursion): at most VG_NESTING_MAX deep */
static vg_status add_watch(struct vg_alert *a, struct vg_plan *plan, const struct vg_rule *rule,
                           int channel, struct vg_err *err)
{
    uint32_t part[VG_PARTS_MAX] = { 0 };
    struct vg_watch *w;
    vg_status st = add_parts(a, plan, rule, part, err);

    if (st != VG_OK)
        return st;
    if (rule->rule == VG_RULE_CONDITION && channel != VG_CHANNEL_NONE && !is_stand_in(rule) &&
        !vg_condition_can_watch(a, rule->condition, channel))
        return vg_fail_option(err, VG_E_CONFIG, "rules", "rule %s: %s never has the condition %s",
                              rule->name, vg_channels[channel].name,
                              vg_condition_name(rule->condition));
    a->watch = reallocarray(a->watch, a->watches + 1, sizeof(*a->watch));
    VG_CHECK(a->watch != NULL);
    w = &a->watch[a->watches];
    *w = (struct vg_watch){
        .rule = rule,
        .kind = kind_of(rule),
        .channel = channel,
        .place = a->watches++,
        .clear_for_ns = rule->clear_for_ns,
        .parts = rule->parts,
    };
    w->of_shard = !(w->kind->rows & (VG_ROW_SAMPLE | VG_ROW_TICK | VG_ROW_COMMAND));
    memcpy(w->part, part, sizeof(part));
    return w->kind->plan(w, plan, err);
}

static vg_status add_rule(struct vg_alert *a, struct vg_plan *plan, const struct vg_rule *rule,
                          struct vg_err *err)
{
    bool each = rule->rule == VG_RULE_CONDITION && rule->channel == VG_CHANNEL_NONE &&
                vg_condition_by_channel(rule->condition);
    vg_status st = VG_OK;

    if (!each)
        return add_watch(a, plan, rule, rule->channel, err);
    for (int c = 0; c < VG_CHANNELS && st == VG_OK; c++) {
        if (vg_condition_watches(a, rule->condition, c) &&
            !vg_condition_covered(a, rule->condition, c, rule))
            st = add_watch(a, plan, rule, c, err);
    }
    return st;
}

/* A condition that no rule covers, where it can be found. */
static vg_status add_builtin(struct vg_alert *a, struct vg_plan *plan, enum vg_condition condition,
                             struct vg_err *err)
{
    vg_status st = VG_OK;

    if (vg_condition_covered(a, condition, VG_CHANNEL_NONE, NULL) ||
        !vg_condition_can_occur(plan, condition))
        return VG_OK;
    if (condition != VG_CONDITION_ARTEFACT)
        return add_rule(a, plan, vg_condition_rule(a, condition), err);
    for (int c = 0; c < VG_MEASURED && st == VG_OK; c++) {
        if (vg_condition_watches(a, condition, c) && !vg_condition_covered(a, condition, c, NULL))
            st = add_watch(a, plan, vg_artefact_stand_in(a, c), c, err);
    }
    return st;
}

/* Adds a rule behind those that inhibit it, so that they have seen a row before it does. `added` has
 * a flag for each rule of the site; the loader has refused circles. */
/* NOLINTNEXTLINE(misc-no-recursion): as deep as inhibitions are chained */
static vg_status add_in_order(struct vg_alert *a, struct vg_plan *plan, uint32_t rule,
                              bool stand_ins, bool *added, struct vg_err *err)
{
    const struct vg_rule *r = &a->site->rules[rule];
    vg_status st = VG_OK;

    if (added[rule])
        return VG_OK;
    added[rule] = true;
    for (uint32_t i = 0; i < r->life.inhibitors && st == VG_OK; i++)
        st = add_in_order(a, plan, r->life.inhibited_by[i], stand_ins, added, err);
    if (st == VG_OK && listed(a, r->name) && is_stand_in(r) == stand_ins)
        st = add_rule(a, plan, r, err);
    return st;
}

static vg_status add_rules(struct vg_alert *a, struct vg_plan *plan, struct vg_err *err)
{
    bool *added = calloc(a->site->rules_n + 1, sizeof(*added));
    vg_status st = VG_OK;

    VG_CHECK(added != NULL);
    for (uint32_t i = 0; i < a->site->rules_n && st == VG_OK; i++)
        st = add_in_order(a, plan, i, false, added, err);
    memset(added, 0, a->site->rules_n * sizeof(*added));
    for (uint32_t i = 0; i < a->site->rules_n && st == VG_OK; i++)
        st = add_in_order(a, plan, i, true, added, err);
    free(added);
    return st;
}

static vg_status alert_plan(void *self, struct vg_plan *plan, struct vg_err *err)
{
    struct vg_alert *a = self;
    vg_status st;

    a->site = plan->site;
    if (a->invalid_high_ns < a->invalid_ns)
        return vg_fail_option(err, VG_E_CONFIG, "invalid_high_after",
                              "invalid_high_after must not be less than invalid_after");
    st = check_names(a, err);
    if (st == VG_OK)
        st = add_rules(a, plan, err);
    for (int c = 0; c < VG_CONDITION_COUNT && st == VG_OK; c++)
        st = add_builtin(a, plan, (enum vg_condition)c, err);
    if (st == VG_OK)
        st = vg_artefact_link(a, err);
    plan->rows = VG_ROW_SAMPLE | VG_ROW_TICK | VG_ROW_SHARD | VG_ROW_COMMAND;
    a->memory_size = plan->memory_size = vg_memory_place(a);
    return st;
}

static vg_status alert_open(void *self, struct vg_err *err)
{
    struct vg_alert *a = self;

    (void)err;
    vg_awake_plan(a);
    vg_buf_reserve(&a->text, VG_EVENT_TEXT);
    vg_buf_reserve(&a->words, VG_EVENT_TEXT);
    a->before = calloc(a->watches, sizeof(*a->before));
    VG_CHECK(a->before != NULL);
    return VG_OK;
}

static void alert_close(void *self)
{
    struct vg_alert *a = self;

    for (uint32_t i = 0; i < a->watches; i++)
        free(a->watch[i].limit);
    vg_awake_done(a);
    free(a->watch);
    free(a->before);
    vg_buf_done(&a->text);
    vg_buf_done(&a->words);
}

/* ---- rows and timers ---- */

static void arm(struct vg_look *l, int64_t after_ns)
{
    int64_t stay_ns = vg_stay_due(l, after_ns), due_ns = vg_awake_due(l, after_ns);

    if (due_ns == VG_TIME_NONE || (stay_ns != VG_TIME_NONE && stay_ns < due_ns))
        due_ns = stay_ns;
    l->out->timer(l->out, due_ns);
}

static void remember(const struct vg_look *l)
{
    const struct vg_row *row = l->row;

    for (int c = 0; c < VG_CHANNELS; c++) {
        if (!vg_usable(row->quality[c]) || (c >= VG_MEASURED && !vg_look_noted(l, c)))
            continue;
        *vg_look_newest(l, c) = (struct vg_newest){
            .log_ns = row->log_ns,
            .event_ns = row->event_ns,
            .value = row->value[c],
            .quality = row->quality[c],
            .seen = 1,
        };
        if (c < VG_MEASURED) {
            l->memory->stay.measured = 1;
            l->memory->stay.measured_ns = row->log_ns;
        } else {
            vg_look_noted(l, c)->until_ns = 0;
        }
    }
}

/* An episode of the configuration before, which this one does not have. */
static void end_unknown(struct vg_look *l, const struct vg_open_episode *open)
{
    const struct vg_event event = {
        .origin = { .has_due = open->has_due,
                    .ordered = open->ordered,
                    .index = open->index,
                    .offset = open->offset,
                    .due_ns = open->due_ns },
        .number = open->number + 1,
        .phase = VG_PHASE_END,
        .kind = open->kind,
        .priority = open->priority,
        .state = VG_ALERT_STATE_INACTIVE,
        .rule = open->rule,
        .title = open->title,
        .text = "Ended because the configuration has changed",
        .time_ns = l->out->log_ns,
        .onset_ns = open->onset_ns,
        .channel = open->channel,
        .reason = "config",
    };

    l->out->event(l->out, &event);
}

/* What subscribers believe to be open comes first, one by one; then, with nothing in it, that
 * this is all they know of the patient. The mark of the shard itself is for the committer. */
static void reconcile(struct vg_look *l, const struct vg_item_command *command)
{
    const struct vg_open_episode *open = (const void *)(command + 1);
    bool complete = command->size == 0;
    bool confirmed = false;

    if (complete && l->of_shard)
        return;
    for (uint32_t i = 0; i < l->alert->watches; i++) {
        const struct vg_watch *w = &l->alert->watch[i];

        if (complete)
            vg_watch_announce(l, w);
        else if (vg_watch_confirm(l, w, open))
            confirmed = true;
    }
    if (!complete && !confirmed)
        end_unknown(l, open);
}

static void remember_clock(struct vg_watched *memory, const struct vg_row *row)
{
    if (row->kind != VG_ROW_SAMPLE || row->device_ns == VG_TIME_NONE)
        return;
    if (memory->recorded_ns != 0 && row->device_ns == memory->device_ns)
        return; /* for how long it stands counts from the first */
    memory->device_ns = row->device_ns;
    memory->recorded_ns = row->record_ns;
}

/* The request `acknowledge` of ALERT/1, and of logs from before there were orders. */
static enum vg_answer acknowledge(struct vg_look *l, const struct vg_acknowledge *said)
{
    struct vg_order order = { .kind = VG_ORDER_KIND_ACKNOWLEDGE };

    memcpy(order.episode_id, said->episode_id, sizeof(order.episode_id));
    memcpy(order.by, said->by, sizeof(order.by));
    memcpy(order.note, said->note, sizeof(order.note));
    return vg_order_obey(l, &order);
}

static void release_all(struct vg_look *l)
{
    for (uint32_t i = 0; i < l->alert->watches; i++)
        vg_signal_release(l, &l->alert->watch[i]);
}

static void obey(struct vg_look *l, const struct vg_item_command *command)
{
    const void *payload = command + 1;

    switch (command->kind) {
    case VG_COMMAND_ACKNOWLEDGE:
        l->out->answer(l->out, acknowledge(l, payload));
        break;
    case VG_COMMAND_ORDER:
        vg_stay_expire(l);
        l->command = command;
        l->out->answer(l->out, vg_order_obey(l, payload));
        release_all(l);
        break;
    case VG_COMMAND_CONFIG:
        reconcile(l, command);
        break;
    case VG_COMMAND_NOTICE:
        vg_notice_obey(l, payload);
        break;
    default: /* not about alerts */
        break;
    }
}

static void look_at_row(struct vg_look *l)
{
    const struct vg_row *row = l->row;

    l->alert->total_of = VG_NO_TOTAL;
    if (row->kind == VG_ROW_SAMPLE && !(row->flags & VG_ROW_LATE)) {
        vg_stale_back(l);
        remember(l);
        vg_hour_take(l);
    }
    vg_awake_row(l);
    remember_clock(l->memory, row);
}

/* The shard's own slot is that of nobody. */
static struct vg_look look_at(struct vg_alert *a, void *memory, struct vg_row *row,
                              struct vg_out *out)
{
    return (struct vg_look){
        .alert = a,
        .memory = memory,
        .row = row,
        .out = out,
        .of_shard = out->patient->id[0] == '\0',
    };
}

static void alert_row(void *self, void *memory, struct vg_row *row, struct vg_out *out)
{
    struct vg_look l = look_at(self, memory, row, out);

    if (row->kind == VG_ROW_COMMAND) {
        l.row = NULL; /* it says nothing about the patient */
        obey(&l, row->command);
        arm(&l, out->log_ns - 1);
        return;
    }
    vg_stay_expire(&l);
    if (vg_stay_row(&l))
        look_at_row(&l);
    /* What is due now waits until all rows of now have been seen. */
    arm(&l, out->log_ns - 1);
}

static void alert_timer(void *self, void *memory, struct vg_out *out)
{
    struct vg_look l = look_at(self, memory, NULL, out);

    vg_stay_expire(&l);
    vg_awake_time(&l);
    arm(&l, out->log_ns);
}

const struct vg_stage_ops vg_stage_alert = {
    .name = "alert",
    .summary = "Raises alert events by the rules of the configuration.",
    .options = options,
    .self_size = sizeof(struct vg_alert),
    .memory_version = 13,
    .plan = alert_plan,
    .open = alert_open,
    .row = alert_row,
    .timer = alert_timer,
    .close = alert_close,
};
