/* ward_history.c - what was, of one bed, as JSON.
 *
 * A span of at most the last hour is told in steps, any other in minutes. Where nothing stands in the
 * ring there is null: nothing is carried on.
 */
#include <string.h>

#include "runtime/ward_private.h"

enum { HOUR_MS = 3600 * 1000, SCORE_PER_UNIT = 100 };

/* A row of steps: `first` and the ones behind it, since 1970. */
struct steps {
    int64_t first, n;
    int64_t step_ms;
    bool ticks;
};

static const char quality_letters[] = {
    [VG_Q_ABSENT] = '-',  [VG_Q_GOOD] = 'g',    [VG_Q_SUSPECT] = 's',
    [VG_Q_IMPUTED] = 'm', [VG_Q_INVALID] = 'i', [VG_Q_MISSING] = 'm'
};

/* ---- which steps ---- */

static struct steps choose_steps(int64_t end_ns, const struct vg_ward_span *span)
{
    const int64_t tick_ms = VG_WARD_TICK_NS / VG_NS_PER_MS;
    const int64_t minute_ms = VG_WARD_MINUTE_NS / VG_NS_PER_MS;
    int64_t end_ms = end_ns == VG_TIME_NONE ? 0 : end_ns / VG_NS_PER_MS;
    int64_t to_ms = span->to_ms >= 0 && span->to_ms < end_ms ? span->to_ms : end_ms;
    int64_t from_ms = span->from_ms >= 0 ? span->from_ms : to_ms - HOUR_MS + tick_ms;
    struct steps s = { .ticks = to_ms - from_ms <= HOUR_MS &&
                                from_ms / tick_ms > end_ms / tick_ms - VG_WARD_TICKS };
    int64_t oldest;

    s.step_ms = s.ticks ? tick_ms : minute_ms;
    oldest = end_ms / s.step_ms - (s.ticks ? VG_WARD_TICKS : VG_WARD_MINUTES) + 1;
    s.first = from_ms < 0 ? 0 : from_ms / s.step_ms;
    s.first = s.first < oldest ? oldest : s.first;
    s.n = to_ms / s.step_ms >= s.first ? to_ms / s.step_ms - s.first + 1 : 0;
    return s;
}

static int place_of(const struct vg_ward_ring *r, const struct steps *s, int64_t i)
{
    return s->ticks ? vg_ward_tick_place(r, s->first + i) : vg_ward_minute_place(r, s->first + i);
}

/* ---- channels ---- */

static void write_codes(const struct vg_ward_ring *r, const struct steps *s, int channel,
                        const char *name, const uint16_t *code, struct vg_buf *out)
{
    vg_buf_printf(out, "\"%s\":[", name);
    for (int64_t i = 0; i < s->n; i++) {
        int place = place_of(r, s, i);
        bool known = place >= 0 && code[place] != 0;

        vg_buf_str(out, i ? "," : "");
        vg_ward_number_or_null(out, known, known ? vg_ward_decode(channel, code[place]) : 0.0f);
    }
    vg_buf_char(out, ']');
}

static void write_qualities(const struct vg_ward_ring *r, const struct steps *s,
                            const struct vg_ward_track *track, struct vg_buf *out)
{
    vg_buf_str(out, ",\"quality\":\"");
    for (int64_t i = 0; i < s->n; i++) {
        int place = place_of(r, s, i);

        vg_buf_char(out, quality_letters[place < 0 ? VG_Q_ABSENT : vg_ward_quality(track, place)]);
    }
    vg_buf_char(out, '"');
}

static void write_shares(const struct vg_ward_ring *r, const struct steps *s, const uint8_t *share,
                         struct vg_buf *out)
{
    vg_buf_str(out, ",\"share\":[");
    for (int64_t i = 0; i < s->n; i++) {
        int place = place_of(r, s, i);
        float steps = place < 0 ? 0.0f : (float)share[place];

        vg_buf_str(out, i ? "," : "");
        vg_ward_number(out, steps * VG_WARD_TICK_S / VG_WARD_MINUTE_S);
    }
    vg_buf_char(out, ']');
}

static void write_channel(const struct vg_ward_ring *r, const struct steps *s, int c,
                          struct vg_buf *out)
{
    const struct vg_ward_track *track = r->track[c];

    vg_buf_printf(out, "\"%s\":{", vg_channels[c].name);
    if (s->ticks) {
        write_codes(r, s, c, "raw", track->raw, out);
        vg_buf_char(out, ',');
        write_codes(r, s, c, "clean", track->clean, out);
        write_qualities(r, s, track, out);
    } else {
        write_codes(r, s, c, "mean", track->mean, out);
        vg_buf_char(out, ',');
        write_codes(r, s, c, "low", track->low, out);
        vg_buf_char(out, ',');
        write_codes(r, s, c, "high", track->high, out);
        write_shares(r, s, track->share, out);
    }
    vg_buf_char(out, '}');
}

static void write_channels(const struct vg_ward_ring *r, const struct steps *s, struct vg_buf *out)
{
    bool any = false;

    vg_buf_str(out, ",\"channels\":{");
    for (int c = 0; c < VG_MEASURED; c++) {
        if (!r->track[c])
            continue;
        vg_buf_str(out, any ? "," : "");
        write_channel(r, s, c, out);
        any = true;
    }
    vg_buf_char(out, '}');
}

/* ---- the rest ---- */

