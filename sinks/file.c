/* file.c - appends every event as one line to a file, durably and once.
 *
 * A line is exactly the event's canonical bytes and a newline, so the files of two runs over the
 * same log can be compared with cmp(1).
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sinks/file_private.h"

/* Finished files that may wait for an idle moment, while events come without a pause. */
enum { UNTIDY_MAX = 8 };

static const char *const fsyncs[] = { "batch", "never", NULL };
static const char *const compressions[] = { "none", "zstd", NULL };

static const struct vg_option options[] = {
    VG_OPT_STRING(struct vg_file, path, "path", NULL, VG_OPT_REQUIRED,
                  "The file, relative to service.data_dir; %Y-%m-%d becomes the event's UTC date. "
                  "Missing folders are created."),
    VG_OPT_SIZE(struct vg_file, rotate, "rotate", "0", 0, 1099511627776.0, 0,
                "A file that would become larger is finished: it becomes FILE.000001, FILE.000002 "
                "and so on, the newest with the highest number. 0: never."),
    VG_OPT_ENUM(struct vg_file, compress, "compress", "none", compressions, 0,
                "What becomes of finished files: zstd makes them FILE.000001.zst."),
    VG_OPT_INT(struct vg_file, keep, "keep", "0", 0, 1e6, "", 0,
               "Finished files that are kept; older ones are removed. 0: all. The last 16 MiB of "
               "events stay in any case."),
    VG_OPT_ENUM(struct vg_file, fsync, "fsync", "batch", fsyncs, 0,
                "When events count as delivered. batch: when they are on the disk. never: when the "
                "system has them; a power failure may then lose the newest in this file."),
    VG_OPT_END,
};

struct file {
    struct vg_file files; /* first: the options are in it */
    struct vg_sink_env env;
    char *name;
    bool tidied; /* everything that was to be done when it was looked at last */
};

static vg_status file_check(void *self, struct vg_err *err)
{
    const struct vg_file *f = self;
    size_t n = strlen(f->path);

    if (n == 0 || f->path[n - 1] == '/')
        return vg_fail_option(err, VG_E_CONFIG, "path", "expected the name of a file, got \"%s\"",
                              f->path);
    if (n >= VG_FILE_PATH_SIZE / 2)
        return vg_fail_option(err, VG_E_CONFIG, "path", "longer than %d bytes",
                              VG_FILE_PATH_SIZE / 2 - 1);
    for (const char *at = strchr(f->path, '%'); at; at = strchr(at, '%')) {
        if (strncmp(at, vg_file_date, strlen(vg_file_date)) != 0)
            return vg_fail_option(err, VG_E_CONFIG, "path",
                                  "\"%.8s\": the only sequence with %% is %s, the event's UTC date",
                                  at, vg_file_date);
        at += strlen(vg_file_date);
    }
    if (f->rotate == 0 && !strchr(f->path, '%') &&
        (f->keep > 0 || f->compress != VG_FILE_COMPRESS_NONE))
        return vg_fail_option(err, VG_E_CONFIG, f->keep > 0 ? "keep" : "compress",
                              "no file is ever finished: say `rotate: 64MiB`, or put %s into path",
                              vg_file_date);
    return VG_OK;
}

/* Forgets everything that is not known to be on the disk. After a failed sync the kernel may call
 * the same pages clean: only writing the lines once more tells whether the disk takes them. If the
 * file cannot be cut either, opening it again finds what is in it. */
static void abandon(struct vg_file *f)
{
    for (size_t i = 0; i < VG_FILE_BOOKS; i++) {
        struct vg_file_book *b = &f->books[i];
        int cut = b->is_open && b->batch.len > 0 ? ftruncate(b->fd, b->size) : 0;

        (void)cut;
        vg_file_close(b);
    }
}

static bool is_full(const struct vg_file *f, const struct vg_file_book *b, size_t more)
{
    uint64_t size = (uint64_t)b->size + b->batch.len;

    return f->rotate > 0 && size > 0 && size + more > f->rotate;
}

