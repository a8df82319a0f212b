/* risk_found.c - figures of risk models, with intervals by drawing stays again. */
#include "app/risk_found.h"

#include <math.h>
#include <stdlib.h>

#include "core/alloc.h"

enum { BOOTSTRAP_SEED = 2012 };

const struct vg_risk_figure_about vg_risk_figures[VG_RISK_FIGURE_COUNT] = {
#define ABOUT(name, title, decimals, what) { #name, title, decimals, what },
    VG_RISK_FIGURES(ABOUT)
#undef ABOUT
};

/* ---- one row ---- */

/** What the figures of a row are computed from. */
struct row_data {
    const struct vg_risk_study *study;
    size_t n;
    struct vg_case *cases;       /* [N] by probability */
    struct vg_case *alarms;      /* [N] by alarm, 1 or 0 */
    struct vg_sepsis_sums *sums; /* [S] (hourly) */
};

static void fill_sums(struct row_data *d, const struct vg_risk_row *row)
{
    const struct vg_risk_data *data = d->study->data;

    d->sums = vg_zeros(data->stays, sizeof *d->sums);
    for (uint32_t s = 0; data->hourly && s < data->stays; s++)
        d->sums[s] = vg_sepsis_sums(data->label + data->stay[s].first_label,
                                    row->alarm + d->study->cases.first[s], data->stay[s].hours);
}

static void row_data_init(struct row_data *d, const struct vg_risk_study *study,
                          const struct vg_risk_row *row)
{
    *d = (struct row_data){ .study = study, .n = study->cases.n };
    d->cases = vg_zeros(d->n, sizeof *d->cases);
    d->alarms = vg_zeros(d->n, sizeof *d->alarms);
    for (size_t i = 0; i < d->n; i++) {
        const struct vg_risk_case *c = &study->cases.list[i];

        d->cases[i] = (struct vg_case){ row->probability[i], c->label, c->stay };
        d->alarms[i] = (struct vg_case){ row->alarm[i] ? 1.0f : 0.0f, c->label, c->stay };
    }
    vg_cases_sort(d->cases, d->n);
    vg_cases_sort(d->alarms, d->n);
    fill_sums(d, row);
}

static double utility(const struct row_data *d, const uint32_t *times)
{
    struct vg_sepsis_sums all = { 0 };

    for (uint32_t s = 0; s < d->study->data->stays; s++) {
        double n = times ? (double)times[s] : 1.0;

        all.observed += n * d->sums[s].observed;
        all.best += n * d->sums[s].best;
        all.none += n * d->sums[s].none;
    }
    return d->study->data->hourly ? vg_sepsis_normalised(&all) : (double)NAN;
}

static void row_figures(void *context, const uint32_t *times, double *figures)
{
    const struct row_data *d = context;
    struct vg_confusion c = vg_confusion_at(d->alarms, d->n, times, 0.5f);
    struct vg_calibration_line line = vg_calibration_line(d->cases, d->n, times);

    figures[VG_RISK_FIGURE_auroc] = vg_auroc(d->cases, d->n, times);
    figures[VG_RISK_FIGURE_auprc] = vg_auprc(d->cases, d->n, times);
    figures[VG_RISK_FIGURE_score1] = vg_score1(d->alarms, d->n, times, 0.5f);
    figures[VG_RISK_FIGURE_h] = vg_hosmer_lemeshow(d->cases, d->n, times);
    figures[VG_RISK_FIGURE_utility] = utility(d, times);
    figures[VG_RISK_FIGURE_accuracy] = vg_accuracy(&c);
    figures[VG_RISK_FIGURE_precision] = vg_precision(&c);
    figures[VG_RISK_FIGURE_recall] = vg_recall(&c);
    figures[VG_RISK_FIGURE_f1] = vg_f1(&c);
    figures[VG_RISK_FIGURE_brier] = vg_brier(d->cases, d->n, times);
    figures[VG_RISK_FIGURE_ece] = vg_ece(d->cases, d->n, times);
    figures[VG_RISK_FIGURE_slope] = line.slope;
    figures[VG_RISK_FIGURE_intercept] = line.intercept;
}

/* ---- a row against the model ---- */

struct pair {
    const struct vg_case *model, *other;
    size_t n;
};

static void difference(void *context, const uint32_t *times, double *figures)
{
    const struct pair *p = context;

    figures[0] = vg_auroc(p->model, p->n, times) - vg_auroc(p->other, p->n, times);
}

/* ---- all rows ---- */

static vg_status find_row(struct vg_risk_found *f, uint32_t r, struct vg_err *err)
{
    const struct vg_risk_study *study = f->cross->study;
    struct vg_risk_found_row *row = &f->row[r];
    struct row_data d;
    struct pair pair;
    vg_status st;

    row_data_init(&d, study, &f->cross->row[r]);
    row->cases = d.cases;
    row->confusion = vg_confusion_at(d.alarms, d.n, NULL, 0.5f);
    st = vg_bootstrap(study->data->stays, f->replicates, BOOTSTRAP_SEED, row_figures, &d,
                      VG_RISK_FIGURE_COUNT, row->figure, err);
    pair = (struct pair){ f->row[0].cases, d.cases, d.n };
    if (st == VG_OK)
        st = vg_bootstrap(study->data->stays, f->replicates, BOOTSTRAP_SEED, difference, &pair, 1,
                          &row->over, err);
    free(d.alarms);
    free(d.sums);
    return st;
}

vg_status vg_risk_find(struct vg_risk_found *f, const struct vg_risk_cross *cross,
                       uint32_t replicates, struct vg_err *err)
{
    vg_status st = VG_OK;

    *f = (struct vg_risk_found){ .cross = cross, .replicates = replicates };
    for (size_t i = 0; i < cross->study->cases.n; i++)
        f->positive += cross->study->cases.list[i].label;
    for (uint32_t r = 0; r < cross->rows && st == VG_OK; r++)
        st = find_row(f, r, err);
    return st;
}

void vg_risk_found_done(struct vg_risk_found *f)
{
    for (uint32_t r = 0; r < VG_RISK_ROWS_MAX; r++)
        free(f->row[r].cases);
}

bool vg_risk_figure_shown(const struct vg_risk_found *f, enum vg_risk_figure figure)
{
    bool hourly = f->cross->study->data->hourly;

    if (figure == VG_RISK_FIGURE_utility)
        return hourly;
    return !hourly || (figure != VG_RISK_FIGURE_score1 && figure != VG_RISK_FIGURE_h);
}

void vg_risk_origin(const struct vg_risk_found *f, struct vg_buf *out)
{
    if (!f->cross->file)
        vg_buf_str(out, "Probabilities, their combination and the threshold of an alarm are each "
                        "fold's from the others.");
    else if (isnan(f->cross->threshold))
        vg_buf_printf(
            out,
            "Probabilities are those of the file. The threshold of an alarm is each of %u "
            "folds' from the others, and what a bedside score is worth.",
            f->cross->folds);
    else
        vg_buf_printf(out, "Probabilities are those of the file; an alarm begins at %g.",
                      (double)f->cross->threshold);
}
