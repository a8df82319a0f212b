/* fma_peak.c - what a processor can do at most: fused multiply-adds between registers. */
#include "bench/fma_peak.h"

#include <time.h>

#if defined(__x86_64__)
/* Twelve independent chains hide the latency of an fma on any processor of today. */
enum { CHAINS = 12, TURNS = 20000, SLICES = 40 };

/* clang-format off */
#define CHAIN(name, r) "vfmadd231ps %%" name "15, %%" name "15, %%" name #r "\n\t"
#define ALL(name)                                                                     \
    CHAIN(name, 0) CHAIN(name, 1) CHAIN(name, 2) CHAIN(name, 3) CHAIN(name, 4)        \
    CHAIN(name, 5) CHAIN(name, 6) CHAIN(name, 7) CHAIN(name, 8) CHAIN(name, 9)        \
    CHAIN(name, 10) CHAIN(name, 11)
#define CHANGED                                                                       \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",   \
    "xmm10", "xmm11", "xmm15"
/* clang-format on */

static double cpu_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void turn(uint32_t lanes)
{
    if (lanes == 16)
        __asm__ volatile(ALL("zmm")::: CHANGED);
    else if (lanes == 8)
        __asm__ volatile(ALL("ymm")::: CHANGED);
    else
        __asm__ volatile(ALL("xmm")::: CHANGED);
}

double fma_peak(const struct vg_kernel *form)
{
    double best = 0.0;

    if (form == vg_kernel_form(0))
        return 0.0;

    __asm__ volatile("vzeroall" ::: CHANGED);
    for (int slice = 0; slice < SLICES; slice++) {
        double start_s = cpu_s(), flops;

        for (int i = 0; i < TURNS; i++)
            turn(form->lanes);
        flops = 2.0 * form->lanes * CHAINS * TURNS / (cpu_s() - start_s);
        best = flops > best ? flops : best;
    }
    return best;
}
#else
double fma_peak(const struct vg_kernel *form)
{
    (void)form;
    return 0.0;
}
#endif
