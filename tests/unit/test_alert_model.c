/* test_alert_model.c - forecast and anomaly rules, on ticks made by hand.
 *
 * The forecaster here has the channels spo2 and hr, horizons of 5 and 10 min and the quantiles 0.1,
 * 0.5 and 0.9; ticks are 30 s apart and close 2 s after their end. The limit of hr is 130 /min.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/alerts.h"

enum { HR = VG_CHANNEL_hr, SPO2 = VG_CHANNEL_spo2, HORIZONS = 2, QUANTILES = 3, CHANNELS = 2 };

static struct alerts a;
static struct vg_model forecaster, detector;
static int forecast, forecast_valid, score, score_valid, contribution;

static void setup(void)
{
    alerts_init(&a);
    forecaster = (struct vg_model){
        .name = "ward_forecast",
        .channels = CHANNELS,
        .channel = { SPO2, HR },
        .horizons = HORIZONS,
        .horizon_ns = { 300 * VG_NS_PER_S, 600 * VG_NS_PER_S },
        .quantiles = QUANTILES,
        .quantile = { 0.1f, 0.5f, 0.9f },
    };
    detector = (struct vg_model){
        .name = "ward_ae", .channels = CHANNELS, .channel = { SPO2, HR }, .threshold = 2
    };
    a.c->plan.tick_ns = alerts_ns(30);
    forecast = capture_column(a.c, "forecast", CHANNELS * HORIZONS * QUANTILES, &forecaster);
    forecast_valid = capture_column(a.c, "forecast_valid", CHANNELS, &forecaster);
    score = capture_column(a.c, "anomaly_score", 1, &detector);
    score_valid = capture_column(a.c, "anomaly_valid", 1, &detector);
    contribution = capture_column(a.c, "contribution", CHANNELS, &detector);
}

static void teardown(void)
{
    alerts_done(&a);
}

static void expect(const char *brief)
{
    cr_assert_str_eq(alerts_brief(&a), brief, "%s", alerts_brief(&a));
}

static struct vg_rule *forecast_rule(double for_s)
{
    struct vg_rule *rule = alerts_rule(&a, "hr_forecast_high", VG_RULE_FORECAST, HR);

    rule->bound = (struct vg_bound){ .origin = VG_BOUND_PROFILE_HIGH, .above = true };
    rule->quantile = 0.5f;
    rule->within_ns = alerts_ns(600);
    rule->for_ns = alerts_ns(for_s);
    return rule;
}

static struct vg_rule *anomaly_rule(double for_s)
{
    struct vg_rule *rule = alerts_rule(&a, "anomaly", VG_RULE_ANOMALY, VG_CHANNEL_NONE);

    rule->bound = (struct vg_bound){ .origin = VG_BOUND_MODEL, .above = true };
    snprintf(rule->model, sizeof(rule->model), "ward_ae");
    rule->for_ns = alerts_ns(for_s);
    return rule;
}

/* What the models say of hr in 5 and 10 min, and of the tick. */
struct told {
    float at_5min, at_10min;
    bool valid;
    float score;
    bool score_valid;
    float share[CHANNELS];
    float poison; /* under what is not valid */
};

static void fill(struct vg_row *row, const void *arg)
{
    const struct told *t = arg;
    float *y = vg_row_column(row, forecast) + 1 * HORIZONS * QUANTILES;
    const float median[] = { t->at_5min, t->at_10min };

    for (int h = 0; h < HORIZONS; h++) {
        for (int q = 0; q < QUANTILES; q++)
            y[h * QUANTILES + q] = t->valid ? median[h] + 5.0f * (float)(q - 1) : t->poison;
    }
    vg_row_column(row, forecast_valid)[1] = t->valid;
    vg_row_column(row, score)[0] = t->score_valid ? t->score : t->poison;
    vg_row_column(row, score_valid)[0] = t->score_valid;
    for (int c = 0; c < CHANNELS; c++)
        vg_row_column(row, contribution)[c] = t->score_valid ? t->share[c] : t->poison;
}

static void tick(double end_s, float hr, struct told told)
{
    struct capture_row r = capture_row("p-1", alerts_ns(end_s + 2));

    r.kind = VG_ROW_TICK;
    r.event_ns = alerts_ns(end_s);
    r.device_ns = VG_TIME_NONE;
    if (hr > 0)
        capture_value(&r, HR, hr);
    else
        capture_quality(&r, HR, VG_Q_MISSING, VG_REASON_NO_DATA);
    capture_send_filled(a.c, &r, fill, &told);
}

static const struct told calm = { .at_5min = 110, .at_10min = 115, .valid = true };
static const struct told rising = { .at_5min = 120, .at_10min = 140, .valid = true };

TestSuite(alert_model, .init = setup, .fini = teardown, .timeout = 10);

/* ---- forecast ---- */

