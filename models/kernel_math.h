/* kernel_math.h - exp, tanh, sigmoid, log1p and softplus of one vector; part of kernel_form.h.
 *
 * One polynomial serves the first three: a minimax fit of 2^r for |r| <= 1/2, relative error 9e-8.
 * With rounding exp is within 1.8e-7 (relative), tanh 1.1e-7 and sigmoid 8e-8 (absolute; from all
 * floats of some exponents and samples of the others). log1p is a fit of the term that follows the
 * leading ones.
 */
#ifndef VG_MODELS_KERNEL_MATH_H
#define VG_MODELS_KERNEL_MATH_H

/* Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits. */
#define MAGIC  0x1.8p23f
#define LOG2_E 0x1.715476p+0f

/* (2^r - 1) / r for |r| <= 1/2. */
BODY vec exp2_slope(vec r)
{
    vec p = vec_all(0.0013264727f);

    p = vec_fma(p, r, vec_all(0.009671513f));
    p = vec_fma(p, r, vec_all(0.055507336f));
    p = vec_fma(p, r, vec_all(0.24022242f));
    return vec_fma(p, r, vec_all(0.6931470f));
}

/* Where NaN is given, it is the second operand of min and max, which keep that. */
BODY vec clamp(vec x, float low, float high)
{
    return vec_min(vec_all(high), vec_max(vec_all(low), x));
}

/* The integer in `t`, a sum with MAGIC, as the exponent of a float's bits. */
BODY ivec exponent(vec t)
{
    return (ivec)t << 23;
}

BODY vec exp_of(vec x)
{
    /* Beyond these the result is 0 or infinity, and k would leave the range of two exponents. */
    vec bound = clamp(x, -104.0f, 89.0f);
    vec t = vec_fma(bound, vec_all(LOG2_E), vec_all(MAGIC));
    vec minus_k = vec_all(MAGIC) - t;
    vec r = vec_fma(bound, vec_all(LOG2_E), minus_k);

    r = vec_fma(bound, vec_all(0x1.4ae0cp-26f), r); /* what LOG2_E lacks */

    /* Two factors, for 2^k alone may be infinite or subnormal where the result is not. */
    ivec k = (ivec)t - (ivec)vec_all(MAGIC);
    ivec half = k >> 1;
    vec p = vec_fma(exp2_slope(r), r, vec_all(1.0f));
    return p * (vec)((half + 127) << 23) * (vec)((k - half + 127) << 23);
}

/* 1 / sigmoid(x) = 1 + 2^y, y = -x log2(e), |x| <= limit. */
BODY vec sigmoid_below(vec x, float limit)
{
    vec bound = clamp(x, -limit, limit);
    vec t = vec_fma(bound, vec_all(-LOG2_E), vec_all(MAGIC));
    vec r = vec_fma(bound, vec_all(-LOG2_E), vec_all(MAGIC) - t);
    vec p = vec_fma(exp2_slope(r), r, vec_all(1.0f));
    vec e = (vec)((ivec)p + exponent(t));

    return vec_all(1.0f) + e;
}

BODY vec sigmoid_of(vec x)
{
    return vec_all(1.0f) / sigmoid_below(x, 87.0f);
}

/* tanh(x) = m / below, m = exp(2 x) - 1 = 2^k (2^r - 1) + (2^k - 1): exact also where x is small. */
BODY vec tanh_parts(vec x, vec *below)
{
    /* tanh is 1 beyond. */
    vec bound = clamp(x, -9.2f, 9.2f);
    vec t = vec_fma(bound, vec_all(2.0f * LOG2_E), vec_all(MAGIC));
    vec r = vec_fma(bound, vec_all(2.0f * LOG2_E), vec_all(MAGIC) - t);
    vec scale = (vec)(exponent(t) + (ivec)vec_all(1.0f));
    vec m = vec_fma(scale, exp2_slope(r) * r, scale - vec_all(1.0f));

    *below = m + vec_all(2.0f);
    return m;
}

BODY vec tanh_of(vec x)
{
    vec below, above = tanh_parts(x, &below);

    return above / below;
}

/* log(1 + x) = e log(2) + log(1 + f) + what was lost in 1 + x. */
BODY vec log1p_of(vec x)
{
    x = clamp(x, 0.0f, FLT_MAX);

    vec u = vec_all(1.0f) + x;
    vec lost = x - (u - vec_all(1.0f));
    ivec e = ((ivec)u - (ivec)vec_all(0x1.6a09e6p-1f)) >> 23;
    vec f = (vec)((ivec)u - (e << 23)) - vec_all(1.0f);
    vec z = f * f;

    vec p = vec_all(0.06746533f);
    p = vec_fma(p, f, vec_all(-0.11675624f));
    p = vec_fma(p, f, vec_all(0.11888196f));
    p = vec_fma(p, f, vec_all(-0.12405596f));
    p = vec_fma(p, f, vec_all(0.14219548f));
    p = vec_fma(p, f, vec_all(-0.16667995f));
    p = vec_fma(p, f, vec_all(0.20002119f));
    p = vec_fma(p, f, vec_all(-0.2500001f));
    p = vec_fma(p, f, vec_all(0.33333313f));
    p = vec_fma(p, f * z, lost / u);
    p = vec_fma(vec_all(-0.5f), z, p);
    return vec_fma(__builtin_convertvector(e, vec), vec_all(0x1.62e43p-1f), f + p);
}

/* log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)). */
BODY vec softplus_of(vec x)
{
    vec size = vec_max(vec_all(0.0f) - x, x);

    return vec_max(vec_all(0.0f), x) + log1p_of(exp_of(vec_all(0.0f) - size));
}

#endif
