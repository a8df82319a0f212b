/* test_decode_json.c - the JSON decoder: what each kind of good and bad input costs.
 *
 * In the texts of the tables '@' stands in front of the byte at which a fault is expected; it is
 * taken out before the text is decoded. Every text is decoded from memory of exactly its size, so
 * that AddressSanitizer sees a byte read too far.
 */
#include <criterion/criterion.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/decoder.h"

extern const struct vg_decoder_ops vg_decoder_decode_json;

enum { TEXT_SIZE = 2048 };

#define EXAMPLE                                                                                 \
    "{\"patient\":\"p-7f3a\",\"bed\":\"icu-a/07\",\"time\":\"2026-03-01T12:00:00Z\",\"hr\":82," \
    "\"spo2\":97,\"rr\":16,\"abp_sys\":118,\"abp_dia\":71,\"abp_mean\":87,\"temp\":36.8}"
#define NOON_NS (INT64_C(1772366400) * VG_NS_PER_S) /* 2026-03-01T12:00:00Z */

static const struct vg_decoder_ops *ops = &vg_decoder_decode_json;
static void *self;
static const struct vg_decoded *rows;
static size_t n;
static struct vg_fault fault;
static uint8_t *bytes; /* of the last message; faults and rows point into it */

static void open_with(const char *option, const char *text)
{
    struct vg_err err;

    vg_options_default(ops->options, self);
    if (option)
        cr_assert_eq(vg_option_set(vg_option_find(ops->options, option), self, text, &err), VG_OK,
                     "%s", err.msg);
    cr_assert_eq(ops->open(self, &err), VG_OK, "%s", err.msg);
}

static void setup(void)
{
    self = calloc(1, ops->self_size);
    open_with(NULL, NULL);
}

static void teardown(void)
{
    ops->close(self);
    free(self);
    free(bytes);
}

static void reopen(const char *option, const char *text)
{
    ops->close(self);
    open_with(option, text);
}

static vg_status decode(const void *s, size_t len, const char *key)
{
    struct vg_message m = { .len = len, .key = (const uint8_t *)key };

    free(bytes);
    bytes = malloc(len ? len : 1);
    memcpy(bytes, s, len);
    m.value = bytes;
    m.key_len = key ? strlen(key) : 0;
    memset(&fault, 0, sizeof(fault));
    return ops->decode(self, &m, &rows, &n, &fault);
}

/* A message that must be readable. */
static const struct vg_decoded *take(const char *s, const char *key)
{
    cr_assert_eq(decode(s, strlen(s), key), VG_OK, "%s at %u: %s in %.200s", fault.reason,
                 fault.byte_offset, fault.detail, s);
    return rows;
}

static const struct vg_decoded *one(const char *s)
{
    take(s, NULL);
    cr_assert_eq(n, 1, "%zu rows in %s", n, s);
    return rows;
}

/* Takes the '@' out of `marked` and returns where it stood. */
static uint32_t unmark(const char *marked, char out[TEXT_SIZE])
{
    const char *mark = strchr(marked, '@');

    cr_assert(mark && strlen(marked) < TEXT_SIZE, "no mark in %s", marked);
    memcpy(out, marked, (size_t)(mark - marked));
    strcpy(out + (mark - marked), mark + 1);
    return (uint32_t)(mark - marked);
}

static void expect_fault(const struct vg_fault *f, const char *reason, uint32_t offset,
                         const char *text)
{
    cr_assert_not_null(f->reason);
    cr_assert_str_eq(f->reason, reason, "%s", text);
    cr_assert_eq(f->byte_offset, offset, "%s at %u, not %u: %s in %s", reason, f->byte_offset,
                 offset, f->detail, text);
    cr_assert_neq(f->detail[0], '\0', "%s", text);
}

/* The whole message is refused for `reason` at the mark. */
static void expect_refused(const char *marked, const char *reason)
{
    char text[TEXT_SIZE];
    uint32_t offset = unmark(marked, text);

    cr_assert_eq(decode(text, strlen(text), NULL), VG_E_DECODE, "accepted: %s", text);
    cr_assert_eq(n, 0, "%s", text);
    expect_fault(&fault, reason, offset, text);
}

/* The only row is lost for `reason` at the mark. */
static const struct vg_decoded *expect_dead(const char *marked, const char *reason)
{
    char text[TEXT_SIZE];
    uint32_t offset = unmark(marked, text);
    const struct vg_decoded *row = one(text);

    cr_assert_not(row->usable, "%s", text);
    cr_assert(row->has_fault, "%s", text);
    expect_fault(&row->fault, reason, offset, text);
    return row;
}

/* The only row goes on, with a fault at the mark. */
static const struct vg_decoded *expect_noted(const char *marked, const char *reason)
{
    char text[TEXT_SIZE];
    uint32_t offset = unmark(marked, text);
    const struct vg_decoded *row = one(text);

    cr_assert(row->usable, "%s", text);
    cr_assert(row->has_fault, "%s", text);
    expect_fault(&row->fault, reason, offset, text);
    return row;
}

