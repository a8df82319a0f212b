/* service.h - one running pipeline: `vigil run`. */
#ifndef VG_RUNTIME_SERVICE_H
#define VG_RUNTIME_SERVICE_H

#include "runtime/config.h"

struct vg_run_options {
    bool until_end; /**< stop once every shard is read to its end and every event is durable in
                               every sink */
    const char *commands; /**< an outbox whose commands are repeated, or NULL */
};

/** What a run did, for a closing line. */
struct vg_run_summary {
    uint64_t rows, events, dead_letters, mismatches, clocks, snapshots;
    double seconds;
};

/**
 * Runs the pipeline until SIGTERM or SIGINT, until the end (until_end), or until a part of it fails.
 * SIGHUP: the configuration is read again and takes over, whole or not at all (docs/reload.md); sinks
 * read their keys again.
 * Call it from the main thread: it takes over these signals, and blocks them for the threads it
 * makes. A second signal, or service.shutdown.drain_timeout, ends it with VG_E_TEMPORARY.
 *
 * When it returns anything but VG_OK, threads of it may still run: the process must end.
 */
VG_NODISCARD vg_status vg_service_run(const struct vg_config *config,
                                      const struct vg_run_options *options,
                                      struct vg_run_summary *ret, struct vg_err *err);

#endif
