/* feed.c - from the outbox to one sink. */
#include "runtime/feed.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "core/clock.h"
#include "runtime/log.h"

enum { BATCH = 256, WAIT_MS = 250 };

/* ---- what is to be delivered ---- */

static vg_status take(void *arg, const struct vg_delivery *event)
{
    struct vg_feed *f = arg;
    struct vg_delivery *to = &f->batch[f->batched++];

    *to = *event;
    to->repeat = event->seq <= f->old_seq;
    /* settle() says where they are: the buffer may move while it grows. */
    to->json = to->ward = NULL;
    vg_buf_add(&f->bytes, event->json, event->len + 1);
    vg_buf_add(&f->bytes, event->ward, strlen(event->ward) + 1);
    return VG_OK;
}

static void settle(struct vg_feed *f)
{
    const char *at = f->bytes.data;

    for (uint32_t i = 0; i < f->batched; i++) {
        f->batch[i].json = at;
        f->batch[i].ward = at + f->batch[i].len + 1;
        at = f->batch[i].ward + strlen(f->batch[i].ward) + 1;
    }
}

static vg_status fill(struct vg_feed *f, uint64_t after, size_t max, struct vg_err *err)
{
    vg_status st;

    f->batched = 0;
    vg_buf_clear(&f->bytes);
    st = vg_outbox_read(f->reader, NULL, after, max, take, f, err);
    settle(f);
    return st;
}

/* Leaves in the batch what the sink is to have. */
static void choose(struct vg_feed *f)
{
    const struct vg_delivery_options *o = &f->config->delivery;
    const struct vg_site *site = &vg_shared_look_at_config(f->shared)->site;
    int64_t now_ns = vg_wall_ns();
    uint32_t n = 0;

    f->left_n = f->left_done = 0;
    for (uint32_t i = 0; i < f->batched; i++) {
        const struct vg_delivery *event = &f->batch[i];
        bool takes = vg_delivery_takes(o, site, event);

        if (takes && !vg_delivery_old(o, site, event, now_ns))
            f->batch[n++] = *event;
        else
            f->left[f->left_n++] =
                (struct vg_left_out){ event->seq, .old = takes,
                                      .urgent = event->priority == VG_PRIORITY_HIGH };
    }
    vg_shared_leave_config(f->shared);
    f->batched = n;
}

/* Moves the cursor. What was left out counts only now: behind an event that fails it is looked at again
 * with each attempt, and what was new at the first is old at a later one. */
static void move_to(struct vg_feed *f, uint64_t cursor)
{
    for (; f->left_done < f->left_n && f->left[f->left_done].seq <= cursor; f->left_done++) {
        const struct vg_left_out *event = &f->left[f->left_done];

        atomic_fetch_add(event->old ? &f->figures.passed_over : &f->figures.filtered, 1);
        if (event->old)
            vg_feed_passed_over(f, event);
    }
    vg_feed_look_passed(f, vg_mono_ns());
    atomic_store(&f->delivered, cursor);
}

/* ---- delivering ---- */

static void set_aside(struct vg_feed *f, const struct vg_delivery *event,
                      enum vg_letter_state state, const char *reason)
{
    struct vg_set_aside what = { .seq = event->seq, .wall_ns = vg_wall_ns(), .state = state };

    snprintf(what.reason, sizeof(what.reason), "%s", reason);
    vg_refusals_add(&f->refusals, &what);
    if (state == VG_LETTER_DONE)
        return;
    atomic_fetch_add(&f->figures.quarantined, 1);
    vg_log(VG_LOG_ERROR, f->config->name, "event %llu is refused and set aside: %s",
           (unsigned long long)event->seq, reason);
    if (event->priority == VG_PRIORITY_HIGH)
        vg_feed_not_delivered(f);
}

static void accepted(struct vg_feed *f, size_t n)
{
    int64_t now_ns = vg_wall_ns();

    for (size_t i = 0; i < n; i++)
        vg_delivery_accepted(&f->figures, &f->batch[i], now_ns);
    if (n > 0)
        vg_log(VG_LOG_DEBUG, f->config->name, "accepted %llu to %llu at %lld",
               (unsigned long long)f->batch[0].seq, (unsigned long long)f->batch[n - 1].seq,
               (long long)now_ns);
}

static uint64_t next_random(struct vg_feed *f)
{
    f->random ^= f->random << 13;
    f->random ^= f->random >> 7;
    f->random ^= f->random << 17;
    return f->random;
}

