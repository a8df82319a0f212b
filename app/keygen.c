/* keygen.c - `vigil keygen`: a pair of CURVE keys, for a pipeline or for a client of it.
 *
 * The secret key never leaves the machine it was made on: it is written for this user alone and not
 * printed. The public one says who its owner is and what it may do, and goes to the pipeline's folder
 * of keys.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/command.h"
#include "app/verbs.h"
#include "core/buf.h"
#include "sinks/zeromq_keys.h"

enum { PATH_BYTES = 4096, SECRET_MODE = 0600, PUBLIC_MODE = 0644 };

struct options {
    char *out;
    bool server;
    struct vg_strings role, ward;
};

/* clang-format off */
#define O struct options
static const struct vg_option options[] = {
    VG_CLI_STRING(O, out, "out", "DIR", NULL, VG_OPT_REQUIRED,
                  "folder for NAME.key and NAME.pub; made if missing"),
    VG_OPT_BOOL(O, server, "server", "false", 0, "the pair of a pipeline, not of a client"),
    VG_CLI_LIST(O, role, "role", "ROLE", 0,
                "read (the default), acknowledge or command; may be given several times"),
    VG_CLI_LIST(O, ward, "ward", "WARD", 0,
                "a ward that the client may see, or all; may be given several times"),
    VG_OPT_END,
};
#undef O
/* clang-format on */

static const struct vg_command command = {
    .name = "keygen",
    .summary = "Makes a pair of keys for a pipeline's subscribers, or for the pipeline",
    .arguments = "NAME",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = options,
    .notes =
        "Prints the public key. NAME.key is secret: it stays where it was made, readable by its "
        "user alone.\nA client's NAME.pub goes to the folder `keys` of the pipeline's zeromq "
        "sink; then send SIGHUP.\nNothing is overwritten. docs/security.md has the steps.\n",
};

static void add_list(struct vg_buf *b, const char *word, const struct vg_strings *list,
                     const char *def)
{
    vg_buf_printf(b, "%s:", word);
    for (size_t i = 0; i < list->n; i++)
        vg_buf_printf(b, " %s", list->value[i]);
    vg_buf_printf(b, "%s\n", list->n ? "" : def);
}

static void write_text(const struct options *o, const struct vg_key_file *pair, bool secret,
                       struct vg_buf *b)
{
    vg_buf_clear(b);
    vg_buf_printf(b, "# %s\nname: %s\npublic: %s\n",
                  secret ? "Secret: for its owner alone." : "Public key.", pair->name,
                  pair->public_text);
    if (secret)
        vg_buf_printf(b, "secret: %s\n", pair->secret_text);
    if (secret || o->server)
        return;
    add_list(b, "roles", &o->role, " read");
    add_list(b, "wards", &o->ward, "");
}

static int failed(const char *what, const char *path)
{
    fprintf(stderr, "vigil keygen: cannot %s %s: %s\n", what, path, strerror(errno));
    return vg_status_exit(VG_E_IO);
}

static bool write_all(int fd, const struct vg_buf *b)
{
    for (size_t at = 0; at < b->len;) {
        ssize_t n = write(fd, b->data + at, b->len - at);

        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    return fsync(fd) == 0;
}

static int save(const char *path, mode_t mode, const struct vg_buf *b)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    bool ok;

    if (fd < 0 && errno == EEXIST) {
        fprintf(stderr,
                "vigil keygen: %s is there already and stays as it is; use another name, "
                "or remove it if nobody uses that key any more\n",
                path);
        return vg_status_exit(VG_E_FAILED);
    }
    if (fd < 0)
        return failed("make", path);
    ok = fchmod(fd, mode) == 0 && write_all(fd, b);
    if (close(fd) == 0 && ok)
        return VG_COMMAND_GO;
    unlink(path);
    return failed("write", path);
}

/* What was written reads back as what it is meant to be. */
static int check_text(const struct vg_buf *b, struct vg_err *err)
{
    struct vg_key_file k;
    vg_status st = vg_key_file_parse(b->data, b->len, &k, err);

    explicit_bzero(&k, sizeof(k));
    return st == VG_OK ? VG_COMMAND_GO : vg_command_usage(&command, "%s", err->msg);
}

static int make(const struct options *o, const char *name)
{
    char secret_path[PATH_BYTES], public_path[PATH_BYTES];
    struct vg_buf secret = VG_BUF_INIT, open_text = VG_BUF_INIT;
    struct vg_key_file pair;
    struct vg_err err;
    int code;

    vg_key_pair_make(&pair);
    snprintf(pair.name, sizeof(pair.name), "%s", name);
    snprintf(secret_path, sizeof(secret_path), "%s/%s.key", o->out, name);
    snprintf(public_path, sizeof(public_path), "%s/%s.pub", o->out, name);
    write_text(o, &pair, true, &secret);
    write_text(o, &pair, false, &open_text);
    code = check_text(&open_text, &err);
    if (code == VG_COMMAND_GO && mkdir(o->out, 0700) != 0 && errno != EEXIST)
        code = failed("make the folder", o->out);
    if (code == VG_COMMAND_GO)
        code = save(secret_path, SECRET_MODE, &secret);
    if (code == VG_COMMAND_GO &&
        (code = save(public_path, PUBLIC_MODE, &open_text)) != VG_COMMAND_GO)
        unlink(secret_path);
    if (code == VG_COMMAND_GO)
        printf("%s\n", pair.public_text);
    explicit_bzero(&pair, sizeof(pair));
    explicit_bzero(secret.data, secret.len);
    vg_buf_done(&secret);
    vg_buf_done(&open_text);
    return code == VG_COMMAND_GO ? 0 : code;
}

static int check(const struct options *o, const char *name)
{
    if (!vg_client_name_valid(name, strlen(name)))
        return vg_command_usage(&command, "\"%s\": a name has 1 to 32 of a-z, 0-9 and -", name);
    if (o->server && (o->role.n || o->ward.n))
        return vg_command_usage(&command, "a pipeline's pair has neither --role nor --ward");
    if (!o->server && o->ward.n == 0)
        return vg_command_usage(&command,
                                "--ward WARD is missing: what the client may see, or all");
    return VG_COMMAND_GO;
}

int vg_verb_keygen(int argc, char **argv)
{
    struct options o = { 0 };
    char **arguments;
    int code = vg_command_parse(&command, argc, argv, &o, &arguments);

    if (code == VG_COMMAND_GO)
        code = check(&o, arguments[0]);
    if (code == VG_COMMAND_GO)
        code = make(&o, arguments[0]);
    vg_options_done(options, &o);
    return code;
}
