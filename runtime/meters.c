/* meters.c - counters, delays, and counts under labels. */
#include "runtime/meters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- delays ---- */

static const int64_t FIRST_BOUND_NS = 250000;

int64_t vg_delays_bound_ns(unsigned place)
{
    return FIRST_BOUND_NS << place;
}

/* A log that is read a year late has delays whose sum soon is more than a counter holds: it stays at the
 * most that is told right, rather than begin anew below 0. */
static void add_up(atomic_ulong *sum, uint64_t ns)
{
    uint64_t room = INT64_MAX - vg_meter_get(sum);

    vg_meter_add(sum, ns < room ? ns : room);
}

void vg_delays_note(struct vg_delays *d, int64_t ns)
{
    unsigned place = 0;

    if (ns < 0)
        ns = 0;
    while (place < VG_DELAY_BOUNDS && ns > vg_delays_bound_ns(place))
        place++;
    vg_meter_add(&d->bucket[place], 1);
    add_up(&d->sum_ns, (uint64_t)ns);
}

void vg_delays_add(struct vg_delays *sum, const struct vg_delays *d)
{
    for (unsigned i = 0; i <= VG_DELAY_BOUNDS; i++)
        vg_meter_add(&sum->bucket[i], vg_meter_get(&d->bucket[i]));
    add_up(&sum->sum_ns, vg_meter_get(&d->sum_ns));
}

const char *vg_hop_name(int hop)
{
    static const char *const names[] = {
#define HOP_NAME(id, label, between) [VG_HOP_##id] = (label),
        VG_HOPS(HOP_NAME)
#undef HOP_NAME
    };

    return names[hop];
}

/* ---- counts under labels ---- */

enum { INDEX_PER_ENTRY = 4 };

void vg_tally_init(struct vg_tally *t, uint32_t labels, uint32_t cap)
{
    VG_CHECK(labels <= VG_TALLY_LABELS);
    *t = (struct vg_tally){ .cap = cap, .labels = labels };
    t->entry = calloc(cap, sizeof(*t->entry));
    t->index = calloc((size_t)cap * INDEX_PER_ENTRY, sizeof(*t->index));
    VG_CHECK(t->entry != NULL && t->index != NULL);
}

void vg_tally_done(struct vg_tally *t)
{
    free(t->entry);
    free(t->index);
    *t = (struct vg_tally){ .cap = 0 };
}

/* FNV-1a, over the labels and the ends between them. */
static uint32_t hash(const struct vg_tally *t, const char *const *label)
{
    uint32_t h = 2166136261u;

    for (uint32_t i = 0; i < t->labels; i++) {
        for (const char *c = label[i]; *c; c++)
            h = (h ^ (uint8_t)*c) * 16777619u;
        h = (h ^ 0xffu) * 16777619u;
    }
    return h;
}

static bool is_that(const struct vg_tally *t, const struct vg_tally_entry *e,
                    const char *const *label)
{
    for (uint32_t i = 0; i < t->labels; i++) {
        if (strncmp(e->label[i], label[i], VG_NAME_SIZE - 1) != 0)
            return false;
    }
    return true;
}

/* Readers see an entry once it is complete. */
static uint32_t add_entry(struct vg_tally *t, const char *const *label)
{
    uint32_t place = atomic_load_explicit(&t->used, memory_order_relaxed);

    for (uint32_t i = 0; i < t->labels; i++)
        snprintf(t->entry[place].label[i], VG_NAME_SIZE, "%s",
                 place + 1 == t->cap ? "other" : label[i]);
    atomic_store_explicit(&t->used, place + 1, memory_order_release);
    return place;
}

void vg_tally_add(struct vg_tally *t, const char *const *label)
{
    uint32_t slots = t->cap * INDEX_PER_ENTRY, at = hash(t, label) % slots;

    while (t->index[at] && !is_that(t, &t->entry[t->index[at] - 1], label))
        at = (at + 1) % slots;
    if (t->index[at] == 0) {
        uint32_t used = atomic_load_explicit(&t->used, memory_order_relaxed);

        if (used + 1 >= t->cap) {
            if (used < t->cap)
                add_entry(t, label);
            vg_meter_add(&t->entry[t->cap - 1].n, 1);
            return;
        }
        t->index[at] = add_entry(t, label) + 1;
    }
    vg_meter_add(&t->entry[t->index[at] - 1].n, 1);
}

uint32_t vg_tally_used(const struct vg_tally *t)
{
    return atomic_load_explicit(&t->used, memory_order_acquire);
}

/* ---- threads ---- */

void vg_meters_init(struct vg_meters *m, uint32_t workers, uint32_t stages)
{
    size_t size = (size_t)workers * stages * sizeof(*m->stage);

    memset(m, 0, sizeof(*m));
    m->workers = workers;
    m->stages = stages;
    m->stage = aligned_alloc(_Alignof(struct vg_stage_meter), size ? size : 64);
    m->handed = calloc(workers + 1, sizeof(*m->handed));
    m->taken = calloc(workers + 1, sizeof(*m->taken));
    VG_CHECK(m->stage != NULL && m->handed != NULL && m->taken != NULL);
    memset(m->stage, 0, size);
    vg_tally_init(&m->alerts, VG_TALLY_LABELS, VG_TALLY_ALERTS);
    vg_tally_init(&m->letters, 1, VG_TALLY_LETTERS);
}

void vg_meters_done(struct vg_meters *m)
{
    vg_tally_done(&m->alerts);
    vg_tally_done(&m->letters);
    free(m->stage);
    free(m->handed);
    free(m->taken);
}

struct vg_stage_meter *vg_meters_stage(const struct vg_meters *m, uint32_t worker, uint32_t place)
{
    return &m->stage[(size_t)worker * m->stages + place];
}

uint64_t vg_meters_waiting(const struct vg_meters *m, uint32_t worker, uint32_t place)
{
    uint64_t in = place == m->stages ? vg_meter_get(&m->taken[worker])
                                     : vg_meter_get(&vg_meters_stage(m, worker, place)->frames_in);
    uint64_t out = place == 0 ? vg_meter_get(&m->handed[worker])
                              : vg_meter_get(&vg_meters_stage(m, worker, place - 1)->frames_out);

    return out > in ? out - in : 0;
}

int64_t vg_meters_busy_ns(const struct vg_stage_meter *s, int64_t now_ns)
{
    int64_t held_ns = atomic_load(&s->held_ns);

    if (held_ns == 0 || atomic_load(&s->blocked) || now_ns < held_ns)
        held_ns = now_ns;
    return (int64_t)vg_meter_get(&s->busy_ns) + now_ns - held_ns;
}
