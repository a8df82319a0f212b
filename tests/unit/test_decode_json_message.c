/* test_decode_json_message.c - messages that the JSON decoder refuses as a whole, and its bounds. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/decoding.h"

TestSuite(decode_json_message, .init = decoding_init, .fini = decoding_done, .timeout = 120);

/* ---- messages that are lost as a whole ---- */

Test(decode_json_message, a_message_that_is_not_well_formed_is_refused_where_it_goes_wrong)
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
        decoding_expect_refused(texts[i], "malformed");
}

Test(decode_json_message, every_well_formed_utf_8_sequence_is_accepted)
{
    for (uint32_t code = 0x80; code <= 0x10FFFF; code += code < 0x3000 ? 1 : 61) {
        char escaped[DECODING_TEXT];
        const struct vg_decoded *row;
        char bed[VG_BED_SIZE];

        if (code < 0xA0 || (code >= 0xD800 && code <= 0xDFFF))
            continue;
        if (code < 0x10000)
            snprintf(escaped, sizeof(escaped), "{\"patient\":\"p\",\"bed\":\"\\u%04x\"}", code);
        else
            snprintf(escaped, sizeof(escaped), "{\"patient\":\"p\",\"bed\":\"\\u%04X\\u%04x\"}",
                     0xD800 + ((code - 0x10000) >> 10), 0xDC00 + ((code - 0x10000) & 0x3FF));
        row = decoding_expect_clean(escaped);
        cr_assert_eq(strlen(row->bed), code < 0x800 ? 2 : code < 0x10000 ? 3 : 4, "%x", code);
        strcpy(bed, row->bed);
        snprintf(escaped, sizeof(escaped), "{\"patient\":\"p\",\"bed\":\"%s\"}", bed);
        cr_assert_str_eq(decoding_expect_clean(escaped)->bed, bed);
    }
}

Test(decode_json_message, a_key_that_an_object_has_already_costs_the_message)
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
        decoding_expect_refused(texts[i], "duplicate_key");
    decoding_take("[{\"patient\":\"p\",\"x\":{\"x\":{\"x\":1}}},{\"patient\":\"p\",\"x\":1}]",
                  NULL);
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

Test(decode_json_message, sixteen_objects_and_arrays_in_each_other_are_the_limit)
{
    char text[DECODING_TEXT];

    nest(text, 16, "]");
    decoding_expect_clean(text);
    nest(text, 17, "]");
    cr_assert_eq(decoding_decode(text, strlen(text), NULL), VG_E_DECODE);
    decoding_expect_fault(&decoding.fault, "limits",
                          (uint32_t)strlen("{\"patient\":\"p\",\"x\":") + 15, text);
    decoding_expect_refused("[[[[[[[[[[[[[[[[@[", "limits");
    decoding_expect_refused("[[[[[[[[[[[[[[[[@{", "limits");
}

/* {"patient":"p","x0":0,...} with `members` members, as a row or as the value of a member. */
static size_t members_text(char *out, uint32_t members)
{
    size_t at = (size_t)sprintf(out, "{\"patient\":\"p\"");

    for (uint32_t i = 1; i < members; i++)
        at += (size_t)sprintf(out + at, ",\"x%u\":%u", i, i);
    return at + (size_t)sprintf(out + at, "}");
}

Test(decode_json_message, an_object_of_256_members_is_the_limit)
{
    char text[8192], nested[8400];
    size_t len = members_text(text, 256);

    cr_assert_eq(decoding_decode(text, len, NULL), VG_OK, "%s", decoding.fault.detail);
    snprintf(nested, sizeof(nested), "{\"patient\":\"p\",\"x\":%s}", text);
    cr_assert_eq(decoding_decode(nested, strlen(nested), NULL), VG_OK, "%s", decoding.fault.detail);
    len = members_text(text, 257);
    cr_assert_eq(decoding_decode(text, len, NULL), VG_E_DECODE);
    decoding_expect_fault(&decoding.fault, "limits", (uint32_t)(strstr(text, "\"x256\"") - text),
                          "257 members");
    snprintf(nested, sizeof(nested), "{\"patient\":\"p\",\"x\":%s}", text);
    cr_assert_eq(decoding_decode(nested, strlen(nested), NULL), VG_E_DECODE);
    decoding_expect_fault(&decoding.fault, "limits",
                          (uint32_t)(strstr(nested, "\"x256\"") - nested), "nested");
}

Test(decode_json_message, keys_of_all_open_objects_are_remembered_at_once)
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
    cr_assert_eq(decoding_decode(text, at, NULL), VG_OK, "%s: %s", decoding.fault.reason,
                 decoding.fault.detail);
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

Test(decode_json_message, a_message_of_4096_rows_is_the_limit)
{
    char *text = malloc(65536);

    cr_assert_eq(decoding_decode(text, rows_text(text, 4096), NULL), VG_OK);
    cr_assert_eq(decoding.n, 4096);
    cr_assert_eq(decoding.rows[4095].index, 4095);
    cr_assert_eq(decoding_decode(text, rows_text(text, 4097), NULL), VG_E_DECODE);
    decoding_expect_fault(&decoding.fault, "limits", 4096 * 3 + 1, "4097 rows");
    free(text);
}

