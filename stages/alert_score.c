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
#include <string.h>

#include "stages/alert_limit.h"
#include "stages/alert_tell.h"
#include "stages/alert_text.h"
#include "stages/alert_watch.h"

enum { PARTS = 15, PARTS_TOLD = 3, ZERO = INT16_MAX + 1 };

/* Of each patient and rule. */
struct mine {
    uint32_t blamed; /* bit p: parameter p gave points when the rule held last */
    uint32_t unused;
};

/* Of each patient, score, and channel that is measured all the time; behind the `mine` of the first
 * rule about that score. Values are in steps above -ZERO; 0: none. */
struct window {
    int64_t newest_ns;     /* log time of the newest value */
    uint16_t value[PARTS]; /* by number of the part since 1970 */
    uint16_t median;
};

static const struct vg_watch *owner_of(const struct vg_watch *w)
{
    return w - w->place + w->score_owner;
}

static struct window *windows_of(const struct vg_look *l, const struct vg_watch *w)
{
    return (struct window *)((struct mine *)vg_watch_memory(l, owner_of(w)) + 1);
}

static bool by_window(const struct vg_score_channel *c)
{
    return !vg_channels[c->channel].episodic;
}

/* ---- plan ---- */

static uint32_t count_windows(const struct vg_score_chart *s)
{
    uint32_t n = 0;

    for (uint32_t p = 0; p < s->parameters; p++) {
        for (uint8_t c = 0; c < s->parameter[p].channels; c++)
            n += by_window(&s->parameter[p].channel[c]);
    }
    return n;
}

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
    w->memory_size += count_windows(&w->score->score) * sizeof(struct window);
    return VG_OK;
}

/* ---- medians ---- */

static uint16_t median(const struct window *win)
{
    uint16_t sorted[PARTS];
    uint32_t n = 0;

    for (uint32_t i = 0; i < PARTS; i++) {
        uint32_t j = n;

        if (win->value[i] == 0)
            continue;
        for (; j > 0 && sorted[j - 1] > win->value[i]; j--)
            sorted[j] = sorted[j - 1];
        sorted[j] = win->value[i];
        n++;
    }
    VG_CHECK(n > 0);
    if (n % 2)
        return sorted[n / 2];
    return (uint16_t)((sorted[n / 2 - 1] + sorted[n / 2] + 1) / 2); /* halves upwards, as always */
}

/* Whether the median of a whole window is still what it was: so it is after most changes, and to see
 * that is much cheaper than to sort. */
static bool stands(const struct window *win)
{
    uint32_t less = 0, equal = 0, none = 0;

    for (uint32_t i = 0; i < PARTS; i++) {
        less += win->value[i] < win->median;
        equal += win->value[i] == win->median;
        none += win->value[i] == 0;
    }
    return none == 0 && less <= PARTS / 2 && less + equal > PARTS / 2;
}

/* A moment on the grid of parts. */
struct moment {
    int64_t log_ns, part_ns; /* the time, and the length of a part */
    int64_t part;            /* since 1970 */
};

static struct moment moment_of(const struct vg_score_chart *s, int64_t log_ns)
{
    int64_t part_ns = s->window_ns / PARTS;

    return (struct moment){ log_ns, part_ns, log_ns / part_ns };
}

static uint32_t place_of(int64_t part)
{
    return (uint32_t)((part % PARTS + PARTS) % PARTS);
}

static void keep(struct window *win, const struct moment *now, int32_t steps)
{
    uint16_t *place = &win->value[place_of(now->part)];
    const uint16_t value = (uint16_t)(steps + ZERO);
    bool moved = win->newest_ns < now->part * now->part_ns;
    int64_t gone = moved ? now->part - win->newest_ns / now->part_ns : 0;

    for (int64_t i = 0; i < gone && i < PARTS; i++)
        win->value[place_of(now->part - i)] = 0;
    win->newest_ns = now->log_ns;
    if (*place == value)
        return;
    *place = value;
    if (!stands(win))
        win->median = median(win);
}

/* What is proven to be no measurement would be a median of the disturbance, were it to last. */
static bool counts(const struct vg_row *row, int channel)
{
    return row->quality[channel] == VG_Q_GOOD ||
           (row->quality[channel] == VG_Q_SUSPECT && !vg_disproved(row->reason[channel]));
}

static void take_row(const struct vg_look *l, const struct vg_watch *w)
{
    const struct vg_score_chart *s = &w->score->score;
    const struct moment now = moment_of(s, l->row->log_ns);
    struct window *win = windows_of(l, w);

    for (uint32_t p = 0; p < s->parameters; p++) {
        for (uint8_t i = 0; i < s->parameter[p].channels; i++) {
            const struct vg_score_channel *c = &s->parameter[p].channel[i];

            if (!by_window(c))
                continue;
            if (counts(l->row, c->channel))
                keep(win, &now, vg_score_round(l->row->value[c->channel], c->per_unit));
            win++;
        }
    }
}

/* ---- the score ---- */

static struct vg_score_input input_of(const struct vg_look *l, const struct vg_score_channel *c,
                                      const struct window *win)
{
    const struct vg_newest *newest = vg_look_newest(l, c->channel);
    struct vg_score_input in = { .known = false };

    if (win) {
        in.known = win->median != 0;
        in.newest_ns = win->newest_ns;
        in.steps = win->median - ZERO;
    } else {
        in.known = vg_newest_holds(newest);
        in.newest_ns = newest->log_ns;
        in.steps = newest->seen ? vg_score_round(newest->value, c->per_unit) : 0;
    }
    in.known &= l->out->log_ns - in.newest_ns <= c->expires_ns;
    return in;
}

static struct vg_score_patient patient_of(struct vg_look *l)
{
    const struct vg_profile *p = vg_look_profile(l);

    return (struct vg_score_patient){
        .age_years = p && p->age_years > 0 ? p->age_years : -1,
        .spo2_scale = p && p->spo2_scale == 2 ? 2 : 1,
    };
}

/* Here and now, by what the rules about it have seen; of l->alert, until the next call. */
static const struct vg_score_total *score_now(struct vg_look *l, const struct vg_watch *w)
{
    const struct vg_score_chart *s = &w->score->score;
    const struct vg_score_patient patient = patient_of(l);
    const struct window *win = windows_of(l, w);
    vg_score_inputs input;

    for (uint32_t p = 0; p < s->parameters; p++) {
        for (uint8_t i = 0; i < s->parameter[p].channels; i++) {
            const struct vg_score_channel *c = &s->parameter[p].channel[i];

            input[p][i] = input_of(l, c, by_window(c) ? win++ : NULL);
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
        take_row(l, w);
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
