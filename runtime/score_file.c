/* score_file.c - reads what a file says of a score: where it is from, for whom, its parameters and
 * levels. */
#include "runtime/score_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/event.h"
#include "core/text.h"
#include "runtime/score_private.h"

/* ---- text of fixed size ---- */

static void set_text(struct vg_score_reader *r, const struct vg_node *map, const char *key,
                     const char *text, char *to, size_t size)
{
    const struct vg_node *at = vg_node_find(map, key);

    if (!text)
        return;
    if (strlen(text) >= size)
        vg_document_error(r->doc, at->at, "\"%s\" is longer than %zu bytes", key, size - 1);
    snprintf(to, size, "%s", text);
}

static bool is_word(const char *s)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_-");

    return n > 0 && n < VG_SCORE_WORD_SIZE && s[n] == '\0';
}

static bool check_word(struct vg_score_reader *r, const struct vg_node *node, const char *what)
{
    if (is_word(node->key))
        return true;
    vg_document_error(r->doc, node->key_at,
                      "\"%.60s\" is no name of a %s; expected 1 to %d of a-z, 0-9, \"_\" and \"-\"",
                      node->key, what, VG_SCORE_WORD_SIZE - 1);
    return false;
}

/* ---- parameters ---- */

struct parameter_options {
    char *title;
    struct vg_strings from;
    int choose;
};

static const char *const choices[] = { "first", "highest", NULL };

static const struct vg_option parameter_options[] = {
    VG_OPT_STRING(struct parameter_options, title, "title", NULL, VG_OPT_REQUIRED,
                  "What people call it."),
    VG_OPT_LIST(struct parameter_options, from, "from", VG_OPT_REQUIRED,
                "The channels it takes its value from."),
    VG_OPT_ENUM(struct parameter_options, choose, "choose", "first", choices, 0,
                "Which channel counts: the first that has a value, or the one with most points."),
    VG_OPT_END,
};

int vg_score_channel_of(const struct vg_score_parameter *parameter, int channel)
{
    for (int c = 0; c < parameter->channels; c++) {
        if (parameter->channel[c].channel == channel)
            return c;
    }
    return -1;
}

static int find_channel(struct vg_score_reader *r, struct vg_place at, const char *name)
{
    const char *names[VG_CHANNELS];
    int channel = vg_channel_find(name);

    for (int c = 0; c < VG_CHANNELS; c++)
        names[c] = vg_channels[c].name;
    if (channel == VG_CHANNEL_NONE)
        vg_document_unknown(r->doc, at, "channel", name, names, VG_CHANNELS);
    return channel;
}

static void read_from(struct vg_score_reader *r, struct vg_score_parameter *p,
                      const struct vg_node *from)
{
    for (const struct vg_node *c = from ? from->child : NULL; c; c = c->next) {
        int channel = c->kind == VG_NODE_SCALAR ? find_channel(r, c->at, c->text) : VG_CHANNEL_NONE;

        if (channel == VG_CHANNEL_NONE)
            continue;
        if (vg_score_channel_of(p, channel) >= 0) {
            vg_document_error(r->doc, c->at, "%s is listed twice", c->text);
            continue;
        }
        if (p->channels == VG_SCORE_CHANNELS_MAX) {
            vg_document_error(r->doc, c->at, "more than %d channels for one parameter",
                              VG_SCORE_CHANNELS_MAX);
            return;
        }
        p->channel[p->channels++] =
            (struct vg_score_channel){ .channel = channel, .per_unit = 1, .expires_ns = 0 };
    }
}

/* "0.1": ten steps in one unit. */
static void read_round(struct vg_score_reader *r, const struct vg_node *node,
                       struct vg_score_channel *c)
{
    const struct vg_channel *channel = &vg_channels[c->channel];
    double step, per_unit;

    if (node->kind != VG_NODE_SCALAR || !vg_parse_double(node->text, &step) || !(step > 0) ||
        step > 1 || fabs(floor(1 / step + 0.5) * step - 1) > 1e-9 || step < 0.01) {
        vg_document_error(r->doc, node->at,
                          "values are rounded to 1, or to a part of 1 not smaller than 0.01, such "
                          "as 0.1 or 0.5");
        return;
    }
    per_unit = floor(1 / step + 0.5);
    c->per_unit = (uint16_t)per_unit;
    /* Medians are taken of steps in 16 bits. */
    if ((double)channel->high * per_unit > INT16_MAX ||
        (double)channel->low * per_unit < -INT16_MAX)
        vg_document_error(r->doc, node->at, "steps of %g are too small for the range of %s", step,
                          channel->name);
}

