/* train_linear.h - models with a solution in one go: ridge, PCA, logistic regression, covariance.
 *
 * The references that every network is measured against. All arithmetic is double in the order of
 * the rows, so results depend on nothing but the data (models/gemm.h: with vg_gemm_pinned() on any
 * processor). Rows arrive in pieces of any size; nothing keeps them but the logistic regression.
 *
 * Letters: N rows, K inputs, O outputs, Z components.
 */
#ifndef VG_MODELS_TRAIN_LINEAR_H
#define VG_MODELS_TRAIN_LINEAR_H

#include "core/err.h"

/**
 * Ridge regression by the normal equations, a bias that is not penalised, and targets that may be
 * missing: output o is fitted on the rows where its mask is set.
 *
 * Memory: K^2 doubles, times O when masks were given (each output then has rows of its own).
 */
struct vg_ridge;

struct vg_ridge *vg_ridge_new(uint32_t inputs, uint32_t outputs, bool masked);
void vg_ridge_free(struct vg_ridge *r);

/**
 * Adds `n` rows.
 *
 *   x       [n, K]
 *   target  [n, O]
 *   mask    [n, O] 1 observed, 0 not; NULL exactly when not masked
 */
void vg_ridge_add(struct vg_ridge *r, size_t n, const float *x, const float *target,
                  const float *mask);

/** Adds the sums of another of the same shape, which stays as it is: rows may be gathered in parts
 *  (folds, threads). */
void vg_ridge_merge(struct vg_ridge *r, struct vg_ridge *other);

/**
 * Solves min over w, b of sum (w x + b - target)^2 + penalty |w|^2 for each output; may be called
 * again with more rows or another penalty. An output without any row gets zeros.
 *
 *   weight  [O, K]
 *   bias    [O]
 *
 * Fails with VG_E_FAILED when a system is singular: a greater penalty helps.
 */
VG_NODISCARD vg_status vg_ridge_solve(struct vg_ridge *r, double penalty, float *weight,
                                      float *bias, struct vg_err *err);

/** Mean and covariance of rows with missing entries: pairs observed together count. */
struct vg_covariance;

struct vg_covariance *vg_covariance_new(uint32_t inputs);
void vg_covariance_free(struct vg_covariance *c);

/** x [n, K]; mask [n, K] 1 observed, 0 not, or NULL: all are. */
void vg_covariance_add(struct vg_covariance *c, size_t n, const float *x, const float *mask);

/** mean [K] and covariance [K, K] (divided by the number of pairs); 0 where nothing was seen. Pairs
 *  of their own may leave a matrix that is not positive definite: add to its diagonal. */
void vg_covariance_get(struct vg_covariance *c, double *mean, double *covariance);

/**
 * Eigenvalues, descending, and eigenvectors of a symmetric matrix: Householder tridiagonal form,
 * then QL steps with implicit shifts (Golub and Van Loan, Matrix Computations, 8.3). The greatest
 * entry of a vector is positive, so that signs do not depend on chance.
 *
 *   matrix  [K, K]; destroyed
 *   value   [K]
 *   vector  [K, K]: row i belongs to value i
 */
void vg_eigen_symmetric(uint32_t k, double *matrix, double *value, double *vector);

/**
 * The first `components` principal components (at most K) of gathered rows.
 *
 *   mean       [K]
 *   component  [Z, K] of length 1, greatest variance first
 *   variance   [Z], or NULL
 */
void vg_pca(struct vg_covariance *c, uint32_t components, float *mean, float *component,
            float *variance);

/**
 * Logistic regression with an L2 penalty (not on the bias) by Newton's method:
 * min sum weight (-y log p - (1 - y) log(1 - p)) + penalty / 2 |w|^2.
 *
 *   x       [N, K]; scale it first, the penalty treats all inputs alike
 *   y       [N] from 0 to 1
 *   sample  [N] weights, or NULL
 *   weight  [K], bias [1]
 *
 * Fails with VG_E_FAILED when it does not converge in 100 steps.
 */
VG_NODISCARD vg_status vg_logistic_fit(size_t n, uint32_t inputs, const float *x, const float *y,
                                       const float *sample, double penalty, float *weight,
                                       float *bias, struct vg_err *err);

/** Solves A x = b for a symmetric positive definite A [K, K] (destroyed); b [K, M] becomes x.
 *  False when A is not positive definite. */
bool vg_cholesky_solve(uint32_t k, double *a, uint32_t m, double *b);

#endif
