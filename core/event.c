/* event.c - the canonical bytes of an alert event.
 *
 * A member that does not apply is left out, never null, so that a reader needs one rule only. Each
 * member writes the comma before itself; the first one has none.
 */
#include "core/event.h"

#include <stdio.h>
#include <string.h>

static const char *const measure_names[] = {
#define NAME(id, name) name,
    VG_MEASURES(NAME)
#undef NAME
};

/* ,"key": - without printf, which would be half of what an event costs. */
static void add_key(struct vg_buf *out, const char *key)
{
    vg_buf_add(out, ",\"", 2);
    vg_buf_str(out, key);
    vg_buf_add(out, "\":", 2);
}

/* The text of a member, or nothing when there is none. */
static void add_text(struct vg_buf *out, const char *key, const char *text)
{
    if (!text || !text[0])
        return;
    add_key(out, key);
    vg_buf_json_str(out, text);
}

static void add_time(struct vg_buf *out, const char *key, int64_t ns)
{
    add_key(out, key);
    vg_buf_json_time(out, ns);
}

static void add_float(struct vg_buf *out, const char *key, float value)
{
    add_key(out, key);
    vg_buf_float(out, value);
}

/* Seconds as an exact decimal: a float would round what log time does not. */
static void add_seconds(struct vg_buf *out, const char *key, int64_t ns)
{
    uint64_t size = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
    char fraction[16];
    size_t n;

    vg_buf_printf(out, ",\"%s\":%s%llu", key, ns < 0 ? "-" : "",
                  (unsigned long long)(size / (uint64_t)VG_NS_PER_S));
    snprintf(fraction, sizeof(fraction), ".%09u", (unsigned)(size % (uint64_t)VG_NS_PER_S));
    for (n = 10; n > 1 && fraction[n - 1] == '0'; n--)
        ;
    if (n > 1)
        vg_buf_add(out, fraction, n);
}

static void add_channel(struct vg_buf *out, const char *key, int channel)
{
    add_text(out, key, vg_channels[channel].name);
}

/* Objects are built with a comma before every member; this drops the first one. */
static void open_object(struct vg_buf *out, const char *key, size_t *mark)
{
    add_key(out, key);
    vg_buf_char(out, '{');
    *mark = out->len;
}

static void close_object(struct vg_buf *out, size_t mark)
{
    if (out->len > mark) {
        memmove(out->data + mark, out->data + mark + 1, out->len - mark);
        out->len--;
    }
    vg_buf_char(out, '}');
}

static void add_signal(struct vg_buf *out, const struct vg_event *e)
{
    size_t mark;

    open_object(out, "signal", &mark);
    add_text(out, "is", vg_signal_name(e->signal));
    if (e->signal_until_ns != 0)
        add_time(out, "until", e->signal_until_ns);
    close_object(out, mark);
}

static void add_unit(struct vg_buf *out, int channel)
{
    if (channel != VG_CHANNEL_NONE)
        add_text(out, "unit", vg_channels[channel].ucum);
}

static void add_observed(struct vg_buf *out, const struct vg_event *e)
{
    size_t mark;

    if (!e->observed.present)
        return;
    open_object(out, "observed", &mark);
    if (e->observed.has_value)
        add_float(out, "value", e->observed.value);
    add_unit(out, e->channel);
    add_text(out, "quality", vg_quality_name(e->observed.quality));
    add_time(out, "time", e->observed.time_ns);
    close_object(out, mark);
}

static void add_limit(struct vg_buf *out, const struct vg_event *e)
{
    size_t mark;

    if (!e->limit.present)
        return;
    open_object(out, "limit", &mark);
    add_float(out, e->limit.high ? "high" : "low", e->limit.value);
    add_unit(out, e->channel);
    add_text(out, "origin", e->limit.origin);
    close_object(out, mark);
}

static void add_delays(struct vg_buf *out, const struct vg_event *e)
{
    size_t mark;

    if (!e->delays.present)
        return;
    open_object(out, "delays", &mark);
    add_seconds(out, "condition_s", e->delays.condition_ns);
    if (e->delays.given)
        add_seconds(out, "generation_s", e->delays.generation_ns);
    close_object(out, mark);
}

/* Points and scores of models have no unit. */
static void add_worst(struct vg_buf *out, const struct vg_event *e)
{
    bool has_unit = e->worst.measure != VG_MEASURE_SCORE && e->worst.measure != VG_MEASURE_POINTS;
    size_t mark;

    if (e->worst.measure == VG_MEASURE_NONE)
        return;
    open_object(out, "worst", &mark);
    add_text(out, "is", measure_names[e->worst.measure]);
    add_float(out, "value", e->worst.value);
    if (has_unit)
        add_unit(out, e->channel);
    add_time(out, "time", e->worst.time_ns);
    close_object(out, mark);
}

