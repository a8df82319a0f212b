/* ward_feed.c - rows, orders and alerts for the ward page. */
#include "runtime/ward_feed.h"

#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/event.h"
#include "runtime/allowance.h"
#include "runtime/log.h"
#include "runtime/ward_refill.h"

enum {
    ROWS_AT_ONCE = 64, /* between two looks at the clock */
    /* 0.6 % of a processor, and what a row a second of each tile takes. */
    ROWS_NS_PER_S = 6000000,
    BED_NS_PER_S = 5000,
    ROWS_NS_SAVED = 50000000,
    EVENTS_PER_TURN = 200,
    EVENTS_AT_START = 5000, /* of those of before, so many are looked at */
    ORDERS_PER_TURN = 2000,
};

static const int64_t second_ns = VG_NS_PER_S;

/* Columns of the chain's layout; VG_ROW_NONE where there is none. */
struct columns {
    int forecast, forecast_valid, score, score_valid, share;
};

/* An episode, by the newest event of it that was seen. */
struct episode {
    uint8_t id[16];
    uint64_t seq; /* 0: the entry is free */
    int64_t began_ns, newest_ns;
    bool open;
    char patient[VG_PATIENT_SIZE];
};

/* An order about somebody of whom no row has come. */
struct pending {
    char patient[VG_PATIENT_SIZE];
    int64_t log_ns;
    struct vg_order order;
};

/* Up to where the orders of a shard were read. */
struct place {
    bool began;
    int64_t next_offset;
    uint32_t ordinal;
};

struct vg_ward_feed {
    const struct vg_observed *what;
    const struct vg_config *config; /* that the ward knows, ... */
    char hash[sizeof(((struct vg_config *)0)->hash)];
    struct vg_ward_models models; /* ... and its models */
    struct vg_ward *ward;
    struct vg_watcher **watcher; /* [workers]; NULL where all places were taken */
    uint32_t workers, first_worker;
    struct vg_allowance
        rows; /* beyond it they are lost where they would be copied (runtime/watch.h) */
    struct columns columns;
    struct vg_ward_refill *refill; /* NULL: nothing is read back, or it has come to its end */
    int64_t sweep_mono_ns, orders_mono_ns;
    struct place *place; /* [VG_SHARDS_MAX] */
    struct pending pending[VG_WARD_PENDING];
    uint32_t pendings; /* so far; the ring holds the last ones */
    struct episode episode[VG_WARD_EPISODES];
    uint32_t episodes; /* so far */
    uint64_t seq;      /* events up to this one were looked at */
    bool began_events;
};

/* ---- the chain ---- */

void vg_ward_feed_models(const struct vg_watches *watches, struct vg_ward_models *ret)
{
    int forecast = vg_layout_find(watches->layout, "forecast");
    int score = vg_layout_find(watches->layout, "anomaly_score");

    *ret = (struct vg_ward_models){
        .forecaster = forecast == VG_ROW_NONE ? NULL : watches->column[forecast].model,
        .detector = score == VG_ROW_NONE ? NULL : watches->column[score].model,
    };
}

static uint32_t bit(int column)
{
    return column == VG_ROW_NONE ? 0 : UINT32_C(1) << column;
}

static void find_columns(const struct vg_layout *l, struct columns *ret)
{
    ret->forecast = vg_layout_find(l, "forecast");
    ret->forecast_valid = vg_layout_find(l, "forecast_valid");
    ret->score = vg_layout_find(l, "anomaly_score");
    ret->score_valid = vg_layout_find(l, "anomaly_valid");
    ret->share = vg_layout_find(l, "contribution");
}

static void open_watchers(struct vg_ward_feed *f)
{
    const struct vg_watches *all = f->what->watches;
    const struct columns *c = &f->columns;
    const struct vg_watch_wish wish = {
        .kinds = VG_ROW_SAMPLE | VG_ROW_TICK,
        .columns = bit(c->forecast) | bit(c->forecast_valid) | bit(c->score) | bit(c->score_valid) |
                   bit(c->share),
        .every = 1,
        .shard = VG_WATCH_ANY,
        .slot = VG_WATCH_ANY,
    };

    f->workers = all->workers;
    f->watcher = calloc(f->workers, sizeof(struct vg_watcher *));
    VG_CHECK(f->watcher != NULL);
    for (uint32_t w = 0; w < f->workers; w++)
        f->watcher[w] = vg_watch_open(vg_watches_at(all, w, all->stages - 1), &wish);
}