static void read_rounds(struct vg_score_reader *r, struct vg_score_parameter *p,
                        const struct vg_node *node)
{
    if (!node)
        return;
    if (node->kind != VG_NODE_MAPPING) {
        for (uint8_t c = 0; c < p->channels; c++)
            read_round(r, node, &p->channel[c]);
        return;
    }
    for (const struct vg_node *n = node->child; n; n = n->next) {
        int channel = find_channel(r, n->key_at, n->key);
        int c = channel == VG_CHANNEL_NONE ? -1 : vg_score_channel_of(p, channel);

        if (c >= 0)
            read_round(r, n, &p->channel[c]);
        else if (channel != VG_CHANNEL_NONE)
            vg_document_error(r->doc, n->key_at, "%s is not listed in \"from\"", n->key);
    }
}

static void read_parameter(struct vg_score_reader *r, const struct vg_node *node)
{
    static const char *const own_keys[] = { "round", "bands", "tables", "points", NULL };
    struct vg_score_chart *s = r->score;
    struct vg_score_parameter *p = &s->parameter[s->parameters];
    struct parameter_options o = { 0 };
    const struct vg_target target = { parameter_options, &o };

    if (!check_word(r, node, "parameter") || !vg_document_is_mapping(r->doc, node))
        return;
    if (s->parameters == VG_SCORE_PARAMETERS_MAX) {
        vg_document_error(r->doc, node->key_at, "more than %d parameters", VG_SCORE_PARAMETERS_MAX);
        return;
    }
    r->node[s->parameters++] = node;
    snprintf(p->name, sizeof(p->name), "%s", node->key);
    vg_document_options(r->doc, node, &target, 1, own_keys);
    set_text(r, node, "title", o.title, p->title, sizeof(p->title));
    p->highest = o.choose == 1;
    read_from(r, p, vg_node_find(node, "from"));
    read_rounds(r, p, vg_node_find(node, "round"));
    vg_options_done(parameter_options, &o);
    vg_score_read_states(r, s->parameters - 1);
}

/* ---- levels ---- */

struct level_options {
    int64_t at_least, single;
    int priority;
    char *response;
};

static const struct vg_option level_options[] = {
    VG_OPT_INT(struct level_options, at_least, "at_least", NULL, 1, 200, "", 0, "The total."),
    VG_OPT_INT(struct level_options, single, "single", NULL, 1, VG_SCORE_POINTS_MAX, "", 0,
               "Points in one parameter."),
    VG_OPT_ENUM(struct level_options, priority, "priority", NULL, vg_priority_names,
                VG_OPT_REQUIRED, "What a rule for it has at least."),
    VG_OPT_STRING(struct level_options, response, "response", NULL, 0,
                  "What the publication asks for."),
    VG_OPT_END,
};

static void read_level(struct vg_score_reader *r, const struct vg_node *node)
{
    struct vg_score_chart *s = r->score;
    struct vg_score_level *level = &s->level[s->levels];
    struct level_options o = { 0 };
    const struct vg_target target = { level_options, &o };

    if (!check_word(r, node, "level") || !vg_document_is_mapping(r->doc, node))
        return;
    if (s->levels == VG_SCORE_LEVELS_MAX) {
        vg_document_error(r->doc, node->key_at, "more than %d levels", VG_SCORE_LEVELS_MAX);
        return;
    }
    s->levels++;
    snprintf(level->name, sizeof(level->name), "%s", node->key);
    vg_document_options(r->doc, node, &target, 1, NULL);
    if ((o.at_least > 0) == (o.single > 0))
        vg_document_error(r->doc, node->key_at,
                          "a level is either \"at_least\" a total or points in a \"single\" "
                          "parameter");
    level->single = o.single > 0;
    level->points = (uint8_t)(level->single ? o.single : o.at_least);
    level->priority = (uint8_t)o.priority;
    set_text(r, node, "response", o.response, level->response, sizeof(level->response));
    vg_options_done(level_options, &o);
}

/* ---- the file ---- */

struct score_options {
    char *version, *title, *source;
    bool advisory, example, pregnant;
    float from_years;
    int64_t window_ns;
};

static const struct vg_option score_options[] = {
    VG_OPT_STRING(struct score_options, version, "version", NULL, VG_OPT_REQUIRED,
                  "Of the format: 1."),
    VG_OPT_STRING(struct score_options, title, "title", NULL, VG_OPT_REQUIRED,
                  "What people call the score."),
    VG_OPT_STRING(struct score_options, source, "source", NULL, VG_OPT_REQUIRED,
                  "Where the table was published."),
    VG_OPT_BOOL(struct score_options, advisory, "advisory", "false", 0,
                "Alerts about it are advisory."),
    VG_OPT_BOOL(struct score_options, example, "example", "false", 0, "It is not for use."),
    VG_OPT_FLOAT(struct score_options, from_years, "patients.from_years", "0", 0, 150, "a", 0,
                 "Not for younger patients."),
    VG_OPT_BOOL(struct score_options, pregnant, "patients.pregnant", "true", 0,
                "Whether it holds in pregnancy."),
    VG_OPT_DURATION(struct score_options, window_ns, "window", "5m", 15, 86400, 0,
                    "Over which medians are taken."),
    VG_OPT_END,
};

