/* zeromq_allow.c - key files from disk: whose they are, who may read them, and the list of a folder.
 *
 * A file that others can change says nothing about who is allowed, so its owner and mode are looked
 * at before its content, on the open file: what was checked is what is read.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sinks/zeromq_keys.h"

enum {
    PATH_BYTES = 4096,
    OTHERS_WRITE = 022,
    OTHERS_ANY = 077,
};

static const char suffix[] = ".pub";

static vg_status fail(struct vg_err *err, const char *path, const char *what)
{
    return vg_fail(err, VG_E_CONFIG, "%s: %s", path, what);
}

static vg_status check_owner(const struct stat *s, const char *path, mode_t forbidden,
                             struct vg_err *err)
{
    if (s->st_uid != geteuid() && s->st_uid != 0)
        return fail(err, path, "belongs to another user; it must belong to the one Vigil runs as");
    if ((s->st_mode & forbidden) == 0)
        return VG_OK;
    if (forbidden == OTHERS_ANY)
        return fail(err, path,
                    "others can read or change this secret key; make it private: "
                    "chmod 600, or a new pair: its owner is not known for certain");
    return fail(err, path, "others can change it and so let themselves in; chmod go-w");
}

/* Opens a regular file whose owner and mode are as they must be, and reads all of it. */
static vg_status read_file(const char *path, mode_t forbidden, char text[VG_KEY_FILE_MAX + 1],
                           size_t *ret_len, struct vg_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat s;
    vg_status st = VG_OK;
    ssize_t n;

    if (fd < 0)
        return vg_fail(err, VG_E_CONFIG, "cannot open %s: %s", path, strerror(errno));
    if (fstat(fd, &s) != 0 || !S_ISREG(s.st_mode) || s.st_size > VG_KEY_FILE_MAX)
        st = fail(err, path, "is no key file");
    if (st == VG_OK)
        st = check_owner(&s, path, forbidden, err);
    n = st == VG_OK ? read(fd, text, VG_KEY_FILE_MAX + 1) : 0;
    close(fd);
    if (n < 0)
        return vg_fail(err, VG_E_CONFIG, "cannot read %s: %s", path, strerror(errno));
    *ret_len = (size_t)n;
    return st;
}

static vg_status read_key_file(const char *path, mode_t forbidden, struct vg_key_file *ret,
                               struct vg_err *err)
{
    char text[VG_KEY_FILE_MAX + 1];
    struct vg_err why;
    size_t len = 0;
    vg_status st = read_file(path, forbidden, text, &len, err);

    if (st == VG_OK && vg_key_file_parse(text, len, ret, &why) != VG_OK)
        st = fail(err, path, why.msg);
    explicit_bzero(text, sizeof(text));
    return st;
}

vg_status vg_key_pair_read(const char *path, struct vg_key_file *ret, struct vg_err *err)
{
    vg_status st = read_key_file(path, OTHERS_ANY, ret, err);

    if (st == VG_OK && ret->secret_text[0] == '\0')
        return fail(err, path, "has no secret key; expected a .key that `vigil keygen` made");
    return st;
}

vg_status vg_key_public_read(const char *path, struct vg_key_file *ret, struct vg_err *err)
{
    return read_key_file(path, OTHERS_WRITE, ret, err);
}

/* What makes a key file one of a client that may be let in. */
static vg_status check_client(const struct vg_allow_list *list, const char *path,
                              const struct vg_key_file *k, struct vg_err *err)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    size_t n = strlen(base) - strlen(suffix);

    if (k->secret_text[0])
        return fail(err, path,
                    "holds a secret key, which belongs to the client alone: remove "
                    "this file and make a new pair");
    if (k->roles == 0 || (!k->all_wards && k->wards == 0))
        return fail(err, path,
                    "a client's file needs the lines roles and wards (is it a server's?)");
    if (strlen(k->name) != n || memcmp(k->name, base, n) != 0)
        return fail(err, path, "the file must be named as its line \"name\" says");
    if (vg_allow_list_find(list, k->public_key))
        return fail(err, path, "another file has the same key; each client has its own");
    if (list->n == VG_CLIENTS_MAX)
        return fail(err, path, "there are more than 1024 clients");
    return VG_OK;
}

static vg_status add_client(struct vg_allow_list *list, const char *path, struct vg_err *err)
{
    struct vg_key_file k;
    vg_status st = read_key_file(path, OTHERS_WRITE, &k, err);

    if (st == VG_OK)
        st = check_client(list, path, &k, err);
    if (st == VG_OK) {
        list->client = realloc(list->client, (list->n + 1) * sizeof(list->client[0]));
        VG_CHECK(list->client);
        list->client[list->n++] = k;
    }
    explicit_bzero(&k, sizeof(k));
    return st;
}

static vg_status check_folder(const char *folder, struct vg_err *err)
{
    struct stat s;

    if (stat(folder, &s) != 0)
        return vg_fail(err, VG_E_CONFIG, "cannot open %s: %s", folder, strerror(errno));
    if (!S_ISDIR(s.st_mode))
        return fail(err, folder, "is not a folder");
    return check_owner(&s, folder, OTHERS_WRITE, err);
}

static int is_public(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);

    return entry->d_name[0] != '.' && n > strlen(suffix) &&
           strcmp(entry->d_name + n - strlen(suffix), suffix) == 0;
}

vg_status vg_allow_list_read(const char *folder, bool strict, struct vg_allow_list *ret,
                             size_t *ret_refused, struct vg_err *err)
{
    struct dirent **entry = NULL;
    vg_status st = check_folder(folder, err);
    int n = st == VG_OK ? scandir(folder, &entry, is_public, alphasort) : 0;

    *ret_refused = 0;
    if (n < 0)
        return vg_fail(err, VG_E_CONFIG, "cannot read %s: %s", folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        char path[PATH_BYTES];
        struct vg_err why;

        snprintf(path, sizeof(path), "%s/%s", folder, entry[i]->d_name);
        free(entry[i]);
        if (st != VG_OK || add_client(ret, path, &why) == VG_OK)
            continue;
        if ((*ret_refused)++ == 0)
            *err = why;
        if (strict)
            st = VG_E_CONFIG;
    }
    free(entry);
    if (st != VG_OK)
        vg_allow_list_done(ret);
    return st;
}

void vg_allow_list_done(struct vg_allow_list *list)
{
    free(list->client);
    *list = (struct vg_allow_list){ 0 };
}
