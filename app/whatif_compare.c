/* whatif_compare.c - which episodes of two configurations are the same, and how many are not. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/whatif.h"

/* ---- pairs ---- */

/* Below 0, 0, above 0: of rule, channel and patient. */
static int order(const struct vg_whatif_episode *a, const struct vg_whatif_episode *b)
{
    int rule = strcmp(a->rule, b->rule);

    if (rule)
        return rule;
    if (a->channel != b->channel)
        return a->channel < b->channel ? -1 : 1;
    return strcmp(a->patient, b->patient);
}

static int by_key_and_start(const void *a, const void *b)
{
    const struct vg_whatif_episode *x = a, *y = b;
    int key = order(x, y);

    if (key)
        return key;
    if (x->start_ns != y->start_ns)
        return x->start_ns < y->start_ns ? -1 : 1;
    return memcmp(x->id, y->id, sizeof(x->id));
}

/* Which of the two is over before the other begins: -1, 1, or 0 when they overlap. */
static int apart(const struct vg_whatif_episode *a, const struct vg_whatif_episode *b)
{
    int key = order(a, b);

    if (key)
        return key;
    if (a->end_ns < b->start_ns)
        return -1;
    return b->end_ns < a->start_ns;
}

static void pair(struct vg_whatif_side *a, struct vg_whatif_side *b)
{
    uint32_t i = 0, k = 0;

    while (i < a->episodes && k < b->episodes) {
        int which = apart(&a->episode[i], &b->episode[k]);

        if (which == 0) {
            a->episode[i].pair = k;
            b->episode[k].pair = i;
        }
        i += which <= 0;
        k += which >= 0;
    }
}

/* Whether the side tells anything of the same while `e` lasts. */
static bool covers(const struct vg_whatif_side *s, const struct vg_whatif_episode *e)
{
    uint32_t low = 0, high = s->episodes;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (order(&s->episode[middle], e) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < s->episodes && order(&s->episode[low], e) == 0; low++) {
        if (apart(&s->episode[low], e) == 0)
            return true;
    }
    return false;
}

static void join(struct vg_whatif_side *s, const struct vg_whatif_side *other)
{
    for (uint32_t i = 0; i < s->episodes; i++) {
        struct vg_whatif_episode *e = &s->episode[i];

        e->joined = e->pair == VG_WHATIF_ALONE && covers(other, e);
    }
}

bool vg_whatif_same(const struct vg_whatif *w, const struct vg_whatif_episode *a)
{
    const struct vg_whatif_episode *b = &w->side[VG_WHATIF_B].episode[a->pair];

    return a->start_ns == b->start_ns && a->end_ns == b->end_ns && a->open == b->open &&
           a->priority == b->priority;
}

/* ---- counts ---- */

typedef void key_fn(const struct vg_whatif *w, const struct vg_whatif_episode *e,
                    char key[VG_BED_SIZE]);

static void key_rule(const struct vg_whatif *w, const struct vg_whatif_episode *e,
                     char key[VG_BED_SIZE])
{
    (void)w;
    snprintf(key, VG_BED_SIZE, "%s", e->rule);
}

static void key_bed(const struct vg_whatif *w, const struct vg_whatif_episode *e,
                    char key[VG_BED_SIZE])
{
    (void)w;
    snprintf(key, VG_BED_SIZE, "%s", vg_whatif_who(e));
}

static void key_hour(const struct vg_whatif *w, const struct vg_whatif_episode *e,
                     char key[VG_BED_SIZE])
{
    int64_t day_ns = 86400 * VG_NS_PER_S;
    int64_t ns = ((e->start_ns + w->utc_offset_ns) % day_ns + day_ns) % day_ns;

    snprintf(key, VG_BED_SIZE, "%02d", (int)(ns / (3600 * VG_NS_PER_S)));
}

static struct vg_whatif_tally *tally_of(struct vg_whatif_tallies *t, const char *name)
{
    for (uint32_t i = 0; i < t->n; i++) {
        if (strcmp(t->tally[i].name, name) == 0)
            return &t->tally[i];
    }
    t->tally = reallocarray(t->tally, t->n + 1, sizeof(*t->tally));
    VG_CHECK(t->tally != NULL);
    t->tally[t->n] = (struct vg_whatif_tally){ .shift_s = (double)NAN };
    snprintf(t->tally[t->n].name, sizeof(t->tally->name), "%s", name);
    return &t->tally[t->n++];
}

/* A pair counts where its episode of A belongs: its hour may differ in B. */
static void count(const struct vg_whatif *w, int side, const struct vg_whatif_episode *e,
                  struct vg_whatif_tally *t)
{
    t->starts[side]++;
    t->active_s[side] += (double)(e->end_ns - e->start_ns) / 1e9;
    if (e->joined)
        t->joined[side]++;
    else if (e->pair == VG_WHATIF_ALONE)
        t->only[side]++;
    else if (side == VG_WHATIF_A && vg_whatif_same(w, e))
        t->same++;
    else if (side == VG_WHATIF_A)
        t->moved++;
}

