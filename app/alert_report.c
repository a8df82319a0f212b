/* alert_report.c - figures of alerts, three times: printed, as JSON, as a page. */
#include "app/alert_report.h"

#include <math.h>
#include <stdio.h>

#include "app/report_html.h"

static double artefact_share(const struct vg_alert_figures *f)
{
    return f->artefacts > 0 ? (double)f->artefact_alerts / (double)f->artefacts : (double)NAN;
}

static double artefact_rate(const struct vg_alert_figures *f)
{
    return (double)f->artefact_alerts / f->days;
}

/* Refusals that a terminal and a page show; JSON has all. */
enum { REFUSALS_SHOWN = 20 };

static const char *side_name(const struct vg_charted_refusal *r)
{
    if (r->entry.text[0] == '\0')
        return "";
    return r->entry.side == VG_SIDE_LOW ? " low" : " high";
}

static size_t refusals_shown(const struct vg_charted *c)
{
    return c->refusals < REFUSALS_SHOWN ? c->refusals : REFUSALS_SHOWN;
}

static const struct vg_alert_rule_figures *used(const struct vg_alert_figures *f, uint32_t i)
{
    return f->rule[i].starts > 0 ? &f->rule[i] : NULL;
}

/* ---- a terminal ---- */

static void print_starts(const struct vg_alert_figures *f, struct vg_buf *out)
{
    vg_buf_printf(out, "%-16s", "starts per day");
    for (int priority = 0; priority < VG_PRIORITY_COUNT; priority++)
        vg_buf_printf(out, " %8s", vg_priority_name(priority));
    vg_buf_char(out, '\n');
    for (int kind = 0; kind < VG_ALERT_KIND_COUNT; kind++) {
        vg_buf_printf(out, "%-16s", vg_alert_kind_name(kind));
        for (int priority = 0; priority < VG_PRIORITY_COUNT; priority++)
            vg_buf_printf(out, " %8.2f", f->starts[kind][priority] / f->days);
        vg_buf_char(out, '\n');
    }
}

static void print_cost(const struct vg_alert_figures *f, struct vg_buf *out)
{
    vg_buf_printf(out,
                  "\ntechnical: %.2f of all starts; floods (ten in ten minutes): %.3f per day\n",
                  f->technical, f->floods);
    if (!f->simulated)
        return;
    vg_buf_printf(
        out,
        "false per patient-day: limits %.2f, concluded %.2f (%.2f of them not without artefacts); "
        "together, those of half an hour as one, %.2f\n"
        "artefacts that made an alert about the patient: %.2f %% of %llu, %.2f per day\n",
        f->false_limits, f->false_concluded, f->unmet_concluded, f->false_merged,
        100 * artefact_share(f), (unsigned long long)f->artefacts, artefact_rate(f));
}

static void print_rule(const struct vg_alert_report *r, uint32_t i,
                       const struct vg_alert_rule_figures *one, struct vg_buf *out)
{
    const struct vg_alert_figures *f = &r->figures;
    char crossings[32] = "";

    if (f->simulated)
        snprintf(crossings, sizeof(crossings), "%.2f", one->crossings / f->days);
    vg_buf_printf(out, "%-28s %9u %9.2f %9s %11.1f %9.0f\n", vg_alert_rule_name(r->config, i),
                  one->starts, one->starts / f->days, crossings, one->active_s / 60 / f->days,
                  one->median_s);
}

static void print_rules(const struct vg_alert_report *r, struct vg_buf *out)
{
    const struct vg_alert_figures *f = &r->figures;

    vg_buf_printf(out, "\n%-28s %9s %9s %9s %11s %9s\n", "rule", "starts", "per day",
                  f->simulated ? "true" : "", "min per day", "median s");
    for (uint32_t i = 0; i < f->rules; i++) {
        const struct vg_alert_rule_figures *one = used(f, i);

        if (one)
            print_rule(r, i, one, out);
    }
}

static void print_groups(const struct vg_alert_report *r, struct vg_buf *out)
{
    const struct vg_alert_figures *f = &r->figures;

    if (r->per_group == 0)
        return;
    vg_buf_printf(out, "\n%-16s %8s %-14s %9s %10s %9s %9s\n", "scenario", "seen", "", "by limits",
                  "concluded", "by chance", "after min");
    for (size_t g = 0; g < VG_SIM_GROUPS; g++) {
        const struct vg_alert_group_figures *one = &f->group[g];

        vg_buf_printf(out, "%-16s %8.3f [%.3f, %.3f] %9.3f %10.3f %9.3f %9.1f\n", vg_sim_group(g),
                      one->seen.value, one->seen.low, one->seen.high, one->by_limit.value,
                      one->concluded.value, one->chance, one->delay_s / 60);
    }
    vg_buf_printf(
        out,
        "\nsensitivity %.3f in the mean of scenarios, %.3f in the worst; of the alerts on "
        "patients in trouble %.3f started while it showed\n",
        f->macro, f->worst, f->precision);
}

