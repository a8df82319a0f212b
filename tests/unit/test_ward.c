/* test_ward.c - tiles: what rows and orders make of them, and what those who read are told. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/order.h"
#include "runtime/score_file.h"
#include "runtime/ward.h"

enum { HR = VG_CHANNEL_hr, SPO2 = VG_CHANNEL_spo2, RR = VG_CHANNEL_rr, ACVPU = VG_CHANNEL_acvpu };
enum { BEDS = 3, MINUTE = 60, HOUR = 3600 };

static const int64_t S = VG_NS_PER_S, START = INT64_C(1767225600) * VG_NS_PER_S;

static struct vg_config config;
static struct vg_profile profiles[2];
static struct vg_bed_config beds[1];
static struct vg_bed_limits bed_limits;
static struct vg_rule rules[3];
static struct vg_site_score news2;
static struct vg_model forecaster, detector;
static struct vg_ward *w;
static struct vg_buf out;

static void set_low(struct vg_limits *l, int channel, float low)
{
    l->low_set |= 1U << channel;
    l->low[channel] = low;
}

static void setup(void)
{
    static bool has[2] = { true, true };
    struct vg_buf said = VG_BUF_INIT;
    struct vg_err err = { 0 };
    struct vg_ward_models models = { &forecaster, &detector };

    strcpy(profiles[0].name, "adult");
    set_low(&profiles[0].limits, SPO2, 90);
    strcpy(beds[0].bed, "icu-a/02");
    beds[0].limits = &bed_limits;
    set_low(&bed_limits.limits, SPO2, 86);
    rules[0] = (struct vg_rule){ .rule = VG_RULE_LIMIT,
                                 .channel = SPO2,
                                 .bound = { VG_BOUND_PROFILE_LOW, false, 0 } };
    rules[1] = (struct vg_rule){ .rule = VG_RULE_LIMIT,
                                 .channel = SPO2,
                                 .bound = { VG_BOUND_FIXED, false, 80 } };
    rules[2] = (struct vg_rule){ .rule = VG_RULE_LIMIT,
                                 .channel = HR,
                                 .bound = { VG_BOUND_FIXED, true, 130 } };
    cr_assert_eq(vg_score_read(VG_SOURCE_ROOT "/configs/scores/news2.yaml", "news2", &news2.score,
                               &said, &err),
                 VG_OK, "%s", said.data);
    news2.profile = has;
    config.site = (struct vg_site){ .profiles = profiles,
                                    .profiles_n = 2,
                                    .beds = beds,
                                    .beds_n = 1,
                                    .rules = rules,
                                    .rules_n = 3,
                                    .scores = &news2,
                                    .scores_n = 1 };
    forecaster = (struct vg_model){ .channels = 2,
                                    .channel = { HR, SPO2 },
                                    .horizons = 2,
                                    .horizon_ns = { 60 * S, 600 * S },
                                    .quantiles = 5,
                                    .quantile = { 0.05f, 0.25f, 0.5f, 0.75f, 0.95f } };
    detector = (struct vg_model){ .channels = 2, .channel = { HR, SPO2 }, .threshold = 2 };
    w = vg_ward_new(&config, &models, BEDS);
    vg_buf_done(&said);
}

static void teardown(void)
{
    vg_ward_free(w);
    vg_score_done(&news2.score);
    vg_buf_done(&out);
}

TestSuite(ward, .init = setup, .fini = teardown, .timeout = 30);

/* ---- rows ---- */

static struct vg_patient somebody(const char *id, const char *bed)
{
    struct vg_patient who = { "", "", "icu-a" };

    snprintf(who.id, sizeof(who.id), "%s", id);
    snprintf(who.bed, sizeof(who.bed), "%s", bed);
    return who;
}

struct sample {
    double second;
    const char *patient, *bed;
    int channel;
    float value;
    uint8_t quality;
    bool read_back;
};

