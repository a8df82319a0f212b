/* service.c - one run of a pipeline: it is built, watched, and taken down in order. */
#include "runtime/service.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "core/clock.h"
#include "runtime/health.h"
#include "runtime/log.h"
#include "runtime/service_parts.h"

/* ---- watching ---- */

void vg_service_begin_stop(struct vg_service *s)
{
    if (s->stopping)
        return;
    s->stopping = true;
    vg_notify_say(&s->notify, "STOPPING=1");
    s->deadline_ns = vg_mono_ns() + s->config->service.drain_timeout_ns;
    atomic_store(&s->shared.state, VG_STATE_CLOSING);
    atomic_store(&s->shared.stop, true);
}

static vg_status out_of_time(const struct vg_service *s, struct vg_err *err)
{
    return vg_fail(err, VG_E_TEMPORARY,
                   "not drained within service.shutdown.drain_timeout (%lld s); what is missing "
                   "comes again at the next start",
                   (long long)(s->config->service.drain_timeout_ns / VG_NS_PER_S));
}

static void reload(struct vg_service *s)
{
    vg_log(VG_LOG_INFO, "service", "SIGHUP: reading the configuration and keys again");
    vg_audit_note(s->shared.audit, "reload", "why", "SIGHUP", NULL);
    atomic_fetch_add(&s->shared.reloads, 1);
    vg_shared_wake(&s->shared);
    vg_service_reload_ask(s);
}

/* What the observers see, for systemd and for them. */
static void look(struct vg_service *s)
{
    int64_t now_ns = vg_mono_ns();

    atomic_store(&s->shared.meters.watched_ns, now_ns);
    vg_shared_look_at_config(&s->shared);
    vg_rates_note(s->observer.what.rates, now_ns);
    vg_notify_watchdog(&s->notify, now_ns, s->stopping || vg_health_moves(&s->observer.what));
    vg_shared_leave_config(&s->shared);
}

vg_status vg_service_watch(struct vg_service *s, struct vg_err *err)
{
    struct pollfd p[2] = { { .fd = s->signal_fd, .events = POLLIN },
                           { .fd = s->wake_fd, .events = POLLIN } };
    struct signalfd_siginfo got;
    uint64_t count;

    poll(p, 2, 100);
    look(s);
    vg_service_audit_look(s);
    vg_log_tell_hidden(vg_mono_ns());
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
        vg_service_begin_stop(s);
    }
    return s->stopping && vg_mono_ns() > s->deadline_ns ? out_of_time(s, err) : VG_OK;
}

/* The part that never ends by itself before ingest does. A sink that ended has told of it. */
static vg_status check_parts(struct vg_service *s, struct vg_err *err)
{
    vg_status st = VG_OK;

    return vg_thread_ended(&s->commit.thread, &st, err) ? st : VG_OK;
}

static vg_status watch_until_stop(struct vg_service *s, struct vg_err *err)
{
    vg_status st = VG_OK;

    /* The committer ends after the END of every worker, which ingest sends when it stops. */
    while (st == VG_OK && !vg_thread_ended(&s->commit.thread, NULL, NULL)) {
        st = vg_service_watch(s, err);
        if (st == VG_OK)
            st = check_parts(s, err);
    }
    return st == VG_OK ? check_parts(s, err) : st;
}

/* ---- the run ---- */

static void summarize(struct vg_service *s, uint64_t first_seq, struct vg_run_summary *ret)
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
    struct vg_service *s = calloc(1, sizeof(*s));
    uint64_t first_seq;
    vg_status st;

    VG_CHECK(s != NULL);
    s->config = config;
    s->options = *options;
    s->began_ns = vg_mono_ns();
    vg_log_open(&config->service.log);
    st = vg_service_start(s, err);
    first_seq = atomic_load(&s->shared.committed_seq);
    if (st == VG_OK)
        st = watch_until_stop(s, err);
    if (st == VG_OK)
        st = vg_service_drain(s, err);
    vg_service_audit_stop(s, st, err);
    vg_log_tell_hidden(VG_TIME_MAX);
    if (st != VG_OK)
        return st;
    summarize(s, first_seq, ret);
    vg_service_done(s);
    free(s);
    return VG_OK;
}
