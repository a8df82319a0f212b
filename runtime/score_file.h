/* score_file.h - reads the table of an early warning score (configs/scores/NAME.yaml).
 *
 * What may stand in such a file: docs/scores.md. A table that a nurse reads must mean one thing, so
 * every value of every channel lies in exactly one band of exactly one table; a gap, an overlap or a
 * band that no rounded value can meet is an error with its line.
 */
#ifndef VG_RUNTIME_SCORE_FILE_H
#define VG_RUNTIME_SCORE_FILE_H

#include "core/err.h"
#include "core/score.h"

/**
 * Reads `path` into *ret, which gets `name` (at most VG_NAME_SIZE - 1 bytes) and is the caller's to
 * free with vg_score_done(), also after a failure. What is wrong is appended to `diagnostics` for
 * people. Fails with VG_E_CONFIG, or VG_E_IO when the file cannot be read.
 */
VG_NODISCARD vg_status vg_score_read(const char *path, const char *name, struct vg_score_chart *ret,
                                     struct vg_buf *diagnostics, struct vg_err *err);

/** The place among `channels` channels of a channel of `parameter`; -1 when it has no such. */
int vg_score_channel_of(const struct vg_score_parameter *parameter, int channel);

#endif
