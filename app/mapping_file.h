/* mapping_file.h - a file whose whole is one mapping of version 1: maps of columns, recipes of risk. */
#ifndef VG_APP_MAPPING_FILE_H
#define VG_APP_MAPPING_FILE_H

#include "runtime/document.h"

/** Reads `path` into *doc and hands it, when it is a mapping, to `read`, which notes what is wrong in
 *  it. All that is wrong goes to `diagnostics`. VG_E_IO when it cannot be read, VG_E_CONFIG when there
 *  are errors. The caller frees *doc in every case. */
VG_NODISCARD vg_status vg_mapping_file_read(struct vg_document *doc, const char *path,
                                            void (*read)(void *ctx, struct vg_document *doc),
                                            void *ctx, struct vg_buf *diagnostics,
                                            struct vg_err *err);

#endif
