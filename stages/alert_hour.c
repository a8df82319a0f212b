/* alert_hour.c - the last hour of the channels that rules are about, for people who read an alert.
 *
 * A mean for each minute of log time, of all usable values, in 10 bits: steps between a twentieth and
 * a half of the unit, which is finer than anybody reads a trend. That is 88 bytes a channel, and only
 * channels that some rule alerts on are kept.
 */
#include "stages/alert_why.h"

#include <math.h>

#include "stages/alert_watch.h"

enum { BITS = 10, IN_WORD = 3, WORDS = VG_HOUR_MINUTES / IN_WORD, LEVELS = (1 << BITS) - 1 };

static const int64_t minute_ns = 60 * VG_NS_PER_S;

/* Of the minute that goes on. */
struct open_minute {
    float sum;
    uint32_t n;
};

/* Behind it, for each channel kept, first the open minutes and then the ones that are over: WORDS of
 * three, by number of the minute; 0: no value, else the level from 1 on. */
struct hour {
    uint32_t newest; /* minute since 1970 */
    uint32_t unused;
};

/* ---- plan ---- */

/* Steps of one unit: the most of these that the plausible range leaves room for. */
static float steps_of(int channel)
{
    static const float steps[] = { 100, 50, 20, 10, 5, 2, 1 };
    float range = vg_channels[channel].high - vg_channels[channel].low;
    size_t i = 0;

    while (i + 1 < VG_ARRAY_LEN(steps) && range * steps[i] >= LEVELS)
        i++;
    return steps[i];
}

static bool alerts(const struct vg_watch *w)
{
    return !w->quiet && w->kind->measure != VG_MEASURE_NONE && w->channel < VG_MEASURED;
}

size_t vg_hour_place(struct vg_alert *a, size_t at)
{
    uint32_t wanted = 0;

    for (uint32_t i = 0; i < a->watches; i++) {
        if (a->watch[i].channel != VG_CHANNEL_NONE && alerts(&a->watch[i]))
            wanted |= UINT32_C(1) << a->watch[i].channel;
    }
    a->hour.at = at;
    a->hour.channels = 0;
    for (int c = 0; c < VG_MEASURED; c++) {
        if (!(wanted >> c & 1))
            continue;
        a->hour.steps[a->hour.channels] = steps_of(c);
        a->hour.channel[a->hour.channels++] = (uint8_t)c;
    }
    if (a->hour.channels == 0)
        return at;
    return at + sizeof(struct hour) +
           a->hour.channels * (sizeof(struct open_minute) + WORDS * sizeof(uint32_t));
}

/* ---- memory ---- */

static struct hour *hour_of(const struct vg_look *l)
{
    return (struct hour *)((char *)l->memory + l->alert->hour.at);
}

static struct open_minute *open_of(const struct vg_look *l)
{
    return (struct open_minute *)(hour_of(l) + 1);
}

static uint32_t *words_of(const struct vg_look *l, uint32_t k)
{
    return (uint32_t *)(open_of(l) + l->alert->hour.channels) + (size_t)k * WORDS;
}

static void set(uint32_t *words, uint32_t minute, uint32_t level)
{
    uint32_t i = minute % VG_HOUR_MINUTES, shift = i % IN_WORD * BITS;

    words[i / IN_WORD] &= ~((uint32_t)LEVELS << shift);
    words[i / IN_WORD] |= level << shift;
}

static uint32_t get(const uint32_t *words, uint32_t minute)
{
    uint32_t i = minute % VG_HOUR_MINUTES;

    return words[i / IN_WORD] >> i % IN_WORD * BITS & LEVELS;
}

static uint32_t level_of(const struct vg_look *l, uint32_t k)
{
    const struct open_minute *m = &open_of(l)[k];
    float low = vg_channels[l->alert->hour.channel[k]].low, level;

    if (m->n == 0)
        return 0;
    level = floorf((m->sum / (float)m->n - low) * l->alert->hour.steps[k] + 0.5f);
    return 1 + (uint32_t)fminf(fmaxf(level, 0), LEVELS - 1);
}

static float value_of(const struct vg_look *l, uint32_t k, uint32_t level)
{
    double low = (double)vg_channels[l->alert->hour.channel[k]].low;

    return (float)(low + (level - 1) / (double)l->alert->hour.steps[k]);
}

/* ---- rows ---- */

/* The open minute is over, and those up to `minute` had no row. */
static void close_minute(const struct vg_look *l, uint32_t k, uint32_t minute)
{
    uint32_t newest = hour_of(l)->newest, gone = minute - newest;
    uint32_t *words = words_of(l, k);

    set(words, newest, level_of(l, k));
    for (uint32_t i = 1; i < gone && i <= VG_HOUR_MINUTES; i++)
        set(words, newest + i, 0);
    open_of(l)[k] = (struct open_minute){ 0 };
}

void vg_hour_take(struct vg_look *l)
{
    const struct vg_alert *a = l->alert;
    uint32_t minute = (uint32_t)(l->out->log_ns / minute_ns);

    if (a->hour.channels == 0)
        return;
    for (uint32_t k = 0; k < a->hour.channels; k++) {
        const int c = a->hour.channel[k];

        if (hour_of(l)->newest != minute)
            close_minute(l, k, minute);
        if (!vg_usable(l->row->quality[c]))
            continue;
        open_of(l)[k].sum += l->row->value[c];
        open_of(l)[k].n++;
    }
    hour_of(l)->newest = minute;
}

/* ---- events ---- */

static bool find(const struct vg_alert *a, int channel, uint32_t *ret)
{
    for (*ret = 0; *ret < a->hour.channels; ++*ret) {
        if (a->hour.channel[*ret] == channel)
            return true;
    }
    return false;
}

bool vg_hour_look(const struct vg_look *l, int channel, struct vg_hour *ret)
{
    int64_t now = l->out->log_ns / minute_ns;
    uint32_t k, first = (uint32_t)now - (VG_HOUR_MINUTES - 1), newest;

    if (!find(l->alert, channel, &k))
        return false;
    newest = hour_of(l)->newest;
    ret->channel = channel;
    ret->from_ns = (now - (VG_HOUR_MINUTES - 1)) * minute_ns;
    for (uint32_t i = 0; i < VG_HOUR_MINUTES; i++) {
        uint32_t minute = first + i, level = 0;

        if (minute < newest)
            level = get(words_of(l, k), minute);
        else if (minute == newest)
            level = level_of(l, k);
        ret->measured[i] = level > 0;
        ret->value[i] = level > 0 ? value_of(l, k, level) : 0;
    }
    return true;
}