static void back_off(struct vg_feed *f, const struct vg_err *err)
{
    atomic_fetch_add(&f->figures.retried, 1);
    f->next_ns =
        vg_mono_ns() + vg_delivery_wait_ns(&f->config->delivery, ++f->failures, next_random(f));
    vg_feed_failed(f, err);
}

/* Gives the batch to the sink; *ret_done are done with, accepted or set aside. */
static vg_status give(struct vg_feed *f, size_t *ret_done, struct vg_err *err)
{
    size_t done = 0;
    vg_status st = f->config->ops->deliver(f->config->self, f->batch, f->batched, &done, err);

    VG_CHECK(done <= f->batched && (st != VG_OK || done == f->batched));
    accepted(f, done);
    if (st != VG_OK)
        atomic_store(&f->figures.last_error, (int)st);
    if (vg_status_class(st) == VG_CLASS_DATA) {
        VG_CHECK(done < f->batched);
        set_aside(f, &f->batch[done++], VG_LETTER_KEPT, err->msg);
        st = VG_OK;
    }
    *ret_done = done;
    if (done > 0) {
        f->failures = 0;
        f->next_ns = 0;
        vg_feed_works(f);
    }
    if (vg_status_class(st) == VG_CLASS_RETRY) {
        back_off(f, err);
        st = VG_OK;
    }
    return st;
}

/* Delivers what is behind the cursor; *ret_more: there may be more at once. */
static vg_status deliver(struct vg_feed *f, bool *ret_more, struct vg_err *err)
{
    uint64_t cursor = atomic_load(&f->delivered), last;
    size_t done = 0;
    vg_status st;

    *ret_more = false;
    if (cursor >= atomic_load(&f->shared->committed_seq) || vg_refusals_full(&f->refusals))
        return VG_OK;
    st = fill(f, cursor, BATCH, err);
    if (st != VG_OK || f->batched == 0)
        return st;
    last = f->batch[f->batched - 1].seq;
    choose(f);
    /* What lies before the first that is left was left out. */
    move_to(f, f->batched > 0 ? f->batch[0].seq - 1 : last);
    if (f->batched > 0) {
        atomic_store(&f->figures.oldest_wall_ns, f->batch[0].wall_ns);
        st = give(f, &done, err);
        move_to(f, done < f->batched ? f->batch[done].seq - 1 : last);
    }
    if (done == f->batched)
        atomic_store(&f->figures.oldest_wall_ns, 0);
    *ret_more = st == VG_OK && f->next_ns == 0;
    return st;
}

/* ---- what somebody asked to try again ---- */

/* Neither the filter nor max_age leaves it out: somebody has looked at it. */
static vg_status deliver_again(struct vg_feed *f, uint64_t seq, struct vg_err *err)
{
    const struct vg_delivery gone = { .seq = seq, .priority = VG_PRIORITY_NONE };
    size_t done = 0;
    vg_status st = fill(f, seq - 1, 1, err);

    if (st != VG_OK)
        return st;
    if (f->batched == 0 || f->batch[0].seq != seq) {
        set_aside(f, &gone, VG_LETTER_KEPT, "the outbox no longer has it");
        return VG_OK;
    }
    f->batch[0].repeat = true;
    st = give(f, &done, err);
    if (st == VG_OK && done == 1 && !vg_refusals_has(&f->refusals, seq))
        set_aside(f, &f->batch[0], VG_LETTER_DONE, "");
    return st;
}

static vg_status deliver_asked(struct vg_feed *f, struct vg_err *err)
{
    uint64_t seq[VG_REFUSALS_MAX / 2];
    size_t n = 0;
    vg_status st;

    /* Until the newest answers are stored it would be asked again. */
    if (vg_refusals_wait(&f->refusals))
        return VG_OK;
    st = vg_letters_asked(f->letters, f->config->name, seq, VG_ARRAY_LEN(seq), &n, err);
    for (size_t i = 0; i < n && st == VG_OK && f->next_ns == 0; i++)
        st = deliver_again(f, seq[i], err);
    return st;
}

/* ---- the loop ---- */

