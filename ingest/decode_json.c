/* decode_json.c - rows of vital signs as JSON: one object, or an array of them.
 *
 *   {"patient":"p-7f3a","bed":"icu-a/07","time":"2026-03-01T12:00:00Z","hr":82,
 *    "abp_mean":{"value":11.6,"unit":"kPa","quality":"suspect"},"8310-5":null,"acvpu":"V"}
 *
 * A fault costs as little as it can. A value that cannot be read costs its channel: it becomes
 * INVALID, never absent, since the device did say something. A row whose patient is in doubt costs
 * the row. Only a message that is no JSON, or too much of it, is lost as a whole, because then
 * nobody knows where its rows end; hence no row is handed out before the last byte was checked.
 *
 * One thing that is no JSON is understood as the value of a channel: the NaN, Infinity and
 * -Infinity that common writers emit. They cost the channel, not the rows beside it.
 *
 * A time that cannot be read is no fault: the record's own time stands in for it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/decoder.h"
#include "core/text.h"
#include "ingest/decode_json_value.h"

enum unknown { UNKNOWN_IGNORE, UNKNOWN_DEAD_LETTER };

struct decode_json {
    uint64_t max_bytes; /* option */
    int unknown;        /* option, enum unknown */
    struct vg_json json;
    struct vg_decoded *rows; /* [VG_ROWS_PER_MESSAGE] */
    uint32_t n_rows;
};

static const char *const unknown_choices[] = { "ignore", "dead_letter", NULL };

static const struct vg_option options[] = {
    VG_OPT_SIZE(struct decode_json, max_bytes, "max_bytes", "64KiB", 1024, 1048576, VG_OPT_EVENTS,
                "Largest message. A larger one is a dead letter as a whole."),
    VG_OPT_ENUM(struct decode_json, unknown, "unknown", "ignore", unknown_choices, VG_OPT_EVENTS,
                "What a member of a row that Vigil does not know means: nothing, or that the row "
                "is a dead letter."),
    VG_OPT_END,
};

/* What a member of a row says: a channel's index, or one of these. */
enum field {
    FIELD_PATIENT = VG_CHANNELS,
    FIELD_BED,
    FIELD_TIME,
    FIELD_VERSION,
    FIELD_UNKNOWN = VG_CHANNEL_NONE,
};

static int find_field(const struct vg_json_text *key)
{
    switch (key->n) {
    case 3:
        if (vg_json_text_is(key, "bed"))
            return FIELD_BED;
        break;
    case 4:
        if (vg_json_text_is(key, "time"))
            return FIELD_TIME;
        break;
    case 7:
        if (vg_json_text_is(key, "patient"))
            return FIELD_PATIENT;
        if (vg_json_text_is(key, "version"))
            return FIELD_VERSION;
        break;
    default:
        break;
    }
    return vg_channel_lookup(key->s, key->n);
}

/* ---- faults ---- */

/* The detail reads "SUBJECT: TEXT" with `word` behind it. */
static void fill_fault(struct vg_fault *fault, const char *reason, uint32_t offset,
                       const char *subject, const char *text, const char *word)
{
    fault->reason = reason;
    fault->byte_offset = offset;
    snprintf(fault->detail, sizeof(fault->detail), "%s: %s%s", subject, text, word);
}

void vg_decode_json_note(struct vg_decoded *row, const char *reason, uint32_t offset,
                         const char *subject, const char *text, const char *word)
{
    if (row->has_fault)
        return;
    row->has_fault = true;
    fill_fault(&row->fault, reason, offset, subject, text, word);
}

/* The row is lost; what cost it is told rather than an earlier fault that did not. */
__attribute__((cold)) static void refuse(struct vg_decoded *row, const char *reason,
                                         uint32_t offset, const char *subject, const char *text)
{
    if (!row->usable)
        return;
    row->usable = false;
    row->has_fault = true;
    fill_fault(&row->fault, reason, offset, subject, text, "");
}

/* ---- the other members of a row ---- */

