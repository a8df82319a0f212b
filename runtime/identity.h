/* identity.h - what the ids of a running pipeline are made of. Constant once the source is open. */
#ifndef VG_RUNTIME_IDENTITY_H
#define VG_RUNTIME_IDENTITY_H

#include "core/event.h"

struct vg_identity {
    const char *pipeline; /**< service.name */
    char cluster[64];     /**< source `cluster`, else what the log calls itself */
    const char *topic;
    uint32_t partitions;
    const char *config; /**< "sha256:..." */
};

#endif
