/* file_path.c - names and folders of the file sink. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sinks/file_private.h"

enum { DATE_SIZE = 11, S_PER_DAY = 86400 };

const char vg_file_date[] = "%Y-%m-%d";

vg_status vg_file_failed(struct vg_err *err, const char *what, const char *path)
{
    return vg_fail(err, VG_E_TEMPORARY, "cannot %s %s: %s", what, path, strerror(errno));
}

int64_t vg_file_day(const struct vg_file *f, int64_t time_ns)
{
    return strchr(f->path, '%') ? time_ns / (S_PER_DAY * VG_NS_PER_S) : 0;
}

static void add_date(int64_t day, struct vg_buf *out)
{
    time_t s = (time_t)(day * S_PER_DAY);
    struct tm tm;
    char date[DATE_SIZE];

    gmtime_r(&s, &tm);
    strftime(date, sizeof(date), vg_file_date, &tm);
    vg_buf_str(out, date);
}

void vg_file_path(const struct vg_file *f, int64_t day, char path[VG_FILE_PATH_SIZE])
{
    struct vg_buf out = VG_BUF_INIT;
    const char *rest = f->path;

    vg_buf_str(&out, f->base);
    for (const char *at = strchr(rest, '%'); at; at = strchr(rest, '%')) {
        vg_buf_add(&out, rest, (size_t)(at - rest));
        add_date(day, &out);
        rest = at + strlen(vg_file_date);
    }
    vg_buf_str(&out, rest);
    snprintf(path, VG_FILE_PATH_SIZE, "%s", out.data);
    vg_buf_done(&out);
}

void vg_file_part_path(const struct vg_file *f, const struct vg_file_part *part, const char *end,
                       char path[VG_FILE_PATH_SIZE])
{
    size_t n;

    vg_file_path(f, part->day, path);
    n = strlen(path);
    snprintf(path + n, VG_FILE_PATH_SIZE - n, ".%06llu%s", (unsigned long long)part->number, end);
}

vg_status vg_file_sync_parent(const char *path, struct vg_err *err)
{
    char folder[VG_FILE_PATH_SIZE];
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
        return vg_file_failed(err, "open folder", folder);
    ok = fsync(fd) == 0;
    close(fd);
    return ok ? VG_OK : vg_file_failed(err, "sync folder", folder);
}

static vg_status make_folder(const char *folder, struct vg_err *err)
{
    struct stat info;

    if (mkdir(folder, 0700) == 0)
        return vg_file_sync_parent(folder, err);
    if (errno != EEXIST)
        return vg_file_failed(err, "create folder", folder);
    if (stat(folder, &info) == 0 && !S_ISDIR(info.st_mode))
        return vg_fail_option(err, VG_E_CONFIG, "path", "%s is not a folder", folder);
    return VG_OK;
}

vg_status vg_file_make_folders(const char *path, struct vg_err *err)
{
    char folder[VG_FILE_PATH_SIZE];
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

bool vg_file_write_all(int fd, const char *bytes, size_t n)
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