static const struct vg_decoded *expect_clean(const char *text)
{
    const struct vg_decoded *row = one(text);

    cr_assert(row->usable && !row->has_fault, "%s at %u: %s in %s", row->fault.reason,
              row->fault.byte_offset, row->fault.detail, text);
    return row;
}

static bool positive_zero(float x)
{
    return x == 0.0f && !signbit(x);
}

static void expect_channel(const struct vg_decoded *row, int channel, enum vg_quality quality,
                           enum vg_reason reason, const char *text)
{
    cr_assert_eq(row->quality[channel], quality, "%s: quality %s", text,
                 vg_quality_name(row->quality[channel]));
    cr_assert_eq(row->reason[channel], reason, "%s: reason %s", text,
                 vg_reason_name(row->reason[channel]));
    if (!vg_usable(row->quality[channel]))
        cr_assert(positive_zero(row->value[channel]), "%s", text);
}

static void expect_value(const struct vg_decoded *row, int channel, float value, const char *text)
{
    expect_channel(row, channel, VG_Q_GOOD, VG_REASON_NONE, text);
    cr_assert_eq(row->value[channel], value, "%s: %.9g, not %.9g", text,
                 (double)row->value[channel], (double)value);
}

TestSuite(decode_json, .init = setup, .fini = teardown, .timeout = 120);

/* ---- rows ---- */

Test(decode_json, the_example_of_the_documentation_is_read)
{
    const struct vg_decoded *row = expect_clean(EXAMPLE);

    cr_assert_str_eq(row->patient, "p-7f3a");
    cr_assert_str_eq(row->bed, "icu-a/07");
    cr_assert_eq(row->time, VG_DECODED_TIME_OK);
    cr_assert_eq(row->time_ns, NOON_NS);
    cr_assert_eq(row->start, 0);
    cr_assert_eq(row->len, strlen(EXAMPLE));
    expect_value(row, VG_CHANNEL_hr, 82, "hr");
    expect_value(row, VG_CHANNEL_spo2, 97, "spo2");
    expect_value(row, VG_CHANNEL_rr, 16, "rr");
    expect_value(row, VG_CHANNEL_abp_sys, 118, "abp_sys");
    expect_value(row, VG_CHANNEL_abp_dia, 71, "abp_dia");
    expect_value(row, VG_CHANNEL_abp_mean, 87, "abp_mean");
    expect_value(row, VG_CHANNEL_temp, 36.8f, "temp");
    expect_channel(row, VG_CHANNEL_pulse, VG_Q_ABSENT, VG_REASON_NONE, "pulse");
    expect_channel(row, VG_CHANNEL_etco2, VG_Q_ABSENT, VG_REASON_NONE, "etco2");
}

Test(decode_json, an_array_gives_its_rows_in_order_each_with_its_bytes)
{
    static const char text[] = " [ {\"patient\":\"a\",\"hr\":1} ,\n{\"patient\":\"b\"},\t7 ] ";

    take(text, NULL);
    cr_assert_eq(n, 3);
    for (uint32_t i = 0; i < 3; i++)
        cr_assert_eq(rows[i].index, i);
    cr_assert_eq(rows[0].start, 3);
    cr_assert_eq(rows[0].len, strlen("{\"patient\":\"a\",\"hr\":1}"));
    cr_assert_str_eq(rows[0].patient, "a");
    cr_assert_eq(memcmp(text + rows[1].start, "{\"patient\":\"b\"}", rows[1].len), 0);
    cr_assert_str_eq(rows[1].patient, "b");
    expect_channel(&rows[1], VG_CHANNEL_hr, VG_Q_ABSENT, VG_REASON_NONE, "of the row before");
    cr_assert_not(rows[2].usable);
    cr_assert_eq(rows[2].len, 1);
    expect_fault(&rows[2].fault, "schema", (uint32_t)(strchr(text, '7') - text), text);
}

Test(decode_json, a_lost_row_harms_no_other_row_of_the_message)
{
    take("[{\"patient\":\"a b\",\"hr\":1},{\"patient\":\"b\",\"hr\":2}]", NULL);
    cr_assert_eq(n, 2);
    cr_assert_not(rows[0].usable);
    cr_assert(rows[1].usable && !rows[1].has_fault);
    expect_value(&rows[1], VG_CHANNEL_hr, 2, "hr");
}

Test(decode_json, an_empty_message_and_an_empty_array_say_nothing)
{
    cr_assert_eq(decode("", 0, "p"), VG_OK);
    cr_assert_eq(n, 0);
    take("[]", NULL);
    cr_assert_eq(n, 0);
    take(" [ ] ", NULL);
    cr_assert_eq(n, 0);
}

Test(decode_json, white_space_of_json_is_allowed_between_all_tokens)
{
    const struct vg_decoded *row = expect_clean("\r\n\t { \"patient\" : \"p\" , \"hr\" : 82 , "
                                                "\"spo2\" : { \"value\" : 97 } }\n");

    expect_value(row, VG_CHANNEL_hr, 82, "hr");
    expect_value(row, VG_CHANNEL_spo2, 97, "spo2");
}

