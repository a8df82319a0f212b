/* test_slots.c - memory and timers of one stage and shard. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "runtime/patients.h"
#include "runtime/slots.h"

static struct vg_slots *slots;

static void name(uint32_t slot, const char *id, const char *bed)
{
    struct vg_item_patient who = { .slot = slot, .ward = "icu-a" };

    snprintf(who.id, sizeof(who.id), "%s", id);
    snprintf(who.bed, sizeof(who.bed), "%s", bed);
    vg_slots_name(slots, &who);
}

static void setup(void)
{
    slots = vg_slots_new(24);
}

static void teardown(void)
{
    vg_slots_free(slots);
}

TestSuite(slots, .init = setup, .fini = teardown, .timeout = 10);

/* The ids of all timers due before `log_ns`, in the order in which they fire. */
static const char *fired(int64_t log_ns)
{
    static char text[256];
    uint32_t slot;
    int64_t due_ns;

    text[0] = '\0';
    while (vg_slots_expired(slots, log_ns, &slot, &due_ns))
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s@%lld ",
                 vg_slots_patient(slots, slot)->id, (long long)due_ns);
    return text;
}

Test(slots, memory_is_zero_at_first_sight_and_never_moves)
{
    static const char zero[24];
    char *first;

    name(1, "p1", "icu-a/1");
    first = vg_slots_memory(slots, 1);
    cr_assert_eq(memcmp(first, zero, sizeof(zero)), 0);
    memset(first, 7, sizeof(zero));
    for (uint32_t i = 2; i < 1000; i++)
        name(i, "other", "");
    cr_assert_eq(vg_slots_memory(slots, 1), (void *)first);
    cr_assert_eq(first[23], 7);
    cr_assert_eq(memcmp(vg_slots_memory(slots, 999), zero, sizeof(zero)), 0);
}

Test(slots, a_timer_fires_before_a_later_time_and_not_at_its_own)
{
    name(1, "p1", "");
    vg_slots_arm(slots, 1, 100);
    cr_assert_str_eq(fired(100), "");
    cr_assert_str_eq(fired(101), "p1@100 ");
    cr_assert_str_eq(fired(1000), "");
}

Test(slots, equal_due_times_fire_in_the_order_of_the_ids_not_of_the_slots)
{
    name(1, "zoe", "");
    name(2, "adam", "");
    name(3, "mia", "");
    vg_slots_arm(slots, 1, 50);
    vg_slots_arm(slots, 2, 50);
    vg_slots_arm(slots, 3, 50);
    vg_slots_arm(slots, 0, 50);
    cr_assert_str_eq(fired(51), "@50 adam@50 mia@50 zoe@50 ");
}

Test(slots, a_timer_moved_later_fires_once_at_the_later_time)
{
    name(1, "p1", "");
    for (int64_t due = 10; due <= 500; due += 10)
        vg_slots_arm(slots, 1, due);
    cr_assert_str_eq(fired(500), "");
    cr_assert_str_eq(fired(501), "p1@500 ");
}

Test(slots, a_timer_moved_earlier_fires_once_at_the_earlier_time)
{
    name(1, "p1", "");
    vg_slots_arm(slots, 1, 500);
    vg_slots_arm(slots, 1, 20);
    cr_assert_str_eq(fired(21), "p1@20 ");
    cr_assert_str_eq(fired(1000), "");
}

Test(slots, a_timer_disarmed_does_not_fire_and_can_be_armed_again)
{
    name(1, "p1", "");
    vg_slots_arm(slots, 1, 20);
    vg_slots_arm(slots, 1, VG_TIME_NONE);
    cr_assert_str_eq(fired(100), "");
    vg_slots_arm(slots, 1, 200);
    cr_assert_str_eq(fired(201), "p1@200 ");
}

Test(slots, forgetting_a_patient_clears_memory_and_timer)
{
    name(1, "p1", "");
    memset(vg_slots_memory(slots, 1), 9, 24);
    vg_slots_arm(slots, 1, 20);
    vg_slots_forget(slots, 1);
    cr_assert_eq(*(char *)vg_slots_memory(slots, 1), 0);
    cr_assert_str_eq(fired(100), "");
}

