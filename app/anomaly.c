/* anomaly.c - alerts from scores: one walk over the ticks that everything else is made of. */
#include "app/anomaly.h"

#include <math.h>
#include <stdlib.h>

static const int64_t day_ns = 86400 * VG_NS_PER_S;

/* A walk over the ticks of a patient. */
struct walk {
    const struct vg_scores *s;
    uint32_t merge; /* ticks */
    float threshold;
    uint32_t tick;  /* the next one */
    uint32_t quiet; /* ticks since the last one above; at most merge */
};

static struct walk begin(const struct vg_scores *s, int64_t tick_ns, float threshold)
{
    uint32_t merge = (uint32_t)(VG_ALERT_MERGE_NS / tick_ns);

    return (struct walk){ .s = s, .merge = merge, .threshold = threshold, .quiet = merge };
}

/* Goes to the next tick at which an alert starts. */
static bool next_start(struct walk *w, uint32_t *ret)
{
    while (w->tick < w->s->ticks) {
        uint32_t tick = w->tick++, quiet = w->quiet;

        if (!(w->s->score[tick] > w->threshold)) {
            w->quiet += quiet < w->merge;
            continue;
        }
        w->quiet = 0;
        if (quiet >= w->merge) {
            *ret = tick;
            return true;
        }
    }
    return false;
}

uint32_t vg_alerts_count(const struct vg_scores *s, int64_t tick_ns, float threshold, uint32_t from,
                         uint32_t until)
{
    struct walk w = begin(s, tick_ns, threshold);
    uint32_t tick, n = 0;

    while (next_start(&w, &tick) && tick < until)
        n += tick >= from;
    return n;
}

bool vg_alerts_first(const struct vg_scores *s, int64_t tick_ns, float threshold, uint32_t *ret)
{
    struct walk w = begin(s, tick_ns, threshold);

    while (next_start(&w, ret)) {
        int64_t at_ns = s->first_ns + *ret * tick_ns;

        if (at_ns >= s->until_ns)
            return false;
        if (at_ns >= s->from_ns)
            return true;
    }
    return false;
}

double vg_alerts_per_day(const struct vg_scores *s, uint32_t p, int64_t tick_ns, float threshold)
{
    double alerts = 0, ticks = 0;

    for (uint32_t i = 0; i < p; i++) {
        alerts += vg_alerts_count(&s[i], tick_ns, threshold, 0, s[i].ticks);
        ticks += s[i].ticks;
    }
    return ticks > 0 ? alerts / (ticks * (double)tick_ns / (double)day_ns) : 0;
}

/* The rate falls with the threshold but for where two alerts part that were merged, so halving finds
 * a threshold that holds, if not always the very least. */
float vg_alerts_threshold(const struct vg_scores *s, uint32_t p, int64_t tick_ns, double per_day)
{
    float low = 0, high = 0;

    for (uint32_t i = 0; i < p; i++) {
        for (uint32_t t = 0; t < s[i].ticks; t++)
            high = s[i].score[t] > high ? s[i].score[t] : high;
    }
    for (int i = 0; i < 40 && high - low > 1e-6f * high; i++) {
        float middle = (low + high) / 2;

        if (vg_alerts_per_day(s, p, tick_ns, middle) > per_day)
            low = middle;
        else
            high = middle;
    }
    return high;
}

/* ---- peaks ---- */

struct peaks {
    double *value;
    size_t n, cap;
};

static void add_peak(struct peaks *p, double value)
{
    if (p->n == p->cap) {
        p->cap = p->cap ? 2 * p->cap : 256;
        p->value = realloc(p->value, p->cap * sizeof(*p->value));
        VG_CHECK(p->value != NULL);
    }
    p->value[p->n++] = value;
}

void vg_alert_peaks(const struct vg_scores *s, uint32_t p, int64_t tick_ns, float threshold,
                    double **ret, size_t *ret_n)
{
    struct peaks peaks = { 0 };

    for (uint32_t i = 0; i < p; i++) {
        struct walk w = begin(&s[i], tick_ns, threshold);
        uint32_t start = 0, end = 0;
        bool more = next_start(&w, &start);

        while (more) {
            float most = s[i].score[start];

            more = next_start(&w, &end);
            for (uint32_t t = start; t < (more ? end : s[i].ticks); t++)
                most = s[i].score[t] > most ? s[i].score[t] : most;
            add_peak(&peaks, (double)most);
            start = end;
        }
    }
    *ret = peaks.value;
    *ret_n = peaks.n;
}
