/* load_peak.h - how fast weights can come that are used once: the measure of one row alone. */
#ifndef VG_BENCH_LOAD_PEAK_H
#define VG_BENCH_LOAD_PEAK_H

#include "models/kernel.h"

/** Bytes per second that this processor loads now, with vectors of that form, from `bytes` that it
 *  reads again and again, in order and for nothing else: the best of some slices. 0 where that is
 *  not known. */
double load_peak(const struct vg_kernel *form, size_t bytes);

#endif
