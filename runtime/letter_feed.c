/* letter_feed.c - from the outbox to where the source writes its dead letters.
 *
 * Nobody waits for a letter: it looks for new ones now and then instead of being woken.
 */
#include "runtime/letter_feed.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "runtime/config.h"
#include "runtime/log.h"

enum { BATCH_BYTES = 4 << 20 };

static const int64_t look_ns = VG_NS_PER_S / 10;
static const int64_t retry_max_ns = 10 * VG_NS_PER_S;
static const int64_t fails_after_ns = 30 * VG_NS_PER_S; /* as that of a sink that says nothing */

static const char name[] = "dead letters";

bool vg_letter_feed_wanted(const struct vg_source_config *source)
{
    return source->ops->letters && source->ops->letters->place(source->self) != NULL;
}

static const char *place(const struct vg_letter_feed *f)
{
    return f->source->ops->letters->place(f->source->self);
}

/* ---- reading ---- */

/* Pointers are offsets until settle(): the buffer may move while it grows. */
static size_t keep(struct vg_letter_feed *f, const void *bytes, size_t n)
{
    size_t at = f->bytes.len;

    vg_buf_add(&f->bytes, n > 0 ? bytes : "", n);
    return at;
}

static vg_status take(void *arg, uint64_t number, const struct vg_dead_letter *letter)
{
    struct vg_letter_feed *f = arg;

    if (f->batched > 0 && f->bytes.len + letter->message.len > BATCH_BYTES)
        return VG_E_AGAIN; /* enough for now */
    f->number[f->batched] = number;
    f->batch[f->batched++] = *letter;
    keep(f, letter->reason, strlen(letter->reason) + 1);
    keep(f, letter->detail, strlen(letter->detail) + 1);
    keep(f, letter->message.value, letter->message.len);
    keep(f, letter->message.key, letter->message.key_len);
    keep(f, letter->headers, letter->headers_len);
    return VG_OK;
}

static void settle(struct vg_letter_feed *f)
{
    const char *at = f->bytes.data;

    for (size_t i = 0; i < f->batched; i++) {
        struct vg_dead_letter *l = &f->batch[i];

        l->reason = at;
        l->detail = l->reason + strlen(l->reason) + 1;
        l->message.value = (const uint8_t *)l->detail + strlen(l->detail) + 1;
        at = (const char *)l->message.value + l->message.len;
        l->message.key = l->message.key_len > 0 ? (const uint8_t *)at : NULL;
        at += l->message.key_len;
        l->headers = at;
        at += l->headers_len;
    }
}

static vg_status fill(struct vg_letter_feed *f, struct vg_err *err)
{
    vg_status st;

    f->batched = 0;
    vg_buf_clear(&f->bytes);
    st = vg_letters_out(f->letters, atomic_load(&f->delivered), VG_LETTERS_MAX, take, f, err);
    settle(f);
    return st == VG_E_AGAIN ? VG_OK : st;
}

/* ---- trouble ---- */

static void notify(struct vg_letter_feed *f, const char *text)
{
    if (vg_notices_set(&f->shared->notices, VG_NOTICE_SINK_FAILING, name, text) && text)
        vg_log(VG_LOG_WARN, name, "%s", text);
}

static void works(struct vg_letter_feed *f)
{
    f->failures = 0;
    if (f->failing_ns == 0)
        return;
    f->failing_ns = 0;
    vg_shared_trouble(f->shared, VG_TROUBLE_LETTERS, "");
    vg_log(VG_LOG_INFO, name, "are written again");
    notify(f, NULL);
}

static void failed(struct vg_letter_feed *f, const struct vg_err *err)
{
    int64_t now_ns = vg_mono_ns();

    if (f->failing_ns == 0) {
        f->failing_ns = now_ns;
        vg_shared_trouble(f->shared, VG_TROUBLE_LETTERS, "dead letters are not written");
        vg_log(VG_LOG_ERROR, name, "%s; trying again", err->msg);
    }
    if (now_ns - f->failing_ns >= fails_after_ns)
        notify(f, "dead letters have not been written for 30 s; they wait");
}

