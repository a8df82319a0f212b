/* order.h - what people tell the pipeline about a patient or an alert.
 *
 * An order is a command like any other: it enters at a position of the log, is recorded with what it
 * caused, and is obeyed again there by a replay. What each of them does: ../docs/alert-rules.md.
 */
#ifndef VG_CORE_ORDER_H
#define VG_CORE_ORDER_H

#include "core/channel.h"
#include "core/err.h"

/* What an order must or may say. */
enum {
    VG_ORDER_EPISODE = 1,         /**< is about an alert; else about a patient */
    VG_ORDER_RULE = 2,            /**< names a rule */
    VG_ORDER_CHANNEL = 4,         /**< names a channel */
    VG_ORDER_REASON = 8,          /**< must say why */
    VG_ORDER_EXPIRES = 16,        /**< must say for how long */
    VG_ORDER_MAY_EXPIRE = 32,     /**< may say for how long */
    VG_ORDER_MAY_BE_CLEARED = 64, /**< may take back the one before it, and then says no more */
    VG_ORDER_VALUE = 128 /**< says a value that somebody noted: of channels from VG_MEASURED
                                       on, as devices measure the others */
};

/* id, name, what it says, longest time in s. 2 minutes is all that the audio of a high alert may be
 * paused, which only the alert stage can know. */
#define VG_ORDERS(X)                                                                              \
    X(ACKNOWLEDGE, "acknowledge", VG_ORDER_EPISODE | VG_ORDER_MAY_EXPIRE, 86400)                  \
    X(SNOOZE, "snooze", VG_ORDER_EPISODE | VG_ORDER_EXPIRES, 3600)                                \
    X(RESET, "reset", VG_ORDER_EPISODE, 0)                                                        \
    X(MUTE, "mute", VG_ORDER_RULE | VG_ORDER_REASON | VG_ORDER_EXPIRES | VG_ORDER_MAY_BE_CLEARED, \
      86400)                                                                                      \
    X(LIMIT, "limit",                                                                             \
      VG_ORDER_CHANNEL | VG_ORDER_REASON | VG_ORDER_EXPIRES | VG_ORDER_MAY_BE_CLEARED, 604800)    \
    X(ADMIT, "admit", 0, 0)                                                                       \
    X(DISCHARGE, "discharge", 0, 0)                                                               \
    X(STANDBY, "standby", VG_ORDER_EXPIRES, 14400)                                                \
    X(PROBE_OFF, "probe_off", VG_ORDER_CHANNEL | VG_ORDER_EXPIRES, 14400)                         \
    X(NOTE, "note",                                                                               \
      VG_ORDER_CHANNEL | VG_ORDER_VALUE | VG_ORDER_MAY_EXPIRE | VG_ORDER_MAY_BE_CLEARED, 86400)

enum vg_order_kind {
#define VG_ORDER_ENUM(id, name, says, longest_s) VG_ORDER_KIND_##id,
    VG_ORDERS(VG_ORDER_ENUM)
#undef VG_ORDER_ENUM
        VG_ORDER_KIND_COUNT,
};

const char *vg_order_name(enum vg_order_kind kind);
uint32_t vg_order_says(enum vg_order_kind kind);
/** The kind of that name; VG_ORDER_KIND_COUNT when there is none. */
enum vg_order_kind vg_order_find(const char *name);

enum { VG_COMMAND_ID_SIZE = 65 };

/** Payload of VG_COMMAND_ORDER, as it is recorded: additions only at the end. */
struct vg_order {
    uint8_t kind; /**< enum vg_order_kind; their numbers are recorded too */
    uint8_t clear;
    uint8_t low_set, high_set;
    int32_t channel; /**< VG_CHANNEL_NONE where it names none */
    float low, high; /**< LIMIT, in channel units; 0 where not set */
    int64_t for_ns;  /**< 0: it does not expire */
    int64_t
        given_ns; /**< log time at which it was given, from which for_ns counts; the runtime's */
    uint8_t episode_id[16];
    char command_id[VG_COMMAND_ID_SIZE]; /**< the asker's name for it */
    char rule[VG_NAME_SIZE];
    char by[64];
    char note[256];
    uint8_t repeated; /**< the runtime has given it once more, after a change of configuration */
    uint8_t value_set;
    float value; /**< NOTE, in channel units; 0 where not set */
};

