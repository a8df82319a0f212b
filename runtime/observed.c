/* observed.c - names and figures that several pages show. */
#include "runtime/observed.h"

#include <stdio.h>

#include "core/clock.h"

void vg_observed_stage(const struct vg_observed *o, uint32_t place, char ret[VG_NAME_SIZE])
{
    const char *name = o->config->stages[place].ops->name;
    uint32_t number = 1;

    for (uint32_t i = 0; i < place; i++)
        number += o->config->stages[i].ops == o->config->stages[place].ops;
    if (number == 1)
        snprintf(ret, VG_NAME_SIZE, "%s", name);
    else
        snprintf(ret, VG_NAME_SIZE, "%s-%u", name, number);
}

bool vg_observed_needs_sink(const struct vg_observed *o, uint32_t sink)
{
    return o->config->sinks[sink].delivery.required || o->config->sinks_n == 1;
}

uint64_t vg_observed_waiting(const struct vg_observed *o, uint32_t sink)
{
    uint64_t done = atomic_load(&o->feed[sink].delivered);
    uint64_t last = atomic_load(&o->shared->committed_seq);

    return last > done ? last - done : 0;
}

int64_t vg_observed_oldest_ns(const struct vg_observed *o, uint32_t sink)
{
    int64_t wall_ns = atomic_load(&o->feed[sink].figures.oldest_wall_ns);

    return wall_ns ? vg_wall_ns() - wall_ns : 0;
}
