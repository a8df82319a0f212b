/* test_event.c - the canonical bytes of an event, against the example of the ALERT/1 contract. */
#include <criterion/criterion.h>
#include <string.h>

#include "core/event.h"

static struct vg_event event;
static struct vg_event_context context;
static struct vg_buf out;

static const int64_t noon_ns = INT64_C(1772366400) * VG_NS_PER_S; /* 2026-03-01T12:00:00Z */

static void setup(void)
{
    context = (struct vg_event_context){
        .episode_id = { 0x5d, 0x0c, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 0xe1 },
        .topic = "vitals.raw",
        .partition = 3,
        .config = "sha256:c0ffee",
        .model_sha256 = "0123abcd",
    };
    event = (struct vg_event){
        .origin = { .offset = 1841 },
        .phase = VG_PHASE_START,
        .kind = VG_ALERT_PHYSIOLOGICAL,
        .priority = VG_PRIORITY_HIGH,
        .rule = "spo2_low",
        .title = "SpO2 below limit",
        .text = "SpO2 86 % below 90 % for 10 s",
        .patient = "p-7f3a",
        .bed = "icu-a/07",
        .ward = "icu-a",
        .time_ns = noon_ns + 10 * VG_NS_PER_S,
        .onset_ns = noon_ns,
        .channel = VG_CHANNEL_spo2,
        .observed = { .present = true,
                      .has_value = true,
                      .value = 86,
                      .quality = VG_Q_GOOD,
                      .time_ns = noon_ns + 10 * VG_NS_PER_S },
        .limit = { .present = true, .value = 90, .origin = "profile adult" },
    };
}

static void teardown(void)
{
    vg_buf_done(&out);
}

TestSuite(event, .init = setup, .fini = teardown, .timeout = 30);

static const char *written(void)
{
    vg_buf_clear(&out);
    vg_event_write(&event, &context, &out);
    return out.data;
}

static void has(const char *part)
{
    cr_assert(strstr(written(), part), "%s\nis not in\n%s", part, out.data);
}

static void lacks(const char *part)
{
    cr_assert_null(strstr(written(), part), "%s\nis in\n%s", part, out.data);
}

Test(event, the_example_of_the_contract_byte_for_byte)
{
    cr_assert_str_eq(
        written(),
        "{\"event_id\":\"5d0c0102030405060708090a0b0c0de1.0\","
        "\"episode_id\":\"5d0c0102030405060708090a0b0c0de1\",\"phase\":\"start\","
        "\"kind\":\"physiological\",\"priority\":\"high\",\"state\":\"active\",\"signal\":{\"is\":"
        "\"enabled\"},\"rule\":\"spo2_low\","
        "\"title\":\"SpO2 below limit\",\"text\":\"SpO2 86 % below 90 % for 10 s\","
        "\"patient\":\"p-7f3a\",\"bed\":\"icu-a/07\",\"ward\":\"icu-a\","
        "\"time\":\"2026-03-01T12:00:10.000Z\",\"onset\":\"2026-03-01T12:00:00.000Z\","
        "\"channel\":\"spo2\",\"observed\":{\"value\":86,\"unit\":\"%\",\"quality\":\"good\","
        "\"time\":\"2026-03-01T12:00:10.000Z\"},"
        "\"limit\":{\"low\":90,\"unit\":\"%\",\"origin\":\"profile adult\"},"
        "\"position\":{\"topic\":\"vitals.raw\",\"partition\":3,\"offset\":1841,\"index\":0},"
        "\"config\":\"sha256:c0ffee\"}");
}