Test(decode_json, a_value_that_is_no_row_is_a_dead_letter)
{
    static const char *const texts[] = {
        "@42", " @\"p\"", "@null", "@true", "[@[]]", "[@1]",
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(texts); i++)
        expect_dead(texts[i], "schema");
}

/* ---- channels ---- */

static void expect_key(const char *key, int channel)
{
    char text[TEXT_SIZE];
    bool words = vg_channel_words(channel) > 0;

    snprintf(text, sizeof(text), "{\"patient\":\"p\",\"%s\":%s%s%s}", key, words ? "\"" : "",
             words ? vg_channel_word_text(channel, 2) : "42", words ? "\"" : "");
    expect_value(expect_clean(text), channel, words ? 2 : 42, text);
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
    const struct vg_decoded *row = expect_clean(
        "{\"p\\u0061tient\":\"p\\u002d1\",\"\\u0068r\":82,\"bed\":\"icu\\/\\u00e4\\ud83d\\ude00\","
        "\"t\\u0069me\":\"2026-03-01\\u005412:00:00Z\",\"temp\":{\"\\u0076alue\":98.6,\"unit\":"
        "\"\\u005bdegF]\",\"quality\":\"go\\u006fd\"}}");

    cr_assert_str_eq(row->patient, "p-1");
    cr_assert_str_eq(row->bed, "icu/\xC3\xA4\xF0\x9F\x98\x80");
    cr_assert_eq(row->time_ns, NOON_NS);
    expect_value(row, VG_CHANNEL_hr, 82, "hr");
    expect_value(row, VG_CHANNEL_temp, 37, "temp");
}

Test(decode_json, a_key_with_a_nul_is_not_the_key_before_the_nul)
{
    const struct vg_decoded *row = expect_clean("{\"patient\":\"p\",\"hr\\u0000\":82}");

    expect_channel(row, VG_CHANNEL_hr, VG_Q_ABSENT, VG_REASON_NONE, "hr");
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
        char text[TEXT_SIZE];

        snprintf(text, sizeof(text), "{\"patient\":\"p\",%s}", table[i].members);
        expect_value(expect_clean(text), table[i].channel, table[i].value, text);
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
        char text[TEXT_SIZE];
        const struct vg_decoded *row;

        snprintf(text, sizeof(text), "{\"hr\":%s,\"patient\":\"p\"}", table[i].value);
        row = expect_clean(text);
        expect_channel(row, VG_CHANNEL_hr, table[i].quality, table[i].reason, text);
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
        char text[TEXT_SIZE];
        const struct vg_decoded *row;

        snprintf(text, sizeof(text), "{\"patient\":\"p\",\"hr\":%s,\"spo2\":97}", table[i].value);
        row = expect_noted(text, table[i].fault);
        expect_channel(row, VG_CHANNEL_hr, VG_Q_INVALID, table[i].reason, text);
        expect_value(row, VG_CHANNEL_spo2, 97, text);
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
        char text[TEXT_SIZE];
        const struct vg_decoded *row;

        snprintf(text, sizeof(text), "{\"patient\":\"p\",\"acvpu\":%s,\"spo2\":97}",
                 table[i].value);
        row = table[i].fault ? expect_noted(text, table[i].fault) : expect_clean(text);
        expect_channel(row, VG_CHANNEL_acvpu, table[i].fault ? VG_Q_INVALID : VG_Q_GOOD,
                       !table[i].fault                       ? VG_REASON_NONE
                       : strcmp(table[i].fault, "unit") == 0 ? VG_REASON_UNIT
                                                             : VG_REASON_BAD_VALUE,
                       text);
        cr_assert_eq(row->value[VG_CHANNEL_acvpu], table[i].expect, "%s", text);
        expect_value(row, VG_CHANNEL_spo2, 97, text);
    }
}

Test(decode_json, a_word_with_doubt_is_suspect)
{
    const struct vg_decoded *row =
        expect_clean("{\"patient\":\"p\",\"acvpu\":{\"value\":\"U\",\"quality\":\"suspect\"}}");

    expect_channel(row, VG_CHANNEL_acvpu, VG_Q_SUSPECT, VG_REASON_DEVICE, "acvpu");
    cr_assert_eq(row->value[VG_CHANNEL_acvpu], 4);
}

Test(decode_json, the_first_of_several_faults_is_told)
{
    expect_noted("{\"patient\":\"p\",\"hr\":@true,\"spo2\":{\"value\":1,\"unit\":\"x\"},\"bed\":7}",
                 "number");
}

Test(decode_json, a_fault_that_costs_the_row_is_told_before_one_that_does_not)
{
    expect_dead("{\"hr\":true,\"patient\":@7,\"version\":2}", "schema");
}

