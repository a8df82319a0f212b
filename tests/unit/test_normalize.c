/* test_normalize.c - the scale of the models and the personal baseline. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

#include "models/features.h"
#include "tests/support/waves.h"

extern const struct vg_stage_ops vg_stage_normalize;

static struct vg_model model = {
    .name = "m",
    .channels = 2,
    .channel = { VG_CHANNEL_hr, VG_CHANNEL_temp },
    .mean = { 80.0f, 37.0f },
    .scale = { 10.0f, 0.5f },
    .tick_ns = WAVES_TICK_NS,
};
static struct waves w;
static int z, baseline;
static int64_t tick;

static void start(const char *time_constant)
{
    waves_init(&w, &vg_stage_normalize, &model, NULL);
    capture_option(w.c, "baseline", NULL, time_constant);
    waves_start(&w, 0);
    z = vg_layout_find(&w.c->layout, "z");
    baseline = vg_layout_find(&w.c->layout, "baseline");
    tick = 1;
}

static void setup(void)
{
    start("4h");
}

static void teardown(void)
{
    waves_done(&w);
}

TestSuite(normalize, .init = setup, .fini = teardown, .timeout = 30);

/* One tick of the first patient with one channel; returns the row. */
static struct vg_row *feed(int channel, float value, enum vg_quality quality)
{
    struct vg_row *row = waves_row(&w, 0, tick++);

    row->value[channel] = value;
    row->quality[channel] = (uint8_t)quality;
    vg_stage_normalize.row(w.c->self, w.memory[0], row, NULL);
    return row;
}

static float z_of(int channel, float value, enum vg_quality quality)
{
    return vg_row_column(feed(channel, value, quality), z)[channel];
}

static float baseline_now(void)
{
    return vg_row_column(feed(VG_CHANNEL_temp, 37.0f, VG_Q_GOOD), baseline)[VG_CHANNEL_hr];
}

Test(normalize, values_are_scaled_by_the_model)
{
    cr_assert_float_eq(z_of(VG_CHANNEL_hr, 95.0f, VG_Q_GOOD), 1.5f, 1e-6f);
    cr_assert_float_eq(z_of(VG_CHANNEL_temp, 36.5f, VG_Q_GOOD), -1.0f, 1e-5f);
}

struct clip_row {
    float value, expected;
};