static void print_limits(const struct vg_charted *c, struct vg_buf *out)
{
    if (c->entries == 0)
        return;
    vg_buf_printf(out,
                  "\nlimits charted: %zu, in %zu orders; refused, what was in force stayed: %zu\n",
                  c->entries, c->orders, c->refusals);
    for (size_t i = 0; i < refusals_shown(c); i++) {
        const struct vg_charted_refusal *r = &c->refused[i];

        vg_buf_printf(out, "  line %llu: %s%s %s: %s\n", (unsigned long long)r->entry.line,
                      vg_channels[r->entry.channel].name, side_name(r), r->entry.text, r->why);
    }
    if (c->refusals > refusals_shown(c))
        vg_buf_printf(out, "  and %zu more; --json has all\n", c->refusals - refusals_shown(c));
}

void vg_alert_report_print(const struct vg_alert_report *r, struct vg_buf *out)
{
    if (r->recording)
        vg_buf_printf(out, "%s: %u patients of %s, %.3f patient-days\n\n", r->config_path,
                      r->normals, r->recording, r->figures.days);
    else
        vg_buf_printf(out,
                      "%s: %.0f patient-days without trouble, %u patients of each scenario\n\n",
                      r->config_path, r->figures.days, r->per_group);
    print_starts(&r->figures, out);
    print_cost(&r->figures, out);
    print_rules(r, out);
    print_limits(&r->charted, out);
    print_groups(r, out);
}

/* ---- a program ---- */

/* Without a figure: null. */
static void json_number(struct vg_buf *out, const char *key, double value)
{
    vg_buf_printf(out, ",\"%s\":", key);
    if (isnan(value))
        vg_buf_str(out, "null");
    else
        vg_buf_printf(out, "%.6g", value);
}

/* Known of simulated patients only. */
static void json_known(struct vg_buf *out, const struct vg_alert_figures *f, const char *key,
                       double value)
{
    json_number(out, key, f->simulated ? value : (double)NAN);
}

static void json_starts(const struct vg_alert_figures *f, struct vg_buf *out)
{
    vg_buf_str(out, ",\"starts_per_day\":{");
    for (int kind = 0; kind < VG_ALERT_KIND_COUNT; kind++) {
        vg_buf_printf(out, "%s\"%s\":{", kind ? "," : "", vg_alert_kind_name(kind));
        for (int priority = 0; priority < VG_PRIORITY_COUNT; priority++)
            vg_buf_printf(out, "%s\"%s\":%.6g", priority ? "," : "", vg_priority_name(priority),
                          f->starts[kind][priority] / f->days);
        vg_buf_char(out, '}');
    }
    vg_buf_char(out, '}');
}

static void json_rules(const struct vg_alert_report *r, struct vg_buf *out)
{
    const struct vg_alert_figures *f = &r->figures;
    bool first = true;

    vg_buf_str(out, ",\"rules\":{");
    for (uint32_t i = 0; i < f->rules; i++) {
        const struct vg_alert_rule_figures *one = used(f, i);

        if (!one)
            continue;
        vg_buf_printf(out, "%s\"%s\":{\"starts\":%u,\"per_day\":%.6g", first ? "" : ",",
                      vg_alert_rule_name(r->config, i), one->starts, one->starts / f->days);
        json_known(out, f, "true_per_day", one->crossings / f->days);
        json_number(out, "active_s_per_day", one->active_s / f->days);
        json_number(out, "median_s", one->median_s);
        vg_buf_char(out, '}');
        first = false;
    }
    vg_buf_char(out, '}');
}

static void json_groups(const struct vg_alert_report *r, struct vg_buf *out)
{
    vg_buf_str(out, ",\"scenarios\":{");
    for (size_t g = 0; g < VG_SIM_GROUPS && r->per_group > 0; g++) {
        const struct vg_alert_group_figures *one = &r->figures.group[g];

        vg_buf_printf(out, "%s\"%s\":{\"seen\":%.6g,\"seen_low\":%.6g,\"seen_high\":%.6g",
                      g ? "," : "", vg_sim_group(g), one->seen.value, one->seen.low,
                      one->seen.high);
        json_number(out, "by_limits", one->by_limit.value);
        json_number(out, "concluded", one->concluded.value);
        json_number(out, "chance", one->chance);
        json_number(out, "delay_s", one->delay_s);
        vg_buf_char(out, '}');
    }
    vg_buf_char(out, '}');
}

