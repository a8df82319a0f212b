/* test_detect.c - the window, the score and whose fault it is. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tests/support/golden.h"
#include "tests/support/waves.h"

extern const struct vg_stage_ops vg_stage_detect;
extern const struct vg_model_ops vg_model_lstm, vg_model_autoencoder;

enum { WINDOW = 5, CHANNELS = 3 };

static struct vg_model *model, *other;
static struct waves w;
static struct vg_err err;
static int score, valid, share;

static void plan(void)
{
    cr_assert_eq(vg_model_autoencoder.load(GOLDEN("dense.safetensors"), &model, &err), VG_OK, "%s",
                 err.msg);
    cr_assert_eq(vg_model_lstm.load(GOLDEN("lstm.safetensors"), &other, &err), VG_OK, "%s",
                 err.msg);
    strcpy(model->name, "ward_ae");
    strcpy(other->name, "ward_forecast");
    waves_init(&w, &vg_stage_detect, model, other);
}

static void start(const char *explain)
{
    plan();
    capture_option(w.c, "model", NULL, "ward_ae");
    capture_option(w.c, "explain", NULL, explain);
    waves_start(&w, WAVES_Z);
    score = vg_layout_find(&w.c->layout, "anomaly_score");
    valid = vg_layout_find(&w.c->layout, "anomaly_valid");
    share = vg_layout_find(&w.c->layout, "contribution");
}

static void setup(void)
{
    start("3");
}

static void free_models(void)
{
    model->ops->free(model);
    other->ops->free(other);
}

static void teardown(void)
{
    waves_done(&w);
    free_models();
}

TestSuite(detect, .init = setup, .fini = teardown, .timeout = 60);

static float z_at(uint32_t i, int64_t tick, uint32_t k)
{
    return (float)((i * 7 + (uint32_t)tick * 3 + k) % 11) / 4.0f - 1.25f;
}

static struct vg_row *usual(uint32_t i, int64_t tick)
{
    struct vg_row *row = waves_row(&w, i, tick);

    for (uint32_t k = 0; k < CHANNELS; k++)
        waves_set(&w, row, model->channel[k], VG_Q_GOOD, z_at(i, tick, k), 1.0f);
    return row;
}

static float valid_of(const struct vg_row *row)
{
    return vg_row_column(row, valid)[0];
}

/* Straight from the definition, for a window that ends at `tick` and lacks nothing. */
static float expected_score(int64_t tick, float shares[CHANNELS])
{
    float x[2 * WINDOW * CHANNELS], y[WINDOW * CHANNELS], total = 0.0f;
    void *scratch = golden_zeroed(model->scratch_size);

    for (int t = 0; t < WINDOW; t++) {
        for (uint32_t k = 0; k < CHANNELS; k++) {
            x[t * CHANNELS + k] = z_at(0, tick - WINDOW + 1 + t, k);
            x[(WINDOW + t) * CHANNELS + k] = 1.0f;
        }
    }
    model->ops->step(model, 1, x, NULL, y, scratch);
    for (uint32_t k = 0; k < CHANNELS; k++) {
        shares[k] = 0.0f;
        for (int t = 0; t < WINDOW; t++)
            shares[k] += (y[t * CHANNELS + k] - x[t * CHANNELS + k]) *
                         (y[t * CHANNELS + k] - x[t * CHANNELS + k]);
        total += shares[k];
    }
    for (uint32_t k = 0; k < CHANNELS; k++)
        shares[k] /= total;
    free(scratch);
    return total / (WINDOW * CHANNELS);
}

Test(detect, the_score_is_the_mean_squared_error_of_the_newest_window)
{
    for (int64_t tick = 1; tick < 4 * WINDOW; tick++) {
        struct vg_row *row = usual(0, tick);
        float shares[CHANNELS], sum = 0.0f;

        waves_step(&w, 0, 1);
        if (tick < WINDOW)
            continue;
        cr_assert_eq(vg_row_column(row, score)[0], expected_score(tick, shares), "tick %d",
                     (int)tick);
        for (uint32_t k = 0; k < CHANNELS; k++) {
            cr_assert_eq(vg_row_column(row, share)[k], shares[k]);
            sum += vg_row_column(row, share)[k];
        }
        cr_assert_float_eq(sum, 1.0f, 1e-6f);
        cr_assert_eq(valid_of(row), 1.0f);
    }
}

Test(detect, a_score_is_valid_once_half_of_the_window_was_seen)
{
    for (int64_t tick = 1; tick <= WINDOW; tick++) {
        struct vg_row *row = usual(0, tick);

        waves_step(&w, 0, 1);
        cr_assert_eq(valid_of(row), tick >= 3 ? 1.0f : 0.0f, "tick %d of 5", (int)tick);
    }
}

Test(detect, a_score_is_not_valid_when_less_than_half_is_usable)
{
    struct vg_row *row;
    int64_t tick = 1;

    for (; tick <= WINDOW; tick++) {
        row = usual(0, tick);
        waves_set(&w, row, model->channel[0], VG_Q_MISSING, 0.0f, 30.0f);
        waves_step(&w, 0, 1);
    }
    cr_assert_eq(valid_of(row), 1.0f, "two of three channels");
    cr_assert_eq(vg_row_column(row, share)[0], 0.0f, "a missing channel is no one's fault");
    for (; tick <= 2 * WINDOW; tick++) {
        row = usual(0, tick);
        waves_set(&w, row, model->channel[0], VG_Q_MISSING, 0.0f, 30.0f);
        waves_set(&w, row, model->channel[1], VG_Q_INVALID, 0.0f, 30.0f);
        waves_step(&w, 0, 1);
    }
    cr_assert_eq(valid_of(row), 0.0f, "one of three channels");
}

