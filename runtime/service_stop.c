/* service_stop.c - taking a pipeline down, in the direction of the data: ingest ends its shards ->
 * chains drain -> committer ends -> snapshots -> sinks -> cursors -> the source is left.
 */
#include <stdlib.h>
#include <unistd.h>

#include <zmq.h>

#include "runtime/log.h"
#include "runtime/service_parts.h"

/* Waits for a thread's end under watch; its failure becomes the service's. */
static vg_status wait_for(struct vg_service *s, struct vg_thread *t, struct vg_err *err)
{
    vg_status st = VG_OK, ended = VG_OK;

    while (st == VG_OK && !vg_thread_ended(t, &ended, err))
        st = vg_service_watch(s, err);
    if (st == VG_OK)
        vg_thread_join(t);
    return st == VG_OK ? ended : st;
}

/* What a sink refuses meanwhile is stored here: the committer has ended. */
static vg_status wait_for_sink(struct vg_service *s, struct vg_thread *t, struct vg_err *err)
{
    vg_status st = VG_OK, ended = VG_OK;

    while (st == VG_OK && !vg_thread_ended(t, &ended, err)) {
        st = vg_service_watch(s, err);
        if (st == VG_OK)
            st = vg_commit_cursors(&s->commit, err);
    }
    if (st == VG_OK)
        vg_thread_join(t);
    return st == VG_OK ? ended : st;
}

/* One sink that failed does not take from the others the time to deliver: the first failure is told
 * at the end. */
static vg_status drain_sinks(struct vg_service *s, struct vg_err *ret_failed, struct vg_err *err)
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

static void print_figures(const struct vg_service *s)
{
    struct vg_buf line = VG_BUF_INIT;

    for (uint32_t i = 0; i < s->config->sinks_n; i++) {
        vg_buf_clear(&line);
        vg_delivery_print(&s->feed[i].figures, &line);
        vg_log(VG_LOG_INFO, s->config->sinks[i].name, "%s", line.data);
    }
    vg_buf_done(&line);
}

vg_status vg_service_drain(struct vg_service *s, struct vg_err *err)
{
    struct vg_err failed = { .status = VG_OK };
    vg_status st = wait_for(s, &s->commit.thread, err);

    if (!s->stopping) {
        vg_service_begin_stop(s);
        /* At the end of the log sinks may take the time they need; a signal still ends it. A source
         * that failed needs a restart: no sink may hold that up. */
        if (s->options.until_end && !s->ingest.failed)
            s->deadline_ns = VG_TIME_MAX;
    }
    vg_service_reload_end(s);
    if (st == VG_OK)
        st = wait_for(s, &s->reload.thread, err);
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
    if (st == VG_OK)
        print_figures(s);
    return st;
}

void vg_service_done(struct vg_service *s)
{
    vg_observer_stop(&s->observer);
    vg_rates_free(s->observer.what.rates);
    vg_notify_close(&s->notify);
    for (uint32_t w = 0; w < s->workers; w++) {
        for (uint32_t p = 0; p < s->config->stages_n; p++)
            vg_planned_stage_done(&s->chain[w].stage[p]);
        free(s->chain[w].stage);
        free(s->chain[w].node);
    }
    vg_service_reload_done(s);
    vg_change_done(&s->change);
    vg_writer_done(&s->writer);
    vg_watches_done(&s->watches);
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
