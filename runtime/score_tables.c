/* score_tables.c - reads the tables of points of a score.
 *
 * Bands are written as on the chart: "<= 8", "9 to 11", ">= 25", or a word of the channel. They stand
 * in ascending order, each beginning where the one before ends, so that one comparison finds gaps,
 * overlaps and misprints.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "runtime/score_private.h"

/* ---- points and states ---- */

static bool read_points(struct vg_score_reader *r, const struct vg_node *node, int16_t *ret)
{
    int64_t points;

    if (node->kind == VG_NODE_SCALAR && vg_parse_int(node->text, &points) && points >= 0 &&
        points <= VG_SCORE_POINTS_MAX) {
        *ret = (int16_t)points;
        return true;
    }
    vg_document_error(r->doc, node->at, "expected points, a whole number from 0 to %d",
                      VG_SCORE_POINTS_MAX);
    return false;
}

void vg_score_read_states(struct vg_score_reader *r, uint32_t p)
{
    struct vg_score_parameter *parameter = &r->score->parameter[p];
    const struct vg_node *map = vg_document_mapping(r->doc, r->node[p], "points");
    int16_t ignored;

    for (const struct vg_node *n = map ? map->child : NULL; n; n = n->next) {
        if (parameter->states == VG_SCORE_STATES_MAX || strlen(n->key) >= VG_SCORE_WORD_SIZE ||
            strcmp(n->key, "unknown") == 0) {
            vg_document_error(r->doc, n->key_at,
                              "at most %d states of at most %d bytes, none called \"unknown\"",
                              VG_SCORE_STATES_MAX, VG_SCORE_WORD_SIZE - 1);
            return;
        }
        snprintf(parameter->state[parameter->states++], VG_SCORE_WORD_SIZE, "%s", n->key);
        (void)read_points(r, n, &ignored);
    }
}

/* The state of `parameter` with this name, from 1; 0: none. */
static uint8_t find_state(const struct vg_score_parameter *parameter, const char *name)
{
    for (uint8_t s = 0; s < parameter->states; s++) {
        if (strcmp(parameter->state[s], name) == 0)
            return (uint8_t)(s + 1);
    }
    return 0;
}

static void unknown_state(struct vg_score_reader *r, const struct vg_node *at,
                          const struct vg_score_parameter *parameter)
{
    const char *names[VG_SCORE_STATES_MAX];

    for (uint8_t s = 0; s < parameter->states; s++)
        names[s] = parameter->state[s];
    vg_document_unknown(r->doc, at->at, "state", at->text, names, parameter->states);
}

/* ---- bands ---- */

/* One end of a band: a number that a rounded value can be. */
static bool read_number(struct vg_score_reader *r, const struct vg_node *at, const char *text,
                        uint16_t per_unit, int32_t *ret)
{
    double value, steps;

    if (!vg_parse_double(text, &value) || fabs(value) > 1e6) {
        vg_document_error(r->doc, at->key_at,
                          "\"%.60s\" is no band; expected one like \"<= 8\", \"< 8\", \"9 to 11\", "
                          "\">= 25\" or \"> 25\"",
                          at->key);
        return false;
    }
    steps = value * per_unit;
    if (fabs(steps - floor(steps + 0.5)) > 1e-6) {
        vg_document_error(r->doc, at->key_at,
                          "values are rounded to %g here, so none is %s; write the band with "
                          "rounded numbers, or round to less",
                          1.0 / per_unit, text);
        return false;
    }
    *ret = (int32_t)floor(steps + 0.5);
    return true;
}

static const char *skip(const char *s, const char *word)
{
    size_t n = strlen(word);

    return strncmp(s, word, n) == 0 ? s + n + strspn(s + n, " ") : NULL;
}

static bool read_between(struct vg_score_reader *r, const struct vg_node *n, uint16_t per_unit,
                         struct vg_score_band *b)
{
    const char *to = strstr(n->key, " to ");
    char from[32];

