/* config_verb.c - `vigil config`: what a configuration comes to, one in the newest
 * version of the format, and one to begin with. */
#include "app/config_verb.h"

#include "app/family.h"
#include "app/verbs.h"

static const struct vg_family_member members[] = {
    { "show", vg_config_show, "every value of a configuration, and where it is from" },
    { "migrate", vg_config_migrate, "a configuration in the newest version of the format" },
    { "new", vg_config_new, "a commented configuration to begin with" },
};

static const struct vg_family config_family = {
    .name = "config",
    .summary = "Shows configurations, brings old ones up to date, and makes new ones.\n",
    .member = members,
    .members = VG_ARRAY_LEN(members),
};

int vg_verb_config(int argc, char **argv)
{
    return vg_family_run(&config_family, argc, argv);
}
