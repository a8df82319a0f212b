/* produce.h - writing messages to a Kafka topic, each counted when the broker has it.
 *
 * For replay and simulate: the record time is given, the key decides the partition as Java's default
 * does (murmur2), and every record is acknowledged by all replicas. One thread.
 */
#ifndef VG_APP_PRODUCE_H
#define VG_APP_PRODUCE_H

#include "core/err.h"

struct vg_producer;

/** Connects and asks for the topic. VG_E_UNAVAILABLE when no broker answers within 10 s or the
 *  topic does not exist. */
VG_NODISCARD vg_status vg_producer_open(const char *brokers, const char *topic,
                                        struct vg_producer **ret, struct vg_err *err);

/** Queues one message; waits while the queue is full. `time_ns` (1970 or later) becomes the record
 *  timestamp in milliseconds. The bytes are copied. */
VG_NODISCARD vg_status vg_producer_send(struct vg_producer *p, const char *key, const void *value,
                                        size_t len, int64_t time_ns, struct vg_err *err);

/** Lets delivery reports in, waiting for them at most timeout_ms. */
void vg_producer_poll(struct vg_producer *p, int timeout_ms);

/** Waits until everything is delivered or has failed; VG_E_FAILED says how many were not and why,
 *  VG_E_UNAVAILABLE that the broker went away. */
VG_NODISCARD vg_status vg_producer_flush(struct vg_producer *p, struct vg_err *err);

void vg_producer_free(struct vg_producer *p); /**< NULL is fine; drops what is not delivered */

#endif
