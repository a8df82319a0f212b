/* service.c - building a pipeline, watching it, and taking it down in order.
 *
 * Start: outbox -> source (its identity) -> sinks -> committer, snapshot writer -> chains -> go.
 * Stop: ingest ends its shards -> chains drain -> committer ends -> snapshots -> sinks -> cursors ->
 * the source is left.
 */
#include "runtime/service.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <zmq.h>

#include "core/clock.h"
#include "runtime/commit.h"
#include "runtime/health.h"
#include "runtime/ingest.h"
#include "runtime/log.h"
#include "runtime/node.h"
#include "runtime/notify.h"
#include "runtime/observer.h"

struct chain {
    struct vg_planned_stage *stage; /* [stages] */
    struct vg_node *node;           /* [stages] */
};

struct service {
    const struct vg_config *config;
    struct vg_run_options options;
    struct vg_shared shared;
    struct vg_outbox *outbox;
    void *zmq;
    struct vg_layout layout;
    uint32_t workers;
    struct vg_pool **pool;
    struct chain *chain;  /* [workers] */
    char (*endpoint)[64]; /* [workers]: first link of each chain */
    struct vg_feed *feed; /* [sinks] */
    struct vg_letter_feed letters;
    struct vg_writer writer;
    struct vg_commit commit;
    struct vg_ingest ingest;
    struct vg_observer observer;
    struct vg_notify notify; /* systemd */
    int wake_fd;             /* a thread has ended */
    int signal_fd;           /* SIGTERM, SIGINT, SIGHUP */
    bool stopping;
    int signal; /* that ended it; 0: none */
    uint64_t seal_told;
    int64_t deadline_ns;
    int64_t began_ns;
};

/* ---- the audit log ---- */

/* Where logs are kept a seal is out of reach of who can write here: a cut tail shows. */
static void tell_seal(struct service *s)
{
    struct vg_audit_end seal = { .n = 0 };

    if (s->shared.audit)
        vg_audit_sealed(s->shared.audit, &seal);
    if (seal.n == s->seal_told)
        return;
    s->seal_told = seal.n;
    vg_log(VG_LOG_INFO, "audit", "seal %llu:%s", (unsigned long long)seal.n, seal.hash);
}

static void look_at_audit(struct service *s)
{
    struct vg_err err = { .msg = "" };
    vg_status st = vg_audit_look(s->shared.audit, vg_mono_ns(), &err);

    if (vg_shared_trouble(&s->shared, VG_TROUBLE_AUDIT, st == VG_OK ? "" : err.msg) && st != VG_OK)
        vg_log(VG_LOG_ERROR, "audit", "%s", err.msg);
    tell_seal(s);
}

/* ---- building ---- */

static void name_link(char out[64], uint32_t worker, uint32_t place)
{
    snprintf(out, 64, "inproc://chain/%u/%u", worker, place);
}

static vg_status plan_chains(struct service *s, struct vg_err *err)
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
    return VG_OK;
}

