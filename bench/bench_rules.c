/* bench_rules.c - what the rules of a configuration cost: nanoseconds a row in the alert stage.
 *
 *   bench_rules CONFIG [PATIENTS [SECONDS]]
 *
 * The stage is called as the runtime calls it, in one thread, with rows of many patients in turn, so
 * that what it keeps of one is no longer in the cache when its next row comes. Each patient sends
 * every second what a bedside monitor measures, and is in trouble for a fifth of the time: about 1 %
 * of the rows make an event. Making the event's JSON is the runtime's, and not in the figures.
 *
 * Beside it runs the same stage without a rule, which watches the built-in conditions alone: the
 * difference is what the rules cost. Both have their turn in every second, so what disturbs the
 * machine disturbs both.
 *
 * Lines: "sample NS NS_WITHOUT", "tick NS NS_WITHOUT", the medians of all seconds; "best_sample" and
 * "best_tick", of the quickest tenth, which a busy machine spoils least; "memory BYTES
 * BYTES_WITHOUT" of a patient; "events SHARE" of the rows.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/quantiles.h"
#include "models/kernel.h"
#include "runtime/config.h"

enum { PATIENTS = 1000, SECONDS = 1800, TICK_S = 30, TROUBLE_EVERY_S = 200, TROUBLE_S = 40 };

static const int64_t start_ns = 1767225600 * VG_NS_PER_S; /* 2026-01-01 */

/* What a monitor measures of somebody who is well, and by how much that wanders. */
static const struct {
    int channel;
    float usual, spread;
} vitals[] = {
    { VG_CHANNEL_hr, 82, 6 },       { VG_CHANNEL_pulse, 82, 6 },    { VG_CHANNEL_spo2, 96, 1 },
    { VG_CHANNEL_rr, 16, 2 },       { VG_CHANNEL_abp_sys, 122, 6 }, { VG_CHANNEL_abp_dia, 66, 4 },
    { VG_CHANNEL_abp_mean, 84, 4 }, { VG_CHANNEL_temp, 37, 0.2f },  { VG_CHANNEL_etco2, 38, 2 },
};

/* One alert stage, with the memory of all patients. */
struct side {
    struct vg_out out; /* first: what the stage calls leads back here */
    struct vg_layout layout;
    struct vg_planned_stage *stage; /* [stages_n] the chain; only its alert stage is opened */
    uint32_t stages_n;
    const struct vg_planned_stage *alert;
    struct vg_frame *frame;
    char *memory;
    int64_t *due_ns;
    uint32_t patient;
    uint64_t events;
    int64_t *sample_ns, *tick_ns; /* of each second; of each tick */
};

static uint32_t patients_n = PATIENTS, seconds = SECONDS;
static struct vg_patient *patient;

__attribute__((noreturn)) static void fail(const char *why)
{
    fprintf(stderr, "bench_rules: %s\n", why);
    exit(1);
}

static void *room(size_t n, size_t size)
{
    void *p = calloc(n, size);

    if (!p)
        fail("out of memory");
    return p;
}

/* ---- what the runtime does for a stage ---- */

static void set_timer(struct vg_out *out, int64_t due_ns)
{
    struct side *s = (struct side *)out;

    s->due_ns[s->patient] = due_ns;
}

static void take_event(struct vg_out *out, const struct vg_event *event)
{
    (void)event;
    ((struct side *)out)->events++;
}

static void one_row(struct side *s, struct vg_row *row, uint32_t p)
{
    const struct vg_stage_ops *ops = s->alert->ops;
    void *memory = s->memory + p * s->alert->memory_size;

    s->patient = p;
    s->out.patient = row->patient = &patient[p];
    while (s->due_ns[p] != VG_TIME_NONE && s->due_ns[p] < row->log_ns) {
        s->out.log_ns = s->due_ns[p];
        s->due_ns[p] = VG_TIME_NONE;
        ops->timer(s->alert->self, memory, &s->out);
    }
    s->out.log_ns = row->log_ns;
    ops->row(s->alert->self, memory, row, &s->out);
}

/* Of this thread alone: others who want the processor are not in it. */
static int64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * VG_NS_PER_S + t.tv_nsec;
}

/* All rows of the frame, one of each patient; returns nanoseconds a row. */
static int64_t pass(struct side *s)
{
    struct vg_row row = { 0 };
    int64_t from_ns = cpu_ns();

    for (uint32_t p = 0; p < patients_n; p++) {
        vg_row_view(&row, s->frame, &s->layout, p);
        one_row(s, &row, p);
    }
    VG_CHECK(patients_n > 0);
    return (cpu_ns() - from_ns) / patients_n;
}

