/* load_peak.c - loads into registers, and nothing that waits for them. */
#include "bench/load_peak.h"

#include <stdlib.h>

#include "bench/peer.h"

#if defined(__x86_64__)
enum { LOADS = 8, SLICES = 20 };

static const double slice_bytes = 4e8; /* some milliseconds, as those of a contender */

/* clang-format off */
#define LOAD(name, size, r) "vmovups " #r "*" #size "(%0), %%" name #r "\n\t"
#define ALL(name, size)                                                               \
    LOAD(name, size, 0) LOAD(name, size, 1) LOAD(name, size, 2) LOAD(name, size, 3)   \
    LOAD(name, size, 4) LOAD(name, size, 5) LOAD(name, size, 6) LOAD(name, size, 7)
#define CHANGED "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "memory"
/* clang-format on */

static void load(uint32_t lanes, const float *p)
{
    if (lanes == 16)
        __asm__ volatile(ALL("zmm", 64)::"r"(p) : CHANGED);
    else if (lanes == 8)
        __asm__ volatile(ALL("ymm", 32)::"r"(p) : CHANGED);
    else
        __asm__ volatile(ALL("xmm", 16)::"r"(p) : CHANGED);
}

double load_peak(const struct vg_kernel *form, size_t bytes)
{
    const size_t step = (size_t)LOADS * form->lanes, floats = bytes / sizeof(float) / step * step;
    const int turns = (int)(slice_bytes / (double)bytes) + 1;
    float *from = vg_kernel_alloc(bytes);
    double best = 0.0;

    for (int slice = 0; slice < SLICES; slice++) {
        double start_s = peer_cpu_s(), rate;

        for (int i = 0; i < turns; i++) {
            for (size_t k = 0; k < floats; k += step)
                load(form->lanes, from + k);
        }
        rate = (double)turns * (double)floats * sizeof(float) / (peer_cpu_s() - start_s);
        best = rate > best ? rate : best;
    }
    free(from);
    return best;
}
#else
double load_peak(const struct vg_kernel *form, size_t bytes)
{
    (void)form;
    (void)bytes;
    return 0.0;
}
#endif