static bool read_patient(struct decode_json *d, struct vg_decoded *row,
                         const struct vg_message *message)
{
    struct vg_json_value v;

    if (!vg_json_read(&d->json, &v))
        return false;
    if (v.kind != VG_JSON_STRING || !vg_patient_valid(v.text.s, v.text.n)) {
        refuse(row, "schema", v.start, "patient",
               "expected a string of 1 to 64 printable ASCII characters without space");
        return true;
    }
    memcpy(row->patient, v.text.s, v.text.n);
    if (message->key &&
        (message->key_len != v.text.n || memcmp(message->key, v.text.s, v.text.n) != 0))
        refuse(row, "identity_mismatch", v.start, "patient",
               "not the one that the key of the message names");
    return true;
}

/* UTF-8 has been checked; what is left are the control characters U+00 to U+1F and U+7F to U+9F. */
static bool bed_valid(const struct vg_json_text *t)
{
    if (t->n == 0 || t->n >= VG_BED_SIZE)
        return false;
    for (uint32_t i = 0; i < t->n; i++) {
        uint8_t c = (uint8_t)t->s[i];

        if (c < 0x20 || c == 0x7F || (c == 0xC2 && (uint8_t)t->s[i + 1] < 0xA0))
            return false;
    }
    return true;
}

static bool read_bed(struct decode_json *d, struct vg_decoded *row)
{
    struct vg_json_value v;

    if (!vg_json_read(&d->json, &v))
        return false;
    if (v.kind == VG_JSON_STRING && bed_valid(&v.text))
        memcpy(row->bed, v.text.s, v.text.n);
    else if (v.kind != VG_JSON_NULL)
        vg_decode_json_note(row, "schema", v.start, "bed",
                            "expected a string of 1 to 64 bytes without control characters", "");
    return true;
}

static bool epoch_time(const struct vg_json_number *n, int64_t *ret_ns)
{
    const uint64_t year_2262_ms = UINT64_C(9214646400000);

    if (!n->whole || n->negative || n->digits > VG_JSON_DIGITS || n->mantissa >= year_2262_ms)
        return false;
    *ret_ns = (int64_t)n->mantissa * VG_NS_PER_MS;
    return true;
}

static bool read_time(struct decode_json *d, struct vg_decoded *row)
{
    struct vg_json_value v;
    bool known = false;

    if (!vg_json_read(&d->json, &v))
        return false;
    if (v.kind == VG_JSON_STRING)
        known = vg_parse_time(v.text.s, v.text.n, &row->time_ns);
    else if (v.kind == VG_JSON_NUMBER)
        known = epoch_time(&v.number, &row->time_ns);
    row->time = known ? VG_DECODED_TIME_OK : VG_DECODED_TIME_NONE;
    return true;
}

static bool read_version(struct decode_json *d, struct vg_decoded *row)
{
    struct vg_json_value v;

    if (!vg_json_read(&d->json, &v))
        return false;
    if (v.kind != VG_JSON_NUMBER || !v.number.whole || v.number.negative ||
        v.number.mantissa != 1 || v.number.digits != 1)
        refuse(row, "schema", v.start, "version", "expected 1");
    return true;
}

static bool read_unknown(struct decode_json *d, struct vg_decoded *row,
                         const struct vg_json_text *key)
{
    struct vg_json_value v;

    if (!vg_json_unique(&d->json, key) || !vg_json_read(&d->json, &v))
        return false;
    /* The names by which other formats say what they are; such a row may mean anything. */
    if (vg_json_text_is(key, "v") || vg_json_text_is(key, "schema"))
        refuse(row, "schema", key->start, "row",
               "says by v or schema that it is of another format; expected \"version\":1");
    else if (d->unknown == UNKNOWN_DEAD_LETTER)
        refuse(row, "schema", key->start, "row",
               "a member that Vigil does not know, and unknown: dead_letter is set");
    return true;
}

/* ---- rows ---- */

static bool read_member(struct decode_json *d, struct vg_decoded *row, int field,
                        const struct vg_message *message)
{
    switch (field) {
    case FIELD_PATIENT:
        return read_patient(d, row, message);
    case FIELD_BED:
        return read_bed(d, row);
    case FIELD_TIME:
        return read_time(d, row);
    case FIELD_VERSION:
        return read_version(d, row);
    default:
        return vg_decode_json_channel(&d->json, row, field);
    }
}

