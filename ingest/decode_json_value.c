/* decode_json_value.c - what the value of a channel says: a number, a measurement with unit and
 * quality, a word, or nothing that can be read. */
#include "ingest/decode_json_value.h"

#include <math.h>
#include <string.h>

static void set_channel(struct vg_decoded *row, int channel, enum vg_quality quality,
                        enum vg_reason reason)
{
    row->quality[channel] = (uint8_t)quality;
    row->reason[channel] = (uint8_t)reason;
}

static void set_value(struct vg_decoded *row, int channel, double value, uint32_t offset)
{
    float x = (float)value;

    if (!isfinite(x)) {
        set_channel(row, channel, VG_Q_INVALID, VG_REASON_BAD_VALUE);
        vg_decode_json_note(row, "number", offset, vg_channels[channel].name,
                            "number too large for a measurement", "");
        return;
    }
    set_channel(row, channel, VG_Q_GOOD, VG_REASON_NONE);
    row->value[channel] = x + 0.0f; /* -0 becomes +0 */
}

/* Anything but a number where a number is due. */
static void set_unreadable(struct vg_decoded *row, int channel, const struct vg_json_value *v)
{
    static const char *const found[] = {
        [VG_JSON_STRING] = "a string",  [VG_JSON_NUMBER] = "a number",
        [VG_JSON_OBJECT] = "an object", [VG_JSON_ARRAY] = "an array",
        [VG_JSON_TRUE] = "true",        [VG_JSON_FALSE] = "false",
        [VG_JSON_NULL] = "null",
    };

    set_channel(row, channel, VG_Q_INVALID, VG_REASON_BAD_VALUE);
    vg_decode_json_note(row, "number", v->start, vg_channels[channel].name,
                        "expected a number, found ", found[v->kind]);
}

enum { HAS_VALUE = 1, HAS_UNIT = 2, HAS_QUALITY = 4 };

/* {"value":..,"unit":..,"quality":..} as it was read; a plain value is one without the others. */
struct measurement {
    unsigned has;
    bool not_a_number; /* the value is one of the three tokens that are no JSON */
    bool stranger;     /* some member has another name; it stands at stranger_start */
    uint32_t start, stranger_start;
    struct vg_json_value value, unit, quality;
};

/* VG_Q_ABSENT for a word that is none. */
static enum vg_quality read_quality(const struct vg_json_value *v)
{
    static const enum vg_quality words[] = { VG_Q_GOOD, VG_Q_SUSPECT, VG_Q_INVALID, VG_Q_MISSING };

    for (size_t i = 0; v->kind == VG_JSON_STRING && i < VG_ARRAY_LEN(words); i++) {
        const char *name = vg_quality_name((uint8_t)words[i]);

        if (v->text.n == strlen(name) && memcmp(v->text.s, name, v->text.n) == 0)
            return words[i];
    }
    return VG_Q_ABSENT;
}

static void set_converted(struct vg_json *j, struct vg_decoded *row, int channel,
                          const struct measurement *m)
{
    double value = vg_json_double(j, &m->value);

    if (m->has & HAS_UNIT &&
        (m->unit.kind != VG_JSON_STRING ||
         !vg_unit_convert(channel, m->unit.text.s, m->unit.text.n, value, &value))) {
        set_channel(row, channel, VG_Q_INVALID, VG_REASON_UNIT);
        vg_decode_json_note(row, "unit", m->unit.start, vg_channels[channel].name,
                            "unit is not one that converts to ", vg_channels[channel].ucum);
        return;
    }
    set_value(row, channel, value, m->value.start);
}

/* A word where the values of the channel are words. */
static void set_word(struct vg_decoded *row, int channel, const struct measurement *m)
{
    int value = m->value.kind == VG_JSON_STRING
                    ? vg_channel_word(channel, m->value.text.s, m->value.text.n)
                    : -1;

    if (value >= 0 && !(m->has & HAS_UNIT)) {
        set_channel(row, channel, VG_Q_GOOD, VG_REASON_NONE);
        row->value[channel] = (float)value;
        return;
    }
    set_channel(row, channel, VG_Q_INVALID, value >= 0 ? VG_REASON_UNIT : VG_REASON_BAD_VALUE);
    if (value >= 0)
        vg_decode_json_note(row, "unit", m->unit.start, vg_channels[channel].name,
                            "a word has no unit", "");
    else
        vg_decode_json_note(row, "word", m->value.start, vg_channels[channel].name,
                            "expected one of the channel's words, such as ",
                            vg_channel_word_text(channel, 0));
}

