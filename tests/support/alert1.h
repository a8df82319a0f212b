/* alert1.h - the ZeroMQ sink in a thread over an outbox in memory, and a client in the test.
 *
 * Waiting is always for an item with a deadline.
 */
#ifndef VG_TESTS_ALERT1_H
#define VG_TESTS_ALERT1_H

#include "client/vigil_client.h"
#include "tests/support/fake_outbox.h"

extern const struct vg_sink_ops vg_sink_zeromq;

enum { ALERT1_DEADLINE_MS = 20000, ALERT1_ADDRESS = 128 };

struct alert1_pipeline {
    struct fake_outbox *outbox;
    struct fake_sink *sink; /**< NULL: not started */
    char publish[ALERT1_ADDRESS], control[ALERT1_ADDRESS];
};

/** Of one test at a time. */
struct alert1 {
    struct alert1_pipeline a; /**< made by alert1_init(), without a sink */
    struct alert1_pipeline b; /**< of tests that want a second one */
    struct vigil_client *client;
    struct vigil_item item; /**< the last one that came */
    char dir[32];
};

extern struct alert1 alert1;

/** For .init and .fini of a TestSuite. */
void alert1_init(void);
void alert1_done(void);

int64_t alert1_now_ms(void);

/** An outbox, and free addresses: TCP or IPC. */
void alert1_make_pipeline(struct alert1_pipeline *p, uint8_t uuid, bool tcp);
/** A sink's options with the pipeline's addresses. */
void *alert1_new_sink(const struct alert1_pipeline *p);
void alert1_start_sink(struct alert1_pipeline *p, uint64_t cursor);
/** Puts the starts of `n` episodes into the outbox. */
void alert1_add_starts(struct alert1_pipeline *p, const char *ward, uint32_t first, uint32_t n);

/** The client; `ward` NULL: all. */
void alert1_connect_client(const struct vigil_endpoint *endpoints, size_t n, const char *ward);
void alert1_connect_to_a(const char *ward);
void alert1_resume_at_a(uint64_t after);
struct vigil_stats alert1_stats(void);

/** The next item of the type; others are passed over. False when none came in time. */
bool alert1_next_of(enum vigil_item_type type, int timeout_ms);
void alert1_expect_notice(enum vigil_notice kind, int timeout_ms);
/** Until the snapshot is complete and live events come in: two connections, in either order. */
void alert1_expect_in_step(void);
/** The next event is that of pipeline a's outbox, byte for byte. */
void alert1_expect_event(uint64_t seq);

#endif
