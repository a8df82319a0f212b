/* config_load.h - a configuration for a verb: what is wrong with it goes to standard error. */
#ifndef VG_APP_CONFIG_LOAD_H
#define VG_APP_CONFIG_LOAD_H

#include "runtime/config.h"

/** vg_config_load() that prints its diagnostics. A file that cannot be read is a wrong configuration
 *  too: VG_E_CONFIG. */
VG_NODISCARD vg_status vg_config_load_aloud(const char *path, struct vg_config **ret,
                                            struct vg_err *err);

#endif
