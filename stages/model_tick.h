/* model_tick.h - a tick row as a model's channels, for the stages that step models.
 *
 * What lies under a value that models may not use is never read: z is 0 there.
 */
#ifndef VG_STAGES_MODEL_TICK_H
#define VG_STAGES_MODEL_TICK_H

#include "core/stage.h"

/** All by the model's channels. */
struct vg_model_tick {
    float z[VG_CHANNELS], age_s[VG_CHANNELS], baseline[VG_CHANNELS];
    bool usable[VG_CHANNELS];   /**< by models */
    bool measured[VG_CHANNELS]; /**< and taken in this tick, not filled in */
};

/** Columns of resample and normalize, each [VG_CHANNELS]. */
struct vg_model_columns {
    int z, age, baseline;
};

VG_NODISCARD static inline vg_status vg_model_columns_need(struct vg_model_columns *c,
                                                           struct vg_plan *plan, struct vg_err *err)
{
    vg_status st = vg_plan_need_column(plan, "z", &c->z, err);

    if (st == VG_OK)
        st = vg_plan_need_column(plan, "baseline", &c->baseline, err);
    if (st == VG_OK)
        st = vg_plan_need_column(plan, "age", &c->age, err);
    return st;
}

static inline void vg_model_tick_read(struct vg_model_tick *t, const struct vg_model *m,
                                      const struct vg_model_columns *columns,
                                      const struct vg_row *row)
{
    const float *z = vg_row_column(row, columns->z), *age = vg_row_column(row, columns->age);
    const float *baseline = vg_row_column(row, columns->baseline);

    for (uint32_t i = 0; i < m->channels; i++) {
        int c = m->channel[i];

        t->usable[i] = vg_usable_by_models(row->quality[c]);
        t->measured[i] = vg_certain(row->quality[c]);
        t->z[i] = t->usable[i] ? z[c] : 0.0f;
        t->age_s[i] = age[c];
        t->baseline[i] = baseline[c];
    }
}

#endif