Test(event, an_event_that_says_everything_keeps_the_order_of_members)
{
    event.phase = VG_PHASE_END;
    event.kind = VG_ALERT_ADVISORY;
    event.priority = VG_PRIORITY_MEDIUM;
    event.number = 12;
    event.forecast.present = true;
    event.forecast.channel = VG_CHANNEL_spo2;
    event.forecast.horizon_ns = 300 * VG_NS_PER_S;
    event.forecast.quantiles = 3;
    memcpy(event.forecast.quantile, (float[]){ 0.05f, 0.5f, 0.95f }, 3 * sizeof(float));
    memcpy(event.forecast.value, (float[]){ 84.5f, 88, 91.25f }, 3 * sizeof(float));
    event.forecast.limit = 90;
    event.forecast.crossing_ns = 120 * VG_NS_PER_S + 500 * VG_NS_PER_MS;
    event.anomaly.present = true;
    event.anomaly.score = 4.2f;
    event.anomaly.threshold = 2.5f;
    event.anomaly.contributions = 2;
    event.anomaly.contribution[0].channel = VG_CHANNEL_rr;
    event.anomaly.contribution[0].share = 0.75f;
    event.anomaly.contribution[1].channel = VG_CHANNEL_hr;
    event.anomaly.contribution[1].share = 0.25f;
    event.reason = "cleared";
    event.suppressed_by = "budget";
    event.acknowledged_by = "nurse \"A\"";
    event.by = "ward round";
    event.note = "seen";
    event.state = VG_ALERT_STATE_LATCHED;
    event.signal = VG_SIGNAL_AUDIO_PAUSED;
    event.signal_until_ns = noon_ns + 60 * VG_NS_PER_S;
    event.model = "forecaster";
    event.origin = (struct vg_origin){ .has_due = true, .due_ns = noon_ns + VG_NS_PER_MS };
    written();
    cr_assert_str_eq(strstr(out.data, ",\"forecast\""),
                     ",\"forecast\":{\"channel\":\"spo2\",\"horizon_s\":300,"
                     "\"quantiles\":{\"0.05\":84.5,\"0.5\":88,\"0.95\":91.25},\"limit\":90,"
                     "\"crossing_s\":120.5},"
                     "\"anomaly\":{\"score\":4.2,\"threshold\":2.5,\"contributions\":["
                     "{\"channel\":\"rr\",\"share\":0.75},{\"channel\":\"hr\",\"share\":0.25}]},"
                     "\"reason\":\"cleared\",\"suppressed_by\":\"budget\",\"acknowledged_by\":"
                     "\"nurse \\\"A\\\"\",\"by\":\"ward round\",\"note\":\"seen\","
                     "\"position\":{\"topic\":\"vitals.raw\",\"partition\":3,"
                     "\"due\":\"2026-03-01T12:00:00.001Z\"},\"config\":\"sha256:c0ffee\","
                     "\"model\":{\"name\":\"forecaster\",\"sha256\":\"0123abcd\"}}");
    has("\"event_id\":\"5d0c0102030405060708090a0b0c0de1.12\"");
    has("\"phase\":\"end\",\"kind\":\"advisory\",\"priority\":\"medium\",\"state\":\"latched\","
        "\"signal\":{\"is\":\"audio-paused\",\"until\":\"2026-03-01T12:01:00.000Z\"},\"rule\"");
}

Test(event, what_says_why_stands_at_its_places)
{
    static struct vg_hour hour;

    hour = (struct vg_hour){ .channel = VG_CHANNEL_spo2, .from_ns = noon_ns };
    hour.measured[0] = hour.measured[2] = true;
    hour.value[0] = 97.5f;
    hour.value[2] = 86;
    event.delays.present = event.delays.given = true;
    event.delays.condition_ns = 10 * VG_NS_PER_S;
    event.delays.generation_ns = 250 * VG_NS_PER_MS;
    event.worst.measure = VG_MEASURE_VALUE;
    event.worst.value = 84;
    event.worst.time_ns = noon_ns + 3 * VG_NS_PER_S;
    event.window = (struct vg_window){
        .present = true,
        .from_ns = noon_ns,
        .to_ns = noon_ns + 10 * VG_NS_PER_S,
        .for_ns = 10 * VG_NS_PER_S,
        .at_least = 3,
        .of = 5,
        .over_ns = 3600 * VG_NS_PER_S,
        .change = "falls_by",
        .by = 12,
        .confidence = .95f,
        .has_usual = true,
        .usual = 96,
        .within_ns = 600 * VG_NS_PER_S,
        .longer_than_ns = 30 * VG_NS_PER_S,
    };
    event.hour = &hour;
    event.reason = "why";
    has("\"onset\":\"2026-03-01T12:00:00.000Z\","
        "\"delays\":{\"condition_s\":10,\"generation_s\":0.25},\"channel\":");
    has("\"origin\":\"profile adult\"},"
        "\"worst\":{\"is\":\"value\",\"value\":84,\"unit\":\"%\","
        "\"time\":\"2026-03-01T12:00:03.000Z\"},"
        "\"window\":{\"from\":\"2026-03-01T12:00:00.000Z\",\"to\":\"2026-03-01T12:00:10.000Z\","
        "\"for_s\":10,\"at_least\":3,\"of\":5,\"over_s\":3600,\"falls_by\":12,\"unit\":\"%\","
        "\"confidence\":0.95,\"usual\":96,\"within_s\":600,\"longer_than_s\":30},"
        "\"hour\":{\"channel\":\"spo2\",\"unit\":\"%\",\"from\":\"2026-03-01T12:00:00.000Z\","
        "\"step_s\":60,\"values\":[97.5,null,86,null,");
    has(",null,null]},\"reason\":\"why\"");
    lacks("duration_s");
    event.phase = VG_PHASE_END;
    has("\"onset\":\"2026-03-01T12:00:00.000Z\",\"duration_s\":10,\"delays\":");
}

