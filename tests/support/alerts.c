/* alerts.c - an alert stage with rules made in memory; see alerts.h. */
#include "tests/support/alerts.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"

extern const struct vg_stage_ops vg_stage_alert;

int64_t alerts_ns(double s)
{
    return (int64_t)(s * (double)VG_NS_PER_S);
}

static void profile_init(struct vg_profile *p, const char *name, float spo2_low)
{
    snprintf(p->name, sizeof(p->name), "%s", name);
    p->limits.low_set = 1U << VG_CHANNEL_spo2 | 1U << VG_CHANNEL_hr;
    p->limits.high_set = 1U << VG_CHANNEL_hr;
    p->limits.low[VG_CHANNEL_spo2] = spo2_low;
    p->limits.low[VG_CHANNEL_hr] = 50;
    p->limits.high[VG_CHANNEL_hr] = 130;
}

void alerts_init(struct alerts *a)
{
    memset(a, 0, sizeof(*a));
    profile_init(&a->profile[0], "adult", 90);
    profile_init(&a->profile[1], "copd", 85);
    snprintf(a->bed[0].bed, sizeof(a->bed[0].bed), "icu-a/01");
    snprintf(a->bed[1].bed, sizeof(a->bed[1].bed), "icu-a/02");
    a->bed[1].profile = 1;
    a->site = (struct vg_site){
        .profiles = a->profile,
        .profiles_n = VG_ARRAY_LEN(a->profile),
        .beds = a->bed,
        .beds_n = VG_ARRAY_LEN(a->bed),
        .rules = a->rule,
    };
    a->c = capture_new(&vg_stage_alert);
    a->c->plan.site = &a->site;
}

void alerts_done(struct alerts *a)
{
    capture_free(a->c);
    vg_buf_done(&a->brief);
}

struct vg_rule *alerts_rule(struct alerts *a, const char *name, enum vg_rule_kind kind, int channel)
{
    struct vg_rule *rule;

    cr_assert_lt(a->site.rules_n, ALERTS_RULES);
    rule = &a->rule[a->site.rules_n++];
    rule->rule = kind;
    rule->channel = channel;
    rule->priority = VG_PRIORITY_MEDIUM;
    rule->update_every_ns = alerts_ns(30);
    rule->kind = VG_ALERT_TECHNICAL;
    if (kind == VG_RULE_LIMIT)
        rule->kind = VG_ALERT_PHYSIOLOGICAL;
    if (kind == VG_RULE_FORECAST || kind == VG_RULE_ANOMALY)
        rule->kind = VG_ALERT_ADVISORY;
    snprintf(rule->name, sizeof(rule->name), "%s", name);
    snprintf(rule->title, sizeof(rule->title), "Title of %s", name);
    return rule;
}

struct vg_rule *alerts_spo2_low(struct alerts *a)
{
    struct vg_rule *rule = alerts_rule(a, "spo2_low", VG_RULE_LIMIT, VG_CHANNEL_spo2);

    rule->bound = (struct vg_bound){ .origin = VG_BOUND_PROFILE_LOW };
    rule->clear = (struct vg_bound){ .origin = VG_BOUND_PROFILE_LOW, .above = true, .value = 2 };
    rule->for_ns = alerts_ns(10);
    rule->clear_for_ns = alerts_ns(15);
    rule->keep_firing_for_ns = alerts_ns(20);
    return rule;
}

void alerts_start(struct alerts *a)
{
    capture_start(a->c);
}

void alerts_value(struct alerts *a, double s, int channel, float value)
{
    struct capture_row r = capture_row("p-1", alerts_ns(s));

    capture_value(&r, channel, value);
    capture_send(a->c, &r);
}

void alerts_values(struct alerts *a, double s, uint32_t n, int channel, float value)
{
    for (uint32_t i = 0; i < n; i++)
        alerts_value(a, s + i, channel, value);
}

void alerts_quality(struct alerts *a, double s, int channel, enum vg_quality quality,
                    enum vg_reason reason)
{
    struct capture_row r = capture_row("p-1", alerts_ns(s));

    capture_quality(&r, channel, quality, reason);
    capture_send(a->c, &r);
}

struct order_item {
    struct vg_item_command command;
    struct vg_order order;
};

enum vg_answer alerts_order(struct alerts *a, double s, struct vg_order order)
{
    struct order_item item = {
        .command = { .kind = VG_COMMAND_ORDER, .ordinal = a->orders++, .size = sizeof(order) }
    };
    struct capture_row r = capture_row("p-1", alerts_ns(s));

    memcpy(order.episode_id, a->c->episode_id, sizeof(order.episode_id));
    snprintf(order.by, sizeof(order.by), "nurse-7");
    order.given_ns = alerts_ns(s);
    item.order = order;
    cr_assert_eq(offsetof(struct order_item, order), sizeof(item.command));
    r.kind = VG_ROW_COMMAND;
    r.command = &item.command;
    a->c->answer = VG_ANSWER_COUNT;
    capture_send(a->c, &r);
    return a->c->answer;
}

void alerts_restart(struct alerts *a)
{
    struct capture *before = a->c;

    a->c = capture_new(before->stage);
    a->c->plan.site = &a->site;
    capture_start(a->c);
    capture_restore(a->c, before);
    memcpy(a->c->episode_id, before->episode_id, sizeof(a->c->episode_id));
    capture_clear(before);
    capture_free(before);
}

void alerts_clock(struct alerts *a, double s)
{
    capture_clock(a->c, alerts_ns(s));
}

/* The text of a member of one line of JSON, without quotes; "" when it is not there. */
static void member(const char *line, size_t n, const char *name, char *value, size_t size)
{
    char key[64];
    const char *at;

    snprintf(key, sizeof(key), "\"%s\":\"", name);
    value[0] = '\0';
    at = memmem(line, n, key, strlen(key));
    if (at)
        snprintf(value, size, "%.*s", (int)strcspn(at + strlen(key), "\""), at + strlen(key));
}

static void add_brief(struct vg_buf *b, const char *line, size_t n)
{
    char time[32], phase[32], rule[64], reason[64];
    int64_t ns = 0;

    member(line, n, "time", time, sizeof(time));
    member(line, n, "phase", phase, sizeof(phase));
    member(line, n, "rule", rule, sizeof(rule));
    member(line, n, "reason", reason, sizeof(reason));
    cr_assert(vg_parse_time(time, strlen(time), &ns), "no time in %.*s", (int)n, line);
    vg_buf_printf(b, "%g %s %s%s%s\n", (double)ns / (double)VG_NS_PER_S, phase, rule,
                  reason[0] ? " " : "", reason);
}

const char *alerts_brief(struct alerts *a)
{
    const char *line = capture_text(a->c);

    vg_buf_clear(&a->brief);
    vg_buf_str(&a->brief, "");
    while (*line) {
        size_t n = strcspn(line, "\n");

        add_brief(&a->brief, line, n);
        line += n + 1;
    }
    return a->brief.data ? a->brief.data : "";
}
