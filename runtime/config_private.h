/* config_private.h - what the files of the configuration loader share, and nobody else includes.
 *
 * config.c walks the sections, config_rules.c reads the clinical part, config_hash.c makes hashes
 * of what was read. Every function here notes what is wrong as a problem of the document and goes
 * on, so that one run shows all of it.
 */
#ifndef VG_RUNTIME_CONFIG_PRIVATE_H
#define VG_RUNTIME_CONFIG_PRIVATE_H

#include "runtime/config.h"
#include "runtime/document.h"

struct vg_load {
    struct vg_config *config;
    struct vg_document *doc;
};

/** A table of options and the struct that they are written to. */
struct vg_target {
    const struct vg_option *table; /**< NULL: has no options */
    void *self;
};

enum { VG_TARGETS_MAX = 2 };

/**
 * Sets the options of `targets` (n, the defaults are there already) from the entries of `map`.
 * Unknown keys, wrong values and missing required ones become problems. `others` (NULL-terminated)
 * are keys that the caller reads itself. An option "a.b" is key `b` of the mapping at key `a`.
 */
void vg_load_options(struct vg_load *l, const struct vg_node *map, const struct vg_target *targets,
                     size_t n, const char *const *others);

/** The mapping at `key`. NULL when there is none or nothing in it, and when something else stands
 *  there, which becomes a problem. */
const struct vg_node *vg_load_mapping(struct vg_load *l, const struct vg_node *map,
                                      const char *key);

/** Whether `node` is a mapping. Nothing at all counts as one without entries. */
bool vg_load_is_mapping(struct vg_load *l, const struct vg_node *node);

/** Whether the key of `node` may name a rule, sink, model or profile. */
bool vg_load_is_name(struct vg_load *l, const struct vg_node *node);

/** "unknown WHAT "x"; did you mean "y"?", or what there is. */
void vg_load_unknown(struct vg_load *l, struct vg_place at, const char *what, const char *word,
                     const char *const *candidates, size_t n);

bool vg_name_valid(const char *s); /**< [A-Za-z0-9_.-]{1,64} */

/** Sections profiles, wards and alert_rules into config->site. */
void vg_load_site(struct vg_load *l);
/** What rules need of the models, once those are loaded. */
void vg_load_check_rules(struct vg_load *l);
/** Names of all rules; the caller frees the array. */
const char **vg_load_rule_names(const struct vg_load *l);

/** Fills config->hash, and the identity of each of config->stages, from what was read and from a
 *  chain planned with it. */
void vg_config_make_hashes(struct vg_config *config, const struct vg_planned_stage *stages);

#endif
