/* alert_technical.c - trouble with a patient's data: silence, wrong clocks, failing models, two
 * patients in one bed.
 *
 * All of it is read from the log, so a replay tells the same; what only the wall clock knows (a broker
 * that is away) is in the heartbeat and in the log of the program.
 */
#include <stdlib.h>

#include "stages/alert_text.h"
#include "stages/alert_watch.h"

static const struct vg_finding nothing = { .says = VG_SAYS_NOTHING };
static const struct vg_finding holds = { .says = VG_SAYS_TRUE };
static const struct vg_finding clear = { .says = VG_SAYS_CLEAR };

static bool ends(const struct vg_event *event)
{
    return event->phase == VG_PHASE_END;
}

/* ---- stale ---- */

static vg_status plan_stale(struct vg_watch *w, struct vg_plan *plan, struct vg_err *err)
{
    (void)plan;
    if (w->rule->longer_than_ns <= 0)
        return vg_fail_option(err, VG_E_CONFIG, "rules", "rule %s: longer_than must be above 0",
                              w->rule->name);
    return VG_OK;
}

/* A nurse's note says nothing of the monitor. */
static bool any_usable(const struct vg_row *row)
{
    for (int c = 0; c < VG_MEASURED; c++) {
        if (vg_usable(row->quality[c]))
            return true;
    }
    return false;
}

static struct vg_finding look_at_stale(struct vg_look *l, const struct vg_watch *w)
{
    const struct vg_row *row = l->row;

    if (row->flags & VG_ROW_LATE)
        return nothing;
    if (w->channel == VG_CHANNEL_NONE)
        return any_usable(row) ? clear : nothing;
    return vg_usable(row->quality[w->channel]) ? clear : nothing;
}

/* Log time of the newest usable value of a channel, or of any. */
static int64_t newest_ns(const struct vg_look *l, int channel)
{
    const struct vg_newest *n;

    if (channel == VG_CHANNEL_NONE)
        return l->memory->stay.measured ? l->memory->stay.measured_ns : VG_TIME_NONE;
    n = vg_look_newest(l, channel);
    return n->seen ? n->log_ns : VG_TIME_NONE;
}

static int64_t silent_from(const struct vg_watch *w, int64_t newest_ns)
{
    return newest_ns + w->rule->longer_than_ns + w->rule->for_ns;
}

/* Whether a rule tells, or tells in this call, that the whole bed is silent. */
static bool bed_silent(const struct vg_look *l)
{
    int64_t newest = newest_ns(l, VG_CHANNEL_NONE);

    for (uint32_t i = 0; i < l->alert->awake.bed_stales; i++) {
        const struct vg_watch *w = &l->alert->watch[l->alert->awake.bed_stale[i]];

        if (vg_watch_awake(l, w) && vg_episode_open(vg_watch_episode(l, w)))
            return true;
        if (newest != VG_TIME_NONE && silent_from(w, newest) <= l->out->log_ns)
            return true;
    }
    return false;
}

/* One alarm for a bed instead of one for each channel: while the bed is silent channels are not
 * told of, and when it comes back each has its time again. */
static int64_t stale_due(struct vg_look *l, const struct vg_watch *w)
{
    int64_t newest = newest_ns(l, w->channel);

    if (newest == VG_TIME_NONE)
        return VG_TIME_NONE;
    if (w->channel == VG_CHANNEL_NONE)
        return silent_from(w, newest);
    if (bed_silent(l))
        return VG_TIME_NONE;
    return silent_from(w, newest > l->memory->bed_back_ns ? newest : l->memory->bed_back_ns);
}

void vg_stale_back(struct vg_look *l)
{
    if (any_usable(l->row) && bed_silent(l))
        l->memory->bed_back_ns = l->row->log_ns;
}

static void describe_stale(struct vg_look *l, const struct vg_watch *w, const struct vg_episode *e,
                           struct vg_event *event, struct vg_buf *text)
{
    (void)l;
    (void)e;
    if (ends(event) && w->channel == VG_CHANNEL_NONE) {
        vg_buf_str(text, "Data are back");
    } else if (ends(event)) {
        vg_buf_printf(text, "%s: values are back", vg_channels[w->channel].title);
    } else {
        vg_text_check(text, w->channel);
        vg_buf_printf(text, "no %s for ",
                      w->channel == VG_CHANNEL_NONE ? "data" : vg_channels[w->channel].title);
        vg_text_duration(text, w->rule->longer_than_ns);
    }
}

/* Silence began with the newest value, whenever it may be told. */
static int64_t stale_since(struct vg_look *l, const struct vg_watch *w)
{
    return newest_ns(l, w->channel);
}

static void window_of_stale(struct vg_look *l, const struct vg_watch *w, struct vg_window *window)
{
    (void)l;
    window->longer_than_ns = w->rule->longer_than_ns;
}

const struct vg_watch_kind vg_watch_stale = {
    .rows = VG_ROW_SAMPLE | VG_ROW_COMMAND,
    .one_channel = true,
    .plan = plan_stale,
    .look = look_at_stale,
    .silent = stale_due,
    .since = stale_since,
    .window = window_of_stale,
    .describe = describe_stale,
};

/* ---- device_clock ---- */

/* A clock is right again, and a bed has one patient, when that has been so for this long. */
static const int64_t quiet_ns = 60 * VG_NS_PER_S;

