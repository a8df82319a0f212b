/* tap_column.c - names of columns, and what rows have under them. */
#include "runtime/tap_column.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"

enum { CANDIDATES_MAX = 96 };

enum what {
    EVENT,
    LOG,
    RECORD,
    DEVICE,
    PARTITION,
    OFFSET,
    INDEX,
    KIND,
    FLAGS,
    PATIENT,
    BED,
    WARD,
    VALUES,
    FACTS, /* how many of these */
    CHANNEL,
    ADDED
};

static const char *const facts[FACTS] = {
    [EVENT] = "event",         [LOG] = "log",         [RECORD] = "record", [DEVICE] = "device",
    [PARTITION] = "partition", [OFFSET] = "offset",   [INDEX] = "index",   [KIND] = "kind",
    [FLAGS] = "flags",         [PATIENT] = "patient", [BED] = "bed",       [WARD] = "ward",
    [VALUES] = "values",
};

/* ---- kinds ---- */

static const struct {
    uint8_t kind;
    const char *name;
} kinds[] = { { VG_ROW_SAMPLE, "sample" },
              { VG_ROW_TICK, "tick" },
              { VG_ROW_SHARD, "shard" },
              { VG_ROW_COMMAND, "command" },
              { VG_ROW_CLOCK, "clock" } };

const char *vg_row_kind_name(uint8_t kind)
{
    for (size_t i = 0; i < VG_ARRAY_LEN(kinds); i++) {
        if (kinds[i].kind == kind)
            return kinds[i].name;
    }
    return "";
}

uint8_t vg_row_kind_find(const char *name, size_t n)
{
    for (size_t i = 0; i < VG_ARRAY_LEN(kinds); i++) {
        if (strlen(kinds[i].name) == n && memcmp(kinds[i].name, name, n) == 0)
            return kinds[i].kind;
    }
    return 0;
}

/* ---- finding ---- */

/* What says where a column counts: where that is 0, so is it, and means nothing. */
static int valid_of(const struct vg_layout *l, const char *name)
{
    static const struct {
        const char *column, *valid;
    } pairs[] = { { "forecast", "forecast_valid" },
                  { "residual", "residual_sd" },
                  { "anomaly_score", "anomaly_valid" },
                  { "contribution", "anomaly_valid" } };

    for (size_t i = 0; i < VG_ARRAY_LEN(pairs); i++) {
        if (strcmp(pairs[i].column, name) == 0)
            return vg_layout_find(l, pairs[i].valid);
    }
    return VG_ROW_NONE;
}

static int find_fact(const char *name)
{
    for (int i = 0; i < FACTS; i++) {
        if (strcmp(facts[i], name) == 0)
            return i;
    }
    return FACTS;
}

static vg_status unknown(const struct vg_observed *o, uint32_t place, const char *name,
                         struct vg_err *err)
{
    const struct vg_layout *l = o->watches->layout;
    const char *names[CANDIDATES_MAX], *near;
    struct vg_buf added = VG_BUF_INIT;
    size_t n = 0;

    for (int i = 0; i < FACTS; i++)
        names[n++] = facts[i];
    for (int c = 0; c < VG_CHANNELS; c++)
        names[n++] = vg_channels[c].name;
    for (uint32_t c = VG_COL_BASE_COUNT; c < l->columns; c++) {
        if (o->watches->column[c].place > place)
            continue;
        names[n++] = l->column[c].name;
        vg_buf_printf(&added, ", %s", l->column[c].name);
    }
    near = vg_did_you_mean(name, names, n);
    vg_fail(err, VG_E_CONFIG,
            "no column \"%.60s\"%s%s%s Rows have event, log, record, device, partition, offset, "
            "index, kind, flags, patient, bed, ward, values, every vital sign (`vigil list`)%s",
            name, near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : ".",
            added.len > 0 ? added.data : "");
    vg_buf_done(&added);
    return VG_E_CONFIG;
}

static vg_status of_later_stage(const struct vg_observed *o, int column, struct vg_err *err)
{
    char stage[VG_NAME_SIZE];

    vg_observed_stage(o, o->watches->column[column].place, stage);
    return vg_fail(
        err, VG_E_CONFIG,
        "column \"%s\" is not there yet: stage %s adds it; tap that one or one behind it",
        o->watches->layout->column[column].name, stage);
}

static vg_status find_added(const struct vg_observed *o, uint32_t place, int column,
                            const char *channel, struct vg_tap_column *ret, struct vg_err *err)
{
    const char *name = o->watches->layout->column[column].name;

    if (o->watches->column[column].place > place)
        return of_later_stage(o, column, err);
    ret->what = ADDED;
    ret->column = column;
    ret->valid = valid_of(o->watches->layout, name);
    if (!channel)
        return VG_OK;
    ret->channel = vg_channel_find(channel);
    if (ret->channel == VG_CHANNEL_NONE || o->watches->layout->column[column].width == 1)
        return vg_fail(err, VG_E_CONFIG,
                       "column \"%.80s\": expected a vital sign behind \"%s.\", such as %s.spo2, "
                       "where it has one for each",
                       ret->name, name, name);
    return VG_OK;
}