    if (!to)
        return read_number(r, n, n->key, per_unit, &b->low) &&
               read_number(r, n, n->key, per_unit, &b->high);
    snprintf(from, sizeof(from), "%.*s", (int)(to - n->key), n->key);
    if (!read_number(r, n, from, per_unit, &b->low) ||
        !read_number(r, n, to + strlen(" to "), per_unit, &b->high))
        return false;
    if (b->low <= b->high)
        return true;
    vg_document_error(r->doc, n->key_at, "\"%s\" ends before it begins", n->key);
    return false;
}

/* The band that a key stands for. */
static bool read_range(struct vg_score_reader *r, const struct vg_node *n, int channel,
                       uint16_t per_unit, struct vg_score_band *b)
{
    int word = vg_channel_word(channel, n->key, strlen(n->key));
    const char *text;

    b->low = INT32_MIN;
    b->high = INT32_MAX;
    if (word >= 0) {
        b->low = b->high = word;
        return true;
    }
    if ((text = skip(n->key, "<=")))
        return read_number(r, n, text, per_unit, &b->high);
    if ((text = skip(n->key, ">=")))
        return read_number(r, n, text, per_unit, &b->low);
    if ((text = skip(n->key, "<"))) {
        if (!read_number(r, n, text, per_unit, &b->high))
            return false;
        b->high--;
        return true;
    }
    if ((text = skip(n->key, ">"))) {
        if (!read_number(r, n, text, per_unit, &b->low))
            return false;
        b->low++;
        return true;
    }
    return read_between(r, n, per_unit, b);
}

/* A number of points, a state whose points are given, or that the table does not say. */
static bool read_worth(struct vg_score_reader *r, const struct vg_node *n, uint32_t p,
                       struct vg_score_band *b)
{
    const struct vg_score_parameter *parameter = &r->score->parameter[p];

    if (n->kind == VG_NODE_SCALAR && strcmp(n->text, "unknown") == 0) {
        b->points = VG_SCORE_UNKNOWN;
        return true;
    }
    if (parameter->states == 0 || n->kind != VG_NODE_SCALAR)
        return read_points(r, n, &b->points);
    b->state = find_state(parameter, n->text);
    if (b->state == 0) {
        unknown_state(r, n, parameter);
        return false;
    }
    return read_points(r, vg_node_find(vg_node_find(r->node[p], "points"), n->text), &b->points);
}

/* Words of a channel need no order, and there is nothing below the first and above the last. */
static bool by_words(int channel)
{
    return vg_channel_words(channel) > 0;
}

static void say_number(struct vg_buf *out, int32_t steps, uint16_t per_unit)
{
    vg_buf_float(out, vg_score_value(steps, per_unit));
}

/* Whether band `b` begins where the one before it ends. */
static void check_joint(struct vg_score_reader *r, const struct vg_node *n,
                        const struct vg_score_band *before, const struct vg_score_band *b,
                        uint16_t per_unit)
{
    struct vg_buf text = VG_BUF_INIT;

    if (!before && b->low == INT32_MIN)
        return;
    if (before && before->high != INT32_MAX && b->low == before->high + 1)
        return;
    if (!before) {
        vg_buf_str(&text, "the first band must have no lower end, such as \"<= 8\"");
    } else if (before->high == INT32_MAX) {
        vg_buf_str(&text, "nothing can follow the band before, which has no upper end");
    } else {
        vg_buf_str(&text, "the band before ends at ");
        say_number(&text, before->high, per_unit);
        vg_buf_str(&text, ", so this one must begin at ");
        say_number(&text, before->high + 1, per_unit);
    }
    vg_document_error(r->doc, n->key_at, "\"%s\": %s", n->key, text.data);
    vg_buf_done(&text);
}

static int by_low(const void *a, const void *b)
{
    const struct vg_score_band *x = a, *y = b;

    return (x->low > y->low) - (x->low < y->low);
}

