/* config_rules.c - reads the alert rules of a configuration.
 *
 * Limits carry a unit that fits their channel, and a rule that could never fire, or would end and
 * start again at once, is refused: such a mistake must show here and not at a bed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "runtime/config_private.h"

/* ---- rules ---- */

struct rule_options {
    char *title;
    int priority;
    int64_t for_ns, keep_firing_for_ns, update_every_ns;
    bool technical;
};

static const struct vg_option rule_options[] = {
    VG_OPT_STRING(struct rule_options, title, "title", NULL, 0, "What the alert says to people."),
    VG_OPT_ENUM(struct rule_options, priority, "priority", NULL, vg_priority_names, VG_OPT_REQUIRED,
                "How urgent it is: high, medium, low or none."),
    VG_OPT_DURATION(struct rule_options, for_ns, "for", "0", 0, 86400, 0,
                    "How long the condition must hold before the alert starts."),
    VG_OPT_DURATION(struct rule_options, keep_firing_for_ns, "keep_firing_for", "0", 0, 86400, 0,
                    "How long the alert goes on after the condition has ended."),
    VG_OPT_DURATION(struct rule_options, update_every_ns, "update_every", "30s", 1, 86400, 0,
                    "Least time between two updates."),
    VG_OPT_BOOL(struct rule_options, technical, "technical", NULL, 0,
                "Says that the alert is about devices and data, not about the patient."),
    VG_OPT_END,
};

struct when_options {
    char *subject; /* channel, model or condition */
    char *below, *above;
    char *falls_by, *rises_by; /* TREND, RATE */
    char *below_by, *above_by; /* BASELINE */
    char *by;                  /* CHANGE */
    float quantile;
    int64_t within_ns, longer_than_ns;
    int64_t least, of;
    int confidence;
};

/* clang-format off */
#define SUBJECT(key, help) \
    VG_OPT_STRING(struct when_options, subject, key, NULL, VG_OPT_REQUIRED, help)
/* clang-format on */

static const struct vg_option when_limit[] = {
    SUBJECT("channel", "The channel whose value is compared."),
    VG_OPT_STRING(struct when_options, below, "below", NULL, 0, "The value is less than this."),
    VG_OPT_STRING(struct when_options, above, "above", NULL, 0, "The value is greater than this."),
    VG_OPT_INT(struct when_options, least, "at_least", NULL, 1, 32, "values", 0,
               "So many of the newest values must be beyond the limit; with of."),
    VG_OPT_INT(struct when_options, of, "of", NULL, 2, 32, "values", 0,
               "How many of the newest values are looked at; with at_least."),
    VG_OPT_END,
};

static const struct vg_option when_forecast[] = {
    SUBJECT("forecast", "The channel whose forecast is compared."),
    VG_OPT_FLOAT(struct when_options, quantile, "quantile", "0.5", 0.001, 0.999, "", 0,
                 "Which quantile of the forecast."),
    VG_OPT_STRING(struct when_options, below, "below", NULL, 0, "The forecast is less than this."),
    VG_OPT_STRING(struct when_options, above, "above", NULL, 0,
                  "The forecast is greater than this."),
    VG_OPT_DURATION(struct when_options, within_ns, "within", NULL, 1, 86400, VG_OPT_REQUIRED,
                    "How far ahead the forecast counts."),
    VG_OPT_END,
};

static const struct vg_option when_anomaly[] = {
    SUBJECT("anomaly", "The model whose score is compared."),
    VG_OPT_STRING(struct when_options, above, "above", NULL, VG_OPT_REQUIRED,
                  "The score is greater than this: threshold (the model's) or a number."),
    VG_OPT_END,
};

static const char *const confidences[] = {
    [VG_CONFIDENCE_90] = "90 %",
    [VG_CONFIDENCE_95] = "95 %",
    [VG_CONFIDENCE_99] = "99 %",
    NULL,
};

