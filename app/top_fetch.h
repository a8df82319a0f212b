/* top_fetch.h - asks a pipeline for its state once a second, in a thread of its own, so that keys are heard while
 * it does not answer. */
#ifndef VG_APP_TOP_FETCH_H
#define VG_APP_TOP_FETCH_H

#include <pthread.h>

#include "app/running.h"

/** The newest answers; json_decref() both. */
struct vg_top_news {
    json_t *state, *beds; /**< NULL: none yet, or not asked for */
    int64_t mono_ns;      /**< when the state came */
    uint64_t number;      /**< of answers and failures so far */
    char gone[512];       /**< why the last question had no answer; "": it had */
    char no_beds[512];    /**< the same of beds */
};

struct vg_top_fetch {
    const struct vg_running *running;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stop, wants_beds; /**< guarded by lock, as is news */
    struct vg_top_news news;
};

/** Starts asking. `running` must outlive it. */
void vg_top_fetch_start(struct vg_top_fetch *f, const struct vg_running *running);
/** Ends it; waits for an answer that is on its way. */
void vg_top_fetch_stop(struct vg_top_fetch *f);
/** The newest answers, for the caller to keep. */
void vg_top_fetch_news(struct vg_top_fetch *f, struct vg_top_news *ret);
/** Whether beds are asked for, too: at once, if they are wanted now. */
void vg_top_fetch_beds(struct vg_top_fetch *f, bool wanted);

#endif
