/* test_exposition.c - metrics as text, delays, and counts under labels. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

#include "runtime/exposition.h"
#include "runtime/meters.h"

static void page(struct vg_buf *out, bool openmetrics, enum vg_metric_id id,
                 const char *const *label)
{
    struct vg_exposition x = { .out = out, .openmetrics = openmetrics };

    vg_expose_family(&x, id);
    vg_expose_count(&x, label, 7);
    vg_expose_end(&x);
}

Test(exposition, a_counter_keeps_its_end_in_samples_and_loses_it_in_the_family_of_openmetrics)
{
    struct vg_buf old = VG_BUF_INIT, open = VG_BUF_INIT;

    page(&old, false, VG_METRIC_DEAD_LETTERS, &(const char *){ "schema" });
    page(&open, true, VG_METRIC_DEAD_LETTERS, &(const char *){ "schema" });
    cr_assert(strstr(old.data, "# TYPE vigil_dead_letters_total counter\n") != NULL);
    cr_assert(strstr(old.data, "# EOF") == NULL);
    cr_assert(strstr(open.data, "# TYPE vigil_dead_letters counter\n") != NULL);
    cr_assert(strstr(open.data, "\nvigil_dead_letters_total{reason=\"schema\"} 7\n# EOF\n") !=
              NULL);
    vg_buf_done(&old);
    vg_buf_done(&open);
}

Test(exposition, openmetrics_says_the_unit_of_seconds_and_bytes)
{
    struct vg_buf out = VG_BUF_INIT;

    page(&out, true, VG_METRIC_OUTBOX_SIZE, NULL);
    cr_assert(strstr(out.data, "# UNIT vigil_outbox_size_bytes bytes\n") != NULL);
    vg_buf_done(&out);
}

Test(exposition, a_label_is_escaped)
{
    struct vg_buf out = VG_BUF_INIT;

    page(&out, false, VG_METRIC_DEAD_LETTERS, &(const char *){ "a\\b\"c\nd" });
    cr_assert(strstr(out.data, "{reason=\"a\\\\b\\\"c\\nd\"} 7\n") != NULL, "%s", out.data);
    vg_buf_done(&out);
}

Test(exposition, seconds_are_exact_and_have_no_zeros_behind)
{
    struct vg_buf out = VG_BUF_INIT;
    struct vg_exposition x = { .out = &out };

    vg_expose_family(&x, VG_METRIC_CPU);
    vg_expose_ns(&x, NULL, INT64_C(1500000000));
    vg_expose_ns(&x, NULL, 0);
    vg_expose_ns(&x, NULL, INT64_C(9000000000000000001));
    vg_expose_ns(&x, NULL, -1);
    cr_assert(strstr(out.data, "total 1.5\n") != NULL);
    cr_assert(strstr(out.data, "total 0.0\n") != NULL);
    cr_assert(strstr(out.data, "total 9000000000.000000001\n") != NULL);
    cr_assert(strstr(out.data, "total -0.000000001\n") != NULL);
    vg_buf_done(&out);
}

Test(exposition, buckets_add_up_to_the_count)
{
    const int64_t bound_ns[] = { VG_NS_PER_MS, VG_NS_PER_S };
    const uint64_t count[] = { 1, 2, 4 };
    struct vg_exposed_delays d = { 2, bound_ns, count, 3 * VG_NS_PER_S };
    struct vg_buf out = VG_BUF_INIT;
    struct vg_exposition x = { .out = &out };

    vg_expose_family(&x, VG_METRIC_SINK_DELAY);
    vg_expose_delays(&x, &(const char *){ "file" }, &d);
    cr_assert(strstr(out.data, "vigil_sink_delay_seconds_bucket{sink=\"file\",le=\"0.001\"} 1\n"
                               "vigil_sink_delay_seconds_bucket{sink=\"file\",le=\"1.0\"} 3\n"
                               "vigil_sink_delay_seconds_bucket{sink=\"file\",le=\"+Inf\"} 7\n"
                               "vigil_sink_delay_seconds_sum{sink=\"file\"} 3.0\n"
                               "vigil_sink_delay_seconds_count{sink=\"file\"} 7\n") != NULL,
              "%s", out.data);
    vg_buf_done(&out);
}

Test(exposition, openmetrics_is_given_to_those_who_ask_for_it)
{
    cr_assert(not(vg_exposition_wants_openmetrics(NULL)));
    cr_assert(not(vg_exposition_wants_openmetrics("*/*")));
    cr_assert(not(vg_exposition_wants_openmetrics("text/plain;version=0.0.4")));
    cr_assert(vg_exposition_wants_openmetrics("application/openmetrics-text"));
    cr_assert(
        vg_exposition_wants_openmetrics("application/openmetrics-text;version=1.0.0;q=0.75,text/"
                                        "plain;version=0.0.4;q=0.5,*/*;q=0.1"));
    cr_assert(not(vg_exposition_wants_openmetrics(
        "application/openmetrics-text;version=1.0.0;q=0.2, text/plain;version=0.0.4;q=0.5")));
    cr_assert(not(vg_exposition_wants_openmetrics("application/openmetrics-text;q=0")));
}

