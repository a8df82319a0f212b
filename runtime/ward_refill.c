/* ward_refill.c - the last hours of the log, read back in a thread of their own.
 *
 * Rows go to the http thread by a ring with one writer and one reader. Unlike the rows of the running chain
 * these can wait: a full ring holds this thread up and nobody else.
 */
#include "runtime/ward_refill.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/text.h"
#include "runtime/intake.h"
#include "runtime/log.h"

enum { POLL_MS = 100, LOWEST_PRIORITY = 19 };

static const int64_t turn_ns = 20 * VG_NS_PER_MS;

struct shard {
    int64_t log_ns;
    bool done;
};

struct vg_ward_refill {
    const struct vg_observed *what;
    struct vg_thread thread;
    atomic_bool stop, ended;
    struct vg_source_config source; /* `self` and `decoder_self` are its own */
    char start[VG_TIME_TEXT_SIZE];
    struct shard *shard; /* [VG_SHARDS_MAX] */
    uint32_t shards, done;

    /* of the thread: where rows become what the chain would see */
    struct vg_layout layout;
    struct vg_frame *frame;
    int64_t began_ns;
    uint64_t rows;

    struct vg_refilled *row; /* [VG_REFILL_RING] */
    atomic_ulong head, tail;
    bool holds;
};

/* The service drains as soon as it is told to stop, and waits for nobody here. */
static bool stops(const struct vg_ward_refill *r)
{
    return atomic_load(&r->stop) || atomic_load(&r->what->shared->stop);
}

/* ---- the ring ---- */

static bool wait_for_room(struct vg_ward_refill *r)
{
    while (atomic_load_explicit(&r->head, memory_order_relaxed) -
                   atomic_load_explicit(&r->tail, memory_order_acquire) ==
               VG_REFILL_RING &&
           !stops(r))
        vg_thread_sleep(turn_ns);
    return !stops(r);
}

const struct vg_refilled *vg_ward_refill_next(struct vg_ward_refill *r)
{
    uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

    if (r->holds)
        atomic_store_explicit(&r->tail, ++tail, memory_order_release);
    r->holds = tail != atomic_load_explicit(&r->head, memory_order_acquire);
    return r->holds ? &r->row[tail % VG_REFILL_RING] : NULL;
}

bool vg_ward_refill_ended(const struct vg_ward_refill *r)
{
    return atomic_load(&r->ended);
}

/* ---- rows ---- */

/* No stage has judged it: what is plausible may be disturbed. */
static void judge(struct vg_refilled *to)
{
    for (int c = 0; c < VG_CHANNELS; c++) {
        const struct vg_channel *ch = &vg_channels[c];

        if (to->quality[c] != VG_Q_GOOD)
            continue;
        to->quality[c] = VG_Q_SUSPECT;
        if (to->value[c] >= ch->low && to->value[c] <= ch->high &&
            (to->value[c] != 0.0f || ch->zero_is_value))
            continue;
        to->quality[c] = VG_Q_INVALID;
        to->reason[c] = VG_REASON_RANGE;
        to->value[c] = 0.0f;
    }
}

static bool give_row(struct vg_ward_refill *r, const struct vg_intake_place *at,
                     const struct vg_decoded *decoded)
{
    const struct vg_layout *l = &r->layout;
    struct vg_refilled *to;

    if (!wait_for_room(r))
        return false;
    to = &r->row[atomic_load_explicit(&r->head, memory_order_relaxed) % VG_REFILL_RING];
    vg_frame_reset(r->frame, VG_FRAME_ROWS, 0);
    vg_intake_sample(r->frame, l, &r->source.ingest, at, decoded);
    to->flags = *(uint8_t *)vg_frame_at(r->frame, l, VG_COL_FLAGS, 0);
    to->log_ns = at->log_ns;
    to->event_ns = *(int64_t *)vg_frame_at(r->frame, l, VG_COL_EVENT, 0);
    memcpy(to->patient.id, decoded->patient, sizeof(to->patient.id));
    memcpy(to->patient.bed, decoded->bed, sizeof(to->patient.bed));
    vg_ward_of_bed(decoded->bed, to->patient.ward);
    memcpy(to->value, decoded->value, sizeof(to->value));
    memcpy(to->quality, decoded->quality, sizeof(to->quality));
    memcpy(to->reason, decoded->reason, sizeof(to->reason));
    judge(to);
    atomic_fetch_add_explicit(&r->head, 1, memory_order_release);
    r->rows++;
    return true;
}

