/* risk_print.c - what was found about risk models, for a terminal and for a program. */
#include <math.h>

#include "app/report_json.h"
#include "app/risk_found.h"

/* ---- a terminal ---- */

/* ".857 [.841,.872]": a column of probabilities needs no leading zeros, and no room for them. */
static void add_number(struct vg_buf *out, double value, int decimals)
{
    char text[32];
    int n;

    if (isnan(value)) {
        vg_buf_str(out, "-");
        return;
    }
    n = snprintf(text, sizeof text, "%.*f", decimals, value);
    VG_CHECK(n > 0 && (size_t)n < sizeof text);
    if (fabs(value) < 1.0 && text[0] == '0' && decimals)
        vg_buf_str(out, text + 1);
    else
        vg_buf_str(out, text);
}

static void add_interval(struct vg_buf *out, const struct vg_interval *v, int decimals, int width)
{
    struct vg_buf cell = VG_BUF_INIT;

    add_number(&cell, v->value, decimals);
    if (!isnan(v->low)) {
        vg_buf_str(&cell, " [");
        add_number(&cell, v->low, decimals);
        vg_buf_str(&cell, ", ");
        add_number(&cell, v->high, decimals);
        vg_buf_char(&cell, ']');
    }
    vg_buf_printf(out, "%*s", width, cell.data);
    vg_buf_done(&cell);
}

static void print_name(const struct vg_risk_found *f, uint32_t r, struct vg_buf *out)
{
    const struct vg_risk_row *row = &f->cross->row[r];

    vg_buf_printf(out, "%s%-*.*s", row->member ? "  " : "", row->member ? 20 : 22,
                  row->member ? 20 : 22, row->name);
}

/* Figures in two tables, so that a line fits a terminal: what ranks and decides, what is calibrated. */
static void print_table(const struct vg_risk_found *f, const enum vg_risk_figure *figure, size_t n,
                        struct vg_buf *out)
{
    vg_buf_printf(out, "\n%-22s", "");
    for (size_t i = 0; i < n; i++)
        if (vg_risk_figure_shown(f, figure[i]))
            vg_buf_printf(out, " %20s", vg_risk_figures[figure[i]].title);
    vg_buf_char(out, '\n');
    for (uint32_t r = 0; r < f->cross->rows; r++) {
        print_name(f, r, out);
        for (size_t i = 0; i < n; i++) {
            if (!vg_risk_figure_shown(f, figure[i]))
                continue;
            vg_buf_char(out, ' ');
            add_interval(out, &f->row[r].figure[figure[i]], vg_risk_figures[figure[i]].decimals,
                         20);
        }
        vg_buf_char(out, '\n');
    }
}

static void print_confusions(const struct vg_risk_found *f, struct vg_buf *out)
{
    vg_buf_printf(out, "\n%-22s %9s %9s %9s %9s %27s\n", "", "right", "false", "missed", "right",
                  "");
    vg_buf_printf(out, "%-22s %9s %9s %9s %9s %27s\n", "", "alarms", "alarms", "", "silence",
                  "AUROC of the model above");
    for (uint32_t r = 0; r < f->cross->rows; r++) {
        const struct vg_confusion *c = &f->row[r].confusion;

        print_name(f, r, out);
        vg_buf_printf(out, " %9.0f %9.0f %9.0f %9.0f ", c->tp, c->fp, c->fn, c->tn);
        if (r > 0)
            add_interval(out, &f->row[r].over, 3, 27);
        vg_buf_char(out, '\n');
    }
}

void vg_risk_print(const struct vg_risk_found *f, struct vg_buf *out)
{
    static const enum vg_risk_figure ranking[] = { VG_RISK_FIGURE_auroc, VG_RISK_FIGURE_auprc,
                                                   VG_RISK_FIGURE_score1, VG_RISK_FIGURE_h,
                                                   VG_RISK_FIGURE_utility };
    static const enum vg_risk_figure deciding[] = { VG_RISK_FIGURE_accuracy,
                                                    VG_RISK_FIGURE_precision, VG_RISK_FIGURE_recall,
                                                    VG_RISK_FIGURE_f1 };
    static const enum vg_risk_figure calibrating[] = { VG_RISK_FIGURE_brier, VG_RISK_FIGURE_ece,
                                                       VG_RISK_FIGURE_slope,
                                                       VG_RISK_FIGURE_intercept };
    const struct vg_risk_data *d = f->cross->study->data;

    vg_buf_printf(out, "%u stays, %zu cases, %zu with the outcome; ", d->stays,
                  f->cross->study->cases.n, f->positive);
    if (f->cross->file)
        vg_buf_str(out, "a trained file, judged as it is\n");
    else
        vg_buf_printf(out, "%u folds by stay, pooled\n", f->cross->folds);
    print_table(f, ranking, VG_ARRAY_LEN(ranking), out);
    print_table(f, deciding, VG_ARRAY_LEN(deciding), out);
    print_table(f, calibrating, VG_ARRAY_LEN(calibrating), out);
    print_confusions(f, out);
    vg_buf_printf(out, "\nIn brackets: 95 %% intervals of %u draws of stays.\n", f->replicates);
    vg_risk_origin(f, out);
    vg_buf_char(out, '\n');
}

/* ---- a program ---- */

static void json_row(const struct vg_risk_found *f, uint32_t r, struct vg_buf *out)
{
    const struct vg_confusion *c = &f->row[r].confusion;

    vg_buf_str(out, "{\"name\":");
    vg_buf_json_str(out, f->cross->row[r].name);
    vg_buf_printf(out, ",\"member\":%s,", f->cross->row[r].member ? "true" : "false");
    for (int i = 0; i < VG_RISK_FIGURE_COUNT; i++) {
        if (!vg_risk_figure_shown(f, (enum vg_risk_figure)i))
            continue;
        vg_report_json_interval(out, vg_risk_figures[i].name, &f->row[r].figure[i]);
        vg_buf_char(out, ',');
    }
    vg_report_json_interval(out, "auroc_above", &f->row[r].over);
    vg_buf_printf(out, ",\"confusion\":{\"tp\":%.0f,\"fp\":%.0f,\"fn\":%.0f,\"tn\":%.0f}}", c->tp,
                  c->fp, c->fn, c->tn);
}

void vg_risk_json(const struct vg_risk_found *f, struct vg_buf *out)
{
    const struct vg_risk_data *d = f->cross->study->data;

    vg_buf_printf(out,
                  "{\"stays\":%u,\"cases\":%zu,\"positive\":%zu,\"implausible\":%zu,"
                  "\"folds\":%u,\"replicates\":%u,\"data_sha256\":\"%s\",\"model\":",
                  d->stays, f->cross->study->cases.n, f->positive, d->implausible, f->cross->folds,
                  f->replicates, d->sha256);
    if (f->cross->file)
        vg_buf_json_str(out, f->cross->file);
    else
        vg_buf_str(out, "null");
    vg_buf_str(out, ",\"threshold\":");
    vg_report_json_number(out, (double)f->cross->threshold);
    vg_buf_str(out, ",\"rows\":[");
    for (uint32_t r = 0; r < f->cross->rows; r++) {
        if (r)
            vg_buf_char(out, ',');
        json_row(f, r, out);
    }
    vg_buf_str(out, "]}\n");
}
