/* intake.h - a decoded row into a frame: which clock to believe, and what a row says of itself.
 *
 * Used where the log enters (runtime/ingest_rows.c) and where rows come without a log
 * (runtime/offline.c), so that both mean the same by a row.
 */
#ifndef VG_RUNTIME_INTAKE_H
#define VG_RUNTIME_INTAKE_H

#include "core/frame.h"
#include "runtime/config.h"

/** Where a row stands in its shard. */
struct vg_intake_place {
    int64_t offset;    /**< of the record */
    int64_t record_ns; /**< its timestamp */
    int64_t log_ns;    /**< log time of the shard, this record included */
    uint32_t slot;     /**< of the patient */
    uint8_t flags;     /**< of the row, beside those of its times: VG_ROW_BED_SHARED */
    bool again;        /**< of a dead letter: as old as its record by now */
};

/** Adds a row of that kind, its times those of the log, and returns its number. There must be
 *  room. */
uint32_t vg_intake_row(struct vg_frame *f, const struct vg_layout *l, enum vg_row_kind kind,
                       uint32_t slot, int64_t log_ns);

#define VG_RECORD_TIME_MAX_NS (INT64_C(7258118400) * VG_NS_PER_S) /* 2200-01-01 */

/** The timestamp that a record counts with: `record_ns`, or log time where it has none that could drive
 *  that (VG_TIME_NONE, or beyond VG_RECORD_TIME_MAX_NS). */
int64_t vg_intake_record_time(int64_t record_ns, int64_t log_ns);

/** Adds something about the shard itself, for the alert stage to tell: a row of kind SHARD with
 *  `flag`, at `at` without a slot, about the row `index` of the record. There must be room. */
void vg_intake_notice(struct vg_frame *f, const struct vg_layout *l,
                      const struct vg_intake_place *at, uint32_t index, uint8_t flag);

/** Whether the shard itself is to be told that a record came: the first one of a second of log time, or
 *  behind a command, for which log time may have run ahead. `before_ns`: log time before the record,
 *  `commanded`: a command came since the record before it. */
bool vg_intake_is_news(int64_t before_ns, int64_t log_ns, bool commanded);
/** Whether a rule of the configuration wants to be told. */
bool vg_intake_is_heard(const struct vg_site *site);
/** Flags of the notice of a row or message that is dead-lettered for `reason`. */
uint8_t vg_intake_letter_flags(const char *reason);

/** The place within its record that a row of a dead letter has when it comes again, as row `i` of the
 *  command: none that a row had before, so what begins with it has ids of its own. */
uint32_t vg_intake_again_index(const struct vg_item_command *command, uint32_t i);

/** Adds a sample. `c` says how much the device's clock is believed. There must be room. */
void vg_intake_sample(struct vg_frame *f, const struct vg_layout *l,
                      const struct vg_ingest_config *c, const struct vg_intake_place *at,
                      const struct vg_decoded *row);

#endif