Test(event, a_score_has_no_unit_and_a_share_is_one)
{
    event.worst.measure = VG_MEASURE_POINTS;
    event.worst.value = 7;
    event.worst.time_ns = noon_ns;
    event.window = (struct vg_window){
        .present = true,
        .from_ns = noon_ns,
        .to_ns = noon_ns,
        .change = "above_by",
        .by = .25f,
        .share = true,
    };
    has("\"worst\":{\"is\":\"points\",\"value\":7,\"time\":\"2026-03-01T12:00:00.000Z\"},"
        "\"window\":{\"from\":\"2026-03-01T12:00:00.000Z\",\"to\":\"2026-03-01T12:00:00.000Z\","
        "\"above_by\":0.25,\"share\":true},");
}

Test(event, a_score_stands_behind_the_anomaly_with_all_its_parameters)
{
    static const struct vg_score_chart chart = {
        .name = "news2",
        .parameters = 3,
        .parameter = { { .channel = { { .channel = VG_CHANNEL_temp, .per_unit = 10 } } },
                       { .channel = { { .channel = VG_CHANNEL_acvpu, .per_unit = 1 } } },
                       { .channel = { { .channel = VG_CHANNEL_oxygen, .per_unit = 100 },
                                      { .channel = VG_CHANNEL_fio2, .per_unit = 1 } } } },
    };
    struct vg_score_total total = { .lowest = 4, .highest = 6, .known = 2 };

    total.part[0] = (struct vg_score_part){ .has_value = true,
                                            .least = 1,
                                            .most = 1,
                                            .steps = 359,
                                            .newest_ns = event.time_ns - 1500000000 };
    total.part[1] = (struct vg_score_part){
        .has_value = true, .least = 3, .most = 3, .steps = 2, .newest_ns = event.time_ns
    };
    total.part[2] = (struct vg_score_part){ .channel = 1, .most = 2 };
    event.score.score = &chart;
    event.score.total = &total;
    event.score.spo2_scale = 1;
    event.reason = "cleared";
    has("\"origin\":\"profile adult\"},\"score\":{\"name\":\"news2\",\"total\":4,\"lowest\":4,"
        "\"highest\":6,\"known\":2,\"of\":3,\"parts\":["
        "{\"channel\":\"temp\",\"value\":35.9,\"points\":1,\"age_s\":1.5},"
        "{\"channel\":\"acvpu\",\"value\":\"V\",\"points\":3,\"age_s\":0},"
        "{\"channel\":\"fio2\"}]},\"reason\":\"cleared\"");
    total.part[1].least = 0;
    event.score.spo2_scale = 2;
    has("\"of\":3,\"spo2_scale\":2,\"parts\":[");
    has("\"value\":\"V\",\"least\":0,\"most\":3,\"age_s\":0}");
}

Test(event, a_value_that_is_missing_is_left_out_and_never_zero)
{
    event.observed.has_value = false;
    event.observed.value = 0;
    event.observed.quality = VG_Q_MISSING;
    has("\"observed\":{\"unit\":\"%\",\"quality\":\"missing\",\"time\":");
    lacks("\"value\"");
}

