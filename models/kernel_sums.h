/* kernel_sums.h - sums of products, a panel of weights by a block of rows; part of kernel_form.h.
 *
 * Loops over R rows and V vectors are unrolled, so that all sums stay in registers: a function for
 * each R and V that fits.
 */
#ifndef VG_MODELS_KERNEL_SUMS_H
#define VG_MODELS_KERNEL_SUMS_H

/* Rows that are summed together. Enough independent sums hide the latency of an fma: ten on
 * processors of today, twelve in 16 registers, which leaves four for inputs and weights. */
enum { ROWS_MAX = 8 };

/* Panels of one row that are summed side by side. */
enum { PANELS_AT_ONCE = LANES == 16 ? 1 : 2 };

/* What one block of rows needs. */
struct sums {
    size_t inputs, hidden;
    const float *weight; /* of a panel */
    size_t panel_size;   /* floats to the next */
    const float *x[ROWS_MAX];
    const float *h[ROWS_MAX];
};

/* Adds the products of input k of R rows to R x V sums; the last of the V goes to the sum `last`.
 * What there is less of, inputs or weights, waits in registers. A weight is loaded once for all rows;
 * a compiler that sees it used in fma would load it for each again without VEC_PIN. */
BODY void add_few_rows(size_t R, size_t V, size_t last, vec (*sum)[VG_PANEL_VECTORS],
                       const float *const *x, size_t k, const float *w)
{
    vec input[ROWS_MAX];

    UNROLL for (size_t r = 0; r < R; r++) input[r] = vec_all(x[r][k]);
    UNROLL for (size_t v = 0; v < V; v++)
    {
        const size_t to = v == V - 1 ? last : v;
        vec weight = vec_load(w + v * LANES);

        VEC_PIN(weight);
        UNROLL for (size_t r = 0; r < R; r++) sum[r][to] = vec_fma(input[r], weight, sum[r][to]);
    }
}

BODY void add_many_rows(size_t R, size_t V, size_t last, vec (*sum)[VG_PANEL_VECTORS],
                        const float *const *x, size_t k, const float *w)
{
    vec weight[VG_PANEL_VECTORS];

    UNROLL for (size_t v = 0; v < V; v++)
    {
        weight[v] = vec_load(w + v * LANES);
        VEC_PIN(weight[v]);
    }
    UNROLL for (size_t r = 0; r < R; r++)
    {
        vec input = vec_all(x[r][k]);

        UNROLL for (size_t v = 0; v < V; v++)
        {
            const size_t to = v == V - 1 ? last : v;

            sum[r][to] = vec_fma(input, weight[v], sum[r][to]);
        }
    }
}

/* The same for inputs 0 to n - 1, in order. */
BODY void add(size_t R, size_t V, size_t last, vec (*sum)[VG_PANEL_VECTORS], size_t n,
              const float *const *x, const float *w)
{
    const size_t step = V * LANES;

    for (size_t k = 0; k < n; k++, w += step) {
        if (R < V)
            add_few_rows(R, V, last, sum, x, k, w);
        else
            add_many_rows(R, V, last, sum, x, k, w);
    }
}

/* The same of one row for P panels. It uses each weight once: what it waits for is the second-level
 * cache, and an fma's latency where the sums of one panel do not hide it. */
BODY void add_panels(size_t P, size_t V, size_t last, vec (*sum)[VG_PANEL_VECTORS], size_t n,
                     const float *x, const float *w, size_t panel_size)
{
    for (size_t k = 0; k < n; k++, w += V * LANES) {
        const vec input = vec_all(x[k]);

        UNROLL for (size_t p = 0; p < P; p++)
        {
            UNROLL for (size_t v = 0; v < V; v++)
            {
                const size_t to = v == V - 1 ? last : v;

                sum[p][to] = vec_fma(input, vec_load(w + p * panel_size + v * LANES), sum[p][to]);
            }
        }
    }
}

/* out [R, V, LANES]: of R rows for one panel, or of one row for R panels. In a gru the third sum
 * takes inputs only and the fourth hidden units only. */
