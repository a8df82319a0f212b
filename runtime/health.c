/* health.c - reasons why a service does not do its work, most important first. */
#include "runtime/health.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"

/* The supervisor looks ten times a second. */
static const int64_t UNWATCHED_NS = 10 * VG_NS_PER_S;

static VG_PRINTF(2, 3) void because(struct vg_health *h, const char *fmt, ...)
{
    va_list args;

    if (h->reasons == VG_REASONS_MAX)
        return;
    va_start(args, fmt);
    vsnprintf(h->reason[h->reasons], sizeof(h->reason[0]), fmt, args);
    va_end(args);
    h->reasons++;
}

void vg_health_live(const struct vg_observed *o, struct vg_health *ret)
{
    int64_t watched_ns = atomic_load(&o->shared->meters.watched_ns);
    int64_t now_ns = vg_mono_ns();

    ret->reasons = 0;
    if (watched_ns != 0 && now_ns - watched_ns > UNWATCHED_NS)
        because(ret, "the supervisor has not moved for %lld s",
                (long long)((now_ns - watched_ns) / VG_NS_PER_S));
}

/* ---- what must be true of the whole ---- */

static void look_state(const struct vg_observed *o, struct vg_health *h)
{
    int state = atomic_load(&o->shared->state);

    if (state == VG_STATE_STARTING)
        because(h, "starting");
    if (state == VG_STATE_CLOSING)
        because(h, "stopping");
}

static void look_partitions(const struct vg_observed *o, struct vg_health *h)
{
    uint32_t partitions = atomic_load(&o->shared->partitions), owned = 0, live = 0;

    for (uint32_t i = 0; i < partitions; i++) {
        const struct vg_shard_shared *s = &o->shared->shard[i];

        owned += atomic_load(&s->owned);
        live += atomic_load(&s->owned) && atomic_load(&s->live);
    }
    if (owned == 0)
        because(h, "no partition is this instance's");
    else if (live < owned)
        because(h, "recovering: %u of %u partitions", owned - live, owned);
}

/* Those that mean that work is not done; the heartbeat tells the others, too. */
static void look_troubles(const struct vg_observed *o, struct vg_health *h)
{
    static const enum vg_trouble serious[] = { VG_TROUBLE_SOURCE, VG_TROUBLE_DISK,
                                               VG_TROUBLE_SNAPSHOT, VG_TROUBLE_AUDIT };

    pthread_mutex_lock(&o->shared->lock);
    for (size_t i = 0; i < VG_ARRAY_LEN(serious); i++) {
        if (o->shared->trouble[serious[i]][0])
            because(h, "%s", o->shared->trouble[serious[i]]);
    }
    pthread_mutex_unlock(&o->shared->lock);
}

static void look_sinks(const struct vg_observed *o, struct vg_health *h)
{
    for (uint32_t i = 0; i < o->config->sinks_n; i++) {
        const struct vg_delivery_figures *f = &o->feed[i].figures;
        const char *name = o->config->sinks[i].name;

        if (!vg_observed_needs_sink(o, i))
            continue;
        if (atomic_load(&f->off))
            because(h, "sink %s is off until the next start", name);
        else if (atomic_load(&f->failing))
            because(h, "sink %s fails", name);
    }
}

/* ---- a chain that stands still ---- */

/* What holds a worker up: the last stage that works on something, since those before it only wait. */
static void name_holder(const struct vg_observed *o, uint32_t worker, int64_t now_ns,
                        struct vg_health *h)
{
    const struct vg_meters *m = &o->shared->meters;
    char name[VG_NAME_SIZE];
    int64_t held_ns = atomic_load(&m->commit_held_ns);

    if (held_ns != 0 && now_ns - held_ns > VG_STALLED_NS) {
        because(h, "the committer has not moved for %lld s",
                (long long)((now_ns - held_ns) / VG_NS_PER_S));
        return;
    }
    for (uint32_t place = m->stages; place-- > 0;) {
        const struct vg_stage_meter *s = vg_meters_stage(m, worker, place);

        held_ns = atomic_load(&s->held_ns);
        if (held_ns == 0 || atomic_load(&s->blocked))
            continue;
        vg_observed_stage(o, place, name);
        because(h, "stage %s of worker %u has not moved for %lld s", name, worker,
                (long long)((now_ns - held_ns) / VG_NS_PER_S));
        return;
    }
    because(h, "nothing has passed the chain of worker %u for %lld s", worker,
            (long long)(VG_STALLED_NS / VG_NS_PER_S));
}

static void look_chains(const struct vg_observed *o, struct vg_health *h)
{
    uint32_t partitions = atomic_load(&o->shared->partitions);
    uint32_t workers = o->shared->meters.workers;
    int64_t now_ns = vg_mono_ns();
    /* Without space nothing moves, which is said elsewhere. */
    bool waits = atomic_load(&o->shared->disk_full);
    bool said[VG_WORKERS_MAX] = { false };

    for (uint32_t i = 0; i < partitions && !waits; i++) {
        const struct vg_shard_shared *s = &o->shared->shard[i];

        if (!atomic_load(&s->owned) || said[i % workers] ||
            now_ns - atomic_load(&s->mark_mono_ns) <= VG_STALLED_NS)
            continue;
        said[i % workers] = true;
        name_holder(o, i % workers, now_ns, h);
    }
}

void vg_health_ready(const struct vg_observed *o, struct vg_health *ret)
{
    ret->reasons = 0;
    look_state(o, ret);
    /* Before it runs and when it stops nothing else is known. */
    if (ret->reasons > 0)
        return;
    look_partitions(o, ret);
    look_troubles(o, ret);
    look_sinks(o, ret);
    look_chains(o, ret);
}

bool vg_health_moves(const struct vg_observed *o)
{
    struct vg_health h = { .reasons = 0 };

    look_chains(o, &h);
    return h.reasons == 0;
}
