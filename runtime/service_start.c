/* service_start.c - building a pipeline: outbox -> source (its identity) -> sinks -> committer,
 * snapshot writer -> chains -> go.
 */
#include "runtime/service_parts.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include <zmq.h>

#include "core/clock.h"
#include "runtime/log.h"

static const int64_t LOOK_NS = 100 * VG_NS_PER_MS; /* between two looks whether to stop */

/* ---- the chains ---- */

static void name_link(char out[64], uint32_t worker, uint32_t place)
{
    snprintf(out, 64, "inproc://chain/%u/%u", worker, place);
}

static vg_status plan_chains(struct vg_service *s, struct vg_err *err)
{
    uint32_t stages = s->config->stages_n;

    s->chain = calloc(s->workers, sizeof(*s->chain));
    s->pool = calloc(s->workers, sizeof(struct vg_pool *));
    s->endpoint = calloc(s->workers, sizeof(*s->endpoint));
    VG_CHECK(s->chain != NULL && s->pool != NULL && s->endpoint != NULL);
    for (uint32_t w = 0; w < s->workers; w++) {
        vg_status st;

        s->chain[w].stage = calloc(stages, sizeof(*s->chain[w].stage));
        s->chain[w].node = calloc(stages, sizeof(*s->chain[w].node));
        VG_CHECK(s->chain[w].stage != NULL && s->chain[w].node != NULL);
        st = vg_config_plan(s->config, &s->layout, s->chain[w].stage, err);
        if (st != VG_OK)
            return st;
        s->pool[w] = vg_pool_new(&s->layout);
        name_link(s->endpoint[w], w, 0);
    }
    vg_layout_finish(&s->layout, (uint32_t)s->config->service.frame_rows);
    vg_watches_init(&s->watches, &s->layout, s->chain[0].stage, s->workers, stages);
    return VG_OK;
}

static vg_status start_node(struct vg_service *s, uint32_t worker, uint32_t place,
                            struct vg_err *err)
{
    struct vg_node *n = &s->chain[worker].node[place];
    char name[32];

    n->zmq = s->zmq;
    n->meter = vg_meters_stage(&s->shared.meters, worker, place);
    n->watch = vg_watches_at(&s->watches, worker, place);
    n->apply = (struct vg_apply){
        .config = s->config,
        .identity = &s->shared.identity,
        .layout = &s->layout,
        .pool = s->pool[worker],
        .stage = &s->chain[worker].stage[place],
        .place = place,
        .shards = VG_SHARDS_MAX,
    };
    name_link(n->in, worker, place);
    if (place + 1 < s->config->stages_n) {
        name_link(n->out, worker, place + 1);
    } else {
        snprintf(n->out, sizeof(n->out), "%s", s->commit.endpoint);
        n->lane = worker;
    }
    snprintf(name, sizeof(name), "%.10s/%u", n->apply.stage->ops->name, worker);
    return vg_thread_start(&n->thread, name, vg_node_run, n, s->wake_fd, err);
}

static vg_status start_chains(struct vg_service *s, struct vg_err *err)
{
    for (uint32_t w = 0; w < s->workers; w++) {
        for (uint32_t p = 0; p < s->config->stages_n; p++) {
            vg_status st = start_node(s, w, p, err);

            if (st != VG_OK)
                return st;
        }
    }
    return VG_OK;
}

static vg_status start_feeds(struct vg_service *s, struct vg_err *err)
{
    for (uint32_t i = 0; i < s->config->sinks_n; i++) {
        struct vg_feed *f = &s->feed[i];
        vg_status st;

        f->shared = &s->shared;
        f->config = &s->config->sinks[i];
        vg_confirmations_init(&f->confirmations);
        vg_refusals_init(&f->refusals);
        vg_passed_init(&f->passed);
        f->outbox = vg_outbox_path(s->outbox);
        memcpy(f->uuid, vg_outbox_uuid(s->outbox), sizeof(f->uuid));
        st = vg_thread_start(&f->thread, f->config->name, vg_feed_run, f, s->wake_fd, err);
        if (st != VG_OK)
            return st;
    }
    return VG_OK;
}

static vg_status start_letters(struct vg_service *s, struct vg_err *err)
{
    struct vg_letter_feed *f = &s->letters;

    f->shared = &s->shared;
    f->source = &s->config->source;
    f->outbox = vg_outbox_path(s->outbox);
    if (!vg_letter_feed_wanted(f->source))
        return VG_OK;
    s->commit.letters = f;
    return vg_thread_start(&f->thread, "letters", vg_letter_feed_run, f, s->wake_fd, err);
}

static vg_status start_commit(struct vg_service *s, struct vg_err *err)
{
    struct vg_commit *c = &s->commit;
    vg_status st;

    vg_writer_init(&s->writer, &s->shared, &s->change, &s->layout);
    st = vg_thread_start(&s->writer.thread, "snapshot", vg_writer_run, &s->writer, s->wake_fd, err);
    if (st != VG_OK)
        return st;
    snprintf(c->endpoint, sizeof(c->endpoint), "inproc://commit");
    c->shared = &s->shared;
    c->layout = &s->layout;
    c->zmq = s->zmq;
    c->pool = s->pool;
    c->workers = s->workers;
    c->outbox = s->outbox;
    c->writer = &s->writer;
    c->feed = s->feed;
    c->feeds = s->config->sinks_n;
    c->change = &s->change;
    c->site = &s->config->site;
    vg_commit_init(c);
    return vg_thread_start(&c->thread, "commit", vg_commit_run, c, s->wake_fd, err);
}

