/* fma_peak.h - the measure of all kernels. */
#ifndef VG_BENCH_FMA_PEAK_H
#define VG_BENCH_FMA_PEAK_H

#include "models/kernel.h"

/** FLOP per second of this processor, now, with vectors of that form: the best of some slices of a
 *  few milliseconds; an fma counts as two. 0 for the portable form, which may have no fma. */
double fma_peak(const struct vg_kernel *form);

#endif
