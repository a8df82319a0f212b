/* test_config.c - the configuration loader: what is read, and what is wrong. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/hash.h"
#include "tests/support/corpus.h"
#include "tests/support/fake_components.h"
#include "tests/support/loader.h"

TestSuite(config, .init = loader_init, .fini = loader_done, .timeout = 30);

/* ---- what is read ---- */

Test(config, a_small_file_has_its_values_and_all_defaults)
{
    loader_good(HEAD CHAIN);
    cr_assert_str_empty(loader_said());
    cr_assert_str_eq(loader.config->service.name, "unit");
    cr_assert_eq(loader.config->service.data_dir[0], '/');
    cr_assert_geq(loader.config->service.workers, 1);
    cr_assert_eq(loader.config->service.frame_rows, 64);
    cr_assert_eq(loader.config->service.log.level, 2);
    cr_assert_eq(loader.config->service.snapshot_every_ns, 5 * VG_NS_PER_S);
    cr_assert_eq(loader.config->source.ops, &fake_kafka);
    cr_assert_eq(loader.config->source.decoder, &fake_json);
    cr_assert_eq(loader.config->source.ingest.max_patients, 1000);
    cr_assert_eq(loader.config->source.ingest.late_after_ns, 30 * VG_NS_PER_S);
    cr_assert_eq(loader.config->stages_n, 2);
    cr_assert_eq(loader.config->sinks_n, 1);
    cr_assert_str_eq(loader.config->sinks[0].name, "out");
}

Test(config, nested_and_special_keys_of_service_are_read)
{
    loader_good("version: 1\n"
                "service:\n"
                "  name: s\n"
                "  data_dir: /var/lib/x\n"
                "  workers: 3\n"
                "  log: {level: debug, format: json}\n"
                "  snapshot: {every: 200ms, keep: 5}\n"
                "  shutdown: {drain_timeout: 1m}\n"
                "  on_new_cluster: fresh\n"
                "source: {type: kafka, brokers: b, topic: t, start: latest,\n"
                "         decoder: {type: json, max_bytes: 4KiB}}\n" CHAIN);
    cr_assert_str_eq(loader.config->service.data_dir, "/var/lib/x");
    cr_assert_eq(loader.config->service.workers, 3);
    cr_assert_eq(loader.config->service.log.level, 3);
    cr_assert_eq(loader.config->service.log.format, VG_LOG_JSON);
    cr_assert_eq(loader.config->service.snapshot_every_ns, 200 * VG_NS_PER_MS);
    cr_assert_eq(loader.config->service.drain_timeout_ns, 60 * VG_NS_PER_S);
    cr_assert(loader.config->service.fresh_on_new_cluster);
    cr_assert_eq(((struct fake_decoder *)loader.config->source.decoder_self)->max_bytes, 4096);
}

Test(config, profiles_inherit_and_beds_find_theirs)
{
    loader_good(HEAD CHAIN PROFILES);
    cr_assert_eq(loader.config->site.profiles_n, 2);
    cr_assert_eq(loader.config->site.profiles[1].limits.low[VG_CHANNEL_spo2], 85.0f);
    cr_assert_eq(loader.config->site.profiles[1].limits.high[VG_CHANNEL_hr], 130.0f);
    cr_assert_str_eq(vg_site_profile(&loader.config->site, "icu-a/01")->name, "copd");
    cr_assert_str_eq(vg_site_profile(&loader.config->site, "icu-a/02")->name, "adult");
    cr_assert_str_eq(vg_site_profile(&loader.config->site, "elsewhere")->name, "adult");
    cr_assert_eq(loader.config->site.wards_n, 1);
}

Test(config, beds_are_found_whatever_their_order_in_the_file)
{
    loader_good(HEAD CHAIN
                "profiles: {a: {hr: {high: 120 /min}}, b: {extends: a}}\n"
                "wards:\n  z: {beds: {\"2\": {profile: b}, \"10\": {profile: b}, \"1\": {}}}\n"
                "  icu-a: {beds: {\"9\": {profile: b}, \"07\": {profile: b}}}\n");
    cr_assert_eq(loader.config->site.beds_n, 5);
    for (uint32_t i = 0; i < loader.config->site.beds_n; i++)
        cr_assert_eq(vg_site_profile(&loader.config->site, loader.config->site.beds[i].bed),
                     &loader.config->site.profiles[loader.config->site.beds[i].profile]);
    cr_assert_str_eq(vg_site_profile(&loader.config->site, "icu-a/07")->name, "b");
    cr_assert_str_eq(vg_site_profile(&loader.config->site, "z/10")->name, "b");
    cr_assert_str_eq(vg_site_profile(&loader.config->site, "z/1")->name, "a");
    cr_assert_str_eq(vg_site_profile(&loader.config->site, "z")->name, "a");
}

