/* overlap.c - pairs of patients that should be one, or should not be in one bed. */
#include "runtime/overlap.h"

#include <stdio.h>
#include <string.h>

/* Rows may cross for so long when a patient takes over a bed, or is moved to another partition. */
static const int64_t crossing_ns = 10 * VG_NS_PER_S;
/* It is over when one of both has been silent for so long. */
static const int64_t over_ns = 60 * VG_NS_PER_S;

static bool is_side(const struct vg_overlap_side *side, uint32_t shard, uint32_t slot)
{
    return side->shard == shard && side->slot == slot;
}

static bool is_pair(const struct vg_overlap_pair *p, bool bed, const struct vg_overlap_side *a,
                    const struct vg_overlap_side *b)
{
    return p->bed == bed &&
           ((is_side(&p->side[0], a->shard, a->slot) && is_side(&p->side[1], b->shard, b->slot)) ||
            (is_side(&p->side[0], b->shard, b->slot) && is_side(&p->side[1], a->shard, a->slot)));
}

static void forget(struct vg_overlap *o, uint32_t i)
{
    o->pairs--;
    memmove(&o->pair[i], &o->pair[i + 1], (o->pairs - i) * sizeof(o->pair[0]));
}

void vg_overlap_found(struct vg_overlap *o, bool bed, const struct vg_overlap_side *a,
                      const struct vg_overlap_side *b, int64_t now_ns)
{
    for (uint32_t i = 0; i < o->pairs; i++) {
        if (is_pair(&o->pair[i], bed, a, b))
            return;
    }
    if (o->pairs == VG_OVERLAPS_MAX)
        forget(o, 0);
    o->pair[o->pairs++] =
        (struct vg_overlap_pair){ .bed = bed, .found_ns = now_ns, .side = { *a, *b } };
}

void vg_overlap_row(struct vg_overlap *o, uint32_t shard, uint32_t slot, int64_t now_ns)
{
    for (uint32_t i = 0; i < o->pairs; i++) {
        for (int k = 0; k < 2; k++) {
            if (is_side(&o->pair[i].side[k], shard, slot))
                o->pair[i].side[k].seen_ns = now_ns;
        }
    }
}

void vg_overlap_drop(struct vg_overlap *o, uint32_t shard)
{
    for (uint32_t i = o->pairs; i-- > 0;) {
        if (o->pair[i].side[0].shard == shard || o->pair[i].side[1].shard == shard)
            forget(o, i);
    }
}

static bool goes_on(const struct vg_overlap_pair *p, int64_t now_ns)
{
    for (int k = 0; k < 2; k++) {
        int64_t seen_ns = p->side[k].seen_ns;

        if (seen_ns == 0 || seen_ns - p->found_ns < crossing_ns || now_ns - seen_ns > over_ns)
            return false;
    }
    return true;
}

void vg_overlap_tell(const struct vg_overlap *o, int64_t now_ns, char text[VG_OVERLAP_TEXT])
{
    uint32_t patients = 0, beds = 0;

    for (uint32_t i = 0; i < o->pairs; i++) {
        if (goes_on(&o->pair[i], now_ns))
            ++*(o->pair[i].bed ? &beds : &patients);
    }
    text[0] = '\0';
    if (patients > 0)
        snprintf(text, VG_OVERLAP_TEXT,
                 "%u of the patients have rows in two partitions: check keys", patients);
    else if (beds > 0)
        snprintf(text, VG_OVERLAP_TEXT, "%u of the beds are named by patients of two partitions",
                 beds);
}
