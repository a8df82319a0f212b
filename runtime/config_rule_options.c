/* config_rule_options.c - the keys of alert rules and their conditions. */
#include <stddef.h>

#include "runtime/config_life.h"
#include "runtime/config_rule.h"

/* Of `when`, of a condition in a combination, and of `clear`; below, behind their keys. */
static const struct vg_shape when_shape, part_shape, parts_shape, clear_shape;

const struct vg_option vg_rule_options[] = {
    VG_OPT_STRING(struct vg_rule_keys, title, "title", NULL, 0, "What the alert says to people."),
    VG_OPT_ENUM(struct vg_rule_keys, priority, "priority", NULL, vg_priority_names, VG_OPT_REQUIRED,
                "How urgent it is: high, medium, low or none."),
    VG_OPT_DURATION(struct vg_rule_keys, for_ns, "for", "0", 0, 86400, 0,
                    "How long the condition must hold before the alert starts."),
    VG_OPT_DURATION(struct vg_rule_keys, keep_firing_for_ns, "keep_firing_for", "0", 0, 86400, 0,
                    "How long the alert goes on after the condition has ended."),
    VG_OPT_DURATION(struct vg_rule_keys, update_every_ns, "update_every", "30s", 1, 86400, 0,
                    "Least time between two updates."),
    VG_OPT_BOOL(struct vg_rule_keys, technical, "technical", NULL, 0,
                "Says that the alert is about devices and data, not about the patient."),
    VG_OPT_NODE("when", "mapping", &when_shape, VG_OPT_REQUIRED,
                "the condition, such as {channel: spo2, below: \"90 %\"}."),
    VG_OPT_NODE("clear", "mapping", &clear_shape, 0,
                "When the alert ends; without it, as soon as the condition no longer holds."),
    VG_OPT_END,
};

/* clang-format off */
#define SUBJECT(key, help) \
    VG_OPT_STRING(struct vg_when_keys, subject, key, NULL, VG_OPT_REQUIRED, help)
/* clang-format on */

static const char *const qualities[] = { "usable", "good", NULL };

static const struct vg_option when_limit[] = {
    SUBJECT("channel", "The channel whose value is compared."),
    VG_OPT_STRING(struct vg_when_keys, below, "below", NULL, 0, "The value is less than this."),
    VG_OPT_STRING(struct vg_when_keys, above, "above", NULL, 0, "The value is greater than this."),
    VG_OPT_INT(struct vg_when_keys, least, "at_least", NULL, 1, 32, "values", 0,
               "So many of the newest values must be beyond the limit; with of."),
    VG_OPT_INT(struct vg_when_keys, of, "of", NULL, 2, 32, "values", 0,
               "How many of the newest values are looked at; with at_least."),
    VG_OPT_ENUM(struct vg_when_keys, quality, "quality", "usable", qualities, 0,
                "Which values count: usable (good and suspect) or good. Rules of priority high see "
                "what is suspect."),
    VG_OPT_END,
};

static const struct vg_option when_forecast[] = {
    SUBJECT("forecast", "The channel whose forecast is compared."),
    VG_OPT_FLOAT(struct vg_when_keys, quantile, "quantile", NULL, 0.001, 0.999, "", 0,
                 "Which quantile of the forecast, 0.5 when left out; not with probability."),
    VG_OPT_STRING(struct vg_when_keys, probability, "probability", NULL, 0,
                  "How likely the limit must be passed, such as 80 %, instead of a quantile."),
    VG_OPT_STRING(struct vg_when_keys, below, "below", NULL, 0, "The forecast is less than this."),
    VG_OPT_STRING(struct vg_when_keys, above, "above", NULL, 0,
                  "The forecast is greater than this."),
    VG_OPT_DURATION(struct vg_when_keys, within_ns, "within", NULL, 1, 86400, VG_OPT_REQUIRED,
                    "How far ahead the forecast counts."),
    VG_OPT_END,
};

