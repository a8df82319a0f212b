/* alert_text.c - numbers and times as people say them, for the text of events. */
#include "stages/alert_text.h"

#include <math.h>

#include "stages/alert_watch.h"

void vg_text_value(struct vg_buf *text, int channel, float value)
{
    const char *unit = vg_channels[channel].unit;

    if (vg_channel_words(channel) > 0) {
        vg_buf_str(text, vg_channel_word_text(channel, value));
        return;
    }
    vg_buf_float(text, floorf(value * 10 + 0.5f) / 10);
    vg_buf_printf(text, "%s%s", unit[0] ? " " : "", unit);
}

void vg_text_rounded(struct vg_buf *text, int channel, float value)
{
    const struct vg_channel *c = &vg_channels[channel];
    const float steps = c->high - c->low < 50 ? 10.0f : 1.0f;

    vg_text_value(text, channel, floorf(value * steps + 0.5f) / steps);
}

void vg_text_duration(struct vg_buf *text, int64_t ns)
{
    const int64_t minute_ns = 60 * VG_NS_PER_S, hour_ns = 3600 * VG_NS_PER_S;
    int64_t s = (ns + VG_NS_PER_S / 2) / VG_NS_PER_S;

    if (ns >= 2 * hour_ns)
        vg_buf_printf(text, "%lld h", (long long)((ns + hour_ns / 2) / hour_ns));
    else if (ns >= 2 * minute_ns)
        vg_buf_printf(text, "%lld min", (long long)((ns + minute_ns / 2) / minute_ns));
    else if (ns > 0 && s == 0)
        vg_buf_printf(text, "%lld ms", (long long)(ns / VG_NS_PER_MS));
    else
        vg_buf_printf(text, "%lld s", (long long)s);
}

/* What to look at behind the patient. */
static const char *thing_of(int channel)
{
    switch (channel) {
    case VG_CHANNEL_hr:
    case VG_CHANNEL_rr:
        return "ECG leads";
    case VG_CHANNEL_abp_sys:
    case VG_CHANNEL_abp_dia:
    case VG_CHANNEL_abp_mean:
        return "arterial line";
    case VG_CHANNEL_nibp_sys:
    case VG_CHANNEL_nibp_dia:
    case VG_CHANNEL_nibp_mean:
        return "cuff";
    case VG_CHANNEL_etco2:
        return "airway and CO2 line";
    case VG_CHANNEL_NONE:
        return "monitor";
    default:
        return channel < VG_MEASURED ? "probe" : "notes";
    }
}

void vg_text_check(struct vg_buf *text, int channel)
{
    vg_buf_printf(text, "Check patient, then %s: ", thing_of(channel));
}

void vg_text_count(struct vg_buf *text, float count, const char *one, const char *many)
{
    vg_buf_float(text, count);
    vg_buf_printf(text, " %s", count == 1 ? one : many);
}

void vg_text_lost(struct vg_buf *text, const char *what, int64_t ns)
{
    vg_buf_printf(text, "without %s for ", what);
    vg_text_duration(text, ns);
    vg_buf_str(text, "; the alert stays active");
}
