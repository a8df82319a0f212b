/* status.h - the state of a running service as JSON: the pages /api/v1/status and /api/v1/config.
 *
 * Members are documented in ../docs/http.md; a value that is not known is null, and never 0.
 */
#ifndef VG_RUNTIME_STATUS_H
#define VG_RUNTIME_STATUS_H

#include "runtime/observed.h"

/** `reader` is the caller's own; NULL: active alerts are not known. */
void vg_status_write(const struct vg_observed *o, struct vg_outbox_reader *reader,
                     struct vg_buf *out);

/** The configuration as it was read, ${} replaced; secrets are "***". */
void vg_status_write_config(const struct vg_config *config, struct vg_buf *out);

#endif
