/* alert_line.c - an alert event as one line for people.
 *
 * It reads the few members it shows with a scanner of its own: core has no JSON library, and a line
 * for people needs neither numbers nor a tree. The scanner is bounded by the text and trusts
 * nothing in it, because `vigil alerts` feeds it what came over a socket.
 */
#include "core/alert_line.h"

#include <math.h>
#include <string.h>

#include "core/channel.h"
#include "core/event.h"
#include "core/text.h"

/* A part of the text: [at, end). */
struct span {
    const char *at, *end;
};

enum { CONTRIBUTIONS_SHOWN = 3 };

static const char *skip_space(struct span s)
{
    while (s.at < s.end && strchr(" \t\r\n", *s.at) && *s.at)
        s.at++;
    return s.at;
}

/* s.at is behind the opening quote; returns what follows the closing one, or NULL. */
static const char *skip_string(struct span s)
{
    for (; s.at < s.end; s.at++) {
        if (*s.at == '"')
            return s.at + 1;
        if (*s.at == '\\')
            s.at++;
    }
    return NULL;
}

/* The end of the value that starts at s.at, or NULL. */
static const char *skip_value(struct span s)
{
    int depth = 0;

    while (s.at < s.end) {
        char c = *s.at;

        if (depth == 0 && (c == ',' || c == '}' || c == ']'))
            return s.at;
        s.at++;
        if (c == '"') {
            s.at = skip_string(s);
            if (!s.at)
                return NULL;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            depth--;
        }
        if (depth == 0 && (c == '"' || c == '}' || c == ']'))
            return s.at;
    }
    return depth == 0 ? s.at : NULL;
}

/* Takes one value off the front of *rest, with the comma that may follow it. */
static bool take_value(struct span *rest, struct span *ret)
{
    const char *end;

    rest->at = skip_space(*rest);
    end = rest->at < rest->end ? skip_value(*rest) : NULL;
    if (!end || end == rest->at)
        return false;
    *ret = (struct span){ rest->at, end };
    rest->at = end;
    rest->at = skip_space(*rest);
    if (rest->at < rest->end && *rest->at == ',')
        rest->at++;
    return true;
}

static bool take_member(struct span *rest, struct span *ret_key, struct span *ret_value)
{
    rest->at = skip_space(*rest);
    if (rest->at >= rest->end || *rest->at != '"')
        return false;
    ret_key->at = ++rest->at;
    rest->at = skip_string(*rest);
    if (!rest->at)
        return false;
    ret_key->end = rest->at - 1;
    rest->at = skip_space(*rest);
    if (rest->at >= rest->end || *rest->at != ':')
        return false;
    rest->at++;
    return take_value(rest, ret_value);
}

/* What stands between the braces or brackets of `value`. */
static bool inside(struct span value, char open, struct span *ret)
{
    if (value.end - value.at < 2 || *value.at != open)
        return false;
    *ret = (struct span){ value.at + 1, value.end - 1 };
    return true;
}

static bool find(struct span object, const char *name, struct span *ret)
{
    struct span rest, key;

    if (!inside(object, '{', &rest))
        return false;
    while (take_member(&rest, &key, ret)) {
        size_t n = (size_t)(key.end - key.at);

        if (n == strlen(name) && memcmp(key.at, name, n) == 0)
            return true;
    }
    return false;
}

static bool find_number(struct span object, const char *name, double *ret)
{
    struct span value;
    char text[40];
    size_t n;

    if (!find(object, name, &value))
        return false;
    n = (size_t)(value.end - value.at);
    if (n >= sizeof(text))
        return false;
    memcpy(text, value.at, n);
    text[n] = '\0';
    return vg_parse_double(text, ret);
}

/* The C0 controls, DEL, and the C1 controls as UTF-8 (C2 80 .. C2 9F), which terminals obey too. */
static size_t control_length(struct span s)
{
    unsigned char c = (unsigned char)s.at[0];

    if (c < 0x20 || c == 0x7f)
        return 1;
    if (c == 0xc2 && s.end - s.at > 1 && (unsigned char)s.at[1] < 0xa0)
        return 2;
    return 0;
}

