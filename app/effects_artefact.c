/* effects_artefact.c - what the monitors of simulated patients get wrong.
 *
 * Rates are per day and patient, lengths usual ones of a general intensive care unit.
 */
#include <math.h>

#include "app/effects.h"

#define BIT(name) (UINT32_C(1) << VG_CHANNEL_##name)
#define PRESSURES (BIT(abp_sys) | BIT(abp_dia) | BIT(abp_mean))
#define CUFF      (BIT(nibp_sys) | BIT(nibp_dia) | BIT(nibp_mean))

static void miss(struct vg_shown *s, int channel)
{
    if (s->quality[channel] == VG_Q_GOOD)
        s->quality[channel] = VG_Q_MISSING;
}

static void show_pressures(struct vg_shown *s, double sys, double dia, double mean)
{
    s->value[VG_CHANNEL_abp_sys] = sys;
    s->value[VG_CHANNEL_abp_dia] = dia;
    s->value[VG_CHANNEL_abp_mean] = mean;
}

/* A normal deviate that stays for `hold_s`: what a monitor makes of noise. Nothing is kept for it,
 * so that any second can be shown alone. */
static double flicker(const struct vg_effect *e, double t_s, double hold_s, uint64_t which)
{
    struct vg_random r = vg_random_stream(e->noise + which, (uint64_t)(t_s / hold_s));

    return vg_random_normal(&r);
}

#define SHOW(name) static void name(const struct vg_effect *e, double t_s, struct vg_shown *s)

SHOW(lead_off)
{
    (void)e, (void)t_s;
    miss(s, VG_CHANNEL_hr);
    miss(s, VG_CHANNEL_rr);
}

/* In one episode of ten the pulse is still found in what the movement leaves. */
static bool moves_pulse(const struct vg_effect *e)
{
    return e->u[1] < 0.9;
}

static uint32_t motion_covers(const struct vg_effect *e)
{
    return BIT(spo2) | (moves_pulse(e) ? BIT(pulse) : 0);
}

SHOW(spo2_motion)
{
    double off = vg_effect_between(e->u[2], 20, 65) * (e->u[1] < 0.3 ? -1 : 1);

    s->value[VG_CHANNEL_spo2] =
        fmin(vg_effect_between(e->u[0], 72, 92) + 4 * flicker(e, t_s, 2, 0), 99);
    if (moves_pulse(e))
        s->value[VG_CHANNEL_pulse] =
            fmin(fmax(s->value[VG_CHANNEL_pulse] + off + 8 * flicker(e, t_s, 3, 1), 30), 240);
}

SHOW(probe_off)
{
    (void)e, (void)t_s;
    s->value[VG_CHANNEL_spo2] = 0;
    s->value[VG_CHANNEL_pulse] = 0;
}

SHOW(flush)
{
    show_pressures(s, 290 + flicker(e, t_s, 2, 0), 275 + flicker(e, t_s, 2, 1),
                   283 + flicker(e, t_s, 2, 2));
}

SHOW(zeroing)
{
    (void)e, (void)t_s;
    show_pressures(s, 0, 0, 0);
}

SHOW(transducer_height)
{
    double off = vg_effect_between(e->u[0], 12, 24) * (e->u[1] < 0.5 ? -1 : 1);

    (void)t_s;
    show_pressures(s, s->value[VG_CHANNEL_abp_sys] + off, s->value[VG_CHANNEL_abp_dia] + off,
                   s->value[VG_CHANNEL_abp_mean] + off);
}

SHOW(damping)
{
    double mean = s->value[VG_CHANNEL_abp_mean];

    (void)e, (void)t_s;
    show_pressures(s, mean + 0.3 * (s->value[VG_CHANNEL_abp_sys] - mean),
                   mean + 0.3 * (s->value[VG_CHANNEL_abp_dia] - mean), mean);
}

SHOW(temp_probe)
{
    (void)e;
    s->value[VG_CHANNEL_temp] -= 6 * vg_effect_rise(t_s, 300);
}

SHOW(etco2_off)
{
    (void)e, (void)t_s;
    s->value[VG_CHANNEL_etco2] = 0;
    miss(s, VG_CHANNEL_rr);
}

SHOW(double_count)
{
    (void)e, (void)t_s;
    s->value[VG_CHANNEL_hr] = fmin(2 * s->value[VG_CHANNEL_hr], 300);
}

