/* risk_design.c - summaries as learners see them: standardised, and with bends where a line may bend.
 *
 * A bend at k of column z is max(0, z - k) less its mean: with a few of them a line becomes a curve
 * (a linear spline), and a regression can say that a temperature is bad on either side.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/risk_private.h"
#include "core/alloc.h"

static void row_summaries(const struct vg_risk_design *d, size_t row, float *x)
{
    const struct vg_risk_summaries *m = d->job->summaries;
    const float *value = m->value + row * m->columns;
    const uint8_t *known = m->known + row * m->columns;
    float clip = d->standard.clip;

    for (uint32_t k = 0; k < m->columns; k++) {
        float z = (value[k] - d->standard.mean[k]) / d->standard.scale[k];

        x[k] = known[k] ? fminf(fmaxf(z, -clip), clip) : 0.0f;
    }
}

void vg_risk_design_row(const struct vg_risk_design *d, size_t row, float *x)
{
    uint32_t columns = d->job->summaries->columns;

    row_summaries(d, row, x);
    for (uint32_t k = 0; k < d->columns - columns; k++)
        x[columns + k] = fmaxf(0.0f, x[d->bent[k]] - d->bend[k]) - d->center[k];
}

/* Bends at which nothing learned from lies on either side are left where they are: their column is
 * a line or zero, which the penalty takes care of. */
static void add_bends(struct vg_risk_design *d)
{
    const struct vg_risk_learner *l = d->job->learner;
    const struct vg_risk_summaries *m = d->job->summaries;
    size_t most = (size_t)m->columns * l->bends_n;
    uint32_t n = 0;

    d->bent = vg_zeros(most, sizeof *d->bent);
    d->bend = vg_zeros(most, sizeof *d->bend);
    d->center = vg_zeros(most, sizeof *d->center);
    for (uint32_t k = 0; k < m->columns; k++)
        for (uint32_t b = 0; l->may_bend[m->kind[k]] && b < l->bends_n; b++) {
            d->bent[n] = k;
            d->bend[n++] = l->bend[b];
        }
    d->columns = m->columns + n;
}

static void center_bends(struct vg_risk_design *d)
{
    const struct vg_risk_summaries *m = d->job->summaries;
    const struct vg_risk_cases *c = &d->job->study->cases;
    uint32_t bends = d->columns - m->columns;
    double *sum = vg_zeros(bends, sizeof *sum), n = 0.0;
    float *x = vg_zeros(d->columns, sizeof *x);

    for (size_t i = 0; i < c->n; i++) {
        if (!d->job->learn[c->list[i].stay])
            continue;
        vg_risk_design_row(d, i, x);
        for (uint32_t k = 0; k < bends; k++)
            sum[k] += (double)x[m->columns + k];
        n += 1.0;
    }
    for (uint32_t k = 0; k < bends && n > 0.0; k++)
        d->center[k] = (float)(sum[k] / n);
    free(sum);
    free(x);
}

void vg_risk_design_init(struct vg_risk_design *d, const struct vg_risk_job *job)
{
    *d = (struct vg_risk_design){ .job = job };
    vg_risk_summaries_standard(job->summaries, &job->study->cases, job->learn, job->learner->clip,
                               &d->standard);
    add_bends(d);
    center_bends(d);
}

void vg_risk_design_done(struct vg_risk_design *d)
{
    vg_risk_standard_done(&d->standard);
    free(d->bent);
    free(d->bend);
    free(d->center);
}

struct named {
    char text[VG_NAME_SIZE];
};

/* A bend is named by what bends and where; its z is (max(0, z of that - where) - mean) / 1. */
void vg_risk_design_variables(const struct vg_risk_design *d, struct vg_variable **ret)
{
    const struct vg_risk_summaries *m = d->job->summaries;
    size_t bytes = d->columns * (sizeof(struct vg_variable) + sizeof(struct named));
    struct vg_variable *variable = vg_zeros(bytes, 1);
    struct named *name = (struct named *)(variable + d->columns);

    for (uint32_t k = 0; k < m->columns; k++) {
        memcpy(name[k].text, m->name[k], VG_NAME_SIZE);
        variable[k] =
            (struct vg_variable){ name[k].text, d->standard.mean[k], d->standard.scale[k] };
    }
    for (uint32_t b = 0; b < d->columns - m->columns; b++) {
        uint32_t k = m->columns + b;
        struct vg_buf text = VG_BUF_INIT;

        vg_buf_printf(&text, "%.44s.above_", m->name[d->bent[b]]);
        vg_buf_float(&text, d->bend[b]);
        memcpy(name[k].text, text.data, text.len < VG_NAME_SIZE ? text.len : VG_NAME_SIZE - 1);
        vg_buf_done(&text);
        variable[k] = (struct vg_variable){ name[k].text, d->center[b], 1.0f };
    }
    *ret = variable;
}

void vg_risk_rows_init(struct vg_risk_rows *r, const struct vg_risk_design *d, const bool *part)
{
    const struct vg_risk_cases *c = &d->job->study->cases;

    r->n = vg_risk_cases_of(d->job->study, part, &r->list);
    r->x = vg_zeros(r->n * d->columns, sizeof *r->x);
    r->target = vg_zeros(r->n, sizeof *r->target);
    r->weight = vg_zeros(r->n, sizeof *r->weight);
    for (size_t i = 0; i < r->n; i++) {
        vg_risk_design_row(d, r->list[i], r->x + i * d->columns);
        r->target[i] = c->list[r->list[i]].target;
        r->weight[i] = c->list[r->list[i]].weight;
    }
}

void vg_risk_rows_done(struct vg_risk_rows *r)
{
    free(r->list);
    free(r->x);
    free(r->target);
    free(r->weight);
}
