/* forecast_report.c - what was found about forecasts, for a terminal and for a program. */
#include "app/forecast_report.h"

#include <math.h>
#include <stdlib.h>

#include "app/report_json.h"
#include "core/buf.h"
#include "core/text.h"

/* Windows of 24 h with fewer targets say more about chance than about coverage. */
static const double rolling_least = 1000;

/* ---- figures ---- */

static size_t place(const struct vg_forecast_found *f, uint32_t channel, uint32_t horizon,
                    uint32_t method)
{
    size_t cell = (size_t)channel * f->eval->horizons + horizon;

    return (cell * f->eval->methods + method) * VG_FIGURES;
}

const struct vg_interval *vg_forecast_figure(const struct vg_forecast_found *f, uint32_t channel,
                                             uint32_t horizon, uint32_t method,
                                             enum vg_forecast_figure which)
{
    return &f->figure[place(f, channel, horizon, method) + which];
}

static void figures_of_cell(const struct vg_forecast_found *f, const uint32_t *times,
                            uint32_t channel, uint32_t horizon, double *figures)
{
    double judged = (double)NAN;

    for (uint32_t m = 0; m < f->eval->methods; m++) {
        struct vg_forecast_sums s = vg_forecast_eval_cell(f->eval, m, channel, horizon, times);
        double *to = figures + place(f, channel, horizon, m);

        to[VG_FIGURE_MAE] = vg_forecast_mae(&s);
        to[VG_FIGURE_RMSE] = vg_forecast_rmse(&s);
        to[VG_FIGURE_PINBALL] = vg_forecast_pinball(&s);
        to[VG_FIGURE_COVERAGE] = vg_forecast_coverage(&s);
        to[VG_FIGURE_WIDTH] = vg_forecast_width(&s);
        if (m == 0)
            judged = to[VG_FIGURE_MAE];
        to[VG_FIGURE_RATIO] = judged / to[VG_FIGURE_MAE];
    }
}

static void all_figures(void *context, const uint32_t *times, double *figures)
{
    const struct vg_forecast_found *f = context;

    for (uint32_t c = 0; c < f->eval->channels; c++)
        for (uint32_t h = 0; h < f->eval->horizons; h++)
            figures_of_cell(f, times, c, h, figures);
}

vg_status vg_forecast_find(struct vg_forecast_found *f, uint32_t replicates, uint64_t seed,
                           struct vg_err *err)
{
    size_t n = (size_t)f->eval->channels * f->eval->horizons * f->eval->methods * VG_FIGURES;

    f->figure = calloc(n + 1, sizeof *f->figure);
    if (!f->figure)
        return vg_fail(err, VG_E_MEMORY, "no memory for %zu figures", n);
    return vg_bootstrap(f->eval->persons, replicates, seed, all_figures, f, (uint32_t)n, f->figure,
                        err);
}

/* ---- a terminal ---- */

static void print_number(FILE *out, int width, const struct vg_interval *v)
{
    if (isnan(v->value))
        fprintf(out, " %*s", width, "-");
    else
        fprintf(out, " %*.*f", width, v->value < 10 ? 3 : 2, v->value);
}

/** ".993 [.990, .996]" */
static void print_interval(FILE *out, const struct vg_interval *v)
{
    if (isnan(v->value))
        fprintf(out, " %20s", "-");
    else
        fprintf(out, "  %5.3f [%5.3f,%5.3f]", v->value, v->low, v->high);
}

static void print_head(const struct vg_forecast_found *f, FILE *out)
{
    fprintf(out, "%-9s %6s %8s %7s %7s %7s %7s %22s %14s%s", "", "", "targets", "MAE", "RMSE",
            "pinball", "width", "coverage", "rolling 24 h", f->trained ? "  trained" : "");
    for (uint32_t m = 1; m < f->eval->methods; m++)
        if (m != f->trained)
            fprintf(out, " %29s", f->method[m].name);
    fprintf(out, "\n");
}