/* Steps in which nothing at all came of this patient, as spans. */
static void write_gaps(const struct vg_ward_ring *r, const struct steps *s, struct vg_buf *out)
{
    const bool *heard = s->ticks ? r->heard : r->heard_m;
    int64_t began = -1;
    bool any = false;

    vg_buf_str(out, ",\"gaps\":[");
    for (int64_t i = 0; i <= s->n; i++) {
        int place = i < s->n ? place_of(r, s, i) : -1;
        bool silent = i < s->n && (place < 0 || !heard[place]);

        if (silent && began < 0)
            began = i;
        if (silent || began < 0)
            continue;
        vg_buf_printf(out, "%s[%lld,%lld]", any ? "," : "",
                      (long long)(s->first + began) * s->step_ms,
                      (long long)(s->first + i) * s->step_ms);
        began = -1;
        any = true;
    }
    vg_buf_char(out, ']');
}

static void write_scores(const struct vg_ward_ring *r, const struct steps *s, struct vg_buf *out)
{
    const uint16_t *score = s->ticks ? r->score : r->score_m;

    vg_buf_str(out, ",\"anomaly\":[");
    for (int64_t i = 0; i < s->n; i++) {
        int place = place_of(r, s, i);
        bool known = place >= 0 && score[place] != 0;

        vg_buf_str(out, i ? "," : "");
        vg_ward_number_or_null(out, known,
                               known ? (float)(score[place] - 1) / SCORE_PER_UNIT : 0.0f);
    }
    vg_buf_char(out, ']');
}

/* One horizon of every channel that was forecast then. */
static void write_horizon(const struct vg_ward *w, int64_t at_ns, const uint16_t *forecast,
                          uint32_t horizon, bool *any, struct vg_buf *out)
{
    const struct vg_model *m = w->models.forecaster;

    for (uint32_t c = 0; c < m->channels; c++) {
        const uint16_t *code = forecast + (size_t)(c * m->horizons + horizon) * w->quantiles;

        if (code[0] == 0)
            continue;
        vg_buf_printf(out, "%s{\"at\":%lld,\"channel\":\"%s\",\"horizon_s\":%lld,\"values\":[",
                      *any ? "," : "", (long long)(at_ns / VG_NS_PER_MS),
                      vg_channels[m->channel[c]].name,
                      (long long)(m->horizon_ns[horizon] / VG_NS_PER_S));
        for (uint32_t q = 0; q < w->quantiles; q++) {
            vg_buf_str(out, q ? "," : "");
            vg_ward_number(out, vg_ward_decode(m->channel[c], code[q]));
        }
        vg_buf_str(out, "]}");
        *any = true;
    }
}

/* Those about a time in the span. */
static void write_forecasts(const struct vg_ward *w, const struct vg_ward_ring *r,
                            const struct steps *s, struct vg_buf *out)
{
    const struct vg_model *m = w->models.forecaster;
    int64_t from_ns = s->first * s->step_ms * VG_NS_PER_MS;
    int64_t to_ns = (s->first + s->n) * s->step_ms * VG_NS_PER_MS;
    int64_t newest = to_ns / VG_WARD_MINUTE_NS;
    bool any = false;

    vg_buf_str(out, ",\"forecasts\":[");
    for (int64_t minute = newest - VG_WARD_FORECASTS + 1; m && r->forecast && minute <= newest;
         minute++) {
        int64_t i = minute % VG_WARD_FORECASTS;
        uint32_t shown[] = { m->horizons / 2, m->horizons - 1 };

        if (minute < 0 || r->forecast_ns[i] == VG_TIME_NONE ||
            r->forecast_ns[i] / VG_WARD_MINUTE_NS != minute)
            continue;
        for (size_t k = shown[0] == shown[1] ? 1 : 0; k < VG_ARRAY_LEN(shown); k++) {
            int64_t about_ns = r->forecast_ns[i] + m->horizon_ns[shown[k]];

            if (about_ns >= from_ns && r->forecast_ns[i] < to_ns)
                write_horizon(w, r->forecast_ns[i], r->forecast + (size_t)i * r->forecast_size,
                              shown[k], &any, out);
        }
    }
    vg_buf_char(out, ']');
}

static void write_notes(const struct vg_ward_bed *b, const struct steps *s, struct vg_buf *out)
{
    uint32_t kept = b->remarks < VG_WARD_NOTES ? b->remarks : VG_WARD_NOTES;
    bool any = false;

    vg_buf_str(out, ",\"notes\":[");
    for (uint32_t i = b->remarks - kept; i != b->remarks; i++) {
        const struct vg_ward_remark *r = &b->remark[i % VG_WARD_NOTES];
        int64_t step = r->at_ns / VG_NS_PER_MS / s->step_ms;

        if (step < s->first || step >= s->first + s->n)
            continue;
        vg_buf_printf(out, "%s{\"at\":%lld,\"channel\":\"%s\",\"value\":", any ? "," : "",
                      (long long)(r->at_ns / VG_NS_PER_MS), vg_channels[r->channel].name);
        vg_ward_number(out, r->value);
        vg_buf_char(out, '}');
        any = true;
    }
    vg_buf_char(out, ']');
}

void vg_ward_write_history(const struct vg_ward *w, const struct vg_ward_bed *bed,
                           struct vg_ward_span *span, struct vg_buf *out)
{
    const struct steps s = choose_steps(vg_ward_end_ns(w, bed), span);

    span->from_ms = s.first * s.step_ms;
    span->to_ms = (s.first + s.n) * s.step_ms - 1;
    vg_buf_printf(out, "{\"step_s\":%lld,\"from\":%lld,\"n\":%lld", (long long)(s.step_ms / 1000),
                  (long long)s.first * s.step_ms, (long long)s.n);
    write_gaps(&bed->ring, &s, out);
    write_channels(&bed->ring, &s, out);
    write_scores(&bed->ring, &s, out);
    write_forecasts(w, &bed->ring, &s, out);
    write_notes(bed, &s, out);
}
