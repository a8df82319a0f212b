/* outbox_read.c - the events of the outbox, and where its episodes stand. */
#include <string.h>

#include "runtime/outbox_db.h"
#include "runtime/outbox_reader.h"

/* A number below `count`; `count` when it is none of those. */
static uint8_t column_below(sqlite3_stmt *row, int i, int count)
{
    int64_t n = sqlite3_column_int64(row, i);

    return (uint8_t)(n >= 0 && n < count ? n : count);
}

struct event_call {
    vg_event_fn fn;
    void *arg;
    struct vg_err *err;
};

/* Sinks take for granted what the writer made sure of; a damaged file may hold anything. */
static bool event_valid(const struct vg_delivery *d)
{
    return d->phase < VG_PHASE_COUNT && d->kind < VG_ALERT_KIND_COUNT &&
           d->priority < VG_PRIORITY_COUNT && d->ward && strlen(d->ward) < VG_WARD_SIZE &&
           d->json && d->len > 0;
}

static vg_status give_event(void *ctx, sqlite3_stmt *row)
{
    const struct event_call *call = ctx;
    struct vg_delivery d = {
        .seq = vg_reader_unsigned(row, 0),
        .prev_seq = vg_reader_unsigned(row, 1),
        .shard = (uint32_t)vg_reader_unsigned(row, 2),
        .number = (uint32_t)vg_reader_unsigned(row, 3),
        .phase = column_below(row, 5, VG_PHASE_COUNT),
        .kind = column_below(row, 6, VG_ALERT_KIND_COUNT),
        .priority = column_below(row, 7, VG_PRIORITY_COUNT),
        .time_ns = sqlite3_column_int64(row, 8),
        .ward = (const char *)sqlite3_column_text(row, 9),
        .json = (const char *)sqlite3_column_text(row, 10),
        .len = (size_t)sqlite3_column_bytes(row, 10),
        .wall_ns = sqlite3_column_int64(row, 11),
    };

    if (!vg_reader_id(row, 4, d.episode_id) || !event_valid(&d))
        return vg_fail(
            call->err, VG_E_IO,
            "the outbox is damaged: event %llu is none that Vigil wrote; keep a copy and "
            "move data_dir away",
            (unsigned long long)d.seq);
    return call->fn(call->arg, &d);
}

vg_status vg_outbox_read(struct vg_outbox_reader *r, const char *ward, uint64_t after, size_t max,
                         vg_event_fn fn, void *arg, struct vg_err *err)
{
    struct event_call call = { fn, arg, err };
    bool all = !ward || !ward[0];
    enum vg_read q = all ? VG_READ_EVENTS : VG_READ_EVENTS_OF_WARD;

    sqlite3_bind_int64(r->stmt[q], 1, (int64_t)after);
    sqlite3_bind_int64(r->stmt[q], 2, max > INT64_MAX ? INT64_MAX : (int64_t)max);
    if (!all)
        sqlite3_bind_text(r->stmt[q], 3, ward, -1, SQLITE_STATIC);
    return vg_reader_each(r, q, "read events", give_event, &call, err);
}

vg_status vg_outbox_newest_events(struct vg_outbox_reader *r, uint64_t before, size_t max,
                                  vg_event_fn fn, void *arg, struct vg_err *err)
{
    struct event_call call = { fn, arg, err };

    sqlite3_bind_int64(r->stmt[VG_READ_NEWEST_EVENTS], 1, (int64_t)before);
    sqlite3_bind_int64(r->stmt[VG_READ_NEWEST_EVENTS], 2, (int64_t)max);
    return vg_reader_each(r, VG_READ_NEWEST_EVENTS, "read the newest events", give_event, &call,
                          err);
}

static vg_status take_extent(void *ctx, sqlite3_stmt *row)
{
    uint64_t *extent = ctx;

    extent[0] = vg_reader_unsigned(row, 0);
    extent[1] = vg_reader_unsigned(row, 1);
    return VG_OK;
}

vg_status vg_outbox_extent(struct vg_outbox_reader *r, const char *ward, uint64_t *ret_last,
                           uint64_t *ret_oldest, struct vg_err *err)
{
    bool all = !ward || !ward[0];
    enum vg_read q = all ? VG_READ_EXTENT : VG_READ_EXTENT_OF_WARD;
    uint64_t extent[2] = { 0 };
    vg_status st;

    if (!all)
        sqlite3_bind_text(r->stmt[q], 1, ward, -1, SQLITE_STATIC);
    st = vg_reader_each(r, q, "read how far it reaches", take_extent, extent, err);
    *ret_last = extent[0];
    *ret_oldest = extent[1];
    return st;
}

