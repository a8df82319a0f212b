/* forecast_eval.c - how far forecasts were off: sums per person, channel and horizon. */
#include "app/forecast_eval.h"

#include <math.h>
#include <stdlib.h>

static vg_status horizons_in_ticks(struct vg_forecast_eval *e, const struct vg_dataset *d,
                                   const int64_t *horizon_ns, struct vg_err *err)
{
    for (uint32_t h = 0; h < e->horizons; h++) {
        if (horizon_ns[h] <= 0 || horizon_ns[h] % d->tick_ns != 0)
            return vg_fail(
                err, VG_E_MODEL, "horizon %lld ms is no whole number of ticks of %lld ms",
                (long long)(horizon_ns[h] / VG_NS_PER_MS), (long long)(d->tick_ns / VG_NS_PER_MS));
        e->ahead[h] = (uint32_t)(horizon_ns[h] / d->tick_ns);
    }
    return VG_OK;
}

vg_status vg_forecast_eval_init(struct vg_forecast_eval *e, const struct vg_dataset *d,
                                uint32_t persons, const int64_t *horizon_ns, uint32_t horizons,
                                uint32_t methods, uint32_t rolling_method, struct vg_err *err)
{
    *e = (struct vg_forecast_eval){ .persons = persons,
                                    .channels = d->channels,
                                    .horizons = horizons,
                                    .methods = methods,
                                    .rolling_method = rolling_method };
    VG_CHECK(methods <= VG_FORECAST_METHODS_MAX && horizons <= VG_HORIZONS_MAX);
    VG_CHECK(rolling_method < methods);
    e->span = (uint32_t)(86400 * VG_NS_PER_S / d->tick_ns);
    for (uint32_t i = 0; i < d->patients; i++)
        if (d->patient[i].ticks > e->ticks)
            e->ticks = d->patient[i].ticks;

    size_t cells = (size_t)e->channels * horizons;
    e->sums = calloc((size_t)methods * persons * cells + 1, sizeof *e->sums);
    e->by_tick = calloc(cells * e->ticks + 1, sizeof *e->by_tick);
    if (!e->sums || !e->by_tick)
        return vg_fail(err, VG_E_MEMORY, "no memory for the errors of %u persons", persons);
    return horizons_in_ticks(e, d, horizon_ns, err);
}

void vg_forecast_eval_done(struct vg_forecast_eval *e)
{
    free(e->sums);
    free(e->by_tick);
    *e = (struct vg_forecast_eval){ 0 };
}

static struct vg_forecast_sums *cell_of(const struct vg_forecast_eval *e, uint32_t method,
                                        uint32_t person, uint32_t channel, uint32_t horizon)
{
    size_t row = ((size_t)method * e->persons + person) * e->channels + channel;

    return e->sums + row * e->horizons + horizon;
}

/** One target, of tick t + ahead, for every method. */
static void add_target(struct vg_forecast_eval *e, uint32_t person, uint32_t t, uint32_t channel,
                       uint32_t horizon, float value, const struct vg_forecasts *forecasts)
{
    size_t at = ((size_t)t * e->channels + channel) * e->horizons + horizon;

    for (uint32_t m = 0; m < e->methods; m++) {
        const struct vg_forecasts *f = &forecasts[m];
        const float *y = f->y + at * f->quantiles;

        vg_forecast_sums_add(cell_of(e, m, person, channel, horizon), y, f->quantile, f->quantiles,
                             value, true);
        if (m == e->rolling_method) {
            size_t tick = ((size_t)channel * e->horizons + horizon) * e->ticks + t;

            vg_forecast_sums_add(&e->by_tick[tick], y, f->quantile, f->quantiles, value, true);
        }
    }
}

static void add_channel(struct vg_forecast_eval *e, const struct vg_dataset_patient *who,
                        uint32_t person, uint32_t channel, const struct vg_forecasts *forecasts)
{
    bool known = false;

    for (uint32_t t = 0; t < who->ticks; t++) {
        known |= vg_usable_by_models(who->quality[(size_t)t * e->channels + channel]);
        for (uint32_t h = 0; known && h < e->horizons; h++) {
            size_t to = ((size_t)t + e->ahead[h]) * e->channels + channel;

            if ((uint64_t)t + e->ahead[h] < who->ticks && vg_certain(who->quality[to]))
                add_target(e, person, t, channel, h, who->value[to], forecasts);
        }
    }
}

void vg_forecast_eval_add(struct vg_forecast_eval *e, const struct vg_dataset_patient *who,
                          uint32_t person, const struct vg_forecasts *forecasts)
{
    VG_CHECK(person < e->persons && who->ticks <= e->ticks);
    for (uint32_t c = 0; c < e->channels; c++)
        add_channel(e, who, person, c, forecasts);
}

struct vg_forecast_sums vg_forecast_eval_cell(const struct vg_forecast_eval *e, uint32_t method,
                                              uint32_t channel, uint32_t horizon,
                                              const uint32_t *times)
{
    struct vg_forecast_sums sum = { 0 };

    for (uint32_t p = 0; p < e->persons; p++)
        if (!times || times[p] > 0)
            vg_forecast_sums_merge(&sum, cell_of(e, method, p, channel, horizon),
                                   times ? times[p] : 1);
    return sum;
}

void vg_forecast_eval_rolling(const struct vg_forecast_eval *e, uint32_t channel, uint32_t horizon,
                              double least, double *low, double *high)
{
    const struct vg_forecast_sums *at =
        e->by_tick + ((size_t)channel * e->horizons + horizon) * e->ticks;
    struct vg_forecast_sums window = { 0 };

    *low = *high = (double)NAN;
    for (uint32_t t = 0; t < e->ticks; t++) {
        vg_forecast_sums_merge(&window, &at[t], 1);
        if (t >= e->span)
            vg_forecast_sums_merge(&window, &at[t - e->span], -1);
        if (t + 1 < e->span || window.n < least)
            continue;

        double coverage = vg_forecast_coverage(&window);
        *low = fmin(isnan(*low) ? coverage : *low, coverage);
        *high = fmax(isnan(*high) ? coverage : *high, coverage);
    }
}

void vg_forecast_last(const struct vg_dataset_patient *who, uint32_t channels, uint32_t horizons,
                      float *y)
{
    for (uint32_t c = 0; c < channels; c++) {
        float last = 0;

        for (uint32_t t = 0; t < who->ticks; t++) {
            size_t at = (size_t)t * channels + c;

            if (vg_usable_by_models(who->quality[at]))
                last = who->value[at];
            for (uint32_t h = 0; h < horizons; h++)
                y[at * horizons + h] = last;
        }
    }
}
