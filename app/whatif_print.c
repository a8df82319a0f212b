/* whatif_print.c - the difference between two configurations, as tables and as JSON. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "app/whatif.h"
#include "core/text.h"

/* ---- tables ---- */

static void print_shift(double shift_s, FILE *out)
{
    if (isnan(shift_s))
        fprintf(out, " %9s", "-");
    else
        fprintf(out, " %+8llds", llround(shift_s));
}

static void print_tally(const struct vg_whatif_tally *t, const char *name, FILE *out)
{
    fprintf(out, "  %-22s %6u %6u %+6d %6u %6u %7u %7u %6u %6u %7.2f %7.2f", name,
            t->starts[VG_WHATIF_A], t->starts[VG_WHATIF_B],
            (int)t->starts[VG_WHATIF_B] - (int)t->starts[VG_WHATIF_A], t->only[VG_WHATIF_A],
            t->only[VG_WHATIF_B], t->joined[VG_WHATIF_A], t->joined[VG_WHATIF_B], t->same, t->moved,
            t->active_s[VG_WHATIF_A] / 3600, t->active_s[VG_WHATIF_B] / 3600);
    print_shift(t->shift_s, out);
    fputc('\n', out);
}

static void print_tallies(const struct vg_whatif *w, const char *heading,
                          const struct vg_whatif_tallies *t, bool all, FILE *out)
{
    fprintf(out, "\n  %-22s %6s %6s %6s %6s %6s %7s %7s %6s %6s %7s %7s %9s\n", heading, "A", "B",
            "change", "only A", "only B", "A joins", "B joins", "same", "moved", "h in A", "h in B",
            "B later");
    for (uint32_t i = 0; i < t->n; i++) {
        if (t->tally[i].starts[VG_WHATIF_A] + t->tally[i].starts[VG_WHATIF_B] > 0)
            print_tally(&t->tally[i], t->tally[i].name, out);
    }
    if (all)
        print_tally(&w->all, "all", out);
}

static void print_episode(const struct vg_whatif_episode *e, const struct vg_whatif_episode *pair,
                          FILE *out)
{
    char start[VG_TIME_TEXT_SIZE];

    vg_format_time(e->start_ns, start);
    fprintf(out, "  %.19sZ %-14s %-20s %-8s %6.0f s%s", start, vg_whatif_who(e), e->rule,
            e->channel == VG_CHANNEL_NONE ? "" : vg_channels[e->channel].name,
            (double)(e->end_ns - e->start_ns) / 1e9, e->open ? " and on" : "");
    if (pair)
        fprintf(out, "; B starts %+.0f s, ends %+.0f s%s",
                (double)(pair->start_ns - e->start_ns) / 1e9,
                (double)(pair->end_ns - e->end_ns) / 1e9,
                pair->priority != e->priority ? ", other priority" : "");
    fputc('\n', out);
}

/* The episodes of `side` that are alone, or (moved) the pairs that have other times. */
static void print_episodes(const struct vg_whatif *w, int side, bool moved, uint32_t max, FILE *out)
{
    const struct vg_whatif_side *s = &w->side[side], *b = &w->side[VG_WHATIF_B];
    uint32_t n = 0;

    for (uint32_t i = 0; i < s->episodes; i++) {
        const struct vg_whatif_episode *e = &s->episode[i];
        bool alone = e->pair == VG_WHATIF_ALONE;

        if (moved ? alone || vg_whatif_same(w, e) : !alone || e->joined)
            continue;
        if (n++ == 0)
            fprintf(out, moved ? "\n  in both, at other times\n" : "\n  only in %s\n",
                    vg_whatif_letter(side));
        if (n <= max)
            print_episode(e, moved ? &b->episode[e->pair] : NULL, out);
    }
    if (n > max)
        fprintf(out, "  ... and %u more; --episodes N shows more, --json all\n", n - max);
}

static void print_doubt(void *ctx, const char *text)
{
    fprintf(ctx, "  note: %s\n", text);
}

static void print_side(const struct vg_whatif *w, int side, FILE *out)
{
    const struct vg_config *c = w->side[side].config;
    double days = w->patient_days;

    fprintf(out, "  %s  %s: %u alerts", vg_whatif_letter(side), c->path, w->all.starts[side]);
    if (days > 0)
        fprintf(out, ", %.1f per patient-day", w->all.starts[side] / days);
    fprintf(out, ", %.1f h active%s\n", w->all.active_s[side] / 3600,
            strcmp(c->hash, w->head.config) == 0 ? " (the configuration that was recorded)" : "");
}

void vg_whatif_print(const struct vg_whatif *w, uint32_t episodes_max, FILE *out)
{
    char from[VG_TIME_TEXT_SIZE], to[VG_TIME_TEXT_SIZE];

    vg_format_time(w->first_ns, from);
    vg_format_time(w->last_ns, to);
    fprintf(out, "%s: %llu records, %.2f patient-days, %s to %s\n", w->record,
            (unsigned long long)w->counts.records, w->patient_days, from, to);
    for (int k = 0; k < VG_WHATIF_SIDES; k++)
        print_side(w, k, out);
    vg_whatif_doubts(w, print_doubt, out);
    print_tallies(w, "rule", &w->rules, true, out);
    print_tallies(w, "bed", &w->beds, false, out);
    print_tallies(w, w->utc_offset_ns ? "hour (local)" : "hour (UTC)", &w->hours, false, out);
    for (int k = 0; k < VG_WHATIF_SIDES; k++)
        print_episodes(w, k, false, episodes_max, out);
    print_episodes(w, VG_WHATIF_A, true, episodes_max, out);
    fprintf(
        out,
        "\nWhat staff would have done otherwise is not in these figures. Vigil is not a medical "
        "device.\n");
}

/* ---- JSON ---- */

