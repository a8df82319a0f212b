/* config_check.h - loading a configuration with a look at what is wrong with it. */
#ifndef VG_RUNTIME_CONFIG_CHECK_H
#define VG_RUNTIME_CONFIG_CHECK_H

#include "runtime/config.h"
#include "runtime/document.h"

/** Sees the problems of a configuration, in the order of the file; also when there are none. `others` are
 *  reports about other files that it names, as text, or "". */
typedef void vg_config_see(void *arg, const struct vg_document *doc, const char *others);

/** vg_config_load(), which is this with a look that writes a report. Nothing is seen of a file that
 *  cannot be read (VG_E_IO). */
VG_NODISCARD vg_status vg_config_check(const char *path, struct vg_config **ret, vg_config_see *see,
                                       void *arg, struct vg_err *err);

#endif
