/* detect_window.c - a ring of ticks, unrolled for the model, and the error of what comes back. */
#include "stages/detect_window.h"

#include <stdlib.h>
#include <string.h>

#include "models/kernel.h"
#include "stages/packed.h"

static const float steps_per_sd = 4096;

struct window {
    int64_t newest_ns; /* event time of the newest tick */
    uint32_t next;     /* where the next tick goes; the oldest is there now */
    uint32_t seen;     /* ticks so far, at most W */
    int16_t entry[];   /* z [W, C] */
};

vg_status vg_detect_window_plan(struct vg_detect_window *w, const struct vg_model *model,
                                struct vg_plan *plan, struct vg_err *err)
{
    if (model->window == 0)
        return vg_fail_option(err, VG_E_CONFIG, "model",
                              "model %s is of type %s and has no window to score; expected a "
                              "detector, an autoencoder or a pca",
                              model->name, model->ops->name);
    w->model = model;
    w->kernel = vg_kernel();
    w->tick_ns = plan->tick_ns;
    return vg_plan_need_column(plan, "z", &w->z, err);
}

void vg_detect_window_open(struct vg_detect_window *w)
{
    w->x = vg_kernel_alloc(sizeof(float) * VG_BATCH_MAX * w->model->inputs);
    w->y = vg_kernel_alloc(sizeof(float) * VG_BATCH_MAX * w->model->outputs);
    w->scratch = vg_kernel_alloc(w->model->scratch_size);
}

void vg_detect_window_close(struct vg_detect_window *w)
{
    free(w->x);
    free(w->y);
    free(w->scratch);
}

size_t vg_detect_window_memory(const struct vg_detect_window *w)
{
    return (sizeof(struct window) + w->model->outputs * sizeof(int16_t) + 7) / 8 * 8;
}

/* ---- the ring ---- */

static int16_t *entries_at(const struct vg_detect_window *w, struct window *ring, uint32_t tick)
{
    return ring->entry + (size_t)tick * w->model->channels;
}

static void advance(const struct vg_detect_window *w, struct window *ring)
{
    ring->next = (ring->next + 1) % w->model->window;
    if (ring->seen < w->model->window)
        ring->seen++;
}

/* Ticks that never came, at most a whole window of them. */
static void skip(const struct vg_detect_window *w, struct window *ring, int64_t at_ns)
{
    int64_t missing = ring->seen == 0 ? 0 : (at_ns - ring->newest_ns) / w->tick_ns - 1;

    for (int64_t i = 0; i < missing && i < w->model->window; i++) {
        int16_t *entry = entries_at(w, ring, ring->next);

        for (uint32_t c = 0; c < w->model->channels; c++)
            entry[c] = VG_PACKED_NOTHING;
        advance(w, ring);
    }
}

static void push(const struct vg_detect_window *w, struct window *ring, const struct vg_row *row)
{
    const float *z = vg_row_column(row, w->z);
    int16_t *entry;

    skip(w, ring, row->event_ns);
    entry = entries_at(w, ring, ring->next);
    for (uint32_t i = 0; i < w->model->channels; i++) {
        int c = w->model->channel[i];

        /* normalize clips z to +-6 */
        entry[i] = vg_pack_if(vg_usable_by_models(row->quality[c]), z[c], steps_per_sd);
    }
    advance(w, ring);
    ring->newest_ns = row->event_ns;
}

/* Writes z, then masks, oldest tick first; what was never seen is not usable. */
static void unroll(const struct vg_detect_window *w, struct window *ring, float *x)
{
    const size_t channels = w->model->channels, ticks = w->model->window;
    const size_t unseen = (ticks - ring->seen) * channels;
    /* The oldest tick seen is at `next` once the ring is full, and at 0 before. */
    const size_t first = ring->seen == ticks ? ring->next : 0;
    const size_t older = (ring->seen - first) * channels, newer = first * channels;
    const float unit = 1.0f / steps_per_sd;
    float *mask = x + w->model->outputs;

    memset(x, 0, unseen * sizeof(float));
    memset(mask, 0, unseen * sizeof(float));
    w->kernel->unpack(older, ring->entry + first * channels, unit, x + unseen, mask + unseen);
    w->kernel->unpack(newer, ring->entry, unit, x + unseen + older, mask + unseen + older);
}

void vg_detect_window_take(struct vg_detect_window *w, uint32_t i, void *memory,
                           const struct vg_row *row)
{
    push(w, memory, row);
    unroll(w, memory, w->x + (size_t)i * w->model->inputs);
}

void vg_detect_window_step(struct vg_detect_window *w, uint32_t n)
{
    w->model->ops->step(w->model, n, w->x, NULL, w->y, w->scratch);
}

/* ---- the error ---- */

bool vg_detect_window_error(const struct vg_detect_window *w, uint32_t i, const void *memory,
                            float *sum, uint32_t *ret_usable)
{
    const struct window *ring = memory;
    const uint32_t channels = w->model->channels;
    const float *x = w->x + (size_t)i * w->model->inputs, *mask = x + w->model->outputs;
    const float *y = w->y + (size_t)i * w->model->outputs;
    uint32_t usable = w->kernel->squared_errors(channels, w->model->window, y, x, mask, sum);

    *ret_usable = usable;
    return 2 * ring->seen >= w->model->window && 2 * usable >= ring->seen * channels;
}
