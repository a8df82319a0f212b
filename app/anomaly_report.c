/* anomaly_report.c - what was found about a detector, for a terminal and a program. */
#include "app/anomaly_report.h"

/* ---- a terminal ---- */

static void print_interval(struct vg_buf *out, const char *what, const struct vg_interval *i)
{
    vg_buf_printf(out, "%-28s %7.4f [%.4f, %.4f]\n", what, i->value, i->low, i->high);
}

static void print_detector(const struct vg_anomaly_found *f, struct vg_buf *out)
{
    vg_buf_printf(out,
                  "threshold %.3f: %.2f false alerts per patient-day, sensitivity %.3f in the mean"
                  " of scenarios, %.3f in the worst\n\n",
                  (double)f->at.threshold, f->at.per_day, f->at.macro, f->at.worst);
    vg_buf_printf(out, "%-16s %8s %-14s %9s %9s\n", "scenario", "seen", "", "by chance",
                  "after min");
    for (size_t g = 0; g < VG_SIM_GROUPS; g++)
        vg_buf_printf(out, "%-16s %8.3f [%.3f, %.3f] %9.3f %9.1f\n", vg_sim_group(g),
                      f->at.seen[g].value, f->at.seen[g].low, f->at.seen[g].high, f->at.chance[g],
                      f->at.delay_s[g] / 60);
    vg_buf_printf(out, "\n%-16s %8s %9s %9s\n", "false per day", "mean", "worst", "threshold");
    for (size_t i = 0; i < VG_ANOMALY_CURVE; i++)
        vg_buf_printf(out, "%-16.2f %8.3f %9.3f %9.3f\n", f->curve[i].per_day, f->curve[i].macro,
                      f->curve[i].worst, (double)f->curve[i].threshold);
    vg_buf_char(out, '\n');
    print_interval(out, "VUS-PR of the detector", &f->area.vus);
}

void vg_anomaly_print(const struct vg_anomaly_found *f, struct vg_buf *out)
{
    if (f->has_detector)
        print_detector(f, out);
    if (f->has_window)
        print_interval(out, "VUS-PR of the window model", &f->alone.vus);
    if (f->has_pair) {
        print_interval(out, "VUS-PR of the window model", &f->pair.a.vus);
        print_interval(out, "VUS-PR of the other", &f->pair.b.vus);
        print_interval(out, "difference", &f->pair.difference);
    }
    if (f->has_gate) {
        vg_buf_str(out, out->len ? "\n" : "");
        vg_gate_print(&f->gate, out);
    }
}

/* ---- a program ---- */

static void json_name(struct vg_buf *out, const char *key, const char *name)
{
    vg_buf_printf(out, ",\"%s\":", key);
    if (name)
        vg_buf_json_str(out, name);
    else
        vg_buf_str(out, "null");
}

static void json_interval(struct vg_buf *out, const char *key, const struct vg_interval *i)
{
    vg_buf_printf(out, ",\"%s\":{\"value\":%.6g,\"low\":%.6g,\"high\":%.6g}", key, i->value, i->low,
                  i->high);
}

static void json_scenario(struct vg_buf *out, const struct vg_anomaly_point *p, size_t g)
{
    vg_buf_printf(out, "\"%s\":{\"seen\":%.6g,\"seen_low\":%.6g,\"seen_high\":%.6g",
                  vg_sim_group(g), p->seen[g].value, p->seen[g].low, p->seen[g].high);
    vg_buf_printf(out, ",\"chance\":%.6g,\"delay_s\":%.6g,\"delays\":[", p->chance[g],
                  p->delay_s[g]);
    for (size_t i = 0; i < VG_ANOMALY_DELAYS; i++)
        vg_buf_printf(out, "%s%u", i ? "," : "", p->delays[g][i]);
    vg_buf_str(out, "]}");
}

static void json_point(struct vg_buf *out, const struct vg_anomaly_point *p)
{
    vg_buf_printf(out, "{\"threshold\":%.6g,\"false_per_day\":%.6g,\"mean\":%.6g,\"worst\":%.6g",
                  (double)p->threshold, p->per_day, p->macro, p->worst);
    vg_buf_str(out, ",\"scenarios\":{");
    for (size_t g = 0; g < VG_SIM_GROUPS; g++) {
        vg_buf_str(out, g ? "," : "");
        json_scenario(out, p, g);
    }
    vg_buf_str(out, "}}");
}

static void json_curve(struct vg_buf *out, const struct vg_vus_point *point, size_t n)
{
    vg_buf_char(out, '[');
    for (size_t i = 0; i < n; i++)
        vg_buf_printf(out, "%s[%.6g,%.6g]", i ? "," : "", point[i].recall, point[i].precision);
    vg_buf_char(out, ']');
}

/* "KEY":{value, low, high}, then the curves under "KEY_curves". */
static void json_area(struct vg_buf *out, const char *key, const struct vg_anomaly_area *a)
{
    json_interval(out, key, &a->vus);
    vg_buf_printf(out, ",\"%s_curves\":{\"ticks\":", key);
    json_curve(out, a->curve, a->points);
    vg_buf_str(out, ",\"buffered\":");
    json_curve(out, a->buffered, a->points_buffered);
    vg_buf_char(out, '}');
}

static void json_detector(const struct vg_anomaly_found *f, struct vg_buf *out)
{
    vg_buf_str(out, ",\"delays_until_min\":[");
    for (size_t i = 0; i < VG_ANOMALY_DELAYS - 1; i++)
        vg_buf_printf(out, "%g,", vg_anomaly_delays_min[i]);
    vg_buf_str(out, "null],\"detector\":");
    json_point(out, &f->at);
    vg_buf_str(out, ",\"curve\":[");
    for (size_t i = 0; i < VG_ANOMALY_CURVE; i++) {
        vg_buf_str(out, i ? "," : "");
        json_point(out, &f->curve[i]);
    }
    vg_buf_char(out, ']');
    json_area(out, "vus_pr", &f->area);
}

void vg_anomaly_json(const struct vg_anomaly_found *f, struct vg_buf *out)
{
    vg_buf_printf(out, "{\"patients\":%u,\"normals\":%u,\"patient_days\":%.6g,\"seed\":%llu",
                  f->per_group, f->normals, f->patient_days, (unsigned long long)f->seed);
    json_name(out, "detector_file", f->detector);
    json_name(out, "window_file", f->window);
    json_name(out, "against_file", f->against);
    if (f->has_detector)
        json_detector(f, out);
    if (f->has_window)
        json_area(out, "window_vus_pr", &f->alone);
    if (f->has_pair) {
        json_area(out, "window_vus_pr", &f->pair.a);
        json_area(out, "against_vus_pr", &f->pair.b);
        json_interval(out, "difference", &f->pair.difference);
    }
    if (f->has_gate) {
        vg_buf_str(out, ",\"gate\":");
        vg_gate_json(&f->gate, out);
    }
    vg_buf_str(out, "}\n");
}
