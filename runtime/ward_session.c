/* ward_session.c - what a page needs to know before tiles make sense to it, and an alert as it has it. */
#include <math.h>

#include "runtime/ward_private.h"

/* A channel whose values lie closer together than this has a decimal, as in stages/alert_text.c. */
static const float fine_range = 50.0f;

static void write_words(int channel, struct vg_buf *out)
{
    int words = vg_channel_words(channel);

    if (words == 0) {
        vg_buf_str(out, "null");
        return;
    }
    vg_buf_char(out, '[');
    for (int i = 0; i < words; i++) {
        vg_buf_str(out, i ? "," : "");
        vg_buf_json_str(out, vg_channel_word_text(channel, (float)i));
    }
    vg_buf_char(out, ']');
}

static void write_channel(const struct vg_ward *w, int channel, struct vg_buf *out)
{
    const struct vg_channel *c = &vg_channels[channel];
    bool fine = c->unit[0] && (c->high - c->low < fine_range || channel == VG_CHANNEL_oxygen);

    vg_buf_printf(out, "{\"name\":\"%s\",\"label\":\"%s\",\"unit\":\"%s\",\"decimals\":%d", c->name,
                  c->title, c->unit, fine ? 1 : 0);
    vg_buf_printf(out, ",\"measured\":%s,\"episodic\":%s,\"validity_s\":%lld,\"words\":",
                  channel < VG_MEASURED ? "true" : "false", c->episodic ? "true" : "false",
                  (long long)(c->validity_ns / VG_NS_PER_S));
    write_words(channel, out);
    vg_buf_str(out, ",\"low\":");
    vg_ward_number_or_null(out, !isnan(w->limit[channel].low), w->limit[channel].low);
    vg_buf_str(out, ",\"high\":");
    vg_ward_number_or_null(out, !isnan(w->limit[channel].high), w->limit[channel].high);
    vg_buf_char(out, '}');
}

static void write_model_channels(const struct vg_model *m, struct vg_buf *out)
{
    vg_buf_str(out, "{\"channels\":[");
    for (uint32_t c = 0; c < m->channels; c++)
        vg_buf_printf(out, "%s\"%s\"", c ? "," : "", vg_channels[m->channel[c]].name);
    vg_buf_char(out, ']');
}

static void write_models(const struct vg_ward *w, struct vg_buf *out)
{
    const struct vg_model *m = w->models.forecaster;

    vg_buf_str(out, ",\"forecast\":");
    if (m) {
        write_model_channels(m, out);
        vg_buf_str(out, ",\"horizons_s\":[");
        for (uint32_t h = 0; h < m->horizons; h++)
            vg_buf_printf(out, "%s%lld", h ? "," : "", (long long)(m->horizon_ns[h] / VG_NS_PER_S));
        vg_buf_str(out, "],\"quantiles\":[");
        for (uint32_t q = 0; q < w->quantiles; q++) {
            vg_buf_str(out, q ? "," : "");
            vg_buf_float(out, m->quantile[w->quantile[q]]);
        }
        vg_buf_str(out, "]}");
    } else {
        vg_buf_str(out, "null");
    }
    vg_buf_str(out, ",\"anomaly\":");
    m = w->models.detector;
    if (m) {
        write_model_channels(m, out);
        vg_buf_str(out, ",\"threshold\":");
        vg_buf_float(out, m->threshold);
        vg_buf_char(out, '}');
    } else {
        vg_buf_str(out, "null");
    }
}

static void write_scores(const struct vg_site *site, struct vg_buf *out)
{
    const struct vg_score_chart *s = site->scores_n > 0 ? &site->scores[0].score : NULL;

    vg_buf_str(out, ",\"score\":");
    if (!s) {
        vg_buf_str(out, "null");
        return;
    }
    vg_buf_str(out, "{\"name\":");
    vg_buf_json_str(out, s->title);
    vg_buf_str(out, ",\"parameters\":[");
    for (uint32_t p = 0; p < s->parameters; p++) {
        vg_buf_str(out, p ? "," : "");
        vg_buf_json_str(out, s->parameter[p].name);
    }
    vg_buf_str(out, "]}");
}

static void write_wards(const struct vg_site *site, struct vg_buf *out)
{
    vg_buf_str(out, ",\"wards\":[");
    for (uint32_t i = 0; i < site->wards_n; i++)
        vg_buf_printf(out, "%s{\"name\":\"%s\",\"title\":\"%s\"}", i ? "," : "", site->wards[i],
                      site->wards[i]);
    vg_buf_char(out, ']');
}

void vg_ward_write_session(const struct vg_ward *w, struct vg_buf *out)
{
    vg_buf_str(out, "\"channels\":[");
    for (int c = 0; c < VG_CHANNELS; c++) {
        vg_buf_str(out, c ? "," : "");
        write_channel(w, c, out);
    }
    vg_buf_char(out, ']');
    write_wards(&w->config->site, out);
    write_models(w, out);
    write_scores(&w->config->site, out);
    vg_buf_printf(out,
                  ",\"history\":{\"tick_s\":%d,\"ticks\":%d,\"minute_s\":%d,\"minutes\":%d,"
                  "\"forecasts\":%d},\"stale_s\":%d,\"beds_max\":%u",
                  VG_WARD_TICK_S, VG_WARD_TICKS, VG_WARD_MINUTE_S, VG_WARD_MINUTES,
                  VG_WARD_FORECASTS, VG_WARD_STALE_S, w->beds_max);
}

void vg_ward_write_alert(const struct vg_delivery *event, struct vg_buf *out)
{
    char patient[VG_PATIENT_SIZE], key[VG_BED_KEY_SIZE];

    /* An object without its closing brace. */
    vg_buf_add(out, event->json, event->len - 1);
    vg_buf_printf(out, ",\"seq\":%llu,\"wall\":", (unsigned long long)event->seq);
    vg_ward_ms(out, event->wall_ns);
    vg_event_patient(event->json, event->len, patient);
    if (!patient[0]) {
        vg_buf_str(out, ",\"key\":null}");
        return;
    }
    vg_bed_key(patient, key);
    vg_buf_printf(out, ",\"key\":\"%s\"}", key);
}
