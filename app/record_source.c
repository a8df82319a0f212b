/* record_source.c - the configured source and a pipeline's commands into a recording. */
#include "app/record_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/outbox.h"

enum { POLL_MS = 100 };

/* A command that waits for its place. */
struct waiting {
    struct vg_item_command head;
    void *payload;
};

struct shard {
    struct waiting *command;
    uint32_t commands, next; /* next: those before are written */
    bool began, done;
    int64_t next_offset;
};

struct recording {
    const struct vg_record_wish *wish;
    const struct vg_source_config *source;
    struct vg_record_writer *writer;
    struct shard *shard; /* [shards] */
    uint32_t shards, done;
    uint64_t seen;
};

/* ---- commands ---- */

static vg_status keep_command(void *arg, const struct vg_item_command *command, const void *payload,
                              size_t len)
{
    struct shard *s = arg;
    struct waiting *to;

    s->command = reallocarray(s->command, s->commands + 1, sizeof(*s->command));
    VG_CHECK(s->command != NULL);
    to = &s->command[s->commands++];
    *to = (struct waiting){ .head = *command };
    to->head.size = (uint32_t)len;
    if (len > 0) {
        to->payload = malloc(len);
        VG_CHECK(to->payload != NULL);
        memcpy(to->payload, payload, len);
    }
    return VG_OK;
}

static vg_status check_log(const struct vg_record_wish *wish, struct vg_outbox_reader *reader,
                           const struct vg_source_info *info, struct vg_err *err)
{
    char cluster[VG_CLUSTER_SIZE];
    vg_status st = vg_outbox_cluster(reader, cluster, err);

    if (st != VG_OK || cluster[0] == '\0' || strcmp(cluster, info->cluster) == 0)
        return st;
    return vg_fail(err, VG_E_CONFIG,
                   "the outbox %s is of the log %s, and the source is %s: its commands belong to "
                   "other records; name another --outbox, or record with --no-commands",
                   wish->outbox, cluster, info->cluster);
}

static vg_status read_commands(struct recording *r, const struct vg_source_info *info,
                               struct vg_err *err)
{
    struct vg_outbox_reader *reader;
    vg_status st;

    if (!r->wish->outbox)
        return VG_OK;
    st = vg_outbox_reader_open(r->wish->outbox, &reader, err);
    if (st != VG_OK)
        return st;
    st = check_log(r->wish, reader, info, err);
    for (uint32_t i = 0; i < r->shards && st == VG_OK; i++)
        st = vg_outbox_commands(reader, i, -1, 0, keep_command, &r->shard[i], err);
    vg_outbox_reader_close(reader);
    return st;
}

/* Writes the commands of the shard up to `offset`. Those before the first record that is kept belong to
 * what is not. */
static vg_status write_commands(struct recording *r, uint32_t shard, int64_t offset,
                                struct vg_err *err)
{
    struct shard *s = &r->shard[shard];
    vg_status st = VG_OK;

    for (; st == VG_OK && s->next < s->commands; s->next++) {
        const struct waiting *c = &s->command[s->next];

        if (c->head.next_offset > offset)
            break;
        if (s->began)
            st =
                vg_record_writer_command(r->writer, shard, &c->head, c->payload, c->head.size, err);
    }
    return st;
}

/* ---- records ---- */

static void end_shard(struct recording *r, uint32_t shard)
{
    r->done += !r->shard[shard].done;
    r->shard[shard].done = true;
}

static vg_status take_record(struct recording *r, const struct vg_record *record,
                             struct vg_err *err)
{
    struct shard *s = &r->shard[record->shard];
    vg_status st;

    r->seen++;
    if (s->done || (!s->began && record->time_ns < r->wish->from_ns))
        return VG_OK;
    if (r->wish->until_ns != VG_TIME_NONE && record->time_ns >= r->wish->until_ns) {
        r->source->ops->pause(r->source->self, record->shard);
        end_shard(r, record->shard);
        return VG_OK;
    }
    st = write_commands(r, record->shard, record->offset, err);
    if (st == VG_OK)
        st = vg_record_writer_record(r->writer, record, err);
    s->began = true;
    s->next_offset = record->offset + 1;
    return st;
}

