/* graph.c - `vigil graph`: the way of the data through a configuration, as Mermaid or as a picture. With
 * --live each part says what passes it in the pipeline that runs (app/graph_live.c). */
#include "app/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "app/config_load.h"
#include "app/running.h"
#include "app/verbs.h"
#include "runtime/document.h"

enum format { MERMAID, SVG };

struct options {
    int format;
    bool live;
    char *at;
};

static const char *const formats[] = { [MERMAID] = "mermaid", [SVG] = "svg", NULL };

static const struct vg_option options[] = {
    VG_OPT_ENUM(struct options, format, "format", "mermaid", formats, 0, "what is printed"),
    VG_OPT_BOOL(struct options, live, "live", "false", 0,
                "with what passed each part of the running pipeline in the last ten seconds"),
    VG_RUNNING_AT(struct options),
    VG_OPT_END,
};

static const struct vg_command command = {
    .name = "graph",
    .summary = "Prints the way of the data through a configuration, as Mermaid or SVG",
    .arguments = "CONFIG",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = options,
    .notes =
        "Mermaid is what GitHub, GitLab and mkdocs draw in Markdown; an SVG opens in a browser.\n"
        "--live asks the HTTP server that CONFIG configures. Exit code 69: it does not answer.\n",
};

/* ---- what is drawn ---- */

static int add(struct vg_graph *g, const char *kind, uint32_t number, int from, int row)
{
    struct vg_graph_box *b = &g->box[g->n];

    VG_CHECK(g->n < VG_GRAPH_BOXES);
    snprintf(b->id, sizeof(b->id), "%s%u", kind, number);
    b->from = from;
    b->row = row;
    return g->n++;
}

/* The text at a key of an entry, or "". */
static const char *text_of(const struct vg_node *map, const char *key)
{
    const struct vg_node *node = vg_node_find(map, key);

    return node && node->kind == VG_NODE_SCALAR && !node->secret ? node->text : "";
}

static void add_source(struct vg_graph *g, const struct vg_config *config)
{
    const struct vg_document *doc = config->document;
    const struct vg_node *map = vg_node_find(doc->root, "source");
    struct vg_graph_box *b = &g->box[add(g, "source", 0, -1, 0)];

    snprintf(b->title, sizeof(b->title), "%s", config->source.ops->name);
    snprintf(b->line, sizeof(b->line), "%s", text_of(map, "topic"));
    b = &g->box[add(g, "decoder", 0, g->n - 1, 1)];
    snprintf(b->title, sizeof(b->title), "%s", config->source.decoder->name);
    snprintf(b->line, sizeof(b->line), "rows, log time, shards");
}

/* The model that a stage names, as a box of its own. */
static void add_model(struct vg_graph *g, const struct vg_config *config, const char *name,
                      int stage)
{
    struct vg_graph_box *b;

    for (uint32_t i = 0; i < config->models_n; i++) {
        if (strcmp(config->models[i]->name, name) != 0)
            continue;
        b = &g->box[add(g, "model", i, stage, g->box[stage].row)];
        b->side = true;
        snprintf(b->title, sizeof(b->title), "%s", name);
        snprintf(b->line, sizeof(b->line), "%s %.12s", config->models[i]->ops->name,
                 config->models[i]->sha256);
    }
}

static void describe_stage(const struct vg_config *config, const struct vg_stage_config *stage,
                           const struct vg_node *node, struct vg_graph_box *b)
{
    const char *tick = text_of(node, "tick");
    bool alert = strcmp(stage->ops->name, "alert") == 0;

    snprintf(b->title, sizeof(b->title), "%s", stage->ops->name);
    if (alert)
        snprintf(b->line, sizeof(b->line), "%u rule%s, %zu bytes a patient", config->site.rules_n,
                 config->site.rules_n == 1 ? "" : "s", stage->memory_size);
    else if (tick[0])
        snprintf(b->line, sizeof(b->line), "a row each %s, %zu bytes a patient", tick,
                 stage->memory_size);
    else
        snprintf(b->line, sizeof(b->line), "%zu bytes a patient", stage->memory_size);
}