static bool read_members(struct decode_json *d, struct vg_decoded *row,
                         const struct vg_message *message)
{
    struct vg_json *j = &d->json;
    struct vg_json_text key;
    enum vg_json_step step;
    uint32_t seen = 0;

    _Static_assert(FIELD_VERSION < 32, "a bit in seen for each field");
    if (!vg_json_enter(j))
        return false;
    while ((step = vg_json_next_member(j, &key)) == VG_JSON_ITEM) {
        int field = find_field(&key);

        if (field == FIELD_UNKNOWN) {
            if (!read_unknown(d, row, &key))
                return false;
            continue;
        }
        if (seen >> field & 1)
            return vg_json_fail(j, "duplicate_key", key.start,
                                "a member that the row has already, maybe by another code");
        seen |= UINT32_C(1) << field;
        if (!read_member(d, row, field, message))
            return false;
    }
    if (!(seen >> FIELD_PATIENT & 1))
        refuse(row, "schema", row->start, "row", "no patient");
    return step == VG_JSON_END;
}

/* One element of the message, or the whole of it. */
static bool read_row(struct decode_json *d, const struct vg_message *message)
{
    struct vg_json *j = &d->json;
    struct vg_decoded *row = &d->rows[d->n_rows];
    struct vg_json_value v;
    int c = vg_json_peek(j);

    if (d->n_rows == VG_ROWS_PER_MESSAGE)
        return vg_json_fail(j, "limits", vg_json_offset(j), "more than 4096 rows");
    memset(row, 0, sizeof(*row));
    row->usable = true;
    row->time = VG_DECODED_TIME_NONE;
    row->index = d->n_rows++;
    row->start = vg_json_offset(j);
    if (c == '{') {
        if (!read_members(d, row, message))
            return false;
    } else {
        if (!vg_json_read(j, &v))
            return false;
        refuse(row, "schema", row->start, "row", "expected an object");
    }
    row->len = vg_json_offset(j) - row->start;
    return true;
}

static bool read_message(struct decode_json *d, const struct vg_message *message)
{
    struct vg_json *j = &d->json;
    enum vg_json_step step;

    if (vg_json_peek(j) != '[')
        return read_row(d, message) && vg_json_finish(j);
    if (!vg_json_enter(j))
        return false;
    while ((step = vg_json_next_element(j)) == VG_JSON_ITEM) {
        if (!read_row(d, message))
            return false;
    }
    return step == VG_JSON_END && vg_json_finish(j);
}

static vg_status json_decode(void *self, const struct vg_message *message,
                             const struct vg_decoded **rows, size_t *n, struct vg_fault *fault)
{
    struct decode_json *d = self;

    *rows = d->rows;
    *n = 0;
    d->n_rows = 0;
    if (message->len == 0)
        return VG_OK;
    if (!vg_json_start(&d->json, message->value, message->len, fault) || !read_message(d, message))
        return VG_E_DECODE;
    *n = d->n_rows;
    return VG_OK;
}

static vg_status json_open(void *self, struct vg_err *err)
{
    struct decode_json *d = self;
    vg_status st = vg_json_init(&d->json, d->max_bytes, err);

    if (st != VG_OK)
        return st;
    d->rows = calloc(VG_ROWS_PER_MESSAGE, sizeof(*d->rows));
    if (!d->rows)
        return vg_fail(err, VG_E_MEMORY, "no memory for %d rows", VG_ROWS_PER_MESSAGE);
    return VG_OK;
}

static void json_close(void *self)
{
    struct decode_json *d = self;

    vg_json_done(&d->json);
    free(d->rows);
    d->rows = NULL;
}

const struct vg_decoder_ops vg_decoder_decode_json = {
    .name = "json",
    .summary = "Rows as JSON objects, one or an array of them.",
    .options = options,
    .self_size = sizeof(struct decode_json),
    .open = json_open,
    .decode = json_decode,
    .close = json_close,
};
