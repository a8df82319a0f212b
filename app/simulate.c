/* simulate.c - `vigil simulate`: a ward of simulated patients to Kafka or standard output. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/outlet.h"
#include "app/simulator.h"
#include "app/verbs.h"
#include "app/ward.h"
#include "core/text.h"

enum { BEDS_DEFAULT = 12, DURATION_DEFAULT_S = 1800, NOT_SAID = -1 };

struct options {
    struct vg_outlet_options outlet;
    int64_t beds, patients, seed, rows;
    char *ward, *start, *labels, *one_scenario;
    int64_t duration_ns;
    float artefact_rate, days, scenario_share;
    struct vg_strings scenario, artefact;
    int script;
};

/* clang-format off */
#define O struct options
static const struct vg_option options[] = {
    VG_OUTLET_ROWS(O),
    VG_OPT_INT(O, beds, "beds", NULL, 1, VG_SIM_BEDS_MAX, "", 0,
               "patients, one a bed; 12 unless said"),
    VG_OPT_INT(O, patients, "patients", NULL, 1, VG_SIM_BEDS_MAX, "", 0,
               "the same, for those who think of a population; instead of --beds"),
    VG_CLI_STRING(O, ward, "ward", "NAME", "icu-a", 0, "ward of the bed labels"),
    VG_OPT_INT(O, seed, "seed", "1", 0, 1e15, "", 0, "same seed and start, same bytes"),
    VG_OPT_DURATION(O, duration_ns, "duration", NULL, 0, 366 * 86400.0, 0,
                    "how long the ward is watched; 0: until interrupted; 30m unless said"),
    VG_OPT_FLOAT(O, days, "days", NULL, 0.0001, 366, "d", 0,
                 "the same in days; instead of --duration"),
    VG_CLI_STRING(O, start, "start", "TIME", NULL, 0,
                  "record time of the first row, RFC 3339 (default: now less the duration)"),
    VG_CLI_LIST(O, scenario, "scenario", "NAME@BED:START[+LENGTH]", 0, "what a patient suffers"),
    VG_CLI_LIST(O, artefact, "artefact", "NAME@BED:START[+LENGTH]", 0,
                "what a monitor gets wrong"),
    VG_OPT_FLOAT(O, artefact_rate, "artefact_rate", "0", 0, 1000, "", 0,
                 "random artefacts as a multiple of what is usual"),
    VG_CLI_STRING(O, one_scenario, "one_scenario", "GROUP", NULL, 0,
                  "each patient suffers one scenario of this group, or of \"any\", at a random time"),
    VG_OPT_FLOAT(O, scenario_share, "scenario_share", "1", 0, 1, "", 0,
                 "part of the patients that --one-scenario is for"),
    VG_CLI_STRING(O, labels, "labels", "FILE", NULL, 0,
                  "writes what happens, when and to whom to a file, a line of JSON each"),
    VG_OPT_ENUM(O, script, "script", "none", vg_ward_scripts, 0,
                "scenarios and artefacts put together beforehand"),
    VG_OPT_INT(O, rows, "rows", "1", 1, 4096, "", 0, "rows of a patient in a message"),
    VG_OPT_END,
};
#undef O
/* clang-format on */

static const struct vg_command command = {
    .name = "simulate",
    .summary = "Writes a ward of simulated patients, one row a second and bed, to Kafka or "
               "standard output",
    .arguments = "",
    .options = options,
};

/* ---- messages ---- */

/* Rows of one bed that wait to fill a message. */
struct waiting {
    struct vg_buf json;
    uint32_t rows;
    int64_t record_ns; /* of the last row: a message cannot leave before it */
    const char *patient;
};

static vg_status send(struct vg_outlet *out, struct waiting *w, bool array, struct vg_err *err)
{
    vg_status st;

    if (w->rows == 0)
        return VG_OK;
    if (array)
        vg_buf_char(&w->json, ']');
    st = vg_outlet_write(out, w->patient, w->json.data, w->json.len, w->rows, w->record_ns, err);
    vg_buf_clear(&w->json);
    w->rows = 0;
    return st;
}

static vg_status add(struct vg_outlet *out, struct waiting *w, const struct vg_sim_row *row,
                     uint32_t rows_per_message, struct vg_err *err)
{
    bool array = rows_per_message > 1;

    if (array)
        vg_buf_char(&w->json, w->rows ? ',' : '[');
    vg_ward_row(row, &w->json);
    w->rows++;
    w->record_ns = row->record_ns;
    w->patient = row->patient;
    return w->rows == rows_per_message ? send(out, w, array, err) : VG_OK;
}