/* ---- rows ---- */

/* The same number for the same question: 0 to 1. */
static float chance(uint64_t question)
{
    uint64_t h = question * UINT64_C(0x9e3779b97f4a7c15);

    h = (h ^ h >> 32) * UINT64_C(0xd6e8feb86659fd93);
    return (float)(h >> 40) / (float)(1 << 24);
}

static bool in_trouble(uint32_t p, uint32_t second)
{
    return (second + p * 7) % TROUBLE_EVERY_S >= TROUBLE_EVERY_S - TROUBLE_S;
}

static float value_of(uint32_t p, uint32_t second, uint32_t v)
{
    float patient_off = 2 * chance((uint64_t)p * 16 + v) - 1;
    float now_off = 2 * chance(((uint64_t)second << 32) + (uint64_t)p * 16 + v) - 1;
    float value = vitals[v].usual + vitals[v].spread * (patient_off + now_off / 4);

    if (vitals[v].channel == VG_CHANNEL_hr && in_trouble(p, second))
        return 160;
    return vitals[v].channel == VG_CHANNEL_temp ? value : floorf(value);
}

static void fill_row(struct side *s, enum vg_row_kind kind, uint32_t p, uint32_t second)
{
    struct vg_row row = { 0 };
    int64_t log_ns = start_ns + second * VG_NS_PER_S;
    const int times[] = { VG_COL_LOG, VG_COL_RECORD, VG_COL_EVENT, VG_COL_DEVICE };

    *(uint8_t *)vg_frame_at(s->frame, &s->layout, VG_COL_KIND, p) = (uint8_t)kind;
    *(int64_t *)vg_frame_at(s->frame, &s->layout, VG_COL_OFFSET, p) =
        (int64_t)second * patients_n + p;
    for (size_t i = 0; i < VG_ARRAY_LEN(times); i++)
        *(int64_t *)vg_frame_at(s->frame, &s->layout, times[i], p) = log_ns;
    vg_row_view(&row, s->frame, &s->layout, p);
    for (uint32_t v = 0; v < VG_ARRAY_LEN(vitals); v++) {
        row.quality[vitals[v].channel] = VG_Q_GOOD;
        row.value[vitals[v].channel] = value_of(p, second, v);
    }
}

static float *column(struct side *s, const char *name, uint32_t p, uint32_t *ret_width)
{
    int c = vg_layout_find(&s->layout, name);

    *ret_width = c == VG_ROW_NONE ? 0 : s->layout.column[c].width;
    return c == VG_ROW_NONE ? NULL : vg_frame_at(s->frame, &s->layout, c, p);
}

static void fill(struct side *s, const char *name, uint32_t p, float value)
{
    uint32_t width;
    float *to = column(s, name, p, &width);

    for (uint32_t i = 0; i < width; i++)
        to[i] = value;
}

/* What models say of somebody who stays as he is: the value now, at all horizons and quantiles. */
static void fill_models(struct side *s, const struct vg_config *config, uint32_t p)
{
    const float *value = vg_frame_at(s->frame, &s->layout, VG_COL_VALUE, p);
    uint32_t width;
    float *to = column(s, "forecast", p, &width);

    for (uint32_t i = 0; i < config->models_n && width > 0; i++) {
        const struct vg_model *m = config->models[i];
        uint32_t each = m->horizons * m->quantiles;

        if (m->horizons == 0 || m->channels * each != width)
            continue;
        for (uint32_t k = 0; k < width; k++)
            to[k] = value[m->channel[k / each]];
    }
    fill(s, "forecast_valid", p, 1);
    fill(s, "anomaly_valid", p, 1);
    fill(s, "anomaly_score", p, 0);
}

static void fill_frame(struct side *s, const struct vg_config *config, enum vg_row_kind kind,
                       uint32_t second)
{
    vg_frame_reset(s->frame, VG_FRAME_ROWS, 0);
    for (uint32_t p = 0; p < patients_n; p++) {
        vg_frame_add_row(s->frame, &s->layout);
        fill_row(s, kind, p, second);
        if (kind == VG_ROW_TICK)
            fill_models(s, config, p);
    }
}

/* ---- both sides ---- */

