/* test_elementary.c - exp, log, sine: near the C library's, and always the same bits. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "models/elementary.h"

TestSuite(elementary, .timeout = 60);

typedef double fn(double);

/* clang-format off */
static const struct {
    const char *name;
    fn *ours, *library;
} functions[] = {
    { "exp", vg_exp, exp },     { "expm1", vg_expm1, expm1 }, { "log", vg_ln, log },
    { "log1p", vg_log1p, log1p }, { "sin", vg_sin, sin },     { "cos", vg_cos, cos },
    { "tan", vg_tan, tan },     { "atan", vg_atan, atan },    { "tanh", vg_tanh, tanh },
};
/* clang-format on */

/* `steps` arguments from low to high, equally far apart or by equal factors. */
struct sweep {
    int function;
    double low, high;
    int factors;
};

enum { EXP, EXPM1, LOG, LOG1P, SIN, COS, TAN, ATAN, TANH, STEPS = 40000 };

static double argument(const struct sweep *s, int i)
{
    double part = (double)i / STEPS;

    if (!s->factors)
        return s->low + part * (s->high - s->low);
    return copysign(exp2((1 - part) * log2(fabs(s->low)) + part * log2(fabs(s->high))), s->low);
}

ParameterizedTestParameters(elementary, differ_from_the_library_by_less_than_1e_14)
{
    static struct sweep rows[] = {
        { EXP, -708, 709.7, 0 },     { EXP, -1, 1, 0 },         { EXPM1, -40, 700, 0 },
        { EXPM1, -1, 1, 0 },         { EXPM1, 1e-300, 1, 1 },   { LOG, 1e-307, 1e308, 1 },
        { LOG, 0.5, 2, 0 },          { LOG1P, -0.999, 10, 0 },  { LOG1P, 1e-300, 1e300, 1 },
        { LOG1P, -1e-300, -0.9, 1 }, { SIN, -7, 7, 0 },         { SIN, 1e-300, 1e6, 1 },
        { SIN, -1e6, 1e6, 0 },       { COS, -7, 7, 0 },         { COS, 1e-300, 1e6, 1 },
        { TAN, -7, 7, 0 },           { TAN, -1e6, 1e6, 0 },     { ATAN, -5, 5, 0 },
        { ATAN, 1e-300, 1e300, 1 },  { TANH, -1e-300, -30, 1 }, { TANH, -3, 3, 0 },
    };
    return cr_make_param_array(struct sweep, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(struct sweep *s, elementary, differ_from_the_library_by_less_than_1e_14)
{
    for (int i = 0; i <= STEPS; i++) {
        double x = argument(s, i), y = functions[s->function].ours(x);
        double expected = functions[s->function].library(x);

        cr_assert(fabs(y - expected) <= 1e-14 * fabs(expected), "%s(%.17g) is %.17g, not %.17g",
                  functions[s->function].name, x, y, expected);
    }
}

Test(elementary, a_sine_is_exact_where_it_crosses_zero)
{
    for (int n = 1; n <= 300000; n += 7) {
        double x = n * 3.14159265358979323846;

        cr_assert(fabs(vg_sin(x) - sin(x)) <= 1e-14 * fabs(sin(x)),
                  "sin(%.17g) is %.17g, not %.17g", x, vg_sin(x), sin(x));
    }
}

Test(elementary, ends_are_where_mathematics_has_them)
{
    cr_assert_eq(vg_exp(0), 1);
    cr_assert_eq(vg_exp(-1e300), 0);
    cr_assert_eq(vg_exp(-(double)INFINITY), 0);
    cr_assert_eq(vg_exp(1e300), (double)INFINITY);
    cr_assert_eq(vg_exp(709.9), (double)INFINITY);
    cr_assert_float_eq(vg_exp(-740), exp(-740), 1e-320); /* a subnormal */
    cr_assert_eq(vg_expm1(-1e300), -1);
    cr_assert_eq(vg_ln(1), 0);
    cr_assert_eq(vg_ln(0), -(double)INFINITY);
    cr_assert_eq(vg_ln((double)INFINITY), (double)INFINITY);
    cr_assert_float_eq(vg_ln(4.9e-324), log(4.9e-324), 1e-11);
    cr_assert_eq(vg_log1p(-1), -(double)INFINITY);
    cr_assert_eq(vg_sin(0), 0);
    cr_assert_eq(vg_cos(0), 1);
    cr_assert_eq(vg_atan((double)INFINITY), atan((double)INFINITY));
    cr_assert_eq(vg_tanh(-1000), -1);
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
        cr_assert(isnan(functions[i].ours((double)NAN)), "%s(NaN)", functions[i].name);
    cr_assert(isnan(vg_ln(-1)) && isnan(vg_log1p(-2)) && isnan(vg_sin(1e7)) &&
              isnan(vg_cos((double)INFINITY)));
}

/* Over all functions and 10,000 arguments each; computed once and written down. A processor or a
 * compiler that gives another number breaks what the header promises. */
Test(elementary, the_normal_distribution_and_its_inverse_are_what_is_promised)
{
    for (double x = -6; x <= 6; x += 0.01)
        cr_assert_float_eq(vg_normal_below(x), erfc(-x / sqrt(2)) / 2, 7.5e-8, "%g", x);
    for (double p = 0.001; p < 1; p += 0.001)
        cr_assert_float_eq(vg_normal_below(vg_normal_quantile(p)), p, 1.5e-7, "%g", p);
    cr_assert_float_eq(vg_normal_quantile(0.95), 1.6448536, 2e-6);
}

Test(elementary, the_bits_are_the_same_everywhere)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t f = 0; f < sizeof(functions) / sizeof(functions[0]); f++) {
        for (int i = 0; i < 10000; i++) {
            double y = functions[f].ours((i - 3000) * 0.0078125);
            uint64_t bits;

            memcpy(&bits, &y, sizeof(bits));
            hash = (hash ^ (isnan(y) ? 0 : bits)) * UINT64_C(0x100000001b3);
        }
    }
    cr_assert_eq(hash, UINT64_C(0xc25eb46adae65c19), "0x%016" PRIx64, hash);
}
