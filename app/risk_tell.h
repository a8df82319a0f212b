/* risk_tell.h - what a trained model file says of recorded stays.
 *
 * A file names its variables as training did: "Creatinine.log.last" is a summary of
 * app/risk_inputs.h, "Creatinine.log" of a sequence that variable hour by hour, "hour" the time of
 * the case, and a name that ends in ".above_-1" a bend (app/risk_design.c). They are looked up by
 * name in the data, whatever the order there; which of a stay's columns and scales they stand for is
 * what the map of the data says.
 */
#ifndef VG_APP_RISK_TELL_H
#define VG_APP_RISK_TELL_H

#include "app/risk_fit.h"
#include "core/model.h"

/**
 * Asks `model` about every case: probability [N]. Fails with VG_E_MODEL when it is no model of risk,
 * or names a variable or has a tick that the data have not.
 */
VG_NODISCARD vg_status vg_risk_tell(const struct vg_model *model, const struct vg_risk_study *study,
                                    float *probability, struct vg_err *err);

#endif
