/* risk.c - the classifier with a memory, one step per hour or so;
 * models/classifier.h has the formulas. */
#include "models/classifier.h"
#include "models/load.h"

static vg_status build(struct vg_safetensors *f, struct vg_model **ret, struct vg_err *err);
static vg_status load(const char *path, struct vg_model **ret, struct vg_err *err);

const struct vg_model_ops vg_model_risk = {
    .name = "risk",
    .summary = "Probabilities from a sequence of values that may be missing, one step at a time.",
    .load = load,
    .build = build,
    .step = vg_classifier_step,
    .free = vg_classifier_free,
};

static vg_status build(struct vg_safetensors *f, struct vg_model **ret, struct vg_err *err)
{
    return vg_classifier_build(&vg_model_risk, f, ret, err);
}

static vg_status load(const char *path, struct vg_model **ret, struct vg_err *err)
{
    return vg_model_load(&vg_model_risk, path, ret, err);
}
