/* clean.c - says of every value whether it can be a measurement.
 *
 * Two kinds of finding, and they differ in what limits do with them. What cannot be a measurement
 * (outside the plausible range; the exact 0 that a monitor sends when the probe is off) becomes
 * INVALID and reaches no limit. What is only odd (a jump, a flat line) becomes SUSPECT and still
 * reaches them: an artefact may cost an alarm too many, a judgement about artefacts must never cost
 * one too few. The limits of plausibility are in core/channels.def.
 *
 * Speed of change and flat lines are judged in event time, because that is when the patient
 * changed; rows that come too late for limits are checked by themselves and are not learned from.
 */
#include <math.h>
#include <string.h>

#include "core/stage.h"

struct clean {
    struct vg_channel_values max_step; /* option, channel units per second */
    int64_t flatline_ns;               /* option; 0: off */
};

/* The newest usable value of a channel. */
struct channel_memory {
    int64_t event_ns;
    int64_t since_ns; /* event time from which the value has had these bits */
    float value;
    uint8_t seen;
    uint8_t interrupted; /* the device has said something unusable since */
    uint8_t unused[2];
};

static const struct vg_option options[] = {
    VG_OPT_CHANNELS(struct clean, max_step, "max_step", VG_OPT_EVENTS,
                    "Largest believable change per second, e.g. {hr: \"60 /min\"}. A value that "
                    "changed faster is marked suspect. Off for channels that are not given."),
    VG_OPT_DURATION(struct clean, flatline_ns, "flatline", NULL, 1, 86400, VG_OPT_EVENTS,
                    "A value that has not changed at all for this long is marked suspect until it "
                    "does. Off unless set."),
    VG_OPT_END,
};

/* Whether a value is judged by those before it. */
static bool learns(const struct clean *s)
{
    return s->max_step.set != 0 || s->flatline_ns > 0;
}

static vg_status clean_plan(void *self, struct vg_plan *plan, struct vg_err *err)
{
    const struct clean *s = self;

    for (int c = 0; c < VG_CHANNELS; c++) {
        if ((s->max_step.set >> c & 1) && c >= VG_MEASURED)
            return vg_fail_option(err, VG_E_CONFIG, "max_step",
                                  "%s is noted by people and has no speed; leave it out",
                                  vg_channels[c].name);
        if ((s->max_step.set >> c & 1) && !(s->max_step.value[c] > 0))
            return vg_fail_option(err, VG_E_CONFIG, "max_step",
                                  "max_step of %s must be greater than 0 %s; leave the channel out "
                                  "to switch the check off",
                                  vg_channels[c].name, vg_channels[c].ucum);
    }
    plan->rows = VG_ROW_SAMPLE;
    plan->memory_size = learns(s) ? VG_MEASURED * sizeof(struct channel_memory) : 0;
    return VG_OK;
}

static bool same_bits(float a, float b)
{
    uint32_t a_bits, b_bits;

    memcpy(&a_bits, &a, sizeof(a));
    memcpy(&b_bits, &b, sizeof(b));
    return a_bits == b_bits;
}

/* Marks what cannot be a measurement; true when the value stands. */
static bool plausible(struct vg_row *row, int c)
{
    const struct vg_channel *channel = &vg_channels[c];
    float value = row->value[c];

    if (value == 0 && !channel->zero_is_value && c < VG_MEASURED) {
        vg_row_unusable(row, c, VG_Q_INVALID, VG_REASON_PROBE_OFF);
        return false;
    }
    if (!(value >= channel->low && value <= channel->high)) {
        vg_row_unusable(row, c, VG_Q_INVALID, VG_REASON_RANGE);
        return false;
    }
    return true;
}

/* A device's own doubt, with its reason, is not replaced by ours. */
static void suspect(struct vg_row *row, int c, enum vg_reason reason)
{
    if (row->quality[c] != VG_Q_GOOD)
        return;
    row->quality[c] = VG_Q_SUSPECT;
    row->reason[c] = (uint8_t)reason;
}

static bool jumped(const struct clean *s, const struct channel_memory *m, const struct vg_row *row,
                   int c)
{
    double elapsed_s, change;

    if (!(s->max_step.set >> c & 1) || !m->seen)
        return false;
    /* At least 1 s, so that two values of one moment may differ as much as two a second apart. */
    elapsed_s = fabs((double)(row->event_ns - m->event_ns) / (double)VG_NS_PER_S);
    change = fabs((double)row->value[c] - (double)m->value);
    return change > (double)s->max_step.value[c] * (elapsed_s > 1 ? elapsed_s : 1);
}

static void learn(struct channel_memory *m, const struct vg_row *row, int c)
{
    /* What nobody saw is not known to have been flat. */
    bool unbroken =
        m->seen && !m->interrupted && row->event_ns - m->event_ns <= vg_channels[c].validity_ns;

    /* A row that was overtaken tells nothing about the newest value. */
    if (m->seen && row->event_ns < m->event_ns)
        return;
    if (!unbroken || !same_bits(m->value, row->value[c]))
        m->since_ns = row->event_ns;
    m->event_ns = row->event_ns;
    m->value = row->value[c];
    m->seen = 1;
    m->interrupted = 0;
}

/* Beside the values before it; not of rows that come too late. */
static void judge(const struct clean *s, struct channel_memory *m, struct vg_row *row, int c)
{
    if (jumped(s, m, row, c))
        suspect(row, c, VG_REASON_JUMP);
    learn(m, row, c);
    if (s->flatline_ns > 0 && row->event_ns - m->since_ns >= s->flatline_ns)
        suspect(row, c, VG_REASON_FLATLINE);
}

static void clean_row(void *self, void *memory, struct vg_row *row, struct vg_out *out)
{
    const struct clean *s = self;
    struct channel_memory *channels = memory;

    (void)out;
    for (int c = 0; c < VG_CHANNELS; c++) {
        bool stands;

        if (row->quality[c] == VG_Q_ABSENT)
            continue;
        stands = vg_usable(row->quality[c]) && plausible(row, c);
        /* What people note may jump and stay as it likes. */
        if (c >= VG_MEASURED || row->flags & VG_ROW_LATE || !learns(s))
            continue;
        if (stands)
            judge(s, &channels[c], row, c);
        else
            channels[c].interrupted = 1;
    }
}

const struct vg_stage_ops vg_stage_clean = {
    .name = "clean",
    .summary = "Marks values that cannot be measurements, and on request jumps and flat lines.",
    .options = options,
    .self_size = sizeof(struct clean),
    .memory_version = 2,
    .plan = clean_plan,
    .row = clean_row,
};
