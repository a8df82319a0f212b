/* health.h - whether a running service lives, and whether it does its work.
 *
 * Live: the supervisor goes round. A restart helps against nothing else. Ready: everything that is read
 * becomes alerts that get out. What it takes, in the order of the reasons: it runs, has partitions and
 * has recovered them; the source answers; outbox, snapshots and audit log can be written; no sink that
 * is needed fails; every partition has passed the whole chain within VG_STALLED_NS.
 */
#ifndef VG_RUNTIME_HEALTH_H
#define VG_RUNTIME_HEALTH_H

#include "runtime/observed.h"

#define VG_STALLED_NS (5 * VG_NS_PER_S)

enum { VG_REASONS_MAX = 16 };

struct vg_health {
    uint32_t reasons; /**< 0: all is well */
    char reason[VG_REASONS_MAX][160];
};

void vg_health_live(const struct vg_observed *o, struct vg_health *ret);
void vg_health_ready(const struct vg_observed *o, struct vg_health *ret);
/** Whether every partition passes the whole chain, or waits for the disk alone. */
bool vg_health_moves(const struct vg_observed *o);

#endif
