/* alert_collect.h - events of a chain as episodes. */
#ifndef VG_APP_ALERT_COLLECT_H
#define VG_APP_ALERT_COLLECT_H

#include "core/event.h"
#include "runtime/config.h"

/** One episode. */
struct vg_alert_seen {
    uint32_t rule;            /**< index, for vg_alert_rule_name() */
    uint8_t kind, priority;   /**< the most urgent that it had */
    int channel;              /**< or VG_CHANNEL_NONE */
    int64_t start_ns, end_ns; /**< end VG_TIME_NONE: open */
    int64_t urgent_ns;        /**< since when it had that priority */
};

struct vg_alert_list {
    struct vg_alert_seen *seen; /**< by start */
    size_t n;
};

struct vg_alert_open {
    uint8_t id[16];
    size_t place;
};

/** Of one patient; zeroed to begin with. */
struct vg_alert_collector {
    struct vg_alert_list list; /**< taken, or freed, by the caller */
    struct vg_alert_open *open;
    size_t open_n;
};

/** Names of rules as index `rule` has them: those of the configuration, then the built-in conditions.
 *  NULL behind the last. */
const char *vg_alert_rule_name(const struct vg_config *config, uint32_t rule);
/** The configured rule, or NULL for a built-in condition. */
const struct vg_rule *vg_alert_rule(const struct vg_config *config, uint32_t rule);

/** Takes an event as vg_offline_sink has it. What a rule holds back is not told, and not counted. */
void vg_alert_collect(struct vg_alert_collector *c, const struct vg_config *config,
                      const struct vg_item_event *event, const char *json, size_t len);
/** Frees all but the list. */
void vg_alert_collect_done(struct vg_alert_collector *c);

/** Ends what is open. */
void vg_alert_list_end(struct vg_alert_list *list, int64_t until_ns);

#endif
