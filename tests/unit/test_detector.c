/* test_detector.c - the detector's formulas by hand, what a device alone may do, and its file. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "models/calibration.h"
#include "models/kernel.h"
#include "models/load.h"
#include "models/save.h"

enum { C = 4, INPUTS = 5 * C + 1, OUTPUTS = VG_DETECTOR_SHARE + C, FAST = VG_DETECTOR_SCORE };

static const int channels[C] = { VG_CHANNEL_hr, VG_CHANNEL_rr, VG_CHANNEL_abp_sys,
                                 VG_CHANNEL_abp_dia };
static const char sha[65] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static struct vg_model about;
static struct vg_calibration cal;
static struct vg_model *model;
static struct vg_err err;
static char path[] = "/tmp/test_detector_XXXXXX";
static float x[INPUTS], y[OUTPUTS];
static void *memory;

static vg_status save(void)
{
    static float question[16 * INPUTS];
    struct vg_save parts = { .kind = "detector",
                             .about = &about,
                             .calibration = &cal,
                             .selftest = question,
                             .selftest_steps = 16 };

    vg_detector_question(C, 16, question);
    return vg_model_save(path, &parts, &err);
}

static void use(void)
{
    cr_assert_eq(save(), VG_OK, "%s", err.msg);
    cr_assert_eq(vg_model_open(path, &model, &err), VG_OK, "%s", err.msg);
    memory = calloc(1, model->memory_size);
}

/* Covariance 1 on the diagonal, .5 between the pressures; both pressures come from one line. */
static void setup(void)
{
    close(mkstemp(path));
    vg_kernel_thread_init();
    about = (struct vg_model){ .channels = C, .tick_ns = 30 * VG_NS_PER_S };
    cal =
        (struct vg_calibration){ .devices = 1, .drift = 1, .cap = 600, .hold = 2, .threshold = 2 };
    memset(about.training_data_sha256, 'a', 64);
    for (int c = 0; c < C; c++) {
        about.channel[c] = channels[c];
        about.mean[c] = 80;
        about.scale[c] = 10;
        cal.sigma_min[c] = 0.1f;
        cal.covariance[c * C + c] = 1;
    }
    cal.covariance[2 * C + 3] = cal.covariance[3 * C + 2] = 0.5f;
    cal.device[0] = 1U << 2 | 1U << 3;
    for (int i = 0; i < VG_SCORES; i++) {
        memcpy(cal.member[i], sha, sizeof(sha));
        cal.tail[i] = (struct vg_tail){ .threshold = 4, .scale = 1, .share = 0.02f };
    }
    use();
}

static void teardown(void)
{
    model->ops->free(model);
    free(memory);
    unlink(path);
}

TestSuite(detector, .init = setup, .fini = teardown, .timeout = 60);

static void again(void)
{
    teardown();
    use();
}

/* All channels usable, with these fast residuals; slow ones 0, no window. */
static void residuals(float hr, float rr, float sys, float dia)
{
    const float r[C] = { hr, rr, sys, dia };

    memset(x, 0, sizeof(x));
    for (int c = 0; c < C; c++) {
        x[c] = r[c];
        x[C + c] = x[3 * C + c] = 1;
    }
}

static void step(void)
{
    float scratch;

    model->ops->step(model, 1, x, &memory, y, &scratch);
}

static void steps(int n)
{
    while (n-- > 0)
        step();
}

static double share(int c)
{
    return (double)y[VG_DETECTOR_SHARE + c];
}

static double shares(void)
{
    double sum = 0;

    for (int c = 0; c < C; c++) {
        cr_assert(share(c) >= 0 && share(c) <= 1);
        sum += share(c);
    }
    return sum;
}

/* As the header defines it, for n usable channels. */
static double score_of(double d2, int n)
{
    return sqrt(2 * d2) - sqrt(2.0 * n - 1);
}

Test(detector, two_channels_that_move_are_weighed_by_the_covariance)
{
    residuals(4, -3, 0, 0);
    steps(2);
    cr_expect_float_eq((double)y[FAST], score_of(25, C), 1e-5);
    cr_expect_float_eq(share(0), 16 / 25.0, 1e-6);
    cr_expect_float_eq(share(1), 9 / 25.0, 1e-6);
    cr_expect_float_eq(shares(), 1, 1e-6);
}

