/* alert_shard.c - trouble with a shard of the log: messages nobody can read, rows nobody watches, no
 * records at all. Told in the shard's own slot, without a patient.
 *
 * One shard's log is all that is known here, so a replay tells the same. What only several shards
 * together show, a patient in two of them, is told by the heartbeat (runtime/overlap.h).
 */
#include "stages/alert_watch.h"

#include "stages/alert_text.h"

static const struct vg_finding nothing = { .says = VG_SAYS_NOTHING };

/* A stream is readable again when it has been for this long. */
static const int64_t quiet_ns = 60 * VG_NS_PER_S;

static vg_status plan_count(struct vg_watch *w, struct vg_plan *plan, struct vg_err *err)
{
    (void)plan;
    (void)err;
    if (w->clear_for_ns == 0)
        w->clear_for_ns = quiet_ns;
    return VG_OK;
}

/* ---- dead_letter, max_patients, key_mismatch ---- */

/* The measure of these is how often it has happened in this episode. */
static struct vg_finding one_more(struct vg_look *l, const struct vg_watch *w)
{
    const struct vg_episode *e = vg_watch_episode(l, w);
    bool counting = e->state != VG_EPISODE_IDLE;

    return (struct vg_finding){ .says = VG_SAYS_TRUE, .measure = counting ? e->worst + 1 : 1 };
}

static struct vg_finding look_at_dead_letter(struct vg_look *l, const struct vg_watch *w)
{
    return l->row->flags & VG_ROW_DEAD_LETTER ? one_more(l, w) : nothing;
}

static struct vg_finding look_at_refused(struct vg_look *l, const struct vg_watch *w)
{
    return l->row->flags & VG_ROW_PATIENT_REFUSED ? one_more(l, w) : nothing;
}

static struct vg_finding look_at_mismatch(struct vg_look *l, const struct vg_watch *w)
{
    return l->row->flags & VG_ROW_KEY_MISMATCH ? one_more(l, w) : nothing;
}

static void say_over(const struct vg_watch *w, const struct vg_event *event, struct vg_buf *text)
{
    if (event->phase != VG_PHASE_END)
        return;
    vg_buf_str(text, "; none for ");
    vg_text_duration(text, w->clear_for_ns);
}

static void describe_dead_letter(struct vg_look *l, const struct vg_watch *w,
                                 const struct vg_episode *e, struct vg_event *event,
                                 struct vg_buf *text)
{
    (void)l;
    vg_text_count(text, e->worst, "message or row", "messages or rows");
    vg_buf_str(text, " could not be read; see the dead letters");
    say_over(w, event, text);
}

static void describe_refused(struct vg_look *l, const struct vg_watch *w,
                             const struct vg_episode *e, struct vg_event *event,
                             struct vg_buf *text)
{
    (void)l;
    vg_text_count(text, e->worst, "row", "rows");
    vg_buf_str(text, " of patients beyond max_patients not watched");
    say_over(w, event, text);
}

static void describe_mismatch(struct vg_look *l, const struct vg_watch *w,
                              const struct vg_episode *e, struct vg_event *event,
                              struct vg_buf *text)
{
    (void)l;
    vg_text_count(text, e->worst, "row", "rows");
    vg_buf_str(text, " not watched: the key names another patient; see the dead letters");
    say_over(w, event, text);
}

#define SHARD_COUNT(look_at, say)                                                \
    {                                                                            \
        .rows = VG_ROW_SHARD, .by_timer = true, .echoes = true, .updates = true, \
        .plan = plan_count, .look = look_at, .describe = say,                    \
    }

const struct vg_watch_kind vg_watch_dead_letter =
    SHARD_COUNT(look_at_dead_letter, describe_dead_letter);
const struct vg_watch_kind vg_watch_max_patients = SHARD_COUNT(look_at_refused, describe_refused);
const struct vg_watch_kind vg_watch_key_mismatch = SHARD_COUNT(look_at_mismatch, describe_mismatch);

