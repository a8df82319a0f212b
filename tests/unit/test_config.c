/* test_config.c - the configuration loader, with components of its own in place of the registry.
 *
 * The components here have the names and options of real ones, so that the files in configs/ mean
 * the same to both; a model file is one line of text: tick in s, scale, horizons, window, and
 * behind them a word when it has no seal.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/config.h"
#include "runtime/hash.h"
#include "runtime/registry.h"
#include "tests/support/corpus.h"

/* ---- components ---- */

struct fake_source {
    char *brokers, *topic, *start, *group, *password;
};

static vg_status check_source(void *self, struct vg_err *err)
{
    const struct fake_source *s = self;

    if (strcmp(s->start, "latest") == 0 || strcmp(s->start, "earliest") == 0)
        return VG_OK;
    return vg_fail_option(err, VG_E_CONFIG, "start", "start: expected latest or earliest");
}

static const struct vg_option source_options[] = {
    VG_OPT_STRING(struct fake_source, brokers, "brokers", NULL, VG_OPT_REQUIRED, "Where."),
    VG_OPT_STRING(struct fake_source, topic, "topic", NULL, VG_OPT_REQUIRED | VG_OPT_EVENTS,
                  "Which."),
    VG_OPT_STRING(struct fake_source, start, "start", NULL, VG_OPT_REQUIRED, "From."),
    VG_OPT_STRING(struct fake_source, group, "group", NULL, 0, "Group."),
    VG_OPT_STRING(struct fake_source, password, "password", NULL, VG_OPT_SECRET, "Secret."),
    VG_OPT_END,
};
static const struct vg_source_ops kafka = { .name = "kafka",
                                            .options = source_options,
                                            .self_size = sizeof(struct fake_source),
                                            .check = check_source };

struct fake_decoder {
    uint64_t max_bytes;
};

static const struct vg_option decoder_options[] = {
    VG_OPT_SIZE(struct fake_decoder, max_bytes, "max_bytes", "64KiB", 1, 1048576, 0, "Most."),
    VG_OPT_END,
};
static const struct vg_decoder_ops json = { .name = "json",
                                            .options = decoder_options,
                                            .self_size = sizeof(struct fake_decoder) };

struct fake_stage {
    struct vg_channel_values max_step;
    int64_t tick_ns;
    char *model;
    struct vg_strings rules;
    char *planned; /* made by plan, freed by close: LeakSanitizer sees whether it was called */
};

static void close_stage(void *self)
{
    struct fake_stage *s = self;

    free(s->planned);
}

static vg_status plan_clean(void *self, struct vg_plan *plan, struct vg_err *err)
{
    struct fake_stage *s = self;

    (void)err;
    s->planned = strdup("");
    plan->rows = VG_ROW_SAMPLE;
    plan->memory_size = 16;
    return VG_OK;
}

static vg_status plan_resample(void *self, struct vg_plan *plan, struct vg_err *err)
{
    const struct fake_stage *s = self;

    (void)err;
    plan->rows = VG_ROW_SAMPLE;
    plan->emits_ticks = true;
    plan->tick_ns = s->tick_ns;
    return VG_OK;
}

static vg_status plan_forecast(void *self, struct vg_plan *plan, struct vg_err *err)
{
    struct fake_stage *s = self;
    int column;

    s->planned = strdup("");
    plan->rows = VG_ROW_TICK;
    if (!vg_plan_model(plan, s->model))
        return vg_fail_option(err, VG_E_CONFIG, "model", "model: which?");
    return vg_plan_add_column(plan, "forecast", 4, vg_plan_model(plan, s->model), &column, err);
}

static vg_status plan_alert(void *self, struct vg_plan *plan, struct vg_err *err)
{
    const struct fake_stage *s = self;
    int column;

    plan->rows = VG_ROW_SAMPLE | VG_ROW_TICK;
    plan->memory_size = 1500;
    for (size_t i = 0; i < s->rules.n; i++) {
        const struct vg_rule *rule = vg_site_rule(plan->site, s->rules.value[i]);

        cr_assert(rule, "the loader has checked that there is such a rule");
        if (rule->rule == VG_RULE_FORECAST &&
            vg_plan_need_column(plan, "forecast", &column, err) != VG_OK)
            return vg_fail_option(err, VG_E_CONFIG, "rules", "rules: no forecast before alert");
    }
    return VG_OK;
}

