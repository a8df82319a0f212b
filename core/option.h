/* option.h - one row per option; parsing, checks, defaults and documentation follow from it.
 *
 * A component has a static const table of these that ends with VG_OPT_END. The loader of the
 * configuration walks the table, `vigil describe` prints it, and the part of it that can change an
 * event goes into the configuration hash.
 */
#ifndef VG_CORE_OPTION_H
#define VG_CORE_OPTION_H

#include "core/buf.h"
#include "core/channel.h"
#include "core/err.h"

enum vg_option_type {
    VG_OPT_END_,
    VG_OPT_INT_,      /**< field: int64_t */
    VG_OPT_FLOAT_,    /**< field: float */
    VG_OPT_BOOL_,     /**< field: bool */
    VG_OPT_ENUM_,     /**< field: int; index into choices */
    VG_OPT_STRING_,   /**< field: char *, owned, NULL when neither set nor defaulted */
    VG_OPT_DURATION_, /**< field: int64_t, nanoseconds; text "10s" */
    VG_OPT_SIZE_,     /**< field: uint64_t, bytes; text "4MiB" */
    VG_OPT_CHANNELS_, /**< field: struct vg_channel_values; mapping channel -> quantity */
    VG_OPT_LIST_,     /**< field: struct vg_strings; sequence of scalars */
    VG_OPT_MAP_,      /**< field: struct vg_strings; mapping of scalars */
    VG_OPT_NODE_,     /**< no field: whoever owns the table reads what stands there */
};

/** A value per channel in that channel's unit; `set` has bit c for the channels given. */
struct vg_channel_values {
    uint32_t set;
    float value[VG_CHANNELS];
};

/** A list of strings, or a map (then `key` is not NULL). Owned by the struct that holds it. */
struct vg_strings {
    size_t n;
    char **key;
    char **value;
};

enum {
    VG_OPT_REQUIRED = 1, /**< must be given */
    VG_OPT_SECRET = 2,   /**< never printed */
    VG_OPT_EVENTS = 4,   /**< can change an event: part of the configuration hash */
    VG_OPT_PATH = 8,     /**< a file name; relative to the configuration file */
};

struct vg_shape;

/** One option of a component. Tables are static const and end with VG_OPT_END. */
struct vg_option {
    enum vg_option_type type;
    const char *name;             /**< key in the configuration, snake_case */
    const char *unit;             /**< "s", "/min", ...; "" for none */
    const char *help;             /**< one or two sentences */
    size_t offset;                /**< where the value goes in the component's struct */
    const char *def;              /**< default as text, parsed like the user's; NULL: unset */
    double min, max;              /**< numbers, durations (s), sizes (bytes): allowed, inclusive */
    const char *const *choices;   /**< enums: NULL-terminated; INT: words that stand for 0 */
    unsigned flags;               /**< VG_OPT_REQUIRED ... */
    const struct vg_shape *shape; /**< NODE: what may stand there (runtime/config_shape.h) */
};

/* The _Generic arms turn a table row whose field has the wrong C type into a compile error, which
 * an offset alone would not. */
#define VG_FIELD_(T, field, ctype) \
    (offsetof(T, field) + 0 * sizeof(_Generic(((T *)0)->field, ctype : (char)0)))

/* clang-format off */
#define VG_OPT_INT(T, field, key, d, lo, hi, u, fl, h) \
    { .type = VG_OPT_INT_, .name = (key), .unit = (u), .help = (h), .flags = (fl), \
      .offset = VG_FIELD_(T, field, int64_t), .def = (d), .min = (lo), .max = (hi) }
#define VG_OPT_FLOAT(T, field, key, d, lo, hi, u, fl, h) \
    { .type = VG_OPT_FLOAT_, .name = (key), .unit = (u), .help = (h), .flags = (fl), \
      .offset = VG_FIELD_(T, field, float), .def = (d), .min = (lo), .max = (hi) }
