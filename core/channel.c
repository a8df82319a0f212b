/* channel.c - the vital signs of channels.def, their qualities, and units. */
#include "core/channel.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "core/text.h"

enum { PERIODIC = false, EPISODIC = true, INVALID = false, VALUE = true };

const struct vg_channel vg_channels[VG_CHANNELS] = {
#define VG_CHANNEL(id, shown, mdc_id, code, loinc_code, ucum_unit, shown_unit, lo, hi, kind, \
                   period, validity, zero)                                                   \
    {                                                                                        \
        .name = #id,                                                                         \
        .title = (shown),                                                                    \
        .mdc = (mdc_id),                                                                     \
        .mdc_code = (code),                                                                  \
        .loinc = (loinc_code),                                                               \
        .ucum = (ucum_unit),                                                                 \
        .unit = (shown_unit),                                                                \
        .low = (lo),                                                                         \
        .high = (hi),                                                                        \
        .episodic = (kind),                                                                  \
        .period_ns = (period)*VG_NS_PER_S,                                                   \
        .validity_ns = (validity)*VG_NS_PER_S,                                               \
        .zero_is_value = (zero),                                                             \
    },
#define VG_CHANNEL_ALIAS(name, code)
#define VG_CHANNEL_WORD(name, word, meaning)
#include "core/channels.def"
#undef VG_CHANNEL
#undef VG_CHANNEL_ALIAS
#undef VG_CHANNEL_WORD
};

static const struct word {
    int channel;
    const char *word, *meaning;
} words[] = {
#define VG_CHANNEL(...)
#define VG_CHANNEL_ALIAS(name, code)
#define VG_CHANNEL_WORD(name, word, meaning) { VG_CHANNEL_##name, word, meaning },
#include "core/channels.def"
#undef VG_CHANNEL
#undef VG_CHANNEL_ALIAS
#undef VG_CHANNEL_WORD
};

static const struct {
    const char *from, *to;
    double factor, offset;
} conversions[] = {
#define VG_UNIT(from, to, factor, offset) { from, to, factor, offset },
#include "core/units.def"
#undef VG_UNIT
};

int vg_channel_find(const char *name)
{
    for (int c = 0; c < VG_CHANNELS; c++) {
        if (strcmp(vg_channels[c].name, name) == 0)
            return c;
    }
    return VG_CHANNEL_NONE;
}

/* Every key of `n` bytes in turn. `n` is a constant where this is inlined: keys of other lengths
 * vanish, and a comparison is one or two loads. */