Test(detector, what_one_device_says_alone_does_not_count)
{
    residuals(0, 0, 8, 8);
    steps(3);
    cr_expect_eq(y[FAST], 0.0f);
    residuals(0, 0, 4, -8);
    steps(3);
    cr_expect_eq(y[FAST], 0.0f);
}

Test(detector, what_others_say_too_counts_without_the_device)
{
    residuals(3, 0, 8, 8);
    steps(3);
    cr_expect_float_eq((double)y[FAST], score_of(9, 2), 1e-5);
    cr_expect_float_eq(share(0), 1, 1e-6);
}

Test(detector, leaving_a_device_out_is_as_if_it_were_missing)
{
    double with;

    cal.covariance[0 * C + 2] = cal.covariance[2 * C + 0] = 0.4f;
    again();
    residuals(4, -2, 8, 8);
    steps(3);
    with = (double)y[FAST];
    x[C + 2] = x[C + 3] = 0;
    steps(3);
    cr_expect_float_eq(with, (double)y[FAST], 1e-5);
}

Test(detector, one_tick_of_three_says_nothing_and_two_do)
{
    residuals(5, 5, 0, 0);
    step();
    cr_expect_eq(y[FAST], 0.0f);
    residuals(0, 0, 0, 0);
    step();
    cr_expect_eq(y[FAST], 0.0f);
    residuals(6, 6, 0, 0);
    step();
    cr_expect_float_eq((double)y[FAST], score_of(50, C), 1e-5);
}

Test(detector, what_two_ticks_before_have_shown_is_still_whose_it_was_when_nothing_is_measured)
{
    residuals(4, -3, 0, 0);
    steps(2);
    for (int c = 0; c < C; c++)
        x[C + c] = 0;
    step();
    cr_expect_float_eq((double)y[FAST], score_of(25, C), 1e-5);
    cr_expect_float_eq(share(0), 16 / 25.0, 1e-6);
    cr_expect_float_eq(shares(), 1, 1e-6);
    step();
    cr_expect_eq(y[0], VG_SURPRISE_NONE);
    cr_expect_eq(shares(), 0.0);
}

Test(detector, whatever_is_surprising_is_somebodys)
{
    enum { T = 2000 };
    static float in[T * INPUTS];
    int surprising = 0;

    vg_detector_question(C, T, in);
    for (int t = 0; t < T; t++) {
        memcpy(x, in + t * INPUTS, sizeof(x));
        for (int c = 0; c < C; c++)
            x[C + c] = (t + c) % 3 == 0 ? 0.0f : x[C + c];
        step();
        surprising += y[0] > VG_SURPRISE_NONE;
        cr_assert_float_eq(shares(), y[0] > VG_SURPRISE_NONE ? 1 : 0, 1e-5, "tick %d", t);
    }
    cr_expect_gt(surprising, T / 2);
}

Test(detector, a_window_without_a_number_gives_no_number)
{
    residuals(4, -3, 0, 0);
    x[4 * C] = NAN;
    x[5 * C] = 1;
    step();
    cr_expect(isnan(y[0]));
}

Test(detector, a_missing_channel_is_left_out_and_what_lies_there_is_not_read)
{
    residuals(4, -3, 7, 0);
    x[C + 2] = 0;
    steps(2);
    cr_expect_float_eq((double)y[FAST], score_of(25, C - 1), 1e-5);
    x[2] = 1e30f;
    steps(2);
    cr_expect_float_eq((double)y[FAST], score_of(25, C - 1), 1e-5);
    cr_expect_eq(share(2), 0.0);
}

Test(detector, one_channel_alone_is_never_unusual)
{
    residuals(8, 0, 0, 0);
    for (int c = 1; c < C; c++)
        x[C + c] = 0;
    steps(3);
    cr_expect_eq(y[FAST], 0.0f);
}

