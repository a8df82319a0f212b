/* file.c - appends every event as one line to a file, durably and once.
 *
 * A line is exactly the event's canonical bytes and a newline, so the files of two runs over the
 * same log can be compared with cmp(1). The file itself is the memory of what was written: after
 * a crash the cursor in the outbox may be behind the file, and the tail of the file tells which
 * events are in it already. A line that the crash cut short is cut off first.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "core/sink.h"

static const char date_pattern[] = "%Y-%m-%d";

enum {
    DATE_SIZE = 11,
    S_PER_DAY = 86400,
    PATH_SIZE = 4096,
    EVENT_ID_SIZE = VG_EPISODE_TEXT_SIZE - 1,
    /* How far back a file is searched for redelivered events: some 20,000 of them. The cursor lags
     * by one batch, so this is orders of magnitude more than a crash can leave. */
    TAIL_MAX = 16 << 20,
    /* Days whose files are open at a time: shards may be at different days of a replay. */
    BOOKS = 8,
};

/* Identity of an event: what "event_id" says, in binary. */
struct event_key {
    uint8_t episode_id[16];
    uint32_t number;
};

/* A file that is open for appending. */
struct book {
    bool is_open;
    int fd;
    int64_t day;             /* since 1970; 0 when the path has no date */
    uint64_t used;           /* when, in batches, for eviction */
    off_t size;              /* of the complete lines */
    struct event_key *known; /* events in its tail when it was opened, sorted */
    size_t known_n;
    struct vg_buf batch; /* lines still to write */
    char path[PATH_SIZE];
};

struct file {
    char *path; /* option */
    bool fsync; /* option */

    char *base; /* "<data_dir>/", or "" when path is absolute */
    uint64_t batches;
    struct book books[BOOKS];
};

static const struct vg_option options[] = {
    VG_OPT_STRING(struct file, path, "path", NULL, VG_OPT_REQUIRED,
                  "The file, relative to service.data_dir; %Y-%m-%d becomes the event's UTC date. "
                  "Missing folders are created."),
    VG_OPT_BOOL(struct file, fsync, "fsync", "true", 0,
                "Whether an event counts as delivered only when it is on the disk."),
    VG_OPT_END,
};

static vg_status file_check(void *self, struct vg_err *err)
{
    const struct file *f = self;
    size_t n = strlen(f->path);

    if (n == 0 || f->path[n - 1] == '/')
        return vg_fail_option(err, VG_E_CONFIG, "path", "expected the name of a file, got \"%s\"",
                              f->path);
    if (n >= PATH_SIZE / 2)
        return vg_fail_option(err, VG_E_CONFIG, "path", "longer than %d bytes", PATH_SIZE / 2 - 1);
    for (const char *at = strchr(f->path, '%'); at; at = strchr(at, '%')) {
        if (strncmp(at, date_pattern, strlen(date_pattern)) != 0)
            return vg_fail_option(err, VG_E_CONFIG, "path",
                                  "\"%.8s\": the only sequence with %% is %s, the event's UTC date",
                                  at, date_pattern);
        at += strlen(date_pattern);
    }
    return VG_OK;
}

static vg_status failed(struct vg_err *err, const char *what, const char *path)
{
    /* Also a full or failing disk is RETRY: someone may make room, and no event is lost meanwhile,
     * because the outbox keeps it. */
    return vg_fail(err, VG_E_TEMPORARY, "cannot %s %s: %s", what, path, strerror(errno));
}

static int64_t day_of(const struct file *f, int64_t time_ns)
{
    return strchr(f->path, '%') ? time_ns / (S_PER_DAY * VG_NS_PER_S) : 0;
}

static void add_date(int64_t day, struct vg_buf *out)
{
    time_t s = (time_t)(day * S_PER_DAY);
    struct tm tm;
    char date[DATE_SIZE];

    gmtime_r(&s, &tm);
    strftime(date, sizeof(date), date_pattern, &tm);
    vg_buf_str(out, date);
}

