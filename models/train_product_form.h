/* train_product_form.h - the source of every form of the products; train_product_<form>.c includes
 * it after one of models/vec_<form>.h, with FORM for the name of its function.
 *
 * C is cut into panels of up to four vectors, A's rows into blocks whose sums fit into registers, and
 * K into parts whose piece of B stays in the first-level cache. The sums wait in C between parts, so
 * none of this changes a bit.
 */
#include <string.h>

#include "models/train_product_private.h"

#define BODY   static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 8")

/* COPY_...: rows of A and depth of B from which on a copy of B's part pays. */
enum { ROWS_MAX = 6, VECTORS_MAX = 4, DEPTH = 96, COPY_ROWS = 24, COPY_DEPTH = 64 };

/* One panel of C over a part of K. */
struct panel {
    size_t rows, depth, columns;
    const float *a; /* entry (r, k) is a[r a_row + k a_step] */
    size_t a_row, a_step;
    const float *b; /* whole vectors are read */
    size_t b_stride;
    float *c;
    size_t c_stride;
    bool add;
};

BODY vec load_some(const float *p, size_t n)
{
    float whole[LANES] = { 0 };

    if (n >= LANES)
        return vec_load(p);
    memcpy(whole, p, n * sizeof(*p));
    return vec_load(whole);
}

BODY void store_some(float *p, vec v, size_t n)
{
    float whole[LANES];

    if (n >= LANES) {
        vec_store(p, v);
        return;
    }
    vec_store(whole, v);
    memcpy(p, whole, n * sizeof(*p));
}

/* The sums of R rows by V vectors. A vector of B is loaded once for all rows, which a compiler does
 * only with VEC_PIN. */
BODY void multiply_block(size_t R, size_t V, const struct panel *p, size_t row)
{
    const float *a = p->a + row * p->a_row, *b = p->b;
    float *c = p->c + row * p->c_stride;
    vec sum[ROWS_MAX][VECTORS_MAX], right[VECTORS_MAX];

    UNROLL for (size_t r = 0; r < R; r++)
    {
        UNROLL for (size_t v = 0; v < V; v++) sum[r][v] = vec_all(0.0f);
    }
    for (size_t r = 0; r < R && p->add; r++) {
        UNROLL for (size_t v = 0; v < V; v++) sum[r][v] =
            load_some(c + r * p->c_stride + v * LANES, p->columns - v * LANES);
    }
    for (size_t k = 0; k < p->depth; k++, a += p->a_step, b += p->b_stride) {
        UNROLL for (size_t v = 0; v < V; v++)
        {
            right[v] = vec_load(b + v * LANES);
            VEC_PIN(right[v]);
        }
        UNROLL for (size_t r = 0; r < R; r++)
        {
            vec left = vec_all(a[r * p->a_row]);

            UNROLL for (size_t v = 0; v < V; v++) sum[r][v] = vec_fma(left, right[v], sum[r][v]);
        }
    }
    UNROLL for (size_t r = 0; r < R; r++)
    {
        UNROLL for (size_t v = 0; v < V; v++)
            store_some(c + r * p->c_stride + v * LANES, sum[r][v], p->columns - v * LANES);
    }
}

typedef void block_fn(const struct panel *p, size_t row);

#define BLOCK(R, V)                                                \
    static void block_##R##_##V(const struct panel *p, size_t row) \
    {                                                              \
        multiply_block(R, V, p, row);                              \
    }

/* clang-format off */
BLOCK(1, 1) BLOCK(2, 1) BLOCK(3, 1) BLOCK(4, 1) BLOCK(5, 1) BLOCK(6, 1)
BLOCK(1, 2) BLOCK(2, 2) BLOCK(3, 2) BLOCK(4, 2) BLOCK(5, 2)
BLOCK(1, 3) BLOCK(2, 3) BLOCK(3, 3)
BLOCK(1, 4) BLOCK(2, 4) BLOCK(3, 4)
#if REGISTERS == 32
BLOCK(6, 2)
BLOCK(4, 3) BLOCK(5, 3) BLOCK(6, 3)
BLOCK(4, 4) BLOCK(5, 4) BLOCK(6, 4)
#endif

/* By vectors and rows. */
static block_fn *const blocks[VECTORS_MAX][ROWS_MAX] = {
    { block_1_1, block_2_1, block_3_1, block_4_1, block_5_1, block_6_1 },
#if REGISTERS == 32
    { block_1_2, block_2_2, block_3_2, block_4_2, block_5_2, block_6_2 },
    { block_1_3, block_2_3, block_3_3, block_4_3, block_5_3, block_6_3 },
    { block_1_4, block_2_4, block_3_4, block_4_4, block_5_4, block_6_4 },
#else
    { block_1_2, block_2_2, block_3_2, block_4_2, block_5_2 },
    { block_1_3, block_2_3, block_3_3 },
    { block_1_4, block_2_4, block_3_4 },
#endif
};
/* clang-format on */

static const size_t rows_at_once[VECTORS_MAX] =
#if REGISTERS == 32
    { 6, 6, 6, 6 };
#else
    { 6, 5, 3, 3 };
#endif

/* Blocks as even as possible: one of a single row would wait for its sums. */
static void multiply_panel(const struct panel *p)
{
    const size_t vectors = (p->columns + LANES - 1) / LANES;
    const size_t most = rows_at_once[vectors - 1], n = (p->rows + most - 1) / most;

    for (size_t i = 0, row = 0; i < n; i++) {
        const size_t rows = p->rows / n + (i < p->rows % n);

        blocks[vectors - 1][rows - 1](p, row);
        row += rows;
    }
}

/* Copied where B's rows end within a vector, and where many rows of A use it: rows that are a power
 * of two apart would push each other out of the cache. */
static void multiply_part(const struct vg_real_product *p, size_t first, size_t from)
{
    enum { WIDE = VECTORS_MAX * LANES };
    const size_t columns = p->n - first < WIDE ? p->n - first : WIDE;
    const bool copied = columns % LANES != 0 || (p->m >= COPY_ROWS && p->k >= COPY_DEPTH);
    const size_t a_step = p->a_turned ? p->a_stride : 1;
    const float *b = p->b + from * p->b_stride + first;
    float copy[DEPTH * WIDE] __attribute__((aligned(64)));
    const struct panel panel = {
        .rows = p->m,
        .depth = p->k - from < DEPTH ? p->k - from : DEPTH,
        .columns = columns,
        .a = p->a + from * a_step,
        .a_row = p->a_turned ? 1 : p->a_stride,
        .a_step = a_step,
        .b = copied ? copy : b,
        .b_stride = copied ? WIDE : p->b_stride,
        .c = p->c + first,
        .c_stride = p->c_stride,
        .add = p->add || from > 0,
    };

    for (size_t k = 0; copied && k < panel.depth; k++) {
        memcpy(copy + k * WIDE, b + k * p->b_stride, columns * sizeof(*b));
        memset(copy + k * WIDE + columns, 0, (WIDE - columns) * sizeof(*b));
    }
    multiply_panel(&panel);
}

void FORM(const struct vg_real_product *p)
{
    for (size_t first = 0; first < p->n; first += VECTORS_MAX * LANES) {
        for (size_t from = 0; from < p->k; from += DEPTH)
            multiply_part(p, first, from);
    }
}
