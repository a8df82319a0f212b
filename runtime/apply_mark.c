/* apply_mark.c - frames that are not rows: a stage's memory goes into barriers, comes back from
 * restores, and changes go down the chain. */
#include <stdio.h>
#include <string.h>

#include "runtime/apply_private.h"
#include "runtime/log.h"

static void save(struct vg_apply *a, struct vg_frame *f)
{
    struct vg_item_slab head = { .place = a->place, .version = a->stage->ops->memory_version };

    snprintf(head.stage, sizeof(head.stage), "%s", a->stage->ops->name);
    memcpy(head.identity, a->stage->identity, sizeof(head.identity));
    vg_slots_save(vg_apply_slots(a, f->shard), &f, a->layout, &head);
    vg_apply_send(a, f);
}

static bool slab_fits(const struct vg_apply *a, const struct vg_item_slab *slab)
{
    return slab->version == a->stage->ops->memory_version && slab->each == a->stage->memory_size &&
           memcmp(slab->identity, a->stage->identity, sizeof(slab->identity)) == 0;
}

static void drop(struct vg_apply *a, uint32_t shard)
{
    vg_slots_free(a->shard[shard]);
    a->shard[shard] = NULL;
}

static void load(struct vg_apply *a, struct vg_frame *f)
{
    struct vg_slots *slots;
    bool warm = f->tail_len == 0; /* no snapshot: there is nothing to miss */

    drop(a, f->shard);
    slots = vg_apply_slots(a, f->shard);
    for (struct vg_item *item = NULL; (item = vg_frame_next_item(f, a->layout, item));) {
        const struct vg_item_slab *slab = vg_item_body(item);

        if (item->kind == VG_ITEM_PATIENT) {
            vg_slots_name(slots, vg_item_body(item));
        } else if (item->kind == VG_ITEM_SLAB && slab->place == a->place &&
                   strcmp(slab->stage, a->stage->ops->name) == 0 && slab_fits(a, slab) &&
                   slab->count <= vg_slots_count(slots)) {
            vg_slots_load(slots, slab);
            warm = true;
        }
    }
    if (!warm)
        vg_log(VG_LOG_WARN, a->name,
               "shard %u: stage %s starts without its memory: its options, model or layout are not "
               "those of the snapshot",
               f->shard, a->stage->ops->name);
    vg_apply_send(a, f);
}

/* The memory of every shard comes again, from the barriers that went before. */
static void change(struct vg_apply *a)
{
    VG_CHECK(a->next.stage != NULL && a->next.stage->ops == a->stage->ops);
    for (uint32_t s = 0; s < a->shards; s++)
        drop(a, s);
    a->config = a->next.config;
    a->stage = a->next.stage;
}

void vg_apply_mark(struct vg_apply *a, struct vg_frame *f)
{
    switch ((enum vg_frame_kind)f->kind) {
    case VG_FRAME_BARRIER:
        save(a, f);
        break;
    case VG_FRAME_RESTORE:
        load(a, f);
        break;
    case VG_FRAME_DROP:
        drop(a, f->shard);
        vg_apply_send(a, f);
        break;
    case VG_FRAME_CHANGE:
        change(a);
        vg_apply_send(a, f);
        break;
    case VG_FRAME_END:
        a->ended = true;
        vg_apply_send(a, f);
        break;
    case VG_FRAME_ROWS:
        break;
    }
}
