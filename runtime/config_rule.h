/* config_rule.h - what the files that read alert rules share, and nobody else includes.
 *
 * config_rules.c reads a rule; config_rule_options.c has the keys of rules and conditions,
 * config_rule_when.c reads conditions, config_rule_parts.c those that are made of others and when they
 * are over, config_rule_value.c limits and distances, config_rule_models.c checks what rules want of
 * models.
 */
#ifndef VG_RUNTIME_CONFIG_RULE_H
#define VG_RUNTIME_CONFIG_RULE_H

#include "runtime/config_private.h"

/* ---- keys (config_rule_options.c) ---- */

/** Of a rule. */
struct vg_rule_keys {
    char *title;
    int priority;
    int64_t for_ns, keep_firing_for_ns, update_every_ns;
    bool technical;
};

/** Of `when`. */
struct vg_when_keys {
    char *subject;     /* channel, model or condition */
    char *channel;     /* CONDITION */
    char *probability; /* FORECAST */
    char *below, *above;
    char *falls_by, *rises_by; /* TREND, RATE */
    char *below_by, *above_by; /* BASELINE */
    char *by;                  /* CHANGE */
    float quantile;
    int64_t within_ns, longer_than_ns;
    int64_t least, of;
    int quality;    /* LIMIT */
    int64_t single; /* SCORE */
    char *level;    /* SCORE */
    int confidence;
};

enum { VG_RULE_QUALITY_USABLE, VG_RULE_QUALITY_GOOD };

/** Of a condition in a combination, beside what `when` has. */
struct vg_part_keys {
    int64_t for_ns, keep_firing_for_ns;
};

/** Of `clear`. */
struct vg_clear_keys {
    char *below, *above;
    int64_t for_ns;
};

extern const struct vg_option vg_rule_options[], vg_part_options[], vg_clear_options[];

/** A kind of rule. */
struct vg_rule_kind_keys {
    const char *key; /**< of `when` that tells the kind; NULL: a combination */
    const struct vg_option *options;
    uint8_t alert_kind;
};
enum { VG_RULE_KINDS = VG_RULE_REFERENCE + 1, VG_RULE_JOINS = VG_JOIN_SEQUENCE + 1 };
extern const struct vg_rule_kind_keys vg_rule_kinds[VG_RULE_KINDS]; /**< by enum vg_rule_kind */

/** By enum vg_join: the key whose value holds conditions, and all keys of such a combination. */
struct vg_rule_join_keys {
    const char *key;
    const struct vg_option *options;
};
extern const struct vg_rule_join_keys vg_rule_joins[VG_RULE_JOINS];

/* ---- conditions (config_rule_when.c) ---- */

/** Reads `when`. `depth`: how many combinations this condition is in; `part`: what one in a combination
 *  may say beside, else NULL. False after noting a problem. */
bool vg_rule_read_when(struct vg_load *l, const struct vg_node *when, struct vg_rule *rule,
                       uint32_t depth, struct vg_part_keys *part);
/** Whether `when` compares by `below` or `above`. */
bool vg_rule_compares(const struct vg_rule *rule);
/** What the mapping is called in messages: one in a list has no key. */
const char *vg_rule_called(const struct vg_node *map);

/* ---- combinations, and ends (config_rule_parts.c) ---- */

/** The conditions of a combination: those of the list, or the one behind `not`. */
void vg_rule_read_parts(struct vg_load *l, const struct vg_node *when, struct vg_rule *rule,
                        uint32_t depth);
void vg_rule_read_clear(struct vg_load *l, const struct vg_node *clear, struct vg_rule *rule);

/* ---- values (config_rule_value.c; limits: vg_load_bound()) ---- */

/** Reads "30 %" as 0.3. False after noting a problem. */
bool vg_rule_read_share(struct vg_load *l, struct vg_place at, const char *text, float *ret);
/** How far something moves or lies off, of a rule about that; of others nothing. */
void vg_rule_read_change(struct vg_load *l, const struct vg_node *when, struct vg_rule *rule,
                         const struct vg_when_keys *o);

#endif