/* Never faster than it may. */
static void hold_back(struct vg_ward_refill *r)
{
    int64_t due_ns =
        r->began_ns + (int64_t)(r->rows * (uint64_t)VG_NS_PER_S / VG_REFILL_ROWS_PER_S);

    while (!stops(r) && due_ns - vg_mono_ns() > turn_ns)
        vg_thread_sleep(turn_ns);
}

static void end_shard(struct vg_ward_refill *r, uint32_t shard)
{
    if (r->shard[shard].done)
        return;
    r->shard[shard].done = true;
    r->done++;
    r->source.ops->pause(r->source.self, shard);
}

static void take_record(struct vg_ward_refill *r, const struct vg_record *record)
{
    const struct vg_decoder_ops *decoder = r->source.decoder;
    struct shard *s = &r->shard[record->shard];
    const struct vg_decoded *rows;
    struct vg_intake_place at;
    struct vg_fault fault;
    size_t n;

    /* What another instance has is on its page. */
    if (!atomic_load(&r->what->shared->shard[record->shard].owned)) {
        end_shard(r, record->shard);
        return;
    }
    at.record_ns = vg_intake_record_time(record->time_ns, s->log_ns);
    s->log_ns = at.record_ns > s->log_ns ? at.record_ns : s->log_ns;
    at = (struct vg_intake_place){ .offset = record->offset,
                                   .record_ns = at.record_ns,
                                   .log_ns = s->log_ns };
    /* A dead letter has been told of when it first came. */
    if (s->done ||
        decoder->decode(r->source.decoder_self, &record->message, &rows, &n, &fault) != VG_OK)
        return;
    for (size_t i = 0; i < n; i++) {
        if (rows[i].usable && !give_row(r, &at, &rows[i]))
            return;
    }
    hold_back(r);
}

/* ---- the log ---- */

static vg_status read_log(struct vg_ward_refill *r, struct vg_err *err)
{
    const struct vg_source_ops *ops = r->source.ops;
    struct vg_record record;
    vg_status st = ops->start(r->source.self, err);

    r->began_ns = vg_mono_ns();
    while (st == VG_OK && r->done < r->shards && !stops(r)) {
        switch (ops->poll(r->source.self, POLL_MS, &record, err)) {
        case VG_POLL_RECORD:
            take_record(r, &record);
            break;
        case VG_POLL_REACHED:
            end_shard(r, record.shard);
            break;
        case VG_POLL_FAILED:
            st = err->status;
            break;
        default:
            break;
        }
    }
    return st;
}

static vg_status refill(struct vg_ward_refill *r, struct vg_err *err)
{
    const struct vg_source_env env = { .service = r->what->shared->config->service.name,
                                       .until_end = true };
    const struct vg_decoder_ops *decoder = r->source.decoder;
    struct vg_source_info info;
    vg_status st = r->source.ops->open(r->source.self, &env, &info, err);

    if (st == VG_OK && decoder->open)
        st = decoder->open(r->source.decoder_self, err);
    if (st == VG_OK) {
        r->shards = info.shards < VG_SHARDS_MAX ? info.shards : VG_SHARDS_MAX;
        st = read_log(r, err);
    }
    r->source.ops->close(r->source.self);
    if (decoder->close)
        decoder->close(r->source.decoder_self);
    return st;
}

