/* dataset_read.c - recordings and topics as training data: one log of many patients, one chain. */
#include <stdlib.h>
#include <string.h>

#include "app/dataset_private.h"
#include "app/recording.h"
#include "runtime/registry.h"
#include "runtime/shared.h"

enum { REPORT_EVERY = 4096, POLL_MS = 100 };

/* 2026-03-01T00:00:00Z: where a recording that counts from 0 s is put. */
static const int64_t start_ns = INT64_C(1772323200) * VG_NS_PER_S;

/* A decoder with its defaults. */
struct decoder {
    const struct vg_decoder_ops *ops;
    void *self;
};

static vg_status open_decoder(struct decoder *d, struct vg_err *err)
{
    d->ops = vg_decoder_find("json");
    VG_CHECK(d->ops != NULL);
    d->self = calloc(1, d->ops->self_size ? d->ops->self_size : 1);
    VG_CHECK(d->self != NULL);
    if (d->ops->options)
        vg_options_default(d->ops->options, d->self);
    return d->ops->open ? d->ops->open(d->self, err) : VG_OK;
}

static void close_decoder(struct decoder *d)
{
    if (!d->ops)
        return;
    if (d->ops->close)
        d->ops->close(d->self);
    if (d->ops->options)
        vg_options_done(d->ops->options, d->self);
    free(d->self);
}

/* What cannot be read is left out, as a live pipeline leaves it out. */
static vg_status feed(struct vg_collect *c, const struct decoder *d,
                      const struct vg_offline_place *at, int64_t record_ns,
                      const struct vg_message *message, struct vg_err *err)
{
    const struct vg_decoded *rows;
    struct vg_fault fault;
    vg_status st = VG_OK;
    size_t n;

    if (d->ops->decode(d->self, message, &rows, &n, &fault) != VG_OK)
        return VG_OK;
    for (size_t i = 0; i < n && st == VG_OK; i++) {
        if (rows[i].usable)
            st = vg_offline_row(c->offline, at, record_ns, &rows[i], err);
    }
    return st;
}

/* ---- recordings ---- */

static vg_status feed_recording(struct vg_collect *c, const struct decoder *d,
                                const struct vg_recording *rec, vg_dataset_progress_fn *progress,
                                void *ctx, struct vg_err *err)
{
    const struct vg_offline_place next = { 0 };
    vg_status st = VG_OK;

    for (size_t i = 0; i < rec->rows_n && st == VG_OK; i++) {
        const struct vg_recorded *row = &rec->rows[i];
        const struct vg_message message = { .value = (const uint8_t *)vg_recorded_json(rec, row),
                                            .len = row->len };

        st = feed(c, d, &next, row->record_ns, &message, err);
        if (st == VG_OK && progress && i % REPORT_EVERY == 0 &&
            !progress(ctx, (double)i / (double)rec->rows_n))
            st = vg_fail(err, VG_E_TEMPORARY, "interrupted");
    }
    if (st == VG_OK && rec->rows_n > 0)
        vg_collect_end(c, rec->rows[rec->rows_n - 1].record_ns + c->data->tick_ns);
    return st;
}

static vg_status read_file(const struct vg_dataset_spec *spec, const struct decoder *decoder,
                           const char *path, const struct vg_replay_map *map,
                           vg_dataset_progress_fn *progress, void *ctx, struct vg_dataset *d,
                           struct vg_err *err)
{
    const struct vg_strings everybody = { 0 };
    struct vg_recording rec = { 0 };
    struct vg_collect c = { 0 };
    vg_status st = vg_recording_read(&rec, path, map, &everybody, start_ns, err);

    if (st == VG_OK)
        st = vg_collect_begin(&c, spec, d, err);
    if (st == VG_OK)
        st = feed_recording(&c, decoder, &rec, progress, ctx, err);
    vg_collect_done(&c);
    vg_recording_done(&rec);
    return st;
}

vg_status vg_dataset_read_csv(const struct vg_dataset_spec *spec, vg_dataset_progress_fn *progress,
                              void *ctx, struct vg_dataset *d, struct vg_err *err)
{
    struct vg_buf diagnostics = VG_BUF_INIT;
    struct vg_replay_map map = { 0 };
    struct decoder decoder = { 0 };
    struct vg_err why;
    vg_status st;

    if (spec->csv.files.n == 0 || !spec->csv.map)
        return vg_fail(err, VG_E_USAGE,
                       "csv data need files and a map: csv:files=FILE,FILE,map=FILE");
    st = vg_replay_map_read(&map, spec->csv.map, &diagnostics, err);
    if (st != VG_OK && diagnostics.len > 0) {
        why = *err;
        st = vg_fail(err, st, "%.80s\n%.400s", why.msg, diagnostics.data);
    }
    if (st == VG_OK)
        st = open_decoder(&decoder, err);
    for (size_t i = 0; i < spec->csv.files.n && st == VG_OK; i++)
        st = read_file(spec, &decoder, spec->csv.files.value[i], &map, progress, ctx, d, err);
    close_decoder(&decoder);
    vg_buf_done(&diagnostics);
    vg_replay_map_done(&map);
    return st;
}

/* ---- a topic ---- */