static void json_limits(const struct vg_charted *c, struct vg_buf *out)
{
    if (c->entries == 0)
        return;
    vg_buf_printf(out, ",\"limits\":{\"charted\":%zu,\"orders\":%zu,\"refused\":[", c->entries,
                  c->orders);
    for (size_t i = 0; i < c->refusals; i++) {
        const struct vg_charted_refusal *r = &c->refused[i];

        vg_buf_printf(out, "%s{\"line\":%llu,\"channel\":\"%s\"", i ? "," : "",
                      (unsigned long long)r->entry.line, vg_channels[r->entry.channel].name);
        if (r->entry.text[0]) {
            vg_buf_printf(out, ",\"side\":\"%s\",\"value\":", side_name(r) + 1);
            vg_buf_json_str(out, r->entry.text);
        }
        vg_buf_str(out, ",\"why\":");
        vg_buf_json_str(out, r->why);
        vg_buf_char(out, '}');
    }
    vg_buf_str(out, "]}");
}

void vg_alert_report_json(const struct vg_alert_report *r, struct vg_buf *out)
{
    const struct vg_alert_figures *f = &r->figures;

    vg_buf_str(out, "{\"config\":");
    vg_buf_json_str(out, r->config_path);
    if (r->recording) {
        vg_buf_str(out, ",\"recording\":");
        vg_buf_json_str(out, r->recording);
        vg_buf_printf(out, ",\"patients\":%u", r->normals);
    } else {
        vg_buf_printf(out, ",\"seed\":%llu,\"patients_per_scenario\":%u",
                      (unsigned long long)r->seed, r->per_group);
    }
    json_number(out, "patient_days", f->days);
    json_starts(f, out);
    json_known(out, f, "false_limits_per_day", f->false_limits);
    json_known(out, f, "false_concluded_per_day", f->false_concluded);
    json_known(out, f, "unmet_concluded_per_day", f->unmet_concluded);
    json_known(out, f, "false_merged_per_day", f->false_merged);
    json_known(out, f, "artefact_share", artefact_share(f));
    json_known(out, f, "artefact_alerts_per_day", artefact_rate(f));
    json_number(out, "technical_share", f->technical);
    json_number(out, "floods_per_day", f->floods);
    json_number(out, "sensitivity_mean", r->per_group > 0 ? f->macro : (double)NAN);
    json_number(out, "sensitivity_worst", f->worst);
    json_number(out, "precision", f->precision);
    json_rules(r, out);
    json_limits(&r->charted, out);
    json_groups(r, out);
    vg_buf_str(out, "}\n");
}

/* ---- a page ---- */

static void html_starts(struct vg_report *page, const struct vg_alert_figures *f)
{
    const char *columns[1 + VG_PRIORITY_COUNT] = { "kind" };

    for (int priority = 0; priority < VG_PRIORITY_COUNT; priority++)
        columns[1 + priority] = vg_priority_name(priority);
    vg_report_table_begin(page, "Starts per patient-day, by kind and priority", columns,
                          VG_ARRAY_LEN(columns));
    for (int kind = 0; kind < VG_ALERT_KIND_COUNT; kind++) {
        struct vg_report_row row = { .n = 0 };

        vg_report_cell(&row, "%s", vg_alert_kind_name(kind));
        for (int priority = 0; priority < VG_PRIORITY_COUNT; priority++)
            vg_report_cell_number(&row, 2, f->starts[kind][priority] / f->days);
        vg_report_table_row(page, &row);
    }
    vg_report_table_end(page);
}

static void html_cost(struct vg_report *page, const struct vg_alert_figures *f)
{
    static const char *const columns[] = { "", "per patient-day" };
    const struct {
        const char *name;
        double value;
    } rows[] = {
        { "limits that the patient's own values did not pass", f->false_limits },
        { "forecasts, anomalies, trends, scores, combinations", f->false_concluded },
        { "of these, not raised without artefacts", f->unmet_concluded },
        { "both, those of half an hour as one", f->false_merged },
        { "artefacts that made an alert about the patient", artefact_rate(f) },
        { "floods: ten alerts in ten minutes", f->floods },
    };

    vg_report_table_begin(page, "False alerts on patients without trouble", columns,
                          VG_ARRAY_LEN(columns));
    for (size_t i = 0; i < VG_ARRAY_LEN(rows); i++) {
        struct vg_report_row row = { .n = 0 };

        vg_report_cell(&row, "%s", rows[i].name);
        vg_report_cell_number(&row, 2, rows[i].value);
        vg_report_table_row(page, &row);
    }
    vg_report_table_end(page);
}

