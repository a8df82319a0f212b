/* simulator.c - a ward of simulated patients, one row a second and bed. */
#include "app/simulator.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/chances.h"
#include "app/effects.h"
#include "app/vitals.h"
#include "core/text.h"

enum { EFFECTS_PER_BED = 16 };

/* Streams of random numbers of a bed; those of vitals.c lie before, those of chances.c behind. */
enum { STREAM_TROUBLE = 16, STREAM_ADDED = 32 };
_Static_assert(STREAM_ADDED + EFFECTS_PER_BED <= 64, "streams must not overlap");

struct vg_sim_bed {
    struct vg_vitals vitals;
    struct vg_chances chances, calendar; /* calendar: as chances was at the start */
    struct vg_effect effect[EFFECTS_PER_BED];
    uint32_t effects, added; /* added: those asked for one by one */
    uint32_t number;
    uint64_t seed;
    int64_t start_ns, phase_ns; /* beds send one after the other within the second, as beds do */
    int64_t second;
    char id[VG_PATIENT_SIZE], label[VG_BED_SIZE];
};

struct vg_sim {
    struct vg_sim_config config;
    struct vg_sim_bed *beds;
    uint32_t next; /* bed of the next row */
};

/* ---- a bed ---- */

/* One of the forms of a group, each as often as its share. */
static const struct vg_effect_entry *choose_form(const char *group, double u)
{
    const struct vg_effect_entry *entry, *last = NULL;

    for (size_t i = 0; (entry = vg_scenario_entry(i)); i++) {
        if (strcmp(entry->base.group, group) != 0)
            continue;
        last = entry;
        if ((u -= entry->share) < 0)
            break;
    }
    VG_CHECK(last); /* the caller checks the name */
    return last;
}

/* The scenario that befalls the bed by chance, if one does. */
static void befall(struct vg_sim_bed *bed, const struct vg_sim_config *config)
{
    struct vg_random r =
        vg_random_stream(config->seed, (uint64_t)bed->number << 8 | STREAM_TROUBLE);
    double chance = vg_random_uniform(&r, 0, 1), group = vg_random_uniform(&r, 0, VG_SIM_GROUPS);
    double form = vg_random_uniform(&r, 0, 1), when = vg_random_uniform(&r, 0, 1);
    double from_s = (double)config->onset_from_ns / 1e9;
    double until_s = (double)config->onset_until_ns / 1e9;
    const struct vg_effect_entry *entry;

    if (chance >= config->scenario_share)
        return;
    entry = choose_form(
        config->scenario_group ? config->scenario_group : vg_sim_group((size_t)group), form);
    bed->effect[bed->effects++] =
        vg_effect_make(entry, floor(from_s + when * (until_s - from_s)), 0, &r);
}

static void admit(struct vg_sim_bed *bed, const struct vg_sim_config *config, uint32_t number)
{
    memset(bed, 0, sizeof(*bed));
    bed->number = number;
    bed->seed = config->seed;
    bed->start_ns = config->start_ns;
    bed->phase_ns = (int64_t)number * 1000 / config->beds * VG_NS_PER_MS;
    vg_vitals_init(&bed->vitals, config->seed, number, config->start_ns / VG_NS_PER_S);
    vg_chances_init(&bed->chances, config->seed, number, config->artefact_rate,
                    bed->vitals.cuff_second);
    bed->calendar = bed->chances;
    befall(bed, config);
    snprintf(bed->id, sizeof(bed->id), "sim-%04u", number + 1);
    snprintf(bed->label, sizeof(bed->label), "%s/%02u", config->ward, number + 1);
}

struct vg_sim_bed *vg_sim_bed_new(const struct vg_sim_config *config, uint32_t bed)
{
    struct vg_sim_bed *ret = malloc(sizeof(*ret));

    VG_CHECK(ret && bed < config->beds && config->beds <= VG_SIM_BEDS_MAX);
    admit(ret, config, bed);
    return ret;
}

void vg_sim_bed_free(struct vg_sim_bed *bed)
{
    free(bed);
}

