/* mapping_file.c - a file whose whole is one mapping of version 1. */
#include "app/mapping_file.h"

vg_status vg_mapping_file_read(struct vg_document *doc, const char *path,
                               void (*read)(void *ctx, struct vg_document *doc), void *ctx,
                               struct vg_buf *diagnostics, struct vg_err *err)
{
    vg_status st = vg_document_read(doc, path, err);

    if (st == VG_OK && doc->root && doc->root->kind == VG_NODE_MAPPING)
        read(ctx, doc);
    else if (st == VG_OK)
        vg_document_error(doc, (struct vg_place){ 1, 1 },
                          "expected a mapping that begins with \"version: 1\"");
    vg_document_report(doc, diagnostics);
    if (st == VG_OK && doc->count[VG_ERROR])
        st = vg_fail(err, VG_E_CONFIG, "%s: %u errors", path, doc->count[VG_ERROR]);
    return st;
}
