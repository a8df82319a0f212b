/* ingest_frames.c - frames on their way out: filled, sent, kept while a link is full.
 *
 * A frame has the position that its shard had reached when it left. So it leaves before the position
 * changes in a way that its rows must not see: before time moves on, before a region ends.
 */
#include "runtime/ingest_parts.h"

#include <stdlib.h>
#include <string.h>

#include "core/clock.h"

enum {
    FRAMES_MIN = 32, /* a budget of fewer frames would pause for nothing */
};

/* A chain that is full is usually only slower than the log for a moment. Pausing throws away what
 * the source has fetched in advance, so at first ingest just does not ask for more. */
static const int64_t HOLD_NS = 250 * VG_NS_PER_MS;

static uint32_t frames_budget(const struct vg_config *config)
{
    int64_t frames = config->service.in_flight_rows / config->service.frame_rows;

    return frames < FRAMES_MIN ? FRAMES_MIN : (uint32_t)frames;
}

uint32_t vg_ingest_frames(const struct vg_config *config)
{
    return frames_budget(config) / 10 * 8;
}

bool vg_ingest_is_full(const struct vg_ingest *in, uint32_t worker)
{
    return atomic_load(&in->shared->disk_full) ||
           vg_pool_out(in->pool[worker]) > vg_ingest_frames(in->config);
}

void vg_ingest_push(struct vg_ingest_worker *w)
{
    uint32_t sent = 0;

    while (sent < w->n && vg_link_send(&w->link, w->waiting[sent], false))
        sent++;
    w->n -= sent;
    if (sent)
        memmove(w->waiting, w->waiting + sent, w->n * sizeof(struct vg_frame *));
}

static void send(struct vg_ingest *in, uint32_t worker, struct vg_frame *f)
{
    struct vg_ingest_worker *w = &in->worker[worker];

    vg_meter_add(&in->shared->meters.handed[worker], 1);
    if (w->n == 0 && vg_link_send(&w->link, f, false))
        return;
    if (w->n == w->cap) {
        w->cap = w->cap ? w->cap * 2 : 64;
        w->waiting = realloc(w->waiting, w->cap * sizeof(struct vg_frame *));
        VG_CHECK(w->waiting != NULL);
    }
    w->waiting[w->n++] = f;
}

static void stamp(const struct vg_ingest_shard *s, struct vg_frame *f)
{
    f->next_offset = s->next_offset;
    f->ordinal = s->ordinal;
    f->log_ns = s->log_ns;
    f->live = !s->in_region;
    f->more = s->together;
}

/* Of the first row alone: a reading of the clock for each would cost as much as the row. */
static void note_delays(struct vg_ingest *in, struct vg_frame *f)
{
    struct vg_meters *m = &in->shared->meters;
    int64_t record_ns, device_ns;

    if (f->rows == 0 || *(uint8_t *)vg_frame_at(f, in->layout, VG_COL_KIND, 0) != VG_ROW_SAMPLE)
        return;
    record_ns = *(int64_t *)vg_frame_at(f, in->layout, VG_COL_RECORD, 0);
    device_ns = *(int64_t *)vg_frame_at(f, in->layout, VG_COL_DEVICE, 0);
    vg_delays_note(&m->hop[VG_HOP_INGEST], f->wall_ns - record_ns);
    if (device_ns != VG_TIME_NONE)
        vg_delays_note(&m->hop[VG_HOP_EVENT], record_ns - device_ns);
}

void vg_ingest_flush(struct vg_ingest *in, uint32_t shard)
{
    struct vg_ingest_shard *s = &in->shard[shard];

    if (!s->frame)
        return;
    stamp(s, s->frame);
    if (!s->in_region)
        note_delays(in, s->frame);
    send(in, vg_ingest_worker_of(in, shard), s->frame);
    s->frame = NULL;
    s->sent_mono_ns = vg_mono_ns();
    s->moved = true;
}

void vg_ingest_flush_all(struct vg_ingest *in)
{
    uint32_t shards = atomic_load(&in->shared->partitions);

    for (uint32_t i = 0; i < shards; i++)
        vg_ingest_flush(in, i);
}

struct vg_frame *vg_ingest_room(struct vg_ingest *in, uint32_t shard)
{
    struct vg_ingest_shard *s = &in->shard[shard];

