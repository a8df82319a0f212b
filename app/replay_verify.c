/* replay_verify.c - a recording again, and its events beside those that the pipeline stored.
 *
 * Shards are independent, so which of two was first is no part of the promise: events are matched by
 * their id, with which their canonical text begins, and their order is compared within a shard.
 */
#include "app/replay_verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/config_load.h"
#include "app/record_play.h"
#include "runtime/outbox.h"

enum { READ_AT_ONCE = 256, SHOWN = 5 };

static const char id_key[] = "{\"event_id\":\"";

struct event {
    char *json;
    uint32_t shard; /* of a stored one */
    size_t at;      /* its place among all that came */
};

/* The same event stored and again. */
struct pair {
    const struct event *stored, *again;
};

struct events {
    struct event *list;
    size_t n, room;
    uint64_t last; /* seq of the outbox that was read last */
};

/* ---- gathering ---- */

static void keep(struct events *e, uint32_t shard, const char *json, size_t len)
{
    if (e->n == e->room) {
        e->room = e->room ? 2 * e->room : 1024;
        e->list = reallocarray(e->list, e->room, sizeof(*e->list));
        VG_CHECK(e->list);
    }
    e->list[e->n] = (struct event){ .json = strndup(json, len), .shard = shard, .at = e->n };
    VG_CHECK(e->list[e->n].json);
    e->n++;
}

static void events_done(struct events *e)
{
    for (size_t i = 0; i < e->n; i++)
        free(e->list[i].json);
    free(e->list);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct event *)a)->json, ((const struct event *)b)->json);
}

static void sort(struct events *e)
{
    if (e->n > 0)
        qsort(e->list, e->n, sizeof(*e->list), by_text);
}

static void on_event(void *ctx, uint32_t patient, const struct vg_item_event *event,
                     const char *json, size_t len)
{
    (void)patient;
    (void)event;
    keep(ctx, 0, json, len);
}

static vg_status play(const struct vg_config *config, const char *file, struct events *ret,
                      struct vg_err *err)
{
    const struct vg_offline_sink sink = { .ctx = ret, .event = on_event };
    struct vg_record_reader *reader = NULL;
    struct vg_offline *o = NULL;
    struct vg_progress progress;
    vg_status st = vg_record_reader_open(file, &reader, err);

    if (st == VG_OK)
        st = vg_offline_new(config, &sink, &o, err);
    if (st == VG_OK) {
        vg_progress_begin(&progress, VG_PROGRESS_AUTO, "replay", "bytes",
                          vg_record_reader_size(reader));
        st = vg_record_play(reader, &o, 1, &progress, err);
        vg_progress_end(&progress, vg_record_reader_at(reader));
    }
    vg_offline_free(o);
    vg_record_reader_close(reader);
    return st;
}

static vg_status on_stored(void *arg, const struct vg_delivery *event)
{
    struct events *e = arg;

    keep(e, event->shard, event->json, event->len);
    e->last = event->seq;
    return VG_OK;
}

static vg_status read_outbox(const char *path, struct events *ret, struct vg_err *err)
{
    struct vg_outbox_reader *reader = NULL;
    vg_status st = vg_outbox_reader_open(path, &reader, err);
    size_t before;

    do {
        before = ret->n;
        if (st == VG_OK)
            st = vg_outbox_read(reader, NULL, ret->last, READ_AT_ONCE, on_stored, ret, err);
    } while (st == VG_OK && ret->n > before);
    vg_outbox_reader_close(reader);
    return st;
}

/* ---- comparing ---- */

/* The id behind the first key, and its length. */
static const char *id_of(const char *json, size_t *ret_len)
{
    const char *id = json;

    if (strncmp(json, id_key, strlen(id_key)) == 0)
        id += strlen(id_key);
    *ret_len = strcspn(id, "\"");
    return id;
}

static int compare_ids(const char *a, const char *b)
{
    size_t a_len, b_len;
    const char *x = id_of(a, &a_len), *y = id_of(b, &b_len);
    int c = strncmp(x, y, a_len < b_len ? a_len : b_len);

    /* As by_text() orders them: the quote behind an id is less than any digit. */
    return c != 0 ? c : (a_len > b_len) - (a_len < b_len);
}

static void show(const char *json, const char *what, uint64_t count)
{
    size_t len;
    const char *id = id_of(json, &len);

    if (count <= SHOWN)
        fprintf(stderr, "vigil replay: event %.*s %s\n", (int)len, id, what);
}

/* Both in order of their ids. Returns how many are in both, which go into `pairs`. */
static size_t match(const struct events *stored, const struct events *again, struct pair *pairs,
                    struct vg_verified *ret)
{
    size_t i = 0, k = 0, n = 0;

    while (i < stored->n || k < again->n) {
        const struct event *s = &stored->list[i], *a = &again->list[k];
        int c = i == stored->n ? 1 : k == again->n ? -1 : compare_ids(s->json, a->json);

        if (c < 0)
            show(s->json, "does not come again", ++ret->missing);
        else if (c > 0)
            show(a->json, "was not stored", ++ret->extra);
        else
            pairs[n++] = (struct pair){ s, a };
        if (c == 0 && strcmp(s->json, a->json) != 0)
            show(s->json, "has other bytes", ++ret->different);
        i += c <= 0;
        k += c >= 0;
    }
    return n;
}

static int by_shard_and_place(const void *x, const void *y)
{
    const struct event *a = ((const struct pair *)x)->stored;
    const struct event *b = ((const struct pair *)y)->stored;

    if (a->shard != b->shard)
        return a->shard < b->shard ? -1 : 1;
    return (a->at > b->at) - (a->at < b->at);
}

/* Those that come again before one that was stored before them. */
static void compare_order(struct pair *pairs, size_t n, struct vg_verified *ret)
{
    size_t latest = 0;

    if (n > 0)
        qsort(pairs, n, sizeof(*pairs), by_shard_and_place);
    for (size_t i = 0; i < n; i++) {
        bool first = i == 0 || pairs[i].stored->shard != pairs[i - 1].stored->shard;

        if (!first && pairs[i].again->at < latest)
            show(pairs[i].stored->json, "comes earlier in its shard", ++ret->misplaced);
        else
            latest = pairs[i].again->at;
    }
}

static void compare(struct events *stored, struct events *again, struct vg_verified *ret)
{
    struct pair *pairs = calloc(stored->n + 1, sizeof(*pairs));

    VG_CHECK(pairs);
    sort(stored);
    sort(again);
    ret->events = stored->n;
    compare_order(pairs, match(stored, again, pairs, ret), ret);
    free(pairs);
}

vg_status vg_replay_verify(const char *config_path, const char *file, const char *outbox,
                           struct vg_verified *ret, struct vg_err *err)
{
    struct events stored = { 0 }, again = { 0 };
    struct vg_config *config = NULL;
    vg_status st = vg_config_load_aloud(config_path, &config, err);

    *ret = (struct vg_verified){ 0 };
    if (st == VG_OK)
        st = read_outbox(outbox, &stored, err);
    if (st == VG_OK)
        st = play(config, file, &again, err);
    if (st == VG_OK)
        compare(&stored, &again, ret);
    events_done(&stored);
    events_done(&again);
    vg_config_free(config);
    return st;
}
