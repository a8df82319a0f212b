/* dataset_view.c - a patient as normalize and the features of a live chain would see him. */
#include <stdlib.h>
#include <string.h>

#include "app/dataset.h"

static float *cells(size_t n)
{
    float *x = calloc(n + 1, sizeof(float));

    VG_CHECK(x != NULL);
    return x;
}

/* What stages/normalize.c does with a tick. */
static void normalize(const struct vg_dataset *d, const struct vg_dataset_scale *scale,
                      const struct vg_baseline *usual, struct vg_baseline_memory *memory,
                      const struct vg_dataset_patient *who, size_t at, float *z, bool *usable,
                      float *baseline)
{
    for (uint32_t c = 0; c < d->channels; c++) {
        uint8_t quality = who->quality[at + c];

        baseline[c] = vg_baseline_value(&memory[c]);
        usable[c] = vg_usable_by_models(quality);
        if (usable[c])
            z[c] = vg_feature_z(who->value[at + c], scale->mean[c], scale->scale[c]);
        if (quality == VG_Q_GOOD)
            vg_baseline_learn(usual, &memory[c], z[c]);
    }
}

static void note(struct vg_view *v, const struct vg_dataset_patient *who, size_t at,
                 const bool *usable)
{
    for (uint32_t c = 0; c < v->channels; c++) {
        bool first = at < v->channels;

        v->usable[at + c] = usable[c] ? 1.0f : 0.0f;
        v->genuine[at + c] = vg_certain(who->quality[at + c]) ? 1.0f : 0.0f;
        if (usable[c]) {
            v->held[at + c] = v->z[at + c];
            v->known[at + c] = 1.0f;
        } else if (!first) {
            v->held[at + c] = v->held[at + c - v->channels];
            v->known[at + c] = v->known[at + c - v->channels];
        }
    }
}

void vg_view_init(struct vg_view *v, const struct vg_dataset *d,
                  const struct vg_dataset_patient *who, const struct vg_dataset_scale *scale,
                  const struct vg_features *features, int64_t baseline_ns)
{
    const size_t n = (size_t)who->ticks * d->channels;
    struct vg_baseline_memory memory[VG_CHANNELS] = { { 0 } };
    struct vg_baseline usual;
    float baseline[VG_CHANNELS] = { 0 };
    bool usable[VG_CHANNELS] = { 0 };
    void *kept = features ? calloc(1, vg_features_memory(features) + 1) : NULL;

    VG_CHECK(!features || kept != NULL);
    vg_baseline_init(&usual, d->tick_ns, baseline_ns);
    *v = (struct vg_view){ .ticks = who->ticks,
                           .channels = d->channels,
                           .inputs = features ? vg_features_inputs(features) : 0,
                           .z = cells(n),
                           .usable = cells(n),
                           .genuine = cells(n),
                           .held = cells(n),
                           .known = cells(n) };
    v->x = features ? cells((size_t)who->ticks * v->inputs) : NULL;
    for (uint32_t t = 0; t < who->ticks; t++) {
        const size_t at = (size_t)t * d->channels;
        const struct vg_feature_tick tick = { v->z + at, usable, who->age_s + at, baseline };

        normalize(d, scale, &usual, memory, who, at, v->z + at, usable, baseline);
        note(v, who, at, usable);
        if (features)
            vg_features_step(features, kept, &tick, v->x + (size_t)t * v->inputs);
    }
    free(kept);
}

void vg_view_done(struct vg_view *v)
{
    free(v->z);
    free(v->usable);
    free(v->genuine);
    free(v->held);
    free(v->known);
    free(v->x);
    *v = (struct vg_view){ 0 };
}

void vg_view_target(const struct vg_view *v, uint32_t t, uint32_t ahead, float *y, float *there)
{
    const size_t at = ((size_t)t + ahead) * v->channels;

    for (uint32_t c = 0; c < v->channels; c++) {
        bool known = t + (uint64_t)ahead < v->ticks && v->genuine[at + c] != 0.0f;

        there[c] = known ? 1.0f : 0.0f;
        y[c] = known ? v->z[at + c] : 0.0f;
    }
}

void vg_view_window(const struct vg_view *v, uint32_t t, uint32_t window, float *x)
{
    const size_t half = (size_t)window * v->channels, row = v->channels * sizeof(float);

    memset(x, 0, 2 * half * sizeof(float));
    for (uint32_t w = 0; w < window; w++) {
        const size_t to = (size_t)w * v->channels;

        if ((uint64_t)t + w + 1 < window)
            continue; /* before the first tick */
        memcpy(x + to, v->z + ((size_t)t + w + 1 - window) * v->channels, row);
        memcpy(x + half + to, v->usable + ((size_t)t + w + 1 - window) * v->channels, row);
    }
}
