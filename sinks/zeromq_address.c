/* zeromq_address.c - which addresses the ZeroMQ sink may bind, and how one is claimed. */
#include "sinks/zeromq_address.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/host.h"
#include "core/text.h"

static const char tcp[] = "tcp://";
static const char ipc[] = "ipc://";

enum { PORT_MAX = 65535 };

static bool starts_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

static vg_status check_tcp(const char *option, const char *endpoint, bool has_keys,
                           struct vg_err *err)
{
    const char *at = endpoint + strlen(tcp);
    const char *colon = strrchr(at, ':');
    int64_t port;

    if (!colon || colon == at || !vg_parse_int(colon + 1, &port) || port < 1 || port > PORT_MAX)
        return vg_fail_option(err, VG_E_CONFIG, option,
                              "\"%s\": expected tcp://HOST:PORT with a port from 1 to %d", endpoint,
                              PORT_MAX);
    if (has_keys || vg_host_is_loopback(at, (size_t)(colon - at)))
        return VG_OK;
    return vg_fail_option(
        err, VG_E_CONFIG, option,
        "\"%s\" is not on the loopback interface. Alerts leave the machine only with CURVE: set "
        "\"keys\" and \"server_key\" (docs/security.md). Or use tcp://127.0.0.1:%d or ipc://PATH",
        endpoint, (int)port);
}

static vg_status check_ipc(const char *option, const char *endpoint, struct vg_err *err)
{
    const char *path = endpoint + strlen(ipc);
    size_t path_max = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;

    if (path[0] == '\0' || path[0] == '*' || path[strlen(path) - 1] == '/')
        return vg_fail_option(err, VG_E_CONFIG, option,
                              "\"%s\": expected ipc:// and the path of a socket file", endpoint);
    if (path[0] == '@')
        return vg_fail_option(err, VG_E_CONFIG, option,
                              "\"%s\": an abstract socket is open to every user of the machine; "
                              "use the path of a file",
                              endpoint);
    if (strlen(path) > path_max)
        return vg_fail_option(err, VG_E_CONFIG, option,
                              "the path of a socket has at most %zu bytes, this has %zu", path_max,
                              strlen(path));
    return VG_OK;
}

vg_status vg_zeromq_address_check(const char *option, const char *endpoint, bool has_keys,
                                  struct vg_err *err)
{
    if (starts_with(endpoint, tcp))
        return check_tcp(option, endpoint, has_keys, err);
    if (starts_with(endpoint, ipc))
        return check_ipc(option, endpoint, err);
    return vg_fail_option(err, VG_E_CONFIG, option,
                          "\"%s\": expected tcp://127.0.0.1:PORT or ipc://PATH", endpoint);
}

/* True when a process listens on the socket file. */
static bool is_alive(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool alive;

    if (fd < 0)
        return true; /* not known: better not to take it */
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    alive = connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ||
            errno != ECONNREFUSED;
    close(fd);
    return alive;
}

/* Who can write to the folder can put a socket of his own in the place of ours. */
static vg_status check_folder(const char *option, const char *path, struct vg_err *err)
{
    const char *slash = strrchr(path, '/');
    char folder[VG_ENDPOINT_SIZE];
    struct stat s;

    snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    if (folder[0] == '\0')
        snprintf(folder, sizeof(folder), "/");
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return vg_fail_option(err, VG_E_UNAVAILABLE, option, "cannot make the folder %s: %s",
                              folder, strerror(errno));
    if (stat(folder, &s) == 0 && S_ISDIR(s.st_mode) && s.st_uid == geteuid() &&
        (s.st_mode & 077) == 0)
        return VG_OK;
    return vg_fail_option(err, VG_E_CONFIG, option,
                          "the folder %s of the socket must belong to the user that Vigil runs as "
                          "and be closed to all others: chmod 700, or a folder of its own",
                          folder);
}

static vg_status lock(const char *option, const char *path, struct vg_zeromq_claim *claim,
                      struct vg_err *err)
{
    char name[VG_ENDPOINT_SIZE];

    snprintf(name, sizeof(name), "%s.lock", path);
    claim->lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (claim->lock_fd < 0)
        return vg_fail_option(err, VG_E_UNAVAILABLE, option,
                              "cannot create %s: %s (the folder of the socket must exist)", name,
                              strerror(errno));
    claim->has_lock = true;
    if (flock(claim->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return vg_fail_option(err, VG_E_UNAVAILABLE, option,
                              "%s is in use by another process: is Vigil running already?", path);
    return VG_OK;
}

/* What stands at `path` must be nothing, or the socket of a process that is gone. */
static vg_status check_stale(const char *option, const char *path, struct vg_err *err)
{
    struct stat info;

    if (lstat(path, &info) != 0)
        return VG_OK;
    if (!S_ISSOCK(info.st_mode))
        return vg_fail_option(err, VG_E_UNAVAILABLE, option,
                              "%s exists and is not a socket: move it away or use another path",
                              path);
    if (is_alive(path))
        return vg_fail_option(err, VG_E_UNAVAILABLE, option, "%s is in use by another process",
                              path);
    return VG_OK;
}

vg_status vg_zeromq_address_claim(const char *option, const char *endpoint,
                                  struct vg_zeromq_claim *ret, struct vg_err *err)
{
    const char *path = endpoint + strlen(ipc);
    vg_status st;

    *ret = (struct vg_zeromq_claim){ .is_ipc = starts_with(endpoint, ipc) };
    if (!ret->is_ipc) {
        const char *colon = strrchr(endpoint, ':');

        /* libzmq takes a name in an address to bind for that of an interface. */
        if (starts_with(endpoint, "tcp://localhost:"))
            snprintf(ret->bind, sizeof(ret->bind), "tcp://127.0.0.1%s", colon);
        else
            snprintf(ret->bind, sizeof(ret->bind), "%s", endpoint);
        return VG_OK;
    }
    snprintf(ret->bind, sizeof(ret->bind), "%s", endpoint);
    st = check_folder(option, path, err);
    if (st == VG_OK)
        st = lock(option, path, ret, err);
    if (st == VG_OK)
        st = check_stale(option, path, err);
    if (st != VG_OK)
        vg_zeromq_address_release(ret);
    return st;
}

void vg_zeromq_address_release(struct vg_zeromq_claim *claim)
{
    /* The lock file stays: removing it would let two processes lock two files of one name. */
    if (claim->has_lock)
        close(claim->lock_fd);
    claim->has_lock = false;
}
