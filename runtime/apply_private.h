/* apply_private.h - what the files around runtime/apply.h share, and nobody else includes.
 *
 * apply_rows.c and apply_wave.c give rows to the two kinds of stages, apply_event.c keeps the events
 * that come of it, apply_mark.c does what other frames ask for, apply.c is around all of them.
 */
#ifndef VG_RUNTIME_APPLY_PRIVATE_H
#define VG_RUNTIME_APPLY_PRIVATE_H

#include "runtime/apply.h"
#include "runtime/slots.h"

/** What the stage acts through, and for whom. */
struct vg_apply_out {
    struct vg_out out; /* first: the stage has a pointer to it */
    struct vg_apply *apply;
    struct vg_slots *slots;
    uint32_t shard;
    uint32_t slot;
    struct vg_item_command *command; /**< of the row, or NULL */
};

static inline struct vg_apply_out *vg_apply_self(struct vg_out *out)
{
    return (struct vg_apply_out *)out;
}

static inline void vg_apply_send(struct vg_apply *a, struct vg_frame *f)
{
    a->send(a->ctx, f);
}

/** The patients of a shard, which is held from then on. */
struct vg_slots *vg_apply_slots(struct vg_apply *a, uint32_t shard);

/** What a stage wrote into its columns of a row; the rest of vg_apply_check(). */
void vg_apply_check_columns(struct vg_apply *a, struct vg_slots *slots, uint32_t slot,
                            struct vg_row *row);

static inline void vg_apply_check(struct vg_apply *a, struct vg_slots *slots, uint32_t slot,
                                  struct vg_row *row)
{
    if (a->stage->columns > 0)
        vg_apply_check_columns(a, slots, slot, row);
}

/* ---- apply_rows.c: a->input, which is handed on or, of a stage that emits rows, given back ---- */

void vg_apply_rows(struct vg_apply *a);

/* ---- apply_event.c: what a stage tells waits in a->events ---- */

void vg_apply_event(struct vg_out *out, const struct vg_event *said);
void vg_apply_episode_id(struct vg_out *out, const struct vg_origin *origin, const char *rule,
                         int channel, uint8_t id[16]);
/** Puts what waits into the frame, which may move. */
void vg_apply_append_events(struct vg_apply *a, struct vg_frame **f);

/* ---- apply_wave.c ---- */

void vg_apply_wave_open(struct vg_apply *a);
/** Also without an open; frames that wait go back to the pool. */
void vg_apply_wave_done(struct vg_apply *a);
void vg_apply_gather(struct vg_apply *a, struct vg_frame *f);

/* ---- apply_mark.c ---- */

void vg_apply_mark(struct vg_apply *a, struct vg_frame *f);

#endif
