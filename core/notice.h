/* notice.h - trouble on the way out, which people must be told: a sink fails, nobody confirms.
 *
 * What happens outside the log is no event by itself: a replay would not find it there. So a notice
 * enters a shard as a recorded command (VG_COMMAND_NOTICE), and the technical condition of the same
 * name (VG_CONDITIONS in core/site.h) makes an alert of it: on all sinks, and again by a replay.
 */
#ifndef VG_CORE_NOTICE_H
#define VG_CORE_NOTICE_H

#include "core/err.h"

/* id, name of the condition, which also says the priority */
#define VG_NOTICES(X)                                                                             \
    X(SINK_FAILING, "sink_failing")    /* medium: a sink has not accepted events for a while */   \
    X(SINK_LOST, "sink_lost")          /* high: a required or the only one, or one that is off */ \
    X(NOT_DELIVERED, "not_delivered")  /* high: a sink will never have a high alert */            \
    X(PASSED_OVER, "passed_over")      /* medium: the summary of what was older than max_age */   \
    X(SUBSCRIBER, "subscriber_silent") /* medium: a subscriber has not confirmed */               \
    X(DISK_FULL, "disk_full")          /* high: nothing more becomes durable */

enum vg_notice {
#define VG_NOTICE_ENUM(id, name) VG_NOTICE_##id,
    VG_NOTICES(VG_NOTICE_ENUM)
#undef VG_NOTICE_ENUM
        VG_NOTICE_COUNT,
};

enum {
    VG_NOTICE_SUBJECT_SIZE = VG_NAME_SIZE,
    VG_NOTICE_TEXT_SIZE = 160, /**< of one subject */
    VG_NOTICED_SIZE = 248,     /**< of all subjects of a notice */
};

/** Payload of VG_COMMAND_NOTICE, as it is recorded: all that is the case now, so that one command
 *  takes the place of those before it. Additions only at the end. */
struct vg_noticed {
    char notice[VG_NAME_SIZE]; /**< its name: numbers may change, records stay */
    uint32_t subjects;         /**< 0: it is over */
    uint32_t reserved;
    char text[VG_NOTICED_SIZE]; /**< one sentence for people; never who a patient is */
};

const char *vg_notice_name(enum vg_notice notice);

#endif
