/* file_book.c - the files of a file sink that are written to: opening, appending, finishing.
 *
 * The files themselves are the memory of what was written: after a crash the cursor in the outbox may
 * be behind them, and their last lines tell which events are there already. A line that the crash cut
 * short is cut off first.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sinks/file_private.h"

void vg_file_close(struct vg_file_book *b)
{
    if (b->is_open)
        close(b->fd);
    b->is_open = false;
    vg_file_keys_done(&b->known);
    vg_buf_clear(&b->batch);
}

/* ---- learning what was written ---- */

/* Cuts off a line that a crash left incomplete. It must look like one of ours (a power failure may
 * also leave zeros): a file that is something else was configured by mistake and stays whole. */
static vg_status cut_torn_line(struct vg_file_book *b, const char *tail, size_t *len,
                               struct vg_err *err)
{
    const char *newline = memrchr(tail, '\n', *len);
    size_t keep = newline ? (size_t)(newline + 1 - tail) : 0;
    size_t torn = *len - keep;

    if (torn == 0)
        return VG_OK;
    if (torn == VG_FILE_TAIL_MAX || (tail[keep] != '{' && tail[keep] != '\0'))
        return vg_fail_option(err, VG_E_CONFIG, "path",
                              "%s does not end in an event: it seems to be another file", b->path);
    if (ftruncate(b->fd, b->size - (off_t)torn) != 0)
        return vg_file_failed(err, "cut an incomplete line off", b->path);
    b->size -= (off_t)torn;
    *len = keep;
    return VG_OK;
}

/* The last `len` bytes of `size`; NULL: see err. */
static char *read_tail(int fd, const char *path, off_t size, size_t len, struct vg_err *err)
{
    char *tail = malloc(len);
    size_t got = 0;

    VG_CHECK(tail);
    while (got < len) {
        ssize_t n = pread(fd, tail + got, len - got, size - (off_t)len + (off_t)got);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            (void)vg_file_failed(err, "read", path);
            free(tail);
            return NULL;
        }
        got += (size_t)n;
    }
    return tail;
}

static size_t tail_of(off_t size, size_t most)
{
    return size < (off_t)most ? (size_t)size : most;
}

/* Brings an existing file into a state to append to, and learns what is in it. */
static vg_status recover(struct vg_file_book *b, struct vg_err *err)
{
    size_t len = tail_of(b->size, VG_FILE_TAIL_MAX);
    char *tail;
    vg_status st;

    if (len == 0)
        return VG_OK;
    tail = read_tail(b->fd, b->path, b->size, len, err);
    if (!tail)
        return err->status;
    st = cut_torn_line(b, tail, &len, err);
    if (st == VG_OK)
        vg_file_keys_learn(&b->known, tail, len);
    free(tail);
    return st;
}

/* Learns from a finished file; *left is how much more is to be looked at, less its size. */
static vg_status learn_plain(struct vg_file_keys *known, const char *path, size_t *left,
                             struct vg_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    size_t len;
    char *tail;

    if (fd < 0 || fstat(fd, &info) != 0) {
        vg_status st = vg_file_failed(err, "open", path);

        if (fd >= 0)
            close(fd);
        return st;
    }
    len = tail_of(info.st_size, *left);
    tail = len > 0 ? read_tail(fd, path, info.st_size, len, err) : NULL;
    close(fd);
    if (!tail)
        return len > 0 ? err->status : VG_OK;
    vg_file_keys_learn(known, tail, len);
    free(tail);
    *left -= len;
    return VG_OK;
}

/* Learns from the finished files of the same day, the newest first. */
static vg_status learn_parts(const struct vg_file *f, struct vg_file_book *b, struct vg_err *err)
{
    struct vg_file_parts parts;
    vg_status st = vg_file_parts_list(f, &parts, err);
    size_t left = VG_FILE_TAIL_MAX - tail_of(b->size, VG_FILE_TAIL_MAX);

    for (size_t i = parts.n; i-- > 0 && left > 0 && st == VG_OK;) {
        const struct vg_file_part *part = &parts.at[i];
        char path[VG_FILE_PATH_SIZE];

        if (part->day != b->day)
            continue;
        vg_file_part_path(f, part, part->plain ? "" : ".zst", path);
        if (part->plain) {
            st = learn_plain(&b->known, path, &left, err);
        } else {
            uint64_t size = vg_file_packed_size(path);

            vg_file_unpack(path, &b->known);
            left -= size < left ? (size_t)size : left;
        }
    }
    vg_file_parts_done(&parts);
    return st;
}