/* Every word once; then the ends are opened, so that one search serves both kinds of table. */
static void settle_words(struct vg_score_reader *r, const struct vg_node *map, int channel,
                         const struct vg_score_table *t)
{
    struct vg_score_band *b = &r->score->band[t->first];
    uint32_t words = (uint32_t)vg_channel_words(channel);

    qsort(b, t->n, sizeof(*b), by_low);
    for (uint32_t w = 0; w < words; w++) {
        if (w >= t->n || b[w].low != (int32_t)w || b[w].high != (int32_t)w) {
            vg_document_error(r->doc, map->key_at,
                              "no line for %s, or two: each word of %s has one, with points or "
                              "\"unknown\"",
                              vg_channel_word_text(channel, (float)w), vg_channels[channel].name);
            return;
        }
    }
    b[0].low = INT32_MIN;
    b[t->n - 1].high = INT32_MAX;
}

static void note_extremes(const struct vg_score_chart *s, struct vg_score_table *t)
{
    bool first = true;

    for (uint32_t i = t->first; i < t->first + t->n; i++) {
        int16_t points = s->band[i].points;

        if (points == VG_SCORE_UNKNOWN)
            continue;
        if (first || points < t->least)
            t->least = points;
        if (first || points > t->most)
            t->most = points;
        first = false;
    }
}

static void read_bands(struct vg_score_reader *r, const struct vg_node *map, uint32_t p,
                       struct vg_score_table *t)
{
    struct vg_score_chart *s = r->score;
    const struct vg_score_parameter *parameter = &s->parameter[p];
    int c = t->channel == VG_CHANNEL_NONE ? 0 : vg_score_channel_of(parameter, t->channel);
    int channel = parameter->channel[c].channel;
    uint16_t per_unit = parameter->channel[c].per_unit;
    uint32_t errors = r->doc->count[VG_ERROR];

    s->band = realloc(s->band, (s->bands + map->children + 1) * sizeof(*s->band));
    VG_CHECK(s->band);
    t->first = s->bands;
    for (const struct vg_node *n = map->child; n; n = n->next) {
        struct vg_score_band *b = &s->band[s->bands];

        *b = (struct vg_score_band){ 0 };
        if (!read_range(r, n, channel, per_unit, b) || !read_worth(r, n, p, b))
            continue;
        if (!by_words(channel))
            check_joint(r, n, t->n > 0 ? b - 1 : NULL, b, per_unit);
        s->bands++;
        t->n++;
    }
    if (t->n == 0)
        vg_document_error(r->doc, map->key_at, "there are no bands here");
    else if (by_words(channel) && r->doc->count[VG_ERROR] == errors)
        settle_words(r, map, channel, t);
    else if (!by_words(channel) && s->band[s->bands - 1].high != INT32_MAX)
        vg_document_error(r->doc, map->key_at,
                          "the last band must have no upper end, such as \">= 25\"");
    note_extremes(s, t);
}

/* ---- tables ---- */

struct when_options {
    char *channel;
    int64_t spo2_scale;
    float under_years;
};

static const struct vg_option when_options[] = {
    VG_OPT_STRING(struct when_options, channel, "channel", NULL, 0, "Values of this channel."),
    VG_OPT_INT(struct when_options, spo2_scale, "spo2_scale", NULL, 1, 2, "", 0,
               "The patient's SpO2 scale."),
    VG_OPT_FLOAT(struct when_options, under_years, "under_years", NULL, 0.01, 150, "a", 0,
                 "The patient is younger."),
    VG_OPT_END,
};

/* The condition that another parameter is in some state. */
static void read_other(struct vg_score_reader *r, const struct vg_node *n, uint32_t p,
                       struct vg_score_table *t)
{
    struct vg_score_chart *s = r->score;
    int other = vg_score_find(s, n->key);

    if (other == (int)p || s->parameter[other].states == 0 || n->kind != VG_NODE_SCALAR) {
        vg_document_error(r->doc, n->key_at,
                          "only another parameter with states (\"points: {WORD: POINTS}\") can "
                          "decide which table holds");
        return;
    }
    t->parameter = (int16_t)other;
    t->state = find_state(&s->parameter[other], n->text);
    if (t->state == 0)
        unknown_state(r, n, &s->parameter[other]);
    s->parameter[p].depends = true;
}

