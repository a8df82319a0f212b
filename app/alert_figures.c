/* alert_figures.c - counting alerts. */
#include "app/alert_figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* An alert on the patient's own values this close to one on what the monitor shows is the same. */
static const int64_t close_ns = 60 * VG_NS_PER_S;
static const int64_t flood_ns = 600 * VG_NS_PER_S, merge_ns = 1800 * VG_NS_PER_S;
/* Between two windows that are laid on a day without trouble. */
static const int64_t stride_ns = 300 * VG_NS_PER_S;
enum { FLOOD = 10 };

/* ---- one alert ---- */

static bool is_limit(const struct vg_alert_population *p, const struct vg_alert_seen *a)
{
    const struct vg_rule *rule = vg_alert_rule(p->config, a->rule);

    return rule && rule->rule == VG_RULE_LIMIT;
}

static bool about_patient(const struct vg_alert_seen *a)
{
    return a->kind != VG_ALERT_TECHNICAL;
}

/* Whether the patient's own values raised the same. */
static bool crosses(const struct vg_alert_patient *patient, const struct vg_alert_seen *a)
{
    for (size_t i = 0; i < patient->clean.n; i++) {
        const struct vg_alert_seen *c = &patient->clean.seen[i];

        if (c->rule == a->rule && c->channel == a->channel &&
            c->start_ns <= a->start_ns + close_ns && c->end_ns >= a->start_ns - close_ns)
            return true;
    }
    return false;
}

static bool in_label(const struct vg_alert_patient *patient, const struct vg_alert_seen *a)
{
    return a->start_ns >= patient->label_from_ns && a->start_ns < patient->label_until_ns;
}