/* NOLINTNEXTLINE(readability-function-cognitive-complexity): the same line, once for each key */
static inline __attribute__((always_inline)) int lookup_length(const char *key, size_t n)
{
#define TRY(text, id)                                                      \
    if (sizeof(text) - 1 == n && memcmp(key, text, sizeof(text) - 1) == 0) \
        return VG_CHANNEL_##id;
#define VG_CHANNEL(name, title, mdc, code, loinc, ...) \
    TRY(#name, name) TRY(mdc, name) TRY(#code, name) TRY(loinc, name)
#define VG_CHANNEL_ALIAS(name, code) TRY(code, name)
#define VG_CHANNEL_WORD(name, word, meaning)
#include "core/channels.def"
#undef VG_CHANNEL
#undef VG_CHANNEL_ALIAS
#undef VG_CHANNEL_WORD
#undef TRY
    return VG_CHANNEL_NONE;
}

/* Generated rather than searched: this runs for every value of every message. A key of a length
 * that is not listed here is found by the test of the table, which tries them all. */
int vg_channel_lookup(const char *key, size_t n)
{
#define LENGTH(n) \
    case n:       \
        return lookup_length(key, n);
    /* clang-format off */
    switch (n) {
    LENGTH(2) LENGTH(3) LENGTH(4) LENGTH(5) LENGTH(6) LENGTH(7) LENGTH(8) LENGTH(9)
    LENGTH(10) LENGTH(11) LENGTH(12) LENGTH(13) LENGTH(14) LENGTH(15) LENGTH(16) LENGTH(17)
    LENGTH(18) LENGTH(19) LENGTH(20) LENGTH(21) LENGTH(22) LENGTH(23) LENGTH(24) LENGTH(25)
    LENGTH(26) LENGTH(27) LENGTH(28) LENGTH(29) LENGTH(30) LENGTH(31) LENGTH(32)
    default:
        return VG_CHANNEL_NONE;
    }
    /* clang-format on */
#undef LENGTH
}

int vg_channel_words(int channel)
{
    int n = 0;

    for (size_t i = 0; i < VG_ARRAY_LEN(words); i++)
        n += words[i].channel == channel;
    return n;
}

static const struct word *find_word(int channel, float value)
{
    int at = 0;

    for (size_t i = 0; i < VG_ARRAY_LEN(words); i++) {
        if (words[i].channel == channel && (float)at++ == value)
            return &words[i];
    }
    return NULL;
}

const char *vg_channel_word_text(int channel, float value)
{
    const struct word *found = find_word(channel, value);

    return found ? found->word : "";
}

const char *vg_channel_word_meaning(int channel, float value)
{
    const struct word *found = find_word(channel, value);

    return found ? found->meaning : "";
}

static bool same_letters(const char *s, size_t n, const char *word)
{
    return strlen(word) == n && strncasecmp(s, word, n) == 0;
}

int vg_channel_word(int channel, const char *word, size_t n)
{
    int at = 0;

    for (size_t i = 0; i < VG_ARRAY_LEN(words); i++) {
        if (words[i].channel != channel)
            continue;
        if (same_letters(word, n, words[i].word) || same_letters(word, n, words[i].meaning))
            return at;
        at++;
    }
    return -1;
}

const char *vg_quality_name(uint8_t quality)
{
    static const char *const names[] = {
        [VG_Q_ABSENT] = "absent",   [VG_Q_GOOD] = "good",       [VG_Q_SUSPECT] = "suspect",
        [VG_Q_IMPUTED] = "imputed", [VG_Q_INVALID] = "invalid", [VG_Q_MISSING] = "missing",
    };

    VG_CHECK(quality < VG_ARRAY_LEN(names));
    return names[quality];
}

const char *vg_reason_name(uint8_t reason)
{
    static const char *const names[] = {
#define NAME(id, name, text) name,
        VG_REASONS(NAME)
#undef NAME
    };

    VG_CHECK(reason < VG_ARRAY_LEN(names));
    return names[reason];
}

const char *vg_reason_text(uint8_t reason)
{
    static const char *const texts[] = {
#define TEXT(id, name, text) text,
        VG_REASONS(TEXT)
#undef TEXT
    };

    VG_CHECK(reason < VG_ARRAY_LEN(texts));
    return texts[reason];
}

static bool same(const char *s, size_t n, const char *name)
{
    return strlen(name) == n && memcmp(s, name, n) == 0;
}

bool vg_unit_convert(int channel, const char *unit, size_t n, double value, double *ret)
{
    const char *to = vg_channels[channel].ucum;

    if (same(unit, n, to)) {
        *ret = value;
        return true;
    }
    for (size_t i = 0; i < VG_ARRAY_LEN(conversions); i++) {
        if (strcmp(conversions[i].to, to) != 0 || !same(unit, n, conversions[i].from))
            continue;
        *ret = value * conversions[i].factor + conversions[i].offset;
        return true;
    }
    return false;
}

/* As vg_unit_convert(), and knows how people write the channel's own unit. */
static bool convert_shown(int channel, const char *unit, double value, double *ret)
{
    if (strcmp(unit, vg_channels[channel].unit) == 0) {
        *ret = value;
        return true;
    }
    return vg_unit_convert(channel, unit, strlen(unit), value, ret);
}

/* A number with its unit; *ret_zero is what 0 of that unit is in the channel's. */
static bool read_quantity(const char *s, int channel, double *ret, double *ret_zero)
{
    char number[64];
    size_t n = strspn(s, "+-.0123456789eE");
    const char *unit = s + n + (s[n] == ' ');

    if (n >= sizeof(number))
        return false;
    memcpy(number, s, n);
    number[n] = '\0';
    return vg_parse_double(number, ret) && convert_shown(channel, unit, *ret, ret) &&
           convert_shown(channel, unit, 0, ret_zero) && isfinite((float)*ret);
}

bool vg_parse_quantity(const char *s, int channel, float *ret)
{
    int word = vg_channel_word(channel, s, strlen(s));
    double value = word, zero;

    if (word < 0 && !read_quantity(s, channel, &value, &zero))
        return false;
    *ret = (float)value;
    return true;
}

bool vg_parse_difference(const char *s, int channel, float *ret)
{
    double value, zero;

    if (!read_quantity(s, channel, &value, &zero))
        return false;
    *ret = (float)(value - zero);
    return true;
}