/* Without taking the signal: a reload that is asked for waits, too. */
static bool is_told_to_stop(void)
{
    sigset_t pending;

    return sigpending(&pending) == 0 &&
           (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1);
}

/* Kafka may take its time, or never answer. */
static vg_status wait_for_source(struct vg_thread *t, struct vg_err *err)
{
    vg_status st;

    while ((st = vg_thread_wait(t, LOOK_NS, err)) == VG_E_AGAIN) {
        if (is_told_to_stop())
            return vg_fail(err, VG_E_TEMPORARY, "stopped by a signal before it ran");
    }
    return st;
}

static vg_status start_ingest(struct vg_service *s, struct vg_err *err)
{
    struct vg_ingest *in = &s->ingest;
    vg_status st;

    in->shared = &s->shared;
    in->config = s->config;
    in->change = &s->change;
    in->layout = &s->layout;
    in->zmq = s->zmq;
    in->pool = s->pool;
    in->workers = s->workers;
    in->endpoint = s->endpoint;
    in->outbox = vg_outbox_path(s->outbox);
    in->until_end = s->options.until_end;
    in->commands_from = s->options.commands;
    st = vg_thread_begin(&in->thread, "ingest", vg_ingest_run, in, s->wake_fd, err);
    return st == VG_OK ? wait_for_source(&in->thread, err) : st;
}

static vg_status bind_outbox(struct vg_service *s, struct vg_err *err)
{
    const struct vg_identity *who = &s->shared.identity;
    vg_status st = vg_outbox_bind_log(s->outbox, who->log, who->partitions, err);

    if (st == VG_E_CONFIG && s->config->service.fresh_on_new_cluster) {
        vg_log(VG_LOG_WARN, "outbox", "%s; beginning afresh", err->msg);
        st = vg_outbox_fresh(s->outbox, err);
        if (st == VG_OK)
            st = vg_outbox_bind_log(s->outbox, who->log, who->partitions, err);
    }
    atomic_store(&s->shared.committed_seq, vg_outbox_last_seq(s->outbox));
    return st;
}

static vg_status take_signals(struct vg_service *s, struct vg_err *err)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    s->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    s->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (s->signal_fd < 0 || s->wake_fd < 0)
        return vg_fail(err, VG_E_IO, "signals cannot be taken: %s", strerror(errno));
    return VG_OK;
}

/* From the beginning: who asks meanwhile learns that it starts. */
static vg_status start_observer(struct vg_service *s, struct vg_err *err)
{
    s->observer.what = (struct vg_observed){ .config = s->config,
                                             .shared = &s->shared,
                                             .feed = s->feed,
                                             .pool = s->pool,
                                             .watches = &s->watches,
                                             .outbox = vg_outbox_path(s->outbox),
                                             .frames_budget = vg_ingest_frames(s->config),
                                             .began_wall_ns = vg_wall_ns() };
    s->observer.what.rates = vg_rates_new(&s->observer.what);
    return vg_observer_start(&s->observer, s->wake_fd, err);
}

vg_status vg_service_start(struct vg_service *s, struct vg_err *err)
{
    const struct vg_service_config *c = &s->config->service;
    vg_status st = take_signals(s, err);

    if (st != VG_OK)
        return st;
    vg_notify_open(&s->notify);
    s->workers = (uint32_t)c->workers;
    s->zmq = zmq_ctx_new();
    s->feed = calloc(s->config->sinks_n, sizeof(*s->feed));
    VG_CHECK(s->zmq != NULL && s->feed != NULL);
    vg_shared_init(&s->shared, s->config);
    vg_change_init(&s->change);
    vg_meters_init(&s->shared.meters, s->workers, s->config->stages_n);
    s->shared.identity.pipeline = c->name;
    s->shared.identity.config = s->config->hash;
    if ((st = plan_chains(s, err)) != VG_OK ||
        (st = vg_outbox_open(c->data_dir, c->name, true, &s->outbox, err)) != VG_OK ||
        (st = vg_service_audit_start(s, err)) != VG_OK || (st = start_observer(s, err)) != VG_OK ||
        (st = start_ingest(s, err)) != VG_OK || (st = bind_outbox(s, err)) != VG_OK ||
        (st = start_feeds(s, err)) != VG_OK || (st = start_letters(s, err)) != VG_OK ||
        (st = start_commit(s, err)) != VG_OK || (st = start_chains(s, err)) != VG_OK ||
        (st = vg_service_reload_start(s, err)) != VG_OK)
        return st;
    atomic_store(&s->shared.state, VG_STATE_RUNNING);
    vg_shared_open(&s->shared, VG_GATE_GO);
    vg_notify_say(&s->notify, "READY=1");
    vg_log(VG_LOG_INFO, "service", "%s runs: %u partitions of %s, %u stages, %u workers, %u sinks",
           c->name, s->shared.identity.partitions, s->shared.identity.topic, s->config->stages_n,
           s->workers, s->config->sinks_n);
    return VG_OK;
}
