/* demo_promises.h - what the demo promises, each filled in by the events that show it. */
#ifndef VG_APP_DEMO_PROMISES_H
#define VG_APP_DEMO_PROMISES_H

#include "app/ward.h"
#include "core/channel.h"

enum vg_demo_promise {
    VG_DEMO_DESATURATION,
    VG_DEMO_TECHNICAL,
    VG_DEMO_FORECAST,
    VG_DEMO_ANOMALY,
    VG_DEMO_PROMISES,
};

/** Zeroed when the demo begins. */
struct vg_demo_promises {
    char seen[VG_DEMO_PROMISES][160]; /**< where and when, "" until then */
    /** The first forecast, and the worst of a limit, by bed. */
    struct vg_demo_bed {
        int64_t forecast_ns[VG_CHANNELS]; /**< 0: none */
        char update_of[40];               /**< episode of an SpO2 alert that got worse */
    } bed[VG_WARD_DEMO_BEDS];
};

/** Looks at an event in its canonical JSON. Returns its time, 0 when it has none. */
int64_t vg_demo_promises_see(struct vg_demo_promises *p, const char *json, size_t len);

/** Prints a line for each promise; returns how many were not kept. */
int vg_demo_promises_tell(const struct vg_demo_promises *p);

#endif
