/* alert_combination.c - several conditions at once, none of them, or one after the other.
 *
 * Each part is a watch of its own with `for`, hysteresis and memory, which tells nobody. What the
 * combination finds is what the episodes of its parts say together, so that a part whose data are
 * lost is neither true nor false, and nothing ends or starts because of it.
 */
#include "stages/alert_watch.h"

#include "stages/alert_limit.h"
#include "stages/alert_text.h"

/* Kept of each patient by a sequence: for part i, when the first part of the newest chain began that
 * reaches to part i in time; 0: none. */
struct sequence {
    int64_t began_ns[VG_PARTS_MAX];
    uint32_t open; /* bit i: part i held at the last look */
};

enum answer { NO, YES, UNKNOWN };

static const struct vg_watch *part_of(const struct vg_look *l, const struct vg_watch *w, uint32_t i)
{
    return &l->alert->watch[w->part[i]];
}

/* Whether the patient's newest data say that a part holds. */
static enum answer ask(const struct vg_look *l, const struct vg_watch *part)
{
    const struct vg_episode *e = vg_watch_episode(l, part);
    int64_t known_ns;

    if (e->lost || e->retracted)
        return UNKNOWN;
    if (vg_episode_open(e))
        return e->state == VG_EPISODE_LATCHED ? NO : YES;
    /* What starts by silence, or finds only what is there, holds not as long as it has not begun. */
    if (part->kind->silent || part->kind->echoes || part->validity_ns == 0)
        return NO;
    known_ns = vg_watch_times(l, part)->known_ns;
    if (known_ns == 0 || l->out->log_ns - known_ns > part->validity_ns)
        return UNKNOWN;
    return NO;
}

static enum answer all_of(const struct vg_look *l, const struct vg_watch *w)
{
    enum answer ret = YES;

    for (uint32_t i = 0; i < w->parts; i++) {
        enum answer one = ask(l, part_of(l, w, i));

        if (one == NO)
            return NO;
        if (one == UNKNOWN)
            ret = UNKNOWN;
    }
    return ret;
}

static enum answer any_of(const struct vg_look *l, const struct vg_watch *w)
{
    enum answer ret = NO;

    for (uint32_t i = 0; i < w->parts; i++) {
        enum answer one = ask(l, part_of(l, w, i));

        if (one == YES)
            return YES;
        if (one == UNKNOWN)
            ret = UNKNOWN;
    }
    return ret;
}

static enum answer none_of(const struct vg_look *l, const struct vg_watch *w)
{
    static const enum answer opposite[] = { [NO] = YES, [YES] = NO, [UNKNOWN] = UNKNOWN };

    return opposite[ask(l, part_of(l, w, 0))];
}

/* Parts that begin at the same moment are in the order of the file. */
static enum answer in_order(const struct vg_look *l, const struct vg_watch *w)
{
    const uint32_t last = w->parts - 1;
    struct sequence *s = vg_watch_memory(l, w);
    enum answer now;

    for (uint32_t i = 0; i < w->parts; i++) {
        uint32_t bit = UINT32_C(1) << i;
        int64_t first_ns = i == 0 ? l->out->log_ns : s->began_ns[i - 1];
        const struct vg_episode *e = vg_watch_episode(l, part_of(l, w, i));
        bool open = vg_episode_open(e) && e->state != VG_EPISODE_LATCHED;

        /* What is lost in the moment in which it begins, or later, has begun all the same. */
        if (open && !(s->open & bit))
            s->began_ns[i] = l->out->log_ns - first_ns <= w->rule->within_ns ? first_ns : 0;
        s->open = open ? s->open | bit : s->open & ~bit;
    }
    now = ask(l, part_of(l, w, last));
    if (now == YES && s->began_ns[last] == 0)
        return NO;
    return now;
}

static struct vg_finding look_at_parts(struct vg_look *l, const struct vg_watch *w)
{
    static enum answer (*const joins[])(const struct vg_look *l, const struct vg_watch *w) = {
        [VG_JOIN_ALL] = all_of,
        [VG_JOIN_ANY] = any_of,
        [VG_JOIN_NOT] = none_of,
        [VG_JOIN_SEQUENCE] = in_order,
    };
    static const enum vg_says says[] = {
        [NO] = VG_SAYS_CLEAR,
        [YES] = VG_SAYS_TRUE,
        [UNKNOWN] = VG_SAYS_LOST,
    };

    return (struct vg_finding){ .says = says[joins[w->rule->join](l, w)] };
}

