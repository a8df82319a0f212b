/* alert_awake.c - which watches a row or a timer is about, so that the others cost nothing.
 *
 * Of some fifty watches of a patient a row is about those of its channels, and most of these sleep:
 * nothing was found, and nothing is. Sets of bits say so; a watch that sleeps is asked about the row,
 * but its episode, a cache line for each, stays where it is.
 *
 * Sets are walked in the order of watches, which is the order of events.
 */
#include "stages/alert_awake.h"

#include <stdlib.h>

#include "stages/alert_life.h"

/* What a row can be about: one of VG_CHANNELS, or of these; a command that notes something, about one
 * of the channels from VG_MEASURED on. */
enum {
    ABOUT_SAMPLE = VG_CHANNELS,
    ABOUT_TICK,
    ABOUT_SHARD,
    ABOUT_NOTED,
    ABOUT_COUNT = ABOUT_NOTED + VG_CHANNELS - VG_MEASURED
};

/* ---- sets ---- */

static void add(uint64_t *set, uint32_t place)
{
    set[place / 64] |= UINT64_C(1) << place % 64;
}

static uint64_t *new_sets(const struct vg_awake *s, size_t n)
{
    uint64_t *sets = calloc(n * s->words + 1, sizeof(*sets));

    VG_CHECK(sets != NULL);
    return sets;
}

static uint64_t *about(const struct vg_awake *s, int what)
{
    return s->about + (size_t)what * s->words;
}

static void add_sample(struct vg_awake *s, const struct vg_watch *w)
{
    uint32_t channels;

    if (!w->kind->one_channel || w->channel == VG_CHANNEL_NONE) {
        add(about(s, ABOUT_SAMPLE), w->place);
        return;
    }
    channels = w->kind == &vg_watch_lead_off ? vg_lead_channels(w) : UINT32_C(1) << w->channel;
    for (; channels != 0; channels &= channels - 1)
        add(about(s, __builtin_ctz(channels)), w->place);
}

static void add_watch(struct vg_awake *s, const struct vg_watch *w)
{
    if (w->kind->rows & VG_ROW_SAMPLE)
        add_sample(s, w);
    if (w->kind->rows & VG_ROW_TICK)
        add(about(s, ABOUT_TICK), w->place);
    if (w->kind->rows & VG_ROW_SHARD)
        add(about(s, ABOUT_SHARD), w->place);
    if (w->kind->silent)
        add(s->silent, w->place);
    if (w->asked)
        add(s->asked, w->place);
    if (w->kind->follows)
        add(s->follows, w->place);
    if (w->kind == &vg_watch_stale && w->channel == VG_CHANNEL_NONE && !w->quiet)
        s->bed_stale[s->bed_stales++] = w->place;
}

static void add_noted(const struct vg_alert *a, const struct vg_watch *w)
{
    uint32_t noted = w->kind->rows & VG_ROW_COMMAND ? vg_watch_noted(a, w) : 0;

    for (; noted != 0; noted &= noted - 1)
        add(about(&a->awake, ABOUT_NOTED + __builtin_ctz(noted)), w->place);
}

void vg_awake_plan(struct vg_alert *a)
{
    struct vg_awake *s = &a->awake;

    s->words = (a->watches + 63) / 64;
    s->about = new_sets(s, ABOUT_COUNT);
    s->silent = new_sets(s, 1);
    s->follows = new_sets(s, 1);
    s->asked = new_sets(s, 1);
    s->now = new_sets(s, 1);
    s->bed_stale = calloc(a->watches + 1, sizeof(*s->bed_stale));
    VG_CHECK(s->bed_stale != NULL);
    for (uint32_t i = 0; i < a->watches; i++) {
        add_watch(s, &a->watch[i]);
        add_noted(a, &a->watch[i]);
    }
}

void vg_awake_done(struct vg_alert *a)
{
    struct vg_awake *s = &a->awake;

    free(s->about);
    free(s->silent);
    free(s->follows);
    free(s->asked);
    free(s->now);
    free(s->bed_stale);
}

/* ---- rows and timers ---- */

static uint32_t channels_of(const struct vg_row *row)
{
    uint32_t channels = 0;

    for (int c = 0; c < VG_CHANNELS; c++)
        channels |= (uint32_t)(row->quality[c] != VG_Q_ABSENT) << c;
    return channels;
}