/* The number of a measurement whose quality is GOOD so far. */
static void set_measured(struct vg_json *j, struct vg_decoded *row, int channel,
                         const struct measurement *m)
{
    if (m->not_a_number) {
        set_channel(row, channel, VG_Q_INVALID, VG_REASON_BAD_VALUE);
        vg_decode_json_note(row, "number", m->value.start, vg_channels[channel].name,
                            "not a number", "");
    } else if (m->value.kind == VG_JSON_NULL) {
        set_channel(row, channel, VG_Q_MISSING, VG_REASON_DEVICE);
    } else if (channel >= VG_MEASURED && vg_channel_words(channel) > 0) {
        set_word(row, channel, m);
    } else if (m->value.kind != VG_JSON_NUMBER) {
        set_unreadable(row, channel, &m->value);
    } else {
        set_converted(j, row, channel, m);
    }
}

/* Decides what a measurement is worth; the device's own word about quality comes first. */
static void settle(struct vg_json *j, struct vg_decoded *row, int channel,
                   const struct measurement *m)
{
    enum vg_quality quality = m->has & HAS_QUALITY ? read_quality(&m->quality) : VG_Q_GOOD;
    const char *name = vg_channels[channel].name;

    set_channel(row, channel, VG_Q_INVALID, VG_REASON_BAD_VALUE);
    if (m->stranger) {
        vg_decode_json_note(row, "schema", m->stranger_start, name,
                            "expected value, unit or quality, found another member", "");
    } else if (quality == VG_Q_ABSENT) {
        vg_decode_json_note(row, "schema", m->quality.start, name,
                            "quality is none of good, suspect, invalid, missing", "");
    } else if (!vg_usable((uint8_t)quality)) {
        set_channel(row, channel, quality, VG_REASON_DEVICE);
    } else if (!(m->has & HAS_VALUE)) {
        vg_decode_json_note(row, "schema", m->start, name, "an object without a value", "");
    } else {
        set_measured(j, row, channel, m);
        if (quality == VG_Q_SUSPECT && row->quality[channel] == VG_Q_GOOD)
            set_channel(row, channel, VG_Q_SUSPECT, VG_REASON_DEVICE);
    }
}

/* Skips one of the three tokens for "not a number"; false when none stands here. */
static bool skip_not_a_number(struct vg_json *j)
{
    static const char *const tokens[] = { "NaN", "Infinity", "-Infinity" };

    for (size_t i = 0; i < VG_ARRAY_LEN(tokens); i++) {
        size_t n = strlen(tokens[i]);

        if ((size_t)(j->end - j->at) >= n && memcmp(j->at, tokens[i], n) == 0) {
            j->at += n;
            return true;
        }
    }
    return false;
}

/* What is to be measured: any JSON, or a token for "not a number". */
static bool read_measured(struct vg_json *j, struct measurement *m)
{
    int c = vg_json_peek(j);

    m->has |= HAS_VALUE;
    m->value.start = vg_json_offset(j);
    if ((c == 'N' || c == 'I' || c == '-') && skip_not_a_number(j)) {
        m->not_a_number = true;
        return true;
    }
    return vg_json_read(j, &m->value);
}

static bool read_measurement_member(struct vg_json *j, const struct vg_json_text *key,
                                    struct measurement *m)
{
    struct vg_json_value ignored;

    if (vg_json_text_is(key, "value"))
        return read_measured(j, m);
    if (vg_json_text_is(key, "unit")) {
        m->has |= HAS_UNIT;
        return vg_json_read(j, &m->unit);
    }
    if (vg_json_text_is(key, "quality")) {
        m->has |= HAS_QUALITY;
        return vg_json_read(j, &m->quality);
    }
    if (!m->stranger)
        m->stranger_start = key->start;
    m->stranger = true;
    return vg_json_read(j, &ignored);
}

static bool read_measurement(struct vg_json *j, struct vg_decoded *row, int channel)
{
    struct measurement m;
    struct vg_json_text key;
    enum vg_json_step step;

    memset(&m, 0, sizeof(m));
    m.start = vg_json_offset(j);
    if (!vg_json_enter(j))
        return false;
    while ((step = vg_json_next_member(j, &key)) == VG_JSON_ITEM) {
        if (!vg_json_unique(j, &key) || !read_measurement_member(j, &key, &m))
            return false;
    }
    if (step == VG_JSON_ERROR)
        return false;
    settle(j, row, channel, &m);
    return true;
}

bool vg_decode_json_channel(struct vg_json *j, struct vg_decoded *row, int channel)
{
    struct measurement m;

    if (vg_json_peek(j) == '{')
        return read_measurement(j, row, channel);
    m.has = 0;
    m.not_a_number = false;
    if (!read_measured(j, &m))
        return false;
    set_measured(j, row, channel, &m);
    return true;
}