static const struct vg_option when_anomaly[] = {
    SUBJECT("anomaly", "The model whose score is compared."),
    VG_OPT_STRING(struct vg_when_keys, above, "above", NULL, VG_OPT_REQUIRED,
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
    VG_OPT_STRING(struct vg_when_keys, falls_by, "falls_by", NULL, 0,
                  "It falls by this at least over the window; with its unit."),
    VG_OPT_STRING(struct vg_when_keys, rises_by, "rises_by", NULL, 0,
                  "It rises by this at least over the window; with its unit."),
    VG_OPT_DURATION(struct vg_when_keys, within_ns, "over", NULL, 60, 86400, VG_OPT_REQUIRED,
                    "The window that the line is laid through."),
    VG_OPT_ENUM(struct vg_when_keys, confidence, "confidence", "95 %", confidences, 0,
                "How sure it must be that the line falls or rises at all."),
    VG_OPT_END,
};

static const struct vg_option when_rate[] = {
    SUBJECT("rate", "The channel that changes fast."),
    VG_OPT_STRING(struct vg_when_keys, falls_by, "falls_by", NULL, 0,
                  "The value is this much at least below one within the window; with its unit."),
    VG_OPT_STRING(struct vg_when_keys, rises_by, "rises_by", NULL, 0,
                  "The value is this much at least above one within the window; with its unit."),
    VG_OPT_DURATION(struct vg_when_keys, within_ns, "within", NULL, 8, 86400, VG_OPT_REQUIRED,
                    "The window that a change counts in."),
    VG_OPT_END,
};

static const struct vg_option when_baseline[] = {
    SUBJECT("baseline", "The channel that is far from where this patient usually is."),
    VG_OPT_STRING(struct vg_when_keys, below_by, "below_by", NULL, 0,
                  "It is this much at least below the usual: a quantity, or a share such as 30 % "
                  "where the channel's own unit is another."),
    VG_OPT_STRING(struct vg_when_keys, above_by, "above_by", NULL, 0,
                  "It is this much at least above the usual."),
    VG_OPT_DURATION(struct vg_when_keys, within_ns, "over", "4h", 3600, 30 * 86400.0, 0,
                    "Time constant of what is usual: values from longer ago count for less than a "
                    "third of what a new one does."),
    VG_OPT_END,
};

static const struct vg_option when_change[] = {
    SUBJECT("change", "The channel that holds a setting."),
    VG_OPT_STRING(struct vg_when_keys, by, "by", NULL, VG_OPT_REQUIRED,
                  "It is set to a value this much at least from the one before; with its unit."),
    VG_OPT_END,
};

static const struct vg_option when_stale[] = {
    SUBJECT("stale", "The channel without new values; any: the whole bed; source: all records of a "
                     "partition."),
    VG_OPT_DURATION(struct vg_when_keys, longer_than_ns, "longer_than", NULL, 1, 86400,
                    VG_OPT_REQUIRED, "How long there was nothing."),
    VG_OPT_END,
};

static const struct vg_option when_condition[] = {
    SUBJECT("condition", "The technical condition."),
    VG_OPT_STRING(struct vg_when_keys, channel, "channel", NULL, 0,
                  "Only on this channel; for conditions that each channel can have."),
    VG_OPT_END,
};

static const struct vg_option when_score[] = {
    SUBJECT("score", "The score, one of `scores`."),
    VG_OPT_INT(struct vg_when_keys, least, "at_least", NULL, 1, 200, "points", 0,
               "The total is this or more; of what is known, if not all is."),
    VG_OPT_INT(struct vg_when_keys, single, "single", NULL, 1, VG_SCORE_POINTS_MAX, "points", 0,
               "One parameter has this or more."),
    VG_OPT_STRING(struct vg_when_keys, level, "level", NULL, 0,
                  "A level of the score, in the place of both."),
    VG_OPT_END,
};

static const struct vg_option when_all[] = {
    VG_OPT_NODE("all", "list of two to eight conditions", &parts_shape, VG_OPT_REQUIRED,
                "All of them hold."),
    VG_OPT_END,
};

static const struct vg_option when_any[] = {
    VG_OPT_NODE("any", "list of two to eight conditions", &parts_shape, VG_OPT_REQUIRED,
                "One of them holds at least."),
    VG_OPT_END,
};

static const struct vg_option when_not[] = {
    VG_OPT_NODE("not", "mapping", &part_shape, VG_OPT_REQUIRED,
                "A condition that does not hold; inside all or any."),
    VG_OPT_END,
};

static const struct vg_option when_sequence[] = {
    VG_OPT_NODE("sequence", "list of two to eight conditions", &parts_shape, VG_OPT_REQUIRED,
                "They begin one after the other."),
    VG_OPT_DURATION(struct vg_when_keys, within_ns, "within", NULL, 1, 86400, VG_OPT_REQUIRED,
                    "Time from the beginning of the first condition to that of the last."),
    VG_OPT_END,
};

static const struct vg_option when_reference[] = {
    SUBJECT("rule", "A rule above this one, whose alert is open."),
    VG_OPT_END,
};

const struct vg_option vg_part_options[] = {
    VG_OPT_DURATION(struct vg_part_keys, for_ns, "for", "0", 0, 86400, 0,
                    "How long this condition must hold before it counts."),
    VG_OPT_DURATION(struct vg_part_keys, keep_firing_for_ns, "keep_firing_for", "0", 0, 86400, 0,
                    "How long it counts after it has ended."),
    VG_OPT_NODE("clear", "mapping", &clear_shape, 0, "When the condition is over, as for a rule."),
    VG_OPT_END,
};

const struct vg_option vg_clear_options[] = {
    VG_OPT_STRING(struct vg_clear_keys, below, "below", NULL, 0,
                  "The alert ends when the value is less than this."),
    VG_OPT_STRING(struct vg_clear_keys, above, "above", NULL, 0,
                  "The alert ends when the value is greater than this."),
    VG_OPT_DURATION(struct vg_clear_keys, for_ns, "for", "0", 0, 86400, 0,
                    "How long that must hold."),
    VG_OPT_END,
};

const struct vg_rule_kind_keys vg_rule_kinds[VG_RULE_KINDS] = {
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

const struct vg_rule_join_keys vg_rule_joins[VG_RULE_JOINS] = {
    [VG_JOIN_ALL] = { "all", when_all },
    [VG_JOIN_ANY] = { "any", when_any },
    [VG_JOIN_NOT] = { "not", when_not },
    [VG_JOIN_SEQUENCE] = { "sequence", when_sequence },
};

/* ---- shapes ---- */

/* Combinations first, and a technical condition before a limit, because it may have a "channel", too:
 * the first one whose key is there is meant. A reference is a part only. */
static const enum vg_rule_kind kinds_in_order[] = {
    VG_RULE_CONDITION, VG_RULE_LIMIT, VG_RULE_FORECAST,  VG_RULE_ANOMALY,
    VG_RULE_STALE,     VG_RULE_TREND, VG_RULE_RATE,      VG_RULE_BASELINE,
    VG_RULE_CHANGE,    VG_RULE_SCORE, VG_RULE_REFERENCE,
};

static bool condition(size_t i, bool part, struct vg_alternative *ret)
{
    const size_t joins = VG_RULE_JOINS - VG_JOIN_ALL;
    const size_t kinds = VG_ARRAY_LEN(kinds_in_order) - !part;

    *ret = (struct vg_alternative){ .table = { NULL, part ? vg_part_options : NULL } };
    if (i < joins) {
        ret->key = vg_rule_joins[VG_JOIN_ALL + i].key;
        ret->table[0] = vg_rule_joins[VG_JOIN_ALL + i].options;
    } else if (i < joins + kinds) {
        ret->key = vg_rule_kinds[kinds_in_order[i - joins]].key;
        ret->table[0] = vg_rule_kinds[kinds_in_order[i - joins]].options;
    }
    return ret->key != NULL;
}

static bool condition_of_rule(size_t i, struct vg_alternative *ret)
{
    return condition(i, false, ret);
}

static bool condition_of_combination(size_t i, struct vg_alternative *ret)
{
    return condition(i, true, ret);
}

static const struct vg_shape when_shape = { .kind = VG_SHAPE_ONE,
                                            .name = "when",
                                            .alternative = condition_of_rule };
static const struct vg_shape part_shape = { .kind = VG_SHAPE_ONE,
                                            .name = "condition",
                                            .alternative = condition_of_combination };
static const struct vg_shape parts_shape = { .kind = VG_SHAPE_LIST,
                                             .name = "conditions",
                                             .entry = &part_shape,
                                             .least = 2,
                                             .most = VG_PARTS_MAX };
static const struct vg_shape clear_shape = {
    .kind = VG_SHAPE_KEYS, .name = "clear", .empty_too = true, .table = { vg_clear_options }
};
static const struct vg_shape rule_shape = { .kind = VG_SHAPE_KEYS,
                                            .name = "alert_rule",
                                            .table = { vg_rule_options, vg_life_options } };
const struct vg_shape vg_shape_rules = { .kind = VG_SHAPE_NAMED,
                                         .name = "alert_rules",
                                         .empty_too = true,
                                         .entry = &rule_shape,
                                         .pattern = VG_NAME_PATTERN };

/* ---- for describe and the reference ---- */

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
      vg_rule_options },
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
    { "alert_rules", "alert_rules.RULE.when: all of several",
      "Conditions, each written as `when` is. They may be combinations themselves, three deep, or "
      "name an earlier rule: {rule: NAME}.",
      when_all },
    { "alert_rules", "alert_rules.RULE.when: any of several", "As all, and one is enough.",
      when_any },
    { "alert_rules", "alert_rules.RULE.when: what does not hold",
      "Beside what must hold, in a combination.", when_not },
    { "alert_rules", "alert_rules.RULE.when: a sequence",
      "Conditions that begin one after the other. Holds for as long as the last one does.",
      when_sequence },
    { "alert_rules", "alert_rules.RULE.when: a condition of a combination",
      "What it may say beside the keys of its kind; `clear` as for a rule.", vg_part_options },
    { "alert_rules", "alert_rules.RULE.when: silence", "A channel or a bed without values.",
      when_stale },
    { "alert_rules", "alert_rules.RULE.when: a condition",
      "One of the technical conditions listed below.", when_condition },
    { "alert_rules", "alert_rules.RULE.clear",
      "When the alert ends; without it, as soon as the condition no longer holds. `below` or "
      "`above` "
      "only where `when` compares a value, the other way round and on the safe side of its limit.",
      vg_clear_options },
    { .section = NULL },
};
