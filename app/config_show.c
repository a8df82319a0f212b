/* config_show.c - `vigil config show`: what a configuration comes to, and where each value is from. */
#include <stdio.h>

#include "app/command.h"
#include "app/config_load.h"
#include "app/config_verb.h"
#include "runtime/config_show.h"

struct options {
    bool json;
};

static const struct vg_option options[] = {
    VG_OPT_BOOL(struct options, json, "json", "false", 0,
                "a list of values, each with its path, its origin and its place"),
    VG_OPT_END,
};

static const struct vg_command command = {
    .name = "config show",
    .summary = "Shows every value of a configuration, with defaults, and where it is from",
    .arguments = "CONFIG",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = options,
    .notes =
        "What is printed is a configuration that means the same, when it lies in the same folder.\n"
        "Values of the environment are filled in; secrets are stars.\n",
};

int vg_config_show(int argc, char **argv)
{
    struct options o = { 0 };
    struct vg_config *config = NULL;
    struct vg_buf text = VG_BUF_INIT;
    struct vg_err err;
    char **args;
    int exit = vg_command_parse(&command, argc, argv, &o, &args);

    if (exit != VG_COMMAND_GO)
        return exit;
    if (vg_config_load_aloud(args[0], &config, &err) != VG_OK)
        return vg_command_failed(&command, &err);
    vg_config_show_values(config, o.json, &text);
    fputs(text.data, stdout);
    vg_buf_done(&text);
    vg_config_free(config);
    return 0;
}