static void print_cell(const struct vg_forecast_found *f, FILE *out, uint32_t c, uint32_t h)
{
    struct vg_forecast_sums s = vg_forecast_eval_cell(f->eval, 0, c, h, NULL);
    char horizon[VG_DURATION_TEXT_SIZE];
    double low, high;

    vg_format_duration(f->horizon_ns[h], horizon);
    fprintf(out, "%-9s %6s %8.0f", h == 0 ? vg_channels[f->data->channel[c]].name : "", horizon,
            s.n);
    print_number(out, 7, vg_forecast_figure(f, c, h, 0, VG_FIGURE_MAE));
    print_number(out, 7, vg_forecast_figure(f, c, h, 0, VG_FIGURE_RMSE));
    print_number(out, 7, vg_forecast_figure(f, c, h, 0, VG_FIGURE_PINBALL));
    print_number(out, 7, vg_forecast_figure(f, c, h, 0, VG_FIGURE_WIDTH));
    print_interval(out, vg_forecast_figure(f, c, h, 0, VG_FIGURE_COVERAGE));
    vg_forecast_eval_rolling(f->eval, c, h, rolling_least, &low, &high);
    if (isnan(low))
        fprintf(out, " %14s", "-");
    else
        fprintf(out, "  %5.3f - %5.3f", low, high);
    if (f->trained)
        print_number(out, 8, vg_forecast_figure(f, c, h, f->trained, VG_FIGURE_COVERAGE));
    for (uint32_t m = 1; m < f->eval->methods; m++) {
        if (m == f->trained)
            continue;
        print_number(out, 7, vg_forecast_figure(f, c, h, m, VG_FIGURE_MAE));
        print_interval(out, vg_forecast_figure(f, c, h, m, VG_FIGURE_RATIO));
    }
    fprintf(out, "\n");
}

void vg_forecast_print(const struct vg_forecast_found *f, FILE *out)
{
    fprintf(out, "%s\n\n", f->title);
    print_head(f, out);
    for (uint32_t c = 0; c < f->eval->channels; c++)
        for (uint32_t h = 0; h < f->eval->horizons; h++)
            print_cell(f, out, c, h);
    fprintf(
        out,
        "\nErrors in the channel's unit, on measured values only. Behind each simple method:\n"
        "the model's error over that method's; below 1 the model is better. In brackets: 95 %%\n"
        "intervals by resampling persons. Intervals are meant to hold %.0f %%.\n",
        100 * f->interval);
}

/* ---- a program ---- */

static void json_method(const struct vg_forecast_found *f, struct vg_buf *out, uint32_t c,
                        uint32_t h, uint32_t m)
{
    vg_buf_json_str(out, f->method[m].name);
    vg_buf_str(out, ":{");
    vg_report_json_interval(out, "mae", vg_forecast_figure(f, c, h, m, VG_FIGURE_MAE));
    vg_buf_char(out, ',');
    vg_report_json_interval(out, "rmse", vg_forecast_figure(f, c, h, m, VG_FIGURE_RMSE));
    if (!f->method[m].point) {
        vg_buf_char(out, ',');
        vg_report_json_interval(out, "pinball", vg_forecast_figure(f, c, h, m, VG_FIGURE_PINBALL));
        vg_buf_char(out, ',');
        vg_report_json_interval(out, "coverage",
                                vg_forecast_figure(f, c, h, m, VG_FIGURE_COVERAGE));
        vg_buf_char(out, ',');
        vg_report_json_interval(out, "width", vg_forecast_figure(f, c, h, m, VG_FIGURE_WIDTH));
    }
    if (m > 0) {
        vg_buf_char(out, ',');
        vg_report_json_interval(out, "ratio", vg_forecast_figure(f, c, h, m, VG_FIGURE_RATIO));
    }
    vg_buf_char(out, '}');
}

static void json_cell(const struct vg_forecast_found *f, struct vg_buf *out, uint32_t c, uint32_t h)
{
    struct vg_forecast_sums s = vg_forecast_eval_cell(f->eval, 0, c, h, NULL);
    double low, high;

    vg_forecast_eval_rolling(f->eval, c, h, rolling_least, &low, &high);
    vg_buf_printf(out, "{\"channel\":\"%s\",\"horizon_s\":%g,\"targets\":%.0f,\"rolling_24h\":[",
                  vg_channels[f->data->channel[c]].name,
                  (double)f->horizon_ns[h] / (double)VG_NS_PER_S, s.n);
    vg_report_json_number(out, low);
    vg_buf_char(out, ',');
    vg_report_json_number(out, high);
    vg_buf_str(out, "],\"methods\":{");
    for (uint32_t m = 0; m < f->eval->methods; m++) {
        if (m > 0)
            vg_buf_char(out, ',');
        json_method(f, out, c, h, m);
    }
    vg_buf_str(out, "}}");
}

void vg_forecast_json(const struct vg_forecast_found *f, struct vg_buf *out)
{
    bool first = true;

    vg_buf_str(out, "{\"title\":");
    vg_buf_json_str(out, f->title);
    vg_buf_printf(out, ",\"persons\":%u,\"interval\":%g,\"cells\":[\n", f->eval->persons,
                  f->interval);
    for (uint32_t c = 0; c < f->eval->channels; c++) {
        for (uint32_t h = 0; h < f->eval->horizons; h++) {
            if (!first)
                vg_buf_str(out, ",\n");
            first = false;
            json_cell(f, out, c, h);
        }
    }
    vg_buf_str(out, "\n]}\n");
}
