/* test_config_hash.c - what changes the hash of a configuration, and the identity of a stage. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/loader.h"

TestSuite(config_hash, .init = loader_init, .fini = loader_done, .timeout = 30);

/* The hash of the text with `from` replaced by `to`. */
static void hash_with(const char *text, const char *from, const char *to, char ret[72])
{
    struct vg_buf changed = VG_BUF_INIT;
    const char *at = strstr(text, from);

    cr_assert(at, "%s", from);
    vg_buf_add(&changed, text, (size_t)(at - text));
    vg_buf_str(&changed, to);
    vg_buf_str(&changed, at + strlen(from));
    loader_good(changed.data);
    snprintf(ret, 72, "%s", loader.config->hash);
    vg_buf_done(&changed);
}

static const char hashed[] = "version: 1\n"
                             "service: {name: unit, workers: 2}\n"
                             "source: {type: kafka, brokers: b, topic: t, start: latest}\n"
                             "stages:\n"
                             "  - {type: clean, max_step: {hr: 60 /min, spo2: 15 %}}\n"
                             "  - {type: resample}\n"
                             "  - {type: alert}\n"
                             "sinks:\n"
                             "  out: {type: console}\n" PROFILES RULES;

static const struct {
    const char *from, *to;
} same[] = {
    { "version: 1\n", "# a comment\nversion: 1\n" },
    { "workers: 2", "workers: 4" },
    { "workers: 2", "workers: 2, frame_rows: 7, log: {level: debug}" },
    { "workers: 2", "workers: 2, data_dir: /elsewhere, snapshot: {every: 200ms}" },
    { "{name: unit, workers: 2}", "{workers: 2, name: \"unit\"}" },
    { "brokers: b", "brokers: another:9092, group: g" },
    { "start: latest", "start: earliest" },
    { "start: latest", "start: latest, decoder: {type: json, max_bytes: 65536}" },
    { "start: latest", "start: latest, max_ahead: 5000ms, clock: device" },
    { "{hr: 60 /min, spo2: 15 %}", "{spo2: 15 %, hr: 1 /s}" },
    { "type: resample", "type: resample, tick: 30s" },
    { "out: {type: console}", "out: {type: file, path: x}" },
    { "for: 10s", "for: 10000ms" },
    { "for: 10s", "keep_firing_for: 0\n    for: 10s" },
    { "extends: adult, spo2: {low: 85 %}", "spo2: {low: 85 %}, extends: adult" },
}, other[] = {
    { "name: unit", "name: other" },
    { "topic: t", "topic: u" },
    { "start: latest", "start: latest, clock: record" },
    { "start: latest", "start: latest, max_ahead: 6s" },
    { "start: latest", "start: latest, late_after: 6s" },
    { "start: latest", "start: latest, max_patients: 7" },
    { "start: latest", "start: latest, cluster: x" },
    { "start: latest", "start: latest, decoder: {type: json, max_bytes: 4KiB}" },
    { "15 %", "16 %" },
    { "type: resample", "type: resample, tick: 20s" },
    { "  - {type: resample}\n", "" },
    { "low: 90 %", "low: 91 %" },
    { "{profile: copd}", "{profile: adult}" },
    { "{profile: copd}",
      "{profile: copd, limits: {author: a, reason: b, spo2: {low: 80 %}}}" },
    { "icu-a:", "icu-b:" },
    { "title: SpO2 low", "title: SpO2 very low" },
    { "priority: high", "priority: medium" },
    { "for: 10s", "for: 11s" },
    { "for: 10s", "for: 10s\n    update_every: 20s" },
    { "for: 15s", "for: 16s" },
    { "+ 2 %", "+ 3 %" },
    { "longer_than: 30s", "longer_than: 31s" },
};

Test(config_hash, the_hash_stays_when_no_event_can_change)
{
    char before[72], after[72];

    hash_with(hashed, "", "", before);
    cr_assert_eq(strlen(before), 71);
    cr_assert_eq(strncmp(before, "sha256:", 7), 0);
    for (size_t i = 0; i < VG_ARRAY_LEN(same); i++) {
        hash_with(hashed, same[i].from, same[i].to, after);
        cr_assert_str_eq(after, before, "%s -> %s", same[i].from, same[i].to);
    }
}

Test(config_hash, the_hash_changes_with_everything_that_can_change_an_event)
{
    char before[72], after[72];

    hash_with(hashed, "", "", before);
    for (size_t i = 0; i < VG_ARRAY_LEN(other); i++) {
        hash_with(hashed, other[i].from, other[i].to, after);
        cr_assert_str_neq(after, before, "%s -> %s", other[i].from, other[i].to);
    }
}

Test(config_hash, the_identity_of_a_stage_follows_its_own_options_and_of_alert_everything)
{
    uint8_t before[3][32];
    char hash[72];

    hash_with(hashed, "", "", hash);
    for (int i = 0; i < 3; i++)
        memcpy(before[i], loader.config->stages[i].identity, 32);
    hash_with(hashed, "15 %", "16 %", hash);
    cr_assert_neq(memcmp(before[0], loader.config->stages[0].identity, 32), 0);
    cr_assert_eq(memcmp(before[1], loader.config->stages[1].identity, 32), 0);
    cr_assert_neq(memcmp(before[2], loader.config->stages[2].identity, 32), 0);
    hash_with(hashed, "workers: 2", "workers: 3", hash);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(memcmp(before[i], loader.config->stages[i].identity, 32), 0);
}
