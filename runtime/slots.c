/* slots.c - memory in chunks, timers in a heap.
 *
 * A stale alert moves its timer with every row. So arming later than before only notes the new time;
 * the heap learns of it when the old entry comes to the top.
 *
 * All patients of a shard tick together, so most comparisons are of equal times and go by the
 * patient's id; the first bytes of it stand in the heap as a number and settle nearly all of them.
 */
#include "runtime/slots.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK = 64, ALIGN = 64 };

struct slot {
    struct vg_patient patient;
    uint64_t order;    /* the first bytes of the id, as a number */
    int64_t due_ns;    /* what was asked for */
    int64_t queued_ns; /* what the heap holds for this slot, VG_TIME_NONE: nothing */
};

struct timer {
    int64_t due_ns;
    uint64_t order;
    uint32_t slot;
};

struct vg_slots {
    size_t each; /* bytes asked for */
    size_t step; /* bytes between two slots */
    uint32_t count;
    uint32_t chunks;
    char **memory;      /* [chunks] of CHUNK * step bytes */
    struct slot **slot; /* [chunks] of CHUNK */
    struct timer *heap; /* smallest first */
    uint32_t heap_n, heap_cap;
};

/* Numbers in the order of the ids' first bytes; what is behind the end of an id counts as 0. */
static uint64_t order_of(const char *id)
{
    uint64_t order = 0;

    for (size_t i = 0; i < sizeof(order); i++) {
        order = order << 8 | (unsigned char)*id;
        id += *id != '\0';
    }
    return order;
}

static struct slot *slot_at(const struct vg_slots *s, uint32_t slot)
{
    return &s->slot[slot / CHUNK][slot % CHUNK];
}

/* ---- timers ---- */

static bool before(const struct vg_slots *s, const struct timer *a, const struct timer *b)
{
    if (a->due_ns != b->due_ns)
        return a->due_ns < b->due_ns;
    if (a->order != b->order)
        return a->order < b->order;
    return strcmp(slot_at(s, a->slot)->patient.id, slot_at(s, b->slot)->patient.id) < 0;
}

static void swap(struct timer *a, struct timer *b)
{
    struct timer t = *a;

    *a = *b;
    *b = t;
}

