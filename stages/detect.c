/* detect.c - how unusual a patient is now, all channels together, and which of them say so.
 *
 * With a window model (autoencoder, pca) the score is its error over the newest ticks, in squared
 * standard deviations. With a detector it is the surprise that models/calibration.h makes of three
 * scores: residuals of the forecast stage, sums of the residuals of a second forecaster, and the
 * window's error. The detector's file names the models that it was calibrated with; they are looked
 * for among "models:", and others in their place are refused.
 *
 * A score says nothing while too little is known; rules look at "anomaly_valid" first.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/stage.h"
#include "models/calibration.h"
#include "models/kernel.h"
#include "stages/detect_slow.h"
#include "stages/detect_window.h"

struct detect {
    char *model_name; /* option */
    int64_t explain;  /* option */
    bool tell_inputs; /* option */
    const struct vg_model *model;
    const struct vg_calibration *calibration; /* NULL: the model is a window model */
    struct vg_detect_window window;           /* model NULL: none */
    struct vg_detect_slow slow;               /* model NULL: none */
    bool fast;
    int residual, residual_sd; /* columns [C] of the forecast stage */
    int score, valid, share;   /* columns [1], [1], [C] */
    int inputs;                /* column [5 C + 1], with tell_inputs */
    /* Memory: the window's, the slow forecaster's, the detector's. */
    size_t slow_at, detector_at;
    float *x, *y; /* [B, inputs], [B, outputs] of the detector */
    void *state[VG_BATCH_MAX];
    bool known[VG_BATCH_MAX]; /* enough for the detector to say anything */
};

static const struct vg_option options[] = {
    VG_OPT_STRING(
        struct detect, model_name, "model", NULL, VG_OPT_REQUIRED | VG_OPT_EVENTS,
        "Name of a detector, an autoencoder or a pca in \"models:\"; its tick must be that "
        "of resample. The models that a detector was calibrated with must be there too."),
    VG_OPT_INT(
        struct detect, explain, "explain", "3", 0, VG_CHANNELS, "channels", VG_OPT_EVENTS,
        "How many channels are named as contributing most; the shares of the others are left "
        "out."),
    VG_OPT_BOOL(struct detect, tell_inputs, "inputs", "false", 0,
                "Adds what a detector was given as a column, for those who calibrate one."),
    VG_OPT_END,
};

/* ---- plan ---- */

/* The model whose file has this hash. */
static vg_status find_member(const struct vg_plan *plan, const struct detect *s,
                             enum vg_score which, const struct vg_model **ret, struct vg_err *err)
{
    const char *hash = s->calibration->member[which];

    *ret = NULL;
    for (uint32_t i = 0; i < plan->models_n && hash[0] != '\0'; i++) {
        if (strcmp(plan->models[i]->sha256, hash) == 0)
            *ret = plan->models[i];
    }
    if (!*ret && hash[0] != '\0')
        return vg_fail_option(err, VG_E_CONFIG, "model",
                              "detector %s was calibrated with another model for its score \"%s\", "
                              "a file with the SHA-256 %.12s...; add that to \"models:\", or "
                              "calibrate with yours by `vigil train detector`",
                              s->model_name, vg_score_names[which], hash);
    return VG_OK;
}

static vg_status plan_fast(struct detect *s, struct vg_plan *plan, struct vg_err *err)
{
    const struct vg_model *member;
    vg_status st = find_member(plan, s, VG_SCORE_FAST, &member, err);

    if (st != VG_OK || !member)
        return st;
    s->fast = true;
    st = vg_plan_need_column(plan, "residual", &s->residual, err);
    if (st == VG_OK)
        st = vg_plan_need_column(plan, "residual_sd", &s->residual_sd, err);
    if (st == VG_OK && plan->column_model[s->residual] != member)
        return vg_fail_option(err, VG_E_CONFIG, "model",
                              "detector %s was calibrated with the forecasts of %s, but the chain "
                              "forecasts with %s",
                              s->model_name, member->name, plan->column_model[s->residual]->name);
    return st;
}

