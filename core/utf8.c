/* utf8.c - where characters of UTF-8 end. */
#include "core/utf8.h"

/* How long a sequence is that begins with `first`; 0 if none does. */
static size_t promise(uint8_t first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first <= 0xDF)
        return 2;
    if (first >= 0xE0 && first <= 0xEF)
        return 3;
    return first >= 0xF0 && first <= 0xF4 ? 4 : 0;
}

size_t vg_utf8_length(const uint8_t *p, size_t n)
{
    size_t len = promise(p[0]);
    uint8_t low = 0x80, high = 0xBF;

    if (p[0] == 0xE0)
        low = 0xA0; /* below: overlong */
    if (p[0] == 0xED)
        high = 0x9F; /* above: surrogates */
    if (p[0] == 0xF0)
        low = 0x90; /* below: overlong */
    if (p[0] == 0xF4)
        high = 0x8F; /* above: beyond U+10FFFF */
    if (len == 0 || n < len || (len > 1 && (p[1] < low || p[1] > high)))
        return 0;
    for (size_t i = 2; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    }
    return len;
}
