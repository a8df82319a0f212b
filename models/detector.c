/* detector.c - scores, their surprise and whose fault it is; the formulas are in the header. */
#include "models/calibration.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/detector_fast.h"
#include "models/load.h"
#include "models/metadata.h"

const char *const vg_score_names[VG_SCORES] = { "fast", "slow", "window" };

struct detector {
    struct vg_model model; /* first member */
    struct vg_calibration calibration;
    struct vg_precision all; /* of all channels: nearly every tick */
};

/* Of one patient, zeroed at first sight. */
struct memory {
    float fast[2]; /* scores of the two ticks before */
    uint32_t next; /* place of this tick in `held` */
    float rest[];  /* up [C], down [C]; share [C] of the newest tick whose own fast score was not 0;
                      held [hold], slow scores of the newest ticks */
};

static size_t memory_size(uint32_t channels, uint32_t hold)
{
    return sizeof(struct memory) + sizeof(float) * ((size_t)3 * channels + hold);
}

static vg_status load(const char *path, struct vg_model **ret, struct vg_err *err);
static vg_status build(struct vg_safetensors *f, struct vg_model **ret, struct vg_err *err);
static void step(const struct vg_model *model, uint32_t n, const float *x, void *const *memory,
                 float *y, void *scratch);
static void release(struct vg_model *model);

const struct vg_model_ops vg_model_detector = {
    .name = "detector",
    .summary = "Makes one calibrated surprise of forecast residuals, their sums and a window's "
               "error.",
    .load = load,
    .build = build,
    .step = step,
    .free = release,
};

const struct vg_calibration *vg_detector_calibration(const struct vg_model *model)
{
    return model->ops == &vg_model_detector ? &((const struct detector *)model)->calibration : NULL;
}

/* ---- fast ---- */

/* Clears what is negative and divides by the sum, so that shares are shares. */
static void share_out(uint32_t channels, float *share)
{
    float sum = 0.0f;

    for (uint32_t c = 0; c < channels; c++) {
        share[c] = share[c] > 0.0f ? share[c] : 0.0f;
        sum += share[c];
    }
    for (uint32_t c = 0; c < channels; c++)
        share[c] = sum > 0.0f ? share[c] / sum : 0.0f;
}

static float second_of_three(float a, float b, float c)
{
    float high = a > b ? a : b, low = a > b ? b : a;

    return c >= high ? high : c > low ? c : low;
}

static float fast(const struct detector *m, struct memory *memory, const float *x, float *share)
{
    const float *usable = x + m->model.channels;
    float now = vg_fast_score(&m->calibration, &m->all, m->model.channels, x, usable, share);
    float score = second_of_three(memory->fast[0], memory->fast[1], now);
    float *kept = memory->rest + (size_t)2 * m->model.channels;

    share_out(m->model.channels, share);
    memcpy(now > 0.0f ? kept : share, now > 0.0f ? share : kept,
           m->model.channels * sizeof(*share));
    memory->fast[0] = memory->fast[1];
    memory->fast[1] = now;
    return score;
}

/* ---- slow ---- */

static float gather(float sum, float r, const struct vg_calibration *cal)
{
    sum += r - cal->drift;
    if (sum < 0.0f)
        return 0.0f;
    return sum < cal->cap ? sum : cal->cap;
}

static float slow(const struct detector *m, struct memory *memory, const float *r,
                  const float *usable, float *share)
{
    const struct vg_calibration *cal = &m->calibration;
    const uint32_t channels = m->model.channels;
    float *up = memory->rest, *down = up + channels, *held = up + (size_t)3 * channels;
    float total = 0.0f, least;

    for (uint32_t c = 0; c < channels; c++) {
        float now = usable[c] != 0.0f ? r[c] : 0.0f;

        up[c] = gather(up[c], now, cal);
        down[c] = gather(down[c], -now, cal);
        share[c] = up[c] > down[c] ? up[c] : down[c];
        total += share[c];
    }
    share_out(channels, share);
    held[memory->next] = total;
    memory->next = (memory->next + 1) % cal->hold;
    least = total;
    for (uint32_t i = 0; i < cal->hold; i++)
        least = held[i] < least ? held[i] : least;
    return least;
}

/* ---- a step ---- */

