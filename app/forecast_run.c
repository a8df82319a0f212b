/* forecast_run.c - a loaded forecaster over patients of a data set. */
#include "app/forecast_run.h"

#include <stdlib.h>
#include <string.h>

#include "models/kernel.h"
#include "stages/conformal.h"

/** As option `baseline` of stage normalize by default. */
static const int64_t baseline_ns = INT64_C(4) * 3600 * VG_NS_PER_S;

struct vg_forecast_run {
    const struct vg_model *model;
    const struct vg_dataset *data;
    struct vg_features features;
    struct vg_dataset_scale scale; /* of the model */
    void *memory, *scratch;
    float *y; /* [outputs] */
    struct vg_conformal conformal;
    void *waiting; /* the conformal memory of the current patient */
};

static vg_status check(const struct vg_model *m, const struct vg_dataset *d, struct vg_err *err)
{
    if (m->horizons == 0)
        return vg_fail(err, VG_E_MODEL, "model %s is of kind %s and forecasts nothing", m->name,
                       m->ops->name);
    if (m->tick_ns != d->tick_ns)
        return vg_fail(err, VG_E_MODEL, "model %s has a tick of %g s, the data one of %g s",
                       m->name, (double)m->tick_ns / (double)VG_NS_PER_S,
                       (double)d->tick_ns / (double)VG_NS_PER_S);
    if (m->channels != d->channels ||
        memcmp(m->channel, d->channel, m->channels * sizeof *m->channel) != 0)
        return vg_fail(err, VG_E_MODEL,
                       "model %s has other channels than the data, or another order", m->name);
    return VG_OK;
}

vg_status vg_forecast_run_new(const struct vg_model *model, const struct vg_dataset *d,
                              const struct vg_forecast_adjust *adjust, struct vg_forecast_run **ret,
                              struct vg_err *err)
{
    struct vg_forecast_run *run = calloc(1, sizeof *run);
    vg_status st = check(model, d, err);

    VG_CHECK(run != NULL);
    if (st == VG_OK)
        st = vg_features_parse(&run->features, model->features, model->channels, model->tick_ns,
                               err);
    if (st != VG_OK) {
        free(run);
        return st;
    }
    vg_kernel_thread_init();
    run->model = model;
    run->data = d;
    memcpy(run->scale.mean, model->mean, sizeof run->scale.mean);
    memcpy(run->scale.scale, model->scale, sizeof run->scale.scale);
    run->memory = vg_kernel_alloc(model->memory_size);
    run->scratch = vg_kernel_alloc(model->scratch_size);
    run->y = vg_kernel_alloc(model->outputs * sizeof(float));
    vg_conformal_init(&run->conformal, model, d->tick_ns, adjust->on, adjust->coverage,
                      adjust->rate);
    run->waiting = vg_kernel_alloc(vg_conformal_memory(&run->conformal));
    *ret = run;
    return VG_OK;
}

void vg_forecast_run_free(struct vg_forecast_run *run)
{
    if (!run)
        return;
    free(run->memory);
    free(run->scratch);
    free(run->y);
    free(run->waiting);
    free(run);
}

/** What stage forecast does with the answer of a tick: first the outcomes, then the widths. */
static void adjust(struct vg_forecast_run *run, const struct vg_view *v, uint32_t t, int64_t at_ns)
{
    const size_t at = (size_t)t * v->channels;
    float residual[VG_CHANNELS], sd[VG_CHANNELS];
    bool measured[VG_CHANNELS], valid[VG_CHANNELS];

    for (uint32_t c = 0; c < v->channels; c++) {
        measured[c] = v->genuine[at + c] > 0;
        valid[c] = v->known[at + c] > 0;
    }

    const struct vg_outcome outcome = { v->z + at, measured };
    vg_conformal_judge(&run->conformal, run->waiting, at_ns, &outcome, residual, sd);
    vg_conformal_tell(&run->conformal, run->waiting, at_ns, valid, run->y);
}

void vg_forecast_run_patient(struct vg_forecast_run *run, const struct vg_dataset_patient *who,
                             float *y)
{
    const struct vg_model *m = run->model;
    const uint32_t per_channel = m->horizons * m->quantiles;
    struct vg_view v;

    memset(run->memory, 0, m->memory_size);
    memset(run->waiting, 0, vg_conformal_memory(&run->conformal));
    vg_view_init(&v, run->data, who, &run->scale, &run->features, baseline_ns);
    for (uint32_t t = 0; t < v.ticks; t++) {
        float *to = y + (size_t)t * m->outputs;

        m->ops->step(m, 1, v.x + (size_t)t * v.inputs, &run->memory, run->y, run->scratch);
        adjust(run, &v, t, who->first_ns + (int64_t)t * m->tick_ns);
        for (uint32_t i = 0; i < m->outputs; i++)
            to[i] = m->mean[i / per_channel] + m->scale[i / per_channel] * run->y[i];
    }
    vg_view_done(&v);
}