Test(event, an_event_without_a_patient_has_neither_patient_nor_bed)
{
    event.patient = NULL;
    event.bed = "";
    event.ward = "none";
    event.channel = VG_CHANNEL_NONE;
    event.observed.present = false;
    event.limit.present = false;
    lacks("\"patient\"");
    lacks("\"bed\"");
    lacks("\"channel\"");
    lacks("null");
    has("\"text\":\"SpO2 86 % below 90 % for 10 s\",\"ward\":\"none\",\"time\"");
}

Test(event, a_high_limit_says_so)
{
    event.limit.high = true;
    event.channel = VG_CHANNEL_abp_sys;
    event.limit.value = 180.5f;
    has("\"limit\":{\"high\":180.5,\"unit\":\"mm[Hg]\",\"origin\":\"profile adult\"}");
}

Test(event, a_forecast_that_crosses_nothing_names_no_time)
{
    event.forecast.present = true;
    event.forecast.channel = VG_CHANNEL_hr;
    event.forecast.crossing_ns = VG_TIME_NONE;
    has("\"forecast\":{\"channel\":\"hr\",\"horizon_s\":0,\"quantiles\":{},\"limit\":0}");
}

Test(event, seconds_keep_every_digit_that_log_time_has)
{
    event.forecast.present = true;
    event.forecast.channel = VG_CHANNEL_hr;
    event.forecast.horizon_ns = INT64_C(16777217123000001);
    event.forecast.crossing_ns = -VG_NS_PER_MS;
    has("\"horizon_s\":16777217.123000001,");
    has("\"crossing_s\":-0.001}");
}

Test(event, text_is_escaped)
{
    event.text = "a\nb \"c\"";
    has("\"text\":\"a\\nb \\\"c\\\"\"");
}

Test(event, the_text_is_appended)
{
    vg_buf_str(&out, "before:");
    vg_event_write(&event, &context, &out);
    cr_assert_eq(strncmp(out.data, "before:{\"event_id\"", 18), 0);
}

Test(event, episode_ids_read_back)
{
    char text[VG_EPISODE_TEXT_SIZE];
    uint8_t id[16] = { 0 };

    vg_episode_text(context.episode_id, text);
    cr_assert_str_eq(text, "5d0c0102030405060708090a0b0c0de1");
    cr_assert(vg_episode_parse(text, id));
    cr_assert_eq(memcmp(id, context.episode_id, 16), 0);
}

Test(event, the_patient_is_read_and_nothing_behind_the_end)
{
    static const char json[] = "{\"x\":1,\"patient\":\"p-\\\"7\",\"bed\":\"\"}";
    char patient[VG_PATIENT_SIZE];

    vg_event_patient(json, sizeof(json) - 1, patient);
    cr_expect_str_eq(patient, "p-\"7");
    for (size_t len = 0; len < sizeof(json) - 1; len++) {
        vg_event_patient(json, len, patient);
        cr_expect_leq(strlen(patient), 4);
        if (len < sizeof("{\"x\":1,\"patient\":\"p") - 1)
            cr_expect_str_empty(patient, "of %zu bytes", len);
    }
    vg_event_patient(json, sizeof("{\"x\":1,\"patient\":\"p") - 1, patient);
    cr_expect_str_eq(patient, "p");
}

Test(event, what_is_no_episode_id_is_refused)
{
    uint8_t id[16] = { 7 };

    cr_assert_not(vg_episode_parse("", id));
    cr_assert_not(vg_episode_parse("5d0c", id));
    cr_assert_not(vg_episode_parse("5D0C0102030405060708090A0B0C0DE1", id));
    cr_assert_not(vg_episode_parse("5d0c0102030405060708090a0b0c0de1.0", id));
    cr_assert_not(vg_episode_parse("5d0c0102030405060708090a0b0c0dg1", id));
    cr_assert_eq(id[0], 7);
}

Test(event, phases_kinds_and_priorities_have_names)
{
    cr_assert_str_eq(vg_phase_name(VG_PHASE_DEESCALATE), "deescalate");
    cr_assert_str_eq(vg_alert_kind_name(VG_ALERT_TECHNICAL), "technical");
    cr_assert_str_eq(vg_priority_name(VG_PRIORITY_NONE), "none");
    cr_assert_str_eq(vg_priority_names[0], "high");
    cr_assert_null(vg_priority_names[VG_PRIORITY_COUNT]);
}