static vg_status plan_members(struct detect *s, struct vg_plan *plan, struct vg_err *err)
{
    const struct vg_model *slow, *window;
    vg_status st = plan_fast(s, plan, err);

    if (st == VG_OK)
        st = find_member(plan, s, VG_SCORE_SLOW, &slow, err);
    if (st == VG_OK && slow)
        st = vg_detect_slow_plan(&s->slow, slow, plan, err);
    if (st == VG_OK)
        st = find_member(plan, s, VG_SCORE_WINDOW, &window, err);
    if (st == VG_OK && window)
        st = vg_detect_window_plan(&s->window, window, plan, err);
    return st;
}

static vg_status plan_parts(struct detect *s, struct vg_plan *plan, struct vg_err *err)
{
    s->calibration = vg_detector_calibration(s->model);
    if (s->calibration)
        return plan_members(s, plan, err);
    return vg_detect_window_plan(&s->window, s->model, plan, err);
}

static vg_status detect_plan(void *self, struct vg_plan *plan, struct vg_err *err)
{
    struct detect *s = self;
    vg_status st = vg_plan_need_model(plan, "model", s->model_name, &s->model, err);

    if (st == VG_OK)
        st = plan_parts(s, plan, err);
    if (st != VG_OK)
        return st;
    s->slow_at = s->window.model ? vg_detect_window_memory(&s->window) : 0;
    s->detector_at = s->slow_at + (s->slow.model ? vg_detect_slow_memory(&s->slow) : 0);
    plan->rows = VG_ROW_TICK;
    plan->memory_size = s->detector_at + (s->calibration ? s->model->memory_size : 0);
    st = vg_plan_add_column(plan, "anomaly_score", 1, s->model, &s->score, err);
    if (st == VG_OK)
        st = vg_plan_add_column(plan, "anomaly_valid", 1, s->model, &s->valid, err);
    if (st == VG_OK)
        st = vg_plan_add_column(plan, "contribution", s->model->channels, s->model, &s->share, err);
    if (st == VG_OK && s->calibration && s->tell_inputs)
        st = vg_plan_add_column(plan, "detector_inputs", s->model->inputs, s->model, &s->inputs,
                                err);
    return st;
}

static vg_status detect_open(void *self, struct vg_err *err)
{
    struct detect *s = self;

    (void)err;
    if (s->window.model)
        vg_detect_window_open(&s->window);
    if (s->slow.model)
        vg_detect_slow_open(&s->slow);
    if (s->calibration) {
        s->x = vg_kernel_alloc(sizeof(float) * VG_BATCH_MAX * s->model->inputs);
        s->y = vg_kernel_alloc(sizeof(float) * VG_BATCH_MAX * s->model->outputs);
    }
    return VG_OK;
}

/* ---- what is told ---- */

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

static void tell(const struct detect *s, const struct vg_row *row, float score, bool valid)
{
    vg_row_column(row, s->score)[0] = score;
    vg_row_column(row, s->valid)[0] = valid ? 1.0f : 0.0f;
    keep_largest(s, vg_row_column(row, s->share));
}

/* ---- a window alone ---- */

static void tell_window(struct detect *s, uint32_t i, const void *memory, const struct vg_row *row)
{
    float *share = vg_row_column(row, s->share), total = 0.0f;
    uint32_t usable;
    bool valid = vg_detect_window_error(&s->window, i, memory, share, &usable);

    for (uint32_t c = 0; c < s->model->channels; c++)
        total += share[c];
    for (uint32_t c = 0; c < s->model->channels; c++)
        share[c] = total > 0.0f ? share[c] / total : 0.0f;
    tell(s, row, usable > 0 ? total / (float)usable : 0.0f, valid);
}

/* ---- a detector ---- */

static float clipped(float x, float limit)
{
    if (x > limit)
        return limit;
    return x < -limit ? -limit : x;
}

/* Residuals in standard deviations of their forecasts: r [C], then where there is one [C]. Returns the
 * channels that have one, as bits. */
static uint32_t scale(const struct detect *s, const float *residual, const float *sd, float clip,
                      float *x)
{
    const uint32_t channels = s->model->channels;
    uint32_t known = 0;

    for (uint32_t c = 0; c < channels; c++) {
        float least = s->calibration->sigma_min[c];
        bool there = sd[c] > 0.0f;

        x[c] = there ? clipped(residual[c] / (sd[c] > least ? sd[c] : least), clip) : 0.0f;
        x[channels + c] = there ? 1.0f : 0.0f;
        known |= there ? 1U << c : 0;
    }
    return known;
}

