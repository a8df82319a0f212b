/* offline.h - the real stages of a chain in the caller's thread: rows in, finished rows and events
 * out.
 *
 * What a live pipeline does between ingest and the committer, without Kafka, threads, clock, outbox
 * or snapshots. It is the same code (runtime/apply.h, runtime/intake.h), so what training and
 * evaluation see is what a stage sees at the bedside, to the bit.
 *
 * Rows of many patients go in merged by time, as a log would have them: log time is the running
 * maximum of their record times, and drives every timer. The more patients side by side, the fuller
 * the waves of the models. Instances are independent: one for each thread, with patients of its own.
 *
 *     vg_offline_chain(stages, NULL, 0, &config, err);
 *     o = vg_offline_new(config, &sink, err)
 *     vg_offline_row(o, ...) ...
 *     vg_offline_finish(o, log_ns)
 *     vg_offline_free(o), vg_config_free(config)
 */
#ifndef VG_RUNTIME_OFFLINE_H
#define VG_RUNTIME_OFFLINE_H

#include "runtime/config.h"

struct vg_offline;

enum { VG_OFFLINE_PATIENTS_MAX = 50000 };

/** Where results go; a NULL function is not called. Everything is valid during the call. */
struct vg_offline_sink {
    void *ctx;
    /**
     * A row behind the last stage, in log order of its shard: samples and ticks, with all columns
     * that stages have added (vg_offline_column()). `patient` counts from 0 in order of first
     * appearance; UINT32_MAX: a row about the shard. row->patient is set, row->command is not.
     */
    void (*row)(void *ctx, uint32_t patient, const struct vg_row *row);
    /** A command behind the last stage, with its answer; its payload follows it. */
    void (*command)(void *ctx, const struct vg_item_command *command);
    /** An event of the alert stage, behind the rows of its frame. `json` is not NUL-terminated. */
    void (*event)(void *ctx, uint32_t patient, const struct vg_item_event *event, const char *json,
                  size_t len);
};

/**
 * A configuration of stages alone. `stages` are "TYPE" or "TYPE KEY=VALUE KEY=VALUE ...", ended by
 * NULL. The models (may be NULL, names set) become the configuration's, also on failure. Fails with
 * VG_E_CONFIG, or VG_E_MODEL where the models do not agree. The caller frees *ret with vg_config_free(), after what runs with it.
 */
VG_NODISCARD vg_status vg_offline_chain(const char *const *stages, struct vg_model *const *models,
                                        uint32_t models_n, struct vg_config **ret,
                                        struct vg_err *err);

/** Plans and opens the stages of `config`, which must live longer; its source and sinks are not
 *  touched. VG_E_CONFIG as vg_config_plan(). Sets the thread's floating-point environment. */
VG_NODISCARD vg_status vg_offline_new(const struct vg_config *config,
                                      const struct vg_offline_sink *sink, struct vg_offline **ret,
                                      struct vg_err *err);
void vg_offline_free(struct vg_offline *o); /**< NULL is fine; what was not finished is dropped */

/** The column that a stage of the chain adds, for vg_row_column(); VG_ROW_NONE: there is none. */
int vg_offline_column(const struct vg_offline *o, const char *name);
uint64_t vg_offline_dead_letters(const struct vg_offline *o); /**< of records, so far */

/** Where a row stands in its log. {0} is the next place of shard 0. */
struct vg_offline_place {
    uint32_t shard; /**< below VG_SHARDS_MAX */
    int64_t offset; /**< 0: behind the shard's last; goes into ids of episodes */
};

/**
 * Takes a row as a decoder gives it; `usable` and `fault` are not looked at, a patient or bed that
 * is new is admitted (config's max_patients does not count here). Results may come now or later.
 * Fails with VG_E_RANGE for a patient beyond VG_OFFLINE_PATIENTS_MAX in one shard.
 */
VG_NODISCARD vg_status vg_offline_row(struct vg_offline *o, const struct vg_offline_place *at,
                                      int64_t record_ns, const struct vg_decoded *row,
                                      struct vg_err *err);

/** Says which log the rows are of, for ids and positions, in place of what the configuration says;
 *  before the first row. `topic` must live longer. A `cluster` of the configuration stays. */
void vg_offline_log(struct vg_offline *o, const char *topic, const char *cluster);

/**
 * Takes a record as a source gives it, and does with it what ingest would: decodes it, tells of what
 * cannot be read and of patients beyond the configuration's max_patients. The offsets of a shard
 * rise. A shard gets records, or rows of vg_offline_row(), not both. Fails when the decoder cannot be
 * opened.
 */
VG_NODISCARD vg_status vg_offline_record(struct vg_offline *o, const struct vg_record *record,
                                         struct vg_err *err);

/**
 * Puts a command into the log of `shard` behind what it has so far: log time moves on to
 * command->log_ns if that is later. Its `size` bytes of payload are at `payload`; next_offset and
 * ordinal are looked at only where the command has rows (VG_COMMAND_RETRY), which are known by them. A
 * change of configuration (VG_COMMAND_CONFIG) cannot happen here: one
 * chain has one. A command for a patient for whom there is no room is dropped, as ingest would.
 */
void vg_offline_command(struct vg_offline *o, uint32_t shard, const struct vg_item_command *command,
                        const void *payload);

/** Lets everything out that waits. Log time of all shards first moves on to `log_ns`, as a CLOCK
 *  would move it, unless it is VG_TIME_NONE or they are there. More rows may follow. */
void vg_offline_finish(struct vg_offline *o, int64_t log_ns);

#endif
