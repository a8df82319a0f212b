/* dataset.h - patients as ticks: what models are trained and evaluated on.
 *
 * Rows of a simulator, of CSV recordings or of a Kafka topic pass through the stages clean and
 * resample of a live pipeline (runtime/offline.h); what comes out is kept as [T, C] for each patient.
 * The bytes depend on the source alone: not on threads, processor or time of day.
 *
 * A patient belongs to one part of the data, chosen by a hash of his id: nothing of a person is ever
 * on two sides. Scales are taken from one part only.
 *
 * Letters: P patients, T ticks, C channels, I inputs, H horizons, W window ticks.
 */
#ifndef VG_APP_DATASET_H
#define VG_APP_DATASET_H

#include "core/channel.h"
#include "core/option.h"
#include "models/features.h"

enum vg_part { VG_PART_TRAIN, VG_PART_VALIDATION, VG_PART_TEST, VG_PARTS };

/** Something that happens to a patient: the truth, where it is known. */
struct vg_dataset_label {
    const char *name;                   /**< "apnoea"; of the simulator's catalogue */
    const char *group;                  /**< of scenarios; NULL: an artefact */
    uint32_t channels;                  /**< bit c: changes channel c of core/channel.h */
    int64_t start_ns, end_ns, onset_ns; /**< as struct vg_sim_label */
};

/** One patient on the grid. What is missing has quality MISSING or ABSENT and value 0. */
struct vg_dataset_patient {
    char id[VG_PATIENT_SIZE];
    int64_t first_ns; /**< event time of tick 0; tick t ends at first_ns + t tick_ns */
    uint32_t ticks;   /**< T */
    float *value;     /**< [T, C] in channel units */
    uint8_t *quality; /**< [T, C] enum vg_quality */
    float *age_s;     /**< [T, C] seconds from the newest value to the tick's end; -1: none yet */
    struct vg_dataset_label *label; /**< [labels], by start */
    uint32_t labels;
    enum vg_part part;
};

struct vg_dataset {
    uint32_t channels;        /**< C */
    int channel[VG_CHANNELS]; /**< [C] */
    int64_t tick_ns;
    uint32_t patients;
    struct vg_dataset_patient *patient; /**< [P], by id and time when built */
};

/* ---- where it comes from ---- */

enum vg_dataset_source { VG_DATA_NONE, VG_DATA_SIMULATOR, VG_DATA_CSV, VG_DATA_KAFKA };

/** What to build; the fields of other sources than `source` are not looked at. */
struct vg_dataset_spec {
    int source; /**< enum vg_dataset_source */
    /* vg_grid_options */
    struct vg_strings channels; /**< names */
    int64_t tick_ns, max_gap_ns;
    struct vg_strings stages; /**< before resample, as vg_offline_chain() reads them */
    /* vg_dataset_options */
    struct {
        int64_t patients, duration_ns, seed;
        float artefact_rate, scenario_share;
        char *scenario_group;
    } simulator;
    struct {
        struct vg_strings files;
        char *map;
    } csv;
    struct {
        char *brokers, *topic;
    } kafka;
};

/** The grid: "channels", "tick", "max_gap", "stages". */
extern const struct vg_option vg_grid_options[];
/** The sources: "simulator.patients", "csv.files", "kafka.topic", ... */
extern const struct vg_option vg_dataset_options[];

/** The source of that name (`n` bytes), or VG_DATA_NONE. */
int vg_dataset_source(const char *name, size_t n);

void vg_dataset_spec_init(struct vg_dataset_spec *spec); /**< defaults; source NONE */
void vg_dataset_spec_done(struct vg_dataset_spec *spec);

/**
 * Reads "simulator", "simulator:patients=96,duration=4h,seed=1", "csv:files=a.csv,b.csv,map=m.yaml"
 * or "kafka:brokers=HOST:PORT,topic=vitals.raw" into *spec; what the text does not name stays, but a
 * list that it names is replaced. VG_E_USAGE says what is wrong.
 */
VG_NODISCARD vg_status vg_dataset_parse(struct vg_dataset_spec *spec, const char *text,
                                        struct vg_err *err);

/** An empty data set on the grid of `spec`. VG_E_CONFIG for a channel that is none. */
VG_NODISCARD vg_status vg_dataset_grid(const struct vg_dataset_spec *spec, struct vg_dataset **ret,
                                       struct vg_err *err);

