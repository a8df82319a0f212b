/* test_text.c - strict parsing, and near misses. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"

TestSuite(text, .timeout = 30);

struct int_row {
    char text[32];
    bool ok;
    int64_t value;
};

ParameterizedTestParameters(text, whole_numbers)
{
    static struct int_row rows[] = {
        { "0", true, 0 },
        { "-0", true, 0 },
        { "42", true, 42 },
        { "-7", true, -7 },
        { "9223372036854775807", true, INT64_MAX },
        { "-9223372036854775808", true, INT64_MIN },
        { "9223372036854775808", false, 0 },
        { "99999999999999999999999", false, 0 },
        { "", false, 0 },
        { "-", false, 0 },
        { "+1", false, 0 },
        { " 1", false, 0 },
        { "1 ", false, 0 },
        { "007", false, 0 },
        { "12abc", false, 0 },
        { "0x10", false, 0 },
        { "1.0", false, 0 },
        { "1e3", false, 0 },
    };
    return cr_make_param_array(struct int_row, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct int_row *row, text, whole_numbers)
{
    int64_t value = 99;

    cr_assert_eq(vg_parse_int(row->text, &value), row->ok, "%s", row->text);
    cr_assert_eq(value, row->ok ? row->value : 99, "%s", row->text);
}

struct double_row {
    char text[32];
    bool ok;
    double value;
};

ParameterizedTestParameters(text, numbers)
{
    static struct double_row rows[] = {
        { "0", true, 0 },       { "36.8", true, 36.8 },
        { "-0.5", true, -0.5 }, { "1e3", true, 1000 },
        { "1E+3", true, 1000 }, { "25e-2", true, 0.25 },
        { "1e-400", true, 0 },  { "1.7976931348623157e308", true, 1.7976931348623157e308 },
        { "0.1", true, 0.1 },   { "9007199254740993", true, 9007199254740992 },
        { "1e400", false, 0 },  { "1e99999999", false, 0 },
        { "NaN", false, 0 },    { "inf", false, 0 },
        { ".5", false, 0 },     { "5.", false, 0 },
        { "1e", false, 0 },     { "1e+", false, 0 },
        { "0x1p3", false, 0 },  { " 1", false, 0 },
        { "1 ", false, 0 },     { "1,5", false, 0 },
        { "", false, 0 },       { "-", false, 0 },
        { "01", false, 0 },
    };
    return cr_make_param_array(struct double_row, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct double_row *row, text, numbers)
{
    double value = 99;

    cr_assert_eq(vg_parse_double(row->text, &value), row->ok, "%s", row->text);
    cr_assert_eq(value, row->ok ? row->value : 99, "%s gave %.17g", row->text, value);
}

Test(text, a_number_of_unreasonable_length_is_refused)
{
    char text[1000];
    double value = 99;

    memset(text, '1', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    cr_assert_not(vg_parse_double(text, &value));
    cr_assert_eq(value, 99.0);
}

Test(text, booleans_are_two_words)
{
    bool value = false;

    cr_assert(vg_parse_bool("true", &value) && value);
    cr_assert(vg_parse_bool("false", &value) && !value);
    value = true;
    cr_assert_not(vg_parse_bool("yes", &value));
    cr_assert_not(vg_parse_bool("True", &value));
    cr_assert_not(vg_parse_bool("1", &value));
    cr_assert_not(vg_parse_bool("", &value));
    cr_assert(value, "a refused text must leave the value alone");
}

struct duration_row {
    char text[32];
    bool ok;
    int64_t ns;
    char shown[32];
};

ParameterizedTestParameters(text, durations)
{
    static struct duration_row rows[] = {
        { "0", true, 0, "0s" },
        { "0s", true, 0, "0s" },
        { "250ms", true, 250 * VG_NS_PER_MS, "250ms" },
        { "10s", true, 10 * VG_NS_PER_S, "10s" },
        { "1.5m", true, 90 * VG_NS_PER_S, "90s" },
        { "90m", true, 5400 * VG_NS_PER_S, "90m" },
        { "4h", true, 14400 * VG_NS_PER_S, "4h" },
        { "24h", true, 86400 * VG_NS_PER_S, "1d" },
        { "0.5us", true, 500, "500ns" },
        { "100us", true, 100000, "100us" },
        { "-2s", true, -2 * VG_NS_PER_S, "-2s" },
        { "0.000000001s", true, 1, "1ns" },
        { "106751d", true, INT64_C(106751) * 86400 * VG_NS_PER_S, "106751d" },
        { "106752d", false, 0, "" },
        { "999999999999999999d", false, 0, "" },
        { "9999999999999999999s", false, 0, "" },
        { "0.5ns", false, 0, "" },
        { "10", false, 0, "" },
        { "10 s", false, 0, "" },
        { "10sec", false, 0, "" },
        { "s", false, 0, "" },
        { "", false, 0, "" },
        { "1e3s", false, 0, "" },
        { "10S", false, 0, "" },
    };
    return cr_make_param_array(struct duration_row, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct duration_row *row, text, durations)
{
    char shown[VG_DURATION_TEXT_SIZE];
    int64_t ns = 99;

    cr_assert_eq(vg_parse_duration(row->text, &ns), row->ok, "%s", row->text);
    cr_assert_eq(ns, row->ok ? row->ns : 99, "%s", row->text);
    if (!row->ok)
        return;
    vg_format_duration(ns, shown);
    cr_assert_str_eq(shown, row->shown);
}

Test(text, every_duration_prints_so_that_it_reads_back)
{
    static const int64_t ns[] = { INT64_MAX, -INT64_MAX, 1, -1, 61 * VG_NS_PER_S, 86400001000001 };

    for (size_t i = 0; i < VG_ARRAY_LEN(ns); i++) {
        char shown[VG_DURATION_TEXT_SIZE];
        int64_t back = 0;

        vg_format_duration(ns[i], shown);
        /* More digits than the parser takes are the ones no person writes. */
        if (strlen(shown) > 18)
            continue;
        cr_assert(vg_parse_duration(shown, &back), "%s", shown);
        cr_assert_eq(back, ns[i], "%s", shown);
    }
}

