/* fuzz_audit.c - any bytes as lines of an audit log: right or not, and never right when one byte of a
 * line that Vigil wrote is another.
 */
#include <stdlib.h>
#include <string.h>

#include "runtime/audit_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void try_lines(const uint8_t *bytes, size_t n)
{
    struct vg_audit_check c = { .has_key = true };
    const char *at = (const char *)bytes, *end = at + n;

    vg_audit_end_none(&c.end);
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t len = stop ? (size_t)(stop - at) : (size_t)(end - at);
        struct vg_err err;
        struct vg_audit_end last;
        uint64_t before = c.end.n;
        bool right = vg_audit_check_line(&c, at, len, &err) == VG_OK;

        VG_CHECK(c.end.n == before + right);
        VG_CHECK(!right || (vg_audit_line_end(at, len, &last) && last.n == c.end.n));
        at += len + 1;
    }
}

/* The first bytes say which byte of a record is made another, and which one. */
static void try_change(const uint8_t *bytes, size_t n)
{
    struct vg_audit_check c = { .has_key = false };
    struct vg_buf line = VG_BUF_INIT, members = VG_BUF_INIT;
    struct vg_audit_end end;
    struct vg_err err;
    size_t place;

    if (n < 4 || n > 4096 || bytes[2] == 0)
        return;
    vg_buf_str(&members, ",\"why\":");
    vg_buf_json_strn(&members, (const char *)bytes + 3, n - 3);
    vg_audit_end_none(&end);
    vg_audit_end_none(&c.end);
    vg_audit_line_make(&end, 0, "fuzz", members.data, NULL, &line);
    VG_CHECK(vg_audit_check_line(&c, line.data, line.len - 1, &err) == VG_OK);
    vg_audit_end_none(&c.end);
    place = (bytes[0] | (size_t)bytes[1] << 8) % (line.len - 1);
    line.data[place] = (char)(line.data[place] ^ bytes[2]);
    VG_CHECK(vg_audit_check_line(&c, line.data, line.len - 1, &err) == VG_E_DECODE);
    vg_buf_done(&line);
    vg_buf_done(&members);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    vg_audit_line_init();
    try_lines(bytes, n);
    try_change(bytes, n);
    return 0;
}
