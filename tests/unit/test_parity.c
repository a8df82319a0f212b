/* test_parity.c - networks of the sizes that Vigil trains against PyTorch, over thousands of steps.
 *
 * tests/unit/golden/make_parity.py draws the same weights and inputs and keeps PyTorch's answers,
 * in single precision and in double.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>

#include "models/stack.h"
#include "tests/support/golden.h"

TestSuite(parity, .timeout = 120);

enum { KEPT = 4 };

struct network_case {
    char layers[80];
    uint32_t inputs, steps;
    float single; /* largest difference allowed from PyTorch in single precision */
    float twice;  /* and in double */
};

static struct network_case cases[] = {
    { "lstm:64,lstm:64,lstm:64", 8, 60, 1e-6f, 1e-6f },
    { "lstm:64,lstm:64,lstm:64", 8, 512, 1e-6f, 1e-6f },
    { "lstm:64,lstm:64,lstm:64", 8, 4096, 1e-6f, 1e-6f },
    { "gru:64,gru:64", 32, 512, 1e-6f, 1e-6f },
    { "rnn:64,rnn:32", 32, 512, 1e-6f, 1e-6f },
    { "dense:64:relu,dense:32:relu,dense:64:relu,dense:784:sigmoid", 784, 4, 1e-6f, 1e-6f },
    { "dense:128:relu,dense:64:relu,dense:1:sigmoid", 40, 64, 1e-6f, 1e-6f },
    { "decay:37,gru:64,dense:1:sigmoid", 111, 48, 1e-6f, 1e-6f },
    { "lstm:32,gru:24,rnn:16,dense:20:tanh,dense:9", 16, 128, 1e-6f, 1e-6f },
};

static void draw(uint32_t *state, size_t n, float bound, float *out)
{
    for (size_t i = 0; i < n; i++) {
        *state ^= *state << 13;
        *state ^= *state >> 17;
        *state ^= *state << 5;
        out[i] = ((float)(*state >> 8) * 0x1p-23f - 1.0f) * bound;
    }
}

static float bound_of(const struct vg_layer *l)
{
    if (l->kind == VG_LAYER_DECAY)
        return 0.5f;
    return (float)(1.0 / sqrt(l->kind == VG_LAYER_DENSE ? l->inputs : l->outputs));
}

static void draw_parameters(const struct vg_network *n, uint32_t *state, float *parameters)
{
    struct vg_layer_tensor t;

    for (uint32_t l = 0; l < n->layers; l++) {
        for (uint32_t which = 0; vg_network_tensor(n, l, which, &t); which++)
            draw(state, t.size, bound_of(&n->layer[l]), parameters + t.offset);
    }
}

/* Where the answers of a case begin in the file. */
static size_t answers_before(size_t index)
{
    struct vg_network n;
    struct vg_err err;
    size_t floats = 0;

    for (size_t i = 0; i < index; i++) {
        cr_assert_eq(vg_network_parse(&n, cases[i].layers, cases[i].inputs, &err), VG_OK);
        floats += (size_t)2 * KEPT * vg_network_outputs(&n);
    }
    return floats;
}

static float *read_answers(size_t index, size_t n)
{
    FILE *f = fopen(GOLDEN("parity.bin"), "rb");
    float *answers = golden_zeroed(n * sizeof(float));

    cr_assert(f);
    cr_assert_eq(fseek(f, (long)(answers_before(index) * sizeof(float)), SEEK_SET), 0);
    cr_assert_eq(fread(answers, sizeof(float), n, f), n);
    fclose(f);
    return answers;
}

static float largest_difference(size_t n, const float *a, const float *b)
{
    float largest = 0.0f;

    for (size_t i = 0; i < n; i++)
        largest = fmaxf(largest, fabsf(a[i] - b[i]));
    return largest;
}

static size_t index_of(const struct network_case *c)
{
    size_t i = 0;

    while (i < VG_ARRAY_LEN(cases) &&
           (strcmp(cases[i].layers, c->layers) != 0 || cases[i].steps != c->steps))
        i++;
    cr_assert_lt(i, VG_ARRAY_LEN(cases));
    return i;
}

/* Steps one stream and keeps the last row of each quarter. */
static void run(const struct network_case *c, const struct vg_network *n, uint32_t state,
                float *kept)
{
    float *parameters = golden_zeroed(vg_network_parameters(n) * sizeof(float));
    float *x = golden_zeroed(c->inputs * sizeof(float));
    void *memory = golden_zeroed(vg_network_state(n) * sizeof(float) + 1), *scratch;
    struct vg_stack stack;
    uint32_t quarter = 0;

    draw_parameters(n, &state, parameters);
    vg_stack_init(&stack, NULL, n, parameters);
    scratch = golden_zeroed(vg_stack_scratch(&stack) + 1);
    for (uint32_t t = 0; t < c->steps; t++) {
        draw(&state, c->inputs, 2.0f, x);
        vg_stack_step(&stack, 1, x, &memory, kept + quarter * vg_network_outputs(n), scratch);
        quarter += t == c->steps * (quarter + 1) / KEPT - 1;
    }
    vg_stack_done(&stack);
    free(parameters);
    free(x);
    free(memory);
    free(scratch);
}

ParameterizedTestParameters(parity, a_network_answers_as_pytorch_does)
{
    return cr_make_param_array(struct network_case, cases, VG_ARRAY_LEN(cases));
}

ParameterizedTest(struct network_case *c, parity, a_network_answers_as_pytorch_does)
{
    size_t index = index_of(c), rows;
    struct vg_network n;
    struct vg_err err;
    float *answers, *kept, single, twice;

    vg_kernel_thread_init();
    cr_assert_eq(vg_network_parse(&n, c->layers, c->inputs, &err), VG_OK, "%s", err.msg);
    rows = (size_t)KEPT * vg_network_outputs(&n);
    answers = read_answers(index, 2 * rows);
    kept = golden_zeroed((rows + vg_network_outputs(&n)) * sizeof(float));
    run(c, &n, (uint32_t)index + 1, kept);
    single = largest_difference(rows, kept, answers);
    twice = largest_difference(rows, kept, answers + rows);
    cr_log_info("%s, %u steps: %.2g from PyTorch, %.2g from double precision", c->layers, c->steps,
                (double)single, (double)twice);
    cr_assert_leq(single, c->single, "%g", (double)single);
    cr_assert_leq(twice, c->twice, "%g", (double)twice);
    free(answers);
    free(kept);
}
