/* snapshot.c - the memory of one shard at one position, as a file.
 *
 * A file is a struct head, the items, and a hash of both. The struct is written as it lies in
 * memory: the items are too, so a snapshot moves between machines of one byte order only, and the
 * magic number tells.
 */
#include "runtime/snapshot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "core/buf.h"

enum { MAGIC = 0x31534756 /* "VGS1" */, HASH_SIZE = 32, NAME_MAX_LEN = 64 };

static const off_t size_max = INT64_C(1) << 30;

struct head {
    uint32_t magic;
    uint32_t version;
    uint64_t len; /* of the items */
    char pipeline[VG_NAME_SIZE + 7];
    char cluster[VG_CLUSTER_SIZE];
    char config[VG_CONFIG_HASH_SIZE];
    char kernel[VG_KERNEL_SIZE];
    uint32_t partitions;
    uint32_t shard;
    int64_t next_offset;
    uint32_t ordinal;
    uint32_t reserved;
    uint64_t n;
    int64_t log_ns;
    int64_t wall_ns;
};

_Static_assert(sizeof(struct head) == 304, "the head of a snapshot has no padding");

/* ---- names ---- */

static void folder_of(struct vg_buf *path, const char *data_dir, uint32_t shard)
{
    vg_buf_printf(path, "%s/snapshots/%" PRIu32, data_dir, shard);
}

struct file {
    int64_t next_offset;
    uint32_t ordinal;
};

static void name_of(const struct file *f, char name[NAME_MAX_LEN])
{
    snprintf(name, NAME_MAX_LEN, "%" PRId64 "-%" PRIu32 ".snap", f->next_offset, f->ordinal);
}

/* Only names that Vigil writes: what does not print back to itself is somebody else's file. */
static bool parse_name(const char *name, struct file *ret)
{
    char back[NAME_MAX_LEN], *end;
    struct file f;

    f.next_offset = strtoll(name, &end, 10);
    if (*end != '-')
        return false;
    f.ordinal = (uint32_t)strtoul(end + 1, NULL, 10);
    name_of(&f, back);
    if (strcmp(name, back) != 0)
        return false;
    *ret = f;
    return true;
}

static int newest_first(const void *a, const void *b)
{
    const struct file *x = a, *y = b;

    if (x->next_offset != y->next_offset)
        return x->next_offset < y->next_offset ? 1 : -1;
    return (x->ordinal < y->ordinal) - (x->ordinal > y->ordinal);
}

struct listing {
    struct file *files; /* newest first */
    size_t n;
};

/* A folder that does not exist is an empty one. */
static vg_status list(const char *folder, struct listing *ret, struct vg_err *err)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    struct file f;

    *ret = (struct listing){ 0 };
    if (!dir && errno == ENOENT)
        return VG_OK;
    if (!dir)
        return vg_fail(err, VG_E_IO, "cannot read %s: %s", folder, strerror(errno));
    while ((entry = readdir(dir))) {
        struct file *more;

        if (!parse_name(entry->d_name, &f))
            continue;
        more = realloc(ret->files, (ret->n + 1) * sizeof(*more));
        VG_CHECK(more);
        ret->files = more;
        ret->files[ret->n++] = f;
    }
    closedir(dir);
    if (ret->n)
        qsort(ret->files, ret->n, sizeof(*ret->files), newest_first);
    return VG_OK;
}

/* ---- writing ---- */

static vg_status disk_error(const char *what, const char *path, struct vg_err *err)
{
    int sys = errno;

    if (sys == ENOSPC || sys == EDQUOT)
        return vg_fail(err, VG_E_TEMPORARY, "cannot %s %s: the disk is full; free some space", what,
                       path);
    return vg_fail(err, VG_E_IO, "cannot %s %s: %s", what, path, strerror(sys));
}

static vg_status sync_folder(const char *folder, struct vg_err *err)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    vg_status st = VG_OK;

    if (fd < 0)
        return disk_error("open", folder, err);
    if (fsync(fd) != 0)
        st = disk_error("sync", folder, err);
    close(fd);
    return st;
}

/* Makes `parent`/NAME durable, if it is new. */
static vg_status make_folder(const char *parent, const char *folder, struct vg_err *err)
{
    if (mkdir(folder, 0700) == 0)
        return sync_folder(parent, err);
    return errno == EEXIST ? VG_OK : disk_error("make", folder, err);
}

static vg_status make_folders(const char *data_dir, const char *folder, struct vg_err *err)
{
    struct vg_buf parent = VG_BUF_INIT;
    vg_status st;

    vg_buf_printf(&parent, "%s/snapshots", data_dir);
    st = make_folder(data_dir, parent.data, err);
    if (st == VG_OK)
        st = make_folder(parent.data, folder, err);
    vg_buf_done(&parent);
    return st;
}