/* Returns the last stage. */
static int add_stages(struct vg_graph *g, const struct vg_config *config)
{
    const struct vg_document *doc = config->document;
    const struct vg_node *node = vg_node_find(doc->root, "stages")->child;
    int last = g->n - 1;

    for (uint32_t i = 0; i < config->stages_n; i++, node = node->next) {
        int stage = add(g, "stage", i, last, g->box[last].row + 1);

        describe_stage(config, &config->stages[i], node, &g->box[stage]);
        add_model(g, config, text_of(node, "model"), stage);
        last = stage;
    }
    return last;
}

static void add_sinks(struct vg_graph *g, const struct vg_config *config, int outbox)
{
    for (uint32_t i = 0; i < config->sinks_n; i++) {
        const struct vg_sink_config *sink = &config->sinks[i];
        struct vg_graph_box *b = &g->box[add(g, "sink", i, outbox, g->box[outbox].row + 1)];

        snprintf(b->title, sizeof(b->title), "%s", sink->name);
        snprintf(b->line, sizeof(b->line), "%s%s", sink->ops->name,
                 sink->delivery.required ? ", required" : "");
    }
}

static void fill(struct vg_graph *g, const struct vg_config *config)
{
    int last, outbox;

    add_source(g, config);
    last = add_stages(g, config);
    outbox = add(g, "outbox", 0, last, g->box[last].row + 1);
    snprintf(g->box[outbox].title, VG_GRAPH_LINE, "outbox");
    snprintf(g->box[outbox].line, VG_GRAPH_LINE, "durable");
    add_sinks(g, config, outbox);
}

/* ---- as Mermaid ---- */

/* Within quotes of a label; entities are Mermaid's way of writing what would end it. */
static void put_label(const char *text)
{
    for (; *text; text++) {
        if (strchr("\"#<>&;", *text))
            printf("#%d;", (unsigned char)*text);
        else
            putchar(*text);
    }
}

static void print_mermaid(const struct vg_graph *g)
{
    printf("flowchart TD\n");
    for (int i = 0; i < g->n; i++) {
        const struct vg_graph_box *b = &g->box[i];

        printf("    %s[\"", b->id);
        put_label(b->title);
        if (b->line[0])
            printf("<br/>");
        put_label(b->line);
        if (b->live[0])
            printf("<br/>");
        put_label(b->live);
        printf("\"]%s\n", b->bad ? ":::bad" : "");
    }
    for (int i = 0; i < g->n; i++) {
        const struct vg_graph_box *b = &g->box[i];

        if (b->from >= 0 && b->side)
            printf("    %s -.-> %s\n", b->id, g->box[b->from].id);
        else if (b->from >= 0)
            printf("    %s -->%s%s%s %s\n", g->box[b->from].id, b->rate[0] ? "|" : "", b->rate,
                   b->rate[0] ? "|" : "", b->id);
    }
    if (g->live)
        printf("    classDef bad stroke:#b00,stroke-width:3px\n");
}

/* ---- as a picture ---- */

enum { BOX_WIDTH = 220, LINE_HEIGHT = 16, GAP = 26, MARGIN = 16, IN_A_ROW = 4 };

static int box_height(const struct vg_graph *g)
{
    return (g->live ? 4 : 3) * LINE_HEIGHT - 2;
}

/* Where a box stands: sinks go on in further rows. */
static void place(const struct vg_graph *g, int i, int *ret_x, int *ret_y)
{
    const struct vg_graph_box *b = &g->box[i];
    int before = 0;

    for (int k = 0; k < i; k++)
        before += g->box[k].row == b->row;
    *ret_x = MARGIN + before % IN_A_ROW * (BOX_WIDTH + GAP);
    *ret_y = MARGIN + (b->row + before / IN_A_ROW) * (box_height(g) + GAP);
}

static void put_xml(const char *text)
{
    for (; *text; text++) {
        if (strchr("<>&\"", *text))
            printf("&#%d;", (unsigned char)*text);
        else
            putchar(*text);
    }
}

static void print_arrow(const struct vg_graph *g, int i)
{
    int x1, y1, x2, y2;

    place(g, g->box[i].from, &x1, &y1);
    place(g, i, &x2, &y2);
    if (g->box[i].side)
        printf("<path class=\"side\" d=\"M%d %d H%d\"/>\n", x2, y2 + box_height(g) / 2,
               x1 + BOX_WIDTH);
    else
        printf("<path d=\"M%d %d V%d H%d V%d\" marker-end=\"url(#to)\"/>\n", x1 + BOX_WIDTH / 2,
               y1 + box_height(g), y1 + box_height(g) + GAP / 2, x2 + BOX_WIDTH / 2, y2);
}

