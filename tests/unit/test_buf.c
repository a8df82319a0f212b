/* test_buf.c - the byte buffer, JSON strings, and floats in their shortest form. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"

static struct vg_buf b;

static void teardown(void)
{
    vg_buf_done(&b);
}

TestSuite(buf, .fini = teardown, .timeout = 30);

static const char *shortest(float x)
{
    vg_buf_clear(&b);
    vg_buf_float(&b, x);
    return b.data;
}

Test(buf, grows_and_stays_nul_terminated)
{
    for (int i = 0; i < 1000; i++)
        vg_buf_char(&b, 'x');
    vg_buf_printf(&b, "-%d", 42);
    vg_buf_str(&b, "end");
    cr_assert_eq(b.len, 1006);
    cr_assert_eq(strlen(b.data), b.len);
    cr_assert_str_eq(b.data + 1000, "-42end");
}

Test(buf, a_cleared_buffer_is_empty_and_keeps_its_memory)
{
    vg_buf_str(&b, "something");
    size_t cap = b.cap;

    vg_buf_clear(&b);
    cr_assert_str_eq(b.data, "");
    cr_assert_eq(b.len, 0);
    cr_assert_eq(b.cap, cap);
}

Test(buf, bytes_with_a_nul_are_kept)
{
    vg_buf_add(&b, "a\0b", 3);
    vg_buf_add(&b, NULL, 0);
    cr_assert_eq(b.len, 3);
    cr_assert_eq(memcmp(b.data, "a\0b", 4), 0);
}

Test(buf, json_strings_escape_what_json_demands_and_nothing_else)
{
    vg_buf_json_str(&b, "a\"b\\c\n\t\r\b\f\x01\x1f/ \x7f\xc2\xb0"
                        "C");
    cr_assert_str_eq(b.data, "\"a\\\"b\\\\c\\n\\t\\r\\b\\f\\u0001\\u001f/ \x7f\xc2\xb0"
                             "C\"");
}

Test(buf, json_strings_of_counted_bytes_may_hold_a_nul)
{
    vg_buf_json_strn(&b, "a\0b", 3);
    cr_assert_str_eq(b.data, "\"a\\u0000b\"");
}

Test(buf, times_are_quoted_utc_with_milliseconds)
{
    vg_buf_json_time(&b, INT64_C(1772366410) * VG_NS_PER_S + 7 * VG_NS_PER_MS);
    cr_assert_str_eq(b.data, "\"2026-03-01T12:00:10.007Z\"");
}

struct float_row {
    float x;
    char text[24];
};

ParameterizedTestParameters(buf, floats_have_the_fewest_digits_and_no_needless_exponent)
{
    static struct float_row rows[] = {
        { 0.0f, "0" },
        { -0.0f, "0" },
        { 86.0f, "86" },
        { -40.0f, "-40" },
        { 36.8f, "36.8" },
        { 0.1f, "0.1" },
        { -0.05f, "-0.05" },
        { 0.0001f, "0.0001" },
        { 0.00012345f, "0.00012345" },
        { 0.00001f, "1e-5" },
        { 1.5e-7f, "1.5e-7" },
        { 16777216.0f, "16777216" },
        { 1e8f, "100000000" },
        { 123456784.0f, "123456780" },
        { 999999936.0f, "999999940" },
        { 1e9f, "1e9" },
        { -3.4028235e38f, "-3.4028235e38" },
        { 1e-45f, "1e-45" },
        { 1.1754944e-38f, "1.1754944e-38" },
        { 0.33333334f, "0.33333334" },
        { 16777215.0f, "16777215" },
        { 97.5f, "97.5" },
    };
    return cr_make_param_array(struct float_row, rows, VG_ARRAY_LEN(rows));
}

ParameterizedTest(struct float_row *row, buf,
                  floats_have_the_fewest_digits_and_no_needless_exponent)
{
    cr_assert_str_eq(shortest(row->x), row->text);
}

Test(buf, every_float_reads_back_to_the_same_bits)
{
    uint32_t bits = 12345;

    for (int i = 0; i < 200000; i++) {
        float x, y;

        bits = bits * 1664525u + 1013904223u;
        memcpy(&x, &bits, sizeof(x));
        if (!isfinite(x) || x == 0)
            continue;
        y = strtof(shortest(x), NULL);
        cr_assert_eq(memcmp(&x, &y, sizeof(x)), 0, "%a printed as %s", (double)x, b.data);
    }
}

Test(buf, floats_do_not_depend_on_the_locale)
{
    static const char *const commas[] = { "de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "pt_BR.UTF-8" };
    bool found = false;

    for (size_t i = 0; i < VG_ARRAY_LEN(commas) && !found; i++)
        found = setlocale(LC_NUMERIC, commas[i]) != NULL;
    if (!found)
        cr_skip("no locale with a decimal comma is installed");
    cr_assert_str_eq(shortest(36.8f), "36.8");
    cr_assert_str_eq(shortest(1.5e-7f), "1.5e-7");
}
