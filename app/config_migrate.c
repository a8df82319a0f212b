/* config_migrate.c - `vigil config migrate`: a configuration in the newest version of the format.
 *
 * There has been one version so far, so that a file of it comes out byte for byte. What the verb is for
 * today: scripts that roll a new Vigil out can call it before they know whether they need it, and a file
 * that is ahead of the program is told from one that is wrong.
 */
#include <stdio.h>

#include "app/command.h"
#include "app/config_verb.h"
#include "runtime/config_version.h"

struct options {
    bool check;
};

static const struct vg_option options[] = {
    VG_OPT_BOOL(struct options, check, "check", "false", 0,
                "print nothing; exit code 1 when the file is of an older version"),
    VG_OPT_END,
};

static const struct vg_command command = {
    .name = "config migrate",
    .summary = "Prints a configuration in the newest version of the format, comments included",
    .arguments = "CONFIG",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = options,
    .notes =
        "Version 1 is the only one so far: a file of it is printed as it is. Whether the values\n"
        "make sense is for `vigil validate` to say.\n"
        "Exit code 78: the file is of no version that this Vigil knows, or is not YAML.\n"
        "\n"
        "    vigil config migrate ward.yaml > ward.new.yaml\n",
};

static vg_status read_any(struct vg_document *doc, const char *path, struct vg_err *err)
{
    vg_status st = vg_document_read(doc, path, err);
    uint32_t before = doc->count[VG_ERROR];

    if (st == VG_E_IO)
        return err->status = VG_E_CONFIG;
    if (st != VG_OK)
        return st;
    /* `before`: a variable of the environment that is not set here is no matter of the format. */
    if (!vg_config_version_check(doc) || doc->count[VG_ERROR] > before)
        return vg_fail(err, VG_E_CONFIG, "%s: of no version that this Vigil knows", path);
    return VG_OK;
}

static vg_status migrate(const char *path, const struct options *o, struct vg_err *err)
{
    struct vg_document doc;
    struct vg_buf said = VG_BUF_INIT;
    vg_status st = read_any(&doc, path, err);

    if (st != VG_OK && doc.problems_n > 0) {
        vg_document_report(&doc, &said);
        fputs(said.data, stderr);
    }
    if (st == VG_OK && !o->check)
        fwrite(doc.text, 1, doc.len, stdout);
    if (st == VG_OK)
        fprintf(stderr, "%s is of version %d, the newest: there is nothing to migrate\n", path,
                VG_CONFIG_VERSION);
    vg_buf_done(&said);
    vg_document_done(&doc);
    return st;
}

int vg_config_migrate(int argc, char **argv)
{
    struct options o = { 0 };
    struct vg_err err;
    char **args;
    int exit = vg_command_parse(&command, argc, argv, &o, &args);

    if (exit == VG_COMMAND_GO)
        exit = migrate(args[0], &o, &err) == VG_OK ? 0 : vg_command_failed(&command, &err);
    vg_options_done(options, &o);
    return exit;
}