static void heap_push(struct vg_slots *s, int64_t due_ns, uint32_t slot)
{
    uint32_t i = s->heap_n++;

    if (s->heap_n > s->heap_cap) {
        s->heap_cap = s->heap_cap ? s->heap_cap * 2 : 2 * CHUNK;
        s->heap = realloc(s->heap, s->heap_cap * sizeof(*s->heap));
        VG_CHECK(s->heap != NULL);
    }
    s->heap[i] = (struct timer){ .due_ns = due_ns, .order = slot_at(s, slot)->order, .slot = slot };
    for (; i > 0 && before(s, &s->heap[i], &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&s->heap[i], &s->heap[(i - 1) / 2]);
}

static struct timer heap_pop(struct vg_slots *s)
{
    struct timer top = s->heap[0];
    uint32_t i = 0;

    s->heap[0] = s->heap[--s->heap_n];
    for (;;) {
        uint32_t least = i, left = 2 * i + 1, right = left + 1;

        if (left < s->heap_n && before(s, &s->heap[left], &s->heap[least]))
            least = left;
        if (right < s->heap_n && before(s, &s->heap[right], &s->heap[least]))
            least = right;
        if (least == i)
            return top;
        swap(&s->heap[i], &s->heap[least]);
        i = least;
    }
}

void vg_slots_arm(struct vg_slots *s, uint32_t slot, int64_t due_ns)
{
    struct slot *at = slot_at(s, slot);

    at->due_ns = due_ns;
    if (due_ns == VG_TIME_NONE)
        return;
    if (at->queued_ns == VG_TIME_NONE || due_ns < at->queued_ns) {
        /* An entry that is now too late stays in the heap and is dropped when it surfaces. */
        at->queued_ns = due_ns;
        heap_push(s, due_ns, slot);
    }
}

bool vg_slots_expired(struct vg_slots *s, int64_t log_ns, uint32_t *ret_slot, int64_t *ret_due_ns)
{
    while (s->heap_n > 0 && s->heap[0].due_ns < log_ns) {
        struct timer t = heap_pop(s);
        struct slot *at = slot_at(s, t.slot);

        if (t.due_ns != at->queued_ns)
            continue;
        at->queued_ns = VG_TIME_NONE;
        if (at->due_ns == t.due_ns) {
            at->due_ns = VG_TIME_NONE;
            *ret_slot = t.slot;
            *ret_due_ns = t.due_ns;
            return true;
        }
        vg_slots_arm(s, t.slot, at->due_ns);
    }
    return false;
}

/* ---- slots ---- */

struct vg_slots *vg_slots_new(size_t memory_size)
{
    struct vg_slots *s = calloc(1, sizeof(*s));

    VG_CHECK(s != NULL);
    s->each = memory_size;
    s->step = (memory_size + ALIGN - 1) / ALIGN * ALIGN;
    vg_slots_name(s, &(struct vg_item_patient){ .slot = 0, .ward = "none" });
    return s;
}

void vg_slots_free(struct vg_slots *s)
{
    if (!s)
        return;
    for (uint32_t c = 0; c < s->chunks; c++) {
        free(s->memory[c]);
        free(s->slot[c]);
    }
    free(s->memory);
    free(s->slot);
    free(s->heap);
    free(s);
}

static void add_chunk(struct vg_slots *s)
{
    uint32_t c = s->chunks++;

    s->memory = realloc(s->memory, s->chunks * sizeof(char *));
    s->slot = realloc(s->slot, s->chunks * sizeof(struct slot *));
    VG_CHECK(s->memory != NULL && s->slot != NULL);
    s->memory[c] = s->step ? aligned_alloc(ALIGN, CHUNK * s->step) : NULL;
    s->slot[c] = calloc(CHUNK, sizeof(**s->slot));
    VG_CHECK((s->memory[c] != NULL || s->step == 0) && s->slot[c] != NULL);
    if (s->step)
        memset(s->memory[c], 0, CHUNK * s->step);
}

uint32_t vg_slots_count(const struct vg_slots *s)
{
    return s->count;
}

size_t vg_slots_bytes(const struct vg_slots *s)
{
    return s->chunks * CHUNK * (s->step + sizeof(struct slot)) + s->heap_cap * sizeof(*s->heap);
}

void vg_slots_name(struct vg_slots *s, const struct vg_item_patient *who)
{
    struct slot *at;

    VG_CHECK(who->slot <= s->count);
    if (who->slot == s->count) {
        if (s->count == s->chunks * CHUNK)
            add_chunk(s);
        s->count++;
        at = slot_at(s, who->slot);
        at->due_ns = at->queued_ns = VG_TIME_NONE;
        memcpy(at->patient.id, who->id, sizeof(at->patient.id));
        at->order = order_of(who->id);
    }
    at = slot_at(s, who->slot);
    memcpy(at->patient.bed, who->bed, sizeof(at->patient.bed));
    memcpy(at->patient.ward, who->ward, sizeof(at->patient.ward));
}

const struct vg_patient *vg_slots_patient(const struct vg_slots *s, uint32_t slot)
{
    return &slot_at(s, slot)->patient;
}

void *vg_slots_memory(struct vg_slots *s, uint32_t slot)
{
    return s->step ? s->memory[slot / CHUNK] + (slot % CHUNK) * s->step : NULL;
}

void vg_slots_forget(struct vg_slots *s, uint32_t slot)
{
    if (s->each)
        memset(vg_slots_memory(s, slot), 0, s->each);
    vg_slots_arm(s, slot, VG_TIME_NONE);
}

/* ---- slabs ---- */

void vg_slots_save(struct vg_slots *s, struct vg_frame **f, const struct vg_layout *l,
                   const struct vg_item_slab *head)
{
    size_t each = sizeof(int64_t) + s->each;
    struct vg_item_slab *slab =
        vg_frame_add_item(f, l, VG_ITEM_SLAB, sizeof(*slab) + s->count * each);
    char *to = (char *)(slab + 1);

    *slab = *head;
    slab->count = s->count;
    slab->each = s->each;
    for (uint32_t i = 0; i < s->count; i++, to += each) {
        memcpy(to, &slot_at(s, i)->due_ns, sizeof(int64_t));
        if (s->each)
            memcpy(to + sizeof(int64_t), vg_slots_memory(s, i), s->each);
    }
}

void vg_slots_load(struct vg_slots *s, const struct vg_item_slab *slab)
{
    const char *from = (const char *)(slab + 1);

    VG_CHECK(slab->each == s->each && slab->count <= s->count);
    for (uint32_t i = 0; i < slab->count; i++, from += sizeof(int64_t) + s->each) {
        int64_t due_ns;

        memcpy(&due_ns, from, sizeof(due_ns));
        vg_slots_arm(s, i, due_ns);
        if (s->each)
            memcpy(vg_slots_memory(s, i), from + sizeof(int64_t), s->each);
    }
}