Test(alert_model, a_forecast_beyond_the_limit_is_told_before_it_is_passed)
{
    forecast_rule(60);
    alerts_start(&a);
    tick(30, 105, calm);
    tick(60, 110, rising);
    tick(90, 110, rising);
    expect("");
    tick(120, 110, rising);
    expect("122 start hr_forecast_high\n");
    cr_assert_not_null(strstr(capture_text(a.c),
                              "\"kind\":\"advisory\",\"priority\":\"medium\",\"state\":\"active\","
                              "\"signal\":{\"is\":\"enabled\"},\"rule\":\"hr_forecast_high\","
                              "\"title\":\"Title of hr_forecast_high\","
                              "\"text\":\"HR 110 /min, forecast above 130 /min in 8 min\","),
                       "%s", capture_text(a.c));
    cr_assert_not_null(
        strstr(capture_text(a.c),
               "\"onset\":\"1970-01-01T00:01:02.000Z\","
               "\"delays\":{\"condition_s\":60,\"generation_s\":0},\"channel\":\"hr\","
               "\"observed\":{\"value\":110,\"unit\":\"/min\",\"quality\":\"good\","
               "\"time\":\"1970-01-01T00:02:00.000Z\"},"
               "\"limit\":{\"high\":130,\"unit\":\"/min\",\"origin\":\"profile adult\"},"
               "\"worst\":{\"is\":\"forecast\",\"value\":140,\"unit\":\"/min\","
               "\"time\":\"1970-01-01T00:01:00.000Z\"},"
               "\"window\":{\"from\":\"1970-01-01T00:01:02.000Z\","
               "\"to\":\"1970-01-01T00:02:02.000Z\",\"for_s\":60,\"within_s\":600},"
               "\"forecast\":{\"channel\":\"hr\",\"horizon_s\":600,"
               "\"quantiles\":{\"0.1\":135,\"0.5\":140,\"0.9\":145},\"limit\":130,"
               "\"crossing_s\":450},\"hour\":{\"channel\":\"hr\","),
        "%s", capture_text(a.c));
    cr_assert_not_null(strstr(capture_text(a.c),
                              "null]},\"position\":{\"topic\":\"vitals\",\"partition\":0,"
                              "\"due\":\"1970-01-01T00:01:00.000Z\"},"),
                       "%s", capture_text(a.c));
    cr_assert_not_null(strstr(capture_text(a.c), "\"model\":{\"name\":\"ward_forecast\""));
}

Test(alert_model, the_crossing_lies_on_the_line_from_the_value_now)
{
    forecast_rule(0);
    alerts_start(&a);
    tick(30, 120, (struct told){ .at_5min = 140, .at_10min = 150, .valid = true });
    cr_assert_str_eq(capture_last(a.c, "crossing_s"), "150");
    cr_assert_str_eq(capture_last(a.c, "horizon_s"), "300");
}

Test(alert_model, a_crossing_less_than_a_second_away_is_told_without_a_number)
{
    forecast_rule(0);
    alerts_start(&a);
    tick(30, 130, (struct told){ .at_5min = 140, .at_10min = 150, .valid = true });
    cr_assert_str_eq(capture_last(a.c, "text"),
                     "HR 130 /min, forecast above 130 /min at any moment");
    cr_assert_str_eq(capture_last(a.c, "crossing_s"), "0");
    tick(60, 110, calm);
    tick(90, 129.9f, (struct told){ .at_5min = 159.9f, .at_10min = 160, .valid = true });
    cr_assert_str_eq(capture_last(a.c, "text"), "HR 129.9 /min, forecast above 130 /min in 1 s");
}

Test(alert_model, a_forecast_that_calms_down_ends_without_a_reason)
{
    forecast_rule(0);
    alerts_start(&a);
    tick(30, 110, rising);
    tick(60, 110, calm);
    expect("32 start hr_forecast_high\n62 end hr_forecast_high\n");
    cr_assert_str_eq(capture_last(a.c, "text"), "HR 110 /min, no longer forecast above 130 /min");
}

Test(alert_model, a_value_that_has_passed_the_limit_ends_it_with_the_reason)
{
    forecast_rule(0);
    alerts_start(&a);
    tick(30, 110, rising);
    tick(60, 131, rising);
    tick(90, 131, rising);
    expect("32 start hr_forecast_high\n62 end hr_forecast_high limit_passed\n");
    cr_assert_str_eq(capture_last(a.c, "text"),
                     "HR 131 /min is now above 130 /min: the forecast limit has been passed");
    tick(120, 120, rising);
    expect("32 start hr_forecast_high\n62 end hr_forecast_high limit_passed\n"
           "122 start hr_forecast_high\n");
}

Test(alert_model, a_value_already_beyond_the_limit_is_no_forecast)
{
    forecast_rule(0);
    alerts_start(&a);
    tick(30, 131, rising);
    expect("");
}

