/* ridge.c - the linear forecaster, the reference of every other; models/forecaster.h. */
#include "models/forecaster.h"
#include "models/load.h"

static vg_status build(struct vg_safetensors *f, struct vg_model **ret, struct vg_err *err);
static vg_status load(const char *path, struct vg_model **ret, struct vg_err *err);

const struct vg_model_ops vg_model_ridge = {
    .name = "ridge",
    .summary =
        "Forecasts each channel linearly from its features, with quantiles at fixed distances.",
    .load = load,
    .build = build,
    .step = vg_forecaster_step,
    .free = vg_forecaster_free,
};

static vg_status build(struct vg_safetensors *f, struct vg_model **ret, struct vg_err *err)
{
    return vg_forecaster_build(&vg_model_ridge, f, ret, err);
}

static vg_status load(const char *path, struct vg_model **ret, struct vg_err *err)
{
    return vg_model_load(&vg_model_ridge, path, ret, err);
}
