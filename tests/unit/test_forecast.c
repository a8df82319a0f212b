/* test_forecast.c - what the model is given, what the row gets, and what neither may depend on. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tests/support/golden.h"
#include "tests/support/waves.h"

extern const struct vg_stage_ops vg_stage_forecast;
extern const struct vg_model_ops vg_model_lstm, vg_model_autoencoder;

static struct vg_model *model, *other;
static struct waves w;
static struct vg_err err;
static int forecast, valid;

static void plan(void)
{
    cr_assert_eq(vg_model_lstm.load(GOLDEN("lstm.safetensors"), &model, &err), VG_OK, "%s",
                 err.msg);
    cr_assert_eq(vg_model_autoencoder.load(GOLDEN("dense.safetensors"), &other, &err), VG_OK, "%s",
                 err.msg);
    strcpy(model->name, "ward_forecast");
    strcpy(other->name, "ward_ae");
    waves_init(&w, &vg_stage_forecast, model, other);
}

static void setup(void)
{
    plan();
    capture_option(w.c, "model", NULL, "ward_forecast");
    capture_option(w.c, "adapt", NULL, "false");
    waves_start(&w, WAVES_Z | WAVES_BASELINE | WAVES_AGE);
    forecast = vg_layout_find(&w.c->layout, "forecast");
    valid = vg_layout_find(&w.c->layout, "forecast_valid");
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

TestSuite(forecast, .init = setup, .fini = teardown, .timeout = 60);

/* A tick of patient `i` with all three channels, different for each patient and tick. */
static struct vg_row *usual(uint32_t i, int64_t tick)
{
    struct vg_row *row = waves_row(&w, i, tick);

    for (uint32_t k = 0; k < model->channels; k++) {
        float size = (float)((i * 7 + (uint32_t)tick * 3 + k) % 11) / 4.0f - 1.2f;

        waves_set(&w, row, model->channel[k], VG_Q_GOOD, size, 1.0f);
        vg_row_column(row, w.baseline)[model->channel[k]] = size / 3.0f;
    }
    return row;
}

/* What the stage must have given the model for a row, by the definition in core/model.h. */
static void expect_forecast(struct vg_row *row, const float *x, void *memory)
{
    float y[30];
    void *scratch = golden_zeroed(model->scratch_size);

    model->ops->step(model, 1, x, &memory, y, scratch);
    for (uint32_t i = 0; i < VG_ARRAY_LEN(y); i++)
        cr_assert_eq(vg_row_column(row, forecast)[i],
                     model->mean[i / 10] + model->scale[i / 10] * y[i], "output %u", i);
    free(scratch);
}

static void input_of(const struct vg_row *row, float x[12])
{
    for (uint32_t k = 0; k < 3; k++) {
        x[k] = vg_row_column(row, w.z)[model->channel[k]];
        x[3 + k] = 1.0f;
        x[6 + k] = vg_log1pf(1.0f) / 6.0f;
        x[9 + k] = vg_row_column(row, w.baseline)[model->channel[k]];
    }
}

Test(forecast, the_row_gets_what_the_model_says_in_channel_units)
{
    void *memory = golden_zeroed(model->memory_size);

    for (int64_t tick = 1; tick < 20; tick++) {
        struct vg_row *row = usual(0, tick);
        float x[12];

        waves_step(&w, 0, 1);
        input_of(row, x);
        expect_forecast(row, x, memory);
        for (uint32_t k = 0; k < 3; k++)
            cr_assert_eq(vg_row_column(row, valid)[k], 1.0f);
    }
    free(memory);
}

Test(forecast, a_channel_without_a_value_is_held_and_the_model_is_told)
{
    void *memory = golden_zeroed(model->memory_size);
    struct vg_row *row = usual(0, 1);
    float x[12], held;

    waves_step(&w, 0, 1);
    input_of(row, x);
    expect_forecast(row, x, memory);
    held = x[0];

    row = usual(0, 2);
    waves_set(&w, row, VG_CHANNEL_hr, VG_Q_MISSING, 0.0f, 11.0f);
    waves_step(&w, 0, 1);
    input_of(row, x);
    x[0] = held;
    x[3] = 0.0f;
    x[6] = vg_log1pf(11.0f) / 6.0f;
    expect_forecast(row, x, memory);
    free(memory);
}

Test(forecast, validity_ends_when_a_channel_was_not_heard_of_for_five_ticks_beyond_its_own)
{
    /* hr: validity 10 s, five ticks of 10 s. */
    static const struct {
        float age_s, valid;
    } rows[] = { { 1.0f, 1.0f }, { 60.0f, 1.0f }, { 61.0f, 0.0f }, { 4000.0f, 0.0f } };

    usual(0, 1);
    waves_step(&w, 0, 1);
    for (size_t k = 0; k < VG_ARRAY_LEN(rows); k++) {
        struct vg_row *row = usual(0, 2 + (int64_t)k);

        waves_set(&w, row, VG_CHANNEL_hr, VG_Q_MISSING, 0.0f, rows[k].age_s);
        waves_step(&w, 0, 1);
        cr_assert_eq(vg_row_column(row, valid)[0], rows[k].valid, "age %g", (double)rows[k].age_s);
        cr_assert_eq(vg_row_column(row, valid)[1], 1.0f, "another channel");
    }
}

