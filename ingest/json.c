/* json.c - a strict, bounded pull parser of JSON.
 *
 * Every byte is looked at once, in order, so a fault's offset is where the message first went
 * wrong. Values that nobody wants are skipped by the same functions that read the others, without
 * recursion: what is skipped is checked exactly as strictly.
 */
#include "ingest/json_private.h"

#include <endian.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

vg_status vg_json_init(struct vg_json *j, size_t max_bytes, struct vg_err *err)
{
    *j = (struct vg_json){ .max_bytes = max_bytes };
    j->keys = calloc((size_t)VG_JSON_DEPTH * VG_JSON_MEMBERS, sizeof(*j->keys));
    /* Escapes only shrink, so all strings of a message fit. A number that strtod() is to read is
     * put behind them; it ends before the message does, which leaves room for its NUL. */
    j->decoded = malloc(max_bytes + 1);
    j->c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!j->keys || !j->decoded || !j->c_locale)
        return vg_fail(err, VG_E_MEMORY, "no memory for JSON messages of %zu bytes", max_bytes);
    return VG_OK;
}

void vg_json_done(struct vg_json *j)
{
    if (j->c_locale)
        freelocale((locale_t)j->c_locale);
    free(j->decoded);
    free(j->keys);
    *j = (struct vg_json){ 0 };
}

__attribute__((cold, noinline)) bool vg_json_fail(struct vg_json *j, const char *reason,
                                                  uint32_t offset, const char *detail)
{
    j->fault->reason = reason;
    j->fault->byte_offset = offset;
    strncpy(j->fault->detail, detail, sizeof(j->fault->detail) - 1);
    j->fault->detail[sizeof(j->fault->detail) - 1] = '\0';
    return false;
}

bool vg_json_malformed(struct vg_json *j, const uint8_t *at, const char *detail)
{
    if (at == j->end)
        detail = "the message ends too early";
    return vg_json_fail(j, "malformed", (uint32_t)(at - j->begin), detail);
}

bool vg_json_start(struct vg_json *j, const uint8_t *bytes, size_t n, struct vg_fault *fault)
{
    j->begin = j->at = bytes;
    j->end = bytes + n;
    j->fault = fault;
    j->depth = 0;
    j->n_keys = 0;
    j->n_decoded = 0;
    if (n > j->max_bytes)
        return vg_json_fail(j, "limits", (uint32_t)j->max_bytes, "more bytes than max_bytes");
    if (n >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0)
        return vg_json_malformed(j, bytes, "a byte order mark; send UTF-8 without one");
    return true;
}

int vg_json_skip_space(struct vg_json *j)
{
    for (; j->at < j->end; j->at++) {
        if (*j->at != ' ' && *j->at != '\n' && *j->at != '\r' && *j->at != '\t')
            return *j->at;
    }
    return -1;
}

bool vg_json_finish(struct vg_json *j)
{
    if (vg_json_peek(j) == -1)
        return true;
    return vg_json_malformed(j, j->at, "more bytes behind the end of the value");
}

/* ---- strings ---- */

/* Eight at a time, by the usual tests for "a byte is zero" and "a byte is less than": they may err
 * in bytes above a true hit, never in the lowest one. */
const uint8_t *vg_json_plain_end(const uint8_t *p, const uint8_t *end)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones * 0x80;

    for (; end - p >= 8; p += 8) {
        uint64_t word, quote, backslash, hits;

        memcpy(&word, p, sizeof(word));
        word = le64toh(word);
        quote = word ^ (ones * '"');
        backslash = word ^ (ones * '\\');
        hits = ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash);
        hits = (hits | (word - ones * 0x20) | word) & tops;
        if (hits)
            return p + __builtin_ctzll(hits) / 8;
    }
    while (p < end && *p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\')
        p++;
    return p;
}

/* Stands at the opening quote. */
static bool read_string(struct vg_json *j, struct vg_json_text *ret)
{
    const uint8_t *first = j->at + 1;
    const uint8_t *last = vg_json_plain_end(first, j->end);

    ret->start = vg_json_offset(j);
    if (last < j->end && *last == '"') {
        ret->s = (const char *)first;
        ret->n = (uint32_t)(last - first);
        j->at = last + 1;
        return true;
    }
    j->at = first;
    return vg_json_read_decoded(j, ret);
}

/* ---- numbers ---- */

