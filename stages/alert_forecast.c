/* alert_forecast.c - a limit that a model expects to be passed.
 *
 * An advisory: it speaks only while the value itself is still within its limit, and ends with
 * reason "limit_passed" when it no longer is, because then the limit's own rule speaks. The
 * forecast is read as a line from the value now through the chosen quantile at each horizon; where
 * it crosses the limit is the time told.
 *
 * A rule may ask for a probability instead of a quantile. A forecast of three or more quantiles is
 * then taken for a normal distribution on each side of its median, with the standard deviation that
 * the outermost quantile of that side gives; "80 % above 130" is the line of the quantile .2.
 */
#include <math.h>

#include "models/elementary.h"
#include "stages/alert_limit.h"
#include "stages/alert_text.h"
#include "stages/alert_watch.h"

/* Where the forecast line crosses the limit. */
struct crossing {
    uint32_t horizon;    /* the first one beyond the limit */
    int64_t crossing_ns; /* from now */
    float extreme;       /* furthest value of the quantile within the rule's time */
};

static vg_status fail(const struct vg_watch *w, struct vg_err *err, const char *lacks)
{
    return vg_fail_option(err, VG_E_CONFIG, "rules",
                          "rule %s: the model %s has no %s; see `vigil describe` of the model for "
                          "what it has",
                          w->rule->name, w->model->name, lacks);
}

static vg_status find_quantile(struct vg_watch *w, struct vg_err *err)
{
    for (uint32_t q = 0; q < w->model->quantiles; q++) {
        if (fabsf(w->model->quantile[q] - w->rule->quantile) < 1e-6f) {
            w->model_quantile = q;
            return VG_OK;
        }
    }
    return fail(w, err, "such quantile");
}

/* Median and both sides, to tell probabilities from. */
static vg_status find_sides(struct vg_watch *w, struct vg_err *err)
{
    const struct vg_model *m = w->model;
    const uint32_t last = m->quantiles - 1;
    double below =
        w->rule->bound.above ? 1 - (double)w->rule->probability : (double)w->rule->probability;

    w->model_quantile = m->quantiles;
    for (uint32_t q = 1; q < last; q++) {
        if (fabsf(m->quantile[q] - 0.5f) < 1e-6f)
            w->model_quantile = q;
    }
    if (m->quantiles < 3 || w->model_quantile == m->quantiles)
        return fail(w, err, "median between two other quantiles, which a probability needs");
    w->deviates = (float)vg_normal_quantile(below);
    w->side[0] = (float)vg_normal_quantile((double)m->quantile[0]);
    w->side[1] = (float)vg_normal_quantile((double)m->quantile[last]);
    return VG_OK;
}

static vg_status find_channel(struct vg_watch *w, struct vg_err *err)
{
    for (uint32_t c = 0; c < w->model->channels; c++) {
        if (w->model->channel[c] == w->channel) {
            w->model_channel = c;
            return VG_OK;
        }
    }
    return fail(w, err, "such channel");
}

static vg_status plan_forecast(struct vg_watch *w, struct vg_plan *plan, struct vg_err *err)
{
    vg_status st = vg_plan_need_column(plan, "forecast", &w->column, err);

    if (st == VG_OK)
        st = vg_plan_need_column(plan, "forecast_valid", &w->valid_column, err);
    if (st != VG_OK)
        return st;
    w->model = plan->column_model[w->column];
    /* One tick may fail; two are a loss. */
    w->validity_ns = 2 * plan->tick_ns;
    if (w->model->horizons == 0 || w->model->horizon_ns[0] > w->rule->within_ns)
        return fail(w, err, "horizon within the rule's time");
    st = find_channel(w, err);
    if (st == VG_OK)
        st = w->rule->probability > 0 ? find_sides(w, err) : find_quantile(w, err);
    return st == VG_OK ? vg_watch_check_bounds(w, plan, err) : st;
}

