/* host_state.h - what observers ask the outbox and the system: alerts that are there, disk, process. */
#ifndef VG_RUNTIME_HOST_STATE_H
#define VG_RUNTIME_HOST_STATE_H

#include "runtime/observed.h"

/** Alerts that are there, by ward (vg_site_ward_place()) and priority. */
struct vg_active {
    uint32_t wards;
    uint64_t (*n)[VG_PRIORITY_COUNT]; /**< [wards] */
};
/** False (and none) when they are not known: `reader` is NULL, or the outbox cannot be read. */
bool vg_active_count(struct vg_outbox_reader *reader, const struct vg_site *site,
                     struct vg_active *ret);
void vg_active_done(struct vg_active *active);

struct vg_storage {
    uint64_t outbox_bytes; /**< its journal included */
    uint64_t free_bytes;   /**< where the outbox and the snapshots are */
};
void vg_storage_look(const struct vg_observed *o, struct vg_storage *ret);

struct vg_process {
    int64_t cpu_ns;
    uint64_t resident_bytes, open_fds, max_fds;
};
void vg_process_look(struct vg_process *ret);
/** The first of these alone, which costs less. */
int64_t vg_process_cpu_ns(void);

#endif