struct topic {
    const struct vg_source_ops *ops;
    void *self;
    uint32_t shards, reached;
    bool at_end[VG_SHARDS_MAX];
    int64_t next_offset[VG_SHARDS_MAX];
    int64_t log_ns;
};

static vg_status set_source(struct topic *t, const struct vg_dataset_spec *spec, struct vg_err *err)
{
    const char *const values[][2] = { { "brokers", spec->kafka.brokers },
                                      { "topic", spec->kafka.topic },
                                      { "start", "earliest" } };
    vg_status st = VG_OK;

    t->ops = vg_source_find("kafka");
    VG_CHECK(t->ops != NULL);
    t->self = calloc(1, t->ops->self_size);
    VG_CHECK(t->self != NULL);
    vg_options_default(t->ops->options, t->self);
    for (size_t i = 0; i < VG_ARRAY_LEN(values) && st == VG_OK; i++)
        st = vg_option_set(vg_option_find(t->ops->options, values[i][0]), t->self, values[i][1],
                           err);
    return st == VG_OK && t->ops->check ? t->ops->check(t->self, err) : st;
}

static vg_status open_topic(struct topic *t, const struct vg_dataset_spec *spec, struct vg_err *err)
{
    const struct vg_source_env env = { .service = "train", .until_end = true };
    struct vg_source_info info;
    vg_status st = set_source(t, spec, err);

    if (st == VG_OK)
        st = t->ops->open(t->self, &env, &info, err);
    if (st == VG_OK && info.shards > VG_SHARDS_MAX)
        st = vg_fail(err, VG_E_CONFIG, "topic %s has %u partitions; at most %d are possible",
                     info.topic, info.shards, VG_SHARDS_MAX);
    if (st != VG_OK)
        return st;
    t->shards = info.shards;
    return t->ops->start(t->self, err);
}

static void close_topic(struct topic *t)
{
    if (!t->ops)
        return;
    t->ops->close(t->self);
    vg_options_done(t->ops->options, t->self);
    free(t->self);
}

static double part_read(const struct topic *t)
{
    int64_t end = 0, next = 0;

    for (uint32_t i = 0; i < t->shards; i++) {
        end += t->ops->end(t->self, i);
        next += t->next_offset[i];
    }
    return end > 0 ? (double)next / (double)end : 0;
}

static vg_status take_record(struct topic *t, struct vg_collect *c, const struct decoder *d,
                             const struct vg_record *rec, struct vg_err *err)
{
    const struct vg_offline_place at = { .shard = rec->shard, .offset = rec->offset };
    int64_t record_ns = rec->time_ns == VG_TIME_NONE ? t->log_ns : rec->time_ns;

    if (record_ns > t->log_ns)
        t->log_ns = record_ns;
    t->next_offset[rec->shard] = rec->offset + 1;
    return feed(c, d, &at, record_ns, &rec->message, err);
}

static vg_status poll_topic(struct topic *t, struct vg_collect *c, const struct decoder *d,
                            struct vg_err *err)
{
    struct vg_record rec;

    switch (t->ops->poll(t->self, POLL_MS, &rec, err)) {
    case VG_POLL_RECORD:
        return take_record(t, c, d, &rec, err);
    case VG_POLL_REACHED:
        t->reached += !t->at_end[rec.shard];
        t->at_end[rec.shard] = true;
        return VG_OK;
    case VG_POLL_FAILED:
        return err->status;
    case VG_POLL_NOTHING:
    case VG_POLL_TROUBLE:
        break;
    }
    return VG_OK;
}

static vg_status read_topic(struct topic *t, struct vg_collect *c, const struct decoder *d,
                            vg_dataset_progress_fn *progress, void *ctx, struct vg_err *err)
{
    vg_status st = VG_OK;

    for (uint64_t i = 0; st == VG_OK && t->reached < t->shards; i++) {
        st = poll_topic(t, c, d, err);
        if (st == VG_OK && progress && i % REPORT_EVERY == 0 && !progress(ctx, part_read(t)))
            st = vg_fail(err, VG_E_TEMPORARY, "interrupted");
    }
    return st;
}

vg_status vg_dataset_read_kafka(const struct vg_dataset_spec *spec,
                                vg_dataset_progress_fn *progress, void *ctx, struct vg_dataset *d,
                                struct vg_err *err)
{
    struct topic *t = calloc(1, sizeof(*t));
    struct decoder decoder = { 0 };
    struct vg_collect c = { 0 };
    vg_status st;

    VG_CHECK(t != NULL);
    if (!spec->kafka.brokers || !spec->kafka.topic)
        st = vg_fail(err, VG_E_USAGE,
                     "kafka data need brokers and a topic: kafka:brokers=HOST:PORT,topic=NAME");
    else
        st = open_topic(t, spec, err);
    if (st == VG_OK)
        st = open_decoder(&decoder, err);
    if (st == VG_OK)
        st = vg_collect_begin(&c, spec, d, err);
    if (st == VG_OK)
        st = read_topic(t, &c, &decoder, progress, ctx, err);
    if (st == VG_OK)
        vg_collect_end(&c, t->log_ns + spec->tick_ns);
    vg_collect_done(&c);
    close_decoder(&decoder);
    close_topic(t);
    free(t);
    return st;
}
