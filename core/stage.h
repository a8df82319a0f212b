/* stage.h - a stage of the chain: the interface between a stage and the runtime.
 *
 * Order of calls: options -> plan (no network) -> open (in the stage's thread) -> row | wave,
 * timer ... -> close. A stage has one instance per worker; every call comes from that worker's
 * thread. What a stage keeps per patient lies in `memory`: flat bytes that the runtime owns, zeroed
 * when a patient is first seen, saved in snapshots and restored byte for byte. So memory holds no
 * pointer and nothing that depends on addresses, slots, workers or wall time, and a stage has no
 * other place to keep a patient in.
 *
 * Determinism: what a stage computes depends on the rows of this patient in log order and on
 * nothing else. No clock, no random numbers, no libm function beyond sqrtf/fabsf/floorf/fmaf and
 * those of models/kernel.h (libm differs between processors).
 */
#ifndef VG_CORE_STAGE_H
#define VG_CORE_STAGE_H

#include "core/event.h"
#include "core/frame.h"
#include "core/model.h"
#include "core/option.h"
#include "core/order.h"
#include "core/site.h"

/** What a stage learns and says while the chain is planned. */
struct vg_plan {
    /* given */
    const struct vg_site *site;
    const struct vg_model *const *models; /**< all of the configuration; they agree on channels,
                                               scales and tick. `name` is the configured one */
    uint32_t models_n;
    int64_t tick_ns; /**< of the tick rows that reach this stage; 0: there are none. resample sets
                          it for the stages behind it */
    bool artefacts;  /**< a stage before this one marks them; it sets this for those behind it */

    /* said by the stage */
    size_t memory_size; /**< bytes per patient */
    uint32_t rows;      /**< which kinds it wants, VG_ROW_SAMPLE | ...; default none */
    bool emits_ticks;

    /* through the functions below */
    struct vg_layout *layout;
    const struct vg_model *column_model[VG_COLUMNS_MAX]; /**< which model fills a column */
    const char *column_stage[VG_COLUMNS_MAX];            /**< which stage adds a column */
    const char *stage;                                   /**< the one being planned */
};

/**
 * Adds a column of `width` floats per row that this stage fills. `model` may be NULL. Fails with
 * VG_E_CONFIG when another stage adds the same.
 */
VG_NODISCARD vg_status vg_plan_add_column(struct vg_plan *plan, const char *name, uint32_t width,
                                          const struct vg_model *model, int *ret_column,
                                          struct vg_err *err);

/** A column that an earlier stage adds. Fails with VG_E_CONFIG, naming the stage that would. */
VG_NODISCARD vg_status vg_plan_need_column(struct vg_plan *plan, const char *name, int *ret_column,
                                           struct vg_err *err);

/** The model of that name, or NULL. */
const struct vg_model *vg_plan_model(const struct vg_plan *plan, const char *name);

/**
 * The model that `option` of the stage names, for a stage that steps it once per tick row. Fails
 * with VG_E_CONFIG when there is none, when no ticks reach this stage or they are not the model's.
 */
VG_NODISCARD vg_status vg_plan_need_model(struct vg_plan *plan, const char *option,
                                          const char *name, const struct vg_model **ret,
                                          struct vg_err *err);

/** How a stage acts on the world; the runtime fills it in. Valid during the call that got it. */
struct vg_out {
    /** Calls timer() of this patient when log time passes `due_ns`: before the first row with log
     *  time > due_ns, after all rows at it. Replaces an armed one; VG_TIME_NONE disarms. */
    void (*timer)(struct vg_out *out, int64_t due_ns);
    /** Emits a tick row (plan->emits_ticks) for the patient: event time `tick_ns`, log time of this
     *  call, all channels ABSENT. The stage fills *ret before it calls anything else. */
    void (*tick)(struct vg_out *out, int64_t tick_ns, struct vg_row *ret);
    /** Emits an event about the patient; copied during the call. */
    void (*event)(struct vg_out *out, const struct vg_event *event);
    /** The id of an episode of this shard, as event() will give it. */
    void (*episode_id)(struct vg_out *out, const struct vg_origin *origin, const char *rule,
                       int channel, uint8_t id[16]);
    /** Answers the command of this call, once: VG_ANSWER_OK or why it changed nothing. */
    void (*answer)(struct vg_out *out, enum vg_answer answer);
    const struct vg_patient *patient; /**< id "" for the shard itself */
    int64_t log_ns;                   /**< log time of this call */
};

/** Rows of different patients, to be computed together. */
struct vg_wave {
    uint32_t n; /**< 1..VG_BATCH_MAX */
    void **memory;
    struct vg_row *rows;
};

struct vg_stage_ops {
    const char *name;    /**< `type:` in the configuration */
    const char *summary; /**< one sentence */
    const struct vg_option *options;
    size_t self_size;        /**< zeroed, then options, then plan */
    uint32_t memory_version; /**< raise when the meaning of memory changes */
    vg_status (*plan)(void *self, struct vg_plan *plan, struct vg_err *err);
    /** Allocates what calls need; may be NULL. */
    vg_status (*open)(void *self, struct vg_err *err);
    /* Exactly one of row and wave. They cannot fail, block or allocate. A row keeps its values; a
     * stage fills its own columns, and may lower a quality. */
    void (*row)(void *self, void *memory, struct vg_row *row, struct vg_out *out);
    void (*wave)(void *self, const struct vg_wave *wave);
    /** The patient's timer is due; `out->log_ns` is when. Only with row. May be NULL. */
    void (*timer)(void *self, void *memory, struct vg_out *out);
    /** Frees what plan and open made; also called when they failed or never ran. May be NULL. */
    void (*close)(void *self);
};

#endif