SHOW(nibp_outlier)
{
    double off = vg_effect_between(e->u[0], 30, 60) * (e->u[1] < 0.5 ? -1 : 1);

    (void)t_s;
    s->value[VG_CHANNEL_nibp_sys] = fmax(s->value[VG_CHANNEL_nibp_sys] + off, 30);
    s->value[VG_CHANNEL_nibp_dia] = fmax(s->value[VG_CHANNEL_nibp_dia] + off, 15);
    s->value[VG_CHANNEL_nibp_mean] = fmax(s->value[VG_CHANNEL_nibp_mean] + off, 20);
}

SHOW(clock_ahead)
{
    (void)e, (void)t_s;
    s->clock_s += 90;
}

SHOW(clock_behind)
{
    (void)e, (void)t_s;
    s->clock_s -= 90;
}

SHOW(clock_jump)
{
    (void)t_s;
    s->clock_s += e->u[0] < 0.5 ? 60 : -60;
}

SHOW(repeated_second)
{
    (void)e, (void)t_s;
    s->clock_s -= 1;
}

SHOW(silent)
{
    (void)e, (void)t_s;
    s->silent = true;
}

/* clang-format off */
#define ARTEFACT(n, f, rate, low_s, high_s, what, text) \
    { .base = { .kind = VG_SIM_ARTEFACT, .name = n, .summary = text, .channels = (what) }, \
      .show = (f), .per_day = (rate), .shortest_s = (low_s), .longest_s = (high_s) }

static const struct vg_effect_entry catalogue[] = {
    ARTEFACT("lead-off", lead_off, 8, 30, 150, BIT(hr) | BIT(rr), "ECG lead off: HR and RR missing"),
    { .base = { .kind = VG_SIM_ARTEFACT, .name = "spo2-motion", .channels = BIT(spo2) | BIT(pulse),
                .summary = "the finger moves: SpO2 72 to 92, mostly with a wrong pulse" },
      .show = spo2_motion, .per_day = 14, .shortest_s = 30, .longest_s = 150, .covers = motion_covers },
    ARTEFACT("probe-off", probe_off, 8, 30, 150, BIT(spo2) | BIT(pulse), "SpO2 probe off: SpO2 and pulse 0"),
    ARTEFACT("flush", flush, 6, 30, 60, PRESSURES, "arterial line flushed: 290/275"),
    ARTEFACT("zeroing", zeroing, 3, 20, 60, PRESSURES, "transducer zeroed: all pressures 0"),
    ARTEFACT("transducer-height", transducer_height, 1.2, 300, 2400, PRESSURES, "pressures off by 12 to 24 mmHg"),
    ARTEFACT("damping", damping, 1, 600, 2400, BIT(abp_sys) | BIT(abp_dia), "damped line: 30 % of the pulse pressure"),
    ARTEFACT("temp-probe", temp_probe, 1, 600, 1800, BIT(temp), "temperature probe slips: 6 degrees down"),
    ARTEFACT("etco2-off", etco2_off, 4, 60, 300, BIT(etco2) | BIT(rr), "capnometer disconnected: EtCO2 0, RR missing"),
    ARTEFACT("double-count", double_count, 1, 5, 60, BIT(hr), "T waves counted as beats: HR doubled"),
    { .base = { .kind = VG_SIM_ARTEFACT, .name = "nibp-outlier", .channels = CUFF,
                .summary = "one reading of the cuff in forty off by 30 to 60 mmHg" },
      .show = nibp_outlier, .per_day = 2.4, .shortest_s = 1, .longest_s = 1, .spoils_one_reading = true },
    ARTEFACT("clock-jump", clock_jump, 0.5, 60, 600, 0, "the device's clock jumps by 60 s and back"),
    ARTEFACT("repeated-second", repeated_second, 4, 1, 1, 0, "two rows of one device time"),
    ARTEFACT("clock-ahead", clock_ahead, 0, 300, 600, 0, "the device's clock is 90 s ahead"),
    ARTEFACT("clock-behind", clock_behind, 0, 300, 600, 0, "the device's clock is 90 s behind"),
    ARTEFACT("silent", silent, 0, 120, 300, 0, "the bed sends nothing"),
};
/* clang-format on */

const struct vg_effect_entry *vg_artefact_entry(size_t i)
{
    return i < VG_ARRAY_LEN(catalogue) ? &catalogue[i] : NULL;
}