static void note_config(struct vg_ward_feed *f, const struct vg_ward_models *models)
{
    f->config = f->what->config;
    memcpy(f->hash, f->config->hash, sizeof(f->hash));
    f->models = *models;
}

struct vg_ward_feed *vg_ward_feed_new(const struct vg_observed *what)
{
    uint32_t beds = (uint32_t)what->config->service.http_beds;
    const int64_t ns_per_s = ROWS_NS_PER_S + (int64_t)BED_NS_PER_S * beds;
    struct vg_ward_models models;
    struct vg_ward_feed *f;

    if (beds == 0)
        return NULL;
    f = calloc(1, sizeof(*f));
    VG_CHECK(f != NULL);
    f->what = what;
    f->rows = (struct vg_allowance){ .per_s = ns_per_s, .most = ROWS_NS_SAVED };
    f->place = calloc(VG_SHARDS_MAX, sizeof(*f->place));
    VG_CHECK(f->place != NULL);
    vg_ward_feed_models(what->watches, &models);
    note_config(f, &models);
    f->ward = vg_ward_new(what->config, &models, beds);
    find_columns(what->watches->layout, &f->columns);
    open_watchers(f);
    f->refill = vg_ward_refill_start(what);
    return f;
}

void vg_ward_feed_free(struct vg_ward_feed *f)
{
    if (!f)
        return;
    vg_ward_refill_stop(f->refill);
    for (uint32_t w = 0; w < f->workers; w++)
        vg_watcher_close(f->watcher[w]);
    free(f->watcher);
    free(f->place);
    vg_ward_free(f->ward);
    free(f);
}

struct vg_ward *vg_ward_feed_ward(const struct vg_ward_feed *f)
{
    return f->ward;
}

/* ---- rows ---- */

static void note_row(struct vg_ward_feed *f, const struct vg_watcher *r,
                     const struct vg_watched *row, int64_t wall_ns)
{
    const struct columns *c = &f->columns;

    vg_ward_note(f->ward, &(struct vg_ward_news){
                              .kind = row->kind,
                              .flags = row->flags,
                              .log_ns = row->log_ns,
                              .event_ns = row->event_ns,
                              .wall_ns = wall_ns,
                              .patient = &row->patient,
                              .value = row->value,
                              .quality = row->quality,
                              .reason = row->reason,
                              .forecast = vg_watcher_column(r, row, c->forecast),
                              .forecast_valid = vg_watcher_column(r, row, c->forecast_valid),
                              .score = vg_watcher_column(r, row, c->score),
                              .score_valid = vg_watcher_column(r, row, c->score_valid),
                              .share = vg_watcher_column(r, row, c->share),
                          });
}

static void take_rows_of(struct vg_ward_feed *f, struct vg_watcher *r, int64_t wall_ns)
{
    int64_t began_ns = vg_thread_cpu_ns();
    int n = ROWS_AT_ONCE;

    while (n == ROWS_AT_ONCE && f->rows.left > 0) {
        const struct vg_watched *row;
        int64_t now_ns;

        for (n = 0; n < ROWS_AT_ONCE && (row = vg_watcher_next(r)); n++)
            note_row(f, r, row, wall_ns);
        now_ns = vg_thread_cpu_ns();
        f->rows.left -= now_ns - began_ns;
        began_ns = now_ns;
    }
}

static void take_rows(struct vg_ward_feed *f, int64_t mono_ns)
{
    int64_t wall_ns = vg_wall_ns();
    uint64_t lost = 0;

    vg_allowance_look(&f->rows, mono_ns);
    f->first_worker++; /* none is always the last */
    for (uint32_t i = 0; i < f->workers; i++) {
        struct vg_watcher *r = f->watcher[(f->first_worker + i) % f->workers];

        if (!r)
            continue;
        take_rows_of(f, r, wall_ns);
        lost += vg_watcher_lost(r);
    }
    vg_ward_lost(f->ward, lost, wall_ns);
}