struct size_row {
    char text[32];
    bool ok;
    uint64_t bytes;
};

ParameterizedTestParameters(text, sizes)
{
    static struct size_row rows[] = {
        { "0", true, 0 },
        { "512", true, 512 },
        { "64KiB", true, 65536 },
        { "4MiB", true, 4194304 },
        { "1.5GiB", true, 1610612736 },
        { "4MB", false, 0 },
        { "4 MiB", false, 0 },
        { "-1", false, 0 },
        { "0.5", false, 0 },
        { "KiB", false, 0 },
        { "99999999999999999GiB", false, 0 },
        { "", false, 0 },
    };
    return cr_make_param_array(struct size_row, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct size_row *row, text, sizes)
{
    uint64_t bytes = 99;

    cr_assert_eq(vg_parse_size(row->text, &bytes), row->ok, "%s", row->text);
    cr_assert_eq(bytes, row->ok ? row->bytes : 99, "%s", row->text);
}

struct time_row {
    char text[48];
    bool ok;
    int64_t ns;
};

ParameterizedTestParameters(text, times)
{
    static struct time_row rows[] = {
        { "1970-01-01T00:00:00Z", true, 0 },
        { "2026-03-01T12:00:00Z", true, INT64_C(1772366400000000000) },
        { "2026-03-01T12:00:00.5Z", true, INT64_C(1772366400500000000) },
        { "2026-03-01T13:00:00+01:00", true, INT64_C(1772366400000000000) },
        { "2026-03-01T06:30:00-05:30", true, INT64_C(1772366400000000000) },
        { "2026-03-01t12:00:00z", true, INT64_C(1772366400000000000) },
        { "2026-03-01T12:00:00.123456789Z", true, INT64_C(1772366400123456789) },
        { "2024-02-29T00:00:00Z", true, INT64_C(1709164800000000000) },
        { "2000-02-29T00:00:00Z", true, INT64_C(951782400000000000) },
        { "2261-12-31T23:59:59Z", true, INT64_C(9214646399000000000) },
        { "2023-02-29T00:00:00Z", false, 0 },
        { "2100-02-29T00:00:00Z", false, 0 },
        { "1969-12-31T23:59:59Z", false, 0 },
        { "1970-01-01T00:00:00+01:00", false, 0 },
        { "2262-01-01T00:00:00Z", false, 0 },
        { "2026-13-01T00:00:00Z", false, 0 },
        { "2026-00-01T00:00:00Z", false, 0 },
        { "2026-04-31T00:00:00Z", false, 0 },
        { "2026-03-01T24:00:00Z", false, 0 },
        { "2026-03-01T12:60:00Z", false, 0 },
        { "2026-03-01T12:00:60Z", false, 0 },
        { "2026-03-01T12:00:00", false, 0 },
        { "2026-03-01 12:00:00Z", false, 0 },
        { "2026-03-01T12:00:00.Z", false, 0 },
        { "2026-03-01T12:00:00.1234567890Z", false, 0 },
        { "2026-03-01T12:00:00+24:00", false, 0 },
        { "2026-03-01T12:00:00+0100", false, 0 },
        { "2026-03-01T12:00:00Zx", false, 0 },
        { "2026-3-01T12:00:00Z", false, 0 },
        { "", false, 0 },
    };
    return cr_make_param_array(struct time_row, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct time_row *row, text, times)
{
    int64_t ns = 99;

    cr_assert_eq(vg_parse_time(row->text, strlen(row->text), &ns), row->ok, "%s", row->text);
    cr_assert_eq(ns, row->ok ? row->ns : 99, "%s gave %lld", row->text, (long long)ns);
}

Test(text, a_time_cut_short_anywhere_is_refused_without_reading_on)
{
    static const char whole[] = "2026-03-01T12:00:00.123+01:00";
    int64_t ns;

    for (size_t n = 0; n < sizeof(whole) - 1; n++) {
        char *exact = malloc(n ? n : 1); /* so that a sanitizer sees a read past the end */

        memcpy(exact, whole, n);
        cr_assert_not(vg_parse_time(exact, n, &ns), "%.*s", (int)n, whole);
        free(exact);
    }
    cr_assert(vg_parse_time(whole, sizeof(whole) - 1, &ns));
}

Test(text, every_day_of_five_centuries_prints_as_it_was_read)
{
    for (int64_t day = 0; day < 106000; day++) {
        char shown[VG_TIME_TEXT_SIZE];
        int64_t ns = day * 86400 * VG_NS_PER_S + 86399 * VG_NS_PER_S + 999 * VG_NS_PER_MS;
        int64_t back = 0;

        vg_format_time(ns, shown);
        cr_assert(vg_parse_time(shown, strlen(shown), &back), "%s", shown);
        cr_assert_eq(back, ns, "%s", shown);
    }
}

Test(text, times_are_truncated_to_milliseconds_also_before_1970)
{
    char shown[VG_TIME_TEXT_SIZE];

    vg_format_time(1999999, shown);
    cr_assert_str_eq(shown, "1970-01-01T00:00:00.001Z");
    vg_format_time(-1, shown);
    cr_assert_str_eq(shown, "1969-12-31T23:59:59.999Z");
    vg_format_time(VG_TIME_MAX, shown);
    cr_assert_str_eq(shown, "2262-04-11T23:47:16.854Z");
    vg_format_time(VG_TIME_NONE, shown);
    cr_assert_str_eq(shown, "1677-09-21T00:12:43.145Z");
}

struct near_row {
    char word[32];
    char expect[32]; /* "" for none */
};

ParameterizedTestParameters(text, near_misses)
{
    static struct near_row rows[] = {
        { "spo", "spo2" },
        { "sop2", "spo2" },
        { "hart_rate", "heart_rate" },
        { "ht", "hr" },
        { "abp_sis", "abp_sys" },
        { "topics", "topic" },
        { "brokres", "brokers" },
        { "x", "" },
        { "completely", "" },
        { "", "" },
    };
    return cr_make_param_array(struct near_row, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct near_row *row, text, near_misses)
{
    static const char *const known[] = {
        "hr", "spo2", "abp_sys", "abp_dia", "heart_rate", "topic", "brokers",
    };
    const char *near = vg_did_you_mean(row->word, known, VG_ARRAY_LEN(known));

    cr_assert_str_eq(near ? near : "", row->expect);
}

Test(text, a_very_long_word_is_near_nothing)
{
    static const char *const known[] = { "hr" };
    char word[500];

    memset(word, 'h', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    cr_assert_null(vg_did_you_mean(word, known, 1));
}

struct ward_row {
    char bed[64];
    char ward[40];
};

ParameterizedTestParameters(text, wards_of_beds)
{
    static struct ward_row rows[] = {
        { "icu-a/07", "icu-a" },
        { "icu-a/b/c", "icu-a" },
        { "7/1", "7" },
        { "ICU/07", "none" },
        { "icu a/07", "none" },
        { "/07", "none" },
        { "07", "none" },
        { "", "none" },
        { "abcdefghijabcdefghijabcdefghijab/1", "abcdefghijabcdefghijabcdefghijab" },
        { "abcdefghijabcdefghijabcdefghijabc/1", "none" },
    };
    return cr_make_param_array(struct ward_row, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct ward_row *row, text, wards_of_beds)
{
    char ward[VG_WARD_SIZE];

    vg_ward_of_bed(row->bed, ward);
    cr_assert_str_eq(ward, row->ward);
}

Test(text, a_patient_is_1_to_64_printable_ascii_bytes_without_space)
{
    char long_id[66];

    memset(long_id, 'p', sizeof(long_id));
    cr_assert(vg_patient_valid("p-7f3a", 6));
    cr_assert(vg_patient_valid("!~", 2));
    cr_assert(vg_patient_valid(long_id, 64));
    cr_assert_not(vg_patient_valid(long_id, 65));
    cr_assert_not(vg_patient_valid("", 0));
    cr_assert_not(vg_patient_valid("a b", 3));
    cr_assert_not(vg_patient_valid("a\tb", 3));
    cr_assert_not(vg_patient_valid("a\0b", 3));
    cr_assert_not(vg_patient_valid("\xc3\xa4", 2));
    cr_assert_not(vg_patient_valid("\x7f", 1));
}