static int by_name(const void *a, const void *b)
{
    const struct vg_whatif_tally *x = a, *y = b;

    return strcmp(x->name, y->name);
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* The median of how much later the pairs of this key start in B; `name` NULL: of all. */
static double median_shift(const struct vg_whatif *w, key_fn *key, const char *name)
{
    const struct vg_whatif_side *a = &w->side[VG_WHATIF_A], *b = &w->side[VG_WHATIF_B];
    double *shift = calloc(a->episodes + 1, sizeof(*shift)), median = (double)NAN;
    uint32_t n = 0;

    VG_CHECK(shift != NULL);
    for (uint32_t i = 0; i < a->episodes; i++) {
        const struct vg_whatif_episode *e = &a->episode[i];
        char mine[VG_BED_SIZE];

        if (e->pair == VG_WHATIF_ALONE)
            continue;
        key(w, e, mine);
        if (!name || strcmp(mine, name) == 0)
            shift[n++] = (double)(b->episode[e->pair].start_ns - e->start_ns) / 1e9;
    }
    qsort(shift, n, sizeof(*shift), by_value);
    if (n > 0)
        median = (shift[(n - 1) / 2] + shift[n / 2]) / 2;
    free(shift);
    return median;
}

static void tally(const struct vg_whatif *w, key_fn *key, struct vg_whatif_tallies *ret)
{
    for (int k = 0; k < VG_WHATIF_SIDES; k++) {
        for (uint32_t i = 0; i < w->side[k].episodes; i++) {
            char name[VG_BED_SIZE];

            key(w, &w->side[k].episode[i], name);
            count(w, k, &w->side[k].episode[i], tally_of(ret, name));
        }
    }
    if (ret->n > 0)
        qsort(ret->tally, ret->n, sizeof(*ret->tally), by_name);
    for (uint32_t i = 0; i < ret->n; i++)
        ret->tally[i].shift_s = median_shift(w, key, ret->tally[i].name);
}

void vg_whatif_compare(struct vg_whatif *w)
{
    for (int k = 0; k < VG_WHATIF_SIDES; k++) {
        struct vg_whatif_side *s = &w->side[k];

        if (s->episodes > 0)
            qsort(s->episode, s->episodes, sizeof(*s->episode), by_key_and_start);
    }
    pair(&w->side[VG_WHATIF_A], &w->side[VG_WHATIF_B]);
    join(&w->side[VG_WHATIF_A], &w->side[VG_WHATIF_B]);
    join(&w->side[VG_WHATIF_B], &w->side[VG_WHATIF_A]);
    for (int k = 0; k < VG_WHATIF_SIDES; k++) {
        for (uint32_t i = 0; i < w->side[k].episodes; i++)
            count(w, k, &w->side[k].episode[i], &w->all);
    }
    w->all.shift_s = median_shift(w, key_rule, NULL);
    for (int h = 0; h < 24; h++) { /* hours without an alert are hours too */
        char name[4];

        snprintf(name, sizeof(name), "%02d", h);
        tally_of(&w->hours, name);
    }
    tally(w, key_rule, &w->rules);
    tally(w, key_bed, &w->beds);
    tally(w, key_hour, &w->hours);
}

/* ---- words ---- */

const char *vg_whatif_who(const struct vg_whatif_episode *e)
{
    if (e->bed[0])
        return e->bed;
    return e->patient[0] ? e->patient : "(no patient)";
}

const char *vg_whatif_letter(int side)
{
    return side == VG_WHATIF_A ? "A" : "B";
}

static void doubt_rules(const struct vg_whatif_side *s, const char *letter,
                        void (*say)(void *ctx, const char *text), void *ctx)
{
    char text[512];

    for (uint32_t i = 0; i < s->config->site.rules_n; i++) {
        const struct vg_rule *rule = &s->config->site.rules[i];

        if (rule->channel == VG_CHANNEL_NONE || s->channels_seen >> rule->channel & 1)
            continue;
        snprintf(text, sizeof(text),
                 "%s: rule %s looks at %s, which no record has: it could not speak", letter,
                 rule->name, vg_channels[rule->channel].name);
        say(ctx, text);
    }
}

void vg_whatif_doubts(const struct vg_whatif *w, void (*say)(void *ctx, const char *text),
                      void *ctx)
{
    char text[512];

    for (int k = 0; k < VG_WHATIF_SIDES; k++) {
        const struct vg_whatif_side *s = &w->side[k];

        doubt_rules(s, vg_whatif_letter(k), say, ctx);
        if (s->dead_letters > 0) {
            snprintf(text, sizeof(text),
                     "%s: %llu rows or records could not be read or were refused",
                     vg_whatif_letter(k), (unsigned long long)s->dead_letters);
            say(ctx, text);
        }
    }
    if (!w->head.commands)
        say(ctx,
            "the recording has no clock marks and no acknowledgements: what only silence at its "
            "end would tell is missing in both");
    if (strcmp(w->side[VG_WHATIF_A].config->hash, w->side[VG_WHATIF_B].config->hash) == 0)
        say(ctx, "A and B are the same configuration in all that can change an event");
}
