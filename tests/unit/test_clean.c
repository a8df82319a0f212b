/* test_clean.c - what clean says of a value. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

#include "tests/support/capture.h"

extern const struct vg_stage_ops vg_stage_clean;

static struct capture *c;

static void setup(void)
{
    c = capture_new(&vg_stage_clean);
}

static void teardown(void)
{
    capture_free(c);
}

static int64_t at(double s)
{
    return (int64_t)(s * (double)VG_NS_PER_S);
}

/* Sends one value at `s`, and returns the row as clean left it. */
static struct vg_row *feed(double s, int channel, float value)
{
    struct capture_row r = capture_row("p-1", at(s));

    capture_value(&r, channel, value);
    return capture_send(c, &r);
}

static void expect(const struct vg_row *row, int channel, enum vg_quality quality,
                   enum vg_reason reason)
{
    cr_assert_eq(row->quality[channel], quality, "%s %s", vg_channels[channel].name,
                 vg_quality_name(row->quality[channel]));
    cr_assert_eq(row->reason[channel], reason, "%s %s", vg_channels[channel].name,
                 vg_reason_name(row->reason[channel]));
}

TestSuite(clean, .init = setup, .fini = teardown, .timeout = 10);

struct value_row {
    int channel;
    float value;
    int quality, reason;
};