static vg_status take(struct vg_file *f, const struct vg_delivery *event, struct vg_err *err)
{
    struct vg_file_book *b;
    int64_t day = vg_file_day(f, event->time_ns);
    vg_status st = vg_file_select(f, day, &b, err);

    if (st != VG_OK)
        return st;
    b->used = f->batches;
    if (vg_file_knows(b, event))
        return VG_OK;
    if (is_full(f, b, event->len + 1))
        st = vg_file_finish(f, b, err);
    if (st != VG_OK)
        return st;
    vg_buf_add(&b->batch, event->json, event->len);
    vg_buf_char(&b->batch, '\n');
    if (day > f->newest_day) {
        f->untidy++;
        f->newest_day = day;
    }
    return VG_OK;
}

static vg_status write_batch(struct vg_file *f, const struct vg_delivery *events, size_t n,
                             struct vg_err *err)
{
    vg_status st = VG_OK;

    f->batches++;
    for (size_t i = 0; i < n && st == VG_OK; i++)
        st = take(f, &events[i], err);
    for (size_t i = 0; i < VG_FILE_BOOKS && st == VG_OK; i++) {
        /* Also without a new line: a known one may not have reached the disk before the crash. */
        if (f->books[i].is_open && f->books[i].used == f->batches)
            st = vg_file_flush(f, &f->books[i], err);
    }
    /* Some lines may be written: the files are read again, and those events skipped. */
    if (st != VG_OK)
        abandon(f);
    return st;
}

/* Events go on to the file that is being written whatever becomes of those that are finished: so a
 * failure here is told, and tried again with the next one. */
static void tidy(struct file *s)
{
    struct vg_err err;
    bool ok = vg_file_tidy(&s->files, &err) == VG_OK;

    s->files.untidy = 0;
    s->tidied = true;
    s->env.notify(s->env.ctx, VG_NOTICE_SUBSCRIBER, s->name, ok ? NULL : err.msg);
}

static vg_status file_deliver(void *self, const struct vg_delivery *events, size_t n, size_t *done,
                              struct vg_err *err)
{
    struct file *s = self;
    vg_status st;

    if (s->files.untidy > UNTIDY_MAX)
        tidy(s);
    st = write_batch(&s->files, events, n, err);
    *done = st == VG_OK ? n : 0;
    return st;
}

static void file_serve(void *self, int wake_fd, int timeout_ms)
{
    struct file *s = self;
    struct pollfd p = { .fd = wake_fd, .events = POLLIN };

    if (s->files.untidy > 0 || !s->tidied)
        tidy(s);
    poll(&p, 1, timeout_ms);
}

static vg_status file_open(void *self, const struct vg_sink_env *env, struct vg_err *err)
{
    struct file *s = self;
    struct vg_file *f = &s->files;
    struct vg_buf base = VG_BUF_INIT;
    struct vg_buf fixed = VG_BUF_INIT;
    vg_status st;

    s->env = *env;
    s->name = strdup(env->name);
    VG_CHECK(s->name);
    if (f->path[0] != '/')
        vg_buf_printf(&base, "%s/", env->data_dir);
    f->base = strdup(base.data ? base.data : "");
    VG_CHECK(f->base);
    vg_buf_done(&base);

    /* A folder that cannot be made should stop the start, not wait for the first alert. */
    vg_buf_str(&fixed, f->base);
    vg_buf_add(&fixed, f->path, strcspn(f->path, "%"));
    st = vg_file_make_folders(fixed.data, err);
    vg_buf_done(&fixed);
    return st;
}

static void file_close(void *self)
{
    struct file *s = self;

    for (size_t i = 0; i < VG_FILE_BOOKS; i++) {
        vg_file_close(&s->files.books[i]);
        vg_buf_done(&s->files.books[i].batch);
    }
    free(s->files.base);
    free(s->name);
    s->files.base = s->name = NULL;
}

const struct vg_sink_ops vg_sink_file = {
    .name = "file",
    .summary = "Appends every event as one line of JSON to a file, durably and once.",
    .options = options,
    .self_size = sizeof(struct file),
    .check = file_check,
    .open = file_open,
    .deliver = file_deliver,
    .serve = file_serve,
    .close = file_close,
};
