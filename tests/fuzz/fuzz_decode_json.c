/* fuzz_decode_json.c - what must hold of the JSON decoder whatever it is given.
 *
 * The part of an input before its first 0xFF byte, if there is one, is the key of the message; such
 * a byte never occurs in UTF-8. Every input is decoded once under each choice of `unknown`.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/decoder.h"

extern const struct vg_decoder_ops vg_decoder_decode_json;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const reasons[] = {
    "malformed", "limits", "duplicate_key", "schema", "identity_mismatch", "number", "unit",
};

static void check_fault(const struct vg_fault *f, size_t first, size_t last)
{
    bool known = false;

    for (size_t i = 0; i < VG_ARRAY_LEN(reasons); i++)
        known = known || strcmp(f->reason, reasons[i]) == 0;
    VG_CHECK(known);
    VG_CHECK(f->byte_offset >= first && f->byte_offset <= last);
    VG_CHECK(memchr(f->detail, '\0', sizeof(f->detail)) && f->detail[0]);
}

static void check_channel(const struct vg_decoded *row, int c)
{
    uint8_t quality = row->quality[c];

    VG_CHECK(quality <= VG_Q_MISSING && quality != VG_Q_IMPUTED);
    VG_CHECK(row->reason[c] < VG_REASON_COUNT);
    VG_CHECK(isfinite(row->value[c]));
    VG_CHECK(row->value[c] != 0.0f || !signbit(row->value[c]));
    if (!vg_usable(quality))
        VG_CHECK(row->value[c] == 0.0f);
    if (quality == VG_Q_GOOD || quality == VG_Q_ABSENT)
        VG_CHECK(row->reason[c] == VG_REASON_NONE);
    else
        VG_CHECK(row->reason[c] != VG_REASON_NONE);
}

static void check_row(const struct vg_decoded *row, const struct vg_message *m)
{
    size_t n = strnlen(row->patient, sizeof(row->patient));

    VG_CHECK(row->len > 0 && row->start < m->len && row->len <= m->len - row->start);
    VG_CHECK(row->usable || row->has_fault);
    if (row->has_fault)
        check_fault(&row->fault, row->start, row->start + row->len - 1);
    VG_CHECK(memchr(row->bed, '\0', sizeof(row->bed)));
    if (row->usable) {
        VG_CHECK(n >= 1 && n < VG_PATIENT_SIZE);
        VG_CHECK(!m->key || (m->key_len == n && memcmp(m->key, row->patient, n) == 0));
    }
    if (row->time == VG_DECODED_TIME_OK)
        VG_CHECK(row->time_ns >= 0);
    for (int c = 0; c < VG_CHANNELS; c++)
        check_channel(row, c);
}

static void check_message(void *decoder, const struct vg_message *m)
{
    const struct vg_decoded *rows = NULL;
    struct vg_fault fault = { 0 };
    size_t n = SIZE_MAX, end = 0;
    vg_status st = vg_decoder_decode_json.decode(decoder, m, &rows, &n, &fault);

    if (st != VG_OK) {
        VG_CHECK(st == VG_E_DECODE && n == 0);
        check_fault(&fault, 0, m->len);
        return;
    }
    VG_CHECK(n <= VG_ROWS_PER_MESSAGE);
    for (size_t i = 0; i < n; i++) {
        VG_CHECK(rows[i].index == i && rows[i].start >= end);
        check_row(&rows[i], m);
        end = rows[i].start + rows[i].len;
    }
}

static void *open_decoder(const char *unknown)
{
    const struct vg_decoder_ops *ops = &vg_decoder_decode_json;
    void *self = calloc(1, ops->self_size);
    struct vg_err err;

    VG_CHECK(self);
    vg_options_default(ops->options, self);
    VG_CHECK(vg_option_set(vg_option_find(ops->options, "unknown"), self, unknown, &err) == VG_OK);
    VG_CHECK(ops->open(self, &err) == VG_OK);
    return self;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void *ignoring, *strict;
    struct vg_message m = { .value = data, .len = size };
    const uint8_t *mark = size ? memchr(data, 0xFF, size) : NULL;
    uint8_t *value;

    if (!ignoring) {
        ignoring = open_decoder("ignore");
        strict = open_decoder("dead_letter");
    }
    if (mark) {
        m.key = data;
        m.key_len = (size_t)(mark - data);
        m.value = mark + 1;
        m.len = size - m.key_len - 1;
    }
    /* A copy of its own, so that a byte read before or behind the message is seen. */
    value = malloc(m.len ? m.len : 1);
    VG_CHECK(value);
    if (m.len)
        memcpy(value, m.value, m.len);
    m.value = value;
    check_message(ignoring, &m);
    check_message(strict, &m);
    free(value);
    return 0;
}