ParameterizedTestParameters(clean, a_value_is_a_measurement_or_says_why_not)
{
    static struct value_row rows[] = {
        { VG_CHANNEL_spo2, 97, VG_Q_GOOD, VG_REASON_NONE },
        { VG_CHANNEL_spo2, 100, VG_Q_GOOD, VG_REASON_NONE },
        { VG_CHANNEL_spo2, 100.1f, VG_Q_INVALID, VG_REASON_RANGE },
        { VG_CHANNEL_spo2, -1, VG_Q_INVALID, VG_REASON_RANGE },
        { VG_CHANNEL_spo2, 0, VG_Q_INVALID, VG_REASON_PROBE_OFF },
        { VG_CHANNEL_spo2, -0.0f, VG_Q_INVALID, VG_REASON_PROBE_OFF },
        { VG_CHANNEL_pulse, 0, VG_Q_INVALID, VG_REASON_PROBE_OFF },
        { VG_CHANNEL_pulse, 31, VG_Q_GOOD, VG_REASON_NONE },
        { VG_CHANNEL_pulse, 215, VG_Q_GOOD, VG_REASON_NONE },
        { VG_CHANNEL_tcco2, 0, VG_Q_INVALID, VG_REASON_PROBE_OFF },
        { VG_CHANNEL_temp, 0, VG_Q_INVALID, VG_REASON_PROBE_OFF },
        { VG_CHANNEL_abp_sys, 0, VG_Q_INVALID, VG_REASON_PROBE_OFF },
        { VG_CHANNEL_nibp_mean, 0, VG_Q_INVALID, VG_REASON_PROBE_OFF },
        { VG_CHANNEL_hr, 0, VG_Q_GOOD, VG_REASON_NONE },
        { VG_CHANNEL_rr, 0, VG_Q_GOOD, VG_REASON_NONE },
        { VG_CHANNEL_etco2, 0, VG_Q_GOOD, VG_REASON_NONE },
        { VG_CHANNEL_hr, 351, VG_Q_INVALID, VG_REASON_RANGE },
        { VG_CHANNEL_hr, NAN, VG_Q_INVALID, VG_REASON_RANGE },
        { VG_CHANNEL_temp, 1e30f, VG_Q_INVALID, VG_REASON_RANGE },
    };
    return cr_make_param_array(struct value_row, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct value_row *row, clean, a_value_is_a_measurement_or_says_why_not)
{
    const struct vg_row *seen;
    uint32_t bits;

    capture_start(c);
    seen = feed(0, row->channel, row->value);
    expect(seen, row->channel, (enum vg_quality)row->quality, (enum vg_reason)row->reason);
    if (row->quality == VG_Q_INVALID) {
        memcpy(&bits, &seen->value[row->channel], sizeof(bits));
        cr_assert_eq(bits, 0, "what lies under an invalid value is +0.0");
    } else {
        cr_assert_eq(seen->value[row->channel], row->value, "clean changes no value");
    }
}

Test(clean, absent_and_missing_stay_what_they_are)
{
    struct capture_row r = capture_row("p-1", 0);
    struct vg_row *seen;

    capture_start(c);
    capture_quality(&r, VG_CHANNEL_hr, VG_Q_MISSING, VG_REASON_DEVICE);
    seen = capture_send(c, &r);
    expect(seen, VG_CHANNEL_hr, VG_Q_MISSING, VG_REASON_DEVICE);
    expect(seen, VG_CHANNEL_spo2, VG_Q_ABSENT, VG_REASON_NONE);
}

Test(clean, jumps_and_flat_lines_are_not_looked_for_unless_asked)
{
    capture_start(c);
    feed(0, VG_CHANNEL_spo2, 97);
    expect(feed(1, VG_CHANNEL_spo2, 51), VG_CHANNEL_spo2, VG_Q_GOOD, VG_REASON_NONE);
    for (int s = 2; s < 2000; s++)
        expect(feed(s, VG_CHANNEL_spo2, 51), VG_CHANNEL_spo2, VG_Q_GOOD, VG_REASON_NONE);
}

Test(clean, a_change_faster_than_max_step_is_a_jump)
{
    capture_option(c, "max_step", "spo2", "15 %");
    capture_start(c);
    feed(0, VG_CHANNEL_spo2, 97);
    expect(feed(1, VG_CHANNEL_spo2, 82), VG_CHANNEL_spo2, VG_Q_GOOD, VG_REASON_NONE);
    expect(feed(2, VG_CHANNEL_spo2, 98), VG_CHANNEL_spo2, VG_Q_SUSPECT, VG_REASON_JUMP);
    cr_assert_eq(feed(3, VG_CHANNEL_spo2, 98)->value[VG_CHANNEL_spo2], 98);
    expect(feed(4, VG_CHANNEL_spo2, 98), VG_CHANNEL_spo2, VG_Q_GOOD, VG_REASON_NONE);
}

Test(clean, a_step_is_per_second_of_event_time_and_at_least_one)
{
    capture_option(c, "max_step", "hr", "60 /min");
    capture_start(c);
    feed(0, VG_CHANNEL_hr, 80);
    expect(feed(0.5, VG_CHANNEL_hr, 140), VG_CHANNEL_hr, VG_Q_GOOD, VG_REASON_NONE);
    expect(feed(2.5, VG_CHANNEL_hr, 20), VG_CHANNEL_hr, VG_Q_GOOD, VG_REASON_NONE);
    expect(feed(4.5, VG_CHANNEL_hr, 141), VG_CHANNEL_hr, VG_Q_SUSPECT, VG_REASON_JUMP);
}

Test(clean, a_value_after_an_invalid_one_is_compared_with_the_last_usable)
{
    capture_option(c, "max_step", "spo2", "15 %");
    capture_start(c);
    feed(0, VG_CHANNEL_spo2, 97);
    feed(1, VG_CHANNEL_spo2, 0);
    expect(feed(2, VG_CHANNEL_spo2, 66), VG_CHANNEL_spo2, VG_Q_SUSPECT, VG_REASON_JUMP);
    expect(feed(3, VG_CHANNEL_spo2, 66), VG_CHANNEL_spo2, VG_Q_GOOD, VG_REASON_NONE);
}

Test(clean, a_value_that_does_not_change_is_a_flat_line_until_it_does)
{
    capture_option(c, "flatline", NULL, "20s");
    capture_start(c);
    for (int s = 0; s < 20; s++)
        expect(feed(s, VG_CHANNEL_hr, 80), VG_CHANNEL_hr, VG_Q_GOOD, VG_REASON_NONE);
    expect(feed(20, VG_CHANNEL_hr, 80), VG_CHANNEL_hr, VG_Q_SUSPECT, VG_REASON_FLATLINE);
    expect(feed(21, VG_CHANNEL_hr, 80), VG_CHANNEL_hr, VG_Q_SUSPECT, VG_REASON_FLATLINE);
    expect(feed(22, VG_CHANNEL_hr, 81), VG_CHANNEL_hr, VG_Q_GOOD, VG_REASON_NONE);
    expect(feed(23, VG_CHANNEL_hr, 80), VG_CHANNEL_hr, VG_Q_GOOD, VG_REASON_NONE);
}

Test(clean, a_gap_or_something_unusable_ends_a_flat_line)
{
    capture_option(c, "flatline", NULL, "20s");
    capture_start(c);
    for (int s = 0; s < 15; s++)
        feed(s, VG_CHANNEL_spo2, 97);
    feed(15, VG_CHANNEL_spo2, 0);
    for (int s = 16; s < 36; s++)
        expect(feed(s, VG_CHANNEL_spo2, 97), VG_CHANNEL_spo2, VG_Q_GOOD, VG_REASON_NONE);
    /* Validity of spo2 is 10 s: what nobody saw for longer is not known to have been flat. */
    expect(feed(46.5, VG_CHANNEL_spo2, 97), VG_CHANNEL_spo2, VG_Q_GOOD, VG_REASON_NONE);
}

Test(clean, a_late_row_is_checked_but_not_learned_from)
{
    struct capture_row r = capture_row("p-1", at(1));
    struct vg_row *seen;

    capture_option(c, "max_step", "spo2", "15 %");
    capture_start(c);
    feed(0, VG_CHANNEL_spo2, 97);
    r.flags = VG_ROW_LATE;
    r.event_ns = at(-100);
    capture_value(&r, VG_CHANNEL_spo2, 50);
    capture_value(&r, VG_CHANNEL_pulse, 0);
    seen = capture_send(c, &r);
    expect(seen, VG_CHANNEL_spo2, VG_Q_GOOD, VG_REASON_NONE);
    expect(seen, VG_CHANNEL_pulse, VG_Q_INVALID, VG_REASON_PROBE_OFF);
    expect(feed(2, VG_CHANNEL_spo2, 97), VG_CHANNEL_spo2, VG_Q_GOOD, VG_REASON_NONE);
}

Test(clean, a_row_that_was_overtaken_does_not_replace_the_newest_value)
{
    struct capture_row r = capture_row("p-1", at(10));

    capture_option(c, "max_step", "spo2", "15 %");
    capture_start(c);
    feed(10, VG_CHANNEL_spo2, 60);
    r.event_ns = at(9.5);
    capture_value(&r, VG_CHANNEL_spo2, 97);
    expect(capture_send(c, &r), VG_CHANNEL_spo2, VG_Q_SUSPECT, VG_REASON_JUMP);
    expect(feed(11, VG_CHANNEL_spo2, 60), VG_CHANNEL_spo2, VG_Q_GOOD, VG_REASON_NONE);
}

Test(clean, the_device_s_own_doubt_keeps_its_reason)
{
    struct capture_row r = capture_row("p-1", at(1));

    capture_option(c, "max_step", "spo2", "15 %");
    capture_start(c);
    feed(0, VG_CHANNEL_spo2, 97);
    r.value[VG_CHANNEL_spo2] = 60;
    capture_quality(&r, VG_CHANNEL_spo2, VG_Q_SUSPECT, VG_REASON_DEVICE);
    expect(capture_send(c, &r), VG_CHANNEL_spo2, VG_Q_SUSPECT, VG_REASON_DEVICE);
}

Test(clean, patients_do_not_know_of_each_other)
{
    struct capture_row r = capture_row("p-2", at(1));

    capture_option(c, "max_step", "spo2", "15 %");
    capture_start(c);
    feed(0, VG_CHANNEL_spo2, 97);
    capture_value(&r, VG_CHANNEL_spo2, 60);
    expect(capture_send(c, &r), VG_CHANNEL_spo2, VG_Q_GOOD, VG_REASON_NONE);
}

Test(clean, what_people_note_is_checked_for_its_range_alone)
{
    capture_option(c, "flatline", NULL, "20s");
    capture_start(c);
    expect(feed(0, VG_CHANNEL_gcs, 0), VG_CHANNEL_gcs, VG_Q_INVALID, VG_REASON_RANGE);
    expect(feed(1, VG_CHANNEL_gcs, 16), VG_CHANNEL_gcs, VG_Q_INVALID, VG_REASON_RANGE);
    expect(feed(2, VG_CHANNEL_gcs, 15), VG_CHANNEL_gcs, VG_Q_GOOD, VG_REASON_NONE);
    expect(feed(3, VG_CHANNEL_oxygen, 0), VG_CHANNEL_oxygen, VG_Q_GOOD, VG_REASON_NONE);
    for (int s = 4; s < 60; s++)
        expect(feed(s, VG_CHANNEL_gcs, 15), VG_CHANNEL_gcs, VG_Q_GOOD, VG_REASON_NONE);
}

Test(clean, what_people_note_has_no_speed)
{
    capture_option(c, "max_step", "gcs", "2");
    cr_assert_eq(capture_plan(c), VG_E_CONFIG);
    cr_assert(strstr(c->err.msg, "gcs is noted by people"), "%s", c->err.msg);
}

Test(clean, without_a_look_back_nothing_is_remembered)
{
    cr_assert_eq(capture_plan(c), VG_OK);
    cr_assert_eq(c->plan.memory_size, 0);
}

Test(clean, a_max_step_of_nothing_is_refused)
{
    capture_option(c, "max_step", "hr", "0 /min");
    cr_assert_eq(capture_plan(c), VG_E_CONFIG);
    cr_assert_str_eq(c->err.option, "max_step");
    cr_assert_not_null(strstr(c->err.msg, "hr"));
}
