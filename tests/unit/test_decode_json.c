/* test_decode_json.c - the JSON decoder: what each kind of good and bad member of a row costs. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/decoding.h"

TestSuite(decode_json, .init = decoding_init, .fini = decoding_done, .timeout = 120);

/* ---- rows ---- */

Test(decode_json, the_example_of_the_documentation_is_read)
{
    const struct vg_decoded *row = decoding_expect_clean(DECODING_EXAMPLE);

    cr_assert_str_eq(row->patient, "p-7f3a");
    cr_assert_str_eq(row->bed, "icu-a/07");
    cr_assert_eq(row->time, VG_DECODED_TIME_OK);
    cr_assert_eq(row->time_ns, NOON_NS);
    cr_assert_eq(row->start, 0);
    cr_assert_eq(row->len, strlen(DECODING_EXAMPLE));
    decoding_expect_value(row, VG_CHANNEL_hr, 82, "hr");
    decoding_expect_value(row, VG_CHANNEL_spo2, 97, "spo2");
    decoding_expect_value(row, VG_CHANNEL_rr, 16, "rr");
    decoding_expect_value(row, VG_CHANNEL_abp_sys, 118, "abp_sys");
    decoding_expect_value(row, VG_CHANNEL_abp_dia, 71, "abp_dia");
    decoding_expect_value(row, VG_CHANNEL_abp_mean, 87, "abp_mean");
    decoding_expect_value(row, VG_CHANNEL_temp, 36.8f, "temp");
    decoding_expect_channel(row, VG_CHANNEL_pulse, VG_Q_ABSENT, VG_REASON_NONE, "pulse");
    decoding_expect_channel(row, VG_CHANNEL_etco2, VG_Q_ABSENT, VG_REASON_NONE, "etco2");
}

Test(decode_json, an_array_gives_its_rows_in_order_each_with_its_bytes)
{
    static const char text[] = " [ {\"patient\":\"a\",\"hr\":1} ,\n{\"patient\":\"b\"},\t7 ] ";

    decoding_take(text, NULL);
    cr_assert_eq(decoding.n, 3);
    for (uint32_t i = 0; i < 3; i++)
        cr_assert_eq(decoding.rows[i].index, i);
    cr_assert_eq(decoding.rows[0].start, 3);
    cr_assert_eq(decoding.rows[0].len, strlen("{\"patient\":\"a\",\"hr\":1}"));
    cr_assert_str_eq(decoding.rows[0].patient, "a");
    cr_assert_eq(memcmp(text + decoding.rows[1].start, "{\"patient\":\"b\"}", decoding.rows[1].len),
                 0);
    cr_assert_str_eq(decoding.rows[1].patient, "b");
    decoding_expect_channel(&decoding.rows[1], VG_CHANNEL_hr, VG_Q_ABSENT, VG_REASON_NONE,
                            "of the row before");
    cr_assert_not(decoding.rows[2].usable);
    cr_assert_eq(decoding.rows[2].len, 1);
    decoding_expect_fault(&decoding.rows[2].fault, "schema", (uint32_t)(strchr(text, '7') - text),
                          text);
}

Test(decode_json, a_lost_row_harms_no_other_row_of_the_message)
{
    decoding_take("[{\"patient\":\"a b\",\"hr\":1},{\"patient\":\"b\",\"hr\":2}]", NULL);
    cr_assert_eq(decoding.n, 2);
    cr_assert_not(decoding.rows[0].usable);
    cr_assert(decoding.rows[1].usable && !decoding.rows[1].has_fault);
    decoding_expect_value(&decoding.rows[1], VG_CHANNEL_hr, 2, "hr");
}

Test(decode_json, an_empty_message_and_an_empty_array_say_nothing)
{
    cr_assert_eq(decoding_decode("", 0, "p"), VG_OK);
    cr_assert_eq(decoding.n, 0);
    decoding_take("[]", NULL);
    cr_assert_eq(decoding.n, 0);
    decoding_take(" [ ] ", NULL);
    cr_assert_eq(decoding.n, 0);
}

