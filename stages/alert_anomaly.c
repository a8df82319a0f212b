/* alert_anomaly.c - a combination of vital signs that a model cannot explain.
 *
 * The score says how badly, the contributions say where to look first. They are shares of the
 * score, not values, and the text must not let one be taken for the other.
 */
#include <string.h>

#include "stages/alert_limit.h"
#include "stages/alert_text.h"
#include "stages/alert_watch.h"

enum { SHARES_TOLD = 3 };

static vg_status plan_anomaly(struct vg_watch *w, struct vg_plan *plan, struct vg_err *err)
{
    vg_status st = vg_plan_need_column(plan, "anomaly_score", &w->column, err);

    if (st == VG_OK)
        st = vg_plan_need_column(plan, "anomaly_valid", &w->valid_column, err);
    if (st == VG_OK)
        st = vg_plan_need_column(plan, "contribution", &w->share_column, err);
    if (st != VG_OK)
        return st;
    w->model = plan->column_model[w->column];
    w->validity_ns = 2 * plan->tick_ns;
    if (strcmp(w->model->name, w->rule->model) != 0)
        return vg_fail_option(err, VG_E_CONFIG, "rules",
                              "rule %s is about the model %s, but the chain detects with %s",
                              w->rule->name, w->rule->model, w->model->name);
    return vg_watch_check_bounds(w, plan, err);
}

static struct vg_finding look_at_anomaly(struct vg_look *l, const struct vg_watch *w)
{
    float score, threshold;

    if (vg_row_column(l->row, w->valid_column)[0] == 0 ||
        !vg_look_bound(l, w, &w->rule->bound, &threshold))
        return (struct vg_finding){ .says = VG_SAYS_UNKNOWN };
    score = vg_row_column(l->row, w->column)[0];
    if (vg_passes(&w->rule->bound, score, threshold))
        return (struct vg_finding){ .says = VG_SAYS_TRUE, .measure = score };
    return vg_look_clear(l, w, score);
}

/* The largest share that is less than that of `before`, or equal and later; so ties are told in the
 * model's order. */
static int next_share(const float *share, uint32_t n, int before)
{
    int best = -1;

    for (int c = 0; c < (int)n; c++) {
        bool after =
            before < 0 || share[c] < share[before] || (share[c] == share[before] && c > before);

        if (share[c] > 0 && after && (best < 0 || share[c] > share[best]))
            best = c;
    }
    return best;
}

static void show_shares(const struct vg_look *l, const struct vg_watch *w, struct vg_event *event)
{
    const float *share = vg_row_column(l->row, w->share_column);
    int c = -1;

    while (event->anomaly.contributions < SHARES_TOLD &&
           (c = next_share(share, w->model->channels, c)) >= 0) {
        uint32_t i = event->anomaly.contributions++;

        event->anomaly.contribution[i].channel = w->model->channel[c];
        event->anomaly.contribution[i].share = share[c];
    }
}

static void say_shares(struct vg_buf *text, const struct vg_event *event)
{
    for (uint32_t i = 0; i < event->anomaly.contributions; i++) {
        int channel = event->anomaly.contribution[i].channel;
        float share = event->anomaly.contribution[i].share;

        vg_buf_printf(text, "%s%s (%d %% of it)", i ? ", " : "; from ", vg_channels[channel].title,
                      (int)(share * 100 + 0.5f));
    }
}

static void say_score(struct vg_buf *text, const char *before, float score, float threshold)
{
    vg_buf_printf(text, "Score %.3g%s %.3g", (double)score, before, (double)threshold);
}

static void describe_anomaly(struct vg_look *l, const struct vg_watch *w,
                             const struct vg_episode *e, struct vg_event *event,
                             struct vg_buf *text)
{
    if (e->lost) {
        vg_buf_str(text, "No score for ");
        vg_text_duration(text, w->validity_ns);
        vg_buf_str(text, "; the alert stays active");
        return;
    }
    event->anomaly.present = true;
    event->anomaly.score = vg_row_column(l->row, w->column)[0];
    (void)!vg_look_bound(l, w, &w->rule->bound, &event->anomaly.threshold);
    if (event->phase == VG_PHASE_END) {
        say_score(text, ", no longer above", event->anomaly.score, event->anomaly.threshold);
        return;
    }
    show_shares(l, w, event);
    say_score(text, " above", event->anomaly.score, event->anomaly.threshold);
    say_shares(text, event);
}

const struct vg_watch_kind vg_watch_anomaly = {
    .rows = VG_ROW_TICK,
    .updates = true,
    .measure = VG_MEASURE_SCORE,
    .plan = plan_anomaly,
    .look = look_at_anomaly,
    .describe = describe_anomaly,
};
