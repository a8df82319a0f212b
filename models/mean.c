/* mean.c - several models of one shape as one, such as the same network from several seeds;
 * models/members.h has the formulas. */
#include "models/load.h"
#include "models/members.h"

static vg_status build(struct vg_safetensors *f, struct vg_model **ret, struct vg_err *err);
static vg_status load(const char *path, struct vg_model **ret, struct vg_err *err);

const struct vg_model_ops vg_model_mean = {
    .name = "mean",
    .summary = "The mean of several models' outputs.",
    .load = load,
    .build = build,
    .step = vg_members_step,
    .free = vg_members_free,
};

static vg_status build(struct vg_safetensors *f, struct vg_model **ret, struct vg_err *err)
{
    return vg_members_build(&vg_model_mean, f, ret, err);
}

static vg_status load(const char *path, struct vg_model **ret, struct vg_err *err)
{
    return vg_model_load(&vg_model_mean, path, ret, err);
}
