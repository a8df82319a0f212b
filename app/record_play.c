/* record_play.c - a recording through chains. */
#include "app/record_play.h"

#include <stdio.h>
#include <string.h>

#include "core/notice.h"
#include "core/order.h"

static vg_status unknown_command(const struct vg_record_entry *e, struct vg_err *err)
{
    return vg_fail(
        err, VG_E_IO,
        "the recording has a command (kind %u, %u bytes) at partition %u, offset %lld that "
        "this Vigil does not know; a newer one may",
        e->command.kind, e->command.size, e->shard, (long long)e->command.next_offset);
}

static void give(struct vg_offline *const *chains, size_t n, const struct vg_record_entry *e,
                 const void *payload, uint32_t size)
{
    struct vg_item_command command = e->command;

    command.size = size;
    for (size_t i = 0; i < n; i++)
        vg_offline_command(chains[i], e->shard, &command, payload);
}

/* Payloads grow at their end: what an older version did not say is zero. */
static vg_status play_command(const struct vg_record_entry *e, struct vg_offline *const *chains,
                              size_t n, struct vg_err *err)
{
    struct vg_acknowledge acknowledge = { 0 };
    struct vg_order order = { 0 };
    struct vg_noticed noticed;

    switch (e->command.kind) {
    case VG_COMMAND_CLOCK:
        give(chains, n, e, NULL, 0);
        return VG_OK;
    case VG_COMMAND_ACKNOWLEDGE:
        if (e->command.size > sizeof(acknowledge))
            break;
        memcpy(&acknowledge, e->payload, e->command.size);
        give(chains, n, e, &acknowledge, sizeof(acknowledge));
        return VG_OK;
    case VG_COMMAND_ORDER:
        if (e->command.size > sizeof(order))
            break;
        memcpy(&order, e->payload, e->command.size);
        if (order.kind >= VG_ORDER_KIND_COUNT || vg_order_check(&order, err) != VG_OK)
            break;
        give(chains, n, e, &order, sizeof(order));
        return VG_OK;
    case VG_COMMAND_NOTICE:
        if (e->command.size != sizeof(noticed))
            break;
        memcpy(&noticed, e->payload, e->command.size);
        noticed.text[sizeof(noticed.text) - 1] = noticed.alert[sizeof(noticed.alert) - 1] = '\0';
        give(chains, n, e, &noticed, sizeof(noticed));
        return VG_OK;
    case VG_COMMAND_RETRY:
        if (e->command.size < sizeof(struct vg_retried))
            break;
        give(chains, n, e, e->payload, e->command.size);
        return VG_OK;
    case VG_COMMAND_CONFIG:
        return VG_OK;
    default:
        break;
    }
    return unknown_command(e, err);
}

static vg_status play_entry(const struct vg_record_entry *e, struct vg_offline *const *chains,
                            size_t n, struct vg_err *err)
{
    vg_status st = VG_OK;

    if (e->is_command)
        return play_command(e, chains, n, err);
    for (size_t i = 0; i < n && st == VG_OK; i++)
        st = vg_offline_record(chains[i], &e->record, err);
    return st;
}

vg_status vg_record_play(struct vg_record_reader *reader, struct vg_offline *const *chains,
                         size_t n, struct vg_progress *progress, struct vg_err *err)
{
    const struct vg_record_head *head = vg_record_reader_head(reader);
    bool end = false;
    vg_status st = VG_OK;

    for (size_t i = 0; i < n; i++)
        vg_offline_log(chains[i], head->topic, head->cluster);
    while (st == VG_OK) {
        struct vg_record_entry entry;

        st = vg_record_reader_next(reader, &entry, &end, err);
        if (end)
            break;
        if (st == VG_OK)
            st = play_entry(&entry, chains, n, err);
        vg_progress_update(progress, vg_record_reader_at(reader));
    }
    for (size_t i = 0; i < n && st == VG_OK; i++)
        vg_offline_finish(chains[i], VG_TIME_NONE);
    return st;
}

/* ---- vigil run --recording ---- */

struct printing {
    uint64_t rows, events;
    bool failed;
};

static void count_row(void *ctx, uint32_t patient, const struct vg_row *row)
{
    struct printing *p = ctx;

    (void)patient;
    p->rows += row->kind == VG_ROW_SAMPLE;
}

static void print_event(void *ctx, uint32_t patient, const struct vg_item_event *event,
                        const char *json, size_t len)
{
    struct printing *p = ctx;

    (void)patient;
    (void)event;
    p->events++;
    p->failed |= fwrite(json, 1, len, stdout) != len || putchar('\n') == EOF;
}

static void summarise(const struct vg_record_reader *reader, const struct vg_offline *o,
                      const struct printing *p, double seconds)
{
    struct vg_record_counts counts = vg_record_reader_counts(reader);

    fprintf(
        stderr,
        "run: %llu records and %llu commands of the recording, %llu rows in %.1f s, %llu events, "
        "%llu dead letters\n",
        (unsigned long long)counts.records, (unsigned long long)counts.commands,
        (unsigned long long)p->rows, seconds, (unsigned long long)p->events,
        (unsigned long long)vg_offline_dead_letters(o));
}

vg_status vg_record_print_events(const struct vg_config *config, const char *path,
                                 struct vg_err *err)
{
    struct printing p = { 0 };
    const struct vg_offline_sink sink = { .ctx = &p, .row = count_row, .event = print_event };
    struct vg_record_reader *reader = NULL;
    struct vg_offline *o = NULL;
    struct vg_progress progress;
    vg_status st = vg_record_reader_open(path, &reader, err);

    if (st == VG_OK)
        st = vg_offline_new(config, &sink, &o, err);
    if (st == VG_OK) {
        vg_progress_begin(&progress, VG_PROGRESS_AUTO, "run", "bytes",
                          vg_record_reader_size(reader));
        st = vg_record_play(reader, &o, 1, &progress, err);
        vg_progress_end(&progress, vg_record_reader_at(reader));
        if (st == VG_OK && (p.failed || fflush(stdout) != 0))
            st = vg_fail(err, VG_E_IO, "cannot write the events to standard output");
        if (st == VG_OK)
            summarise(reader, o, &p, vg_progress_elapsed_s(&progress));
    }
    vg_offline_free(o);
    vg_record_reader_close(reader);
    return st;
}