static void sample(const struct sample *s)
{
    struct vg_patient who = somebody(s->patient, s->bed ? s->bed : "icu-a/01");
    float value[VG_CHANNELS] = { 0 };
    uint8_t quality[VG_CHANNELS] = { 0 }, reason[VG_CHANNELS] = { 0 };
    int64_t at_ns = START + (int64_t)(s->second * 1e9);

    value[s->channel] = s->value;
    quality[s->channel] = s->quality ? s->quality : VG_Q_GOOD;
    vg_ward_note(w, &(struct vg_ward_news){ .kind = VG_ROW_SAMPLE,
                                            .log_ns = at_ns,
                                            .event_ns = at_ns,
                                            .wall_ns = s->read_back ? 0 : at_ns + S,
                                            .patient = &who,
                                            .value = value,
                                            .quality = quality,
                                            .reason = reason });
}

static void hr(double second, const char *patient, const char *bed, float value)
{
    sample(&(struct sample){ second, patient, bed, HR, value, 0, false });
}

static void tick(double second, const char *patient, float valid)
{
    const float forecast[20] = { 70, 75, 80, 85, 90, 60, 70, 80, 90, 99,
                                 90, 92, 95, 97, 99, 88, 90, 94, 96, 99 };
    const float known[2] = { valid, 0 }, score = 1.5f, share[2] = { 0.75f, 0 };
    const float value[VG_CHANNELS] = { 0 };
    const uint8_t none[VG_CHANNELS] = { 0 };
    struct vg_patient who = somebody(patient, "icu-a/01");
    int64_t at_ns = START + (int64_t)(second * 1e9);

    vg_ward_note(w, &(struct vg_ward_news){ .kind = VG_ROW_TICK,
                                            .log_ns = at_ns,
                                            .event_ns = at_ns,
                                            .wall_ns = at_ns,
                                            .patient = &who,
                                            .value = value,
                                            .quality = none,
                                            .reason = none,
                                            .forecast = forecast,
                                            .forecast_valid = known,
                                            .score = &score,
                                            .score_valid = &valid,
                                            .share = share });
}

/* ---- what is told ---- */

static json_t *parse(void)
{
    json_error_t error;
    json_t *root = json_loadb(out.data, out.len, 0, &error);

    cr_assert_not_null(root, "%s in %s", error.text, out.data);
    return root;
}

/* All tiles; the caller releases it. */
static json_t *all(void)
{
    vg_buf_clear(&out);
    vg_ward_write_beds(w, START, &out);
    return parse();
}

static json_t *tile_in(const json_t *message, const char *patient)
{
    size_t i;
    json_t *bed;

    json_array_foreach(json_object_get(message, "beds"), i, bed)
    {
        const char *id = json_string_value(json_object_get(bed, "patient"));

        if (id && strcmp(id, patient) == 0)
            return bed;
    }
    return NULL;
}

static size_t tiles(void)
{
    json_t *root = all();
    size_t n = json_array_size(json_object_get(root, "beds"));

    json_decref(root);
    return n;
}

static void expect_text(const json_t *object, const char *key, const char *expected)
{
    char *text = json_dumps(json_object_get(object, key),
                            JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(6));

    cr_expect_str_eq(text ? text : "", expected, "%s: %s, expected %s", key, text, expected);
    free(text);
}

/* Tells `reader` and returns the message, or NULL when there is none. */
static json_t *news(struct vg_ward_reader *reader)
{
    vg_buf_clear(&out);
    return vg_ward_write_news(w, reader, START, &out) ? parse() : NULL;
}

static json_t *history(const char *patient, double from_s, double to_s)
{
    struct vg_ward_span span = { START / 1000000 + (int64_t)(from_s * 1000),
                                 START / 1000000 + (int64_t)(to_s * 1000) };

    vg_buf_clear(&out);
    vg_ward_write_history(w, vg_ward_find_patient(w, patient), &span, &out);
    vg_buf_char(&out, '}');
    return parse();
}

/* ---- tiles ---- */

