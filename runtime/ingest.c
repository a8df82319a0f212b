/* ingest.c - the one place where the outside enters the log order of a shard.
 *
 * Whatever reaches a stage passed here at a position (next offset, ordinal): records in the order of
 * the log, commands between them. That is why a replay can do it all again.
 *
 * Here is the thread: the source, the loop and its duties. ingest_parts.h says what the other files do.
 */
#include "runtime/ingest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "runtime/ingest_parts.h"
#include "runtime/intake.h"
#include "runtime/log.h"

enum {
    POLL_IDLE_MS = 20,
    RECORDS_PER_DUTY = 64,
};

static const int64_t DUTY_NS = 2 * VG_NS_PER_MS;
static const int64_t HOLD_STEP_NS = VG_NS_PER_MS; /* between two looks at a chain that is full */

void vg_ingest_fail(struct vg_ingest *in, const struct vg_err *err)
{
    if (!in->failed)
        in->failure = *err;
    in->failed = true;
}

/* ---- duties that hang on time ---- */

static void tell_source(struct vg_ingest *in, uint32_t shard)
{
    struct vg_ingest_shard *s = &in->shard[shard];
    int64_t snapshot = atomic_load(&in->shared->shard[shard].snapshot_offset);

    if (snapshot > s->committed) {
        in->config->source.ops->commit(in->config->source.self, shard, snapshot);
        s->committed = snapshot;
    }
}

/* The shortest silence that a rule tells of in a shard; 0: none does. */
static int64_t least_silence(const struct vg_site *site)
{
    int64_t ret_ns = 0;

    for (uint32_t i = 0; i < site->rules_n; i++) {
        const struct vg_rule *rule = &site->rules[i];

        if (rule->source && (ret_ns == 0 || rule->longer_than_ns < ret_ns))
            ret_ns = rule->longer_than_ns;
    }
    return ret_ns;
}

static void tell_lag(struct vg_ingest *in)
{
    const struct vg_source_config *source = &in->config->source;
    uint32_t shards = atomic_load(&in->shared->partitions);

    for (uint32_t i = 0; i < shards && source->ops->newest; i++) {
        const struct vg_ingest_shard *s = &in->shard[i];
        int64_t newest = s->owned ? source->ops->newest(source->self, i) : -1, lag = -1;

        if (newest >= 0 && s->next_offset != VG_START_CONFIGURED)
            lag = newest > s->next_offset ? newest - s->next_offset : 0;
        atomic_store_explicit(&in->shared->shard[i].lag, lag, memory_order_relaxed);
    }
}

static void tell(struct vg_ingest *in, enum vg_trouble which, const char *text)
{
    if (vg_shared_trouble(in->shared, which, text) && text[0])
        vg_log(VG_LOG_WARN, "ingest", "%s", text);
}

/* Troubles that are in no shard's log: the heartbeat says them. */
static void tell_troubles(struct vg_ingest *in, int64_t now_ns)
{
    int64_t silence_ns = in->heard ? least_silence(in->site) : 0;
    char text[VG_OVERLAP_TEXT] = "";

    if (in->record_came || in->record_ns == 0)
        in->record_ns = now_ns;
    in->record_came = false;
    if (silence_ns > 0 && !in->until_end && now_ns - in->record_ns > silence_ns)
        snprintf(text, sizeof(text), "no record from the source for more than %lld s",
                 (long long)(silence_ns / VG_NS_PER_S));
    tell(in, VG_TROUBLE_SILENCE, text);
    vg_overlap_tell(&in->overlap, now_ns, text);
    tell(in, VG_TROUBLE_OVERLAP, text);
}

/* It is over when each shard gave a sign of life: of several brokers one may still be away. */
static void look_trouble(struct vg_ingest *in)
{
    uint32_t shards = atomic_load(&in->shared->partitions);

    if (!in->troubled)
        return;
    for (uint32_t i = 0; i < shards; i++) {
        if (in->shard[i].owned && in->shard[i].doubted)
            return;
    }
    in->troubled = false;
    vg_shared_trouble(in->shared, VG_TROUBLE_SOURCE, "");
}

