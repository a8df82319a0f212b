/* ward.c - the tiles, by patient. */
#include "runtime/ward.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/ward_private.h"

static const int64_t left_ns = VG_WARD_LEFT_S * VG_NS_PER_S;
static const int64_t day_ns = 86400 * VG_NS_PER_S;
static const int64_t minute_ns = 60 * VG_NS_PER_S;

/* ---- the table ---- */

static uint32_t hash_of(const char *patient)
{
    uint32_t h = UINT32_C(2166136261); /* FNV-1a */

    for (; *patient; patient++)
        h = (h ^ (uint8_t)*patient) * UINT32_C(16777619);
    return h;
}

static void index_bed(struct vg_ward *w, uint32_t place)
{
    uint32_t i = w->bed[place]->hash & (w->index_size - 1);

    while (w->index[i] != 0)
        i = (i + 1) & (w->index_size - 1);
    w->index[i] = place + 1;
}

static void index_all(struct vg_ward *w)
{
    memset(w->index, 0, w->index_size * sizeof(*w->index));
    for (uint32_t i = 0; i < w->beds; i++)
        index_bed(w, i);
}

static struct vg_ward_bed *find(const struct vg_ward *w, const char *patient, uint32_t hash)
{
    uint32_t i = hash & (w->index_size - 1);

    for (; w->index[i] != 0; i = (i + 1) & (w->index_size - 1)) {
        struct vg_ward_bed *b = w->bed[w->index[i] - 1];

        if (b->hash == hash && strcmp(b->who.id, patient) == 0)
            return b;
    }
    return NULL;
}

/* A tile of somebody who is gone, or from whom nothing has come for a day, gives way to a new one. */
static bool make_room(struct vg_ward *w)
{
    uint32_t oldest = 0;

    for (uint32_t i = 1; i < w->beds; i++) {
        const struct vg_ward_bed *b = w->bed[i], *o = w->bed[oldest];

        if (b->gone > o->gone || (b->gone == o->gone && b->log_ns < o->log_ns))
            oldest = i;
    }
    if (!w->bed[oldest]->gone)
        return false;
    vg_ward_bed_free(w->bed[oldest]);
    w->bed[oldest] = w->bed[--w->beds];
    w->epoch++;
    index_all(w);
    return true;
}

static struct vg_ward_bed *add(struct vg_ward *w, const struct vg_patient *who, uint32_t hash)
{
    struct vg_ward_bed *b;

    if (w->beds == w->beds_max && (w->beds == 0 || !make_room(w))) {
        w->outside[hash / 8 % sizeof(w->outside)] |= (uint8_t)(1U << (hash & 7));
        return NULL;
    }
    b = vg_ward_bed_new(w, who);
    b->hash = hash;
    b->born = ++w->version;
    w->bed[w->beds++] = b;
    index_bed(w, w->beds - 1);
    vg_ward_bed_configure(w, b);
    vg_ward_touch(w, b, VG_WARD_STANDING);
    return b;
}

void vg_ward_leave(struct vg_ward *w, struct vg_ward_bed *b)
{
    vg_ward_ring_done(&b->ring);
    free(b->forecast);
    free(b->window);
    b->forecast = NULL;
    b->window = NULL;
    b->place = -1;
    vg_ward_ring_init(&b->ring, vg_ward_forecast_size(w));
    b->gone = true;
    vg_ward_touch(w, b, VG_WARD_STANDING);
}

/* The mark becomes a tile again. */
static void come_back(struct vg_ward *w, struct vg_ward_bed *b, const struct vg_patient *who)
{
    struct vg_ward_bed *fresh = vg_ward_bed_new(w, who);
    uint32_t hash = b->hash;

    vg_ward_ring_done(&b->ring);
    *b = *fresh;
    free(fresh);
    b->hash = hash;
    b->born = ++w->version;
    vg_ward_bed_configure(w, b);
    vg_ward_touch(w, b, VG_WARD_STANDING);
}

/* ---- the whole ---- */

void vg_ward_choose_quantiles(struct vg_ward *w)
{
    const struct vg_model *m = w->models.forecaster;

    w->quantiles = 0;
    if (!m)
        return;
    if (m->quantiles <= VG_WARD_QUANTILES_MAX) {
        w->quantiles = m->quantiles;
        for (uint32_t q = 0; q < m->quantiles; q++)
            w->quantile[q] = q;
        return;
    }
    w->quantiles = VG_WARD_QUANTILES_MAX;
    w->quantile[0] = 0;
    w->quantile[1] = m->quantiles / 2;
    w->quantile[2] = m->quantiles - 1;
}