/* A run of at least one digit. The mantissa wraps around when there are more than fit it; nobody
 * looks at it then. */
static bool read_digits(struct vg_json *j, struct vg_json_number *n)
{
    const uint8_t *p = j->at;
    uint64_t mantissa = n->mantissa;

    for (; p < j->end && vg_json_is_digit(*p); p++)
        mantissa = mantissa * 10 + (uint64_t)(*p - '0');
    if (p == j->at)
        return vg_json_malformed(j, p, "expected a digit");
    n->mantissa = mantissa;
    n->digits += (uint32_t)(p - j->at);
    j->at = p;
    return true;
}

/* Stands at the 'e'. What no double can be is as good as any other number that large. */
static bool read_exponent(struct vg_json *j, struct vg_json_number *n)
{
    enum { HUGE_EXPONENT = 100000000 };
    const uint8_t *start;
    int32_t exponent = 0;
    bool negative;

    j->at++;
    negative = j->at < j->end && *j->at == '-';
    if (negative || (j->at < j->end && *j->at == '+'))
        j->at++;
    for (start = j->at; j->at < j->end && vg_json_is_digit(*j->at); j->at++) {
        if (exponent < HUGE_EXPONENT)
            exponent = exponent * 10 + (*j->at - '0');
    }
    if (j->at == start)
        return vg_json_malformed(j, j->at, "expected a digit");
    n->exp10 += negative ? -exponent : exponent;
    return true;
}

static bool read_number(struct vg_json *j, struct vg_json_value *ret)
{
    struct vg_json_number *n = &ret->number;
    const uint8_t *point;

    ret->kind = VG_JSON_NUMBER;
    *n = (struct vg_json_number){ .negative = *j->at == '-', .whole = true };
    j->at += n->negative;
    if (j->at + 1 < j->end && j->at[0] == '0' && vg_json_is_digit(j->at[1]))
        return vg_json_malformed(j, j->at, "a number with a leading zero");
    if (!read_digits(j, n))
        return false;
    if (j->at < j->end && *j->at == '.') {
        point = j->at++;
        if (!read_digits(j, n))
            return false;
        n->exp10 = -(int32_t)(j->at - point - 1);
        n->whole = false;
    }
    if (j->at < j->end && (*j->at | 0x20) == 'e') {
        n->whole = false;
        return read_exponent(j, n);
    }
    return true;
}

/* A product or quotient of two exact doubles is correctly rounded, and powers of ten are exact up
 * to 10^22 (Clinger). That is every value a monitor sends; the rest may take its time. */