bool vg_sim_bed_add(struct vg_sim_bed *bed, const struct vg_sim_entry *entry, double start_s,
                    double length_s)
{
    /* An entry that users see is the first member of the whole one. */
    const struct vg_effect_entry *whole = (const struct vg_effect_entry *)entry;
    /* Draws of its own, so that an effect changes neither the others nor the rest of the bed. */
    struct vg_random draws =
        vg_random_stream(bed->seed, (uint64_t)bed->number << 8 | (STREAM_ADDED + bed->added));

    if (bed->effects == EFFECTS_PER_BED)
        return false;
    bed->added++;
    bed->effect[bed->effects++] = vg_effect_make(whole, start_s, length_s, &draws);
    return true;
}
_Static_assert(offsetof(struct vg_effect_entry, base) == 0, "vg_sim_bed_add() relies on it");

/* ---- one second ---- */

void vg_sim_bed_next(struct vg_sim_bed *bed, struct vg_sim_row *row)
{
    struct vg_change d = VG_CHANGE_NONE;
    struct vg_shown s = { 0 };
    double now_s = (double)bed->second;
    int64_t now_ns = bed->start_ns + bed->second * VG_NS_PER_S + bed->phase_ns;

    for (uint32_t i = 0; i < bed->effects; i++)
        vg_effect_change(&bed->effect[i], now_s, &d);
    vg_vitals_step(&bed->vitals, bed->second, &d, &s);
    vg_chances_show(&bed->chances, now_s, &s);
    for (uint32_t i = 0; i < bed->effects; i++)
        vg_effect_show(&bed->effect[i], now_s, &s);
    row->bed = bed->number;
    row->patient = bed->id;
    row->label = bed->label;
    row->silent = s.silent;
    row->record_ns = now_ns;
    row->device_ns = now_ns + (int64_t)(s.clock_s * 1e9);
    for (int c = 0; c < VG_CHANNELS; c++) {
        row->quality[c] = s.quality[c];
        row->value[c] = s.quality[c] == VG_Q_GOOD ? vg_effect_reading(c, s.value[c]) : 0;
    }
    bed->second++;
}

/* ---- labels ---- */

struct labels {
    const struct vg_sim_bed *bed;
    struct vg_sim_label *label;
    size_t n, max;
};

static int64_t at_ns(const struct vg_sim_bed *bed, double s)
{
    return bed->start_ns + bed->phase_ns + (int64_t)(s * 1e9);
}

/* Keeps the first `max` labels in order of start. */
static void add_label(struct labels *l, const struct vg_effect *e)
{
    struct vg_effect_span span = vg_effect_span(e);
    struct vg_sim_label label = {
        .entry = &e->entry->base,
        .bed = l->bed->number,
        .patient = l->bed->id,
        .bed_label = l->bed->label,
        .start_ns = at_ns(l->bed, span.start_s),
        .end_ns = at_ns(l->bed, span.end_s),
        .onset_ns = at_ns(l->bed, span.onset_s),
        .severity = e->severity,
        .channels = span.channels,
    };
    size_t i = l->n < l->max ? l->n : l->max;

    for (; i > 0 && l->label[i - 1].start_ns > label.start_ns; i--) {
        if (i < l->max)
            l->label[i] = l->label[i - 1];
    }
    if (i < l->max)
        l->label[i] = label;
    l->n++;
}

size_t vg_sim_bed_labels(const struct vg_sim_bed *bed, int64_t duration_ns,
                         struct vg_sim_label *labels, size_t max)
{
    struct labels l = { .bed = bed, .label = labels, .max = max };
    struct vg_chances calendar = bed->calendar;
    double duration_s = (double)duration_ns / 1e9;
    struct vg_effect e;

    for (uint32_t i = 0; i < bed->effects; i++) {
        if (bed->effect[i].start_s < duration_s)
            add_label(&l, &bed->effect[i]);
    }
    while (vg_chances_take(&calendar, &e) && e.start_s < duration_s)
        add_label(&l, &e);
    return l.n;
}

/* ---- a ward ---- */

struct vg_sim *vg_sim_new(const struct vg_sim_config *config)
{
    struct vg_sim *sim = calloc(1, sizeof(*sim));

