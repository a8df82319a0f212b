/* train_real.c - what differs between training in float and in double. */
#include "models/train_real.h"

#include <math.h>

#include "models/elementary.h"
#include "models/gemm.h"
#include "models/kernel.h"

#ifdef VG_TRAIN_DOUBLE

void vg_real_exp(size_t n, vg_real *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = vg_exp(x[i]);
}

void vg_real_tanh(size_t n, vg_real *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = vg_tanh(x[i]);
}

void vg_real_sigmoid(size_t n, vg_real *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = 1.0 / (1.0 + vg_exp(-x[i]));
}

void vg_real_softplus(size_t n, vg_real *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (x[i] > 0.0 ? x[i] : 0.0) + vg_log1p(vg_exp(-fabs(x[i])));
}

vg_real vg_real_log(vg_real x)
{
    return vg_ln(x);
}

void vg_real_gemm(bool a_transposed, bool b_transposed, size_t m, size_t n, size_t k,
                  const vg_real *a, size_t lda, const vg_real *b, size_t ldb, vg_real beta,
                  vg_real *c, size_t ldc)
{
    vg_dgemm(a_transposed, b_transposed, m, n, k, a, lda, b, ldb, beta, c, ldc);
}

#else

void vg_real_exp(size_t n, vg_real *x)
{
    vg_kernel()->exp_n(n, x);
}

void vg_real_tanh(size_t n, vg_real *x)
{
    vg_kernel()->tanh_n(n, x);
}

void vg_real_sigmoid(size_t n, vg_real *x)
{
    vg_kernel()->sigmoid_n(n, x);
}

void vg_real_softplus(size_t n, vg_real *x)
{
    vg_kernel()->softplus((uint32_t)n, x, x);
}

vg_real vg_real_log(vg_real x)
{
    return vg_log1pf(x - 1.0f);
}

void vg_real_gemm(bool a_transposed, bool b_transposed, size_t m, size_t n, size_t k,
                  const vg_real *a, size_t lda, const vg_real *b, size_t ldb, vg_real beta,
                  vg_real *c, size_t ldc)
{
    vg_sgemm(a_transposed, b_transposed, m, n, k, a, lda, b, ldb, beta, c, ldc);
}

#endif

vg_real *vg_real_alloc(size_t n)
{
    return vg_kernel_alloc(n * sizeof(vg_real));
}
