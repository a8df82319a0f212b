/* gru.c - the forecaster whose memory is GRU layers; models/forecaster.h has the formulas. */
#include "models/forecaster.h"
#include "models/load.h"

static vg_status build(struct vg_safetensors *f, struct vg_model **ret, struct vg_err *err);
static vg_status load(const char *path, struct vg_model **ret, struct vg_err *err);

const struct vg_model_ops vg_model_gru = {
    .name = "gru",
    .summary = "Forecasts each channel's quantiles over several horizons with GRU layers, one step "
               "per tick.",
    .load = load,
    .build = build,
    .step = vg_forecaster_step,
    .free = vg_forecaster_free,
};

static vg_status build(struct vg_safetensors *f, struct vg_model **ret, struct vg_err *err)
{
    return vg_forecaster_build(&vg_model_gru, f, ret, err);
}

static vg_status load(const char *path, struct vg_model **ret, struct vg_err *err)
{
    return vg_model_load(&vg_model_gru, path, ret, err);
}
