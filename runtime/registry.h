/* registry.h - every component of components.def, by kind. Constant; any thread. */
#ifndef VG_RUNTIME_REGISTRY_H
#define VG_RUNTIME_REGISTRY_H

#include "core/decoder.h"
#include "core/model.h"
#include "core/sink.h"
#include "core/source.h"
#include "core/stage.h"

/* NULL-terminated, in the order of components.def. */
extern const struct vg_source_ops *const vg_sources[];
extern const struct vg_decoder_ops *const vg_decoders[];
extern const struct vg_stage_ops *const vg_stages[];
extern const struct vg_model_ops *const vg_models[];
extern const struct vg_sink_ops *const vg_sinks[];

/* By the ops' `name`; NULL when there is none. */
const struct vg_source_ops *vg_source_find(const char *name);
const struct vg_decoder_ops *vg_decoder_find(const char *name);
const struct vg_stage_ops *vg_stage_find(const char *name);
const struct vg_model_ops *vg_model_find(const char *name);
const struct vg_sink_ops *vg_sink_find(const char *name);

#endif
