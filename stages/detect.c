/* detect.c - how unusual the last minutes of a patient are, all channels together.
 *
 * Memory is a ring of the newest W ticks: z and whether it was usable. The model reconstructs the
 * window; the score is the mean squared error over usable entries, in squared standard deviations,
 * and each channel's contribution its share of that error. Sums run over ticks from old to new, then
 * over channels, so that their bits are always the same.
 *
 * A score says nothing while too little is known: it is valid when half of the window was seen, and
 * half of what was seen is usable. Ticks that never came leave gaps, not a shorter past.
 */
#include <stdlib.h>
#include <string.h>

#include "core/stage.h"
#include "models/kernel.h"

struct detect {
    char *model_name; /* option */
    int64_t explain;  /* option */
    const struct vg_model *model;
    int64_t tick_ns;
    int z;                   /* column [VG_CHANNELS] of normalize */
    int score, valid, share; /* columns [1], [1], [C] */
    float *x, *y;            /* [B, 2, W, C], [B, W, C] */
    void *scratch;
};

struct window {
    int64_t newest_ns; /* event time of the newest tick */
    uint32_t next;     /* where the next tick goes; the oldest is there now */
    uint32_t seen;     /* ticks so far, at most W */
    float entry[];     /* z [W, C], then mask [W, C] */
};

static const struct vg_option options[] = {
    VG_OPT_STRING(struct detect, model_name, "model", NULL, VG_OPT_REQUIRED | VG_OPT_EVENTS,
                  "Name of an autoencoder in \"models:\"; its tick must be that of resample."),
    VG_OPT_INT(
        struct detect, explain, "explain", "3", 0, VG_CHANNELS, "channels", VG_OPT_EVENTS,
        "How many channels are named as contributing most; the shares of the others are left "
        "out."),
    VG_OPT_END,
};

static vg_status detect_plan(void *self, struct vg_plan *plan, struct vg_err *err)
{
    struct detect *s = self;
    vg_status st = vg_plan_need_model(plan, "model", s->model_name, &s->model, err);

    if (st != VG_OK)
        return st;
    if (s->model->window == 0)
        return vg_fail_option(err, VG_E_CONFIG, "model",
                              "model %s is of type %s and has no window to score; expected type "
                              "autoencoder",
                              s->model_name, s->model->ops->name);
    s->tick_ns = plan->tick_ns;
    plan->rows = VG_ROW_TICK;
    plan->memory_size = sizeof(struct window) + s->model->inputs * sizeof(float);
    st = vg_plan_need_column(plan, "z", &s->z, err);
    if (st == VG_OK)
        st = vg_plan_add_column(plan, "anomaly_score", 1, s->model, &s->score, err);
    if (st == VG_OK)
        st = vg_plan_add_column(plan, "anomaly_valid", 1, s->model, &s->valid, err);
    if (st == VG_OK)
        st = vg_plan_add_column(plan, "contribution", s->model->channels, s->model, &s->share, err);
    return st;
}

static vg_status detect_open(void *self, struct vg_err *err)
{
    struct detect *s = self;

    (void)err;
    s->x = vg_kernel_alloc(sizeof(float) * VG_BATCH_MAX * s->model->inputs);
    s->y = vg_kernel_alloc(sizeof(float) * VG_BATCH_MAX * s->model->outputs);
    s->scratch = vg_kernel_alloc(s->model->scratch_size);
    return VG_OK;
}

/* ---- the window ---- */

static float *entries_at(const struct detect *s, struct window *w, uint32_t tick)
{
    return w->entry + (size_t)tick * s->model->channels;
}

static float *masks_at(const struct detect *s, struct window *w, uint32_t tick)
{
    return entries_at(s, w, tick) + s->model->outputs;
}

static void advance(const struct detect *s, struct window *w)
{
    w->next = (w->next + 1) % s->model->window;
    if (w->seen < s->model->window)
        w->seen++;
}

/* Ticks that never came, at most a whole window of them. */
static void skip(const struct detect *s, struct window *w, int64_t at_ns)
{
    int64_t missing = w->seen == 0 ? 0 : (at_ns - w->newest_ns) / s->tick_ns - 1;

    for (int64_t i = 0; i < missing && i < s->model->window; i++) {
        memset(entries_at(s, w, w->next), 0, s->model->channels * sizeof(float));
        memset(masks_at(s, w, w->next), 0, s->model->channels * sizeof(float));
        advance(s, w);
    }
}

