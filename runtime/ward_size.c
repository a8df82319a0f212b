/* ward_size.c - the memory of tiles, that there is and that there can be. */
#include <stdlib.h>

#include "runtime/ward_private.h"

size_t vg_ward_bed_size(const struct vg_config *config, const struct vg_ward_models *models)
{
    struct vg_ward w = { .config = config, .models = *models };
    uint32_t windows = 0;

    vg_ward_choose_quantiles(&w);
    for (uint32_t i = 0; i < config->site.scores_n; i++) {
        uint32_t n = vg_score_windows(&config->site.scores[i].score);

        windows = n > windows ? n : windows;
    }
    return sizeof(struct vg_ward_bed) - sizeof(struct vg_ward_ring) +
           vg_ward_ring_size(VG_MEASURED, vg_ward_forecast_size(&w)) +
           vg_ward_forecast_size(&w) * sizeof(uint16_t) + windows * sizeof(struct vg_score_window);
}

size_t vg_ward_bed_planned(const struct vg_config *config)
{
    struct vg_planned_stage *stage = calloc(config->stages_n, sizeof(*stage));
    struct vg_ward_models models = { NULL, NULL };
    struct vg_layout layout;
    struct vg_err err;

    VG_CHECK(stage != NULL);
    /* It has been planned before, or it would not have been loaded. */
    if (vg_config_plan(config, &layout, stage, &err) == VG_OK) {
        for (uint32_t i = 0; i < config->stages_n; i++) {
            if (stage[i].model && stage[i].model->horizons > 0)
                models.forecaster = stage[i].model;
            vg_planned_stage_done(&stage[i]);
        }
    }
    free(stage);
    return vg_ward_bed_size(config, &models);
}

size_t vg_ward_size(const struct vg_ward *w)
{
    size_t sum =
        sizeof(*w) + w->beds_max * sizeof(struct vg_ward_bed *) + w->index_size * sizeof(*w->index);

    for (uint32_t i = 0; i < w->beds; i++) {
        const struct vg_ward_bed *b = w->bed[i];
        uint32_t tracks = 0;

        for (int c = 0; c < VG_MEASURED; c++)
            tracks += b->ring.track[c] != NULL;
        sum += sizeof(*b) - sizeof(b->ring) +
               vg_ward_ring_size(tracks, b->ring.forecast ? b->ring.forecast_size : 0);
        sum += b->forecast ? vg_ward_forecast_size(w) * sizeof(uint16_t) : 0;
        if (b->place >= 0)
            sum += vg_score_windows(&w->config->site.scores[b->place].score) *
                   sizeof(struct vg_score_window);
    }
    return sum;
}
