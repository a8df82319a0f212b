/* examples.h - a piece of configuration for each component and section, for `vigil describe` and the
 * reference. Each stands where it would in a file; tests/scenarios/test_docs.py validates them. */
#ifndef VG_APP_EXAMPLES_H
#define VG_APP_EXAMPLES_H

#include "core/option.h"

/**
 * Appends YAML that ends with a newline; nothing where there is none. `kind` is "source", "stage",
 * "sink", ... or "section"; `options` are its own, for a component that has no example: NULL is fine.
 */
void vg_example_write(const char *kind, const char *name, const struct vg_option *options,
                      struct vg_buf *out);

#endif