Test(slots, what_was_saved_comes_back_with_its_timers)
{
    struct vg_layout layout;
    struct vg_frame *f;
    struct vg_item_slab head = { .stage = "clean", .version = 3 };
    struct vg_item *item;

    vg_layout_init(&layout);
    vg_layout_finish(&layout, 4);
    f = vg_frame_new(&layout, 0);
    name(1, "p1", "");
    name(2, "p2", "");
    memset(vg_slots_memory(slots, 2), 5, 24);
    vg_slots_arm(slots, 2, 77);
    vg_slots_save(slots, &f, &layout, &head);

    teardown();
    setup();
    name(1, "p1", "");
    name(2, "p2", "");
    item = vg_frame_next_item(f, &layout, NULL);
    vg_slots_load(slots, vg_item_body(item));
    cr_assert_eq(((char *)vg_slots_memory(slots, 2))[23], 5);
    cr_assert_eq(((char *)vg_slots_memory(slots, 1))[0], 0);
    cr_assert_str_eq(fired(78), "p2@77 ");
    vg_frame_free(f);
}

Test(patients, get_slots_in_order_of_appearance_and_keep_them)
{
    struct vg_patients *p = vg_patients_new(3);
    uint32_t slot = 0;

    cr_assert_eq(vg_patients_admit(p, "b", "icu-a/1", &slot), VG_PATIENT_NEW);
    cr_assert_eq(slot, 1);
    cr_assert_eq(vg_patients_admit(p, "a", "", &slot), VG_PATIENT_NEW);
    cr_assert_eq(slot, 2);
    cr_assert_str_eq(vg_patients_at(p, 2)->ward, "none");
    cr_assert_eq(vg_patients_admit(p, "b", "icu-a/1", &slot), VG_PATIENT_KNOWN);
    cr_assert_eq(slot, 1);
    vg_patients_free(p);
}

Test(patients, a_row_without_a_bed_keeps_the_known_one_and_another_bed_moves)
{
    struct vg_patients *p = vg_patients_new(3);
    uint32_t slot = 0;

    vg_patients_admit(p, "a", "icu-a/1", &slot);
    cr_assert_eq(vg_patients_admit(p, "a", "", &slot), VG_PATIENT_KNOWN);
    cr_assert_str_eq(vg_patients_at(p, slot)->bed, "icu-a/1");
    cr_assert_eq(vg_patients_admit(p, "a", "icu-b/2", &slot), VG_PATIENT_MOVED);
    cr_assert_str_eq(vg_patients_at(p, slot)->ward, "icu-b");
    vg_patients_free(p);
}

Test(patients, who_takes_back_a_bed_that_another_one_names_is_noticed)
{
    struct vg_patients *p = vg_patients_new(4), *restored = vg_patients_new(4);
    uint32_t slot = 0;

    vg_patients_admit(p, "a", "icu-a/1", &slot);
    cr_assert_eq(vg_patients_admit(p, "b", "icu-a/1", &slot), VG_PATIENT_NEW, "a has left it");
    cr_assert_eq(vg_patients_admit(p, "b", "icu-a/1", &slot), VG_PATIENT_KNOWN);
    cr_assert(vg_patients_in_bed(p, "icu-a/1", &slot) && slot == 2);
    for (uint32_t i = 1; i < vg_patients_count(p); i++)
        vg_patients_restore(restored, vg_patients_at(p, i));
    vg_patients_free(p);
    p = restored;
    cr_assert_eq(vg_patients_admit(p, "a", "", &slot), VG_PATIENT_KNOWN);
    cr_assert_eq(vg_patients_admit(p, "a", "icu-a/1", &slot), VG_PATIENT_BACK);
    cr_assert_eq(vg_patients_admit(p, "a", "icu-a/1", &slot), VG_PATIENT_KNOWN);
    cr_assert_eq(vg_patients_admit(p, "b", "icu-a/1", &slot), VG_PATIENT_BACK);
    cr_assert_eq(vg_patients_admit(p, "a", "icu-a/2", &slot), VG_PATIENT_MOVED);
    cr_assert_eq(vg_patients_admit(p, "b", "icu-a/1", &slot), VG_PATIENT_KNOWN);
    vg_patients_free(p);
}

Test(patients, beyond_the_maximum_are_refused_and_the_rest_goes_on)
{
    struct vg_patients *p = vg_patients_new(200);
    char id[16];
    uint32_t slot = 0;

    for (int i = 0; i < 200; i++) {
        snprintf(id, sizeof(id), "p%d", i);
        cr_assert_eq(vg_patients_admit(p, id, "", &slot), VG_PATIENT_NEW);
    }
    cr_assert_eq(vg_patients_admit(p, "one-more", "", &slot), VG_PATIENT_FULL);
    cr_assert_eq(vg_patients_admit(p, "p199", "", &slot), VG_PATIENT_KNOWN);
    cr_assert_eq(slot, 200);
    vg_patients_free(p);
}