static void expand_path(const struct file *f, int64_t day, char path[PATH_SIZE])
{
    struct vg_buf out = VG_BUF_INIT;
    const char *rest = f->path;

    vg_buf_str(&out, f->base);
    for (const char *at = strchr(rest, '%'); at; at = strchr(rest, '%')) {
        vg_buf_add(&out, rest, (size_t)(at - rest));
        add_date(day, &out);
        rest = at + strlen(date_pattern);
    }
    vg_buf_str(&out, rest);
    snprintf(path, PATH_SIZE, "%s", out.data);
    vg_buf_done(&out);
}

/* Makes the entry of `path` in its folder durable. */
static vg_status sync_parent(const char *path, struct vg_err *err)
{
    char folder[PATH_SIZE];
    char *slash;
    int fd;
    bool ok;

    snprintf(folder, sizeof(folder), "%s", path);
    slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = '\0';
    else
        snprintf(folder, sizeof(folder), ".");
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return failed(err, "open folder", folder);
    ok = fsync(fd) == 0;
    close(fd);
    return ok ? VG_OK : failed(err, "sync folder", folder);
}

static vg_status make_folder(const char *folder, struct vg_err *err)
{
    struct stat info;

    if (mkdir(folder, 0700) == 0)
        return sync_parent(folder, err);
    if (errno != EEXIST)
        return failed(err, "create folder", folder);
    if (stat(folder, &info) == 0 && !S_ISDIR(info.st_mode))
        return vg_fail_option(err, VG_E_CONFIG, "path", "%s is not a folder", folder);
    return VG_OK;
}

/* Creates the missing folders above `path`. */
static vg_status make_folders(const char *path, struct vg_err *err)
{
    char folder[PATH_SIZE];
    vg_status st = VG_OK;

    snprintf(folder, sizeof(folder), "%s", path);
    for (char *slash = strchr(folder + 1, '/'); slash && st == VG_OK;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        st = make_folder(folder, err);
        *slash = '/';
    }
    return st;
}

static void close_book(struct book *b)
{
    if (b->is_open)
        close(b->fd);
    b->is_open = false;
    free(b->known);
    b->known = NULL;
    b->known_n = 0;
    vg_buf_clear(&b->batch);
}

static int compare_keys(const void *a, const void *b)
{
    const struct event_key *x = a;
    const struct event_key *y = b;
    int order = memcmp(x->episode_id, y->episode_id, sizeof(x->episode_id));

    return order ? order : (x->number > y->number) - (x->number < y->number);
}

/* Reads the key from the start of a line: {"event_id":"<32 digits>.<n>" */
static bool line_key(const char *line, size_t len, struct event_key *ret)
{
    static const char start[] = "{\"event_id\":\"";
    char text[EVENT_ID_SIZE + 1];
    char digits[12];
    size_t n = 0;

    if (len < sizeof(start) + EVENT_ID_SIZE + 3 || memcmp(line, start, sizeof(start) - 1) != 0)
        return false;
    line += sizeof(start) - 1;
    len -= sizeof(start) - 1;
    memcpy(text, line, EVENT_ID_SIZE);
    text[EVENT_ID_SIZE] = '\0';
    if (!vg_episode_parse(text, ret->episode_id) || line[EVENT_ID_SIZE] != '.')
        return false;
    for (size_t i = EVENT_ID_SIZE + 1; i < len && n < sizeof(digits) - 1 && line[i] != '"'; i++)
        digits[n++] = line[i];
    digits[n] = '\0';
    ret->number = (uint32_t)strtoul(digits, NULL, 10);
    return n > 0;
}

/* Remembers the events of the complete lines in `tail`. */
static void learn_lines(struct book *b, const char *tail, size_t len)
{
    size_t cap = 0;

    while (len > 0) {
        const char *newline = memchr(tail, '\n', len);
        size_t n = newline ? (size_t)(newline - tail) : len;

        if (b->known_n == cap) {
            cap = cap ? 2 * cap : 256;
            b->known = realloc(b->known, cap * sizeof(b->known[0]));
            VG_CHECK(b->known);
        }
        b->known_n += line_key(tail, n, &b->known[b->known_n]);
        tail += newline ? n + 1 : n;
        len -= newline ? n + 1 : n;
    }
    if (b->known_n)
        qsort(b->known, b->known_n, sizeof(b->known[0]), compare_keys);
}

