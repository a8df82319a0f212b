/* broken_disk.c - a disk that fails to write: for LD_PRELOAD.
 *
 * Once the file that VIGIL_BROKEN_DISK names is there, whoever makes sure that an outbox is on the disk
 * is told EIO, as after a failed write of the device. Afterwards the disk says that all is well, as
 * real ones do.
 */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_bool told;

static int breaks(int fd)
{
    const char *trigger = getenv("VIGIL_BROKEN_DISK");
    char link[64], path[PATH_MAX];
    ssize_t n;

    if (!trigger || access(trigger, F_OK) != 0)
        return 0;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    if (n < 0)
        return 0;
    path[n] = '\0';
    return strstr(path, "/outbox.db") != NULL && !atomic_exchange(&told, 1);
}

static int sync_by(const char *name, int fd)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);

    if (breaks(fd)) {
        errno = EIO;
        return -1;
    }
    return real(fd);
}

int fsync(int fd)
{
    return sync_by("fsync", fd);
}

int fdatasync(int fd)
{
    return sync_by("fdatasync", fd);
}
