/* resample.c - puts each patient on a fixed grid, for what needs equal steps.
 *
 * The grid is in UTC: ticks lie at multiples of `tick` since 1970, so all patients and all machines
 * tick together. The tick at t stands for event times [t - tick, t). It closes when log time passes
 * t + lateness; sample rows pass by at once and wait for nothing.
 *
 * A sample counts at its event time, or at log time when the device's clock is ahead of it: nothing
 * is measured in the future. With that, the ticks that can still take a sample are lateness / tick
 * + 2 neighbours.
 *
 * Where there are models, ticks are for them: only their channels are put on the grid, in places
 * k = 0 .. C-1 of a patient's memory.
 *
 * Per channel and tick the median is taken over at most VALUES_MAX samples. When they are full
 * every second one is dropped and from then on every second (then fourth, ...) arrives: an even
 * thinning over the interval that depends on the order of the log alone.
 *
 * A tick waits for what is late while the next one has only begun, so the samples of a channel's open
 * ticks share one place: those of the oldest tick come first, and EARLY_MAX is for each younger one.
 * Where that is too little, the tick that has most is thinned.
 */
#include <string.h>

#include "core/stage.h"

enum { VALUES_MAX = 16, EARLY_MAX = 3 };

/* A patient that has not been heard of for this long, and for so many ticks, stops ticking. */
static const int64_t idle_ns = 3600 * VG_NS_PER_S;
static const int64_t idle_ticks = 32;
static const int64_t day_ns = 86400 * VG_NS_PER_S;

struct resample {
    int64_t tick_ns;     /* option */
    int64_t lateness_ns; /* option */
    int64_t max_gap_ns;  /* option */
    int64_t idle_ns;
    uint32_t open;            /* how many ticks are open at once, O */
    uint32_t room;            /* for samples of one channel */
    uint32_t channels;        /* C */
    int channel[VG_MEASURED]; /* [C] */
    int age;                  /* column, for all channels */
};

/* What came of one channel in one open tick. */
struct bin {
    uint32_t offered; /* samples so far of this quality */
    uint8_t any;
    uint8_t kept;    /* of them, every 2^thinned-th */
    uint8_t thinned; /* how often */
    uint8_t quality; /* GOOD or SUSPECT: the best that came; only those of it are kept */
};

/* The newest usable value of a channel: of those that are not of a younger open tick, or of that. */
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
    struct newest newest[]; /* [C]; then come those of the open ticks but the oldest [C, O - 1], bin
                               [C, O], oldest first, and value [C, room] */
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

/* Bytes of what is kept of open ticks. */
static size_t open_size(const struct resample *s)
{
    return s->channels * ((s->open - 1) * sizeof(struct newest) + s->open * sizeof(struct bin) +
                          s->room * sizeof(float));
}

static void choose_channels(struct resample *s, const struct vg_plan *plan)
{
    /* All models of a chain have the same channels. */
    const struct vg_model *model = plan->models_n > 0 ? plan->models[0] : NULL;

    s->channels = model ? model->channels : VG_MEASURED;
    for (uint32_t k = 0; k < s->channels; k++)
        s->channel[k] = model ? model->channel[k] : (int)k;
}

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
    s->room = VALUES_MAX + (s->open - 1) * EARLY_MAX;
    plan->rows = VG_ROW_SAMPLE;
    choose_channels(s, plan);
    plan->memory_size = sizeof(struct patient) + s->channels * sizeof(struct newest) + open_size(s);
    plan->emits_ticks = true;
    plan->tick_ns = s->tick_ns;
    return vg_plan_add_column(plan, "age", VG_CHANNELS, NULL, &s->age, err);
}

/* The end of the tick that takes a sample at `at_ns`. */
static int64_t tick_of(const struct resample *s, int64_t at_ns)
{
    return at_ns - at_ns % s->tick_ns + s->tick_ns;
}

static void arm(const struct resample *s, const struct patient *p, struct vg_out *out)
{
    out->timer(out, p->next_ns + s->lateness_ns);
}