Test(ward, a_tile_has_the_newest_of_each_channel_and_never_a_value_that_is_none)
{
    json_t *root, *bed, *values;

    hr(0, "p-1", NULL, 80);
    sample(&(struct sample){ 1, "p-1", NULL, SPO2, 0, VG_Q_INVALID, false });
    hr(2, "p-1", NULL, 82.25f);
    hr(1, "p-1", NULL, 200); /* comes late */
    root = all();
    bed = tile_in(root, "p-1");
    values = json_object_get(bed, "values");
    cr_assert_eq(json_array_size(values), VG_CHANNELS);
    cr_expect_float_eq(json_number_value(json_array_get(json_array_get(values, HR), 0)), 82.25,
                       1e-6);
    cr_expect(json_is_null(json_array_get(json_array_get(values, SPO2), 0)), "0 %% is no value");
    cr_expect_str_eq(json_string_value(json_array_get(json_array_get(values, SPO2), 1)), "invalid");
    cr_expect(json_is_null(json_array_get(values, RR)), "never seen");
    expect_text(bed, "forecast", "null");
    expect_text(bed, "anomaly", "null");
    json_decref(root);
}

Test(ward, of_one_moment_the_row_of_the_chain_counts)
{
    json_t *root;

    sample(&(struct sample){ 0, "p-1", NULL, HR, 70, VG_Q_SUSPECT, true });
    hr(0, "p-1", NULL, 80);
    sample(&(struct sample){ 0, "p-1", NULL, HR, 70, VG_Q_SUSPECT, true });
    root = all();
    cr_expect_eq(json_integer_value(json_array_get(
                     json_array_get(json_object_get(tile_in(root, "p-1"), "values"), HR), 0)),
                 80);
    json_decref(root);
}

Test(ward, a_tile_moves_with_its_patient_and_takes_the_limits_of_the_bed)
{
    char key[32];
    json_t *root, *bed;

    hr(0, "p-1", "icu-a/01", 80);
    root = all();
    bed = tile_in(root, "p-1");
    snprintf(key, sizeof(key), "%s", json_string_value(json_object_get(bed, "key")));
    expect_text(bed, "limits", "{}");
    json_decref(root);
    hr(10, "p-1", "icu-a/02", 81);
    hr(5, "p-1", "icu-a/01", 81); /* an old row does not bring it back */
    root = all();
    bed = tile_in(root, "p-1");
    expect_text(bed, "bed", "\"icu-a/02\"");
    cr_expect_str_eq(json_string_value(json_object_get(bed, "key")), key);
    expect_text(bed, "limits", "{\"spo2\":[86,null]}");
    json_decref(root);
}

Test(ward, the_one_who_was_in_the_bed_before_leaves_after_a_while)
{
    hr(0, "p-1", "icu-a/01", 80);
    hr(0, "p-2", "icu-a/03", 80);
    hr(60, "p-3", "icu-a/01", 80);
    hr(VG_WARD_LEFT_S - 1, "p-3", "icu-a/01", 80);
    vg_ward_sweep(w, START + VG_WARD_LEFT_S * S);
    cr_expect_eq(tiles(), 3, "who is only silent stays");
    hr(VG_WARD_LEFT_S + 1, "p-3", "icu-a/01", 80);
    vg_ward_sweep(w, START + (VG_WARD_LEFT_S + 2) * S);
    cr_expect_null(vg_ward_find_patient(w, "p-1"));
    cr_expect_not_null(vg_ward_find_patient(w, "p-2"), "nobody else is there");
    hr(VG_WARD_LEFT_S + 2, "p-1", "icu-a/04", 80);
    cr_expect_not_null(vg_ward_find_patient(w, "p-1"), "and comes back");
}

/* In seconds after START; of a tile as it is told. */
static double second_of(const char *patient, const char *key)
{
    json_t *root = all();
    double ms = json_number_value(json_object_get(tile_in(root, patient), key));

    json_decref(root);
    return (ms - (double)(START / 1000000)) / 1000;
}

Test(ward, who_only_ticks_is_silent)
{
    hr(0, "p-1", NULL, 80);
    for (int s = 5; s < 60; s += 5)
        tick(s, "p-1", 1);
    cr_expect_float_eq(second_of("p-1", "log"), 0, 1e-3);
    cr_expect_float_eq(second_of("p-1", "seen"), 1, 1e-3);
}

