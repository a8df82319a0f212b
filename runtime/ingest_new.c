/* ingest_new.c - what moves a shard and is not in its log: people, this instance, dead letters, time.
 *
 * All of it enters as a command, and nothing of it in a region that is replayed: what was new there is
 * recorded, and comes again from the record.
 */
#include "runtime/ingest_parts.h"

#include <string.h>

#include "core/clock.h"
#include "runtime/log.h"

enum {
    AGAIN_MAX = 64, /* dead letters that are tried again at a time */
};

static const int64_t CLOCK_NS = VG_NS_PER_S; /* silence until the first CLOCK, and between two */

/* ---- orders ---- */

/* The shard that has rows of the patient; VG_SHARDS_MAX when none of this instance has. */
static uint32_t shard_of(const struct vg_ingest *in, const char *patient)
{
    uint32_t shards = atomic_load(&in->shared->partitions);
    uint32_t slot;

    for (uint32_t i = 0; i < shards; i++) {
        if (in->shard[i].owned && vg_patients_find(in->shard[i].patients, patient, &slot))
            return i;
    }
    return VG_SHARDS_MAX;
}

/* Whether who asks may know of the ward in which the patient is now; nobody is in ward none. */
static bool may_know(const struct vg_ingest *in, const struct vg_request *request)
{
    const struct vg_patients *patients = in->shard[request->shard].patients;
    uint32_t slot = 0;

    if (!request->wards)
        return true;
    if (!patients || (request->patient[0] && !vg_patients_find(patients, request->patient, &slot)))
        return false;
    for (size_t i = 0; i < request->wards->n; i++) {
        if (strcmp(request->wards->value[i], vg_patients_at(patients, slot)->ward) == 0)
            return true;
    }
    return false;
}

static void take_request(struct vg_ingest *in, struct vg_request *request)
{
    struct vg_item_command head = { .kind = VG_COMMAND_ORDER,
                                    .ticket = request->ticket,
                                    .size = sizeof(request->order) };
    const struct vg_ingest_shard *s;

    if (request->shard == VG_SHARDS_MAX)
        request->shard = shard_of(in, request->patient);
    if (request->shard == VG_SHARDS_MAX) {
        vg_shared_answer(in->shared, request->ticket, VG_ANSWER_UNKNOWN_PATIENT);
        return;
    }
    if (!may_know(in, request)) {
        vg_shared_answer(in->shared, request->ticket, VG_ANSWER_UNKNOWN_PATIENT);
        return;
    }
    s = &in->shard[request->shard];
    /* In the region nothing new may happen. */
    if (!s->owned || s->in_region) {
        vg_shared_answer(in->shared, request->ticket, VG_ANSWER_BUSY);
        return;
    }
    head.log_ns = s->log_ns;
    request->order.given_ns = s->log_ns;
    memcpy(head.patient, request->patient, sizeof(head.patient));
    vg_ingest_inject(in, request->shard, &head, &request->order);
    vg_ingest_flush(in, request->shard);
}

void vg_ingest_take_requests(struct vg_ingest *in)
{
    struct vg_request request;

    while (vg_shared_take(in->shared, &request))
        take_request(in, &request);
}

/* ---- notices ---- */

/* Whether something new may happen in the shard, at a time that is known. */
static bool takes_notices(const struct vg_ingest_shard *s)
{
    return s->owned && !s->in_region && s->next_offset != VG_START_CONFIGURED &&
           s->log_ns != VG_TIME_NONE;
}

static void inject_notice(struct vg_ingest *in, uint32_t shard, const struct vg_noticed *said)
{
    /* Time moves on, so that what begins by it has ids of its own. */
    struct vg_item_command head = { .kind = VG_COMMAND_NOTICE,
                                    .log_ns = in->shard[shard].log_ns + VG_NS_PER_MS,
                                    .size = sizeof(*said) };

    vg_ingest_inject(in, shard, &head, said);
    vg_ingest_flush(in, shard);
}

void vg_ingest_tell_notices(struct vg_ingest *in, int64_t now_ns)
{
    bool can[VG_SHARDS_MAX] = { false };
    uint32_t shards = atomic_load(&in->shared->partitions);

    for (uint32_t i = 0; i < shards; i++)
        can[i] = takes_notices(&in->shard[i]);
    for (int i = 0; i < VG_NOTICE_ALERT_COUNT && !in->commands_from; i++) {
        struct vg_noticed said;
        uint32_t shard;

        if (vg_notice_log_next(&in->notices, &in->shared->notices, (enum vg_notice_alert)i, can,
                               shards, now_ns, &shard, &said))
            inject_notice(in, shard, &said);
    }
}