static void duties(struct vg_ingest *in)
{
    uint32_t shards = atomic_load(&in->shared->partitions);
    int64_t now_ns = vg_mono_ns();

    if (now_ns < in->duty_ns)
        return;
    in->duty_ns = now_ns + DUTY_NS;
    vg_ingest_flush_all(in);
    vg_ingest_take_requests(in);
    if (now_ns - in->told_ns >= VG_NS_PER_S) {
        in->told_ns = now_ns;
        look_trouble(in);
        tell_troubles(in, now_ns);
        tell_lag(in);
        vg_ingest_tell_notices(in, now_ns);
        vg_ingest_retry_letters(in);
    }
    for (uint32_t i = 0; i < shards; i++) {
        struct vg_ingest_shard *s = &in->shard[i];

        if (!s->owned)
            continue;
        vg_ingest_tick(in, i, now_ns);
        if (now_ns >= s->barrier_ns && !vg_ingest_is_full(in, vg_ingest_worker_of(in, i)))
            vg_ingest_barrier(in, i, now_ns);
        tell_source(in, i);
    }
    vg_ingest_hold_back(in, now_ns);
    vg_ingest_look_for_change(in);
}

/* ---- the loop ---- */

static bool all_read(struct vg_ingest *in)
{
    uint32_t shards = atomic_load(&in->shared->partitions);

    if (!in->until_end)
        return false;
    for (uint32_t i = 0; i < shards; i++) {
        const struct vg_ingest_shard *s = &in->shard[i];

        if (!s->owned || !s->at_end)
            return false;
    }
    return true;
}

static int poll_timeout(const struct vg_ingest *in)
{
    uint32_t shards = atomic_load(&in->shared->partitions);

    for (uint32_t w = 0; w < in->workers; w++) {
        if (in->worker[w].n > 0)
            return 1;
    }
    for (uint32_t i = 0; i < shards; i++) {
        if (in->shard[i].frame)
            return 0;
    }
    return POLL_IDLE_MS;
}

static void say_trouble(struct vg_ingest *in, const struct vg_err *err)
{
    uint32_t shards = atomic_load(&in->shared->partitions);

    vg_meter_add(&in->shared->meters.source_errors, 1);
    in->troubled = true;
    for (uint32_t i = 0; i < shards; i++)
        in->shard[i].doubted = true;
    if (vg_shared_trouble(in->shared, VG_TROUBLE_SOURCE, err->msg))
        vg_log(VG_LOG_WARN, "source", "%s", err->msg);
}

/* Returns false when the source can give no more. */
static bool take_from_source(struct vg_ingest *in)
{
    const struct vg_source_ops *ops = in->config->source.ops;
    void *self = in->config->source.self;
    int timeout_ms = poll_timeout(in);

    for (int i = 0; i < RECORDS_PER_DUTY; i++, timeout_ms = 0) {
        struct vg_record rec;
        struct vg_err err;

        switch (ops->poll(self, timeout_ms, &rec, &err)) {
        case VG_POLL_RECORD:
            in->shard[rec.shard].doubted = false;
            vg_ingest_take_record(in, &rec);
            break;
        case VG_POLL_NOTHING:
            vg_ingest_flush_all(in);
            return true;
        case VG_POLL_REACHED:
            vg_ingest_reach_end(&in->shard[rec.shard], vg_mono_ns());
            in->shard[rec.shard].doubted = false;
            break;
        case VG_POLL_TROUBLE:
            say_trouble(in, &err);
            break;
        case VG_POLL_FAILED:
            vg_ingest_fail(in, &err);
            return false;
        }
        if (in->failed)
            return false;
    }
    return true;
}

static void end_shards(struct vg_ingest *in)
{
    uint32_t shards = atomic_load(&in->shared->partitions);

    for (uint32_t i = 0; i < shards; i++) {
        if (in->shard[i].owned)
            vg_ingest_barrier(in, i, vg_mono_ns());
    }
    vg_ingest_send_ends(in);
}

