/* autoencoder.c - the window model that is a trained network; models/window.h has the formulas. */
#include "models/load.h"
#include "models/window.h"

static vg_status build(struct vg_safetensors *f, struct vg_model **ret, struct vg_err *err);
static vg_status load(const char *path, struct vg_model **ret, struct vg_err *err);

const struct vg_model_ops vg_model_autoencoder = {
    .name = "autoencoder",
    .summary = "Reconstructs a window of all channels with dense layers; the error says how "
               "unusual it is.",
    .load = load,
    .build = build,
    .step = vg_window_step,
    .free = vg_window_free,
};

static vg_status build(struct vg_safetensors *f, struct vg_model **ret, struct vg_err *err)
{
    return vg_window_build(&vg_model_autoencoder, f, ret, err);
}

static vg_status load(const char *path, struct vg_model **ret, struct vg_err *err)
{
    return vg_model_load(&vg_model_autoencoder, path, ret, err);
}
