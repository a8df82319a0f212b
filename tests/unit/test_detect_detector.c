/* test_detect_detector.c - the detect stage with a detector: what it is given, and with whom. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "models/calibration.h"
#include "models/load.h"
#include "models/save.h"
#include "tests/support/golden.h"
#include "tests/support/waves.h"

extern const struct vg_stage_ops vg_stage_detect;

enum { C = 3, INPUTS = 5 * C + 1 };

static struct vg_model *fast, *window, *detector;
static const struct vg_model *models[3];
static struct vg_calibration cal;
static struct waves w;
static struct vg_err err;
static int residual, residual_sd, score, valid, share, inputs;
static char path[] = "/tmp/test_detect_detector_XXXXXX";

static struct vg_model *open_model(const char *file, const char *name)
{
    struct vg_model *m;

    cr_assert_eq(vg_model_open(file, &m, &err), VG_OK, "%s", err.msg);
    strcpy(m->name, name);
    return m;
}

/* The golden models, and a detector that watches their residuals, slow sums and windows. */
static void make_models(void)
{
    static float question[8 * INPUTS];
    struct vg_model about;
    struct vg_save parts = {
        .kind = "detector", .calibration = &cal, .selftest = question, .selftest_steps = 8
    };

    close(mkstemp(path));
    vg_kernel_thread_init();
    fast = open_model(GOLDEN("lstm.safetensors"), "ward_forecast");
    window = open_model(GOLDEN("dense.safetensors"), "ward_ae");
    cal = (struct vg_calibration){ .drift = 1, .cap = 600, .hold = 1, .threshold = 2 };
    memcpy(cal.member[VG_SCORE_FAST], fast->sha256, sizeof(fast->sha256));
    memcpy(cal.member[VG_SCORE_SLOW], fast->sha256, sizeof(fast->sha256));
    memcpy(cal.member[VG_SCORE_WINDOW], window->sha256, sizeof(window->sha256));
    for (int c = 0; c < C; c++) {
        cal.sigma_min[c] = 0.5f;
        cal.covariance[c * C + c] = 1;
    }
    for (int i = 0; i < VG_SCORES; i++)
        cal.tail[i] = (struct vg_tail){ .threshold = 4, .scale = 1, .share = 0.02f };
    vg_detector_question(C, 8, question);
    about = (struct vg_model){ .channels = fast->channels, .tick_ns = fast->tick_ns };
    memcpy(about.channel, fast->channel, sizeof(about.channel));
    memcpy(about.mean, fast->mean, sizeof(about.mean));
    memcpy(about.scale, fast->scale, sizeof(about.scale));
    memcpy(about.training_data_sha256, fast->training_data_sha256,
           sizeof(about.training_data_sha256));
    parts.about = &about;
    cr_assert_eq(vg_model_save(path, &parts, &err), VG_OK, "%s", err.msg);
    detector = open_model(path, "ward_detector");
    waves_init(&w, &vg_stage_detect, NULL, NULL);
    models[0] = fast;
    models[1] = window;
    models[2] = detector;
    w.c->plan.models = models;
    w.c->plan.models_n = 3;
}

static void columns(const struct vg_model *forecaster)
{
    residual = capture_column(w.c, "residual", C, forecaster);
    residual_sd = capture_column(w.c, "residual_sd", C, forecaster);
    capture_option(w.c, "model", NULL, "ward_detector");
}

static void setup(void)
{
    make_models();
    columns(fast);
    capture_option(w.c, "inputs", NULL, "true");
    waves_start(&w, WAVES_Z | WAVES_BASELINE | WAVES_AGE);
    score = vg_layout_find(&w.c->layout, "anomaly_score");
    valid = vg_layout_find(&w.c->layout, "anomaly_valid");
    share = vg_layout_find(&w.c->layout, "contribution");
    inputs = vg_layout_find(&w.c->layout, "detector_inputs");
}

static void free_models(void)
{
    fast->ops->free(fast);
    window->ops->free(window);
    detector->ops->free(detector);
    unlink(path);
}

static void teardown(void)
{
    waves_done(&w);
    free_models();
}

TestSuite(detect_detector, .init = setup, .fini = teardown, .timeout = 60);

/* A tick with all channels at z, and these residuals, with an SD of 1. */
static struct vg_row *tick(int64_t t, float z, float a, float b, float c)
{
    const float r[C] = { a, b, c };
    struct vg_row *row = waves_row(&w, 0, t);

    for (uint32_t k = 0; k < C; k++) {
        waves_set(&w, row, fast->channel[k], VG_Q_GOOD, z, 1.0f);
        vg_row_column(row, residual)[k] = r[k];
        vg_row_column(row, residual_sd)[k] = 1.0f;
    }
    waves_step(&w, 0, 1);
    return row;
}

static float at(const struct vg_row *row, int column, int i)
{
    return vg_row_column(row, column)[i];
}

Test(detect_detector, residuals_come_in_the_forecasts_own_standard_deviations)
{
    struct vg_row *row = tick(1, 0, 2, -3, 0);

    cr_expect_eq(at(row, inputs, 0), 2.0f);
    cr_expect_eq(at(row, inputs, 1), -3.0f);
    cr_expect_eq(at(row, inputs, C), 1.0f);
    vg_row_column(row, residual_sd)[0] = 0.25f; /* less than the least, 0.5 */
    vg_row_column(row, residual_sd)[1] = 0.0f;  /* there was no forecast */
    vg_row_column(row, residual)[2] = 100.0f;
    row->event_ns += WAVES_TICK_NS;
    waves_step(&w, 0, 1);
    cr_expect_eq(at(row, inputs, 0), 4.0f);
    cr_expect_eq(at(row, inputs, 1), 0.0f);
    cr_expect_eq(at(row, inputs, C + 1), 0.0f);
    cr_expect_eq(at(row, inputs, 2), VG_FAST_CLIP);
}

