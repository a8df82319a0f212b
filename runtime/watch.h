/* watch.h - rows as they pass a stage, for those who look on.
 *
 * Each stage of each worker has a place where up to VG_WATCHERS readers may stand. The node's thread
 * copies the rows that a reader wants into that reader's ring, after the stage has worked on them and
 * before the frame goes on. Nothing waits: a ring that is full loses rows, and counts them. Where nobody
 * reads, a frame costs one relaxed load.
 *
 * A record says everything about its row, who the patient is included, so that a reader needs nothing that
 * belongs to another thread. Rows of a shard come in log order, with holes where rows were lost or not
 * wanted. A record is a copy of what a stage made: nothing that a reader does reaches the chain.
 *
 * Threads: vg_watch_frame() belongs to the node's. A watcher belongs to one thread at a time; places may be
 * opened by several.
 */
#ifndef VG_RUNTIME_WATCH_H
#define VG_RUNTIME_WATCH_H

#include <stdatomic.h>

#include "runtime/config.h"
#include "runtime/slots.h"

enum {
    VG_WATCHERS = 4,           /**< readers at one place */
    VG_WATCH_BYTES = 4 << 20,  /**< at most, of a ring; it holds a power of two of rows */
    VG_WATCH_ANY = UINT32_MAX, /**< every shard, every slot */
};

/** A row. Its memory is the watcher's, until it takes the next one. */
struct vg_watched {
    uint32_t shard, slot;
    uint32_t index;   /**< place within the record */
    uint8_t kind;     /**< enum vg_row_kind */
    uint8_t flags;    /**< VG_ROW_LATE ... */
    uint32_t columns; /**< bit c: column c of the layout is there; only those that stages added */
    int64_t offset, log_ns, record_ns, event_ns, device_ns;
    /** As the stage knows the patient when the frame leaves: who changes the bed within a frame has the
     *  later one in all of its rows. */
    struct vg_patient patient;
    float
        value[VG_CHANNELS]; /**< in channel units; not to be read where the quality is not usable */
    uint8_t quality[VG_CHANNELS]; /**< enum vg_quality */
    uint8_t reason[VG_CHANNELS];  /**< enum vg_reason */
    float column[];               /**< read with vg_watcher_column() */
};

/** What a reader wants. Everything else is left out where it is written, which is cheaper. */
struct vg_watch_wish {
    uint32_t kinds;       /**< VG_ROW_SAMPLE | ... */
    uint32_t columns;     /**< bit c: column c of the layout, if stages up to this one fill it */
    uint32_t every;       /**< 1: each of these rows; n: each n-th */
    uint32_t shard, slot; /**< or VG_WATCH_ANY */
};

struct vg_watcher;

/** The place behind one stage of one worker. */
struct vg_watch {
    atomic_uint on; /**< bit r: the r-th reader is there */
    atomic_uint taken;
    const struct vg_watches *all;
    _Atomic(struct vg_watcher *) reader[VG_WATCHERS]; /**< made when first wanted, and kept */
    uint32_t place;                                   /**< of its stage in the chain */
} __attribute__((aligned(64)));

/** All places of a service. */
struct vg_watches {
    const struct vg_layout *layout;
    uint32_t workers, stages;
    struct vg_watch *at; /**< [workers][stages] */
    uint32_t rows;       /**< that a ring holds */
    size_t record_size;
    struct {
        uint32_t place; /**< of the stage that fills it */
        uint32_t
            kinds; /**< of the rows in which it does: in others it holds what lay there before */
        const struct vg_model *model; /**< whose channels and horizons its entries are, or NULL */
        size_t at;                    /**< floats before it in a record */
    } column[VG_COLUMNS_MAX];
};

/** Before threads start. `layout` must be finished and live on; `stage` [stages] are those of any chain. */
void vg_watches_init(struct vg_watches *w, const struct vg_layout *layout,
                     const struct vg_planned_stage *stage, uint32_t workers, uint32_t stages);
/** Another configuration is in force, with stages that have the same columns; who reads
 *  `column[c].model` must not do so meanwhile. */
void vg_watches_change(struct vg_watches *w, const struct vg_planned_stage *stage);
/** After all threads have ended; watchers need not have been closed. */
void vg_watches_done(struct vg_watches *w);
struct vg_watch *vg_watches_at(const struct vg_watches *w, uint32_t worker, uint32_t place);

/* ---- the node's ---- */

/** Whether anybody wants rows. */
static inline bool vg_watch_on(const struct vg_watch *w)
{
    return atomic_load_explicit(&w->on, memory_order_relaxed) != 0;
}

/** Shows the rows of a frame. `slots` are the stage's own of that shard, which name every patient in it. */
void vg_watch_frame(struct vg_watch *w, struct vg_frame *f, const struct vg_slots *slots);

/* ---- a reader's ---- */

/** NULL when VG_WATCHERS are there already. */
VG_NODISCARD struct vg_watcher *vg_watch_open(struct vg_watch *w, const struct vg_watch_wish *wish);
/** Changes what is wanted. Rows that fit the old wish may still come. */
void vg_watcher_wish(struct vg_watcher *r, const struct vg_watch_wish *wish);
/** The oldest row that was not taken, or NULL: none. The one before it is void. */
const struct vg_watched *vg_watcher_next(struct vg_watcher *r);
/** The row's entry in a column of the layout, or NULL where it has none. */
const float *vg_watcher_column(const struct vg_watcher *r, const struct vg_watched *row,
                               int column);
/** Since it was opened: rows that fitted (of `every` n-th all), and those of them to be kept that were lost
 *  because the ring was full. */
uint64_t vg_watcher_seen(const struct vg_watcher *r);
uint64_t vg_watcher_lost(const struct vg_watcher *r);
/** NULL is fine. */
void vg_watcher_close(struct vg_watcher *r);

#endif