static void side_open(struct side *s, const struct vg_config *config)
{
    struct vg_err err;

    s->stages_n = config->stages_n;
    s->stage = room(config->stages_n, sizeof(*s->stage));
    if (vg_config_plan(config, &s->layout, s->stage, &err) != VG_OK)
        fail(err.msg);
    for (uint32_t i = 0; i < config->stages_n; i++) {
        if (strcmp(s->stage[i].ops->name, "alert") == 0)
            s->alert = &s->stage[i];
    }
    if (!s->alert || s->alert->ops->open(s->alert->self, &err) != VG_OK)
        fail("the configuration has no alert stage");
    vg_layout_finish(&s->layout, patients_n);
    s->frame = vg_frame_new(&s->layout, 0);
    s->memory = room(patients_n, s->alert->memory_size);
    s->due_ns = room(patients_n, sizeof(*s->due_ns));
    for (uint32_t p = 0; p < patients_n; p++)
        s->due_ns[p] = VG_TIME_NONE;
    s->sample_ns = room(seconds, sizeof(*s->sample_ns));
    s->tick_ns = room(seconds / TICK_S + 1, sizeof(*s->tick_ns));
    s->out.timer = set_timer;
    s->out.event = take_event;
}

static void side_done(struct side *s)
{
    for (uint32_t i = 0; i < s->stages_n; i++)
        vg_planned_stage_done(&s->stage[i]);
    free(s->stage);
    free(s->memory);
    free(s->due_ns);
    free(s->sample_ns);
    free(s->tick_ns);
    vg_frame_free(s->frame);
}

static void one_second(struct side *s, const struct vg_config *config, uint32_t second)
{
    if (second % TICK_S == 0) {
        fill_frame(s, config, VG_ROW_TICK, second);
        s->tick_ns[second / TICK_S] = pass(s);
    }
    fill_frame(s, config, VG_ROW_SAMPLE, second);
    s->sample_ns[second] = pass(s);
}

/* Sorts both. */
static void print_two(const char *name, int64_t *with_ns, int64_t *without_ns, size_t n)
{
    qsort(with_ns, n, sizeof(*with_ns), compare_times);
    qsort(without_ns, n, sizeof(*without_ns), compare_times);
    printf("%s %lld %lld\n", name, (long long)with_ns[n / 2], (long long)without_ns[n / 2]);
    printf("best_%s %lld %lld\n", name, (long long)with_ns[n / 10], (long long)without_ns[n / 10]);
}

static void report(struct side *with, struct side *without)
{
    size_t ticks = (seconds + TICK_S - 1) / TICK_S;

    print_two("sample", with->sample_ns, without->sample_ns, seconds);
    print_two("tick", with->tick_ns, without->tick_ns, ticks);
    printf("memory %zu %zu\n", with->alert->memory_size, without->alert->memory_size);
    printf("events %.4f\n", (double)with->events / ((double)seconds * patients_n));
}

static void name_patients(void)
{
    patient = room(patients_n, sizeof(*patient));
    for (uint32_t p = 0; p < patients_n; p++) {
        snprintf(patient[p].id, sizeof(patient[p].id), "p-%05u", p);
        snprintf(patient[p].bed, sizeof(patient[p].bed), "icu-a/%u", p);
    }
}

int main(int argc, char **argv)
{
    struct vg_buf diagnostics = VG_BUF_INIT;
    struct vg_config *config;
    struct side with = { 0 }, without = { 0 };
    struct vg_err err;
    uint32_t rules_n;

    if (argc < 2 || argc > 4)
        fail("usage: bench_rules CONFIG [PATIENTS [SECONDS]]");
    if (argc > 2)
        patients_n = (uint32_t)strtoul(argv[2], NULL, 10);
    if (argc > 3)
        seconds = (uint32_t)strtoul(argv[3], NULL, 10);
    if (patients_n == 0 || seconds == 0)
        fail("expected at least one patient for a second");
    if (vg_config_load(argv[1], &config, &diagnostics, &err) != VG_OK)
        fail(diagnostics.len > 0 ? diagnostics.data : err.msg);
    vg_kernel_thread_init();
    name_patients();
    side_open(&with, config);
    rules_n = config->site.rules_n;
    config->site.rules_n = 0;
    side_open(&without, config);
    config->site.rules_n = rules_n;
    for (uint32_t second = 0; second < seconds; second++) {
        one_second(&with, config, second);
        one_second(&without, config, second);
    }
    report(&with, &without);
    side_done(&with);
    side_done(&without);
    free(patient);
    vg_config_free(config);
    vg_buf_done(&diagnostics);
    return 0;
}
