/* tap.c - from a question to a stream of rows.
 *
 * Where a patient is to be followed, the place and number of the patient are not known before a row of theirs
 * has been seen: until then all rows come here, afterwards only theirs are copied. After a shard came back
 * from another instance the number may be another patient's: then all rows come again.
 */
#include "runtime/tap.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "runtime/allowance.h"
#include "runtime/tap_column.h"

enum { COLUMNS_MAX = 40, BAD_REQUEST = 400, BUSY = 503, EVERY_MAX = 1000000 };

static const int64_t COUNT_NS = VG_NS_PER_S;
static const int64_t TURN_NS = 50 * VG_NS_PER_MS;
static const int64_t LOST_SIGHT_NS = 10 * VG_NS_PER_S;
static const char *const DEFAULT_COLUMNS[] = { "event", "bed", "kind", "values" };

struct tap {
    const struct vg_observed *o;
    uint32_t place, first_worker;
    struct vg_watcher **reader; /* [workers] */
    struct vg_watch_wish wish;  /* as it was made */

    char patient[VG_PATIENT_SIZE], bed[VG_BED_SIZE]; /* "": all */
    uint32_t channels;                               /* bits */
    bool some_channels;                              /* rows without any of them are left out */
    uint32_t every, left;
    struct vg_tap_column column[COLUMNS_MAX];
    uint32_t columns;

    bool aimed;
    struct vg_allowance shows, looks; /* rows */
    uint64_t shown;
    int64_t counted_ns; /* when that was told last */
    int64_t turn_ns;    /* when rows were shown last */
    int64_t sight_ns;   /* when one was shown last */
};

/* ---- the question ---- */

static vg_status find_stage(struct tap *t, const char *name, struct vg_err *err)
{
    struct vg_buf names = VG_BUF_INIT;

    for (t->place = 0; t->place < t->o->config->stages_n; t->place++) {
        char stage[VG_NAME_SIZE];

        vg_observed_stage(t->o, t->place, stage);
        if (name && strcmp(stage, name) == 0)
            break;
        vg_buf_printf(&names, "%s%s", t->place ? ", " : "", stage);
    }
    if (t->place == t->o->config->stages_n)
        vg_fail(err, VG_E_CONFIG, "no stage \"%.60s\"; the pipeline has %s", name ? name : "",
                names.data);
    vg_buf_done(&names);
    return t->place == t->o->config->stages_n ? VG_E_CONFIG : VG_OK;
}

static vg_status take_text(const json_t *of, const char *key, char *ret, size_t size,
                           struct vg_err *err)
{
    const json_t *value = json_object_get(of, key);
    const char *text = json_string_value(value);

    if (!value)
        return VG_OK;
    if (!text || strlen(text) == 0 || strlen(text) >= size)
        return vg_fail(err, VG_E_CONFIG, "\"%s\": expected a text of 1 to %zu bytes", key,
                       size - 1);
    snprintf(ret, size, "%s", text);
    return VG_OK;
}

static vg_status take_channels(struct tap *t, const json_t *list, struct vg_err *err)
{
    const json_t *value;
    size_t i;

    t->channels = UINT32_MAX;
    if (!list)
        return VG_OK;
    t->some_channels = true;
    t->channels = 0;
    json_array_foreach(list, i, value)
    {
        const char *name = json_string_value(value);
        int channel = name ? vg_channel_find(name) : VG_CHANNEL_NONE;

        if (channel == VG_CHANNEL_NONE)
            return vg_fail(err, VG_E_CONFIG, "no vital sign \"%.60s\"; `vigil list` names them",
                           name ? name : "");
        t->channels |= UINT32_C(1) << channel;
    }
    if (t->channels == 0)
        return vg_fail(err, VG_E_CONFIG, "\"channels\": expected a list of vital signs");
    return VG_OK;
}

static vg_status take_kinds(struct tap *t, const json_t *list, struct vg_err *err)
{
    const json_t *value;
    size_t i;

    t->wish.kinds = VG_ROW_SAMPLE | VG_ROW_TICK;
    if (!list)
        return VG_OK;
    t->wish.kinds = 0;
    json_array_foreach(list, i, value)
    {
        const char *name = json_string_value(value);
        uint8_t kind = name ? vg_row_kind_find(name, strlen(name)) : 0;

        if (kind == 0)
            return vg_fail(
                err, VG_E_CONFIG,
                "no kind of row \"%.60s\"; there are sample, tick, shard, command, clock",
                name ? name : "");
        t->wish.kinds |= kind;
    }
    if (t->wish.kinds == 0)
        return vg_fail(err, VG_E_CONFIG, "\"kinds\": expected a list of kinds of rows");
    return VG_OK;
}

/* A name that is asked for twice is shown once: a row is an object. */
static bool is_shown(const struct tap *t, const char *name)
{
    for (uint32_t i = 0; i < t->columns; i++) {
        if (strcmp(t->column[i].name, name) == 0)
            return true;
    }
    return false;
}

