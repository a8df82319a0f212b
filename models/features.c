/* features.c - what a forecaster sees of a tick. */
#include "models/features.h"

#include <string.h>

#include "core/text.h"
#include "models/kernel.h"

enum { AGE_TICKS = 32 };

static const float age_max_s = 3600.0f, far_away = 4.0f, far_factor = 0.1f;
static const int64_t pseudo_ns = 1800 * VG_NS_PER_S;

/* Below this the past is forgotten for good: subnormals would only be slow. */
static const float weight_min = 1e-20f;

float vg_feature_z(float value, float mean, float scale)
{
    float z = (value - mean) / scale;

    if (z > VG_Z_CLIP)
        return VG_Z_CLIP;
    return z < -VG_Z_CLIP ? -VG_Z_CLIP : z;
}

/* What is left of the past after `tick_ns` with that time constant. */
static float keep_of(int64_t tick_ns, int64_t constant_ns)
{
    return vg_expf(-(float)((double)tick_ns / (double)constant_ns));
}

/* ---- the personal baseline ---- */

void vg_baseline_init(struct vg_baseline *b, int64_t tick_ns, int64_t constant_ns)
{
    b->alpha = 1.0f - keep_of(tick_ns, constant_ns);
    b->pseudo = 1.0f - keep_of(pseudo_ns, constant_ns);
}

float vg_baseline_value(const struct vg_baseline_memory *m)
{
    return m->weight > 0.0f ? m->total / m->weight : 0.0f;
}

void vg_baseline_learn(const struct vg_baseline *b, struct vg_baseline_memory *m, float z)
{
    float away = z - vg_baseline_value(m);
    float a = away > far_away || away < -far_away ? far_factor * b->alpha : b->alpha;

    if (m->weight == 0.0f)
        m->weight = b->pseudo;
    m->total += a * (z - m->total);
    m->weight += a * (1.0f - m->weight);
}

/* ---- the list ---- */

static const char *const words[] = {
    [VG_FEATURE_Z] = "z",       [VG_FEATURE_MASK] = "mask",
    [VG_FEATURE_AGE] = "age",   [VG_FEATURE_BASELINE] = "baseline",
    [VG_FEATURE_EWMA] = "ewma",
};

static bool parse_word(struct vg_feature *f, const char *word, int64_t tick_ns)
{
    static const char ewma[] = "ewma:";

    *f = (struct vg_feature){ 0 };
    if (strncmp(word, ewma, sizeof(ewma) - 1) == 0) {
        f->kind = VG_FEATURE_EWMA;
        if (!vg_parse_duration(word + sizeof(ewma) - 1, &f->span_ns) || f->span_ns <= 0)
            return false;
        f->keep = keep_of(tick_ns, f->span_ns);
        return true;
    }
    for (uint32_t k = 0; k < VG_FEATURE_EWMA; k++) {
        f->kind = (enum vg_feature_kind)k;
        if (strcmp(word, words[k]) == 0)
            return true;
    }
    return false;
}

static bool is_listed(const struct vg_features *f, const struct vg_feature *one)
{
    for (uint32_t i = 0; i < f->n; i++) {
        if (f->feature[i].kind == one->kind && f->feature[i].span_ns == one->span_ns)
            return true;
    }
    return false;
}

static vg_status add_word(struct vg_features *f, const char *text, const char *word,
                          int64_t tick_ns, struct vg_err *err)
{
    struct vg_feature one;

    if (!parse_word(&one, word, tick_ns))
        return vg_fail(err, VG_E_CONFIG,
                       "features \"%.120s\": \"%.40s\" is none; expected z, mask, age, baseline "
                       "and ewma:SPAN (such as ewma:5m), with commas between",
                       text, word);
    if (is_listed(f, &one))
        return vg_fail(err, VG_E_CONFIG, "features \"%.120s\": \"%.40s\" stands there twice", text,
                       word);
    if (f->n == VG_FEATURES_MAX)
        return vg_fail(err, VG_E_CONFIG, "features \"%.120s\": more than %d", text,
                       VG_FEATURES_MAX);
    f->ewmas += one.kind == VG_FEATURE_EWMA;
    f->feature[f->n++] = one;
    return VG_OK;
}