/* Cuts off a line that a crash left incomplete. It must look like one of ours (a power failure may
 * also leave zeros): a file that is something else was configured by mistake and stays whole. */
static vg_status cut_torn_line(struct book *b, const char *tail, size_t *len, struct vg_err *err)
{
    const char *newline = memrchr(tail, '\n', *len);
    size_t keep = newline ? (size_t)(newline + 1 - tail) : 0;
    size_t torn = *len - keep;

    if (torn == 0)
        return VG_OK;
    if ((off_t)torn == TAIL_MAX || (tail[keep] != '{' && tail[keep] != '\0'))
        return vg_fail_option(err, VG_E_CONFIG, "path",
                              "%s does not end in an event: it seems to be another file", b->path);
    if (ftruncate(b->fd, b->size - (off_t)torn) != 0)
        return failed(err, "cut an incomplete line off", b->path);
    b->size -= (off_t)torn;
    *len = keep;
    return VG_OK;
}

static vg_status read_tail(struct book *b, char *tail, size_t len, struct vg_err *err)
{
    off_t from = b->size - (off_t)len;

    for (size_t got = 0; got < len;) {
        ssize_t n = pread(b->fd, tail + got, len - got, from + (off_t)got);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return failed(err, "read", b->path);
        got += (size_t)n;
    }
    return VG_OK;
}

/* Brings an existing file into a state to append to, and learns what is in it. */
static vg_status recover(struct book *b, struct vg_err *err)
{
    size_t len = b->size < TAIL_MAX ? (size_t)b->size : TAIL_MAX;
    char *tail;
    vg_status st;

    if (len == 0)
        return VG_OK;
    tail = malloc(len);
    VG_CHECK(tail);
    st = read_tail(b, tail, len, err);
    if (st == VG_OK)
        st = cut_torn_line(b, tail, &len, err);
    if (st == VG_OK)
        learn_lines(b, tail, len);
    free(tail);
    return st;
}

static vg_status open_fd(struct book *b, struct vg_err *err)
{
    struct stat info;
    vg_status st;

    b->fd = open(b->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
    if (b->fd < 0)
        return failed(err, "open", b->path);
    b->is_open = true;
    if (fstat(b->fd, &info) != 0)
        return failed(err, "inspect", b->path);
    if (!S_ISREG(info.st_mode))
        return vg_fail_option(err, VG_E_CONFIG, "path", "%s is not a regular file", b->path);
    b->size = info.st_size;
    st = sync_parent(b->path, err);
    return st == VG_OK ? recover(b, err) : st;
}

static vg_status open_book(const struct file *f, struct book *b, int64_t day, struct vg_err *err)
{
    vg_status st;

    b->day = day;
    expand_path(f, day, b->path);
    st = make_folders(b->path, err);
    if (st == VG_OK)
        st = open_fd(b, err);
    if (st != VG_OK)
        close_book(b);
    return st;
}

static bool write_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t w = write(fd, bytes, n);

        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return false;
        bytes += w;
        n -= (size_t)w;
    }
    return true;
}

/* Appends the batch and makes it durable. */
static vg_status flush_book(const struct file *f, struct book *b, struct vg_err *err)
{
    if (b->batch.len > 0 && !write_all(b->fd, b->batch.data, b->batch.len))
        return failed(err, "write to", b->path);
    if (f->fsync && fdatasync(b->fd) != 0)
        return failed(err, "sync", b->path);
    b->size += (off_t)b->batch.len;
    vg_buf_clear(&b->batch);
    return VG_OK;
}

/* Forgets everything that is not known to be on the disk. After a failed sync the kernel may call
 * the same pages clean: only writing the lines once more tells whether the disk takes them. If the
 * file cannot be cut either, opening it again finds what is in it. */
