/* resample.c - puts each patient on a fixed grid, for what needs equal steps.
 *
 * The grid is in UTC: ticks lie at multiples of `tick` since 1970, so all patients and all machines
 * tick together. The tick at t stands for event times [t - tick, t). It closes when log time passes
 * t + lateness; sample rows pass by at once and wait for nothing.
 *
 * A sample counts at its event time, or at log time when the device's clock is ahead of it: nothing
 * is measured in the future. With that, the ticks that can still take a sample are lateness / tick
 * + 2 neighbours (KEEP_OPEN below), which memory holds as a ring by tick number.
 *
 * Per channel and tick the median is taken over at most VALUES_MAX samples. When they are full
 * every second one is dropped and from then on every second (then fourth, ...) arrives: an even
 * thinning over the interval that depends on the order of the log alone.
 */
#include <string.h>

#include "core/stage.h"

enum { VALUES_MAX = 16 };

/* A patient that has not been heard of for this long, and for so many ticks, stops ticking. */
static const int64_t idle_ns = 3600 * VG_NS_PER_S;
static const int64_t idle_ticks = 32;
static const int64_t day_ns = 86400 * VG_NS_PER_S;

struct resample {
    int64_t tick_ns;     /* option */
    int64_t lateness_ns; /* option */
    int64_t max_gap_ns;  /* option */
    int64_t idle_ns;
    uint32_t open; /* how many ticks are open at once */
    int age;       /* column [C] */
};

/* The samples of one channel in one open tick. */
struct bin {
    int64_t newest_ns; /* event time of `newest` */
    float newest;
    uint32_t offered; /* samples so far of this quality */
    uint32_t stride;  /* every stride-th of them is kept; 0: none came yet */
    uint8_t kept;
    uint8_t quality; /* GOOD or SUSPECT: the best that came; only those of it are kept */
    uint8_t unused[2];
    float value[VALUES_MAX];
};

/* The newest usable value of a channel before the open ticks. */
struct newest {
    int64_t event_ns;
    float value;
    uint8_t seen;
    uint8_t unused[3];
};

struct patient {
    int64_t next_ns;  /* the oldest open tick */
    int64_t heard_ns; /* log time of the last row */
    uint8_t ticking;
    uint8_t unused[7];
    struct newest newest[VG_CHANNELS];
    struct bin bin[][VG_CHANNELS]; /* [open, C] */
};

static const struct vg_option options[] = {
    VG_OPT_DURATION(struct resample, tick_ns, "tick", NULL, 0.1, 86400,
                    VG_OPT_REQUIRED | VG_OPT_EVENTS,
                    "Distance of ticks; divides a day. It must be the tick of the models."),
    VG_OPT_DURATION(struct resample, lateness_ns, "lateness", "2s", 0, 3600, VG_OPT_EVENTS,
                    "How long a tick waits for samples after its end, in log time; at most one "
                    "tick."),
    VG_OPT_DURATION(struct resample, max_gap_ns, "max_gap", "10s", 0, 86400, VG_OPT_EVENTS,
                    "A tick without a sample takes the newest value before it when that is at most "
                    "this old at the tick's end, and marks it imputed."),
    VG_OPT_END,
};

static vg_status resample_plan(void *self, struct vg_plan *plan, struct vg_err *err)
{
    struct resample *s = self;

    if (s->tick_ns <= 0 || day_ns % s->tick_ns != 0)
        return vg_fail_option(err, VG_E_CONFIG, "tick",
                              "tick must divide a day without rest, so that ticks fall on the same "
                              "times every day: 1s, 5s, 10s, 30s, 1m");
    if (s->lateness_ns > s->tick_ns)
        return vg_fail_option(err, VG_E_CONFIG, "lateness",
                              "lateness (%.3g s) must not be longer than the tick (%.3g s)",
                              (double)s->lateness_ns / (double)VG_NS_PER_S,
                              (double)s->tick_ns / (double)VG_NS_PER_S);
    s->idle_ns = idle_ticks * s->tick_ns > idle_ns ? idle_ticks * s->tick_ns : idle_ns;
    s->open = (uint32_t)(s->lateness_ns / s->tick_ns) + 2;
    plan->rows = VG_ROW_SAMPLE;
    plan->memory_size = sizeof(struct patient) + s->open * sizeof(struct bin[VG_CHANNELS]);
    plan->emits_ticks = true;
    plan->tick_ns = s->tick_ns;
    return vg_plan_add_column(plan, "age", VG_CHANNELS, NULL, &s->age, err);
}

/* The end of the tick that takes a sample at `at_ns`. */
static int64_t tick_of(const struct resample *s, int64_t at_ns)
{
    return at_ns - at_ns % s->tick_ns + s->tick_ns;
}

static struct bin *bins_of(const struct resample *s, struct patient *p, int64_t tick_ns)
{
    return p->bin[tick_ns / s->tick_ns % s->open];
}

static void arm(const struct resample *s, const struct patient *p, struct vg_out *out)
{
    out->timer(out, p->next_ns + s->lateness_ns);
}

/* ---- samples ---- */