Test(alert_model, horizons_beyond_within_do_not_count)
{
    forecast_rule(0)->within_ns = alerts_ns(300);
    alerts_start(&a);
    tick(30, 110, rising);
    expect("");
    tick(60, 110, (struct told){ .at_5min = 131, .at_10min = 100, .valid = true });
    expect("62 start hr_forecast_high\n");
}

Test(alert_model, the_chosen_quantile_decides)
{
    forecast_rule(0)->quantile = 0.9f;
    alerts_start(&a);
    tick(30, 110, (struct told){ .at_5min = 110, .at_10min = 126, .valid = true });
    expect("32 start hr_forecast_high\n");
}

/* Quantiles 5 away from the median are those of a standard deviation of 5 / 1.2816. */
Test(alert_model, a_probability_is_that_of_a_normal_distribution_on_each_side)
{
    struct vg_rule *rule = forecast_rule(0);

    rule->probability = 0.8f;
    alerts_start(&a);
    tick(30, 120, (struct told){ 120, 133.2f, .valid = true });
    expect("");
    tick(60, 120, (struct told){ 120, 133.4f, .valid = true });
    expect("62 start hr_forecast_high\n");
    cr_assert_float_eq(atof(capture_last(a.c, "probability")), 0.80826, 2e-5, "%s",
                       capture_last(a.c, "probability"));
    cr_assert_not_null(strstr(capture_last(a.c, "text"), " (81 %)"));
}

Test(alert_model, a_probability_below_one_half_looks_at_the_other_side)
{
    struct vg_rule *rule = forecast_rule(0);

    rule->probability = 0.2f;
    alerts_start(&a);
    tick(30, 120, (struct told){ 120, 126.6f, .valid = true });
    expect("");
    tick(60, 120, (struct told){ 120, 126.8f, .valid = true });
    expect("62 start hr_forecast_high\n");
}

Test(alert_model, below_a_limit_works_the_same_way)
{
    struct vg_rule *rule = forecast_rule(0);

    rule->bound = (struct vg_bound){ .origin = VG_BOUND_PROFILE_LOW };
    alerts_start(&a);
    tick(30, 70, (struct told){ .at_5min = 60, .at_10min = 40, .valid = true });
    expect("32 start hr_forecast_high\n");
    cr_assert_str_eq(capture_last(a.c, "crossing_s"), "450");
    cr_assert_not_null(strstr(capture_text(a.c), "\"limit\":{\"low\":50"));
}

Test(alert_model, a_worse_forecast_is_told_at_most_once_per_interval)
{
    forecast_rule(0)->update_every_ns = alerts_ns(60);
    alerts_start(&a);
    tick(30, 110, rising);
    tick(60, 110, (struct told){ .at_5min = 120, .at_10min = 150, .valid = true });
    tick(90, 110, (struct told){ .at_5min = 120, .at_10min = 145, .valid = true });
    tick(120, 110, (struct told){ .at_5min = 120, .at_10min = 145, .valid = true });
    expect("32 start hr_forecast_high\n92 update hr_forecast_high\n");
}

Test(alert_model, without_a_valid_forecast_a_pending_one_is_dropped_and_an_active_one_waits)
{
    const struct told none = { .poison = NAN };

    forecast_rule(60);
    alerts_start(&a);
    tick(30, 110, rising);
    tick(60, 110, none);
    tick(90, 110, rising);
    tick(120, 110, rising);
    expect("");
    tick(150, 110, rising);
    tick(180, 110, none);
    tick(210, -1, rising); /* a forecast without a value now says nothing either */
    tick(240, 110, none);
    expect("152 start hr_forecast_high\n212 update hr_forecast_high data_lost\n");
    cr_assert_str_eq(capture_last(a.c, "text"),
                     "HR without a forecast for 60 s; the alert stays active");
    tick(270, 110, rising);
    expect("152 start hr_forecast_high\n212 update hr_forecast_high data_lost\n"
           "272 update hr_forecast_high data_back\n");
    tick(300, 110, calm);
    cr_assert_str_eq(capture_last(a.c, "phase"), "end");
}

struct lack_row {
    int channel;
    float quantile;
    int within_s;
    char says[32];
};

Test(alert_model, what_the_model_does_not_have_is_refused)
{
    static const struct lack_row rows[] = {
        { VG_CHANNEL_rr, 0.5f, 600, "no such channel" },
        { HR, 0.25f, 600, "no such quantile" },
        { HR, 0.5f, 299, "no horizon within" },
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(rows); i++) {
        struct vg_rule *rule;

        teardown();
        setup();
        rule = forecast_rule(0);
        rule->channel = rows[i].channel;
        rule->quantile = rows[i].quantile;
        rule->within_ns = alerts_ns(rows[i].within_s);
        cr_assert_eq(capture_plan(a.c), VG_E_CONFIG, "%s", rows[i].says);
        cr_assert_not_null(strstr(a.c->err.msg, rows[i].says), "%s", a.c->err.msg);
        cr_assert_not_null(strstr(a.c->err.msg, "ward_forecast"), "%s", a.c->err.msg);
    }
}

