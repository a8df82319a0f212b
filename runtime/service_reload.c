/* service_reload.c - the configuration is read again, and takes over whole or not at all.
 *
 * A thread of its own, as models take their time to be loaded and the supervisor has a watchdog to
 * serve. Whatever can fail comes first: the file is loaded and compared, the next stages are planned and
 * opened. Then ingest decides (runtime/ingest_change.c), and behind that nothing fails any more. Asked
 * while it works, it begins once more.
 *
 * The configuration of the start is never freed here: the source, the sinks and the section `service`
 * live in it. Those that came later are this thread's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "runtime/log.h"
#include "runtime/reload_file.h"
#include "runtime/service_parts.h"
#include "runtime/watch.h"

enum { CHANGES_TOLD = 12 };

static const int64_t TAKEN_NS = 30 * VG_NS_PER_S;  /* until an offer must be taken */
static const int64_t LOOK_NS = 100 * VG_NS_PER_MS; /* between two looks whether to give up */

/* One try. */
struct attempt {
    int64_t began_ns;
    struct vg_config *next;
    struct vg_buf said; /* by the loader */
    struct vg_config_diff diff;
    struct vg_planned_stage **stage; /* [workers][stages] */
};

/* ---- the next chains ---- */

static void free_stages(struct vg_planned_stage *stage, uint32_t n)
{
    for (uint32_t p = 0; stage && p < n; p++) {
        if (stage[p].ops)
            vg_planned_stage_done(&stage[p]);
    }
    free(stage);
}

static vg_status open_stages(struct vg_planned_stage *stage, uint32_t n, struct vg_err *err)
{
    vg_status st = VG_OK;

    for (uint32_t p = 0; st == VG_OK && p < n; p++) {
        if (stage[p].ops->open)
            st = stage[p].ops->open(stage[p].self, err);
    }
    return st;
}

static vg_status refuse_restarts(const struct vg_config_diff *diff, struct vg_err *err)
{
    struct vg_buf text = VG_BUF_INIT;
    vg_status st = VG_OK;

    vg_config_diff_print(&diff->restarts, CHANGES_TOLD, &text);
    if (diff->restarts.n > 0)
        st = vg_fail(err, VG_E_CONFIG, "needs a restart: %s", text.data);
    vg_buf_done(&text);
    return st;
}

static vg_status plan_chain(struct vg_service *s, struct attempt *a, uint32_t worker,
                            struct vg_err *err)
{
    const struct vg_config_chain now = { &s->layout, s->chain[worker].stage };
    struct vg_layout layout;
    struct vg_config_chain next = { &layout, NULL };
    vg_status st;

    a->stage[worker] = calloc(a->next->stages_n, sizeof(**a->stage));
    VG_CHECK(a->stage[worker] != NULL);
    st = vg_config_plan(a->next, &layout, a->stage[worker], err);
    if (st != VG_OK)
        return st;
    next.stage = a->stage[worker];
    vg_config_compare_columns(&now, &next, a->next->stages_n, &a->diff);
    st = refuse_restarts(&a->diff, err);
    return st == VG_OK ? open_stages(a->stage[worker], a->next->stages_n, err) : st;
}

/* Beside those that run. */
static vg_status make_ready(struct vg_service *s, struct attempt *a, struct vg_err *err)
{
    vg_status st = VG_OK;

    a->stage = calloc(s->workers, sizeof(struct vg_planned_stage *));
    VG_CHECK(a->stage != NULL);
    for (uint32_t w = 0; st == VG_OK && w < s->workers; w++)
        st = plan_chain(s, a, w, err);
    for (uint32_t w = 0; st == VG_OK && w < s->workers; w++) {
        for (uint32_t p = 0; p < s->config->stages_n; p++)
            s->chain[w].node[p].apply.next = (struct vg_apply_next){ a->next, &a->stage[w][p] };
    }
    return st;
}

/* ---- taking over ---- */

