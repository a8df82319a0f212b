/* console.c - prints one readable line per event.
 *
 * For people at a terminal and for the demo; machines read the file sink. Delivered means printed:
 * after a restart, an event may show twice.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/alert_line.h"
#include "core/sink.h"

enum { STREAM_STDOUT, STREAM_STDERR };
enum { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct console {
    int stream; /* option */
    int color;  /* option */
    bool colour;
    FILE *out;
    struct vg_buf lines; /* of one batch */
};

static const char *const streams[] = { "stdout", "stderr", NULL };
static const char *const colors[] = { "auto", "always", "never", NULL };

static const struct vg_option options[] = {
    VG_OPT_ENUM(struct console, stream, "stream", "stdout", streams, 0, "Where the lines go."),
    VG_OPT_ENUM(struct console, color, "color", "auto", colors, 0,
                "Colour for the priority; auto: on a terminal, unless NO_COLOR is set."),
    VG_OPT_END,
};

static bool wants_colour(const struct console *c)
{
    const char *no_color = getenv("NO_COLOR");

    if (c->color != COLOR_AUTO)
        return c->color == COLOR_ALWAYS;
    return isatty(fileno(c->out)) && !(no_color && *no_color);
}

static vg_status console_open(void *self, const struct vg_sink_env *env, struct vg_err *err)
{
    struct console *c = self;

    (void)env;
    (void)err;
    c->out = c->stream == STREAM_STDERR ? stderr : stdout;
    c->colour = wants_colour(c);
    return VG_OK;
}

static vg_status console_deliver(void *self, const struct vg_delivery *events, size_t n,
                                 size_t *done, struct vg_err *err)
{
    struct console *c = self;

    *done = 0;
    vg_buf_clear(&c->lines);
    for (size_t i = 0; i < n; i++)
        vg_alert_line(events[i].json, events[i].len, c->colour, &c->lines);
    if (fwrite(c->lines.data, 1, c->lines.len, c->out) != c->lines.len || fflush(c->out) != 0) {
        int code = errno;

        clearerr(c->out);
        return vg_fail(err, VG_E_TEMPORARY, "cannot write to %s: %s", streams[c->stream],
                       strerror(code));
    }
    *done = n;
    return VG_OK;
}

static void console_close(void *self)
{
    struct console *c = self;

    vg_buf_done(&c->lines);
}

const struct vg_sink_ops vg_sink_console = {
    .name = "console",
    .summary = "Prints one readable line per event.",
    .options = options,
    .self_size = sizeof(struct console),
    .open = console_open,
    .deliver = console_deliver,
    .close = console_close,
};