static vg_status start_node(struct service *s, uint32_t worker, uint32_t place, struct vg_err *err)
{
    struct vg_node *n = &s->chain[worker].node[place];
    char name[32];

    n->zmq = s->zmq;
    n->meter = vg_meters_stage(&s->shared.meters, worker, place);
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

static vg_status start_chains(struct service *s, struct vg_err *err)
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

static vg_status start_feeds(struct service *s, struct vg_err *err)
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

static vg_status start_letters(struct service *s, struct vg_err *err)
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

static vg_status start_commit(struct service *s, struct vg_err *err)
{
    struct vg_commit *c = &s->commit;
    vg_status st;

    vg_writer_init(&s->writer, &s->shared, &s->layout);
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
    vg_commit_init(c);
    return vg_thread_start(&c->thread, "commit", vg_commit_run, c, s->wake_fd, err);
}

static vg_status start_ingest(struct service *s, struct vg_err *err)
{
    struct vg_ingest *in = &s->ingest;

    in->shared = &s->shared;
    in->config = s->config;
    in->layout = &s->layout;
    in->zmq = s->zmq;
    in->pool = s->pool;
    in->workers = s->workers;
    in->endpoint = s->endpoint;
    in->outbox = vg_outbox_path(s->outbox);
    in->until_end = s->options.until_end;
    in->commands_from = s->options.commands;
    return vg_thread_start(&in->thread, "ingest", vg_ingest_run, in, s->wake_fd, err);
}

static vg_status bind_outbox(struct service *s, struct vg_err *err)
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

static vg_status take_signals(struct service *s, struct vg_err *err)
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

/* Behind the outbox, whose lock says that no other process runs in this folder. */
static vg_status start_audit(struct service *s, struct vg_err *err)
{
    struct vg_audit_run run = { .version = VG_VERSION,
                                .pipeline = s->config->service.name,
                                .config = s->config->hash };
    struct vg_buf models = VG_BUF_INIT;
    vg_status st = vg_audit_open(s->config->service.data_dir, &s->shared.audit, err);

    if (st != VG_OK)
        return st;
    vg_buf_str(&models, "");
    for (uint32_t i = 0; i < s->config->models_n; i++)
        vg_buf_printf(&models, "%s%s %s", i ? ", " : "", s->config->models[i]->name,
                      s->config->models[i]->sha256);
    run.models = models.data;
    vg_audit_start(s->shared.audit, &run);
    vg_buf_done(&models);
    return VG_OK;
}

/* The last record, and a seal over all of them. */
static void stop_audit(struct service *s, vg_status st, const struct vg_err *err)
{
    char signal[16];

    snprintf(signal, sizeof(signal), "signal %d", s->signal);
    vg_audit_note(s->shared.audit, "stop", "why",
                  st != VG_OK ? err->msg
                  : s->signal ? signal
                              : "the end of the log",
                  NULL);
    vg_audit_seal(s->shared.audit);
    tell_seal(s);
}

/* From the beginning: who asks meanwhile learns that it starts. */
static vg_status start_observer(struct service *s, struct vg_err *err)
{
    s->observer.what = (struct vg_observed){ .config = s->config,
                                             .shared = &s->shared,
                                             .feed = s->feed,
                                             .pool = s->pool,
                                             .outbox = vg_outbox_path(s->outbox),
                                             .frames_budget = vg_ingest_frames(s->config),
                                             .began_wall_ns = vg_wall_ns() };
    return vg_observer_start(&s->observer, s->wake_fd, err);
}

static vg_status start(struct service *s, struct vg_err *err)
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
    vg_meters_init(&s->shared.meters, s->workers, s->config->stages_n);
    s->shared.identity.pipeline = c->name;
    s->shared.identity.config = s->config->hash;
    if ((st = plan_chains(s, err)) != VG_OK ||
        (st = vg_outbox_open(c->data_dir, c->name, true, &s->outbox, err)) != VG_OK ||
        (st = start_audit(s, err)) != VG_OK || (st = start_observer(s, err)) != VG_OK ||
        (st = start_ingest(s, err)) != VG_OK || (st = bind_outbox(s, err)) != VG_OK ||
        (st = start_feeds(s, err)) != VG_OK || (st = start_letters(s, err)) != VG_OK ||
        (st = start_commit(s, err)) != VG_OK || (st = start_chains(s, err)) != VG_OK)
        return st;
    atomic_store(&s->shared.state, VG_STATE_RUNNING);
    vg_shared_open(&s->shared, VG_GATE_GO);
    vg_notify_say(&s->notify, "READY=1");
    vg_log(VG_LOG_INFO, "service", "%s runs: %u partitions of %s, %u stages, %u workers, %u sinks",
           c->name, s->shared.identity.partitions, s->shared.identity.topic, s->config->stages_n,
           s->workers, s->config->sinks_n);
    return VG_OK;
}

/* ---- watching ---- */

static void begin_stop(struct service *s)
{
    if (s->stopping)
        return;
    s->stopping = true;
    vg_notify_say(&s->notify, "STOPPING=1");
    s->deadline_ns = vg_mono_ns() + s->config->service.drain_timeout_ns;
    atomic_store(&s->shared.state, VG_STATE_CLOSING);
    atomic_store(&s->shared.stop, true);
}

static vg_status out_of_time(const struct service *s, struct vg_err *err)
{
    return vg_fail(err, VG_E_TEMPORARY,
                   "not drained within service.shutdown.drain_timeout (%lld s); what is missing "
                   "comes again at the next start",
                   (long long)(s->config->service.drain_timeout_ns / VG_NS_PER_S));
}

