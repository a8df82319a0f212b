/* capture.h - drives one stage without threads, and writes down what comes out.
 *
 * It does what a node of the runtime does for a stage: makes the layout, keeps memory and one timer
 * per patient, fires timers before the first row later than they are (equal ones by patient id),
 * and answers the stage's vg_out. What the stage says becomes text, one line each, so that a test
 * can compare a whole run with another one byte for byte.
 *
 *     struct capture *c = capture_new(&vg_stage_clean);
 *     capture_option(c, "flatline", NULL, "20s");
 *     capture_start(c);
 *     struct capture_row r = capture_row("p-1", 3 * VG_NS_PER_S);
 *     capture_value(&r, VG_CHANNEL_spo2, 97);
 *     struct vg_row *seen = capture_send(c, &r);
 *
 * Times are log times in ns; small ones are fine. One thread.
 */
#ifndef VG_TESTS_CAPTURE_H
#define VG_TESTS_CAPTURE_H

#include "core/stage.h"

enum { CAPTURE_PATIENTS = 8, CAPTURE_ROWS = VG_BATCH_MAX };

/** A row to be sent. event_ns, record_ns: as log_ns unless changed. */
struct capture_row {
    char patient[VG_PATIENT_SIZE]; /**< "" for the shard */
    char bed[VG_BED_SIZE];         /**< "icu-a/01" unless changed */
    uint8_t kind;                  /**< SAMPLE unless changed */
    uint8_t flags;
    uint32_t index;
    int64_t offset; /**< the next one when -1, as it is unless changed */
    int64_t log_ns;
    int64_t event_ns;
    int64_t record_ns;
    int64_t device_ns;
    float value[VG_CHANNELS];
    uint8_t quality[VG_CHANNELS];
    uint8_t reason[VG_CHANNELS];
    const struct vg_item_command *command; /**< of COMMAND rows */
};

struct capture_patient {
    struct vg_patient who;
    void *memory;
    int64_t due_ns; /**< its armed timer, or VG_TIME_NONE */
};

struct capture {
    const struct vg_stage_ops *stage;
    void *self;
    struct vg_plan plan; /**< site, models and tick_ns may be set before capture_start() */
    struct vg_layout layout;
    struct vg_err err;
    struct capture_patient patient[CAPTURE_PATIENTS];
    uint32_t patients;
    struct vg_frame *in; /**< holds the rows of the newest capture_send() */
    struct vg_row seen[CAPTURE_ROWS];
    struct vg_frame *ticks; /**< holds the newest tick */
    struct vg_row tick;
    bool tick_pending; /**< written down when the stage has filled it */
    uint32_t tick_count;
    uint32_t event_count;
    int64_t next_offset;
    bool poisoned;
    float poison; /**< what lies under unusable values, once capture_poison() was called */
    uint8_t episode_id[16]; /**< of the newest event */
    enum vg_answer answer;  /**< of the newest command */
    struct vg_buf out;      /**< one line per tick row and event */
    bool started;
};

/** A stage with its defaults. Fails the test when something is wrong. */
struct capture *capture_new(const struct vg_stage_ops *stage);
void capture_free(struct capture *c); /**< NULL is fine */

/** Sets an option, or adds an entry: `key` for maps and channels, NULL otherwise. */
void capture_option(struct capture *c, const char *name, const char *key, const char *text);
/** A column that an earlier stage would have added. */
int capture_column(struct capture *c, const char *name, uint32_t width,
                   const struct vg_model *model);
/** Plans the stage; c->err says why not. */
VG_NODISCARD vg_status capture_plan(struct capture *c);
/** Plans, if that was not done, and opens the stage; fails the test when that fails. */
void capture_start(struct capture *c);
/** From now on `poison` lies under every value that is not usable or imputed. */
void capture_poison(struct capture *c, float poison);

/** An empty sample row. */
struct capture_row capture_row(const char *patient, int64_t log_ns);
void capture_value(struct capture_row *r, int channel, float value); /**< GOOD */
void capture_quality(struct capture_row *r, int channel, enum vg_quality quality,
                     enum vg_reason reason);

/**
 * Fires the timers before the row, then gives it to the stage if it wants its kind. Returns the row
 * as the stage left it; valid until the next call.
 */
struct vg_row *capture_send(struct capture *c, const struct capture_row *row);
/** As capture_send() for `n` rows of one log time as one wave, for wave stages; c->seen[i]. */
void capture_send_wave(struct capture *c, const struct capture_row *rows, uint32_t n);
/** As capture_send(), but `fill` may write columns before the stage sees the row. */
struct vg_row *capture_send_filled(struct capture *c, const struct capture_row *row,
                                   void (*fill)(struct vg_row *row, const void *arg),
                                   const void *arg);
/** A CLOCK mark: log time moves on, timers due before it fire. */
void capture_clock(struct capture *c, int64_t log_ns);

/** Moves the memory and timers of all patients, byte for byte, to a stage that was just started, as
 *  a snapshot would. */
void capture_restore(struct capture *to, const struct capture *from);

/** The text so far, "" for none; valid until the next call. capture_clear() forgets it. */
const char *capture_text(struct capture *c);
void capture_clear(struct capture *c);
/** Value of a member of the newest event, as text without quotes: capture_last(c, "phase"). Looks
 *  for the first "name": in the newest line. "" when there is none. */
const char *capture_last(struct capture *c, const char *member);

#endif
