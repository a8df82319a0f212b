/* risk_html.c - what was found about risk models, as a page. */
#include <math.h>
#include <stdlib.h>

#include "app/report_html.h"
#include "app/risk_found.h"

enum { CURVE_POINTS = 200, DRAWN_MAX = 4 };

static void figures(struct vg_report *r, const struct vg_risk_found *f)
{
    const char *columns[VG_RISK_FIGURE_COUNT + 1] = { "" };
    size_t n = 1;

    for (int i = 0; i < VG_RISK_FIGURE_COUNT; i++)
        if (vg_risk_figure_shown(f, (enum vg_risk_figure)i))
            columns[n++] = vg_risk_figures[i].title;
    vg_report_table_begin(r, "In brackets 95 % intervals", columns, n);
    for (uint32_t row = 0; row < f->cross->rows; row++) {
        struct vg_report_row cells = { .n = 0 };

        vg_report_cell(&cells, "%s%s", f->cross->row[row].member ? "\xe2\x80\x93 " : "",
                       f->cross->row[row].name);
        for (int i = 0; i < VG_RISK_FIGURE_COUNT; i++)
            if (vg_risk_figure_shown(f, (enum vg_risk_figure)i))
                vg_report_cell_interval(&cells, "", vg_risk_figures[i].decimals,
                                        &f->row[row].figure[i]);
        vg_report_table_row(r, &cells);
    }
    vg_report_table_end(r);
    for (int i = 0; i < VG_RISK_FIGURE_COUNT; i++) {
        struct vg_buf text = VG_BUF_INIT;

        if (!vg_risk_figure_shown(f, (enum vg_risk_figure)i))
            continue;
        vg_buf_printf(&text, "%s: %s.", vg_risk_figures[i].title, vg_risk_figures[i].what);
        vg_report_paragraph(r, text.data);
        vg_buf_done(&text);
    }
}

static void confusions(struct vg_report *r, const struct vg_risk_found *f)
{
    static const char *const columns[] = { "",       "right alarms",  "false alarms",
                                           "missed", "right silence", "AUROC of the model above" };

    vg_report_table_begin(r, "Alarms at the threshold", columns, VG_ARRAY_LEN(columns));
    for (uint32_t row = 0; row < f->cross->rows; row++) {
        const struct vg_confusion *c = &f->row[row].confusion;
        struct vg_report_row cells = { .n = 0 };

        vg_report_cell(&cells, "%s", f->cross->row[row].name);
        vg_report_cell(&cells, "%.0f", c->tp);
        vg_report_cell(&cells, "%.0f", c->fp);
        vg_report_cell(&cells, "%.0f", c->fn);
        vg_report_cell(&cells, "%.0f", c->tn);
        if (row)
            vg_report_cell_interval(&cells, "", 3, &f->row[row].over);
        else
            vg_report_cell(&cells, "-");
        vg_report_table_row(r, &cells);
    }
    vg_report_table_end(r);
}

/** Curves of the model and of what it is measured against. */
struct curves {
    size_t n;
    const char *name[DRAWN_MAX];
    struct vg_curve_point point[DRAWN_MAX][CURVE_POINTS];
    size_t points[DRAWN_MAX];
    double x[DRAWN_MAX][CURVE_POINTS], y[DRAWN_MAX][CURVE_POINTS];
    struct vg_report_series series[DRAWN_MAX];
};

static void make_curves(struct curves *c, const struct vg_risk_found *f)
{
    c->n = 0;
    for (uint32_t row = 0; row < f->cross->rows && c->n < DRAWN_MAX; row++) {
        if (f->cross->row[row].member)
            continue;
        c->name[c->n] = f->cross->row[row].name;
        c->points[c->n] =
            vg_curve(f->row[row].cases, f->cross->study->cases.n, c->point[c->n], CURVE_POINTS);
        c->n++;
    }
}