vg_status vg_tap_column_find(const struct vg_observed *o, uint32_t place, const char *name,
                             size_t n, struct vg_tap_column *ret, struct vg_err *err)
{
    char first[sizeof(ret->name)], *dot;
    int column;

    *ret = (struct vg_tap_column){ .channel = VG_CHANNEL_NONE,
                                   .column = VG_ROW_NONE,
                                   .valid = VG_ROW_NONE };
    snprintf(ret->name, sizeof(ret->name), "%.*s", (int)n, name);
    snprintf(first, sizeof(first), "%s", ret->name);
    dot = strchr(first, '.');
    if (dot)
        *dot++ = '\0';
    column = vg_layout_find(o->watches->layout, first);
    if (column >= VG_COL_BASE_COUNT)
        return find_added(o, place, column, dot, ret, err);
    ret->what = find_fact(ret->name);
    if (ret->what != FACTS)
        return VG_OK;
    ret->what = CHANNEL;
    ret->channel = vg_channel_find(ret->name);
    return ret->channel == VG_CHANNEL_NONE ? unknown(o, place, ret->name, err) : VG_OK;
}

uint32_t vg_tap_column_bits(const struct vg_tap_column *c)
{
    uint32_t bits = 0;

    if (c->column != VG_ROW_NONE)
        bits |= UINT32_C(1) << c->column;
    if (c->valid != VG_ROW_NONE)
        bits |= UINT32_C(1) << c->valid;
    return bits;
}

/* ---- writing ---- */

static void put_name(struct vg_buf *out, const char *name)
{
    vg_buf_json_str(out, name);
    vg_buf_char(out, ':');
}

/* Closes what was opened, whose last member may have left a comma. */
static void close_object(struct vg_buf *out)
{
    if (out->data[out->len - 1] == ',')
        out->len--;
    vg_buf_str(out, "},");
}

static void put_number(struct vg_buf *out, float value, bool known)
{
    const float exact = 1e6f; /* below it %.7g shows a whole number as it is */

    if (known && fabsf(value) < exact && value == truncf(value))
        vg_buf_printf(out, "%d,", (int)value);
    else if (known && isfinite(value))
        vg_buf_printf(out, "%.7g,", (double)value);
    else
        vg_buf_str(out, "null,");
}

/* Of the words that the program has, which need no escapes. Printf would take most of a row's time. */
static void put_word(struct vg_buf *out, const char *name, const char *word)
{
    put_name(out, name);
    vg_buf_char(out, '"');
    vg_buf_str(out, word);
    vg_buf_str(out, "\",");
}

static void put_time(struct vg_buf *out, int64_t ns)
{
    if (ns == VG_TIME_NONE)
        vg_buf_str(out, "null");
    else
        vg_buf_json_time(out, ns);
}

static bool shows(const struct vg_tap_row *r, int channel)
{
    return r->channels >> channel & 1;
}

static void put_value(const struct vg_watched *row, int c, struct vg_buf *out)
{
    const uint8_t quality = row->quality[c];
    const bool known = vg_usable(quality) || vg_usable_by_models(quality);

    put_name(out, vg_channels[c].name);
    vg_buf_str(out, "{\"value\":");
    put_number(out, row->value[c], known);
    if (known && vg_channel_words(c) > 0)
        put_word(out, "word", vg_channel_word_text(c, row->value[c]));
    if (vg_channels[c].unit[0])
        put_word(out, "unit", vg_channels[c].unit);
    put_word(out, "quality", vg_quality_name(quality));
    if (row->reason[c] != VG_REASON_NONE)
        put_word(out, "reason", vg_reason_name(row->reason[c]));
    close_object(out);
}

static void put_values(const struct vg_tap_row *r, struct vg_buf *out)
{
    vg_buf_str(out, "\"values\":{");
    for (int c = 0; c < VG_CHANNELS; c++) {
        if (shows(r, c) && r->row->quality[c] != VG_Q_ABSENT)
            put_value(r->row, c, out);
    }
    close_object(out);
}

static void put_fact(const struct vg_tap_column *c, const struct vg_tap_row *r, struct vg_buf *out)
{
    const struct vg_watched *row = r->row;
    const int64_t time_ns[] = { [EVENT] = row->event_ns,
                                [LOG] = row->log_ns,
                                [RECORD] = row->record_ns,
                                [DEVICE] = row->device_ns };
    const long long number[] = {
        [PARTITION] = row->shard, [OFFSET] = row->offset, [INDEX] = row->index, [FLAGS] = row->flags
    };
    const char *const text[] = { [KIND] = vg_row_kind_name(row->kind),
                                 [PATIENT] = row->patient.id,
                                 [BED] = row->patient.bed,
                                 [WARD] = row->patient.ward };

    put_name(out, c->name);
    if (c->what <= DEVICE)
        put_time(out, time_ns[c->what]);
    else if (c->what >= PATIENT || c->what == KIND)
        vg_buf_json_str(out, text[c->what]);
    else
        vg_buf_printf(out, "%lld", number[c->what]);
    vg_buf_char(out, ',');
}