static void wait(struct vg_feed *f)
{
    int64_t left_ms = (f->next_ns - vg_mono_ns()) / VG_NS_PER_MS + 1;
    int timeout_ms =
        f->next_ns > 0 && left_ms < WAIT_MS ? (int)(left_ms > 1 ? left_ms : 1) : WAIT_MS;
    uint64_t count;

    if (f->config->ops->serve) {
        f->config->ops->serve(f->config->self, f->wake_fd, timeout_ms);
    } else {
        struct pollfd p = { .fd = f->wake_fd, .events = POLLIN };

        poll(&p, 1, timeout_ms);
    }
    if (read(f->wake_fd, &count, sizeof(count)) < 0) {
        /* Nothing woke it: the time was up. */
    }
}

static void reload_when_asked(struct vg_feed *f)
{
    uint32_t asked = atomic_load(&f->shared->reloads);
    struct vg_err err;

    if (f->reloads == asked || !f->config->ops->reload)
        return;
    f->reloads = asked;
    if (f->config->ops->reload(f->config->self, &err) != VG_OK)
        vg_log(VG_LOG_ERROR, f->config->name, "reload: %s", err.msg);
}

static bool finished(struct vg_feed *f)
{
    return atomic_load(&f->finish) &&
           atomic_load(&f->delivered) >= atomic_load(&f->shared->committed_seq);
}

/* What is done now and then: letters, and what is said of trouble. */
static vg_status see_to(struct vg_feed *f, int64_t now_ns, struct vg_err *err)
{
    if (now_ns - f->seen_ns < VG_NS_PER_S)
        return VG_OK;
    f->seen_ns = now_ns;
    vg_feed_look(f, now_ns);
    return f->next_ns == 0 ? deliver_asked(f, err) : VG_OK;
}

static vg_status step(struct vg_feed *f, struct vg_err *err)
{
    int64_t now_ns = vg_mono_ns();
    bool more = false;
    vg_status st = VG_OK;

    reload_when_asked(f);
    if (f->next_ns <= now_ns) {
        f->next_ns = 0;
        st = deliver(f, &more, err);
    }
    if (st == VG_OK)
        st = see_to(f, now_ns, err);
    if (vg_status_class(st) == VG_CLASS_RETRY) {
        /* The outbox cannot be read just now, which is no fault of the sink's: give() has its own. */
        back_off(f, err);
        st = VG_OK;
        more = false;
    }
    if (st == VG_OK && !more)
        wait(f);
    return st;
}

static vg_status open_feed(struct vg_feed *f, struct vg_err *err)
{
    struct vg_sink_env env;
    uint64_t oldest, cursor;
    vg_status st;

    vg_feed_env(f, &env);
    f->batch = calloc(BATCH, sizeof(*f->batch));
    f->left = calloc(BATCH, sizeof(*f->left));
    VG_CHECK(f->batch != NULL && f->left != NULL);
    if (getrandom(&f->random, sizeof(f->random), 0) < 0 || f->random == 0)
        f->random = (uint64_t)vg_mono_ns() | 1;
    st = vg_outbox_reader_open(f->outbox, &f->reader, err);
    if (st == VG_OK)
        st = vg_letters_open(f->outbox, &f->letters, err);
    if (st == VG_OK)
        st = vg_outbox_extent(f->reader, NULL, &f->old_seq, &oldest, err);
    if (st == VG_OK)
        st = vg_outbox_cursor(f->reader, f->config->name, &cursor, err);
    if (st == VG_OK)
        st = vg_feed_load_passed(f, err);
    if (st != VG_OK)
        return st;
    f->stored = f->storing = cursor;
    atomic_store(&f->delivered, cursor);
    return f->config->ops->open(f->config->self, &env, err);
}

static vg_status run(struct vg_feed *f, struct vg_err *err)
{
    vg_status st = VG_OK;

    while (st == VG_OK && !finished(f))
        st = step(f, err);
    if (st != VG_OK)
        vg_feed_off(f, err);
    return st;
}

vg_status vg_feed_run(void *feed, struct vg_thread *thread, struct vg_err *err)
{
    struct vg_feed *f = feed;
    vg_status st;

    f->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    VG_CHECK(f->wake_fd >= 0);
    vg_shared_add_wake(f->shared, f->wake_fd);
    st = open_feed(f, err);
    if (st == VG_OK) {
        vg_thread_ready(thread);
        st = run(f, err);
    }
    f->config->ops->close(f->config->self);
    vg_outbox_reader_close(f->reader);
    vg_letters_close(f->letters);
    vg_buf_done(&f->bytes);
    free(f->batch);
    free(f->left);
    return st;
}
