/* stacked.c - a logistic regression on the logits of several classifiers; models/members.h. */
#include "models/load.h"
#include "models/members.h"

static vg_status build(struct vg_safetensors *f, struct vg_model **ret, struct vg_err *err);
static vg_status load(const char *path, struct vg_model **ret, struct vg_err *err);

const struct vg_model_ops vg_model_stacked = {
    .name = "stacked",
    .summary = "One probability from those of several classifiers, by logistic regression on their "
               "logits.",
    .load = load,
    .build = build,
    .step = vg_members_step,
    .free = vg_members_free,
};

static vg_status build(struct vg_safetensors *f, struct vg_model **ret, struct vg_err *err)
{
    return vg_members_build(&vg_model_stacked, f, ret, err);
}

static vg_status load(const char *path, struct vg_model **ret, struct vg_err *err)
{
    return vg_model_load(&vg_model_stacked, path, ret, err);
}
