/* elementary.h - exp, log, sine and the like in double: the same bits on every processor.
 *
 * The C library picks other code for other processors, and its results differ in the last bit. What
 * is drawn, trained, calibrated or scored must not depend on that, so these are plain C: additions,
 * multiplications and divisions in a fixed order, each rounded once (-ffp-contract=off), and
 * nothing else. sqrt, fabs, floor and fma of the C library are exact and need no form of their own.
 *
 * Relative error at most 1e-14 wherever the result is a normal number, unless said otherwise; far
 * less than that in most places. Needed of the floating-point environment: round to nearest,
 * subnormals kept. Any thread.
 */
#ifndef VG_MODELS_ELEMENTARY_H
#define VG_MODELS_ELEMENTARY_H

double vg_exp(double x);   /**< 0 below about -745, infinite above about 709.8 */
double vg_expm1(double x); /**< exp(x) - 1, exact also near 0 */
double vg_ln(double x);    /**< natural logarithm; -inf at 0, NaN below */
double vg_log1p(double x); /**< log(1 + x), exact also near 0 */
double vg_sin(double x);   /**< |x| <= 1e6 radians; absolute error 1e-15 beyond is not promised */
double vg_cos(double x);   /**< the same */
double vg_tan(double x);   /**< the same */
double vg_atan(double x);  /**< in [-pi / 2, pi / 2] */
double vg_tanh(double x);

/**
 * The standard normal distribution: share below x, and its inverse for 0 < p < 1. Absolute error
 * 7.5e-8 (Abramowitz and Stegun 1964, 26.2.17); the inverse of this approximation, not of the truth.
 */
double vg_normal_below(double x);
double vg_normal_quantile(double p);

#endif