    if (s->frame && s->frame->rows == in->layout->rows_max)
        vg_ingest_flush(in, shard);
    if (!s->frame) {
        s->frame = vg_pool_get(in->pool[vg_ingest_worker_of(in, shard)], VG_FRAME_ROWS, shard);
        s->frame->wall_ns = vg_wall_ns();
    }
    return s->frame;
}

void vg_ingest_name_patient(const struct vg_ingest *in, struct vg_frame **f,
                            const struct vg_patients *patients, uint32_t slot)
{
    struct vg_item_patient *who =
        vg_frame_add_item(f, in->layout, VG_ITEM_PATIENT, sizeof(struct vg_item_patient));

    *who = *vg_patients_at(patients, slot);
}

void vg_ingest_mark(struct vg_ingest *in, uint32_t shard, enum vg_frame_kind kind)
{
    struct vg_ingest_shard *s = &in->shard[shard];
    struct vg_frame *f = vg_pool_get(in->pool[vg_ingest_worker_of(in, shard)], kind, shard);

    stamp(s, f);
    f->wall_ns = vg_wall_ns();
    if (kind == VG_FRAME_BARRIER) {
        f->change = in->change_number;
        for (uint32_t i = 1; i < vg_patients_count(s->patients); i++)
            vg_ingest_name_patient(in, &f, s->patients, i);
    } else if (kind == VG_FRAME_RESTORE) {
        f->events = s->recovery.events;
        f->building = s->recovery.building;
        f->stored = s->recovery.stored;
        vg_frame_add_items(&f, in->layout, s->recovery.items.data, s->recovery.items.len);
    }
    send(in, vg_ingest_worker_of(in, shard), f);
    s->sent_mono_ns = vg_mono_ns();
}

void vg_ingest_mark_worker(struct vg_ingest *in, uint32_t worker, enum vg_frame_kind kind)
{
    send(in, worker, vg_pool_get(in->pool[worker], kind, worker));
}

void vg_ingest_barrier(struct vg_ingest *in, uint32_t shard, int64_t now_ns)
{
    struct vg_ingest_shard *s = &in->shard[shard];

    s->barrier_ns = now_ns + in->config->service.snapshot_every_ns;
    vg_ingest_flush(in, shard);
    if (!s->moved || s->next_offset == VG_START_CONFIGURED)
        return;
    vg_ingest_mark(in, shard, VG_FRAME_BARRIER);
    s->moved = false;
}

void vg_ingest_send_ends(struct vg_ingest *in)
{
    for (uint32_t w = 0; w < in->workers; w++) {
        vg_ingest_mark_worker(in, w, VG_FRAME_END);
        for (uint32_t i = 0; i < in->worker[w].n; i++)
            vg_link_send(&in->worker[w].link, in->worker[w].waiting[i], true);
        in->worker[w].n = 0;
    }
}

/* ---- when the chain is full ---- */

static void pause_worker(struct vg_ingest *in, uint32_t worker, bool pause)
{
    uint32_t shards = atomic_load(&in->shared->partitions);

    in->worker[worker].paused = pause;
    for (uint32_t i = worker; i < shards; i += in->workers) {
        struct vg_ingest_shard *s = &in->shard[i];

        if (!s->owned || s->paused == pause)
            continue;
        s->paused = pause;
        if (pause)
            in->config->source.ops->pause(in->config->source.self, i);
        else
            in->config->source.ops->resume(in->config->source.self, i);
    }
}

void vg_ingest_hold_back(struct vg_ingest *in, int64_t now_ns)
{
    for (uint32_t i = 0; i < in->workers; i++) {
        struct vg_ingest_worker *w = &in->worker[i];

        vg_ingest_push(w);
        if (!vg_ingest_is_full(in, i))
            w->full_ns = 0;
        else if (w->full_ns == 0)
            w->full_ns = now_ns;
        /* Also when it is paused already: a shard may have come since. */
        if (w->full_ns != 0 && (w->paused || now_ns - w->full_ns > HOLD_NS))
            pause_worker(in, i, true);
        else if (w->paused && !vg_ingest_is_full(in, i) &&
                 vg_pool_out(in->pool[i]) <= frames_budget(in->config) / 10 * 4)
            pause_worker(in, i, false);
    }
}

bool vg_ingest_must_wait(const struct vg_ingest *in)
{
    for (uint32_t i = 0; i < in->workers; i++) {
        if (!in->worker[i].paused && vg_ingest_is_full(in, i))
            return true;
    }
    return false;
}
