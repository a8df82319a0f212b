/* selftest.h - a model file's own question and answer.
 *
 * Letters: T steps of one stream, from empty memory.
 */
#ifndef VG_MODELS_SELFTEST_H
#define VG_MODELS_SELFTEST_H

#include "core/model.h"
#include "models/safetensors.h"

enum { VG_SELFTEST_MAX = 4096 }; /**< steps */

/**
 * The last step of loading: runs "selftest.input" [T, inputs] of the file and notes the largest
 * difference from "selftest.output" [T, outputs], then refuses tensors and texts that `m` did not
 * take. Fails with VG_E_MODEL when an output differs by more than 1e-5 or is not finite, naming the
 * largest difference.
 */
VG_NODISCARD vg_status vg_selftest_check(struct vg_safetensors *f, struct vg_model *m,
                                         struct vg_err *err);

/** Writes y [T, outputs] for x [T, inputs]. */
void vg_selftest_run(const struct vg_model *m, uint32_t steps, const float *x, float *y);

/** Writes x [T, inputs] that a model of this shape could meet: always the same pseudo-random
 *  values within -3..3, masks 0 or 1, 0 under a window's mask, ages from 0 to 2. */
void vg_selftest_fill(const struct vg_model *m, uint32_t steps, float *x);

#endif