static float window(uint32_t channels, const float *error, float *share)
{
    float score = 0.0f;

    for (uint32_t c = 0; c < channels; c++) {
        score += error[c];
        share[c] = error[c];
    }
    share_out(channels, share);
    return score;
}

static void step_row(const struct detector *m, struct memory *memory, const float *x, float *y)
{
    const uint32_t channels = m->model.channels;
    const bool valid[VG_SCORES] = { true, true, x[(size_t)5 * channels] != 0.0f };
    float share[VG_SCORES][VG_CHANNELS], said[VG_SCORES], *score = y + VG_DETECTOR_SCORE;
    uint32_t n = 0, most = 0;

    score[VG_SCORE_FAST] = fast(m, memory, x, share[VG_SCORE_FAST]);
    score[VG_SCORE_SLOW] =
        slow(m, memory, x + (size_t)2 * channels, x + (size_t)3 * channels, share[VG_SCORE_SLOW]);
    score[VG_SCORE_WINDOW] = window(channels, x + (size_t)4 * channels, share[VG_SCORE_WINDOW]);
    for (uint32_t i = 0; i < VG_SCORES; i++) {
        bool counts = valid[i] && m->calibration.member[i][0] != '\0';

        y[1 + i] = VG_SURPRISE_NONE;
        if (!counts) {
            score[i] = 0.0f;
            continue;
        }
        y[1 + i] = vg_tail_surprise(&m->calibration.tail[i], score[i]);
        said[n++] = y[1 + i];
        most = y[1 + i] > y[1 + most] ? i : most;
    }
    y[0] = vg_surprise_merge(n, said);
    for (uint32_t c = 0; c < channels; c++)
        y[VG_DETECTOR_SHARE + c] = y[1 + most] > VG_SURPRISE_NONE ? share[most][c] : 0.0f;
}

static void step(const struct vg_model *model, uint32_t n, const float *x, void *const *memory,
                 float *y, void *scratch)
{
    (void)scratch;
    VG_CHECK(n > 0 && n <= VG_BATCH_MAX);
    for (size_t i = 0; i < n; i++)
        step_row((const struct detector *)model, memory[i], x + i * model->inputs,
                 y + i * model->outputs);
}

/* ---- loading ---- */

static void release(struct vg_model *model)
{
    free(model);
}

static vg_status take_members(struct vg_safetensors *f, struct vg_calibration *cal,
                              struct vg_err *err)
{
    uint32_t members = 0;

    for (uint32_t i = 0; i < VG_SCORES; i++) {
        const char *text = vg_safetensors_metadata(f, vg_score_names[i]);

        if (!text)
            continue;
        if (strlen(text) != 64 || text[strspn(text, "0123456789abcdef")] != '\0')
            return vg_metadata_wrong(f, vg_score_names[i],
                                     "the SHA-256 of a model file, 64 hexadecimal digits", err);
        memcpy(cal->member[i], text, 65);
        members++;
    }
    if (members == 0)
        return vg_metadata_wrong(f, "fast",
                                 "the SHA-256 of a model file, here or under \"slow\" "
                                 "or \"window\"",
                                 err);
    return VG_OK;
}

static vg_status take_number(struct vg_safetensors *f, const char *key, float *ret,
                             struct vg_err *err)
{
    uint32_t n = 0;
    vg_status st = vg_metadata_numbers(f, key, 1, ret, &n, err);

    if (st == VG_OK && !(*ret > 0.0f))
        return vg_metadata_wrong(f, key, "a number above 0", err);
    return st;
}

static vg_status take_numbers(struct vg_safetensors *f, struct vg_calibration *cal,
                              struct vg_err *err)
{
    vg_status st = take_number(f, "drift", &cal->drift, err);

    if (st == VG_OK)
        st = take_number(f, "cap", &cal->cap, err);
    if (st == VG_OK)
        st = take_number(f, "threshold", &cal->threshold, err);
    if (st == VG_OK)
        st = vg_metadata_integer(f, "hold", 1, VG_DETECTOR_HOLD_MAX, &cal->hold, err);
    return st;
}

