/* demo_promises.c - what the alerts of the demo show of what it promises. */
#include "app/demo_promises.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"

static const char *const texts[VG_DEMO_PROMISES] = {
    [VG_DEMO_DESATURATION] = "a desaturation that starts, gets worse and ends",
    [VG_DEMO_TECHNICAL] = "a technical alert",
    [VG_DEMO_FORECAST] = "a forecast alert before its limit was passed",
    [VG_DEMO_ANOMALY] = "an anomaly alert with its contributions",
};

static const char *text_of(const json_t *event, const char *key)
{
    const char *text = json_string_value(json_object_get(event, key));

    return text ? text : "";
}

static int64_t time_of(const json_t *event)
{
    const char *text = text_of(event, "time");
    int64_t ns = 0;

    return vg_parse_time(text, strlen(text), &ns) ? ns : 0;
}

static void keep(struct vg_demo_promises *p, int promise, const char *fmt, ...) VG_PRINTF(3, 4);
static void keep(struct vg_demo_promises *p, int promise, const char *fmt, ...)
{
    va_list ap;

    if (p->seen[promise][0])
        return;
    va_start(ap, fmt);
    vsnprintf(p->seen[promise], sizeof(p->seen[promise]), fmt, ap);
    va_end(ap);
}

static struct vg_demo_bed *bed_of(struct vg_demo_promises *p, const char *label)
{
    const char *slash = strrchr(label, '/');
    int64_t number;

    if (!slash || !vg_parse_int(slash + 1 + (slash[1] == '0'), &number) || number < 1 ||
        number > VG_WARD_DEMO_BEDS)
        return NULL;
    return &p->bed[number - 1];
}

static void see_desaturation(struct vg_demo_promises *p, struct vg_demo_bed *bed,
                             const json_t *event)
{
    const char *phase = text_of(event, "phase"), *episode = text_of(event, "episode_id");

    if (strcmp(text_of(event, "rule"), "spo2_low") != 0)
        return;
    if (strcmp(phase, "update") == 0)
        snprintf(bed->update_of, sizeof(bed->update_of), "%s", episode);
    else if (strcmp(phase, "end") == 0 && strcmp(bed->update_of, episode) == 0)
        keep(p, VG_DEMO_DESATURATION, "%s, over at %.8s", text_of(event, "bed"),
             text_of(event, "time") + strlen("2026-01-01T"));
}

/* A forecast keeps its word when the limit of that channel is passed later. */
static void see_forecast(struct vg_demo_promises *p, struct vg_demo_bed *bed, const json_t *event)
{
    int channel = vg_channel_find(text_of(event, "channel"));
    int64_t now = time_of(event);

    if (channel == VG_CHANNEL_NONE || strcmp(text_of(event, "phase"), "start") != 0)
        return;
    if (json_object_get(event, "forecast")) {
        bed->forecast_ns[channel] = now;
    } else if (strcmp(text_of(event, "kind"), "physiological") == 0 && bed->forecast_ns[channel]) {
        keep(p, VG_DEMO_FORECAST, "%s, %s: %lld s before its limit alert", text_of(event, "bed"),
             vg_channels[channel].title,
             (long long)((now - bed->forecast_ns[channel]) / VG_NS_PER_S));
    }
}

static void see_anomaly(struct vg_demo_promises *p, const json_t *event)
{
    const json_t *all = json_object_get(json_object_get(event, "anomaly"), "contributions");
    const json_t *first = json_array_get(all, 0);

    if (first)
        keep(p, VG_DEMO_ANOMALY, "%s, mostly %s", text_of(event, "bed"), text_of(first, "channel"));
}

int64_t vg_demo_promises_see(struct vg_demo_promises *p, const char *json, size_t len)
{
    json_t *event = json_loadb(json, len, 0, NULL);
    struct vg_demo_bed *bed = bed_of(p, text_of(event, "bed"));
    int64_t time_ns;

    if (strcmp(text_of(event, "kind"), "technical") == 0)
        keep(p, VG_DEMO_TECHNICAL, "%s, %s", text_of(event, "bed"), text_of(event, "title"));
    if (bed) {
        see_desaturation(p, bed, event);
        see_forecast(p, bed, event);
        see_anomaly(p, event);
    }
    time_ns = time_of(event);
    json_decref(event);
    return time_ns;
}

int vg_demo_promises_tell(const struct vg_demo_promises *p)
{
    int missing = 0;

    for (int i = 0; i < VG_DEMO_PROMISES; i++) {
        const char *seen = p->seen[i];

        printf("  %-7s %-50s %s\n", seen[0] ? "seen" : "MISSING", texts[i], seen);
        missing += !seen[0];
    }
    return missing;
}