/* Whether this instance has partitions, and all of them have recovered. */
static bool is_live(const struct vg_shared *shared)
{
    uint32_t partitions = atomic_load(&shared->partitions), owned = 0, live = 0;

    for (uint32_t i = 0; i < partitions; i++) {
        if (!atomic_load(&shared->shard[i].owned))
            continue;
        owned++;
        live += atomic_load(&shared->shard[i].live);
    }
    return atomic_load(&shared->state) == VG_STATE_RUNNING && owned > 0 && live == owned;
}

/* Recovery has the machine for itself. */
static bool wait_for_service(const struct vg_ward_refill *r)
{
    while (!stops(r) && !is_live(r->what->shared))
        vg_thread_sleep(turn_ns);
    return !stops(r);
}

static vg_status run(void *arg, struct vg_thread *thread, struct vg_err *err)
{
    struct vg_ward_refill *r = arg;

    (void)err;
    vg_thread_ready(thread);
    setpriority(PRIO_PROCESS, (id_t)gettid(), LOWEST_PRIORITY);
    if (wait_for_service(r)) {
        struct vg_err why;
        vg_status st = refill(r, &why);

        if (st == VG_OK)
            vg_log(VG_LOG_INFO, "refill", "%llu rows of before the start are on the ward page",
                   (unsigned long long)r->rows);
        else
            vg_log(VG_LOG_WARN, "refill", "the ward page has a gap before the start: %s", why.msg);
    }
    atomic_store(&r->ended, true);
    return VG_OK;
}

/* ---- beginning and end ---- */

static void *copy_of(const void *self, size_t size)
{
    void *copy = malloc(size > 0 ? size : 1);

    VG_CHECK(copy != NULL);
    if (size > 0)
        memcpy(copy, self, size);
    return copy;
}

/* The same source, begun elsewhere. Options are shared with the configuration. */
static void copy_source(struct vg_ward_refill *r, const struct vg_source_config *from)
{
    const struct vg_option *start = vg_option_find(from->ops->options, "start");
    char *text = r->start;

    r->source = *from;
    r->source.self = copy_of(from->self, from->ops->self_size);
    r->source.decoder_self = copy_of(from->decoder_self, from->decoder->self_size);
    if (start && start->type == VG_OPT_STRING_)
        memcpy((char *)r->source.self + start->offset, &text, sizeof(text));
}

struct vg_ward_refill *vg_ward_refill_start(const struct vg_observed *what)
{
    int64_t ago_ns = what->config->service.http_refill_ns;
    struct vg_ward_refill *r;
    struct vg_err err;

    if (ago_ns == 0)
        return NULL;
    r = calloc(1, sizeof(*r));
    VG_CHECK(r != NULL);
    r->what = what;
    r->shard = calloc(VG_SHARDS_MAX, sizeof(*r->shard));
    r->row = calloc(VG_REFILL_RING, sizeof(*r->row));
    VG_CHECK(r->shard != NULL && r->row != NULL);
    for (uint32_t i = 0; i < VG_SHARDS_MAX; i++)
        r->shard[i].log_ns = VG_TIME_NONE;
    vg_format_time(vg_wall_ns() - ago_ns, r->start);
    copy_source(r, &what->config->source);
    vg_layout_init(&r->layout);
    vg_layout_finish(&r->layout, 1);
    r->frame = vg_frame_new(&r->layout, 0);
    if (vg_thread_start(&r->thread, "refill", run, r, -1, &err) != VG_OK) {
        vg_log(VG_LOG_WARN, "refill", "the ward page has a gap before the start: %s", err.msg);
        atomic_store(&r->ended, true);
    }
    return r;
}

void vg_ward_refill_stop(struct vg_ward_refill *r)
{
    if (!r)
        return;
    atomic_store(&r->stop, true);
    vg_thread_join(&r->thread);
    vg_frame_free(r->frame);
    free(r->source.self);
    free(r->source.decoder_self);
    free(r->shard);
    free(r->row);
    free(r);
}
