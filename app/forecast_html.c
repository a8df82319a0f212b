/* forecast_html.c - what was found about forecasts, as a page. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/forecast_report.h"
#include "app/report_html.h"
#include "core/text.h"

static void add_number(struct vg_report_row *row, const struct vg_interval *v)
{
    vg_report_cell_number(row, v->value < 10 ? 3 : 2, v->value);
}

static const char *channel_title(const struct vg_forecast_found *f, uint32_t c)
{
    return vg_channels[f->data->channel[c]].title;
}

static void name_cell(const struct vg_forecast_found *f, uint32_t c, uint32_t h, char *out)
{
    char horizon[VG_DURATION_TEXT_SIZE];

    vg_format_duration(f->horizon_ns[h], horizon);
    snprintf(out, VG_REPORT_CELL_SIZE, "%s %s", channel_title(f, c), horizon);
}

/** A sign only where resamples agree: half of all good models would be marked for chance. */
static const char *coverage_mark(const struct vg_interval *v, double wanted)
{
    if (fabs(v->value - wanted) <= 0.01)
        return VG_REPORT_GOOD;
    return v->low > wanted || v->high < wanted ? VG_REPORT_BAD : "";
}

static const char *ratio_mark(const struct vg_interval *v)
{
    if (v->high < 1)
        return VG_REPORT_GOOD;
    return v->low > 1 ? VG_REPORT_BAD : "";
}

static void table_row(struct vg_report *r, const struct vg_forecast_found *f, uint32_t c,
                      uint32_t h)
{
    const struct vg_interval *coverage = vg_forecast_figure(f, c, h, 0, VG_FIGURE_COVERAGE);
    struct vg_report_row row = { .n = 0 };
    char name[VG_REPORT_CELL_SIZE];

    name_cell(f, c, h, name);
    vg_report_cell(&row, "%s", name);
    add_number(&row, vg_forecast_figure(f, c, h, 0, VG_FIGURE_MAE));
    add_number(&row, vg_forecast_figure(f, c, h, 0, VG_FIGURE_RMSE));
    add_number(&row, vg_forecast_figure(f, c, h, 0, VG_FIGURE_PINBALL));
    add_number(&row, vg_forecast_figure(f, c, h, 0, VG_FIGURE_WIDTH));
    vg_report_cell_interval(&row, coverage_mark(coverage, f->interval), 3, coverage);
    for (uint32_t m = 1; m < f->eval->methods; m++) {
        const struct vg_interval *ratio = vg_forecast_figure(f, c, h, m, VG_FIGURE_RATIO);

        if (m != f->trained)
            vg_report_cell_interval(&row, ratio_mark(ratio), 3, ratio);
    }
    vg_report_table_row(r, &row);
}

static void table(struct vg_report *r, const struct vg_forecast_found *f)
{
    const char *columns[VG_REPORT_COLUMNS_MAX] = {
        "", "MAE", "RMSE", "pinball", "width", "coverage"
    };
    char name[VG_FORECAST_METHODS_MAX][VG_REPORT_CELL_SIZE];
    size_t n = 6;

    for (uint32_t m = 1; m < f->eval->methods; m++) {
        if (m == f->trained)
            continue;
        snprintf(name[m], VG_REPORT_CELL_SIZE, "MAE over %s", f->method[m].name);
        columns[n++] = name[m];
    }
    vg_report_table_begin(r, "Errors in the channel's unit; ratios below 1 favour the model",
                          columns, n);
    for (uint32_t c = 0; c < f->eval->channels; c++)
        for (uint32_t h = 0; h < f->eval->horizons; h++)
            table_row(r, f, c, h);
    vg_report_table_end(r);
}

/** Error over the last value by horizon: the model and each simple method. */
static void plot_channel(struct vg_report *r, const struct vg_forecast_found *f, uint32_t c)
{
    double x[VG_HORIZONS_MAX], y[VG_FORECAST_METHODS_MAX][VG_HORIZONS_MAX];
    struct vg_report_series series[VG_FORECAST_METHODS_MAX];
    const uint32_t horizons = f->eval->horizons;
    size_t n = 0;

    for (uint32_t h = 0; h < horizons; h++)
        x[h] = (double)f->horizon_ns[h] / 60e9;
    for (uint32_t m = 0; m < f->eval->methods; m++) {
        if (m == 1 || (m > 0 && m == f->trained))
            continue; /* the last value is the line at 1 */
        for (uint32_t h = 0; h < horizons; h++)
            y[m][h] = vg_forecast_figure(f, c, h, m, VG_FIGURE_MAE)->value /
                      vg_forecast_figure(f, c, h, 1, VG_FIGURE_MAE)->value;
        series[n++] = (struct vg_report_series){ .name = f->method[m].name,
                                                 .x = x,
                                                 .y = y[m],
                                                 .n = horizons,
                                                 .points = true,
                                                 .dashed = m > 0 };
    }
    vg_report_plot(r, &(struct vg_report_plot){ .title = channel_title(f, c),
                                                .x_label = "horizon, min",
                                                .y_label = "MAE over last value's",
                                                .series = series,
                                                .n = n });
}

static void coverage(struct vg_report *r, const struct vg_forecast_found *f)
{
    size_t n = (size_t)f->eval->channels * f->eval->horizons, at = 0;
    struct vg_report_bar *bar = calloc(n + 1, sizeof *bar);
    char(*name)[VG_REPORT_CELL_SIZE] = calloc(n + 1, sizeof *name);

    VG_CHECK(bar && name);
    for (uint32_t c = 0; c < f->eval->channels; c++) {
        for (uint32_t h = 0; h < f->eval->horizons; h++, at++) {
            const struct vg_interval *v = vg_forecast_figure(f, c, h, 0, VG_FIGURE_COVERAGE);

            name_cell(f, c, h, name[at]);
            bar[at] = (struct vg_report_bar){ name[at], v->value, v->low, v->high };
        }
    }
    vg_report_bars(r, &(struct vg_report_bars){ .title = "Coverage of the intervals",
                                                .x_label = "share of measured values within",
                                                .x_min = f->interval - 0.05,
                                                .x_max = f->interval + 0.05,
                                                .wanted_low = f->interval - 0.01,
                                                .wanted_high = f->interval + 0.01,
                                                .bar = bar,
                                                .n = n });
    free(bar);
    free(name);
}

vg_status vg_forecast_html(const struct vg_forecast_found *f, const char *path, struct vg_err *err)
{
    struct vg_report r;

    vg_report_begin(&r, "Forecasts against what happened", f->title);
    vg_report_section(
        &r, "Errors",
        "On measured values only, never on imputed ones; every method is judged on the "
        "same targets. In brackets: 95 % intervals from resamples of persons.");
    table(&r, f);
    vg_report_section(
        &r, "Error by horizon",
        "Relative to saying that everything stays as it is. Gains over the last value "
        "are small in honest tests; a large one is a reason to look for a leak.");
    vg_report_plots_begin(&r);
    for (uint32_t c = 0; c < f->eval->channels; c++)
        plot_channel(&r, f, c);
    vg_report_plots_end(&r);
    vg_report_section(&r, "Intervals",
                      "An interval is worth what it promises: the green band is within one percent "
                      "of it.");
    coverage(&r, f);
    return vg_report_write(&r, path, err);
}
