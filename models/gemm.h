/* gemm.h - matrix products of what is solved and not descended to (ridge, PCA), on OpenBLAS.
 *
 * Not for the live path: OpenBLAS changes bits with the shape of a batch and with the processor; nor
 * for networks that learn (models/train_product.h). The others want speed and the same bits for the
 * same shapes: one thread, and one kernel that every processor with AVX2 has. OpenBLAS reads which from the environment while it is loaded, so it is
 * loaded when it is first needed, with OPENBLAS_CORETYPE=Haswell (unless the environment names
 * another) and OPENBLAS_NUM_THREADS=1; vg_gemm_pinned() says whether that is what runs.
 *
 * Matrices are row-major.
 */
#ifndef VG_MODELS_GEMM_H
#define VG_MODELS_GEMM_H

#include "core/err.h"

/** Loads OpenBLAS. VG_E_UNAVAILABLE when it is not there; a verb asks before it begins. Any thread;
 *  once is enough. */
VG_NODISCARD vg_status vg_gemm_open(struct vg_err *err);

/** The same for those who know that it is there; call before the first product. */
void vg_gemm_init(void);

/** Whether OpenBLAS uses its Haswell kernel, so that results are those of every such machine. */
bool vg_gemm_pinned(void);

/** The kernel in use, "Haswell", "SkylakeX", ...: for people. */
const char *vg_gemm_core(void);

/**
 * C = A B + beta C, with A and B transposed before when asked.
 *
 *   A  [M, K], or [K, M] when a_transposed; rows lda apart
 *   B  [K, N], or [N, K] when b_transposed; rows ldb apart
 *   C  [M, N]; rows ldc apart
 */
void vg_dgemm(bool a_transposed, bool b_transposed, size_t m, size_t n, size_t k, const double *a,
              size_t lda, const double *b, size_t ldb, double beta, double *c, size_t ldc);

#endif