Test(decode_json, white_space_of_json_is_allowed_between_all_tokens)
{
    const struct vg_decoded *row =
        decoding_expect_clean("\r\n\t { \"patient\" : \"p\" , \"hr\" : 82 , "
                              "\"spo2\" : { \"value\" : 97 } }\n");

    decoding_expect_value(row, VG_CHANNEL_hr, 82, "hr");
    decoding_expect_value(row, VG_CHANNEL_spo2, 97, "spo2");
}

Test(decode_json, a_value_that_is_no_row_is_a_dead_letter)
{
    static const char *const texts[] = {
        "@42", " @\"p\"", "@null", "@true", "[@[]]", "[@1]",
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(texts); i++)
        decoding_expect_dead(texts[i], "schema");
}

/* ---- channels ---- */

static void expect_key(const char *key, int channel)
{
    char text[DECODING_TEXT];
    bool words = vg_channel_words(channel) > 0;

    snprintf(text, sizeof(text), "{\"patient\":\"p\",\"%s\":%s%s%s}", key, words ? "\"" : "",
             words ? vg_channel_word_text(channel, 2) : "42", words ? "\"" : "");
    decoding_expect_value(decoding_expect_clean(text), channel, words ? 2 : 42, text);
}

Test(decode_json, every_channel_is_known_by_name_mdc_and_loinc)
{
    for (int c = 0; c < VG_CHANNELS; c++) {
        char code[16];

        snprintf(code, sizeof(code), "%u", vg_channels[c].mdc_code);
        expect_key(vg_channels[c].name, c);
        if (vg_channels[c].mdc[0]) {
            expect_key(vg_channels[c].mdc, c);
            expect_key(code, c);
        }
        if (vg_channels[c].loinc[0])
            expect_key(vg_channels[c].loinc, c);
    }
}

Test(decode_json, escapes_in_keys_and_strings_are_decoded)
{
    const struct vg_decoded *row = decoding_expect_clean(
        "{\"p\\u0061tient\":\"p\\u002d1\",\"\\u0068r\":82,\"bed\":\"icu\\/\\u00e4\\ud83d\\ude00\","
        "\"t\\u0069me\":\"2026-03-01\\u005412:00:00Z\",\"temp\":{\"\\u0076alue\":98.6,\"unit\":"
        "\"\\u005bdegF]\",\"quality\":\"go\\u006fd\"}}");

    cr_assert_str_eq(row->patient, "p-1");
    cr_assert_str_eq(row->bed, "icu/\xC3\xA4\xF0\x9F\x98\x80");
    cr_assert_eq(row->time_ns, NOON_NS);
    decoding_expect_value(row, VG_CHANNEL_hr, 82, "hr");
    decoding_expect_value(row, VG_CHANNEL_temp, 37, "temp");
}

Test(decode_json, a_key_with_a_nul_is_not_the_key_before_the_nul)
{
    const struct vg_decoded *row = decoding_expect_clean("{\"patient\":\"p\",\"hr\\u0000\":82}");

    decoding_expect_channel(row, VG_CHANNEL_hr, VG_Q_ABSENT, VG_REASON_NONE, "hr");
}

Test(decode_json, values_with_a_declared_unit_are_converted)
{
    static const struct {
        const char *members;
        int channel;
        float value;
    } table[] = {
        { "\"abp_mean\":{\"value\":10,\"unit\":\"kPa\"}", VG_CHANNEL_abp_mean, 75.00615758f },
        { "\"abp_mean\":{\"unit\":\"mm[Hg]\",\"value\":87}", VG_CHANNEL_abp_mean, 87 },
        { "\"temp\":{\"unit\":\"[degF]\",\"value\":98.6}", VG_CHANNEL_temp, 37 },
        { "\"temp\":{\"value\":310.15,\"unit\":\"K\"}", VG_CHANNEL_temp, 37 },
        { "\"hr\":{\"value\":1.5,\"unit\":\"Hz\"}", VG_CHANNEL_hr, 90 },
        { "\"spo2\":{\"value\":0.97,\"unit\":\"1\"}", VG_CHANNEL_spo2, 97 },
        { "\"spo2\":{\"value\":97}", VG_CHANNEL_spo2, 97 },
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(table); i++) {
        char text[DECODING_TEXT];

        snprintf(text, sizeof(text), "{\"patient\":\"p\",%s}", table[i].members);
        decoding_expect_value(decoding_expect_clean(text), table[i].channel, table[i].value, text);
    }
}

