/* normalize.c - brings channels to the scale of the models, and learns what is usual for a patient.
 *
 * The scale is the population's, from the model file, so that a model sees what it was trained on.
 * The personal baseline beside it (models/features.h) says where this patient usually is. Each value
 * is scored before it is learned from.
 */
#include "core/stage.h"
#include "models/features.h"

struct normalize {
    int64_t baseline_ns; /* option: time constant */
    const struct vg_model *model;
    struct vg_baseline usual;
    int z, baseline; /* columns [C] */
};

static const struct vg_option options[] = {
    VG_OPT_DURATION(struct normalize, baseline_ns, "baseline", "4h", 60, 30 * 86400.0,
                    VG_OPT_EVENTS,
                    "Time constant of the personal baseline: how long a patient's own usual values "
                    "are remembered."),
    VG_OPT_END,
};

static vg_status normalize_plan(void *self, struct vg_plan *plan, struct vg_err *err)
{
    struct normalize *s = self;
    vg_status st;

    if (plan->models_n == 0)
        return vg_fail(err, VG_E_CONFIG,
                       "stage normalize takes its scale from the models, and the configuration has "
                       "no \"models:\"; add one, or leave normalize out");
    if (plan->tick_ns == 0)
        return vg_fail(err, VG_E_CONFIG,
                       "stage normalize works on ticks, and none reach it; put a stage of type "
                       "resample before it");
    /* All models of a chain have the same channels and scales. */
    s->model = plan->models[0];
    vg_baseline_init(&s->usual, plan->tick_ns, s->baseline_ns);
    plan->rows = VG_ROW_TICK;
    plan->memory_size = VG_MEASURED * sizeof(struct vg_baseline_memory);
    st = vg_plan_add_column(plan, "z", VG_CHANNELS, NULL, &s->z, err);
    if (st == VG_OK)
        st = vg_plan_add_column(plan, "baseline", VG_CHANNELS, NULL, &s->baseline, err);
    return st;
}

static void normalize_row(void *self, void *memory, struct vg_row *row, struct vg_out *out)
{
    const struct normalize *s = self;
    struct vg_baseline_memory *channel = memory;
    float *z = vg_row_column(row, s->z), *baseline = vg_row_column(row, s->baseline);

    (void)out;
    for (int c = 0; c < VG_CHANNELS; c++)
        z[c] = baseline[c] = 0.0f;
    for (uint32_t i = 0; i < s->model->channels; i++) {
        int c = s->model->channel[i];

        baseline[c] = vg_baseline_value(&channel[c]);
        if (vg_usable_by_models(row->quality[c]))
            z[c] = vg_feature_z(row->value[c], s->model->mean[i], s->model->scale[i]);
        if (row->quality[c] == VG_Q_GOOD)
            vg_baseline_learn(&s->usual, &channel[c], z[c]);
    }
}

const struct vg_stage_ops vg_stage_normalize = {
    .name = "normalize",
    .summary = "Scales each channel as the models expect it and keeps the patient's own baseline.",
    .options = options,
    .self_size = sizeof(struct normalize),
    .memory_version = 1,
    .plan = normalize_plan,
    .row = normalize_row,
};
