/* chances.h - the artefacts that happen to a simulated bed by chance.
 *
 * Each kind comes at random moments with its usual rate, independently of the others, and never
 * twice at once. When and how is drawn from random numbers of the kind and bed alone, so the whole
 * calendar is known without simulating anything: that is what labels are made of.
 */
#ifndef VG_APP_CHANCES_H
#define VG_APP_CHANCES_H

#include "app/effects.h"

enum { VG_CHANCES_MAX = 24 };

struct vg_chance {
    struct vg_random random;
    double mean_gap_s;     /* from the end of one to the start of the next */
    struct vg_effect next; /* goes on, or is the next to come */
};

struct vg_chances {
    uint32_t n;
    uint32_t cuff_second; /* when the cuff reads: see vg_vitals */
    double quiet_until_s; /* nothing goes on before */
    struct vg_chance chance[VG_CHANCES_MAX];
};

/** `rate`: multiple of the usual rates; 0: nothing ever happens. */
void vg_chances_init(struct vg_chances *c, uint64_t seed, uint32_t bed, double rate,
                     uint32_t cuff_second);

/** Changes what is shown at `now_s`, which never goes back. */
void vg_chances_show(struct vg_chances *c, double now_s, struct vg_shown *s);

/** The episode of the calendar that starts first; moves on to the one after it. Not to be mixed with
 *  vg_chances_show() on the same calendar. False when nothing ever happens. */
VG_NODISCARD bool vg_chances_take(struct vg_chances *c, struct vg_effect *ret);

#endif