Test(decode_json, the_devices_word_about_quality_is_kept)
{
    static const struct {
        const char *value;
        enum vg_quality quality;
        enum vg_reason reason;
        float expect;
    } table[] = {
        { "82", VG_Q_GOOD, VG_REASON_NONE, 82 },
        { "null", VG_Q_MISSING, VG_REASON_DEVICE, 0 },
        { "{\"value\":82,\"quality\":\"good\"}", VG_Q_GOOD, VG_REASON_NONE, 82 },
        { "{\"quality\":\"suspect\",\"value\":82}", VG_Q_SUSPECT, VG_REASON_DEVICE, 82 },
        { "{\"value\":82,\"quality\":\"invalid\"}", VG_Q_INVALID, VG_REASON_DEVICE, 0 },
        { "{\"value\":82,\"quality\":\"missing\"}", VG_Q_MISSING, VG_REASON_DEVICE, 0 },
        { "{\"quality\":\"missing\"}", VG_Q_MISSING, VG_REASON_DEVICE, 0 },
        { "{\"value\":null}", VG_Q_MISSING, VG_REASON_DEVICE, 0 },
        { "{\"value\":null,\"quality\":\"suspect\"}", VG_Q_MISSING, VG_REASON_DEVICE, 0 },
        /* what is not read cannot be wrong */
        { "{\"value\":\"x\",\"unit\":\"furlong\",\"quality\":\"invalid\"}", VG_Q_INVALID,
          VG_REASON_DEVICE, 0 },
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(table); i++) {
        char text[DECODING_TEXT];
        const struct vg_decoded *row;

        snprintf(text, sizeof(text), "{\"hr\":%s,\"patient\":\"p\"}", table[i].value);
        row = decoding_expect_clean(text);
        decoding_expect_channel(row, VG_CHANNEL_hr, table[i].quality, table[i].reason, text);
        cr_assert_eq(row->value[VG_CHANNEL_hr], table[i].expect, "%s", text);
    }
}

Test(decode_json, a_bad_value_costs_its_channel_and_nothing_else)
{
    static const struct {
        const char *value, *fault;
        enum vg_reason reason;
    } table[] = {
        { "@\"82\"", "number", VG_REASON_BAD_VALUE },
        { "@\"\"", "number", VG_REASON_BAD_VALUE },
        { "@true", "number", VG_REASON_BAD_VALUE },
        { "@false", "number", VG_REASON_BAD_VALUE },
        { "@[82]", "number", VG_REASON_BAD_VALUE },
        { "@1e400", "number", VG_REASON_BAD_VALUE },
        { "@-1e39", "number", VG_REASON_BAD_VALUE },
        { "@3.4028236e38", "number", VG_REASON_BAD_VALUE },
        { "@NaN", "number", VG_REASON_BAD_VALUE },
        { "@Infinity", "number", VG_REASON_BAD_VALUE },
        { "@-Infinity", "number", VG_REASON_BAD_VALUE },
        { "{\"value\":@NaN}", "number", VG_REASON_BAD_VALUE },
        { "{\"value\":@\"82\"}", "number", VG_REASON_BAD_VALUE },
        { "{\"value\":@{\"value\":82}}", "number", VG_REASON_BAD_VALUE },
        { "{\"unit\":\"Hz\",\"value\":@1e38}", "number", VG_REASON_BAD_VALUE },
        { "{\"value\":82,\"unit\":@\"furlong\"}", "unit", VG_REASON_UNIT },
        { "{\"value\":82,\"unit\":@\"mm[Hg]\"}", "unit", VG_REASON_UNIT },
        { "{\"value\":82,\"unit\":@\"\"}", "unit", VG_REASON_UNIT },
        { "{\"value\":82,\"unit\":@7}", "unit", VG_REASON_UNIT },
        { "{\"value\":82,\"unit\":@\"/min\\u0000\"}", "unit", VG_REASON_UNIT },
        { "{\"value\":82,\"quality\":@\"fine\"}", "schema", VG_REASON_BAD_VALUE },
        { "{\"value\":82,\"quality\":@\"imputed\"}", "schema", VG_REASON_BAD_VALUE },
        { "{\"value\":82,\"quality\":@\"absent\"}", "schema", VG_REASON_BAD_VALUE },
        { "{\"value\":82,\"quality\":@1}", "schema", VG_REASON_BAD_VALUE },
        { "{\"value\":82,@\"Unit\":\"/min\"}", "schema", VG_REASON_BAD_VALUE },
        { "{@\"age\":3,\"value\":82,\"quality\":\"invalid\"}", "schema", VG_REASON_BAD_VALUE },
        { "@{\"unit\":\"/min\"}", "schema", VG_REASON_BAD_VALUE },
        { "@{}", "schema", VG_REASON_BAD_VALUE },
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(table); i++) {
        char text[DECODING_TEXT];
        const struct vg_decoded *row;

        snprintf(text, sizeof(text), "{\"patient\":\"p\",\"hr\":%s,\"spo2\":97}", table[i].value);
        row = decoding_expect_noted(text, table[i].fault);
        decoding_expect_channel(row, VG_CHANNEL_hr, VG_Q_INVALID, table[i].reason, text);
        decoding_expect_value(row, VG_CHANNEL_spo2, 97, text);
    }
}