double vg_json_double(struct vg_json *j, const struct vg_json_value *v)
{
    static const double powers[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                     1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
    enum { POWER_MAX = VG_ARRAY_LEN(powers) - 1 };
    const struct vg_json_number *n = &v->number;
    char *copy = j->decoded + j->n_decoded;
    double value;

    if (n->digits <= VG_JSON_DIGITS && n->mantissa <= UINT64_C(1) << 53 && n->exp10 >= -POWER_MAX &&
        n->exp10 <= POWER_MAX) {
        value = (double)n->mantissa;
        value = n->exp10 < 0 ? value / powers[-n->exp10] : value * powers[n->exp10];
        return n->negative ? -value : value;
    }
    memcpy(copy, j->begin + v->start, v->len);
    copy[v->len] = '\0';
    return strtod_l(copy, NULL, (locale_t)j->c_locale);
}

/* ---- objects, arrays, values ---- */

bool vg_json_enter(struct vg_json *j)
{
    struct vg_json_level *level = &j->level[j->depth];

    if (j->depth == VG_JSON_DEPTH)
        return vg_json_fail(j, "limits", vg_json_offset(j),
                            "more than 16 objects and arrays in each other");
    *level = (struct vg_json_level){ .object = *j->at == '{', .first_key = j->n_keys };
    j->depth++;
    j->at++;
    return true;
}

/* Goes to the next item behind its comma, if there is one. */
static enum vg_json_step next_item(struct vg_json *j, char close, const char *expected)
{
    struct vg_json_level *level = &j->level[j->depth - 1];
    int c = vg_json_peek(j);

    if (c == close) {
        j->at++;
        j->depth--;
        j->n_keys = level->first_key;
        return VG_JSON_END;
    }
    if (level->items > 0) {
        if (c != ',') {
            vg_json_malformed(j, j->at, expected);
            return VG_JSON_ERROR;
        }
        j->at++;
        vg_json_peek(j);
    }
    level->items++;
    return VG_JSON_ITEM;
}

static bool read_key(struct vg_json *j, struct vg_json_text *key)
{
    if (vg_json_peek(j) != '"')
        return vg_json_malformed(j, j->at, "expected a key in double quotes");
    if (j->level[j->depth - 1].items > VG_JSON_MEMBERS)
        return vg_json_fail(j, "limits", vg_json_offset(j), "more than 256 members in an object");
    if (!read_string(j, key))
        return false;
    if (vg_json_peek(j) != ':')
        return vg_json_malformed(j, j->at, "expected ':' behind a key");
    j->at++;
    return true;
}

enum vg_json_step vg_json_next_member(struct vg_json *j, struct vg_json_text *key)
{
    enum vg_json_step step = next_item(j, '}', "expected ',' or '}'");

    if (step != VG_JSON_ITEM)
        return step;
    return read_key(j, key) ? VG_JSON_ITEM : VG_JSON_ERROR;
}

enum vg_json_step vg_json_next_element(struct vg_json *j)
{
    return next_item(j, ']', "expected ',' or ']'");
}

/* Compares with every key before it: at most 255, and seldom more than a handful, since callers
 * know most of their keys by other means. */
bool vg_json_unique(struct vg_json *j, const struct vg_json_text *key)
{
    for (uint32_t i = j->level[j->depth - 1].first_key; i < j->n_keys; i++) {
        if (j->keys[i].n == key->n && memcmp(j->keys[i].s, key->s, key->n) == 0)
            return vg_json_fail(j, "duplicate_key", key->start,
                                "a key that the object has already");
    }
    j->keys[j->n_keys++] = *key;
    return true;
}

static bool read_word(struct vg_json *j, const char *word, enum vg_json_kind kind,
                      struct vg_json_value *ret)
{
    for (; *word; word++, j->at++) {
        if (j->at == j->end || *j->at != (uint8_t)*word)
            return vg_json_malformed(j, j->at, "expected true, false or null");
    }
    ret->kind = kind;
    return true;
}

/* Stands at the first byte of a value that is neither object nor array. */
static bool read_scalar(struct vg_json *j, struct vg_json_value *ret)
{
    uint8_t c = j->at < j->end ? *j->at : 0;

    if (vg_json_is_digit(c) || c == '-')
        return read_number(j, ret);
    switch (c) {
    case '"':
        ret->kind = VG_JSON_STRING;
        return read_string(j, &ret->text);
    case 't':
        return read_word(j, "true", VG_JSON_TRUE, ret);
    case 'f':
        return read_word(j, "false", VG_JSON_FALSE, ret);
    case 'n':
        return read_word(j, "null", VG_JSON_NULL, ret);
    default:
        return vg_json_malformed(j, j->at, "expected a value");
    }
}

static enum vg_json_step skip_step(struct vg_json *j)
{
    enum vg_json_step step;
    struct vg_json_text key = { .s = "" };

    if (!j->level[j->depth - 1].object)
        return vg_json_next_element(j);
    step = vg_json_next_member(j, &key);
    if (step == VG_JSON_ITEM && !vg_json_unique(j, &key))
        return VG_JSON_ERROR;
    return step;
}

/* Stands at the bracket. */
static bool skip_container(struct vg_json *j)
{
    uint32_t outside = j->depth;

    if (!vg_json_enter(j))
        return false;
    while (j->depth > outside) {
        enum vg_json_step step = skip_step(j);
        struct vg_json_value value;
        int c;

        if (step == VG_JSON_ERROR)
            return false;
        if (step == VG_JSON_END)
            continue;
        c = vg_json_peek(j);
        if (!(c == '{' || c == '[' ? vg_json_enter(j) : read_scalar(j, &value)))
            return false;
    }
    return true;
}

bool vg_json_read(struct vg_json *j, struct vg_json_value *ret)
{
    int c = vg_json_peek(j);

    ret->start = vg_json_offset(j);
    if (c == '{' || c == '[') {
        ret->kind = c == '{' ? VG_JSON_OBJECT : VG_JSON_ARRAY;
        if (!skip_container(j))
            return false;
    } else if (!read_scalar(j, ret)) {
        return false;
    }
    ret->len = vg_json_offset(j) - ret->start;
    return true;
}
