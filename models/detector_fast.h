/* detector_fast.h - the fast score of models/calibration.h: what is left when any one device is not
 * believed. Part of models/detector.c.
 */
#ifndef VG_MODELS_DETECTOR_FAST_H
#define VG_MODELS_DETECTOR_FAST_H

#include "models/calibration.h"

/** Precision of the channels that can be used, and what leaving out each device does to it: with S
 *  the device's channels among them, P of the others is P - P_.S (P_SS)^-1 P_S. */
struct vg_precision {
    uint32_t usable;                                          /**< bits */
    double p[VG_CHANNELS][VG_CHANNELS];                       /**< 0 where not usable */
    double inverse[VG_DEVICES_MAX][VG_CHANNELS][VG_CHANNELS]; /**< (P_SS)^-1, 0 elsewhere */
};

/** Of the channels in `use`; false when their covariance is not positive definite. */
bool vg_precision_init(struct vg_precision *p, const struct vg_calibration *cal, uint32_t channels,
                       uint32_t use);

/**
 * The score of one tick: r [C] residuals, usable [C] 0 or 1. `all` is the precision of all channels,
 * which nearly every tick has. Others are computed, by one elimination of [C, C] and one of each
 * device's channels: 1.2 us more for 8 channels and 4 devices, and nothing is kept. part [C] is what
 * each channel adds to D2 of those that were left, and may be negative.
 */
float vg_fast_score(const struct vg_calibration *cal, const struct vg_precision *all,
                    uint32_t channels, const float *r, const float *usable, float *part);

static inline bool vg_has(uint32_t set, uint32_t c)
{
    return set >> c & 1;
}

#endif
