/* alert_stay.h - what the alert stage keeps of a patient's stay, whatever the rules.
 *
 * Whether the patient is there, on standby or discharged, which probes were taken off, the limits and
 * mutes that somebody has set for this patient. All of it comes by orders, and expires.
 */
#ifndef VG_STAGES_ALERT_STAY_H
#define VG_STAGES_ALERT_STAY_H

#include "core/channel.h"

enum { VG_STAY_LIMITS = 8, VG_STAY_MUTES = 8 };

enum vg_standing { VG_STANDING_ADMITTED, VG_STANDING_STANDBY, VG_STANDING_DISCHARGED };

/** Limits of one channel, in its unit. Packed: every patient has room for eight, and few use one. */
struct __attribute__((packed)) vg_stay_limit {
    int64_t until_ns; /**< 0: the entry is free */
    float low, high;
    uint8_t channel;
    uint8_t low_set, high_set;
};

struct __attribute__((packed)) vg_stay_mute {
    int64_t until_ns; /**< 0: the entry is free */
    uint32_t place;   /**< of the rule's first watch */
};

/** Part of the patient's memory: flat, all zero is an admitted patient with the limits of the bed. */
struct vg_stay {
    int64_t expire_ns;        /**< the earliest log time at which something expires; 0: none */
    int64_t standby_until_ns; /**< stays after the expiry: silence is told of from here */
    uint64_t bed;             /**< hash of the label in the newest row; 0: none yet */
    char ward[VG_WARD_SIZE];  /**< of that bed */
    uint8_t standing;         /**< enum vg_standing */
    uint8_t limits;           /**< some of `limit` are taken */
    uint8_t measured;         /**< a device has sent a usable value since the admission, ... */
    uint32_t probes_off;      /**< bit c: somebody took off the probe of channel c */
    int64_t off_until_ns[VG_CHANNELS]; /**< stays after the expiry, as that of standby */
    int64_t measured_ns;               /**< ... the newest at this log time */
    struct vg_stay_limit limit[VG_STAY_LIMITS];
    struct vg_stay_mute mute[VG_STAY_MUTES];
};

_Static_assert(VG_CHANNELS <= 32, "a bit for each channel");

#endif
