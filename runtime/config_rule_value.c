/* config_rule_value.c - limits, and how far something moves or lies off, with their units. */
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "runtime/config_rule.h"

/* What follows `word` and blanks in `s`; NULL when `s` does not begin with it. */
static const char *skip(const char *s, const char *word)
{
    size_t n = strlen(word);

    if (strncmp(s, word, n) != 0)
        return NULL;
    return s + n + strspn(s + n, " ");
}

static bool read_difference(struct vg_load *l, struct vg_place at, int channel, const char *text,
                            float *ret)
{
    if (strspn(text, "0123456789.") == 0) {
        vg_document_error(l->doc, at, "\"%.60s\" is no offset; expected a number with a unit",
                          text);
        return false;
    }
    return vg_load_quantity(l, at, channel, text, ret) && vg_parse_difference(text, channel, ret);
}

static bool read_profile_bound(struct vg_load *l, const struct vg_node *at, const char *text,
                               int channel, struct vg_bound *ret)
{
    const char *rest = skip(text, "profile.low");
    bool minus;

    ret->origin = rest ? VG_BOUND_PROFILE_LOW : VG_BOUND_PROFILE_HIGH;
    if (!rest)
        rest = skip(text, "profile.high");
    if (rest && *rest == '\0')
        return true;
    if (!rest || (*rest != '+' && *rest != '-')) {
        vg_document_error(l->doc, at->at,
                          "\"%.60s\" is not understood; expected \"profile.low\" or "
                          "\"profile.high\", and perhaps an offset, such as \"profile.low + 2 %s\"",
                          text, vg_channels[channel].ucum);
        return false;
    }
    minus = *rest == '-';
    rest++;
    if (!read_difference(l, at->at, channel, rest + strspn(rest, " "), &ret->value))
        return false;
    if (minus)
        ret->value = -ret->value;
    return true;
}

static bool read_score(struct vg_load *l, const struct vg_node *at, const char *text,
                       struct vg_bound *ret)
{
    double score;

    if (strcmp(text, "threshold") == 0) {
        ret->origin = VG_BOUND_MODEL;
        return true;
    }
    if (!vg_parse_double(text, &score) || !(score > 0 && score < 1e9)) {
        vg_document_error(l->doc, at->at,
                          "\"%.60s\" is no score; expected \"threshold\" (that of the model) or a "
                          "number greater than 0",
                          text);
        return false;
    }
    ret->origin = VG_BOUND_FIXED;
    ret->value = (float)score;
    return true;
}

bool vg_load_bound(struct vg_load *l, const struct vg_rule *rule, const struct vg_node *map,
                   const char *below, const char *above, struct vg_bound *ret)
{
    const char *text = above ? above : below;
    const struct vg_node *at = vg_node_find(map, above ? "above" : "below");

    if (!text) {
        vg_document_error(l->doc, map->key_at, "\"%s\" must have \"below\" or \"above\"",
                          vg_rule_called(map));
        return false;
    }
    if (below && above) {
        vg_document_error(l->doc, map->key_at, "\"below\" and \"above\" exclude each other");
        return false;
    }
    ret->above = above != NULL;
    if (rule->rule == VG_RULE_ANOMALY)
        return read_score(l, at, text, ret);
    if (rule->rule == VG_RULE_SCORE)
        return vg_load_score_points(l, at, text, ret);
    VG_CHECK(rule->channel != VG_CHANNEL_NONE);
    if (strncmp(text, "profile", 7) == 0)
        return read_profile_bound(l, at, text, rule->channel, ret);
    ret->origin = VG_BOUND_FIXED;
    return vg_load_quantity(l, at->at, rule->channel, text, &ret->value) &&
           vg_load_plausible(l, at->at, rule->channel, ret->value);
}

/* ---- changes and distances ---- */

/* "30 %" of a channel whose unit is not %. */
static bool is_share(int channel, const char *text)
{
    size_t n = strlen(text);

    return n > 0 && text[n - 1] == '%' && strcmp(vg_channels[channel].ucum, "%") != 0;
}

bool vg_rule_read_share(struct vg_load *l, struct vg_place at, const char *text, float *ret)
{
    char *end;
    float percent = strtof(text, &end);

    if (end != text && strcmp(end + strspn(end, " "), "%") == 0 && percent > 0 && percent <= 1000) {
        *ret = percent / 100;
        return true;
    }
    vg_document_error(l->doc, at, "\"%.60s\" is no share; expected more than 0 %%, such as 30 %%",
                      text);
    return false;
}

/* How far something moves or lies off: always written as a positive number. */
static bool read_distance(struct vg_load *l, const struct vg_node *at, struct vg_rule *rule,
                          const char *text)
{
    const struct vg_channel *c = &vg_channels[rule->channel];
    float *value = &rule->bound.value;

    rule->relative = rule->rule == VG_RULE_BASELINE && is_share(rule->channel, text);
    if (rule->relative)
        return vg_rule_read_share(l, at->at, text, value);
    if (!read_difference(l, at->at, rule->channel, text, value))
        return false;
    if (*value > 0 && *value <= c->high - c->low)
        return true;
    vg_document_error(
        l->doc, at->at,
        "%s cannot differ by %g %s; expected more than 0 and at most the width of its "
        "plausible range, %g %s",
        c->name, (double)*value, c->ucum, (double)(c->high - c->low), c->ucum);
    return false;
}

/* One of two keys, for down and for up; `down` NULL: only a size. */
static void read_move(struct vg_load *l, const struct vg_node *when, struct vg_rule *rule,
                      const char *const keys[2], const char *down, const char *up)
{
    const char *text = up ? up : down;

    if (!text || (down && up)) {
        vg_document_error(l->doc, when->key_at, "\"%s\" must have %s \"%s\" and \"%s\"",
                          vg_rule_called(when), text ? "only one of" : "one of", keys[0], keys[1]);
        return;
    }
    rule->bound.origin = VG_BOUND_FIXED;
    rule->bound.above = up != NULL;
    if (read_distance(l, vg_node_find(when, keys[up ? 1 : 0]), rule, text) && !up)
        rule->bound.value = -rule->bound.value;
}

void vg_rule_read_change(struct vg_load *l, const struct vg_node *when, struct vg_rule *rule,
                         const struct vg_when_keys *o)
{
    static const char *const moves[2] = { "falls_by", "rises_by" };
    static const char *const lies[2] = { "below_by", "above_by" };

    switch (rule->rule) {
    case VG_RULE_TREND:
    case VG_RULE_RATE:
        read_move(l, when, rule, moves, o->falls_by, o->rises_by);
        break;
    case VG_RULE_BASELINE:
        read_move(l, when, rule, lies, o->below_by, o->above_by);
        break;
    case VG_RULE_CHANGE:
        rule->bound = (struct vg_bound){ .origin = VG_BOUND_FIXED, .above = true };
        if (o->by)
            read_distance(l, vg_node_find(when, "by"), rule, o->by);
        break;
    default:
        break;
    }
}
