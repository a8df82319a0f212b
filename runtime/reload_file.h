/* reload_file.h - <data_dir>/reload.json: what became of the last reload, for `vigil reload`.
 *
 * Written whole or not at all. It lies beside the outbox, so who may not read that learns nothing.
 */
#ifndef VG_RUNTIME_RELOAD_FILE_H
#define VG_RUNTIME_RELOAD_FILE_H

#include "core/buf.h"
#include "core/err.h"
#include "runtime/config_diff.h"

enum { VG_RELOAD_STARTED, VG_RELOAD_CHANGED, VG_RELOAD_UNCHANGED, VG_RELOAD_REFUSED };

struct vg_reload_outcome {
    int what;            /**< VG_RELOAD_... */
    uint32_t generation; /**< in force now */
    const char *path;    /**< of the configuration */
    const char *hash;    /**< of the one in force */
    int64_t began_ns;    /**< monotonic, before the file was read */
    int64_t ended_wall_ns;
    const struct vg_strings *changes; /**< that were or would have been made */
    int exit;                         /**< exit code that says it */
    const char *error;                /**< "" but where it was refused */
    const char *diagnostics;          /**< of the loader, as `validate` prints them */
};

const char *vg_reload_what(int what); /**< "changed", ... */
VG_NODISCARD vg_status vg_reload_file_write(const char *data_dir, const struct vg_reload_outcome *o,
                                            struct vg_err *err);

#endif