/* ---- opening ---- */

static vg_status open_fd(struct vg_file_book *b, struct vg_err *err)
{
    struct stat info;

    b->fd = open(b->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
    if (b->fd < 0)
        return vg_file_failed(err, "open", b->path);
    b->is_open = true;
    if (fstat(b->fd, &info) != 0)
        return vg_file_failed(err, "inspect", b->path);
    if (!S_ISREG(info.st_mode))
        return vg_fail_option(err, VG_E_CONFIG, "path", "%s is not a regular file", b->path);
    b->size = info.st_size;
    return vg_file_sync_parent(b->path, err);
}

static vg_status open_book(const struct vg_file *f, struct vg_file_book *b, int64_t day,
                           struct vg_err *err)
{
    vg_status st;

    b->day = day;
    vg_file_path(f, day, b->path);
    st = vg_file_make_folders(b->path, err);
    if (st == VG_OK)
        st = open_fd(b, err);
    if (st == VG_OK)
        st = recover(b, err);
    if (st == VG_OK)
        st = learn_parts(f, b, err);
    vg_file_keys_sort(&b->known);
    if (st != VG_OK)
        vg_file_close(b);
    return st;
}

vg_status vg_file_select(struct vg_file *f, int64_t day, struct vg_file_book **ret,
                         struct vg_err *err)
{
    struct vg_file_book *oldest = &f->books[0];
    vg_status st = VG_OK;

    for (size_t i = 0; i < VG_FILE_BOOKS; i++) {
        struct vg_file_book *b = &f->books[i];

        if (b->is_open && b->day == day) {
            *ret = b;
            return VG_OK;
        }
        if (!b->is_open || (oldest->is_open && b->used < oldest->used))
            oldest = b;
    }
    if (oldest->is_open)
        st = vg_file_flush(f, oldest, err);
    if (st != VG_OK)
        return st;
    vg_file_close(oldest);
    *ret = oldest;
    return open_book(f, oldest, day, err);
}

bool vg_file_knows(const struct vg_file_book *b, const struct vg_delivery *event)
{
    struct vg_file_key key = { .number = event->number };

    memcpy(key.episode_id, event->episode_id, sizeof(key.episode_id));
    return vg_file_keys_has(&b->known, &key);
}

/* ---- writing ---- */

vg_status vg_file_flush(const struct vg_file *f, struct vg_file_book *b, struct vg_err *err)
{
    if (b->batch.len > 0 && !vg_file_write_all(b->fd, b->batch.data, b->batch.len))
        return vg_file_failed(err, "write to", b->path);
    if (f->fsync == VG_FILE_FSYNC_BATCH && fdatasync(b->fd) != 0)
        return vg_file_failed(err, "sync", b->path);
    b->size += (off_t)b->batch.len;
    vg_buf_clear(&b->batch);
    return VG_OK;
}

/* The number after the newest of the day. */
static vg_status next_part(const struct vg_file *f, int64_t day, struct vg_file_part *ret,
                           struct vg_err *err)
{
    struct vg_file_parts parts;
    vg_status st = vg_file_parts_list(f, &parts, err);

    *ret = (struct vg_file_part){ .day = day, .number = 1 };
    for (size_t i = 0; i < parts.n; i++) {
        if (parts.at[i].day == day)
            ret->number = parts.at[i].number + 1;
    }
    vg_file_parts_done(&parts);
    return st;
}

vg_status vg_file_finish(struct vg_file *f, struct vg_file_book *b, struct vg_err *err)
{
    struct vg_file_part part;
    char path[VG_FILE_PATH_SIZE];
    vg_status st = vg_file_flush(f, b, err);

    /* Whatever `fsync` says: only a file that is being written may have a torn end. */
    if (st == VG_OK && f->fsync == VG_FILE_FSYNC_NEVER && fdatasync(b->fd) != 0)
        st = vg_file_failed(err, "sync", b->path);
    if (st == VG_OK)
        st = next_part(f, b->day, &part, err);
    if (st != VG_OK)
        return st;
    vg_file_part_path(f, &part, "", path);
    if (rename(b->path, path) != 0)
        return vg_file_failed(err, "finish", b->path);
    f->untidy++;
    close(b->fd);
    b->is_open = false;
    /* What is known stays known. Opening makes the new name durable, too: one folder has both. */
    return open_fd(b, err);
}
