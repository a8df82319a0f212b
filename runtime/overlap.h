/* overlap.h - what only several shards together show: one patient's rows in two of them, one bed that
 * patients of two name.
 *
 * Which of two shards is read first is chance, and a replay may read them otherwise. So this makes no
 * event; it is a reason in the heartbeat and a line in the log, without names. It is told while rows
 * of both go on to come, and a patient who leaves a bed to another one is no overlap.
 */
#ifndef VG_RUNTIME_OVERLAP_H
#define VG_RUNTIME_OVERLAP_H

#include "core/base.h"

enum { VG_OVERLAPS_MAX = 32, VG_OVERLAP_TEXT = 96 };

/** A patient of a shard, and when a row came since the overlap was found (monotonic; 0: none). */
struct vg_overlap_side {
    uint32_t shard, slot;
    int64_t seen_ns;
};

struct vg_overlap_pair {
    bool bed; /**< two patients in one bed; else one patient in two shards */
    int64_t found_ns;
    struct vg_overlap_side side[2];
};

/** Owned by the ingest thread; zeroed is empty. */
struct vg_overlap {
    struct vg_overlap_pair pair[VG_OVERLAPS_MAX];
    uint32_t pairs;
};

/** Notes that two might overlap. Beyond the room the oldest one is forgotten. */
void vg_overlap_found(struct vg_overlap *o, bool bed, const struct vg_overlap_side *a,
                      const struct vg_overlap_side *b, int64_t now_ns);
/** A row of a patient came. Only while there are pairs. */
void vg_overlap_row(struct vg_overlap *o, uint32_t shard, uint32_t slot, int64_t now_ns);
/** Forgets a shard. */
void vg_overlap_drop(struct vg_overlap *o, uint32_t shard);
/** Says what overlaps now; "" when nothing does. */
void vg_overlap_tell(const struct vg_overlap *o, int64_t now_ns, char text[VG_OVERLAP_TEXT]);

#endif