static void push(const struct detect *s, struct window *w, const struct vg_row *row)
{
    const float *z = vg_row_column(row, s->z);
    float *entry, *mask;

    skip(s, w, row->event_ns);
    entry = entries_at(s, w, w->next);
    mask = masks_at(s, w, w->next);
    for (uint32_t i = 0; i < s->model->channels; i++) {
        int c = s->model->channel[i];
        bool usable = vg_usable_by_models(row->quality[c]);

        entry[i] = usable ? z[c] : 0.0f;
        mask[i] = usable ? 1.0f : 0.0f;
    }
    advance(s, w);
    w->newest_ns = row->event_ns;
}

/* Writes the window as the model wants it, oldest tick first. */
static void unroll(const struct detect *s, struct window *w, float *x)
{
    const size_t channels = s->model->channels, ticks = s->model->window;
    const size_t newer = (ticks - w->next) * channels, older = w->next * channels;

    for (int half = 0; half < 2; half++) {
        const float *ring = w->entry + (size_t)half * s->model->outputs;

        memcpy(x, ring + older, newer * sizeof(float));
        memcpy(x + newer, ring, older * sizeof(float));
        x += s->model->outputs;
    }
}

/* ---- the score ---- */

/* Keeps the `explain` largest shares; of equal ones the first. */
static void keep_largest(const struct detect *s, float *share)
{
    bool keep[VG_CHANNELS] = { false };

    for (int64_t k = 0; k < s->explain; k++) {
        uint32_t best = s->model->channels;

        for (uint32_t c = 0; c < s->model->channels; c++) {
            if (!keep[c] && (best == s->model->channels || share[c] > share[best]))
                best = c;
        }
        if (best < s->model->channels)
            keep[best] = true;
    }
    for (uint32_t c = 0; c < s->model->channels; c++)
        share[c] = keep[c] ? share[c] : 0.0f;
}

static void judge(const struct detect *s, const struct window *w, const float *x, const float *y,
                  const struct vg_row *row)
{
    const uint32_t channels = s->model->channels, ticks = s->model->window;
    const float *mask = x + s->model->outputs;
    float *share = vg_row_column(row, s->share);
    float total = 0.0f;
    uint32_t usable = 0;

    for (uint32_t c = 0; c < channels; c++) {
        float sum = 0.0f;

        for (size_t i = c; i < s->model->outputs; i += channels) {
            float error = y[i] - x[i];

            if (mask[i] == 0.0f)
                continue;
            sum += error * error;
            usable++;
        }
        share[c] = sum;
        total += sum;
    }
    for (uint32_t c = 0; c < channels; c++)
        share[c] = total > 0.0f ? share[c] / total : 0.0f;
    keep_largest(s, share);
    vg_row_column(row, s->score)[0] = usable > 0 ? total / (float)usable : 0.0f;
    vg_row_column(row, s->valid)[0] =
        2 * w->seen >= ticks && 2 * usable >= w->seen * channels ? 1.0f : 0.0f;
}

static void detect_wave(void *self, const struct vg_wave *wave)
{
    const struct detect *s = self;
    const struct vg_model *m = s->model;

    for (uint32_t i = 0; i < wave->n; i++) {
        push(s, wave->memory[i], &wave->rows[i]);
        unroll(s, wave->memory[i], s->x + (size_t)i * m->inputs);
    }
    m->ops->step(m, wave->n, s->x, NULL, s->y, s->scratch);
    for (uint32_t i = 0; i < wave->n; i++)
        judge(s, wave->memory[i], s->x + (size_t)i * m->inputs, s->y + (size_t)i * m->outputs,
              &wave->rows[i]);
}

static void detect_close(void *self)
{
    struct detect *s = self;

    free(s->x);
    free(s->y);
    free(s->scratch);
}

const struct vg_stage_ops vg_stage_detect = {
    .name = "detect",
    .summary = "Scores how unusual the last minutes are with an autoencoder, and names why.",
    .options = options,
    .self_size = sizeof(struct detect),
    .memory_version = 1,
    .plan = detect_plan,
    .open = detect_open,
    .wave = detect_wave,
    .close = detect_close,
};