static vg_status plan_combination(struct vg_watch *w, struct vg_plan *plan, struct vg_err *err)
{
    (void)plan;
    (void)err;
    if (w->rule->join == VG_JOIN_SEQUENCE)
        w->memory_size = sizeof(struct sequence);
    return VG_OK;
}

/* ---- words ---- */

static void say_channel(struct vg_look *l, const struct vg_watch *part, struct vg_buf *text)
{
    const struct vg_rule *rule = part->rule;
    const struct vg_newest *newest = vg_look_newest(l, part->channel);
    float limit;

    vg_buf_printf(text, "%s", vg_channels[part->channel].title);
    if (vg_newest_holds(newest)) {
        vg_buf_str(text, " ");
        vg_text_value(text, part->channel, newest->value);
    }
    if (rule->rule == VG_RULE_LIMIT && vg_look_bound(l, part, &rule->bound, &limit)) {
        vg_buf_printf(text, " %s ", rule->bound.above ? "above" : "below");
        vg_text_value(text, part->channel, limit);
    }
}

static void say_part(struct vg_look *l, const struct vg_watch *part, struct vg_buf *text)
{
    static const char *const moves[] = {
        [VG_RULE_FORECAST] = " forecast beyond its limit",
        [VG_RULE_STALE] = " without values",
        [VG_RULE_TREND] = " drifting",
        [VG_RULE_RATE] = " changing fast",
        [VG_RULE_BASELINE] = " far from the usual",
        [VG_RULE_CHANGE] = " changed",
    };
    const struct vg_rule *rule = part->rule;

    if (rule->rule == VG_RULE_ANOMALY) {
        vg_buf_str(text, "an unusual combination of vital signs");
    } else if (rule->rule == VG_RULE_CONDITION || part->channel == VG_CHANNEL_NONE) {
        vg_buf_str(text, rule->rule == VG_RULE_CONDITION ? vg_condition_title(rule->condition)
                         : rule->rule == VG_RULE_STALE   ? "no data"
                                                         : rule->title);
    } else {
        say_channel(l, part, text);
        if (rule->rule < VG_ARRAY_LEN(moves) && moves[rule->rule])
            vg_buf_str(text, moves[rule->rule]);
    }
}

/* Of the parts of `w` those that hold, down to the plain ones; counts what there was no room for. */
/* NOLINTNEXTLINE(misc-no-recursion): as deep as the loader lets rules nest */
static void say_parts(struct vg_look *l, const struct vg_watch *w, struct vg_buf *text,
                      uint32_t *said, uint32_t *left)
{
    const size_t room = VG_EVENT_TEXT / 2;

    for (uint32_t i = 0; i < w->parts; i++) {
        const struct vg_watch *part = part_of(l, w, i);

        if (ask(l, part) != YES || part->rule->join == VG_JOIN_NOT)
            continue;
        if (part->parts > 0) {
            say_parts(l, part, text, said, left);
            continue;
        }
        if (text->len > room) {
            ++*left;
            continue;
        }
        if ((*said)++ > 0)
            vg_buf_str(text, w->rule->join == VG_JOIN_SEQUENCE ? ", then " : ", ");
        say_part(l, part, text);
    }
}

static void describe_combination(struct vg_look *l, const struct vg_watch *w,
                                 const struct vg_episode *e, struct vg_event *event,
                                 struct vg_buf *text)
{
    uint32_t said = 0, left = 0;

    if (e->lost) {
        vg_buf_str(text, "Data are lost that this alert needs; it stays active");
        return;
    }
    if (event->phase == VG_PHASE_END) {
        vg_buf_str(text, "No longer the case");
        return;
    }
    say_parts(l, w, text, &said, &left);
    if (said == 0)
        vg_buf_str(text, event->title);
    if (left > 0)
        vg_buf_printf(text, ", and %u more", left);
}

/* A sequence looked at what lies between the beginning of its first part and now. */
static void window_of_parts(struct vg_look *l, const struct vg_watch *w, struct vg_window *window)
{
    const struct sequence *s;

    if (w->rule->join != VG_JOIN_SEQUENCE)
        return;
    s = vg_watch_memory(l, w);
    window->from_ns = s->began_ns[w->parts - 1];
    window->within_ns = w->rule->within_ns;
}

const struct vg_watch_kind vg_watch_combination = {
    .rows = VG_ROW_SAMPLE | VG_ROW_TICK | VG_ROW_COMMAND,
    .by_timer = true,
    .follows = true,
    .plan = plan_combination,
    .look = look_at_parts,
    .window = window_of_parts,
    .describe = describe_combination,
};
