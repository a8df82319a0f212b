/* allowance.h - so much a second, and what was not used is kept up to a bound.
 *
 * What looks on must not cost what is looked at, however fast that goes. So each of those who look on has
 * an allowance of rows or bytes, and what they leave is lost to them, or told later. Not thread safe.
 */
#ifndef VG_RUNTIME_ALLOWANCE_H
#define VG_RUNTIME_ALLOWANCE_H

#include "core/clock.h"

struct vg_allowance {
    int64_t per_s;   /**< 1 to 10^9 */
    int64_t most;    /**< that is kept */
    int64_t left;    /**< taken by whoever uses it; below 0: more was used than there was */
    int64_t mono_ns; /**< up to when it was counted; 0: it begins with `most` */
};

/** Counts what came since; returns what is left. */
static inline int64_t vg_allowance_look(struct vg_allowance *a, int64_t mono_ns)
{
    const int64_t each_ns = VG_NS_PER_S / a->per_s;
    const int64_t n = (mono_ns - a->mono_ns) / each_ns;

    a->mono_ns += n * each_ns;
    a->left = n < a->most - a->left ? a->left + n : a->most;
    return a->left;
}

#endif
