/* fake_components.c - components in place of the registry's, for tests of the loader.
 *
 * They have the names and options of real ones, so that the files in configs/ mean the same to both.
 */
#include "tests/support/fake_components.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/registry.h"

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
const struct vg_source_ops fake_kafka = { .name = "kafka",
                                          .options = source_options,
                                          .self_size = sizeof(struct fake_source),
                                          .check = check_source };

static const struct vg_option decoder_options[] = {
    VG_OPT_SIZE(struct fake_decoder, max_bytes, "max_bytes", "64KiB", 1, 1048576, 0, "Most."),
    VG_OPT_END,
};
const struct vg_decoder_ops fake_json = { .name = "json",
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

        VG_CHECK(rule); /* the loader has looked */
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

static const struct vg_sink_ops null = { .name = "null", .drops = true };

const struct vg_source_ops *const vg_sources[] = { &fake_kafka, NULL };
const struct vg_decoder_ops *const vg_decoders[] = { &fake_json, NULL };
const struct vg_stage_ops *const vg_stages[] = { &clean, &resample, &forecast, &alert, NULL };
const struct vg_model_ops *const vg_models[] = { &lstm, &autoencoder, NULL };
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