/* ---- the verb ---- */

static vg_status add_effects(struct vg_sim *sim, const struct options *o, struct vg_err *err)
{
    vg_status st = vg_ward_play(sim, (enum vg_ward_script)o->script, err);

    for (size_t i = 0; i < o->scenario.n && st == VG_OK; i++)
        st = vg_sim_add(sim, VG_SIM_SCENARIO, o->scenario.value[i], err);
    for (size_t i = 0; i < o->artefact.n && st == VG_OK; i++)
        st = vg_sim_add(sim, VG_SIM_ARTEFACT, o->artefact.value[i], err);
    return st;
}

static vg_status write_ward(struct vg_outlet *out, struct vg_sim *sim, const struct options *o,
                            struct vg_err *err)
{
    uint64_t seconds = (uint64_t)(o->duration_ns / VG_NS_PER_S);
    uint64_t total = seconds * (uint64_t)o->beds;
    struct waiting *waiting = calloc((size_t)o->beds, sizeof(*waiting));
    struct vg_sim_row row;
    vg_status st = VG_OK;

    VG_CHECK(waiting);
    for (uint64_t i = 0; (i < total || !seconds) && st == VG_OK && !vg_outlet_stopped(); i++) {
        vg_sim_next(sim, &row);
        if (!row.silent)
            st = add(out, &waiting[row.bed], &row, (uint32_t)o->rows, err);
    }
    for (int64_t b = 0; b < o->beds; b++) {
        if (st == VG_OK)
            st = send(out, &waiting[b], o->rows > 1, err);
        vg_buf_done(&waiting[b].json);
    }
    free(waiting);
    return st;
}

static vg_status start_time(const struct options *o, int64_t *ret, struct vg_err *err)
{
    if (!o->start) {
        *ret = time(NULL) * VG_NS_PER_S - o->duration_ns / VG_NS_PER_S * VG_NS_PER_S;
        return VG_OK;
    }
    if (!vg_parse_time(o->start, strlen(o->start), ret))
        return vg_fail(err, VG_E_USAGE,
                       "--start \"%s\": expected a time such as 2026-03-01T12:00:00Z", o->start);
    return VG_OK;
}

static vg_status check_ward(const char *ward, struct vg_err *err)
{
    char label[VG_BED_SIZE], found[VG_WARD_SIZE];

    snprintf(label, sizeof(label), "%s/1", ward);
    vg_ward_of_bed(label, found);
    if (strcmp(found, ward) != 0)
        return vg_fail(err, VG_E_USAGE,
                       "--ward \"%s\": expected 1 to 32 of a-z, 0-9 and -, such as icu-a", ward);
    return VG_OK;
}

/* Each patient's scenario begins in the middle half of the time, so that there is something before
 * it and something after. */
static vg_status choose_scenario(const struct options *o, struct vg_sim_config *config,
                                 struct vg_err *err)
{
    const char *groups[VG_SIM_GROUPS + 1] = { "any" }, *near;

    if (!o->one_scenario)
        return VG_OK;
    if (o->duration_ns == 0)
        return vg_fail(err, VG_E_USAGE, "--one-scenario needs a --duration to choose a time in");
    config->scenario_share = (double)o->scenario_share;
    config->onset_from_ns = o->duration_ns / 4;
    config->onset_until_ns = o->duration_ns / 4 * 3;
    if (strcmp(o->one_scenario, "any") == 0)
        return VG_OK;
    for (size_t i = 0; i < VG_SIM_GROUPS; i++) {
        groups[i + 1] = vg_sim_group(i);
        if (strcmp(o->one_scenario, vg_sim_group(i)) == 0)
            config->scenario_group = vg_sim_group(i);
    }
    if (config->scenario_group)
        return VG_OK;
    near = vg_did_you_mean(o->one_scenario, groups, VG_ARRAY_LEN(groups));
    return vg_fail(err, VG_E_USAGE, "--one-scenario \"%s\": no such group%s%s%s", o->one_scenario,
                   near ? "; did you mean \"" : "; `vigil simulate --help` lists them",
                   near ? near : "", near ? "\"?" : "");
}

