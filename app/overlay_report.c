/* overlay_report.c - events under artefacts: printed, as JSON, as a page. */
#include "app/overlay_report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "app/report_html.h"

static const char *const place_names[VG_OVERLAY_PLACES] = { "before", "at", "within" };

/* ---- counting ---- */

static bool slow(const struct vg_overlay_outcome *o, int64_t at_ns)
{
    return at_ns == VG_TIME_NONE || at_ns > o->event.start_ns + VG_OVERLAY_LATEST_NS;
}

/* When anybody was told, with the gate. */
static int64_t first_ns(const struct vg_overlay_outcome *o)
{
    if (o->limit_ns == VG_TIME_NONE)
        return o->technical_ns;
    if (o->technical_ns == VG_TIME_NONE || o->limit_ns < o->technical_ns)
        return o->limit_ns;
    return o->technical_ns;
}

/* Of some outcomes. */
struct figures {
    uint32_t n, found[VG_OVERLAY_FOUND_COUNT];
    uint32_t same_channel;
    /* told later than VG_OVERLAY_LATEST_NS after the undisturbed values are, or never: with the gate,
     * without */
    uint32_t slow, slow_ungated;
    double worst_s; /* longest that anything was told of after the limit without a gate; or NAN */
};

static void count(const struct vg_overlay_outcome *o, struct figures *f)
{
    double delay_s;

    f->n++;
    f->found[o->found]++;
    f->same_channel += o->same_channel;
    f->slow += slow(o, first_ns(o));
    f->slow_ungated += slow(o, o->ungated_ns);
    if (o->found == VG_OVERLAY_HIDDEN || first_ns(o) == VG_TIME_NONE)
        return;
    delay_s = (double)(first_ns(o) - o->ungated_ns) / 1e9;
    if (isnan(f->worst_s) || delay_s > f->worst_s)
        f->worst_s = delay_s;
}

/* Counts those of one artefact, or (UINT32_MAX) all. */
static void find_figures(const struct vg_overlay_outcomes *list, uint32_t artefact,
                         struct figures *ret)
{
    *ret = (struct figures){ .worst_s = (double)NAN };
    for (size_t i = 0; i < list->n; i++) {
        if (artefact == UINT32_MAX || list->one[i].artefact == artefact)
            count(&list->one[i], ret);
    }
}

/* Each event stands there once for every artefact and place. */
static uint32_t events(const struct vg_overlay_outcomes *list, uint32_t rule)
{
    uint32_t ret = 0;

    for (size_t i = 0; i < list->n; i++) {
        const struct vg_overlay_outcome *o = &list->one[i];

        ret += o->artefact == 0 && o->place == 0 && (rule == UINT32_MAX || o->event.rule == rule);
    }
    return ret;
}

/* Rule of the i-th kind of event, in the order of the configuration; UINT32_MAX behind the last. */
static uint32_t next_rule(const struct vg_overlay_report *r, uint32_t rule)
{
    while (vg_alert_rule(r->config, rule) && events(r->outcomes, rule) == 0)
        rule++;
    return vg_alert_rule(r->config, rule) ? rule : UINT32_MAX;
}

static bool wrong(const struct vg_overlay_outcome *o)
{
    return o->found == VG_OVERLAY_LATE || o->found == VG_OVERLAY_MISSED;
}

/* ---- a terminal ---- */

static void print_events(const struct vg_overlay_report *r, struct vg_buf *out)
{
    vg_buf_printf(out, "%s: %u events of high priority, each under %zu artefacts; %s, seed %llu\n",
                  r->config_path, events(r->outcomes, UINT32_MAX),
                  r->outcomes->n / (events(r->outcomes, UINT32_MAX) + !r->outcomes->n),
                  r->recording ? r->recording : "simulated patients", (unsigned long long)r->seed);
    for (uint32_t rule = next_rule(r, 0); rule != UINT32_MAX; rule = next_rule(r, rule + 1))
        vg_buf_printf(out, "  %-28s %6u\n", vg_alert_rule_name(r->config, rule),
                      events(r->outcomes, rule));
}

static void print_row(const char *name, const struct figures *f, struct vg_buf *out)
{
    vg_buf_printf(out, "%-18s %7u %7u %7u %9u %6u %6u %7u", name, f->n, f->same_channel,
                  f->found[VG_OVERLAY_BY_LIMIT], f->found[VG_OVERLAY_BY_TECHNICAL],
                  f->found[VG_OVERLAY_LATE], f->found[VG_OVERLAY_MISSED],
                  f->found[VG_OVERLAY_HIDDEN]);
    if (isnan(f->worst_s))
        vg_buf_printf(out, " %8s", "-");
    else
        vg_buf_printf(out, " %8.0f", f->worst_s);
    vg_buf_printf(out, " %6u %6u\n", f->slow, f->slow_ungated);
}

