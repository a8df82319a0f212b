/* fake_outbox.h - an outbox in memory and the thread of a sink, for tests of sinks and clients.
 *
 * Functions lock, so that a test may add events and change the status while the sink's thread
 * runs. Mistakes of a test end it (VG_CHECK).
 */
#ifndef VG_TESTS_FAKE_OUTBOX_H
#define VG_TESTS_FAKE_OUTBOX_H

#include "core/sink.h"

struct fake_outbox;

/** A new, empty outbox; the UUID is made of `uuid` repeated. */
struct fake_outbox *fake_outbox_new(uint8_t uuid, const char *data_dir);
void fake_outbox_free(struct fake_outbox *o);

/** What a sink gets; for tests that call a sink without fake_sink_start(). */
const struct vg_sink_env *fake_outbox_env(struct fake_outbox *o);

/** Appends event `number` of episode `episode` and returns its seq. The episode counts as open
 *  until an event has VG_PHASE_END. */
uint64_t fake_outbox_add(struct fake_outbox *o, const char *ward, uint32_t episode, uint32_t number,
                         enum vg_phase phase);

/** The delivery of `seq`; valid until the next fake_outbox_add(). */
struct vg_delivery fake_outbox_delivery(struct fake_outbox *o, uint64_t seq);

/** The episode_id of `episode`. */
void fake_outbox_episode(uint32_t episode, char out[VG_EPISODE_TEXT_SIZE]);

/** Adds a configured ward; wards of events are added by themselves, "none" is always there. */
void fake_outbox_ward(struct fake_outbox *o, const char *ward);

/** Forgets the events up to `seq`, as retention does, but for `kept` (0: none). */
void fake_outbox_forget(struct fake_outbox *o, uint64_t seq, uint64_t kept);

/** The status that heartbeats show from now on; the shards are 0..shards_n-1. Default: running,
 *  2 partitions, 2 shards, log time 2026-03-01T12:00:09Z, age 41 ms. */
void fake_outbox_status(struct fake_outbox *o, enum vg_service_state state, uint32_t partitions,
                        uint32_t shards_n, int64_t log_ns, int64_t wall_age_ms);
void fake_outbox_reason(struct fake_outbox *o, const char *reason);

/** The live delivery of `seq` gets lost (a subscriber too slow for the PUB socket). */
void fake_outbox_lose(struct fake_outbox *o, uint64_t seq);

/** Acknowledgements become durable only while `on` (default). */
void fake_outbox_durable(struct fake_outbox *o, bool on);

/** How often the sink said or took back a notice, and the newest text of one ("": over) in `out`. */
size_t fake_outbox_notices(struct fake_outbox *o, char *out, size_t size);
/** Who listens, as the sink has said last. */
struct vg_subscriber_count fake_outbox_subscribers(struct fake_outbox *o);
/** How many audit lines ("what who: why") have `part` in them. */
size_t fake_outbox_audits(struct fake_outbox *o, const char *part);
/** Up to where the subscriber's confirmations were stored. */
uint64_t fake_outbox_confirmed(struct fake_outbox *o, const char *subscriber, const char *ward);

struct fake_sink;

/** A zeroed option struct with its defaults. */
void *fake_sink_self(const struct vg_sink_ops *ops);
void fake_sink_set(const struct vg_sink_ops *ops, void *self, const char *option, const char *text);
/** Adds to an option that is a list (key NULL) or a mapping. */
void fake_sink_add(const struct vg_sink_ops *ops, void *self, const char *option, const char *key,
                   const char *text);
/** Closes a sink that the test has opened itself, or tried to, and frees it. */
void fake_sink_close(const struct vg_sink_ops *ops, void *self);

/** Opens the sink in a thread and delivers from `cursor` on, as the runtime does; events up to the
 *  present last are repeats when cursor is not 0. Takes `self`. */
struct fake_sink *fake_sink_start(const struct vg_sink_ops *ops, void *self, struct fake_outbox *o,
                                  uint64_t cursor);
/** Stops the thread from serving (a hung or killed process: the sockets stay, nobody answers). */
void fake_sink_freeze(struct fake_sink *s, bool on);
/** Has the sink read its keys again, and returns when it has. */
void fake_sink_reload(struct fake_sink *s);
/** Delivers what is left, closes, joins and frees. */
void fake_sink_stop(struct fake_sink *s);

/** A tcp port on 127.0.0.1 that is free now. */
int fake_free_port(void);

#endif