static vg_status poll_once(struct recording *r, struct vg_err *err)
{
    struct vg_record record;

    switch (r->source->ops->poll(r->source->self, POLL_MS, &record, err)) {
    case VG_POLL_RECORD:
        return take_record(r, &record, err);
    case VG_POLL_REACHED:
        end_shard(r, record.shard);
        return VG_OK;
    case VG_POLL_TROUBLE:
        fprintf(stderr, "record: %s\n", err->msg);
        return VG_OK;
    case VG_POLL_FAILED:
        return err->status;
    case VG_POLL_NOTHING:
        break;
    }
    return VG_OK;
}

/* What follows the last record, such as marks of silence, up to where the record was read. */
static vg_status write_rest(struct recording *r, struct vg_err *err)
{
    vg_status st = VG_OK;

    for (uint32_t i = 0; i < r->shards && st == VG_OK; i++) {
        if (r->shard[i].began)
            st = write_commands(r, i, r->shard[i].next_offset, err);
    }
    return st;
}

static vg_status read_all(struct recording *r, struct vg_progress *progress, struct vg_err *err)
{
    vg_status st = r->source->ops->start(r->source->self, err);

    while (st == VG_OK && r->done < r->shards && !r->wish->stopped()) {
        st = poll_once(r, err);
        vg_progress_update(progress, r->seen);
    }
    return st == VG_OK ? write_rest(r, err) : st;
}

/* ---- the whole ---- */

static void describe(const struct vg_config *c, const struct vg_record_wish *wish,
                     const struct vg_source_info *info, struct vg_record_head *ret)
{
    *ret = (struct vg_record_head){ .partitions = info->shards,
                                    .from_ns = wish->from_ns,
                                    .until_ns = wish->until_ns,
                                    .commands = wish->outbox != NULL };
    snprintf(ret->pipeline, sizeof(ret->pipeline), "%s", c->service.name);
    snprintf(ret->topic, sizeof(ret->topic), "%s", info->topic);
    snprintf(ret->cluster, sizeof(ret->cluster), "%s",
             c->source.ingest.cluster ? c->source.ingest.cluster : info->cluster);
    snprintf(ret->config, sizeof(ret->config), "%s", c->hash);
}

static vg_status record(struct recording *r, const struct vg_config *config,
                        const struct vg_source_info *info, struct vg_progress *progress,
                        struct vg_record_counts *ret, struct vg_err *err)
{
    struct vg_record_head head;
    vg_status st;

    if (info->shards > VG_SHARDS_MAX)
        return vg_fail(err, VG_E_CONFIG, "topic %s has %u partitions; at most %d are possible",
                       info->topic, info->shards, VG_SHARDS_MAX);
    r->shards = info->shards;
    r->shard = calloc(r->shards + 1, sizeof(*r->shard));
    VG_CHECK(r->shard != NULL);
    describe(config, r->wish, info, &head);
    st = read_commands(r, info, err);
    if (st == VG_OK)
        st = vg_record_writer_new(r->wish->path, &head, &r->writer, err);
    if (st == VG_OK)
        st = read_all(r, progress, err);
    if (st == VG_OK)
        st = vg_record_writer_end(r->writer, ret, err);
    vg_record_writer_free(r->writer);
    return st;
}

static void free_shard(struct shard *s)
{
    for (uint32_t i = 0; i < s->commands; i++)
        free(s->command[i].payload);
    free(s->command);
}

/* The source is read from its start, whatever the configuration says of it: not every broker knows
 * where a time is. */
static vg_status set_start(const struct vg_source_config *source, struct vg_err *err)
{
    const struct vg_option *start =
        source->ops->options ? vg_option_find(source->ops->options, "start") : NULL;

    return start ? vg_option_set(start, source->self, "earliest", err) : VG_OK;
}

vg_status vg_record_source(const struct vg_config *config, const struct vg_record_wish *wish,
                           struct vg_progress *progress, struct vg_record_counts *ret,
                           struct vg_err *err)
{
    const struct vg_source_config *source = &config->source;
    struct recording r = { .wish = wish, .source = source };
    struct vg_source_env env = { .service = config->service.name, .until_end = true };
    struct vg_source_info info;
    vg_status st = set_start(source, err);

    if (st != VG_OK)
        return st;
    st = source->ops->open(source->self, &env, &info, err);
    if (st == VG_OK)
        st = record(&r, config, &info, progress, ret, err);
    source->ops->close(source->self);
    for (uint32_t i = 0; i < r.shards; i++)
        free_shard(&r.shard[i]);
    free(r.shard);
    return st;
}
