/* notice.h - trouble on the way out, which people must be told: a sink fails, nobody confirms.
 *
 * What happens outside the log is no event by itself: a replay would not find it there. So notices
 * enter a shard as a recorded command (VG_COMMAND_NOTICE), and the technical condition that they belong
 * to (VG_CONDITIONS in core/site.h) makes an alert of it: on all sinks, and again by a replay.
 */
#ifndef VG_CORE_NOTICE_H
#define VG_CORE_NOTICE_H

#include "core/err.h"

/** The alerts that notices make: id, name of the condition, which also says the priority. */
#define VG_NOTICE_ALERTS(X)                     \
    X(FAILING, "delivery_failing") /* medium */ \
    X(LOST, "delivery_lost")       /* high */   \
    X(PASSED_OVER, "passed_over")  /* medium: the summary of what was too old */

/* id, alert */
#define VG_NOTICES(X)                                                                   \
    X(SINK_FAILING, FAILING)    /* a sink has not accepted events for a while */        \
    X(SUBSCRIBER, FAILING)      /* a subscriber has not confirmed */                    \
    X(SINK_LOST, LOST)          /* ... a sink that is required, the only one, or off */ \
    X(NOT_DELIVERED, LOST)      /* a sink will never have an alert of priority high */  \
    X(PASSED_URGENT, LOST)      /* a sink has passed over alerts of priority high */    \
    X(DISK_FULL, LOST)          /* nothing more becomes durable */                      \
    X(PASSED_OVER, PASSED_OVER) /* a sink has passed over what is older than max_age */

enum vg_notice_alert {
#define VG_NOTICE_ALERT_ENUM(id, name) VG_NOTICE_ALERT_##id,
    VG_NOTICE_ALERTS(VG_NOTICE_ALERT_ENUM)
#undef VG_NOTICE_ALERT_ENUM
        VG_NOTICE_ALERT_COUNT,
};

enum vg_notice {
#define VG_NOTICE_ENUM(id, alert) VG_NOTICE_##id,
    VG_NOTICES(VG_NOTICE_ENUM)
#undef VG_NOTICE_ENUM
        VG_NOTICE_COUNT,
};

enum {
    VG_NOTICE_SUBJECT_SIZE = VG_NAME_SIZE,
    VG_NOTICE_TEXT_SIZE = 160, /**< of one subject */
    VG_NOTICED_SIZE = 248,     /**< of all that make an alert */
};

/** Payload of VG_COMMAND_NOTICE, as it is recorded: all that is the case now, so that one command
 *  takes the place of those before it. Additions only at the end. */
struct vg_noticed {
    char alert[VG_NAME_SIZE]; /**< its name: numbers may change, records stay */
    uint32_t subjects;        /**< 0: it is over */
    uint32_t reserved;
    char text[VG_NOTICED_SIZE]; /**< one sentence for people; never who a patient is */
};

enum vg_notice_alert vg_notice_alert_of(enum vg_notice notice);
const char *vg_notice_alert_name(enum vg_notice_alert alert);

#endif
