/* config_rules.c - reads the alert rules of a configuration.
 *
 * Limits carry a unit that fits their channel, and a rule that could never fire, or would end and
 * start again at once, is refused: such a mistake must show here and not at a bed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "runtime/config_life.h"
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
    char *subject;     /* channel, model or condition */
    char *channel;     /* CONDITION */
    char *probability; /* FORECAST */
    char *below, *above;
    char *falls_by, *rises_by; /* TREND, RATE */
    char *below_by, *above_by; /* BASELINE */
    char *by;                  /* CHANGE */
    float quantile;
    int64_t within_ns, longer_than_ns;
    int64_t least, of;
    int quality;    /* LIMIT */
    int64_t single; /* SCORE */
    char *level;    /* SCORE */
    int confidence;
};

/* clang-format off */
#define SUBJECT(key, help) \
    VG_OPT_STRING(struct when_options, subject, key, NULL, VG_OPT_REQUIRED, help)
/* clang-format on */

enum { QUALITY_USABLE, QUALITY_GOOD };
static const char *const qualities[] = { "usable", "good", NULL };

static const struct vg_option when_limit[] = {
    SUBJECT("channel", "The channel whose value is compared."),
    VG_OPT_STRING(struct when_options, below, "below", NULL, 0, "The value is less than this."),
    VG_OPT_STRING(struct when_options, above, "above", NULL, 0, "The value is greater than this."),
    VG_OPT_INT(struct when_options, least, "at_least", NULL, 1, 32, "values", 0,
               "So many of the newest values must be beyond the limit; with of."),
    VG_OPT_INT(struct when_options, of, "of", NULL, 2, 32, "values", 0,
               "How many of the newest values are looked at; with at_least."),
    VG_OPT_ENUM(struct when_options, quality, "quality", "usable", qualities, 0,
                "Which values count: usable (good and suspect) or good. Rules of priority high see "
                "what is suspect."),
    VG_OPT_END,
};

static const struct vg_option when_forecast[] = {
    SUBJECT("forecast", "The channel whose forecast is compared."),
    VG_OPT_FLOAT(struct when_options, quantile, "quantile", "0.5", 0.001, 0.999, "", 0,
                 "Which quantile of the forecast; not with probability."),
    VG_OPT_STRING(struct when_options, probability, "probability", NULL, 0,
                  "How likely the limit must be passed, such as 80 %, instead of a quantile."),
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
    SUBJECT("stale", "The channel without new values; any: the whole bed; source: all records of a "
                     "partition."),
    VG_OPT_DURATION(struct when_options, longer_than_ns, "longer_than", NULL, 1, 86400,
                    VG_OPT_REQUIRED, "How long there was nothing."),
    VG_OPT_END,
};

static const struct vg_option when_condition[] = {
    SUBJECT("condition", "The technical condition."),
    VG_OPT_STRING(struct when_options, channel, "channel", NULL, 0,
                  "Only on this channel; for conditions that each channel can have."),
    VG_OPT_END,
};

static const struct vg_option when_score[] = {
    SUBJECT("score", "The score, one of `scores`."),
    VG_OPT_INT(struct when_options, least, "at_least", NULL, 1, 200, "points", 0,
               "The total is this or more; of what is known, if not all is."),
    VG_OPT_INT(struct when_options, single, "single", NULL, 1, VG_SCORE_POINTS_MAX, "points", 0,
               "One parameter has this or more."),
    VG_OPT_STRING(struct when_options, level, "level", NULL, 0,
                  "A level of the score, in the place of both."),
    VG_OPT_END,
};

static const struct vg_option when_combination[] = { VG_OPT_END };

static const struct vg_option when_sequence[] = {
    VG_OPT_DURATION(struct when_options, within_ns, "within", NULL, 1, 86400, VG_OPT_REQUIRED,
                    "Time from the beginning of the first condition to that of the last."),
    VG_OPT_END,
};

static const struct vg_option when_reference[] = {
    SUBJECT("rule", "A rule above this one, whose alert is open."),
    VG_OPT_END,
};

/* Of a condition in a combination, beside what `when` has. */
struct part_options {
    int64_t for_ns, keep_firing_for_ns;
};

