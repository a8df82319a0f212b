/* shared_work.h - numbered pieces of work that do not depend on each other, among threads.
 *
 * Threads take the numbers in any order; what a piece makes goes where its number says, so results are
 * the same for any number of workers.
 */
#ifndef VG_APP_SHARED_WORK_H
#define VG_APP_SHARED_WORK_H

#include "core/err.h"

enum { VG_SHARED_WORKERS_MAX = 64 };

struct vg_shared_work {
    uint32_t pieces;
    uint32_t workers; /**< threads, the caller's among them; more than the greatest count as that */
    const void *ctx;
    /** Does piece `number`, in whichever thread takes it. What it returns stops all, unless VG_OK. */
    vg_status (*piece)(const void *ctx, uint32_t number, struct vg_err *err);
    /** How much is done, from 0 to 1, in the caller's thread; false stops. May be NULL. */
    bool (*progress)(void *ctx, double done);
    void *progress_ctx;
};

/** Does it all. Fails as a piece does, and with VG_E_TEMPORARY when stopped. */
VG_NODISCARD vg_status vg_shared_work_do(const struct vg_shared_work *work, struct vg_err *err);

#endif
