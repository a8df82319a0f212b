/* broken_disk.c - a disk that fails to write: for LD_PRELOAD.
 *
 * Once the file that VIGIL_BROKEN_DISK names is there, whoever makes sure that an outbox is on the disk
 * is told EIO, as after a failed write of the device. Afterwards the disk says that all is well, as
 * real ones do. With VIGIL_BROKEN_FILE it is the files whose path has that in it, every time, until
 * somebody mends the disk by removing the first.
 *
 * While the file that VIGIL_READ_ONLY names (FOLDER.ro) is there, nothing in FOLDER can be written, made
 * or taken away: EROFS, as when the kernel has remounted a file system that is damaged. No mount is
 * needed, so this works without rights, too.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): the system's names are its own. */

#define REAL(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

static atomic_bool told;

/* What a descriptor is open for; "" when that cannot be said. */
static const char *path_of(int fd, char path[PATH_MAX])
{
    char link[64];
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, PATH_MAX - 1);
    path[n > 0 ? n : 0] = '\0';
    return path;
}

/* Then errno says why. */
static bool breaks(int fd)
{
    const char *trigger = getenv("VIGIL_BROKEN_DISK"), *file = getenv("VIGIL_BROKEN_FILE");
    char path[PATH_MAX];

    if (!trigger || access(trigger, F_OK) != 0)
        return false;
    if (!strstr(path_of(fd, path), file ? file : "/outbox.db") ||
        (!file && atomic_exchange(&told, 1)))
        return false;
    errno = EIO;
    return true;
}

/* Whether a path, relative to the folder `at`, cannot be changed; then errno says why. */
static bool fixed_at(int at, const char *path)
{
    const char *trigger = getenv("VIGIL_READ_ONLY");
    size_t len = trigger ? strlen(trigger) - strlen(".ro") : 0;
    char folder[PATH_MAX];

    if (!trigger || access(trigger, F_OK) != 0)
        return false;
    if (path[0] != '/')
        path = at == AT_FDCWD ? "" : path_of(at, folder);
    if (strncmp(path, trigger, len) != 0 || (path[len] != '/' && path[len] != '\0'))
        return false;
    errno = EROFS;
    return true;
}

static bool fixed(int fd)
{
    return fixed_at(fd, "");
}

/* ---- syncing ---- */

int fsync(int fd)
{
    return breaks(fd) ? -1 : REAL(fsync)(fd);
}

int fdatasync(int fd)
{
    return breaks(fd) ? -1 : REAL(fdatasync)(fd);
}

/* ---- opening ---- */

static bool changes(int flags)
{
    return (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC));
}

#define OPEN(name)                                       \
    int name(const char *path, int flags, ...)           \
    {                                                    \
        va_list ap;                                      \
        mode_t mode;                                     \
                                                         \
        va_start(ap, flags);                             \
        mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0; \
        va_end(ap);                                      \
        if (changes(flags) && fixed_at(AT_FDCWD, path))  \
            return -1;                                   \
        return REAL(name)(path, flags, mode);            \
    }
#define OPENAT(name)                                     \
    int name(int at, const char *path, int flags, ...)   \
    {                                                    \
        va_list ap;                                      \
        mode_t mode;                                     \
                                                         \
        va_start(ap, flags);                             \
        mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0; \
        va_end(ap);                                      \
        if (changes(flags) && fixed_at(at, path))        \
            return -1;                                   \
        return REAL(name)(at, path, flags, mode);        \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

/* ---- changing ---- */

ssize_t write(int fd, const void *bytes, size_t n)
{
    return fixed(fd) ? -1 : REAL(write)(fd, bytes, n);
}

ssize_t writev(int fd, const struct iovec *parts, int n)
{
    return fixed(fd) ? -1 : REAL(writev)(fd, parts, n);
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    return fixed(fd) ? -1 : REAL(pwrite)(fd, bytes, n, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at)
{
    return fixed(fd) ? -1 : REAL(pwrite64)(fd, bytes, n, at);
}

int ftruncate(int fd, off_t n)
{
    return fixed(fd) ? -1 : REAL(ftruncate)(fd, n);
}

int ftruncate64(int fd, off64_t n)
{
    return fixed(fd) ? -1 : REAL(ftruncate64)(fd, n);
}

int posix_fallocate(int fd, off_t at, off_t n)
{
    return fixed(fd) ? EROFS : REAL(posix_fallocate)(fd, at, n);
}

int mkdir(const char *path, mode_t mode)
{
    return fixed_at(AT_FDCWD, path) ? -1 : REAL(mkdir)(path, mode);
}

int unlink(const char *path)
{
    return fixed_at(AT_FDCWD, path) ? -1 : REAL(unlink)(path);
}

int unlinkat(int at, const char *path, int flags)
{
    return fixed_at(at, path) ? -1 : REAL(unlinkat)(at, path, flags);
}

int rename(const char *from, const char *to)
{
    return fixed_at(AT_FDCWD, from) ? -1 : REAL(rename)(from, to);
}

int renameat(int at, const char *from, int other, const char *to)
{
    return fixed_at(at, from) ? -1 : REAL(renameat)(at, from, other, to);
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