static void print_wrong(const struct vg_overlay_report *r, const struct vg_overlay_outcome *o,
                        struct vg_buf *out)
{
    vg_buf_printf(out, "%s: patient %u%s%s, %s, %s %s it\n",
                  o->found == VG_OVERLAY_MISSED ? "missed" : "late", o->patient + 1,
                  r->recording ? "" : " of ", r->recording ? "" : vg_sim_group(o->population),
                  vg_alert_rule_name(r->config, o->event.rule),
                  vg_artefact_entry(o->artefact)->base.name, place_names[o->place]);
}

void vg_overlay_report_print(const struct vg_overlay_report *r, struct vg_buf *out)
{
    struct figures f;

    print_events(r, out);
    vg_buf_printf(out, "\n%-18s %7s %7s %7s %9s %6s %6s %7s %8s %6s %6s\n", "artefact", "laid",
                  "on it", "limit", "technical", "late", "missed", "hidden", "worst s", "slow",
                  "no gate");
    for (uint32_t k = 0; vg_artefact_entry(k); k++) {
        find_figures(r->outcomes, k, &f);
        print_row(vg_artefact_entry(k)->base.name, &f, out);
    }
    find_figures(r->outcomes, UINT32_MAX, &f);
    print_row("all", &f, out);
    vg_buf_str(out, "\n"
                    "on it: the artefact changes the limit's own channel. limit, technical: told "
                    "within 20 s\n"
                    "of the same limit without a gate, by it or by what stands in for it. hidden: "
                    "not told\n"
                    "without a gate either. slow: not told within 20 s of the undisturbed values, "
                    "and how\n"
                    "often without a gate.\n");
    for (size_t i = 0; i < r->outcomes->n; i++) {
        if (wrong(&r->outcomes->one[i]))
            print_wrong(r, &r->outcomes->one[i], out);
    }
}

/* ---- a program ---- */

static void json_figures(const struct figures *f, struct vg_buf *out)
{
    vg_buf_printf(out,
                  "\"laid\":%u,\"same_channel\":%u,\"by_limit\":%u,\"by_technical\":%u,"
                  "\"late\":%u,\"missed\":%u,\"hidden\":%u,\"slow\":%u,\"slow_ungated\":%u,"
                  "\"worst_s\":",
                  f->n, f->same_channel, f->found[VG_OVERLAY_BY_LIMIT],
                  f->found[VG_OVERLAY_BY_TECHNICAL], f->found[VG_OVERLAY_LATE],
                  f->found[VG_OVERLAY_MISSED], f->found[VG_OVERLAY_HIDDEN], f->slow,
                  f->slow_ungated);
    if (isnan(f->worst_s))
        vg_buf_str(out, "null");
    else
        vg_buf_printf(out, "%.6g", f->worst_s);
}

static void json_time(const struct vg_overlay_outcome *o, const char *key, int64_t at_ns,
                      struct vg_buf *out)
{
    vg_buf_printf(out, ",\"%s\":", key);
    if (at_ns == VG_TIME_NONE)
        vg_buf_str(out, "null");
    else
        vg_buf_printf(out, "%.6g", (double)(at_ns - o->event.start_ns) / 1e9);
}

/* Times in seconds since the undisturbed values are told. */
static void json_wrong(const struct vg_overlay_report *r, const struct vg_overlay_outcome *o,
                       struct vg_buf *out)
{
    vg_buf_printf(out, "{\"patient\":%u", o->patient + 1);
    if (!r->recording)
        vg_buf_printf(out, ",\"scenario\":\"%s\"", vg_sim_group(o->population));
    vg_buf_printf(out, ",\"rule\":\"%s\",\"artefact\":\"%s\",\"place\":\"%s\"",
                  vg_alert_rule_name(r->config, o->event.rule),
                  vg_artefact_entry(o->artefact)->base.name, place_names[o->place]);
    json_time(o, "ungated_s", o->ungated_ns, out);
    json_time(o, "limit_s", o->limit_ns, out);
    json_time(o, "technical_s", o->technical_ns, out);
    vg_buf_char(out, '}');
}