Test(detect_detector, the_row_gets_what_the_detector_says_of_its_inputs)
{
    void *memory = golden_zeroed(detector->memory_size);
    float y[VG_DETECTOR_SHARE + C];

    for (int64_t t = 1; t < 200; t++) {
        struct vg_row *row =
            tick(t, (float)(t % 13) / 4 - 1.5f, (float)(t % 7), -(float)(t % 5), 1);
        double sum = 0;

        detector->ops->step(detector, 1, vg_row_column(row, inputs), &memory, y, NULL);
        cr_assert_eq(at(row, score, 0), y[0], "tick %d", (int)t);
        for (int c = 0; c < C; c++) {
            cr_assert_eq(at(row, share, c), y[VG_DETECTOR_SHARE + c]);
            sum += (double)at(row, share, c);
        }
        cr_assert(y[0] == VG_SURPRISE_NONE || fabs(sum - 1) < 1e-5, "tick %d: %g", (int)t, sum);
        cr_assert_eq(at(row, valid, 0), 1.0f);
    }
    free(memory);
}

Test(detect_detector, a_slow_residual_is_that_of_the_forecast_ten_minutes_before)
{
    const uint32_t ahead = (uint32_t)(fast->horizon_ns[fast->horizons - 1] / WAVES_TICK_NS);
    bool any = false;

    for (int64_t t = 1; t < 200; t++) {
        struct vg_row *row = tick(t, 0.5f, 0, 0, 0);

        any |= at(row, inputs, 3 * C) != 0.0f;
        if (t == 1)
            cr_assert_eq(at(row, inputs, 3 * C), 0.0f, "nothing was forecast of the first tick");
    }
    cr_expect(any);
    cr_expect_leq(ahead, 200);
}

Test(detect_detector, nothing_is_valid_while_nothing_is_known)
{
    struct vg_row *row = waves_row(&w, 0, 1);

    for (uint32_t k = 0; k < C; k++)
        vg_row_column(row, residual)[k] = vg_row_column(row, residual_sd)[k] = 0.0f;
    waves_step(&w, 0, 1);
    cr_expect_eq(at(row, valid, 0), 0.0f);
    cr_expect_eq(at(row, score, 0), VG_SURPRISE_NONE);
}

/* As the forecaster gives no number while one of its inputs is none. */
Test(detect_detector, a_slow_model_that_fails_gives_no_score)
{
    struct vg_row *row;

    for (int64_t t = 1; t < 5; t++)
        cr_assert(isfinite(at(tick(t, 0, 0, 0, 0), score, 0)));
    row = waves_row(&w, 0, 5);
    waves_set(&w, row, fast->channel[0], VG_Q_GOOD, 0, 1.0f);
    vg_row_column(row, w.baseline)[fast->channel[0]] = NAN;
    waves_step(&w, 0, 1);
    cr_expect(isnan(at(row, score, 0)));
}

Test(detect_detector, one_channel_is_not_enough_however_many_forecasts_there_are_of_it)
{
    struct vg_row *row = NULL;

    for (int64_t t = 1; t < 100; t++) {
        row = waves_row(&w, 0, t);
        for (uint32_t k = 0; k < C; k++)
            vg_row_column(row, residual_sd)[k] = k == 0 ? 1.0f : 0.0f;
        waves_set(&w, row, fast->channel[0], VG_Q_GOOD, 1, 1.0f);
        waves_step(&w, 0, 1);
        cr_assert_eq(at(row, valid, 0), 0.0f, "tick %d", (int)t);
    }
    cr_expect_eq(at(row, inputs, C), 1.0f);
    cr_expect_eq(at(row, inputs, 3 * C), 1.0f, "and a slow one");
}

static void expect_plan_error(const char *message)
{
    waves_columns(&w, WAVES_Z | WAVES_BASELINE | WAVES_AGE);
    cr_assert_eq(capture_plan(w.c), VG_E_CONFIG);
    cr_assert(strstr(w.c->err.msg, message), "%s", w.c->err.msg);
    capture_free(w.c);
    free_models();
}

Test(detect_detector_plan, a_model_that_it_was_not_calibrated_with_is_missed)
{
    make_models();
    columns(fast);
    models[1] = models[2];
    w.c->plan.models_n = 2;
    expect_plan_error("was calibrated with another model for its score \"window\"");
}

Test(detect_detector_plan, forecasts_of_another_model_are_refused)
{
    make_models();
    columns(window);
    expect_plan_error("but the chain forecasts with ward_ae");
}

Test(detect_detector_plan, a_score_of_windows_needs_a_model_that_has_one)
{
    struct vg_model *other;

    make_models();
    other = open_model(GOLDEN("lstm.safetensors"), "other");
    memcpy(other->sha256, window->sha256, sizeof(other->sha256));
    models[1] = other;
    columns(fast);
    expect_plan_error("model other is of type lstm and has no window");
    other->ops->free(other);
}