static vg_status take_tensor(struct vg_safetensors *f, const char *name, uint64_t rows,
                             uint64_t columns, float *ret, struct vg_err *err)
{
    uint64_t shape[2] = { rows, columns };
    const float *value;
    vg_status st = vg_safetensors_take(f, name, 2, shape, &value, err);

    if (st == VG_OK)
        memcpy(ret, value, rows * columns * sizeof(float));
    return st;
}

static vg_status take_device(const struct vg_safetensors *f, const float *row, uint32_t channels,
                             uint32_t taken, uint32_t *ret, struct vg_err *err)
{
    *ret = 0;
    for (uint32_t c = 0; c < channels; c++) {
        if ((row[c] != 0.0f && row[c] != 1.0f) || (row[c] != 0.0f && vg_has(taken, c)))
            return vg_fail(err, VG_E_MODEL,
                           "%s: tensor device: expected 0 or 1, and each channel with at most one "
                           "device",
                           vg_safetensors_path(f));
        *ret |= row[c] != 0.0f ? 1U << c : 0;
    }
    return VG_OK;
}

static vg_status take_devices(struct vg_safetensors *f, uint32_t channels,
                              struct vg_calibration *cal, struct vg_err *err)
{
    uint64_t shape[2] = { 0, channels };
    uint32_t taken = 0;
    const float *value;
    vg_status st;

    if (!vg_safetensors_has(f, "device"))
        return VG_OK;
    st = vg_safetensors_take(f, "device", 2, shape, &value, err);
    if (st == VG_OK && shape[0] > VG_DEVICES_MAX)
        st = vg_fail(err, VG_E_MODEL, "%s: tensor device: expected at most %d rows",
                     vg_safetensors_path(f), VG_DEVICES_MAX);
    for (uint32_t k = 0; st == VG_OK && k < shape[0]; k++) {
        st = take_device(f, value + (size_t)k * channels, channels, taken, &cal->device[k], err);
        taken |= cal->device[k];
        cal->devices++;
    }
    return st;
}

static vg_status take_tails(struct vg_safetensors *f, struct vg_calibration *cal,
                            struct vg_err *err)
{
    float row[VG_SCORES][4];
    vg_status st = take_tensor(f, "tail", VG_SCORES, 4, row[0], err);

    for (uint32_t i = 0; st == VG_OK && i < VG_SCORES; i++) {
        cal->tail[i] = (struct vg_tail){ row[i][0], row[i][1], row[i][2], row[i][3] };
        if (!vg_tail_sound(&cal->tail[i]))
            st = vg_fail(err, VG_E_MODEL,
                         "%s: tensor tail, row %u: expected a threshold above 0, a shape from -4 "
                         "to 4, a scale above 0 and a share above 0 and at most 0.5",
                         vg_safetensors_path(f), i);
    }
    return st;
}

static vg_status take_all(struct vg_safetensors *f, struct detector *m, struct vg_err *err)
{
    struct vg_calibration *cal = &m->calibration;
    const uint32_t channels = m->model.channels;
    vg_status st = take_members(f, cal, err);

    if (st == VG_OK)
        st = take_numbers(f, cal, err);
    if (st == VG_OK)
        st = take_tensor(f, "covariance", channels, channels, cal->covariance, err);
    if (st == VG_OK)
        st = take_tensor(f, "sigma_min", 1, channels, cal->sigma_min, err);
    if (st == VG_OK)
        st = take_devices(f, channels, cal, err);
    if (st == VG_OK)
        st = take_tails(f, cal, err);
    return st;
}

static vg_status check(const struct vg_safetensors *f, struct detector *m, struct vg_err *err)
{
    const struct vg_calibration *cal = &m->calibration;
    const uint32_t channels = m->model.channels;

    for (uint32_t i = 0; i < channels; i++) {
        if (!(cal->sigma_min[i] > 0.0f))
            return vg_fail(err, VG_E_MODEL, "%s: tensor sigma_min: expected numbers above 0",
                           vg_safetensors_path(f));
        for (uint32_t j = 0; j < i; j++) {
            if (cal->covariance[i * channels + j] != cal->covariance[j * channels + i])
                return vg_fail(err, VG_E_MODEL, "%s: tensor covariance: expected a symmetric one",
                               vg_safetensors_path(f));
        }
    }
    if (!vg_precision_init(&m->all, cal, channels, (1U << channels) - 1))
        return vg_fail(err, VG_E_MODEL, "%s: tensor covariance: expected a positive definite one",
                       vg_safetensors_path(f));
    return VG_OK;
}

