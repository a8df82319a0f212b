/* top_screen.c - the state of a pipeline in the lines of a terminal. */
#include "app/top_screen.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/running.h"

enum { LINE = 256, ROWS_MAX = 1024, TEXT = 24 };

struct screen {
    const struct vg_top_view *view;
    const json_t *rates; /* of the window */
    void (*put)(void *arg, enum vg_top_tone tone, const char *line);
    void *arg;
    int left; /* lines */
};

static VG_PRINTF(3, 4) void line(struct screen *s, enum vg_top_tone tone, const char *fmt, ...)
{
    char text[LINE];
    va_list args;

    if (s->left-- <= 0)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    for (char *c = text; *c; c++) {
        if (*c < ' ' || *c > '~')
            *c = '?';
    }
    s->put(s->arg, s->view->gone[0] && tone == VG_TOP_PLAIN ? VG_TOP_OLD : tone, text);
}

/* ---- figures ---- */

static const char *bytes(double n, char out[TEXT])
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    size_t unit = 0;

    while (n >= 1024 && unit + 1 < VG_ARRAY_LEN(units)) {
        n /= 1024;
        unit++;
    }
    snprintf(out, TEXT, n < 10 && unit > 0 ? "%.1f %s" : "%.0f %s", n, units[unit]);
    return out;
}

/* "-" where it is not known. */
static const char *rate(const json_t *of, const char *key, char out[TEXT])
{
    const json_t *value = json_object_get(of, key);
    const double n = json_number_value(value);

    if (!json_is_number(value))
        snprintf(out, TEXT, "-");
    else
        snprintf(out, TEXT, n < 100 ? "%.1f" : "%.0f", n);
    return out;
}

static const char *share(const json_t *of, const char *key, char out[TEXT])
{
    const json_t *value = json_object_get(of, key);

    if (json_is_number(value))
        snprintf(out, TEXT, "%.1f", 100 * json_number_value(value));
    else
        snprintf(out, TEXT, "-");
    return out;
}

/* ---- the whole ---- */

static void show_head(struct screen *s)
{
    const json_t *state = s->view->state;
    const bool ready = json_is_true(json_object_get(state, "ready"));
    const double up_s = vg_state_uptime_s(state);
    const char *now = vg_state_text(state, "now");
    char up[3 * TEXT];

    if (s->view->gone[0])
        line(s, VG_TOP_BAD, "NO ANSWER for %lld s, trying again: %s", (long long)s->view->age_s,
             s->view->gone);
    if (!state)
        return;
    snprintf(up, sizeof(up), "%lld:%02lld:%02lld", (long long)up_s / 3600,
             (long long)up_s / 60 % 60, (long long)up_s % 60);
    line(s, ready ? VG_TOP_STRONG : VG_TOP_BAD, "%s  %s, %s  up %s  vigil %s  %.8s%s",
         vg_state_text(state, "pipeline"), vg_state_text(state, "state"),
         ready ? "ready" : "NOT READY", up, vg_state_text(state, "version"),
         strlen(now) > 19 ? now + 11 : "", s->view->paused ? "  PAUSED" : "");
}

static void show_troubles(struct screen *s)
{
    static const char *const lists[] = { "reasons", "troubles" };

    for (size_t l = 0; l < VG_ARRAY_LEN(lists); l++) {
        const json_t *list = json_object_get(s->view->state, lists[l]), *entry;
        size_t i;

        json_array_foreach(list, i, entry)
        {
            if (i < 2)
                line(s, VG_TOP_BAD, "%s: %s", l == 0 ? "not ready" : "trouble",
                     json_string_value(entry));
        }
    }
}

static void show_rates(struct screen *s)
{
    const json_t *memory = json_object_get(s->view->state, "memory");
    char rows[TEXT], records[TEXT], events[TEXT], letters[TEXT], rss[TEXT], cpu[TEXT];

    line(s, VG_TOP_PLAIN, "a second (of %s): %s rows, %s records, %s events, %s dead letters",
         s->view->minute ? "1 min" : "10 s", rate(s->rates, "rows", rows),
         rate(s->rates, "records", records), rate(s->rates, "events", events),
         rate(s->rates, "dead_letters", letters));
    line(s, VG_TOP_PLAIN, "processor %s %% of a core, memory %s, %lld of %lld frames in flight",
         share(s->rates, "cpu", cpu), bytes(vg_state_real(memory, "resident_bytes"), rss),
         vg_state_number(memory, "frames"), vg_state_number(memory, "frames_max"));
}

static void show_delays(struct screen *s)
{
    json_t *delays = json_object_get(s->rates, "delays"), *hop;
    char text[LINE] = "";
    const char *name;
    size_t at = 0;

    json_object_foreach(delays, name, hop)
    {
        char p99[TEXT];

        at += (size_t)snprintf(text + at, sizeof(text) - at, "  %s %s", name,
                               vg_state_seconds(json_object_get(hop, "p99_s"), p99));
        if (at >= sizeof(text))
            break;
    }
    line(s, VG_TOP_PLAIN, "p99 of delays:%s", text);
}

