/* ward_feed.h - how the ward page's data come together: rows, orders and alerts, in the http thread.
 *
 * Rows: a watcher behind the last stage of each worker, emptied at every turn. Orders: the outbox's record
 * of them, read on from where it was; one that was refused is passed over. Alerts: where each episode
 * is in the outbox, so that a history can show it; what a page shows of them is read when it is asked for.
 *
 * A turn does a bounded piece of work, so that probes and streams are served between.
 */
#ifndef VG_RUNTIME_WARD_FEED_H
#define VG_RUNTIME_WARD_FEED_H

#include "runtime/observed.h"
#include "runtime/outbox.h"
#include "runtime/ward.h"

enum {
    VG_WARD_EPISODES = 4096, /**< the newest that histories can show */
    VG_WARD_PENDING = 256,   /**< orders about patients that have no tile yet */
};

struct vg_ward_feed;

/** Begins to watch; `what` must outlive it. NULL when `service.http.beds` is 0. */
struct vg_ward_feed *vg_ward_feed_new(const struct vg_observed *what);
void vg_ward_feed_free(struct vg_ward_feed *f); /**< NULL is fine */

/** Takes what has come. `reader` is of the outbox, or NULL while there is none. */
void vg_ward_feed_turn(struct vg_ward_feed *f, struct vg_outbox_reader *reader, int64_t mono_ns);

struct vg_ward *vg_ward_feed_ward(const struct vg_ward_feed *f);

/** Calls fn with the newest event of each episode of the patient that touches the time from `from_ns` to
 *  `to_ns` (log time), the oldest first. */
VG_NODISCARD vg_status vg_ward_feed_episodes(const struct vg_ward_feed *f,
                                             struct vg_outbox_reader *reader, const char *patient,
                                             int64_t from_ns, int64_t to_ns, vg_event_fn fn,
                                             void *arg, struct vg_err *err);

/** Models of the running chain. */
void vg_ward_feed_models(const struct vg_watches *watches, struct vg_ward_models *ret);

#endif