#define VG_OPT_BOOL(T, field, key, d, fl, h) \
    { .type = VG_OPT_BOOL_, .name = (key), .unit = "", .help = (h), .flags = (fl), \
      .offset = VG_FIELD_(T, field, bool), .def = (d) }
#define VG_OPT_ENUM(T, field, key, d, list, fl, h) \
    { .type = VG_OPT_ENUM_, .name = (key), .unit = "", .help = (h), .flags = (fl), \
      .offset = VG_FIELD_(T, field, int), .def = (d), .choices = (list) }
#define VG_OPT_STRING(T, field, key, d, fl, h) \
    { .type = VG_OPT_STRING_, .name = (key), .unit = "", .help = (h), .flags = (fl), \
      .offset = VG_FIELD_(T, field, char *), .def = (d) }
/* lo and hi in seconds */
#define VG_OPT_DURATION(T, field, key, d, lo, hi, fl, h) \
    { .type = VG_OPT_DURATION_, .name = (key), .unit = "duration", .help = (h), .flags = (fl), \
      .offset = VG_FIELD_(T, field, int64_t), .def = (d), .min = (lo), .max = (hi) }
#define VG_OPT_SIZE(T, field, key, d, lo, hi, fl, h) \
    { .type = VG_OPT_SIZE_, .name = (key), .unit = "bytes", .help = (h), .flags = (fl), \
      .offset = VG_FIELD_(T, field, uint64_t), .def = (d), .min = (lo), .max = (hi) }
#define VG_OPT_CHANNELS(T, field, key, fl, h) \
    { .type = VG_OPT_CHANNELS_, .name = (key), .unit = "unit of the channel", .help = (h), \
      .flags = (fl), .offset = VG_FIELD_(T, field, struct vg_channel_values) }
#define VG_OPT_LIST(T, field, key, fl, h) \
    { .type = VG_OPT_LIST_, .name = (key), .unit = "", .help = (h), .flags = (fl), \
      .offset = VG_FIELD_(T, field, struct vg_strings) }
#define VG_OPT_MAP(T, field, key, fl, h) \
    { .type = VG_OPT_MAP_, .name = (key), .unit = "", .help = (h), .flags = (fl), \
      .offset = VG_FIELD_(T, field, struct vg_strings) }
/* what: "mapping", "list", ...: what stands there, in a word or two */
#define VG_OPT_NODE(key, what, s, fl, h) \
    { .type = VG_OPT_NODE_, .name = (key), .unit = (what), .help = (h), .flags = (fl), .shape = (s) }
#define VG_OPT_END { .type = VG_OPT_END_ }
/* clang-format on */

const struct vg_option *vg_option_find(const struct vg_option *table, const char *name);

/** Writes every default of `table` into the zeroed struct `self`. */
void vg_options_default(const struct vg_option *table, void *self);

/**
 * Sets one scalar option from text (int, float, bool, enum, string, duration, size). Fails with
 * VG_E_CONFIG, naming the option, the text and what was expected.
 */
VG_NODISCARD vg_status vg_option_set(const struct vg_option *opt, void *self, const char *text,
                                     struct vg_err *err);

/** Adds one entry of a CHANNELS, LIST or MAP option; `key` is NULL for a list. */
VG_NODISCARD vg_status vg_option_add(const struct vg_option *opt, void *self, const char *key,
                                     const char *text, struct vg_err *err);

/** Frees the strings that options own in `self`. */
void vg_options_done(const struct vg_option *table, void *self);

/** The effective value of an option as canonical text, as `describe` and the hash print it; a
 *  secret prints as "***". */
void vg_option_print(const struct vg_option *opt, const void *self, struct vg_buf *out);

/** "number from 1 to 100 /min", "one of: device, record": what the option accepts. */
void vg_option_expected(const struct vg_option *opt, struct vg_buf *out);

#endif
