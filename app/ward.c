/* ward.c - a simulated ward as messages, and wards put together beforehand. */
#include "app/ward.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"

static void add_number(struct vg_buf *out, float value)
{
    /* The simulator's numbers have one decimal at most. */
    long tenths = (long)(value * 10 + (value < 0 ? -0.5f : 0.5f));
    char text[24], *p = text + sizeof(text);
    unsigned long n = (unsigned long)labs(tenths);

    if (n % 10) {
        *--p = (char)('0' + n % 10);
        *--p = '.';
    }
    n /= 10;
    do {
        *--p = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    if (tenths < 0)
        *--p = '-';
    vg_buf_add(out, p, (size_t)(text + sizeof(text) - p));
}

void vg_ward_row(const struct vg_sim_row *row, struct vg_buf *out)
{
    char time[VG_TIME_TEXT_SIZE];

    vg_format_time(row->device_ns, time);
    vg_buf_str(out, "{\"patient\":\"");
    vg_buf_str(out, row->patient);
    vg_buf_str(out, "\",\"bed\":\"");
    vg_buf_str(out, row->label);
    vg_buf_str(out, "\",\"time\":\"");
    vg_buf_str(out, time);
    vg_buf_char(out, '"');
    for (int c = 0; c < VG_CHANNELS; c++) {
        if (row->quality[c] == VG_Q_ABSENT)
            continue;
        vg_buf_str(out, ",\"");
        vg_buf_str(out, vg_channels[c].name);
        vg_buf_str(out, "\":");
        if (row->quality[c] == VG_Q_GOOD)
            add_number(out, row->value[c]);
        else
            vg_buf_str(out, "null");
    }
    vg_buf_char(out, '}');
}

/* ---- labels ---- */

static void add_time(struct vg_buf *out, const char *key, int64_t ns)
{
    char time[VG_TIME_TEXT_SIZE];

    vg_format_time(ns, time);
    vg_buf_printf(out, ",\"%s\":\"%s\"", key, time);
}

/* Appends what is to be known of it as a line of JSON. */
static void add_label(const struct vg_sim_label *label, struct vg_buf *out)
{
    const struct vg_sim_entry *entry = label->entry;
    const char *comma = "";

    vg_buf_printf(out, "{\"patient\":\"%s\",\"bed\":\"%s\",\"kind\":\"%s\",\"name\":\"%s\"",
                  label->patient, label->bed_label,
                  entry->kind == VG_SIM_SCENARIO ? "scenario" : "artefact", entry->name);
    if (entry->group)
        vg_buf_printf(out, ",\"group\":\"%s\"", entry->group);
    add_time(out, "start", label->start_ns);
    add_time(out, "end", label->end_ns);
    add_time(out, "onset", label->onset_ns);
    vg_buf_printf(out, ",\"severity\":%.3f,\"channels\":[", label->severity);
    for (int c = 0; c < VG_CHANNELS; c++) {
        if (!(label->channels >> c & 1))
            continue;
        vg_buf_printf(out, "%s\"%s\"", comma, vg_channels[c].name);
        comma = ",";
    }
    vg_buf_str(out, "]}\n");
}

static void add_labels(const struct vg_sim_bed *bed, int64_t duration_ns, struct vg_buf *out)
{
    size_t n = vg_sim_bed_labels(bed, duration_ns, NULL, 0);
    struct vg_sim_label *labels = calloc(n + 1, sizeof(*labels));

    VG_CHECK(labels);
    vg_sim_bed_labels(bed, duration_ns, labels, n);
    for (size_t i = 0; i < n; i++)
        add_label(&labels[i], out);
    free(labels);
}

vg_status vg_ward_write_labels(struct vg_sim *sim, uint32_t beds, int64_t duration_ns,
                               const char *file, struct vg_err *err)
{
    FILE *f = fopen(file, "we");
    struct vg_buf lines = VG_BUF_INIT;
    bool written = f != NULL;

    for (uint32_t b = 0; b < beds && written; b++) {
        add_labels(vg_sim_bed(sim, b), duration_ns, &lines);
        written = fwrite(lines.data, 1, lines.len, f) == lines.len;
        vg_buf_clear(&lines);
    }
    vg_buf_done(&lines);
    if (f && fclose(f) != 0)
        written = false;
    return written
               ? VG_OK
               : vg_fail(err, VG_E_IO, "%s: labels cannot be written: %s", file, strerror(errno));
}

/* ---- scripts ---- */

const char *const vg_ward_scripts[] = { "none", "demo", NULL };

/* clang-format off */
static const struct {
    enum vg_sim_kind kind;
    const char *spec;
} demo[] = {
    { VG_SIM_ARTEFACT, "lead-off@2:3m+60s" },
    { VG_SIM_ARTEFACT, "probe-off@5:5m+50s" },
    { VG_SIM_SCENARIO, "apnoea@3:8m+150s" },
    { VG_SIM_ARTEFACT, "spo2-motion@6:10m+6s" },
    { VG_SIM_SCENARIO, "opioid@7:10m+20m" },
    { VG_SIM_SCENARIO, "pneumothorax-ventilated@9:22m+6m" },
    { VG_SIM_ARTEFACT, "flush@4:12m+40s" },
    { VG_SIM_SCENARIO, "af@11:14m+15m" },
    { VG_SIM_ARTEFACT, "clock-ahead@8:15m+5m" },
    { VG_SIM_ARTEFACT, "silent@12:18m+3m" },
};
/* clang-format on */

vg_status vg_ward_play(struct vg_sim *sim, enum vg_ward_script script, struct vg_err *err)
{
    vg_status st = VG_OK;

    if (script == VG_WARD_SCRIPT_NONE)
        return VG_OK;
    for (size_t i = 0; i < VG_ARRAY_LEN(demo) && st == VG_OK; i++)
        st = vg_sim_add(sim, demo[i].kind, demo[i].spec, err);
    return st;
}
