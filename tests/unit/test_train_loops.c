/* The loops of training have the same bits in all forms, on numbers of every size. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "models/kernel.h"
#include "models/train_loops.h"

enum { ROWS = 5, HIDDEN = 37, GATES = 4, N = ROWS * GATES * HIDDEN };

static const struct vg_train_loops *portable, *forms[2], *fast;
static size_t forms_n;
static uint64_t state = 1;

/* Mostly usual numbers, sometimes tiny, subnormal or large ones. */
static float awkward(void)
{
    static const float sizes[] = { 1, 1, 1, 1, 1e-12f, 1e-25f, 1e-31f, 1e-40f, 1e6f, 0 };

    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return ((float)(state >> 40) / 0x1p23f - 1.0f) * sizes[(state >> 20) % VG_ARRAY_LEN(sizes)];
}

static void fill(size_t n, float *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = awkward();
}

/* As an activation would leave it. */
static void fill_activated(size_t n, float *x)
{
    fill(n, x);
    vg_real_sigmoid(n, x);
}

static void setup(void)
{
    vg_kernel_thread_init();
    portable = vg_train_loops_portable();
    forms_n = 0;
    if (vg_train_loops_avx2())
        forms[forms_n++] = vg_train_loops_avx2();
    if (vg_train_loops_avx512())
        forms[forms_n++] = vg_train_loops_avx512();
    if (forms_n == 0)
        cr_skip_test("this processor has only the portable form");
    fast = forms[0];
}

TestSuite(train_loops, .init = setup);

/* All that a step reads and writes, twice: one for each form. */
struct arrays {
    float gates[N], h[2 * ROWS * HIDDEN], c[2 * ROWS * HIDDEN], squashed[ROWS * HIDDEN];
    float dy[ROWS * HIDDEN], dh[ROWS * HIDDEN], carry[ROWS * HIDDEN], db[GATES * HIDDEN];
};

static struct arrays one, two;

static struct vg_cell_step step_in(struct arrays *a, bool last)
{
    return (struct vg_cell_step){
        .rows = ROWS,
        .hidden = HIDDEN,
        .gates = a->gates,
        .h = a->h,
        .h_next = a->h + ROWS * HIDDEN,
        .h_stride = HIDDEN,
        .c = a->c,
        .c_next = a->c + ROWS * HIDDEN,
        .squashed = a->squashed,
        .dy = a->dy,
        .dh = last ? NULL : a->dh,
        .dy_stride = HIDDEN,
        .dh_stride = HIDDEN,
        .carry = a->carry,
        .db = a->db,
    };
}

static void fill_arrays(bool backward)
{
    fill(sizeof(one) / sizeof(float), one.gates);
    if (backward) {
        fill_activated(N, one.gates);
        fill_activated(ROWS * HIDDEN, one.squashed);
    }
    two = one;
}

typedef void step_fn(const struct vg_cell_step *s);

static void check_step(const char *name, step_fn *first, step_fn *second, bool backward)
{
    for (int round = 0; round < 50; round++) {
        struct vg_cell_step a = step_in(&one, round % 2), b = step_in(&two, round % 2);

        fill_arrays(backward);
        first(&a);
        second(&b);
        cr_assert_arr_eq(&one, &two, sizeof(one), "%s", name);
    }
}

static void check_cells(void)
{
    check_step("lstm forward", portable->lstm_forward, fast->lstm_forward, false);
    check_step("lstm backward", portable->lstm_backward, fast->lstm_backward, true);
    check_step("gru forward", portable->gru_forward, fast->gru_forward, false);
    check_step("gru backward", portable->gru_backward, fast->gru_backward, true);
    check_step("rnn forward", portable->rnn_forward, fast->rnn_forward, false);
    check_step("rnn backward", portable->rnn_backward, fast->rnn_backward, true);
}

Test(train_loops, cells_have_the_same_bits_in_all_forms)
{
    for (size_t i = 0; i < forms_n; i++) {
        fast = forms[i];
        check_cells();
    }
}

