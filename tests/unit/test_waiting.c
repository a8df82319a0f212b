/* test_waiting.c - a forecast is still there when its time has come, and how it is kept. */
#include <criterion/criterion.h>
#include <math.h>

#include "stages/waiting.h"

TestSuite(waiting, .timeout = 60);

/* Fills the ring tick by tick, and looks for what was made `ahead` ticks before: at its own time, and
 * with a place more until the time of the next one. */
static void check_ring(uint32_t ahead, uint32_t spare)
{
    struct vg_waiting w = vg_waiting_plan(ahead * VG_NS_PER_S, VG_NS_PER_S);
    uint32_t made[VG_WAITING_MAX + 1] = { 0 }, place;

    cr_assert_eq(w.ahead, ahead);
    cr_assert_leq(w.places, VG_WAITING_MAX);
    w.places += spare;
    for (uint32_t tick = 3 * ahead; tick < 6 * ahead + 30; tick++) {
        const uint32_t then = tick - ahead, wanted = then - then % w.stride;

        vg_waiting_place(&w, wanted, &place);
        if (tick >= 4 * ahead + w.stride && (wanted == then || spare > 0))
            cr_assert_eq(made[place], wanted, "ahead %u, tick %u", ahead, tick);
        if (vg_waiting_place(&w, tick, &place))
            made[place] = tick;
    }
}

Test(waiting, a_forecast_is_there_when_its_time_has_come_and_until_the_next_one)
{
    for (uint32_t ahead = 1; ahead < 200; ahead++) {
        check_ring(ahead, 0);
        check_ring(ahead, 1);
    }
    check_ring(600, 0);
    check_ring(3600, 1);
}

Test(waiting, a_horizon_within_one_tick_is_the_next_tick)
{
    const struct vg_waiting w = vg_waiting_plan(10 * VG_NS_PER_S, 60 * VG_NS_PER_S);

    cr_expect_eq(w.ahead, 1);
    cr_expect_eq(w.stride, 1);
}

Test(waiting, numbers_are_kept_to_half_a_step_and_never_as_nothing)
{
    for (float z = -15.9f; z < 15.9f; z += 0.0137f)
        cr_assert_leq(fabsf(VG_WAITING_STEP * (float)vg_pack(z, VG_WAITING_STEPS) - z),
                      VG_WAITING_STEP / 2);
    cr_expect_eq(vg_pack(1e9f, VG_WAITING_STEPS), INT16_MAX);
    cr_expect_eq(vg_pack(-INFINITY, VG_WAITING_STEPS), VG_PACKED_NOTHING + 1);
}