/* ---- samples of one channel ---- */

/* What is kept of one channel. */
struct held {
    uint32_t open, room;
    struct newest *newest;
    struct newest *younger; /* [O - 1] */
    struct bin *bin;        /* [O] the open ticks, oldest first */
    float *value;           /* [room] theirs, one behind the other */
};

/* Of the first channel. */
static struct held hold(const struct resample *s, struct patient *p)
{
    struct held h = { .open = s->open, .room = s->room, .newest = p->newest };

    h.younger = h.newest + s->channels;
    h.bin = (struct bin *)(h.younger + (size_t)s->channels * (s->open - 1));
    h.value = (float *)(h.bin + (size_t)s->channels * s->open);
    return h;
}

static void hold_next(struct held *h)
{
    h->newest++;
    h->younger += h->open - 1;
    h->bin += h->open;
    h->value += h->room;
}

/* Samples of the ticks from `i` up to `end`. */
static uint32_t kept(const struct held *h, uint32_t i, uint32_t end)
{
    uint32_t n = 0;

    for (; i < end; i++)
        n += h->bin[i].kept;
    return n;
}

/* Makes tick `i` have `left` samples, at most as many as it has. */
static void drop(const struct held *h, uint32_t i, uint32_t left)
{
    const uint32_t from = kept(h, 0, i + 1), to = from - h->bin[i].kept + left;
    const uint32_t n = kept(h, i + 1, h->open);

    if (n > 0 && to != from)
        memmove(h->value + to, h->value + from, n * sizeof(float));
    h->bin[i].kept = (uint8_t)left;
}

static void thin(const struct held *h, uint32_t i)
{
    float *value = h->value + kept(h, 0, i);
    const uint32_t left = (h->bin[i].kept + 1U) / 2;

    for (uint32_t k = 0; k < left; k++)
        value[k] = value[(size_t)2 * k];
    drop(h, i, left);
    h->bin[i].thinned++;
}

static uint32_t fullest(const struct held *h)
{
    uint32_t most = 0;

    for (uint32_t i = 1; i < h->open; i++)
        most = h->bin[i].kept > h->bin[most].kept ? i : most;
    return most;
}

static bool wanted(const struct bin *b, uint32_t offer)
{
    return (offer & ((UINT32_C(1) << b->thinned) - 1)) == 0;
}

/* Behind the samples of tick `i`, of which there is room for one. */
static void append(const struct held *h, uint32_t i, float value)
{
    float *at = h->value + kept(h, 0, i + 1);
    const uint32_t younger = kept(h, i + 1, h->open);

    if (younger > 0)
        memmove(at + 1, at, younger * sizeof(float));
    *at = value;
    h->bin[i].kept++;
}

static void put(const struct held *h, uint32_t i, float value, uint8_t quality)
{
    struct bin *b = &h->bin[i];
    uint32_t offer;

    if (!b->any || (quality == VG_Q_GOOD && b->quality == VG_Q_SUSPECT)) {
        if (b->kept > 0)
            drop(h, i, 0);
        *b = (struct bin){ .any = 1, .quality = quality };
    }
    if (quality != b->quality)
        return;
    offer = b->offered++;
    if (!wanted(b, offer))
        return;
    if (b->kept == VALUES_MAX)
        thin(h, i);
    else if (kept(h, 0, h->open) == h->room)
        thin(h, fullest(h));
    if (wanted(b, offer))
        append(h, i, value);
}

/* ---- rows ---- */

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
    memset(p->newest + s->channels, 0, open_size(s));
}

/* A row reaches open tick `i`, or (-1) one that has closed. */
static void take(const struct resample *s, struct patient *p, int64_t at_ns, int64_t i,
                 const struct vg_row *row)
{
    struct held h = hold(s, p);

    for (uint32_t k = 0; k < s->channels; k++, hold_next(&h)) {
        const int c = s->channel[k];

        if (!vg_usable(row->quality[c]))
            continue;
        /* The value of a tick that has closed is the newest known all the same. */
        renew(i > 0 ? h.younger + i - 1 : h.newest, at_ns, row->value[c]);
        if (i >= 0)
            put(&h, (uint32_t)i, row->value[c], row->quality[c]);
    }
}