/* The canonical form escapes only control bytes, quotes and backslashes; of an escape, a quote and
 * a backslash are shown, anything else is a '?'. */
static const char *add_escape(struct span s, struct vg_buf *out)
{
    char c = '\0';

    if (s.at + 1 < s.end)
        c = s.at[1];
    if (c == '"' || c == '\\' || c == '/')
        vg_buf_char(out, c);
    else
        vg_buf_char(out, '?');
    if (c == 'u' && s.end - s.at >= 6)
        return s.at + 6;
    return s.end - s.at >= 2 ? s.at + 2 : s.end;
}

/* `s` is what stands between the quotes. */
static void add_unquoted(struct span s, struct vg_buf *out)
{
    while (s.at < s.end) {
        size_t control = control_length(s);

        if (control) {
            vg_buf_char(out, '?');
            s.at += control;
        } else if (*s.at == '\\') {
            s.at = add_escape(s, out);
        } else {
            vg_buf_char(out, *s.at++);
        }
    }
}

static void add_text(struct span value, struct vg_buf *out)
{
    struct span s;

    if (inside(value, '"', &s))
        add_unquoted(s, out);
}

/* Columns that `n` bytes of UTF-8 take: continuation bytes take none. */
static size_t width(const char *s, size_t n)
{
    size_t columns = 0;

    for (size_t i = 0; i < n; i++)
        columns += ((unsigned char)s[i] & 0xc0) != 0x80;
    return columns;
}

static void add_column(struct span object, const char *name, size_t columns, struct vg_buf *out)
{
    struct span value;
    size_t before = out->len;

    if (find(object, name, &value))
        add_text(value, out);
    for (size_t w = width(out->data + before, out->len - before); w < columns; w++)
        vg_buf_char(out, ' ');
}

static bool is(struct span object, const char *name, const char *text)
{
    struct span value, s;

    return find(object, name, &value) && inside(value, '"', &s) &&
           (size_t)(s.end - s.at) == strlen(text) && memcmp(s.at, text, strlen(text)) == 0;
}

static void add_priority(struct span event, bool colour, struct vg_buf *out)
{
    static const struct {
        const char *name, *shown, *ansi;
    } priorities[] = {
        { "high", "HIGH  ", "\033[1;31m" },
        { "medium", "MEDIUM", "\033[1;33m" },
        { "low", "LOW   ", "\033[36m" },
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(priorities); i++) {
        if (!is(event, "priority", priorities[i].name))
            continue;
        vg_buf_printf(out, "%s%s%s", colour ? priorities[i].ansi : "", priorities[i].shown,
                      colour ? "\033[0m" : "");
        return;
    }
    vg_buf_str(out, "-     ");
}

static void add_clock(struct span event, struct vg_buf *out)
{
    enum { CLOCK_AT = 11, CLOCK_LEN = 8 }; /* in 2026-03-01T12:00:10.000Z */
    struct span value, s;

    if (find(event, "time", &value) && inside(value, '"', &s) &&
        s.end - s.at >= CLOCK_AT + CLOCK_LEN)
        add_unquoted((struct span){ s.at + CLOCK_AT, s.at + CLOCK_AT + CLOCK_LEN }, out);
    else
        vg_buf_str(out, "--:--:--");
}

static void add_who(struct span event, struct vg_buf *out)
{
    struct span value;

    if (find(event, "bed", &value))
        add_column(event, "bed", 9, out);
    else if (find(event, "patient", &value))
        add_column(event, "patient", 9, out);
    else
        vg_buf_str(out, "-        ");
}

