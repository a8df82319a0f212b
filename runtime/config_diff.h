/* config_diff.h - what is different between two configurations, for those who change a running one.
 *
 * The files are compared as they are read: what only one of them spells out is different, also when it
 * is the default. Secrets are compared and never shown.
 */
#ifndef VG_RUNTIME_CONFIG_DIFF_H
#define VG_RUNTIME_CONFIG_DIFF_H

#include "core/buf.h"
#include "core/frame.h"
#include "runtime/config.h"

/** Texts such as "alert_rules.spo2_low.when.below: 90 % -> 92 %". Zeroed to begin with. */
struct vg_config_diff {
    struct vg_strings changes;  /**< that a running pipeline can take over */
    struct vg_strings restarts; /**< that need a restart */
};

/** Notes what is in `next` and not as in `now`. */
void vg_config_compare(const struct vg_config *now, const struct vg_config *next,
                       struct vg_config_diff *ret);
/** A chain as vg_config_plan() makes it. */
struct vg_config_chain {
    const struct vg_layout *layout;
    const struct vg_planned_stage *stage; /**< as many of the same types in both */
};
/** Notes columns of rows that are not as they were, or mean something else: frames have room for those
 *  alone, and who looks on has learnt what they are. */
void vg_config_compare_columns(const struct vg_config_chain *now,
                               const struct vg_config_chain *next, uint32_t stages,
                               struct vg_config_diff *ret);
void vg_config_diff_done(struct vg_config_diff *d);

/** The texts in one line, "; " between them; those behind the first `max` are only counted. */
void vg_config_diff_print(const struct vg_strings *texts, size_t max, struct vg_buf *out);

#endif