Test(decode_json, a_word_is_read_where_a_channel_has_words_and_nothing_else_is)
{
    static const struct {
        const char *value, *fault; /* NULL: it is read */
        float expect;
    } table[] = {
        { "\"A\"", NULL, 0 },
        { "\"C\"", NULL, 1 },
        { "\"v\"", NULL, 2 },
        { "\"pain\"", NULL, 3 },
        { "\"Unresponsive\"", NULL, 4 },
        { "{\"value\":\"V\"}", NULL, 2 },
        { "@0", "word", 0 },
        { "@\"\"", "word", 0 },
        { "@\"AV\"", "word", 0 },
        { "@\"drowsy\"", "word", 0 },
        { "@[\"A\"]", "word", 0 },
        { "{\"value\":\"V\",\"unit\":@\"{score}\"}", "unit", 0 },
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(table); i++) {
        char text[DECODING_TEXT];
        const struct vg_decoded *row;

        snprintf(text, sizeof(text), "{\"patient\":\"p\",\"acvpu\":%s,\"spo2\":97}",
                 table[i].value);
        row = table[i].fault ? decoding_expect_noted(text, table[i].fault)
                             : decoding_expect_clean(text);
        decoding_expect_channel(row, VG_CHANNEL_acvpu, table[i].fault ? VG_Q_INVALID : VG_Q_GOOD,
                                !table[i].fault                       ? VG_REASON_NONE
                                : strcmp(table[i].fault, "unit") == 0 ? VG_REASON_UNIT
                                                                      : VG_REASON_BAD_VALUE,
                                text);
        cr_assert_eq(row->value[VG_CHANNEL_acvpu], table[i].expect, "%s", text);
        decoding_expect_value(row, VG_CHANNEL_spo2, 97, text);
    }
}

Test(decode_json, a_word_with_doubt_is_suspect)
{
    const struct vg_decoded *row = decoding_expect_clean(
        "{\"patient\":\"p\",\"acvpu\":{\"value\":\"U\",\"quality\":\"suspect\"}}");

    decoding_expect_channel(row, VG_CHANNEL_acvpu, VG_Q_SUSPECT, VG_REASON_DEVICE, "acvpu");
    cr_assert_eq(row->value[VG_CHANNEL_acvpu], 4);
}

Test(decode_json, the_first_of_several_faults_is_told)
{
    decoding_expect_noted(
        "{\"patient\":\"p\",\"hr\":@true,\"spo2\":{\"value\":1,\"unit\":\"x\"},\"bed\":7}",
        "number");
}