static bool is_ending(struct vg_service_reload *r)
{
    bool ending;

    pthread_mutex_lock(&r->lock);
    ending = r->ending;
    pthread_mutex_unlock(&r->lock);
    return ending;
}

static vg_status offer(struct vg_service *s, struct attempt *a, struct vg_err *err)
{
    int64_t until_ns = vg_mono_ns() + TAKEN_NS;
    enum vg_change_state state;

    vg_change_offer(&s->change, a->next);
    while ((state = vg_change_wait(&s->change, LOOK_NS)) != VG_CHANGE_PASSED &&
           state != VG_CHANGE_REFUSED) {
        if ((is_ending(&s->reload) || vg_mono_ns() > until_ns) && vg_change_withdraw(&s->change))
            return vg_fail(err, VG_E_TEMPORARY,
                           "a partition is still being recovered, the disk is full, or the service "
                           "stops; try again later");
    }
    *err = vg_change_close(&s->change);
    return state == VG_CHANGE_PASSED ? VG_OK : err->status;
}

/* The chains use it already; so do all others from now on. */
static void put_in_force(struct vg_service *s, struct attempt *a)
{
    for (uint32_t w = 0; w < s->workers; w++) {
        free_stages(s->chain[w].stage, s->config->stages_n);
        s->chain[w].stage = a->stage[w];
        a->stage[w] = NULL;
    }
    pthread_rwlock_wrlock(&s->shared.config_lock);
    s->shared.in_force = s->observer.what.config = a->next;
    s->shared.generation++;
    vg_watches_change(&s->watches, s->chain[0].stage);
    pthread_rwlock_unlock(&s->shared.config_lock);
    vg_config_free(s->reload.config);
    s->reload.config = a->next;
    a->next = NULL;
}

static vg_status take_over(struct vg_service *s, struct attempt *a, int *ret_what,
                           struct vg_err *err)
{
    vg_status st;

    *ret_what = VG_RELOAD_REFUSED;
    st = vg_config_load(s->config->path, &a->next, &a->said, err);
    if (st != VG_OK)
        return st;
    vg_config_compare(s->shared.in_force, a->next, &a->diff);
    st = refuse_restarts(&a->diff, err);
    if (st == VG_OK && s->options.commands)
        st = vg_fail(err, VG_E_CONFIG, "a run that repeats another one's commands keeps to those");
    if (st != VG_OK)
        return st;
    if (strcmp(a->next->hash, s->shared.in_force->hash) == 0) {
        *ret_what = VG_RELOAD_UNCHANGED;
        return VG_OK;
    }
    st = make_ready(s, a, err);
    if (st == VG_OK)
        st = offer(s, a, err);
    if (st != VG_OK)
        return st;
    put_in_force(s, a);
    *ret_what = VG_RELOAD_CHANGED;
    return VG_OK;
}

static void attempt_done(struct vg_service *s, struct attempt *a)
{
    for (uint32_t w = 0; a->stage && w < s->workers; w++)
        free_stages(a->stage[w], s->config->stages_n);
    free(a->stage);
    vg_config_free(a->next);
    vg_config_diff_done(&a->diff);
    vg_buf_done(&a->said);
}

/* ---- telling ---- */

static void log_lines(const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "\n");

        vg_log(VG_LOG_ERROR, "reload", "%.*s", (int)len, text);
        text += len + (text[len] == '\n');
    }
}

static void log_outcome(const struct vg_reload_outcome *o, const char *changes)
{
    if (o->what == VG_RELOAD_CHANGED)
        vg_log(VG_LOG_INFO, "reload", "generation %u is in force: %s", o->generation, changes);
    else if (o->what == VG_RELOAD_UNCHANGED)
        vg_log(VG_LOG_INFO, "reload", "nothing to take over; generation %u stays", o->generation);
    if (o->what != VG_RELOAD_REFUSED)
        return; /* a start is told elsewhere */
    vg_log(VG_LOG_ERROR, "reload", "refused, generation %u stays: %s", o->generation, o->error);
    log_lines(o->diagnostics);
}