static void json_events(const struct vg_overlay_report *r, struct vg_buf *out)
{
    const char *comma = "";

    vg_buf_printf(out, ",\"events\":%u,\"rules\":{", events(r->outcomes, UINT32_MAX));
    for (uint32_t rule = next_rule(r, 0); rule != UINT32_MAX; rule = next_rule(r, rule + 1)) {
        vg_buf_printf(out, "%s\"%s\":%u", comma, vg_alert_rule_name(r->config, rule),
                      events(r->outcomes, rule));
        comma = ",";
    }
    vg_buf_str(out, "},");
}

void vg_overlay_report_json(const struct vg_overlay_report *r, struct vg_buf *out)
{
    struct figures f;
    const char *comma = "";

    vg_buf_str(out, "{\"config\":");
    vg_buf_json_str(out, r->config_path);
    if (r->recording) {
        vg_buf_str(out, ",\"recording\":");
        vg_buf_json_str(out, r->recording);
    }
    vg_buf_printf(out, ",\"seed\":%llu", (unsigned long long)r->seed);
    json_events(r, out);
    find_figures(r->outcomes, UINT32_MAX, &f);
    json_figures(&f, out);
    vg_buf_str(out, ",\"artefacts\":{");
    for (uint32_t k = 0; vg_artefact_entry(k); k++) {
        find_figures(r->outcomes, k, &f);
        vg_buf_printf(out, "%s\"%s\":{", k > 0 ? "," : "", vg_artefact_entry(k)->base.name);
        json_figures(&f, out);
        vg_buf_char(out, '}');
    }
    vg_buf_str(out, "},\"wrong\":[");
    for (size_t i = 0; i < r->outcomes->n; i++) {
        if (!wrong(&r->outcomes->one[i]))
            continue;
        vg_buf_str(out, comma);
        json_wrong(r, &r->outcomes->one[i], out);
        comma = ",";
    }
    vg_buf_str(out, "]}\n");
}

/* ---- a page ---- */

static void html_row(struct vg_report *page, const char *name, const struct figures *f)
{
    const uint32_t counts[] = { f->n,
                                f->same_channel,
                                f->found[VG_OVERLAY_BY_LIMIT],
                                f->found[VG_OVERLAY_BY_TECHNICAL],
                                f->found[VG_OVERLAY_LATE],
                                f->found[VG_OVERLAY_MISSED],
                                f->found[VG_OVERLAY_HIDDEN] };
    struct vg_report_row row = { .n = 0 };

    vg_report_cell(&row, "%s", name);
    for (size_t i = 0; i < VG_ARRAY_LEN(counts); i++)
        vg_report_cell(&row, "%u", counts[i]);
    vg_report_cell_number(&row, 0, f->worst_s);
    vg_report_cell(&row, "%u", f->slow);
    vg_report_cell(&row, "%u", f->slow_ungated);
    vg_report_table_row(page, &row);
}

static void html_artefacts(struct vg_report *page, const struct vg_overlay_report *r)
{
    static const char *const columns[] = {
        "artefact",
        "laid",
        "on the limit's channel",
        "told by the limit",
        "by a technical",
        "late",
        "missed",
        "hidden without a gate, too",
        "worst delay, s",
        "slow",
        "slow without a gate",
    };
    struct figures f;

    vg_report_table_begin(page, "Events of high priority, by what was laid over them", columns,
                          VG_ARRAY_LEN(columns));
    for (uint32_t k = 0; vg_artefact_entry(k); k++) {
        find_figures(r->outcomes, k, &f);
        html_row(page, vg_artefact_entry(k)->base.name, &f);
    }
    find_figures(r->outcomes, UINT32_MAX, &f);
    html_row(page, "all", &f);
    vg_report_table_end(page);
}

vg_status vg_overlay_report_html(const struct vg_overlay_report *r, const char *path,
                                 struct vg_err *err)
{
    struct vg_report page = { 0 };
    char lead[256];

    snprintf(lead, sizeof(lead), "%s: %u events of high priority of %s, seed %llu.", r->config_path,
             events(r->outcomes, UINT32_MAX), r->recording ? r->recording : "simulated patients",
             (unsigned long long)r->seed);
    vg_report_begin(&page, "Events under artefacts", lead);
    vg_report_section(&page, "What the artefact gate withholds",
                      "Each event is watched by the chain as configured and by the same chain "
                      "whose gate marks nothing. Late: told more than 20 s after that. Slow: told "
                      "more than 20 s after the undisturbed values would be, or never.");
    html_artefacts(&page, r);
    return vg_report_write(&page, path, err);
}