/* " (limit in 8 min)": when a forecast has no text that says so. */
static void add_crossing(struct span event, struct vg_buf *out)
{
    struct span forecast;
    double crossing_s;

    if (!find(event, "forecast", &forecast) || !find_number(forecast, "crossing_s", &crossing_s) ||
        !(crossing_s >= 0))
        return;
    if (crossing_s < 60)
        vg_buf_printf(out, " (limit in %.0f s)", crossing_s);
    else
        vg_buf_printf(out, " (limit in %.0f min)", round(crossing_s / 60));
}

static void add_channel_title(struct span contribution, struct vg_buf *out)
{
    struct span value, s;
    int channel = VG_CHANNEL_NONE;

    if (!find(contribution, "channel", &value))
        return;
    if (inside(value, '"', &s))
        channel = vg_channel_lookup(s.at, (size_t)(s.end - s.at));
    if (channel == VG_CHANNEL_NONE)
        add_text(value, out);
    else
        vg_buf_str(out, vg_channels[channel].title);
}

/* " [SpO2 61 %, HR 20 %, RR 9 %]": the largest shares of an anomaly without a text. */
static void add_contributions(struct span event, struct vg_buf *out)
{
    struct span anomaly, list, rest, one;
    double share;
    int shown = 0;

    if (!find(event, "anomaly", &anomaly) || !find(anomaly, "contributions", &list) ||
        !inside(list, '[', &rest))
        return;
    while (shown < CONTRIBUTIONS_SHOWN && take_value(&rest, &one)) {
        if (!find_number(one, "share", &share))
            continue;
        vg_buf_str(out, shown++ == 0 ? " [" : ", ");
        add_channel_title(one, out);
        vg_buf_printf(out, " %.0f %%", 100 * share);
    }
    if (shown)
        vg_buf_char(out, ']');
}

/* `before`, the member's text and `after`; nothing when the member is absent. */
static void add_note(struct span event, const char *name, const char *before, const char *after,
                     struct vg_buf *out)
{
    struct span value;

    if (!find(event, name, &value))
        return;
    vg_buf_str(out, before);
    add_text(value, out);
    vg_buf_str(out, after);
}

/* " [audio-paused until 12:02:03]": a signal that is not enabled. */
static void add_signal(struct span event, struct vg_buf *out)
{
    enum { CLOCK_AT = 11, CLOCK_LEN = 8 };
    struct span signal, value, s;

    if (!find(event, "signal", &signal) || is(signal, "is", "enabled") ||
        !find(signal, "is", &value))
        return;
    vg_buf_str(out, " [");
    add_text(value, out);
    if (find(signal, "until", &value) && inside(value, '"', &s) &&
        s.end - s.at >= CLOCK_AT + CLOCK_LEN) {
        vg_buf_str(out, " until ");
        add_unquoted((struct span){ s.at + CLOCK_AT, s.at + CLOCK_AT + CLOCK_LEN }, out);
    }
    vg_buf_char(out, ']');
}

void vg_alert_line(const char *json, size_t len, bool colour, struct vg_buf *out)
{
    struct span event = { json, json + len };
    struct span value;

    if (!find(event, "event_id", &value)) {
        vg_buf_str(out, "--:--:--  (not an alert event)\n");
        return;
    }
    add_clock(event, out);
    vg_buf_str(out, "  ");
    add_priority(event, colour, out);
    vg_buf_str(out, "  ");
    add_column(event, "phase", 11, out);
    vg_buf_str(out, "  ");
    add_who(event, out);
    vg_buf_str(out, "  ");
    add_column(event, "title", 0, out);
    if (find(event, "text", &value)) {
        add_note(event, "text", " — ", "", out);
    } else {
        add_crossing(event, out);
        add_contributions(event, out);
    }
    add_note(event, "reason", " (", ")", out);
    add_note(event, "acknowledged_by", " (acknowledged by ", ")", out);
    add_note(event, "suppressed_by", " (suppressed by ", ")", out);
    add_note(event, "by", " (by ", ")", out);
    if (!is(event, "phase", "acknowledge"))
        add_signal(event, out);
    vg_buf_char(out, '\n');
}