Test(alert_model, a_forecast_rule_needs_a_forecast_stage)
{
    struct alerts b;
    struct vg_rule *rule;

    alerts_init(&b);
    rule = alerts_rule(&b, "hr_forecast_high", VG_RULE_FORECAST, HR);
    rule->bound = (struct vg_bound){ .origin = VG_BOUND_PROFILE_HIGH, .above = true };
    cr_assert_eq(capture_plan(b.c), VG_E_CONFIG);
    cr_assert_not_null(strstr(b.c->err.msg, "forecast"), "%s", b.c->err.msg);
    alerts_done(&b);
}

/* ---- anomaly ---- */

static struct told scored(float value)
{
    return (struct told){ .score = value, .score_valid = true, .share = { 0.25f, 0.75f } };
}

Test(alert_model, a_score_above_the_threshold_says_where_to_look_first)
{
    anomaly_rule(60);
    alerts_start(&a);
    tick(30, 110, scored(1));
    tick(60, 110, scored(2));
    tick(90, 110, scored(2.5f));
    tick(120, 110, scored(3));
    tick(150, 110, scored(4));
    expect("152 start anomaly\n");
    cr_assert_not_null(strstr(capture_text(a.c),
                              "\"anomaly\":{\"score\":4,\"threshold\":2,\"contributions\":["
                              "{\"channel\":\"hr\",\"share\":0.75},"
                              "{\"channel\":\"spo2\",\"share\":0.25}]}"),
                       "%s", capture_text(a.c));
    cr_assert_str_eq(capture_last(a.c, "text"),
                     "Score 4 above 2; from HR (75 % of it), SpO2 (25 % of it)");
    cr_assert_str_eq(capture_last(a.c, "due"), "1970-01-01T00:01:30.000Z");
    cr_assert_str_eq(capture_last(a.c, "kind"), "advisory");
    tick(180, 110, scored(1.5f));
    expect("152 start anomaly\n182 end anomaly\n");
}

Test(alert_model, a_share_of_nothing_is_not_told)
{
    struct told t = scored(3);

    anomaly_rule(0);
    alerts_start(&a);
    t.share[0] = 0;
    t.share[1] = 1;
    tick(30, 110, t);
    cr_assert_str_eq(capture_last(a.c, "text"), "Score 3 above 2; from HR (100 % of it)");
}

Test(alert_model, equal_shares_are_told_in_the_model_s_order)
{
    struct told t = scored(3);

    anomaly_rule(0);
    alerts_start(&a);
    t.share[0] = t.share[1] = 0.5f;
    tick(30, 110, t);
    cr_assert_str_eq(capture_last(a.c, "text"),
                     "Score 3 above 2; from SpO2 (50 % of it), HR (50 % of it)");
}

Test(alert_model, a_number_in_the_rule_replaces_the_threshold_of_the_model)
{
    anomaly_rule(0)->bound =
        (struct vg_bound){ .origin = VG_BOUND_FIXED, .above = true, .value = 5 };
    alerts_start(&a);
    tick(30, 110, scored(4));
    expect("");
    tick(60, 110, scored(6));
    expect("62 start anomaly\n");
    cr_assert_str_eq(capture_last(a.c, "threshold"), "5");
}

Test(alert_model, ticks_without_a_score_neither_start_nor_end)
{
    const struct told none = { .poison = 1e30f };

    anomaly_rule(0);
    alerts_start(&a);
    tick(30, 110, none);
    tick(60, 110, scored(3));
    tick(90, 110, none);
    expect("62 start anomaly\n");
    alerts_clock(&a, 200);
    expect("62 start anomaly\n122 update anomaly data_lost\n");
}

Test(alert_model, an_anomaly_of_another_model_is_refused)
{
    snprintf(anomaly_rule(0)->model, VG_NAME_SIZE, "ward_vae");
    cr_assert_eq(capture_plan(a.c), VG_E_CONFIG);
    cr_assert_not_null(strstr(a.c->err.msg, "ward_vae"));
    cr_assert_not_null(strstr(a.c->err.msg, "ward_ae"));
}

Test(alert_model, ticks_reach_no_limit)
{
    struct vg_rule *rule = alerts_rule(&a, "hr_high", VG_RULE_LIMIT, HR);

    rule->bound = (struct vg_bound){ .origin = VG_BOUND_PROFILE_HIGH, .above = true };
    alerts_start(&a);
    tick(30, 200, calm);
    expect("");
}