static vg_status write_labels(struct vg_sim *sim, const struct options *o, struct vg_err *err)
{
    if (!o->labels)
        return VG_OK;
    if (o->duration_ns == 0)
        return vg_fail(err, VG_E_USAGE,
                       "--labels needs a --duration: what never ends cannot be "
                       "written down beforehand");
    return vg_ward_write_labels(sim, (uint32_t)o->beds, o->duration_ns, o->labels, err);
}

/* Of two names for one thing neither wins: whoever gave both did not mean what would be done. */
static vg_status settle(struct options *o, struct vg_err *err)
{
    if (o->beds > 0 && o->patients > 0)
        return vg_fail(err, VG_E_USAGE, "--beds and --patients are the same: give one of them");
    if (o->duration_ns != NOT_SAID && o->days > 0)
        return vg_fail(err, VG_E_USAGE, "--duration and --days are the same: give one of them");
    if (o->patients > 0)
        o->beds = o->patients;
    if (o->beds == 0)
        o->beds = BEDS_DEFAULT;
    if (o->days > 0)
        o->duration_ns = (int64_t)((double)o->days * 86400 + 0.5) * VG_NS_PER_S;
    if (o->duration_ns == NOT_SAID)
        o->duration_ns = DURATION_DEFAULT_S * VG_NS_PER_S;
    return VG_OK;
}

static vg_status run(struct options *o, struct vg_err *err)
{
    struct vg_sim_config config = {
        .ward = o->ward,
        .seed = (uint64_t)o->seed,
        .artefact_rate = (double)o->artefact_rate,
    };
    struct vg_outlet out = { 0 };
    struct vg_sim *sim = NULL;
    vg_status st = settle(o, err);

    config.beds = (uint32_t)o->beds;
    if (st == VG_OK)
        st = check_ward(o->ward, err);
    if (st == VG_OK)
        st = choose_scenario(o, &config, err);
    if (st == VG_OK)
        st = start_time(o, &config.start_ns, err);
    if (st == VG_OK) {
        sim = vg_sim_new(&config);
        st = add_effects(sim, o, err);
    }
    if (st == VG_OK)
        st = write_labels(sim, o, err);
    if (st == VG_OK)
        st = vg_outlet_open(&out, &o->outlet, "simulate",
                            (uint64_t)(o->duration_ns / VG_NS_PER_S * o->beds), err);
    if (st == VG_OK)
        st = write_ward(&out, sim, o, err);
    if (st == VG_OK)
        st = vg_outlet_finish(&out, err);
    if (st == VG_OK)
        vg_command_disclaim("these patients are simulated, and kinder than real ones");
    vg_outlet_close(&out);
    vg_sim_free(sim);
    return st;
}

/* The catalogue is the help's last part, so that both say the same. */
static void add_catalogue(struct vg_buf *out, enum vg_sim_kind kind, const char *title)
{
    const struct vg_sim_entry *entry;

    vg_buf_printf(out, "%s:\n", title);
    for (size_t i = 0; (entry = vg_sim_catalogue(i)); i++) {
        if (entry->kind == kind)
            vg_buf_printf(out, "  %-24s %s\n", entry->name, entry->summary);
    }
}

static void add_notes(struct vg_buf *out)
{
    add_catalogue(out, VG_SIM_SCENARIO, "scenarios");
    vg_buf_char(out, '\n');
    add_catalogue(out, VG_SIM_ARTEFACT, "artefacts");
    vg_buf_str(out, "\ngroups of scenarios: ");
    for (size_t i = 0; i < VG_SIM_GROUPS; i++)
        vg_buf_printf(out, "%s%s", i ? ", " : "", vg_sim_group(i));
    vg_buf_str(out, "\n\nexamples:\n  vigil simulate --to - --beds 2 --duration 10m "
                    "--scenario apnoea@1:5m --artefact lead-off@2:1m+30s\n"
                    "  vigil simulate --to - --patients 200 --days 1 --artefact-rate 1 "
                    "--one-scenario any --labels labels.ndjson\n");
}

int vg_verb_simulate(int argc, char **argv)
{
    struct options o = { .duration_ns = NOT_SAID };
    struct vg_command with_notes = command;
    struct vg_buf notes = VG_BUF_INIT;
    struct vg_err err;
    char **args;
    int exit;

    add_notes(&notes);
    with_notes.notes = notes.data;
    exit = vg_command_parse(&with_notes, argc, argv, &o, &args);
    if (exit == VG_COMMAND_GO)
        exit = run(&o, &err) == VG_OK ? 0 : vg_command_failed(&command, &err);
    vg_options_done(options, &o);
    vg_buf_done(&notes);
    return exit;
}
