/* graph_live.c - what passes each box, from the state of a running pipeline. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/graph.h"
#include "app/running.h"

enum { TEXT = 24, HELD_UP_FRAMES = 8 };

/* A box that the graph has. */
static struct vg_graph_box *find(struct vg_graph *g, const char *kind, uint32_t number)
{
    char id[TEXT];
    int i = 0;

    snprintf(id, sizeof(id), "%.10s%u", kind, number);
    while (i < g->n && strcmp(g->box[i].id, id) != 0)
        i++;
    VG_CHECK(i < g->n);
    return &g->box[i];
}

static const char *per_second(const json_t *rates, const char *key, char out[TEXT])
{
    const json_t *value = json_object_get(rates, key);
    const double n = json_number_value(value);

    if (!json_is_number(value))
        snprintf(out, TEXT, "?/s");
    else
        snprintf(out, TEXT, n < 10 ? "%.2g/s" : "%.0f/s", n);
    return out;
}

/* Records that were not read yet; "?" while that is not known of every partition. */
static const char *lag_of(const json_t *partitions, char out[TEXT])
{
    const json_t *p;
    json_int_t lag = 0;
    size_t i;

    json_array_foreach(partitions, i, p)
    {
        const json_t *records = json_object_get(p, "lag_records");

        if (!json_is_integer(records))
            return "?";
        lag += json_integer_value(records);
    }
    snprintf(out, TEXT, "%lld", (long long)lag);
    return out;
}

static void fill_source(struct vg_graph *g, const json_t *state, const json_t *rates)
{
    struct vg_graph_box *source = find(g, "source", 0), *decoder = find(g, "decoder", 0);
    const json_t *partitions = json_object_get(json_object_get(state, "source"), "partitions");
    char lag[TEXT];

    snprintf(source->live, sizeof(source->live), "%zu partition%s, lag %s",
             json_array_size(partitions), json_array_size(partitions) == 1 ? "" : "s",
             lag_of(partitions, lag));
    per_second(rates, "records", decoder->rate);
    snprintf(decoder->live, sizeof(decoder->live), "%lld dead letters",
             vg_state_number(state, "dead_letters"));
}

static void fill_stage(struct vg_graph_box *b, const json_t *stage, const json_t *rates)
{
    if (!stage) {
        snprintf(b->live, sizeof(b->live), "does not run");
        b->bad = true;
        return;
    }
    per_second(rates, "rows_in", b->rate);
    b->bad = vg_state_number(stage, "waiting_frames") > HELD_UP_FRAMES ||
             vg_state_number(stage, "model_errors") > 0;
    snprintf(b->live, sizeof(b->live), "busy %.1f %%, %lld frames wait, %.1f MiB",
             100 * vg_state_real(rates, "busy"), vg_state_number(stage, "waiting_frames"),
             vg_state_real(stage, "memory_bytes") / (1 << 20));
}

static void fill_outbox(struct vg_graph *g, const json_t *state, const json_t *rates)
{
    struct vg_graph_box *b = find(g, "outbox", 0);
    const json_t *stages = json_object_get(rates, "stages");
    const json_t *last = json_array_get(stages, json_array_size(stages) - 1);
    char events[TEXT];

    per_second(last, "rows_out", b->rate);
    snprintf(b->live, sizeof(b->live), "%s events, busy %.1f %%, %.1f MiB",
             per_second(rates, "events", events), 100 * vg_state_real(rates, "commit_busy"),
             vg_state_real(json_object_get(state, "storage"), "outbox_bytes") / (1 << 20));
}

static void fill_sink(struct vg_graph_box *b, const json_t *state, const json_t *rates)
{
    const json_t *sink = vg_state_named(json_object_get(state, "sinks"), b->title);
    const char *how = vg_state_text(sink, "state");

    if (!sink) {
        snprintf(b->live, sizeof(b->live), "does not run");
        b->bad = true;
        return;
    }
    per_second(vg_state_named(json_object_get(rates, "sinks"), b->title), "delivered", b->rate);
    b->bad = strcmp(how, "ok") != 0;
    snprintf(b->live, sizeof(b->live), "%.10s, %lld delivered, %lld wait", how,
             vg_state_number(sink, "delivered"), vg_state_number(sink, "waiting"));
}

/* A stage runs if the one at its place has its type: the second of a type is called "clean-2". */
static const json_t *stage_at(const json_t *list, uint32_t place, const char *type)
{
    const json_t *stage = json_array_get(list, place);

    return strncmp(vg_state_text(stage, "name"), type, strlen(type)) == 0 ? stage : NULL;
}

void vg_graph_live(struct vg_graph *g, const struct vg_config *config, const json_t *state)
{
    const json_t *rates = json_object_get(json_object_get(state, "rates"), "10s");
    const json_t *stages = json_object_get(state, "stages");

    g->live = true;
    fill_source(g, state, rates);
    for (uint32_t i = 0; i < config->stages_n; i++)
        fill_stage(find(g, "stage", i), stage_at(stages, i, config->stages[i].ops->name),
                   json_array_get(json_object_get(rates, "stages"), i));
    fill_outbox(g, state, rates);
    for (uint32_t i = 0; i < config->sinks_n; i++)
        fill_sink(find(g, "sink", i), state, rates);
}
