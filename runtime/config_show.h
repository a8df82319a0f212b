/* config_show.h - what a configuration comes to: every value with its default, and where it is from. */
#ifndef VG_RUNTIME_CONFIG_SHOW_H
#define VG_RUNTIME_CONFIG_SHOW_H

#include "core/buf.h"
#include "runtime/config.h"

/** Appends a configuration that means the same when it lies in the same folder, with the origin of each
 *  value beside it; or (`json`) {"config":HASH,"values":[{"path","value","origin",...}]}. Values of the
 *  environment are filled in; secrets are stars. */
void vg_config_show_values(const struct vg_config *config, bool json, struct vg_buf *out);

#endif