Test(decode_json, faults_name_neither_values_nor_patients)
{
    one("{\"patient\":\"secret-1\",\"hr\":\"secret-2\",\"secret-3\":{\"secret-4\":1}}");
    cr_assert(rows->has_fault);
    cr_assert_null(strstr(rows->fault.detail, "secret"), "%s", rows->fault.detail);
    one("{\"patient\":\"secret 1\"}");
    cr_assert_null(strstr(rows->fault.detail, "secret"), "%s", rows->fault.detail);
}

/* ---- numbers ---- */

Test(decode_json, minus_zero_and_what_rounds_to_it_become_plus_zero)
{
    static const char *const zeros[] = {
        "-0", "-0.0", "-0e5", "-1e-400", "-1e-60", "0e99999999999",
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(zeros); i++) {
        char text[TEXT_SIZE];
        const struct vg_decoded *row;

        snprintf(text, sizeof(text), "{\"patient\":\"p\",\"rr\":%s}", zeros[i]);
        row = expect_clean(text);
        expect_channel(row, VG_CHANNEL_rr, VG_Q_GOOD, VG_REASON_NONE, text);
        cr_assert(positive_zero(row->value[VG_CHANNEL_rr]), "%s", text);
    }
}

static void expect_number(const char *number)
{
    char text[TEXT_SIZE];
    float expect = (float)strtod(number, NULL); /* the tests run in the "C" locale */

    snprintf(text, sizeof(text), "{\"patient\":\"p\",\"rr\":%s}", number);
    expect_value(expect_clean(text), VG_CHANNEL_rr, expect, number);
}

Test(decode_json, numbers_are_correctly_rounded)
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

/* xorshift64; the seed is fixed, so a failure can be repeated. */
static uint64_t state = UINT64_C(0x9E3779B97F4A7C15);

static uint32_t random_below(uint32_t bound)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 32) % bound);
}

Test(decode_json, random_numbers_of_any_length_are_correctly_rounded)
{
    for (int i = 0; i < 20000; i++) {
        char number[64];
        int at = snprintf(number, sizeof(number), "%s%u", random_below(2) ? "-" : "",
                          1 + random_below(999));

        at += snprintf(number + at, sizeof(number) - (size_t)at, ".");
        for (uint32_t digits = 1 + random_below(30); digits > 0; digits--)
            number[at++] = (char)('0' + random_below(10));
        number[at] = '\0';
        if (random_below(2))
            snprintf(number + at, sizeof(number) - (size_t)at, "e%d", (int)random_below(70) - 37);
        expect_number(number);
    }
}

Test(decode_json, a_number_as_long_as_a_message_may_be_is_read)
{
    size_t len = 65536, head = strlen("{\"patient\":\"p\",\"rr\":");
    char *text = malloc(len);

    memset(text, '1', len);
    memcpy(text, "{\"patient\":\"p\",\"rr\":", head);
    text[head] = '0';
    text[head + 1] = '.';
    text[len - 1] = '}';
    cr_assert_eq(decode(text, len, NULL), VG_OK, "%s", fault.detail);
    expect_value(rows, VG_CHANNEL_rr, 0.111111111f, "0.111...");
    memcpy(text + head, "11", 2);
    cr_assert_eq(decode(text, len, NULL), VG_OK, "%s", fault.detail);
    cr_assert_str_eq(rows->fault.reason, "number");
    free(text);
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
        cr_assert_eq(expect_dead(texts[i], "schema")->patient[0], '\0');
    expect_clean(
        "{\"patient\":\"1234567890123456789012345678901234567890123456789012345678901234\"}");
}

Test(decode_json, a_patient_that_is_not_the_key_of_the_message_is_a_dead_letter)
{
    static const char text[] =
        "[{\"patient\":\"p-1\"},{\"patient\":\"p-10\"},{\"patient\":\"p-\"}]";

    take(text, "p-1");
    cr_assert(rows[0].usable && !rows[0].has_fault);
    for (int i = 1; i < 3; i++) {
        cr_assert_not(rows[i].usable);
        expect_fault(&rows[i].fault, "identity_mismatch",
                     rows[i].start + (uint32_t)strlen("{\"patient\":"), text);
    }
    take(text, "");
    cr_assert_not(rows[0].usable);
    take(text, NULL);
    cr_assert(rows[1].usable && rows[2].usable);
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
        char text[TEXT_SIZE];
        const struct vg_decoded *row;

        snprintf(text, sizeof(text), "{\"patient\":\"p\",\"bed\":%s,\"hr\":82}", beds[i]);
        row = expect_noted(text, "schema");
        cr_assert_eq(row->bed[0], '\0', "%s", text);
        expect_value(row, VG_CHANNEL_hr, 82, text);
    }
}

