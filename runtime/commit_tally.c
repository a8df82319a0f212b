/* commit_tally.c - events, dead letters and delays at the end of the chains. */
#include "runtime/commit_tally.h"

#include <stdlib.h>
#include <string.h>

#include "core/clock.h"

void vg_commit_tally_event(struct vg_commit_tally *t, const struct vg_item_event *event)
{
    if (t->events == t->events_cap) {
        t->events_cap = t->events_cap ? t->events_cap * 2 : 64;
        t->event = realloc(t->event, t->events_cap * sizeof(struct vg_item_event *));
        VG_CHECK(t->event != NULL);
    }
    t->event[t->events++] = event;
}

void vg_commit_tally_letter(struct vg_commit_tally *t, const struct vg_item_dead_letter *letter)
{
    if (t->letters == t->letters_cap) {
        t->letters_cap = t->letters_cap ? t->letters_cap * 2 : 64;
        t->letter = realloc(t->letter, t->letters_cap * sizeof(struct vg_item_dead_letter *));
        VG_CHECK(t->letter != NULL);
    }
    t->letter[t->letters++] = letter;
}

void vg_commit_tally_clear(struct vg_commit_tally *t)
{
    t->events = t->letters = 0;
}

void vg_commit_tally_done(struct vg_commit_tally *t)
{
    free(t->event);
    free(t->letter);
}

/* Wards are what rows say, which may be anything; only those of the configuration become labels. */
static const char *ward_label(const struct vg_site *site, const char *ward)
{
    return vg_site_ward_name(site, vg_site_ward_place(site, ward));
}

static void count_event(struct vg_meters *m, const struct vg_site *site,
                        const struct vg_item_event *event)
{
    char rule[VG_NAME_SIZE];
    const char *label[VG_TALLY_LABELS] = { ward_label(site, event->ward), rule,
                                           vg_priority_name(event->priority),
                                           vg_phase_name(event->phase) };

    vg_event_rule((const char *)(event + 1), event->json_len, rule);
    vg_tally_add(&m->alerts, label);
}

void vg_commit_tally_count(struct vg_commit_tally *t, struct vg_meters *m,
                           const struct vg_site *site)
{
    for (uint32_t i = 0; i < t->events; i++)
        count_event(m, site, t->event[i]);
    for (uint32_t i = 0; i < t->letters; i++)
        vg_tally_add(&m->letters, &(const char *){ t->letter[i]->reason });
    vg_commit_tally_clear(t);
}

void vg_commit_tally_frame(struct vg_meters *m, const struct vg_frame *f, uint32_t workers)
{
    /* The shard of an END, or of a CHANGE, is its worker. */
    vg_meter_add(&m->taken[f->shard % workers], 1);
    if (f->kind == VG_FRAME_ROWS && f->rows > 0 && f->live)
        vg_delays_note(&m->hop[VG_HOP_CHAIN], vg_wall_ns() - f->wall_ns);
}

void vg_commit_tally_time(struct vg_meters *m, int64_t began_ns, bool disk)
{
    int64_t took_ns = vg_mono_ns() - began_ns;

    vg_meter_add(&m->commit_busy_ns, (uint64_t)took_ns);
    if (disk)
        vg_delays_note(&m->hop[VG_HOP_COMMIT], took_ns);
    atomic_store_explicit(&m->commit_held_ns, 0, memory_order_relaxed);
}