Test(forecast, a_channel_that_was_never_seen_is_not_valid_but_finite)
{
    struct vg_row *row = usual(0, 1);

    waves_set(&w, row, VG_CHANNEL_rr, VG_Q_ABSENT, 0.0f, -1.0f);
    waves_step(&w, 0, 1);
    cr_assert_eq(vg_row_column(row, valid)[2], 0.0f);
    cr_assert_eq(vg_row_column(row, valid)[0], 1.0f);
    for (uint32_t i = 0; i < model->outputs; i++)
        cr_assert(isfinite(vg_row_column(row, forecast)[i]), "output %u", i);
}

Test(forecast, an_age_beyond_an_hour_counts_as_an_hour_and_so_does_never)
{
    static const float ages[] = { 3600.0f, 5000.0f, -1.0f };
    float first[30];

    for (size_t k = 0; k < VG_ARRAY_LEN(ages); k++) {
        struct vg_row *row = usual(0, 1);

        memset(w.memory[0], 0, w.c->plan.memory_size);
        waves_set(&w, row, VG_CHANNEL_rr, VG_Q_MISSING, 0.0f, ages[k]);
        waves_step(&w, 0, 1);
        if (k == 0)
            memcpy(first, vg_row_column(row, forecast), sizeof(first));
        cr_assert_arr_eq((uint8_t *)first, (uint8_t *)vg_row_column(row, forecast), sizeof(first),
                         "age %g", (double)ages[k]);
    }
}

Test(forecast, a_patient_does_not_depend_on_who_else_is_in_the_wave)
{
    static float alone[VG_BATCH_MAX][30];

    for (uint32_t i = 0; i < VG_BATCH_MAX; i++) {
        for (int64_t tick = 1; tick <= 3; tick++) {
            usual(i, tick);
            waves_step(&w, i, 1);
        }
        memcpy(alone[i], vg_row_column(&w.row[i], forecast), sizeof(alone[i]));
    }
    for (uint32_t n = 2; n <= VG_BATCH_MAX; n += 3) {
        for (uint32_t i = 0; i < VG_BATCH_MAX; i++)
            memset(w.memory[i], 0, w.c->plan.memory_size);
        for (int64_t tick = 1; tick <= 3; tick++) {
            for (uint32_t i = 0; i < VG_BATCH_MAX; i++)
                usual(i, tick);
            for (uint32_t i = 0; i < VG_BATCH_MAX; i += n)
                waves_step(&w, i, i + n <= VG_BATCH_MAX ? n : VG_BATCH_MAX - i);
        }
        for (uint32_t i = 0; i < VG_BATCH_MAX; i++)
            cr_assert_arr_eq((uint8_t *)vg_row_column(&w.row[i], forecast), (uint8_t *)alone[i],
                             sizeof(alone[i]), "waves of %u, patient %u", n, i);
    }
}

Test(forecast, what_lies_under_unusable_values_is_never_read)
{
    static const float poison[] = { 0.0f, NAN, 1e30f };
    float first[30];
    uint8_t *memory = golden_zeroed(w.c->plan.memory_size);

    for (size_t k = 0; k < VG_ARRAY_LEN(poison); k++) {
        struct vg_row *row;

        memset(w.memory[0], 0, w.c->plan.memory_size);
        for (int64_t tick = 1; tick < 6; tick++) {
            row = usual(0, tick);
            waves_set(&w, row, VG_CHANNEL_hr, tick % 2 ? VG_Q_INVALID : VG_Q_MISSING, 0.0f, 30.0f);
            waves_poison(&w, row, poison[k]);
            waves_step(&w, 0, 1);
        }
        if (k == 0) {
            memcpy(first, vg_row_column(row, forecast), sizeof(first));
            memcpy(memory, w.memory[0], w.c->plan.memory_size);
        }
        cr_assert_arr_eq((uint8_t *)first, (uint8_t *)vg_row_column(row, forecast), sizeof(first));
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

Test(forecast_plan, an_unknown_model_is_named_with_a_near_miss)
{
    expect_plan_error("ward_forcast", WAVES_TICK_NS, "did you mean \"ward_forecast\"");
}

Test(forecast_plan, an_autoencoder_is_not_a_forecaster)
{
    expect_plan_error("ward_ae", WAVES_TICK_NS,
                      "model ward_ae is of type autoencoder and forecasts nothing");
}

Test(forecast_plan, the_tick_of_the_chain_must_be_the_models)
{
    expect_plan_error("ward_forecast", 30 * VG_NS_PER_S,
                      "trained on a tick of 10s, but the chain's tick is 30s");
}

Test(forecast_plan, without_ticks_it_says_what_to_do)
{
    expect_plan_error("ward_forecast", 0, "put a stage of type resample before it");
}

Test(forecast_plan, intervals_that_would_keep_too_much_of_a_patient_are_refused)
{
    plan();
    model->horizons = VG_HORIZONS_MAX;
    model->channels = VG_MEASURED;
    for (uint32_t h = 0; h < model->horizons; h++)
        model->horizon_ns[h] = (h + 1) * 600 * VG_NS_PER_S;
    capture_option(w.c, "model", NULL, "ward_forecast");
    cr_assert_eq(capture_plan(w.c), VG_E_CONFIG);
    cr_assert(strstr(w.c->err.msg, "at most 2560 are meant for that; train one with fewer"), "%s",
              w.c->err.msg);
    capture_free(w.c);
    free_models();
}

Test(forecast_plan, it_needs_normalize_before_it)
{
    plan();
    capture_option(w.c, "model", NULL, "ward_forecast");
    cr_assert_eq(capture_plan(w.c), VG_E_CONFIG);
    cr_assert(strstr(w.c->err.msg, "needs the column \"z\""), "%s", w.c->err.msg);
    capture_free(w.c);
    free_models();
}
