/* test_components.c - what every component of the registry must do, whoever wrote it.
 *
 * Stages run here with rows of pseudo-random values and qualities, after the plans of the stages
 * before them, with two small models and a site that has a rule of every kind. An option `model`
 * gets the model that the stage accepts; other options have their defaults.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/config.h"
#include "runtime/registry.h"
#include "tests/support/capture.h"
#include "tests/support/corpus.h"

TestSuite(components, .timeout = 60);

/* ---- counting allocations (the linker sends calls here, see tests/CMakeLists.txt) ---- */

static bool counting;
static unsigned allocations;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t align, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t align, size_t n);

void *__wrap_malloc(size_t n)
{
    allocations += counting;
    return __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    allocations += counting;
    return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    allocations += counting;
    return __real_realloc(p, n);
}

void *__wrap_aligned_alloc(size_t align, size_t n)
{
    allocations += counting;
    return __real_aligned_alloc(align, n);
}

/* ---- every component ---- */

/* A component of any kind, as far as all kinds are alike. */
struct component {
    const char *kind, *file, *name, *summary;
    const struct vg_option *options;
    size_t self_size;
};

static const char *const files[] = {
#define VG_SOURCE(file)  #file,
#define VG_DECODER(file) #file,
#define VG_STAGE(file)   #file,
#define VG_MODEL(file)   #file,
#define VG_SINK(file)    #file,
#include "components.def"
#undef VG_SOURCE
#undef VG_DECODER
#undef VG_STAGE
#undef VG_MODEL
#undef VG_SINK
};

enum { COMPONENTS_MAX = 64 };

static struct component components[COMPONENTS_MAX];
static size_t components_n;

