/* file_tidy.c - what happens to the finished files of a file sink.
 *
 * A crash at any point leaves each event in a file: a compressed one gets its name when it is durable,
 * and the plain one goes after that name is. Where both are there, both are whole, and the plain one
 * goes the next time.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sinks/file_private.h"

/* The day before the newest one is still written to: shards are not all at the same time. */
enum { DAYS_WRITTEN = 2 };

static vg_status finish_day(struct vg_file *f, int64_t day, struct vg_err *err)
{
    struct vg_file_book *b;
    vg_status st = vg_file_select(f, day, &b, err);

    if (st == VG_OK && b->size > 0)
        st = vg_file_finish(f, b, err);
    if (st != VG_OK)
        return st;
    vg_file_close(b);
    /* The new file has no line; an event that comes late makes it again. */
    return unlink(b->path) == 0 ? VG_OK : vg_file_failed(err, "remove", b->path);
}

static vg_status finish_days(struct vg_file *f, struct vg_err *err)
{
    bool wanted = f->compress == VG_FILE_COMPRESS_ZSTD || f->keep > 0;

    if (!wanted || vg_file_day(f, VG_NS_PER_S * 86400) == 0)
        return VG_OK;
    return vg_file_days(f, f->newest_day - DAYS_WRITTEN + 1, finish_day, err);
}

static vg_status pack(const struct vg_file *f, struct vg_file_part *part, struct vg_err *err)
{
    char plain[VG_FILE_PATH_SIZE], fresh[VG_FILE_PATH_SIZE], packed[VG_FILE_PATH_SIZE];
    vg_status st = VG_OK;

    vg_file_part_path(f, part, "", plain);
    vg_file_part_path(f, part, ".zst.new", fresh);
    vg_file_part_path(f, part, ".zst", packed);
    if (!part->packed) {
        st = vg_file_pack(plain, fresh, err);
        if (st == VG_OK && rename(fresh, packed) != 0)
            st = vg_file_failed(err, "rename", fresh);
    }
    if (st == VG_OK)
        st = vg_file_sync_parent(packed, err);
    if (st == VG_OK && unlink(plain) != 0)
        st = vg_file_failed(err, "remove", plain);
    part->packed = part->packed || st == VG_OK;
    part->plain = st != VG_OK;
    return st;
}

static vg_status pack_parts(const struct vg_file *f, struct vg_file_parts *parts,
                            struct vg_err *err)
{
    vg_status st = VG_OK;

    for (size_t i = 0; i < parts->n && st == VG_OK; i++) {
        struct vg_file_part *part = &parts->at[i];

        if (part->plain && (part->packed || f->compress == VG_FILE_COMPRESS_ZSTD))
            st = pack(f, part, err);
    }
    return st;
}

/* Bytes of the events in it. */
static uint64_t size_of(const struct vg_file *f, const struct vg_file_part *part)
{
    char path[VG_FILE_PATH_SIZE];
    struct stat info;

    vg_file_part_path(f, part, part->plain ? "" : ".zst", path);
    if (!part->plain)
        return vg_file_packed_size(path);
    return stat(path, &info) == 0 ? (uint64_t)info.st_size : 0;
}

static vg_status remove_part(const struct vg_file *f, const struct vg_file_part *part,
                             struct vg_err *err)
{
    static const char *const ends[] = { "", ".zst" };

    for (size_t i = 0; i < VG_ARRAY_LEN(ends); i++) {
        char path[VG_FILE_PATH_SIZE];

        vg_file_part_path(f, part, ends[i], path);
        if (unlink(path) != 0 && errno != ENOENT)
            return vg_file_failed(err, "remove", path);
    }
    return VG_OK;
}

/* Events that may still come again after a crash must be found: what was written last stays, however
 * many files it is in. */
static vg_status remove_old(const struct vg_file *f, const struct vg_file_parts *parts,
                            struct vg_err *err)
{
    uint64_t newer = 0;
    vg_status st = VG_OK;

    if (f->keep == 0)
        return VG_OK;
    for (size_t i = parts->n; i-- > 0 && st == VG_OK;) {
        const struct vg_file_part *part = &parts->at[i];
        uint64_t kept = parts->n - 1 - i;

        if (kept >= (uint64_t)f->keep && newer >= VG_FILE_TAIL_MAX)
            st = remove_part(f, part, err);
        else
            newer += size_of(f, part);
    }
    return st;
}

vg_status vg_file_tidy(struct vg_file *f, struct vg_err *err)
{
    struct vg_file_parts parts = { 0 };
    vg_status st = finish_days(f, err);

    if (st == VG_OK)
        st = vg_file_parts_list(f, &parts, err);
    if (st == VG_OK)
        st = pack_parts(f, &parts, err);
    if (st == VG_OK)
        st = remove_old(f, &parts, err);
    vg_file_parts_done(&parts);
    return st;
}
