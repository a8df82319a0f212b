/* ward_private.h - what the files of the ward share, and nobody else includes.
 *
 * ward.c keeps the tiles, ward_bed.c takes what a row says, ward_order.c what people say, ward_limits.c
 * knows limits, ward_size.c how much memory it is; ward_json.c, ward_session.c and ward_history.c write.
 */
#ifndef VG_RUNTIME_WARD_PRIVATE_H
#define VG_RUNTIME_WARD_PRIVATE_H

#include "core/order.h"
#include "core/score_window.h"
#include "runtime/bed_key.h"
#include "runtime/ward.h"

enum { VG_WARD_OWN_LIMITS = 8, VG_WARD_NOTES = 64 };

/** What can change of a tile. */
enum vg_ward_part {
    VG_WARD_ROW,
    VG_WARD_FORECAST,
    VG_WARD_ANOMALY,
    VG_WARD_SCORE,
    VG_WARD_LIMIT,
    VG_WARD_STANDING,
    VG_WARD_MINUTE,
    VG_WARD_PARTS,
};

/** The newest of a channel. */
struct vg_ward_value {
    float value; /**< not to be read where the quality is not usable */
    uint8_t quality, reason;
    bool seen;
    int64_t event_ns; /**< never behind the log time of its row */
};

/** What a score takes of a channel that is not measured all the time. */
struct vg_ward_newest {
    bool known;
    float value;
    int64_t log_ns;
    int64_t until_ns; /**< of an order; 0: it does not say */
};

/** Limits that somebody ordered for this patient. */
struct vg_ward_own_limit {
    int64_t until_ns; /**< 0: the entry is free */
    int channel;
    bool low_set, high_set;
    float low, high;
};

/** Something that was noted by people. */
struct vg_ward_remark {
    int64_t at_ns;
    int channel;
    float value;
};

/** Low and high of one channel; NAN: none. */
struct vg_ward_limit {
    float low, high;
};

struct vg_ward_bed {
    char key[VG_BED_KEY_SIZE];
    struct vg_patient who;
    uint32_t hash;
    bool gone;        /**< only those that know it still have to be told */
    uint64_t born;    /**< version at which the tile appeared */
    uint64_t changed; /**< the newest of `part` */
    uint64_t part[VG_WARD_PARTS];
    int64_t log_ns;  /**< of the newest sample */
    int64_t seen_ns; /**< wall time of the newest sample that came by itself; 0: none */
    struct vg_ward_value value[VG_CHANNELS];
    struct vg_ward_newest newest[VG_CHANNELS];

    int64_t forecast_ns;     /**< VG_TIME_NONE: there is none */
    uint32_t forecast_known; /**< bit c: of the model's channel c */
    uint16_t *forecast;      /**< [C, H, quantiles], or NULL */
    int64_t anomaly_ns;      /**< VG_TIME_NONE: nothing is known */
    float anomaly, share[VG_CHANNELS];

    struct vg_score_window *window; /**< of the score that the patient has, or NULL */
    int place;                      /**< of that score in the site; -1: none */
    int64_t score_ns;
    int total, highest;
    uint32_t missing; /**< bit p: parameter p is not known */

    struct vg_ward_own_limit own[VG_WARD_OWN_LIMITS];
    bool standby;
    int64_t standby_until_ns;
    struct vg_ward_limit limit[VG_CHANNELS];

    int64_t minute; /**< the one that was over last, since 1970 */
    struct vg_ward_remark remark[VG_WARD_NOTES];
    uint32_t remarks; /**< so far; the ring holds the last ones */
    struct vg_ward_ring ring;
};

struct vg_ward {
    const struct vg_config *config;
    struct vg_ward_models models;
    char forecaster[65], detector[65];        /**< SHA-256 of their files; "" where there is none */
    uint32_t quantile[VG_WARD_QUANTILES_MAX]; /**< which of the forecaster's are kept */
    uint32_t quantiles;
    struct vg_ward_limit limit[VG_CHANNELS]; /**< of a patient in no declared bed */
    struct vg_ward_bed **bed;                /**< [beds_max] */
    uint32_t beds, beds_max;
    uint32_t *index; /**< [index_size] place + 1 by hash; 0: free */
    uint32_t index_size;
    uint64_t version;
    uint32_t epoch; /**< rises when tiles change their places */
    int64_t
        newest_ns;  /**< log time of the newest row of all, but for those far ahead of the clock */
    int64_t now_ns; /**< wall time of the last sweep; 0: there was none */
    uint64_t lost;
    int64_t lost_ns;      /**< wall time at which it grew last */
    uint8_t outside[512]; /**< a bit for each patient without a tile in this minute, by hash */
    uint8_t outside_before[512];
    int64_t outside_ns; /**< wall time at which the minute began */
};

/** Notes that a part of the tile has changed. */
static inline void vg_ward_touch(struct vg_ward *w, struct vg_ward_bed *b, enum vg_ward_part part)
{
    b->changed = b->part[part] = ++w->version;
}

/** Log time up to which a bed can have something, so that one that is silent ends in a gap. */
static inline int64_t vg_ward_end_ns(const struct vg_ward *w, const struct vg_ward_bed *b)
{
    return w->newest_ns > b->log_ns ? w->newest_ns : b->log_ns;
}

static inline uint32_t vg_ward_forecast_size(const struct vg_ward *w)
{
    const struct vg_model *m = w->models.forecaster;

    return m ? m->channels * m->horizons * w->quantiles : 0;
}

/* ---- ward_bed.c ---- */

struct vg_ward_bed *vg_ward_bed_new(const struct vg_ward *w, const struct vg_patient *who);
void vg_ward_bed_free(struct vg_ward_bed *b);
/** Everything that follows from the configuration, after that or the bed has changed. */
void vg_ward_bed_configure(struct vg_ward *w, struct vg_ward_bed *b);
void vg_ward_bed_take(struct vg_ward *w, struct vg_ward_bed *b, const struct vg_ward_news *news);
/** What the score is at that log time. */
void vg_ward_bed_score(struct vg_ward *w, struct vg_ward_bed *b, int64_t log_ns);

/* ---- ward.c ---- */

/** Which of the forecaster's quantiles are kept. */
void vg_ward_choose_quantiles(struct vg_ward *w);
/** The tile goes; it is kept as a mark, without memory, so that those who know it are told. */
void vg_ward_leave(struct vg_ward *w, struct vg_ward_bed *b);

/* ---- ward_limits.c ---- */

bool vg_ward_limit_same(const struct vg_ward_limit *a, const struct vg_ward_limit *b);

/** The tightest limits that rules about limits have for somebody in that bed, with those of the patient
 *  (`own`, or NULL): ret [VG_CHANNELS]. */
void vg_ward_limits(const struct vg_site *site, const char *bed,
                    const struct vg_ward_own_limit *own, struct vg_ward_limit *ret);

/* ---- ward_json.c ---- */

/** With at most two decimals. */
void vg_ward_number(struct vg_buf *out, float value);
void vg_ward_number_or_null(struct vg_buf *out, bool known, float value);
void vg_ward_ms(struct vg_buf *out, int64_t ns);

#endif