static vg_status add_column(struct tap *t, const char *name, struct vg_err *err)
{
    struct vg_tap_column *c = &t->column[t->columns];
    vg_status st;

    if (is_shown(t, name))
        return VG_OK;
    if (t->columns == COLUMNS_MAX)
        return vg_fail(err, VG_E_CONFIG, "\"columns\": at most %d", COLUMNS_MAX);
    st = vg_tap_column_find(t->o, t->place, name, strlen(name), c, err);
    if (st == VG_OK) {
        t->columns++;
        t->wish.columns |= vg_tap_column_bits(c);
    }
    return st;
}

static vg_status take_columns(struct tap *t, const json_t *list, struct vg_err *err)
{
    const json_t *value;
    vg_status st = VG_OK;
    size_t i;

    for (i = 0; !list && st == VG_OK && i < VG_ARRAY_LEN(DEFAULT_COLUMNS); i++)
        st = add_column(t, DEFAULT_COLUMNS[i], err);
    json_array_foreach(list, i, value)
    {
        if (st == VG_OK)
            st = json_is_string(value)
                     ? add_column(t, json_string_value(value), err)
                     : vg_fail(err, VG_E_CONFIG, "\"columns\": expected a list of names");
    }
    if (st == VG_OK && t->columns == 0)
        st = vg_fail(err, VG_E_CONFIG, "\"columns\": expected a list of names");
    return st;
}

static vg_status take_every(struct tap *t, const json_t *value, struct vg_err *err)
{
    const json_int_t every = value ? json_integer_value(value) : 1;

    if (every < 1 || every > EVERY_MAX)
        return vg_fail(err, VG_E_CONFIG, "\"every\": expected a whole number from 1 to %d",
                       EVERY_MAX);
    t->every = (uint32_t)every;
    return VG_OK;
}

static vg_status check_names(json_t *question, struct vg_err *err)
{
    static const char *const names[] = { "stage",   "patient", "bed",  "channels",
                                         "columns", "kinds",   "every" };
    const char *key;
    json_t *value;
    vg_status st = VG_OK;

    json_object_foreach(question, key, value)
    {
        size_t i = 0;

        while (i < VG_ARRAY_LEN(names) && strcmp(names[i], key) != 0)
            i++;
        if (i == VG_ARRAY_LEN(names) && st == VG_OK)
            st = vg_fail(err, VG_E_CONFIG,
                         "no member \"%.60s\"; expected stage, patient, bed, channels, columns, "
                         "kinds, every",
                         key);
    }
    return st;
}

static vg_status read_question(struct tap *t, json_t *q, struct vg_err *err)
{
    vg_status st;

    if (!json_is_object(q))
        return vg_fail(err, VG_E_CONFIG, "expected a JSON object such as {\"stage\":\"clean\"}");
    if ((st = check_names(q, err)) != VG_OK ||
        (st = find_stage(t, json_string_value(json_object_get(q, "stage")), err)) != VG_OK ||
        (st = take_text(q, "patient", t->patient, sizeof(t->patient), err)) != VG_OK ||
        (st = take_text(q, "bed", t->bed, sizeof(t->bed), err)) != VG_OK ||
        (st = take_channels(t, json_object_get(q, "channels"), err)) != VG_OK ||
        (st = take_kinds(t, json_object_get(q, "kinds"), err)) != VG_OK ||
        (st = take_every(t, json_object_get(q, "every"), err)) != VG_OK)
        return st;
    return take_columns(t, json_object_get(q, "columns"), err);
}

/* ---- rows ---- */

static bool is_picky(const struct tap *t)
{
    return t->patient[0] || t->bed[0] || t->some_channels;
}

/* What is wanted of the writers: each n-th row is counted there only where every row counts. */
static void aim(struct tap *t, const struct vg_watched *at)
{
    struct vg_watch_wish wish = t->wish;

    wish.every = is_picky(t) ? 1 : t->every;
    wish.shard = at ? at->shard : VG_WATCH_ANY;
    wish.slot = at ? at->slot : VG_WATCH_ANY;
    t->aimed = at != NULL;
    for (uint32_t w = 0; w < t->o->watches->workers; w++)
        vg_watcher_wish(t->reader[w], &wish);
}

static bool has_channel(const struct tap *t, const struct vg_watched *row)
{
    for (int c = 0; c < VG_CHANNELS; c++) {
        if ((t->channels >> c & 1) && row->quality[c] != VG_Q_ABSENT)
            return true;
    }
    return false;
}

static bool is_wanted(struct tap *t, const struct vg_watched *row)
{
    if (t->patient[0] && strcmp(t->patient, row->patient.id) != 0)
        return false;
    if (t->patient[0] && !t->aimed)
        aim(t, row);
    if ((t->bed[0] && strcmp(t->bed, row->patient.bed) != 0) ||
        (t->some_channels && !has_channel(t, row)))
        return false;
    if (!is_picky(t))
        return true;
    t->left = t->left > 0 ? t->left - 1 : t->every - 1;
    return t->left == t->every - 1;
}

