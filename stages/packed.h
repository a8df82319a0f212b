/* packed.h - standard deviations in 16 bits, for what is kept of each patient by the hundred.
 *
 * A number is kept in whole steps, the nearest; beyond the range it is the end of the range. One
 * value is left for "nothing is here".
 */
#ifndef VG_STAGES_PACKED_H
#define VG_STAGES_PACKED_H

#include <stdbool.h>
#include <stdint.h>

/** No number packs to it; vg_kernel.unpack knows it too. */
#define VG_PACKED_NOTHING INT16_MIN

/** floor(z steps_per_sd + 1/2), at least -32767 and at most 32767; not for NaN, which a stage has
 *  to see before. Without branches nor a call of floorf(). */
static inline int16_t vg_pack(float z, float steps_per_sd)
{
    float steps = z * steps_per_sd + 0.5f;
    int32_t whole;

    steps = steps < (float)INT16_MAX ? steps : (float)INT16_MAX;
    steps = steps > -(float)INT16_MAX ? steps : -(float)INT16_MAX;
    whole = (int32_t)steps; /* towards 0 */
    return (int16_t)(whole - ((float)whole > steps));
}

static inline int16_t vg_pack_if(bool there, float z, float steps_per_sd)
{
    return (int16_t)(there ? vg_pack(z, steps_per_sd) : VG_PACKED_NOTHING);
}

#endif