static void draw_curves(struct curves *c, struct vg_report *r, bool roc)
{
    for (size_t i = 0; i < c->n; i++) {
        for (size_t p = 0; p < c->points[i]; p++) {
            c->x[i][p] = roc ? c->point[i][p].fpr : c->point[i][p].tpr;
            c->y[i][p] = roc ? c->point[i][p].tpr : c->point[i][p].precision;
        }
        c->series[i] = (struct vg_report_series){
            .name = c->name[i], .x = c->x[i], .y = c->y[i], .n = c->points[i], .dashed = i > 0
        };
    }
    vg_report_plot(r,
                   &(struct vg_report_plot){
                       .title = roc ? "Receiver operating characteristic" : "Precision over recall",
                       .x_label = roc ? "false alarms among those without the outcome"
                                      : "recall: share of outcomes with an alarm",
                       .y_label = roc ? "outcomes with an alarm" : "precision: alarms right",
                       .x_min = 0,
                       .x_max = 1,
                       .y_min = 0,
                       .y_max = 1,
                       .diagonal = roc,
                       .series = c->series,
                       .n = c->n });
}

static void draw_calibration(struct vg_report *r, const struct vg_risk_found *f)
{
    struct vg_calibration_bin bins[VG_CALIBRATION_BINS];
    double x[VG_CALIBRATION_BINS], y[VG_CALIBRATION_BINS];
    struct vg_report_series series = {
        .name = f->cross->row[0].name, .x = x, .y = y, .n = VG_CALIBRATION_BINS, .points = true
    };

    vg_calibration_curve(f->row[0].cases, f->cross->study->cases.n, NULL, bins);
    for (int i = 0; i < VG_CALIBRATION_BINS; i++) {
        x[i] = bins[i].predicted;
        y[i] = bins[i].observed;
    }
    vg_report_plot(r, &(struct vg_report_plot){ .title = "Ten groups of risk: said and seen",
                                                .x_label = "mean risk that was told",
                                                .y_label = "share with the outcome",
                                                .x_min = 0,
                                                .x_max = 1,
                                                .y_min = 0,
                                                .y_max = 1,
                                                .diagonal = true,
                                                .series = &series,
                                                .n = 1 });
}

static void lead(const struct vg_risk_found *f, struct vg_buf *out)
{
    vg_buf_printf(out, "%u stays, %zu cases, %zu with the outcome. ", f->cross->study->data->stays,
                  f->cross->study->cases.n, f->positive);
    if (f->cross->file)
        vg_buf_printf(out, "Model %s, judged as it is on stays that it was not trained on. ",
                      f->cross->file);
    else
        vg_buf_printf(out,
                      "%u folds by stay: every stay is judged by models that have not seen it. ",
                      f->cross->folds);
    vg_risk_origin(f, out);
    vg_buf_printf(out, " Intervals from %u draws of stays.", f->replicates);
}

vg_status vg_risk_html(const struct vg_risk_found *f, const char *path, struct vg_err *err)
{
    struct curves *curves = calloc(1, sizeof *curves);
    struct vg_buf text = VG_BUF_INIT;
    struct vg_report r;

    VG_CHECK(curves);
    lead(f, &text);
    vg_report_begin(&r, "Risk, told and seen", text.data);
    vg_report_section(&r, "Figures",
                      f->cross->file ? NULL
                                     : "Masks only knows whether and how often something was "
                                       "measured, time only not even that: what they reach is not "
                                       "physiology.");
    figures(&r, f);
    vg_report_section(&r, "Decisions", NULL);
    confusions(&r, f);
    vg_report_section(&r, "Curves", NULL);
    make_curves(curves, f);
    vg_report_plots_begin(&r);
    draw_curves(curves, &r, true);
    draw_curves(curves, &r, false);
    draw_calibration(&r, f);
    vg_report_plots_end(&r);
    free(curves);
    vg_buf_done(&text);
    return vg_report_write(&r, path, err);
}
