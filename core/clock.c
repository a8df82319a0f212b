/* clock.c - the machine's clocks. */
#include "core/clock.h"

#include <time.h>

#include "core/base.h"

static int64_t now_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return now.tv_sec * VG_NS_PER_S + now.tv_nsec;
}

int64_t vg_mono_ns(void)
{
    return now_ns(CLOCK_MONOTONIC);
}

int64_t vg_wall_ns(void)
{
    return now_ns(CLOCK_REALTIME);
}

int64_t vg_thread_cpu_ns(void)
{
    return now_ns(CLOCK_THREAD_CPUTIME_ID);
}
