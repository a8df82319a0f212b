/* risk_tell.c - what a trained model file says of recorded stays. */
#include "app/risk_tell.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/text.h"
#include "models/kernel.h"
#include "models/members.h"

static const char bend_mark[] = ".above_";

enum from { FROM_SUMMARIES, FROM_TIMES, FROM_BEND };

/** Where a variable of a row comes from. */
struct column {
    enum from from;
    uint32_t at; /* column of the summaries; of a bend the variable that bends */
    float above;
};

/** A model of rows or of hours; of a stacked one a member. */
struct part {
    const struct vg_model *model;
    bool hourly;                       /* takes [value, mask, age] of an hour, not a row */
    uint32_t *variable;                /* [V] (hourly) of the data */
    struct column *column;             /* [V] (rows) */
    struct vg_risk_summaries of, time; /* (rows) */
    struct vg_risk_standard standard;  /* [V] */
    float *held;                       /* [V] (hourly) of the stay at hand */
    uint32_t *since_h;                 /* [V] (hourly) */
};

struct teller {
    const struct vg_model *model;
    const struct vg_risk_study *study;
    uint32_t parts;
    struct part part[VG_MEMBERS_MAX];
    float *x;
};

/* ---- names ---- */

static vg_status unknown(const struct part *p, const char *name, const char *const *known, size_t n,
                         struct vg_err *err)
{
    const char *near = vg_did_you_mean(name, known, n);

    if (near)
        return vg_fail(err, VG_E_MODEL,
                       "the %s model takes \"%s\", which the map of the data does not give; the "
                       "nearest there is \"%s\"",
                       p->model->ops->name, name, near);
    return vg_fail(err, VG_E_MODEL,
                   "the %s model takes \"%s\", which the map of the data does not give; expected "
                   "the map that it was trained with, or one with the same names",
                   p->model->ops->name, name);
}

static bool find_column(const struct vg_risk_summaries *m, const char *name, uint32_t *ret)
{
    for (uint32_t k = 0; k < m->columns; k++) {
        if (strcmp(m->name[k], name) != 0)
            continue;
        *ret = k;
        return true;
    }
    return false;
}

static bool find_bend(const struct vg_model *m, const char *name, struct column *ret)
{
    const char *mark = strstr(name, bend_mark);
    double above;

    if (!mark || !vg_parse_double(mark + strlen(bend_mark), &above))
        return false;
    for (uint32_t v = 0; v < m->variables; v++) {
        const char *other = m->variable[v].name;

        if (strlen(other) != (size_t)(mark - name) || strncmp(other, name, strlen(other)) != 0)
            continue;
        *ret = (struct column){ FROM_BEND, v, (float)above };
        return true;
    }
    return false;
}

static vg_status name_rows(struct part *p, struct vg_err *err)
{
    const char **known = vg_zeros(p->of.columns, sizeof *known);
    vg_status st = VG_OK;

    for (uint32_t k = 0; k < p->of.columns; k++)
        known[k] = p->of.name[k];
    for (uint32_t v = 0; v < p->model->variables && st == VG_OK; v++) {
        const char *name = p->model->variable[v].name;
        struct column *c = &p->column[v];

        if (find_column(&p->of, name, &c->at))
            c->from = FROM_SUMMARIES;
        else if (find_column(&p->time, name, &c->at))
            c->from = FROM_TIMES;
        else if (!find_bend(p->model, name, c))
            st = unknown(p, name, known, p->of.columns, err);
    }
    free(known);
    return st;
}

static vg_status name_hours(struct part *p, const struct vg_risk_data *d, struct vg_err *err)
{
    char name[VG_RISK_VARIABLES_MAX][VG_NAME_SIZE];
    const char *known[VG_RISK_VARIABLES_MAX];

    for (uint32_t v = 0; v < d->variables; v++)
        known[v] = vg_risk_hour_name(&d->variable[v], name[v]);
    for (uint32_t v = 0; v < p->model->variables; v++) {
        uint32_t k = 0;

        while (k < d->variables && strcmp(known[k], p->model->variable[v].name) != 0)
            k++;
        if (k == d->variables)
            return unknown(p, p->model->variable[v].name, known, d->variables, err);
        p->variable[v] = k;
    }
    return VG_OK;
}

/* Only what the names ask for: all kinds of all variables of a million hours would be gigabytes. */
static struct vg_risk_summary_spec kinds_of(const struct vg_model *m)
{
    struct vg_risk_summary_spec spec = { .kinds = 0 };

    for (int k = 0; k < VG_SUMMARY_KINDS; k++) {
        bool wanted = false;

        for (uint32_t v = 0; v < m->variables && !wanted; v++) {
            const char *dot = strrchr(m->variable[v].name, '.');

            wanted = dot && strcmp(dot + 1, vg_summary_name((enum vg_summary_kind)k)) == 0;
        }
        if (wanted)
            spec.kind[spec.kinds++] = (enum vg_summary_kind)k;
    }
    return spec;
}

/* ---- parts ---- */

static vg_status check_part(const struct vg_model *m, struct vg_err *err)
{
    if (m->variables == 0 || m->outputs != 1)
        return vg_fail(
            err, VG_E_MODEL,
            "a model of type %s with %u outputs tells no risk; expected one probability: "
            "stacked, mean, logistic, mlp or risk",
            m->ops->name, m->outputs);
    if (m->tick_ns != 0 && m->tick_ns != 3600 * VG_NS_PER_S)
        return vg_fail(err, VG_E_MODEL,
                       "the %s model has a tick of %g s; stays have hours of 3600 s", m->ops->name,
                       (double)m->tick_ns / (double)VG_NS_PER_S);
    return VG_OK;
}

