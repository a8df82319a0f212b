/* gemm.c - products of matrices by OpenBLAS.
 *
 * OpenBLAS is opened when it is first needed, not linked: it reads from the environment which kernel
 * to use while it is being loaded, and it starts threads then that would take signals meant for a
 * pipeline. Programs that do not train do not load it.
 */
#include "models/gemm.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <cblas.h>

static const char pinned_core[] = "Haswell", library[] = "libopenblas.so.0";

static struct {
    void *handle;
    __typeof__(cblas_dgemm) *dgemm;
    __typeof__(openblas_get_corename) *corename;
    __typeof__(openblas_set_num_threads) *set_threads;
} blas; /* constant once it is open */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char problem[256];

static bool has_pinned_kernel(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return false;
#endif
}

/* A function as data and back: POSIX promises that dlsym() may be used so. */
#define FIND(field, name)                                \
    do {                                                 \
        void *found = dlsym(blas.handle, name);          \
                                                         \
        complete = complete && found;                    \
        memcpy(&blas.field, &found, sizeof(blas.field)); \
    } while (0)

static void open_library(void)
{
    bool complete = true;
    const char *why;

    /* Whoever has set another kernel wants it. */
    if (has_pinned_kernel())
        setenv("OPENBLAS_CORETYPE", pinned_core, 0);
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    blas.handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!blas.handle) {
        why = dlerror();
        strncpy(problem, why ? why : library, sizeof(problem) - 1);
        return;
    }
    FIND(dgemm, "cblas_dgemm");
    FIND(corename, "openblas_get_corename");
    FIND(set_threads, "openblas_set_num_threads");
    if (complete)
        blas.set_threads(1);
    else
        strncpy(problem, "it is no OpenBLAS", sizeof(problem) - 1);
}

vg_status vg_gemm_open(struct vg_err *err)
{
    pthread_once(&once, open_library);
    return problem[0] ? vg_fail(err, VG_E_UNAVAILABLE,
                                "training needs OpenBLAS (Debian: libopenblas0): %s", problem)
                      : VG_OK;
}

void vg_gemm_init(void)
{
    struct vg_err err;

    VG_CHECK(vg_gemm_open(&err) == VG_OK);
}

const char *vg_gemm_core(void)
{
    vg_gemm_init();
    return blas.corename();
}

bool vg_gemm_pinned(void)
{
    return strcmp(vg_gemm_core(), pinned_core) == 0;
}

static CBLAS_TRANSPOSE transposed(bool yes)
{
    return yes ? CblasTrans : CblasNoTrans;
}

void vg_dgemm(bool a_transposed, bool b_transposed, size_t m, size_t n, size_t k, const double *a,
              size_t lda, const double *b, size_t ldb, double beta, double *c, size_t ldc)
{
    blas.dgemm(CblasRowMajor, transposed(a_transposed), transposed(b_transposed), (blasint)m,
               (blasint)n, (blasint)k, 1.0, a, (blasint)lda, b, (blasint)ldb, beta, c,
               (blasint)ldc);
}
