/* err.h - how every fallible function says what went wrong.
 *
 * A function returns a vg_status; the details go into a struct vg_err that the caller owns and
 * passes last. Library code neither logs nor exits: the thread's main loop or the command does,
 * once. The class of a status, not its name, decides what happens next.
 */
#ifndef VG_CORE_ERR_H
#define VG_CORE_ERR_H

#include "core/base.h"

enum vg_class {
    VG_CLASS_OK,
    VG_CLASS_DATA,  /**< this input is bad, the next may be good */
    VG_CLASS_RETRY, /**< the same call may succeed later */
    VG_CLASS_FATAL, /**< stop: configuration, disk or a bug */
};

/* name, class, exit code of the command (sysexits.h where one fits), text */
#define VG_STATUSES(X)                                 \
    X(OK, OK, 0, "ok")                                 \
    X(E_FAILED, FATAL, 1, "check failed")              \
    X(E_USAGE, FATAL, 2, "wrong usage")                \
    X(E_DECODE, DATA, 1, "message cannot be decoded")  \
    X(E_RANGE, DATA, 1, "value out of range")          \
    X(E_AGAIN, RETRY, 75, "nothing now")               \
    X(E_UNAVAILABLE, RETRY, 69, "service unavailable") \
    X(E_TEMPORARY, RETRY, 75, "temporary failure")     \
    X(E_IO, FATAL, 74, "input/output error")           \
    X(E_MEMORY, FATAL, 71, "out of memory")            \
    X(E_CONFIG, FATAL, 78, "wrong configuration")      \
    X(E_MODEL, FATAL, 78, "model file refused")        \
    X(E_BUG, FATAL, 70, "bug in Vigil")

typedef enum vg_status {
#define VG_STATUS_ENUM(name, class, exit, text) VG_##name,
    VG_STATUSES(VG_STATUS_ENUM)
#undef VG_STATUS_ENUM
} vg_status;

/** Details of a failure. Owned by the caller, never NULL, may be reused. */
struct vg_err {
    vg_status status;
    /** Which option the message is about, or "" (VG_NAME_SIZE bytes). Lets the loader of a
     *  configuration point at the line. */
    char option[VG_NAME_SIZE];
    char msg[512];
};

/** Fills `err` and returns `st`, so that a caller can write `return vg_fail(...)`. */
vg_status vg_fail(struct vg_err *err, vg_status st, const char *fmt, ...) VG_PRINTF(3, 4);

/** As vg_fail(), and names the option of the component that is at fault. */
vg_status vg_fail_option(struct vg_err *err, vg_status st, const char *option, const char *fmt, ...)
    VG_PRINTF(4, 5);

enum vg_class vg_status_class(vg_status st);
int vg_status_exit(vg_status st);
const char *vg_status_text(vg_status st);

#endif
