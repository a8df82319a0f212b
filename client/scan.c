/* scan.c - plain JSON checked, and members of it found. */
#include "client/scan.h"

#include <string.h>

enum { DEPTH_MAX = 16, NUMBER_MAX = 17 };

struct scan {
    const char *at, *end;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char peek(const struct scan *s)
{
    return (char)(s->at < s->end ? *s->at : '\0');
}

static bool take(struct scan *s, char c)
{
    if (peek(s) != c || s->at == s->end)
        return false;
    s->at++;
    return true;
}

static void skip_space(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\r' || *s->at == '\t'))
        s->at++;
}

static bool skip_word(struct scan *s, const char *word)
{
    size_t n = strlen(word);

    if ((size_t)(s->end - s->at) < n || memcmp(s->at, word, n) != 0)
        return false;
    s->at += n;
    return true;
}

static bool skip_digits(struct scan *s)
{
    const char *from = s->at;

    while (is_digit(peek(s)))
        s->at++;
    return s->at > from;
}

static bool skip_number(struct scan *s)
{
    const char *from = s->at;
    bool zero;

    take(s, '-');
    zero = peek(s) == '0';
    if (zero ? !take(s, '0') : !skip_digits(s))
        return false;
    if (take(s, '.') && !skip_digits(s))
        return false;
    return s->at - from <= NUMBER_MAX && !is_digit(peek(s)) && peek(s) != 'e' && peek(s) != 'E';
}

/* One character of several bytes; as Unicode allows them: shortest form, no surrogates. */
static bool skip_utf8(struct scan *s)
{
    const unsigned char *c = (const unsigned char *)s->at;
    size_t left = (size_t)(s->end - s->at);
    size_t n = c[0] >= 0xf0 ? 4 : c[0] >= 0xe0 ? 3 : 2;

    if (c[0] < 0xc2 || c[0] > 0xf4 || left < n)
        return false;
    for (size_t i = 1; i < n; i++) {
        if ((c[i] & 0xc0) != 0x80)
            return false;
    }
    if ((c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f) ||
        (c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] > 0x8f))
        return false;
    s->at += n;
    return true;
}

static bool skip_escape(struct scan *s)
{
    static const char letters[] = "\"\\/bfnrt";

    if (s->end - s->at < 2 || !memchr(letters, s->at[1], sizeof(letters) - 1))
        return false;
    s->at += 2;
    return true;
}

/* `ret` is what stands between the quotes. */
static bool skip_string(struct scan *s, struct vigil_scan_member *ret, bool *ret_escapes)
{
    *ret_escapes = false;
    if (!take(s, '"'))
        return false;
    ret->value = s->at;
    while (s->at < s->end && *s->at != '"') {
        unsigned char c = (unsigned char)*s->at;

        if (c == '\\') {
            *ret_escapes = true;
            if (!skip_escape(s))
                return false;
        } else if (c >= 0x80) {
            if (!skip_utf8(s))
                return false;
        } else if (c < 0x20) {
            return false;
        } else {
            s->at++;
        }
    }
    ret->len = (size_t)(s->at - ret->value);
    return take(s, '"');
}

static bool skip_name(struct scan *s, struct vigil_scan_member *ret, bool *ret_escapes)
{
    skip_space(s);
    if (!skip_string(s, ret, ret_escapes))
        return false;
    skip_space(s);
    if (!take(s, ':'))
        return false;
    skip_space(s);
    return true;
}

static bool skip_scalar(struct scan *s)
{
    struct vigil_scan_member text;
    bool escapes;

    switch (peek(s)) {
    case '"':
        return skip_string(s, &text, &escapes);
    case 't':
        return skip_word(s, "true");
    case 'f':
        return skip_word(s, "false");
    case 'n':
        return skip_word(s, "null");
    default:
        return skip_number(s);
    }
}

/* To the next value of what `close` ends: in an object it has a name. */
static bool skip_to_value(struct scan *s, char close)
{
    struct vigil_scan_member name;
    bool escapes;

    skip_space(s);
    return close != '}' || skip_name(s, &name, &escapes);
}

/* Behind a value: leaves what ends here, and goes to the next value where there is one. */
static bool leave(struct scan *s, const char *close, size_t *depth)
{
    while (*depth > 0) {
        skip_space(s);
        if (take(s, ','))
            return skip_to_value(s, close[*depth - 1]);
        if (!take(s, close[--*depth]))
            return false;
    }
    return true;
}

static bool skip_value(struct scan *s)
{
    char close[DEPTH_MAX];
    size_t depth = 0;
    bool ok = true;

    do {
        bool empty = true;

        if (peek(s) == '{' || peek(s) == '[') {
            if (depth == DEPTH_MAX)
                return false;
            close[depth++] = *s->at++ == '{' ? '}' : ']';
            skip_space(s);
            empty = peek(s) == close[depth - 1];
        } else {
            ok = skip_scalar(s);
        }
        if (ok)
            ok = empty ? leave(s, close, &depth) : skip_to_value(s, close[depth - 1]);
    } while (ok && depth > 0);
    return ok;
}

static struct vigil_scan_member *find(struct vigil_scan_member *members, size_t n,
                                      const struct vigil_scan_member *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strlen(members[i].name) == name->len &&
            memcmp(members[i].name, name->value, name->len) == 0)
            return &members[i];
    }
    return NULL;
}

static bool take_member(struct scan *s, struct vigil_scan_member *members, size_t n)
{
    struct vigil_scan_member name, *wanted;
    bool escapes;

    /* A name with escapes may be one that is wanted. */
    if (!skip_name(s, &name, &escapes) || escapes)
        return false;
    wanted = find(members, n, &name);
    if (!wanted)
        return skip_value(s);
    if (wanted->value)
        return false;
    if (!wanted->any)
        return skip_string(s, wanted, &escapes) && !escapes;
    wanted->value = s->at;
    if (!skip_value(s))
        return false;
    wanted->len = (size_t)(s->at - wanted->value);
    return true;
}

bool vigil_scan(const char *json, size_t n, struct vigil_scan_member *members, size_t members_n)
{
    struct scan s = { json, json + n };

    for (size_t i = 0; i < members_n; i++)
        members[i].value = NULL;
    skip_space(&s);
    if (!take(&s, '{'))
        return false;
    do {
        if (!take_member(&s, members, members_n))
            return false;
        skip_space(&s);
    } while (take(&s, ','));
    if (!take(&s, '}'))
        return false;
    skip_space(&s);
    return s.at == s.end;
}