Test(exposition, the_table_is_well_formed)
{
    for (int i = 0; i < VG_METRICS; i++) {
        const struct vg_metric *m = &vg_metrics[i];
        size_t n = strlen(m->name);
        bool total = n > 6 && strcmp(m->name + n - 6, "_total") == 0;

        cr_assert(eq(int, total, m->type == VG_METRIC_COUNTER), "%s", m->name);
        cr_assert(strstr(m->labels, "patient") == NULL && strstr(m->labels, "bed") == NULL);
        cr_assert(m->help[0] != '\0' && strstr(m->help, "\n") == NULL);
        for (int j = 0; j < i; j++)
            cr_assert(strcmp(m->name, vg_metrics[j].name) != 0, "%s is there twice", m->name);
    }
}

Test(meters, a_delay_is_counted_up_to_its_bound_and_one_below_zero_as_zero)
{
    struct vg_delays d = { 0 };

    vg_delays_note(&d, -5);
    vg_delays_note(&d, vg_delays_bound_ns(0));
    vg_delays_note(&d, vg_delays_bound_ns(0) + 1);
    vg_delays_note(&d, vg_delays_bound_ns(VG_DELAY_BOUNDS - 1) + 1);
    cr_assert(eq(u64, vg_meter_get(&d.bucket[0]), 2));
    cr_assert(eq(u64, vg_meter_get(&d.bucket[1]), 1));
    cr_assert(eq(u64, vg_meter_get(&d.bucket[VG_DELAY_BOUNDS]), 1));
    cr_assert(
        eq(u64, vg_meter_get(&d.sum_ns),
           (uint64_t)(2 * vg_delays_bound_ns(0) + 2 + vg_delays_bound_ns(VG_DELAY_BOUNDS - 1))));
}

Test(meters, a_sum_that_is_more_than_can_be_told_stays_at_the_most_that_can)
{
    struct vg_delays d = { 0 }, all = { 0 };

    for (int i = 0; i < 3; i++)
        vg_delays_note(&d, INT64_MAX / 2);
    cr_assert(eq(u64, vg_meter_get(&d.sum_ns), INT64_MAX));
    vg_delays_add(&all, &d);
    vg_delays_add(&all, &d);
    cr_assert(eq(u64, vg_meter_get(&all.sum_ns), INT64_MAX));
    cr_assert(eq(u64, vg_meter_get(&all.bucket[VG_DELAY_BOUNDS]), 6));
}

Test(meters, a_tally_keeps_each_set_of_labels_and_what_is_too_many_in_its_last_place)
{
    struct vg_tally t;
    char rule[16];

    vg_tally_init(&t, 2, 8);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 20; i++) {
            snprintf(rule, sizeof(rule), "r%d", i);
            vg_tally_add(&t, (const char *[]){ "icu", rule });
        }
    }
    cr_assert(eq(u32, vg_tally_used(&t), 8));
    for (int i = 0; i < 7; i++) {
        snprintf(rule, sizeof(rule), "r%d", i);
        cr_assert_str_eq(t.entry[i].label[1], rule);
        cr_assert(eq(u64, vg_meter_get(&t.entry[i].n), 3));
    }
    cr_assert_str_eq(t.entry[7].label[0], "other");
    cr_assert(eq(u64, vg_meter_get(&t.entry[7].n), 39));
    vg_tally_done(&t);
}

Test(meters, labels_that_only_meet_when_joined_are_not_the_same)
{
    struct vg_tally t;

    vg_tally_init(&t, 2, 8);
    vg_tally_add(&t, (const char *[]){ "ab", "c" });
    vg_tally_add(&t, (const char *[]){ "a", "bc" });
    cr_assert(eq(u32, vg_tally_used(&t), 2));
    vg_tally_done(&t);
}

Test(meters, what_waits_is_what_was_handed_on_and_not_yet_taken)
{
    struct vg_meters m;

    vg_meters_init(&m, 2, 2);
    vg_meter_add(&m.handed[1], 9);
    vg_meter_add(&vg_meters_stage(&m, 1, 0)->frames_in, 4);
    vg_meter_add(&vg_meters_stage(&m, 1, 0)->frames_out, 4);
    vg_meter_add(&vg_meters_stage(&m, 1, 1)->frames_in, 3);
    vg_meter_add(&vg_meters_stage(&m, 1, 1)->frames_out, 3);
    vg_meter_add(&m.taken[1], 1);
    cr_assert(eq(u64, vg_meters_waiting(&m, 1, 0), 5));
    cr_assert(eq(u64, vg_meters_waiting(&m, 1, 1), 1));
    cr_assert(eq(u64, vg_meters_waiting(&m, 1, 2), 2));
    cr_assert(eq(u64, vg_meters_waiting(&m, 0, 0), 0));
    vg_meters_done(&m);
}
