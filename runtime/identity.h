/* identity.h - what the ids of a running pipeline are made of. Constant once the source is open. */
#ifndef VG_RUNTIME_IDENTITY_H
#define VG_RUNTIME_IDENTITY_H

#include "core/event.h"

struct vg_identity {
    const char *pipeline; /**< service.name */
    char log[64];         /**< what the log calls itself: snapshots belong to this one */
    char cluster[64];     /**< source `cluster`, else the same: goes into ids */
    const char *topic;
    uint32_t partitions;
    const char *config; /**< "sha256:..." */
};

#endif
