/* test_overlay.c - events under artefacts: what is told in time, late, in other words or not at all. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/overlay.h"

enum { SPO2 = VG_CHANNEL_spo2, HIGH = VG_PRIORITY_HIGH, MEDIUM = VG_PRIORITY_MEDIUM };
enum { SPO2_LOW, SPO2_DOUBTED, MAP_LOW, RULES }; /* rules */
enum { NEVER = -1 };

/* ---- alerts by hand ---- */

static struct vg_rule rules[] = {
    [SPO2_LOW] = { .name = "spo2_low",
                   .rule = VG_RULE_LIMIT,
                   .priority = HIGH,
                   .for_ns = 10 * VG_NS_PER_S,
                   .clear_for_ns = 5 * VG_NS_PER_S,
                   .keep_firing_for_ns = 30 * VG_NS_PER_S },
    [SPO2_DOUBTED] = { .name = "spo2_less", .rule = VG_RULE_LIMIT, .priority = MEDIUM },
    [MAP_LOW] = { .name = "map_low", .rule = VG_RULE_LIMIT, .priority = HIGH },
};
static const struct vg_config by_hand = { .site = { .rules = rules, .rules_n = RULES } };

static int64_t at(double s)
{
    return (int64_t)(s * 1e9);
}

static struct vg_alert_seen alert(uint32_t rule, int channel, uint8_t priority, double urgent_s,
                                  double end_s)
{
    return (struct vg_alert_seen){ .rule = rule,
                                   .priority = priority,
                                   .channel = channel,
                                   .start_ns = at(urgent_s) - 1,
                                   .urgent_ns = at(urgent_s),
                                   .end_ns = at(end_s) };
}

/* What is found of an event that is told at 100 s and over at 160 s, when without a gate it is told at
 * `ungated_s`, and with one `gated` is. */
static enum vg_overlay_found judge(double ungated_s, const struct vg_alert_seen *gated, size_t n)
{
    struct vg_alert_seen open = alert(SPO2_LOW, SPO2, HIGH, ungated_s, 200), seen[4];
    const struct vg_alert_list without = { &open, ungated_s >= 0 }, with = { seen, n };
    struct vg_overlay_outcome o = { .event = { .rule = SPO2_LOW,
                                               .channel = SPO2,
                                               .onset_ns = at(90),
                                               .start_ns = at(100),
                                               .until_ns = at(160) } };

    for (size_t i = 0; i < n; i++)
        seen[i] = gated[i];
    vg_overlay_judge(&by_hand, &without, &with, &o);
    return (enum vg_overlay_found)o.found;
}

static enum vg_overlay_found judge_one(double ungated_s, struct vg_alert_seen gated)
{
    return judge(ungated_s, &gated, 1);
}

TestSuite(overlay, .timeout = 120);

Test(overlay, a_limit_may_be_told_twenty_seconds_later_than_without_a_gate_and_no_more)
{
    cr_assert_eq(judge_one(110, alert(SPO2_LOW, SPO2, HIGH, 130, 200)), VG_OVERLAY_BY_LIMIT);
    cr_assert_eq(judge_one(110, alert(SPO2_LOW, SPO2, HIGH, 130.1, 200)), VG_OVERLAY_LATE);
    cr_assert_eq(judge(110, NULL, 0), VG_OVERLAY_MISSED);
    cr_assert_eq(judge_one(110, alert(MAP_LOW, SPO2, HIGH, 110, 200)), VG_OVERLAY_MISSED);
    cr_assert_eq(judge_one(110, alert(SPO2_LOW, VG_CHANNEL_hr, HIGH, 110, 200)), VG_OVERLAY_MISSED);
}

Test(overlay, what_an_artefact_alone_raised_before_the_event_is_no_measure)
{
    /* Without a gate it was told 80 s early, by what the artefact showed. */
    cr_assert_eq(judge_one(20, alert(SPO2_LOW, SPO2, HIGH, 120, 200)), VG_OVERLAY_BY_LIMIT);
    cr_assert_eq(judge_one(20, alert(SPO2_LOW, SPO2, HIGH, 121, 200)), VG_OVERLAY_LATE);
    /* Still open it tells of the event; over, it does not. */
    cr_assert_eq(judge_one(100, alert(SPO2_LOW, SPO2, HIGH, 20, 101)), VG_OVERLAY_BY_LIMIT);
    cr_assert_eq(judge_one(100, alert(SPO2_LOW, SPO2, HIGH, 20, 100)), VG_OVERLAY_MISSED);
}

Test(overlay, what_nothing_tells_without_a_gate_the_artefact_has_hidden)
{
    cr_assert_eq(judge(NEVER, NULL, 0), VG_OVERLAY_HIDDEN);
    cr_assert_eq(judge(160, NULL, 0), VG_OVERLAY_MISSED);
    cr_assert_eq(judge(161, NULL, 0), VG_OVERLAY_HIDDEN);
}

