/* ward_json.c - tiles as JSON.
 *
 * Hundreds of tiles are written twice a second, so numbers are put together here, and not by printf.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "runtime/ward_private.h"

enum { TREND_MINUTES = 60, DIGITS = 24 };

/* ---- numbers ---- */

static void whole(struct vg_buf *out, int64_t value)
{
    char text[DIGITS];
    size_t n = sizeof(text);
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;

    do {
        text[--n] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (value < 0)
        text[--n] = '-';
    vg_buf_add(out, text + n, sizeof(text) - n);
}

void vg_ward_number(struct vg_buf *out, float value)
{
    const float most = 1e9f;
    int64_t hundredths;

    if (!(fabsf(value) < most)) {
        vg_buf_str(out, "null");
        return;
    }
    hundredths = (int64_t)floor((double)value * 100 + 0.5);
    if (hundredths < 0)
        vg_buf_char(out, '-');
    hundredths = hundredths < 0 ? -hundredths : hundredths;
    whole(out, hundredths / 100);
    if (hundredths % 100 == 0)
        return;
    vg_buf_char(out, '.');
    vg_buf_char(out, (char)('0' + hundredths / 10 % 10));
    if (hundredths % 10 != 0)
        vg_buf_char(out, (char)('0' + hundredths % 10));
}

void vg_ward_number_or_null(struct vg_buf *out, bool known, float value)
{
    if (known)
        vg_ward_number(out, value);
    else
        vg_buf_str(out, "null");
}

void vg_ward_ms(struct vg_buf *out, int64_t ns)
{
    if (ns == VG_TIME_NONE)
        vg_buf_str(out, "null");
    else
        whole(out, ns / VG_NS_PER_MS);
}

/* ---- members of a tile; each begins with its comma ---- */

static void write_who(const struct vg_ward_bed *b, struct vg_buf *out)
{
    vg_buf_str(out, ",\"ward\":");
    vg_buf_json_str(out, b->who.ward);
    vg_buf_str(out, ",\"bed\":");
    vg_buf_json_str(out, b->who.bed);
    vg_buf_str(out, ",\"patient\":");
    vg_buf_json_str(out, b->who.id);
    vg_buf_printf(out, ",\"standing\":\"%s\"", b->standby ? "standby" : "admitted");
}

static void write_value(const struct vg_ward_value *v, struct vg_buf *out)
{
    if (!v->seen) {
        vg_buf_str(out, "null");
        return;
    }
    vg_buf_char(out, '[');
    vg_ward_number_or_null(out, vg_usable(v->quality), v->value);
    vg_buf_str(out, ",\"");
    vg_buf_str(out, vg_quality_name(v->quality));
    vg_buf_str(out, "\",\"");
    if (v->reason != VG_REASON_NONE)
        vg_buf_str(out, vg_reason_name(v->reason));
    vg_buf_str(out, "\",");
    vg_ward_ms(out, v->event_ns);
    vg_buf_char(out, ']');
}

static void write_values(const struct vg_ward_bed *b, struct vg_buf *out)
{
    vg_buf_str(out, ",\"log\":");
    vg_ward_ms(out, b->log_ns);
    vg_buf_str(out, ",\"seen\":");
    vg_ward_ms(out, b->seen_ns != 0 ? b->seen_ns : VG_TIME_NONE);
    vg_buf_str(out, ",\"values\":[");
    for (int c = 0; c < VG_CHANNELS; c++) {
        vg_buf_str(out, c ? "," : "");
        write_value(&b->value[c], out);
    }
    vg_buf_char(out, ']');
}

static void write_score(const struct vg_ward *w, const struct vg_ward_bed *b, struct vg_buf *out)
{
    const struct vg_score_chart *s;
    bool any = false;

    vg_buf_str(out, ",\"score\":");
    if (b->place < 0 || b->part[VG_WARD_SCORE] == 0) {
        vg_buf_str(out, "null");
        return;
    }
    s = &w->config->site.scores[b->place].score;
    vg_buf_str(out, "{\"name\":");
    vg_buf_json_str(out, s->title);
    vg_buf_printf(out, ",\"total\":%d,\"highest\":%d,\"low_bound\":%s,\"missing\":[", b->total,
                  b->highest, b->missing != 0 ? "true" : "false");
    for (uint32_t p = 0; p < s->parameters; p++) {
        if (!(b->missing >> p & 1))
            continue;
        vg_buf_str(out, any ? "," : "");
        vg_buf_json_str(out, s->parameter[p].name);
        any = true;
    }
    vg_buf_str(out, "],\"at\":");
    vg_ward_ms(out, b->score_ns);
    vg_buf_char(out, '}');
}

static void write_quantiles(const struct vg_ward *w, int channel, const uint16_t *code,
                            struct vg_buf *out)
{
    vg_buf_char(out, '[');
    for (uint32_t q = 0; q < w->quantiles; q++) {
        vg_buf_str(out, q ? "," : "");
        vg_ward_number(out, vg_ward_decode(channel, code[q]));
    }
    vg_buf_char(out, ']');
}

static void write_forecast(const struct vg_ward *w, const struct vg_ward_bed *b, struct vg_buf *out)
{
    const struct vg_model *m = w->models.forecaster;
    const uint16_t *code = b->forecast;

    vg_buf_str(out, ",\"forecast\":");
    if (!m || !code || b->forecast_ns == VG_TIME_NONE || b->forecast_known == 0) {
        vg_buf_str(out, "null");
        return;
    }
    vg_buf_str(out, "{\"at\":");
    vg_ward_ms(out, b->forecast_ns);
    vg_buf_str(out, ",\"values\":[");
    for (uint32_t c = 0; c < m->channels; c++) {
        bool known = b->forecast_known >> c & 1;

        vg_buf_str(out, c ? "," : "");
        vg_buf_str(out, known ? "[" : "null");
        for (uint32_t h = 0; h < m->horizons; h++, code += w->quantiles) {
            if (!known)
                continue;
            vg_buf_str(out, h ? "," : "");
            write_quantiles(w, m->channel[c], code, out);
        }
        vg_buf_str(out, known ? "]" : "");
    }
    vg_buf_str(out, "]}");
}

static void write_anomaly(const struct vg_ward *w, const struct vg_ward_bed *b, struct vg_buf *out)
{
    const struct vg_model *m = w->models.detector;

    vg_buf_str(out, ",\"anomaly\":");
    if (!m || b->anomaly_ns == VG_TIME_NONE) {
        vg_buf_str(out, "null");
        return;
    }
    vg_buf_str(out, "{\"at\":");
    vg_ward_ms(out, b->anomaly_ns);
    vg_buf_str(out, ",\"score\":");
    vg_ward_number(out, b->anomaly);
    vg_buf_str(out, ",\"share\":[");
    for (uint32_t c = 0; c < m->channels; c++) {
        vg_buf_str(out, c ? "," : "");
        vg_ward_number(out, b->share[c]);
    }
    vg_buf_str(out, "]}");
}

static void write_limits(const struct vg_ward *w, const struct vg_ward_bed *b, struct vg_buf *out)
{
    bool any = false;

    vg_buf_str(out, ",\"limits\":{");
    for (int c = 0; c < VG_CHANNELS; c++) {
        const struct vg_ward_limit *own = &b->limit[c], *all = &w->limit[c];

        if (vg_ward_limit_same(own, all))
            continue;
        vg_buf_printf(out, "%s\"%s\":[", any ? "," : "", vg_channels[c].name);
        vg_ward_number_or_null(out, !isnan(own->low), own->low);
        vg_buf_char(out, ',');
        vg_ward_number_or_null(out, !isnan(own->high), own->high);
        vg_buf_char(out, ']');
        any = true;
    }
    vg_buf_char(out, '}');
}

/* The mean of a minute, or null. */
static void write_mean(const struct vg_ward_ring *r, int channel, int64_t minute,
                       struct vg_buf *out)
{
    int place = vg_ward_minute_place(r, minute);
    uint16_t code = place < 0 ? 0 : r->track[channel]->mean[place];

    vg_ward_number_or_null(out, code != 0, code != 0 ? vg_ward_decode(channel, code) : 0.0f);
}

/* The hour before the minute that goes on in the ward. */
static void write_trend(const struct vg_ward *w, const struct vg_ward_bed *b, struct vg_buf *out)
{
    int64_t end_ns = vg_ward_end_ns(w, b);
    int64_t end = end_ns == VG_TIME_NONE ? 0 : end_ns / VG_WARD_MINUTE_NS;

    vg_buf_str(out, ",\"trend\":{\"from\":");
    whole(out, (end - TREND_MINUTES) * VG_WARD_MINUTE_S * 1000);
    vg_buf_printf(out, ",\"step_s\":%d", VG_WARD_MINUTE_S);
    for (int c = 0; c < VG_MEASURED; c++) {
        if (!b->ring.track[c])
            continue;
        vg_buf_printf(out, ",\"%s\":[", vg_channels[c].name);
        for (int64_t m = end - TREND_MINUTES; m < end; m++) {
            vg_buf_str(out, m > end - TREND_MINUTES ? "," : "");
            write_mean(&b->ring, c, m, out);
        }
        vg_buf_char(out, ']');
    }
    vg_buf_char(out, '}');
}

static void write_minute(const struct vg_ward_bed *b, struct vg_buf *out)
{
    vg_buf_str(out, ",\"minute\":{\"from\":");
    whole(out, (b->minute - 1) * VG_WARD_MINUTE_S * 1000);
    for (int c = 0; c < VG_MEASURED; c++) {
        if (!b->ring.track[c])
            continue;
        vg_buf_printf(out, ",\"%s\":", vg_channels[c].name);
        write_mean(&b->ring, c, b->minute - 1, out);
    }
    vg_buf_char(out, '}');
}

/* ---- a tile ---- */

static void write_key(const struct vg_ward_bed *b, struct vg_buf *out)
{
    vg_buf_str(out, "{\"key\":\"");
    vg_buf_str(out, b->key);
    vg_buf_char(out, '"');
}

static void write_whole(const struct vg_ward *w, const struct vg_ward_bed *b, struct vg_buf *out)
{
    write_key(b, out);
    write_who(b, out);
    write_values(b, out);
    write_score(w, b, out);
    write_forecast(w, b, out);
    write_anomaly(w, b, out);
    write_limits(w, b, out);
    write_trend(w, b, out);
    vg_buf_char(out, '}');
}

/* What has changed since. */
static void write_changed(const struct vg_ward *w, const struct vg_ward_bed *b, uint64_t since,
                          struct vg_buf *out)
{
    write_key(b, out);
    if (b->gone) {
        vg_buf_str(out, ",\"gone\":true}");
        return;
    }
    if (b->part[VG_WARD_STANDING] > since)
        write_who(b, out);
    write_values(b, out);
    if (b->part[VG_WARD_SCORE] > since)
        write_score(w, b, out);
    if (b->part[VG_WARD_FORECAST] > since)
        write_forecast(w, b, out);
    if (b->part[VG_WARD_ANOMALY] > since)
        write_anomaly(w, b, out);
    if (b->part[VG_WARD_LIMIT] > since)
        write_limits(w, b, out);
    if (b->part[VG_WARD_MINUTE] > since)
        write_minute(b, out);
    vg_buf_char(out, '}');
}

static void open_message(int64_t wall_ns, bool full, struct vg_buf *out)
{
    vg_buf_str(out, "{\"now\":");
    vg_ward_ms(out, wall_ns);
    vg_buf_printf(out, ",\"full\":%s,\"beds\":[", full ? "true" : "false");
}

static void close_message(const struct vg_ward *w, struct vg_buf *out)
{
    vg_buf_printf(out, "],\"left_out\":%u}", vg_ward_left_out(w));
}

/* Whether this reader has to be told of the tile. */
static bool is_news(const struct vg_ward_bed *b, uint64_t since)
{
    if (b->changed <= since)
        return false;
    return !b->gone || (since > 0 && b->born <= since);
}

static void begin_news(const struct vg_ward *w, struct vg_ward_reader *reader)
{
    if (reader->epoch != w->epoch)
        reader->since = 0;
    reader->epoch = w->epoch;
    reader->target = w->version;
    reader->next = 0;
}

bool vg_ward_write_news(struct vg_ward *w, struct vg_ward_reader *reader, int64_t wall_ns,
                        struct vg_buf *out)
{
    bool begins = reader->target == 0 || reader->epoch != w->epoch, whole_ward;
    uint32_t written = 0;

    if (begins && reader->epoch == w->epoch && reader->since == w->version)
        return false;
    if (begins)
        begin_news(w, reader);
    whole_ward = begins && reader->since == 0;
    for (; reader->next < w->beds && written < VG_WARD_PART_BEDS; reader->next++) {
        const struct vg_ward_bed *b = w->bed[reader->next];

        if (!is_news(b, reader->since))
            continue;
        if (written++ == 0)
            open_message(wall_ns, whole_ward, out);
        else
            vg_buf_char(out, ',');
        if (b->born > reader->since)
            write_whole(w, b, out);
        else
            write_changed(w, b, reader->since, out);
    }
    if (reader->next >= w->beds) {
        reader->since = reader->target;
        reader->target = 0;
    }
    /* The first message comes also of an empty ward. */
    if (written == 0 && !whole_ward)
        return false;
    if (written == 0)
        open_message(wall_ns, true, out);
    close_message(w, out);
    return true;
}

void vg_ward_write_beds(const struct vg_ward *w, int64_t wall_ns, struct vg_buf *out)
{
    bool any = false;

    open_message(wall_ns, true, out);
    for (uint32_t i = 0; i < w->beds; i++) {
        if (w->bed[i]->gone)
            continue;
        vg_buf_str(out, any ? "," : "");
        write_whole(w, w->bed[i], out);
        any = true;
    }
    close_message(w, out);
}