static const struct vg_option when_trend[] = {
    SUBJECT("trend", "The channel that drifts."),
    VG_OPT_STRING(struct when_options, falls_by, "falls_by", NULL, 0,
                  "It falls by this at least over the window; with its unit."),
    VG_OPT_STRING(struct when_options, rises_by, "rises_by", NULL, 0,
                  "It rises by this at least over the window; with its unit."),
    VG_OPT_DURATION(struct when_options, within_ns, "over", NULL, 60, 86400, VG_OPT_REQUIRED,
                    "The window that the line is laid through."),
    VG_OPT_ENUM(struct when_options, confidence, "confidence", "95 %", confidences, 0,
                "How sure it must be that the line falls or rises at all."),
    VG_OPT_END,
};

static const struct vg_option when_rate[] = {
    SUBJECT("rate", "The channel that changes fast."),
    VG_OPT_STRING(struct when_options, falls_by, "falls_by", NULL, 0,
                  "The value is this much at least below one within the window; with its unit."),
    VG_OPT_STRING(struct when_options, rises_by, "rises_by", NULL, 0,
                  "The value is this much at least above one within the window; with its unit."),
    VG_OPT_DURATION(struct when_options, within_ns, "within", NULL, 8, 86400, VG_OPT_REQUIRED,
                    "The window that a change counts in."),
    VG_OPT_END,
};

static const struct vg_option when_baseline[] = {
    SUBJECT("baseline", "The channel that is far from where this patient usually is."),
    VG_OPT_STRING(struct when_options, below_by, "below_by", NULL, 0,
                  "It is this much at least below the usual: a quantity, or a share such as 30 % "
                  "where the channel's own unit is another."),
    VG_OPT_STRING(struct when_options, above_by, "above_by", NULL, 0,
                  "It is this much at least above the usual."),
    VG_OPT_DURATION(struct when_options, within_ns, "over", "4h", 3600, 30 * 86400.0, 0,
                    "Time constant of what is usual: values from longer ago count for less than a "
                    "third of what a new one does."),
    VG_OPT_END,
};

static const struct vg_option when_change[] = {
    SUBJECT("change", "The channel that holds a setting."),
    VG_OPT_STRING(struct when_options, by, "by", NULL, VG_OPT_REQUIRED,
                  "It is set to a value this much at least from the one before; with its unit."),
    VG_OPT_END,
};

static const struct vg_option when_stale[] = {
    SUBJECT("stale", "The channel without new values, or any for the whole bed."),
    VG_OPT_DURATION(struct when_options, longer_than_ns, "longer_than", NULL, 1, 86400,
                    VG_OPT_REQUIRED, "How long there was nothing."),
    VG_OPT_END,
};

static const struct vg_option when_condition[] = {
    SUBJECT("condition", "The technical condition."),
    VG_OPT_END,
};

/* By enum vg_rule_kind. */
static const struct {
    const char *key; /* of `when` that tells the kind */
    const struct vg_option *options;
    uint8_t alert_kind;
} kinds[] = {
    [VG_RULE_LIMIT] = { "channel", when_limit, VG_ALERT_PHYSIOLOGICAL },
    [VG_RULE_FORECAST] = { "forecast", when_forecast, VG_ALERT_ADVISORY },
    [VG_RULE_ANOMALY] = { "anomaly", when_anomaly, VG_ALERT_ADVISORY },
    [VG_RULE_STALE] = { "stale", when_stale, VG_ALERT_TECHNICAL },
    [VG_RULE_CONDITION] = { "condition", when_condition, VG_ALERT_TECHNICAL },
    [VG_RULE_TREND] = { "trend", when_trend, VG_ALERT_PHYSIOLOGICAL },
    [VG_RULE_RATE] = { "rate", when_rate, VG_ALERT_PHYSIOLOGICAL },
    [VG_RULE_BASELINE] = { "baseline", when_baseline, VG_ALERT_PHYSIOLOGICAL },
    [VG_RULE_CHANGE] = { "change", when_change, VG_ALERT_ADVISORY },
};

struct clear_options {
    char *below, *above;
    int64_t for_ns;
};

static const struct vg_option clear_options[] = {
    VG_OPT_STRING(struct clear_options, below, "below", NULL, 0,
                  "The alert ends when the value is less than this."),
    VG_OPT_STRING(struct clear_options, above, "above", NULL, 0,
                  "The alert ends when the value is greater than this."),
    VG_OPT_DURATION(struct clear_options, for_ns, "for", "0", 0, 86400, 0,
                    "How long that must hold."),
    VG_OPT_END,
};

