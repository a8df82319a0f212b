/* gemm.c - the only user of cblas.h. */
#include "models/gemm.h"

#include <string.h>

#include <cblas.h>

static const char pinned_core[] = "Haswell";

const char *vg_gemm_core(void)
{
    return openblas_get_corename();
}

bool vg_gemm_pinned(void)
{
    return strcmp(vg_gemm_core(), pinned_core) == 0;
}

void vg_gemm_init(void)
{
    openblas_set_num_threads(1);
}

static CBLAS_TRANSPOSE transposed(bool yes)
{
    return yes ? CblasTrans : CblasNoTrans;
}

void vg_sgemm(bool a_transposed, bool b_transposed, size_t m, size_t n, size_t k, const float *a,
              size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc)
{
    cblas_sgemm(CblasRowMajor, transposed(a_transposed), transposed(b_transposed), (blasint)m,
                (blasint)n, (blasint)k, 1.0f, a, (blasint)lda, b, (blasint)ldb, beta, c,
                (blasint)ldc);
}

void vg_dgemm(bool a_transposed, bool b_transposed, size_t m, size_t n, size_t k, const double *a,
              size_t lda, const double *b, size_t ldb, double beta, double *c, size_t ldc)
{
    cblas_dgemm(CblasRowMajor, transposed(a_transposed), transposed(b_transposed), (blasint)m,
                (blasint)n, (blasint)k, 1.0, a, (blasint)lda, b, (blasint)ldb, beta, c,
                (blasint)ldc);
}