Test(config, a_profile_may_extend_one_that_stands_behind_it)
{
    loader_good(HEAD CHAIN
                "profiles:\n  a: {extends: b}\n  b: {hr: {high: 2 /s}, pulseless: true}\n"
                "  c: {extends: b, pulseless: false}\n");
    cr_assert_eq(loader.config->site.profiles[0].limits.high[VG_CHANNEL_hr], 120.0f);
    cr_assert(loader.config->site.profiles[0].pulseless &&
              loader.config->site.profiles[1].pulseless);
    cr_assert_not(loader.config->site.profiles[2].pulseless);
    cr_assert_str_eq(loader.config->site.profiles[0].name, "a");
}

Test(config, rules_are_read_with_their_bounds)
{
    const struct vg_rule *r;

    loader_good(HEAD CHAIN PROFILES RULES);
    cr_assert_str_empty(loader_said());
    r = vg_site_rule(&loader.config->site, "low");
    cr_assert_eq(r->rule, VG_RULE_LIMIT);
    cr_assert_eq(r->kind, VG_ALERT_PHYSIOLOGICAL);
    cr_assert_eq(r->channel, VG_CHANNEL_spo2);
    cr_assert_eq(r->bound.origin, VG_BOUND_PROFILE_LOW);
    cr_assert(!r->bound.above);
    cr_assert_eq(r->clear.origin, VG_BOUND_PROFILE_LOW);
    cr_assert(r->clear.above);
    cr_assert_eq(r->clear.value, 2.0f);
    cr_assert_eq(r->for_ns, 10 * VG_NS_PER_S);
    cr_assert_eq(r->clear_for_ns, 15 * VG_NS_PER_S);
    cr_assert_eq(r->update_every_ns, 30 * VG_NS_PER_S);
    r = vg_site_rule(&loader.config->site, "silent");
    cr_assert_eq(r->kind, VG_ALERT_TECHNICAL);
    cr_assert_eq(r->channel, VG_CHANNEL_NONE);
    cr_assert_eq(r->longer_than_ns, 30 * VG_NS_PER_S);
    cr_assert_str_eq(r->title, "silent");
}

Test(config, an_offset_in_another_unit_is_a_difference)
{
    loader_good(
        HEAD CHAIN
        "profiles: {a: {temp: {high: 38 Cel}}}\n"
        "alert_rules:\n"
        "  hot: {priority: low, when: {channel: temp, above: \"profile.high + 9 [degF]\"}}\n");
    cr_assert_float_eq(loader.config->site.rules[0].bound.value, 5.0f, 1e-5f);
}

Test(config, conditions_bring_their_title)
{
    loader_good(HEAD CHAIN "alert_rules:\n  off: {priority: low, when: {condition: lead_off}}\n");
    cr_assert_eq(loader.config->site.rules[0].condition, VG_CONDITION_LEAD_OFF);
    cr_assert_str_eq(loader.config->site.rules[0].title, "Probe or lead off");
}

/* ---- what is wrong ---- */

Test(config, a_report_shows_the_line_and_a_caret)
{
    char expected[512];

    cr_assert_eq(loader_load(HEAD CHAIN "profiles:\n  adult:\n    hr: {hihg: 120 /min}\n"),
                 VG_E_CONFIG);
    snprintf(expected, sizeof(expected),
             "%s:11:10: error: unknown key \"hihg\"; did you mean \"high\"?\n"
             "      hr: {hihg: 120 /min}\n"
             "           ^\n",
             loader.path);
    cr_assert_str_eq(loader_said(), expected);
}

Test(config, all_problems_are_reported_in_the_order_of_the_file)
{
    cr_assert_eq(
        loader_load("version: 1\nservice: {nam: x}\nsource: {type: kafka, brokers: b, topic: t, "
                    "start: noon}\nstages: [{type: claen}]\nsinks: {out: {type: consol}}\n"),
        VG_E_CONFIG);
    loader_expect("2:1", "error: \"name\" is missing");
    loader_expect("2:11", "error: unknown key \"nam\"; did you mean \"name\"?");
    loader_expect("3:52", "error: start: expected latest or earliest");
    loader_expect("4:17", "error: unknown stage \"claen\"; did you mean \"clean\"?");
    loader_expect("5:21", "error: unknown sink \"consol\"; did you mean \"console\"?");
    cr_assert(strstr(loader.err.msg, "5 problems"), "%s", loader.err.msg);
    cr_assert_lt(strstr(loader_said(), ":3:52:"), strstr(loader_said(), ":4:17:"));
}