static void reload(struct service *s)
{
    vg_log(VG_LOG_INFO, "service", "SIGHUP: reading keys again");
    vg_audit_note(s->shared.audit, "reload", "why", "SIGHUP", NULL);
    atomic_fetch_add(&s->shared.reloads, 1);
    vg_shared_wake(&s->shared);
}

/* Handles signals; fails when it is time to give up. Waits for at most 100 ms. */
static vg_status watch(struct service *s, struct vg_err *err)
{
    struct pollfd p[2] = { { .fd = s->signal_fd, .events = POLLIN },
                           { .fd = s->wake_fd, .events = POLLIN } };
    struct signalfd_siginfo got;
    uint64_t count;

    poll(p, 2, 100);
    atomic_store(&s->shared.meters.watched_ns, vg_mono_ns());
    vg_notify_watchdog(&s->notify, vg_mono_ns(), s->stopping || vg_health_moves(&s->observer.what));
    look_at_audit(s);
    if (read(s->wake_fd, &count, sizeof(count)) < 0) {
        /* No thread has ended. */
    }
    while (read(s->signal_fd, &got, sizeof(got)) == (ssize_t)sizeof(got)) {
        if (got.ssi_signo == SIGHUP) {
            reload(s);
            continue;
        }
        if (s->stopping && s->deadline_ns != VG_TIME_MAX)
            return vg_fail(err, VG_E_TEMPORARY, "a second signal: stopped without draining");
        vg_log(VG_LOG_INFO, "service", "stopping");
        s->signal = (int)got.ssi_signo;
        s->stopping = false;
        begin_stop(s);
    }
    return s->stopping && vg_mono_ns() > s->deadline_ns ? out_of_time(s, err) : VG_OK;
}

/* Waits for a thread's end under watch; its failure becomes the service's. */
static vg_status wait_for(struct service *s, struct vg_thread *t, struct vg_err *err)
{
    vg_status st = VG_OK, ended = VG_OK;

    while (st == VG_OK && !vg_thread_ended(t, &ended, err))
        st = watch(s, err);
    if (st == VG_OK)
        vg_thread_join(t);
    return st == VG_OK ? ended : st;
}

/* The part that never ends by itself before ingest does. A sink that ended has told of it. */
static vg_status check_parts(struct service *s, struct vg_err *err)
{
    vg_status st = VG_OK;

    return vg_thread_ended(&s->commit.thread, &st, err) ? st : VG_OK;
}

static vg_status watch_until_stop(struct service *s, struct vg_err *err)
{
    vg_status st = VG_OK;

    /* The committer ends after the END of every worker, which ingest sends when it stops. */
    while (st == VG_OK && !vg_thread_ended(&s->commit.thread, NULL, NULL)) {
        st = watch(s, err);
        if (st == VG_OK)
            st = check_parts(s, err);
    }
    return st == VG_OK ? check_parts(s, err) : st;
}

/* ---- taking down ---- */

/* What a sink refuses meanwhile is stored here: the committer has ended. */
static vg_status wait_for_sink(struct service *s, struct vg_thread *t, struct vg_err *err)
{
    vg_status st = VG_OK, ended = VG_OK;

    while (st == VG_OK && !vg_thread_ended(t, &ended, err)) {
        st = watch(s, err);
        if (st == VG_OK)
            st = vg_commit_cursors(&s->commit, err);
    }
    if (st == VG_OK)
        vg_thread_join(t);
    return st == VG_OK ? ended : st;
}

/* One sink that failed does not take from the others the time to deliver: the first failure is told
 * at the end. */
static vg_status drain_sinks(struct service *s, struct vg_err *ret_failed, struct vg_err *err)
{
    uint32_t sinks = s->config->sinks_n, all = sinks + (s->commit.letters ? 1 : 0);

    for (uint32_t i = 0; i < all; i++) {
        struct vg_thread *t = i < sinks ? &s->feed[i].thread : &s->letters.thread;
        vg_status st = wait_for_sink(s, t, err);

        if (vg_status_class(st) == VG_CLASS_RETRY)
            return st; /* out of time */
        if (st != VG_OK && ret_failed->status == VG_OK)
            *ret_failed = *err;
    }
    return VG_OK;
}

