/* slots.h - what one stage keeps of one shard: memory, timers and names by the patient's slot.
 *
 * Slot 0 is the shard itself (alerts without a patient), patients follow in the order in which the
 * log first names them. Memory never moves while the shard is held, so pointers into it stay good.
 * Owned by the stage's thread.
 */
#ifndef VG_RUNTIME_SLOTS_H
#define VG_RUNTIME_SLOTS_H

#include "core/frame.h"

struct vg_slots;

/** `memory_size` bytes for each slot, zeroed at first sight. */
struct vg_slots *vg_slots_new(size_t memory_size);
void vg_slots_free(struct vg_slots *s); /**< NULL is fine */

uint32_t vg_slots_count(const struct vg_slots *s);
/** Memory of all of it: that of the patients, their timers and names. */
size_t vg_slots_bytes(const struct vg_slots *s);
/** Names a slot (or names it anew: the bed changed). Slots appear in order, without holes. */
void vg_slots_name(struct vg_slots *s, const struct vg_item_patient *who);
const struct vg_patient *vg_slots_patient(const struct vg_slots *s, uint32_t slot);
void *vg_slots_memory(struct vg_slots *s, uint32_t slot);
/** Zeroes a slot's memory and disarms its timer. */
void vg_slots_forget(struct vg_slots *s, uint32_t slot);

/** Arms the slot's one timer; VG_TIME_NONE disarms. */
void vg_slots_arm(struct vg_slots *s, uint32_t slot, int64_t due_ns);
/**
 * Takes the earliest armed timer due before `log_ns` (strictly) and disarms it. Equal due times
 * come in order of the patient's id, as bytes. False: none.
 */
bool vg_slots_expired(struct vg_slots *s, int64_t log_ns, uint32_t *ret_slot, int64_t *ret_due_ns);

/** Appends everything as one slab to a barrier; vg_slots_load() reads it back. */
void vg_slots_save(struct vg_slots *s, struct vg_frame **f, const struct vg_layout *l,
                   const struct vg_item_slab *head);
/** Copies a slab whose head was found to fit; the patients were named before. */
void vg_slots_load(struct vg_slots *s, const struct vg_item_slab *slab);

#endif