/* ---- what stages add ---- */

/* One column of one row. */
struct entry {
    const struct vg_tap_row *r;
    const char *name;           /* of the layout */
    const float *value, *valid; /* NULL: all of it counts */
    const struct vg_model *model;
    uint32_t width;
    int channel; /* the only one that is wanted, or VG_CHANNEL_NONE */
};

static bool wants(const struct entry *e, int channel)
{
    return e->channel == VG_CHANNEL_NONE ? shows(e->r, channel) : e->channel == channel;
}

/* Normalizing knows the channels of the models only: all models of a chain have the same. */
static bool is_modelled(const struct vg_config *config, int channel)
{
    const struct vg_model *m = config->models_n > 0 ? config->models[0] : NULL;

    for (uint32_t i = 0; m && i < m->channels; i++) {
        if (m->channel[i] == channel)
            return true;
    }
    return false;
}

/* [C] of all channels: what a row does not have is left out. */
static void put_all_channels(const struct entry *e, struct vg_buf *out)
{
    const struct vg_watched *row = e->r->row;
    const bool age = strcmp(e->name, "age") == 0, z = strcmp(e->name, "z") == 0;

    vg_buf_char(out, '{');
    for (int c = 0; c < VG_MEASURED; c++) {
        if (!wants(e, c) || row->quality[c] == VG_Q_ABSENT ||
            (!age && !is_modelled(e->r->o->config, c)))
            continue;
        put_name(out, vg_channels[c].name);
        put_number(out, e->value[c], !z || vg_usable_by_models(row->quality[c]));
    }
    close_object(out);
}

/* [C] of the model's. */
static void put_model_channels(const struct entry *e, struct vg_buf *out)
{
    vg_buf_char(out, '{');
    for (uint32_t i = 0; i < e->model->channels; i++) {
        if (!wants(e, e->model->channel[i]))
            continue;
        put_name(out, vg_channels[e->model->channel[i]].name);
        put_number(out, e->value[i], !e->valid || e->valid[i] != 0);
    }
    close_object(out);
}

static void put_horizons(const struct entry *e, uint32_t i, struct vg_buf *out)
{
    const struct vg_model *m = e->model;
    const float *y = e->value + (size_t)i * m->horizons * m->quantiles;
    const bool counts = !e->valid || e->valid[i] != 0;

    for (uint32_t h = 0; h < m->horizons; h++) {
        char horizon[VG_DURATION_TEXT_SIZE];

        vg_format_duration(m->horizon_ns[h], horizon);
        put_name(out, horizon);
        vg_buf_char(out, '{');
        for (uint32_t q = 0; q < m->quantiles; q++) {
            vg_buf_printf(out, "\"%.6g\":", (double)m->quantile[q]);
            put_number(out, y[h * m->quantiles + q], counts);
        }
        close_object(out);
    }
}

/* [C, H, Q], in the units of the channels. */
static void put_forecast(const struct entry *e, struct vg_buf *out)
{
    vg_buf_char(out, '{');
    for (uint32_t i = 0; i < e->model->channels; i++) {
        const int channel = e->model->channel[i];

        if (!wants(e, channel))
            continue;
        put_name(out, vg_channels[channel].name);
        vg_buf_char(out, '{');
        put_word(out, "unit", vg_channels[channel].unit);
        put_horizons(e, i, out);
        close_object(out);
    }
    close_object(out);
}

static void put_list(const struct entry *e, struct vg_buf *out)
{
    vg_buf_char(out, '[');
    for (uint32_t i = 0; i < e->width; i++)
        put_number(out, e->value[i], true);
    out->len--;
    vg_buf_str(out, "],");
}

static void put_added(const struct vg_tap_column *c, const struct vg_tap_row *r, struct vg_buf *out)
{
    const struct vg_watches *w = r->o->watches;
    const struct entry e = { .r = r,
                             .name = w->layout->column[c->column].name,
                             .value = vg_watcher_column(r->reader, r->row, c->column),
                             .valid = vg_watcher_column(r->reader, r->row, c->valid),
                             .model = w->column[c->column].model,
                             .width = w->layout->column[c->column].width,
                             .channel = c->channel };

    if (!e.value)
        return;
    put_name(out, c->name);
    if (e.width == 1)
        put_number(out, *e.value, !e.valid || *e.valid != 0);
    else if (!e.model && e.width == VG_CHANNELS)
        put_all_channels(&e, out);
    else if (e.model && e.width == e.model->channels)
        put_model_channels(&e, out);
    else if (e.model && e.width == e.model->channels * e.model->horizons * e.model->quantiles)
        put_forecast(&e, out);
    else
        put_list(&e, out);
}

void vg_tap_column_write(const struct vg_tap_column *c, const struct vg_tap_row *r,
                         struct vg_buf *out)
{
    if (c->what == ADDED)
        put_added(c, r, out);
    else if (c->what == VALUES)
        put_values(r, out);
    else if (c->what != CHANNEL)
        put_fact(c, r, out);
    else if (r->row->quality[c->channel] != VG_Q_ABSENT)
        put_value(r->row, c->channel, out);
}