Test(overlay, a_technical_alert_counts_as_soon_as_it_is_as_loud_as_the_limit)
{
    const uint32_t stands_in = RULES + VG_CONDITION_ARTEFACT,
                   lead_off = RULES + VG_CONDITION_LEAD_OFF;
    struct vg_alert_seen both[] = { alert(stands_in, SPO2, HIGH, 115, 300),
                                    alert(SPO2_LOW, SPO2, HIGH, 119, 300) };

    cr_assert_eq(judge_one(100, alert(stands_in, SPO2, HIGH, 120, 200)), VG_OVERLAY_BY_TECHNICAL);
    cr_assert_eq(judge_one(100, alert(stands_in, SPO2, HIGH, 121, 200)), VG_OVERLAY_LATE);
    cr_assert_eq(judge_one(100, alert(stands_in, SPO2, MEDIUM, 100, 200)), VG_OVERLAY_MISSED);
    cr_assert_eq(judge_one(100, alert(lead_off, SPO2, HIGH, 100, 200)), VG_OVERLAY_MISSED);
    cr_assert_eq(judge_one(100, alert(stands_in, VG_CHANNEL_rr, HIGH, 100, 200)),
                 VG_OVERLAY_MISSED);
    cr_assert_eq(judge(100, both, 2), VG_OVERLAY_BY_LIMIT);
}

Test(overlay, an_arterial_line_is_told_of_once_for_its_three_pressures)
{
    struct vg_alert_seen open = alert(MAP_LOW, VG_CHANNEL_abp_mean, HIGH, 100, 200);
    struct vg_alert_seen told =
        alert(RULES + VG_CONDITION_ARTEFACT, VG_CHANNEL_abp_sys, HIGH, 100, 200);
    struct vg_overlay_outcome o = { .event = { .rule = MAP_LOW,
                                               .channel = VG_CHANNEL_abp_mean,
                                               .start_ns = at(100),
                                               .until_ns = at(160) } };

    vg_overlay_judge(&by_hand, &(struct vg_alert_list){ &open, 1 },
                     &(struct vg_alert_list){ &told, 1 }, &o);
    cr_assert_eq(o.found, VG_OVERLAY_BY_TECHNICAL);
    told.channel = VG_CHANNEL_nibp_sys;
    vg_overlay_judge(&by_hand, &(struct vg_alert_list){ &open, 1 },
                     &(struct vg_alert_list){ &told, 1 }, &o);
    cr_assert_eq(o.found, VG_OVERLAY_MISSED);
}

Test(overlay, an_event_is_a_limit_of_high_priority_while_its_values_are_beyond_it)
{
    struct vg_alert_seen a = alert(SPO2_LOW, SPO2, HIGH, 100, 300);
    struct vg_overlay_event event;

    a.start_ns = at(100);
    cr_assert(vg_overlay_is_event(&by_hand, &a, &event));
    cr_assert(event.onset_ns == at(90) && event.start_ns == at(100) && event.until_ns == at(265));
    a.end_ns = at(101);
    cr_assert(vg_overlay_is_event(&by_hand, &a, &event) && event.until_ns == at(100));
    a.end_ns = at(9000);
    cr_assert(vg_overlay_is_event(&by_hand, &a, &event) && event.until_ns == at(700));
    a.rule = SPO2_DOUBTED; /* escalated */
    cr_assert_not(vg_overlay_is_event(&by_hand, &a, &event));
    a.rule = RULES + VG_CONDITION_ARTEFACT;
    cr_assert_not(vg_overlay_is_event(&by_hand, &a, &event));
}

/* ---- chains ---- */

static const char configuration[] =
    "version: 1\n"
    "service: {name: overlay}\n"
    "source: {type: kafka, brokers: localhost, topic: t, decoder: json, start: latest, clock: "
    "record}\n"
    "stages: [{type: clean}, %s {type: alert}]\n"
    "alert_rules:\n"
    "  low: {priority: high, when: {channel: spo2, below: \"90 %%\"}, for: 10s}\n"
    "sinks:\n"
    "  out: {type: file, path: out.ndjson}\n";

static struct vg_config *load(const char *gate)
{
    char path[] = "/tmp/vigil-overlay-XXXXXX.yaml";
    int fd = mkstemps(path, 5);
    struct vg_buf said = VG_BUF_INIT;
    struct vg_config *ret;
    struct vg_err err;

    cr_assert_geq(fd, 0);
    cr_assert_gt(dprintf(fd, configuration, gate), 0);
    close(fd);
    cr_assert_eq(vg_config_load(path, &ret, &said, &err), VG_OK, "%s", said.data);
    unlink(path);
    vg_buf_done(&said);
    return ret;
}

enum { SECONDS = 420, FALLS_AT = 280, LASTS = 90 };

