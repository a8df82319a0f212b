/* anomaly_html.c - what was found about a detector, as a page. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/anomaly_report.h"
#include "app/report_html.h"

enum { AREAS_MAX = 3, SERIES_MAX = 2 * AREAS_MAX };

/* ---- what is seen, and when ---- */

static void scenarios(struct vg_report *r, const struct vg_anomaly_found *f)
{
    static const char *const columns[] = { "scenario", "seen", "by chance", "median delay, min" };

    vg_report_table_begin(r,
                          "Of each scenario, the share of patients with an alert that starts "
                          "while it shows; in brackets 95 % intervals",
                          columns, VG_ARRAY_LEN(columns));
    for (size_t g = 0; g < VG_SIM_GROUPS; g++) {
        struct vg_report_row row = { .n = 0 };

        vg_report_cell(&row, "%s", vg_sim_group(g));
        vg_report_cell_interval(&row, "", 3, &f->at.seen[g]);
        vg_report_cell_number(&row, 3, f->at.chance[g]);
        vg_report_cell_number(&row, 1, f->at.delay_s[g] / 60);
        vg_report_table_row(r, &row);
    }
    vg_report_table_end(r);
}

static void draw_scenarios(struct vg_report *r, const struct vg_anomaly_found *f)
{
    struct vg_report_bar bar[VG_SIM_GROUPS];

    for (size_t g = 0; g < VG_SIM_GROUPS; g++)
        bar[g] = (struct vg_report_bar){ vg_sim_group(g), f->at.seen[g].value, f->at.seen[g].low,
                                         f->at.seen[g].high };
    vg_report_bars(r, &(struct vg_report_bars){ .title = "Sensitivity by scenario",
                                                .x_label = "share of patients seen",
                                                .x_min = 0,
                                                .x_max = 1,
                                                .bar = bar,
                                                .n = VG_SIM_GROUPS });
}

static void name_delay(size_t bin, char name[VG_REPORT_CELL_SIZE])
{
    double from = bin > 0 ? vg_anomaly_delays_min[bin - 1] : 0;

    if (bin < VG_ANOMALY_DELAYS - 1)
        snprintf(name, VG_REPORT_CELL_SIZE, "%g to %g min", from, vg_anomaly_delays_min[bin]);
    else
        snprintf(name, VG_REPORT_CELL_SIZE, "%g min and more", from);
}

static void draw_delays(struct vg_report *r, const struct vg_anomaly_found *f)
{
    struct vg_report_bar bar[VG_ANOMALY_DELAYS + 1];
    char name[VG_ANOMALY_DELAYS][VG_REPORT_CELL_SIZE];
    double patients = (double)f->per_group * VG_SIM_GROUPS, missed = 1, most = 0;

    for (size_t i = 0; i < VG_ANOMALY_DELAYS; i++) {
        double n = 0;

        for (size_t g = 0; g < VG_SIM_GROUPS; g++)
            n += f->at.delays[g][i];
        name_delay(i, name[i]);
        bar[i] = (struct vg_report_bar){ name[i], n / patients, (double)NAN, (double)NAN };
        missed -= n / patients;
        most = fmax(most, n / patients);
    }
    missed = fmax(missed, 0);
    bar[VG_ANOMALY_DELAYS] = (struct vg_report_bar){ "never", missed, (double)NAN, (double)NAN };
    vg_report_bars(r,
                   &(struct vg_report_bars){ .title = "Delay from a scenario's start to the alert",
                                             .x_label = "share of all patients in trouble",
                                             .x_min = 0,
                                             .x_max = fmax(most, missed),
                                             .bar = bar,
                                             .n = VG_ARRAY_LEN(bar) });
}

/* ---- what it costs ---- */

static void costs(struct vg_report *r, const struct vg_anomaly_found *f)
{
    static const char *const columns[] = { "false alerts per patient-day", "threshold",
                                           "mean sensitivity", "worst scenario" };

    vg_report_table_begin(r, "Thresholds by what they cost", columns, VG_ARRAY_LEN(columns));
    for (size_t i = 0; i < VG_ANOMALY_CURVE; i++) {
        struct vg_report_row row = { .n = 0 };

        vg_report_cell_number(&row, 2, f->curve[i].per_day);
        vg_report_cell_number(&row, 3, (double)f->curve[i].threshold);
        vg_report_cell_number(&row, 3, f->curve[i].macro);
        vg_report_cell_number(&row, 3, f->curve[i].worst);
        vg_report_table_row(r, &row);
    }
    vg_report_table_end(r);
}