Test(config, no_more_than_twenty_problems_are_shown_and_the_rest_is_counted)
{
    struct vg_buf text = VG_BUF_INIT;
    int shown = 0;

    vg_buf_str(&text, HEAD CHAIN "alert_rules:\n");
    for (int i = 0; i < 30; i++)
        vg_buf_printf(&text, "  r%d: {priority: urgent, when: {stale: any, longer_than: 9s}}\n", i);
    cr_assert_eq(loader_load(text.data), VG_E_CONFIG);
    for (const char *s = loader_said(); (s = strstr(s, "error:")); s++)
        shown++;
    cr_assert_eq(shown, 20);
    cr_assert(strstr(loader_said(), "and 10 more errors"), "%s", loader_said());
    vg_buf_done(&text);
}

Test(config, keys_of_later_versions_are_named_as_such)
{
    loader_bad(HEAD CHAIN "include: []\n", "9:1",
               "error: key \"include\" is not in this version of Vigil");
}

Test(config, size_and_depth_and_bytes_are_bounded)
{
    char *big = malloc(1100000);
    char deep[200] = "version: 1\nx: ";

    memset(big, '#', 1100000);
    cr_assert_eq(loader_load_bytes(big, 1100000), VG_E_CONFIG);
    cr_assert(strstr(loader_said(), "larger than 1 MiB"), "%s", loader_said());
    free(big);
    memset(deep + strlen(deep), '[', 100);
    loader_bad(deep, "2:19", "error: nested deeper than 16 levels");
    cr_assert_eq(loader_load_bytes("version: 1\0x", 12), VG_E_CONFIG);
    loader_expect("1:11", "error: byte 0x00 is no UTF-8 text");
    loader_bad("version: \xff\n", "1:10", "error: byte 0xff is no UTF-8 text");
    cr_assert_eq(loader_load(""), VG_E_CONFIG);
}

Test(config, a_file_that_is_not_there_is_an_io_error)
{
    cr_assert_eq(vg_config_load("/nonexistent/c.yaml", &loader.config, &loader.talk, &loader.err),
                 VG_E_IO);
    cr_assert(strstr(loader.err.msg, "/nonexistent/c.yaml"));
}

#define NOBODY(more)                                                       \
    "version: 1\nservice: {name: unit}\n"                                  \
    "source: {type: kafka, brokers: localhost, topic: t, start: latest}\n" \
    "stages: [{type: clean}, {type: alert}]\nsinks:\n  nobody: {type: null}\n" more

Test(config, sinks_that_tell_nobody_are_warned_of)
{
    loader_good(NOBODY(""));
    loader_expect("6:3", "warning: nobody hears of any alert: a sink of type null drops");
    loader_good(NOBODY("  other: {type: \"null\"}\n"));
    loader_expect("6:3", "warning: nobody hears");
    loader_good(NOBODY("  out: {type: console}\n"));
    cr_assert_null(strstr(loader_said(), "nobody hears"), "%s", loader_said());
}

#define MODELS(a, b)                           \
    "models:\n"                                \
    "  fc: {type: lstm, file: " a "}\n"        \
    "  ae: {type: autoencoder, file: " b "}\n" \
    "stages:\n"                                \
    "  - {type: resample, tick: 30s}\n"        \
    "  - {type: forecast, model: fc}\n"        \
    "  - {type: alert}\n"                      \
    "sinks: {out: {type: console}}\n"

static void write_models(void)
{
    loader_write("fc", "30 2 1 0", 8);
    loader_write("ae", "30 2 0 4", 8);
    loader_write("slow", "60 2 0 4", 8);
    loader_write("wide", "30 3 0 4", 8);
}

Test(config, models_are_loaded_beside_the_file_and_planned)
{
    struct vg_layout layout;
    struct vg_planned_stage stages[3];

    write_models();
    loader_good(HEAD MODELS("fc", "ae"));
    loader_expect("6:3", "warning: no stage uses model \"ae\"");
    cr_assert_eq(loader.config->models_n, 2);
    cr_assert_str_eq(loader.config->models[1]->name, "ae");
    cr_assert_eq(vg_config_plan(loader.config, &layout, stages, &loader.err), VG_OK, "%s",
                 loader.err.msg);
    cr_assert_geq(vg_layout_find(&layout, "forecast"), VG_COL_BASE_COUNT);
    cr_assert(stages[0].emits_ticks);
    cr_assert_eq(stages[1].rows, VG_ROW_TICK);
    for (int i = 0; i < 3; i++)
        vg_planned_stage_done(&stages[i]);
}

