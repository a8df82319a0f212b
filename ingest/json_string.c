/* json_string.c - strings that are not plain: escapes and UTF-8, decoded beside the message. */
#include "ingest/json_private.h"

#include <string.h>

#include "core/utf8.h"

static size_t utf8_write(uint32_t code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

static int hex_digit(uint8_t c)
{
    if (vg_json_is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits behind a "\u"; leaves j->at behind them. */
static bool read_hex(struct vg_json *j, uint32_t *ret)
{
    *ret = 0;
    for (int i = 0; i < 4; i++, j->at++) {
        int digit = j->at < j->end ? hex_digit(*j->at) : -1;

        if (digit < 0)
            return vg_json_malformed(j, j->at, "expected four hexadecimal digits behind \\u");
        *ret = *ret << 4 | (uint32_t)digit;
    }
    return true;
}

/* Stands behind the "\u" of an escape at `start`. */
static bool read_unicode(struct vg_json *j, const uint8_t *start, uint32_t *ret)
{
    uint32_t low;

    if (!read_hex(j, ret))
        return false;
    if (*ret < 0xD800 || *ret > 0xDFFF)
        return true;
    if (*ret > 0xDBFF)
        return vg_json_malformed(j, start, "a low surrogate without a high one before it");
    if (j->at == j->end || (j->at + 1 == j->end && *j->at == '\\'))
        return vg_json_malformed(j, j->end, "");
    if (j->at[0] != '\\' || j->at[1] != 'u')
        return vg_json_malformed(j, start, "a high surrogate without a low one behind it");
    j->at += 2;
    if (!read_hex(j, &low))
        return false;
    if (low < 0xDC00 || low > 0xDFFF)
        return vg_json_malformed(j, start, "a high surrogate without a low one behind it");
    *ret = 0x10000 + ((*ret - 0xD800) << 10) + (low - 0xDC00);
    return true;
}

/* Stands at the backslash. */
static bool read_escape(struct vg_json *j, uint32_t *ret)
{
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const uint8_t *start = j->at;
    const char *letter;

    j->at++;
    if (j->at == j->end)
        return vg_json_malformed(j, j->at, "");
    if (*j->at == 'u') {
        j->at++;
        return read_unicode(j, start, ret);
    }
    letter = *j->at ? strchr(letters, *j->at) : NULL;
    if (!letter)
        return vg_json_malformed(j, start, "an escape that JSON does not know");
    j->at++;
    *ret = (uint8_t)meant[letter - letters];
    return true;
}

/* One character that is not plain, appended to the decoded text. */
static bool decode_character(struct vg_json *j)
{
    uint32_t code = 0;
    size_t n;

    if (*j->at == '\\') {
        if (!read_escape(j, &code))
            return false;
        j->n_decoded += utf8_write(code, j->decoded + j->n_decoded);
        return true;
    }
    if (*j->at < 0x20)
        return vg_json_malformed(j, j->at, "a control character in a string; escape it");
    n = vg_utf8_length(j->at, (size_t)(j->end - j->at));
    if (n == 0)
        return vg_json_malformed(j, j->at, "not UTF-8");
    memcpy(j->decoded + j->n_decoded, j->at, n);
    j->n_decoded += n;
    j->at += n;
    return true;
}

bool vg_json_read_decoded(struct vg_json *j, struct vg_json_text *ret)
{
    const char *s = j->decoded + j->n_decoded;

    for (;;) {
        const uint8_t *plain = j->at;

        j->at = vg_json_plain_end(plain, j->end);
        memcpy(j->decoded + j->n_decoded, plain, (size_t)(j->at - plain));
        j->n_decoded += (size_t)(j->at - plain);
        if (j->at == j->end)
            return vg_json_malformed(j, j->at, "");
        if (*j->at == '"')
            break;
        if (!decode_character(j))
            return false;
    }
    j->at++;
    ret->s = s;
    ret->n = (uint32_t)(j->decoded + j->n_decoded - s);
    return true;
}