static void thin(struct bin *b)
{
    for (uint32_t i = 0; i < VALUES_MAX / 2; i++)
        b->value[i] = b->value[(size_t)2 * i];
    b->kept = VALUES_MAX / 2;
    b->stride *= 2;
}

static void put(struct bin *b, int64_t at_ns, float value, uint8_t quality)
{
    if (b->stride == 0 || at_ns >= b->newest_ns) {
        b->newest_ns = at_ns;
        b->newest = value;
    }
    if (b->stride == 0 || (quality == VG_Q_GOOD && b->quality == VG_Q_SUSPECT)) {
        b->quality = quality;
        b->offered = 0;
        b->kept = 0;
        b->stride = 1;
    }
    if (quality != b->quality)
        return;
    if (b->offered++ % b->stride != 0)
        return;
    if (b->kept == VALUES_MAX)
        thin(b);
    b->value[b->kept++] = value;
}

static void renew(struct newest *n, int64_t at_ns, float value)
{
    if (n->seen && at_ns < n->event_ns)
        return;
    n->event_ns = at_ns;
    n->value = value;
    n->seen = 1;
}

/* Begins with the tick of this sample, unless that has closed already. */
static void begin(const struct resample *s, struct patient *p, int64_t at_ns, int64_t log_ns)
{
    int64_t closing_ns = log_ns - s->lateness_ns; /* a tick that ends here closes after this row */
    int64_t oldest_ns = tick_of(s, closing_ns - 1);

    p->next_ns = tick_of(s, at_ns) > oldest_ns ? tick_of(s, at_ns) : oldest_ns;
    p->ticking = 1;
    memset(p->bin, 0, s->open * sizeof(struct bin[VG_CHANNELS]));
}

static void resample_row(void *self, void *memory, struct vg_row *row, struct vg_out *out)
{
    const struct resample *s = self;
    struct patient *p = memory;
    int64_t at_ns = row->event_ns < row->log_ns ? row->event_ns : row->log_ns;
    int64_t tick_ns = tick_of(s, at_ns);
    struct bin *bins;

    if (row->flags & VG_ROW_LATE)
        return;
    p->heard_ns = row->log_ns;
    if (!p->ticking) {
        begin(s, p, at_ns, row->log_ns);
        arm(s, p, out);
    }
    VG_CHECK(tick_ns < p->next_ns + s->open * s->tick_ns);
    bins = tick_ns >= p->next_ns ? bins_of(s, p, tick_ns) : NULL;
    for (int c = 0; c < VG_CHANNELS; c++) {
        if (!vg_usable(row->quality[c]))
            continue;
        /* Its tick has closed: the value is the newest known all the same. */
        if (bins)
            put(&bins[c], at_ns, row->value[c], row->quality[c]);
        else
            renew(&p->newest[c], at_ns, row->value[c]);
    }
}

/* ---- ticks ---- */

static float median(const struct bin *b)
{
    float sorted[VALUES_MAX];
    uint32_t n = b->kept;

    VG_CHECK(n > 0 && n <= VALUES_MAX);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t j = i;

        for (; j > 0 && sorted[j - 1] > b->value[i]; j--)
            sorted[j] = sorted[j - 1];
        sorted[j] = b->value[i];
    }
    return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) * 0.5f;
}

static void set(struct vg_row *tick, int c, float value, uint8_t quality)
{
    tick->value[c] = value;
    tick->quality[c] = quality;
}

static void close_channel(const struct resample *s, struct newest *n, const struct bin *b, int c,
                          struct vg_row *tick)
{
    int64_t age_ns;

    if (b->stride > 0)
        renew(n, b->newest_ns, b->newest);
    if (!n->seen) {
        vg_row_column(tick, s->age)[c] = -1;
        return;
    }
    age_ns = tick->event_ns - n->event_ns;
    vg_row_column(tick, s->age)[c] = (float)((double)age_ns / (double)VG_NS_PER_S);
    if (b->stride > 0)
        set(tick, c, median(b), b->quality);
    else if (age_ns <= s->max_gap_ns)
        set(tick, c, n->value, VG_Q_IMPUTED);
    else
        vg_row_unusable(tick, c, VG_Q_MISSING, VG_REASON_NO_DATA);
}

static void resample_timer(void *self, void *memory, struct vg_out *out)
{
    const struct resample *s = self;
    struct patient *p = memory;
    struct bin *bins = bins_of(s, p, p->next_ns);
    struct vg_row tick;

    out->tick(out, p->next_ns, &tick);
    for (int c = 0; c < VG_CHANNELS; c++) {
        close_channel(s, &p->newest[c], &bins[c], c, &tick);
        bins[c].stride = 0; /* empty: the next value renews the rest */
    }
    p->next_ns += s->tick_ns;
    if (out->log_ns - p->heard_ns > s->idle_ns) {
        p->ticking = 0;
        return;
    }
    arm(s, p, out);
}

const struct vg_stage_ops vg_stage_resample = {
    .name = "resample",
    .summary = "Emits tick rows on a fixed UTC grid: medians with quality and age.",
    .options = options,
    .self_size = sizeof(struct resample),
    .memory_version = 1,
    .plan = resample_plan,
    .row = resample_row,
    .timer = resample_timer,
};