/* Column "forecast" is [C, H, Q], in channel units. */
static float forecast_at(const struct vg_look *l, const struct vg_watch *w, uint32_t horizon,
                         uint32_t quantile)
{
    const struct vg_model *m = w->model;
    uint32_t i = (w->model_channel * m->horizons + horizon) * m->quantiles + quantile;

    return vg_row_column(l->row, w->column)[i];
}

/* Standard deviation of one side of a horizon's forecast: 0 below the median, 1 above. */
static float deviation(const struct vg_look *l, const struct vg_watch *w, uint32_t horizon,
                       int side)
{
    uint32_t outermost = side == 0 ? 0 : w->model->quantiles - 1;
    float median = forecast_at(l, w, horizon, w->model_quantile);

    return (forecast_at(l, w, horizon, outermost) - median) / w->side[side];
}

/* The line that a rule compares. */
static float line_at(const struct vg_look *l, const struct vg_watch *w, uint32_t horizon)
{
    float middle = forecast_at(l, w, horizon, w->model_quantile);

    if (w->rule->probability == 0)
        return middle;
    return middle + w->deviates * deviation(l, w, horizon, w->deviates < 0 ? 0 : 1);
}

/* How likely the value is beyond the limit at a horizon. */
static float probability_at(const struct vg_look *l, const struct vg_watch *w, uint32_t horizon,
                            float limit)
{
    float off = limit - forecast_at(l, w, horizon, w->model_quantile);
    float sd = deviation(l, w, horizon, off < 0 ? 0 : 1);
    double below = vg_normal_below(sd > 0 ? (double)(off / sd) : off < 0 ? -9 : 9);

    return (float)(w->rule->bound.above ? 1 - below : below);
}

/* The tick's value of the watched channel; false when there is none. */
static bool value_now(const struct vg_look *l, const struct vg_watch *w, float *ret)
{
    *ret = l->row->value[w->channel];
    return vg_usable_by_models(l->row->quality[w->channel]);
}

static bool known(const struct vg_look *l, const struct vg_watch *w, float *now)
{
    return vg_row_column(l->row, w->valid_column)[w->model_channel] != 0 && value_now(l, w, now);
}

/* `extreme` is filled in also when nothing crosses. */
static bool find_crossing(const struct vg_look *l, const struct vg_watch *w, float now, float limit,
                          struct crossing *ret)
{
    const struct vg_bound *bound = &w->rule->bound;
    const struct vg_model *m = w->model;
    double from = (double)now;
    int64_t from_ns = 0;
    bool crosses = false;

    for (uint32_t h = 0; h < m->horizons && m->horizon_ns[h] <= w->rule->within_ns; h++) {
        float to = line_at(l, w, h);

        if (h == 0 || vg_passes(bound, to, ret->extreme))
            ret->extreme = to;
        if (!crosses && vg_passes(bound, to, limit)) {
            double part = ((double)limit - from) / ((double)to - from);

            crosses = true;
            ret->horizon = h;
            ret->crossing_ns = from_ns + (int64_t)(part * (double)(m->horizon_ns[h] - from_ns));
        }
        from = (double)to;
        from_ns = m->horizon_ns[h];
    }
    return crosses;
}

static struct vg_finding look_at_forecast(struct vg_look *l, const struct vg_watch *w)
{
    struct crossing crossing = { 0 };
    float now, limit;

    if (!vg_look_bound(l, w, &w->rule->bound, &limit))
        return (struct vg_finding){ .says = VG_SAYS_OVER, .reason = "no_limit" };
    if (!known(l, w, &now))
        return (struct vg_finding){ .says = VG_SAYS_UNKNOWN };
    if (vg_passes(&w->rule->bound, now, limit))
        return (struct vg_finding){ .says = VG_SAYS_OVER, .reason = "limit_passed" };
    if (find_crossing(l, w, now, limit, &crossing))
        return (struct vg_finding){ .says = VG_SAYS_TRUE, .measure = crossing.extreme };
    return vg_look_clear(l, w, crossing.extreme);
}