/* The keys that hold mappings or name a profile are read by hand above and below, and told of in the
 * summaries. */
const struct vg_site_mapping vg_site_mappings[] = {
    { "profiles", "profiles.PROFILE",
      "A kind of patient. `extends: OTHER` takes over what another profile says. The first profile "
      "is that of beds that no ward declares.",
      vg_profile_options },
    { "profiles", "profiles.PROFILE.CHANNEL",
      "Limits of such a patient, for each channel that has some.", vg_profile_limit_options },
    { "wards", "wards.WARD",
      "A ward whose subscribers get heartbeats before its first row: 1 to 32 of a-z, 0-9 and "
      "\"-\". "
      "`beds` is a mapping of its beds.",
      vg_ward_options },
    { "wards", "wards.WARD.beds.BED",
      "A bed, by what follows WARD/ in its label. `profile: NAME` gives it a profile; without one "
      "it "
      "has the first.",
      vg_bed_options },
    { "alert_rules", "alert_rules.RULE",
      "A rule. `when` (required) is one of the mappings below, told apart by its first key; "
      "`clear` "
      "says when the alert ends.",
      rule_options },
    { "alert_rules", "alert_rules.RULE.when: a limit",
      "A value beyond a limit: `below` or `above`, a quantity with its unit, or profile.low or "
      "profile.high, perhaps with an offset: \"profile.low + 2 %\".",
      when_limit },
    { "alert_rules", "alert_rules.RULE.when: a forecast",
      "A limit that a model expects to be passed: `below` or `above` as for a limit.",
      when_forecast },
    { "alert_rules", "alert_rules.RULE.when: an anomaly",
      "A combination of vital signs that a model cannot explain.", when_anomaly },
    { "alert_rules", "alert_rules.RULE.when: a trend",
      "A channel that drifts: a line through the means of sixteen parts of the window.",
      when_trend },
    { "alert_rules", "alert_rules.RULE.when: a rate of change",
      "A channel that changes within moments.", when_rate },
    { "alert_rules", "alert_rules.RULE.when: the personal baseline",
      "A value far from where this patient usually is. It may add alerts; no limit is widened by "
      "it.",
      when_baseline },
    { "alert_rules", "alert_rules.RULE.when: a changed setting",
      "A setting, such as oxygen, that somebody changed.", when_change },
    { "alert_rules", "alert_rules.RULE.when: silence", "A channel or a bed without values.",
      when_stale },
    { "alert_rules", "alert_rules.RULE.when: a condition",
      "One of the technical conditions listed below.", when_condition },
    { "alert_rules", "alert_rules.RULE.clear",
      "When the alert ends; without it, as soon as the condition no longer holds. `below` or "
      "`above` "
      "only where `when` compares a value, the other way round and on the safe side of its limit.",
      clear_options },
    { NULL },
};

/* What follows `word` and blanks in `s`; NULL when `s` does not begin with it. */
static const char *skip(const char *s, const char *word)
{
    size_t n = strlen(word);

    if (strncmp(s, word, n) != 0)
        return NULL;
    return s + n + strspn(s + n, " ");
}

