/* test_conformal.c - intervals over simulated patients: coverage whatever happens, widths that follow.
 *
 * The forecaster says that the last value stays, with the quantiles that its errors have in other
 * patients. What it cannot know is that from some hour on everything swings twice as far.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/simulator.h"
#include "models/kernel.h"
#include "stages/conformal.h"

enum { C = 8, H = 5, Q = 3, TICK_S = 30, HOUR = 3600 / TICK_S, HOURS = 36, T = HOURS * HOUR };
enum { BEDS = 8, OTHERS = 4, WILD = 12 * HOUR, TAME = 24 * HOUR };

static const int channel[C] = { VG_CHANNEL_hr,      VG_CHANNEL_rr,      VG_CHANNEL_spo2,
                                VG_CHANNEL_abp_sys, VG_CHANNEL_abp_dia, VG_CHANNEL_abp_mean,
                                VG_CHANNEL_temp,    VG_CHANNEL_etco2 };
static const float mean[C] = { 85, 18, 96, 122, 64, 81, 36.7f, 37 };
static const float scale[C] = { 15, 4, 1.5f, 17, 12, 13, 0.6f, 3 };
static const uint32_t ahead[H] = { 2, 10, 20, 60, 120 };

static float z[BEDS][T][C];
static struct vg_model model;
static float offset[C][H][Q]; /* of the forecast quantiles from the last value */

/* A bed as ticks of the value at their end, on the scale above. */
static void simulate(uint64_t seed, uint32_t bed, float (*ret)[C])
{
    const struct vg_sim_config config = { .beds = BEDS, .ward = "icu-a", .seed = seed };
    struct vg_sim_bed *sim = vg_sim_bed_new(&config, bed);
    struct vg_sim_row row;

    for (int t = 0; t < T; t++) {
        for (int s = 0; s < TICK_S; s++)
            vg_sim_bed_next(sim, &row);
        for (int c = 0; c < C; c++)
            ret[t][c] = (row.value[channel[c]] - mean[c]) / scale[c];
    }
    vg_sim_bed_free(sim);
}

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

static void fit(void)
{
    static float error[OTHERS * T];

    for (uint32_t b = 0; b < OTHERS; b++)
        simulate(2, b, z[b]);
    for (int c = 0; c < C; c++) {
        for (int h = 0; h < H; h++) {
            size_t n = 0;

            for (int b = 0; b < OTHERS; b++) {
                for (uint32_t t = 0; t + ahead[h] < T; t += 3)
                    error[n++] = z[b][t + ahead[h]][c] - z[b][t][c];
            }
            qsort(error, n, sizeof(float), ascending);
            /* Rounded values give ties: a little beyond them, as a trained model would be. */
            offset[c][h][0] = fminf(error[n / 20], -0.05f);
            offset[c][h][2] = fmaxf(error[n - n / 20], 0.05f);
        }
    }
}

static void setup(void)
{
    vg_kernel_thread_init();
    model = (struct vg_model){
        .channels = C, .horizons = H, .quantiles = Q, .quantile = { 0.05f, 0.5f, 0.95f }
    };
    for (int h = 0; h < H; h++)
        model.horizon_ns[h] = (int64_t)ahead[h] * TICK_S * VG_NS_PER_S;
}

/* What is counted: forecasts by horizon and hour of their target. */
static struct count {
    double covered, n, width;
} hours[H][HOURS], cells[H][C];

static void forecast(const float *now, float y[C][H][Q])
{
    for (int c = 0; c < C; c++) {
        for (int h = 0; h < H; h++) {
            for (int q = 0; q < Q; q++)
                y[c][h][q] = now[c] + offset[c][h][q];
        }
    }
}

