/* store.h - an outbox in a folder of its own, of pipeline "icu", and one who reads it. */
#ifndef VG_TESTS_STORE_H
#define VG_TESTS_STORE_H

#include "runtime/outbox.h"

/** Of one test at a time. */
struct store {
    char dir[64];
    struct vg_outbox *outbox;        /**< NULL after a failed open */
    struct vg_outbox_reader *reader; /**< or NULL */
    struct vg_err err;
    struct vg_buf seen; /**< what callbacks were given */
};

extern struct store store;

#define STORE_OK(call) cr_assert_eq(call, VG_OK, "%s", store.err.msg)

/** For .init and .fini of a TestSuite. */
void store_init(void);
void store_done(void);
/** Closes and opens everything, as a restart does. */
void store_reopen(void);

void store_begin(void);
void store_commit(void);
/** Puts event n of a shard, stored at 7 ns; its text is `body`. */
enum vg_put store_put(uint32_t shard, uint64_t n, uint8_t episode, uint32_t number, int phase,
                      const char *ward, const char *body);

/** Adds "SEQ<SEQ BEFORE WARD TEXT" to what was seen. */
vg_status store_note_event(void *arg, const struct vg_delivery *e);
/** What was seen of the events behind `after`. */
const char *store_read_all(const char *ward, uint64_t after, size_t max);

/** It failed so, and what it said has `part` in it. */
void store_expect_error(vg_status st, vg_status expected, const char *part);

/** SQL on the file, by a connection of its own. */
void store_execute(const char *statement);

#endif
