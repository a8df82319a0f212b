/* load.h - from a file to a model, of a kind that is known or of the kind that the file says. */
#ifndef VG_MODELS_LOAD_H
#define VG_MODELS_LOAD_H

#include "core/model.h"
#include "models/network.h"
#include "models/safetensors.h"

/** What ops->load of every kind does: reads the file, builds, runs the self-test. */
VG_NODISCARD vg_status vg_model_load(const struct vg_model_ops *ops, const char *path,
                                     struct vg_model **ret, struct vg_err *err);

/** Loads a file of any kind in the build. Fails with VG_E_MODEL. */
VG_NODISCARD vg_status vg_model_open(const char *path, struct vg_model **ret, struct vg_err *err);

/** As vg_model_open(), from memory; `path` is only named in errors. */
VG_NODISCARD vg_status vg_model_parse(const char *path, const uint8_t *bytes, size_t n,
                                      struct vg_model **ret, struct vg_err *err);

/** What two models do not have in common that those of one chain must, "ticks", "channels" or
 *  "scales"; NULL when they agree. */
const char *vg_model_disagreement(const struct vg_model *a, const struct vg_model *b);
/** VG_E_MODEL, naming the two by their `name`, unless all `n` models agree with the first. */
VG_NODISCARD vg_status vg_models_agree(const struct vg_model *const *models, uint32_t n,
                                       struct vg_err *err);

/** The kind of that name, or NULL. */
const struct vg_model_ops *vg_model_kind(const char *name);

/** Reads "network" for `inputs` inputs into *ret and all its tensors into *parameters, laid as
 *  models/network.h says, freed with free(). Notes in `m` what people want to know. */
VG_NODISCARD vg_status vg_model_take_network(struct vg_safetensors *f, uint32_t inputs,
                                             struct vg_network *ret, float **parameters,
                                             struct vg_model *m, struct vg_err *err);

#endif
