/* audit.c - `vigil audit`: whether the log of who did what is whole, and the key that seals it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "app/config_load.h"
#include "app/family.h"
#include "app/verbs.h"
#include "runtime/audit.h"
#include "runtime/config.h"

struct options {
    char *config, *data_dir, *seal, *key;
};

/* clang-format off */
#define O struct options
#define WHERE \
    VG_CLI_STRING(O, config, "config", "FILE", NULL, 0, \
                  "the configuration of the pipeline, for its service.data_dir"), \
    VG_CLI_STRING(O, data_dir, "data_dir", "DIR", NULL, 0, \
                  "the pipeline's service.data_dir, instead of --config")

static const struct vg_option verify_options[] = {
    WHERE,
    VG_CLI_STRING(O, seal, "seal", "NUMBER:HASH", NULL, 0,
                  "a seal that was told in a heartbeat or in the log: it must be there, or the tail "
                  "is cut off"),
    VG_CLI_STRING(O, key, "key", "DIGITS", NULL, 0,
                  "the public key of the seals, as `vigil audit key` printed it once, instead of the "
                  "one in the folder"),
    VG_OPT_END,
};
static const struct vg_option key_options[] = { WHERE, VG_OPT_END };
#undef WHERE
#undef O
/* clang-format on */

static const struct vg_command verify_command = {
    .name = "audit verify",
    .summary = "Looks at every record of the audit log and names the first that is wrong",
    .arguments = "",
    .options = verify_options,
    .notes =
        "Exit code 0: nothing is changed, missing or moved; 1: something is. Who can write to\n"
        "the data folder can make a new log: keep a seal and the key elsewhere, and name them.\n",
};

static const struct vg_command key_command = {
    .name = "audit key",
    .summary = "Prints the public key that seals of the audit log are checked with",
    .arguments = "",
    .options = key_options,
};

static char *folder_of(const struct vg_command *command, const struct options *o, int *ret_code)
{
    struct vg_config *config = NULL;
    struct vg_err err;
    const char *where;
    char *folder;

    if (!o->config == !o->data_dir) {
        *ret_code = vg_command_usage(command, "expected --config FILE or --data-dir DIR");
        return NULL;
    }
    if (o->config && vg_config_load_aloud(o->config, &config, &err) != VG_OK) {
        *ret_code = vg_command_failed(command, &err);
        return NULL;
    }
    where = config ? config->service.data_dir : o->data_dir;
    VG_CHECK(where != NULL);
    folder = strdup(where);
    VG_CHECK(folder != NULL);
    vg_config_free(config);
    return folder;
}

/* "120:9f86..." */
static bool read_seal(const char *text, struct vg_audit_end *ret)
{
    uint8_t bytes[VG_AUDIT_KEY_BYTES];
    char *colon;

    ret->n = strtoull(text, &colon, 10);
    if (text[0] < '1' || text[0] > '9' || *colon != ':' || !vg_audit_key_read(colon + 1, bytes))
        return false;
    memcpy(ret->hash, colon + 1, sizeof(ret->hash));
    return true;
}

static int print(const struct vg_audit_verdict *v)
{
    if (v->file[0] && v->line > 0) {
        printf("audit/%s:%llu: %s\n%llu records before it are right\n", v->file,
               (unsigned long long)v->line, v->why, (unsigned long long)v->end.n);
        return vg_status_exit(VG_E_FAILED);
    }
    if (v->file[0]) {
        printf("%s\n", v->why);
        return vg_status_exit(VG_E_FAILED);
    }
    printf("%llu records are right\n", (unsigned long long)v->records);
    if (v->sealed.n > 0)
        printf("last seal: %llu:%s\n", (unsigned long long)v->sealed.n, v->sealed.hash);
    return 0;
}

static int verify_folder(const struct options *o, const char *folder)
{
    struct vg_audit_verdict verdict;
    struct vg_audit_end seal;
    uint8_t key[VG_AUDIT_KEY_BYTES];
    struct vg_err err;

    vg_audit_line_init();
    if (o->seal && !read_seal(o->seal, &seal))
        return vg_command_usage(&verify_command,
                                "--seal: expected NUMBER:HASH with 64 digits, as the log has it");
    if (o->key && !vg_audit_key_read(o->key, key))
        return vg_command_usage(&verify_command, "--key: expected 64 hexadecimal digits");
    if (vg_audit_verify(folder, o->key ? key : NULL, o->seal ? &seal : NULL, &verdict, &err) !=
        VG_OK)
        return vg_command_failed(&verify_command, &err);
    return print(&verdict);
}

static int verify(int argc, char **argv)
{
    struct options o = { .config = NULL };
    char **args, *folder = NULL;
    int code = vg_command_parse(&verify_command, argc, argv, &o, &args);

    if (code == VG_COMMAND_GO)
        folder = folder_of(&verify_command, &o, &code);
    if (folder)
        code = verify_folder(&o, folder);
    free(folder);
    vg_options_done(verify_options, &o);
    return code;
}

static int print_key(const char *folder)
{
    char digits[VG_AUDIT_KEY_SIZE];
    struct vg_err err;

    if (vg_audit_key(folder, digits, &err) != VG_OK)
        return vg_command_failed(&key_command, &err);
    printf("%s\n", digits);
    return 0;
}

static int key(int argc, char **argv)
{
    struct options o = { .config = NULL };
    char **args, *folder = NULL;
    int code = vg_command_parse(&key_command, argc, argv, &o, &args);

    if (code == VG_COMMAND_GO)
        folder = folder_of(&key_command, &o, &code);
    if (folder)
        code = print_key(folder);
    free(folder);
    vg_options_done(key_options, &o);
    return code;
}

static const struct vg_family_member members[] = {
    { "verify", verify, "look whether a record was changed, moved or taken away" },
    { "key", key, "print the public key of the seals" },
};

static const struct vg_family family = {
    .name = "audit",
    .summary = "Looks at the log of who did what: starts, changes, who was let in, orders.\n"
               "Vigil is not a medical device.\n",
    .member = members,
    .members = VG_ARRAY_LEN(members),
};

int vg_verb_audit(int argc, char **argv)
{
    return vg_family_run(&family, argc, argv);
}
