/* record_source.h - the configured source and a pipeline's commands into a recording. */
#ifndef VG_APP_RECORD_SOURCE_H
#define VG_APP_RECORD_SOURCE_H

#include "app/progress.h"
#include "runtime/config.h"
#include "runtime/record_file.h"

struct vg_record_wish {
    const char *path;   /**< of the recording */
    const char *outbox; /**< whose commands are taken; NULL: none */
    /** Of each partition, from its first record at or behind `from_ns` up to its first at or behind
     *  `until_ns`; VG_TIME_NONE: from the start, to the end. */
    int64_t from_ns, until_ns;
    bool (*stopped)(void); /**< somebody wants it to end here */
};

/**
 * Reads every partition to the end that it has now. Joins no consumer group and commits nothing: a
 * running pipeline does not notice. VG_E_UNAVAILABLE without a broker, VG_E_CONFIG when the outbox
 * is of another log.
 */
VG_NODISCARD vg_status vg_record_source(const struct vg_config *config,
                                        const struct vg_record_wish *wish,
                                        struct vg_progress *progress, struct vg_record_counts *ret,
                                        struct vg_err *err);

#endif