static void show_source(struct screen *s)
{
    const json_t *source = json_object_get(s->view->state, "source"), *p;
    const json_t *partitions = json_object_get(source, "partitions");
    const json_t *alerts = json_object_get(s->view->state, "active_alerts");
    const json_t *oldest = NULL;
    long long lag = 0;
    char behind[TEXT];
    size_t i, unknown = 0;

    json_array_foreach(partitions, i, p)
    {
        lag += vg_state_number(p, "lag_records");
        unknown += !json_is_integer(json_object_get(p, "lag_records"));
        if (vg_state_real(p, "log_time_lag_s") >= json_number_value(oldest))
            oldest = json_object_get(p, "log_time_lag_s");
    }
    line(s, VG_TOP_PLAIN, "source %s %s: %zu of %lld partitions, lag %lld%s, log time %s behind",
         vg_state_text(source, "type"), vg_state_text(source, "topic"), json_array_size(partitions),
         vg_state_number(source, "partitions_of_topic"), lag, unknown > 0 ? " or more" : "",
         vg_state_seconds(oldest, behind));
    if (json_object_size(alerts) == 0)
        line(s, VG_TOP_BAD, "active alerts: not known now");
    else
        line(s, vg_state_number(alerts, "high") > 0 ? VG_TOP_STRONG : VG_TOP_PLAIN,
             "active alerts: %lld high, %lld medium, %lld low", vg_state_number(alerts, "high"),
             vg_state_number(alerts, "medium"), vg_state_number(alerts, "low"));
}

/* ---- tables ---- */

const char *vg_top_sort_name(int sort)
{
    static const char *const names[VG_TOP_SORTS] = { [VG_TOP_CHAIN] = "chain",
                                                     [VG_TOP_BUSY] = "busy",
                                                     [VG_TOP_ROWS] = "rows",
                                                     [VG_TOP_MEMORY] = "memory" };

    return names[sort];
}

/* What a stage is sorted by, largest first; equal ones stay in the order of the chain. */
struct ranked {
    const json_t *entry;
    double key;
    size_t place;
};

static int by_key(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;

    if (x->key != y->key)
        return x->key < y->key ? 1 : -1;
    return x->place < y->place ? -1 : 1;
}

static double key_of(const struct screen *s, const json_t *stage)
{
    const json_t *rates =
        vg_state_named(json_object_get(s->rates, "stages"), vg_state_text(stage, "name"));

    if (s->view->sort == VG_TOP_BUSY)
        return vg_state_real(rates, "busy");
    if (s->view->sort == VG_TOP_ROWS)
        return vg_state_real(rates, "rows_in");
    return s->view->sort == VG_TOP_MEMORY ? vg_state_real(stage, "memory_bytes") : 0;
}

static void show_stage(struct screen *s, const json_t *stage)
{
    const char *name = vg_state_text(stage, "name");
    const json_t *rates = vg_state_named(json_object_get(s->rates, "stages"), name);
    const bool held_up = vg_state_number(stage, "waiting_frames") > 8;
    char in[TEXT], out[TEXT], busy[TEXT], part[TEXT], memory[TEXT];

    line(s, held_up || vg_state_number(stage, "model_errors") > 0 ? VG_TOP_BAD : VG_TOP_PLAIN,
         "%-16.16s %9s %9s %7s %7s %7lld %9lld %9s", name, rate(rates, "rows_in", in),
         rate(rates, "rows_out", out), share(rates, "busy", busy), share(rates, "share", part),
         vg_state_number(stage, "waiting_frames"), vg_state_number(stage, "patients"),
         bytes(vg_state_real(stage, "memory_bytes"), memory));
}

static void show_stages(struct screen *s)
{
    const json_t *stages = json_object_get(s->view->state, "stages"), *stage;
    const json_t *commit = json_object_get(s->view->state, "commit");
    struct ranked *rank = calloc(json_array_size(stages) + 1, sizeof(*rank));
    char busy[TEXT];
    size_t i;

    VG_CHECK(rank != NULL);
    json_array_foreach(stages, i, stage) rank[i] =
        (struct ranked){ .entry = stage, .key = key_of(s, stage), .place = i };
    qsort(rank, json_array_size(stages), sizeof(*rank), by_key);
    line(s, VG_TOP_TITLE, "%-16s %9s %9s %7s %7s %7s %9s %9s", "STAGE", "IN/S", "OUT/S", "BUSY %",
         "SHARE %", "WAITING", "PATIENTS", "MEMORY");
    for (i = 0; i < json_array_size(stages); i++)
        show_stage(s, rank[i].entry);
    line(s, VG_TOP_PLAIN, "%-16s %9s %9s %7s %7s %7lld", "commit", "", "",
         share(s->rates, "commit_busy", busy), "", vg_state_number(commit, "waiting_frames"));
    free(rank);
}

