/* config_schema.h - the schema of configurations, for editors. */
#ifndef VG_RUNTIME_CONFIG_SCHEMA_H
#define VG_RUNTIME_CONFIG_SCHEMA_H

#include "core/buf.h"

/**
 * Appends a JSON Schema (draft 7, which every yaml-language-server reads) of a configuration file.
 * What it refuses the loader refuses, too; the loader also looks at what no schema can say:
 * references, units of channels, files, values that depend on others.
 */
void vg_config_schema(struct vg_buf *out);

#endif