Test(decode_json, a_fault_that_costs_the_row_is_told_before_one_that_does_not)
{
    decoding_expect_dead("{\"hr\":true,\"patient\":@7,\"version\":2}", "schema");
}

Test(decode_json, faults_name_neither_values_nor_patients)
{
    decoding_one("{\"patient\":\"secret-1\",\"hr\":\"secret-2\",\"secret-3\":{\"secret-4\":1}}");
    cr_assert(decoding.rows->has_fault);
    cr_assert_null(strstr(decoding.rows->fault.detail, "secret"), "%s",
                   decoding.rows->fault.detail);
    decoding_one("{\"patient\":\"secret 1\"}");
    cr_assert_null(strstr(decoding.rows->fault.detail, "secret"), "%s",
                   decoding.rows->fault.detail);
}

/* ---- patient, bed, time, version, other members ---- */

Test(decode_json, a_row_without_a_valid_patient_is_a_dead_letter)
{
    static const char *const texts[] = {
        "@{}",
        "@{\"hr\":82}",
        "{\"patient\":@null}",
        "{\"patient\":@7}",
        "{\"patient\":@\"\"}",
        "{\"patient\":@\"a b\"}",
        "{\"patient\":@\"a\\u0000\"}",
        "{\"patient\":@\"a\\n\"}",
        "{\"patient\":@\"\xC3\xA4\"}",
        "{\"patient\":@[\"p\"]}",
        "{\"patient\":@{\"id\":\"p\"}}",
        "{\"patient\":@\"12345678901234567890123456789012345678901234567890123456789012345\"}",
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(texts); i++)
        cr_assert_eq(decoding_expect_dead(texts[i], "schema")->patient[0], '\0');
    decoding_expect_clean(
        "{\"patient\":\"1234567890123456789012345678901234567890123456789012345678901234\"}");
}

Test(decode_json, a_patient_that_is_not_the_key_of_the_message_is_a_dead_letter)
{
    static const char text[] =
        "[{\"patient\":\"p-1\"},{\"patient\":\"p-10\"},{\"patient\":\"p-\"}]";

    decoding_take(text, "p-1");
    cr_assert(decoding.rows[0].usable && !decoding.rows[0].has_fault);
    for (int i = 1; i < 3; i++) {
        cr_assert_not(decoding.rows[i].usable);
        decoding_expect_fault(&decoding.rows[i].fault, "identity_mismatch",
                              decoding.rows[i].start + (uint32_t)strlen("{\"patient\":"), text);
    }
    decoding_take(text, "");
    cr_assert_not(decoding.rows[0].usable);
    decoding_take(text, NULL);
    cr_assert(decoding.rows[1].usable && decoding.rows[2].usable);
}

Test(decode_json, a_bed_that_cannot_be_shown_is_left_out_and_noted)
{
    static const char *const beds[] = {
        "@\"\"",        "@7",
        "@true",        "@\"a\\u0007\"",
        "@\"a\x7F\"",   "@\"a\\u0085\"",
        "@\"\\u0000\"", "@\"12345678901234567890123456789012345678901234567890123456789012345\"",
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(beds); i++) {
        char text[DECODING_TEXT];
        const struct vg_decoded *row;

        snprintf(text, sizeof(text), "{\"patient\":\"p\",\"bed\":%s,\"hr\":82}", beds[i]);
        row = decoding_expect_noted(text, "schema");
        cr_assert_eq(row->bed[0], '\0', "%s", text);
        decoding_expect_value(row, VG_CHANNEL_hr, 82, text);
    }
}

Test(decode_json, a_bed_may_be_any_printable_text_or_null)
{
    cr_assert_str_eq(decoding_expect_clean("{\"patient\":\"p\",\"bed\":\"Nord \xC3\x9C/7\"}")->bed,
                     "Nord \xC3\x9C/7");
    cr_assert_str_eq(decoding_expect_clean("{\"patient\":\"p\",\"bed\":\"\xC2\xA0\"}")->bed,
                     "\xC2\xA0");
    cr_assert_str_eq(decoding_expect_clean("{\"patient\":\"p\",\"bed\":null}")->bed, "");
}

