/* document_options.h - mappings of a document read by option tables (core/option.h).
 *
 * Every function notes what is wrong as a problem of the document and goes on, so that one reading
 * shows all of it: unknown keys with a near miss, wrong values with what was expected, required keys
 * that are missing.
 */
#ifndef VG_RUNTIME_DOCUMENT_OPTIONS_H
#define VG_RUNTIME_DOCUMENT_OPTIONS_H

#include "core/option.h"
#include "runtime/document.h"

/** A table of options and the struct that they are written to. */
struct vg_target {
    const struct vg_option *table; /**< NULL: has no options */
    void *self;
};

/**
 * Sets the options of `targets` (n, the defaults are there already) from the entries of `map`.
 * Unknown keys, wrong values and missing required ones become problems. `others` (NULL-terminated)
 * and options of type NODE are keys that the caller reads itself. An option "a.b" is key `b` of the mapping at key `a`. File
 * names are relative to the document's.
 */
void vg_document_options(struct vg_document *doc, const struct vg_node *map,
                         const struct vg_target *targets, size_t n, const char *const *others);

/** The mapping at `key`. NULL when there is none or nothing in it, and when something else stands
 *  there, which becomes a problem. */
const struct vg_node *vg_document_mapping(struct vg_document *doc, const struct vg_node *map,
                                          const char *key);

/** Whether `node` is a mapping. Nothing at all counts as one without entries. */
bool vg_document_is_mapping(struct vg_document *doc, const struct vg_node *node);

/** "unknown WHAT "x"; did you mean "y"?", or what there is. */
void vg_document_unknown(struct vg_document *doc, struct vg_place at, const char *what,
                         const char *word, const char *const *candidates, size_t n);

#endif
