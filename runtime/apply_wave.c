/* apply_wave.c - stages that take waves: rows of different patients at once, gathered across frames. */
#include <stdlib.h>

#include "runtime/apply_private.h"

/* Frames that a wave stage takes at most before it hands the first one on. */
enum { GATHER_MAX = 8 };

struct vg_apply_wave {
    struct vg_frame *frame[GATHER_MAX];
    uint32_t frames;
    struct vg_wave wave;
    struct vg_row row[VG_BATCH_MAX];
    void *memory[VG_BATCH_MAX];
    struct vg_slots *slots[VG_BATCH_MAX];
    uint32_t slot[VG_BATCH_MAX];
};

void vg_apply_wave_open(struct vg_apply *a)
{
    a->wave = calloc(1, sizeof(*a->wave));
    VG_CHECK(a->wave != NULL);
    a->wave->wave.rows = a->wave->row;
    a->wave->wave.memory = a->wave->memory;
}

void vg_apply_wave_done(struct vg_apply *a)
{
    for (uint32_t i = 0; a->wave && i < a->wave->frames; i++)
        vg_pool_put(a->pool, a->wave->frame[i]);
    free(a->wave);
}

static void run_wave(struct vg_apply *a)
{
    struct vg_apply_wave *w = a->wave;

    if (w->wave.n == 0)
        return;
    a->stage->ops->wave(a->stage->self, &w->wave);
    for (uint32_t i = 0; i < w->wave.n; i++)
        vg_apply_check(a, w->slots[i], w->slot[i], &w->row[i]);
    w->wave.n = 0;
}

static bool in_wave(const struct vg_apply_wave *w, const struct vg_slots *slots, uint32_t slot)
{
    bool number = false; /* without a way out, so that it becomes vectors */

    for (uint32_t i = 0; i < w->wave.n; i++)
        number |= w->slot[i] == slot;
    for (uint32_t i = 0; number && i < w->wave.n; i++) {
        if (w->slot[i] == slot && w->slots[i] == slots)
            return true;
    }
    return false;
}

static void gather_row(struct vg_apply *a, struct vg_frame *f, struct vg_slots *slots, uint32_t i)
{
    struct vg_apply_wave *w = a->wave;
    uint32_t slot = *(uint32_t *)vg_frame_at(f, a->layout, VG_COL_SLOT, i);
    uint32_t at;

    if (w->wave.n == VG_BATCH_MAX || in_wave(w, slots, slot))
        run_wave(a);
    at = w->wave.n++;
    vg_row_view(&w->row[at], f, a->layout, i);
    w->row[at].patient = vg_slots_patient(slots, slot);
    w->row[at].command = NULL;
    w->memory[at] = vg_slots_memory(slots, slot);
    w->slots[at] = slots;
    w->slot[at] = slot;
}

static void gather_frame(struct vg_apply *a, struct vg_frame *f)
{
    struct vg_slots *slots = vg_apply_slots(a, f->shard);
    const uint8_t *kind = vg_frame_column(f, a->layout, VG_COL_KIND);

    for (struct vg_item *item = NULL; (item = vg_frame_next_item(f, a->layout, item));) {
        if (item->kind == VG_ITEM_PATIENT)
            vg_slots_name(slots, vg_item_body(item));
    }
    for (uint32_t i = 0; i < f->rows; i++) {
        if (a->stage->rows & kind[i])
            gather_row(a, f, slots, i);
    }
}

/* Runs what is gathered and lets its frames go. */
static void release(struct vg_apply *a)
{
    struct vg_apply_wave *w = a->wave;

    run_wave(a);
    for (uint32_t i = 0; i < w->frames; i++)
        vg_apply_send(a, w->frame[i]);
    w->frames = 0;
}

void vg_apply_gather(struct vg_apply *a, struct vg_frame *f)
{
    struct vg_apply_wave *w = a->wave;

    w->frame[w->frames++] = f;
    gather_frame(a, f);
    if (w->frames == GATHER_MAX)
        release(a);
}

bool vg_apply_waits(const struct vg_apply *a)
{
    return a->wave && a->wave->frames > 0;
}

void vg_apply_release(struct vg_apply *a)
{
    if (vg_apply_waits(a))
        release(a);
}