Test(ward, a_clock_that_is_set_back_keeps_nobody_fresh)
{
    hr(0, "p-1", NULL, 80);
    vg_ward_sweep(w, START + S);
    cr_expect_float_eq(second_of("p-1", "seen"), 1, 1e-3);
    vg_ward_sweep(w, START - HOUR * S);
    vg_ward_sweep(w, START - HOUR * S + 20 * S);
    cr_expect_float_eq(second_of("p-1", "seen"), -HOUR, 1e-3, "20 s ago, and not in an hour");
    hr(-HOUR + 20, "p-2", NULL, 80);
    hr(-HOUR + 21, "p-2", NULL, 80);
    cr_expect_float_eq(second_of("p-2", "seen"), -HOUR + 22, 1e-3);
}

Test(ward, a_time_far_ahead_in_one_partition_takes_no_tile_from_another)
{
    json_t *root;

    vg_ward_sweep(w, START);
    hr(0, "p-1", NULL, 80);
    hr(400.0 * 24 * HOUR, "p-2", "icu-a/03", 80);
    hr(1, "p-1", NULL, 80);
    vg_ward_sweep(w, START + 2 * S);
    cr_expect_eq(tiles(), 2);
    root = history("p-1", 0, 9);
    cr_expect_eq(json_integer_value(json_object_get(root, "n")), 1, "of its own time");
    json_decref(root);
}

Test(ward, tiles_are_bounded_and_who_has_none_is_counted)
{
    char name[16];

    for (int i = 0; i < 2 * BEDS; i++) {
        snprintf(name, sizeof(name), "p-%d", i);
        hr(i, name, "", 80);
    }
    cr_expect_eq(tiles(), BEDS);
    cr_expect_eq(vg_ward_left_out(w), BEDS);
    for (int i = 0; i < 3; i++)
        vg_ward_sweep(w, START + i * 61 * S);
    cr_expect_eq(vg_ward_left_out(w), 0, "none of them of late");
}

Test(ward, memory_grows_with_channels_to_its_bound_and_no_further)
{
    size_t bound = vg_ward_bed_size(&config, &(struct vg_ward_models){ &forecaster, &detector });
    size_t empty = vg_ward_size(w), before;

    hr(0, "p-1", NULL, 80);
    before = vg_ward_size(w);
    for (int c = 0; c < VG_MEASURED; c++)
        sample(&(struct sample){ 1, "p-1", NULL, c, vg_channels[c].high, 0, false });
    tick(5, "p-1", 1);
    cr_expect_gt(vg_ward_size(w), before);
    before = vg_ward_size(w);
    for (int s = 0; s < 2 * HOUR; s++) {
        for (int c = 0; c < VG_CHANNELS; c++)
            sample(&(struct sample){ 10 + s, "p-1", NULL, c, vg_channels[c].low, 0, false });
        tick(10 + s, "p-1", 1);
    }
    cr_expect_eq(vg_ward_size(w), before);
    cr_expect_eq(before - empty, bound, "%zu of %zu", before - empty, bound);
}

/* ---- models and scores ---- */

Test(ward, forecasts_are_three_quantiles_and_only_of_channels_that_have_one)
{
    json_t *root, *bed;

    hr(0, "p-1", NULL, 80);
    tick(5, "p-1", 1);
    root = all();
    bed = tile_in(root, "p-1");
    expect_text(json_object_get(bed, "forecast"), "values", "[[[70,80,90],[60,80,99]],null]");
    expect_text(json_object_get(bed, "anomaly"), "score", "1.5");
    expect_text(json_object_get(bed, "anomaly"), "share", "[0.75,0]");
    json_decref(root);
    tick(10, "p-1", 0);
    root = all();
    bed = tile_in(root, "p-1");
    expect_text(bed, "forecast", "null");
    expect_text(bed, "anomaly", "null");
    json_decref(root);
}

