/* alert_score.c - an early warning score that reaches a number of points.
 *
 * What monitors measure all the time enters as a median: the window is cut into parts, each keeps its
 * newest value, rounded as the score's table asks (a median of rounded values is the rounded median),
 * and the median is taken of the parts of the window that ends with the newest value. What is taken
 * or noted now and then enters as its newest value. Both count until they expire.
 *
 * The total of what is known is a lower bound. So an alert starts when that is reached; it ends when
 * it is no longer, but not because something that had given points is not known any more: then data
 * are lost. Parameters that gave no points may go missing without harm to an end.
 */
#include "core/score_window.h"
#include "stages/alert_limit.h"
#include "stages/alert_tell.h"
#include "stages/alert_text.h"
#include "stages/alert_watch.h"

enum { PARTS_TOLD = 3 };

/* Of each patient and rule. */
struct mine {
    uint32_t blamed; /* bit p: parameter p gave points when the rule held last */
    uint32_t unused;
};

/* Behind the `mine` of the first rule about a score lie its windows. */

static const struct vg_watch *owner_of(const struct vg_watch *w)
{
    return w - w->place + w->score_owner;
}

static struct vg_score_window *windows_of(const struct vg_look *l, const struct vg_watch *w)
{
    return (struct vg_score_window *)((struct mine *)vg_watch_memory(l, owner_of(w)) + 1);
}

/* ---- plan ---- */

/* A finding speaks for the patient while everything in it may. */
static int64_t least_expiry(const struct vg_score_chart *s)
{
    int64_t least_ns = VG_TIME_MAX;

    for (uint32_t p = 0; p < s->parameters; p++) {
        for (uint8_t c = 0; c < s->parameter[p].channels; c++) {
            int64_t ns = s->parameter[p].channel[c].expires_ns;

            least_ns = ns < least_ns ? ns : least_ns;
        }
    }
    return least_ns;
}

static vg_status plan_score(struct vg_watch *w, struct vg_plan *plan, struct vg_err *err)
{
    const struct vg_watch *first = w - w->place;

    (void)err;
    w->score = &plan->site->scores[w->rule->score];
    w->validity_ns = least_expiry(&w->score->score);
    w->memory_size = sizeof(struct mine);
    for (w->score_owner = 0; w->score_owner < w->place; w->score_owner++) {
        if (first[w->score_owner].score == w->score)
            return VG_OK;
    }
    w->memory_size += vg_score_windows(&w->score->score) * sizeof(struct vg_score_window);
    return VG_OK;
}

/* ---- the score ---- */

static struct vg_score_input input_of(const struct vg_look *l, const struct vg_score_channel *c)
{
    const struct vg_newest *newest = vg_look_newest(l, c->channel);

    return (struct vg_score_input){
        .known = vg_newest_holds(newest) && l->out->log_ns - newest->log_ns <= c->expires_ns,
        .newest_ns = newest->log_ns,
        .steps = newest->seen ? vg_score_round(newest->value, c->per_unit) : 0,
    };
}

static struct vg_score_patient patient_of(struct vg_look *l)
{
    return vg_profile_score_patient(vg_look_profile(l));
}

/* Here and now, by what the rules about it have seen; of l->alert, until the next call. */
static const struct vg_score_total *score_now(struct vg_look *l, const struct vg_watch *w)
{
    const struct vg_score_chart *s = &w->score->score;
    const struct vg_score_patient patient = patient_of(l);
    const struct vg_score_window *win = windows_of(l, w);
    vg_score_inputs input;

    for (uint32_t p = 0; p < s->parameters; p++) {
        for (uint8_t i = 0; i < s->parameter[p].channels; i++) {
            const struct vg_score_channel *c = &s->parameter[p].channel[i];

            input[p][i] = vg_score_by_window(c) ? vg_score_window_input(win++, c, l->out->log_ns)
                                                : input_of(l, c);
        }
    }
    vg_score_evaluate(s, &patient, input, &l->alert->total);
    l->alert->total_of = w->score_owner;
    return &l->alert->total;
}

static bool has_score(struct vg_look *l, const struct vg_watch *w)
{
    const struct vg_site *site = l->alert->site;
    const struct vg_profile *p = vg_look_profile(l);

    return !p || w->score->profile[p - site->profiles];
}

/* ---- the rule ---- */

static int measure_of(const struct vg_rule *rule, const struct vg_score_total *total)
{
    return rule->single ? total->single : total->lowest;
}

/* Which parameters make the rule hold. */
static uint32_t blame(const struct vg_watch *w, const struct vg_score_total *total)
{
    uint32_t ret = 0;

    for (uint32_t p = 0; p < w->score->score.parameters; p++) {
        const struct vg_score_part *part = &total->part[p];
        bool enough = w->rule->single ? (float)part->least > w->rule->bound.value : part->least > 0;

        if (part->has_value && enough)
            ret |= UINT32_C(1) << p;
    }
    return ret;
}

/* Whether the rule might still hold if those that made it hold and are not known now were. */
static bool may_hold(const struct vg_watch *w, const struct vg_score_total *total, uint32_t blamed)
{
    int could = total->lowest, single = total->single;

    for (uint32_t p = 0; p < w->score->score.parameters; p++) {
        const struct vg_score_part *part = &total->part[p];

        if (!(blamed >> p & 1) || vg_score_part_known(part))
            continue;
        could += part->most - part->least;
        single = part->most > single ? part->most : single;
    }
    return (float)(w->rule->single ? single : could) > w->rule->bound.value;
}

static struct vg_finding look_at_score(struct vg_look *l, const struct vg_watch *w)
{
    struct mine *mine = vg_watch_memory(l, w);
    const struct vg_score_total *total = &l->alert->total;
    bool owner = w->place == w->score_owner;
    float measure;

