/* The products of training are one sum per entry, ascending by fma, in every form and however they
 * are cut. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "models/kernel.h"
#include "models/train_product.h"

enum { M = 61, N = 150, K = 230 };

static float a[M * K], b[K * N], before[M * N], c[M * N], expected[M * N];

static float draw(void)
{
    static uint64_t state = 7;

    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (float)(state >> 40) / 0x1p23f - 1.0f;
}

static void setup(void)
{
    vg_kernel_thread_init();
    for (size_t i = 0; i < VG_ARRAY_LEN(a); i++)
        a[i] = draw();
    for (size_t i = 0; i < VG_ARRAY_LEN(b); i++)
        b[i] = draw();
    for (size_t i = 0; i < VG_ARRAY_LEN(before); i++)
        before[i] = draw();
}

TestSuite(train_product, .init = setup);

static struct vg_real_factors whole;

static struct vg_real_product make(size_t m, size_t n, size_t k, bool turned)
{
    whole = (struct vg_real_factors){ k, a, b };
    return (struct vg_real_product){
        .m = m,
        .n = n,
        .parts = 1,
        .part = &whole,
        .c = c,
        .a_stride = turned ? M : K,
        .b_stride = N,
        .c_stride = N,
        .a_turned = turned,
    };
}

/* What the header promises, in plain loops; what is outside C stays. */
static void expect(const struct vg_real_product *p)
{
    memcpy(expected, before, sizeof(before));
    for (size_t i = 0; i < p->m; i++) {
        for (size_t j = 0; j < p->n; j++) {
            float sum = 0.0f;

            for (size_t k = 0; k < whole.k; k++)
                sum = fmaf(a[p->a_turned ? k * M + i : i * K + k], b[k * N + j], sum);
            expected[i * N + j] = sum;
        }
    }
}

static void check(const struct vg_real_product *p)
{
    const struct vg_kernel *form;

    expect(p);
    for (uint32_t i = 0; (form = vg_kernel_form(i)); i++) {
        cr_assert(vg_kernel_choose(form->name));
        memcpy(c, before, sizeof(c));
        vg_product(p);
        cr_assert_arr_eq(c, expected, sizeof(c), "%s: %zu x %zu x %zu%s", form->name, p->m, p->n,
                         whole.k, p->a_turned ? ", turned" : "");
    }
}

Test(train_product, every_form_gives_the_bits_of_plain_loops_for_every_shape)
{
    static const size_t sizes_m[] = { 1, 2, 5, 6, 7, 13, 24, 61 };
    static const size_t sizes_n[] = { 1, 7, 16, 31, 32, 64, 65, 150 };
    static const size_t sizes_k[] = { 1, 16, 96, 97, 230 };

    for (size_t i = 0; i < VG_ARRAY_LEN(sizes_m); i++) {
        for (size_t j = 0; j < VG_ARRAY_LEN(sizes_n); j++) {
            const size_t k = sizes_k[(i + j) % VG_ARRAY_LEN(sizes_k)];
            struct vg_real_product p = make(sizes_m[i], sizes_n[j], k, i % 2);

            check(&p);
        }
    }
}

Test(train_product, parts_of_a_product_have_the_bits_of_the_whole)
{
    static const size_t cuts[] = { 3, 1, 100, 5, 5, 5, 5, 5, 5, 5, 90, 1 };
    struct vg_real_factors factors[VG_ARRAY_LEN(cuts)];
    struct vg_real_product p = make(M, N, K, true);
    size_t from = 0;

    expect(&p);
    for (size_t i = 0; i < VG_ARRAY_LEN(cuts); i++, from += factors[i - 1].k)
        factors[i] = (struct vg_real_factors){ cuts[i], a + from * M, b + from * N };
    cr_assert_eq(from, (size_t)K);
    memcpy(c, before, sizeof(c));
    p.part = factors;
    p.parts = VG_ARRAY_LEN(cuts);
    for (size_t first = 0; first < M; first += 16) {
        struct vg_real_product some = p;

        some.m = M - first < 16 ? M - first : 16;
        some.c += first * N;
        vg_product(&some);
        for (size_t i = 0; i < VG_ARRAY_LEN(cuts); i++)
            factors[i].a += 16;
    }
    cr_assert_arr_eq(c, expected, sizeof(c));
}
