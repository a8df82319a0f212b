/* config_shape.h - what may stand where in a configuration, as data.
 *
 * Option tables (core/option.h) have a row for every key; a row of type NODE says by a shape what
 * stands below it. Together they are the whole language, from vg_config_shape down. The loader takes
 * its keys from the tables; the schema for editors (runtime/config_schema.h) and `vigil config show`
 * follow the shapes. What depends on other values than those of one mapping (a rule that must be
 * there, a limit that must lie below another) is the loader's alone.
 */
#ifndef VG_RUNTIME_CONFIG_SHAPE_H
#define VG_RUNTIME_CONFIG_SHAPE_H

#include "core/option.h"
#include "runtime/document.h"

enum vg_shape_kind {
    VG_SHAPE_KEYS,  /**< mapping with keys of the first alternative */
    VG_SHAPE_ONE,   /**< mapping with the keys of one of the alternatives */
    VG_SHAPE_NAMED, /**< mapping of names to `entry` */
    VG_SHAPE_LIST,  /**< list of `entry` */
    VG_SHAPE_VALUE, /**< what `json` describes */
};

enum { VG_SHAPE_TABLES = 3 };

/** Keys that go together. */
struct vg_alternative {
    const char *key;  /**< that tells it from the others; NULL: the only one */
    const char *word; /**< value of that key; NULL: any */
    const char *summary;
    const struct vg_option *table[VG_SHAPE_TABLES]; /**< NULL from the first unused one on */
};

struct vg_shape {
    enum vg_shape_kind kind;
    const char *name; /**< of its definition in the schema; unique */
    bool empty_too;   /**< nothing at all counts as a mapping without entries */
    bool word_too;    /**< (ONE) the word of an alternative alone is enough */
    const struct vg_option *table[VG_SHAPE_TABLES]; /**< (KEYS) */
    /** (ONE) The i-th alternative; false behind the last. The first whose key and word are there is
     *  meant. */
    bool (*alternative)(size_t i, struct vg_alternative *ret);
    const struct vg_shape *channel; /**< (KEYS) of each key that names a channel; NULL: none may */
    const char *const *anything;    /**< (KEYS) further keys, NULL-terminated; any value */
    const struct vg_shape *entry;   /**< (NAMED, LIST) */
    uint32_t least, most;           /**< (NAMED, LIST) entries; most 0: any number */
    const char *pattern;            /**< (NAMED) of the names, as a regular expression; NULL: any */
    const char *json;               /**< (VALUE) a schema */
};

/** A scalar. */
extern const struct vg_shape vg_shape_text;
/** The whole file. */
extern const struct vg_shape vg_config_shape;
/** Its sections, in the order in which people read them. */
extern const struct vg_option vg_section_options[];

/** The keys that `map` may have: those of the alternative that it chose. False when it chose none. */
bool vg_shape_choose(const struct vg_shape *shape, const struct vg_node *map,
                     struct vg_alternative *ret);

#endif