    if (l->row->flags & VG_ROW_LATE)
        return (struct vg_finding){ .says = VG_SAYS_NOTHING };
    if (owner)
        vg_score_windows_take(windows_of(l, w), &w->score->score, l->row->log_ns, l->row->value,
                              l->row->quality, l->row->reason);
    if (!has_score(l, w))
        return (struct vg_finding){ .says = VG_SAYS_OVER, .reason = "no_score" };
    /* The rules about one score look at one row one after the other, its owner first. */
    if (owner || l->alert->total_of != w->score_owner)
        total = score_now(l, w);
    measure = (float)measure_of(w->rule, total);
    if (vg_passes(&w->rule->bound, measure, w->rule->bound.value)) {
        mine->blamed = blame(w, total);
        return (struct vg_finding){ .says = VG_SAYS_TRUE, .measure = measure };
    }
    if (vg_watch_episode(l, w)->state != VG_EPISODE_IDLE && may_hold(w, total, mine->blamed))
        return (struct vg_finding){ .says = VG_SAYS_LOST };
    return vg_look_clear(l, w, measure);
}

/* ---- words ---- */

/* "NEWS2 7", or of what is known only "NEWS2 at least 7 (partial 5 of 7, up to 12)". */
static void say_total(struct vg_buf *text, const struct vg_score_chart *s,
                      const struct vg_score_total *total)
{
    vg_buf_printf(text, "%s %s%d", s->title, total->known < s->parameters ? "at least " : "",
                  total->lowest);
    if (total->known < s->parameters)
        vg_buf_printf(text, " (partial %u of %u, up to %d)", total->known, s->parameters,
                      total->highest);
}

/* The part that adds most, of those that add less than `before`, or as much and come later. */
static int next_part(const struct vg_score_chart *s, const struct vg_score_total *total, int before)
{
    int best = -1;

    for (int p = 0; p < (int)s->parameters; p++) {
        int points = total->part[p].least;
        int last = before < 0 ? VG_SCORE_POINTS_MAX + 1 : total->part[before].least;

        if (!total->part[p].has_value || points == 0 || points > last ||
            (points == last && p <= before))
            continue;
        if (best < 0 || points > total->part[best].least)
            best = p;
    }
    return best;
}

static void say_part(struct vg_buf *text, const struct vg_score_parameter *p,
                     const struct vg_score_part *part)
{
    const struct vg_score_channel *c = &p->channel[part->channel];

    vg_buf_printf(text, "%s ", p->title);
    vg_text_value(text, c->channel, vg_score_value(part->steps, c->per_unit));
    vg_buf_printf(text, " (%d)", part->least);
}

static void say_parts(struct vg_buf *text, const struct vg_score_chart *s,
                      const struct vg_score_total *total)
{
    int p = -1;

    for (int i = 0; i < PARTS_TOLD && (p = next_part(s, total, p)) >= 0; i++) {
        vg_buf_str(text, i ? ", " : ": ");
        say_part(text, &s->parameter[p], &total->part[p]);
    }
}

/* What had given points and is not known any more. */
static void say_lost(struct vg_buf *text, const struct vg_score_chart *s,
                     const struct vg_score_total *total, uint32_t blamed)
{
    bool any = false;

    vg_buf_printf(text, "%s cannot be told", s->title);
    for (uint32_t p = 0; p < s->parameters; p++) {
        if (!(blamed >> p & 1) || vg_score_part_known(&total->part[p]))
            continue;
        vg_buf_printf(text, "%s%s", any ? ", " : ": no ", s->parameter[p].title);
        any = true;
        if (text->len > VG_EVENT_TEXT / 2)
            break;
    }
    vg_buf_str(text, "; the alert stays active");
}

static void describe_score(struct vg_look *l, const struct vg_watch *w, const struct vg_episode *e,
                           struct vg_event *event, struct vg_buf *text)
{
    const struct vg_score_chart *s = &w->score->score;
    const struct mine *mine = vg_watch_memory(l, w);
    const struct vg_score_total *total = score_now(l, w);

    event->score.score = s;
    event->score.total = total;
    event->score.spo2_scale = patient_of(l).spo2_scale;
    if (vg_watch_tells_loss(e, event)) {
        say_lost(text, s, total, mine->blamed);
        return;
    }
    say_total(text, s, total);
    if (event->phase == VG_PHASE_END && !has_score(l, w))
        vg_buf_str(text, "; the score is not for patients of this profile");
    else if (event->phase == VG_PHASE_END)
        vg_buf_printf(text, ", no longer %d%s", (int)(w->rule->bound.value + 0.5f),
                      w->rule->single ? " in one parameter" : " or more");
    else
        say_parts(text, s, total);
    if (e->worst > (float)measure_of(w->rule, total) && event->phase == VG_PHASE_UPDATE)
        vg_buf_printf(text, "; highest so far %d", (int)e->worst);
    if (event->reason && event->phase == VG_PHASE_UPDATE)
        vg_buf_str(text, "; values are back");
}

/* What is measured all the time enters as a median over this window. */
static void window_of_score(struct vg_look *l, const struct vg_watch *w, struct vg_window *window)
{
    (void)l;
    window->over_ns = w->score->score.window_ns;
}

const struct vg_watch_kind vg_watch_score = {
    .rows = VG_ROW_SAMPLE | VG_ROW_COMMAND,
    .by_timer = true,
    .updates = true,
    .measure = VG_MEASURE_POINTS,
    .plan = plan_score,
    .look = look_at_score,
    .window = window_of_score,
    .describe = describe_score,
};
