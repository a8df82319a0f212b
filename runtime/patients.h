/* patients.h - which slot a patient of a shard has. Owned by the ingest thread. */
#ifndef VG_RUNTIME_PATIENTS_H
#define VG_RUNTIME_PATIENTS_H

#include "core/frame.h"

struct vg_patients;

/** For at most `max` patients; the shard itself has slot 0 besides. */
struct vg_patients *vg_patients_new(uint32_t max);
void vg_patients_free(struct vg_patients *p); /**< NULL is fine */

enum vg_patients_result {
    VG_PATIENT_KNOWN,
    VG_PATIENT_NEW,   /**< got a slot now */
    VG_PATIENT_MOVED, /**< known; the bed is another than before */
    VG_PATIENT_BACK,  /**< known; takes back a bed that another patient's rows name, too */
    VG_PATIENT_FULL,  /**< no slot is left */
};

/** Finds or admits a patient. `bed` may be "": then a known bed stays. *ret_slot is set unless
 *  FULL. */
enum vg_patients_result vg_patients_admit(struct vg_patients *p, const char *id, const char *bed,
                                          uint32_t *ret_slot);

/** Admits a patient as a snapshot has them, in the order of slots. */
void vg_patients_restore(struct vg_patients *p, const struct vg_item_patient *who);

/** Finds a patient whose newest row, of all that name it, names the bed. */
VG_NODISCARD bool vg_patients_in_bed(const struct vg_patients *p, const char *bed,
                                     uint32_t *ret_slot);

/** Finds a patient who was admitted. */
VG_NODISCARD bool vg_patients_find(const struct vg_patients *p, const char *id, uint32_t *ret_slot);

/** Slots in use, with slot 0. */
uint32_t vg_patients_count(const struct vg_patients *p);
/** Name of a slot, as frames carry it. */
const struct vg_item_patient *vg_patients_at(const struct vg_patients *p, uint32_t slot);

#endif
