/* config.h - a configuration file, loaded and checked.
 *
 * `vigil validate` and `vigil run` share this loader: what one accepts the other starts. Checks here
 * touch no network; model files are read. Every problem is reported with file, line, column, the
 * source line with a caret, what was expected, and a near miss where there is one.
 *
 * Rules: YAML 1.2, at most 1 MiB, nesting at most 16; no anchors, aliases or tags; duplicate and
 * unknown keys are errors; `version: 1` is required; ${VAR}, ${VAR:-default} and ${file:/path} are
 * read after the parse, in scalars only.
 */
#ifndef VG_RUNTIME_CONFIG_H
#define VG_RUNTIME_CONFIG_H

#include "core/decoder.h"
#include "core/model.h"
#include "core/sink.h"
#include "core/site.h"
#include "core/source.h"
#include "core/stage.h"
#include "runtime/config_tests.h"
#include "runtime/delivery.h"
#include "runtime/http.h"
#include "runtime/log.h"

enum { VG_WORKERS_MAX = 64, VG_SINKS_MAX = 64 };
enum vg_clock { VG_CLOCK_DEVICE, VG_CLOCK_RECORD };

/** Section `service`. */
struct vg_service_config {
    char *name;      /**< part of every id */
    char *data_dir;  /**< absolute after loading (relative ones start at the working directory) */
    int64_t workers; /**< chains side by side; `auto` = processors - 1, at least 1 */
    int64_t frame_rows;     /**< rows per frame at most */
    int64_t in_flight_rows; /**< rows between ingest and the committer before a source pauses */
    struct vg_log_options log;
    struct vg_http_options http;
    int64_t http_beds;      /**< tiles that the ward page can have; 0: there is no ward */
    int64_t http_refill_ns; /**< of the log, read back for it after a start; 0: nothing is */
    int64_t snapshot_every_ns;
    int64_t snapshot_keep;
    int64_t drain_timeout_ns;
    int64_t keep_events_ns, keep_letters_ns; /**< retention; 0: for ever */
    uint64_t patient_memory;   /**< bytes that the chain may keep of each patient; 0: any */
    bool fresh_on_new_cluster; /**< on_new_cluster: refuse | fresh */
};

/** Options of section `source` that belong to ingest, not to the source component. */
struct vg_ingest_config {
    int64_t max_patients; /**< per shard */
    int clock;            /**< enum vg_clock */
    int64_t max_ahead_ns;
    int64_t late_after_ns;
    char *cluster; /**< replaces the log's own identity in ids; NULL: not set */
};

/** A component as configured: its ops and its option struct. */
struct vg_source_config {
    const struct vg_source_ops *ops;
    void *self;
    const struct vg_decoder_ops *decoder;
    void *decoder_self;
    struct vg_ingest_config ingest;
};

struct vg_stage_config {
    const struct vg_stage_ops *ops;
    void *self;           /**< options set, plan() not called: vg_config_plan() copies it */
    size_t memory_size;   /**< bytes per patient, once the chain has been planned */
    uint8_t identity[32]; /**< hash of its options, models and the clinical part it uses: whether a
                               snapshot's memory still means the same */
};

struct vg_sink_config {
    char name[VG_NAME_SIZE];
    const struct vg_sink_ops *ops;
    void *self;
    struct vg_delivery_options delivery;
};

struct vg_config {
    char *path; /**< of the file, for messages */
    struct vg_service_config service;
    struct vg_source_config source;
    struct vg_model **models; /**< in the order of the file; `name` set */
    uint32_t models_n;
    struct vg_stage_config *stages; /**< the chain, in order */
    uint32_t stages_n;
    struct vg_site site;
    struct vg_sink_config *sinks;
    uint32_t sinks_n;
    struct vg_config_test *tests; /**< in the order of the file; no part of the hash */
    uint32_t tests_n;
    /** "sha256:" and 64 digits: SHA-256 of the effective values that can change an event. */
    char hash[72];
    void *document; /**< of the loader; positions for later messages */
};

/**
 * Loads and checks `path`: syntax, options, references, models, and the plan of the chain
 * (plan() of every stage is called once on a scratch copy). Problems, up to 20, are appended to
 * `diagnostics` as text for people; warnings too. Returns VG_OK, or VG_E_CONFIG (err says how many
 * problems), or VG_E_IO. On failure *ret is NULL.
 */
VG_NODISCARD vg_status vg_config_load(const char *path, struct vg_config **ret,
                                      struct vg_buf *diagnostics, struct vg_err *err);

/** Frees everything; NULL is fine. */
void vg_config_free(struct vg_config *config);

/** Bytes that the chain of a loaded configuration keeps of each patient. */
size_t vg_config_patient_memory(const struct vg_config *config);

/** One stage of a chain, planned and ready to be opened in its thread. */
struct vg_planned_stage {
    const struct vg_stage_ops *ops;
    void *self;
    size_t memory_size;
    uint32_t rows;
    bool emits_ticks;
    uint32_t first_column; /**< the columns it adds: first_column .. first_column + columns - 1 */
    uint32_t columns;
    const struct vg_model *model; /**< that fills them; NULL: none */
    const uint8_t *identity;      /**< [32], of the configuration */
};
/**
 * Plans one chain: `stages` (stages_n of them) receives a new instance of every stage, on which
 * plan() was called in order, and *layout the columns, not yet finished for a number of rows. The
 * instances share the strings of the configuration, which must live longer.
 */
VG_NODISCARD vg_status vg_config_plan(const struct vg_config *config, struct vg_layout *layout,
                                      struct vg_planned_stage *stages, struct vg_err *err);
/** close() and free of one planned stage's instance. */
void vg_planned_stage_done(struct vg_planned_stage *stage);

/** What the loader itself reads, for describe and docs: `service`, what ingest owns of `source`, and
 *  an entry of `models`. */
extern const struct vg_option vg_service_options[];
extern const struct vg_option vg_ingest_options[];
extern const struct vg_option vg_model_options[];

/** A mapping in one of the clinical sections. */
struct vg_site_mapping {
    const char *section;             /**< "alert_rules"; NULL ends the list */
    const char *path;                /**< "alert_rules.RULE.when" */
    const char *summary;             /**< one or more sentences */
    const struct vg_option *options; /**< of its scalar keys */
};
extern const struct vg_site_mapping vg_site_mappings[];
extern const struct vg_site_mapping vg_test_mappings[]; /**< section `tests` */

#endif
