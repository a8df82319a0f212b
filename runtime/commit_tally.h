/* commit_tally.h - what the committer counts for whoever watches.
 *
 * What a transaction adds is noted while it is made and counted once it is durable: one that failed is
 * made again. The committer's thread alone.
 */
#ifndef VG_RUNTIME_COMMIT_TALLY_H
#define VG_RUNTIME_COMMIT_TALLY_H

#include "core/event.h"
#include "core/frame.h"
#include "core/site.h"
#include "runtime/meters.h"

/** Zeroed to begin with. What is noted stays in its frame until it is counted or forgotten. */
struct vg_commit_tally {
    const struct vg_item_event **event;
    const struct vg_item_dead_letter **letter;
    uint32_t events, events_cap, letters, letters_cap;
};

void vg_commit_tally_event(struct vg_commit_tally *t, const struct vg_item_event *event);
void vg_commit_tally_letter(struct vg_commit_tally *t, const struct vg_item_dead_letter *letter);
void vg_commit_tally_clear(struct vg_commit_tally *t);
void vg_commit_tally_done(struct vg_commit_tally *t);

/** Counts what was noted and forgets it. Wards that `site` does not declare are "other". */
void vg_commit_tally_count(struct vg_commit_tally *t, struct vg_meters *m,
                           const struct vg_site *site);

/** A frame has come out of the chains of `workers`. */
void vg_commit_tally_frame(struct vg_meters *m, const struct vg_frame *f, uint32_t workers);
/** What was gathered at `began_ns` (monotonic) is done with; `disk`: and durable. */
void vg_commit_tally_time(struct vg_meters *m, int64_t began_ns, bool disk);

#endif
