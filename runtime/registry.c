/* registry.c - the tables of components, made from components.def. */
#include "runtime/registry.h"

#include <string.h>

#define VG_SOURCE(file)  extern const struct vg_source_ops vg_source_##file;
#define VG_DECODER(file) extern const struct vg_decoder_ops vg_decoder_##file;
#define VG_STAGE(file)   extern const struct vg_stage_ops vg_stage_##file;
#define VG_MODEL(file)   extern const struct vg_model_ops vg_model_##file;
#define VG_SINK(file)    extern const struct vg_sink_ops vg_sink_##file;
#include "components.def"
#undef VG_SOURCE
#undef VG_DECODER
#undef VG_STAGE
#undef VG_MODEL
#undef VG_SINK

/* One table per kind: the lines of the other kinds become nothing. */
#define VG_SOURCE(file)
#define VG_DECODER(file)
#define VG_STAGE(file)
#define VG_MODEL(file)
#define VG_SINK(file)

#undef VG_SOURCE
#define VG_SOURCE(file) &vg_source_##file,
const struct vg_source_ops *const vg_sources[] = {
#include "components.def"
    NULL,
};
#undef VG_SOURCE
#define VG_SOURCE(file)

#undef VG_DECODER
#define VG_DECODER(file) &vg_decoder_##file,
const struct vg_decoder_ops *const vg_decoders[] = {
#include "components.def"
    NULL,
};
#undef VG_DECODER
#define VG_DECODER(file)

#undef VG_STAGE
#define VG_STAGE(file) &vg_stage_##file,
const struct vg_stage_ops *const vg_stages[] = {
#include "components.def"
    NULL,
};
#undef VG_STAGE
#define VG_STAGE(file)

#undef VG_MODEL
#define VG_MODEL(file) &vg_model_##file,
const struct vg_model_ops *const vg_models[] = {
#include "components.def"
    NULL,
};
#undef VG_MODEL
#define VG_MODEL(file)

#undef VG_SINK
#define VG_SINK(file) &vg_sink_##file,
const struct vg_sink_ops *const vg_sinks[] = {
#include "components.def"
    NULL,
};

/* The five look-ups differ in their type only. */
#define FIND(kind)                                                             \
    const struct vg_##kind##_ops *vg_##kind##_find(const char *name)           \
    {                                                                          \
        for (const struct vg_##kind##_ops *const *c = vg_##kind##s; *c; c++) { \
            if (strcmp((*c)->name, name) == 0)                                 \
                return *c;                                                     \
        }                                                                      \
        return NULL;                                                           \
    }

FIND(source)
FIND(decoder)
FIND(stage)
FIND(model)
FIND(sink)
