/* random.h - random numbers by counting (SplitMix64).
 *
 * A state is small, streams are independent of each other, and no value depends on the C library.
 */
#ifndef VG_APP_RANDOM_H
#define VG_APP_RANDOM_H

#include "core/base.h"

struct vg_random {
    uint64_t state;
    double spare; /* of a pair of normal deviates */
    bool has_spare;
};

struct vg_random vg_random_stream(uint64_t seed, uint64_t stream);
uint64_t vg_random_bits(struct vg_random *r);
double vg_random_uniform(struct vg_random *r, double low, double high);
double vg_random_normal(struct vg_random *r);      /**< mean 0, SD 1 */
double vg_random_exponential(struct vg_random *r); /**< mean 1 */
/** Student's t with 3 degrees of freedom: the jumps that real signals make now and then. */
double vg_random_heavy_tailed(struct vg_random *r);

#endif
