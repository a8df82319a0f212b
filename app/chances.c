/* chances.c - the artefacts that happen to a simulated bed by chance. */
#include "app/chances.h"

#include <math.h>
#include <string.h>

#include "app/vitals.h"

static const double never_s = 1e18, day_s = 86400;

/* The first reading of the cuff from `at_s` on. */
static double reading_from(double at_s, uint32_t cuff_second)
{
    double periods = ceil((at_s - cuff_second) / VG_CUFF_EVERY_S);

    return cuff_second + periods * VG_CUFF_EVERY_S;
}

static void draw(const struct vg_chances *c, struct vg_chance *chance, double from_s)
{
    const struct vg_effect_entry *entry = chance->next.entry;
    double start_s = from_s + ceil(chance->mean_gap_s * vg_random_exponential(&chance->random));

    if (entry->spoils_one_reading)
        start_s = reading_from(start_s, c->cuff_second);
    chance->next = vg_effect_make(entry, start_s, 0, &chance->random);
}

static void look_ahead(struct vg_chances *c)
{
    c->quiet_until_s = never_s;
    for (uint32_t i = 0; i < c->n; i++)
        c->quiet_until_s = fmin(c->quiet_until_s, c->chance[i].next.start_s);
}

void vg_chances_init(struct vg_chances *c, uint64_t seed, uint32_t bed, double rate,
                     uint32_t cuff_second)
{
    /* Streams of chances lie behind those of vitals.c and simulator.c. */
    enum { FIRST_STREAM = 64 };
    const struct vg_effect_entry *entry;

    memset(c, 0, sizeof(*c));
    c->cuff_second = cuff_second;
    for (size_t i = 0; (entry = vg_artefact_entry(i)); i++) {
        struct vg_chance *chance = &c->chance[c->n];

        if (entry->per_day * rate <= 0)
            continue;
        VG_CHECK(++c->n <= VG_CHANCES_MAX);
        chance->random = vg_random_stream(seed, (uint64_t)bed << 8 | (FIRST_STREAM + i));
        chance->mean_gap_s = day_s / (entry->per_day * rate);
        chance->next.entry = entry;
        draw(c, chance, 0);
    }
    look_ahead(c);
}

void vg_chances_show(struct vg_chances *c, double now_s, struct vg_shown *s)
{
    if (now_s < c->quiet_until_s)
        return;
    for (uint32_t i = 0; i < c->n; i++) {
        struct vg_chance *chance = &c->chance[i];

        while (now_s >= chance->next.start_s + chance->next.length_s)
            draw(c, chance, chance->next.start_s + chance->next.length_s);
        vg_effect_show(&chance->next, now_s, s);
    }
    look_ahead(c);
}

bool vg_chances_take(struct vg_chances *c, struct vg_effect *ret)
{
    struct vg_chance *first = NULL;

    for (uint32_t i = 0; i < c->n; i++) {
        if (!first || c->chance[i].next.start_s < first->next.start_s)
            first = &c->chance[i];
    }
    if (!first)
        return false;
    *ret = first->next;
    draw(c, first, first->next.start_s + first->next.length_s);
    return true;
}