/* Whether the answers of the model that there was are those of `now`. */
static bool note_model(char sha256[65], const struct vg_model *now)
{
    const char *hash = now ? now->sha256 : "";
    bool same = strcmp(sha256, hash) == 0;

    memcpy(sha256, hash, strlen(hash) + 1);
    return same;
}

/* Returns whether the models are those that there were. */
static bool configure(struct vg_ward *w, const struct vg_config *config,
                      const struct vg_ward_models *models)
{
    bool same_forecaster = note_model(w->forecaster, models->forecaster);
    bool same_detector = note_model(w->detector, models->detector);

    w->config = config;
    w->models = *models;
    vg_ward_choose_quantiles(w);
    vg_ward_limits(&config->site, "", NULL, w->limit);
    return same_forecaster && same_detector;
}

struct vg_ward *vg_ward_new(const struct vg_config *config, const struct vg_ward_models *models,
                            uint32_t beds_max)
{
    struct vg_ward *w = calloc(1, sizeof(*w));

    VG_CHECK(w != NULL);
    w->beds_max = beds_max;
    for (w->index_size = 8; w->index_size < 2 * beds_max + 2; w->index_size *= 2) {
    }
    w->bed = calloc(beds_max + 1, sizeof(struct vg_ward_bed *));
    w->index = calloc(w->index_size, sizeof(*w->index));
    VG_CHECK(w->bed != NULL && w->index != NULL);
    w->newest_ns = VG_TIME_NONE;
    w->version = 1; /* 0 is what a reader knows that was told nothing */
    configure(w, config, models);
    return w;
}

void vg_ward_free(struct vg_ward *w)
{
    if (!w)
        return;
    for (uint32_t i = 0; i < w->beds; i++)
        vg_ward_bed_free(w->bed[i]);
    free(w->bed);
    free(w->index);
    free(w);
}

/* Another forecaster's answers would be read as those of this one. */
static void forget_models(const struct vg_ward *w, struct vg_ward_bed *b)
{
    free(b->forecast);
    free(b->ring.forecast);
    b->forecast = b->ring.forecast = NULL;
    b->forecast_ns = b->anomaly_ns = VG_TIME_NONE;
    b->ring.forecast_size = vg_ward_forecast_size(w);
    for (int i = 0; i < VG_WARD_FORECASTS; i++)
        b->ring.forecast_ns[i] = VG_TIME_NONE;
}

void vg_ward_configure(struct vg_ward *w, const struct vg_config *config,
                       const struct vg_ward_models *models)
{
    bool same = configure(w, config, models);

    for (uint32_t i = 0; i < w->beds; i++) {
        struct vg_ward_bed *b = w->bed[i];

        if (b->gone)
            continue;
        if (!same)
            forget_models(w, b);
        b->place = -1; /* the same place may be another score */
        vg_ward_bed_configure(w, b);
        for (int part = 0; part < VG_WARD_PARTS; part++)
            vg_ward_touch(w, b, (enum vg_ward_part)part);
    }
}

/* ---- what comes ---- */

/* One record with a wrong time takes its partition there for good. It must not make those of others look
 * as if they had been silent since. */
static bool is_far_ahead(const struct vg_ward *w, int64_t log_ns)
{
    return w->now_ns != 0 && log_ns - w->now_ns > left_ns;
}

void vg_ward_note(struct vg_ward *w, const struct vg_ward_news *news)
{
    uint32_t hash;
    struct vg_ward_bed *b;

    if (news->patient->id[0] == '\0' || !(news->kind & (VG_ROW_SAMPLE | VG_ROW_TICK)))
        return;
    hash = hash_of(news->patient->id);
    b = find(w, news->patient->id, hash);
    /* A tick may still come of somebody who has left, and an old row of before. */
    if ((!b || b->gone) &&
        (news->kind != VG_ROW_SAMPLE || (b && (news->wall_ns == 0 || news->log_ns <= b->log_ns))))
        return;
    if (b && b->gone)
        come_back(w, b, news->patient);
    if (!b)
        b = add(w, news->patient, hash);
    if (!b)
        return;
    vg_ward_bed_take(w, b, news);
    if (news->log_ns > w->newest_ns && !is_far_ahead(w, news->log_ns))
        w->newest_ns = news->log_ns;
}

