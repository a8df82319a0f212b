/* test_stack.c - networks step by step: what they compute, and that nothing else changes it. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/stack.h"

enum { BATCH = 150, STEPS = 20, WIDTH_MAX = 128 };

TestSuite(stack, .init = vg_kernel_thread_init, .timeout = 120);

static float uniform(float size)
{
    static uint32_t state = 2463534242;

    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return ((float)(state >> 8) / 0x1p23f - 1.0f) * size;
}

static float *random_floats(size_t n, float size)
{
    float *p = malloc((n + 1) * sizeof(float));

    cr_assert_not_null(p);
    for (size_t i = 0; i < n; i++)
        p[i] = uniform(size);
    return p;
}

/* ---- the same in double ---- */

static const struct vg_network *network;
static const float *parameters;

static const float *tensor(uint32_t layer, uint32_t which)
{
    struct vg_layer_tensor t;

    cr_assert(vg_network_tensor(network, layer, which, &t));
    return parameters + t.offset;
}

static double dot(const float *w, const double *x, uint32_t n)
{
    double sum = 0.0;

    for (uint32_t k = 0; k < n; k++)
        sum += (double)w[k] * x[k];
    return sum;
}

static double logistic(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

static double activated(enum vg_activation activation, double x)
{
    switch (activation) {
    case VG_RELU:
        return fmax(x, 0.0);
    case VG_SIGMOID:
        return logistic(x);
    case VG_TANH:
        return tanh(x);
    case VG_LINEAR:
        break;
    }
    return x;
}

/* Row `row` of W_ih x + b_ih, and of W_hh h + b_hh. */
static double from_x(uint32_t layer, size_t row, const double *x)
{
    const struct vg_layer *l = &network->layer[layer];

    return dot(tensor(layer, 0) + row * l->inputs, x, l->inputs) + (double)tensor(layer, 2)[row];
}

static double from_h(uint32_t layer, size_t row, const double *h)
{
    const struct vg_layer *l = &network->layer[layer];

    return dot(tensor(layer, 1) + row * l->outputs, h, l->outputs) + (double)tensor(layer, 3)[row];
}

/* One unit of a recurrent layer: its new h; c is that unit's. */
static double unit(uint32_t layer, uint32_t j, const double *x, const double *h, double *c)
{
    const struct vg_layer *l = &network->layer[layer];
    double a[4] = { 0 }, b[4] = { 0 }, n, z;
    const size_t gates = l->kind == VG_LAYER_LSTM ? 4 : l->kind == VG_LAYER_GRU ? 3 : 1;

    for (size_t g = 0; g < gates; g++) {
        a[g] = from_x(layer, g * l->outputs + j, x);
        b[g] = from_h(layer, g * l->outputs + j, h);
    }
    if (l->kind == VG_LAYER_RNN)
        return tanh(a[0] + b[0]);
    if (l->kind == VG_LAYER_LSTM) {
        *c = logistic(a[1] + b[1]) * *c + logistic(a[0] + b[0]) * tanh(a[2] + b[2]);
        return logistic(a[3] + b[3]) * tanh(*c);
    }
    n = tanh(a[2] + logistic(a[0] + b[0]) * b[2]);
    z = logistic(a[1] + b[1]);
    return (1.0 - z) * n + z * h[j];
}

static void decay_in_double(uint32_t layer, const double *x, double *y)
{
    const uint32_t v = network->layer[layer].outputs / 3;

    memcpy(y, x, 3 * v * sizeof(*y));
    for (uint32_t i = 0; i < v; i++) {
        double rate = (double)tensor(layer, 0)[i] * x[2 * v + i] + (double)tensor(layer, 1)[i];

        y[i] = x[v + i] * x[i] + (1.0 - x[v + i]) * exp(-fmax(0.0, rate)) * x[i];
    }
}

/* One step of one stream; `state` as vg_stack_step() has it. */
static void step_in_double(const double *input, double *state, double *y)
{
    double x[WIDTH_MAX];

    memcpy(x, input, network->layer[0].inputs * sizeof(*x));
    for (uint32_t i = 0; i < network->layers; i++) {
        const struct vg_layer *l = &network->layer[i];
        const bool lstm = l->kind == VG_LAYER_LSTM;

        if (l->kind == VG_LAYER_DECAY) {
            decay_in_double(i, x, y);
        } else if (l->kind == VG_LAYER_DENSE) {
            for (uint32_t j = 0; j < l->outputs; j++)
                y[j] = activated(l->activation,
                                 dot(tensor(i, 0) + (size_t)j * l->inputs, x, l->inputs) +
                                     (double)tensor(i, 1)[j]);
        } else {
            for (uint32_t j = 0; j < l->outputs; j++)
                y[j] = unit(i, j, x, state, state + l->outputs + j);
            memcpy(state, y, l->outputs * sizeof(*y));
            state += (lstm ? 2 : 1) * l->outputs;
        }
        memcpy(x, y, l->outputs * sizeof(*x));
    }
}

/* ---- tests ---- */

struct row {
    char text[64];
    uint32_t inputs;
};

#define NETWORKS                                                                            \
    { "lstm:64,lstm:64,lstm:64", 8 }, { "lstm:100,dense:7", 17 }, { "gru:64,gru:17", 7 },   \
        { "decay:3,gru:7,dense:1:sigmoid", 9 }, { "rnn:100,rnn:1,dense:17:tanh", 1 },       \
        { "dense:64:relu,dense:32:relu,dense:64:relu,dense:120", 120 }, { "dense:1", 100 }, \
        { "decay:37", 111 }, { "lstm:7,gru:64,rnn:17,dense:100:sigmoid", 64 },

ParameterizedTestParameters(stack, every_form_computes_what_a_double_loop_does)
{
    static struct row rows[] = { NETWORKS };

    return cr_make_param_array(struct row, rows, VG_ARRAY_LEN(rows));
}

static struct vg_network parsed;

static float *parse(const struct row *row)
{
    struct vg_err err;
    float *p;

    cr_assert_eq(vg_network_parse(&parsed, row->text, row->inputs, &err), VG_OK, "%s", err.msg);
    p = random_floats(vg_network_parameters(&parsed), 0.25f);
    network = &parsed;
    parameters = p;
    return p;
}

/* Some steps of one stream in one form against double: the largest difference. */
static double largest_difference(const struct vg_kernel *form)
{
    const uint32_t inputs = network->layer[0].inputs, outputs = vg_network_outputs(network);
    float *state = calloc(vg_network_state(network) + 1, sizeof(float));
    double *exact = calloc(vg_network_state(network) + WIDTH_MAX, sizeof(double)), largest = 0.0;
    struct vg_stack s;
    void *scratch, *states[] = { state };

    cr_assert(state && exact);
    vg_stack_init(&s, form, network, parameters);
    scratch = vg_kernel_alloc(vg_stack_scratch(&s));
    for (int t = 0; t < STEPS; t++) {
        float *x = random_floats(inputs, 1.0f), y[WIDTH_MAX];
        double in[WIDTH_MAX], out[WIDTH_MAX];

        for (uint32_t i = 0; i < inputs; i++)
            in[i] = (double)x[i];
        vg_stack_step(&s, 1, x, states, y, scratch);
        step_in_double(in, exact, out);
        for (uint32_t i = 0; i < outputs; i++)
            largest = fmax(largest, fabs((double)y[i] - out[i]));
        free(x);
    }
    vg_stack_done(&s);
    free(scratch);
    free(state);
    free(exact);
    return largest;
}

ParameterizedTest(struct row *row, stack, every_form_computes_what_a_double_loop_does)
{
    float *p = parse(row);
    const struct vg_kernel *form;

    for (uint32_t f = 0; (form = vg_kernel_form(f)); f++)
        cr_assert_leq(largest_difference(form), 2e-6, "%s, form %s", row->text, form->name);
    free(p);
}

ParameterizedTestParameters(stack, a_stream_has_the_same_bits_in_any_batch_at_any_place)
{
    static struct row rows[] = { NETWORKS };

    return cr_make_param_array(struct row, rows, VG_ARRAY_LEN(rows));
}

/* Streams [first, first + n) by two steps as one batch. */
static void step_batch(const struct vg_stack *s, uint32_t first, uint32_t n, const float *x,
                       float *state, float *y, void *scratch)
{
    const size_t inputs = s->network.layer[0].inputs, outputs = vg_network_outputs(&s->network);
    const size_t size = vg_network_state(&s->network);
    void *states[BATCH];

    for (uint32_t i = 0; i < n; i++)
        states[i] = state + (first + i) * size;
    for (int t = 0; t < 2; t++)
        vg_stack_step(s, n, x + first * inputs, size > 0 ? states : NULL, y + first * outputs,
                      scratch);
}

ParameterizedTest(struct row *row, stack, a_stream_has_the_same_bits_in_any_batch_at_any_place)
{
    float *p = parse(row);
    const size_t outputs = vg_network_outputs(network), size = vg_network_state(network);
    float *x = random_floats((size_t)BATCH * row->inputs, 1.0f);
    float *state = calloc(BATCH * size + 1, sizeof(float));
    float *alone = calloc(BATCH * size + 1, sizeof(float));
    float *y = calloc(BATCH * outputs, sizeof(float));
    float *expected = calloc(BATCH * outputs, sizeof(float));
    struct vg_stack s;
    void *scratch;

    cr_assert(state && alone && y && expected);
    vg_stack_init(&s, NULL, network, p);
    scratch = vg_kernel_alloc(vg_stack_scratch(&s));
    for (uint32_t b = 0; b < BATCH; b++)
        step_batch(&s, b, 1, x, alone, expected, scratch);
    for (uint32_t n = 1; n <= BATCH; n += n < 70 ? 1 : 40) {
        const uint32_t first = n * 13 % (BATCH - n + 1);

        memset(state, 0, BATCH * size * sizeof(float));
        step_batch(&s, first, n, x, state, y, scratch);
        cr_assert_arr_eq(y + first * outputs, expected + first * outputs,
                         n * outputs * sizeof(float), "batch of %u: outputs", n);
        cr_assert_arr_eq(state + first * size, alone + first * size, n * size * sizeof(float),
                         "batch of %u: states", n);
    }
    vg_stack_done(&s);
    free(scratch);
    free(p);
    free(x);
    free(state);
    free(alone);
    free(y);
    free(expected);
}

Test(stack, only_streams_of_the_step_are_touched)
{
    float *p = parse(&(struct row){ "lstm:17,dense:3", 5 });
    float x[2][5] = { { 1.0f }, { -1.0f } }, y[3][3] = { { 0 }, { 0 }, { 7.0f, 7.0f, 7.0f } };
    float state[3][34] = { { 0 } };
    void *states[] = { state[2], state[0] }, *scratch;
    struct vg_stack s;

    vg_stack_init(&s, NULL, network, p);
    scratch = vg_kernel_alloc(vg_stack_scratch(&s));
    vg_stack_step(&s, 2, x[0], states, y[0], scratch);
    for (int i = 0; i < 34; i++)
        cr_assert_eq(state[1][i], 0.0f);
    cr_assert_eq(y[2][0], 7.0f);
    cr_assert_neq(state[2][0], 0.0f);
    cr_assert_neq(state[0][0], state[2][0]);
    vg_stack_done(&s);
    free(scratch);
    free(p);
}

Test(stack, a_value_that_is_not_finite_stays_in_its_stream)
{
    float *p = parse(&(struct row){ "gru:17,dense:4:relu", 2 });
    float x[3][2] = { { 0.5f, 1.0f }, { NAN, INFINITY }, { 0.5f, 1.0f } }, y[3][4];
    float state[3][17] = { { 0 } };
    void *states[] = { state[0], state[1], state[2] }, *scratch;
    struct vg_stack s;

    vg_stack_init(&s, NULL, network, p);
    scratch = vg_kernel_alloc(vg_stack_scratch(&s));
    vg_stack_step(&s, 3, x[0], states, y[0], scratch);
    cr_assert_arr_eq(y[0], y[2], sizeof(y[0]));
    for (int i = 0; i < 4; i++)
        cr_assert(isfinite(y[0][i]) && isnan(y[1][i]), "what is no number must not look like one");
    vg_stack_done(&s);
    free(scratch);
    free(p);
}
