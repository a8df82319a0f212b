/* space.c - what the committer does about a disk that is full, or that cannot be written any more. */
#include "runtime/space.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "runtime/log.h"
#include "runtime/thread.h"

/* A technical event and its indices take some 2 KiB; each may come in a transaction of its own, and
 * SQLite's journal grows to 4 MiB of those before it begins again. */
enum { RESERVE_BYTES = 8 << 20 };

static const char full_text[] =
    "the disk of Vigil's data is full: nothing more is read until there "
    "is space";
static const char read_only_text[] =
    "the disk of Vigil's data is read-only: nothing more is read until it can be written";

/* Returns an errno. */
static int take(struct vg_space *s)
{
    int fd = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int code;

    if (fd < 0)
        return errno;
    code = posix_fallocate(fd, 0, RESERVE_BYTES);
    close(fd);
    if (code != 0)
        unlink(s->path);
    s->held = code == 0;
    s->had = s->had || s->held;
    return code;
}

void vg_space_init(struct vg_space *s, struct vg_shared *shared)
{
    int code;

    *s = (struct vg_space){ .shared = shared };
    if (asprintf(&s->path, "%s/reserve", shared->config->service.data_dir) < 0)
        s->path = NULL;
    VG_CHECK(s->path != NULL);
    code = take(s);
    if (code != 0)
        vg_log(VG_LOG_WARN, "commit", "no space is kept free for alerts: %s: %s", s->path,
               strerror(code));
}

void vg_space_done(struct vg_space *s)
{
    free(s->path);
}

static void stop_reading(struct vg_space *s, const char *text)
{
    s->full = true;
    atomic_store(&s->shared->disk_full, true);
    vg_shared_trouble(s->shared, VG_TROUBLE_DISK, text);
    vg_notices_set(&s->shared->notices, VG_NOTICE_DISK_FULL, "", text);
}

void vg_space_wait(struct vg_space *s)
{
    stop_reading(s, read_only_text);
}

bool vg_space_make(struct vg_space *s)
{
    bool held = s->held;

    stop_reading(s, full_text);
    if (held)
        unlink(s->path);
    s->held = false;
    return held;
}

void vg_space_look(struct vg_space *s)
{
    int64_t now_ns = vg_mono_ns();

    if (!s->full || now_ns < s->next_ns)
        return;
    s->next_ns = now_ns + VG_NS_PER_S;
    if (s->had && take(s) != 0)
        return;
    s->full = false;
    atomic_store(&s->shared->disk_full, false);
    vg_shared_trouble(s->shared, VG_TROUBLE_DISK, "");
    vg_notices_set(&s->shared->notices, VG_NOTICE_DISK_FULL, "", NULL);
    vg_log(VG_LOG_INFO, "commit", "the disk takes what is written again");
}
