/* observed.h - what those who watch a running service may look at.
 *
 * They are one thread (runtime/observer.h), which looks at the configuration while it holds the lock that
 * a reload waits for, and the supervisor. They read atomics and the constants that are set before they
 * start, take the lock of runtime/shared.h as shortly as a heartbeat does, and read the outbox by a
 * connection of their own.
 */
#ifndef VG_RUNTIME_OBSERVED_H
#define VG_RUNTIME_OBSERVED_H

#include "runtime/feed.h"
#include "runtime/pool.h"
#include "runtime/shared.h"
#include "runtime/watch.h"

struct vg_rates;

struct vg_observed {
    const struct vg_config *config; /**< in force; behind shared->config_lock once it runs */
    struct vg_shared *shared;
    const struct vg_feed *feed; /**< [config->sinks_n]; of each only its atomics */
    struct vg_pool **pool;      /**< [workers] */
    struct vg_watches *watches; /**< rows as they pass; watchers are the observers' own */
    struct vg_rates *rates;     /**< has a lock of its own */
    const char *outbox;         /**< path of the file */
    uint32_t frames_budget;     /**< in flight for each worker */
    int64_t began_wall_ns;
};

/** Names of components as labels have them: a stage's type, with a number behind it where the chain has
 *  an earlier one of that type. */
void vg_observed_stage(const struct vg_observed *o, uint32_t place, char ret[VG_NAME_SIZE]);
/** Whether the service does not do its work without that sink: it is required, or the only one. */
bool vg_observed_needs_sink(const struct vg_observed *o, uint32_t sink);
/** Durable events behind the sink's cursor, and the age of the oldest of them; 0: none waits. */
uint64_t vg_observed_waiting(const struct vg_observed *o, uint32_t sink);
int64_t vg_observed_oldest_ns(const struct vg_observed *o, uint32_t sink);

#endif
