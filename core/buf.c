/* buf.c - a growable byte buffer, and how Vigil writes JSON and numbers. */
#include "core/buf.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"

enum { SMALLEST = 64, FLOAT_DIGITS = 9 };

void vg_buf_done(struct vg_buf *b)
{
    free(b->data);
    *b = VG_BUF_INIT;
}

void vg_buf_clear(struct vg_buf *b)
{
    b->len = 0;
    if (b->data)
        b->data[0] = '\0';
}

void vg_buf_reserve(struct vg_buf *b, size_t more)
{
    size_t need = b->len + more + 1;
    size_t cap = b->cap ? b->cap : SMALLEST;

    VG_CHECK(need > b->len);
    if (need <= b->cap)
        return;
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    b->data = realloc(b->data, cap);
    VG_CHECK(b->data);
    b->cap = cap;
}

void vg_buf_add(struct vg_buf *b, const void *bytes, size_t n)
{
    vg_buf_reserve(b, n);
    if (n)
        memcpy(b->data + b->len, bytes, n);
    b->len += n;
    b->data[b->len] = '\0';
}

void vg_buf_str(struct vg_buf *b, const char *s)
{
    vg_buf_add(b, s, strlen(s));
}

void vg_buf_char(struct vg_buf *b, char c)
{
    vg_buf_add(b, &c, 1);
}

void vg_buf_printf(struct vg_buf *b, const char *fmt, ...)
{
    va_list ap, again;
    int n;

    va_start(ap, fmt);
    va_copy(again, ap);
    vg_buf_reserve(b, SMALLEST); /* nearly always enough, and then it is done at once */
    n = vsnprintf(b->data + b->len, b->cap - b->len, fmt, ap);
    VG_CHECK(n >= 0);
    if ((size_t)n >= b->cap - b->len) {
        vg_buf_reserve(b, (size_t)n);
        vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
    }
    b->len += (size_t)n;
    va_end(again);
    va_end(ap);
}

/* The letter of a two-character escape, or 0. */
static char short_escape(char c)
{
    switch (c) {
    case '"':
    case '\\':
        return c;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

void vg_buf_json_strn(struct vg_buf *b, const char *s, size_t n)
{
    size_t plain = 0; /* start of the bytes that need no escape and were not copied yet */

    vg_buf_reserve(b, n + 2);
    vg_buf_char(b, '"');
    for (size_t i = 0; i < n; i++) {
        char letter = short_escape(s[i]);

        if (!letter && (unsigned char)s[i] >= 0x20)
            continue;
        vg_buf_add(b, s + plain, i - plain);
        if (letter)
            vg_buf_add(b, (char[]){ '\\', letter }, 2);
        else
            vg_buf_printf(b, "\\u%04x", (unsigned)s[i]);
        plain = i + 1;
    }
    vg_buf_add(b, s + plain, n - plain);
    vg_buf_char(b, '"');
}

void vg_buf_json_str(struct vg_buf *b, const char *s)
{
    vg_buf_json_strn(b, s, strlen(s));
}

/* Takes "1.2345e+01" apart into digits and exponent. What separates the first digit from the rest
 * is the locale's business, so it is skipped whatever it is; strtof() has read the same text. */
static int take_apart(const char *text, char digits[FLOAT_DIGITS + 1])
{
    int n = 0;

    for (; *text != 'e'; text++) {
        if (*text >= '0' && *text <= '9' && n < FLOAT_DIGITS)
            digits[n++] = *text;
    }
    while (n > 1 && digits[n - 1] == '0')
        n--;
    digits[n] = '\0';
    return (int)strtol(text + 1, NULL, 10);
}

/* Writes 0.d1d2.. times ten to the `point`th without an exponent. */
static void add_plain(struct vg_buf *b, const char *digits, int point)
{
    int n = (int)strlen(digits);

    if (point <= 0) {
        vg_buf_str(b, "0.");
        for (int i = point; i < 0; i++)
            vg_buf_char(b, '0');
        vg_buf_str(b, digits);
        return;
    }
    for (int i = 0; i < point; i++)
        vg_buf_add(b, i < n ? &digits[i] : "0", 1);
    if (n > point) {
        vg_buf_char(b, '.');
        vg_buf_str(b, digits + point);
    }
}

void vg_buf_float(struct vg_buf *b, float x)
{
    char text[32], digits[FLOAT_DIGITS + 1] = { 0 };
    int exponent;

    VG_CHECK(isfinite(x));
    /* Below 2^24 neighbouring integers are different floats: no shorter text can mean this one. */
    if (fabsf(x) < 16777216.0f && x == truncf(x)) {
        vg_buf_printf(b, "%d", (int)x);
        return;
    }
    for (int n = 0; n < FLOAT_DIGITS; n++) {
        snprintf(text, sizeof(text), "%.*e", n, (double)fabsf(x));
        if (strtof(text, NULL) == fabsf(x))
            break;
    }
    exponent = take_apart(text, digits);
    if (x < 0)
        vg_buf_char(b, '-');
    if (exponent >= -4 && exponent < 9) {
        add_plain(b, digits, exponent + 1);
        return;
    }
    vg_buf_char(b, digits[0]);
    if (digits[1])
        vg_buf_printf(b, ".%s", digits + 1);
    vg_buf_printf(b, "e%d", exponent);
}

void vg_buf_json_time(struct vg_buf *b, int64_t ns)
{
    char text[VG_TIME_TEXT_SIZE];

    vg_format_time(ns, text);
    vg_buf_printf(b, "\"%s\"", text);
}