Test(detect, nothing_at_all_scores_zero_and_is_not_valid)
{
    struct vg_row *row = waves_row(&w, 0, 1);

    waves_step(&w, 0, 1);
    cr_assert_eq(vg_row_column(row, score)[0], 0.0f);
    cr_assert_eq(valid_of(row), 0.0f);
}

Test(detect, ticks_that_never_came_leave_a_gap)
{
    uint8_t with_gap[2][sizeof(float) * (2 + CHANNELS)];

    for (int way = 0; way < 2; way++) {
        struct vg_row *row;

        memset(w.memory[0], 0, w.c->plan.memory_size);
        for (int64_t tick = 1; tick <= 9; tick++) {
            if (way == 0 && (tick == 6 || tick == 7))
                continue;
            row = tick == 6 || tick == 7 ? waves_row(&w, 0, tick) : usual(0, tick);
            waves_step(&w, 0, 1);
        }
        memcpy(with_gap[way], vg_row_column(row, score), sizeof(float));
        memcpy(with_gap[way] + 4, vg_row_column(row, valid), sizeof(float));
        memcpy(with_gap[way] + 8, vg_row_column(row, share), CHANNELS * sizeof(float));
    }
    cr_assert_arr_eq(with_gap[0], with_gap[1], sizeof(with_gap[0]));
}

Test(detect, after_a_long_gap_the_window_is_empty)
{
    struct vg_row *row;

    for (int64_t tick = 1; tick <= WINDOW; tick++) {
        usual(0, tick);
        waves_step(&w, 0, 1);
    }
    row = usual(0, 1000000);
    waves_step(&w, 0, 1);
    cr_assert_eq(valid_of(row), 0.0f);
}

Test(detect, explain_keeps_the_largest_shares)
{
    float all[CHANNELS];
    uint32_t largest = 0;
    struct vg_row *row;

    for (int64_t tick = 1; tick <= WINDOW; tick++) {
        row = usual(0, tick);
        waves_step(&w, 0, 1);
    }
    memcpy(all, vg_row_column(row, share), sizeof(all));
    for (uint32_t k = 1; k < CHANNELS; k++)
        largest = all[k] > all[largest] ? k : largest;
    teardown();
    start("1");
    for (int64_t tick = 1; tick <= WINDOW; tick++) {
        row = usual(0, tick);
        waves_step(&w, 0, 1);
    }
    for (uint32_t k = 0; k < CHANNELS; k++)
        cr_assert_eq(vg_row_column(row, share)[k], k == largest ? all[k] : 0.0f);
}

Test(detect, a_patient_does_not_depend_on_who_else_is_in_the_wave)
{
    static float alone[VG_BATCH_MAX];

    for (uint32_t i = 0; i < VG_BATCH_MAX; i++) {
        for (int64_t tick = 1; tick <= 7; tick++) {
            usual(i, tick);
            waves_step(&w, i, 1);
        }
        alone[i] = vg_row_column(&w.row[i], score)[0];
    }
    for (uint32_t i = 0; i < VG_BATCH_MAX; i++)
        memset(w.memory[i], 0, w.c->plan.memory_size);
    for (int64_t tick = 1; tick <= 7; tick++) {
        for (uint32_t i = 0; i < VG_BATCH_MAX; i++)
            usual(i, tick);
        waves_step(&w, 0, 37);
        waves_step(&w, 37, VG_BATCH_MAX - 37);
    }
    for (uint32_t i = 0; i < VG_BATCH_MAX; i++)
        cr_assert_eq(vg_row_column(&w.row[i], score)[0], alone[i], "patient %u", i);
}

Test(detect, what_lies_under_unusable_values_is_never_read)
{
    static const float poison[] = { 0.0f, NAN, 1e30f };
    uint8_t *memory = golden_zeroed(w.c->plan.memory_size);
    float first = 0.0f;

    for (size_t k = 0; k < VG_ARRAY_LEN(poison); k++) {
        struct vg_row *row;

        memset(w.memory[0], 0, w.c->plan.memory_size);
        for (int64_t tick = 1; tick < 9; tick++) {
            row = usual(0, tick);
            if (tick % 3 == 0)
                waves_set(&w, row, model->channel[1], VG_Q_INVALID, 0.0f, 30.0f);
            waves_poison(&w, row, poison[k]);
            waves_step(&w, 0, 1);
        }
        if (k == 0) {
            first = vg_row_column(row, score)[0];
            memcpy(memory, w.memory[0], w.c->plan.memory_size);
        }
        cr_assert_eq(vg_row_column(row, score)[0], first);
        cr_assert_arr_eq(memory, (uint8_t *)w.memory[0], w.c->plan.memory_size);
    }
    free(memory);
}

static void expect_plan_error(const char *name, int64_t tick_ns, const char *message)
{
    plan();
    w.c->plan.tick_ns = tick_ns;
    capture_option(w.c, "model", NULL, name);
    cr_assert_eq(capture_plan(w.c), VG_E_CONFIG);
    cr_assert_str_eq(w.c->err.option, "model");
    cr_assert(strstr(w.c->err.msg, message), "%s", w.c->err.msg);
    capture_free(w.c);
    free_models();
}

Test(detect_plan, an_unknown_model_is_named)
{
    expect_plan_error("nothing_like_it", WAVES_TICK_NS, "there is no model \"nothing_like_it\"");
}

Test(detect_plan, a_forecaster_has_no_window)
{
    expect_plan_error("ward_forecast", WAVES_TICK_NS,
                      "model ward_forecast is of type lstm and has no window");
}

Test(detect_plan, the_tick_of_the_chain_must_be_the_models)
{
    expect_plan_error("ward_ae", VG_NS_PER_S,
                      "trained on a tick of 10s, but the chain's tick is 1s");
}