Test(detector, small_departures_add_up_beyond_the_drift)
{
    residuals(0, 0, 0, 0);
    for (int t = 1; t <= 100; t++) {
        x[2 * C] = 1.5f;
        x[2 * C + 1] = -3.0f;
        step();
        /* the least of the last two ticks */
        cr_assert_float_eq((double)y[FAST + VG_SCORE_SLOW], t < 2 ? 0 : 2.5 * (t - 1), 1e-3);
    }
    cr_expect_float_eq(share(0), 0.2, 1e-5);
    cr_expect_float_eq(share(1), 0.8, 1e-5);
    x[2 * C] = 0.9f;
    x[2 * C + 1] = 0;
    steps(60);
    cr_expect_float_eq((double)y[FAST + VG_SCORE_SLOW], 50 - 6 + 200 - 60, 1e-3);
}

Test(detector, a_sum_is_capped_and_a_channel_without_values_calms_down)
{
    residuals(0, 0, 0, 0);
    x[2 * C] = 6;
    steps(1000);
    cr_expect_eq(y[FAST + VG_SCORE_SLOW], 600.0f);
    x[3 * C] = 0;
    steps(100);
    cr_expect_eq(y[FAST + VG_SCORE_SLOW], 500.0f);
}

Test(detector, the_most_surprising_score_tells_why)
{
    residuals(4, -3, 0, 0);
    x[4 * C + 3] = 20;
    x[5 * C] = 1;
    steps(2);
    cr_assert_gt(y[1 + VG_SCORE_WINDOW], y[1 + VG_SCORE_FAST]);
    cr_expect_float_eq(share(3), 1, 1e-6);
    x[5 * C] = 0; /* a window that is not valid says nothing */
    step();
    cr_expect_float_eq(share(0), 16 / 25.0, 1e-6);
    cr_expect_eq(y[1 + VG_SCORE_WINDOW], VG_SURPRISE_NONE);
    cr_expect_eq(y[FAST + VG_SCORE_WINDOW], 0.0f);
}

Test(detector, a_score_without_a_member_is_not_computed)
{
    cal.member[VG_SCORE_SLOW][0] = '\0';
    again();
    residuals(0, 0, 0, 0);
    x[2 * C] = 6;
    steps(200);
    cr_expect_eq(y[FAST + VG_SCORE_SLOW], 0.0f);
    cr_expect_eq(y[0], VG_SURPRISE_NONE);
    cr_expect_eq(shares(), 0.0);
}

Test(detector, rows_of_a_batch_are_as_alone)
{
    enum { B = 64 };
    static float in[B * INPUTS], out[B * OUTPUTS];
    void *rows[B];

    vg_detector_question(C, B, in);
    for (int b = 0; b < B; b++)
        rows[b] = calloc(1, model->memory_size);
    for (int t = 0; t < 5; t++)
        model->ops->step(model, B, in, rows, out, NULL);
    for (int b = 0; b < B; b++) {
        memset(memory, 0, model->memory_size);
        memcpy(x, in + b * INPUTS, sizeof(x));
        steps(5);
        cr_assert_eq(memcmp(y, out + b * OUTPUTS, sizeof(y)), 0);
        free(rows[b]);
    }
}

static void refused(const char *why)
{
    cr_assert_eq(save(), VG_E_MODEL);
    cr_assert(strstr(err.msg, why), "%s", err.msg);
}

Test(detector, a_file_that_means_nothing_is_refused)
{
    struct vg_calibration good = cal;

    cal.covariance[2 * C + 3] = cal.covariance[3 * C + 2] = 1.5f;
    refused("positive definite");
    cal = good;
    cal.covariance[1] = 0.1f;
    refused("symmetric");
    cal = good;
    cal.tail[1].share = 0.7f;
    refused("tail, row 1");
    cal = good;
    cal.sigma_min[3] = 0;
    refused("sigma_min");
    cal = good;
    cal.hold = VG_DETECTOR_HOLD_MAX + 1;
    refused("hold");
    cal = good;
    cal.drift = -1;
    refused("drift");
    cal = good;
    memset(cal.member, 0, sizeof(cal.member));
    refused("SHA-256");
    cal = good;
    cal.member[0][5] = 'x';
    refused("SHA-256");
    cal = good;
    cal.device[cal.devices++] = 1U << 3;
    refused("at most one device");
}
