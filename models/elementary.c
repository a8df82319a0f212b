/* elementary.c - exp, log, sine and the like in double: the same bits on every processor.
 *
 * Each is the textbook reduction to a small interval and the Taylor series there, written out until
 * the first term left out is below half a unit in the last place. A minimax polynomial would save
 * two or three terms; these coefficients can be checked by eye.
 */
#include "models/elementary.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

_Static_assert(FLT_EVAL_METHOD == 0, "double must be computed as double");

/* log(2) and pi / 2 in parts of at most 33 bits, so that a whole number below 2^20 times any but the
 * last is exact. */
static const double ln2_high = 0x1.62e42fefp-1, ln2_low = 0x1.473de6af278edp-34;
static const double half_pi[4] = { 0x1.921fb544p0, 0x1.0b4611a6p-34, 0x1.3198a2ep-69,
                                   0x1.b839a252049c1p-104 };

/* To the nearest whole number; |x| < 2^51. */
static double nearest(double x)
{
    return (x + 0x1.8p52) - 0x1.8p52;
}

/* 2^k for a normal result. */
static double power_of_two(int k)
{
    uint64_t bits = (uint64_t)(k + 1023) << 52;
    double ret;

    memcpy(&ret, &bits, sizeof(ret));
    return ret;
}

/* sum of c[i] x^i. Even and odd powers are two sums, which the processor computes at once. */
static inline double polynomial(const double *c, int n, double x)
{
    double xx = x * x, upper = c[n - 1], lower = c[n - 2];

    for (int i = n - 3; i > 0; i -= 2) {
        upper = upper * xx + c[i];
        lower = lower * xx + c[i - 1];
    }
    return n % 2 ? upper * xx + c[0] + x * lower : lower + x * upper;
}

/* ---- exp ---- */

/* (exp(r) - 1) / r for |r| <= log(2) / 2 */
static double exp_tail(double r)
{
    static const double c[] = {
        1,
        1.0 / 2,
        1.0 / 6,
        1.0 / 24,
        1.0 / 120,
        1.0 / 720,
        1.0 / 5040,
        1.0 / 40320,
        1.0 / 362880,
        1.0 / 3628800,
        1.0 / 39916800,
        1.0 / 479001600,
        1.0 / 6227020800.0,
        1.0 / 87178291200.0,
    };

    return polynomial(c, sizeof(c) / sizeof(c[0]), r);
}

double vg_exp(double x)
{
    double k, r, y;
    int half;

    if (!(x > -746))
        return isnan(x) ? x : 0;
    if (x > 710)
        return (double)INFINITY;
    k = nearest(x * (1 / (ln2_high + ln2_low)));
    r = (x - k * ln2_high) - k * ln2_low;
    y = 1 + r * exp_tail(r);
    half = (int)k / 2; /* in two steps, since 2^k alone may be no normal number */
    return y * power_of_two(half) * power_of_two((int)k - half);
}

double vg_expm1(double x)
{
    /* Beyond this exp(x) is not near 1, and nothing cancels. */
    return fabs(x) < 0.34 ? x * exp_tail(x) : vg_exp(x) - 1;
}

double vg_tanh(double x)
{
    double e;

    if (isnan(x))
        return x;
    if (fabs(x) > 20)
        return x < 0 ? -1 : 1;
    e = vg_expm1(2 * fabs(x));
    return copysign(e / (e + 2), x);
}

/* ---- log ---- */

/* 2 atanh(f) = log((1 + f) / (1 - f)) for |f| <= 3 - sqrt(8) */
static double log_of_ratio(double f)
{
    static const double c[] = {
        1,        1.0 / 3,  1.0 / 5,  1.0 / 7,  1.0 / 9,  1.0 / 11,
        1.0 / 13, 1.0 / 15, 1.0 / 17, 1.0 / 19, 1.0 / 21, 1.0 / 23,
    };

    return 2 * f * polynomial(c, sizeof(c) / sizeof(c[0]), f * f);
}

double vg_ln(double x)
{
    static const uint64_t mantissa = (UINT64_C(1) << 52) - 1;
    uint64_t bits;
    double m;
    int k = 0;

    if (!(x > 0) || x > DBL_MAX)
        return x == 0 ? -(double)INFINITY : x > 0 || isnan(x) ? x : (double)NAN;
    if (x < DBL_MIN) {
        x *= 0x1p54;
        k = -54;
    }
    memcpy(&bits, &x, sizeof(bits));
    k += (int)(bits >> 52) - 1023;
    bits = (bits & mantissa) | UINT64_C(1023) << 52;
    memcpy(&m, &bits, sizeof(m));
    if (m > 1.4142135623730951) {
        m /= 2;
        k++;
    }
    return k * ln2_high + (log_of_ratio((m - 1) / (m + 1)) + k * ln2_low);
}

