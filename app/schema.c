/* schema.c - `vigil schema`: what may stand in a configuration, for editors. */
#include <stdio.h>

#include "app/command.h"
#include "app/verbs.h"
#include "runtime/config_schema.h"

static const struct vg_option options[] = { VG_OPT_END };

static const struct vg_command command = {
    .name = "schema",
    .summary = "Prints the JSON Schema of configurations, for editors",
    .arguments = "",
    .options = options,
    .notes = "With the yaml-language-server, put this line at the top of a configuration:\n"
             "  # yaml-language-server: $schema=/path/to/vigil.schema.json\n",
};

int vg_verb_schema(int argc, char **argv)
{
    struct vg_buf schema = VG_BUF_INIT;
    char none = 0, **args;
    int exit = vg_command_parse(&command, argc, argv, &none, &args);

    if (exit != VG_COMMAND_GO)
        return exit;
    vg_config_schema(&schema);
    fputs(schema.data, stdout);
    vg_buf_done(&schema);
    return 0;
}
