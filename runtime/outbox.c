/* outbox.c - the durable store of a pipeline: whose it is, and that nobody else writes it.
 *
 * What is written into it is in outbox_put.c, what is read from it in outbox_reader.h.
 */
#include "runtime/outbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/outbox_db.h"
#include "runtime/outbox_schema.h"
#include "runtime/outbox_writer.h"

/* What to do where nothing can be written at the start. */
#define CHOOSE "; service.data_dir must be a folder that this user can write to"

/* Returns a new string; paths are made when the outbox is opened, never later. */
static char *join(const char *a, const char *b, const char *c)
{
    struct vg_buf path = VG_BUF_INIT;

    vg_buf_printf(&path, "%s%s%s", a, b, c);
    return path.data;
}

/* ---- opening ---- */

static vg_status make_folder(char *path, struct vg_err *err)
{
    for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
        int rc, sys;

        if (slash)
            *slash = '\0';
        /* Pseudonyms and vital signs are for the owner only. */
        rc = mkdir(path, 0700);
        sys = errno;
        if (rc != 0 && sys != EEXIST)
            vg_fail(err, VG_E_IO, "cannot make the folder %s: %s" CHOOSE, path, strerror(sys));
        if (slash)
            *slash = '/';
        if (rc != 0 && sys != EEXIST)
            return VG_E_IO;
        if (!slash)
            return VG_OK;
    }
}

static vg_status lock_taken(struct vg_outbox *o, int fd, struct vg_err *err)
{
    char pid[24] = "";
    ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

    pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
    return vg_fail(err, VG_E_UNAVAILABLE,
                   "service.data_dir %s is in use by another Vigil (process %s); stop it, or give "
                   "this one a data_dir of its own",
                   o->data_dir, pid[0] ? pid : "unknown");
}

static vg_status take_lock(struct vg_outbox *o, struct vg_err *err)
{
    char *path = join(o->data_dir, "/lock", "");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    vg_status st = VG_OK;

    if (fd < 0)
        st = vg_fail(err, VG_E_IO, "cannot open %s: %s" CHOOSE, path, strerror(errno));
    else if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        st = lock_taken(o, fd, err);
    free(path);
    if (st != VG_OK) {
        if (fd >= 0)
            close(fd);
        return st;
    }
    o->lock_fd = fd;
    /* For people; the lock itself is the kernel's, so a full disk may lose this. */
    if (ftruncate(fd, 0) == 0)
        dprintf(fd, "%ld\n", (long)getpid());
    return VG_OK;
}

static vg_status check_identity(struct vg_outbox *o, struct vg_err *err)
{
    char text[VG_NAME_SIZE];
    vg_status st = vg_db_meta(o->db, "uuid", text, sizeof(text), err);

    if (st != VG_OK)
        return st;
    if (!vg_episode_parse(text, o->uuid))
        return vg_fail(err, VG_E_IO, "%s: its UUID is damaged; keep a copy and move data_dir away",
                       o->path);
    st = vg_db_meta(o->db, "pipeline", text, sizeof(text), err);
    if (st != VG_OK)
        return st;
    if (strcmp(text, o->pipeline) != 0)
        return vg_fail(err, VG_E_CONFIG,
                       "service.data_dir %s belongs to pipeline \"%s\", this one is \"%s\" "
                       "(service.name); give this one a data_dir of its own",
                       o->data_dir, text, o->pipeline);
    return VG_OK;
}

static vg_status load_last_seq(struct vg_outbox *o, struct vg_err *err)
{
    sqlite3_stmt *stmt = NULL;
    vg_status st = VG_OK;

    if (sqlite3_prepare_v2(o->db, "SELECT coalesce(max(seq), 0) FROM event", -1, &stmt, NULL) ==
            SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        o->last_seq = o->committed_seq = (uint64_t)sqlite3_column_int64(stmt, 0);
    else
        st = vg_db_fail(o->db, "read its newest event", err);
    sqlite3_finalize(stmt);
    return st;
}

/* SQLite would let everybody read it, and makes its journals like it. */
static vg_status create_file(const char *path, struct vg_err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0)
        return vg_fail(err, VG_E_IO, "cannot create %s: %s", path, strerror(errno));
    close(fd);
    return VG_OK;
}

static vg_status open_database(struct vg_outbox *o, bool may_create, struct vg_err *err)
{
    vg_status st = may_create ? create_file(o->path, err) : VG_OK;
    bool empty;

    if (st == VG_OK)
        st = vg_db_open(o->path, SQLITE_OPEN_READWRITE, &o->db, err);
    if (st == VG_OK)
        st = vg_db_empty(o->db, &empty, err);
    if (st == VG_OK)
        st = vg_db_exec(o->db,
                        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                        "PRAGMA journal_size_limit = 67108864",
                        "set its journal", err);
    if (st == VG_OK)
        st = empty && may_create ? vg_schema_make(o->db, o->pipeline, err)
                                 : vg_schema_upgrade(o->db, err);
    if (st == VG_OK)
        st = check_identity(o, err);
    if (st == VG_OK)
        st = load_last_seq(o, err);
    if (st == VG_OK)
        st = vg_writer_prepare(o, err);
    return st;
}

