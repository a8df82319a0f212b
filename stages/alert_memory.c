/* alert_memory.c - where everything that the alert stage keeps of a patient lies.
 *
 * Every bed pays for each byte, and every row for each cache line that it touches.
 */
#include "stages/alert_memory.h"

#include <stddef.h>

#include "stages/alert_awake.h"
#include "stages/alert_watch.h"
#include "stages/alert_why.h"

/* Bytes of the struct vg_life that a rule needs. */
static size_t life_size(const struct vg_lifecycle *life)
{
    size_t size = 0;

    if (life->escalate_after_ns > 0 || life->realarm_ns > 0)
        size = offsetof(struct vg_life, worse_ns);
    if (life->worse.origin != VG_BOUND_NONE)
        size = offsetof(struct vg_life, ended_ns);
    if (life->refractory_ns > 0)
        size = offsetof(struct vg_life, start_ns);
    if (life->budget_max > 0)
        size = offsetof(struct vg_life, start_ns) + life->budget_max * sizeof(int64_t);
    return size;
}

/* NOLINTNEXTLINE(misc-no-recursion): at most VG_NESTING_MAX deep */
uint32_t vg_watch_noted(const struct vg_alert *a, const struct vg_watch *w)
{
    uint32_t ret = w->channel >= VG_MEASURED ? UINT32_C(1) << (w->channel - VG_MEASURED) : 0;

    for (uint32_t p = 0; w->score && p < w->score->score.parameters; p++) {
        const struct vg_score_parameter *parameter = &w->score->score.parameter[p];

        for (uint8_t i = 0; i < parameter->channels; i++) {
            int c = parameter->channel[i].channel;

            ret |= c >= VG_MEASURED ? UINT32_C(1) << (c - VG_MEASURED) : 0;
        }
    }
    for (uint32_t i = 0; i < w->parts; i++)
        ret |= vg_watch_noted(a, &a->watch[w->part[i]]);
    return ret;
}

static size_t place_noted(struct vg_alert *a, size_t at)
{
    uint32_t noted = 0;

    for (uint32_t i = 0; i < a->watches; i++)
        noted |= vg_watch_noted(a, &a->watch[i]);
    for (uint32_t n = 0; n < VG_ARRAY_LEN(a->noted_at); n++) {
        a->noted_at[n] = noted >> n & 1 ? at : 0;
        at += noted >> n & 1 ? sizeof(struct vg_noted) : 0;
    }
    return at;
}

/* Of watches of the shard, or of the others. */
static size_t place_episodes(struct vg_alert *a, bool of_shard, size_t at)
{
    for (uint32_t i = 0; i < a->watches; i++) {
        struct vg_watch *w = &a->watch[i];

        if (w->of_shard != of_shard)
            continue;
        w->episode_at = at;
        at += sizeof(struct vg_episode);
    }
    return at;
}

static size_t place_times(struct vg_alert *a, bool of_shard, size_t at)
{
    for (uint32_t i = 0; i < a->watches; i++) {
        struct vg_watch *w = &a->watch[i];

        if (w->of_shard != of_shard)
            continue;
        w->times_at = w->validity_ns > 0 || w->kind->updates ? at : 0;
        at += w->times_at > 0 ? sizeof(struct vg_times) : 0;
    }
    return at;
}

/* Episodes come first. Behind them is what each row needs, side by side: who is awake, and what the
 * kinds keep of their own. What is of use only while something happens is last. What the watches of
 * the shard keep lies in the place of the patient's, since no slot has both. Returns the whole. */
size_t vg_memory_place(struct vg_alert *a)
{
    size_t shard = place_times(a, true, place_episodes(a, true, sizeof(struct vg_watched)));
    size_t own = place_episodes(a, false, sizeof(struct vg_watched));
    size_t at = place_noted(a, own > shard ? own : shard);

    a->awake.at = at;
    at += vg_awake_size(a);
    for (uint32_t i = 0; i < a->watches; i++) {
        a->watch[i].memory_at = at;
        at += (a->watch[i].memory_size + 7) / 8 * 8;
    }
    at = vg_hour_place(a, at);
    at = place_times(a, false, at);
    for (uint32_t i = 0; i < a->watches; i++) {
        size_t life = life_size(&a->watch[i].rule->life);

        a->watch[i].life_at = life > 0 ? at : 0;
        at += life;
        a->watch[i].told_at = a->watch[i].kind->updates && !a->watch[i].kind->by_timer ? at : 0;
        at += a->watch[i].told_at > 0 ? sizeof(int64_t) : 0; /* keeps what follows aligned */
    }
    return at;
}
