/* score.c - early warning scores: which band a value lies in, and what that adds up to.
 *
 * Everything is counted in steps of the published precision, as integers, so that no comparison can
 * fall between two bands.
 */
#include "core/score.h"

#include <stdlib.h>
#include <string.h>

#include "core/event.h"

void vg_score_done(struct vg_score_chart *score)
{
    free(score->table);
    free(score->band);
    memset(score, 0, sizeof(*score));
}

int32_t vg_score_round(float value, uint16_t per_unit)
{
    const double steps = (double)value * per_unit + (0.5 + 1e-4);
    int32_t whole;

    /* What no channel can have may still come, where nothing has looked at it before. */
    if (!(steps < INT16_MAX))
        return INT16_MAX;
    if (!(steps > -INT16_MAX))
        return -INT16_MAX;
    whole = (int32_t)steps;
    return whole - (whole > steps); /* floor() is a call without SSE4.1 */
}

float vg_score_value(int32_t steps, uint16_t per_unit)
{
    return (float)((double)steps / per_unit);
}

int vg_score_find(const struct vg_score_chart *score, const char *parameter)
{
    for (uint32_t p = 0; p < score->parameters; p++) {
        if (strcmp(score->parameter[p].name, parameter) == 0)
            return (int)p;
    }
    return -1;
}

bool vg_score_expire(struct vg_score_chart *score, int channel, int64_t expires_ns)
{
    bool used = false;

    for (uint32_t p = 0; p < score->parameters; p++) {
        struct vg_score_parameter *parameter = &score->parameter[p];

        for (uint8_t c = 0; c < parameter->channels; c++) {
            if (parameter->channel[c].channel != channel)
                continue;
            parameter->channel[c].expires_ns = expires_ns;
            used = true;
        }
    }
    return used;
}

/* ---- tables ---- */

enum holds { HOLDS_NOT, HOLDS_MAYBE, HOLDS };

static enum holds holds(const struct vg_score_table *t, const struct vg_score_patient *patient,
                        const struct vg_score_total *total)
{
    bool maybe = false;

    if (t->spo2_scale != 0 && t->spo2_scale != patient->spo2_scale)
        return HOLDS_NOT;
    if (t->under_years > 0) {
        if (patient->age_years >= t->under_years)
            return HOLDS_NOT;
        maybe |= patient->age_years < 0;
    }
    if (t->parameter >= 0) {
        uint8_t state = total->part[t->parameter].state;

        if (state != 0 && state != t->state)
            return HOLDS_NOT;
        maybe |= state == 0;
    }
    return maybe ? HOLDS_MAYBE : HOLDS;
}

static const struct vg_score_band *band_of(const struct vg_score_chart *score,
                                           const struct vg_score_table *t, int32_t steps)
{
    const struct vg_score_band *b = &score->band[t->first];

    /* The last one has no end. */
    while (steps > b->high)
        b++;
    return b;
}

static void widen(struct vg_score_part *part, bool first, int16_t least, int16_t most)
{
    if (first || least < part->least)
        part->least = least;
    if (first || most > part->most)
        part->most = most;
}

/* ---- parameters ---- */

/* What parameter `p` can add by its channel `c`: by all tables that hold or may hold, and with the
 * value if there is one. */
static struct vg_score_part weigh(const struct vg_score_chart *score, uint32_t p, uint8_t c,
                                  const struct vg_score_patient *patient,
                                  const struct vg_score_input *input,
                                  const struct vg_score_total *total)
{
    const struct vg_score_parameter *parameter = &score->parameter[p];
    struct vg_score_part part = { .channel = c, .has_value = input->known };
    bool first = true;

    if (input->known) {
        part.steps = input->steps;
        part.newest_ns = input->newest_ns;
    }
    for (uint32_t i = parameter->first; i < parameter->first + parameter->n; i++) {
        const struct vg_score_table *t = &score->table[i];
        const struct vg_score_band *b = NULL;
        enum holds h = holds(t, patient, total);

        if (h == HOLDS_NOT ||
            (t->channel != VG_CHANNEL_NONE && t->channel != parameter->channel[c].channel))
            continue;
        if (input->known)
            b = band_of(score, t, input->steps);
        if (b && b->points != VG_SCORE_UNKNOWN)
            widen(&part, first, b->points, b->points);
        else
            widen(&part, first, t->least, t->most);
        part.state = b && first && h == HOLDS ? b->state : 0;
        first = false;
        if (h == HOLDS)
            break;
    }
    return part;
}

