/* risk_inputs.c - cases, and every stay on a grid of hours. */
#include "app/risk_inputs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "models/elementary.h"
#include "models/metrics_challenge.h"

/* ---- cases ---- */

static int64_t onset(const struct vg_risk_data *d, const struct vg_risk_stay *stay)
{
    for (uint32_t t = 0; t < stay->hours; t++)
        if (d->label[stay->first_label + t])
            return t;
    return -1;
}

/* What predicting gains at each hour is what a network should learn, not the label: an alarm too
 * early costs, one in the first hours after the onset still helps. */
static void add_hours(struct vg_risk_cases *c, const struct vg_risk_data *d, uint32_t s)
{
    const struct vg_risk_stay *stay = &d->stay[s];
    int64_t first = onset(d, stay);

    for (uint32_t t = 0; t < stay->hours; t++) {
        double gain = vg_sepsis_gain(first, t);

        c->list[c->n++] = (struct vg_risk_case){ .stay = s,
                                                 .hour = t,
                                                 .label = d->label[stay->first_label + t],
                                                 .target = gain > 0.0 ? 1.0f : 0.0f,
                                                 .weight = (float)fabs(gain) };
    }
}

void vg_risk_cases_init(struct vg_risk_cases *c, const struct vg_risk_data *d)
{
    *c = (struct vg_risk_cases){ .list = vg_zeros(d->labels, sizeof *c->list),
                                 .first = vg_zeros(d->stays, sizeof *c->first) };
    for (uint32_t s = 0; s < d->stays; s++) {
        bool label = d->label[d->stay[s].first_label];

        c->first[s] = c->n;
        if (d->hourly)
            add_hours(c, d, s);
        else
            c->list[c->n++] = (struct vg_risk_case){ .stay = s,
                                                     .hour = d->stay[s].hours - 1,
                                                     .label = label,
                                                     .target = label ? 1.0f : 0.0f,
                                                     .weight = 1.0f };
    }
}

void vg_risk_cases_done(struct vg_risk_cases *c)
{
    free(c->list);
    free(c->first);
}

/* ---- hours ---- */

/* One stay: sums first, then what is learned from them. */
static void fill_hours(const struct vg_risk_data *d, const struct vg_risk_stay *stay,
                       uint32_t variables, double *sum, uint32_t *count, float *value,
                       uint8_t *seen)
{
    size_t cells = (size_t)stay->hours * variables;

    memset(sum, 0, cells * sizeof *sum);
    memset(count, 0, cells * sizeof *count);
    for (size_t i = stay->first; i < stay->first + stay->samples; i++) {
        const struct vg_risk_sample *sample = &d->sample[i];
        const struct vg_risk_variable *v = &d->variable[sample->variable];
        uint32_t t = v->descriptor ? 0 : (uint32_t)sample->hours;
        uint32_t end = v->descriptor ? stay->hours : t + 1;

        for (; t < end && t < stay->hours; t++) {
            size_t at = (size_t)t * variables + sample->variable;

            sum[at] += v->amount ? sample->value : vg_risk_scaled(v, sample->value);
            count[at]++;
        }
    }
    for (size_t i = 0; i < cells; i++) {
        const struct vg_risk_variable *v = &d->variable[i % variables];

        seen[i] = count[i] > 0;
        if (seen[i])
            value[i] = (float)(v->amount ? vg_risk_scaled(v, sum[i]) : sum[i] / (double)count[i]);
    }
}

void vg_risk_hours_init(struct vg_risk_hours *h, const struct vg_risk_data *d)
{
    size_t rows = 0, longest = 0;
    double *sum;
    uint32_t *count;

    *h = (struct vg_risk_hours){ .variables = d->variables,
                                 .first = vg_zeros(d->stays, sizeof *h->first) };
    for (uint32_t s = 0; s < d->stays; s++) {
        h->first[s] = rows;
        rows += d->stay[s].hours;
        longest = d->stay[s].hours > longest ? d->stay[s].hours : longest;
    }
    h->value = vg_zeros(rows * d->variables, sizeof *h->value);
    h->seen = vg_zeros(rows * d->variables, sizeof *h->seen);
    h->age = vg_zeros(longest + 1, sizeof *h->age);
    for (size_t t = 0; t <= longest; t++)
        h->age[t] = (float)(vg_log1p(60.0 * (double)t) / 6.0);
    sum = vg_zeros(longest * d->variables, sizeof *sum);
    count = vg_zeros(longest * d->variables, sizeof *count);
    for (uint32_t s = 0; s < d->stays; s++)
        fill_hours(d, &d->stay[s], d->variables, sum, count, h->value + h->first[s] * d->variables,
                   h->seen + h->first[s] * d->variables);
    free(sum);
    free(count);
}

void vg_risk_hours_done(struct vg_risk_hours *h)
{
    free(h->first);
    free(h->value);
    free(h->seen);
    free(h->age);
}

/* ---- standardisation ---- */

/** Running mean and variance of each column (Welford). */
struct moments {
    uint32_t columns;
    double *n, *mean, *m2; /* [columns] */
};

static void moments_init(struct moments *m, uint32_t columns)
{
    *m = (struct moments){ columns, vg_zeros(columns, sizeof(double)),
                           vg_zeros(columns, sizeof(double)), vg_zeros(columns, sizeof(double)) };
}