static void resample_row(void *self, void *memory, struct vg_row *row, struct vg_out *out)
{
    const struct resample *s = self;
    struct patient *p = memory;
    int64_t at_ns = row->event_ns < row->log_ns ? row->event_ns : row->log_ns;
    int64_t ahead_ns;

    if (row->flags & VG_ROW_LATE)
        return;
    p->heard_ns = row->log_ns;
    if (!p->ticking) {
        begin(s, p, at_ns, row->log_ns);
        arm(s, p, out);
    }
    ahead_ns = tick_of(s, at_ns) - p->next_ns;
    VG_CHECK(ahead_ns < s->open * s->tick_ns);
    take(s, p, at_ns, ahead_ns < 0 ? -1 : ahead_ns / s->tick_ns, row);
}

/* ---- ticks ---- */

static float median(uint32_t n, const float *value)
{
    float sorted[VALUES_MAX];

    VG_CHECK(n > 0 && n <= VALUES_MAX);
    if (n == 1) /* nearly always, where a row comes every second */
        return value[0];
    for (uint32_t i = 0; i < n; i++) {
        uint32_t j = i;

        for (; j > 0 && sorted[j - 1] > value[i]; j--)
            sorted[j] = sorted[j - 1];
        sorted[j] = value[i];
    }
    return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) * 0.5f;
}

static void set(struct vg_row *tick, int c, float value, uint8_t quality)
{
    tick->value[c] = value;
    tick->quality[c] = quality;
}

static void tell_channel(const struct resample *s, const struct held *h, int c, struct vg_row *tick)
{
    const struct newest *n = h->newest;
    const struct bin *oldest = &h->bin[0];
    int64_t age_ns;

    if (!n->seen)
        return;
    age_ns = tick->event_ns - n->event_ns;
    vg_row_column(tick, s->age)[c] = (float)((double)age_ns / (double)VG_NS_PER_S);
    if (oldest->any)
        set(tick, c, median(oldest->kept, h->value), oldest->quality);
    else if (age_ns <= s->max_gap_ns)
        set(tick, c, n->value, VG_Q_IMPUTED);
    else
        vg_row_unusable(tick, c, VG_Q_MISSING, VG_REASON_NO_DATA);
}

/* Whether nothing has come in any open tick: so it is with most channels. */
static bool is_empty(const struct held *h)
{
    bool any = false;

    for (uint32_t i = 0; i < h->open; i++)
        any |= h->bin[i].any;
    return !any;
}

/* The oldest tick of a channel has been told, and the next one becomes the oldest. */
static void close_channel(const struct held *h)
{
    struct newest *younger = h->younger;
    uint32_t i = 0;

    if (is_empty(h))
        return;
    drop(h, 0, 0);
    if (younger->seen)
        renew(h->newest, younger->event_ns, younger->value);
    for (; i + 2 < h->open; i++) {
        h->bin[i] = h->bin[i + 1];
        younger[i] = younger[i + 1];
    }
    h->bin[i] = h->bin[i + 1];
    h->bin[i + 1] = (struct bin){ 0 };
    younger[i] = (struct newest){ 0 };
}

static void resample_timer(void *self, void *memory, struct vg_out *out)
{
    const struct resample *s = self;
    struct patient *p = memory;
    struct held h = hold(s, p);
    struct vg_row tick;

    out->tick(out, p->next_ns, &tick);
    for (int c = 0; c < VG_CHANNELS; c++)
        vg_row_column(&tick, s->age)[c] = -1;
    for (uint32_t k = 0; k < s->channels; k++, hold_next(&h)) {
        tell_channel(s, &h, s->channel[k], &tick);
        close_channel(&h);
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
    .memory_version = 3,
    .plan = resample_plan,
    .row = resample_row,
    .timer = resample_timer,
};