/* Of what was read back as much as came since the last turn. */
static void take_refilled(struct vg_ward_feed *f)
{
    bool ended = vg_ward_refill_ended(f->refill);
    const struct vg_refilled *row;

    for (int n = 0; n < VG_REFILL_RING && (row = vg_ward_refill_next(f->refill)); n++)
        vg_ward_note(f->ward, &(struct vg_ward_news){ .kind = VG_ROW_SAMPLE,
                                                      .flags = row->flags,
                                                      .log_ns = row->log_ns,
                                                      .event_ns = row->event_ns,
                                                      .patient = &row->patient,
                                                      .value = row->value,
                                                      .quality = row->quality,
                                                      .reason = row->reason });
    if (!ended || row)
        return;
    vg_ward_refill_stop(f->refill);
    f->refill = NULL;
}

/* ---- orders ---- */

static bool is_about_tile(const struct vg_order *order)
{
    switch ((enum vg_order_kind)order->kind) {
    case VG_ORDER_KIND_LIMIT:
    case VG_ORDER_KIND_NOTE:
    case VG_ORDER_KIND_STANDBY:
    case VG_ORDER_KIND_ADMIT:
    case VG_ORDER_KIND_DISCHARGE:
        return true;
    default:
        return false;
    }
}

static void take_order(struct vg_ward_feed *f, const char *patient, const struct vg_order *order,
                       int64_t log_ns)
{
    struct pending *p;

    if (vg_ward_find_patient(f->ward, patient)) {
        vg_ward_obey(f->ward, patient, order, log_ns);
        return;
    }
    p = &f->pending[f->pendings++ % VG_WARD_PENDING];
    *p = (struct pending){ .log_ns = log_ns, .order = *order };
    memcpy(p->patient, patient, sizeof(p->patient));
}

/* In the order in which they came. */
static void take_pending(struct vg_ward_feed *f)
{
    uint32_t kept = f->pendings < VG_WARD_PENDING ? f->pendings : VG_WARD_PENDING;

    for (uint32_t i = f->pendings - kept; i != f->pendings; i++) {
        struct pending *p = &f->pending[i % VG_WARD_PENDING];

        if (!p->patient[0] || !vg_ward_find_patient(f->ward, p->patient))
            continue;
        vg_ward_obey(f->ward, p->patient, &p->order, p->log_ns);
        p->patient[0] = '\0';
    }
}

/* Reading orders of one shard. */
struct reading {
    struct place *place;
    uint32_t n;
    struct found {
        char patient[VG_PATIENT_SIZE];
        int64_t log_ns;
        struct vg_order order;
    } found[16];
    uint32_t founds;
};

/* VG_E_AGAIN: enough for now. */
static vg_status see_order(void *arg, const struct vg_item_command *command, const void *payload,
                           size_t len)
{
    struct reading *r = arg;
    struct found *to = &r->found[r->founds];

    r->place->next_offset = command->next_offset;
    r->place->ordinal = command->ordinal;
    r->n++;
    if (command->patient[0] && len > 0) {
        *to = (struct found){ .log_ns = command->log_ns };
        memcpy(&to->order, payload, len < sizeof(to->order) ? len : sizeof(to->order));
        memcpy(to->patient, command->patient, sizeof(to->patient));
        r->founds += is_about_tile(&to->order);
    }
    return r->n < ORDERS_PER_TURN && r->founds < VG_ARRAY_LEN(r->found) ? VG_OK : VG_E_AGAIN;
}

/* An order that was refused changed nothing. */
static bool was_obeyed(struct vg_outbox_reader *reader, const struct vg_order *order)
{
    struct vg_answered answered;
    struct vg_err err;
    bool known;

    return vg_outbox_answer(reader, order->command_id, &answered, &known, &err) == VG_OK && known &&
           answered.code[0] == '\0';
}

static void take_orders_of(struct vg_ward_feed *f, struct vg_outbox_reader *reader, uint32_t shard)
{
    struct place *place = &f->place[shard];
    struct reading r = { .place = place };
    struct vg_err err;

    if (!place->began)
        *place = (struct place){ .began = true, .next_offset = -1 };
    /* A reader that fails has been told of elsewhere. */
    if (vg_outbox_orders(reader, shard, place->next_offset, place->ordinal, see_order, &r, &err) ==
        VG_E_AGAIN)
        f->orders_mono_ns = 0;
    for (uint32_t i = 0; i < r.founds; i++) {
        if (was_obeyed(reader, &r.found[i].order))
            take_order(f, r.found[i].patient, &r.found[i].order, r.found[i].log_ns);
    }
}

