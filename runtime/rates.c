/* rates.c - a minute of notes, one a second. */
#include "runtime/rates.h"

#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "runtime/host_state.h"

enum { NOTES = 64 };

static const int64_t PERIOD_NS = VG_NS_PER_S;

struct vg_rates {
    const struct vg_observed *o;
    pthread_mutex_t lock;
    struct vg_rates_window note[NOTES]; /* `ns` is the moment; counts since the start */
    uint64_t notes;                     /* ever made; the newest is at notes - 1 */
};

/* ---- notes ---- */

static void make_room(const struct vg_observed *o, struct vg_rates_window *w)
{
    w->stage = calloc(o->config->stages_n + 1, sizeof(*w->stage));
    w->delivered = calloc(o->config->sinks_n + 1, sizeof(*w->delivered));
    VG_CHECK(w->stage != NULL && w->delivered != NULL);
}

struct vg_rates *vg_rates_new(const struct vg_observed *o)
{
    struct vg_rates *r = calloc(1, sizeof(*r));

    VG_CHECK(r != NULL);
    r->o = o;
    pthread_mutex_init(&r->lock, NULL);
    for (int i = 0; i < NOTES; i++)
        make_room(o, &r->note[i]);
    return r;
}

void vg_rates_free(struct vg_rates *r)
{
    if (!r)
        return;
    for (int i = 0; i < NOTES; i++)
        vg_rates_window_done(&r->note[i]);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static void count_stage(const struct vg_observed *o, uint32_t place, int64_t now_ns,
                        uint64_t ret[VG_STAGE_RATE_COUNT])
{
    const struct vg_meters *m = &o->shared->meters;

    memset(ret, 0, sizeof(*ret) * VG_STAGE_RATE_COUNT);
    for (uint32_t w = 0; w < m->workers; w++) {
        const struct vg_stage_meter *s = vg_meters_stage(m, w, place);

        ret[VG_RATE_IN] += vg_meter_get(&s->rows_in);
        ret[VG_RATE_OUT] += vg_meter_get(&s->rows_out);
        ret[VG_RATE_BUSY_NS] += (uint64_t)vg_meters_busy_ns(s, now_ns);
    }
}

static void count_all(const struct vg_observed *o, int64_t now_ns, struct vg_rates_window *ret)
{
    const struct vg_meters *m = &o->shared->meters;

    ret->ns = now_ns;
    ret->whole[VG_RATE_RECORDS] = vg_meter_get(&m->records);
    ret->whole[VG_RATE_ROWS] = vg_meter_get(&o->shared->rows);
    ret->whole[VG_RATE_EVENTS] = vg_meter_get(&o->shared->committed_seq);
    ret->whole[VG_RATE_LETTERS] = vg_meter_get(&o->shared->dead_letters);
    ret->whole[VG_RATE_CPU_NS] = (uint64_t)vg_process_cpu_ns();
    ret->whole[VG_RATE_COMMIT_NS] = vg_meter_get(&m->commit_busy_ns);
    for (uint32_t i = 0; i < o->config->stages_n; i++)
        count_stage(o, i, now_ns, ret->stage[i]);
    for (uint32_t i = 0; i < o->config->sinks_n; i++)
        ret->delivered[i] = vg_meter_get(&o->feed[i].figures.delivered);
    for (int hop = 0; hop < VG_HOP_COUNT; hop++) {
        for (unsigned b = 0; b <= VG_DELAY_BOUNDS; b++)
            ret->hop[hop][b] = vg_meter_get(&m->hop[hop].bucket[b]);
    }
}

static struct vg_rates_window *note_at(struct vg_rates *r, uint64_t number)
{
    return &r->note[number % NOTES];
}

void vg_rates_note(struct vg_rates *r, int64_t mono_ns)
{
    /* Only this thread writes `notes`. */
    if (r->notes > 0 && mono_ns - note_at(r, r->notes - 1)->ns < PERIOD_NS)
        return;
    pthread_mutex_lock(&r->lock);
    count_all(r->o, mono_ns, note_at(r, r->notes));
    r->notes++;
    pthread_mutex_unlock(&r->lock);
}

/* ---- windows ---- */

static void subtract(uint64_t *ret, const uint64_t *to, const uint64_t *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ret[i] = to[i] > from[i] ? to[i] - from[i] : 0;
}

static void difference(const struct vg_observed *o, const struct vg_rates_window *from,
                       const struct vg_rates_window *to, struct vg_rates_window *ret)
{
    ret->ns = to->ns - from->ns;
    subtract(ret->whole, to->whole, from->whole, VG_RATE_COUNT);
    subtract(ret->stage[0], to->stage[0], from->stage[0],
             (size_t)o->config->stages_n * VG_STAGE_RATE_COUNT);
    subtract(ret->delivered, to->delivered, from->delivered, o->config->sinks_n);
    subtract(ret->hop[0], to->hop[0], from->hop[0], (size_t)VG_HOP_COUNT * (VG_DELAY_BOUNDS + 1));
}

/* The newest note that is old enough, or the oldest that there is. */
static const struct vg_rates_window *note_before(struct vg_rates *r, int64_t ns)
{
    uint64_t kept = r->notes < NOTES ? r->notes : NOTES, i = 2;

    while (i < kept && note_at(r, r->notes - i)->ns > ns)
        i++;
    return note_at(r, r->notes - (i < kept ? i : kept));
}

void vg_rates_window(struct vg_rates *r, int64_t window_ns, struct vg_rates_window *ret)
{
    *ret = (struct vg_rates_window){ 0 };
    make_room(r->o, ret);
    pthread_mutex_lock(&r->lock);
    if (r->notes > 1) {
        const struct vg_rates_window *newest = note_at(r, r->notes - 1);

        /* Notes are made when the supervisor comes by: up to a tenth of a second late. */
        difference(r->o, note_before(r, newest->ns - window_ns + PERIOD_NS / 2), newest, ret);
    }
    pthread_mutex_unlock(&r->lock);
}

void vg_rates_window_done(struct vg_rates_window *w)
{
    free(w->stage);
    free(w->delivered);
}

int64_t vg_delays_quantile_ns(const uint64_t count[VG_DELAY_BOUNDS + 1], double share)
{
    double sum = 0, below = 0, rank;
    unsigned b = 0;
    int64_t from_ns;

    for (unsigned i = 0; i <= VG_DELAY_BOUNDS; i++)
        sum += (double)count[i];
    if (sum == 0)
        return -1;
    rank = share * sum;
    while (b < VG_DELAY_BOUNDS && (below + (double)count[b] < rank || count[b] == 0))
        below += (double)count[b++];
    if (b == VG_DELAY_BOUNDS)
        return vg_delays_bound_ns(VG_DELAY_BOUNDS - 1);
    from_ns = b > 0 ? vg_delays_bound_ns(b - 1) : 0;
    return from_ns +
           (int64_t)((double)(vg_delays_bound_ns(b) - from_ns) * (rank - below) / (double)count[b]);
}
