/* outbox_writer.h - the writing half of the outbox among its files: outbox.c, outbox_put.c. */
#ifndef VG_RUNTIME_OUTBOX_WRITER_H
#define VG_RUNTIME_OUTBOX_WRITER_H

#include <sqlite3.h>

#include "runtime/outbox.h"

enum { VG_WRITES = 15 };

struct vg_outbox {
    char *data_dir, *path;
    char pipeline[VG_NAME_SIZE];
    uint8_t uuid[16];
    int lock_fd;
    sqlite3 *db;
    sqlite3_stmt *stmt[VG_WRITES];
    bool open; /* a transaction is */
    uint64_t last_seq, committed_seq;
};

/** Prepares o->stmt; they are finalized by who closes o->db. */
VG_NODISCARD vg_status vg_writer_prepare(struct vg_outbox *o, struct vg_err *err);

#endif