static void add_duration(struct vg_buf *out, const char *key, int64_t ns)
{
    if (ns != 0)
        add_seconds(out, key, ns);
}

static void add_change(struct vg_buf *out, const struct vg_window *w, int channel)
{
    if (!w->change)
        return;
    add_float(out, w->change, w->by);
    if (w->share)
        vg_buf_str(out, ",\"share\":true");
    else
        add_unit(out, channel);
}

static void add_window(struct vg_buf *out, const struct vg_event *e)
{
    const struct vg_window *w = &e->window;
    size_t mark;

    if (!w->present)
        return;
    open_object(out, "window", &mark);
    add_time(out, "from", w->from_ns);
    add_time(out, "to", w->to_ns);
    add_duration(out, "for_s", w->for_ns);
    if (w->of > 0)
        vg_buf_printf(out, ",\"at_least\":%u,\"of\":%u", w->at_least, w->of);
    add_duration(out, "over_s", w->over_ns);
    add_change(out, w, e->channel);
    if (w->confidence > 0)
        add_float(out, "confidence", w->confidence);
    if (w->has_usual)
        add_float(out, "usual", w->usual);
    add_duration(out, "within_s", w->within_ns);
    add_duration(out, "longer_than_s", w->longer_than_ns);
    close_object(out, mark);
}

static void add_forecast(struct vg_buf *out, const struct vg_event *e)
{
    size_t mark;

    if (!e->forecast.present)
        return;
    open_object(out, "forecast", &mark);
    add_channel(out, "channel", e->forecast.channel);
    add_seconds(out, "horizon_s", e->forecast.horizon_ns);
    vg_buf_str(out, ",\"quantiles\":{");
    for (uint32_t i = 0; i < e->forecast.quantiles; i++) {
        vg_buf_str(out, i ? ",\"" : "\"");
        vg_buf_float(out, e->forecast.quantile[i]);
        vg_buf_str(out, "\":");
        vg_buf_float(out, e->forecast.value[i]);
    }
    vg_buf_char(out, '}');
    add_float(out, "limit", e->forecast.limit);
    if (e->forecast.crossing_ns != VG_TIME_NONE)
        add_seconds(out, "crossing_s", e->forecast.crossing_ns);
    if (e->forecast.has_probability)
        add_float(out, "probability", e->forecast.probability);
    close_object(out, mark);
}

static void add_anomaly(struct vg_buf *out, const struct vg_event *e)
{
    size_t mark;

    if (!e->anomaly.present)
        return;
    open_object(out, "anomaly", &mark);
    add_float(out, "score", e->anomaly.score);
    add_float(out, "threshold", e->anomaly.threshold);
    vg_buf_str(out, ",\"contributions\":[");
    for (uint32_t i = 0; i < e->anomaly.contributions; i++) {
        vg_buf_printf(out, "%s{\"channel\":\"%s\"", i ? "," : "",
                      vg_channels[e->anomaly.contribution[i].channel].name);
        add_float(out, "share", e->anomaly.contribution[i].share);
        vg_buf_char(out, '}');
    }
    vg_buf_char(out, ']');
    close_object(out, mark);
}

/* A word as text, anything else as a number. */
static void add_score_value(struct vg_buf *out, const struct vg_score_channel *c, int32_t steps)
{
    float value = vg_score_value(steps, c->per_unit);

    if (vg_channel_words(c->channel) > 0)
        add_text(out, "value", vg_channel_word_text(c->channel, value));
    else
        add_float(out, "value", value);
}

/* Of a parameter without a value there is only the name. */
static void add_score_part(struct vg_buf *out, const struct vg_score_parameter *p,
                           const struct vg_score_part *part, int64_t now_ns)
{
    const struct vg_score_channel *c = &p->channel[part->channel];

    vg_buf_printf(out, "{\"channel\":\"%s\"", vg_channels[c->channel].name);
    if (part->has_value) {
        add_score_value(out, c, part->steps);
        if (vg_score_part_known(part))
            vg_buf_printf(out, ",\"points\":%d", part->least);
        else
            vg_buf_printf(out, ",\"least\":%d,\"most\":%d", part->least, part->most);
        add_seconds(out, "age_s", now_ns - part->newest_ns);
    }
    vg_buf_char(out, '}');
}