/** Called in the builder's thread with how far it is, 0..1; false stops it. */
typedef bool vg_dataset_progress_fn(void *ctx, double done);

/**
 * Builds the data with `workers` threads, whose number changes no byte. A patient is left out who
 * has no usable value; one of whom nothing was heard for long becomes several entries with one id.
 * Fails as the source does, with VG_E_CONFIG for a channel that is none, with VG_E_TEMPORARY when
 * stopped. `progress` may be NULL; *ret is freed by vg_dataset_free().
 */
VG_NODISCARD vg_status vg_dataset_build(const struct vg_dataset_spec *spec, uint32_t workers,
                                        vg_dataset_progress_fn *progress, void *ctx,
                                        struct vg_dataset **ret, struct vg_err *err);

/** An empty one, to be filled by vg_dataset_add() in the order of patients. */
struct vg_dataset *vg_dataset_new(const int *channel, uint32_t channels, int64_t tick_ns);
/** A patient of `ticks` zeroed ticks (quality ABSENT, age -1). Valid until the next one is added. */
struct vg_dataset_patient *vg_dataset_add(struct vg_dataset *d, const char *id, int64_t first_ns,
                                          uint32_t ticks);
void vg_dataset_free(struct vg_dataset *d); /**< NULL is fine */

/* ---- parts ---- */

/**
 * A number in [0, 1) that hangs on the person and `salt` alone: the first 53 bits of SHA-256 of
 * "salt/id". Equal on every machine, in every data set that names the person so.
 */
double vg_dataset_place(const char *id, const char *salt);

/** Places below `train` are training, below train + validation validation, the rest test. */
void vg_dataset_split(struct vg_dataset *d, double train, double validation, const char *salt);
/** Fold `fold` of `folds`: test are places in [fold, fold + 1) / folds; of the others a share of
 *  `validation`, by a hash of their own, is validation. */
void vg_dataset_fold(struct vg_dataset *d, uint32_t folds, uint32_t fold, double validation,
                     const char *salt);
uint32_t vg_dataset_count(const struct vg_dataset *d, enum vg_part part); /**< patients */

/** z = (value - mean) / scale. */
struct vg_dataset_scale {
    float mean[VG_CHANNELS];  /**< [C] median of the part's certain values */
    float scale[VG_CHANNELS]; /**< [C] 1.4826 times the median absolute deviation; where that is 0,
                                   the standard deviation, where that is 0 too, 1 */
};

/** Fails with VG_E_FAILED, naming the channel, when the part has no value of it. */
VG_NODISCARD vg_status vg_dataset_scale(const struct vg_dataset *d, enum vg_part part,
                                        struct vg_dataset_scale *ret, struct vg_err *err);

/** SHA-256 over channels, tick and every patient with his part, in hexadecimal: `of` what a model
 *  was trained. */
void vg_dataset_sha256(const struct vg_dataset *d, char out[65]);

/* ---- what a model sees ---- */

/** A patient as normalize and the features see him; freed by vg_view_done(). */
struct vg_view {
    uint32_t ticks, channels, inputs;
    float *z;       /**< [T, C] clipped; 0 where not usable */
    float *usable;  /**< [T, C] 1 or 0: for models */
    float *genuine; /**< [T, C] 1 where a value was measured without doubt: vg_certain(); targets */
    float *held;    /**< [T, C] z of the newest usable value, 0 before the first */
    float *known;   /**< [T, C] 1 from the first usable value on */
    float *x;       /**< [T, I]; NULL without features */
};

/** `features` may be NULL. `baseline_ns`: as normalize's option. Any thread that called
 *  vg_kernel_thread_init(). */
void vg_view_init(struct vg_view *v, const struct vg_dataset *d,
                  const struct vg_dataset_patient *who, const struct vg_dataset_scale *scale,
                  const struct vg_features *features, int64_t baseline_ns);
void vg_view_done(struct vg_view *v);

/** Targets of a tick at a horizon: z of tick t + ahead where measured. y, there [C]. */
void vg_view_target(const struct vg_view *v, uint32_t t, uint32_t ahead, float *y, float *there);

/** The window of `window` ticks that ends at tick t, oldest first: z then mask [2, W, C]; ticks
 *  before the first are not usable. */
void vg_view_window(const struct vg_view *v, uint32_t t, uint32_t window, float *x);

#endif