/* A difference: "2 [degF]" is 1.1 Cel and not -16.7. */
static bool read_difference(struct vg_load *l, struct vg_place at, int channel, const char *text,
                            float *ret)
{
    size_t number = strspn(text, "0123456789.");
    char zero[80];
    float origin;

    if (number == 0) {
        vg_document_error(l->doc, at, "\"%.60s\" is no offset; expected a number with a unit",
                          text);
        return false;
    }
    snprintf(zero, sizeof(zero), "0%s", text + number);
    if (!vg_load_quantity(l, at, channel, text, ret))
        return false;
    if (vg_parse_quantity(zero, channel, &origin))
        *ret -= origin;
    return true;
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

static void check_limited(struct vg_load *l, const struct vg_rule *rule, const struct vg_node *when)
{
    const struct vg_site *site = &l->config->site;
    bool low = rule->bound.origin == VG_BOUND_PROFILE_LOW;
    uint32_t set = 0;

    if (!low && rule->bound.origin != VG_BOUND_PROFILE_HIGH)
        return;
    for (uint32_t i = 0; i < site->profiles_n; i++)
        set |= low ? site->profiles[i].low_set : site->profiles[i].high_set;
    VG_CHECK(rule->channel != VG_CHANNEL_NONE);
    if (!(set & UINT32_C(1) << rule->channel))
        vg_document_error(
            l->doc, vg_node_find(when, rule->bound.above ? "above" : "below")->at,
            "no profile has a %s limit of %s, so this rule can never fire; add one to "
            "a profile, or write the number",
            low ? "low" : "high", vg_channels[rule->channel].name);
}

/* The comparison that `map` makes with `below` or `above`. False after noting a problem. */
static bool read_bound(struct vg_load *l, const struct vg_rule *rule, const struct vg_node *map,
                       const char *below, const char *above, struct vg_bound *ret)
{
    const char *text = above ? above : below;
    const struct vg_node *at = vg_node_find(map, above ? "above" : "below");

    if (!text) {
        vg_document_error(l->doc, map->key_at, "\"%s\" must have \"below\" or \"above\"", map->key);
        return false;
    }
    if (below && above) {
        vg_document_error(l->doc, map->key_at, "\"below\" and \"above\" exclude each other");
        return false;
    }
    ret->above = above != NULL;
    if (rule->rule == VG_RULE_ANOMALY)
        return read_score(l, at, text, ret);
    VG_CHECK(rule->channel != VG_CHANNEL_NONE);
    if (strncmp(text, "profile", 7) == 0)
        return read_profile_bound(l, at, text, rule->channel, ret);
    ret->origin = VG_BOUND_FIXED;
    return vg_load_quantity(l, at->at, rule->channel, text, &ret->value) &&
           vg_load_plausible(l, at->at, rule->channel, ret->value);
}

static void read_condition(struct vg_load *l, const struct vg_node *at, const char *text,
                           struct vg_rule *rule)
{
    const char *names[VG_CONDITION_COUNT];

    for (int i = 0; i < VG_CONDITION_COUNT; i++) {
        names[i] = vg_condition_name((enum vg_condition)i);
        if (strcmp(names[i], text) == 0) {
            rule->condition = (enum vg_condition)i;
            return;
        }
    }
    vg_document_unknown(l->doc, at->at, "condition", text, names, VG_CONDITION_COUNT);
}

/* What the rule is about. False after noting a problem. */
static bool read_subject(struct vg_load *l, const struct vg_node *at, const char *text,
                         struct vg_rule *rule)
{
    uint32_t errors = l->doc->count[VG_ERROR];

    switch (rule->rule) {
    case VG_RULE_LIMIT:
    case VG_RULE_FORECAST:
    case VG_RULE_TREND:
    case VG_RULE_RATE:
    case VG_RULE_BASELINE:
    case VG_RULE_CHANGE:
        rule->channel = vg_load_channel(l, at->at, "channel", text, NULL);
        break;
    case VG_RULE_STALE:
        if (strcmp(text, "any") != 0)
            rule->channel = vg_load_channel(l, at->at, "channel", text, "any");
        break;
    case VG_RULE_ANOMALY:
        /* Whether there is such a model shows once models are loaded: vg_load_check_rules(). */
        snprintf(rule->model, sizeof(rule->model), "%s", text);
        break;
    case VG_RULE_CONDITION:
        read_condition(l, at, text, rule);
        break;
    }
    return l->doc->count[VG_ERROR] == errors;
}

static bool compares(const struct vg_rule *rule)
{
    return rule->rule == VG_RULE_LIMIT || rule->rule == VG_RULE_FORECAST ||
           rule->rule == VG_RULE_ANOMALY;
}

static void tell_kinds(struct vg_load *l, const struct vg_node *when)
{
    struct vg_buf words = { 0 };

    for (size_t k = 0; k < VG_ARRAY_LEN(kinds); k++)
        vg_buf_printf(&words, "%s%s", k > 0 ? ", " : "", kinds[k].key);
    vg_document_error(l->doc, when->key_at, "\"when\" must have one of: %s", words.data);
    vg_buf_done(&words);
}

/* Which kind of rule `when` makes: the first of the kinds' keys that is there. */
static bool read_kind(struct vg_load *l, const struct vg_node *when, struct vg_rule *rule)
{
    for (size_t k = 0; k < VG_ARRAY_LEN(kinds); k++) {
        if (vg_node_find(when, kinds[k].key)) {
            rule->rule = (enum vg_rule_kind)k;
            rule->kind = kinds[k].alert_kind;
            return true;
        }
    }
    tell_kinds(l, when);
    return false;
}

/* ---- changes and distances ---- */

/* "30 %" of a channel whose unit is not %. */
static bool is_share(int channel, const char *text)
{
    size_t n = strlen(text);

    return n > 0 && text[n - 1] == '%' && strcmp(vg_channels[channel].ucum, "%") != 0;
}

static bool read_share(struct vg_load *l, struct vg_place at, const char *text, float *ret)
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
        return read_share(l, at->at, text, value);
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
        vg_document_error(l->doc, when->key_at, "\"%s\" must have %s \"%s\" and \"%s\"", when->key,
                          text ? "only one of" : "one of", keys[0], keys[1]);
        return;
    }
    rule->bound.origin = VG_BOUND_FIXED;
    rule->bound.above = up != NULL;
    if (read_distance(l, vg_node_find(when, keys[up ? 1 : 0]), rule, text) && !up)
        rule->bound.value = -rule->bound.value;
}

