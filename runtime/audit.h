/* audit.h - who did what: a log that shows when a record of it is changed, moved or taken away.
 *
 * The folder <data_dir>/audit has the files 000001.ndjson, 000002.ndjson, ...; a file is followed by
 * the next at 16 MiB, the chain (runtime/audit_line.h) goes on over all of them. seal.key, made at the
 * first start, signs seals; seal.pub is its public half. Several processes may write: each record is
 * written under a lock on the folder, behind what others wrote.
 *
 * Records hold no patient: an order about an episode has its id; one about a patient has the place in
 * the log where it is recorded with whom it is about.
 *
 * Any thread. Nothing here stops the pipeline: what cannot be written is counted, and told in the log
 * itself once it can be written again.
 */
#ifndef VG_RUNTIME_AUDIT_H
#define VG_RUNTIME_AUDIT_H

#include "runtime/audit_line.h"

struct vg_audit;

/**
 * Opens the log of a data folder; makes it, and its keys, when there is none. What a crash left of half
 * a line is cut off, and recorded. VG_E_IO, VG_E_CONFIG for a key that others can read.
 */
VG_NODISCARD vg_status vg_audit_open(const char *data_dir, struct vg_audit **ret,
                                     struct vg_err *err);
void vg_audit_close(struct vg_audit *a); /**< NULL is fine */

/** Writes a record: pairs of a name and a text, and a NULL at the end. On its way to the disk, but not
 *  there before vg_audit_sync(). `a` NULL: nothing is written. */
void vg_audit_note(struct vg_audit *a, const char *kind, ...) __attribute__((sentinel));

/** Waits until all that was noted is on the disk; a failure is told by vg_audit_look(). */
void vg_audit_sync(struct vg_audit *a);

/** Writes a seal, unless nothing was recorded since the last one, and waits for the disk. */
void vg_audit_seal(struct vg_audit *a);

/** Several times a second: syncs each second, and seals after 1,000 records, or a minute after the first
 *  that has no seal. VG_E_IO while records cannot be written. */
VG_NODISCARD vg_status vg_audit_look(struct vg_audit *a, int64_t mono_ns, struct vg_err *err);

/** The last seal of this process; n is 0 before the first. */
void vg_audit_sealed(struct vg_audit *a, struct vg_audit_end *ret);

/** What starts. Strings. */
struct vg_audit_run {
    const char *version, *pipeline;
    const char *config; /**< hash */
    const char *models; /**< names and digests */
};

/** Records a start, before it that the last run had no end, and behind it what is not as it was then:
 *  configuration, models. Seals it. */
void vg_audit_start(struct vg_audit *a, const struct vg_audit_run *run);

/* ---- for people ---- */

/** What looking at all of a log gave. */
struct vg_audit_verdict {
    uint64_t records;
    struct vg_audit_end end, sealed;
    char file[32]; /**< of the record that is wrong; "" when none is */
    uint64_t line; /**< in it, from 1 */
    char why[256];
};

/**
 * Looks at every record of <data_dir>/audit. `key` (32 bytes; NULL: the one in seal.pub) is what seals are
 * to be made with; `seal` (NULL: none) is a record that was there once, as a heartbeat told it.
 * VG_E_IO when it cannot be read; else VG_OK, and the verdict says what is wrong.
 */
VG_NODISCARD vg_status vg_audit_verify(const char *data_dir, const uint8_t *key,
                                       const struct vg_audit_end *seal,
                                       struct vg_audit_verdict *ret, struct vg_err *err);

/** The public key as 64 digits. VG_E_IO when there is none. */
VG_NODISCARD vg_status vg_audit_key(const char *data_dir, char ret[VG_AUDIT_KEY_SIZE],
                                    struct vg_err *err);

#endif