Test(ward, a_score_is_a_lower_bound_of_what_is_known_and_loses_what_expires)
{
    json_t *root, *score;

    for (int s = 0; s < 400; s++)
        sample(&(struct sample){ s, "p-1", NULL, RR, 26, 0, false });
    sample(&(struct sample){ 400, "p-1", NULL, ACVPU, 2, 0, false });
    root = all();
    score = json_object_get(tile_in(root, "p-1"), "score");
    expect_text(score, "total", "6"); /* 3 for breathing, 3 for a patient who is not alert */
    expect_text(score, "low_bound", "true");
    cr_expect_gt(json_integer_value(json_object_get(score, "highest")), 6);
    cr_expect_eq(json_array_size(json_object_get(score, "missing")), 5);
    json_decref(root);
    vg_ward_sweep(w, START + 401 * S + (int64_t)HOUR * S); /* nothing came for an hour */
    root = all();
    score = json_object_get(tile_in(root, "p-1"), "score");
    expect_text(score, "total", "3");
    cr_expect_eq(json_array_size(json_object_get(score, "missing")), 6, "breathing is not known");
    json_decref(root);
}

/* ---- orders ---- */

static struct vg_order order_of(enum vg_order_kind kind, int channel)
{
    return (struct vg_order){ .kind = (uint8_t)kind, .channel = channel, .given_ns = START };
}

Test(ward, limits_of_a_patient_hold_until_they_expire_or_are_cleared)
{
    struct vg_order order = order_of(VG_ORDER_KIND_LIMIT, SPO2);
    json_t *root;

    hr(0, "p-1", NULL, 80);
    order.low_set = 1;
    order.low = 84;
    order.for_ns = 600 * S;
    vg_ward_obey(w, "p-1", &order, START);
    root = all();
    expect_text(tile_in(root, "p-1"), "limits", "{\"spo2\":[84,null]}");
    json_decref(root);
    vg_ward_sweep(w, START + S + 600 * S);
    root = all();
    expect_text(tile_in(root, "p-1"), "limits", "{}");
    json_decref(root);
    vg_ward_obey(w, "p-1", &order, START);
    order.clear = 1;
    vg_ward_obey(w, "p-1", &order, START);
    root = all();
    expect_text(tile_in(root, "p-1"), "limits", "{}");
    json_decref(root);
}

Test(ward, a_patient_who_is_discharged_has_no_tile_until_new_rows_come)
{
    struct vg_order order = order_of(VG_ORDER_KIND_DISCHARGE, VG_CHANNEL_NONE);

    hr(0, "p-1", NULL, 80);
    vg_ward_obey(w, "p-1", &order, START + S);
    cr_expect_eq(tiles(), 0);
    tick(2, "p-1", 1);
    sample(&(struct sample){ 3, "p-1", NULL, HR, 80, 0, true });
    cr_expect_eq(tiles(), 0, "ticks that are still to come and what is read back make none");
    hr(10, "p-1", NULL, 80);
    cr_expect_eq(tiles(), 1);
    vg_ward_obey(w, "p-1", &order, START + S);
    cr_expect_eq(tiles(), 1, "an order of before the rows that made it");
}

static void expect_count(double second, uint32_t live, uint32_t silent, uint32_t standby)
{
    uint32_t n[3][VG_PRESENCES]; /* icu-a, none, other */

    vg_ward_count(w, START + (int64_t)(second * 1e9), n);
    cr_expect_eq(n[0][VG_PRESENCE_LIVE], live, "%u live at %g s", n[0][VG_PRESENCE_LIVE], second);
    cr_expect_eq(n[0][VG_PRESENCE_SILENT], silent, "%u silent at %g s", n[0][VG_PRESENCE_SILENT],
                 second);
    cr_expect_eq(n[0][VG_PRESENCE_STANDBY], standby);
    cr_expect_eq(n[1][VG_PRESENCE_LIVE] + n[2][VG_PRESENCE_LIVE], 0);
}

