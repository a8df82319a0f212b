/* test_decode_json_number.c - numbers, as the JSON decoder rounds them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/decoding.h"

TestSuite(decode_json_number, .init = decoding_init, .fini = decoding_done, .timeout = 120);

Test(decode_json_number, minus_zero_and_what_rounds_to_it_become_plus_zero)
{
    static const char *const zeros[] = {
        "-0", "-0.0", "-0e5", "-1e-400", "-1e-60", "0e99999999999",
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(zeros); i++) {
        char text[DECODING_TEXT];
        const struct vg_decoded *row;

        snprintf(text, sizeof(text), "{\"patient\":\"p\",\"rr\":%s}", zeros[i]);
        row = decoding_expect_clean(text);
        decoding_expect_channel(row, VG_CHANNEL_rr, VG_Q_GOOD, VG_REASON_NONE, text);
        cr_assert(decoding_positive_zero(row->value[VG_CHANNEL_rr]), "%s", text);
    }
}

static void expect_number(const char *number)
{
    char text[DECODING_TEXT];
    float expect = (float)strtod(number, NULL); /* the tests run in the "C" locale */

    snprintf(text, sizeof(text), "{\"patient\":\"p\",\"rr\":%s}", number);
    decoding_expect_value(decoding_expect_clean(text), VG_CHANNEL_rr, expect, number);
}

Test(decode_json_number, numbers_are_correctly_rounded)
{
    static const char *const numbers[] = {
        "9007199254740992",
        "9007199254740993",
        "9007199254740992.999999999999999999999999",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999999999999",
        "3.4028234e38",
        "340282346638528859811704183484516925440",
        "3.40282356e38",
        "1.4e-45",
        "1e-44",
        "1.17549421e-38",
        "1E+2",
        "1e-2",
        "1.0e022",
        "1e23",
        "8.5e22",
        "0.1000000000000000055511151231257827",
        "36.8",
        "16777217",
        "16777216.999999999999",
        "1.00000017881393421514957253748434595763683319091796875001",
        "7.2057594037927933e16",
        "123456789012345678e-17",
        "0.000000000000000000000000000000000000000123",
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(numbers); i++)
        expect_number(numbers[i]);
}

Test(decode_json_number, random_numbers_of_any_length_are_correctly_rounded)
{
    for (int i = 0; i < 20000; i++) {
        char number[64];
        int at = snprintf(number, sizeof(number), "%s%u", decoding_random_below(2) ? "-" : "",
                          1 + decoding_random_below(999));

        at += snprintf(number + at, sizeof(number) - (size_t)at, ".");
        for (uint32_t digits = 1 + decoding_random_below(30); digits > 0; digits--)
            number[at++] = (char)('0' + decoding_random_below(10));
        number[at] = '\0';
        if (decoding_random_below(2))
            snprintf(number + at, sizeof(number) - (size_t)at, "e%d",
                     (int)decoding_random_below(70) - 37);
        expect_number(number);
    }
}

Test(decode_json_number, a_number_as_long_as_a_message_may_be_is_read)
{
    size_t len = 65536, head = strlen("{\"patient\":\"p\",\"rr\":");
    char *text = malloc(len);

    memset(text, '1', len);
    memcpy(text, "{\"patient\":\"p\",\"rr\":", head);
    text[head] = '0';
    text[head + 1] = '.';
    text[len - 1] = '}';
    cr_assert_eq(decoding_decode(text, len, NULL), VG_OK, "%s", decoding.fault.detail);
    decoding_expect_value(decoding.rows, VG_CHANNEL_rr, 0.111111111f, "0.111...");
    memcpy(text + head, "11", 2);
    cr_assert_eq(decoding_decode(text, len, NULL), VG_OK, "%s", decoding.fault.detail);
    cr_assert_str_eq(decoding.rows->fault.reason, "number");
    free(text);
}