static void read_change(struct vg_load *l, const struct vg_node *when, struct vg_rule *rule,
                        const struct when_options *o)
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

/* "3 of 5". */
static void read_count(struct vg_load *l, const struct vg_node *when, struct vg_rule *rule,
                       const struct when_options *o)
{
    const struct vg_node *least = vg_node_find(when, "at_least"), *of = vg_node_find(when, "of");

    if (rule->rule != VG_RULE_LIMIT || (!least && !of))
        return;
    if (!least || !of || o->least > o->of) {
        vg_document_error(l->doc, (least ? least : of)->at,
                          "\"at_least\" and \"of\" belong together, and of so many values no more "
                          "can be asked for, such as {at_least: 3, of: 5}");
        return;
    }
    rule->least = (uint32_t)o->least;
    rule->of = (uint32_t)o->of;
}

static bool read_when(struct vg_load *l, const struct vg_node *when, struct vg_rule *rule)
{
    struct when_options o = { 0 };
    struct vg_target target = { NULL, &o };
    uint32_t errors = l->doc->count[VG_ERROR];

    if (!read_kind(l, when, rule))
        return false;
    target.table = kinds[rule->rule].options;
    vg_options_default(target.table, &o);
    vg_document_options(l->doc, when, &target, 1, NULL);
    if (o.subject)
        read_subject(l, vg_node_find(when, kinds[rule->rule].key), o.subject, rule);
    if (compares(rule) && l->doc->count[VG_ERROR] == errors &&
        read_bound(l, rule, when, o.below, o.above, &rule->bound))
        check_limited(l, rule, when);
    if (rule->channel != VG_CHANNEL_NONE)
        read_change(l, when, rule, &o);
    read_count(l, when, rule, &o);
    rule->confidence = (enum vg_confidence)o.confidence;
    rule->quantile = o.quantile;
    rule->within_ns = o.within_ns;
    rule->longer_than_ns = o.longer_than_ns;
    vg_options_done(target.table, &o);
    return l->doc->count[VG_ERROR] == errors;
}

/* An alert must not end where it would start again: the end lies on the far side of the limit. */
static void check_clear(struct vg_load *l, const struct vg_rule *rule, struct vg_place at)
{
    const struct vg_bound *bound = &rule->bound;
    const struct vg_bound *clear = &rule->clear;
    bool safe = bound->above ? clear->value <= bound->value : clear->value >= bound->value;

    if (clear->above == bound->above)
        vg_document_error(l->doc, at,
                          "\"clear\" must compare the other way round: \"when\" says %s, so "
                          "\"clear\" says %s",
                          bound->above ? "above" : "below", bound->above ? "below" : "above");
    else if (clear->origin == bound->origin && !safe)
        vg_document_error(l->doc, at,
                          "\"clear\" must lie on the safe side of the limit in \"when\", so that "
                          "an alert that ended does not start again at once");
}