/* ---- dead letters that are tried again ---- */

struct again_call {
    struct vg_ingest *in;
    uint32_t shard, n;
};

/* The first one is on its way as long as it looks as it did: so are those behind it. */
static bool is_on_its_way(struct vg_ingest_shard *s, const struct vg_letter_again *letter)
{
    const struct vg_retried *before = &s->retried;

    return before->attempts == letter->attempts && before->offset == letter->offset &&
           before->index == letter->index;
}

static vg_status inject_again(void *arg, const struct vg_letter_again *letter)
{
    struct again_call *call = arg;
    struct vg_ingest_shard *s = &call->in->shard[call->shard];
    struct vg_retried again = { letter->offset, letter->record_ns, letter->index,
                                letter->attempts };
    struct vg_item_command head = { .kind = VG_COMMAND_RETRY, .log_ns = s->log_ns };
    struct vg_buf payload = VG_BUF_INIT;

    if (call->n == 0 && is_on_its_way(s, letter))
        return VG_E_AGAIN;
    if (call->n++ == 0)
        s->retried = again;
    vg_buf_add(&payload, &again, sizeof(again));
    vg_buf_add(&payload, letter->bytes, letter->len);
    head.size = (uint32_t)payload.len;
    vg_ingest_inject(call->in, call->shard, &head, payload.data);
    vg_buf_done(&payload);
    return VG_OK;
}

/* All of a call are stored together or not at all. */
static void retry_letters(struct vg_ingest *in, uint32_t shard)
{
    struct vg_ingest_shard *s = &in->shard[shard];
    struct again_call call = { .in = in, .shard = shard };
    struct vg_err err;

    if (!takes_notices(s) || vg_ingest_is_full(in, vg_ingest_worker_of(in, shard)))
        return;
    s->together = true;
    if (vg_status_class(vg_letters_again(in->letters, shard, AGAIN_MAX, inject_again, &call,
                                         &err)) == VG_CLASS_FATAL)
        vg_log(VG_LOG_ERROR, "ingest", "%s", err.msg);
    s->together = false;
    if (call.n > 0)
        vg_ingest_flush(in, shard);
}

void vg_ingest_retry_letters(struct vg_ingest *in)
{
    uint32_t shards = atomic_load(&in->shared->partitions);

    for (uint32_t i = 0; i < shards && in->letters && !in->commands_from; i++)
        retry_letters(in, i);
}

/* ---- log time when no record comes ---- */

static void set_anchor(struct vg_ingest_shard *s, int64_t now_ns)
{
    s->anchor_log_ns = s->log_ns;
    s->anchor_mono_ns = now_ns;
}

void vg_ingest_reach_end(struct vg_ingest_shard *s, int64_t now_ns)
{
    const struct vg_recovery *r = &s->recovery;

    if (s->at_end)
        return;
    s->at_end = true;
    set_anchor(s, now_ns);
    if (r->known_log_ns != VG_TIME_NONE && s->log_ns != VG_TIME_NONE) {
        int64_t now_wall_ns = vg_wall_ns();
        int64_t down_ns = now_wall_ns - r->known_wall_ns;
        int64_t resumed_ns = r->known_log_ns + (down_ns > 0 ? down_ns : 0);

        /* Never beyond the present: a clock that was decades behind at the last stop must not be
         * taken for decades of silence. */
        if (resumed_ns > now_wall_ns)
            resumed_ns = now_wall_ns;
        if (resumed_ns > s->anchor_log_ns)
            s->anchor_log_ns = resumed_ns;
        s->recovery.known_log_ns = VG_TIME_NONE;
    }
}

void vg_ingest_tick(struct vg_ingest *in, uint32_t shard, int64_t now_ns)
{
    struct vg_ingest_shard *s = &in->shard[shard];
    struct vg_item_command head = { .kind = VG_COMMAND_CLOCK };

    /* A full chain gets no marks either: the next one tells all the time that has passed. */
    if (now_ns - s->sent_mono_ns < CLOCK_NS || s->frame ||
        vg_ingest_is_full(in, vg_ingest_worker_of(in, shard)))
        return;
    if (s->at_end && !s->in_region && !in->until_end && s->log_ns != VG_TIME_NONE) {
        head.log_ns = s->anchor_log_ns + (now_ns - s->anchor_mono_ns);
        vg_ingest_inject(in, shard, &head, NULL);
        atomic_fetch_add(&in->shared->clocks, 1);
        vg_ingest_flush(in, shard);
    } else {
        /* Only a sign of life: it says that the chain moves, not that time does. */
        vg_ingest_mark(in, shard, VG_FRAME_ROWS);
    }
}
