/* test_overlap.c - what two shards together show is told while it goes on, and never of a patient who
 * has only gone from one place to another.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "runtime/overlap.h"

TestSuite(overlap, .timeout = 10);

static const int64_t s_ns = VG_NS_PER_S;
static struct vg_overlap o;

static void find(bool bed, uint32_t slot)
{
    vg_overlap_found(&o, bed, &(struct vg_overlap_side){ .shard = 0, .slot = slot },
                     &(struct vg_overlap_side){ .shard = 1, .slot = slot }, 100 * s_ns);
}

static void rows(uint32_t shard, int64_t from_s, int64_t to_s)
{
    for (int64_t s = from_s; s < to_s; s++)
        vg_overlap_row(&o, shard, 1, s * s_ns);
}

static void expect(int64_t s, const char *words)
{
    char text[VG_OVERLAP_TEXT];

    vg_overlap_tell(&o, s * s_ns, text);
    if (words[0])
        cr_assert(strstr(text, words), "%s", text);
    else
        cr_assert_str_eq(text, "");
}

Test(overlap, rows_of_both_are_told_until_one_has_been_silent)
{
    find(false, 1);
    rows(0, 100, 120);
    expect(120, "");
    rows(1, 100, 120);
    expect(120, "1 of the patients have rows in two partitions");
    rows(0, 120, 300);
    expect(150, "two partitions");
    expect(181, "");
}

Test(overlap, who_takes_over_a_bed_is_no_overlap)
{
    find(true, 1);
    rows(0, 100, 108);
    rows(1, 100, 400);
    expect(110, "");
    expect(400, "");
    rows(0, 400, 401);
    expect(401, "1 of the beds");
}

Test(overlap, a_pair_is_noted_once_and_forgotten_with_its_shard)
{
    for (int i = 0; i < 3; i++)
        find(true, 1);
    cr_assert_eq(o.pairs, 1);
    for (uint32_t slot = 2; slot < 2 * VG_OVERLAPS_MAX; slot++)
        find(true, slot);
    cr_assert_eq(o.pairs, VG_OVERLAPS_MAX);
    vg_overlap_drop(&o, 1);
    cr_assert_eq(o.pairs, 0);
}