static void check_optimizers(void)
{
    static float g[N], m[2][N], v[2][N], p[2][N];
    const struct vg_adam a = { .beta1 = 0.9f,
                               .beta2 = 0.999f,
                               .rest1 = 0.1f,
                               .rest2 = 0.001f,
                               .epsilon = 1e-8f,
                               .rate = 1e-3f,
                               .unbias = 3.0f,
                               .decay = 0.9999f,
                               .gradient = 0.37f };

    memset(m, 0, sizeof(m));
    memset(v, 0, sizeof(v));
    fill(N, p[0]);
    memcpy(p[1], p[0], sizeof(p[0]));
    for (int round = 0; round < 50; round++) {
        fill(N, g);
        portable->adam(N, &a, g, m[0], v[0], p[0]);
        fast->adam(N, &a, g, m[1], v[1], p[1]);
        cr_assert_arr_eq(m[0], m[1], sizeof(m[0]));
        cr_assert_arr_eq(v[0], v[1], sizeof(v[0]));
        cr_assert_arr_eq(p[0], p[1], sizeof(p[0]));
        portable->sgd(N, &a, g, m[0], p[0]);
        fast->sgd(N, &a, g, m[1], p[1]);
        cr_assert_arr_eq(p[0], p[1], sizeof(p[0]));
    }
}

Test(train_loops, optimizers_have_the_same_bits_in_all_forms)
{
    for (size_t i = 0; i < forms_n; i++) {
        fast = forms[i];
        check_optimizers();
    }
}

static void check_sums(void)
{
    static float x[N], y[N], mask[N], d[2][N];

    for (size_t n = 0; n <= 70; n++) {
        double loss[2] = { 0 }, weight[2] = { 0 };

        fill(N, x);
        fill(N, y);
        for (size_t i = 0; i < N; i++)
            mask[i] = x[i] > 0.1f ? 1.0f : 0.0f;
        cr_assert_eq(portable->square_sum(n, x), fast->square_sum(n, x));
        portable->squared_error(n, 0.7f, x, y, mask, d[0], &loss[0], &weight[0]);
        fast->squared_error(n, 0.7f, x, y, mask, d[1], &loss[1], &weight[1]);
        cr_assert_eq(loss[0], loss[1]);
        cr_assert_eq(weight[0], weight[1]);
        cr_assert_arr_eq(d[0], d[1], sizeof(d[0]));
        portable->add(n, x, d[0]);
        fast->add(n, x, d[1]);
        cr_assert_arr_eq(d[0], d[1], sizeof(d[0]));
    }
}

Test(train_loops, sums_have_the_same_bits_in_all_forms)
{
    for (size_t i = 0; i < forms_n; i++) {
        fast = forms[i];
        check_sums();
    }
}

Test(train_loops, what_lies_under_a_mask_of_zero_has_no_influence_on_a_squared_error)
{
    const float y[4] = { 1, 2, 3, 4 }, mask[4] = { 1, 0, 0, 1 };
    const float target[4] = { 0, NAN, INFINITY, 2 };
    float d[4];
    double loss = 0.0, weight = 0.0;

    fast->squared_error(4, 2.0f, y, target, mask, d, &loss, &weight);
    cr_assert_eq(loss, 2.0 * 1.0 + 2.0 * 4.0);
    cr_assert_eq(weight, 4.0);
    cr_assert(d[0] == 4.0f && d[1] == 0.0f && d[2] == 0.0f && d[3] == 8.0f);
}

Test(train_loops, gradients_that_vanish_leave_no_subnormals_behind)
{
    struct vg_cell_step s = step_in(&one, true);

    fill_arrays(true);
    memset(one.carry, 0, sizeof(one.carry));
    for (size_t i = 0; i < ROWS * HIDDEN; i++)
        one.dy[i] = 1e-36f;
    fast->lstm_backward(&s);
    for (size_t i = 0; i < N; i++)
        cr_assert(one.gates[i] == 0.0f || fabsf(one.gates[i]) >= FLT_MIN);
}