static vg_status build(struct vg_safetensors *f, struct vg_model **ret, struct vg_err *err)
{
    struct detector *m = calloc(1, sizeof(*m));
    vg_status st;

    VG_CHECK(m != NULL);
    m->model.ops = &vg_model_detector;
    st = vg_metadata_common(f, vg_model_detector.name, &m->model, err);
    if (st == VG_OK)
        st = take_all(f, m, err);
    if (st == VG_OK)
        st = check(f, m, err);
    if (st != VG_OK) {
        free(m);
        return st;
    }
    m->model.inputs = vg_detector_inputs(m->model.channels);
    m->model.outputs = vg_detector_outputs(m->model.channels);
    m->model.memory_size = memory_size(m->model.channels, m->calibration.hold);
    m->model.scratch_size = sizeof(float);
    m->model.threshold = m->calibration.threshold;
    m->model.parameters = (size_t)m->model.channels * (m->model.channels + m->calibration.devices);
    *ret = &m->model;
    return VG_OK;
}

static vg_status load(const char *path, struct vg_model **ret, struct vg_err *err)
{
    return vg_model_load(&vg_model_detector, path, ret, err);
}

/* ---- saving ---- */

static void add_number(struct vg_safetensors_out *out, const char *key, float value)
{
    struct vg_buf text = VG_BUF_INIT;

    vg_buf_float(&text, value);
    vg_safetensors_add_text(out, key, text.data);
    vg_buf_done(&text);
}

void vg_detector_add_texts(struct vg_safetensors_out *out, const struct vg_calibration *c)
{
    char hold[16];

    for (uint32_t i = 0; i < VG_SCORES; i++) {
        if (c->member[i][0] != '\0')
            vg_safetensors_add_text(out, vg_score_names[i], c->member[i]);
    }
    add_number(out, "drift", c->drift);
    add_number(out, "cap", c->cap);
    snprintf(hold, sizeof(hold), "%u", c->hold);
    vg_safetensors_add_text(out, "hold", hold);
    add_number(out, "threshold", c->threshold);
}

void vg_detector_add_tensors(struct vg_safetensors_out *out, uint32_t channels,
                             const struct vg_calibration *c)
{
    const uint32_t square[2] = { channels, channels }, row[2] = { 1, channels };
    const uint32_t device[2] = { c->devices, channels }, tails[2] = { VG_SCORES, 4 };
    float tail[VG_SCORES][4], measures[VG_DEVICES_MAX * VG_CHANNELS];

    for (uint32_t i = 0; i < VG_SCORES; i++) {
        const struct vg_tail *t = &c->tail[i];

        tail[i][0] = t->threshold;
        tail[i][1] = t->shape;
        tail[i][2] = t->scale;
        tail[i][3] = t->share;
    }
    vg_safetensors_add(out, "covariance", 2, square, c->covariance);
    vg_safetensors_add(out, "sigma_min", 2, row, c->sigma_min);
    for (uint32_t i = 0; i < c->devices * channels; i++)
        measures[i] = vg_has(c->device[i / channels], i % channels) ? 1.0f : 0.0f;
    if (c->devices > 0)
        vg_safetensors_add(out, "device", 2, device, measures);
    vg_safetensors_add(out, "tail", 2, tails, tail[0]);
}

void vg_detector_question(uint32_t channels, uint32_t steps, float *x)
{
    uint32_t state = 1;

    for (uint32_t t = 0; t < steps; t++) {
        for (uint32_t i = 0; i < 5 * channels; i++) {
            uint32_t part = i / channels;
            float u;

            state = state * UINT32_C(1664525) + UINT32_C(1013904223);
            u = (float)(state >> 8) / (float)(1 << 24);
            if (part == 1 || part == 3)
                *x++ = u < 0.9f ? 1.0f : 0.0f;
            else
                *x++ = part == 4 ? u / (float)channels : 8.0f * (u - 0.4f);
        }
        *x++ = t % 5 != 0 ? 1.0f : 0.0f;
    }
}