static void show_sinks(struct screen *s)
{
    const json_t *sink;
    size_t i;

    line(s, VG_TOP_TITLE, "%-16s %-9s %-7s %11s %9s %9s %9s", "SINK", "TYPE", "STATE",
         "DELIVERED/S", "WAITING", "OLDEST", "REFUSED");
    json_array_foreach(json_object_get(s->view->state, "sinks"), i, sink)
    {
        const char *name = vg_state_text(sink, "name"), *state = vg_state_text(sink, "state");
        const json_t *rates = vg_state_named(json_object_get(s->rates, "sinks"), name);
        char delivered[TEXT], oldest[TEXT];

        line(s, strcmp(state, "ok") == 0 ? VG_TOP_PLAIN : VG_TOP_BAD,
             "%-16.16s %-9.9s %-7s %11s %9lld %9s %9lld", name, vg_state_text(sink, "type"), state,
             rate(rates, "delivered", delivered), vg_state_number(sink, "waiting"),
             vg_state_seconds(json_object_get(sink, "oldest_waiting_s"), oldest),
             vg_state_number(sink, "refused"));
    }
}

static void show_partitions(struct screen *s)
{
    const json_t *source = json_object_get(s->view->state, "source"), *p;
    size_t i;

    line(s, VG_TOP_TITLE, "%-9s %-10s %10s %12s %10s", "PARTITION", "STATE", "LAG", "LOG BEHIND",
         "LAST SIGN");
    json_array_foreach(json_object_get(source, "partitions"), i, p)
    {
        const json_t *lag = json_object_get(p, "lag_records");
        const bool stalled = vg_state_real(p, "mark_age_s") > 5;
        char behind[TEXT], mark[TEXT], count[TEXT] = "-";

        if ((int)i < s->view->skip)
            continue;
        if (json_is_integer(lag))
            snprintf(count, sizeof(count), "%lld", (long long)json_integer_value(lag));
        line(s, stalled ? VG_TOP_BAD : VG_TOP_PLAIN, "%-9lld %-10s %10s %12s %10s",
             vg_state_number(p, "partition"), vg_state_text(p, "state"), count,
             vg_state_seconds(json_object_get(p, "log_time_lag_s"), behind),
             vg_state_seconds(json_object_get(p, "mark_age_s"), mark));
    }
}

/* ---- beds ---- */

static double risk_of(const json_t *bed)
{
    return vg_state_real(json_object_get(bed, "score"), "total") * 1e3 +
           vg_state_real(json_object_get(bed, "anomaly"), "score");
}

static void show_bed(struct screen *s, const json_t *bed, long long now_ms)
{
    const json_t *score = json_object_get(bed, "score"), *anomaly = json_object_get(bed, "anomaly");
    const json_t *at = json_object_get(bed, "seen");
    const char *name = vg_state_text(bed, "bed");
    json_t *age = json_real((double)(now_ms - (long long)json_number_value(at)) / 1e3);
    char seen[TEXT], total[TEXT] = "-", odd[TEXT];

    if (json_is_object(score))
        snprintf(total, sizeof(total), "%s%lld",
                 json_is_true(json_object_get(score, "low_bound")) ? ">=" : "",
                 (long long)vg_state_real(score, "total"));
    line(s, VG_TOP_PLAIN, "%-24.24s %-12.12s %9s %-12.12s %7s %9s",
         name[0] ? name : vg_state_text(bed, "patient"), vg_state_text(bed, "ward"),
         json_is_number(at) ? vg_state_seconds(age, seen) : "-", vg_state_text(score, "name"),
         total, rate(anomaly, "score", odd));
    json_decref(age);
}

static void show_beds(struct screen *s)
{
    const json_t *beds = json_object_get(s->view->beds, "beds"), *bed;
    const long long now_ms = (long long)json_number_value(json_object_get(s->view->beds, "now"));
    struct ranked *rank = calloc(json_array_size(beds) + 1, sizeof(*rank));
    size_t i;

    VG_CHECK(rank != NULL);
    json_array_foreach(beds, i, bed) rank[i] =
        (struct ranked){ .entry = bed, .key = risk_of(bed), .place = i };
    qsort(rank, json_array_size(beds), sizeof(*rank), by_key);
    line(s, VG_TOP_TITLE, "%-24s %-12s %9s %-12s %7s %9s", "BED", "WARD", "SEEN", "SCORE", "TOTAL",
         "ANOMALY");
    for (i = (size_t)s->view->skip; i < json_array_size(beds); i++)
        show_bed(s, rank[i].entry, now_ms);
    if (json_array_size(beds) == 0)
        line(s, VG_TOP_PLAIN, "no bed is known");
    free(rank);
}

void vg_top_lines(const struct vg_top_view *view,
                  void (*put)(void *arg, enum vg_top_tone tone, const char *line), void *arg)
{
    struct screen s = { .view = view, .put = put, .arg = arg, .left = view->height };

    s.rates = json_object_get(json_object_get(view->state, "rates"), view->minute ? "1m" : "10s");
    show_head(&s);
    if (!view->state)
        return;
    show_troubles(&s);
    show_rates(&s);
    show_delays(&s);
    show_source(&s);
    show_stages(&s);
    show_sinks(&s);
    if (view->show_beds)
        show_beds(&s);
    else
        show_partitions(&s);
}