static const struct vg_option clean_options[] = {
    VG_OPT_CHANNELS(struct fake_stage, max_step, "max_step", VG_OPT_EVENTS, "Largest step."),
    VG_OPT_END,
};
static const struct vg_option resample_options[] = {
    VG_OPT_DURATION(struct fake_stage, tick_ns, "tick", "30s", 0.1, 3600, VG_OPT_EVENTS, "Grid."),
    VG_OPT_END,
};
static const struct vg_option forecast_options[] = {
    VG_OPT_STRING(struct fake_stage, model, "model", NULL, VG_OPT_REQUIRED, "Which."),
    VG_OPT_END,
};
static const struct vg_option alert_options[] = {
    VG_OPT_LIST(struct fake_stage, rules, "rules", VG_OPT_EVENTS, "Which."),
    VG_OPT_END,
};

#define STAGE(id)                                                                   \
    static const struct vg_stage_ops id = { .name = #id,                            \
                                            .options = id##_options,                \
                                            .self_size = sizeof(struct fake_stage), \
                                            .plan = plan_##id,                      \
                                            .close = close_stage }
STAGE(clean);
STAGE(resample);
STAGE(forecast);
STAGE(alert);

static const struct vg_model_ops lstm, autoencoder;

static vg_status load_model(const char *path, const struct vg_model_ops *ops, struct vg_model **ret,
                            struct vg_err *err)
{
    FILE *f = fopen(path, "re");
    struct vg_model *m = calloc(1, sizeof(*m));
    float tick = 0;
    char foreign[8];
    int n = f ? fscanf(f, "%f %f %u %u %7s", &tick, &m->scale[0], &m->horizons, &m->window, foreign)
              : 0;

    if (f)
        fclose(f);
    if (n < 4) {
        free(m);
        return vg_fail(err, VG_E_MODEL, "%s: no model", path);
    }
    m->ops = ops;
    m->sealed = n == 4;
    m->tick_ns = (int64_t)tick * VG_NS_PER_S;
    m->channels = 1;
    m->channel[0] = VG_CHANNEL_hr;
    snprintf(m->sha256, sizeof(m->sha256), "%064d", (int)m->scale[0]);
    m->horizon_ns[0] = 600 * VG_NS_PER_S;
    m->quantiles = 1;
    m->quantile[0] = 0.5f;
    *ret = m;
    return VG_OK;
}

static vg_status load_lstm(const char *path, struct vg_model **ret, struct vg_err *err)
{
    return load_model(path, &lstm, ret, err);
}

static vg_status load_autoencoder(const char *path, struct vg_model **ret, struct vg_err *err)
{
    return load_model(path, &autoencoder, ret, err);
}

static void free_model(struct vg_model *model)
{
    free(model);
}

static const struct vg_model_ops lstm = { .name = "lstm", .load = load_lstm, .free = free_model };
static const struct vg_model_ops autoencoder = { .name = "autoencoder",
                                                 .load = load_autoencoder,
                                                 .free = free_model };

struct fake_sink {
    char *path, *publish, *control;
};

static const struct vg_option file_options[] = {
    VG_OPT_STRING(struct fake_sink, path, "path", NULL, VG_OPT_REQUIRED, "Where."),
    VG_OPT_END,
};
static const struct vg_option zeromq_options[] = {
    VG_OPT_STRING(struct fake_sink, publish, "publish", NULL, VG_OPT_REQUIRED, "Where."),
    VG_OPT_STRING(struct fake_sink, control, "control", NULL, 0, "Where."),
    VG_OPT_END,
};
static const struct vg_sink_ops console = { .name = "console" };
static const struct vg_sink_ops file = { .name = "file",
                                         .options = file_options,
                                         .self_size = sizeof(struct fake_sink) };
static const struct vg_sink_ops zeromq = { .name = "zeromq",
                                           .options = zeromq_options,
                                           .self_size = sizeof(struct fake_sink) };

const struct vg_source_ops *const vg_sources[] = { &kafka, NULL };
const struct vg_decoder_ops *const vg_decoders[] = { &json, NULL };
const struct vg_stage_ops *const vg_stages[] = { &clean, &resample, &forecast, &alert, NULL };
const struct vg_model_ops *const vg_models[] = { &lstm, &autoencoder, NULL };
static const struct vg_sink_ops null = { .name = "null", .drops = true };
const struct vg_sink_ops *const vg_sinks[] = { &console, &file, &zeromq, &null, NULL };

#define FIND(kind)                                                             \
    const struct vg_##kind##_ops *vg_##kind##_find(const char *name)           \
    {                                                                          \
        for (const struct vg_##kind##_ops *const *c = vg_##kind##s; *c; c++) { \
            if (strcmp((*c)->name, name) == 0)                                 \
                return *c;                                                     \
        }                                                                      \
        return NULL;                                                           \
    }