/* ---- dead_letter_rate ---- */

/* So many within a minute are no accident: the option dead_letters. */
static const int64_t rate_ns = 60 * VG_NS_PER_S;

/* Kept of the shard. */
struct rate {
    int64_t began_ns; /* log time of the first of those that are counted */
    uint32_t count;
    uint32_t unused;
};

static vg_status plan_rate(struct vg_watch *w, struct vg_plan *plan, struct vg_err *err)
{
    w->memory_size = sizeof(struct rate);
    return plan_count(w, plan, err);
}

static struct vg_finding look_at_rate(struct vg_look *l, const struct vg_watch *w)
{
    struct rate *r = vg_watch_memory(l, w);
    int64_t now_ns = l->out->log_ns;

    if (!(l->row->flags & VG_ROW_DEAD_LETTER))
        return nothing;
    if (r->count == 0 || now_ns - r->began_ns >= rate_ns)
        *r = (struct rate){ .began_ns = now_ns };
    r->count++;
    if (r->count < l->alert->dead_letters)
        return nothing;
    return (struct vg_finding){ .says = VG_SAYS_TRUE, .measure = (float)r->count };
}

static void describe_rate(struct vg_look *l, const struct vg_watch *w, const struct vg_episode *e,
                          struct vg_event *event, struct vg_buf *text)
{
    if (event->phase == VG_PHASE_END) {
        vg_buf_printf(text, "Fewer than %lld messages or rows a minute could not be read",
                      (long long)l->alert->dead_letters);
        return;
    }
    vg_text_count(text, e->worst, "message or row", "messages or rows");
    vg_buf_str(text, " could not be read within ");
    vg_text_duration(text, rate_ns);
    say_over(w, event, text);
}

const struct vg_watch_kind vg_watch_dead_letter_rate = {
    .rows = VG_ROW_SHARD,
    .by_timer = true,
    .echoes = true,
    .updates = true,
    .plan = plan_rate,
    .look = look_at_rate,
    .describe = describe_rate,
};

/* ---- the source ---- */

/* That a record came is told once a second at most. */
static const int64_t told_every_ns = VG_NS_PER_S;

static vg_status plan_source(struct vg_watch *w, struct vg_plan *plan, struct vg_err *err)
{
    (void)plan;
    (void)err;
    w->memory_size = sizeof(int64_t);
    return VG_OK;
}

static int64_t *heard_ns(const struct vg_look *l, const struct vg_watch *w)
{
    return vg_watch_memory(l, w);
}

static struct vg_finding look_at_source(struct vg_look *l, const struct vg_watch *w)
{
    *heard_ns(l, w) = l->row->log_ns;
    return (struct vg_finding){ .says = VG_SAYS_CLEAR };
}

static int64_t source_due(struct vg_look *l, const struct vg_watch *w)
{
    int64_t heard = *heard_ns(l, w);

    return heard == 0 ? VG_TIME_NONE
                      : heard + told_every_ns + w->rule->longer_than_ns + w->rule->for_ns;
}

static int64_t source_since(struct vg_look *l, const struct vg_watch *w)
{
    return *heard_ns(l, w);
}

static void describe_source(struct vg_look *l, const struct vg_watch *w, const struct vg_episode *e,
                            struct vg_event *event, struct vg_buf *text)
{
    (void)l;
    (void)e;
    if (event->phase == VG_PHASE_END) {
        vg_buf_str(text, "Records are back");
        return;
    }
    vg_buf_str(text, "No record of this partition for ");
    vg_text_duration(text, w->rule->longer_than_ns);
    vg_buf_str(text, ": watch the patients at the bed, then check the source");
}

const struct vg_watch_kind vg_watch_source = {
    .rows = VG_ROW_SHARD,
    .by_timer = true,
    .plan = plan_source,
    .look = look_at_source,
    .silent = source_due,
    .since = source_since,
    .describe = describe_source,
};
