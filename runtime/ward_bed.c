/* ward_bed.c - what a row says of one tile. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/ward_private.h"

struct vg_ward_bed *vg_ward_bed_new(const struct vg_ward *w, const struct vg_patient *who)
{
    struct vg_ward_bed *b = calloc(1, sizeof(*b));

    VG_CHECK(b != NULL);
    b->who = *who;
    vg_bed_key(who->id, b->key);
    b->log_ns = b->forecast_ns = b->anomaly_ns = VG_TIME_NONE;
    b->place = -1;
    b->minute = INT64_MIN;
    vg_ward_ring_init(&b->ring, vg_ward_forecast_size(w));
    return b;
}

void vg_ward_bed_free(struct vg_ward_bed *b)
{
    if (!b)
        return;
    vg_ward_ring_done(&b->ring);
    free(b->forecast);
    free(b->window);
    free(b);
}

/* ---- what follows from the configuration ---- */

/* The first score that patients of this profile have. */
static int score_of(const struct vg_site *site, const char *bed)
{
    const struct vg_profile *profile = vg_site_profile(site, bed);

    for (uint32_t i = 0; i < site->scores_n; i++) {
        if (!profile || site->scores[i].profile[profile - site->profiles])
            return (int)i;
    }
    return -1;
}

static void choose_score(const struct vg_ward *w, struct vg_ward_bed *b)
{
    int place = score_of(&w->config->site, b->who.bed);
    uint32_t windows;

    if (place == b->place)
        return;
    free(b->window);
    b->window = NULL;
    b->place = place;
    if (place < 0)
        return;
    windows = vg_score_windows(&w->config->site.scores[place].score);
    b->window = calloc(windows + 1, sizeof(*b->window));
    VG_CHECK(b->window != NULL);
}

void vg_ward_bed_configure(struct vg_ward *w, struct vg_ward_bed *b)
{
    struct vg_ward_limit now[VG_CHANNELS];
    bool same = true;

    vg_ward_limits(&w->config->site, b->who.bed, b->own, now);
    for (int c = 0; c < VG_CHANNELS; c++)
        same &= vg_ward_limit_same(&now[c], &b->limit[c]);
    memcpy(b->limit, now, sizeof(now));
    if (!same)
        vg_ward_touch(w, b, VG_WARD_LIMIT);
    choose_score(w, b);
}

/* ---- the score ---- */

static struct vg_score_input newest_input(const struct vg_ward_bed *b,
                                          const struct vg_score_channel *c, int64_t log_ns)
{
    const struct vg_ward_newest *n = &b->newest[c->channel];

    return (struct vg_score_input){
        .known = n->known && log_ns - n->log_ns <= c->expires_ns &&
                 (n->until_ns == 0 || log_ns < n->until_ns),
        .newest_ns = n->log_ns,
        .steps = n->known ? vg_score_round(n->value, c->per_unit) : 0,
    };
}

void vg_ward_bed_score(struct vg_ward *w, struct vg_ward_bed *b, int64_t log_ns)
{
    const struct vg_site *site = &w->config->site;
    const struct vg_score_window *window = b->window;
    const struct vg_score_chart *s;
    struct vg_score_patient patient;
    struct vg_score_total total;
    vg_score_inputs input;
    uint32_t missing = 0;

    if (b->place < 0)
        return;
    s = &site->scores[b->place].score;
    patient = vg_profile_score_patient(vg_site_profile(site, b->who.bed));
    for (uint32_t p = 0; p < s->parameters; p++) {
        for (uint8_t i = 0; i < s->parameter[p].channels; i++) {
            const struct vg_score_channel *c = &s->parameter[p].channel[i];

            input[p][i] = vg_score_by_window(c) ? vg_score_window_input(window++, c, log_ns)
                                                : newest_input(b, c, log_ns);
        }
    }
    vg_score_evaluate(s, &patient, input, &total);
    for (uint32_t p = 0; p < s->parameters; p++)
        missing |= vg_score_part_known(&total.part[p]) ? 0 : UINT32_C(1) << p;
    if (b->part[VG_WARD_SCORE] == 0 || total.lowest != b->total || total.highest != b->highest ||
        missing != b->missing)
        vg_ward_touch(w, b, VG_WARD_SCORE);
    b->score_ns = log_ns;
    b->total = total.lowest;
    b->highest = total.highest;
    b->missing = missing;
}

/* ---- samples ---- */

static void remark(struct vg_ward_bed *b, int64_t at_ns, int channel, float value)
{
    b->remark[b->remarks++ % VG_WARD_NOTES] = (struct vg_ward_remark){ at_ns, channel, value };
}

