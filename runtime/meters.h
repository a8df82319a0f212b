/* meters.h - what the threads of a service count for whoever watches them.
 *
 * A counter has one thread that writes it, with plain relaxed stores: nothing on the way of a row is
 * locked or waits. Readers look at any time and stop nobody; they may see one counter a moment ahead
 * of another.
 */
#ifndef VG_RUNTIME_METERS_H
#define VG_RUNTIME_METERS_H

#include <stdatomic.h>

#include "core/base.h"

/** Adds to a counter that only the calling thread writes. */
static inline void vg_meter_add(atomic_ulong *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static inline uint64_t vg_meter_get(const atomic_ulong *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* ---- delays ---- */

/** Bounds are 250 us, 500 us, 1 ms, ... 65.5 s: each twice the one before it. */
enum { VG_DELAY_BOUNDS = 19 };

struct vg_delays {
    atomic_ulong bucket[VG_DELAY_BOUNDS + 1]; /**< up to the bound of that place; the rest */
    atomic_ulong sum_ns;                      /**< at most INT64_MAX, 292 years */
};

/** Counts one delay; one below 0, which clocks that disagree make, is one of 0. One thread. */
void vg_delays_note(struct vg_delays *d, int64_t ns);
/** Adds what `d` has counted to `sum`, which is the caller's own. */
void vg_delays_add(struct vg_delays *sum, const struct vg_delays *d);
int64_t vg_delays_bound_ns(unsigned place); /**< of bucket `place`, below VG_DELAY_BOUNDS */

/* hop, its label, between which two moments */
#define VG_HOPS(X)                                                               \
    X(EVENT, "event", "the device's time and the time of the Kafka record")      \
    X(INGEST, "ingest", "the time of the Kafka record and its arrival in Vigil") \
    X(CHAIN, "chain", "the arrival in Vigil and the end of the chain of stages") \
    X(COMMIT, "commit", "the end of the chain and what it caused being durable")

enum vg_hop {
#define VG_HOP_ENUM(id, label, between) VG_HOP_##id,
    VG_HOPS(VG_HOP_ENUM)
#undef VG_HOP_ENUM
        VG_HOP_COUNT
};
const char *vg_hop_name(int hop);

/* ---- counts under labels ---- */

enum { VG_TALLY_LABELS = 4 };

struct vg_tally_entry {
    char label[VG_TALLY_LABELS][VG_NAME_SIZE];
    atomic_ulong n;
};

/** Counts under labels that are only known when they come. Bounded: what comes when all places but
 *  the last are taken is counted in that one, with "other" for every label. */
struct vg_tally {
    struct vg_tally_entry *entry; /**< [cap]; those below `used` are complete and stay */
    uint32_t *index;              /**< the writer's: place + 1 by hash, [4 * cap] */
    uint32_t cap, labels;
    atomic_uint used;
};

void vg_tally_init(struct vg_tally *t, uint32_t labels, uint32_t cap);
void vg_tally_done(struct vg_tally *t);
/** Adds one under `label` (t->labels of them). One thread. */
void vg_tally_add(struct vg_tally *t, const char *const *label);
/** How many entries may be read. Any thread. */
uint32_t vg_tally_used(const struct vg_tally *t);

/* ---- threads ---- */

/** One stage of one worker. */
struct vg_stage_meter {
    atomic_ulong frames_in, frames_out, rows_in, rows_out, model_errors, busy_ns;
    _Atomic int64_t held_ns;   /**< since when it works on what it took (monotonic); 0: it waits */
    atomic_bool blocked;       /**< the stage behind it takes no more */
    atomic_ulong patients;     /**< whom it knows */
    atomic_ulong memory_bytes; /**< that it keeps of them, room for those to come included */
    struct vg_delays work;     /**< at a stretch: on a frame of rows, or on a wave */
} __attribute__((aligned(64)));

/** Bounds of the counts by labels: rules and wards are configuration. */
enum { VG_TALLY_ALERTS = 4096, VG_TALLY_LETTERS = 32 };

struct vg_meters {
    uint32_t workers, stages;
    struct vg_stage_meter *stage; /**< [workers][stages] */
    atomic_ulong *handed;         /**< [workers], ingest's: frames into the chain */
    atomic_ulong *taken;          /**< [workers], the committer's: frames out of it */
    atomic_ulong records;         /**< ingest's */
    atomic_ulong source_errors;   /**< ingest's */
    atomic_ulong commit_busy_ns;
    _Atomic int64_t commit_held_ns; /**< as that of a stage */
    struct vg_delays
        hop[VG_HOP_COUNT];   /**< EVENT and INGEST are ingest's, the rest the committer's */
    struct vg_tally alerts;  /**< the committer's: ward, rule, priority, transition */
    struct vg_tally letters; /**< the committer's: reason */
    /* The snapshot writer's: of the newest one. */
    _Atomic int64_t snapshot_mono_ns; /**< when it was on disk; 0: none yet */
    atomic_ulong snapshot_bytes, snapshot_ns;
    _Atomic int64_t watched_ns; /**< the supervisor's: when it last looked (monotonic) */
};

/** Before threads start. Without stages only the counters that need none may be used. */
void vg_meters_init(struct vg_meters *m, uint32_t workers, uint32_t stages);
void vg_meters_done(struct vg_meters *m);
struct vg_stage_meter *vg_meters_stage(const struct vg_meters *m, uint32_t worker, uint32_t place);

/** Time that a stage was busy, with what it works on now: one that hangs is busy. */
int64_t vg_meters_busy_ns(const struct vg_stage_meter *s, int64_t now_ns);

/** Frames that wait in front of stage `place` of a worker; place == stages: of the committer. */
uint64_t vg_meters_waiting(const struct vg_meters *m, uint32_t worker, uint32_t place);

#endif