static const struct vg_option part_options[] = {
    VG_OPT_DURATION(struct part_options, for_ns, "for", "0", 0, 86400, 0,
                    "How long this condition must hold before it counts."),
    VG_OPT_DURATION(struct part_options, keep_firing_for_ns, "keep_firing_for", "0", 0, 86400, 0,
                    "How long it counts after it has ended."),
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
    [VG_RULE_SCORE] = { "score", when_score, VG_ALERT_PHYSIOLOGICAL },
    [VG_RULE_REFERENCE] = { "rule", when_reference, VG_ALERT_ADVISORY },
};

/* By enum vg_join: the keys whose value holds conditions. */
static const char *const joins[] = {
    [VG_JOIN_ALL] = "all",
    [VG_JOIN_ANY] = "any",
    [VG_JOIN_NOT] = "not",
    [VG_JOIN_SEQUENCE] = "sequence",
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
    { "profiles", "profiles.PROFILE.spo2_scale",
      "Another SpO2 scale for NEWS2 than 1, with the name of who prescribed it.",
      vg_profile_scale_options },
    { "profiles", "profiles.PROFILE.CHANNEL",
      "Limits of such a patient, for each channel that has some.", vg_profile_limit_options },
    { "wards", "wards.WARD",
      "A ward whose subscribers get heartbeats before its first row: 1 to 32 of a-z, 0-9 and "
      "\"-\". "
      "`beds` is a mapping of its beds.",
      vg_ward_options },
    { "wards", "wards.WARD.beds.BED",
      "A bed, by what follows WARD/ in its label. `profile: NAME` gives it a profile; without one "
      "it has the first.",
      vg_bed_options },
    { "wards", "wards.WARD.beds.BED.limits",
      "Limits of whoever lies in this bed, in the place of those of its profile, each side on its "
      "own; `limits.CHANNEL` is as in profiles. Limits that somebody gives a patient come first.",
      vg_bed_limits_options },
    { "scores", "scores.SCORE",
      "An early warning score that rules may ask for; what its file may say is in scores.md.",
      vg_scores_options },
    { "alert_rules", "alert_rules.RULE",
      "A rule. `when` (required) is one of the mappings below, told apart by its first key; "
      "`clear` "
      "says when the alert ends.",
      rule_options },
    { "alert_rules", "alert_rules.RULE: what becomes of its alerts",
      "More keys of a rule, all of them optional. What they do in time is in alert-lifecycle.md.",
      vg_life_options },
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
    { "alert_rules", "alert_rules.RULE.when: a score",
      "An early warning score: `at_least`, `single` or `level`. `clear: {below: N}` is in points.",
      when_score },
    { "alert_rules", "alert_rules.RULE.when: a combination",
      "`all` or `any`: a list of two to eight conditions, each written as `when` is; `not`: one "
      "condition. Conditions may be combinations themselves, three deep, or name an earlier rule: "
      "{rule: NAME}.",
      when_combination },
    { "alert_rules", "alert_rules.RULE.when: a sequence",
      "`sequence`: a list of conditions that begin one after the other. Holds for as long as the "
      "last one does.",
      when_sequence },
    { "alert_rules", "alert_rules.RULE.when: a condition of a combination",
      "What it may say beside the keys of its kind; `clear` as for a rule.", part_options },
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

/* What the mapping is called in messages: one in a list has no key. */
static const char *called(const struct vg_node *map)
{
    return map->key ? map->key : "this condition";
}

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

    if (!low && rule->bound.origin != VG_BOUND_PROFILE_HIGH)
        return;
    VG_CHECK(rule->channel != VG_CHANNEL_NONE);
    if (!vg_site_limits(site, rule->channel, !low))
        vg_document_error(
            l->doc, vg_node_find(when, rule->bound.above ? "above" : "below")->at,
            "no profile or bed has a %s limit of %s, so this rule can never fire; add one to "
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
        vg_document_error(l->doc, map->key_at, "\"%s\" must have \"below\" or \"above\"",
                          called(map));
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

/* Rules that come before: what refers to itself would never settle. */
static void read_reference(struct vg_load *l, const struct vg_node *at, const char *text,
                           struct vg_rule *rule)
{
    const struct vg_site *site = &l->config->site;
    const char **names = calloc(site->rules_n + 1, sizeof(*names));
    uint32_t n = 0;

    VG_CHECK(names);
    /* The last one is the rule that is being read. */
    for (; n + 1 < site->rules_n; n++) {
        names[n] = site->rules[n].name;
        if (strcmp(names[n], text) == 0)
            rule->kind = site->rules[n].kind;
    }
    if (!vg_site_rule(site, text) || strcmp(text, rule->name) == 0)
        vg_document_unknown(l->doc, at->at, "rule before this one", text, names, n);
    snprintf(rule->reference, sizeof(rule->reference), "%s", text);
    free(names);
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
        rule->source = strcmp(text, "source") == 0;
        if (!rule->source && strcmp(text, "any") != 0)
            rule->channel = vg_load_channel(l, at->at, "channel", text, "any");
        break;
    case VG_RULE_ANOMALY:
        /* Whether there is such a model shows once models are loaded: vg_load_check_rules(). */
        snprintf(rule->model, sizeof(rule->model), "%s", text);
        break;
    case VG_RULE_CONDITION:
        read_condition(l, at, text, rule);
        break;
    case VG_RULE_REFERENCE:
        read_reference(l, at, text, rule);
        break;
    case VG_RULE_SCORE: /* vg_load_score_rule() */
    case VG_RULE_COMBINATION:
        break;
    }
    return l->doc->count[VG_ERROR] == errors;
}

/* Whether `when` compares by `below` or `above`. */
static bool compares(const struct vg_rule *rule)
{
    return rule->rule == VG_RULE_LIMIT || rule->rule == VG_RULE_FORECAST ||
           rule->rule == VG_RULE_ANOMALY;
}

static void tell_kinds(struct vg_load *l, const struct vg_node *when, bool part)
{
    struct vg_buf words = { 0 };

    for (size_t k = 0; k < VG_ARRAY_LEN(kinds); k++) {
        if (kinds[k].key && (part || k != VG_RULE_REFERENCE))
            vg_buf_printf(&words, "%s, ", kinds[k].key);
    }
    for (size_t j = VG_JOIN_ALL; j < VG_ARRAY_LEN(joins); j++)
        vg_buf_printf(&words, "%s%s", j > VG_JOIN_ALL ? ", " : "", joins[j]);
    vg_document_error(l->doc, when->key_at, "\"%s\" must have one of: %s", called(when),
                      words.data);
    vg_buf_done(&words);
}

static bool is_kind(const struct vg_node *when, enum vg_rule_kind kind, struct vg_rule *rule)
{
    if (!kinds[kind].key || !vg_node_find(when, kinds[kind].key))
        return false;
    rule->rule = kind;
    rule->kind = kinds[kind].alert_kind;
    return true;
}

/* Which kind of rule `when` makes: the first of the kinds' keys that is there. A technical condition
 * may have a "channel", too. */
static bool read_kind(struct vg_load *l, const struct vg_node *when, bool part,
                      struct vg_rule *rule)
{
    for (size_t j = VG_JOIN_ALL; j < VG_ARRAY_LEN(joins); j++) {
        if (vg_node_find(when, joins[j])) {
            rule->rule = VG_RULE_COMBINATION;
            rule->join = (enum vg_join)j;
            return true;
        }
    }
    if (is_kind(when, VG_RULE_CONDITION, rule))
        return true;
    for (size_t k = 0; k < VG_ARRAY_LEN(kinds); k++) {
        if ((part || k != VG_RULE_REFERENCE) && is_kind(when, (enum vg_rule_kind)k, rule))
            return true;
    }
    tell_kinds(l, when, part);
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
        vg_document_error(l->doc, when->key_at, "\"%s\" must have %s \"%s\" and \"%s\"",
                          called(when), text ? "only one of" : "one of", keys[0], keys[1]);
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

static void read_probability(struct vg_load *l, const struct vg_node *when, struct vg_rule *rule,
                             const struct when_options *o)
{
    const struct vg_node *at = vg_node_find(when, "probability");

    if (rule->rule != VG_RULE_FORECAST || !o->probability)
        return;
    if (vg_node_find(when, "quantile"))
        vg_document_error(l->doc, at->at, "\"probability\" and \"quantile\" exclude each other");
    else if (read_share(l, at->at, o->probability, &rule->probability) &&
             !(rule->probability >= 0.01f && rule->probability <= 0.99f))
        vg_document_error(l->doc, at->at, "expected a probability of 1 %% to 99 %%");
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

static void read_parts(struct vg_load *l, const struct vg_node *when, struct vg_rule *rule,
                       uint32_t depth);

/* A condition that each channel can have, on one of them; in a combination it must be one. */
static void read_condition_channel(struct vg_load *l, const struct vg_node *when, bool part,
                                   const char *channel, struct vg_rule *rule)
{
    const struct vg_node *at = vg_node_find(when, "channel");
    bool by_channel = vg_condition_by_channel(rule->condition);

    if (channel && !by_channel)
        vg_document_error(l->doc, at->at, "condition %s is about no channel; remove \"channel\"",
                          vg_condition_name(rule->condition));
    else if (channel)
        rule->channel = vg_load_channel(l, at->at, "channel", channel, NULL);
    else if (part && by_channel)
        vg_document_error(l->doc, when->key_at,
                          "each channel can have the condition %s; add \"channel\"",
                          vg_condition_name(rule->condition));
}

static void read_plain(struct vg_load *l, const struct vg_node *when, bool part,
                       const struct when_options *o, struct vg_rule *rule)
{
    uint32_t errors = l->doc->count[VG_ERROR];

    if (o->subject)
        read_subject(l, vg_node_find(when, kinds[rule->rule].key), o->subject, rule);
    if (compares(rule) && l->doc->count[VG_ERROR] == errors &&
        read_bound(l, rule, when, o->below, o->above, &rule->bound))
        check_limited(l, rule, when);
    if (rule->rule == VG_RULE_CONDITION && l->doc->count[VG_ERROR] == errors)
        read_condition_channel(l, when, part, o->channel, rule);
    else if (part && rule->source)
        vg_document_error(l->doc, when->key_at,
                          "silence of the source is about no patient; give it a rule of its own");
    else if (rule->channel != VG_CHANNEL_NONE)
        read_change(l, when, rule, o);
    if (rule->rule == VG_RULE_SCORE && o->subject)
        vg_load_score_rule(l, when, o->subject,
                           &(struct vg_score_when){ o->least, o->single, o->level }, rule);
    read_count(l, when, rule, o);
    read_probability(l, when, rule, o);
    rule->good_only = rule->rule == VG_RULE_LIMIT && o->quality == QUALITY_GOOD;
    rule->confidence = (enum vg_confidence)o->confidence;
    rule->quantile = o->quantile;
    rule->longer_than_ns = o->longer_than_ns;
}

static const struct vg_option *options_of(const struct vg_rule *rule)
{
    if (rule->rule != VG_RULE_COMBINATION)
        return kinds[rule->rule].options;
    return rule->join == VG_JOIN_SEQUENCE ? when_sequence : when_combination;
}

/* `depth`: how many combinations this condition is in; `part`: what one in a combination may say
 * beside, else NULL. */
/* NOLINTNEXTLINE(misc-no-recursion): at most VG_NESTING_MAX deep */
static bool read_when(struct vg_load *l, const struct vg_node *when, struct vg_rule *rule,
                      uint32_t depth, struct part_options *part)
{
    const char *others[3] = { NULL };
    size_t n = 0;
    struct when_options o = { 0 };
    struct vg_target targets[2] = { { NULL, &o }, { part_options, part } };
    uint32_t errors = l->doc->count[VG_ERROR];

    if (!read_kind(l, when, part != NULL, rule))
        return false;
    if (rule->join)
        others[n++] = joins[rule->join];
    if (part)
        others[n++] = "clear";
    targets[0].table = options_of(rule);
    vg_options_default(targets[0].table, &o);
    vg_document_options(l->doc, when, targets, part ? 2 : 1, others);
    rule->within_ns = o.within_ns;
    if (rule->join)
        read_parts(l, when, rule, depth);
    else
        read_plain(l, when, part != NULL, &o, rule);
    vg_options_done(targets[0].table, &o);
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
    if ((o.below || o.above) && !compares(rule) && rule->rule != VG_RULE_SCORE) {
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

/* ---- combinations ---- */

/* A combination is about the patient when one of its conditions is, however it hangs together. */
static uint8_t kind_of_parts(const struct vg_rule *rule)
{
    uint8_t ret = VG_ALERT_TECHNICAL;

    for (uint32_t i = 0; i < rule->parts; i++) {
        if (rule->part[i].kind == VG_ALERT_PHYSIOLOGICAL)
            return VG_ALERT_PHYSIOLOGICAL;
        if (rule->part[i].kind == VG_ALERT_ADVISORY)
            ret = VG_ALERT_ADVISORY;
    }
    return ret;
}

/* Two limits that no value can pass both. */
static bool exclude(const struct vg_rule *a, const struct vg_rule *b)
{
    const struct vg_rule *low = a->bound.above ? b : a, *high = a->bound.above ? a : b;

    if (a->rule != VG_RULE_LIMIT || b->rule != VG_RULE_LIMIT || a->channel != b->channel ||
        a->least > 0 || b->least > 0 || a->keep_firing_for_ns > 0 || b->keep_firing_for_ns > 0 ||
        a->bound.above == b->bound.above || a->bound.origin != b->bound.origin)
        return false;
    return low->bound.value <= high->bound.value;
}

/* What can never hold, or holds for everybody who is well. */
static void check_parts(struct vg_load *l, const struct vg_node *list, struct vg_rule *rule)
{
    uint32_t negated = 0;

    rule->kind = kind_of_parts(rule);
    for (uint32_t i = 0; i < rule->parts; i++) {
        negated += rule->part[i].join == VG_JOIN_NOT;
        for (uint32_t k = 0; k < i && rule->join == VG_JOIN_ALL; k++) {
            if (exclude(&rule->part[k], &rule->part[i]))
                vg_document_error(l->doc, list->at,
                                  "these conditions can never hold together: no %s is both above "
                                  "%g and below %g",
                                  vg_channels[rule->part[i].channel].name,
                                  (double)(rule->part[i].bound.above ? rule->part[i].bound.value
                                                                     : rule->part[k].bound.value),
                                  (double)(rule->part[i].bound.above ? rule->part[k].bound.value
                                                                     : rule->part[i].bound.value));
        }
    }
    if (rule->join != VG_JOIN_NOT && negated == rule->parts)
        vg_document_error(l->doc, list->at,
                          "at least one condition must hold and not only be absent");
}

/* NOLINTNEXTLINE(misc-no-recursion): at most VG_NESTING_MAX deep */
static void read_part(struct vg_load *l, const struct vg_node *node, struct vg_rule *part,
                      uint32_t depth)
{
    struct part_options o = { 0 };
    const struct vg_node *clear;

    if (!vg_document_is_mapping(l->doc, node))
        return;
    vg_options_default(part_options, &o);
    clear = vg_document_mapping(l->doc, node, "clear");
    if (read_when(l, node, part, depth + 1, &o) && clear)
        read_clear(l, clear, part);
    part->for_ns = o.for_ns;
    part->keep_firing_for_ns = o.keep_firing_for_ns;
    vg_options_done(part_options, &o);
}

/* The conditions of a combination: those of the list, or the one behind `not`. */
/* NOLINTNEXTLINE(misc-no-recursion): at most VG_NESTING_MAX deep */
static void read_parts(struct vg_load *l, const struct vg_node *when, struct vg_rule *rule,
                       uint32_t depth)
{
    const struct vg_node *list = vg_node_find(when, joins[rule->join]);
    bool one = rule->join == VG_JOIN_NOT;
    uint32_t errors = l->doc->count[VG_ERROR];

    if (depth >= VG_NESTING_MAX) {
        vg_document_error(l->doc, list->key_at,
                          "combinations nest at most %d deep; give an inner "
                          "one a rule of its own and name it: {rule: NAME}",
                          VG_NESTING_MAX);
        return;
    }
    if (!one &&
        (list->kind != VG_NODE_SEQUENCE || list->children < 2 || list->children > VG_PARTS_MAX)) {
        vg_document_error(l->doc, list->at, "expected a list of 2 to %d conditions", VG_PARTS_MAX);
        return;
    }
    rule->part = calloc(one ? 1 : list->children, sizeof(*rule->part));
    VG_CHECK(rule->part);
    for (const struct vg_node *c = one ? list : list->child; c; c = one ? NULL : c->next) {
        struct vg_rule *part = &rule->part[rule->parts++];

        *part = (struct vg_rule){ .channel = VG_CHANNEL_NONE, .priority = VG_PRIORITY_NONE };
        snprintf(part->name, sizeof(part->name), "%s", rule->name);
        read_part(l, c, part, depth);
    }
    if (l->doc->count[VG_ERROR] == errors)
        check_parts(l, list, rule);
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

/* What is doubted may be true: somebody must come all the same. */
static void check_sees_suspect(struct vg_load *l, const struct vg_node *when,
                               const struct vg_rule *rule)
{
    const struct vg_node *at = vg_node_find(when, "quality");

    if (at && rule->good_only && rule->priority == VG_PRIORITY_HIGH)
        vg_document_error(l->doc, at->at,
                          "a rule of priority high sees what is suspect, because an emergency can "
                          "look like a disturbance; remove \"quality\"");
}

static void load_rule(struct vg_load *l, const struct vg_node *node)
{
    static const char *const own_keys[] = { "when", "clear", NULL };
    struct vg_site *site = &l->config->site;
    struct vg_rule *rule = &site->rules[site->rules_n];
    struct rule_options o = { 0 };
    struct vg_life_options life = { 0 };
    const struct vg_target targets[] = { { rule_options, &o }, { vg_life_options, &life } };
    const struct vg_node *when, *clear;
    bool known = false;

    if (!vg_load_is_name(l, node) || !vg_document_is_mapping(l->doc, node))
        return;
    /* Counted even if the rest is wrong, so that stages which list it are not told it is unknown. */
    site->rules_n++;
    snprintf(rule->name, sizeof(rule->name), "%s", node->key);
    rule->channel = VG_CHANNEL_NONE;
    vg_options_default(rule_options, &o);
    vg_options_default(vg_life_options, &life);
    vg_document_options(l->doc, node, targets, VG_ARRAY_LEN(targets), own_keys);
    when = vg_document_mapping(l->doc, node, "when");
    clear = vg_document_mapping(l->doc, node, "clear");
    if (!vg_node_find(node, "when"))
        vg_document_error(l->doc, node->key_at,
                          "\"when\" is missing: the condition, such as {channel: spo2, below: \"90 "
                          "%%\"}");
    if (when && read_when(l, when, rule, 0, NULL)) {
        if (rule->join == VG_JOIN_NOT)
            vg_document_error(l->doc, when->at,
                              "\"not\" alone holds for everybody who is well; put it into \"all\" "
                              "beside what must hold");
        if (clear)
            read_clear(l, clear, rule);
        check_technical(l, node, o.technical, rule);
        set_title(l, node, o.title, rule);
        known = true;
    }
    rule->priority = (uint8_t)o.priority;
    if (known && vg_node_find(node, "priority"))
        vg_load_life(l, node, &life, rule);
    rule->for_ns = o.for_ns;
    rule->keep_firing_for_ns = o.keep_firing_for_ns;
    rule->update_every_ns = o.update_every_ns;
    if (known)
        vg_load_check_score(l, node, rule);
    if (known && when)
        check_sees_suspect(l, when, rule);
    vg_options_done(rule_options, &o);
    vg_options_done(vg_life_options, &life);
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
    vg_load_inhibitions(l);
}

bool vg_load_bound(struct vg_load *l, const struct vg_rule *rule, const struct vg_node *map,
                   const char *below, const char *above, struct vg_bound *ret)
{
    return read_bound(l, rule, map, below, above, ret);
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
    const float wanted = rule->probability > 0 ? 0.5f : rule->quantile;
    bool quantile = false, horizon = false;

    for (uint32_t q = 0; q < model->quantiles; q++)
        quantile |= model->quantile[q] == wanted;
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

/* NOLINTNEXTLINE(misc-no-recursion): at most VG_NESTING_MAX deep */
static void check_models(struct vg_load *l, const struct vg_rule *rule, const struct vg_node *when,
                         bool all_loaded)
{
    const struct vg_node *list = rule->join ? vg_node_find(when, joins[rule->join]) : NULL;
    const struct vg_node *part = rule->join == VG_JOIN_NOT ? list : list ? list->child : NULL;

    if (rule->rule == VG_RULE_FORECAST && rule->channel != VG_CHANNEL_NONE && all_loaded)
        check_forecast(l, rule, when);
    else if (rule->rule == VG_RULE_ANOMALY && rule->model[0])
        check_anomaly(l, rule, when);
    for (uint32_t i = 0; i < rule->parts && part; i++, part = part->next)
        check_models(l, &rule->part[i], part, all_loaded);
}

void vg_load_check_rules(struct vg_load *l)
{
    const struct vg_node *rules = vg_node_find(l->doc->root, "alert_rules");
    const struct vg_node *models = vg_node_find(l->doc->root, "models");
    uint32_t listed = models ? models->children : 0;

    for (uint32_t i = 0; i < l->config->site.rules_n; i++) {
        const struct vg_rule *rule = &l->config->site.rules[i];

        check_models(l, rule, vg_node_find(vg_node_find(rules, rule->name), "when"),
                     l->config->models_n == listed);
    }
}