static void draw_costs(struct vg_report *r, const struct vg_anomaly_found *f)
{
    double x[VG_ANOMALY_CURVE], mean[VG_ANOMALY_CURVE], worst[VG_ANOMALY_CURVE];
    const struct vg_report_series series[] = {
        { .name = "mean of scenarios", .x = x, .y = mean, .n = VG_ANOMALY_CURVE, .points = true },
        { .name = "worst scenario", .x = x, .y = worst, .n = VG_ANOMALY_CURVE, .points = true },
        { .name = "its threshold, mean", .x = &f->at.per_day, .y = &f->at.macro, 1, true, false },
        { .name = "its threshold, worst", .x = &f->at.per_day, .y = &f->at.worst, 1, true, false },
    };

    for (size_t i = 0; i < VG_ANOMALY_CURVE; i++) {
        x[i] = f->curve[i].per_day;
        mean[i] = f->curve[i].macro;
        worst[i] = f->curve[i].worst;
    }
    vg_report_plot(r, &(struct vg_report_plot){ .title = "Sensitivity over false alerts",
                                                .x_label = "false alerts per patient-day",
                                                .y_label = "share of patients seen",
                                                .y_min = 0,
                                                .y_max = 1,
                                                .series = series,
                                                .n = VG_ARRAY_LEN(series) });
}

/* ---- all thresholds ---- */

/** The models of which there is a precision-recall curve. */
struct areas {
    size_t n;
    const char *name[AREAS_MAX];
    const struct vg_anomaly_area *area[AREAS_MAX];
};

static void add_area(struct areas *a, const char *name, const struct vg_anomaly_area *area)
{
    a->name[a->n] = name;
    a->area[a->n++] = area;
}

static void find_areas(struct areas *a, const struct vg_anomaly_found *f)
{
    *a = (struct areas){ .n = 0 };
    if (f->has_detector)
        add_area(a, "detector", &f->area);
    if (f->has_window)
        add_area(a, "window model", &f->alone);
    if (f->has_pair) {
        add_area(a, "window model", &f->pair.a);
        add_area(a, "compared with", &f->pair.b);
    }
}

struct curve {
    double x[VG_VUS_THRESHOLDS], y[VG_VUS_THRESHOLDS];
};

static void draw_areas(struct vg_report *r, const struct areas *a, bool buffered)
{
    struct curve *curve = calloc(AREAS_MAX, sizeof(*curve));
    struct vg_report_series series[AREAS_MAX];

    VG_CHECK(curve);
    for (size_t i = 0; i < a->n; i++) {
        const struct vg_vus_point *point = buffered ? a->area[i]->buffered : a->area[i]->curve;
        size_t n = buffered ? a->area[i]->points_buffered : a->area[i]->points;

        for (size_t k = 0; k < n; k++) {
            curve[i].x[k] = point[k].recall;
            curve[i].y[k] = point[k].precision;
        }
        series[i] = (struct vg_report_series){
            .name = a->name[i], .x = curve[i].x, .y = curve[i].y, .n = n
        };
    }
    vg_report_plot(
        r, &(struct vg_report_plot){ .title = buffered ? "The same, 20 ticks around events"
                                                       : "Precision over recall of ticks",
                                     .x_label = "recall: share of strange ticks that is told",
                                     .y_label = "precision: share of told ticks",
                                     .x_min = 0,
                                     .x_max = 1,
                                     .y_min = 0,
                                     .y_max = 1,
                                     .series = series,
                                     .n = a->n });
    free(curve);
}

static void draw_volumes(struct vg_report *r, const struct areas *a)
{
    struct vg_report_bar bar[AREAS_MAX];

    for (size_t i = 0; i < a->n; i++)
        bar[i] = (struct vg_report_bar){ a->name[i], a->area[i]->vus.value, a->area[i]->vus.low,
                                         a->area[i]->vus.high };
    vg_report_bars(r, &(struct vg_report_bars){ .title = "VUS-PR",
                                                .x_label = "volume under the surface",
                                                .x_min = 0,
                                                .x_max = 1,
                                                .bar = bar,
                                                .n = a->n });
}

static void volumes(struct vg_report *r, const struct vg_anomaly_found *f)
{
    struct vg_buf text = VG_BUF_INIT;
    struct areas a;

    find_areas(&a, f);
    if (a.n == 0)
        return;
    vg_report_section(
        r, "All thresholds",
        "Tick by tick: precision over recall at every threshold, and VUS-PR, the area "
        "under such curves in the mean of buffers of 0 to 20 ticks around the events. "
        "Intervals from 1,000 draws of patients.");
    if (f->has_pair) {
        vg_buf_printf(&text,
                      "The window model less the one it is compared with, on the same patients: "
                      "%.3f [%.3f, %.3f].",
                      f->pair.difference.value, f->pair.difference.low, f->pair.difference.high);
        vg_report_paragraph(r, text.data);
    }
    vg_report_plots_begin(r);
    draw_areas(r, &a, false);
    draw_areas(r, &a, true);
    vg_report_plots_end(r);
    draw_volumes(r, &a);
    vg_buf_done(&text);
}