BODY void sum_block(size_t R, size_t V, bool one_row, bool gru, const struct sums *s, float *out)
{
    const size_t weights = gru ? V - 1 : V, apart = one_row ? s->panel_size : 0;
    const float *w = s->weight, *from_hidden = w + (V + s->inputs * weights) * LANES;
    vec sum[ROWS_MAX][VG_PANEL_VECTORS];

    UNROLL for (size_t v = 0; v < V; v++)
    {
        UNROLL for (size_t r = 0; r < R; r++) sum[r][v] = vec_load(w + r * apart + v * LANES);
    }
    w += V * LANES;
    if (one_row) {
        add_panels(R, weights, weights - 1, sum, s->inputs, s->x[0], w, apart);
        add_panels(R, weights, V - 1, sum, s->hidden, s->h[0], from_hidden, apart);
    } else {
        add(R, weights, weights - 1, sum, s->inputs, s->x, w);
        add(R, weights, V - 1, sum, s->hidden, s->h, from_hidden);
    }
    UNROLL for (size_t r = 0; r < R; r++)
    {
        UNROLL for (size_t v = 0; v < V; v++) vec_store(out + (r * V + v) * LANES, sum[r][v]);
    }
}

typedef void sum_fn(const struct sums *s, float *out);

#define SUM(R, V)                                               \
    static void sum_##R##_##V(const struct sums *s, float *out) \
    {                                                           \
        sum_block(R, V, R == 1, false, s, out);                 \
    }
#define SUM_GRU(R)                                            \
    static void sum_gru_##R(const struct sums *s, float *out) \
    {                                                         \
        sum_block(R, VG_PANEL_VECTORS, R == 1, true, s, out); \
    }

/* clang-format off */
SUM(1, 1) SUM(2, 1) SUM(3, 1) SUM(4, 1) SUM(5, 1) SUM(6, 1) SUM(7, 1) SUM(8, 1)
SUM(1, 2) SUM(2, 2) SUM(3, 2) SUM(4, 2) SUM(5, 2) SUM(6, 2)
SUM(1, 3) SUM(2, 3) SUM(3, 3) SUM(4, 3)
SUM(1, 4) SUM(2, 4) SUM(3, 4)
SUM_GRU(1) SUM_GRU(2) SUM_GRU(3)
#if REGISTERS == 32
SUM(7, 2) SUM(8, 2)
SUM(5, 3) SUM(6, 3) SUM(7, 3) SUM(8, 3)
SUM(4, 4) SUM(5, 4) SUM(6, 4)
SUM_GRU(4) SUM_GRU(5) SUM_GRU(6)
#endif
    /* clang-format on */

    /* By vectors and rows; the last line is a gru's. */
    static sum_fn *const sum_table[VG_PANEL_VECTORS + 1][ROWS_MAX] = {
        { sum_1_1, sum_2_1, sum_3_1, sum_4_1, sum_5_1, sum_6_1, sum_7_1, sum_8_1 },
#if REGISTERS == 32
        { sum_1_2, sum_2_2, sum_3_2, sum_4_2, sum_5_2, sum_6_2, sum_7_2, sum_8_2 },
        { sum_1_3, sum_2_3, sum_3_3, sum_4_3, sum_5_3, sum_6_3, sum_7_3, sum_8_3 },
        { sum_1_4, sum_2_4, sum_3_4, sum_4_4, sum_5_4, sum_6_4 },
        { sum_gru_1, sum_gru_2, sum_gru_3, sum_gru_4, sum_gru_5, sum_gru_6 },
#else
        { sum_1_2, sum_2_2, sum_3_2, sum_4_2, sum_5_2, sum_6_2 },
        { sum_1_3, sum_2_3, sum_3_3, sum_4_3 },
        { sum_1_4, sum_2_4, sum_3_4 },
        { sum_gru_1, sum_gru_2, sum_gru_3 },
#endif
    };

static size_t table_line(const struct vg_packed *p, size_t vectors)
{
    return p->layer.kind == VG_LAYER_GRU ? VG_PANEL_VECTORS : vectors - 1;
}

static const uint32_t rows_table[VG_PANEL_VECTORS + 1] =
#if REGISTERS == 32
    { 8, 8, 8, 6, 6 };
#else
    { 8, 6, 4, 3, 3 };
#endif

static void sum_panels(const struct sums *s, float *out)
{
    sum_block(PANELS_AT_ONCE, VG_PANEL_VECTORS, true, false, s, out);
}

static void sum_panels_gru(const struct sums *s, float *out)
{
    sum_block(PANELS_AT_ONCE, VG_PANEL_VECTORS, true, true, s, out);
}

#endif
