/* train_real.c - what differs between training in float and in double. */
#include "models/train_real.h"

#include <math.h>

#include "models/elementary.h"
#include "models/gemm.h"
#include "models/kernel.h"
#include "models/train_product.h"

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

void vg_real_multiply(const struct vg_real_product *p)
{
    for (size_t i = 0; i < p->parts; i++)
        vg_dgemm(p->a_turned, false, p->m, p->n, p->part[i].k, p->part[i].a, p->a_stride,
                 p->part[i].b, p->b_stride, i > 0 ? 1.0 : 0.0, p->c, p->c_stride);
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

void vg_real_multiply(const struct vg_real_product *p)
{
    vg_product(p);
}

#endif

vg_real *vg_real_alloc(size_t n)
{
    return vg_kernel_alloc(n * sizeof(vg_real));
}