static void print_text(const char *text, const char *kind, int x, int y)
{
    printf("<text%s x=\"%d\" y=\"%d\">", kind, x, y);
    put_xml(text);
    printf("</text>\n");
}

static void print_box(const struct vg_graph *g, int i)
{
    const struct vg_graph_box *b = &g->box[i];
    int x, y;

    place(g, i, &x, &y);
    printf("<rect%s x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\"/>\n",
           b->bad ? " class=\"bad\"" : "", x, y, BOX_WIDTH, box_height(g));
    print_text(b->title, " class=\"title\"", x + BOX_WIDTH / 2, y + 19);
    print_text(b->line, "", x + BOX_WIDTH / 2, y + 36);
    if (b->live[0])
        print_text(b->live, "", x + BOX_WIDTH / 2, y + 36 + LINE_HEIGHT);
    if (b->rate[0])
        print_text(b->rate, " class=\"rate\"", x + BOX_WIDTH / 2 + 8, y - 4);
}

static void print_svg(const struct vg_graph *g, const struct vg_config *config)
{
    int width = 0, height = 0;

    for (int i = 0; i < g->n; i++) {
        int x, y;

        place(g, i, &x, &y);
        width = x + BOX_WIDTH + MARGIN > width ? x + BOX_WIDTH + MARGIN : width;
        height = y + box_height(g) + MARGIN > height ? y + box_height(g) + MARGIN : height;
    }
    printf("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
           "height=\"%d\" role=\"img\">\n<title>",
           width, height, width, height);
    put_xml(config->service.name);
    printf("</title>\n<style>rect{fill:#eef3f8;stroke:#456}path{fill:none;stroke:#456}"
           ".side{stroke-dasharray:4 3}text{font:11px sans-serif;text-anchor:middle;fill:#234}"
           ".title{font-weight:bold;font-size:13px}.rate{text-anchor:start}"
           ".bad{stroke:#b00;stroke-width:3}</style>\n"
           "<marker id=\"to\" markerWidth=\"8\" markerHeight=\"8\" refX=\"7\" refY=\"4\" "
           "orient=\"auto\"><path d=\"M0 0 L8 4 L0 8\"/></marker>\n");
    for (int i = 0; i < g->n; i++) {
        if (g->box[i].from >= 0)
            print_arrow(g, i);
    }
    for (int i = 0; i < g->n; i++)
        print_box(g, i);
    printf("</svg>\n");
}

/* ---- the verb ---- */

static vg_status ask(struct vg_graph *g, const struct vg_running *running, struct vg_err *err)
{
    json_t *state;
    vg_status st = vg_running_state(running, NULL, &state, err);

    if (st != VG_OK)
        return st;
    if (strcmp(vg_state_text(state, "config"), running->config->hash) != 0)
        fprintf(stderr, "vigil graph: %s is not the configuration that runs: parts may differ\n",
                running->config->path);
    vg_graph_live(g, running->config, state);
    json_decref(state);
    return VG_OK;
}

static vg_status draw(const struct options *o, const char *path, struct vg_err *err)
{
    struct vg_running running = { 0 };
    struct vg_graph *g = calloc(1, sizeof(*g));
    vg_status st = o->live ? vg_running_find(path, o->at, &running, err)
                           : vg_config_load_aloud(path, &running.config, err);

    VG_CHECK(g);
    if (st == VG_OK)
        fill(g, running.config);
    if (st == VG_OK && o->live)
        st = ask(g, &running, err);
    if (st == VG_OK && o->format == SVG)
        print_svg(g, running.config);
    else if (st == VG_OK)
        print_mermaid(g);
    free(g);
    vg_running_done(&running);
    return st;
}

int vg_verb_graph(int argc, char **argv)
{
    struct options o = { 0 };
    struct vg_err err;
    char **args;
    int exit = vg_command_parse(&command, argc, argv, &o, &args);

    if (exit == VG_COMMAND_GO)
        exit = draw(&o, args[0], &err) == VG_OK ? 0 : vg_command_failed(&command, &err);
    vg_options_done(options, &o);
    return exit;
}