Test(decode_json, a_bed_may_be_any_printable_text_or_null)
{
    cr_assert_str_eq(expect_clean("{\"patient\":\"p\",\"bed\":\"Nord \xC3\x9C/7\"}")->bed,
                     "Nord \xC3\x9C/7");
    cr_assert_str_eq(expect_clean("{\"patient\":\"p\",\"bed\":\"\xC2\xA0\"}")->bed, "\xC2\xA0");
    cr_assert_str_eq(expect_clean("{\"patient\":\"p\",\"bed\":null}")->bed, "");
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
        char text[TEXT_SIZE];
        const struct vg_decoded *row;

        snprintf(text, sizeof(text), "{\"patient\":\"p\",\"time\":%s}", table[i].value);
        row = expect_clean(text);
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

    cr_assert_eq(expect_clean("{\"patient\":\"p\"}")->time, VG_DECODED_TIME_NONE);
    for (size_t i = 0; i < VG_ARRAY_LEN(values); i++) {
        char text[TEXT_SIZE];

        snprintf(text, sizeof(text), "{\"patient\":\"p\",\"time\":%s}", values[i]);
        cr_assert_eq(expect_clean(text)->time, VG_DECODED_TIME_NONE, "%s", text);
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

    expect_clean("{\"patient\":\"p\",\"version\":1}");
    for (size_t i = 0; i < VG_ARRAY_LEN(texts); i++)
        expect_dead(texts[i], "schema");
}

Test(decode_json, other_members_are_ignored_but_checked)
{
    expect_value(expect_clean("{\"patient\":\"p\",\"x\":{\"hr\":[1,{\"hr\":true}]},\"hr\":82,"
                              "\"HR\":1,\"y\":[],\"\":null}"),
                 VG_CHANNEL_hr, 82, "hr");
    expect_refused("{\"patient\":\"p\",\"x\":{\"a\":[1,@]}}", "malformed");
    expect_refused("{\"patient\":\"p\",\"x\":@NaN}", "malformed");
}

Test(decode_json, other_members_cost_the_row_when_the_configuration_says_so)
{
    reopen("unknown", "dead_letter");
    expect_clean(EXAMPLE);
    expect_dead("{\"patient\":\"p\",@\"HR\":82}", "schema");
}

/* ---- messages that are lost as a whole ---- */

Test(decode_json, a_message_that_is_not_well_formed_is_refused_where_it_goes_wrong)
{
    static const char *const texts[] = {
        " @",
        "@}",
        "@,",
        "n@an",
        "@'p'",
        "@NaN",
        "{@",
        "{}@}",
        "{} @{}",
        "{}@,{}",
        "[{}@",
        "[{},@]",
        "[@,{}]",
        "[{}@{}]",
        "[{}@}",
        "{\"a\"@}",
        "{\"a\" @1}",
        "{\"a\":@}",
        "{\"a\":1,@}",
        "{@,\"a\":1}",
        "{\"a\":1 @\"b\":2}",
        "{\"a\":1@]",
        "{@a:1}",
        "{@1:1}",
        "{@'a':1}",
        "{\"a\":1}@x",
        "{\"a\":1@/*c*/}",
        "{\"a\":tru@}",
        "{\"a\":@True}",
        "{\"a\":nul@x}",
        "{\"a\":true@x}",
        "{\"a\":@undefined}",
        "{\"hr\":n@an}",
        "{\"hr\":@inf}",
        "{\"hr\":@Inf}",
        "{\"hr\":-@NaN}",
        "{\"hr\":NaN@N}",
        "{\"hr\":@01}",
        "{\"hr\":-@01}",
        "{\"hr\":@+1}",
        "{\"hr\":@.5}",
        "{\"hr\":1.@}",
        "{\"hr\":1.@e5}",
        "{\"hr\":1e@}",
        "{\"hr\":1e+@}",
        "{\"hr\":-@}",
        "{\"hr\":0@x10}",
        "{\"hr\":1@_000}",
        "{\"hr\":1 @2}",
        "{\"hr\":1.2@.3}",
        "{\"a\":\"@\n\"}",
        "{\"a\":\"@\x1F\"}",
        "{\"a\":\"@\\x41\"}",
        "{\"a\":\"@\\U0041\"}",
        "{\"a\":\"\\u004@g\"}",
        "{\"a\":\"\\u@+041\"}",
        "{\"a\":\"@\\ud800\"}",
        "{\"a\":\"@\\udc00\"}",
        "{\"a\":\"@\\ud800\\ud800\"}",
        "{\"a\":\"@\\ud800x\"}",
        "{\"a\":\"@\\ud800\\n\"}",
        "{\"a\":\"\\ud800\\u00@zz\"}",
        "{\"@\\udead\":1}",
        "{\"a\":\"x@",
        "{\"a\":\"x\\@",
        "{\"a\":\"x\\u00@",
        "{\"a\":\"x\\ud800@",
        "{\"a\":\"x\\ud800\\@",
        /* not UTF-8: stray continuation, overlong, surrogate, beyond U+10FFFF, cut off */
        "{\"a\":\"@\x80\"}",
        "{\"a\":\"@\xBF\"}",
        "{\"a\":\"@\xC0\x80\"}",
        "{\"a\":\"@\xC1\xBF\"}",
        "{\"a\":\"@\xC3\"}",
        "{\"a\":\"@\xC3(\"}",
        "{\"a\":\"@\xE0\x80\x80\"}",
        "{\"a\":\"@\xE0\x9F\xBF\"}",
        "{\"a\":\"@\xE2\x82\"}",
        "{\"a\":\"@\xED\xA0\x80\"}",
        "{\"a\":\"@\xED\xBF\xBF\"}",
        "{\"a\":\"@\xF0\x80\x80\x80\"}",
        "{\"a\":\"@\xF0\x8F\xBF\xBF\"}",
        "{\"a\":\"@\xF0\x9F\x98\"}",
        "{\"a\":\"@\xF4\x90\x80\x80\"}",
        "{\"a\":\"@\xF5\x80\x80\x80\"}",
        "{\"a\":\"@\xFF\"}",
        "{\"a\":\"long enough for a word @\xFF\"}",
        "{\"a\":1@\xC2\xA0}",
        "{@\x0B\"a\":1}",
        "@\xEF\xBB\xBF{}",
        "@\xFF\xFE{",
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(texts); i++)
        expect_refused(texts[i], "malformed");
}

Test(decode_json, every_well_formed_utf_8_sequence_is_accepted)
{
    for (uint32_t code = 0x80; code <= 0x10FFFF; code += code < 0x3000 ? 1 : 61) {
        char escaped[TEXT_SIZE];
        const struct vg_decoded *row;
        char bed[VG_BED_SIZE];

        if (code < 0xA0 || (code >= 0xD800 && code <= 0xDFFF))
            continue;
        if (code < 0x10000)
            snprintf(escaped, sizeof(escaped), "{\"patient\":\"p\",\"bed\":\"\\u%04x\"}", code);
        else
            snprintf(escaped, sizeof(escaped), "{\"patient\":\"p\",\"bed\":\"\\u%04X\\u%04x\"}",
                     0xD800 + ((code - 0x10000) >> 10), 0xDC00 + ((code - 0x10000) & 0x3FF));
        row = expect_clean(escaped);
        cr_assert_eq(strlen(row->bed), code < 0x800 ? 2 : code < 0x10000 ? 3 : 4, "%x", code);
        strcpy(bed, row->bed);
        snprintf(escaped, sizeof(escaped), "{\"patient\":\"p\",\"bed\":\"%s\"}", bed);
        cr_assert_str_eq(expect_clean(escaped)->bed, bed);
    }
}

Test(decode_json, a_key_that_an_object_has_already_costs_the_message)
{
    static const char *const texts[] = {
        "{\"patient\":\"p\",\"hr\":1,@\"hr\":1}",
        "{\"patient\":\"p\",\"hr\":1,@\"\\u0068r\":1}",
        "{\"patient\":\"p\",\"hr\":1,@\"8867-4\":1}",
        "{\"spo2\":1,\"patient\":\"p\",@\"2708-6\":null}",
        "{\"patient\":\"p\",@\"patient\":\"p\"}",
        "{\"time\":1,@\"time\":1}",
        "{\"bed\":\"b\",@\"bed\":\"b\"}",
        "{\"x\":1,\"y\":2,@\"x\":1}",
        "{\"\":1,@\"\":1}",
        "{\"x\":{\"a\":1,\"b\":{\"a\":1},@\"a\":1}}",
        "{\"x\":[{\"a\":1},{\"a\":1,@\"a\":1}]}",
        "{\"hr\":{\"value\":1,@\"value\":1}}",
        "{\"hr\":{\"x\":1,@\"x\":1}}",
        "[{\"patient\":\"p\"},{\"x\":1,@\"x\":1}]",
        "[[{\"x\":1,@\"x\":1}]]",
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(texts); i++)
        expect_refused(texts[i], "duplicate_key");
    take("[{\"patient\":\"p\",\"x\":{\"x\":{\"x\":1}}},{\"patient\":\"p\",\"x\":1}]", NULL);
}

/* ---- bounds ---- */

static void nest(char *out, uint32_t depth, const char *close)
{
    strcpy(out, "{\"patient\":\"p\",\"x\":");
    for (uint32_t i = 1; i < depth; i++)
        strcat(out, "[");
    for (uint32_t i = 1; i < depth; i++)
        strcat(out, close);
    strcat(out, "}");
}

Test(decode_json, sixteen_objects_and_arrays_in_each_other_are_the_limit)
{
    char text[TEXT_SIZE];

    nest(text, 16, "]");
    expect_clean(text);
    nest(text, 17, "]");
    cr_assert_eq(decode(text, strlen(text), NULL), VG_E_DECODE);
    expect_fault(&fault, "limits", (uint32_t)strlen("{\"patient\":\"p\",\"x\":") + 15, text);
    expect_refused("[[[[[[[[[[[[[[[[@[", "limits");
    expect_refused("[[[[[[[[[[[[[[[[@{", "limits");
}

/* {"patient":"p","x0":0,...} with `members` members, as a row or as the value of a member. */
static size_t members_text(char *out, uint32_t members)
{
    size_t at = (size_t)sprintf(out, "{\"patient\":\"p\"");

    for (uint32_t i = 1; i < members; i++)
        at += (size_t)sprintf(out + at, ",\"x%u\":%u", i, i);
    return at + (size_t)sprintf(out + at, "}");
}

Test(decode_json, an_object_of_256_members_is_the_limit)
{
    char text[8192], nested[8400];
    size_t len = members_text(text, 256);

    cr_assert_eq(decode(text, len, NULL), VG_OK, "%s", fault.detail);
    snprintf(nested, sizeof(nested), "{\"patient\":\"p\",\"x\":%s}", text);
    cr_assert_eq(decode(nested, strlen(nested), NULL), VG_OK, "%s", fault.detail);
    len = members_text(text, 257);
    cr_assert_eq(decode(text, len, NULL), VG_E_DECODE);
    expect_fault(&fault, "limits", (uint32_t)(strstr(text, "\"x256\"") - text), "257 members");
    snprintf(nested, sizeof(nested), "{\"patient\":\"p\",\"x\":%s}", text);
    cr_assert_eq(decode(nested, strlen(nested), NULL), VG_E_DECODE);
    expect_fault(&fault, "limits", (uint32_t)(strstr(nested, "\"x256\"") - nested), "nested");
}

Test(decode_json, keys_of_all_open_objects_are_remembered_at_once)
{
    char *text = malloc(65536);
    size_t at = 0;

    for (int depth = 0; depth < 16; depth++) {
        at += (size_t)sprintf(text + at, "{");
        for (int i = 0; i < 255; i++)
            at += (size_t)sprintf(text + at, "\"x%d\":0,", i);
        at += (size_t)sprintf(text + at, "\"y\":");
    }
    at += (size_t)sprintf(text + at, "0}}}}}}}}}}}}}}}}");
    cr_assert_eq(decode(text, at, NULL), VG_OK, "%s: %s", fault.reason, fault.detail);
    free(text);
}

static size_t rows_text(char *out, uint32_t count)
{
    memset(out, '{', (size_t)count * 3 + 1);
    for (uint32_t i = 0; i < count; i++)
        memcpy(out + (size_t)i * 3, i == 0 ? "[{}" : ",{}", 3);
    out[(size_t)count * 3] = ']';
    return (size_t)count * 3 + 1;
}

Test(decode_json, a_message_of_4096_rows_is_the_limit)
{
    char *text = malloc(65536);

    cr_assert_eq(decode(text, rows_text(text, 4096), NULL), VG_OK);
    cr_assert_eq(n, 4096);
    cr_assert_eq(rows[4095].index, 4095);
    cr_assert_eq(decode(text, rows_text(text, 4097), NULL), VG_E_DECODE);
    expect_fault(&fault, "limits", 4096 * 3 + 1, "4097 rows");
    free(text);
}

static void expect_size_limit(size_t bytes_max)
{
    char *text = malloc(bytes_max + 1);

    memset(text, ' ', bytes_max + 1);
    memcpy(text, EXAMPLE, strlen(EXAMPLE));
    cr_assert_eq(decode(text, bytes_max, NULL), VG_OK, "%s", fault.detail);
    cr_assert_eq(n, 1);
    cr_assert_eq(decode(text, bytes_max + 1, NULL), VG_E_DECODE);
    expect_fault(&fault, "limits", (uint32_t)bytes_max, "max_bytes");
    free(text);
}

Test(decode_json, a_message_is_at_most_as_large_as_the_configuration_says)
{
    expect_size_limit(65536);
    reopen("max_bytes", "1MiB");
    expect_size_limit(1048576);
    reopen("max_bytes", "1KiB");
    expect_size_limit(1024);
}

/* ---- whole messages, many of them ---- */

Test(decode_json, a_message_cut_off_anywhere_is_refused_and_gives_no_row)
{
    static const char *const texts[] = {
        EXAMPLE,
        "[" EXAMPLE "," EXAMPLE "]",
        "{\"patient\":\"p\",\"\\u0068r\":{\"value\":-1.5e+2,\"quality\":\"suspect\"},\"x\":[true,"
        "false,null,\"\\ud83d\\ude00\xC3\xA4\",{}]}",
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(texts); i++) {
        for (size_t len = 1; len < strlen(texts[i]); len++) {
            cr_assert_eq(decode(texts[i], len, NULL), VG_E_DECODE, "%.*s", (int)len, texts[i]);
            cr_assert_eq(n, 0);
            cr_assert_str_eq(fault.reason, "malformed");
            cr_assert_leq(fault.byte_offset, len);
        }
        cr_assert_eq(decode(texts[i], strlen(texts[i]), NULL), VG_OK);
    }
}

Test(decode_json, what_was_refused_leaves_no_trace_in_the_next_message)
{
    struct vg_decoded fresh;

    memcpy(&fresh, expect_clean(EXAMPLE), sizeof(fresh));
    expect_refused("[{\"patient\":\"q\",\"bed\":\"\\u0062\",\"pulse\":{\"value\":1,@", "malformed");
    expect_noted("{\"patient\":\"long-name-of-a-patient\",\"bed\":@7,\"pulse\":3}", "schema");
    cr_assert_eq(memcmp(&fresh, expect_clean(EXAMPLE), sizeof(fresh)), 0);
}

Test(decode_json, closing_what_was_never_opened_is_fine)
{
    void *other = calloc(1, ops->self_size);

    ops->close(other);
    free(other);
}

static const char *const seeds[] = {
    EXAMPLE,
    "[" EXAMPLE ",{\"patient\":\"q\"}]",
    "{\"patient\":\"p\",\"hr\":{\"value\":8.2e1,\"unit\":\"/min\",\"quality\":\"good\"}}",
    "{\"patient\":\"p\",\"x\":[1,-2.5E-3,true,false,null,\"\\u00e4\\\\\\\"\",{\"a\":{\"b\":[]}}]}",
    "{\"patient\":\"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\",\"y\":\"\\ud83d\\ude00\"}",
    " [ { \"a\" : [ ] , \"b\" : { } } , [ ] , 0 , -0.0 , \"\" ] ",
};
/* One random change; returns the new length, never 0. */
static size_t mutate(char *text, size_t len)
{
    static const char alphabet[] =
        "{}[]\",:\\0123456789.-+eEtrufalsn \t\n\x01\x7F\x80\xA4\xC3\xED\xF0";
    size_t at = random_below((uint32_t)len), part = 1 + random_below(8);
    if (part > len - at)
        part = len - at;
    switch (random_below(5)) {
    case 0:
        text[at] = alphabet[random_below(sizeof(alphabet) - 1)];
        return len;
    case 1:
        memmove(text + at + 1, text + at, len - at);
        text[at] = alphabet[random_below(sizeof(alphabet) - 1)];
        return len + 1;
    case 2:
        if (part == len)
            return len;
        memmove(text + at, text + at + part, len - at - part);
        return len - part;
    case 3: /* say it twice */
        memmove(text + at + part, text + at, len - at);
        return len + part;
    default:
        text[at] ^= (char)(1u << random_below(8));
        return len;
    }
}
/* Whether a row names a channel by two of its codes, which only we call a duplicate. */
static bool names_a_channel_twice(json_t *row)
{
    uint32_t seen = 0;
    const char *key;
    json_t *value;
    json_object_foreach(row, key, value)
    {
        int channel = vg_channel_lookup(key, strlen(key));
        if (channel != VG_CHANNEL_NONE && seen >> channel & 1)
            return true;
        if (channel != VG_CHANNEL_NONE)
            seen |= UINT32_C(1) << channel;
    }
    return false;
}
static bool any_row_names_a_channel_twice(json_t *message)
{
    size_t i;
    json_t *row;
    json_array_foreach(message, i, row)
    {
        if (names_a_channel_twice(row))
            return true;
    }
    return names_a_channel_twice(message);
}
enum verdict {
    ACCEPTED,
    REFUSED,
    NO_VERDICT,
    VERDICTS,
};

/* What jansson says; it has no verdict on numbers beyond a double and on escaped NULs in keys. It
 * takes no notice of a NUL behind a number (2.14), where JSON has no place for one. */
static enum verdict oracle(const char *text, size_t len, const char *our_reason)
{
    const size_t flags =
        JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL;
    json_error_t error;
    json_t *tree;
    enum verdict v = ACCEPTED;

    if (memchr(text, '\0', len))
        return REFUSED;
    tree = json_loadb(text, len, flags, &error);
    if (!tree) {
        enum json_error_code code = json_error_code(&error);

        return code == json_error_numeric_overflow || code == json_error_null_byte_in_key
                   ? NO_VERDICT
                   : REFUSED;
    }
    if (our_reason && strcmp(our_reason, "duplicate_key") == 0 &&
        any_row_names_a_channel_twice(tree))
        v = REFUSED;
    json_decref(tree);
    return v;
}

Test(decode_json, a_hundred_thousand_broken_messages_are_judged_as_jansson_judges_them)
{
    uint32_t count[VERDICTS] = { 0 };

    for (int i = 0; i < 100000; i++) {
        char text[TEXT_SIZE];
        const char *seed = seeds[random_below(VG_ARRAY_LEN(seeds))];
        size_t len = strlen(seed);
        enum verdict ours, theirs;

        memcpy(text, seed, len);
        for (uint32_t changes = 1 + random_below(3); changes > 0; changes--)
            len = mutate(text, len);
        ours = decode(text, len, NULL) == VG_OK ? ACCEPTED : REFUSED;
        theirs = oracle(text, len, ours == REFUSED ? fault.reason : NULL);
        if (theirs != NO_VERDICT)
            cr_assert_eq(ours, theirs, "round %d: we %s (%s at %u), jansson does not: %.*s", i,
                         ours == ACCEPTED ? "accept" : "refuse", fault.reason, fault.byte_offset,
                         (int)len, text);
        count[theirs]++;
    }
    cr_assert_gt(count[ACCEPTED], 10000, "%u", count[ACCEPTED]);
    cr_assert_gt(count[REFUSED], 10000, "%u", count[REFUSED]);
    cr_assert_lt(count[NO_VERDICT], 1000, "%u", count[NO_VERDICT]);
}
