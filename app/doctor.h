/* doctor.h - what `vigil doctor` looks at, in parts. */
#ifndef VG_APP_DOCTOR_H
#define VG_APP_DOCTOR_H

#include "core/base.h"
#include "runtime/config.h"

enum vg_finding {
    VG_FINDING_OK,
    VG_FINDING_NOTE,    /**< worth knowing; nothing to do */
    VG_FINDING_WARNING, /**< works, and not as it should */
    VG_FINDING_PROBLEM, /**< will not work */
};

/** Takes findings. */
struct vg_doctor {
    /** `what` was looked at, `found` says what it is, `advice` what to do, or "". */
    void (*tell)(struct vg_doctor *doctor, enum vg_finding finding, const char *what,
                 const char *found, const char *advice);
};

/** vg_doctor::tell with a format for `found`. */
void vg_doctor_tell(struct vg_doctor *doctor, enum vg_finding finding, const char *what,
                    const char *advice, const char *fmt, ...) VG_PRINTF(5, 6);

/** Kernel, processor, limits of the process, clock. */
void vg_doctor_machine(struct vg_doctor *doctor);
/** The folder of the outbox: who may read it, what kind of disk it is, how long a write takes, how much
 *  space is left. Writes a small file of its own and removes it. */
void vg_doctor_disk(struct vg_doctor *doctor, const char *data_dir);
/** Libraries as they are loaded now, and what is known of those versions. */
void vg_doctor_libraries(struct vg_doctor *doctor);

#endif
