/* config_verb.h - members of the family `vigil config`. */
#ifndef VG_APP_CONFIG_VERB_H
#define VG_APP_CONFIG_VERB_H

int vg_config_show(int argc, char **argv);
int vg_config_migrate(int argc, char **argv);
int vg_config_new(int argc, char **argv);

#endif