static void count_forecasts(float (*told)[C][H][Q], float (*value)[C], uint32_t from)
{
    for (uint32_t t = from; t < T; t++) {
        for (int h = 0; h < H; h++) {
            uint32_t target = t + ahead[h];

            for (int c = 0; c < C && target < T; c++) {
                const float *y = told[t][c][h];
                bool in = value[target][c] >= y[0] && value[target][c] <= y[2];

                hours[h][target / HOUR].covered += in;
                hours[h][target / HOUR].n++;
                hours[h][target / HOUR].width +=
                    (double)((y[2] - y[0]) / (offset[c][h][2] - offset[c][h][0]));
                cells[h][c].covered += in;
                cells[h][c].n++;
            }
        }
    }
}

static void run(const struct vg_conformal *conformal, float (*value)[C])
{
    static float told[T][C][H][Q];
    bool all[C];
    float residual[C], sd[C];
    void *memory = calloc(1, vg_conformal_memory(conformal));

    memset(all, true, sizeof(all));
    for (uint32_t t = 0; t < T; t++) {
        const struct vg_outcome outcome = { value[t], all };
        int64_t at_ns = ((int64_t)1000000 + t) * TICK_S * VG_NS_PER_S;

        vg_conformal_judge(conformal, memory, at_ns, &outcome, residual, sd);
        forecast(value[t], told[t]);
        vg_conformal_tell(conformal, memory, at_ns, all, told[t][0][0]);
    }
    count_forecasts(told, value, 0);
    free(memory);
}

/* From WILD to TAME every change is twice as large. */
static void swing(float (*value)[C])
{
    float last[C], out[C];

    memcpy(last, value[0], sizeof(last));
    memcpy(out, value[0], sizeof(out));
    for (int t = 1; t < T; t++) {
        float factor = t >= WILD && t < TAME ? 2 : 1;

        for (int c = 0; c < C; c++) {
            out[c] += factor * (value[t][c] - last[c]);
            last[c] = value[t][c];
            value[t][c] = out[c];
        }
    }
}

static void run_all(bool adapt, float rate)
{
    struct vg_conformal conformal;

    fit();
    memset(hours, 0, sizeof(hours));
    memset(cells, 0, sizeof(cells));
    vg_conformal_init(&conformal, &model, TICK_S * VG_NS_PER_S, adapt, 0.9f, rate);
    for (uint32_t b = 0; b < BEDS; b++) {
        simulate(3, b, z[b]);
        swing(z[b]);
        run(&conformal, z[b]);
    }
}

static double coverage(int h, int from, int until)
{
    double covered = 0, n = 0;

    for (int i = from; i < until; i++) {
        covered += hours[h][i].covered;
        n += hours[h][i].n;
    }
    return covered / n;
}

static double width(int h, int from, int until)
{
    double sum = 0, n = 0;

    for (int i = from; i < until; i++) {
        sum += hours[h][i].width;
        n += hours[h][i].n;
    }
    return sum / n;
}

TestSuite(conformal, .init = setup, .timeout = 120);

static void expect_long_run(int h)
{
    cr_expect(fabs(coverage(h, 0, HOURS) - 0.9) <= 0.01, "horizon %d: %.3f", h,
              coverage(h, 0, HOURS));
    for (int c = 0; c < C; c++) {
        double cell = cells[h][c].covered / cells[h][c].n;

        cr_expect(fabs(cell - 0.9) <= 0.02, "horizon %d, channel %d: %.3f", h, c, cell);
    }
}

Test(conformal, coverage_comes_back_when_the_spread_doubles_and_width_when_it_halves)
{
    run_all(true, 0.15f);
    for (int h = 0; h < H; h++) {
        /* Whole hours: the first that begins two hours and the horizon after the change. */
        int back = WILD / HOUR + 2 + (int)((ahead[h] + HOUR - 1) / HOUR);
        double before = width(h, 6, WILD / HOUR), wild = width(h, TAME / HOUR - 4, TAME / HOUR);
        double after = width(h, HOURS - 4, HOURS);

        cr_expect_geq(coverage(h, back, back + 1), 0.85, "horizon %d: %.3f", h,
                      coverage(h, back, back + 1));
        cr_expect_gt(wild, 1.5 * before, "horizon %d", h);
        cr_expect_lt(after, 1.25 * before, "horizon %d", h);
        expect_long_run(h);
    }
}