static vg_status plan_quiet(struct vg_watch *w, struct vg_plan *plan, struct vg_err *err)
{
    (void)plan;
    (void)err;
    if (w->clear_for_ns == 0)
        w->clear_for_ns = quiet_ns;
    return VG_OK;
}

/* A device that says the same time again, or an earlier one, although the records have moved on
 * by a second: its clock stands still or was set back. Within a second it is one moment in
 * several rows, a row that was sent twice, or a clock without fractions. */
static bool clock_stands(const struct vg_look *l)
{
    const struct vg_row *row = l->row;

    return row->device_ns != VG_TIME_NONE && l->memory->recorded_ns != 0 &&
           row->device_ns <= l->memory->device_ns &&
           row->record_ns - l->memory->recorded_ns >= VG_NS_PER_S;
}

static struct vg_finding look_at_clock(struct vg_look *l, const struct vg_watch *w)
{
    bool wrong = l->row->flags & (VG_ROW_AHEAD | VG_ROW_BEHIND | VG_ROW_NO_TIME);

    (void)w;
    return wrong || clock_stands(l) ? holds : clear;
}

static void describe_clock(struct vg_look *l, const struct vg_watch *w, const struct vg_episode *e,
                           struct vg_event *event, struct vg_buf *text)
{
    const struct vg_row *row = l->row;

    (void)w;
    (void)e;
    if (ends(event)) {
        vg_buf_str(text, "Device clock agrees with the record again");
    } else if (row->flags & VG_ROW_NO_TIME) {
        vg_buf_str(text, "Device sends no time that can be read");
    } else if (!(row->flags & (VG_ROW_AHEAD | VG_ROW_BEHIND))) {
        vg_buf_str(text, "Device clock stands still or was set back");
    } else {
        vg_buf_str(text, "Device clock ");
        vg_text_duration(text, llabs(row->device_ns - row->record_ns));
        vg_buf_str(text, row->flags & VG_ROW_AHEAD ? " ahead" : " behind");
    }
}

const struct vg_watch_kind vg_watch_device_clock = {
    .rows = VG_ROW_SAMPLE,
    .plan = plan_quiet,
    .look = look_at_clock,
    .describe = describe_clock,
};

/* ---- model_error ---- */

static vg_status plan_nothing(struct vg_watch *w, struct vg_plan *plan, struct vg_err *err)
{
    (void)w;
    (void)plan;
    (void)err;
    return VG_OK;
}

static struct vg_finding look_at_model(struct vg_look *l, const struct vg_watch *w)
{
    (void)w;
    return l->row->flags & VG_ROW_MODEL_ERROR ? holds : clear;
}

static void describe_model(struct vg_look *l, const struct vg_watch *w, const struct vg_episode *e,
                           struct vg_event *event, struct vg_buf *text)
{
    (void)l;
    (void)w;
    (void)e;
    vg_buf_str(text, ends(event) ? "Models work again"
                                 : "A model gave no number; it starts anew for this patient");
}

const struct vg_watch_kind vg_watch_model_error = {
    .rows = VG_ROW_TICK,
    .plan = plan_nothing,
    .look = look_at_model,
    .describe = describe_model,
};

/* ---- readmitted ---- */

static struct vg_finding look_at_readmission(struct vg_look *l, const struct vg_watch *w)
{
    (void)w;
    return l->readmitted ? holds : nothing;
}

static void describe_readmission(struct vg_look *l, const struct vg_watch *w,
                                 const struct vg_episode *e, struct vg_event *event,
                                 struct vg_buf *text)
{
    (void)l;
    (void)w;
    (void)e;
    vg_buf_str(text, ends(event) ? "The patient is watched again"
                                 : "Data of a patient that was discharged: watched again");
}

const struct vg_watch_kind vg_watch_readmitted = {
    .rows = VG_ROW_SAMPLE,
    .by_timer = true,
    .echoes = true,
    .plan = plan_quiet,
    .look = look_at_readmission,
    .describe = describe_readmission,
};

/* ---- bed_shared ---- */

/* A patient leaves a bed and another one comes: their rows may cross for a moment. */
static const int64_t crossing_ns = 10 * VG_NS_PER_S;

static vg_status plan_bed(struct vg_watch *w, struct vg_plan *plan, struct vg_err *err)
{
    w->memory_size = sizeof(int64_t); /* log time of the first time that the bed was taken back */
    return plan_quiet(w, plan, err);
}

static struct vg_finding look_at_bed(struct vg_look *l, const struct vg_watch *w)
{
    int64_t *first_ns = vg_watch_memory(l, w), now_ns = l->out->log_ns;

    if (!(l->row->flags & VG_ROW_BED_SHARED))
        return nothing;
    if (vg_episode_open(vg_watch_episode(l, w)))
        return holds;
    if (*first_ns == 0 || now_ns - *first_ns > quiet_ns)
        *first_ns = now_ns;
    return now_ns - *first_ns >= crossing_ns ? holds : nothing;
}

static void describe_bed(struct vg_look *l, const struct vg_watch *w, const struct vg_episode *e,
                         struct vg_event *event, struct vg_buf *text)
{
    (void)l;
    (void)w;
    (void)e;
    vg_buf_str(text, ends(event) ? "The bed has one patient again"
                                 : "Check patient, then monitor: another patient's data name this "
                                   "bed, too");
}

const struct vg_watch_kind vg_watch_bed_shared = {
    .rows = VG_ROW_SAMPLE,
    .by_timer = true,
    .echoes = true,
    .plan = plan_bed,
    .look = look_at_bed,
    .describe = describe_bed,
};