    VG_CHECK(sim && config->beds >= 1 && config->beds <= VG_SIM_BEDS_MAX);
    sim->config = *config;
    sim->beds = malloc(config->beds * sizeof(*sim->beds));
    VG_CHECK(sim->beds);
    for (uint32_t b = 0; b < config->beds; b++)
        admit(&sim->beds[b], config, b);
    return sim;
}

struct vg_sim_bed *vg_sim_bed(struct vg_sim *sim, uint32_t i)
{
    VG_CHECK(i < sim->config.beds);
    return &sim->beds[i];
}

void vg_sim_next(struct vg_sim *sim, struct vg_sim_row *row)
{
    vg_sim_bed_next(&sim->beds[sim->next], row);
    if (++sim->next == sim->config.beds)
        sim->next = 0;
}

void vg_sim_free(struct vg_sim *sim)
{
    if (!sim)
        return;
    free(sim->beds);
    free(sim);
}

/* ---- effects by hand ---- */

static const struct vg_sim_entry *find_entry(enum vg_sim_kind kind, const char *name,
                                             const char **near)
{
    const char *names[64];
    size_t n = 0;

    for (size_t i = 0; vg_sim_catalogue(i); i++) {
        const struct vg_sim_entry *entry = vg_sim_catalogue(i);

        if (entry->kind != kind)
            continue;
        if (strcmp(entry->name, name) == 0)
            return entry;
        VG_CHECK(n < VG_ARRAY_LEN(names));
        names[n++] = entry->name;
    }
    *near = vg_did_you_mean(name, names, n);
    return NULL;
}

static bool find_bed(const struct vg_sim *sim, const char *text, uint32_t *ret)
{
    int64_t number;

    for (uint32_t b = 0; b < sim->config.beds; b++) {
        if (strcmp(sim->beds[b].label, text) == 0) {
            *ret = b;
            return true;
        }
    }
    text += text[0] == '0'; /* beds are shown as 01, 02, ... */
    if (!vg_parse_int(text, &number) || number < 1 || number > sim->config.beds)
        return false;
    *ret = (uint32_t)number - 1;
    return true;
}

vg_status vg_sim_add(struct vg_sim *sim, enum vg_sim_kind kind, const char *spec,
                     struct vg_err *err)
{
    const char *what = kind == VG_SIM_SCENARIO ? "scenario" : "artefact";
    char text[256], *at, *colon, *plus;
    const char *near = NULL;
    const struct vg_sim_entry *entry;
    int64_t start_ns, length_ns = 0;
    uint32_t bed;

    snprintf(text, sizeof(text), "%s", spec);
    at = strchr(text, '@');
    colon = at ? strrchr(at, ':') : NULL;
    if (!colon)
        return vg_fail(err, VG_E_USAGE,
                       "%s \"%s\": expected NAME@BED:START or NAME@BED:START+LENGTH, such as "
                       "opioid@3:5m",
                       what, spec);
    *at = *colon = '\0';
    plus = strchr(colon + 1, '+');
    if (plus)
        *plus = '\0';
    entry = find_entry(kind, text, &near);
    if (!entry)
        return vg_fail(err, VG_E_USAGE, "no %s \"%s\"%s%s%s", what, text,
                       near ? "; did you mean \"" : "; `vigil simulate --help` lists them",
                       near ? near : "", near ? "\"?" : "");
    if (!find_bed(sim, at + 1, &bed))
        return vg_fail(err, VG_E_USAGE, "%s \"%s\": no bed \"%s\"; expected 1 to %u", what, spec,
                       at + 1, sim->config.beds);
    if (!vg_parse_duration(colon + 1, &start_ns) || start_ns < 0 ||
        (plus && (!vg_parse_duration(plus + 1, &length_ns) || length_ns <= 0)))
        return vg_fail(err, VG_E_USAGE,
                       "%s \"%s\": expected durations with a unit after the colon, such as 5m or "
                       "5m+90s",
                       what, spec);
    if (!vg_sim_bed_add(&sim->beds[bed], entry, (double)start_ns / 1e9, (double)length_ns / 1e9))
        return vg_fail(err, VG_E_USAGE, "%s \"%s\": bed %u has %d effects already", what, spec,
                       bed + 1, EFFECTS_PER_BED);
    return VG_OK;
}
