/* whatif.h - one log under two configurations: what each would have told, and the difference.
 *
 * A recording (runtime/record_file.h) passes through both chains side by side. Episodes of the two
 * are paired when rule, channel and patient are the same and their times overlap: such a pair is the
 * same alert, perhaps at other times. One that overlaps an alert which has its pair already is joined
 * to it there. All else is only in one of them.
 *
 * It is a computation over what was recorded: what staff would have done differently is not in it.
 */
#ifndef VG_APP_WHATIF_H
#define VG_APP_WHATIF_H

#include <stdio.h>

#include "app/progress.h"
#include "runtime/offline.h"
#include "runtime/record_file.h"

enum { VG_WHATIF_A, VG_WHATIF_B, VG_WHATIF_SIDES, VG_WHATIF_ALONE = -1 };

/** An alert from its start to its end. */
struct vg_whatif_episode {
    uint8_t id[16];
    char rule[VG_NAME_SIZE];
    char patient[VG_PATIENT_SIZE]; /**< "" when it concerns none */
    char bed[VG_BED_SIZE];
    int channel; /**< or VG_CHANNEL_NONE */
    uint8_t priority, kind;
    bool open;                /**< it goes on at the end of the recording, which is end_ns then */
    int64_t start_ns, end_ns; /**< log time */
    int64_t pair;             /**< index among the other side's, or VG_WHATIF_ALONE */
    bool joined; /**< alone, but within the time of an alert that the other side tells of
                                   the same: several here are one there */
};

/** Log time of a patient's first and last row; VG_TIME_NONE: none yet. */
struct vg_whatif_span {
    int64_t first_ns, last_ns;
};

/** What one configuration made of the recording. */
struct vg_whatif_side {
    const struct vg_config *config;
    struct vg_whatif_episode *episode; /**< by rule, channel, patient, start */
    uint32_t episodes;
    uint32_t room, *slot, slots; /**< while it grows: episodes by id */
    uint32_t channels_seen;      /**< bit c: a row had channel c */
    uint64_t rows, dead_letters;
    struct vg_whatif_span *span; /**< [patients] */
    uint32_t patients;
};

/** Counts of starts, of one rule, bed or hour. */
struct vg_whatif_tally {
    char name[VG_BED_SIZE];
    uint32_t starts[VG_WHATIF_SIDES];
    uint32_t only[VG_WHATIF_SIDES];   /**< without a counterpart at any time of theirs */
    uint32_t joined[VG_WHATIF_SIDES]; /**< part of a counterpart that is another's, too */
    uint32_t same, moved;             /**< pairs with the same times, with other times */
    double active_s[VG_WHATIF_SIDES];
    double shift_s; /**< median of the pairs' starts, B's after A's; NAN without pairs */
};

struct vg_whatif_tallies {
    struct vg_whatif_tally *tally; /**< by name */
    uint32_t n;
};

struct vg_whatif {
    const char *record; /**< its path */
    struct vg_record_head head;
    struct vg_record_counts counts;
    struct vg_whatif_side side[VG_WHATIF_SIDES];
    int64_t first_ns, last_ns; /**< log time of the rows */
    double patient_days;       /**< from each patient's first to last row */
    int64_t utc_offset_ns;     /**< of the hours of the day */
    struct vg_whatif_tally all;
    struct vg_whatif_tallies rules, beds, hours;
};

/** Plays the recording under both configurations. VG_E_IO for a damaged one, VG_E_FAILED when not a
 *  row of it can be read. The caller calls vg_whatif_done() in every case. */
VG_NODISCARD vg_status vg_whatif_play(struct vg_whatif *w, const char *record,
                                      const struct vg_config *const config[VG_WHATIF_SIDES],
                                      int progress_mode, struct vg_err *err);
void vg_whatif_done(struct vg_whatif *w);

/** Pairs the episodes and counts. */
void vg_whatif_compare(struct vg_whatif *w);

/** Whether a pair has the same times. */
bool vg_whatif_same(const struct vg_whatif *w, const struct vg_whatif_episode *a);

/** What a reader should know before he believes the figures: a rule on a channel that no record
 *  has, records that could not be read. One sentence each. */
void vg_whatif_doubts(const struct vg_whatif *w, void (*say)(void *ctx, const char *text),
                      void *ctx);

/** Bed, else patient, else the partition's: whom people would name. */
const char *vg_whatif_who(const struct vg_whatif_episode *e);
/** "A" and "B". */
const char *vg_whatif_letter(int side);

/** Tables with at most `episodes_max` episodes of each kind; one JSON document with all; a page. */
void vg_whatif_print(const struct vg_whatif *w, uint32_t episodes_max, FILE *out);
void vg_whatif_json(const struct vg_whatif *w, struct vg_buf *out);
VG_NODISCARD vg_status vg_whatif_report(const struct vg_whatif *w, const char *path,
                                        struct vg_err *err);

#endif