Test(ward, patients_are_counted_by_whether_data_come_of_them)
{
    static char ward[1][VG_WARD_SIZE] = { "icu-a" };
    struct vg_order order = order_of(VG_ORDER_KIND_STANDBY, VG_CHANNEL_NONE);

    config.site.wards = ward;
    config.site.wards_n = 1;
    hr(0, "p-1", NULL, 80);
    hr(5, "p-2", "icu-a/02", 80);
    sample(&(struct sample){ 6, "p-3", "icu-a/03", HR, 80, 0, true });
    expect_count(7, 2, 1, 0);
    expect_count(12, 1, 2, 0);
    order.for_ns = 600 * S;
    vg_ward_obey(w, "p-1", &order, START + S);
    expect_count(20, 0, 2, 1);
    order = order_of(VG_ORDER_KIND_DISCHARGE, VG_CHANNEL_NONE);
    vg_ward_obey(w, "p-2", &order, START + 6 * S);
    expect_count(20, 0, 1, 1);
}

/* ---- another configuration ---- */

Test(ward, another_configuration_has_other_limits_and_the_same_past)
{
    struct vg_model other = forecaster;
    struct vg_ward_reader reader = { 0 };
    json_t *message, *bed;

    hr(0, "p-1", NULL, 80);
    hr(0, "p-2", "icu-a/02", 80);
    tick(5, "p-1", 1);
    json_decref(news(&reader));
    profiles[0].limits.low[SPO2] = 92;
    vg_ward_configure(w, &config, &(struct vg_ward_models){ &forecaster, &detector });
    message = news(&reader);
    expect_text(tile_in(message, "p-2"), "limits", "{\"spo2\":[86,null]}");
    bed = tile_in(message, "p-1");
    expect_text(bed, "limits", "{}"); /* as the session's, which is asked for again */
    cr_expect_not(json_is_null(json_object_get(bed, "forecast")), "of the same model");
    json_decref(message);
    snprintf(other.sha256, sizeof(other.sha256), "another");
    other.horizons = 1;
    vg_ward_configure(w, &config, &(struct vg_ward_models){ &other, &detector });
    message = news(&reader);
    expect_text(tile_in(message, "p-1"), "forecast", "null");
    json_decref(message);
    message = history("p-1", 0, 5);
    cr_expect_eq(json_array_size(json_object_get(message, "forecasts")), 0);
    expect_text(json_object_get(json_object_get(message, "channels"), "hr"), "raw", "[80,null]");
    json_decref(message);
}

/* ---- readers ---- */

Test(ward, a_reader_is_told_all_and_then_what_changed)
{
    struct vg_ward_reader reader = { 0 };
    json_t *first = news(&reader), *message;

    cr_assert_not_null(first, "an empty ward is told, too");
    expect_text(first, "full", "true");
    cr_expect_null(news(&reader));
    hr(0, "p-1", NULL, 80);
    hr(0, "p-2", "icu-a/02", 80);
    message = news(&reader);
    expect_text(message, "full", "false");
    cr_expect_not_null(json_object_get(tile_in(message, "p-2"), "trend"), "a new tile is whole");
    json_decref(message);
    hr(1, "p-2", "icu-a/02", 81);
    message = news(&reader);
    cr_expect_eq(json_array_size(json_object_get(message, "beds")), 1);
    cr_expect_null(json_object_get(json_array_get(json_object_get(message, "beds"), 0), "trend"));
    json_decref(message);
    cr_expect_null(news(&reader));
    hr(61, "p-1", NULL, 90);
    message = news(&reader);
    expect_text(json_object_get(json_array_get(json_object_get(message, "beds"), 0), "minute"),
                "hr", "80");
    json_decref(message);
    vg_ward_obey(w, "p-1", &(struct vg_order){ .kind = VG_ORDER_KIND_DISCHARGE }, START + 100 * S);
    message = news(&reader);
    expect_text(json_array_get(json_object_get(message, "beds"), 0), "gone", "true");
    json_decref(message);
    json_decref(first);
}

Test(ward, a_large_ward_is_told_in_parts_that_lose_nobody)
{
    struct vg_ward_models models = { NULL, NULL };
    struct vg_ward_reader reader = { 0 };
    size_t told = 0, messages = 0;
    char name[16];
    json_t *message;

    vg_ward_free(w);
    w = vg_ward_new(&config, &models, 500);
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof(name), "p-%d", i);
        hr(0, name, "", 80);
    }
    while ((message = news(&reader))) {
        size_t n = json_array_size(json_object_get(message, "beds"));

        cr_expect_leq(n, VG_WARD_PART_BEDS);
        expect_text(message, "full", messages == 0 ? "true" : "false");
        told += n;
        messages++;
        json_decref(message);
        if (messages == 2)
            hr(1, "p-3", "", 81); /* of a part that was told already */
    }
    cr_expect_eq(told, 501);
    cr_expect_eq(messages, 9);
}