/* ---- the artefact stage ---- */

static double part(uint64_t of, uint64_t all)
{
    return all ? (double)of / (double)all : (double)NAN;
}

static void artefacts(struct vg_report *r, const struct vg_gate_result *g)
{
    static const char *const columns[] = { "artefact", "episodes", "found", "values marked",
                                           "values rejected" };

    vg_report_table_begin(r, "Patients with artefacts and without trouble", columns,
                          VG_ARRAY_LEN(columns));
    for (size_t i = 0; i < g->kinds; i++) {
        const struct vg_gate_found *k = &g->kind[i];
        struct vg_report_row row = { .n = 0 };

        vg_report_cell(&row, "%s", k->name);
        vg_report_cell(&row, "%llu", (unsigned long long)k->episodes);
        vg_report_cell_number(&row, 3, part(k->found, k->episodes));
        vg_report_cell_number(&row, 3, part(k->marked, k->cells));
        vg_report_cell_number(&row, 3, part(k->invalid, k->cells));
        vg_report_table_row(r, &row);
    }
    vg_report_table_end(r);
}

static void harm(struct vg_report *r, const struct vg_gate_result *g)
{
    static const char *const columns[] = { "scenario", "values", "doubted", "rejected" };

    vg_report_table_begin(r, "Patients in trouble and without artefacts", columns,
                          VG_ARRAY_LEN(columns));
    for (size_t i = 0; i < VG_SIM_GROUPS; i++) {
        const struct vg_gate_harm *h = &g->group[i];
        struct vg_report_row row = { .n = 0 };

        vg_report_cell(&row, "%s", h->group);
        vg_report_cell(&row, "%llu", (unsigned long long)h->cells);
        vg_report_cell_number(&row, 4, part(h->suspect, h->cells));
        vg_report_cell_number(&row, 4, part(h->invalid, h->cells));
        vg_report_table_row(r, &row);
    }
    vg_report_table_end(r);
}

/* ---- the page ---- */

static void lead(const struct vg_anomaly_found *f, struct vg_buf *out)
{
    vg_buf_printf(out,
                  "Simulated patients, seed %llu: %u without trouble, %u of each of %d groups of "
                  "scenarios, all with the artefacts that monitors make. They are kinder than real "
                  "ones: the figures compare detectors, they promise nothing at a bedside.",
                  (unsigned long long)f->seed, f->normals, f->per_group, VG_SIM_GROUPS);
    if (f->detector)
        vg_buf_printf(out, " Detector %s.", f->detector);
    if (f->window)
        vg_buf_printf(out, " Window model %s.", f->window);
    if (f->against)
        vg_buf_printf(out, " Compared with %s.", f->against);
}

static void detector(struct vg_report *r, const struct vg_anomaly_found *f)
{
    struct vg_buf text = VG_BUF_INIT;

    vg_buf_printf(
        &text,
        "At its own threshold of %.3f: %.2f false alerts per patient-day in %.0f "
        "patient-days without trouble; sensitivity %.3f in the mean of scenarios, %.3f in "
        "the worst. By chance is what alerts at this rate would see if they came at "
        "random.",
        (double)f->at.threshold, f->at.per_day, f->patient_days, f->at.macro, f->at.worst);
    vg_report_section(r, "What is seen", text.data);
    scenarios(r, f);
    draw_scenarios(r, f);
    draw_delays(r, f);
    vg_report_section(r, "What it costs",
                      "Alerts within 30 min are one. Other thresholds would cost and see:");
    costs(r, f);
    vg_report_plots_begin(r);
    draw_costs(r, f);
    vg_report_plots_end(r);
    vg_buf_done(&text);
}

vg_status vg_anomaly_html(const struct vg_anomaly_found *f, const char *path, struct vg_err *err)
{
    struct vg_buf text = VG_BUF_INIT;
    struct vg_report r;

    lead(f, &text);
    vg_report_begin(&r, "A detector, its sight and its price", text.data);
    if (f->has_detector)
        detector(&r, f);
    volumes(&r, f);
    if (f->has_gate) {
        vg_report_section(&r, "The artefact stage",
                          "What it finds of each artefact, and what it takes from an emergency: a "
                          "value that is rejected reaches no limit, one in doubt no model.");
        artefacts(&r, &f->gate);
        harm(&r, &f->gate);
    }
    vg_buf_done(&text);
    return vg_report_write(&r, path, err);
}