#define COLLECT(kind_)                                                      \
    for (size_t i = 0; vg_##kind_##s[i]; i++) {                             \
        cr_assert_lt(components_n, COMPONENTS_MAX);                         \
        components[components_n++] =                                        \
            (struct component){ .kind = #kind_,                             \
                                .name = vg_##kind_##s[i]->name,             \
                                .summary = vg_##kind_##s[i]->summary,       \
                                .options = vg_##kind_##s[i]->options,       \
                                .self_size = vg_##kind_##s[i]->self_size }; \
    }

/* In no particular order of kinds; a name says which file is its own. */
static void collect(void)
{
    components_n = 0;
    COLLECT(source)
    COLLECT(decoder)
    COLLECT(stage)
    COLLECT(sink)
    for (size_t i = 0; vg_models[i]; i++)
        components[components_n++] = (struct component){ .kind = "model",
                                                         .name = vg_models[i]->name,
                                                         .summary = vg_models[i]->summary };
}

static bool ends_with_period(const char *s)
{
    return s && s[0] && s[strlen(s) - 1] == '.';
}

Test(components, each_has_the_name_of_its_file_and_a_summary)
{
    collect();
    cr_assert_eq(components_n, VG_ARRAY_LEN(files));
    for (size_t i = 0; i < components_n; i++) {
        const struct component *c = &components[i];
        bool found = false;

        for (size_t f = 0; f < VG_ARRAY_LEN(files); f++) {
            const char *file = files[f];

            if (strcmp(c->kind, "decoder") == 0 && strncmp(file, "decode_", 7) == 0)
                file += 7;
            found |= strcmp(file, c->name) == 0;
        }
        cr_assert(found, "no line of components.def has a file for %s %s", c->kind, c->name);
        cr_assert(ends_with_period(c->summary), "summary of %s %s", c->kind, c->name);
    }
}

static bool numeric(const struct vg_option *o)
{
    return o->type == VG_OPT_INT_ || o->type == VG_OPT_FLOAT_ || o->type == VG_OPT_DURATION_ ||
           o->type == VG_OPT_SIZE_;
}

static bool scalar(const struct vg_option *o)
{
    return o->type != VG_OPT_CHANNELS_ && o->type != VG_OPT_LIST_ && o->type != VG_OPT_MAP_;
}

static void check_option(const char *name, const struct vg_option *table, const struct vg_option *o)
{
    cr_assert_eq(strspn(o->name, "abcdefghijklmnopqrstuvwxyz0123456789_."), strlen(o->name),
                 "%s: \"%s\" is not snake_case", name, o->name);
    cr_assert_eq(vg_option_find(table, o->name), o, "%s: %s is there twice", name, o->name);
    cr_assert(ends_with_period(o->help), "%s: %s has no sentence of help", name, o->name);
    cr_assert(!(o->flags & VG_OPT_REQUIRED) || !o->def, "%s: %s is required and has a default",
              name, o->name);
    cr_assert(o->type != VG_OPT_ENUM_ || (o->choices && o->choices[0]), "%s: %s", name, o->name);
    cr_assert(!numeric(o) || o->min < o->max, "%s: %s has no range", name, o->name);
    cr_assert(o->unit, "%s: %s has no unit; \"\" is for none", name, o->name);
}

static void check_values(const char *name, const struct vg_option *o, void *self)
{
    static const char *const wrong[] = { "12abc", "", " 1", "1e400", "NaN", "0x10" };
    struct vg_buf text = VG_BUF_INIT;
    struct vg_err err;

    if (o->type == VG_OPT_NODE_) {
        cr_assert(o->shape, "%s: nobody says what stands at %s", name, o->name);
        return;
    }
    vg_option_print(o, self, &text);
    cr_assert_gt(text.len, 0, "%s: %s prints as nothing", name, o->name);
    if (o->def && o->type != VG_OPT_STRING_ && scalar(o))
        cr_assert_eq(vg_option_set(o, self, text.data, &err), VG_OK,
                     "%s: the default of %s prints as %s, which it does not read", name, o->name,
                     text.data);
    vg_buf_clear(&text);
    vg_option_expected(o, &text);
    cr_assert_gt(text.len, 0, "%s: %s", name, o->name);
    vg_buf_done(&text);
    for (size_t i = 0; i < VG_ARRAY_LEN(wrong) && scalar(o) && o->type != VG_OPT_STRING_; i++) {
        cr_assert_eq(vg_option_set(o, self, wrong[i], &err), VG_E_CONFIG, "%s: %s reads \"%s\"",
                     name, o->name, wrong[i]);
        cr_assert_str_eq(err.option, o->name);
    }
}

static void check_table(const char *name, const struct vg_option *table, size_t self_size)
{
    void *self = calloc(1, self_size ? self_size : 1);

    for (const struct vg_option *o = table; o && o->type != VG_OPT_END_; o++) {
        check_option(name, table, o);
        cr_assert_lt(o->offset, self_size, "%s: %s lies outside the struct", name, o->name);
    }
    if (table)
        vg_options_default(table, self);
    for (const struct vg_option *o = table; o && o->type != VG_OPT_END_; o++)
        check_values(name, o, self);
    if (table)
        vg_options_done(table, self);
    free(self);
}

Test(components, options_are_documented_bounded_and_refuse_what_they_do_not_mean)
{
    collect();
    for (size_t i = 0; i < components_n; i++)
        check_table(components[i].name, components[i].options, components[i].self_size);
    check_table("service", vg_service_options, 4096);
    check_table("ingest", vg_ingest_options, sizeof(struct vg_ingest_config));
}

/* Loads a configuration of one line. */
static void expect_unknown(const char *line)
{
    char path[] = "/tmp/vigil-test-components-XXXXXX";
    struct vg_buf talk = VG_BUF_INIT;
    struct vg_config *config;
    struct vg_err err;
    FILE *f = fdopen(mkstemp(path), "w");

    cr_assert(f);
    fprintf(f, "version: 1\n%s\n", line);
    fclose(f);
    cr_assert_eq(vg_config_load(path, &config, &talk, &err), VG_E_CONFIG);
    unlink(path);
    cr_assert(strstr(talk.data, "unknown key \"no_such_key\""), "%s:\n%s", line, talk.data);
    vg_buf_done(&talk);
}

Test(components, unknown_keys_are_refused_by_each)
{
    char line[256];

    for (size_t i = 0; vg_sources[i]; i++) {
        snprintf(line, sizeof(line), "source: {type: %s, no_such_key: 1}", vg_sources[i]->name);
        expect_unknown(line);
    }
    for (size_t i = 0; vg_decoders[i]; i++) {
        snprintf(line, sizeof(line), "source: {decoder: {type: %s, no_such_key: 1}}",
                 vg_decoders[i]->name);
        expect_unknown(line);
    }
    for (size_t i = 0; vg_stages[i]; i++) {
        snprintf(line, sizeof(line), "stages: [{type: %s, no_such_key: 1}]", vg_stages[i]->name);
        expect_unknown(line);
    }
    for (size_t i = 0; vg_models[i]; i++) {
        snprintf(line, sizeof(line), "models: {x: {type: %s, no_such_key: 1}}", vg_models[i]->name);
        expect_unknown(line);
    }
    for (size_t i = 0; vg_sinks[i]; i++) {
        snprintf(line, sizeof(line), "sinks: {x: {type: %s, no_such_key: 1}}", vg_sinks[i]->name);
        expect_unknown(line);
    }
}

Test(components, the_collection_of_configurations_is_reported_as_each_file_expects)
{
    corpus_check();
}

Test(components, the_configurations_that_come_with_vigil_load_without_a_word)
{
    DIR *dir = opendir(VG_SOURCE_ROOT "/configs");
    struct dirent *entry;
    int loaded = 0;

    cr_assert(dir);
    while ((entry = readdir(dir))) {
        struct vg_buf talk = VG_BUF_INIT;
        struct vg_config *config;
        struct vg_err err;
        char path[512];

        if (!strstr(entry->d_name, ".yaml"))
            continue;
        snprintf(path, sizeof(path), VG_SOURCE_ROOT "/configs/%s", entry->d_name);
        cr_assert_eq(vg_config_load(path, &config, &talk, &err), VG_OK, "%s", talk.data);
        cr_assert_eq(talk.len, 0, "%s", talk.data);
        vg_config_free(config);
        vg_buf_done(&talk);
        loaded++;
    }
    closedir(dir);
    cr_assert_gt(loaded, 0);
}

Test(components, each_has_the_functions_that_its_kind_needs)
{
    for (size_t i = 0; vg_sources[i]; i++) {
        const struct vg_source_ops *o = vg_sources[i];

        cr_assert(o->open && o->start && o->poll && o->pause && o->resume && o->end && o->commit &&
                      o->close,
                  "source %s", o->name);
    }
    for (size_t i = 0; vg_decoders[i]; i++)
        cr_assert(vg_decoders[i]->decode, "decoder %s", vg_decoders[i]->name);
    for (size_t i = 0; vg_models[i]; i++)
        cr_assert(vg_models[i]->load && vg_models[i]->step && vg_models[i]->free, "model %s",
                  vg_models[i]->name);
    for (size_t i = 0; vg_sinks[i]; i++)
        cr_assert(vg_sinks[i]->open && vg_sinks[i]->deliver && vg_sinks[i]->close, "sink %s",
                  vg_sinks[i]->name);
    for (size_t i = 0; vg_stages[i]; i++) {
        const struct vg_stage_ops *o = vg_stages[i];

        cr_assert(o->plan, "stage %s", o->name);
        cr_assert_neq(!o->row, !o->wave, "stage %s must have exactly one of row and wave", o->name);
        cr_assert(!o->wave || !o->timer, "stage %s: only a stage with row has a timer", o->name);
    }
}

/* ---- decoders ---- */

static const char *const messages[] = {
    "",
    "{",
    "\xff\xfe",
    "[]",
    "{\"patient\":\"p-1\",\"time\":\"2026-03-01T12:00:00Z\",\"hr\":82,\"spo2\":97}",
    "{\"patient\":\"p-1\",\"time\":null,\"hr\":\"high\"}",
    "[{\"patient\":\"p-1\",\"hr\":1},{\"hr\":2}]",
};

Test(components, a_decoder_takes_any_bytes_without_allocating_and_keeps_nothing)
{
    for (size_t i = 0; vg_decoders[i]; i++) {
        const struct vg_decoder_ops *ops = vg_decoders[i];
        void *self = calloc(1, ops->self_size ? ops->self_size : 1);
        vg_status first[VG_ARRAY_LEN(messages)];
        size_t rows[VG_ARRAY_LEN(messages)];
        struct vg_err err;

        if (ops->options)
            vg_options_default(ops->options, self);
        if (ops->open)
            cr_assert_eq(ops->open(self, &err), VG_OK, "%s", err.msg);
        for (size_t pass = 0; pass < 2; pass++) {
            for (size_t m = 0; m < VG_ARRAY_LEN(messages); m++) {
                const struct vg_message message = { .value = (const uint8_t *)messages[m],
                                                    .len = strlen(messages[m]),
                                                    .key = (const uint8_t *)"p-1",
                                                    .key_len = 3 };
                const struct vg_decoded *decoded;
                struct vg_fault fault = { 0 };
                size_t n = 0;
                vg_status st;

                allocations = 0;
                counting = true;
                st = ops->decode(self, &message, &decoded, &n, &fault);
                counting = false;
                cr_assert_eq(allocations, 0, "decoder %s allocates for %s", ops->name, messages[m]);
                cr_assert(st == VG_OK || (st == VG_E_DECODE && fault.reason), "%s", messages[m]);
                cr_assert(pass == 0 || (first[m] == st && (st != VG_OK || rows[m] == n)),
                          "decoder %s reads %s differently the second time", ops->name,
                          messages[m]);
                first[m] = st;
                rows[m] = n;
            }
        }
        if (ops->close)
            ops->close(self);
        if (ops->options)
            vg_options_done(ops->options, self);
        free(self);
    }
}

/* ---- stages: models and site ---- */

enum { MODEL_CHANNELS = 2, HORIZONS = 2, QUANTILES = 3, WINDOW = 4, TICK_S = 10 };

static const struct vg_model_ops toy_ops;
static struct vg_model forecaster, autoencoder;
static const struct vg_model *const models[] = { &forecaster, &autoencoder };

static void toy_step(const struct vg_model *model, uint32_t n, const float *x, void *const *memory,
                     float *y, void *scratch)
{
    (void)scratch;
    for (uint32_t i = 0; i < n; i++) {
        float sum = 0.0f;

        for (uint32_t k = 0; k < model->inputs; k++)
            sum += 0.1f * x[i * model->inputs + k];
        if (model->memory_size) {
            *(float *)memory[i] = 0.5f * *(float *)memory[i] + sum;
            sum = *(float *)memory[i];
        }
        for (uint32_t k = 0; k < model->outputs; k++)
            y[i * model->outputs + k] = sum + 0.01f * (float)k;
    }
}

static const float quantiles[QUANTILES] = { 0.05f, 0.5f, 0.95f };
static const struct vg_model_ops toy_ops = { .name = "toy", .step = toy_step };

static struct vg_model toy(const char *name)
{
    struct vg_model m = { .ops = &toy_ops,
                          .channels = MODEL_CHANNELS,
                          .channel = { VG_CHANNEL_hr, VG_CHANNEL_spo2 },
                          .mean = { 80, 97 },
                          .scale = { 15, 3 },
                          .tick_ns = TICK_S * VG_NS_PER_S,
                          .scratch_size = 64 };

    snprintf(m.name, sizeof(m.name), "%s", name);
    return m;
}

static void make_models(void)
{
    forecaster = toy("forecaster");
    forecaster.inputs = 4 * MODEL_CHANNELS;
    forecaster.outputs = MODEL_CHANNELS * HORIZONS * QUANTILES;
    forecaster.memory_size = sizeof(float);
    forecaster.horizons = HORIZONS;
    forecaster.horizon_ns[0] = 60 * VG_NS_PER_S;
    forecaster.horizon_ns[1] = 600 * VG_NS_PER_S;
    forecaster.quantiles = QUANTILES;
    memcpy(forecaster.quantile, quantiles, sizeof(quantiles));
    strcpy(forecaster.features, "z,mask,age,baseline");
    autoencoder = toy("autoencoder");
    autoencoder.window = WINDOW;
    autoencoder.inputs = 2 * WINDOW * MODEL_CHANNELS;
    autoencoder.outputs = WINDOW * MODEL_CHANNELS;
    autoencoder.threshold = 0.5f;
}

static struct vg_profile profile = {
    .name = "adult",
    .limits.low_set = 1U << VG_CHANNEL_spo2,
    .limits.low[VG_CHANNEL_spo2] = 50,
};

static struct vg_rule rules[] = {
    { .name = "low",
      .title = "Low",
      .rule = VG_RULE_LIMIT,
      .channel = VG_CHANNEL_spo2,
      .bound = { VG_BOUND_PROFILE_LOW, false, 0 },
      .clear = { VG_BOUND_PROFILE_LOW, true, 2 },
      .for_ns = 5 * VG_NS_PER_S,
      .clear_for_ns = 3 * VG_NS_PER_S,
      .keep_firing_for_ns = 2 * VG_NS_PER_S,
      .update_every_ns = 30 * VG_NS_PER_S },
    { .name = "high",
      .title = "High",
      .rule = VG_RULE_LIMIT,
      .channel = VG_CHANNEL_hr,
      .bound = { VG_BOUND_FIXED, true, 200 },
      .update_every_ns = VG_NS_PER_S },
    { .name = "forecast",
      .title = "Forecast",
      .rule = VG_RULE_FORECAST,
      .kind = VG_ALERT_ADVISORY,
      .channel = VG_CHANNEL_hr,
      .bound = { VG_BOUND_FIXED, true, 120 },
      .within_ns = 600 * VG_NS_PER_S,
      .quantile = 0.5f,
      .update_every_ns = 30 * VG_NS_PER_S },
    { .name = "anomaly",
      .title = "Anomaly",
      .rule = VG_RULE_ANOMALY,
      .kind = VG_ALERT_ADVISORY,
      .channel = VG_CHANNEL_NONE,
      .model = "autoencoder",
      .bound = { VG_BOUND_MODEL, true, 0 },
      .update_every_ns = 30 * VG_NS_PER_S },
    { .name = "silent",
      .title = "Silent",
      .rule = VG_RULE_STALE,
      .kind = VG_ALERT_TECHNICAL,
      .channel = VG_CHANNEL_NONE,
      .longer_than_ns = 30 * VG_NS_PER_S,
      .update_every_ns = 30 * VG_NS_PER_S },
    { .name = "stale",
      .title = "Stale",
      .rule = VG_RULE_STALE,
      .kind = VG_ALERT_TECHNICAL,
      .channel = VG_CHANNEL_rr,
      .longer_than_ns = 9 * VG_NS_PER_S,
      .update_every_ns = 30 * VG_NS_PER_S },
};

static const struct vg_site site = {
    .profiles = &profile, .profiles_n = 1, .rules = rules, .rules_n = VG_ARRAY_LEN(rules)
};

/* ---- stages: a run ---- */

enum { STAGES_MAX = 32 };

/* A stage after those before it in components.def, whose plans have added their columns. */
struct bench {
    struct capture *c;
    struct capture *before[STAGES_MAX];
    uint32_t before_n;
    uint32_t own_first, own_end; /* columns of the stage itself */
};

/* Plans `c` on the layout so far; an option `model` gets the first model that the plan takes. */
static vg_status plan_any_model(struct capture *c)
{
    const struct vg_option *model =
        c->stage->options ? vg_option_find(c->stage->options, "model") : NULL;
    vg_status st = VG_E_CONFIG;

    if (!model)
        return capture_plan(c);
    for (size_t m = 0; m < VG_ARRAY_LEN(models) && st != VG_OK; m++) {
        capture_option(c, "model", NULL, models[m]->name);
        st = capture_plan(c);
    }
    return st;
}

static struct capture *capture_on(const struct vg_stage_ops *stage, const struct vg_plan *plan)
{
    struct capture *c = capture_new(stage);

    c->plan.site = &site;
    c->plan.models = models;
    c->plan.models_n = VG_ARRAY_LEN(models);
    if (stage->options && vg_option_find(stage->options, "tick"))
        capture_option(c, "tick", NULL, "10s");
    if (plan) {
        struct vg_layout *layout = c->plan.layout;

        *layout = *plan->layout;
        c->plan.tick_ns = plan->tick_ns;
        memcpy(c->plan.column_model, plan->column_model, sizeof(plan->column_model));
        memcpy(c->plan.column_stage, plan->column_stage, sizeof(plan->column_stage));
    }
    return c;
}

static void bench_init(struct bench *b, size_t stage)
{
    const struct vg_plan *plan = NULL;

    *b = (struct bench){ 0 };
    make_models();
    cr_assert_lt(stage, STAGES_MAX);
    for (size_t i = 0; i < stage; i++) {
        struct capture *c = capture_on(vg_stages[i], plan);

        cr_assert_eq(plan_any_model(c), VG_OK, "%s: %s", vg_stages[i]->name, c->err.msg);
        b->before[b->before_n++] = c;
        plan = &c->plan;
    }
    b->c = capture_on(vg_stages[stage], plan);
    b->own_first = b->c->layout.columns;
    cr_assert_eq(plan_any_model(b->c), VG_OK, "%s: %s", vg_stages[stage]->name, b->c->err.msg);
    b->own_end = b->c->layout.columns;
    capture_start(b->c);
    vg_buf_reserve(&b->c->out, 16 * 1024 * 1024); /* so that writing down allocates nothing */
    capture_clear(b->c);
}

static void bench_done(struct bench *b)
{
    capture_free(b->c);
    while (b->before_n > 0)
        capture_free(b->before[--b->before_n]);
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * UINT32_C(1664525) + UINT32_C(1013904223);
    return *state >> 8;
}

/* Values into the columns of the stages before, the same for the same row. */
struct filling {
    uint32_t seed, own_first;
};

static void fill_columns(struct vg_row *row, const void *arg)
{
    const struct filling *f = arg;
    uint32_t state = f->seed;

    for (uint32_t col = VG_COL_BASE_COUNT; col < f->own_first; col++) {
        float *cell = vg_row_column(row, (int)col);

        for (uint32_t i = 0; i < row->layout->column[col].width; i++)
            cell[i] = (float)(next_random(&state) % 3000) / 1000.0f;
    }
}

static struct capture_row random_row(const char *patient, uint32_t seed, int64_t log_ns,
                                     uint32_t kinds)
{
    struct capture_row r = capture_row(patient, log_ns);
    uint32_t state = seed;

    r.offset = log_ns / VG_NS_PER_MS;
    r.kind = kinds & VG_ROW_TICK && (!(kinds & VG_ROW_SAMPLE) || next_random(&state) % 4 == 0)
                 ? VG_ROW_TICK
                 : VG_ROW_SAMPLE;
    if (r.kind == VG_ROW_TICK)
        r.event_ns = log_ns - log_ns % (TICK_S * VG_NS_PER_S);
    if (next_random(&state) % 16 == 0)
        r.flags = VG_ROW_LATE;
    for (int c = 0; c < VG_CHANNELS; c++) {
        const struct vg_channel *ch = &vg_channels[c];
        float part = (float)(next_random(&state) % 1000) / 1000.0f;

        capture_value(&r, c, ch->low + part * (ch->high - ch->low));
        if (next_random(&state) % 2)
            capture_quality(&r, c, (enum vg_quality)(next_random(&state) % 6),
                            (enum vg_reason)(next_random(&state) % VG_REASON_COUNT));
    }
    return r;
}

static bool readable(uint8_t quality)
{
    return vg_usable(quality) || quality == VG_Q_IMPUTED;
}

/* What the stage made of a row. What lies under a value that must not be read says nothing. */
static void write_row(const struct bench *b, const struct vg_row *row, struct vg_buf *out)
{
    vg_buf_add(out, row->quality, VG_CHANNELS);
    vg_buf_add(out, row->reason, VG_CHANNELS);
    for (int c = 0; c < VG_CHANNELS; c++) {
        if (readable(row->quality[c]))
            vg_buf_add(out, &row->value[c], sizeof(float));
    }
    for (uint32_t col = b->own_first; col < b->own_end; col++)
        vg_buf_add(out, vg_row_column(row, (int)col),
                   sizeof(float) * row->layout->column[col].width);
}

enum { STEPS = 400, SILENCE = 120, SECOND_RUN = STEPS + SILENCE };

/* From second `start` on, one row each second for each of the patients named by a letter, then
 * silence. Adds what came out for those in `written` to `out`. */
static void run(struct bench *b, uint32_t start, const char *patients, const char *written,
                struct vg_buf *out)
{
    for (uint32_t step = start; step < start + STEPS; step++) {
        for (const char *p = patients; *p; p++) {
            const char id[] = { *p, '\0' };
            const uint32_t seed = step * 256 + (uint32_t)*p;
            const struct filling filling = { seed, b->own_first };
            struct capture_row row =
                random_row(id, seed, (step + 1) * VG_NS_PER_S, b->c->plan.rows);
            struct vg_row *seen;

            /* Patients come by turns, so that silence gets its timers. */
            if (step / 50 % 3 == (uint32_t)*p % 3)
                continue;
            seen = capture_send_filled(b->c, &row, fill_columns, &filling);
            if (strchr(written, *p))
                write_row(b, seen, out);
        }
    }
    capture_clock(b->c, (int64_t)(start + STEPS + SILENCE) * VG_NS_PER_S);
}

static void write_memory(const struct bench *b, const char *id, struct vg_buf *out)
{
    for (uint32_t i = 0; i < b->c->patients; i++) {
        const struct capture_patient *p = &b->c->patient[i];

        if (strcmp(p->who.id, id) != 0)
            continue;
        vg_buf_add(out, p->memory, b->c->plan.memory_size);
        vg_buf_add(out, &p->due_ns, sizeof(p->due_ns));
    }
}

/* The lines of ticks and events about the patient. */
static void write_lines(struct bench *b, const char *id, struct vg_buf *out)
{
    const char *line = capture_text(b->c);
    char mark[32];

    snprintf(mark, sizeof(mark), "\"patient\":\"%s\"", id);
    while (*line) {
        size_t n = strcspn(line, "\n");
        const char *found = memmem(line, n, mark, strlen(mark));

        if (found)
            vg_buf_add(out, line, n + 1);
        line += n + (line[n] == '\n');
    }
}

/* All that a run with these patients says about patient "a". */
static struct vg_buf bytes_of(size_t stage, const char *patients, const float *poison)
{
    struct vg_buf out = VG_BUF_INIT;
    struct bench b;

    bench_init(&b, stage);
    if (poison)
        capture_poison(b.c, *poison);
    run(&b, 0, patients, "a", &out);
    write_lines(&b, "a", &out);
    write_memory(&b, "a", &out);
    bench_done(&b);
    return out;
}

static void same_bytes(const struct vg_buf *a, const struct vg_buf *b, const char *stage,
                       const char *what)
{
    cr_assert(a->len == b->len && memcmp(a->data, b->data, a->len) == 0, "stage %s: %s", stage,
              what);
}

Test(components, a_stage_gives_the_same_bytes_for_the_same_rows)
{
    for (size_t i = 0; vg_stages[i]; i++) {
        struct vg_buf once = bytes_of(i, "a", NULL), again = bytes_of(i, "a", NULL);

        cr_assert_gt(once.len, 0);
        same_bytes(&once, &again, vg_stages[i]->name, "two runs differ");
        vg_buf_done(&once);
        vg_buf_done(&again);
    }
}

Test(components, a_stage_never_reads_what_lies_under_an_unusable_value)
{
    static const float poisons[] = { NAN, 1e30f };

    for (size_t i = 0; vg_stages[i]; i++) {
        struct vg_buf clean = bytes_of(i, "a", NULL);

        for (size_t p = 0; p < VG_ARRAY_LEN(poisons); p++) {
            struct vg_buf poisoned = bytes_of(i, "a", &poisons[p]);

            same_bytes(&clean, &poisoned, vg_stages[i]->name,
                       "what lies under a missing value reaches the output or the memory");
            vg_buf_done(&poisoned);
        }
        vg_buf_done(&clean);
    }
}

Test(components, a_patient_is_alone_whoever_else_is_there)
{
    for (size_t i = 0; vg_stages[i]; i++) {
        struct vg_buf alone = bytes_of(i, "a", NULL), among = bytes_of(i, "cabd", NULL);

        same_bytes(&alone, &among, vg_stages[i]->name,
                   "the rows of other patients change what one patient gets");
        vg_buf_done(&alone);
        vg_buf_done(&among);
    }
}

Test(components, a_stage_goes_on_from_its_memory_alone)
{
    for (size_t i = 0; vg_stages[i]; i++) {
        struct vg_buf first = VG_BUF_INIT, second = VG_BUF_INIT;
        struct bench before, after;

        bench_init(&before, i);
        bench_init(&after, i);
        run(&before, 0, "ab", "", NULL);
        capture_restore(after.c, before.c);
        capture_clear(before.c);
        run(&before, SECOND_RUN, "ab", "ab", &first);
        run(&after, SECOND_RUN, "ab", "ab", &second);
        vg_buf_str(&first, capture_text(before.c));
        vg_buf_str(&second, capture_text(after.c));
        write_memory(&before, "a", &first);
        write_memory(&after, "a", &second);
        same_bytes(&first, &second, vg_stages[i]->name,
                   "something is kept outside of the patients' memory");
        vg_buf_done(&first);
        vg_buf_done(&second);
        bench_done(&before);
        bench_done(&after);
    }
}

Test(components, a_stage_allocates_nothing_once_it_is_open)
{
    for (size_t i = 0; vg_stages[i]; i++) {
        struct bench b;

        bench_init(&b, i);
        run(&b, 0, "ab", "", NULL); /* capture makes the patients' memory */
        capture_clear(b.c);
        allocations = 0;
        counting = true;
        run(&b, SECOND_RUN, "ab", "", NULL);
        counting = false;
        cr_assert_eq(allocations, 0, "stage %s allocates in row, wave or timer: %u times",
                     vg_stages[i]->name, allocations);
        bench_done(&b);
    }
}

Test(components, a_stage_may_be_closed_though_it_was_never_planned_or_opened)
{
    for (size_t i = 0; vg_stages[i]; i++) {
        struct capture *c;

        make_models();
        capture_free(capture_new(vg_stages[i]));
        c = capture_new(vg_stages[i]);
        c->plan.site = &(const struct vg_site){ 0 };
        (void)!capture_plan(c); /* without models or columns: most refuse */
        capture_free(c);
    }
}

Test(components, a_stage_that_needs_what_is_not_there_says_so)
{
    for (size_t i = 0; vg_stages[i]; i++) {
        struct capture *c = capture_new(vg_stages[i]);
        const struct vg_option *model =
            c->stage->options ? vg_option_find(c->stage->options, "model") : NULL;

        c->plan.site = &(const struct vg_site){ 0 };
        if (model) {
            capture_option(c, "model", NULL, "nobody");
            cr_assert_eq(capture_plan(c), VG_E_CONFIG);
            cr_assert_str_eq(c->err.option, "model");
            cr_assert_gt(strlen(c->err.msg), 20);
        }
        capture_free(c);
    }
}