/* How long values count: what is measured all the time for the window, the rest as long as the
 * channel says, unless the file says otherwise. */
static void set_expiry(struct vg_score_chart *s)
{
    for (uint32_t p = 0; p < s->parameters; p++) {
        for (uint8_t c = 0; c < s->parameter[p].channels; c++) {
            struct vg_score_channel *channel = &s->parameter[p].channel[c];
            const struct vg_channel *of = &vg_channels[channel->channel];

            channel->expires_ns = of->episodic ? of->validity_ns : s->window_ns;
        }
    }
}

static void read_expires(struct vg_score_reader *r, const struct vg_node *map)
{
    for (const struct vg_node *n = map ? map->child : NULL; n; n = n->next) {
        int64_t ns = 0;
        int channel = find_channel(r, n->key_at, n->key);

        if (n->kind != VG_NODE_SCALAR || !vg_parse_duration(n->text, &ns) || ns < VG_NS_PER_S)
            vg_document_error(r->doc, n->at, "expected a duration of at least 1s, such as 4h");
        else if (channel != VG_CHANNEL_NONE && !vg_score_expire(r->score, channel, ns))
            vg_document_error(r->doc, n->key_at, "no parameter takes its value from %s", n->key);
    }
}

static void read_score(struct vg_score_reader *r)
{
    static const char *const own_keys[] = { "parameters", "levels", "expires", NULL };
    const struct vg_node *root = r->doc->root, *map;
    struct vg_score_chart *s = r->score;
    struct score_options o = { 0 };
    const struct vg_target target = { score_options, &o };

    vg_options_default(score_options, &o);
    vg_document_options(r->doc, root, &target, 1, own_keys);
    if (o.version && strcmp(o.version, "1") != 0)
        vg_document_error(r->doc, vg_node_find(root, "version")->at,
                          "this Vigil reads \"version: 1\"");
    set_text(r, root, "title", o.title, s->title, sizeof(s->title));
    set_text(r, root, "source", o.source, s->source, sizeof(s->source));
    s->advisory = o.advisory;
    s->example = o.example;
    s->from_years = o.from_years;
    s->not_pregnant = !o.pregnant;
    s->window_ns = o.window_ns;
    vg_options_done(score_options, &o);
    map = vg_document_mapping(r->doc, root, "parameters");
    if (!map)
        vg_document_error(r->doc, root->at, "\"parameters\" is missing: what the score adds up");
    for (const struct vg_node *n = map ? map->child : NULL; n; n = n->next)
        read_parameter(r, n);
    set_expiry(s);
    for (uint32_t p = 0; p < s->parameters; p++)
        vg_score_read_tables(r, p);
    for (uint32_t t = 0; t < s->tables; t++) {
        int other = s->table[t].parameter;

        if (other >= 0 && s->parameter[other].depends)
            vg_document_error(r->doc, r->node[other]->key_at,
                              "the tables of %s hang on another parameter, so no other may hang on "
                              "it",
                              s->parameter[other].name);
    }
    read_expires(r, vg_document_mapping(r->doc, root, "expires"));
    map = vg_document_mapping(r->doc, root, "levels");
    for (const struct vg_node *n = map ? map->child : NULL; n; n = n->next)
        read_level(r, n);
}

vg_status vg_score_read(const char *path, const char *name, struct vg_score_chart *ret,
                        struct vg_buf *diagnostics, struct vg_err *err)
{
    struct vg_document doc;
    struct vg_score_reader r = { .doc = &doc, .score = ret };
    vg_status st;

    memset(ret, 0, sizeof(*ret));
    snprintf(ret->name, sizeof(ret->name), "%s", name);
    st = vg_document_read(&doc, path, err);
    if (st == VG_OK && doc.root->kind != VG_NODE_MAPPING)
        vg_document_error(&doc, doc.root->at, "expected a mapping, not %s", vg_node_what(doc.root));
    else if (st == VG_OK)
        read_score(&r);
    vg_document_report(&doc, diagnostics);
    st = vg_document_verdict(&doc, st, err);
    vg_document_done(&doc);
    return st;
}