static void read_clear(struct vg_load *l, const struct vg_node *clear, struct vg_rule *rule)
{
    struct clear_options o = { 0 };
    const struct vg_target target = { clear_options, &o };
    uint32_t errors = l->doc->count[VG_ERROR];
    const struct vg_node *at;

    vg_options_default(clear_options, &o);
    vg_document_options(l->doc, clear, &target, 1, NULL);
    rule->clear_for_ns = o.for_ns;
    if ((o.below || o.above) && !compares(rule)) {
        vg_document_error(
            l->doc, clear->key_at,
            "\"clear\" of this rule has no value to compare; only \"for\" may be set");
    } else if ((o.below || o.above) && l->doc->count[VG_ERROR] == errors) {
        at = vg_node_find(clear, o.above ? "above" : "below");
        if (read_bound(l, rule, clear, o.below, o.above, &rule->clear))
            check_clear(l, rule, at->at);
    }
    vg_options_done(clear_options, &o);
}

static void set_title(struct vg_load *l, const struct vg_node *node, const char *title,
                      struct vg_rule *rule)
{
    if (!title)
        title = rule->rule == VG_RULE_CONDITION ? vg_condition_title(rule->condition) : rule->name;
    if (strlen(title) >= sizeof(rule->title))
        vg_document_error(l->doc, vg_node_find(node, "title")->at,
                          "\"title\" is longer than %zu bytes", sizeof(rule->title) - 1);
    snprintf(rule->title, sizeof(rule->title), "%s", title);
}

static void check_technical(struct vg_load *l, const struct vg_node *node, bool technical,
                            const struct vg_rule *rule)
{
    const struct vg_node *at = vg_node_find(node, "technical");

    if (at && technical != (rule->kind == VG_ALERT_TECHNICAL))
        vg_document_error(l->doc, at->at, "a rule with \"%s\" is always %s", kinds[rule->rule].key,
                          vg_alert_kind_name(rule->kind));
}

static void load_rule(struct vg_load *l, const struct vg_node *node)
{
    static const char *const own_keys[] = { "when", "clear", NULL };
    struct vg_site *site = &l->config->site;
    struct vg_rule *rule = &site->rules[site->rules_n];
    struct rule_options o = { 0 };
    const struct vg_target target = { rule_options, &o };
    const struct vg_node *when, *clear;

    if (!vg_load_is_name(l, node) || !vg_document_is_mapping(l->doc, node))
        return;
    /* Counted even if the rest is wrong, so that stages which list it are not told it is unknown. */
    site->rules_n++;
    snprintf(rule->name, sizeof(rule->name), "%s", node->key);
    rule->channel = VG_CHANNEL_NONE;
    vg_options_default(rule_options, &o);
    vg_document_options(l->doc, node, &target, 1, own_keys);
    when = vg_document_mapping(l->doc, node, "when");
    clear = vg_document_mapping(l->doc, node, "clear");
    if (!vg_node_find(node, "when"))
        vg_document_error(l->doc, node->key_at,
                          "\"when\" is missing: the condition, such as {channel: spo2, below: \"90 "
                          "%%\"}");
    if (when && read_when(l, when, rule)) {
        if (clear)
            read_clear(l, clear, rule);
        check_technical(l, node, o.technical, rule);
        set_title(l, node, o.title, rule);
    }
    rule->priority = (uint8_t)o.priority;
    rule->for_ns = o.for_ns;
    rule->keep_firing_for_ns = o.keep_firing_for_ns;
    rule->update_every_ns = o.update_every_ns;
    vg_options_done(rule_options, &o);
}