Test(config, models_of_one_chain_must_agree)
{
    write_models();
    loader_bad(HEAD MODELS("fc", "slow"), "6:3",
               "error: model \"ae\" has other ticks than model \"fc\" in line 5");
    loader_bad(HEAD MODELS("fc", "wide"), "6:3",
               "error: model \"ae\" has other scales than model \"fc\" in line 5");
    loader_bad(HEAD MODELS("slow", "slow"), "8:28",
               "error: tick: model \"fc\" in line 5 was made for a tick of 1m, not 30s");
    loader_bad(HEAD MODELS("none", "ae"), "5:26", "error: cannot read");
}

Test(config, a_model_file_must_have_the_digest_that_is_written)
{
    write_models();
    loader_bad(HEAD MODELS("fc, sha256: 00", "ae"), "5:38",
               "error: sha256: expected 64 hexadecimal");
    loader_bad(
        HEAD MODELS("fc, sha256: 0000000000000000000000000000000000000000000000000000000000000000",
                    "ae"),
        "5:38", "error: sha256: the file is another one; its SHA-256 is");
}

Test(config, a_model_file_without_a_seal_should_be_pinned)
{
    char actual[VG_SHA256_HEX_SIZE], foreign[160], pinned[1024];

    write_models();
    loader_write("foreign", "30 2 1 0 foreign", 16);
    loader_good(HEAD MODELS("foreign", "ae"));
    loader_expect("5:26", "warning: the file carries no digest of itself, so a change would go "
                          "unnoticed; pin it with sha256: \"000000");
    snprintf(foreign, sizeof(foreign), "%s/foreign", loader.folder);
    cr_assert_eq(vg_sha256_file(foreign, actual, &loader.err), VG_OK, "%s", loader.err.msg);
    snprintf(pinned, sizeof(pinned), HEAD MODELS("foreign, sha256: %s", "ae"), actual);
    loader_good(pinned);
    cr_assert(!strstr(loader_said(), "no digest"), "%s", loader_said());
}

Test(config, rules_about_models_are_checked_against_them)
{
    write_models();
    loader_bad(
        HEAD MODELS(
            "fc", "ae") "alert_rules:\n"
                        "  a: {priority: low, when: {forecast: spo2, below: 90 %, within: 10m}}\n",
        "13:39", "error: model \"fc\" has no such channel");
    loader_bad(HEAD MODELS("fc", "ae") "alert_rules:\n"
                                       "  a: {priority: low, when: {forecast: hr, below: 90 /min, "
                                       "quantile: 0.7, within: 10m}}\n",
               "13:69", "error: model \"fc\" has no such quantile");
    loader_bad(
        HEAD MODELS("fc", "ae") "alert_rules:\n"
                                "  a: {priority: low, when: {anomaly: ea, above: threshold}}\n",
        "13:38", "error: unknown model \"ea\"");
    loader_bad(
        HEAD MODELS("fc", "ae") "alert_rules:\n"
                                "  a: {priority: low, when: {anomaly: fc, above: threshold}}\n",
        "13:38", "error: model \"fc\" gives no anomaly score");
    loader_good(HEAD MODELS(
        "fc", "ae") "alert_rules:\n"
                    "  a: {priority: low, when: {anomaly: ae, above: 3.5}, clear: {below: 3}}\n"
                    "  b: {priority: low, when: {forecast: hr, above: 120 /min, within: 10m}}\n");
    cr_assert_eq(loader.config->site.rules[0].bound.value, 3.5f);
    cr_assert_eq(loader.config->site.rules[1].kind, VG_ALERT_ADVISORY);
}

Test(config, what_a_plan_refuses_is_shown_at_the_option_it_names)
{
    write_models();
    loader_bad(HEAD "models: {fc: {type: lstm, file: fc}}\n"
                    "stages: [{type: alert, rules: [a]}]\nsinks: {out: {type: console}}\n"
                    "alert_rules:\n"
                    "  a: {priority: low, when: {forecast: hr, above: 120 /min, within: 10m}}\n",
               "5:31", "error: rules: no forecast before alert");
}

Test(config, the_collection_of_files_gives_the_messages_that_each_expects)
{
    corpus_check();
}