/* SpO2 falls from 97 to 85 within some seconds, and stays there for a minute and a half. */
static void make_rows(struct vg_sim_row row[SECONDS])
{
    for (int s = 0; s < SECONDS; s++) {
        int into = s - FALLS_AT;
        float heart = 80 + (float)(s % 3);

        row[s] = (struct vg_sim_row){ .patient = "p-1",
                                      .label = "w/1",
                                      .record_ns = at(1000000 + s),
                                      .device_ns = at(1000000 + s) };
        row[s].value[VG_CHANNEL_hr] = row[s].value[VG_CHANNEL_pulse] = heart;
        row[s].value[SPO2] = into < 0 || into > LASTS ? 97 : into < 6 ? 97 - 2 * (float)into : 85;
        row[s].quality[VG_CHANNEL_hr] = row[s].quality[VG_CHANNEL_pulse] = row[s].quality[SPO2] =
            VG_Q_GOOD;
    }
}

/* All artefacts over the one event of those rows. */
static void lay(const struct vg_overlay *overlay, struct vg_overlay_outcomes *ret)
{
    static struct vg_sim_row row[SECONDS];
    const struct vg_overlay_rows rows = { row, SECONDS };
    struct vg_random random = vg_random_stream(1, 1);
    struct vg_overlay_outcome what = { .patient = 7 };
    struct vg_alert_list list;
    struct vg_err err;

    make_rows(row);
    cr_assert_eq(vg_overlay_watch(&overlay->ungated, &rows, NULL, &list, &err), VG_OK);
    cr_assert_eq(list.n, 1);
    cr_assert(vg_overlay_is_event(overlay->gated, &list.seen[0], &what.event));
    cr_assert_eq(what.event.start_ns, at(1000000 + FALLS_AT + 4 + 10));
    free(list.seen);
    cr_assert_eq(vg_overlay_lay(overlay, &rows, &what, &random, ret, &err), VG_OK);
}

static uint32_t count(const struct vg_overlay_outcomes *list, enum vg_overlay_found found)
{
    uint32_t ret = 0;

    for (size_t i = 0; i < list->n; i++)
        ret += list->one[i].found == found;
    return ret;
}

Test(overlay, every_artefact_is_laid_at_every_place_and_the_gate_misses_nothing)
{
    struct vg_config *config = load("{type: artefact},");
    struct vg_overlay_outcomes all = { 0 };
    struct vg_overlay overlay;
    struct vg_err err;
    size_t kinds = 0;

    while (vg_artefact_entry(kinds))
        kinds++;
    cr_assert_eq(vg_overlay_init(&overlay, config, &err), VG_OK);
    lay(&overlay, &all);
    cr_assert_eq(all.n, kinds * VG_OVERLAY_PLACES);
    cr_assert(all.one[0].patient == 7 && all.one[all.n - 1].artefact == kinds - 1);
    cr_assert_eq(count(&all, VG_OVERLAY_MISSED) + count(&all, VG_OVERLAY_LATE), 0);
    cr_assert_gt(count(&all, VG_OVERLAY_BY_TECHNICAL), 0, "no artefact was ever withheld");
    free(all.one);
    vg_overlay_done(&overlay);
    vg_config_free(config);
}

/* What no gate may do. */
static void soothe(void *self, void *memory, struct vg_row *row, struct vg_out *out)
{
    (void)self;
    (void)memory;
    (void)out;
    if (vg_usable(row->quality[SPO2]))
        row->value[SPO2] = 97;
}

Test(overlay, a_gate_that_soothes_misses_all_that_is_told_without_it)
{
    struct vg_config *config = load("{type: artefact},"), deaf = *config;
    struct vg_stage_config stages[3];
    struct vg_stage_ops ops = *config->stages[1].ops;
    struct vg_overlay_outcomes all = { 0 };
    struct vg_overlay overlay;
    struct vg_err err;

    memcpy(stages, config->stages, sizeof(stages));
    ops.row = soothe;
    stages[1].ops = &ops;
    deaf.stages = stages;
    cr_assert_eq(vg_overlay_init(&overlay, &deaf, &err), VG_OK);
    lay(&overlay, &all);
    cr_assert_eq(count(&all, VG_OVERLAY_MISSED) + count(&all, VG_OVERLAY_HIDDEN), all.n);
    cr_assert_gt(count(&all, VG_OVERLAY_MISSED), all.n / 2);
    free(all.one);
    vg_overlay_done(&overlay);
    vg_config_free(config);
}

Test(overlay, a_chain_without_a_gate_has_nothing_to_compare)
{
    struct vg_config *config = load("");
    struct vg_overlay overlay;
    struct vg_err err;

    cr_assert_eq(vg_overlay_init(&overlay, config, &err), VG_E_CONFIG);
    cr_assert(strstr(err.msg, "no stage of type artefact"), "%s", err.msg);
    vg_overlay_done(&overlay);
    vg_config_free(config);
}