static void show_forecast(const struct vg_look *l, const struct vg_watch *w,
                          const struct crossing *crossing, struct vg_event *event)
{
    event->forecast.present = true;
    event->forecast.channel = w->channel;
    event->forecast.horizon_ns = w->model->horizon_ns[crossing->horizon];
    event->forecast.quantiles = w->model->quantiles;
    for (uint32_t q = 0; q < w->model->quantiles; q++) {
        event->forecast.quantile[q] = w->model->quantile[q];
        event->forecast.value[q] = forecast_at(l, w, crossing->horizon, q);
    }
    event->forecast.limit = event->limit.value;
    event->forecast.crossing_ns = crossing->crossing_ns;
    event->forecast.has_probability = w->rule->probability > 0;
    if (event->forecast.has_probability)
        event->forecast.probability = probability_at(l, w, crossing->horizon, event->limit.value);
}

static void say_limit(struct vg_buf *text, const struct vg_event *event)
{
    if (!event->limit.present)
        return;
    vg_buf_printf(text, " %s ", event->limit.high ? "above" : "below");
    vg_text_value(text, event->channel, event->limit.value);
}

static void say_end(struct vg_buf *text, const struct vg_event *event)
{
    if (event->reason && event->limit.present) {
        vg_buf_str(text, " is now");
        say_limit(text, event);
        vg_buf_str(text, ": the forecast limit has been passed");
    } else if (event->reason) {
        vg_buf_str(text, "; no limit is set any more");
    } else {
        vg_buf_str(text, ", no longer forecast");
        say_limit(text, event);
    }
}

/* A value that stands at its limit crosses it "in 0 s", which nobody would understand. */
static void say_when(struct vg_buf *text, int64_t crossing_ns)
{
    if (crossing_ns < VG_NS_PER_S) {
        vg_buf_str(text, " at any moment");
        return;
    }
    vg_buf_str(text, " in ");
    vg_text_duration(text, crossing_ns);
}

static void describe_forecast(struct vg_look *l, const struct vg_watch *w,
                              const struct vg_episode *e, struct vg_event *event,
                              struct vg_buf *text)
{
    struct crossing crossing = { 0 };
    float now = 0;

    vg_look_limit(l, w, event);
    vg_buf_printf(text, "%s ", vg_channels[w->channel].title);
    if (e->lost) {
        vg_text_lost(text, "a forecast", w->validity_ns);
        return;
    }
    event->observed.present = true;
    event->observed.has_value = value_now(l, w, &now);
    event->observed.value = now;
    event->observed.quality = l->row->quality[w->channel];
    event->observed.time_ns = l->row->event_ns;
    if (event->observed.has_value)
        vg_text_value(text, w->channel, now);
    if (event->phase == VG_PHASE_END) {
        say_end(text, event);
        return;
    }
    if (!find_crossing(l, w, now, event->limit.value, &crossing)) {
        vg_buf_str(text, ": forecasts are back");
        return;
    }
    show_forecast(l, w, &crossing, event);
    vg_buf_str(text, ", forecast");
    say_limit(text, event);
    say_when(text, crossing.crossing_ns);
    if (event->forecast.has_probability)
        vg_buf_printf(text, " (%.0f %%)", (double)(100 * event->forecast.probability));
}

static void window_of_forecast(struct vg_look *l, const struct vg_watch *w,
                               struct vg_window *window)
{
    (void)l;
    window->within_ns = w->rule->within_ns;
}

const struct vg_watch_kind vg_watch_forecast = {
    .rows = VG_ROW_TICK,
    .updates = true,
    .measure = VG_MEASURE_FORECAST,
    .plan = plan_forecast,
    .look = look_at_forecast,
    .window = window_of_forecast,
    .describe = describe_forecast,
};