void vg_ward_lost(struct vg_ward *w, uint64_t rows, int64_t wall_ns)
{
    if (rows > w->lost)
        w->lost_ns = wall_ns;
    w->lost = rows;
}

/* ---- time ---- */

/* Log time of a tile from which nothing comes: it goes on as fast as the wall clock. */
static int64_t log_now(const struct vg_ward_bed *b, int64_t wall_ns)
{
    int64_t silent_ns = b->seen_ns != 0 && wall_ns > b->seen_ns ? wall_ns - b->seen_ns : 0;

    return b->log_ns + silent_ns;
}

static void expire(struct vg_ward *w, struct vg_ward_bed *b, int64_t log_ns)
{
    bool over = false;

    for (int i = 0; i < VG_WARD_OWN_LIMITS; i++) {
        if (b->own[i].until_ns == 0 || log_ns < b->own[i].until_ns)
            continue;
        b->own[i] = (struct vg_ward_own_limit){ 0 };
        over = true;
    }
    if (over)
        vg_ward_bed_configure(w, b);
    if (b->standby && log_ns >= b->standby_until_ns) {
        b->standby = false;
        vg_ward_touch(w, b, VG_WARD_STANDING);
    }
    vg_ward_bed_score(w, b, log_ns);
}

/* Whether somebody else is where this one was. */
static bool displaced(const struct vg_ward *w, const struct vg_ward_bed *b)
{
    for (uint32_t i = 0; i < w->beds && b->who.bed[0]; i++) {
        const struct vg_ward_bed *other = w->bed[i];

        if (other != b && !other->gone && other->log_ns - b->log_ns > left_ns &&
            strcmp(other->who.bed, b->who.bed) == 0)
            return true;
    }
    return false;
}

/* The clock was set back. What came at a time that is still to come would not be silent until then. */
static void follow_clock(struct vg_ward *w, struct vg_ward_bed *b, int64_t wall_ns)
{
    if (b->seen_ns <= wall_ns)
        return;
    b->seen_ns = wall_ns;
    vg_ward_touch(w, b, VG_WARD_ROW);
}

void vg_ward_sweep(struct vg_ward *w, int64_t wall_ns)
{
    w->now_ns = wall_ns;
    for (uint32_t i = 0; i < w->beds; i++) {
        struct vg_ward_bed *b = w->bed[i];
        int64_t log_ns;

        if (b->gone)
            continue;
        follow_clock(w, b, wall_ns);
        log_ns = log_now(b, wall_ns);
        expire(w, b, log_ns);
        if (log_ns - b->log_ns > day_ns || w->newest_ns - b->log_ns > day_ns ||
            (w->newest_ns - b->log_ns > left_ns && displaced(w, b)))
            vg_ward_leave(w, b);
    }
    if (wall_ns - w->outside_ns < minute_ns)
        return;
    memcpy(w->outside_before, w->outside, sizeof(w->outside));
    memset(w->outside, 0, sizeof(w->outside));
    w->outside_ns = wall_ns;
}

/* ---- looking ---- */

struct vg_ward_bed *vg_ward_find_patient(const struct vg_ward *w, const char *patient)
{
    struct vg_ward_bed *b = find(w, patient, hash_of(patient));

    return b && !b->gone ? b : NULL;
}

struct vg_ward_bed *vg_ward_find_key(const struct vg_ward *w, const char *key)
{
    for (uint32_t i = 0; i < w->beds; i++) {
        if (!w->bed[i]->gone && strcmp(w->bed[i]->key, key) == 0)
            return w->bed[i];
    }
    return NULL;
}

const char *vg_ward_bed_patient(const struct vg_ward_bed *bed)
{
    return bed->who.id;
}

uint64_t vg_ward_version(const struct vg_ward *w)
{
    return w->version;
}

uint64_t vg_ward_lost_rows(const struct vg_ward *w)
{
    return w->lost;
}

int64_t vg_ward_lost_ns(const struct vg_ward *w)
{
    return w->lost_ns;
}

/* At least so many: two may share a bit. */
uint32_t vg_ward_left_out(const struct vg_ward *w)
{
    uint32_t n = 0;

    for (size_t i = 0; i < sizeof(w->outside); i++)
        n += (uint32_t)__builtin_popcount(w->outside[i] | w->outside_before[i]);
    return n;
}