ParameterizedTestParameters(normalize, scores_are_clipped_at_six)
{
    static struct clip_row rows[] = {
        { 139.0f, 5.9f }, { 141.0f, 6.0f }, { 350.0f, 6.0f }, { 21.0f, -5.9f }, { 0.0f, -6.0f },
    };
    return cr_make_param_array(struct clip_row, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct clip_row *row, normalize, scores_are_clipped_at_six)
{
    cr_assert_float_eq(z_of(VG_CHANNEL_hr, row->value, VG_Q_GOOD), row->expected, 1e-5f);
}

Test(normalize, good_and_imputed_values_are_scaled_and_others_are_zero)
{
    cr_assert_eq(z_of(VG_CHANNEL_hr, 90.0f, VG_Q_GOOD), 1.0f);
    cr_assert_eq(z_of(VG_CHANNEL_hr, 90.0f, VG_Q_IMPUTED), 1.0f);
    cr_assert_eq(z_of(VG_CHANNEL_hr, 90.0f, VG_Q_SUSPECT), 0.0f);
    cr_assert_eq(z_of(VG_CHANNEL_hr, 0.0f, VG_Q_MISSING), 0.0f);
    cr_assert_eq(z_of(VG_CHANNEL_hr, 0.0f, VG_Q_INVALID), 0.0f);
    cr_assert_eq(z_of(VG_CHANNEL_hr, 0.0f, VG_Q_ABSENT), 0.0f);
}

Test(normalize, a_channel_that_the_model_does_not_have_stays_zero)
{
    struct vg_row *row = feed(VG_CHANNEL_spo2, 80.0f, VG_Q_GOOD);

    cr_assert_eq(vg_row_column(row, z)[VG_CHANNEL_spo2], 0.0f);
    cr_assert_eq(vg_row_column(row, baseline)[VG_CHANNEL_spo2], 0.0f);
}

Test(normalize, a_value_is_scored_before_it_is_learned)
{
    struct vg_row *row = feed(VG_CHANNEL_hr, 100.0f, VG_Q_GOOD);

    cr_assert_eq(vg_row_column(row, baseline)[VG_CHANNEL_hr], 0.0f);
    cr_assert_gt(baseline_now(), 0.0f);
}

Test(normalize, thirty_minutes_weigh_as_much_as_the_population_before_them)
{
    for (int i = 0; i < 180; i++)
        feed(VG_CHANNEL_hr, 90.0f, VG_Q_GOOD);
    /* Slightly above a half, since what came before is forgotten first. */
    cr_assert_float_eq(baseline_now(), 0.5f, 0.04f);
    cr_assert_gt(baseline_now(), 0.5f);
}

Test(normalize, in_the_end_the_baseline_is_the_patient)
{
    for (int i = 0; i < 24 * 360; i++)
        feed(VG_CHANNEL_hr, 97.0f, VG_Q_GOOD);
    cr_assert_float_eq(baseline_now(), 1.7f, 0.01f);
}

Test(normalize, after_one_time_constant_two_thirds_of_a_change_are_learned)
{
    float after;

    for (int i = 0; i < 24 * 360; i++)
        feed(VG_CHANNEL_hr, 80.0f, VG_Q_GOOD);
    for (int i = 0; i < 4 * 360; i++)
        feed(VG_CHANNEL_hr, 90.0f, VG_Q_GOOD);
    after = baseline_now();
    cr_assert_float_eq(after, 1.0f - expf(-1.0f), 0.01f, "%g", (double)after);
}

Test(normalize, only_good_values_are_learned)
{
    for (int i = 0; i < 100; i++) {
        feed(VG_CHANNEL_hr, 100.0f, VG_Q_SUSPECT);
        feed(VG_CHANNEL_hr, 100.0f, VG_Q_IMPUTED);
        feed(VG_CHANNEL_hr, 0.0f, VG_Q_MISSING);
    }
    cr_assert_eq(baseline_now(), 0.0f);
}

Test(normalize, what_is_far_from_usual_is_learned_at_a_tenth_of_the_speed)
{
    float near, far;

    feed(VG_CHANNEL_hr, 119.0f, VG_Q_GOOD); /* z = 3.9 */
    near = baseline_now() / 3.9f;
    teardown();
    setup();
    feed(VG_CHANNEL_hr, 121.0f, VG_Q_GOOD); /* z = 4.1 */
    far = baseline_now() / 4.1f;
    cr_assert_float_eq(far / near, 0.1f, 0.001f, "%g", (double)(far / near));
}

Test(normalize, what_lies_under_unusable_values_is_never_read)
{
    static const float poison[] = { NAN, 1e30f, 0.0f };
    uint8_t seen[3][2 * VG_CHANNELS * sizeof(float)];
    uint8_t memory[3][VG_MEASURED * sizeof(struct vg_baseline_memory)];

    for (size_t k = 0; k < VG_ARRAY_LEN(poison); k++) {
        struct vg_row *row;

        teardown();
        setup();
        feed(VG_CHANNEL_hr, 91.0f, VG_Q_GOOD);
        feed(VG_CHANNEL_hr, poison[k], VG_Q_INVALID);
        row = feed(VG_CHANNEL_hr, poison[k], VG_Q_MISSING);
        memcpy(seen[k], vg_row_column(row, z), sizeof(seen[k]) / 2);
        memcpy(seen[k] + sizeof(seen[k]) / 2, vg_row_column(row, baseline), sizeof(seen[k]) / 2);
        cr_assert_eq(w.c->plan.memory_size, sizeof(memory[k]));
        memcpy(memory[k], w.memory[0], sizeof(memory[k]));
    }
    cr_assert_arr_eq(seen[0], seen[2], sizeof(seen[0]));
    cr_assert_arr_eq(seen[1], seen[2], sizeof(seen[0]));
    cr_assert_arr_eq(memory[0], memory[2], sizeof(memory[0]));
    cr_assert_arr_eq(memory[1], memory[2], sizeof(memory[0]));
}

static void expect_plan_error(struct waves *p, const char *message)
{
    cr_assert_eq(capture_plan(p->c), VG_E_CONFIG);
    cr_assert(strstr(p->c->err.msg, message), "%s", p->c->err.msg);
    capture_free(p->c);
}

Test(normalize_plan, without_a_model_there_is_no_scale)
{
    struct waves p;

    waves_init(&p, &vg_stage_normalize, &model, NULL);
    p.c->plan.models_n = 0;
    expect_plan_error(&p, "\"models:\"");
}

Test(normalize_plan, without_ticks_it_says_what_to_do)
{
    struct waves p;

    waves_init(&p, &vg_stage_normalize, &model, NULL);
    p.c->plan.tick_ns = 0;
    expect_plan_error(&p, "put a stage of type resample before it");
}