static void close_database(struct vg_outbox *o)
{
    vg_outbox_rollback(o);
    vg_db_finalize(o->stmt, VG_WRITES);
    sqlite3_close(o->db);
    o->db = NULL;
}

vg_status vg_outbox_open(const char *data_dir, const char *pipeline, bool create,
                         struct vg_outbox **ret, struct vg_err *err)
{
    struct vg_outbox *o = calloc(1, sizeof(*o));
    vg_status st = VG_OK;

    VG_CHECK(o);
    *ret = NULL;
    o->lock_fd = -1;
    o->data_dir = join(data_dir, "", "");
    o->path = join(data_dir, "/outbox.db", "");
    snprintf(o->pipeline, sizeof(o->pipeline), "%s", pipeline);
    if (create)
        st = make_folder(o->data_dir, err);
    if (st == VG_OK)
        st = take_lock(o, err);
    if (st == VG_OK)
        st = open_database(o, create, err);
    if (st != VG_OK) {
        vg_outbox_close(o);
        return st;
    }
    *ret = o;
    return VG_OK;
}

void vg_outbox_close(struct vg_outbox *o)
{
    if (!o)
        return;
    close_database(o);
    if (o->lock_fd >= 0)
        close(o->lock_fd);
    free(o->path);
    free(o->data_dir);
    free(o);
}

const uint8_t *vg_outbox_uuid(const struct vg_outbox *o)
{
    return o->uuid;
}

uint64_t vg_outbox_last_seq(const struct vg_outbox *o)
{
    return o->last_seq;
}

sqlite3 *vg_outbox_handle(struct vg_outbox *o)
{
    return o->db;
}

const char *vg_outbox_path(const struct vg_outbox *o)
{
    return o->path;
}

/* ---- whose log it is ---- */

static vg_status store_log(struct vg_outbox *o, const char *cluster, const char *partitions,
                           struct vg_err *err)
{
    vg_status st = vg_outbox_begin(o, err);

    if (st == VG_OK)
        st = vg_schema_set_meta(o->db, "cluster", cluster, err);
    if (st == VG_OK)
        st = vg_schema_set_meta(o->db, "partitions", partitions, err);
    if (st == VG_OK)
        st = vg_outbox_commit(o, err);
    if (st != VG_OK)
        vg_outbox_rollback(o);
    return st;
}

vg_status vg_outbox_bind_log(struct vg_outbox *o, const char *cluster, uint32_t partitions,
                             struct vg_err *err)
{
    char count[16];
    bool bound;
    vg_status st = vg_db_check_log(o->db, o->data_dir, cluster, partitions, &bound, err);

    if (st != VG_OK || bound)
        return st;
    snprintf(count, sizeof(count), "%u", partitions);
    return store_log(o, cluster, count, err);
}

static vg_status move(const char *from, const char *to, struct vg_err *err)
{
    if (rename(from, to) != 0 && errno != ENOENT)
        return vg_fail(err, VG_E_IO, "cannot move %s to %s: %s", from, to, strerror(errno));
    return VG_OK;
}

/* Moves `<data_dir>/NAME + suffix` to `<data_dir>/NAME-UUID + suffix`. */
static vg_status move_aside(struct vg_outbox *o, const char *name, const char *suffix,
                            struct vg_err *err)
{
    char uuid[VG_EPISODE_TEXT_SIZE];
    struct vg_buf from = VG_BUF_INIT, to = VG_BUF_INIT;
    vg_status st;

    vg_episode_text(o->uuid, uuid);
    vg_buf_printf(&from, "%s/%s%s", o->data_dir, name, suffix);
    vg_buf_printf(&to, "%s/%s-%s%s", o->data_dir, name, uuid, suffix);
    st = move(from.data, to.data, err);
    vg_buf_done(&from);
    vg_buf_done(&to);
    return st;
}

vg_status vg_outbox_fresh(struct vg_outbox *o, struct vg_err *err)
{
    /* Snapshots first: a crash in between then finds the old outbox and comes here again. A journal
     * is left only when another program still reads the file, and then it must go along. */
    static const char *const suffixes[] = { ".db-wal", ".db-shm", ".db" };
    vg_status st;

    VG_CHECK(!o->open);
    close_database(o);
    st = move_aside(o, "snapshots", "", err);
    for (size_t i = 0; st == VG_OK && i < VG_ARRAY_LEN(suffixes); i++)
        st = move_aside(o, "outbox", suffixes[i], err);
    if (st == VG_OK)
        st = open_database(o, true, err);
    return st;
}