/* ---- the thread ---- */

static vg_status open_source(struct vg_ingest *in, struct vg_err *err)
{
    const struct vg_config *c = in->config;
    struct vg_identity *who = &in->shared->identity;
    struct vg_source_env env = {
        .ctx = in,
        .service = c->service.name,
        .until_end = in->until_end,
        .assigned = vg_ingest_assigned,
        .revoked = vg_ingest_revoked,
    };
    struct vg_source_info info;
    vg_status st = c->source.ops->open(c->source.self, &env, &info, err);

    if (st != VG_OK)
        return st;
    if (info.shards > VG_SHARDS_MAX)
        return vg_fail(err, VG_E_CONFIG, "topic %s has %u partitions; at most %d are possible",
                       info.topic, info.shards, VG_SHARDS_MAX);
    who->topic = info.topic;
    who->partitions = info.shards;
    memcpy(who->log, info.cluster, sizeof(who->log));
    memcpy(who->cluster, info.cluster, sizeof(who->cluster));
    if (c->source.ingest.cluster)
        strncpy(who->cluster, c->source.ingest.cluster, sizeof(who->cluster) - 1);
    return VG_OK;
}

static vg_status open_ingest(struct vg_ingest *in, struct vg_err *err)
{
    vg_status st;

    in->shard = calloc(VG_SHARDS_MAX, sizeof(*in->shard));
    in->worker = calloc(in->workers, sizeof(*in->worker));
    in->site = &in->config->site;
    in->heard = vg_intake_is_heard(in->site);
    VG_CHECK(in->shard != NULL && in->worker != NULL);
    for (uint32_t w = 0; w < in->workers; w++) {
        st = vg_link_connect(&in->worker[w].link, in->zmq, in->endpoint[w], 0, err);
        if (st != VG_OK)
            return st;
    }
    if (in->config->source.decoder->open &&
        (st = in->config->source.decoder->open(in->config->source.decoder_self, err)) != VG_OK)
        return st;
    st = open_source(in, err);
    if (st == VG_OK)
        atomic_store(&in->shared->partitions, in->shared->identity.partitions);
    return st;
}

static void close_ingest(struct vg_ingest *in)
{
    const struct vg_source_config *source = &in->config->source;

    source->ops->close(source->self);
    if (source->decoder->close)
        source->decoder->close(source->decoder_self);
    for (uint32_t w = 0; in->worker && w < in->workers; w++) {
        vg_link_done(&in->worker[w].link);
        free(in->worker[w].waiting);
    }
    for (uint32_t i = 0; in->shard && i < VG_SHARDS_MAX; i++)
        vg_ingest_forget(&in->shard[i]);
    vg_letters_close(in->letters);
    vg_buf_done(&in->headers);
    free(in->worker);
    free(in->shard);
}

vg_status vg_ingest_run(void *ingest, struct vg_thread *thread, struct vg_err *err)
{
    struct vg_ingest *in = ingest;
    vg_status st = open_ingest(in, err);

    if (st != VG_OK) {
        close_ingest(in);
        return st;
    }
    vg_thread_ready(thread);
    vg_shared_wait(in->shared, VG_GATE_GO);
    if (vg_letters_open(in->outbox, &in->letters, err) != VG_OK)
        vg_log(VG_LOG_ERROR, "ingest", "no dead letter can be tried again: %s", err->msg);
    st = in->config->source.ops->start(in->config->source.self, err);
    if (st != VG_OK)
        vg_ingest_fail(in, err);
    while (!in->failed && !atomic_load(&in->shared->stop) && !all_read(in)) {
        if (vg_ingest_must_wait(in))
            vg_thread_sleep(HOLD_STEP_NS);
        else if (!take_from_source(in))
            break;
        duties(in);
    }
    end_shards(in);
    vg_shared_wait(in->shared, VG_GATE_DRAINED);
    close_ingest(in);
    if (in->failed) {
        *err = in->failure;
        return err->status;
    }
    return VG_OK;
}
