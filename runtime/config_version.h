/* config_version.h - which version of the format a configuration is written in.
 *
 * There is one: 1. A change that an old file would not survive makes a second; its reader then stands
 * beside that of the first, and `vigil config migrate` (app/config_migrate.c) turns the old into the new.
 */
#ifndef VG_RUNTIME_CONFIG_VERSION_H
#define VG_RUNTIME_CONFIG_VERSION_H

#include "runtime/document.h"

enum { VG_CONFIG_VERSION = 1 };

/**
 * Whether the document can be read as one of VG_CONFIG_VERSION; what is wrong becomes a problem in it.
 * One that says no version is wrong and can be read: the rest of it is worth being looked at.
 */
bool vg_config_version_check(struct vg_document *doc);

#endif