static void tell(struct vg_service *s, const struct attempt *a, int what, const struct vg_err *err)
{
    struct vg_reload_outcome o = { .what = what,
                                   .generation = s->shared.generation,
                                   .path = s->config->path,
                                   .hash = s->shared.in_force->hash,
                                   .began_ns = a->began_ns,
                                   .ended_wall_ns = vg_wall_ns(),
                                   .changes = &a->diff.changes,
                                   .exit =
                                       what == VG_RELOAD_REFUSED ? vg_status_exit(err->status) : 0,
                                   .error = what == VG_RELOAD_REFUSED ? err->msg : "",
                                   .diagnostics = a->said.len ? a->said.data : "" };
    struct vg_reloaded told = { .generation = o.generation,
                                .ok = what != VG_RELOAD_REFUSED,
                                .wall_ns = o.ended_wall_ns };
    struct vg_buf changes = VG_BUF_INIT;
    struct vg_err unwritten;
    char generation[16];

    vg_config_diff_print(o.changes, CHANGES_TOLD, &changes);
    snprintf(told.why, sizeof(told.why), "%s", o.error);
    vg_shared_set_reloaded(&s->shared, &told);
    log_outcome(&o, changes.len ? changes.data : "");
    snprintf(generation, sizeof(generation), "%u", o.generation);
    if (what != VG_RELOAD_STARTED)
        vg_audit_note(s->shared.audit, "configuration", "outcome", vg_reload_what(what),
                      "generation", generation, "config", o.hash, "why",
                      what == VG_RELOAD_REFUSED ? o.error
                      : changes.len             ? changes.data
                                                : "",
                      NULL);
    if (vg_reload_file_write(s->config->service.data_dir, &o, &unwritten) != VG_OK)
        vg_log(VG_LOG_ERROR, "reload", "%s", unwritten.msg);
    vg_buf_done(&changes);
}

/* ---- the thread ---- */

/* False: there is nothing more to do. */
static bool wait_for_request(struct vg_service_reload *r)
{
    bool asked;

    pthread_mutex_lock(&r->lock);
    while (!r->asked && !r->ending)
        pthread_cond_wait(&r->changed, &r->lock);
    asked = r->asked && !r->ending;
    r->asked = false;
    pthread_mutex_unlock(&r->lock);
    return asked;
}

static vg_status run(void *service, struct vg_thread *thread, struct vg_err *err)
{
    struct vg_service *s = service;

    vg_thread_ready(thread);
    while (wait_for_request(&s->reload)) {
        struct attempt a = { .began_ns = vg_mono_ns() };
        int what;

        vg_status st = take_over(s, &a, &what, err);

        VG_CHECK((st == VG_OK) == (what != VG_RELOAD_REFUSED));
        tell(s, &a, what, err);
        attempt_done(s, &a);
    }
    return VG_OK;
}

vg_status vg_service_reload_start(struct vg_service *s, struct vg_err *err)
{
    struct vg_service_reload *r = &s->reload;
    const struct attempt none = { .began_ns = vg_mono_ns() };

    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    tell(s, &none, VG_RELOAD_STARTED, err);
    return vg_thread_start(&r->thread, "reload", run, s, s->wake_fd, err);
}

void vg_service_reload_ask(struct vg_service *s)
{
    pthread_mutex_lock(&s->reload.lock);
    s->reload.asked = true;
    pthread_cond_signal(&s->reload.changed);
    pthread_mutex_unlock(&s->reload.lock);
}

void vg_service_reload_end(struct vg_service *s)
{
    pthread_mutex_lock(&s->reload.lock);
    s->reload.ending = true;
    pthread_cond_signal(&s->reload.changed);
    pthread_mutex_unlock(&s->reload.lock);
}

void vg_service_reload_done(struct vg_service *s)
{
    vg_config_free(s->reload.config);
    pthread_mutex_destroy(&s->reload.lock);
    pthread_cond_destroy(&s->reload.changed);
}