static int by_number(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double median(double *value, size_t n)
{
    if (n == 0)
        return (double)NAN;
    qsort(value, n, sizeof(*value), by_number);
    return n % 2 ? value[n / 2] : (value[n / 2 - 1] + value[n / 2]) / 2;
}

/* ---- days without trouble ---- */

static void count_starts(const struct vg_alert_population *p, struct vg_alert_figures *f)
{
    for (uint32_t i = 0; i < p->normals; i++) {
        const struct vg_alert_list *list = &p->normal[i].shown;

        for (size_t k = 0; k < list->n; k++)
            f->starts[list->seen[k].kind][list->seen[k].priority]++;
    }
}

static double technical_share(const struct vg_alert_figures *f)
{
    double all = 0, technical = 0;

    for (int kind = 0; kind < VG_ALERT_KIND_COUNT; kind++) {
        for (int priority = 0; priority < VG_PRIORITY_COUNT; priority++) {
            all += f->starts[kind][priority];
            technical += kind == VG_ALERT_TECHNICAL ? f->starts[kind][priority] : 0;
        }
    }
    return all > 0 ? technical / all : (double)NAN;
}

/* Times of ten starts in ten minutes, none of them counted twice. */
static uint32_t floods(const struct vg_alert_list *list)
{
    uint32_t ret = 0;

    for (size_t i = FLOOD - 1, first = 0; i < list->n; i++) {
        if (i + 1 - first < FLOOD)
            continue;
        if (list->seen[i].start_ns - list->seen[i + 1 - FLOOD].start_ns <= flood_ns) {
            ret++;
            first = i + 1;
        }
    }
    return ret;
}

static void count_rule(const struct vg_alert_population *p, uint32_t rule,
                       struct vg_alert_rule_figures *ret, double *length)
{
    size_t n = 0;

    for (uint32_t i = 0; i < p->normals; i++) {
        const struct vg_alert_list *list = &p->normal[i].shown;

        for (size_t k = 0; k < list->n; k++) {
            const struct vg_alert_seen *a = &list->seen[k];

            if (a->rule != rule)
                continue;
            length[n] = (double)(a->end_ns - a->start_ns) / 1e9;
            ret->active_s += length[n++];
            ret->crossings += crosses(&p->normal[i], a);
        }
    }
    ret->starts = (uint32_t)n;
    ret->median_s = median(length, n);
}

static void count_rules(const struct vg_alert_population *p, struct vg_alert_figures *f)
{
    size_t all = 0;
    double *length;

    for (uint32_t i = 0; i < p->normals; i++)
        all += p->normal[i].shown.n;
    length = calloc(all + 1, sizeof(*length));
    VG_CHECK(length);
    while (vg_alert_rule_name(p->config, f->rules) && f->rules < VG_ALERT_RULES_MAX) {
        count_rule(p, f->rules, &f->rule[f->rules], length);
        f->rules++;
    }
    free(length);
}

static bool is_false(const struct vg_alert_population *p, const struct vg_alert_patient *patient,
                     const struct vg_alert_seen *a)
{
    return about_patient(a) && (!is_limit(p, a) || !crosses(patient, a));
}

static void count_false(const struct vg_alert_population *p, struct vg_alert_figures *f)
{
    for (uint32_t i = 0; i < p->normals; i++) {
        const struct vg_alert_patient *patient = &p->normal[i];
        int64_t last_ns = INT64_MIN;

        for (size_t k = 0; k < patient->shown.n; k++) {
            const struct vg_alert_seen *a = &patient->shown.seen[k];

            if (!is_false(p, patient, a))
                continue;
            if (is_limit(p, a))
                f->false_limits++;
            else
                f->false_concluded++;
            f->unmet_concluded += !is_limit(p, a) && !crosses(patient, a);
            if (last_ns == INT64_MIN || a->start_ns - last_ns > merge_ns)
                f->false_merged++;
            last_ns = a->start_ns;
        }
    }
    f->false_limits /= f->days;
    f->false_concluded /= f->days;
    f->unmet_concluded /= f->days;
    f->false_merged /= f->days;
}

/* Whether an alert about the patient begins with an artefact, or within a minute behind it, that his
 * own values do not raise. */
static bool made_alert(const struct vg_alert_patient *patient, const struct vg_sim_label *artefact)
{
    for (size_t k = 0; k < patient->shown.n; k++) {
        const struct vg_alert_seen *a = &patient->shown.seen[k];

        if (a->kind == VG_ALERT_PHYSIOLOGICAL && a->start_ns >= artefact->start_ns &&
            a->start_ns <= artefact->end_ns + close_ns && !crosses(patient, a))
            return true;
    }
    return false;
}

static void count_artefacts(const struct vg_alert_population *p, struct vg_alert_figures *f)
{
    for (uint32_t i = 0; i < p->normals; i++) {
        for (size_t k = 0; k < p->normal[i].artefacts; k++) {
            f->artefacts++;
            f->artefact_alerts += made_alert(&p->normal[i], &p->normal[i].artefact[k]);
        }
    }
}

/* ---- troubles ---- */

enum which { ANY, LIMITS, CONCLUDED };

static bool counts(const struct vg_alert_population *p, const struct vg_alert_seen *a,
                   enum which which)
{
    if (!about_patient(a))
        return false;
    return which == ANY || (which == LIMITS) == is_limit(p, a);
}

/* Time from the label's start to the first alert in it, or NAN. */
static double first_in_label(const struct vg_alert_population *p,
                             const struct vg_alert_patient *patient, enum which which)
{
    for (size_t k = 0; k < patient->shown.n; k++) {
        const struct vg_alert_seen *a = &patient->shown.seen[k];

        if (counts(p, a, which) && in_label(patient, a))
            return (double)(a->start_ns - patient->label_from_ns) / 1e9;
    }
    return (double)NAN;
}

static struct vg_interval share_seen(const struct vg_alert_population *p, uint32_t g,
                                     enum which which)
{
    uint32_t seen = 0;

    for (uint32_t i = 0; i < p->per_group; i++)
        seen += isnan(first_in_label(p, &p->group[g][i], which)) ? 0 : 1;
    return vg_interval_share(seen, p->per_group);
}

static bool starts_within(const struct vg_alert_patient *patient, int64_t from_ns, int64_t until_ns)
{
    for (size_t k = 0; k < patient->shown.n; k++) {
        const struct vg_alert_seen *a = &patient->shown.seen[k];

        if (about_patient(a) && a->start_ns >= from_ns && a->start_ns < until_ns)
            return true;
    }
    return false;
}

/* What alerts would see of a group if they came whenever they come on days without trouble. */
static double by_chance(const struct vg_alert_population *p, uint32_t g)
{
    uint64_t windows = 0, hit = 0;
    int64_t length_ns = 0;

    for (uint32_t i = 0; i < p->per_group; i++)
        length_ns += (p->group[g][i].label_until_ns - p->group[g][i].label_from_ns) / p->per_group;
    for (uint32_t i = 0; i < p->normals; i++) {
        const struct vg_alert_patient *patient = &p->normal[i];

        for (int64_t at = patient->from_ns; at + length_ns <= patient->until_ns; at += stride_ns) {
            windows++;
            hit += starts_within(patient, at, at + length_ns);
        }
    }
    return windows > 0 ? (double)hit / (double)windows : (double)NAN;
}

static void count_group(const struct vg_alert_population *p, uint32_t g,
                        struct vg_alert_group_figures *ret)
{
    double *delay = calloc(p->per_group + 1, sizeof(*delay));
    size_t n = 0;

    VG_CHECK(delay);
    for (uint32_t i = 0; i < p->per_group; i++) {
        double one = first_in_label(p, &p->group[g][i], ANY);

        if (!isnan(one))
            delay[n++] = one;
    }
    ret->seen = share_seen(p, g, ANY);
    ret->by_limit = share_seen(p, g, LIMITS);
    ret->concluded = share_seen(p, g, CONCLUDED);
    ret->delay_s = median(delay, n);
    ret->chance = by_chance(p, g);
    free(delay);
}

static double precision(const struct vg_alert_population *p)
{
    uint64_t all = 0, right = 0;

    for (uint32_t g = 0; g < VG_SIM_GROUPS; g++) {
        for (uint32_t i = 0; i < p->per_group; i++) {
            const struct vg_alert_patient *patient = &p->group[g][i];

            for (size_t k = 0; k < patient->shown.n; k++) {
                all += about_patient(&patient->shown.seen[k]);
                right += about_patient(&patient->shown.seen[k]) &&
                         in_label(patient, &patient->shown.seen[k]);
            }
        }
    }
    return all > 0 ? (double)right / (double)all : (double)NAN;
}

void vg_alert_figures(const struct vg_alert_population *p, struct vg_alert_figures *ret)
{
    double most = 0;

    *ret = (struct vg_alert_figures){ .simulated = p->simulated,
                                      .worst = p->per_group > 0 ? 1 : (double)NAN };
    for (uint32_t i = 0; i < p->normals; i++) {
        ret->days += (double)(p->normal[i].until_ns - p->normal[i].from_ns) / 86400e9;
        most += floods(&p->normal[i].shown);
    }
    count_starts(p, ret);
    ret->technical = technical_share(ret);
    ret->floods = most / ret->days;
    count_rules(p, ret);
    if (!p->simulated)
        return;
    count_false(p, ret);
    count_artefacts(p, ret);
    for (uint32_t g = 0; g < VG_SIM_GROUPS && p->per_group > 0; g++) {
        count_group(p, g, &ret->group[g]);
        ret->macro += ret->group[g].seen.value / VG_SIM_GROUPS;
        if (ret->group[g].seen.value < ret->worst)
            ret->worst = ret->group[g].seen.value;
    }
    ret->precision = precision(p);
}