vg_status vg_features_parse(struct vg_features *f, const char *text, uint32_t channels,
                            int64_t tick_ns, struct vg_err *err)
{
    const char *p = text;
    float ticks_s = (float)((double)tick_ns * AGE_TICKS / (double)VG_NS_PER_S);
    vg_status st = VG_OK;

    VG_CHECK(channels > 0 && channels <= VG_CHANNELS && tick_ns > 0);
    *f = (struct vg_features){ .channels = channels,
                               .age_max_s = ticks_s > age_max_s ? ticks_s : age_max_s };
    for (bool more = true; more && st == VG_OK;) {
        char word[32] = "";
        size_t n = strcspn(p, ",");

        memcpy(word, p, n < sizeof(word) ? n : sizeof(word) - 1);
        st = add_word(f, text, word, tick_ns, err);
        more = p[n] == ',';
        p += n + more;
    }
    return st;
}

void vg_features_format(const struct vg_features *f, struct vg_buf *out)
{
    for (uint32_t i = 0; i < f->n; i++) {
        if (i)
            vg_buf_char(out, ',');
        vg_buf_str(out, words[f->feature[i].kind]);
        if (f->feature[i].kind == VG_FEATURE_EWMA) {
            char span[VG_DURATION_TEXT_SIZE];

            vg_format_duration(f->feature[i].span_ns, span);
            vg_buf_printf(out, ":%s", span);
        }
    }
}

uint32_t vg_features_inputs(const struct vg_features *f)
{
    return f->n * f->channels;
}

/* ---- one patient ----
 *
 * held [C], seen [C] (uint32_t), then for each EWMA mean [C] and weight [C].
 */

size_t vg_features_memory(const struct vg_features *f)
{
    return (size_t)(2 + 2 * f->ewmas) * f->channels * sizeof(float);
}

const float *vg_features_held(const struct vg_features *f, const void *memory)
{
    (void)f;
    return memory;
}

static void hold(const struct vg_features *f, float *held, const struct vg_feature_tick *tick)
{
    const uint32_t yes = 1;

    for (uint32_t c = 0; c < f->channels; c++) {
        if (!tick->usable[c])
            continue;
        held[c] = tick->z[c];
        memcpy(held + f->channels + c, &yes, sizeof(yes));
    }
}

/* The weight of the past decays with every tick, its mean stays: so the first value after a gap
 * counts for what the gap has taken. */
static void average(const struct vg_features *f, const struct vg_feature *one, float *mean,
                    const struct vg_feature_tick *tick)
{
    float *weight = mean + f->channels;
    const float a = 1.0f - one->keep;

    for (uint32_t c = 0; c < f->channels; c++) {
        weight[c] = one->keep * weight[c];
        if (weight[c] < weight_min)
            weight[c] = 0.0f;
        if (!tick->usable[c])
            continue;
        weight[c] += a;
        mean[c] += a / weight[c] * (tick->z[c] - mean[c]);
    }
}

static void write_mask(const struct vg_features *f, const struct vg_feature_tick *tick, float *x)
{
    for (uint32_t c = 0; c < f->channels; c++)
        x[c] = tick->usable[c] ? 1.0f : 0.0f;
}

static void write_age(const struct vg_features *f, const struct vg_feature_tick *tick, float *x)
{
    for (uint32_t c = 0; c < f->channels; c++) {
        bool known = tick->age_s[c] >= 0.0f && tick->age_s[c] < f->age_max_s;

        x[c] = known ? tick->age_s[c] : f->age_max_s;
    }
    vg_kernel()->log1p_n(f->channels, x, x);
    for (uint32_t c = 0; c < f->channels; c++)
        x[c] = x[c] / 6.0f;
}

void vg_features_step(const struct vg_features *f, void *memory, const struct vg_feature_tick *tick,
                      float *x)
{
    const size_t row = f->channels * sizeof(float);
    float *held = memory, *average_at = held + (size_t)2 * f->channels;

    hold(f, held, tick);
    for (uint32_t i = 0; i < f->n; i++, x += f->channels) {
        switch (f->feature[i].kind) {
        case VG_FEATURE_Z:
            memcpy(x, held, row);
            break;
        case VG_FEATURE_MASK:
            write_mask(f, tick, x);
            break;
        case VG_FEATURE_AGE:
            write_age(f, tick, x);
            break;
        case VG_FEATURE_BASELINE:
            memcpy(x, tick->baseline, row);
            break;
        case VG_FEATURE_EWMA:
            average(f, &f->feature[i], average_at, tick);
            memcpy(x, average_at, row);
            average_at += (size_t)2 * f->channels;
            break;
        }
    }
}
