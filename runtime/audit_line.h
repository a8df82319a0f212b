/* audit_line.h - one line of the audit log: how it is written, and whether it is the one that belongs
 * there.
 *
 *   {"n":7,"time":"2026-01-01T00:00:00.000Z","kind":"accepted","who":"display","prev":"..","hash":".."}
 *
 * `hash` is BLAKE2b-256 (RFC 7693), in 64 hexadecimal digits, of the bytes of the line before
 * `,"hash"`; `prev` is that of the line before, 64 zeros in the first. A line of kind "seal" has a
 * `signature` at its end: Ed25519 (RFC 8032) over "vigil audit seal " and the 64 digits.
 *
 * Any thread; vg_audit_line_init() first.
 */
#ifndef VG_RUNTIME_AUDIT_LINE_H
#define VG_RUNTIME_AUDIT_LINE_H

#include "core/buf.h"
#include "core/err.h"

enum {
    VG_AUDIT_HASH_SIZE = 65,       /**< 64 digits and NUL */
    VG_AUDIT_KEY_BYTES = 32,       /**< public key */
    VG_AUDIT_KEY_SIZE = 65,        /**< the same in digits */
    VG_AUDIT_SECRET_BYTES = 64,    /**< as libsodium has it: seed and public key */
    VG_AUDIT_LINE_MAX = 16 * 1024, /**< longer ones are not written and not accepted */
};

/** How far a log goes. */
struct vg_audit_end {
    uint64_t n; /**< number of the last record; 0: none */
    char hash[VG_AUDIT_HASH_SIZE];
};

/** Readies libsodium. */
void vg_audit_line_init(void);

/** What is before the first record. */
void vg_audit_end_none(struct vg_audit_end *ret);

/**
 * Writes the record behind `end` into `out`, with its newline, and moves `end` on to it. `members` is
 * "" or `,"name":"value"` as often as wanted; `secret` (VG_AUDIT_SECRET_BYTES) is NULL but for a seal.
 */
void vg_audit_line_make(struct vg_audit_end *end, int64_t wall_ns, const char *kind,
                        const char *members, const uint8_t *secret, struct vg_buf *out);

/** What is known while lines are looked at one after another. */
struct vg_audit_check {
    struct vg_audit_end end;    /**< of what was right so far */
    struct vg_audit_end sealed; /**< the last seal */
    bool has_key;
    uint8_t key[VG_AUDIT_KEY_BYTES];
};

/** Whether `line` (without its newline) is the next record. VG_E_DECODE with a reason that says what is
 *  wrong with it. */
VG_NODISCARD vg_status vg_audit_check_line(struct vg_audit_check *c, const char *line, size_t len,
                                           struct vg_err *err);

/** The record's number and hash as it says them itself, if it is whole: the hash is that of its text.
 *  What was before it is not looked at. */
VG_NODISCARD bool vg_audit_line_end(const char *line, size_t len, struct vg_audit_end *ret);

/** The kind of a whole record. */
VG_NODISCARD bool vg_audit_line_is(const char *line, size_t len, const char *kind);

/** Reads a key of VG_AUDIT_KEY_BYTES in digits. */
VG_NODISCARD bool vg_audit_key_read(const char *text, uint8_t ret[VG_AUDIT_KEY_BYTES]);

#endif