static bool outweighs(const struct vg_score_part *a, const struct vg_score_part *b)
{
    return a->least > b->least || (a->least == b->least && a->most > b->most);
}

static struct vg_score_part choose(const struct vg_score_chart *score, uint32_t p,
                                   const struct vg_score_patient *patient,
                                   const vg_score_inputs input, const struct vg_score_total *total)
{
    const struct vg_score_parameter *parameter = &score->parameter[p];
    struct vg_score_part best = weigh(score, p, 0, patient, &input[p][0], total);

    for (uint8_t c = 1; c < parameter->channels; c++) {
        struct vg_score_part part = weigh(score, p, c, patient, &input[p][c], total);

        if (!best.has_value && !part.has_value)
            widen(&best, false, part.least, part.most);
        else if (part.has_value &&
                 (!best.has_value || (parameter->highest && outweighs(&part, &best))))
            best = part;
    }
    return best;
}

void vg_score_evaluate(const struct vg_score_chart *score, const struct vg_score_patient *patient,
                       const vg_score_inputs input, struct vg_score_total *ret)
{
    ret->lowest = ret->highest = ret->single = 0;
    ret->known = 0;
    /* First those that others hang on. */
    for (int depends = 0; depends < 2; depends++) {
        for (uint32_t p = 0; p < score->parameters; p++) {
            if (score->parameter[p].depends == (depends == 1))
                ret->part[p] = choose(score, p, patient, input, ret);
        }
    }
    for (uint32_t p = 0; p < score->parameters; p++) {
        const struct vg_score_part *part = &ret->part[p];

        ret->lowest += part->least;
        ret->highest += part->most;
        ret->known += vg_score_part_known(part);
        if (part->has_value && part->least > ret->single)
            ret->single = part->least;
    }
}

/* ---- canonical text ---- */

static void print_parameter(const struct vg_score_parameter *p, struct vg_buf *out)
{
    vg_buf_printf(out, "parameter %s highest %d title ", p->name, p->highest);
    vg_buf_json_str(out, p->title);
    for (uint8_t c = 0; c < p->channels; c++)
        vg_buf_printf(out, "\nchannel %s per_unit %u expires %lld",
                      vg_channels[p->channel[c].channel].name, p->channel[c].per_unit,
                      (long long)p->channel[c].expires_ns);
    for (uint8_t s = 0; s < p->states; s++)
        vg_buf_printf(out, "\nstate %s", p->state[s]);
    vg_buf_char(out, '\n');
}

static void print_table(const struct vg_score_chart *score, const struct vg_score_table *t,
                        struct vg_buf *out)
{
    vg_buf_printf(out, "table channel %s scale %u under ",
                  t->channel == VG_CHANNEL_NONE ? "any" : vg_channels[t->channel].name,
                  t->spo2_scale);
    vg_buf_float(out, t->under_years);
    vg_buf_printf(out, " parameter %d state %u\n", t->parameter, t->state);
    for (uint32_t b = t->first; b < t->first + t->n; b++)
        vg_buf_printf(out, "band %d %d points %d state %u\n", score->band[b].low,
                      score->band[b].high, score->band[b].points, score->band[b].state);
}

void vg_score_print(const struct vg_score_chart *score, struct vg_buf *out)
{
    vg_buf_printf(out, "score %s advisory %d not_pregnant %d window %lld from_years ", score->name,
                  score->advisory, score->not_pregnant, (long long)score->window_ns);
    vg_buf_float(out, score->from_years);
    vg_buf_str(out, " title ");
    vg_buf_json_str(out, score->title);
    vg_buf_char(out, '\n');
    for (uint32_t p = 0; p < score->parameters; p++) {
        const struct vg_score_parameter *parameter = &score->parameter[p];

        print_parameter(parameter, out);
        for (uint32_t t = parameter->first; t < parameter->first + parameter->n; t++)
            print_table(score, &score->table[t], out);
    }
    for (uint32_t i = 0; i < score->levels; i++)
        vg_buf_printf(out, "level %s %s %u %s\n", score->level[i].name,
                      score->level[i].single ? "single" : "at_least", score->level[i].points,
                      vg_priority_name(score->level[i].priority));
}
