/* train_eigen.c - eigenvalues and eigenvectors of a symmetric matrix.
 *
 * Written out instead of taken from LAPACK because its bits are then ours on every processor. All
 * inner loops add a multiple of one row to another: they become vectors without changing a sum.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/train_linear.h"

enum { STEPS_MAX = 1000 }; /* two or three per value are usual */

struct symmetric {
    size_t n;
    double *a;        /* [n, n] */
    double *diagonal; /* [n], becomes the eigenvalues */
    double *beside;   /* [n]: beside[i] couples i and i + 1 */
    double *q;        /* [n, n]: row i becomes the eigenvector of value i */
    double *v, *w;    /* [n] scratch */
};

static void add(size_t n, double factor, const double *x, double *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] += factor * x[i];
}

static double dot(size_t n, const double *x, const double *y)
{
    double sum = 0.0;

    for (size_t i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

/* ---- tridiagonal form ---- */

/* The reflection I - v v' that turns x [n] into a multiple of its first entry; returns that entry.
 * v has length sqrt(2), or is zero when there is nothing to do. It is found for x at the size of 1:
 * the squares of what rounding left of a zero would be too small for their digits. */
static double reflector(size_t n, const double *x, double *v)
{
    double size = 0.0, rest, length, head;

    for (size_t i = 0; i < n; i++)
        size = fabs(x[i]) > size ? fabs(x[i]) : size;
    for (size_t i = 0; i < n; i++)
        v[i] = size > DBL_MIN ? x[i] / size : 0.0;
    rest = dot(n - 1, v + 1, v + 1);
    if (rest <= 0.0) {
        memset(v, 0, n * sizeof(double));
        return x[0];
    }
    length = sqrt(v[0] * v[0] + rest);
    /* The sign that cancels nothing. */
    head = v[0] > 0.0 ? -length : length;
    v[0] -= head;
    length = sqrt((v[0] * v[0] + rest) / 2.0);
    for (size_t i = 0; i < n; i++)
        v[i] /= length;
    return head * size;
}

/* Applies the reflection to the n by n block `a` (rows `stride` apart) from both sides. */
static void reflect_block(size_t n, double *a, size_t stride, const double *v, double *w)
{
    memset(w, 0, n * sizeof(double));
    for (size_t i = 0; i < n; i++)
        add(n, v[i], a + i * stride, w);
    add(n, -dot(n, v, w) / 2.0, v, w);
    for (size_t i = 0; i < n; i++) {
        add(n, -v[i], w, a + i * stride);
        add(n, -w[i], v, a + i * stride);
    }
}

/* Leaves the tridiagonal form in diagonal and beside, and in q the product of the reflections:
 * A = q' T q. The vectors of the reflections stay in the upper part of a meanwhile. */
static void tridiagonalise(struct symmetric *s)
{
    const size_t n = s->n;

    for (size_t k = 0; k + 2 < n; k++) {
        const size_t m = n - k - 1;
        double *row = s->a + k * n + k + 1;

        s->beside[k] = reflector(m, row, s->v);
        reflect_block(m, s->a + (k + 1) * n + k + 1, n, s->v, s->w);
        memcpy(row, s->v, m * sizeof(double));
    }
    if (n > 1)
        s->beside[n - 2] = s->a[(n - 2) * n + n - 1];
    for (size_t i = 0; i < n; i++) {
        s->diagonal[i] = s->a[i * n + i];
        s->q[i * n + i] = 1.0;
    }
    for (size_t k = n > 2 ? n - 2 : 0; k-- > 0;) {
        const size_t m = n - k - 1;
        const double *v = s->a + k * n + k + 1;
        double *block = s->q + (k + 1) * n + k + 1;

        for (size_t i = 0; i < m; i++)
            add(m, 0.0 - dot(m, block + i * n, v), v, block + i * n);
    }
}

/* ---- QL steps ---- */

static double length_of(double x, double y)
{
    return sqrt(x * x + y * y);
}

/* Where the block that begins at `first` ends: at the first coupling that is nothing, beside its
 * neighbours or beside the whole matrix, whose zero eigenvalues would otherwise never separate. */
static size_t block_end(const struct symmetric *s, size_t first, double floor)
{
    size_t i = first;

    while (i + 1 < s->n) {
        double size = fabs(s->diagonal[i]) + fabs(s->diagonal[i + 1]);

        if (fabs(s->beside[i]) <= DBL_EPSILON * size || fabs(s->beside[i]) <= floor)
            break;
        i++;
    }
    return i;
}

static void rotate_rows(size_t n, double c, double s, double *restrict x, double *restrict y)
{
    for (size_t i = 0; i < n; i++) {
        double keep = y[i];

        y[i] = s * x[i] + c * keep;
        x[i] = c * x[i] - s * keep;
    }
}

/* One QL step with Wilkinson's shift on the rows first..last. */
static void ql_step(struct symmetric *t, size_t first, size_t last)
{
    double *d = t->diagonal, *e = t->beside;
    double half = (d[first + 1] - d[first]) / (2.0 * e[first]);
    double root = length_of(half, 1.0);
    double g = d[last] - d[first] + e[first] / (half + (half < 0.0 ? -root : root));
    double c = 1.0, s = 1.0, p = 0.0;

    for (size_t i = last; i-- > first;) {
        double f = s * e[i], b = c * e[i], r = length_of(f, g), turn;

        if (i + 1 < last)
            e[i + 1] = r;
        if (r <= 0.0) {
            /* The matrix falls apart here: the next step begins with smaller blocks. */
            d[i + 1] -= p;
            return;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - p;
        turn = (d[i] - g) * s + 2.0 * c * b;
        p = s * turn;
        d[i + 1] = g + p;
        g = c * turn - b;
        rotate_rows(t->n, c, s, t->q + i * t->n, t->q + (i + 1) * t->n);
    }
    d[first] -= p;
    e[first] = g;
}

static void diagonalise(struct symmetric *s)
{
    double floor = 0.0;

    for (size_t i = 0; i < s->n; i++)
        floor += (fabs(s->diagonal[i]) + fabs(s->beside[i])) * DBL_EPSILON * DBL_EPSILON;
    for (size_t first = 0; first < s->n; first++) {
        size_t last, steps = 0;

        while ((last = block_end(s, first, floor)) != first) {
            VG_CHECK(++steps < STEPS_MAX); /* or the matrix had a NaN in it */
            s->beside[s->n - 1] = 0.0;
            ql_step(s, first, last);
            if (last + 1 < s->n)
                s->beside[last] = 0.0;
        }
    }
}

/* ---- order ---- */

static void swap_rows(struct symmetric *s, size_t i, size_t j)
{
    double value = s->diagonal[i];

    s->diagonal[i] = s->diagonal[j];
    s->diagonal[j] = value;
    memcpy(s->v, s->q + i * s->n, s->n * sizeof(double));
    memcpy(s->q + i * s->n, s->q + j * s->n, s->n * sizeof(double));
    memcpy(s->q + j * s->n, s->v, s->n * sizeof(double));
}

static void sort(struct symmetric *s)
{
    for (size_t i = 0; i + 1 < s->n; i++) {
        size_t greatest = i;

        for (size_t j = i + 1; j < s->n; j++) {
            if (s->diagonal[j] > s->diagonal[greatest])
                greatest = j;
        }
        if (greatest != i)
            swap_rows(s, i, greatest);
    }
}

static void choose_signs(struct symmetric *s)
{
    for (size_t i = 0; i < s->n; i++) {
        double *row = s->q + i * s->n, greatest = 0.0;

        for (size_t j = 0; j < s->n; j++)
            greatest = fabs(row[j]) > fabs(greatest) ? row[j] : greatest;
        for (size_t j = 0; greatest < 0.0 && j < s->n; j++)
            row[j] = -row[j];
    }
}

void vg_eigen_symmetric(uint32_t k, double *matrix, double *value, double *vector)
{
    const size_t n = k;
    struct symmetric s = { .n = n };

    s.a = matrix;
    s.diagonal = value;
    s.q = vector;
    s.beside = calloc(3 * n, sizeof(double));
    VG_CHECK(s.beside);
    s.v = s.beside + n;
    s.w = s.v + n;
    memset(vector, 0, n * n * sizeof(double));
    tridiagonalise(&s);
    diagonalise(&s);
    sort(&s);
    choose_signs(&s);
    free(s.beside);
}
