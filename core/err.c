/* err.c - statuses, and the end of the program when a check fails. */
#include "core/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    enum vg_class class;
    int exit;
    const char *text;
} statuses[] = {
#define VG_STATUS_ROW(name, class, exit, text) { VG_CLASS_##class, exit, text },
    VG_STATUSES(VG_STATUS_ROW)
#undef VG_STATUS_ROW
};

__attribute__((format(printf, 4, 0))) static vg_status
fail(struct vg_err *err, vg_status st, const char *option, const char *fmt, va_list ap)
{
    err->status = st;
    snprintf(err->option, sizeof(err->option), "%s", option);
    vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
    return st;
}

vg_status vg_fail(struct vg_err *err, vg_status st, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fail(err, st, "", fmt, ap);
    va_end(ap);
    return st;
}

vg_status vg_fail_option(struct vg_err *err, vg_status st, const char *option, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fail(err, st, option, fmt, ap);
    va_end(ap);
    return st;
}

enum vg_class vg_status_class(vg_status st)
{
    return statuses[st].class;
}

int vg_status_exit(vg_status st)
{
    return statuses[st].exit;
}

const char *vg_status_text(vg_status st)
{
    return statuses[st].text;
}

void vg_check_failed(const char *cond, const char *file, int line, const char *func)
{
    fprintf(stderr, "vigil: %s:%d: %s: check failed: %s\n", file, line, func, cond);
    abort();
}