FIND(source)
FIND(decoder)
FIND(stage)
FIND(model)
FIND(sink)

/* ---- loading text ---- */

static char folder[] = "/tmp/vigil-test-config-XXXXXX";
static char path[128];
static struct vg_config *config;
static struct vg_buf talk;
static struct vg_err err;

static void setup(void)
{
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/c.yaml", folder);
}

static void teardown(void)
{
    char command[160];

    vg_config_free(config);
    config = NULL;
    vg_buf_done(&talk);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(config, .init = setup, .fini = teardown, .timeout = 30);

static void write_file(const char *name, const void *bytes, size_t n)
{
    char full[160];
    FILE *f;

    snprintf(full, sizeof(full), "%s/%s", folder, name);
    f = fopen(full, "we");
    cr_assert(f);
    cr_assert_eq(fwrite(bytes, 1, n, f), n);
    cr_assert_eq(fclose(f), 0);
    cr_assert_eq(chmod(full, 0600), 0);
}

static vg_status load_bytes(const void *bytes, size_t n)
{
    vg_config_free(config);
    config = NULL;
    vg_buf_clear(&talk);
    write_file("c.yaml", bytes, n);
    return vg_config_load(path, &config, &talk, &err);
}

static vg_status load(const char *text)
{
    return load_bytes(text, strlen(text));
}

static const char *said(void)
{
    return talk.data ? talk.data : "";
}

static void good(const char *text)
{
    cr_assert_eq(load(text), VG_OK, "%s\n%s", err.msg, said());
}

/* The report must have "path:PLACE: TEXT" at the start of a line. */
static void expect(const char *place, const char *text)
{
    char line[512];

    snprintf(line, sizeof(line), "%s:%s: %s", path, place, text);
    cr_assert(strstr(said(), line), "expected \"%s\" in:\n%s", line, said());
}

static void bad(const char *text, const char *place, const char *message)
{
    cr_assert_eq(load(text), VG_E_CONFIG, "%s", text);
    cr_assert_null(config);
    expect(place, message);
}

#define HEAD                  \
    "version: 1\n"            \
    "service: {name: unit}\n" \
    "source: {type: kafka, brokers: b, topic: t, start: latest}\n"
#define CHAIN             \
    "stages:\n"           \
    "  - {type: clean}\n" \
    "  - {type: alert}\n" \
    "sinks:\n"            \
    "  out: {type: console}\n"
#define PROFILES                                                         \
    "profiles:\n"                                                        \
    "  adult: {spo2: {low: 90 %}, hr: {low: 50 /min, high: 130 /min}}\n" \
    "  copd: {extends: adult, spo2: {low: 85 %}}\n"                      \
    "wards:\n"                                                           \
    "  icu-a: {name: Intensive, beds: {\"01\": {profile: copd}, \"02\": {}}}\n"
#define RULES                                           \
    "alert_rules:\n"                                    \
    "  low:\n"                                          \
    "    title: SpO2 low\n"                             \
    "    priority: high\n"                              \
    "    when: {channel: spo2, below: profile.low}\n"   \
    "    for: 10s\n"                                    \
    "    clear: {above: profile.low + 2 %, for: 15s}\n" \
    "  silent: {priority: medium, technical: true, when: {stale: any, longer_than: 30s}}\n"

/* ---- what is read ---- */

Test(config, a_small_file_has_its_values_and_all_defaults)
{
    good(HEAD CHAIN);
    cr_assert_str_empty(said());
    cr_assert_str_eq(config->service.name, "unit");
    cr_assert_eq(config->service.data_dir[0], '/');
    cr_assert_geq(config->service.workers, 1);
    cr_assert_eq(config->service.frame_rows, 64);
    cr_assert_eq(config->service.log.level, 2);
    cr_assert_eq(config->service.snapshot_every_ns, 5 * VG_NS_PER_S);
    cr_assert_eq(config->source.ops, &kafka);
    cr_assert_eq(config->source.decoder, &json);
    cr_assert_eq(config->source.ingest.max_patients, 1000);
    cr_assert_eq(config->source.ingest.late_after_ns, 30 * VG_NS_PER_S);
    cr_assert_eq(config->stages_n, 2);
    cr_assert_eq(config->sinks_n, 1);
    cr_assert_str_eq(config->sinks[0].name, "out");
}

Test(config, nested_and_special_keys_of_service_are_read)
{
    good("version: 1\n"
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
    cr_assert_str_eq(config->service.data_dir, "/var/lib/x");
    cr_assert_eq(config->service.workers, 3);
    cr_assert_eq(config->service.log.level, 3);
    cr_assert_eq(config->service.log.format, VG_LOG_JSON);
    cr_assert_eq(config->service.snapshot_every_ns, 200 * VG_NS_PER_MS);
    cr_assert_eq(config->service.drain_timeout_ns, 60 * VG_NS_PER_S);
    cr_assert(config->service.fresh_on_new_cluster);
    cr_assert_eq(((struct fake_decoder *)config->source.decoder_self)->max_bytes, 4096);
}

Test(config, profiles_inherit_and_beds_find_theirs)
{
    good(HEAD CHAIN PROFILES);
    cr_assert_eq(config->site.profiles_n, 2);
    cr_assert_eq(config->site.profiles[1].limits.low[VG_CHANNEL_spo2], 85.0f);
    cr_assert_eq(config->site.profiles[1].limits.high[VG_CHANNEL_hr], 130.0f);
    cr_assert_str_eq(vg_site_profile(&config->site, "icu-a/01")->name, "copd");
    cr_assert_str_eq(vg_site_profile(&config->site, "icu-a/02")->name, "adult");
    cr_assert_str_eq(vg_site_profile(&config->site, "elsewhere")->name, "adult");
    cr_assert_eq(config->site.wards_n, 1);
}

Test(config, beds_are_found_whatever_their_order_in_the_file)
{
    good(HEAD CHAIN "profiles: {a: {hr: {high: 120 /min}}, b: {extends: a}}\n"
                    "wards:\n  z: {beds: {\"2\": {profile: b}, \"10\": {profile: b}, \"1\": {}}}\n"
                    "  icu-a: {beds: {\"9\": {profile: b}, \"07\": {profile: b}}}\n");
    cr_assert_eq(config->site.beds_n, 5);
    for (uint32_t i = 0; i < config->site.beds_n; i++)
        cr_assert_eq(vg_site_profile(&config->site, config->site.beds[i].bed),
                     &config->site.profiles[config->site.beds[i].profile]);
    cr_assert_str_eq(vg_site_profile(&config->site, "icu-a/07")->name, "b");
    cr_assert_str_eq(vg_site_profile(&config->site, "z/10")->name, "b");
    cr_assert_str_eq(vg_site_profile(&config->site, "z/1")->name, "a");
    cr_assert_str_eq(vg_site_profile(&config->site, "z")->name, "a");
}

Test(config, a_profile_may_extend_one_that_stands_behind_it)
{
    good(HEAD CHAIN "profiles:\n  a: {extends: b}\n  b: {hr: {high: 2 /s}, pulseless: true}\n"
                    "  c: {extends: b, pulseless: false}\n");
    cr_assert_eq(config->site.profiles[0].limits.high[VG_CHANNEL_hr], 120.0f);
    cr_assert(config->site.profiles[0].pulseless && config->site.profiles[1].pulseless);
    cr_assert_not(config->site.profiles[2].pulseless);
    cr_assert_str_eq(config->site.profiles[0].name, "a");
}

Test(config, rules_are_read_with_their_bounds)
{
    const struct vg_rule *r;

    good(HEAD CHAIN PROFILES RULES);
    cr_assert_str_empty(said());
    r = vg_site_rule(&config->site, "low");
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
    r = vg_site_rule(&config->site, "silent");
    cr_assert_eq(r->kind, VG_ALERT_TECHNICAL);
    cr_assert_eq(r->channel, VG_CHANNEL_NONE);
    cr_assert_eq(r->longer_than_ns, 30 * VG_NS_PER_S);
    cr_assert_str_eq(r->title, "silent");
}

Test(config, an_offset_in_another_unit_is_a_difference)
{
    good(HEAD CHAIN
         "profiles: {a: {temp: {high: 38 Cel}}}\n"
         "alert_rules:\n"
         "  hot: {priority: low, when: {channel: temp, above: \"profile.high + 9 [degF]\"}}\n");
    cr_assert_float_eq(config->site.rules[0].bound.value, 5.0f, 1e-5f);
}

Test(config, conditions_bring_their_title)
{
    good(HEAD CHAIN "alert_rules:\n  off: {priority: low, when: {condition: lead_off}}\n");
    cr_assert_eq(config->site.rules[0].condition, VG_CONDITION_LEAD_OFF);
    cr_assert_str_eq(config->site.rules[0].title, "Probe or lead off");
}

/* ---- ${} ---- */

Test(config, variables_defaults_files_and_escapes_are_replaced_in_scalars)
{
    char text[1024];

    setenv("VIGIL_TEST_TOPIC", "from-env", 1);
    unsetenv("VIGIL_TEST_NONE");
    write_file("secret", "hunter2\n\n", 9);
    snprintf(text, sizeof(text),
             "version: 1\n# ${VIGIL_TEST_NONE} in a comment is nothing\n"
             "service: {name: unit}\n"
             "source: {type: kafka, brokers: \"${VIGIL_TEST_NONE:-localhost:9092}\", "
             "topic: \"a-${VIGIL_TEST_TOPIC}-z\", start: latest, group: \"$${x}\", "
             "password: \"${file:%s/secret}\"}\n" CHAIN,
             folder);
    good(text);
    cr_assert_str_eq(((struct fake_source *)config->source.self)->brokers, "localhost:9092");
    cr_assert_str_eq(((struct fake_source *)config->source.self)->topic, "a-from-env-z");
    cr_assert_str_eq(((struct fake_source *)config->source.self)->group, "${x}");
    cr_assert_str_eq(((struct fake_source *)config->source.self)->password, "hunter2\n");
}

Test(config, a_variable_that_is_not_set_is_an_error_where_it_stands)
{
    unsetenv("VIGIL_TEST_NONE");
    bad("version: 1\nservice: {name: unit}\n"
        "source: {type: kafka, brokers: \"a${VIGIL_TEST_NONE}\", topic: t, start: latest}\n" CHAIN,
        "3:34", "error: environment variable VIGIL_TEST_NONE is not set");
}

Test(config, a_secret_is_never_shown)
{
    char text[1024];

    write_file("secret", "hunter2", 7);
    snprintf(text, sizeof(text),
             "version: 1\nservice: {name: unit, frame_rows: \"${file:%s/secret}\"}\n"
             "source: {type: kafka, brokers: b, topic: t, start: latest, password: letmein, x: "
             "1}\n" CHAIN,
             folder);
    cr_assert_eq(load(text), VG_E_CONFIG);
    expect("2:36", "error: frame_rows: the secret is not accepted; expected: whole number");
    expect("3:79", "error: unknown key \"x\"");
    cr_assert_null(strstr(said(), "hunter2"), "%s", said());
    cr_assert_null(strstr(said(), "letmein"), "%s", said());
}

/* A file with this in it and these rights as the password; what was said of it. */
static const char *said_of_file(const char *secret, size_t n, mode_t mode)
{
    char text[1024], full[160];

    write_file("secret", secret, n);
    snprintf(full, sizeof(full), "%s/secret", folder);
    cr_assert_eq(chmod(full, mode), 0);
    snprintf(text, sizeof(text),
             "version: 1\nservice: {name: unit}\n"
             "source: {type: kafka, brokers: b, topic: t, start: latest, password: "
             "\"${file:%s}\"}\n" CHAIN,
             full);
    return load(text) == VG_OK ? "" : said();
}

Test(config, a_secret_that_others_can_read_is_refused_where_it_stands)
{
    cr_assert(strstr(said_of_file("hunter2", 7, 0640), "c.yaml:3:71: error: ${file:"), "%s",
              said());
    cr_assert(strstr(said(), "can be read or written by others; chmod 600 it"), "%s", said());
    cr_assert(strstr(said_of_file("hunter2", 7, 0604), "by others"));
    cr_assert(strstr(said_of_file("hunter2", 7, 0620), "by others"));
    cr_assert_str_empty(said_of_file("hunter2", 7, 0400));
}

Test(config, a_secret_is_text_of_at_most_64_kib)
{
    static char big[64 * 1024 + 1];

    memset(big, 'x', sizeof(big));
    cr_assert_str_empty(said_of_file(big, sizeof(big) - 1, 0600));
    cr_assert(strstr(said_of_file(big, sizeof(big), 0600), "at most 64 KiB"));
    cr_assert(strstr(said_of_file("a\0b", 3, 0600), "must be text"));
}

Test(config, a_credential_of_systemd_is_a_secret)
{
    static const char text[] = "version: 1\nservice: {name: unit}\n"
                               "source: {type: kafka, brokers: b, topic: t, start: latest, "
                               "password: \"${credential:secret}\"}\n" CHAIN;

    unsetenv("CREDENTIALS_DIRECTORY");
    bad(text, "3:71", "error: ${credential:secret}: CREDENTIALS_DIRECTORY is not set");
    write_file("secret", "hunter2\n", 8);
    setenv("CREDENTIALS_DIRECTORY", folder, 1);
    good(text);
    cr_assert_str_eq(((struct fake_source *)config->source.self)->password, "hunter2");
    cr_assert_str_empty(said());
    bad("version: 1\nservice: {name: unit}\n"
        "source: {type: kafka, brokers: b, topic: t, start: latest, "
        "password: \"${credential:../secret}\"}\n" CHAIN,
        "3:71", "error: ${credential:../secret}: needs the name of a credential");
}

Test(config, a_secret_from_a_file_has_no_place_where_it_would_be_shown)
{
    char text[1024];

    write_file("secret", "hunter2", 7);
    snprintf(
        text, sizeof(text),
        "version: 1\nservice: {name: unit}\n"
        "source: {type: kafka, brokers: b, topic: \"${file:%s/secret}\", start: latest}\n" CHAIN,
        folder);
    cr_assert_eq(load(text), VG_E_CONFIG);
    expect("3:43", "error: what a file or credential holds is a secret");
    cr_assert_null(strstr(said(), "hunter2"), "%s", said());
}

#define NOBODY(more)                                                       \
    "version: 1\nservice: {name: unit}\n"                                  \
    "source: {type: kafka, brokers: localhost, topic: t, start: latest}\n" \
    "stages: [{type: clean}, {type: alert}]\nsinks:\n  nobody: {type: null}\n" more

Test(config, sinks_that_tell_nobody_are_warned_of)
{
    good(NOBODY(""));
    expect("6:3", "warning: nobody hears of any alert: a sink of type null drops");
    good(NOBODY("  other: {type: \"null\"}\n"));
    expect("6:3", "warning: nobody hears");
    good(NOBODY("  out: {type: console}\n"));
    cr_assert_null(strstr(said(), "nobody hears"), "%s", said());
}

Test(config, a_secret_that_is_written_out_is_warned_of)
{
    good("version: 1\nservice: {name: unit}\n"
         "source: {type: kafka, brokers: b, topic: t, start: latest, password: letmein}\n" CHAIN);
    expect("3:70", "warning: password is written out: whoever can read this file knows it");
    cr_assert_null(strstr(said(), "letmein"), "%s", said());
}

/* Before options are known, and where none is: the line that is shown may hold a secret. */
Test(config, no_mistake_in_the_file_shows_a_secret_beside_it)
{
    static const char *const texts[] = {
        "version: 1\nsource: {type: kafka, password: letmein, &a x: 1, [}\n",
        "version: 1\nsource: {type: kafka, password: \"letmein\n",
        "version: 1\nsource: {type: kafka, password: 'letmein\\q', x: \"\\q\"}\n",
        "version: 1\nsource: {type: kafka, password: other, password: letmein}\n",
        "version: 1\nservice: {name: unit}\nsource: {type: kafca, password: letmein}\n" CHAIN,
        "version: 1\nservice: {name: unit}\nsource: {type: kafka, pasword: letmein}\n" CHAIN,
        "version: 1\nservice: {name: unit}\nsauce: {type: kafka, password: letmein}\n" CHAIN,
        "version: 1\nservice: {name: unit}\nsource: {type: kafka, password: [letmein]}\n" CHAIN,
        "version: 1\nservice: {name: unit}\nsource: {type: kafka, password: !letmein x}\n" CHAIN,
        "version: 1\nservice: {name: unit}\nsource: {type: kafka, password: *letmein}\n" CHAIN,
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(texts); i++) {
        cr_assert_eq(load(texts[i]), VG_E_CONFIG, "%s", texts[i]);
        cr_assert(strstr(said(), "error: "));
        cr_assert_null(strstr(said(), "letmein"), "%s", said());
    }
}

/* ---- what is wrong ---- */

Test(config, a_report_shows_the_line_and_a_caret)
{
    char expected[512];

    cr_assert_eq(load(HEAD CHAIN "profiles:\n  adult:\n    hr: {hihg: 120 /min}\n"), VG_E_CONFIG);
    snprintf(expected, sizeof(expected),
             "%s:11:10: error: unknown key \"hihg\"; did you mean \"high\"?\n"
             "      hr: {hihg: 120 /min}\n"
             "           ^\n",
             path);
    cr_assert_str_eq(said(), expected);
}

Test(config, all_problems_are_reported_in_the_order_of_the_file)
{
    cr_assert_eq(load("version: 1\nservice: {nam: x}\nsource: {type: kafka, brokers: b, topic: t, "
                      "start: noon}\nstages: [{type: claen}]\nsinks: {out: {type: consol}}\n"),
                 VG_E_CONFIG);
    expect("2:1", "error: \"name\" is missing");
    expect("2:11", "error: unknown key \"nam\"; did you mean \"name\"?");
    expect("3:52", "error: start: expected latest or earliest");
    expect("4:17", "error: unknown stage \"claen\"; did you mean \"clean\"?");
    expect("5:21", "error: unknown sink \"consol\"; did you mean \"console\"?");
    cr_assert(strstr(err.msg, "5 problems"), "%s", err.msg);
    cr_assert_lt(strstr(said(), ":3:52:"), strstr(said(), ":4:17:"));
}

Test(config, no_more_than_twenty_problems_are_shown_and_the_rest_is_counted)
{
    struct vg_buf text = VG_BUF_INIT;
    int shown = 0;

    vg_buf_str(&text, HEAD CHAIN "alert_rules:\n");
    for (int i = 0; i < 30; i++)
        vg_buf_printf(&text, "  r%d: {priority: urgent, when: {stale: any, longer_than: 9s}}\n", i);
    cr_assert_eq(load(text.data), VG_E_CONFIG);
    for (const char *s = said(); (s = strstr(s, "error:")); s++)
        shown++;
    cr_assert_eq(shown, 20);
    cr_assert(strstr(said(), "and 10 more errors"), "%s", said());
    vg_buf_done(&text);
}

Test(config, keys_of_later_versions_are_named_as_such)
{
    bad(HEAD CHAIN "include: []\n", "9:1",
        "error: key \"include\" is not in this version of Vigil");
}

Test(config, size_and_depth_and_bytes_are_bounded)
{
    char *big = malloc(1100000);
    char deep[200] = "version: 1\nx: ";

    memset(big, '#', 1100000);
    cr_assert_eq(load_bytes(big, 1100000), VG_E_CONFIG);
    cr_assert(strstr(said(), "larger than 1 MiB"), "%s", said());
    free(big);
    memset(deep + strlen(deep), '[', 100);
    bad(deep, "2:19", "error: nested deeper than 16 levels");
    cr_assert_eq(load_bytes("version: 1\0x", 12), VG_E_CONFIG);
    expect("1:11", "error: byte 0x00 is no UTF-8 text");
    bad("version: \xff\n", "1:10", "error: byte 0xff is no UTF-8 text");
    cr_assert_eq(load(""), VG_E_CONFIG);
}

Test(config, a_file_that_is_not_there_is_an_io_error)
{
    cr_assert_eq(vg_config_load("/nonexistent/c.yaml", &config, &talk, &err), VG_E_IO);
    cr_assert(strstr(err.msg, "/nonexistent/c.yaml"));
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
    write_file("fc", "30 2 1 0", 8);
    write_file("ae", "30 2 0 4", 8);
    write_file("slow", "60 2 0 4", 8);
    write_file("wide", "30 3 0 4", 8);
}

Test(config, models_are_loaded_beside_the_file_and_planned)
{
    struct vg_layout layout;
    struct vg_planned_stage stages[3];

    write_models();
    good(HEAD MODELS("fc", "ae"));
    expect("6:3", "warning: no stage uses model \"ae\"");
    cr_assert_eq(config->models_n, 2);
    cr_assert_str_eq(config->models[1]->name, "ae");
    cr_assert_eq(vg_config_plan(config, &layout, stages, &err), VG_OK, "%s", err.msg);
    cr_assert_geq(vg_layout_find(&layout, "forecast"), VG_COL_BASE_COUNT);
    cr_assert(stages[0].emits_ticks);
    cr_assert_eq(stages[1].rows, VG_ROW_TICK);
    for (int i = 0; i < 3; i++)
        vg_planned_stage_done(&stages[i]);
}

Test(config, models_of_one_chain_must_agree)
{
    write_models();
    bad(HEAD MODELS("fc", "slow"), "6:3",
        "error: model \"ae\" has other ticks than model \"fc\" in line 5");
    bad(HEAD MODELS("fc", "wide"), "6:3",
        "error: model \"ae\" has other scales than model \"fc\" in line 5");
    bad(HEAD MODELS("slow", "slow"), "8:28",
        "error: tick: model \"fc\" in line 5 was made for a tick of 1m, not 30s");
    bad(HEAD MODELS("none", "ae"), "5:26", "error: cannot read");
}

Test(config, a_model_file_must_have_the_digest_that_is_written)
{
    write_models();
    bad(HEAD MODELS("fc, sha256: 00", "ae"), "5:38", "error: sha256: expected 64 hexadecimal");
    bad(HEAD MODELS("fc, sha256: 0000000000000000000000000000000000000000000000000000000000000000",
                    "ae"),
        "5:38", "error: sha256: the file is another one; its SHA-256 is");
}

Test(config, a_model_file_without_a_seal_should_be_pinned)
{
    char actual[VG_SHA256_HEX_SIZE], foreign[160], pinned[1024];

    write_models();
    write_file("foreign", "30 2 1 0 foreign", 16);
    good(HEAD MODELS("foreign", "ae"));
    expect("5:26", "warning: the file carries no digest of itself, so a change would go "
                   "unnoticed; pin it with sha256: \"000000");
    snprintf(foreign, sizeof(foreign), "%s/foreign", folder);
    cr_assert_eq(vg_sha256_file(foreign, actual, &err), VG_OK, "%s", err.msg);
    snprintf(pinned, sizeof(pinned), HEAD MODELS("foreign, sha256: %s", "ae"), actual);
    good(pinned);
    cr_assert(!strstr(said(), "no digest"), "%s", said());
}

Test(config, rules_about_models_are_checked_against_them)
{
    write_models();
    bad(HEAD MODELS(
            "fc", "ae") "alert_rules:\n"
                        "  a: {priority: low, when: {forecast: spo2, below: 90 %, within: 10m}}\n",
        "13:39", "error: model \"fc\" has no such channel");
    bad(HEAD MODELS("fc", "ae") "alert_rules:\n"
                                "  a: {priority: low, when: {forecast: hr, below: 90 /min, "
                                "quantile: 0.7, within: 10m}}\n",
        "13:69", "error: model \"fc\" has no such quantile");
    bad(HEAD MODELS("fc", "ae") "alert_rules:\n"
                                "  a: {priority: low, when: {anomaly: ea, above: threshold}}\n",
        "13:38", "error: unknown model \"ea\"");
    bad(HEAD MODELS("fc", "ae") "alert_rules:\n"
                                "  a: {priority: low, when: {anomaly: fc, above: threshold}}\n",
        "13:38", "error: model \"fc\" gives no anomaly score");
    good(HEAD MODELS(
        "fc", "ae") "alert_rules:\n"
                    "  a: {priority: low, when: {anomaly: ae, above: 3.5}, clear: {below: 3}}\n"
                    "  b: {priority: low, when: {forecast: hr, above: 120 /min, within: 10m}}\n");
    cr_assert_eq(config->site.rules[0].bound.value, 3.5f);
    cr_assert_eq(config->site.rules[1].kind, VG_ALERT_ADVISORY);
}

Test(config, what_a_plan_refuses_is_shown_at_the_option_it_names)
{
    write_models();
    bad(HEAD "models: {fc: {type: lstm, file: fc}}\n"
             "stages: [{type: alert, rules: [a]}]\nsinks: {out: {type: console}}\n"
             "alert_rules:\n"
             "  a: {priority: low, when: {forecast: hr, above: 120 /min, within: 10m}}\n",
        "5:31", "error: rules: no forecast before alert");
}

Test(config, the_collection_of_files_gives_the_messages_that_each_expects)
{
    corpus_check();
}

/* ---- the hash ---- */

/* The hash of the text with `from` replaced by `to`. */
static void hash_with(const char *text, const char *from, const char *to, char ret[72])
{
    struct vg_buf changed = VG_BUF_INIT;
    const char *at = strstr(text, from);

    cr_assert(at, "%s", from);
    vg_buf_add(&changed, text, (size_t)(at - text));
    vg_buf_str(&changed, to);
    vg_buf_str(&changed, at + strlen(from));
    good(changed.data);
    snprintf(ret, 72, "%s", config->hash);
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

Test(config, the_hash_stays_when_no_event_can_change)
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

Test(config, the_hash_changes_with_everything_that_can_change_an_event)
{
    char before[72], after[72];

    hash_with(hashed, "", "", before);
    for (size_t i = 0; i < VG_ARRAY_LEN(other); i++) {
        hash_with(hashed, other[i].from, other[i].to, after);
        cr_assert_str_neq(after, before, "%s -> %s", other[i].from, other[i].to);
    }
}

Test(config, the_identity_of_a_stage_follows_its_own_options_and_of_alert_everything)
{
    uint8_t before[3][32];
    char hash[72];

    hash_with(hashed, "", "", hash);
    for (int i = 0; i < 3; i++)
        memcpy(before[i], config->stages[i].identity, 32);
    hash_with(hashed, "15 %", "16 %", hash);
    cr_assert_neq(memcmp(before[0], config->stages[0].identity, 32), 0);
    cr_assert_eq(memcmp(before[1], config->stages[1].identity, 32), 0);
    cr_assert_neq(memcmp(before[2], config->stages[2].identity, 32), 0);
    hash_with(hashed, "workers: 2", "workers: 3", hash);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(memcmp(before[i], config->stages[i].identity, 32), 0);
}