Test(decode_json, times_are_rfc_3339_with_an_offset_or_whole_milliseconds)
{
    static const struct {
        const char *value;
        int64_t ns;
    } table[] = {
        { "\"2026-03-01T12:00:00Z\"", NOON_NS },
        { "\"2026-03-01T13:30:00+01:30\"", NOON_NS },
        { "\"2026-03-01T12:00:00.250Z\"", NOON_NS + 250 * VG_NS_PER_MS },
        { "1772366400000", NOON_NS },
        { "1772366400001", NOON_NS + VG_NS_PER_MS },
        { "0", 0 },
        { "9214646399999", INT64_C(9214646399999) * VG_NS_PER_MS },
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(table); i++) {
        char text[DECODING_TEXT];
        const struct vg_decoded *row;

        snprintf(text, sizeof(text), "{\"patient\":\"p\",\"time\":%s}", table[i].value);
        row = decoding_expect_clean(text);
        cr_assert_eq(row->time, VG_DECODED_TIME_OK, "%s", text);
        cr_assert_eq(row->time_ns, table[i].ns, "%s", text);
    }
}

Test(decode_json, a_time_that_cannot_be_read_is_none_and_no_fault)
{
    static const char *const values[] = {
        "null",
        "true",
        "[]",
        "{}",
        "\"\"",
        "\"2026-03-01T12:00:00\"",
        "\"2026-03-01\"",
        "\"2026-02-29T12:00:00Z\"",
        "\"1969-12-31T23:59:59Z\"",
        "\"2262-01-01T00:00:00Z\"",
        "\"1772366400000\"",
        "1772366400000.0",
        "1.7723664e12",
        "-1",
        "9214646400000",
        "99999999999999999999999",
        "1e400",
    };

    cr_assert_eq(decoding_expect_clean("{\"patient\":\"p\"}")->time, VG_DECODED_TIME_NONE);
    for (size_t i = 0; i < VG_ARRAY_LEN(values); i++) {
        char text[DECODING_TEXT];

        snprintf(text, sizeof(text), "{\"patient\":\"p\",\"time\":%s}", values[i]);
        cr_assert_eq(decoding_expect_clean(text)->time, VG_DECODED_TIME_NONE, "%s", text);
    }
}

Test(decode_json, only_version_1_is_understood)
{
    static const char *const texts[] = {
        "{\"patient\":\"p\",\"version\":@2}",    "{\"patient\":\"p\",\"version\":@\"1\"}",
        "{\"patient\":\"p\",\"version\":@1.0}",  "{\"patient\":\"p\",\"version\":@-1}",
        "{\"patient\":\"p\",\"version\":@null}", "{\"version\":@11,\"patient\":\"p\"}",
        "{\"patient\":\"p\",@\"v\":1}",          "{\"patient\":\"p\",@\"schema\":\"vitals/2\"}",
    };

    decoding_expect_clean("{\"patient\":\"p\",\"version\":1}");
    for (size_t i = 0; i < VG_ARRAY_LEN(texts); i++)
        decoding_expect_dead(texts[i], "schema");
}

Test(decode_json, other_members_are_ignored_but_checked)
{
    decoding_expect_value(
        decoding_expect_clean("{\"patient\":\"p\",\"x\":{\"hr\":[1,{\"hr\":true}]},\"hr\":82,"
                              "\"HR\":1,\"y\":[],\"\":null}"),
        VG_CHANNEL_hr, 82, "hr");
    decoding_expect_refused("{\"patient\":\"p\",\"x\":{\"a\":[1,@]}}", "malformed");
    decoding_expect_refused("{\"patient\":\"p\",\"x\":@NaN}", "malformed");
}

Test(decode_json, other_members_cost_the_row_when_the_configuration_says_so)
{
    decoding_reopen("unknown", "dead_letter");
    decoding_expect_clean(DECODING_EXAMPLE);
    decoding_expect_dead("{\"patient\":\"p\",@\"HR\":82}", "schema");
}