static vg_status nothing(void *ctx, sqlite3_stmt *row)
{
    (void)ctx;
    (void)row;
    return VG_OK;
}

/* The newest seq and the open episodes must be those of one moment, or a subscriber would drop an
 * event that its snapshot did not have. */
vg_status vg_outbox_open_episodes(struct vg_outbox_reader *r, const char *ward, vg_event_fn fn,
                                  void *arg, uint64_t *ret_as_of, struct vg_err *err)
{
    struct event_call call = { fn, arg, err };
    uint64_t oldest;
    struct vg_err ignored;
    vg_status st = vg_reader_each(r, VG_READ_BEGIN, "begin to read", nothing, NULL, err);

    if (st != VG_OK)
        return st;
    st = vg_outbox_extent(r, NULL, ret_as_of, &oldest, err);
    if (st == VG_OK) {
        sqlite3_bind_text(r->stmt[VG_READ_OPEN_EVENTS], 1, ward ? ward : "", -1, SQLITE_STATIC);
        st = vg_reader_each(r, VG_READ_OPEN_EVENTS, "read open episodes", give_event, &call, err);
    }
    if (vg_reader_each(r, VG_READ_END, "end reading", nothing, NULL,
                       st == VG_OK ? err : &ignored) != VG_OK &&
        st == VG_OK)
        st = err->status;
    return st;
}

struct ward_call {
    void (*fn)(void *arg, const char *ward);
    void *arg;
};

static vg_status give_ward(void *ctx, sqlite3_stmt *row)
{
    const struct ward_call *call = ctx;
    char ward[VG_WARD_SIZE];

    vg_reader_text(row, 0, ward, sizeof(ward));
    call->fn(call->arg, ward);
    return VG_OK;
}

vg_status vg_outbox_wards(struct vg_outbox_reader *r, void (*fn)(void *arg, const char *ward),
                          void *arg, struct vg_err *err)
{
    struct ward_call call = { fn, arg };

    return vg_reader_each(r, VG_READ_WARDS, "read its wards", give_ward, &call, err);
}

/* ---- episodes ---- */

static void episode_of_row(sqlite3_stmt *row, struct vg_outbox_episode *ret)
{
    *ret = (struct vg_outbox_episode){
        .shard = (uint32_t)vg_reader_unsigned(row, 1),
        .number = (uint32_t)vg_reader_unsigned(row, 2),
        .newest_seq = vg_reader_unsigned(row, 3),
        .open = sqlite3_column_int(row, 4) != 0,
        .acknowledged = sqlite3_column_int(row, 5) != 0,
    };
    vg_reader_id(row, 0, ret->episode_id);
    vg_reader_text(row, 6, ret->ward, sizeof(ret->ward));
    vg_reader_text(row, 7, ret->patient, sizeof(ret->patient));
}

struct episode_call {
    vg_episode_fn fn;
    void *arg;
};

static vg_status give_episode(void *ctx, sqlite3_stmt *row)
{
    const struct episode_call *call = ctx;
    struct vg_outbox_episode episode;

    episode_of_row(row, &episode);
    return call->fn(call->arg, &episode);
}

vg_status vg_outbox_shard_episodes(struct vg_outbox_reader *r, uint32_t shard, vg_episode_fn fn,
                                   void *arg, struct vg_err *err)
{
    struct episode_call call = { fn, arg };

    sqlite3_bind_int64(r->stmt[VG_READ_EPISODES_OF_SHARD], 1, shard);
    return vg_reader_each(r, VG_READ_EPISODES_OF_SHARD, "read open episodes", give_episode, &call,
                          err);
}

struct found_episode {
    bool found;
    struct vg_outbox_episode *ret;
};

static vg_status take_episode(void *ctx, sqlite3_stmt *row)
{
    struct found_episode *f = ctx;

    episode_of_row(row, f->ret);
    f->found = true;
    return VG_OK;
}

vg_status vg_outbox_episode(struct vg_outbox_reader *r, const uint8_t episode_id[16],
                            struct vg_outbox_episode *ret, struct vg_err *err)
{
    struct found_episode f = { .ret = ret };
    vg_status st;

    sqlite3_bind_blob(r->stmt[VG_READ_EPISODE], 1, episode_id, 16, SQLITE_STATIC);
    st = vg_reader_each(r, VG_READ_EPISODE, "look up an episode", take_episode, &f, err);
    if (st == VG_OK && !f.found)
        return vg_fail(err, VG_E_RANGE, "no such episode in this outbox");
    return st;
}