Test(ward, a_new_tile_in_the_place_of_one_that_is_gone_is_told_with_all_others)
{
    struct vg_ward_reader reader = { 0 };
    json_t *message;

    hr(0, "p-1", NULL, 80);
    hr(0, "p-2", NULL, 80);
    hr(0, "p-3", NULL, 80);
    json_decref(news(&reader));
    vg_ward_obey(w, "p-1", &(struct vg_order){ .kind = VG_ORDER_KIND_DISCHARGE }, START + S);
    hr(2, "p-4", NULL, 80);
    message = news(&reader);
    expect_text(message, "full", "true");
    cr_expect_eq(json_array_size(json_object_get(message, "beds")), 3);
    cr_expect_not_null(tile_in(message, "p-4"));
    json_decref(message);
}

/* ---- history ---- */

Test(ward, history_says_which_steps_and_where_there_is_nothing)
{
    json_t *h;

    for (int s = 0; s < 30; s++)
        hr(s, "p-1", NULL, 80);
    sample(&(struct sample){ 20, "p-1", NULL, ACVPU, 1, 0, false });
    for (int s = 60; s < 70; s++)
        hr(s, "p-1", NULL, 90);
    h = history("p-1", 0, 69);
    expect_text(h, "n", "14");
    expect_text(json_object_get(json_object_get(h, "channels"), "hr"), "raw",
                "[80,80,80,80,80,80,null,null,null,null,null,null,90,90]");
    expect_text(json_object_get(json_object_get(h, "channels"), "hr"), "quality",
                "\"gggggg------gg\"");
    expect_text(h, "gaps", "[[1767225630000,1767225660000]]");
    expect_text(h, "notes", "[{\"at\":1767225620000,\"channel\":\"acvpu\",\"value\":1}]");
    json_decref(h);
    h = history("p-1", -2 * HOUR, 69);
    expect_text(h, "step_s", "60");
    expect_text(h, "n", "122");
    json_decref(h);
    h = history("p-1", -1000.0 * HOUR, 1e7);
    expect_text(h, "n", "1440");
    json_decref(h);
    h = history("p-1", 500, 400);
    expect_text(h, "n", "0");
    json_decref(h);
}

Test(ward, history_has_the_forecasts_as_they_were_made)
{
    json_t *h, *forecasts;

    hr(0, "p-1", NULL, 80);
    tick(60, "p-1", 1);
    tick(90, "p-1", 1);
    tick(120, "p-1", 1);
    hr(700, "p-1", NULL, 80);
    h = history("p-1", 660, 700);
    forecasts = json_object_get(h, "forecasts");
    cr_expect_eq(json_array_size(forecasts), 2, "those of 60 s and 120 s, 10 min on: %s", out.data);
    expect_text(json_array_get(forecasts, 0), "values", "[60,80,99]");
    json_decref(h);
}

Test(ward, a_session_names_channels_models_and_limits)
{
    json_t *root, *channel;

    vg_buf_clear(&out);
    vg_buf_char(&out, '{');
    vg_ward_write_session(w, &out);
    vg_buf_char(&out, '}');
    root = parse();
    cr_assert_eq(json_array_size(json_object_get(root, "channels")), VG_CHANNELS);
    channel = json_array_get(json_object_get(root, "channels"), SPO2);
    expect_text(channel, "low", "90"); /* tighter than the other rule's 80 */
    expect_text(channel, "high", "null");
    expect_text(json_array_get(json_object_get(root, "channels"), HR), "high", "130");
    expect_text(json_object_get(root, "forecast"), "quantiles", "[0.05,0.5,0.95]");
    expect_text(json_object_get(root, "forecast"), "horizons_s", "[60,600]");
    expect_text(json_object_get(root, "anomaly"), "threshold", "2");
    json_decref(root);
}
