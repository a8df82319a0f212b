/* normalize.c - brings channels to the scale of the models, and learns what is usual for a patient.
 *
 * The scale is the population's, from the model file, so that a model sees what it was trained on.
 * The personal baseline beside it says where this patient usually is: an exponentially weighted mean
 * of z that starts as if PSEUDO of the population's median had come before, because the first values
 * of a stay are no reason to call them usual. It learns from GOOD values only, and hardly from those
 * far from it, or a long crisis would become the new normal. Each value is scored before it is
 * learned from.
 */
#include "core/stage.h"
#include "models/kernel.h"

struct normalize {
    int64_t baseline_ns; /* option: time constant */
    const struct vg_model *model;
    float alpha;     /* weight of one tick */
    float pseudo;    /* weight of what came before the first value */
    int z, baseline; /* columns [C] */
};

struct channel_memory {
    float total;  /* weighted sum of z */
    float weight; /* of the values in it; 0: none came yet */
};

static const float clip = 6.0f, far_away = 4.0f, far_factor = 0.1f;
static const int64_t pseudo_ns = 1800 * VG_NS_PER_S;

static const struct vg_option options[] = {
    VG_OPT_DURATION(struct normalize, baseline_ns, "baseline", "4h", 60, 30 * 86400.0,
                    VG_OPT_EVENTS,
                    "Time constant of the personal baseline: how long a patient's own usual values "
                    "are remembered."),
    VG_OPT_END,
};

static float weight_of(int64_t span_ns, int64_t constant_ns)
{
    return 1.0f - vg_expf(-(float)((double)span_ns / (double)constant_ns));
}

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
    s->alpha = weight_of(plan->tick_ns, s->baseline_ns);
    s->pseudo = weight_of(pseudo_ns, s->baseline_ns);
    plan->rows = VG_ROW_TICK;
    plan->memory_size = VG_CHANNELS * sizeof(struct channel_memory);
    st = vg_plan_add_column(plan, "z", VG_CHANNELS, NULL, &s->z, err);
    if (st == VG_OK)
        st = vg_plan_add_column(plan, "baseline", VG_CHANNELS, NULL, &s->baseline, err);
    return st;
}

static float score(float value, float mean, float scale)
{
    float z = (value - mean) / scale;

    if (z > clip)
        return clip;
    return z < -clip ? -clip : z;
}

static float baseline_of(const struct channel_memory *m)
{
    return m->weight > 0.0f ? m->total / m->weight : 0.0f;
}

static void learn(const struct normalize *s, struct channel_memory *m, float z)
{
    float away = z - baseline_of(m);
    float a = away > far_away || away < -far_away ? far_factor * s->alpha : s->alpha;

    if (m->weight == 0.0f)
        m->weight = s->pseudo;
    m->total += a * (z - m->total);
    m->weight += a * (1.0f - m->weight);
}

static void normalize_row(void *self, void *memory, struct vg_row *row, struct vg_out *out)
{
    const struct normalize *s = self;
    struct channel_memory *channel = memory;
    float *z = vg_row_column(row, s->z), *baseline = vg_row_column(row, s->baseline);

    (void)out;
    for (int c = 0; c < VG_CHANNELS; c++)
        z[c] = baseline[c] = 0.0f;
    for (uint32_t i = 0; i < s->model->channels; i++) {
        int c = s->model->channel[i];

        baseline[c] = baseline_of(&channel[c]);
        if (vg_usable_by_models(row->quality[c]))
            z[c] = score(row->value[c], s->model->mean[i], s->model->scale[i]);
        if (row->quality[c] == VG_Q_GOOD)
            learn(s, &channel[c], z[c]);
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