/* The sets about channels from `first` on of those that the row has. */
static uint64_t about_channels(const struct vg_awake *s, int first, uint32_t channels, uint32_t i)
{
    uint64_t ret = 0;

    for (; channels != 0; channels &= channels - 1)
        ret |= about(s, first + __builtin_ctz(channels))[i];
    return ret;
}

/* Fills in `now`. */
static void find_watches(const struct vg_awake *s, const struct vg_row *row)
{
    int kind = row->kind == VG_ROW_SAMPLE ? ABOUT_SAMPLE
               : row->kind == VG_ROW_TICK ? ABOUT_TICK
                                          : ABOUT_SHARD;
    bool noted = row->kind == VG_ROW_COMMAND;
    uint32_t channels = noted || kind == ABOUT_SAMPLE ? channels_of(row) : 0;

    for (uint32_t i = 0; i < s->words; i++) {
        if (noted)
            s->now[i] = about_channels(s, ABOUT_NOTED, channels >> VG_MEASURED, i);
        else
            s->now[i] = about(s, kind)[i] | about_channels(s, 0, channels, i);
    }
}

static const struct vg_watch *take_first(const struct vg_alert *a, uint32_t word, uint64_t *bits)
{
    const struct vg_watch *w = &a->watch[word * 64 + (uint32_t)__builtin_ctzll(*bits)];

    *bits &= *bits - 1;
    return w;
}

/* Memory may be all zero. */
static uint64_t *wake_asked(const struct vg_look *l)
{
    const struct vg_awake *s = &l->alert->awake;
    uint64_t *awake = vg_look_awake(l);

    for (uint32_t i = 0; i < s->words; i++)
        awake[i] |= s->asked[i];
    return awake;
}

void vg_awake_row(struct vg_look *l)
{
    const struct vg_awake *s = &l->alert->awake;
    const uint64_t *awake = wake_asked(l);
    bool explained = vg_stay_explains(l);

    find_watches(s, l->row);
    for (uint32_t i = 0; i < s->words; i++) {
        for (uint64_t bits = s->now[i] | awake[i]; bits != 0;) {
            uint64_t bit = bits & -bits;
            const struct vg_watch *w = take_first(l->alert, i, &bits);

            if (s->now[i] & bit && !(explained && vg_stay_quiet(l, w)))
                vg_watch_row(l, w);
            if (awake[i] & bit && vg_watch_episode(l, w)->held)
                vg_signal_release(l, w);
        }
    }
}

void vg_awake_time(struct vg_look *l)
{
    const struct vg_awake *s = &l->alert->awake;
    const uint64_t *awake = wake_asked(l);

    for (uint32_t i = 0; i < s->words; i++) {
        for (uint64_t bits = s->silent[i] | s->follows[i] | awake[i]; bits != 0;)
            vg_watch_time(l, take_first(l->alert, i, &bits));
    }
}

/* Of what is asked for combinations want to know when something was last known. */
static bool can_sleep(const struct vg_look *l, const struct vg_watch *w)
{
    const struct vg_episode *e = vg_watch_episode(l, w);

    return e->state == VG_EPISODE_IDLE && !e->stood && !e->retracted && !e->withheld && !e->lost;
}

int64_t vg_awake_due(struct vg_look *l, int64_t after_ns)
{
    const struct vg_awake *s = &l->alert->awake;
    uint64_t *awake = wake_asked(l);
    int64_t due_ns = VG_TIME_NONE;

    for (uint32_t i = 0; i < s->words; i++) {
        for (uint64_t bits = s->silent[i] | awake[i]; bits != 0;) {
            uint64_t bit = bits & -bits;
            const struct vg_watch *w = take_first(l->alert, i, &bits);
            int64_t one_ns;

            if (awake[i] & ~s->asked[i] & bit && can_sleep(l, w))
                awake[i] &= ~bit;
            one_ns = vg_watch_due(l, w, after_ns);
            if (one_ns != VG_TIME_NONE && (due_ns == VG_TIME_NONE || one_ns < due_ns))
                due_ns = one_ns;
        }
    }
    return due_ns;
}