static bool write_all(int fd, const void *bytes, size_t n)
{
    const char *p = bytes;

    while (n) {
        ssize_t done = write(fd, p, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return false;
        p += done;
        n -= (size_t)done;
    }
    return true;
}

static void hash_of(const struct head *head, const void *items, uint8_t hash[HASH_SIZE])
{
    crypto_generichash_state state;

    crypto_generichash_init(&state, NULL, 0, HASH_SIZE);
    crypto_generichash_update(&state, (const unsigned char *)head, sizeof(*head));
    crypto_generichash_update(&state, items, head->len);
    crypto_generichash_final(&state, hash, HASH_SIZE);
}

static vg_status write_file(const char *path, const struct head *head, const void *items,
                            struct vg_err *err)
{
    uint8_t hash[HASH_SIZE];
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    vg_status st = VG_OK;

    if (fd < 0)
        return disk_error("create", path, err);
    hash_of(head, items, hash);
    if (!write_all(fd, head, sizeof(*head)) || !write_all(fd, items, head->len) ||
        !write_all(fd, hash, sizeof(hash)))
        st = disk_error("write", path, err);
    else if (fdatasync(fd) != 0)
        st = disk_error("sync", path, err);
    if (close(fd) != 0 && st == VG_OK)
        st = disk_error("close", path, err);
    if (st != VG_OK)
        unlink(path);
    return st;
}

/* Best effort: a file too many costs space only, and the next snapshot tries again. */
static void prune(const char *folder, uint32_t keep)
{
    struct listing l;
    struct vg_err ignored;
    int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (dir >= 0 && list(folder, &l, &ignored) == VG_OK) {
        for (size_t i = keep; i < l.n; i++) {
            char name[NAME_MAX_LEN];

            name_of(&l.files[i], name);
            unlinkat(dir, name, 0);
        }
        free(l.files);
    }
    if (dir >= 0)
        close(dir);
}

bool vg_snapshot_oldest(const char *data_dir, uint32_t shard, int64_t *ret_offset,
                        uint32_t *ret_ordinal)
{
    struct vg_buf folder = VG_BUF_INIT;
    struct listing l = { 0 };
    struct vg_err ignored;
    bool any;

    folder_of(&folder, data_dir, shard);
    any = list(folder.data, &l, &ignored) == VG_OK && l.n > 0;
    if (any) {
        *ret_offset = l.files[l.n - 1].next_offset;
        *ret_ordinal = l.files[l.n - 1].ordinal;
    }
    free(l.files);
    vg_buf_done(&folder);
    return any;
}

static void fill_head(const struct vg_snapshot_head *h, size_t len, struct head *ret)
{
    memset(ret, 0, sizeof(*ret)); /* no byte of the file is left to chance */
    ret->magic = MAGIC;
    ret->version = VG_SNAPSHOT_VERSION;
    ret->len = len;
    snprintf(ret->pipeline, sizeof(ret->pipeline), "%s", h->pipeline);
    snprintf(ret->cluster, sizeof(ret->cluster), "%s", h->cluster);
    snprintf(ret->config, sizeof(ret->config), "%s", h->position.config);
    snprintf(ret->kernel, sizeof(ret->kernel), "%s", h->kernel);
    ret->partitions = h->partitions;
    ret->shard = h->position.shard;
    ret->next_offset = h->position.next_offset;
    ret->ordinal = h->position.ordinal;
    ret->n = h->position.n;
    ret->log_ns = h->position.log_ns;
    ret->wall_ns = h->position.wall_ns;
}

/* One name for all of a shard's unfinished files: whatever a crash leaves is overwritten next. */
static vg_status write_and_rename(const char *folder, const struct head *head, const void *items,
                                  struct vg_err *err)
{
    const struct file f = { head->next_offset, head->ordinal };
    struct vg_buf tmp = VG_BUF_INIT, path = VG_BUF_INIT;
    char name[NAME_MAX_LEN];
    vg_status st;

    name_of(&f, name);
    vg_buf_printf(&tmp, "%s/unfinished.tmp", folder);
    vg_buf_printf(&path, "%s/%s", folder, name);
    st = write_file(tmp.data, head, items, err);
    if (st == VG_OK && rename(tmp.data, path.data) != 0)
        st = disk_error("rename", tmp.data, err);
    if (st == VG_OK)
        st = sync_folder(folder, err);
    vg_buf_done(&tmp);
    vg_buf_done(&path);
    return st;
}

vg_status vg_snapshot_write(const char *data_dir, const struct vg_snapshot_head *head,
                            const void *items, size_t len, uint32_t keep, struct vg_err *err)
{
    struct vg_buf folder = VG_BUF_INIT;
    struct head h;
    vg_status st;

    VG_CHECK(keep >= 1);
    fill_head(head, len, &h);
    folder_of(&folder, data_dir, head->position.shard);
    st = make_folders(data_dir, folder.data, err);
    if (st == VG_OK)
        st = write_and_rename(folder.data, &h, items, err);
    if (st == VG_OK)
        prune(folder.data, keep);
    vg_buf_done(&folder);
    return st;
}

/* ---- loading ---- */

/* Reads exactly `n` bytes. */
static bool read_all(int fd, void *bytes, size_t n)
{
    char *p = bytes;

    while (n) {
        ssize_t done = read(fd, p, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        p += done;
        n -= (size_t)done;
    }
    return true;
}

static const char *check_file(int fd, struct head *head, void **items)
{
    uint8_t hash[HASH_SIZE], expected[HASH_SIZE];
    struct stat stat;

    if (fstat(fd, &stat) != 0)
        return strerror(errno);
    if (stat.st_size < (off_t)(sizeof(*head) + HASH_SIZE))
        return "it is shorter than its head; it was cut off";
    if (stat.st_size > size_max)
        return "it is larger than 1 GiB; it was not written by Vigil";
    if (!read_all(fd, head, sizeof(*head)))
        return "it cannot be read";
    if (head->magic != MAGIC)
        return "it is not a snapshot (of a machine of this byte order)";
    if (head->version != VG_SNAPSHOT_VERSION)
        return "it was written by another version of Vigil";
    if (head->len != (uint64_t)stat.st_size - sizeof(*head) - HASH_SIZE)
        return "its size is not what its head says; it was cut off";
    *items = malloc(head->len ? head->len : 1);
    VG_CHECK(*items);
    if (!read_all(fd, *items, head->len) || !read_all(fd, expected, HASH_SIZE))
        return "it cannot be read";
    hash_of(head, *items, hash);
    if (memcmp(hash, expected, HASH_SIZE) != 0)
        return "its hash differs; it was damaged";
    return NULL;
}

/* Whole, but of another pipeline, or not of this position. */
static const char *check_wanted(const struct head *h, const struct vg_snapshot_want *want,
                                const struct file *f)
{
    if (h->shard != want->shard)
        return "it belongs to another shard";
    if (h->next_offset != f->next_offset || h->ordinal != f->ordinal)
        return "its name is not its position; it was renamed";
    if (strcmp(h->pipeline, want->pipeline) != 0)
        return "it belongs to another pipeline";
    if (strcmp(h->cluster, want->cluster) != 0 || h->partitions != want->partitions)
        return "it belongs to another log";
    if (h->next_offset > want->upto_offset ||
        (h->next_offset == want->upto_offset && h->ordinal > want->upto_ordinal))
        return "the outbox does not reach it; they do not belong together";
    return NULL;
}

/* fill_head() has ended every text with a NUL. */
static void take_head(const struct head *h, struct vg_snapshot_head *ret)
{
    *ret = (struct vg_snapshot_head){
        .partitions = h->partitions,
        .position = { .shard = h->shard,
                      .ordinal = h->ordinal,
                      .next_offset = h->next_offset,
                      .n = h->n,
                      .log_ns = h->log_ns,
                      .wall_ns = h->wall_ns },
    };
    snprintf(ret->pipeline, sizeof(ret->pipeline), "%.*s", (int)sizeof(ret->pipeline) - 1,
             h->pipeline);
    snprintf(ret->cluster, sizeof(ret->cluster), "%s", h->cluster);
    snprintf(ret->position.config, sizeof(ret->position.config), "%s", h->config);
    snprintf(ret->kernel, sizeof(ret->kernel), "%s", h->kernel);
}

/* Returns why the file cannot be used, or NULL. */
static const char *load_file(const char *path, const struct vg_snapshot_want *want,
                             const struct file *f, struct vg_snapshot *ret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct head head = { 0 };
    void *items = NULL;
    const char *why;

    if (fd < 0)
        return strerror(errno);
    why = check_file(fd, &head, &items);
    close(fd);
    if (!why)
        why = check_wanted(&head, want, f);
    if (why) {
        free(items);
        return why;
    }
    take_head(&head, &ret->head);
    ret->items = items;
    ret->len = head.len;
    return NULL;
}

static bool try_file(const char *folder, const struct vg_snapshot_want *want, const struct file *f,
                     vg_snapshot_refused_fn refused, void *arg, struct vg_snapshot *ret)
{
    struct vg_buf path = VG_BUF_INIT;
    char name[NAME_MAX_LEN];
    const char *why;

    name_of(f, name);
    vg_buf_printf(&path, "%s/%s", folder, name);
    why = load_file(path.data, want, f, ret);
    if (why) {
        vg_buf_printf(&path, ": %s", why);
        refused(arg, path.data);
    }
    vg_buf_done(&path);
    return !why;
}

vg_status vg_snapshot_load(const char *data_dir, const struct vg_snapshot_want *want,
                           vg_snapshot_refused_fn refused, void *arg, struct vg_snapshot *ret,
                           struct vg_err *err)
{
    struct vg_buf folder = VG_BUF_INIT;
    struct listing l;
    vg_status st;

    *ret = (struct vg_snapshot){ 0 };
    folder_of(&folder, data_dir, want->shard);
    st = list(folder.data, &l, err);
    for (size_t i = 0; i < l.n; i++) {
        if (try_file(folder.data, want, &l.files[i], refused, arg, ret))
            break;
    }
    free(l.files);
    vg_buf_done(&folder);
    return st;
}

void vg_snapshot_done(struct vg_snapshot *s)
{
    free(s->items);
    *s = (struct vg_snapshot){ 0 };
}
