/* log.c - one write per line, so that lines of several threads never mix. */
#include "runtime/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/text.h"

static const char *const names[] = { "error", "warn", "info", "debug" };

/* Set once before threads start, read by all. */
static int max_level = VG_LOG_INFO;
static bool as_json;

void vg_log_init(int level, bool json)
{
    const char *env = getenv("VIGIL_LOG");

    max_level = level;
    as_json = json;
    for (int i = 0; env && i < (int)VG_ARRAY_LEN(names); i++) {
        if (strcmp(env, names[i]) == 0)
            max_level = i;
    }
}

bool vg_log_enabled(enum vg_log_level level)
{
    return (int)level <= max_level;
}

void vg_log(enum vg_log_level level, const char *component, const char *fmt, ...)
{
    struct vg_buf line = VG_BUF_INIT;
    char text[1024], when[VG_TIME_TEXT_SIZE];
    va_list ap;

    if (!vg_log_enabled(level))
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    vg_format_time(vg_wall_ns(), when);
    if (as_json) {
        vg_buf_printf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"component\":", when,
                      names[level]);
        vg_buf_json_str(&line, component);
        vg_buf_str(&line, ",\"message\":");
        vg_buf_json_str(&line, text);
        vg_buf_str(&line, "}\n");
    } else {
        vg_buf_printf(&line, "%s %-5s %s: %s\n", when, names[level], component, text);
    }
    if (write(STDERR_FILENO, line.data, line.len) < 0) {
        /* Nowhere left to say it. */
    }
    vg_buf_done(&line);
}
