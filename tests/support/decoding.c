/* decoding.c - texts through the JSON decoder. */
#include "tests/support/decoding.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

extern const struct vg_decoder_ops vg_decoder_decode_json;

struct decoding decoding = { .ops = &vg_decoder_decode_json };

static void open_with(const char *option, const char *text)
{
    struct vg_err err;

    vg_options_default(decoding.ops->options, decoding.self);
    if (option)
        cr_assert_eq(
            vg_option_set(vg_option_find(decoding.ops->options, option), decoding.self, text, &err),
            VG_OK, "%s", err.msg);
    cr_assert_eq(decoding.ops->open(decoding.self, &err), VG_OK, "%s", err.msg);
}

void decoding_init(void)
{
    decoding.self = calloc(1, decoding.ops->self_size);
    open_with(NULL, NULL);
}

void decoding_done(void)
{
    decoding.ops->close(decoding.self);
    free(decoding.self);
    free(decoding.bytes);
}

void decoding_reopen(const char *option, const char *text)
{
    decoding.ops->close(decoding.self);
    open_with(option, text);
}

vg_status decoding_decode(const void *s, size_t len, const char *key)
{
    struct vg_message m = { .len = len, .key = (const uint8_t *)key };

    free(decoding.bytes);
    decoding.bytes = malloc(len ? len : 1);
    memcpy(decoding.bytes, s, len);
    m.value = decoding.bytes;
    m.key_len = key ? strlen(key) : 0;
    memset(&decoding.fault, 0, sizeof(decoding.fault));
    return decoding.ops->decode(decoding.self, &m, &decoding.rows, &decoding.n, &decoding.fault);
}

const struct vg_decoded *decoding_take(const char *s, const char *key)
{
    cr_assert_eq(decoding_decode(s, strlen(s), key), VG_OK, "%s at %u: %s in %.200s",
                 decoding.fault.reason, decoding.fault.byte_offset, decoding.fault.detail, s);
    return decoding.rows;
}

const struct vg_decoded *decoding_one(const char *s)
{
    decoding_take(s, NULL);
    cr_assert_eq(decoding.n, 1, "%zu rows in %s", decoding.n, s);
    return decoding.rows;
}

uint32_t decoding_unmark(const char *marked, char out[DECODING_TEXT])
{
    const char *mark = strchr(marked, '@');

    cr_assert(mark && strlen(marked) < DECODING_TEXT, "no mark in %s", marked);
    memcpy(out, marked, (size_t)(mark - marked));
    strcpy(out + (mark - marked), mark + 1);
    return (uint32_t)(mark - marked);
}

void decoding_expect_fault(const struct vg_fault *f, const char *reason, uint32_t offset,
                           const char *text)
{
    cr_assert_not_null(f->reason);
    cr_assert_str_eq(f->reason, reason, "%s", text);
    cr_assert_eq(f->byte_offset, offset, "%s at %u, not %u: %s in %s", reason, f->byte_offset,
                 offset, f->detail, text);
    cr_assert_neq(f->detail[0], '\0', "%s", text);
}

void decoding_expect_refused(const char *marked, const char *reason)
{
    char text[DECODING_TEXT];
    uint32_t offset = decoding_unmark(marked, text);

    cr_assert_eq(decoding_decode(text, strlen(text), NULL), VG_E_DECODE, "accepted: %s", text);
    cr_assert_eq(decoding.n, 0, "%s", text);
    decoding_expect_fault(&decoding.fault, reason, offset, text);
}

const struct vg_decoded *decoding_expect_dead(const char *marked, const char *reason)
{
    char text[DECODING_TEXT];
    uint32_t offset = decoding_unmark(marked, text);
    const struct vg_decoded *row = decoding_one(text);

    cr_assert_not(row->usable, "%s", text);
    cr_assert(row->has_fault, "%s", text);
    decoding_expect_fault(&row->fault, reason, offset, text);
    return row;
}

const struct vg_decoded *decoding_expect_noted(const char *marked, const char *reason)
{
    char text[DECODING_TEXT];
    uint32_t offset = decoding_unmark(marked, text);
    const struct vg_decoded *row = decoding_one(text);

    cr_assert(row->usable, "%s", text);
    cr_assert(row->has_fault, "%s", text);
    decoding_expect_fault(&row->fault, reason, offset, text);
    return row;
}

const struct vg_decoded *decoding_expect_clean(const char *text)
{
    const struct vg_decoded *row = decoding_one(text);

    cr_assert(row->usable && !row->has_fault, "%s at %u: %s in %s", row->fault.reason,
              row->fault.byte_offset, row->fault.detail, text);
    return row;
}

bool decoding_positive_zero(float x)
{
    return x == 0.0f && !signbit(x);
}

void decoding_expect_channel(const struct vg_decoded *row, int channel, enum vg_quality quality,
                             enum vg_reason reason, const char *text)
{
    cr_assert_eq(row->quality[channel], quality, "%s: quality %s", text,
                 vg_quality_name(row->quality[channel]));
    cr_assert_eq(row->reason[channel], reason, "%s: reason %s", text,
                 vg_reason_name(row->reason[channel]));
    if (!vg_usable(row->quality[channel]))
        cr_assert(decoding_positive_zero(row->value[channel]), "%s", text);
}

void decoding_expect_value(const struct vg_decoded *row, int channel, float value, const char *text)
{
    decoding_expect_channel(row, channel, VG_Q_GOOD, VG_REASON_NONE, text);
    cr_assert_eq(row->value[channel], value, "%s: %.9g, not %.9g", text,
                 (double)row->value[channel], (double)value);
}

/* xorshift64 */
static uint64_t state = UINT64_C(0x9E3779B97F4A7C15);

uint32_t decoding_random_below(uint32_t bound)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 32) % bound);
}