/* Everything of row `i` that does not need the window's model. */
static void take(struct detect *s, uint32_t i, char *memory, const struct vg_row *row)
{
    const uint32_t channels = s->model->channels;
    float *x = s->x + (size_t)i * s->model->inputs, residual[VG_CHANNELS], sd[VG_CHANNELS];
    uint32_t known = 0;

    memset(x, 0, s->model->inputs * sizeof(float));
    if (s->fast)
        known = scale(s, vg_row_column(row, s->residual), vg_row_column(row, s->residual_sd),
                      VG_FAST_CLIP, x);
    if (s->slow.model) {
        vg_detect_slow_take(&s->slow, i, memory + s->slow_at, row, residual, sd);
        known |= scale(s, residual, sd, VG_SLOW_CLIP, x + (size_t)2 * channels);
    }
    s->known[i] = __builtin_popcount(known) >= 2; /* one can be explained by its device */
    s->state[i] = memory + s->detector_at;
}

static void take_window(struct detect *s, uint32_t i, const void *memory)
{
    const uint32_t channels = s->model->channels;
    float *x = s->x + (size_t)i * s->model->inputs, *error = x + (size_t)4 * channels;
    uint32_t usable;
    bool valid = vg_detect_window_error(&s->window, i, memory, error, &usable);

    for (uint32_t c = 0; c < channels; c++)
        error[c] = usable > 0 ? error[c] / (float)usable : 0.0f;
    x[(size_t)5 * channels] = valid ? 1.0f : 0.0f;
    s->known[i] |= valid;
}

static void tell_surprise(const struct detect *s, uint32_t i, const struct vg_row *row)
{
    const float *y = s->y + (size_t)i * s->model->outputs;
    const bool sound = !s->slow.model || s->slow.sound[i];

    if (s->tell_inputs)
        memcpy(vg_row_column(row, s->inputs), s->x + (size_t)i * s->model->inputs,
               s->model->inputs * sizeof(float));
    memcpy(vg_row_column(row, s->share), y + VG_DETECTOR_SHARE, s->model->channels * sizeof(float));
    tell(s, row, sound ? y[0] : NAN, s->known[i]);
}

static void detect(struct detect *s, const struct vg_wave *wave)
{
    for (uint32_t i = 0; i < wave->n; i++)
        take(s, i, wave->memory[i], &wave->rows[i]);
    if (s->slow.model)
        vg_detect_slow_step(&s->slow, wave, s->slow_at);
    for (uint32_t i = 0; i < wave->n && s->window.model; i++)
        take_window(s, i, wave->memory[i]);
    s->model->ops->step(s->model, wave->n, s->x, s->state, s->y, NULL);
    for (uint32_t i = 0; i < wave->n; i++)
        tell_surprise(s, i, &wave->rows[i]);
}

static void detect_wave(void *self, const struct vg_wave *wave)
{
    struct detect *s = self;

    if (s->window.model) {
        for (uint32_t i = 0; i < wave->n; i++)
            vg_detect_window_take(&s->window, i, wave->memory[i], &wave->rows[i]);
        vg_detect_window_step(&s->window, wave->n);
    }
    if (s->calibration) {
        detect(s, wave);
        return;
    }
    for (uint32_t i = 0; i < wave->n; i++)
        tell_window(s, i, wave->memory[i], &wave->rows[i]);
}

static void detect_close(void *self)
{
    struct detect *s = self;

    vg_detect_window_close(&s->window);
    vg_detect_slow_close(&s->slow);
    free(s->x);
    free(s->y);
}

const struct vg_stage_ops vg_stage_detect = {
    .name = "detect",
    .summary =
        "Scores how unusual a patient is, as surprise or as a window's error, and names why.",
    .options = options,
    .self_size = sizeof(struct detect),
    .memory_version = 3,
    .plan = detect_plan,
    .open = detect_open,
    .wave = detect_wave,
    .close = detect_close,
};
