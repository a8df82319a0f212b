/* risk_summaries.c - every case as a row of summaries of what was measured until then. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/risk_inputs.h"
#include "core/alloc.h"
#include "models/elementary.h"

enum { NO_VARIABLE = VG_RISK_VARIABLES_MAX };

/** Where a column comes from. */
struct column {
    uint32_t variable; /* NO_VARIABLE: the hour of the case (FIRST) or of the newest value (LAST) */
    enum vg_summary_kind kind;
};

struct plan {
    struct vg_risk_summaries *to;
    const struct vg_risk_data *data;
    struct column *column; /* [K] */
};

/* ---- columns ---- */

static bool is_mask(enum vg_summary_kind kind)
{
    return kind == VG_SUMMARY_COUNT || kind == VG_SUMMARY_SEEN;
}

static void add_column(struct plan *p, uint32_t variable, enum vg_summary_kind kind,
                       const char *name)
{
    struct vg_risk_summaries *m = p->to;

    p->column[m->columns] = (struct column){ variable, kind };
    m->kind[m->columns] = kind;
    snprintf(m->name[m->columns], VG_NAME_SIZE, "%s", name);
    m->columns++;
}

/* "Creatinine.log.last"; what was counted has no logarithm of its own. */
static void add_summary(struct plan *p, uint32_t variable, enum vg_summary_kind kind)
{
    static const char *const scale[] = { "", ".log", ".log1p" };
    const struct vg_risk_variable *v = &p->data->variable[variable];
    bool plain = is_mask(kind) || kind == VG_SUMMARY_TOTAL;
    char name[VG_NAME_SIZE];

    snprintf(name, sizeof name, "%s%s.%s", v->name, plain ? "" : scale[v->scale],
             vg_summary_name(kind));
    add_column(p, variable, kind, name);
}

static void add_variable(struct plan *p, uint32_t variable, const struct vg_risk_summary_spec *spec)
{
    const struct vg_risk_variable *v = &p->data->variable[variable];

    if (v->descriptor && !spec->masks_only)
        add_column(p, variable, VG_SUMMARY_LAST, v->name);
    for (uint32_t k = 0; !v->descriptor && k < spec->kinds; k++) {
        enum vg_summary_kind kind = spec->kind[k];

        if (spec->masks_only ? is_mask(kind) : kind != VG_SUMMARY_TOTAL || v->amount)
            add_summary(p, variable, kind);
    }
}

static void make_columns(struct plan *p, const struct vg_risk_summary_spec *spec)
{
    size_t most = (size_t)p->data->variables * (VG_SUMMARY_KINDS + 1) + 2;

    p->column = vg_zeros(most, sizeof *p->column);
    p->to->name = vg_zeros(most, sizeof *p->to->name);
    p->to->kind = vg_zeros(most, sizeof *p->to->kind);
    if (spec->time_only) {
        add_column(p, NO_VARIABLE, VG_SUMMARY_FIRST, "hour");
        add_column(p, NO_VARIABLE, VG_SUMMARY_LAST, "hour.newest");
        return;
    }
    for (uint32_t v = 0; v < p->data->variables; v++)
        add_variable(p, v, spec);
}

/* ---- rows ---- */

static bool column_value(const struct column *column, const struct vg_summary *summary,
                         uint32_t hour, double newest, double *ret)
{
    if (column->variable != NO_VARIABLE)
        return vg_summary_get(&summary[column->variable], column->kind, ret);
    *ret = column->kind == VG_SUMMARY_FIRST ? (double)hour + 1.0 : newest;
    return *ret >= 0.0;
}

static void fill_case(struct plan *p, size_t row, const struct vg_summary *summary, uint32_t hour,
                      double newest)
{
    struct vg_risk_summaries *m = p->to;

    for (uint32_t k = 0; k < m->columns; k++) {
        double value = 0.0;

        m->known[row * m->columns + k] = column_value(&p->column[k], summary, hour, newest, &value);
        m->value[row * m->columns + k] = (float)value;
    }
}

static void fill_stay(struct plan *p, const struct vg_risk_cases *c, uint32_t s)
{
    const struct vg_risk_data *d = p->data;
    const struct vg_risk_stay *stay = &d->stay[s];
    struct vg_summary summary[VG_RISK_VARIABLES_MAX] = { 0 };
    size_t next = stay->first, end = stay->first + stay->samples;
    double newest = -1.0;

    for (size_t row = c->first[s]; row < c->n && c->list[row].stay == s; row++) {
        for (; next < end && d->sample[next].hours < (float)(c->list[row].hour + 1); next++) {
            const struct vg_risk_sample *sample = &d->sample[next];
            const struct vg_risk_variable *v = &d->variable[sample->variable];

            vg_summary_add(&summary[sample->variable], (double)sample->hours,
                           vg_risk_scaled(v, sample->value), v->amount ? sample->value : 0.0);
            newest = (double)sample->hours;
        }
        fill_case(p, row, summary, c->list[row].hour, newest);
    }
}

void vg_risk_summaries_init(struct vg_risk_summaries *m, const struct vg_risk_data *d,
                            const struct vg_risk_cases *c, const struct vg_risk_summary_spec *spec)
{
    struct plan p = { .to = m, .data = d };

    *m = (struct vg_risk_summaries){ .cases = c->n };
    make_columns(&p, spec);
    m->value = vg_zeros(m->cases * m->columns, sizeof *m->value);
    m->known = vg_zeros(m->cases * m->columns, sizeof *m->known);
    for (uint32_t s = 0; s < d->stays; s++)
        fill_stay(&p, c, s);
    free(p.column);
}

void vg_risk_summaries_done(struct vg_risk_summaries *m)
{
    free(m->name);
    free(m->kind);
    free(m->value);
    free(m->known);
}
