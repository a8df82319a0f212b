/* ward.h - the data behind the ward page: a tile for each patient, and what was before.
 *
 * Rows come from the watchers behind the last stage of every worker (runtime/watch.h), alerts from the
 * outbox, orders from the outbox's log of commands. Everything here belongs to one thread, the http
 * thread: there is no lock, and nothing that happens here reaches the chain. A row that was lost on the
 * way here is counted and leaves a hole; the alerts never come by this way.
 *
 * Bounded: `service.http.beds` tiles, each with a ring (runtime/ward_ring.h). A patient beyond them has
 * no tile, which is said (left_out).
 *
 * A tile is a patient's: it moves with the patient to another bed. It goes when the patient is discharged,
 * when nothing came for a day, or when somebody else is in the bed and nothing came of this patient for
 * VG_WARD_LEFT_S.
 *
 * JSON: docs/http.md.
 */
#ifndef VG_RUNTIME_WARD_H
#define VG_RUNTIME_WARD_H

#include "core/buf.h"
#include "core/frame.h"
#include "core/sink.h"
#include "runtime/config.h"
#include "runtime/ward_ring.h"

enum {
    VG_WARD_LEFT_S = 600,
    VG_WARD_STALE_S = 10,    /**< without a sample for so long a tile is to be shown as silent */
    VG_WARD_PART_BEDS = 64,  /**< in one message of a stream */
    VG_WARD_BEDS_MAX = 2000, /**< that can be configured */
};

struct vg_ward;
struct vg_ward_bed;

/** Models whose answers the rows carry; NULL: none. */
struct vg_ward_models {
    const struct vg_model *forecaster, *detector;
};

/** A row, as it left the last stage or as it was read back. */
struct vg_ward_news {
    uint8_t kind, flags;
    int64_t log_ns, event_ns;
    int64_t wall_ns; /**< when it came here; 0: it was read back from the log */
    const struct vg_patient *patient;
    const float *value;              /**< [VG_CHANNELS] */
    const uint8_t *quality, *reason; /**< [VG_CHANNELS] */
    const float *forecast;           /**< [C, H, Q] of the forecaster; NULL: the row has none */
    const float *forecast_valid;     /**< [C] */
    const float *score, *score_valid, *share; /**< [1], [1], [C] of the detector; NULL */
};

/** `config` must outlive it. */
struct vg_ward *vg_ward_new(const struct vg_config *config, const struct vg_ward_models *models,
                            uint32_t beds_max);
void vg_ward_free(struct vg_ward *w); /**< NULL is fine */
/** Another configuration from here on; `models` are its. Tiles and their rings stay; scores begin anew, and
 *  with other models forecasts do. */
void vg_ward_configure(struct vg_ward *w, const struct vg_config *config,
                       const struct vg_ward_models *models);

/** Bytes that a bed takes at most, with all channels that are measured. */
size_t vg_ward_bed_size(const struct vg_config *config, const struct vg_ward_models *models);
/** The same for the models of the configured chain, of which nothing has to run. */
size_t vg_ward_bed_planned(const struct vg_config *config);
/** Bytes of all that there are now. */
size_t vg_ward_size(const struct vg_ward *w);

/** Takes a row. */
void vg_ward_note(struct vg_ward *w, const struct vg_ward_news *news);
/** Obeys an order that was answered with ok, at its log time. */
void vg_ward_obey(struct vg_ward *w, const char *patient, const struct vg_order *order,
                  int64_t log_ns);
/** What time alone changes: scores that expire, tiles that go. Call it about once a second. */
void vg_ward_sweep(struct vg_ward *w, int64_t wall_ns);
/** Rows that were lost on the way here so far, for the page to say. */
void vg_ward_lost(struct vg_ward *w, uint64_t rows, int64_t wall_ns);

/** The tile of a key or patient; NULL: there is none. */
struct vg_ward_bed *vg_ward_find_key(const struct vg_ward *w, const char *key);
struct vg_ward_bed *vg_ward_find_patient(const struct vg_ward *w, const char *patient);

/* ---- what is told ---- */

/** Rises with every change. */
uint64_t vg_ward_version(const struct vg_ward *w);

/** A reader that is told everything once and then what has changed. Zeroed: nothing was told. */
struct vg_ward_reader {
    uint64_t since;  /**< version that was told whole */
    uint64_t target; /**< version that the messages being made lead to; 0: none are */
    uint32_t next;   /**< the tile to go on with */
    uint32_t epoch;  /**< of the places of tiles; another: everything is told again */
};
/** Appends the next message ("beds"), of at most VG_WARD_PART_BEDS tiles; false, with nothing appended,
 *  when the reader knows all. Call it until it says so. */
bool vg_ward_write_news(struct vg_ward *w, struct vg_ward_reader *reader, int64_t wall_ns,
                        struct vg_buf *out);
/** Appends everything as one object. */
void vg_ward_write_beds(const struct vg_ward *w, int64_t wall_ns, struct vg_buf *out);
/** Appends the ward's members of the session, `"channels":...` without braces. */
void vg_ward_write_session(const struct vg_ward *w, struct vg_buf *out);
/** Appends an alert as pages have it: the event, its seq, when it was durable, and the key of the tile. */
void vg_ward_write_alert(const struct vg_delivery *event, struct vg_buf *out);

/** What is asked of the history, in ms since 1970; from_ms < 0: the last hour, to_ms < 0: up to now. */
struct vg_ward_span {
    int64_t from_ms, to_ms;
};
/** Appends the members of the history of a bed but for its episodes, with the opening brace; *span
 *  becomes what is told. */
void vg_ward_write_history(const struct vg_ward *w, const struct vg_ward_bed *bed,
                           struct vg_ward_span *span, struct vg_buf *out);
const char *vg_ward_bed_patient(const struct vg_ward_bed *bed);

/** Whether data come of a patient. */
enum vg_ward_presence {
    VG_PRESENCE_LIVE,
    VG_PRESENCE_SILENT,  /**< no row for VG_WARD_STALE_S, or none since the start */
    VG_PRESENCE_STANDBY, /**< silent or not, somebody has said that it is meant */
    VG_PRESENCES,
};
const char *vg_ward_presence_name(int presence);
/** Counts tiles: ret [vg_site_ward_places()]. */
void vg_ward_count(const struct vg_ward *w, int64_t wall_ns, uint32_t (*ret)[VG_PRESENCES]);

uint32_t vg_ward_left_out(const struct vg_ward *w);
/** Rows that were lost on the way here, and when that was last, where there are any. */
uint64_t vg_ward_lost_rows(const struct vg_ward *w);
int64_t vg_ward_lost_ns(const struct vg_ward *w);

#endif