Test(conformal, without_adapting_the_doubled_spread_is_not_covered)
{
    run_all(false, 0.15f);
    for (int h = 0; h < H; h++) {
        cr_expect_lt(coverage(h, WILD / HOUR + 2, TAME / HOUR), 0.8, "horizon %d", h);
        cr_expect_float_eq(width(h, 0, HOURS), 1, 1e-3);
    }
}

/* ---- one channel, by hand ---- */

static struct vg_conformal one;
static void *memory;

static void setup_one(void)
{
    vg_kernel_thread_init();
    model = (struct vg_model){ .channels = 1,
                               .horizons = 1,
                               .quantiles = Q,
                               .quantile = { 0.05f, 0.5f, 0.95f },
                               .horizon_ns = { 60 * VG_NS_PER_S } };
    vg_conformal_init(&one, &model, TICK_S * VG_NS_PER_S, true, 0.9f, 0.1645f);
    memory = calloc(1, vg_conformal_memory(&one));
}

static void teardown_one(void)
{
    free(memory);
}

TestSuite(conformal_one, .init = setup_one, .fini = teardown_one);

/* Tick `t` with value `now`, then a forecast of 0, 1, 2. Returns the SD, and what was told in y. */
static float tick(int64_t t, float now, bool measured, bool valid, float y[Q], float *residual)
{
    const struct vg_outcome outcome = { &now, &measured };
    float sd;

    vg_conformal_judge(&one, memory, t * TICK_S * VG_NS_PER_S, &outcome, residual, &sd);
    y[0] = 0;
    y[1] = 1;
    y[2] = 2;
    vg_conformal_tell(&one, memory, t * TICK_S * VG_NS_PER_S, &valid, y);
    return sd;
}

Test(conformal_one, a_miss_widens_its_side_and_a_hit_narrows_both)
{
    float y[Q], residual, sd;

    tick(10, 1, true, true, y, &residual);
    tick(11, 1, true, true, y, &residual);
    cr_expect_eq(y[2], 2.0f);
    sd = tick(12, 2.5f, true, true, y, &residual);
    cr_expect_float_eq((double)sd, 2 / 3.29, 1e-3);
    cr_expect_float_eq((double)residual, 1.5, 1e-3);
    cr_expect_float_eq((double)y[2], 2 + 0.1 * 0.95, 1e-5); /* eta is rate / 1.645 = 0.1 */
    cr_expect_float_eq((double)y[0], 0.1 * 0.05, 1e-5);
    cr_expect_eq(y[1], 1.0f);
}

Test(conformal_one, what_was_not_measured_or_not_forecast_is_not_judged)
{
    float y[Q], residual, sd;

    tick(10, 1, true, true, y, &residual);
    tick(11, 1, true, false, y, &residual);
    sd = tick(12, 9, false, true, y, &residual);
    cr_expect_eq(sd, 0.0f);
    cr_expect_eq(y[2], 2.0f);
    sd = tick(13, 9, true, true, y, &residual);
    cr_expect_eq(sd, 0.0f);
    cr_expect_eq(residual, 0.0f);
    cr_expect_eq(y[2], 2.0f);
}

Test(conformal_one, after_a_gap_no_forecast_is_judged_by_a_later_tick)
{
    float y[Q], residual, sd;

    tick(10, 1, true, true, y, &residual);
    tick(11, 1, true, true, y, &residual);
    sd = tick(21, 9, true, true, y, &residual);
    cr_expect_eq(sd, 0.0f);
    cr_expect_eq(y[2], 2.0f);
}

Test(conformal_one, the_memory_of_the_demo_is_within_its_budget)
{
    setup(); /* the demo's channels and horizons */
    vg_conformal_init(&one, &model, TICK_S * VG_NS_PER_S, true, 0.9f, 0.15f);
    cr_expect_leq(vg_conformal_memory(&one), 1500, "%zu", vg_conformal_memory(&one));
}
