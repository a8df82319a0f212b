/* logistic.c - logistic regression on summaries, the reference of every classifier;
 * models/classifier.h has the formulas. */
#include "models/classifier.h"
#include "models/load.h"

static vg_status build(struct vg_safetensors *f, struct vg_model **ret, struct vg_err *err);
static vg_status load(const char *path, struct vg_model **ret, struct vg_err *err);

const struct vg_model_ops vg_model_logistic = {
    .name = "logistic",
    .summary = "A probability from the values of one row, by logistic regression.",
    .load = load,
    .build = build,
    .step = vg_classifier_step,
    .free = vg_classifier_free,
};

static vg_status build(struct vg_safetensors *f, struct vg_model **ret, struct vg_err *err)
{
    return vg_classifier_build(&vg_model_logistic, f, ret, err);
}

static vg_status load(const char *path, struct vg_model **ret, struct vg_err *err)
{
    return vg_model_load(&vg_model_logistic, path, ret, err);
}