static vg_status add_part(struct teller *t, const struct vg_model *m, struct vg_err *err)
{
    const struct vg_risk_summary_spec time = { .time_only = true }, spec = kinds_of(m);
    const struct vg_risk_data *d = t->study->data;
    struct part *p = &t->part[t->parts];
    vg_status st = check_part(m, err);

    if (st != VG_OK)
        return st;
    t->parts++;
    *p = (struct part){ .model = m, .hourly = m->inputs != m->variables };
    p->standard = (struct vg_risk_standard){ .mean = vg_zeros(m->variables, sizeof(float)),
                                             .scale = vg_zeros(m->variables, sizeof(float)),
                                             .clip = m->clip > 0.0f ? m->clip : INFINITY };
    for (uint32_t v = 0; v < m->variables; v++) {
        p->standard.mean[v] = m->variable[v].mean;
        p->standard.scale[v] = m->variable[v].scale;
    }
    p->variable = vg_zeros(m->variables, sizeof *p->variable);
    p->column = vg_zeros(m->variables, sizeof *p->column);
    p->held = vg_zeros(m->variables, sizeof *p->held);
    p->since_h = vg_zeros(m->variables, sizeof *p->since_h);
    if (p->hourly)
        return name_hours(p, d, err);
    vg_risk_summaries_init(&p->of, d, &t->study->cases, &spec);
    vg_risk_summaries_init(&p->time, d, &t->study->cases, &time);
    return name_rows(p, err);
}

static void free_parts(struct teller *t)
{
    for (uint32_t i = 0; i < t->parts; i++) {
        struct part *p = &t->part[i];

        vg_risk_standard_done(&p->standard);
        vg_risk_summaries_done(&p->of);
        vg_risk_summaries_done(&p->time);
        free(p->variable);
        free(p->column);
        free(p->held);
        free(p->since_h);
    }
}

static vg_status add_parts(struct teller *t, struct vg_err *err)
{
    const struct vg_model *m = t->model;
    bool stacked = m->members > 0 && m->variables == 0;
    vg_status st = stacked ? VG_OK : add_part(t, m, err);

    for (uint32_t i = 0; stacked && i < m->members && st == VG_OK; i++)
        st = add_part(t, m->member[i], err);
    return st;
}

/* ---- one case ---- */

static float value_of(const struct part *p, size_t row, uint32_t v, const float *x)
{
    const struct column *c = &p->column[v];
    const struct vg_risk_summaries *m = c->from == FROM_TIMES ? &p->time : &p->of;
    const struct vg_risk_standard *s = &p->standard;
    size_t at = row * m->columns + c->at;

    if (c->from == FROM_BEND)
        return (fmaxf(0.0f, x[c->at] - c->above) - s->mean[v]) / s->scale[v];
    if (!m->known[at])
        return 0.0f;
    return fminf(fmaxf((m->value[at] - s->mean[v]) / s->scale[v], -s->clip), s->clip);
}

static void fill_row(const struct part *p, size_t row, float *x)
{
    /* What bends stands before its bends only in files of our own. */
    for (uint32_t v = 0; v < p->model->variables; v++)
        if (p->column[v].from != FROM_BEND)
            x[v] = value_of(p, row, v, x);
    for (uint32_t v = 0; v < p->model->variables; v++)
        if (p->column[v].from == FROM_BEND)
            x[v] = value_of(p, row, v, x);
}

/* A row of a model without memory matters only where it is asked; elsewhere it stays 0. */
static void fill(struct teller *t, uint32_t stay, uint32_t hour, bool asked, size_t row)
{
    const struct vg_risk_hours *h = &t->study->hours;
    float *x = t->x;

    memset(x, 0, t->model->inputs * sizeof *x);
    for (uint32_t i = 0; i < t->parts; i++) {
        struct part *p = &t->part[i];

        if (p->hourly)
            vg_risk_hour_inputs(h, &p->standard, p->model->variables, p->variable,
                                h->first[stay] + hour, p->held, p->since_h, x);
        else if (asked)
            fill_row(p, row, x);
        x += p->model->inputs;
    }
}

static void begin_stay(struct teller *t, void *memory)
{
    memset(memory, 0, t->model->memory_size);
    for (uint32_t i = 0; i < t->parts; i++) {
        struct part *p = &t->part[i];

        memset(p->held, 0, p->model->variables * sizeof *p->held);
        memset(p->since_h, 0, p->model->variables * sizeof *p->since_h);
    }
}

static void ask(struct teller *t, float *probability)
{
    const struct vg_risk_cases *c = &t->study->cases;
    const struct vg_model *m = t->model;
    void *memory = vg_kernel_alloc(m->memory_size), *scratch = vg_kernel_alloc(m->scratch_size);
    float y;

    for (uint32_t s = 0; s < t->study->data->stays; s++) {
        size_t row = c->first[s];

        begin_stay(t, memory);
        for (uint32_t hour = 0; hour < t->study->data->stay[s].hours; hour++) {
            bool asked = row < c->n && c->list[row].stay == s && c->list[row].hour == hour;

            fill(t, s, hour, asked, row);
            m->ops->step(m, 1, t->x, &memory, &y, scratch);
            if (asked)
                probability[row++] = y;
        }
    }
    free(memory);
    free(scratch);
}

vg_status vg_risk_tell(const struct vg_model *model, const struct vg_risk_study *study,
                       float *probability, struct vg_err *err)
{
    struct teller t = { .model = model, .study = study };
    vg_status st = add_parts(&t, err);

    if (st == VG_OK) {
        vg_kernel_thread_init();
        t.x = vg_kernel_alloc(model->inputs * sizeof(float));
        ask(&t, probability);
        free(t.x);
    }
    free_parts(&t);
    return st;
}