double vg_log1p(double x)
{
    /* Beyond this log(1 + x) is not near 0, and the rounding of 1 + x does no harm. */
    return x > -0.29 && x < 0.41 ? log_of_ratio(x / (2 + x)) : vg_ln(1 + x);
}

/* ---- sine ---- */

/* x less the nearest multiple of pi / 2; says which multiple, modulo 4. */
static double reduce(double x, unsigned *ret_quadrant)
{
    double n = nearest(x * (2 / 3.14159265358979323846)), r = x;

    for (int i = 0; i < 4; i++)
        r -= n * half_pi[i];
    *ret_quadrant = (unsigned)(int)n & 3;
    return r;
}

/* |r| <= pi / 4 */
static double sine(double r)
{
    static const double c[] = {
        1,
        -1.0 / 6,
        1.0 / 120,
        -1.0 / 5040,
        1.0 / 362880,
        -1.0 / 39916800,
        1.0 / 6227020800.0,
        -1.0 / 1307674368000.0,
        1.0 / 355687428096000.0,
    };

    return r * polynomial(c, sizeof(c) / sizeof(c[0]), r * r);
}

static double cosine(double r)
{
    static const double c[] = {
        1,
        -1.0 / 2,
        1.0 / 24,
        -1.0 / 720,
        1.0 / 40320,
        -1.0 / 3628800,
        1.0 / 479001600.0,
        -1.0 / 87178291200.0,
        1.0 / 20922789888000.0,
        -1.0 / 6402373705728000.0,
    };

    return polynomial(c, sizeof(c) / sizeof(c[0]), r * r);
}

static double turn(double r, unsigned quadrant)
{
    double y = quadrant & 1 ? cosine(r) : sine(r);

    return quadrant & 2 ? -y : y;
}

/* NaN for what reduce() cannot do. */
static double within_reach(double x)
{
    return fabs(x) <= 1e6 ? x : (double)NAN;
}

double vg_sin(double x)
{
    unsigned quadrant;
    double r;

    if (isnan(within_reach(x)))
        return (double)NAN;
    r = reduce(x, &quadrant);
    return turn(r, quadrant);
}

double vg_cos(double x)
{
    unsigned quadrant;
    double r;

    if (isnan(within_reach(x)))
        return (double)NAN;
    r = reduce(x, &quadrant);
    return turn(r, (quadrant + 1) & 3);
}

double vg_tan(double x)
{
    unsigned quadrant;
    double r;

    if (isnan(within_reach(x)))
        return (double)NAN;
    r = reduce(x, &quadrant);
    return quadrant & 1 ? -cosine(r) / sine(r) : sine(r) / cosine(r);
}

/* ---- arc tangent ---- */

/* |x| <= tan(pi / 12) */
static double arc(double x)
{
    static const double c[] = {
        1,        -1.0 / 3,  1.0 / 5,  -1.0 / 7,  1.0 / 9,  -1.0 / 11, 1.0 / 13, -1.0 / 15,
        1.0 / 17, -1.0 / 19, 1.0 / 21, -1.0 / 23, 1.0 / 25, -1.0 / 27, 1.0 / 29,
    };

    return x * polynomial(c, sizeof(c) / sizeof(c[0]), x * x);
}

double vg_atan(double x)
{
    static const double root3 = 1.7320508075688772, sixth_pi = 0.52359877559829887;
    double a = fabs(x), y;
    int inverse;

    if (isnan(x))
        return x;
    inverse = a > 1;
    if (inverse)
        a = 1 / a;
    y = a > 0.2679 ? sixth_pi + arc((root3 * a - 1) / (root3 + a)) : arc(a);
    if (inverse)
        y = half_pi[0] + (half_pi[1] - y);
    return copysign(y, x);
}

/* ---- normal distribution ---- */

double vg_normal_below(double x)
{
    static const double b[] = { 0.319381530, -0.356563782, 1.781477937, -1.821255978, 1.330274429 };
    double t = 1 / (1 + 0.2316419 * fabs(x)), sum = 0, beyond;

    for (int i = 4; i >= 0; i--)
        sum = (sum + b[i]) * t;
    beyond = 0.39894228040143268 * vg_exp(-x * x / 2) * sum;
    return x < 0 ? beyond : 1 - beyond;
}

double vg_normal_quantile(double p)
{
    double low = -9, high = 9;

    /* 60 halvings leave less than the last bit of what matters; this is for plans, not for rows. */
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;

        if (vg_normal_below(middle) < p)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}