static void html_rules(struct vg_report *page, const struct vg_alert_report *r)
{
    static const char *const columns[] = { "rule", "starts per day", "of these true crossings",
                                           "active minutes per day", "median s" };
    const struct vg_alert_figures *f = &r->figures;

    vg_report_table_begin(page, "Each rule, on patients without trouble, or recorded", columns,
                          VG_ARRAY_LEN(columns));
    for (uint32_t i = 0; i < f->rules; i++) {
        const struct vg_alert_rule_figures *one = used(f, i);
        struct vg_report_row row = { .n = 0 };

        if (!one)
            continue;
        vg_report_cell(&row, "%s", vg_alert_rule_name(r->config, i));
        vg_report_cell_number(&row, 2, one->starts / f->days);
        vg_report_cell_number(&row, 2, f->simulated ? one->crossings / f->days : (double)NAN);
        vg_report_cell_number(&row, 1, one->active_s / 60 / f->days);
        vg_report_cell_number(&row, 0, one->median_s);
        vg_report_table_row(page, &row);
    }
    vg_report_table_end(page);
}

static void html_limits(struct vg_report *page, const struct vg_charted *c)
{
    static const char *const columns[] = { "line", "channel", "side", "charted", "why" };
    char title[160];

    if (c->entries == 0)
        return;
    snprintf(title, sizeof(title),
             "Limits charted: %zu, in %zu orders; refused, what was in force stayed: %zu%s",
             c->entries, c->orders, c->refusals,
             c->refusals > refusals_shown(c) ? ", the first of them" : "");
    vg_report_table_begin(page, title, columns, VG_ARRAY_LEN(columns));
    for (size_t i = 0; i < refusals_shown(c); i++) {
        const struct vg_charted_refusal *r = &c->refused[i];
        struct vg_report_row row = { .n = 0 };

        vg_report_cell(&row, "%llu", (unsigned long long)r->entry.line);
        vg_report_cell(&row, "%s", vg_channels[r->entry.channel].title);
        vg_report_cell(&row, "%s", side_name(r));
        vg_report_cell(&row, "%s", r->entry.text);
        vg_report_cell(&row, "%s", r->why);
        vg_report_table_row(page, &row);
    }
    vg_report_table_end(page);
}

static void html_groups(struct vg_report *page, const struct vg_alert_report *r)
{
    static const char *const columns[] = { "scenario",  "seen",      "by limits alone",
                                           "concluded", "by chance", "median delay, min" };
    struct vg_report_bar bar[VG_SIM_GROUPS];

    vg_report_table_begin(page,
                          "Of each scenario, the share of patients with an alert that starts "
                          "while it shows; in brackets 95 % intervals",
                          columns, VG_ARRAY_LEN(columns));
    for (size_t g = 0; g < VG_SIM_GROUPS; g++) {
        const struct vg_alert_group_figures *one = &r->figures.group[g];
        struct vg_report_row row = { .n = 0 };

        vg_report_cell(&row, "%s", vg_sim_group(g));
        vg_report_cell_interval(&row, "", 3, &one->seen);
        vg_report_cell_number(&row, 3, one->by_limit.value);
        vg_report_cell_number(&row, 3, one->concluded.value);
        vg_report_cell_number(&row, 3, one->chance);
        vg_report_cell_number(&row, 1, one->delay_s / 60);
        vg_report_table_row(page, &row);
        bar[g] = (struct vg_report_bar){ vg_sim_group(g), one->seen.value, one->seen.low,
                                         one->seen.high };
    }
    vg_report_table_end(page);
    vg_report_bars(page, &(struct vg_report_bars){ .title = "Sensitivity by scenario",
                                                   .x_label = "share of patients seen",
                                                   .x_min = 0,
                                                   .x_max = 1,
                                                   .bar = bar,
                                                   .n = VG_SIM_GROUPS });
}

vg_status vg_alert_report_html(const struct vg_alert_report *r, const char *path,
                               struct vg_err *err)
{
    struct vg_report page = { 0 };
    char lead[256];

    if (r->recording)
        snprintf(lead, sizeof(lead), "%s on %u patients of %s, %.3f patient-days.", r->config_path,
                 r->normals, r->recording, r->figures.days);
    else
        snprintf(
            lead, sizeof(lead),
            "%s on %.0f simulated patient-days without trouble and %u patients of each scenario, "
            "seed %llu.",
            r->config_path, r->figures.days, r->per_group, (unsigned long long)r->seed);
    vg_report_begin(&page, "Alerts of a configuration", lead);
    vg_report_section(&page, "What it costs", NULL);
    html_starts(&page, &r->figures);
    if (r->figures.simulated)
        html_cost(&page, &r->figures);
    html_rules(&page, r);
    html_limits(&page, &r->charted);
    if (r->per_group > 0) {
        vg_report_section(&page, "What it is worth", NULL);
        html_groups(&page, r);
    }
    return vg_report_write(&page, path, err);
}
