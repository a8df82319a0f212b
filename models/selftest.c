/* selftest.c - runs a model over a few steps and compares. */
#include "models/selftest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/kernel.h"

static const float tolerance = 1e-5f;

void vg_selftest_run(const struct vg_model *m, uint32_t steps, const float *x, float *y)
{
    void *memory = vg_kernel_alloc(m->memory_size), *scratch = vg_kernel_alloc(m->scratch_size);

    for (size_t t = 0; t < steps; t++)
        m->ops->step(m, 1, x + t * m->inputs, &memory, y + t * m->outputs, scratch);
    free(memory);
    free(scratch);
}

/* Infinite when an output is not a number. */
static float largest_difference(const struct vg_model *m, uint32_t steps, const float *input,
                                const float *output)
{
    size_t n = (size_t)steps * m->outputs;
    float *y = vg_kernel_alloc(n * sizeof(float)), largest = 0.0f;

    vg_selftest_run(m, steps, input, y);
    for (size_t i = 0; i < n; i++) {
        float d = fabsf(y[i] - output[i]);

        largest = isnan(d) ? INFINITY : fmaxf(largest, d);
    }
    free(y);
    return largest;
}

static vg_status compare(const struct vg_safetensors *f, struct vg_model *m, const float *input,
                         const float *output, struct vg_err *err)
{
    m->selftest_difference = largest_difference(m, m->selftest_steps, input, output);
    if (!(m->selftest_difference <= tolerance))
        return vg_fail(err, VG_E_MODEL,
                       "%s: self-test: expected outputs within %g of those in the file, the "
                       "largest difference is %g: weights, gate order or shapes do not mean what "
                       "they say",
                       vg_safetensors_path(f), (double)tolerance, (double)m->selftest_difference);
    return VG_OK;
}

vg_status vg_selftest_check(struct vg_safetensors *f, struct vg_model *m, struct vg_err *err)
{
    uint64_t in[2] = { 0, m->inputs }, out[2] = { 0, m->outputs };
    const float *input, *output;
    vg_status st = vg_safetensors_take(f, "selftest.input", 2, in, &input, err);

    out[0] = in[0];
    if (st == VG_OK)
        st = vg_safetensors_take(f, "selftest.output", 2, out, &output, err);
    if (st == VG_OK)
        st = vg_safetensors_all_taken(f, err);
    if (st != VG_OK)
        return st;
    if (in[0] > VG_SELFTEST_MAX)
        return vg_fail(err, VG_E_MODEL, "%s: tensor selftest.input: expected at most %d steps",
                       vg_safetensors_path(f), VG_SELFTEST_MAX);
    m->selftest_steps = (uint32_t)in[0];
    return compare(f, m, input, output, err);
}

/* ---- a question ---- */

/* Marsaglia 2003: a full period of 2^32 - 1, enough for test values. */
static float uniform(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return (float)(*state >> 8) / (float)(1 << 24);
}

/* One row of a feature; `word` is what "mask", "age" or else begins with. */
static void fill_feature(const char *word, uint32_t n, uint32_t *state, float *x)
{
    for (uint32_t i = 0; i < n; i++) {
        float u = uniform(state);

        if (strncmp(word, "mask", 4) == 0)
            x[i] = u < 0.75f ? 1.0f : 0.0f;
        else if (strncmp(word, "age", 3) == 0)
            x[i] = 2.0f * u;
        else
            x[i] = 6.0f * u - 3.0f;
    }
}

/* A row of a model whose x is features of one width. */
static void fill_features(const struct vg_model *m, uint32_t *state, float *x)
{
    uint32_t features = 1, width;

    for (const char *p = m->features; *p; p++)
        features += *p == ',';
    width = m->inputs / features;
    for (const char *word = m->features; word; x += width) {
        fill_feature(word, width, state, x);
        word = strchr(word, ',');
        word = word ? word + 1 : NULL;
    }
    for (uint32_t i = 0; m->window > 0 && i < width; i++) {
        float *z = x - m->inputs;

        z[i] *= z[width + i];
    }
}

/* A stacked model has no features of its own: x is that of its members. */
static void fill_row(const struct vg_model *m, uint32_t *state, float *x)
{
    if (m->features[0]) {
        fill_features(m, state, x);
        return;
    }
    for (uint32_t i = 0; i < m->members; i++) {
        fill_features(m->member[i], state, x);
        x += m->member[i]->inputs;
    }
}

void vg_selftest_fill(const struct vg_model *m, uint32_t steps, float *x)
{
    uint32_t state = 2463534242;

    for (size_t t = 0; t < steps; t++)
        fill_row(m, &state, x + t * m->inputs);
}