static void moments_add(struct moments *m, const float *value, const uint8_t *known)
{
    for (uint32_t c = 0; c < m->columns; c++) {
        double from_mean = (double)value[c] - m->mean[c];

        if (!known[c])
            continue;
        m->n[c] += 1.0;
        m->mean[c] += from_mean / m->n[c];
        m->m2[c] += from_mean * ((double)value[c] - m->mean[c]);
    }
}

static void moments_end(struct moments *m, float clip, struct vg_risk_standard *ret)
{
    *ret = (struct vg_risk_standard){ .mean = vg_zeros(m->columns, sizeof(float)),
                                      .scale = vg_zeros(m->columns, sizeof(float)),
                                      .clip = clip };
    for (uint32_t c = 0; c < m->columns; c++) {
        double deviation = m->n[c] > 0.0 ? sqrt(m->m2[c] / m->n[c]) : 0.0;

        ret->mean[c] = (float)m->mean[c];
        ret->scale[c] = deviation > 1e-6 ? (float)deviation : 1.0f;
    }
    free(m->n);
    free(m->mean);
    free(m->m2);
}

void vg_risk_hours_standard(const struct vg_risk_hours *h, const struct vg_risk_data *d,
                            const bool *part, float clip, struct vg_risk_standard *ret)
{
    struct moments m;

    moments_init(&m, h->variables);
    for (uint32_t s = 0; s < d->stays; s++)
        for (uint32_t t = 0; part[s] && t < d->stay[s].hours; t++)
            moments_add(&m, h->value + (h->first[s] + t) * h->variables,
                        h->seen + (h->first[s] + t) * h->variables);
    moments_end(&m, clip, ret);
}

void vg_risk_summaries_standard(const struct vg_risk_summaries *m, const struct vg_risk_cases *c,
                                const bool *part, float clip, struct vg_risk_standard *ret)
{
    struct moments moments;

    moments_init(&moments, m->columns);
    for (size_t i = 0; i < m->cases; i++)
        if (part[c->list[i].stay])
            moments_add(&moments, m->value + i * m->columns, m->known + i * m->columns);
    moments_end(&moments, clip, ret);
}

void vg_risk_standard_done(struct vg_risk_standard *s)
{
    free(s->mean);
    free(s->scale);
}

/* ---- sequences ---- */

/* Hours without a value before the first one: as if it was last seen when the window began. */
void vg_risk_hour_inputs(const struct vg_risk_hours *h, const struct vg_risk_standard *standard,
                         uint32_t n, const uint32_t *which, size_t row, float *held,
                         uint32_t *since_h, float *x)
{
    const float *value = h->value + row * h->variables;
    const uint8_t *seen = h->seen + row * h->variables;

    for (uint32_t v = 0; v < n; v++) {
        uint32_t from = which ? which[v] : v;

        if (seen[from]) {
            float z = (value[from] - standard->mean[v]) / standard->scale[v];

            held[v] = fminf(fmaxf(z, -standard->clip), standard->clip);
            since_h[v] = 0;
        } else {
            since_h[v]++;
        }
        if (!x)
            continue;
        x[v] = held[v];
        x[n + v] = seen[from] ? 1.0f : 0.0f;
        x[2 * n + v] = h->age[since_h[v]];
    }
}

const char *vg_risk_hour_name(const struct vg_risk_variable *v, char name[VG_NAME_SIZE])
{
    static const char *const scale[] = { "", ".log", ".log1p" };

    snprintf(name, VG_NAME_SIZE, "%s%s", v->name, scale[v->scale]);
    return name;
}

static void sequence_targets(const struct vg_risk_sequences *s, uint32_t stay, uint32_t t,
                             float *target, float *mask, float *weight)
{
    const struct vg_risk_data *d = s->data;
    uint32_t hours = d->stay[stay].hours;
    const struct vg_risk_case *c;

    if (d->hourly) {
        c = &s->cases->list[s->cases->first[stay] + t];
        *target = c->target;
        *mask = 1.0f;
        *weight = c->weight;
        return;
    }
    c = &s->cases->list[s->cases->first[stay]];
    *target = c->target;
    *weight = s->every_hour / (float)hours + (t + 1 == hours ? 1.0f - s->every_hour : 0.0f);
    *mask = *weight > 0.0f ? 1.0f : 0.0f;
}

static uint32_t sequence_steps(const void *self, size_t sequence)
{
    const struct vg_risk_sequences *s = self;

    return s->data->stay[s->stay[sequence]].hours;
}

static void sequence_read(const void *self, size_t sequence, uint32_t from, uint32_t n,
                          const struct vg_train_rows *rows)
{
    const struct vg_risk_sequences *s = self;
    uint32_t stay = s->stay[sequence];
    float held[VG_RISK_VARIABLES_MAX] = { 0 };
    uint32_t since_h[VG_RISK_VARIABLES_MAX] = { 0 };

    for (uint32_t t = 0; t < from + n; t++) {
        size_t k = t - from;

        vg_risk_hour_inputs(s->hours, s->standard, s->hours->variables, NULL,
                            s->hours->first[stay] + t, held, since_h,
                            t < from ? NULL : rows->x + k * rows->x_stride);
        if (t >= from)
            sequence_targets(s, stay, t, rows->target + k * rows->target_stride,
                             rows->mask + k * rows->mask_stride,
                             rows->weight + k * rows->weight_stride);
    }
}

struct vg_train_set vg_risk_sequence_set(const struct vg_risk_sequences *s)
{
    return (struct vg_train_set){
        .self = s, .sequences = s->stays, .steps = sequence_steps, .read = sequence_read
    };
}