/**
 * Checks what can be known without the patient: that nothing is missing or too much, that the time
 * is in its bounds, and that a noted value is plausible. VG_E_RANGE names the member at fault in
 * err->option, and never repeats what it says. Limits that no patient can have pass: not only who
 * ordered them has to know, so they are refused where they would take effect, by
 * vg_order_judge_limits().
 */
VG_NODISCARD vg_status vg_order_check(const struct vg_order *order, struct vg_err *err);

/* id, code in ALERT/1, message */
#define VG_ANSWERS(X)                                                                             \
    X(OK, "", "")                                                                                 \
    X(UNKNOWN_PATIENT, "unknown_patient",                                                         \
      "no row of this patient has come to this instance; expected the pseudonym that rows name")  \
    X(UNKNOWN_EPISODE, "unknown_episode",                                                         \
      "there is no such episode; expected the episode_id of an event")                            \
    X(ALREADY_ENDED, "already_ended", "the episode has ended")                                    \
    X(UNKNOWN_RULE, "unknown_rule", "no rule of this name watches patients")                      \
    X(HELD, "not_allowed",                                                                        \
      "the alert is held back and has no signal; there is nothing to silence")                    \
    X(NOT_LATCHED, "not_allowed", "the alert is not latched: it ends when its condition does")    \
    X(HIGH_SNOOZE, "not_allowed",                                                                 \
      "the audio of a high alert is paused for at most 2 minutes; acknowledge it instead")        \
    X(HIGH_MUTE, "not_allowed", "a rule of priority high is never muted; acknowledge its alerts") \
    X(MUTES_FULL, "not_allowed", "8 rules are muted for this patient already")                    \
    X(LIMITS_FULL, "not_allowed", "8 channels have limits of this patient already")               \
    X(LIMIT_RANGE, "not_allowed",                                                                 \
      "the limit lies outside the plausible range of the channel; what was in force stays")       \
    X(LIMITS_SWAPPED, "not_allowed",                                                              \
      "the low limit must lie below the high one; what was in force stays")                       \
    X(LIMITS_CROSS, "not_allowed",                                                                \
      "the low limit must lie below the high one that is in force; what was in force stays")      \
    X(DISCHARGED, "not_allowed", "the patient is discharged; admit first")                        \
    X(NOT_WATCHED, "not_allowed", "no rule looks at what is noted in this channel")               \
    X(BUSY, "busy", "the shard cannot take it now; ask again")

enum vg_answer {
#define VG_ANSWER_ENUM(id, code, message) VG_ANSWER_##id,
    VG_ANSWERS(VG_ANSWER_ENUM)
#undef VG_ANSWER_ENUM
        VG_ANSWER_COUNT,
};

enum { VG_ANSWER_CODE_SIZE = 24, VG_ANSWER_MESSAGE_SIZE = 160 };

/**
 * Whether the limits of a LIMIT order that passes vg_order_check() can be those of any patient:
 * VG_ANSWER_OK, LIMIT_RANGE or LIMITS_SWAPPED; else err->option names the side at fault and
 * err->msg says what was expected.
 */
VG_NODISCARD enum vg_answer vg_order_judge_limits(const struct vg_order *order, struct vg_err *err);

/** An answer as it is kept, and given again to whoever asks again. */
struct vg_answered {
    char code[VG_ANSWER_CODE_SIZE]; /**< "": it was obeyed */
    char message[VG_ANSWER_MESSAGE_SIZE];
};

void vg_answered_set(struct vg_answered *ret, enum vg_answer answer);
const char *vg_answer_code(enum vg_answer answer);
const char *vg_answer_message(enum vg_answer answer);

#endif
