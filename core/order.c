/* order.c - what people tell the pipeline, checked as far as that needs no patient. */
#include "core/order.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

_Static_assert(sizeof(struct vg_order) == 504,
               "recorded as it is: no padding, no change of layout");

static const struct {
    const char *name;
    uint32_t says;
    int64_t longest_s;
} orders[] = {
#define ORDER(id, name, says, longest_s) [VG_ORDER_KIND_##id] = { name, says, longest_s },
    VG_ORDERS(ORDER)
#undef ORDER
};

static const struct {
    const char *code, *message;
} answers[] = {
#define ANSWER(id, code, message) [VG_ANSWER_##id] = { code, message },
    VG_ANSWERS(ANSWER)
#undef ANSWER
};

const char *vg_order_name(enum vg_order_kind kind)
{
    VG_CHECK(kind < VG_ORDER_KIND_COUNT);
    return orders[kind].name;
}

uint32_t vg_order_says(enum vg_order_kind kind)
{
    VG_CHECK(kind < VG_ORDER_KIND_COUNT);
    return orders[kind].says;
}

enum vg_order_kind vg_order_find(const char *name)
{
    int kind = 0;

    while (kind < VG_ORDER_KIND_COUNT && strcmp(orders[kind].name, name) != 0)
        kind++;
    return (enum vg_order_kind)kind;
}

const char *vg_answer_code(enum vg_answer answer)
{
    VG_CHECK(answer < VG_ANSWER_COUNT);
    return answers[answer].code;
}

const char *vg_answer_message(enum vg_answer answer)
{
    VG_CHECK(answer < VG_ANSWER_COUNT);
    return answers[answer].message;
}

void vg_answered_set(struct vg_answered *ret, enum vg_answer answer)
{
    snprintf(ret->code, sizeof(ret->code), "%s", vg_answer_code(answer));
    snprintf(ret->message, sizeof(ret->message), "%s", vg_answer_message(answer));
}

static vg_status check_time(const struct vg_order *o, struct vg_err *err)
{
    uint32_t says = orders[o->kind].says;
    int64_t longest_s = orders[o->kind].longest_s;
    bool may = says & (VG_ORDER_EXPIRES | VG_ORDER_MAY_EXPIRE) && !o->clear;
    bool must = says & VG_ORDER_EXPIRES && !o->clear;

    if (o->for_ns != 0 && !may)
        return vg_fail_option(err, VG_E_RANGE, "for_s", "this command does not expire");
    if (must || o->for_ns != 0) {
        if (o->for_ns < VG_NS_PER_S || o->for_ns > longest_s * VG_NS_PER_S)
            return vg_fail_option(err, VG_E_RANGE, "for_s",
                                  "expected how long it holds, from 1 to %lld s",
                                  (long long)longest_s);
    }
    return VG_OK;
}

static bool plausible(int channel, float value)
{
    return isfinite(value) && value >= vg_channels[channel].low &&
           value <= vg_channels[channel].high;
}

static bool judge_side(const struct vg_order *o, const char *side, float value, struct vg_err *err)
{
    const struct vg_channel *c = &vg_channels[o->channel];

    if (plausible(o->channel, value))
        return true;
    (void)vg_fail_option(err, VG_E_RANGE, side, "expected a limit from %g to %g%s%s",
                         (double)c->low, (double)c->high, c->unit[0] ? " " : "", c->unit);
    return false;
}

enum vg_answer vg_order_judge_limits(const struct vg_order *o, struct vg_err *err)
{
    if ((o->low_set && !judge_side(o, "low", o->low, err)) ||
        (o->high_set && !judge_side(o, "high", o->high, err)))
        return VG_ANSWER_LIMIT_RANGE;
    if (!o->low_set || !o->high_set || o->low < o->high)
        return VG_ANSWER_OK;
    (void)vg_fail_option(err, VG_E_RANGE, "low", "the low limit must lie below the high one");
    return VG_ANSWER_LIMITS_SWAPPED;
}

static vg_status check_limits(const struct vg_order *o, struct vg_err *err)
{
    if (o->kind != VG_ORDER_KIND_LIMIT || o->clear) {
        if (o->low_set || o->high_set)
            return vg_fail_option(err, VG_E_RANGE, o->low_set ? "low" : "high",
                                  "this command sets no limit");
        return VG_OK;
    }
    if (!o->low_set && !o->high_set)
        return vg_fail_option(err, VG_E_RANGE, "low", "expected \"low\", \"high\" or both");
    if (!isfinite(o->low) || !isfinite(o->high))
        return vg_fail_option(err, VG_E_RANGE, isfinite(o->low) ? "high" : "low",
                              "expected a number");
    return VG_OK;
}

static vg_status check_value(const struct vg_order *o, struct vg_err *err)
{
    const struct vg_channel *c;
    bool wanted = orders[o->kind].says & VG_ORDER_VALUE && !o->clear;
    int words;

    if (o->value_set && !wanted)
        return vg_fail_option(err, VG_E_RANGE, "value", "this command says no value");
    if (!(orders[o->kind].says & VG_ORDER_VALUE))
        return VG_OK;
    c = &vg_channels[o->channel];
    if (o->channel < VG_MEASURED)
        return vg_fail_option(err, VG_E_RANGE, "channel", "%s is measured, not noted", c->name);
    if (!wanted)
        return VG_OK;
    if (!o->value_set)
        return vg_fail_option(err, VG_E_RANGE, "value", "expected what was noted");
    words = vg_channel_words(o->channel);
    if (words > 0 ? vg_channel_word_text(o->channel, o->value)[0] == '\0'
                  : !plausible(o->channel, o->value))
        return vg_fail_option(err, VG_E_RANGE, "value",
                              words > 0 ? "expected one of the channel's words"
                                        : "expected a value from %g to %g%s%s",
                              (double)c->low, (double)c->high, c->unit[0] ? " " : "", c->unit);
    return VG_OK;
}

vg_status vg_order_check(const struct vg_order *o, struct vg_err *err)
{
    uint32_t says = orders[o->kind].says;
    vg_status st;

    if (o->by[0] == '\0')
        return vg_fail_option(err, VG_E_RANGE, "by", "expected who gives the command");
    if (o->clear && !(says & VG_ORDER_MAY_BE_CLEARED))
        return vg_fail_option(err, VG_E_RANGE, "clear", "this command cannot be taken back");
    if (says & VG_ORDER_RULE && o->rule[0] == '\0')
        return vg_fail_option(err, VG_E_RANGE, "rule", "expected the name of a rule");
    if (says & VG_ORDER_CHANNEL && (o->channel < 0 || o->channel >= VG_CHANNELS))
        return vg_fail_option(err, VG_E_RANGE, "channel", "expected the name of a channel");
    if (says & VG_ORDER_REASON && !o->clear && o->note[0] == '\0')
        return vg_fail_option(err, VG_E_RANGE, "note", "expected the reason");
    st = check_time(o, err);
    if (st == VG_OK)
        st = check_limits(o, err);
    return st == VG_OK ? check_value(o, err) : st;
}