static void expect_size_limit(size_t bytes_max)
{
    char *text = malloc(bytes_max + 1);

    memset(text, ' ', bytes_max + 1);
    memcpy(text, DECODING_EXAMPLE, strlen(DECODING_EXAMPLE));
    cr_assert_eq(decoding_decode(text, bytes_max, NULL), VG_OK, "%s", decoding.fault.detail);
    cr_assert_eq(decoding.n, 1);
    cr_assert_eq(decoding_decode(text, bytes_max + 1, NULL), VG_E_DECODE);
    decoding_expect_fault(&decoding.fault, "limits", (uint32_t)bytes_max, "max_bytes");
    free(text);
}

Test(decode_json_message, a_message_is_at_most_as_large_as_the_configuration_says)
{
    expect_size_limit(65536);
    decoding_reopen("max_bytes", "1MiB");
    expect_size_limit(1048576);
    decoding_reopen("max_bytes", "1KiB");
    expect_size_limit(1024);
}

/* ---- whole messages, many of them ---- */

Test(decode_json_message, a_message_cut_off_anywhere_is_refused_and_gives_no_row)
{
    static const char *const texts[] = {
        DECODING_EXAMPLE,
        "[" DECODING_EXAMPLE "," DECODING_EXAMPLE "]",
        "{\"patient\":\"p\",\"\\u0068r\":{\"value\":-1.5e+2,\"quality\":\"suspect\"},\"x\":[true,"
        "false,null,\"\\ud83d\\ude00\xC3\xA4\",{}]}",
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(texts); i++) {
        for (size_t len = 1; len < strlen(texts[i]); len++) {
            cr_assert_eq(decoding_decode(texts[i], len, NULL), VG_E_DECODE, "%.*s", (int)len,
                         texts[i]);
            cr_assert_eq(decoding.n, 0);
            cr_assert_str_eq(decoding.fault.reason, "malformed");
            cr_assert_leq(decoding.fault.byte_offset, len);
        }
        cr_assert_eq(decoding_decode(texts[i], strlen(texts[i]), NULL), VG_OK);
    }
}

Test(decode_json_message, what_was_refused_leaves_no_trace_in_the_next_message)
{
    struct vg_decoded fresh;

    memcpy(&fresh, decoding_expect_clean(DECODING_EXAMPLE), sizeof(fresh));
    decoding_expect_refused("[{\"patient\":\"q\",\"bed\":\"\\u0062\",\"pulse\":{\"value\":1,@",
                            "malformed");
    decoding_expect_noted("{\"patient\":\"long-name-of-a-patient\",\"bed\":@7,\"pulse\":3}",
                          "schema");
    cr_assert_eq(memcmp(&fresh, decoding_expect_clean(DECODING_EXAMPLE), sizeof(fresh)), 0);
}

Test(decode_json_message, closing_what_was_never_opened_is_fine)
{
    void *other = calloc(1, decoding.ops->self_size);

    decoding.ops->close(other);
    free(other);
}

static const char *const seeds[] = {
    DECODING_EXAMPLE,
    "[" DECODING_EXAMPLE ",{\"patient\":\"q\"}]",
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
    size_t at = decoding_random_below((uint32_t)len), part = 1 + decoding_random_below(8);
    if (part > len - at)
        part = len - at;
    switch (decoding_random_below(5)) {
    case 0:
        text[at] = alphabet[decoding_random_below(sizeof(alphabet) - 1)];
        return len;
    case 1:
        memmove(text + at + 1, text + at, len - at);
        text[at] = alphabet[decoding_random_below(sizeof(alphabet) - 1)];
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
        text[at] ^= (char)(1u << decoding_random_below(8));
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

Test(decode_json_message, a_hundred_thousand_broken_messages_are_judged_as_jansson_judges_them)
{
    uint32_t count[VERDICTS] = { 0 };

    for (int i = 0; i < 100000; i++) {
        char text[DECODING_TEXT];
        const char *seed = seeds[decoding_random_below(VG_ARRAY_LEN(seeds))];
        size_t len = strlen(seed);
        enum verdict ours, theirs;

        memcpy(text, seed, len);
        for (uint32_t changes = 1 + decoding_random_below(3); changes > 0; changes--)
            len = mutate(text, len);
        ours = decoding_decode(text, len, NULL) == VG_OK ? ACCEPTED : REFUSED;
        theirs = oracle(text, len, ours == REFUSED ? decoding.fault.reason : NULL);
        if (theirs != NO_VERDICT)
            cr_assert_eq(ours, theirs, "round %d: we %s (%s at %u), jansson does not: %.*s", i,
                         ours == ACCEPTED ? "accept" : "refuse", decoding.fault.reason,
                         decoding.fault.byte_offset, (int)len, text);
        count[theirs]++;
    }
    cr_assert_gt(count[ACCEPTED], 10000, "%u", count[ACCEPTED]);
    cr_assert_gt(count[REFUSED], 10000, "%u", count[REFUSED]);
    cr_assert_lt(count[NO_VERDICT], 1000, "%u", count[NO_VERDICT]);
}
