/* test_waiting.c - a forecast is still there when its time has come, and how it is kept. */
#include <criterion/criterion.h>
#include <math.h>

#include "stages/waiting.h"

TestSuite(waiting, .timeout = 60);

/* Fills the ring tick by tick, and looks for what was made `ahead` ticks before. */
static void check_ring(uint32_t ahead)
{
    const struct vg_waiting w = vg_waiting_plan(ahead * VG_NS_PER_S, VG_NS_PER_S);
    uint32_t made[VG_WAITING_MAX] = { 0 };

    cr_assert_eq(w.ahead, ahead);
    cr_assert_leq(w.places, VG_WAITING_MAX);
    for (uint32_t tick = 3 * ahead; tick < 6 * ahead + 30; tick++) {
        const uint32_t then = tick - ahead, wanted = then - then % w.stride;

        if (tick >= 4 * ahead + w.stride)
            cr_assert_eq(made[vg_waiting_place(&w, wanted)], wanted, "ahead %u, tick %u", ahead,
                         tick);
        if (tick % w.stride == 0)
            made[vg_waiting_place(&w, tick)] = tick;
    }
}

Test(waiting, a_forecast_is_there_when_its_time_has_come_and_until_the_next_one)
{
    for (uint32_t ahead = 1; ahead < 200; ahead++)
        check_ring(ahead);
    check_ring(600);
    check_ring(3600);
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
        cr_assert_leq(fabsf(vg_waiting_unpack(vg_waiting_pack(z)) - z), VG_WAITING_UNIT / 2);
    cr_expect_eq(vg_waiting_pack(1e9f), INT16_MAX);
    cr_expect_eq(vg_waiting_pack(-1e9f), VG_WAITING_NOTHING + 1);
    cr_expect_eq(vg_waiting_pack(INFINITY), INT16_MAX);
    cr_expect_eq(vg_waiting_pack(-INFINITY), VG_WAITING_NOTHING + 1);
}
