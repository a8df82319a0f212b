/* alert_refused.c - limits that somebody ordered for a patient and that no limit can be.
 *
 * Who ordered them is answered at once; but a chart or a gateway may be who orders, and those at the
 * bed believe in a limit that is not there. So the order stands in the log like others, changes no
 * limit, and is told. It is about an order and not about values: there is nothing that a row could
 * end. It is over with the next limit of the channel that is accepted, and else by itself.
 */
#include "stages/alert_life.h"

#include "stages/alert_episode.h"
#include "stages/alert_limit.h"

/* Who is at the bed sees it in this time, or in the list of what was. */
static const int64_t shown_ns = 600 * VG_NS_PER_S;

static vg_status plan_refused(struct vg_watch *w, struct vg_plan *plan, struct vg_err *err)
{
    (void)plan;
    (void)err;
    if (w->clear_for_ns == 0)
        w->clear_for_ns = shown_ns;
    return VG_OK;
}

/* The measure is told nowhere: it keeps which channel it was. */
static struct vg_finding look_at_refused(struct vg_look *l, const struct vg_watch *w)
{
    (void)w;
    if (!l->refused)
        return (struct vg_finding){ .says = VG_SAYS_NOTHING };
    return (struct vg_finding){ .says = VG_SAYS_TRUE, .measure = (float)l->noting->channel };
}

static void say_side(struct vg_buf *text, const struct vg_order *order, const char *side,
                     float value)
{
    const char *unit = vg_channels[order->channel].unit;

    vg_buf_printf(text, " %s ", side);
    vg_buf_float(text, value);
    vg_buf_printf(text, "%s%s", unit[0] ? " " : "", unit);
}

static void describe_refused(struct vg_look *l, const struct vg_watch *w,
                             const struct vg_episode *e, struct vg_event *event,
                             struct vg_buf *text)
{
    const struct vg_order *order = l->noting;

    (void)w;
    vg_buf_printf(text, "%s limit", vg_channels[(int)e->worst].title);
    if (!l->refused) { /* by time: what was expected came with the order */
        vg_buf_printf(text, "%s refused, what was in force stays",
                      event->phase == VG_PHASE_END ? " that was" : "");
        return;
    }
    event->reason = l->refused->why == VG_ANSWER_LIMIT_RANGE ? "range" : "crosses";
    if (order->low_set)
        say_side(text, order, "low", order->low);
    if (order->high_set)
        say_side(text, order, "high", order->high);
    vg_buf_printf(text, " by %s refused: %s", order->by, l->refused->expected);
}

const struct vg_watch_kind vg_watch_limit_refused = {
    .rows = VG_ROW_COMMAND,
    .by_timer = true,
    .echoes = true,
    .plan = plan_refused,
    .look = look_at_refused,
    .describe = describe_refused,
};

static const struct vg_watch *next_watch(const struct vg_look *l, const struct vg_watch *after)
{
    uint32_t i = after ? after->place + 1 : 0;

    for (; i < l->alert->watches; i++) {
        if (l->alert->watch[i].kind == &vg_watch_limit_refused)
            return &l->alert->watch[i];
    }
    return NULL;
}

/* Each order is an alert of its own, so that its words are those of the one that is open. */
static void tell(struct vg_look *l, const struct vg_order *order, const struct vg_refused *refused)
{
    const struct vg_row row = { .kind = VG_ROW_COMMAND,
                                .log_ns = l->out->log_ns,
                                .record_ns = l->out->log_ns,
                                .event_ns = l->out->log_ns,
                                .device_ns = VG_TIME_NONE,
                                .offset = l->command->next_offset,
                                .index = l->command->ordinal };
    const struct vg_row *before = l->row;

    for (const struct vg_watch *w = next_watch(l, NULL); w; w = next_watch(l, w)) {
        if (vg_stay_quiet(l, w))
            continue;
        if (vg_episode_open(vg_watch_episode(l, w)))
            vg_watch_end(l, w, "refused_again", "Another limit was refused", order);
        l->row = &row;
        l->noting = order;
        l->refused = refused;
        vg_watch_row(l, w);
        l->row = before;
        l->noting = NULL;
        l->refused = NULL;
    }
}

/* A limit that is not set stays that of the bed, and the two must not cross. */
static bool crosses(struct vg_look *l, const struct vg_order *order, struct vg_err *why)
{
    int c = order->channel;
    float other;

    if (order->low_set && order->high_set)
        return false; /* judged before */
    if (!vg_look_bed_limit(l, c, order->low_set, &other) ||
        (order->low_set ? order->low < other : order->high > other))
        return false;
    (void)vg_fail(why, VG_E_RANGE, "expected %s %g%s%s, the %s limit in force",
                  order->low_set ? "below" : "above", (double)other,
                  vg_channels[c].unit[0] ? " " : "", vg_channels[c].unit,
                  order->low_set ? "high" : "low");
    return true;
}

enum vg_answer vg_refused_judge(struct vg_look *l, const struct vg_order *order)
{
    struct vg_err why;
    enum vg_answer answer = vg_order_judge_limits(order, &why);

    if (answer == VG_ANSWER_OK && crosses(l, order, &why))
        answer = VG_ANSWER_LIMITS_CROSS;
    if (answer != VG_ANSWER_OK)
        tell(l, order, &(struct vg_refused){ answer, why.msg });
    return answer;
}

void vg_refused_over(struct vg_look *l, const struct vg_order *order)
{
    for (const struct vg_watch *w = next_watch(l, NULL); w; w = next_watch(l, w)) {
        const struct vg_episode *e = vg_watch_episode(l, w);

        if (e->state == VG_EPISODE_IDLE || (int)e->worst != order->channel)
            continue;
        if (vg_episode_open(e))
            vg_watch_end(l, w, "limit", "The channel has a limit that was accepted", order);
        vg_watch_forget(l, w);
    }
}
