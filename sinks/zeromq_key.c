/* zeromq_key.c - the secret that shows that a command comes from this machine and user.
 *
 * The control socket is on loopback, where every user of the machine can connect. Who can read the
 * pipeline's folder may give commands; nobody else can know what is in this file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sinks/zeromq_command.h"

enum { DIGITS = VG_COMMAND_KEY_SIZE - 1, PATH_BYTES = 4096 };

static vg_status fail(struct vg_err *err, const char *path, const char *what)
{
    return vg_fail(err, VG_E_IO, "%s: %s: %s", path, what, strerror(errno));
}

static bool write_key(int fd)
{
    uint8_t bytes[DIGITS / 2];
    char text[DIGITS + 2];

    VG_CHECK(getrandom(bytes, sizeof(bytes), 0) == (ssize_t)sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    text[DIGITS] = '\n';
    return write(fd, text, DIGITS + 1) == DIGITS + 1 && fsync(fd) == 0;
}

/* Under another name first: another sink must not read half a key. The first one that is done wins. */
static vg_status make_key(const char *path, struct vg_err *err)
{
    char other[PATH_BYTES + 8];
    vg_status st = VG_OK;
    int fd;

    if (access(path, F_OK) == 0)
        return VG_OK;
    snprintf(other, sizeof(other), "%s.XXXXXX", path);
    fd = mkostemp(other, O_CLOEXEC); /* 0600 */
    if (fd < 0)
        return fail(err, path, "cannot make it");
    if (!write_key(fd) || (link(other, path) != 0 && errno != EEXIST))
        st = fail(err, path, "cannot write it");
    close(fd);
    unlink(other);
    return st;
}

static vg_status check_file(int fd, const char *path, struct vg_err *err)
{
    struct stat s;

    if (fstat(fd, &s) != 0)
        return fail(err, path, "cannot look at it");
    if (!S_ISREG(s.st_mode) || s.st_uid != geteuid() || (s.st_mode & 077) != 0)
        return vg_fail(err, VG_E_IO,
                       "%s: others may read or change it, so it proves nothing; remove it, and a "
                       "new one is made",
                       path);
    return VG_OK;
}

static vg_status read_key(const char *path, char key[VG_COMMAND_KEY_SIZE], struct vg_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n;
    vg_status st;

    if (fd < 0)
        return fail(err, path, "cannot open it");
    st = check_file(fd, path, err);
    n = st == VG_OK ? read(fd, key, DIGITS) : 0;
    close(fd);
    if (st != VG_OK)
        return st;
    key[n == DIGITS ? DIGITS : 0] = '\0';
    if (n != DIGITS || strspn(key, "0123456789abcdef") != DIGITS)
        return vg_fail(err, VG_E_IO,
                       "%s: expected %d hexadecimal digits; remove it, and a new one is made", path,
                       DIGITS);
    return VG_OK;
}

vg_status vg_command_key_open(const char *data_dir, char key[VG_COMMAND_KEY_SIZE],
                              struct vg_err *err)
{
    char path[PATH_BYTES];
    vg_status st;

    if ((size_t)snprintf(path, sizeof(path), "%s/command.key", data_dir) >= sizeof(path))
        return vg_fail(err, VG_E_IO, "the path of data_dir is too long");
    st = make_key(path, err);
    return st == VG_OK ? read_key(path, key, err) : st;
}

bool vg_command_key_is(const char key[VG_COMMAND_KEY_SIZE], const char *said)
{
    unsigned differs = 0;

    if (strlen(said) != DIGITS)
        return false;
    for (size_t i = 0; i < DIGITS; i++)
        differs |= (unsigned)(key[i] ^ said[i]);
    return differs == 0;
}