static void read_when(struct vg_score_reader *r, const struct vg_node *when, uint32_t p,
                      struct vg_score_table *t)
{
    struct vg_score_chart *s = r->score;
    const char *others[VG_SCORE_PARAMETERS_MAX + 1] = { NULL };
    struct when_options o = { 0 };
    const struct vg_target target = { when_options, &o };

    for (uint32_t i = 0; i < s->parameters; i++)
        others[i] = s->parameter[i].name;
    /* A parameter may have the name of a channel, but none that of a key of its own here. */
    vg_document_options(r->doc, when, &target, 1, others);
    t->spo2_scale = (uint8_t)o.spo2_scale;
    t->under_years = o.under_years;
    if (o.channel) {
        t->channel = vg_channel_find(o.channel);
        if (t->channel == VG_CHANNEL_NONE ||
            vg_score_channel_of(&s->parameter[p], t->channel) < 0) {
            vg_document_error(r->doc, vg_node_find(when, "channel")->at,
                              "%.60s is not listed in \"from\"", o.channel);
            t->channel = VG_CHANNEL_NONE;
        }
    }
    for (const struct vg_node *n = when->child; n; n = n->next) {
        if (!vg_option_find(when_options, n->key) && vg_score_find(s, n->key) >= 0)
            read_other(r, n, p, t);
    }
    vg_options_done(when_options, &o);
}

/* One table for several channels: they must be measured in the same unit, and rounded alike. */
static void check_alike(struct vg_score_reader *r, const struct vg_node *at, uint32_t p,
                        const struct vg_score_table *t)
{
    const struct vg_score_parameter *parameter = &r->score->parameter[p];
    const struct vg_score_channel *first = &parameter->channel[0];

    for (uint8_t c = 1; c < parameter->channels && t->channel == VG_CHANNEL_NONE; c++) {
        const struct vg_score_channel *other = &parameter->channel[c];

        if (strcmp(vg_channels[first->channel].ucum, vg_channels[other->channel].ucum) != 0 ||
            first->per_unit != other->per_unit ||
            by_words(first->channel) != by_words(other->channel)) {
            vg_document_error(r->doc, at->key_at,
                              "%s and %s have other units or rounding: give each a table with "
                              "\"when: {channel: ...}\"",
                              vg_channels[first->channel].name, vg_channels[other->channel].name);
            return;
        }
    }
}

static void read_table(struct vg_score_reader *r, const struct vg_node *node, uint32_t p)
{
    struct vg_score_chart *s = r->score;
    struct vg_score_table *t;
    const struct vg_node *bands, *when;

    s->table = realloc(s->table, (s->tables + 1) * sizeof(*s->table));
    VG_CHECK(s->table);
    t = &s->table[s->tables];
    *t = (struct vg_score_table){ .channel = VG_CHANNEL_NONE, .parameter = -1 };
    when = vg_document_mapping(r->doc, node, "when");
    if (when)
        read_when(r, when, p, t);
    bands = vg_document_mapping(r->doc, node, "bands");
    if (!bands) {
        vg_document_error(r->doc, node->key_at,
                          "\"bands\" is missing: points for ranges of values");
        return;
    }
    check_alike(r, vg_node_find(r->node[p], "from"), p, t);
    read_bands(r, bands, p, t);
    s->tables++;
    s->parameter[p].n++;
}

void vg_score_read_tables(struct vg_score_reader *r, uint32_t p)
{
    struct vg_score_parameter *parameter = &r->score->parameter[p];
    const struct vg_node *node = r->node[p];
    const struct vg_node *tables = vg_node_find(node, "tables");
    uint32_t errors = r->doc->count[VG_ERROR];

    parameter->first = r->score->tables;
    if (parameter->channels == 0)
        return;
    if (!tables) {
        read_table(r, node, p);
    } else if (tables->kind != VG_NODE_SEQUENCE || vg_node_find(node, "bands")) {
        vg_document_error(r->doc, tables->key_at,
                          "\"tables\" is a list of {when, bands}, in the place of \"bands\"");
    } else {
        for (const struct vg_node *n = tables->child; n; n = n->next)
            read_table(r, n, p);
    }
    if (r->doc->count[VG_ERROR] == errors)
        vg_score_check_tables(r, p);
}
