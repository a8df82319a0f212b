/* apply.c - a stage's life around the frames, and what is checked of what it returns. */
#include "runtime/apply_private.h"

#include <stdlib.h>
#include <string.h>

#include "models/kernel.h"

struct vg_slots *vg_apply_slots(struct vg_apply *a, uint32_t shard)
{
    VG_CHECK(shard < a->shards);
    if (!a->shard[shard])
        a->shard[shard] = vg_slots_new(a->stage->memory_size);
    return a->shard[shard];
}

/* ---- what a stage returned ---- */

/* Infinities and NaN have all bits of the exponent. Unlike isfinite() in a loop, this becomes
 * vectors. */
static bool all_finite(const float *x, uint32_t n)
{
    const uint32_t exponent = 0x7f800000;
    uint32_t bad = 0;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t bits;

        memcpy(&bits, &x[i], sizeof(bits));
        bad |= (bits & exponent) == exponent;
    }
    return bad == 0;
}

static bool finite_columns(const struct vg_apply *a, const struct vg_row *row)
{
    for (uint32_t c = 0; c < a->stage->columns; c++) {
        int column = (int)(a->stage->first_column + c);

        if (!all_finite(vg_row_column(row, column), a->layout->column[column].width))
            return false;
    }
    return true;
}

void vg_apply_check_columns(struct vg_apply *a, struct vg_slots *slots, uint32_t slot,
                            struct vg_row *row)
{
    if (finite_columns(a, row))
        return;
    for (uint32_t c = 0; c < a->stage->columns; c++) {
        int column = (int)(a->stage->first_column + c);

        memset(vg_row_column(row, column), 0, sizeof(float) * a->layout->column[column].width);
    }
    *(uint8_t *)vg_frame_at(row->frame, a->layout, VG_COL_FLAGS, row->i) |= VG_ROW_MODEL_ERROR;
    a->model_errors++;
    vg_slots_forget(slots, slot);
}

/* ---- from outside ---- */

vg_status vg_apply_open(struct vg_apply *a, struct vg_err *err)
{
    vg_kernel_thread_init();
    a->shard = calloc(a->shards, sizeof(struct vg_slots *));
    VG_CHECK(a->shard != NULL);
    if (a->stage->ops->wave)
        vg_apply_wave_open(a);
    return a->stage->ops->open ? a->stage->ops->open(a->stage->self, err) : VG_OK;
}

void vg_apply_done(struct vg_apply *a)
{
    for (uint32_t s = 0; a->shard && s < a->shards; s++)
        vg_slots_free(a->shard[s]);
    free(a->shard);
    vg_apply_wave_done(a);
    vg_buf_done(&a->events);
    vg_buf_done(&a->json);
}

void vg_apply_frame(struct vg_apply *a, struct vg_frame *f)
{
    bool rows = f->kind == VG_FRAME_ROWS;

    if (rows && a->wave) {
        vg_apply_gather(a, f);
        return;
    }
    vg_apply_release(a);
    a->input = f;
    if (rows)
        vg_apply_rows(a);
    else
        vg_apply_mark(a, f);
}