static void off(struct vg_letter_feed *f, const struct vg_err *err)
{
    vg_shared_trouble(f->shared, VG_TROUBLE_LETTERS, "dead letters are not written");
    notify(f, "dead letters are not written until Vigil is started again");
    vg_log(VG_LOG_ERROR, name, "not written until the next start: %s", err->msg);
}

/* ---- writing ---- */

static vg_status write_batch(struct vg_letter_feed *f, struct vg_err *err)
{
    const struct vg_letter_ops *ops = f->source->ops->letters;
    size_t done = 0;
    vg_status st = ops->write(f->writer, f->batch, f->batched, &done, err);

    if (vg_status_class(st) == VG_CLASS_DATA) {
        VG_CHECK(done < f->batched);
        vg_log(VG_LOG_ERROR, name, "partition %u offset %lld only stays in the outbox: %s",
               f->batch[done].shard, (long long)f->batch[done].offset, err->msg);
        done++;
        st = VG_OK;
    }
    if (done > 0) {
        atomic_store(&f->delivered, f->number[done - 1]);
        works(f);
    }
    return st;
}

/* Between attempts, unless the service is to end at once. */
static void wait_again(struct vg_letter_feed *f)
{
    int64_t wait_ns = look_ns << (f->failures < 10 ? f->failures : 10);

    f->failures++;
    vg_thread_sleep(wait_ns < retry_max_ns ? wait_ns : retry_max_ns);
}

/* Whatever waits; *ret_none when nothing does. */
static vg_status step(struct vg_letter_feed *f, bool *ret_none, struct vg_err *err)
{
    vg_status st = fill(f, err);

    *ret_none = st == VG_OK && f->batched == 0;
    if (st == VG_OK && f->batched > 0)
        st = write_batch(f, err);
    if (vg_status_class(st) != VG_CLASS_RETRY)
        return st;
    failed(f, err);
    wait_again(f);
    return VG_OK;
}

static vg_status open_feed(struct vg_letter_feed *f, struct vg_err *err)
{
    struct vg_outbox_reader *reader = NULL;
    uint64_t cursor = 0;
    vg_status st = vg_outbox_reader_open(f->outbox, &reader, err);

    if (st == VG_OK)
        st = vg_outbox_cursor(reader, VG_LETTERS_CURSOR, &cursor, err);
    vg_outbox_reader_close(reader);
    if (st == VG_OK)
        st = vg_letters_open(f->outbox, &f->letters, err);
    if (st == VG_OK)
        st = f->source->ops->letters->open(f->source->self, &f->writer, err);
    f->stored = f->storing = cursor;
    atomic_store(&f->delivered, cursor);
    return st;
}

static vg_status run(struct vg_letter_feed *f, struct vg_err *err)
{
    vg_status st = VG_OK;
    bool finish = false, none = false;

    /* What was committed before `finish` was set is looked for once more after it. */
    while (st == VG_OK && !(finish && none)) {
        if (none)
            vg_thread_sleep(look_ns);
        finish = atomic_load(&f->finish);
        st = step(f, &none, err);
    }
    return st;
}

vg_status vg_letter_feed_run(void *feed, struct vg_thread *thread, struct vg_err *err)
{
    struct vg_letter_feed *f = feed;
    vg_status st = open_feed(f, err);

    if (st == VG_OK) {
        vg_log(VG_LOG_INFO, name, "go to %s, too", place(f));
        vg_thread_ready(thread);
        st = run(f, err);
        if (st != VG_OK)
            off(f, err);
    }
    if (f->writer)
        f->source->ops->letters->close(f->writer);
    vg_letters_close(f->letters);
    vg_buf_done(&f->bytes);
    return st;
}