static void json_text(struct vg_buf *out, const char *key, const char *text)
{
    vg_buf_printf(out, "\"%s\":", key);
    vg_buf_json_str(out, text);
    vg_buf_char(out, ',');
}

static void json_tally(struct vg_buf *out, const struct vg_whatif_tally *t)
{
    vg_buf_printf(out,
                  "\"a\":%u,\"b\":%u,\"only_a\":%u,\"only_b\":%u,\"joined_a\":%u,\"joined_b\":%u,"
                  "\"same\":%u,\"moved\":%u,\"active_a_s\":%.10g,\"active_b_s\":%.10g",
                  t->starts[VG_WHATIF_A], t->starts[VG_WHATIF_B], t->only[VG_WHATIF_A],
                  t->only[VG_WHATIF_B], t->joined[VG_WHATIF_A], t->joined[VG_WHATIF_B], t->same,
                  t->moved, t->active_s[VG_WHATIF_A], t->active_s[VG_WHATIF_B]);
    if (!isnan(t->shift_s))
        vg_buf_printf(out, ",\"start_shift_s\":%.10g", t->shift_s);
}

static void json_tallies(struct vg_buf *out, const char *key, const char *name,
                         const struct vg_whatif_tallies *t)
{
    vg_buf_printf(out, ",\"%s\":[", key);
    for (uint32_t i = 0; i < t->n; i++) {
        vg_buf_str(out, i ? ",{" : "{");
        json_text(out, name, t->tally[i].name);
        json_tally(out, &t->tally[i]);
        vg_buf_char(out, '}');
    }
    vg_buf_char(out, ']');
}

static void json_span(struct vg_buf *out, const char *key, const struct vg_whatif_episode *e)
{
    char id[VG_EPISODE_TEXT_SIZE];

    vg_episode_text(e->id, id);
    vg_buf_printf(out, ",\"%s\":{\"episode_id\":\"%s\",\"priority\":\"%s\",\"start\":", key, id,
                  vg_priority_name(e->priority));
    vg_buf_json_time(out, e->start_ns);
    if (!e->open) {
        vg_buf_str(out, ",\"end\":");
        vg_buf_json_time(out, e->end_ns);
    }
    vg_buf_char(out, '}');
}

static void json_episode(const struct vg_whatif *w, int side, const struct vg_whatif_episode *e,
                         struct vg_buf *out)
{
    bool alone = e->pair == VG_WHATIF_ALONE;

    vg_buf_printf(out, "{\"in\":\"%s\",", alone ? side == VG_WHATIF_A ? "a" : "b" : "both");
    if (e->joined)
        vg_buf_str(out, "\"joined\":true,");
    if (!alone)
        vg_buf_printf(out, "\"same\":%s,", vg_whatif_same(w, e) ? "true" : "false");
    if (e->patient[0])
        json_text(out, "patient", e->patient);
    if (e->bed[0])
        json_text(out, "bed", e->bed);
    if (e->channel != VG_CHANNEL_NONE)
        json_text(out, "channel", vg_channels[e->channel].name);
    vg_buf_printf(out, "\"kind\":\"%s\",\"rule\":\"%s\"", vg_alert_kind_name(e->kind), e->rule);
    json_span(out, side == VG_WHATIF_A ? "a" : "b", e);
    if (!alone)
        json_span(out, "b", &w->side[VG_WHATIF_B].episode[e->pair]);
    vg_buf_char(out, '}');
}

static void json_episodes(const struct vg_whatif *w, struct vg_buf *out)
{
    bool first = true;

    vg_buf_str(out, ",\"episodes\":[");
    for (int k = 0; k < VG_WHATIF_SIDES; k++) {
        for (uint32_t i = 0; i < w->side[k].episodes; i++) {
            const struct vg_whatif_episode *e = &w->side[k].episode[i];

            if (k == VG_WHATIF_B && e->pair != VG_WHATIF_ALONE)
                continue; /* told with A's */
            vg_buf_str(out, first ? "" : ",");
            first = false;
            json_episode(w, k, e, out);
        }
    }
    vg_buf_char(out, ']');
}

struct listing {
    struct vg_buf *out;
    uint32_t n;
};

static void json_doubt(void *ctx, const char *text)
{
    struct listing *l = ctx;

    vg_buf_str(l->out, l->n++ ? "," : "");
    vg_buf_json_str(l->out, text);
}

void vg_whatif_json(const struct vg_whatif *w, struct vg_buf *out)
{
    struct listing notes = { .out = out };

    vg_buf_str(out, "{");
    json_text(out, "record", w->record);
    vg_buf_printf(out, "\"records\":%llu,\"from\":", (unsigned long long)w->counts.records);
    vg_buf_json_time(out, w->first_ns);
    vg_buf_str(out, ",\"to\":");
    vg_buf_json_time(out, w->last_ns);
    vg_buf_printf(out, ",\"patient_days\":%.6g", w->patient_days);
    for (int k = 0; k < VG_WHATIF_SIDES; k++) {
        vg_buf_printf(out, ",\"config_%s\":{", k == VG_WHATIF_A ? "a" : "b");
        json_text(out, "path", w->side[k].config->path);
        vg_buf_printf(out, "\"hash\":\"%s\"}", w->side[k].config->hash);
    }
    vg_buf_str(out, ",\"notes\":[");
    vg_whatif_doubts(w, json_doubt, &notes);
    vg_buf_str(out, "],\"all\":{");
    json_tally(out, &w->all);
    vg_buf_char(out, '}');
    json_tallies(out, "rules", "rule", &w->rules);
    json_tallies(out, "beds", "bed", &w->beds);
    json_tallies(out, "hours", "hour", &w->hours);
    json_episodes(w, out);
    vg_buf_str(out, "}\n");
}
