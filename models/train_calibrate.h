/* train_calibrate.h - quantiles that hold their share on patients the network did not learn from.
 *
 * A network knows its training data too well: its intervals are a percent or two too narrow for
 * others. The bias of each outer quantile of a quantile head is moved until the share of targets
 * beyond it, on data it was not trained on, is what its name says. Medians stay, and so does the
 * order of quantiles. What remains to be corrected at the bedside is for the online adjustment.
 */
#ifndef VG_MODELS_TRAIN_CALIBRATE_H
#define VG_MODELS_TRAIN_CALIBRATE_H

#include "models/train.h"

/** With fewer targets a cell (channel and horizon) is left as it is: chance would speak. */
enum { VG_CALIBRATE_TARGETS_MIN = 200 };

/**
 * Moves the biases of the last layer of `t`, whose objective is the quantile head `o`, by at most 1
 * each. `set` is the validation part. Fails with VG_E_MEMORY only.
 */
VG_NODISCARD vg_status vg_train_calibrate(struct vg_trainee *t, const struct vg_objective *o,
                                          const struct vg_train_set *set, uint32_t workers,
                                          struct vg_err *err);

#endif