static void show(const struct tap *t, const struct vg_watcher *reader, const struct vg_watched *row,
                 struct vg_buf *out)
{
    const struct vg_tap_row r = {
        .o = t->o, .reader = reader, .row = row, .channels = t->channels
    };

    vg_http_event(out, "row");
    vg_buf_char(out, '{');
    for (uint32_t i = 0; i < t->columns; i++)
        vg_tap_column_write(&t->column[i], &r, out);
    if (out->data[out->len - 1] == ',')
        out->len--;
    vg_buf_char(out, '}');
    vg_http_event_end(out);
}

static void show_worker(struct tap *t, struct vg_watcher *reader, struct vg_buf *out)
{
    const struct vg_watched *row;

    for (; t->shows.left > 0 && t->looks.left > 0 && (row = vg_watcher_next(reader));
         t->looks.left--) {
        if (!is_wanted(t, row))
            continue;
        show(t, reader, row, out);
        t->shows.left--;
        t->shown++;
    }
}

static void tell_count(const struct tap *t, struct vg_buf *out)
{
    uint64_t seen = 0, lost = 0;

    for (uint32_t w = 0; w < t->o->watches->workers; w++) {
        seen += vg_watcher_seen(t->reader[w]);
        lost += vg_watcher_lost(t->reader[w]);
    }
    vg_http_event(out, "count");
    vg_buf_printf(out, "{\"passed\":%llu,\"lost\":%llu,\"shown\":%llu}", (unsigned long long)seen,
                  (unsigned long long)lost, (unsigned long long)t->shown);
    vg_http_event_end(out);
}

static bool more(void *state, int64_t mono_ns, struct vg_buf *out)
{
    struct tap *t = state;
    const uint64_t before = t->shown;
    const uint32_t workers = t->o->watches->workers;

    /* The server asks more often when events are committed. */
    if (mono_ns - t->turn_ns < TURN_NS)
        return true;
    t->turn_ns = mono_ns;
    vg_allowance_look(&t->shows, mono_ns);
    vg_allowance_look(&t->looks, mono_ns);
    t->first_worker++; /* none is always the last */
    for (uint32_t w = 0; w < workers; w++)
        show_worker(t, t->reader[(t->first_worker + w) % workers], out);
    if (t->shown > before || t->sight_ns == 0)
        t->sight_ns = mono_ns;
    if (t->aimed && mono_ns - t->sight_ns > LOST_SIGHT_NS)
        aim(t, NULL);
    if (mono_ns - t->counted_ns >= COUNT_NS) {
        t->counted_ns = mono_ns;
        tell_count(t, out);
    }
    return true;
}

static void end(void *state)
{
    struct tap *t = state;

    for (uint32_t w = 0; t->reader && w < t->o->watches->workers; w++)
        vg_watcher_close(t->reader[w]);
    free(t->reader);
    free(t);
}

/* ---- from outside ---- */

static vg_status stand_at(struct tap *t, struct vg_err *err)
{
    const uint32_t workers = t->o->watches->workers;

    t->wish.shard = t->wish.slot = VG_WATCH_ANY;
    t->wish.every = is_picky(t) ? 1 : t->every;
    t->reader = calloc(workers, sizeof(struct vg_watcher *));
    VG_CHECK(t->reader != NULL);
    for (uint32_t w = 0; w < workers; w++) {
        t->reader[w] = vg_watch_open(vg_watches_at(t->o->watches, w, t->place), &t->wish);
        if (!t->reader[w])
            return vg_fail(err, VG_E_TEMPORARY, "%d others look at this stage already: try again",
                           VG_WATCHERS);
    }
    return VG_OK;
}

void vg_tap_answer(const struct vg_observed *o, const struct vg_http_request *request,
                   struct vg_http_answer *ret)
{
    static const struct vg_http_stream stream = { .more = more, .end = end };
    json_t *question = json_loadb(request->body, request->body_len, JSON_REJECT_DUPLICATES, NULL);
    struct tap *t = calloc(1, sizeof(*t));
    struct vg_err err = { .msg = "" };
    vg_status st;

    VG_CHECK(t != NULL);
    t->o = o;
    /* A tenth of a second at once. */
    t->shows = (struct vg_allowance){ .per_s = VG_TAP_ROWS_PER_S, .most = VG_TAP_ROWS_PER_S / 10 };
    t->looks = (struct vg_allowance){ .per_s = VG_TAP_LOOKED_AT_PER_S,
                                      .most = VG_TAP_LOOKED_AT_PER_S / 10 };
    st = read_question(t, question, &err);
    if (st == VG_OK)
        st = stand_at(t, &err);
    json_decref(question);
    if (st == VG_OK) {
        ret->stream = &stream;
        ret->state = t;
        return;
    }
    vg_http_refuse(ret, st == VG_E_TEMPORARY ? BUSY : BAD_REQUEST, "%s", err.msg);
    end(t);
}