/* Of the same moment a row of the chain counts, not what was read back. */
static void take_values(struct vg_ward_bed *b, const struct vg_ward_news *news, int64_t at_ns)
{
    int64_t read_back = news->wall_ns == 0 ? 1 : 0;

    for (int c = 0; c < VG_CHANNELS; c++) {
        struct vg_ward_value *v = &b->value[c];

        if (news->quality[c] == VG_Q_ABSENT || (v->seen && at_ns < v->event_ns + read_back))
            continue;
        *v = (struct vg_ward_value){ .value = news->value[c],
                                     .quality = news->quality[c],
                                     .reason = news->reason[c],
                                     .seen = true,
                                     .event_ns = at_ns };
        if (!vg_usable(news->quality[c]))
            continue;
        b->newest[c] = (struct vg_ward_newest){ .known = true,
                                                .value = news->value[c],
                                                .log_ns = news->log_ns };
        if (c >= VG_MEASURED)
            remark(b, at_ns, c, news->value[c]);
    }
}

/* The minute before the one that begins is over. */
static void turn_minute(struct vg_ward *w, struct vg_ward_bed *b, int64_t minute)
{
    if (minute <= b->minute)
        return;
    if (b->minute != INT64_MIN)
        vg_ward_touch(w, b, VG_WARD_MINUTE);
    b->minute = minute;
}

static void take_sample(struct vg_ward *w, struct vg_ward_bed *b, const struct vg_ward_news *news)
{
    bool live = news->wall_ns != 0;
    int64_t at_ns = news->event_ns < news->log_ns ? news->event_ns : news->log_ns;

    take_values(b, news, at_ns);
    vg_ward_ring_put(&b->ring, live ? VG_WARD_LIVE : VG_WARD_REFILL, at_ns, news->value,
                     news->quality);
    if (live)
        turn_minute(w, b, b->ring.minute);
    if (news->flags & VG_ROW_LATE || b->place < 0 || news->log_ns < b->log_ns)
        return;
    vg_score_windows_take(b->window, &w->config->site.scores[b->place].score, news->log_ns,
                          news->value, news->quality, news->reason);
    vg_ward_bed_score(w, b, news->log_ns);
}

/* ---- ticks ---- */

static void take_forecast(struct vg_ward *w, struct vg_ward_bed *b, const struct vg_ward_news *news)
{
    const struct vg_model *m = w->models.forecaster;
    uint32_t at = 0;

    if (!b->forecast)
        b->forecast = malloc(vg_ward_forecast_size(w) * sizeof(uint16_t) + 1);
    VG_CHECK(b->forecast != NULL);
    b->forecast_known = 0;
    for (uint32_t c = 0; c < m->channels; c++) {
        bool known = news->forecast_valid[c] != 0.0f;

        b->forecast_known |= known ? UINT32_C(1) << c : 0;
        for (uint32_t i = 0; i < m->horizons * w->quantiles; i++, at++) {
            uint32_t h = i / w->quantiles, q = w->quantile[i % w->quantiles];
            float value = news->forecast[(c * m->horizons + h) * m->quantiles + q];

            b->forecast[at] = known ? vg_ward_encode(m->channel[c], value) : 0;
        }
    }
    b->forecast_ns = news->event_ns;
    if (b->forecast_known != 0)
        vg_ward_ring_put_forecast(&b->ring, news->event_ns, b->forecast);
    vg_ward_touch(w, b, VG_WARD_FORECAST);
}

static void take_score(struct vg_ward *w, struct vg_ward_bed *b, const struct vg_ward_news *news)
{
    bool known = news->score_valid[0] != 0.0f && isfinite(news->score[0]) &&
                 !(news->flags & VG_ROW_MODEL_ERROR);

    if (known || b->anomaly_ns != VG_TIME_NONE)
        vg_ward_touch(w, b, VG_WARD_ANOMALY);
    b->anomaly_ns = known ? news->event_ns : VG_TIME_NONE;
    if (!known)
        return;
    b->anomaly = news->score[0];
    memcpy(b->share, news->share, w->models.detector->channels * sizeof(float));
    vg_ward_ring_put_score(&b->ring, news->event_ns, b->anomaly);
}

/* ---- any row ---- */

static void move(struct vg_ward *w, struct vg_ward_bed *b, const struct vg_patient *who)
{
    b->who = *who;
    vg_ward_bed_configure(w, b);
    vg_ward_touch(w, b, VG_WARD_STANDING);
}

void vg_ward_bed_take(struct vg_ward *w, struct vg_ward_bed *b, const struct vg_ward_news *news)
{
    /* What is read back does not know where the patient is now. */
    bool newer = b->log_ns == VG_TIME_NONE || news->log_ns >= b->log_ns;

    if (newer && (strcmp(news->patient->bed, b->who.bed) != 0 ||
                  strcmp(news->patient->ward, b->who.ward) != 0))
        move(w, b, news->patient);
    if (news->kind == VG_ROW_SAMPLE)
        take_sample(w, b, news);
    if (news->kind == VG_ROW_TICK && news->forecast && w->models.forecaster)
        take_forecast(w, b, news);
    if (news->kind == VG_ROW_TICK && news->score && w->models.detector)
        take_score(w, b, news);
    /* Ticks go on for an hour after the last sample: who only ticks is silent. */
    if (newer && news->kind == VG_ROW_SAMPLE)
        b->log_ns = news->log_ns;
    if (news->wall_ns != 0 && news->kind == VG_ROW_SAMPLE)
        b->seen_ns = news->wall_ns;
    vg_ward_touch(w, b, VG_WARD_ROW);
}
