/* train_product_form.h - the source of every form of the products; train_product_<form>.c includes
 * it after one of models/vec_<form>.h, with FORM for the name of its function.
 *
 * C is cut into panels of up to four vectors, A's rows into blocks whose sums fit into registers, and
 * K so that its piece of B stays in the first-level cache. The sums wait in C between pieces, so none
 * of this changes a bit.
 */
#include <string.h>

#include "models/train_product_private.h"
#include "models/vec_some.h"

/* COPY_...: rows of A and depth of B from which on a copy of B pays. */
enum { ROWS_MAX = 6, VECTORS_MAX = 4, DEPTH = 96, STRETCHES_MAX = 8 };
enum { COPY_ROWS = 24, COPY_DEPTH = 64 };

struct stretch {
    size_t depth;
    const float *a; /* entry (r, k) is a[r a_row + k a_step] */
    const float *b; /* whole vectors are read */
};

/* One panel of C over some of K. */
struct panel {
    size_t rows, columns, stretches;
    struct stretch stretch[STRETCHES_MAX];
    size_t a_row, a_step, b_stride;
    float *c;
    size_t c_stride;
    bool add;
};

/* Adds R rows by V vectors of one stretch. A vector of B is loaded once for all rows, which a compiler
 * does only with VEC_PIN. */
BODY void add_stretch(size_t R, size_t V, const struct panel *p, const struct stretch *s,
                      size_t row, vec (*sum)[VECTORS_MAX])
{
    const float *a = s->a + row * p->a_row, *b = s->b;

    for (size_t k = 0; k < s->depth; k++, a += p->a_step, b += p->b_stride) {
        vec right[VECTORS_MAX];

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
}

BODY void multiply_block(size_t R, size_t V, const struct panel *p, size_t row)
{
    float *c = p->c + row * p->c_stride;
    vec sum[ROWS_MAX][VECTORS_MAX];

    UNROLL for (size_t r = 0; r < R; r++)
    {
        UNROLL for (size_t v = 0; v < V; v++) sum[r][v] = vec_all(0.0f);
    }
    for (size_t r = 0; r < R && p->add; r++) {
        UNROLL for (size_t v = 0; v < V; v++) sum[r][v] =
            load_some(c + r * p->c_stride + v * LANES, p->columns - v * LANES);
    }
    for (size_t i = 0; i < p->stretches; i++)
        add_stretch(R, V, p, &p->stretch[i], row, sum);
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

/* A piece of B side by side, filled up with zeros to whole vectors. */
static void copy_rows(size_t rows, size_t columns, const float *from, size_t stride, size_t wide,
                      float *to)
{
    for (size_t k = 0; k < rows; k++) {
        memcpy(to + k * wide, from + k * stride, columns * sizeof(*to));
        memset(to + k * wide + columns, 0, (wide - columns) * sizeof(*to));
    }
}

static size_t depth_of(const struct vg_real_product *p)
{
    size_t depth = 0;

    for (size_t i = 0; i < p->parts; i++)
        depth += p->part[i].k;
    return depth;
}

/* Columns from `first` on. B is copied where its rows end within a vector, and where many rows of A
 * use it: rows that are a power of two apart would push each other out of the cache. */
static void multiply_columns(const struct vg_real_product *p, size_t first)
{
    enum { WIDE = VECTORS_MAX * LANES };
    const size_t columns = p->n - first < WIDE ? p->n - first : WIDE;
    const bool copied = columns % LANES != 0 || (p->m >= COPY_ROWS && depth_of(p) >= COPY_DEPTH);
    float copy[DEPTH * WIDE] __attribute__((aligned(64)));
    size_t depth = 0;
    struct panel panel = {
        .rows = p->m,
        .columns = columns,
        .a_row = p->a_turned ? 1 : p->a_stride,
        .a_step = p->a_turned ? p->a_stride : 1,
        .b_stride = copied ? WIDE : p->b_stride,
        .c = p->c + first,
        .c_stride = p->c_stride,
    };

    for (size_t i = 0, from = 0; i < p->parts;) {
        const struct vg_real_factors *f = &p->part[i];
        const size_t n = f->k - from < DEPTH - depth ? f->k - from : DEPTH - depth;
        const float *b = f->b + from * p->b_stride + first;

        if (copied)
            copy_rows(n, columns, b, p->b_stride, WIDE, copy + depth * WIDE);
        panel.stretch[panel.stretches++] =
            (struct stretch){ n, f->a + from * panel.a_step, copied ? copy + depth * WIDE : b };
        depth += n;
        from += n;
        if (from == f->k) {
            i++;
            from = 0;
        }
        if (depth < DEPTH && panel.stretches < STRETCHES_MAX && i < p->parts)
            continue;
        multiply_panel(&panel);
        panel.stretches = depth = 0;
        panel.add = true;
    }
}

void FORM(const struct vg_real_product *p)
{
    for (size_t first = 0; first < p->n; first += VECTORS_MAX * LANES)
        multiply_columns(p, first);
}
