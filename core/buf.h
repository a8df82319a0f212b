/* buf.h - a growable byte buffer, and how Vigil writes JSON and numbers.
 *
 * Running out of memory ends the program (VG_CHECK): a monitor that can no longer build an alert
 * must not go on as if it could. Not thread safe; the caller owns the struct.
 */
#ifndef VG_CORE_BUF_H
#define VG_CORE_BUF_H

#include "core/base.h"

struct vg_buf {
    char *data; /**< NUL-terminated once anything was added; NULL before */
    size_t len; /**< without the NUL */
    size_t cap;
};

#define VG_BUF_INIT \
    (struct vg_buf) \
    {               \
        0           \
    }

void vg_buf_done(struct vg_buf *b);  /**< frees; the struct may be used again */
void vg_buf_clear(struct vg_buf *b); /**< length 0, memory kept */
void vg_buf_reserve(struct vg_buf *b, size_t more);
void vg_buf_add(struct vg_buf *b, const void *bytes, size_t n);
void vg_buf_str(struct vg_buf *b, const char *s);
void vg_buf_char(struct vg_buf *b, char c);
void vg_buf_printf(struct vg_buf *b, const char *fmt, ...) VG_PRINTF(2, 3);

/** A JSON string with its quotes; control bytes, quote and backslash are escaped, UTF-8 passes. */
void vg_buf_json_str(struct vg_buf *b, const char *s);
void vg_buf_json_strn(struct vg_buf *b, const char *s, size_t n);

/** The fewest digits that read back to the same float32; no exponent for 1e-4 <= |x| < 1e9, and
 *  "0" for both zeros. `x` must be finite. */
void vg_buf_float(struct vg_buf *b, float x);

/** RFC 3339 in UTC with milliseconds, "2026-03-01T12:00:10.000Z", in quotes. */
void vg_buf_json_time(struct vg_buf *b, int64_t ns);

#endif