static vg_status drain(struct service *s, struct vg_err *err)
{
    struct vg_err failed = { .status = VG_OK };
    vg_status st = wait_for(s, &s->commit.thread, err);

    if (!s->stopping) {
        begin_stop(s);
        /* At the end of the log sinks may take the time they need; a signal still ends it. A source
         * that failed needs a restart: no sink may hold that up. */
        if (s->options.until_end && !s->ingest.failed)
            s->deadline_ns = VG_TIME_MAX;
    }
    vg_writer_end(&s->writer);
    if (st == VG_OK)
        st = wait_for(s, &s->writer.thread, err);
    for (uint32_t w = 0; st == VG_OK && w < s->workers; w++) {
        for (uint32_t p = 0; st == VG_OK && p < s->config->stages_n; p++)
            st = wait_for(s, &s->chain[w].node[p].thread, err);
    }
    for (uint32_t i = 0; i < s->config->sinks_n; i++)
        atomic_store(&s->feed[i].finish, true);
    atomic_store(&s->letters.finish, true);
    vg_shared_wake(&s->shared);
    if (st == VG_OK)
        st = drain_sinks(s, &failed, err);
    if (st == VG_OK)
        st = vg_commit_cursors(&s->commit, err);
    vg_shared_open(&s->shared, VG_GATE_DRAINED);
    if (st == VG_OK)
        st = wait_for(s, &s->ingest.thread, err);
    if (st == VG_OK && failed.status != VG_OK) {
        *err = failed;
        st = failed.status;
    }
    return st;
}

static void print_figures(const struct service *s)
{
    struct vg_buf line = VG_BUF_INIT;

    for (uint32_t i = 0; i < s->config->sinks_n; i++) {
        vg_buf_clear(&line);
        vg_delivery_print(&s->feed[i].figures, &line);
        vg_log(VG_LOG_INFO, s->config->sinks[i].name, "%s", line.data);
    }
    vg_buf_done(&line);
}

static void free_service(struct service *s)
{
    vg_observer_stop(&s->observer);
    vg_notify_close(&s->notify);
    for (uint32_t w = 0; w < s->workers; w++) {
        for (uint32_t p = 0; p < s->config->stages_n; p++)
            vg_planned_stage_done(&s->chain[w].stage[p]);
        free(s->chain[w].stage);
        free(s->chain[w].node);
    }
    vg_writer_done(&s->writer);
    for (uint32_t w = 0; w < s->workers; w++)
        vg_pool_free(s->pool[w]);
    free(s->chain);
    free(s->pool);
    free(s->endpoint);
    vg_commit_done(&s->commit);
    vg_outbox_close(s->outbox);
    for (uint32_t i = 0; i < s->config->sinks_n; i++) {
        close(s->feed[i].wake_fd);
        vg_confirmations_done(&s->feed[i].confirmations);
        vg_refusals_done(&s->feed[i].refusals);
        vg_passed_done(&s->feed[i].passed);
    }
    free(s->feed);
    zmq_ctx_term(s->zmq);
    vg_audit_close(s->shared.audit);
    vg_shared_done(&s->shared);
    close(s->signal_fd);
    close(s->wake_fd);
}

static void summarize(struct service *s, uint64_t first_seq, struct vg_run_summary *ret)
{
    ret->rows = atomic_load(&s->shared.rows);
    ret->events = atomic_load(&s->shared.committed_seq) - first_seq;
    ret->dead_letters = atomic_load(&s->shared.dead_letters);
    ret->mismatches = atomic_load(&s->shared.mismatches);
    ret->clocks = atomic_load(&s->shared.clocks);
    ret->snapshots = atomic_load(&s->shared.snapshots);
    ret->seconds = (double)(vg_mono_ns() - s->began_ns) / 1e9;
}

vg_status vg_service_run(const struct vg_config *config, const struct vg_run_options *options,
                         struct vg_run_summary *ret, struct vg_err *err)
{
    struct service *s = calloc(1, sizeof(*s));
    uint64_t first_seq;
    vg_status st;

    VG_CHECK(s != NULL);
    s->config = config;
    s->options = *options;
    s->began_ns = vg_mono_ns();
    vg_log_init(config->service.log_level, config->service.log_format == VG_LOG_JSON);
    st = start(s, err);
    first_seq = atomic_load(&s->shared.committed_seq);
    if (st == VG_OK)
        st = watch_until_stop(s, err);
    if (st == VG_OK)
        st = drain(s, err);
    stop_audit(s, st, err);
    if (st != VG_OK)
        return st;
    print_figures(s);
    summarize(s, first_seq, ret);
    free_service(s);
    free(s);
    return VG_OK;
}
