/* score_cover.c - whether exactly one table of a score's parameter holds for every patient.
 *
 * Tables are tried in order, so that the last one may say "for all others". All situations that the
 * conditions can tell apart are gone through: a table that is never reached is a mistake as much as a
 * patient for whom there is none.
 */
#include "runtime/score_private.h"

struct situation {
    int channel;
    uint8_t spo2_scale;
    float age_years;
    int16_t parameter; /* in `state`; -1: no table hangs on one */
    uint8_t state;
};

static bool fits(const struct vg_score_table *t, const struct situation *x)
{
    return (t->channel == VG_CHANNEL_NONE || t->channel == x->channel) &&
           (t->spo2_scale == 0 || t->spo2_scale == x->spo2_scale) &&
           (t->under_years == 0 || x->age_years < t->under_years) &&
           (t->parameter < 0 || t->state == x->state);
}

static bool use(const struct vg_score_chart *s, const struct vg_score_parameter *p,
                const struct situation *x, bool *used)
{
    for (uint32_t i = p->first; i < p->first + p->n; i++) {
        if (fits(&s->table[i], x)) {
            used[i - p->first] = true;
            return true;
        }
    }
    return false;
}

/* All states of the parameter that tables hang on. */
static bool use_states(const struct vg_score_chart *s, const struct vg_score_parameter *p,
                       struct situation x, bool *used)
{
    bool all = true;

    if (x.parameter < 0)
        return use(s, p, &x, used);
    for (x.state = 1; x.state <= s->parameter[x.parameter].states; x.state++)
        all &= use(s, p, &x, used);
    return all;
}

/* All ages at which another table may begin to hold. */
static bool use_ages(const struct vg_score_chart *s, const struct vg_score_parameter *p,
                     struct situation x, bool *used)
{
    bool all = use_states(s, p, x, used);

    for (uint32_t i = p->first; i < p->first + p->n; i++) {
        x.age_years = s->table[i].under_years;
        all &= use_states(s, p, x, used);
    }
    return all;
}

/* Those that were of no use in any situation. */
static void check_used(struct vg_score_reader *r, uint32_t p, const bool *used)
{
    const struct vg_node *tables = vg_node_find(r->node[p], "tables");

    for (const struct vg_node *n = tables ? tables->child : NULL; n; n = n->next) {
        if (!*used++)
            vg_document_error(r->doc, n->at,
                              "this table never holds: those before it cover its cases, or there "
                              "are none");
    }
}

void vg_score_check_tables(struct vg_score_reader *r, uint32_t p)
{
    const struct vg_score_chart *s = r->score;
    const struct vg_score_parameter *parameter = &s->parameter[p];
    struct situation x = { .parameter = -1 };
    bool used[64] = { false };
    bool all = true;

    if (parameter->n > VG_ARRAY_LEN(used)) {
        vg_document_error(r->doc, r->node[p]->key_at, "more than %zu tables", VG_ARRAY_LEN(used));
        return;
    }
    for (uint32_t i = parameter->first; i < parameter->first + parameter->n; i++) {
        if (s->table[i].parameter >= 0)
            x.parameter = s->table[i].parameter;
    }
    for (uint8_t c = 0; c < parameter->channels; c++) {
        x.channel = parameter->channel[c].channel;
        for (x.spo2_scale = 1; x.spo2_scale <= 2; x.spo2_scale++)
            all &= use_ages(s, parameter, x, used);
    }
    if (!all)
        vg_document_error(r->doc, r->node[p]->key_at,
                          "for some patients no table of %s holds; end with one that has fewer "
                          "conditions",
                          parameter->name);
    check_used(r, p, used);
}