static void abandon(struct file *f)
{
    for (size_t i = 0; i < BOOKS; i++) {
        struct book *b = &f->books[i];
        int cut = b->is_open && b->batch.len > 0 ? ftruncate(b->fd, b->size) : 0;

        (void)cut;
        close_book(b);
    }
}

/* The open book of `day`; the one used longest ago makes room for a new one. */
static vg_status select_book(struct file *f, int64_t day, struct book **ret, struct vg_err *err)
{
    struct book *oldest = &f->books[0];
    vg_status st = VG_OK;

    for (size_t i = 0; i < BOOKS; i++) {
        struct book *b = &f->books[i];

        if (b->is_open && b->day == day) {
            *ret = b;
            return VG_OK;
        }
        if (!b->is_open || (oldest->is_open && b->used < oldest->used))
            oldest = b;
    }
    if (oldest->is_open)
        st = flush_book(f, oldest, err);
    if (st != VG_OK)
        return st;
    close_book(oldest);
    *ret = oldest;
    return open_book(f, oldest, day, err);
}

static bool is_known(const struct book *b, const struct vg_delivery *event)
{
    struct event_key key = { .number = event->number };

    if (b->known_n == 0)
        return false;
    memcpy(key.episode_id, event->episode_id, sizeof(key.episode_id));
    return bsearch(&key, b->known, b->known_n, sizeof(key), compare_keys) != NULL;
}

static vg_status take(struct file *f, const struct vg_delivery *event, struct vg_err *err)
{
    struct book *b;
    vg_status st = select_book(f, day_of(f, event->time_ns), &b, err);

    if (st != VG_OK)
        return st;
    b->used = f->batches;
    if (!is_known(b, event)) {
        vg_buf_add(&b->batch, event->json, event->len);
        vg_buf_char(&b->batch, '\n');
    }
    return VG_OK;
}

static vg_status file_deliver(void *self, const struct vg_delivery *events, size_t n, size_t *done,
                              struct vg_err *err)
{
    struct file *f = self;
    vg_status st = VG_OK;

    *done = 0;
    f->batches++;
    for (size_t i = 0; i < n && st == VG_OK; i++)
        st = take(f, &events[i], err);
    for (size_t i = 0; i < BOOKS && st == VG_OK; i++) {
        /* Also without a new line: a known one may not have reached the disk before the crash. */
        if (f->books[i].is_open && f->books[i].used == f->batches)
            st = flush_book(f, &f->books[i], err);
    }
    if (st != VG_OK) {
        /* Some lines may be written: the files are read again, and those events skipped. */
        abandon(f);
        return st;
    }
    *done = n;
    return VG_OK;
}

static vg_status file_open(void *self, const struct vg_sink_env *env, struct vg_err *err)
{
    struct file *f = self;
    struct vg_buf base = VG_BUF_INIT;
    struct vg_buf fixed = VG_BUF_INIT;
    vg_status st;

    if (f->path[0] != '/')
        vg_buf_printf(&base, "%s/", env->data_dir);
    f->base = strdup(base.data ? base.data : "");
    VG_CHECK(f->base);
    vg_buf_done(&base);

    /* A folder that cannot be made should stop the start, not wait for the first alert. */
    vg_buf_str(&fixed, f->base);
    vg_buf_add(&fixed, f->path, strcspn(f->path, "%"));
    st = make_folders(fixed.data, err);
    vg_buf_done(&fixed);
    return st;
}

static void file_close(void *self)
{
    struct file *f = self;

    for (size_t i = 0; i < BOOKS; i++) {
        close_book(&f->books[i]);
        vg_buf_done(&f->books[i].batch);
    }
    free(f->base);
    f->base = NULL;
}

const struct vg_sink_ops vg_sink_file = {
    .name = "file",
    .summary = "Appends every event as one line of JSON to a file, durably and once.",
    .options = options,
    .self_size = sizeof(struct file),
    .check = file_check,
    .open = file_open,
    .deliver = file_deliver,
    .close = file_close,
};