void vg_load_rules(struct vg_load *l)
{
    const struct vg_node *map = vg_document_mapping(l->doc, l->doc->root, "alert_rules");

    if (!map)
        return;
    l->config->site.rules = calloc(map->children + 1, sizeof(*l->config->site.rules));
    VG_CHECK(l->config->site.rules);
    for (const struct vg_node *c = map->child; c; c = c->next)
        load_rule(l, c);
}

const char **vg_load_rule_names(const struct vg_load *l)
{
    const struct vg_site *site = &l->config->site;
    const char **names = calloc(site->rules_n + 1, sizeof(*names));

    VG_CHECK(names);
    for (uint32_t i = 0; i < site->rules_n; i++)
        names[i] = site->rules[i].name;
    return names;
}

/* ---- rules and models ---- */

static bool has_channel(const struct vg_model *model, int channel)
{
    for (uint32_t c = 0; c < model->channels; c++) {
        if (model->channel[c] == channel)
            return true;
    }
    return false;
}

/* Why `model` cannot serve the forecast rule, or NULL. */
static const char *forecast_lacks(const struct vg_model *model, const struct vg_rule *rule)
{
    bool quantile = false, horizon = false;

    for (uint32_t q = 0; q < model->quantiles; q++)
        quantile |= model->quantile[q] == rule->quantile;
    for (uint32_t h = 0; h < model->horizons; h++)
        horizon |= model->horizon_ns[h] <= rule->within_ns;
    if (!has_channel(model, rule->channel))
        return "forecast";
    if (!quantile)
        return "quantile";
    return horizon ? NULL : "within";
}

static void check_forecast(struct vg_load *l, const struct vg_rule *rule,
                           const struct vg_node *when)
{
    const char *lacks = NULL;
    const struct vg_model *best = NULL;

    for (uint32_t i = 0; i < l->config->models_n; i++) {
        const struct vg_model *model = l->config->models[i];

        if (model->horizons == 0)
            continue;
        best = model;
        lacks = forecast_lacks(model, rule);
        if (!lacks)
            return;
    }
    if (!best)
        vg_document_error(l->doc, when->key_at,
                          "a rule with \"forecast\" needs a forecasting model in \"models\"");
    else
        vg_document_error(l->doc,
                          vg_node_find(when, lacks) ? vg_node_find(when, lacks)->at : when->key_at,
                          "model \"%s\" has no such %s", best->name,
                          strcmp(lacks, "forecast") == 0 ? "channel"
                          : strcmp(lacks, "within") == 0 ? "horizon"
                                                         : "quantile");
}

static void check_anomaly(struct vg_load *l, const struct vg_rule *rule, const struct vg_node *when)
{
    const struct vg_node *models = vg_node_find(l->doc->root, "models");
    const struct vg_node *at = vg_node_find(when, "anomaly");
    const char *names[32];
    size_t n = 0;

    for (uint32_t i = 0; i < l->config->models_n; i++) {
        const struct vg_model *model = l->config->models[i];

        if (strcmp(model->name, rule->model) == 0) {
            if (model->window == 0 && model->threshold <= 0.0f)
                vg_document_error(l->doc, at->at, "model \"%s\" gives no anomaly score",
                                  model->name);
            return;
        }
        if (n < VG_ARRAY_LEN(names))
            names[n++] = model->name;
    }
    /* One that is there but could not be loaded has its own problem. */
    if (!vg_node_find(models, rule->model))
        vg_document_unknown(l->doc, at->at, "model", rule->model, names, n);
}

void vg_load_check_rules(struct vg_load *l)
{
    const struct vg_node *rules = vg_node_find(l->doc->root, "alert_rules");
    const struct vg_node *models = vg_node_find(l->doc->root, "models");
    uint32_t listed = models ? models->children : 0;

    for (uint32_t i = 0; i < l->config->site.rules_n; i++) {
        const struct vg_rule *rule = &l->config->site.rules[i];
        const struct vg_node *when = vg_node_find(vg_node_find(rules, rule->name), "when");

        if (rule->rule == VG_RULE_FORECAST && rule->channel != VG_CHANNEL_NONE &&
            l->config->models_n == listed)
            check_forecast(l, rule, when);
        else if (rule->rule == VG_RULE_ANOMALY && rule->model[0])
            check_anomaly(l, rule, when);
    }
}