static void add_score(struct vg_buf *out, const struct vg_event *e)
{
    const struct vg_score_chart *s = e->score.score;
    const struct vg_score_total *total = e->score.total;
    size_t mark;

    if (!s)
        return;
    open_object(out, "score", &mark);
    add_text(out, "name", s->name);
    vg_buf_printf(out, ",\"total\":%d,\"lowest\":%d,\"highest\":%d,\"known\":%u,\"of\":%u",
                  total->lowest, total->lowest, total->highest, total->known, s->parameters);
    if (e->score.spo2_scale == 2)
        vg_buf_str(out, ",\"spo2_scale\":2");
    vg_buf_str(out, ",\"parts\":[");
    for (uint32_t p = 0; p < s->parameters; p++) {
        vg_buf_str(out, p ? "," : "");
        add_score_part(out, &s->parameter[p], &total->part[p], e->time_ns);
    }
    vg_buf_char(out, ']');
    close_object(out, mark);
}

/* The one member in which something can be null: what lies between two minutes must keep its place. */
static void add_hour(struct vg_buf *out, const struct vg_event *e)
{
    const struct vg_hour *hour = e->hour;
    size_t mark;

    if (!hour)
        return;
    open_object(out, "hour", &mark);
    add_channel(out, "channel", hour->channel);
    add_unit(out, hour->channel);
    add_time(out, "from", hour->from_ns);
    vg_buf_str(out, ",\"step_s\":60,\"values\":[");
    for (int i = 0; i < VG_HOUR_MINUTES; i++) {
        vg_buf_str(out, i ? "," : "");
        if (hour->measured[i])
            vg_buf_float(out, hour->value[i]);
        else
            vg_buf_str(out, "null");
    }
    vg_buf_char(out, ']');
    close_object(out, mark);
}

static void add_position(struct vg_buf *out, const struct vg_event *e,
                         const struct vg_event_context *context)
{
    size_t mark;

    open_object(out, "position", &mark);
    add_text(out, "topic", context->topic);
    vg_buf_printf(out, ",\"partition\":%u", context->partition);
    if (e->origin.has_due)
        add_time(out, "due", e->origin.due_ns);
    else
        vg_buf_printf(out, ",\"offset\":%lld,\"%s\":%u", (long long)e->origin.offset,
                      e->origin.ordered ? "ordinal" : "index", e->origin.index);
    close_object(out, mark);
}

static void add_model(struct vg_buf *out, const struct vg_event *e,
                      const struct vg_event_context *context)
{
    size_t mark;

    if (!e->model)
        return;
    open_object(out, "model", &mark);
    add_text(out, "name", e->model);
    add_text(out, "sha256", context->model_sha256);
    close_object(out, mark);
}

const char *const vg_event_members[] = {
    "event_id",
    "episode_id",
    "phase",
    "kind",
    "priority",
    "state",
    "signal",
    "rule",
    "title",
    "text",
    "patient",
    "bed",
    "ward",
    "time",
    "onset",
    "duration_s",
    "delays",
    "channel",
    "observed",
    "limit",
    "worst",
    "window",
    "forecast",
    "anomaly",
    "score",
    "hour",
    "reason",
    "suppressed_by",
    "acknowledged_by",
    "by",
    "note",
    "position",
    "config",
    "model",
    NULL,
};

void vg_event_write(const struct vg_event *event, const struct vg_event_context *context,
                    struct vg_buf *out)
{
    char episode[VG_EPISODE_TEXT_SIZE];

    vg_episode_text(context->episode_id, episode);
    vg_buf_printf(out, "{\"event_id\":\"%s.%u\",\"episode_id\":\"%s\"", episode, event->number,
                  episode);
    add_text(out, "phase", vg_phase_name(event->phase));
    add_text(out, "kind", vg_alert_kind_name(event->kind));
    add_text(out, "priority", vg_priority_name(event->priority));
    add_text(out, "state", vg_alert_state_name(event->state));
    add_signal(out, event);
    add_text(out, "rule", event->rule);
    add_text(out, "title", event->title);
    add_text(out, "text", event->text);
    add_text(out, "patient", event->patient);
    add_text(out, "bed", event->bed);
    add_text(out, "ward", event->ward);
    add_time(out, "time", event->time_ns);
    add_time(out, "onset", event->onset_ns);
    if (event->phase == VG_PHASE_END)
        add_seconds(out, "duration_s", event->time_ns - event->onset_ns);
    add_delays(out, event);
    if (event->channel != VG_CHANNEL_NONE)
        add_channel(out, "channel", event->channel);
    add_observed(out, event);
    add_limit(out, event);
    add_worst(out, event);
    add_window(out, event);
    add_forecast(out, event);
    add_anomaly(out, event);
    add_score(out, event);
    add_hour(out, event);
    add_text(out, "reason", event->reason);
    add_text(out, "suppressed_by", event->suppressed_by);
    add_text(out, "acknowledged_by", event->acknowledged_by);
    add_text(out, "by", event->by);
    add_text(out, "note", event->note);
    add_position(out, event, context);
    add_text(out, "config", context->config);
    add_model(out, event, context);
    vg_buf_char(out, '}');
}
