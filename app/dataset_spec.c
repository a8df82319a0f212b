/* dataset_spec.c - which data to build: options of the sources, and their short form in a command. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/dataset.h"
#include "app/simulator.h"

/* clang-format off */
#define S struct vg_dataset_spec
const struct vg_option vg_grid_options[] = {
    VG_OPT_LIST(S, channels, "channels", 0,
                "Channels of the model, in its order (default: hr, rr, spo2, abp_sys, abp_dia, "
                "abp_mean, temp, etco2)."),
    VG_OPT_DURATION(S, tick_ns, "tick", "30s", 0.1, 86400, 0, "Distance of ticks; divides a day."),
    VG_OPT_DURATION(S, max_gap_ns, "max_gap", "10s", 0, 86400, 0,
                    "As option max_gap of stage resample."),
    VG_OPT_LIST(S, stages, "stages", 0,
                "Stages before resample, \"TYPE\" or \"TYPE KEY=VALUE ...\" (default: clean)."),
    VG_OPT_END,
};

const struct vg_option vg_dataset_options[] = {
    VG_OPT_INT(S, simulator.patients, "simulator.patients", "96", 1, VG_SIM_BEDS_MAX, "", 0,
               "Simulated patients."),
    VG_OPT_DURATION(S, simulator.duration_ns, "simulator.duration", "4h", 60, 60 * 86400.0, 0,
                    "How long each is watched."),
    VG_OPT_INT(S, simulator.seed, "simulator.seed", "1", 0, 1e15, "", 0,
               "Same seed, same patients."),
    VG_OPT_FLOAT(S, simulator.artefact_rate, "simulator.artefact_rate", "1", 0, 1000, "", 0,
                 "Random artefacts as a multiple of what is usual."),
    VG_OPT_FLOAT(S, simulator.scenario_share, "simulator.scenario_share", "0", 0, 1, "", 0,
                 "Share of patients who get into trouble once, in the middle half of the time."),
    VG_OPT_STRING(S, simulator.scenario_group, "simulator.scenario_group", NULL, 0,
                  "Only this trouble, of `vigil simulate --help`; all of them when not set."),
    VG_OPT_LIST(S, csv.files, "csv.files", VG_OPT_PATH, "Recordings, as `vigil replay` reads them."),
    VG_OPT_STRING(S, csv.map, "csv.map", NULL, VG_OPT_PATH, "What the columns of the files are."),
    VG_OPT_STRING(S, kafka.brokers, "kafka.brokers", NULL, 0, "Brokers, comma-separated."),
    VG_OPT_STRING(S, kafka.topic, "kafka.topic", NULL, 0, "Topic, read from its start to its end."),
    VG_OPT_END,
};
#undef S
/* clang-format on */

static const char *const sources[] = {
    [VG_DATA_SIMULATOR] = "simulator", [VG_DATA_CSV] = "csv", [VG_DATA_KAFKA] = "kafka"
};

void vg_dataset_spec_init(struct vg_dataset_spec *spec)
{
    *spec = (struct vg_dataset_spec){ 0 };
    vg_options_default(vg_grid_options, spec);
    vg_options_default(vg_dataset_options, spec);
}

void vg_dataset_spec_done(struct vg_dataset_spec *spec)
{
    vg_options_done(vg_grid_options, spec);
    vg_options_done(vg_dataset_options, spec);
    *spec = (struct vg_dataset_spec){ 0 };
}

int vg_dataset_source(const char *name, size_t n)
{
    for (int i = VG_DATA_SIMULATOR; i < (int)VG_ARRAY_LEN(sources); i++) {
        if (strlen(sources[i]) == n && strncmp(sources[i], name, n) == 0)
            return i;
    }
    return VG_DATA_NONE;
}

/* ---- the short form ---- */

/* The end of a value: the next comma that a "KEY=" follows, or the end of the text. A list of files
 * or brokers has commas of its own. */
static const char *value_end(const char *p)
{
    const char *comma;

    for (; (comma = strchr(p, ',')) != NULL; p = comma + 1) {
        size_t word = strspn(comma + 1, "abcdefghijklmnopqrstuvwxyz_");

        if (word > 0 && comma[1 + word] == '=')
            return comma;
    }
    return p + strlen(p);
}

static vg_status add_entries(struct vg_dataset_spec *spec, const struct vg_option *option,
                             char *value, struct vg_err *err)
{
    struct vg_option one[] = { *option, VG_OPT_END };
    char *at = NULL;
    vg_status st = VG_OK;

    vg_options_done(one, spec);
    for (char *word = strtok_r(value, ",", &at); word && st == VG_OK;
         word = strtok_r(NULL, ",", &at))
        st = vg_option_add(option, spec, NULL, word, err);
    return st;
}

static vg_status set_entry(struct vg_dataset_spec *spec, const char *text, const char *entry,
                           const char *end, struct vg_err *err)
{
    const struct vg_option *option;
    const char *equals = memchr(entry, '=', (size_t)(end - entry));
    char name[VG_NAME_SIZE], *value;
    struct vg_err why;
    vg_status st;

    snprintf(name, sizeof(name), "%s.%.*s", sources[spec->source],
             (int)((equals ? equals : end) - entry), entry);
    option = vg_option_find(vg_dataset_options, name);
    if (!equals || !option)
        return vg_fail(err, VG_E_USAGE,
                       "data \"%.200s\": \"%.*s\" is no KEY=VALUE of %s; its keys are those "
                       "that `vigil train forecast --help` lists as data.%s",
                       text, (int)(end - entry), entry, sources[spec->source],
                       sources[spec->source]);
    value = strndup(equals + 1, (size_t)(end - equals - 1));
    VG_CHECK(value != NULL);
    st = option->type == VG_OPT_LIST_ ? add_entries(spec, option, value, err)
                                      : vg_option_set(option, spec, value, err);
    free(value);
    if (st == VG_OK)
        return VG_OK;
    why = *err;
    return vg_fail(err, VG_E_USAGE, "data \"%.120s\": %.300s", text, why.msg);
}

vg_status vg_dataset_parse(struct vg_dataset_spec *spec, const char *text, struct vg_err *err)
{
    size_t n = strcspn(text, ":");
    const char *p = text + n + (text[n] == ':');
    vg_status st = VG_OK;

    spec->source = vg_dataset_source(text, n);
    if (spec->source == VG_DATA_NONE)
        return vg_fail(err, VG_E_USAGE,
                       "data \"%.200s\": expected simulator, csv:files=FILE,map=FILE or "
                       "kafka:brokers=HOST:PORT,topic=NAME",
                       text);
    while (*p && st == VG_OK) {
        const char *end = value_end(p);

        st = set_entry(spec, text, p, end, err);
        p = end + (*end == ',');
    }
    return st;
}
