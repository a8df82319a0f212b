/* document_parse.h - among the files of a document: its text becomes a tree. */
#ifndef VG_RUNTIME_DOCUMENT_PARSE_H
#define VG_RUNTIME_DOCUMENT_PARSE_H

#include "runtime/document.h"

/** Builds doc->root of doc->text, which is UTF-8. False when the tree is not whole, and a problem says
 *  why. *ret_extras: there were tags or anchors, which a password may look like. */
VG_NODISCARD bool vg_document_parse(struct vg_document *doc, bool *ret_extras);

/** Frees a node, its siblings behind it, and all below them; NULL is fine. */
void vg_node_free(struct vg_node *node);

/** The place so many columns further on. */
static inline struct vg_place vg_place_after(struct vg_place at, size_t columns)
{
    return (struct vg_place){ at.line, at.column + (uint32_t)columns };
}

#endif