static void take_orders(struct vg_ward_feed *f, struct vg_outbox_reader *reader, int64_t mono_ns)
{
    const struct vg_shared *shared = f->what->shared;
    uint32_t partitions = atomic_load(&shared->partitions);

    f->orders_mono_ns = mono_ns;
    for (uint32_t i = 0; i < partitions; i++) {
        if (atomic_load(&shared->shard[i].owned))
            take_orders_of(f, reader, i);
    }
    take_pending(f);
}

/* ---- alerts ---- */

static struct episode *find_episode(struct vg_ward_feed *f, const uint8_t id[16])
{
    for (uint32_t i = 0; i < VG_WARD_EPISODES && f->episode[i].seq != 0; i++) {
        if (memcmp(f->episode[i].id, id, 16) == 0)
            return &f->episode[i];
    }
    return NULL;
}

static vg_status see_event(void *arg, const struct vg_delivery *event)
{
    struct vg_ward_feed *f = arg;
    struct episode *e = find_episode(f, event->episode_id);

    f->seq = event->seq;
    if (!e) {
        e = &f->episode[f->episodes++ % VG_WARD_EPISODES];
        *e = (struct episode){ .began_ns = event->time_ns };
        memcpy(e->id, event->episode_id, 16);
        vg_event_patient(event->json, event->len, e->patient);
    }
    e->seq = event->seq;
    e->newest_ns = event->time_ns;
    e->open = event->phase != VG_PHASE_END;
    return VG_OK;
}

static void take_events(struct vg_ward_feed *f, struct vg_outbox_reader *reader)
{
    uint64_t last = atomic_load(&f->what->shared->committed_seq);
    struct vg_err err;

    if (!f->began_events) {
        f->began_events = true;
        f->seq = last > EVENTS_AT_START ? last - EVENTS_AT_START : 0;
    }
    if (f->seq < last &&
        vg_outbox_read(reader, NULL, f->seq, EVENTS_PER_TURN, see_event, f, &err) != VG_OK)
        vg_log(VG_LOG_WARN, "http", "the ward page misses alerts: %s", err.msg);
}

static int by_seq(const void *a, const void *b)
{
    const uint64_t x = (*(const struct episode *const *)a)->seq;
    const uint64_t y = (*(const struct episode *const *)b)->seq;

    return (x > y) - (x < y);
}

vg_status vg_ward_feed_episodes(const struct vg_ward_feed *f, struct vg_outbox_reader *reader,
                                const char *patient, int64_t from_ns, int64_t to_ns, vg_event_fn fn,
                                void *arg, struct vg_err *err)
{
    const struct episode **found = malloc(VG_WARD_EPISODES * sizeof(const struct episode *));
    vg_status st = VG_OK;
    uint32_t n = 0;

    VG_CHECK(found != NULL);
    for (uint32_t i = 0; i < VG_WARD_EPISODES && f->episode[i].seq != 0; i++) {
        const struct episode *e = &f->episode[i];

        if (e->began_ns <= to_ns && (e->open || e->newest_ns >= from_ns) &&
            strcmp(e->patient, patient) == 0)
            found[n++] = e;
    }
    qsort(found, n, sizeof(const struct episode *), by_seq);
    for (uint32_t i = 0; i < n && st == VG_OK; i++)
        st = vg_outbox_read(reader, NULL, found[i]->seq - 1, 1, fn, arg, err);
    free(found);
    return st;
}

/* ---- a turn ---- */

/* Columns are the same in every configuration that can follow another in a running service. */
static void follow_config(struct vg_ward_feed *f)
{
    const struct vg_config *now = f->what->config;
    struct vg_ward_models models;

    vg_ward_feed_models(f->what->watches, &models);
    /* Another one may lie where one that is gone has lain. */
    if (now == f->config && strcmp(now->hash, f->hash) == 0 &&
        models.forecaster == f->models.forecaster && models.detector == f->models.detector)
        return;
    note_config(f, &models);
    vg_ward_configure(f->ward, now, &models);
}

void vg_ward_feed_turn(struct vg_ward_feed *f, struct vg_outbox_reader *reader, int64_t mono_ns)
{
    follow_config(f);
    take_rows(f, mono_ns);
    if (f->refill)
        take_refilled(f);
    if (mono_ns - f->sweep_mono_ns >= second_ns) {
        f->sweep_mono_ns = mono_ns;
        vg_ward_sweep(f->ward, vg_wall_ns());
    }
    if (!reader)
        return;
    if (mono_ns - f->orders_mono_ns >= second_ns)
        take_orders(f, reader, mono_ns);
    take_events(f, reader);
}
