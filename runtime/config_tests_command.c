/* config_tests_command.c - what somebody does in a test: any order of core/order.h.
 *
 * The key that names the order says what it is about: the rule whose open alerts are meant, the channel,
 * or the patient. What an order must and may say beside is checked by the rules of the orders themselves.
 * `note` is both an order and what people say about another one: it is the order where no other is.
 */
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "runtime/config_private.h"

struct command_options {
    int64_t at_ns, for_ns;
    char *patient, *by, *note, *low, *high, *value, *answer;
    bool clear;
};

const struct vg_option vg_test_command_options[] = {
    VG_OPT_DURATION(struct command_options, at_ns, "at", NULL, 0, VG_TEST_SECONDS_MAX,
                    VG_OPT_REQUIRED, "When, behind the rows of the same time."),
    VG_OPT_DURATION(struct command_options, for_ns, "for", "0", 0, 7 * 86400, 0,
                    "For how long it holds, where the order has an end."),
    VG_OPT_STRING(struct command_options, patient, "patient", NULL, 0,
                  "The patient of a limit, a mute or a probe; of alerts, only those of this "
                  "patient. Without it, the test's, and alerts of all."),
    VG_OPT_STRING(struct command_options, by, "by", "test", 0, "Who gives the order."),
    VG_OPT_STRING(
        struct command_options, note, "note", "", 0,
        "What they say about it; mute and limit need a reason. Alone it is a command: the "
        "channel that they note a value of."),
    VG_OPT_STRING(struct command_options, low, "low", NULL, 0, "The low limit that is set."),
    VG_OPT_STRING(struct command_options, high, "high", NULL, 0, "The high limit that is set."),
    VG_OPT_STRING(struct command_options, value, "value", NULL, 0,
                  "(note) What they have seen: a word of the channel or a number."),
    VG_OPT_BOOL(struct command_options, clear, "clear", "false", 0,
                "Takes back the mute, limit or noted value of before."),
    VG_OPT_STRING(struct command_options, answer, "answer", "ok", 0,
                  "What is answered: ok, or a code of alert1.md, such as not_allowed."),
    VG_OPT_END,
};

static const char *const orders[] = {
#define ORDER(id, name, says, longest_s) name,
    VG_ORDERS(ORDER)
#undef ORDER
        NULL,
};

const struct vg_shape vg_shape_test_command = { .kind = VG_SHAPE_KEYS,
                                                .name = "test_command",
                                                .table = { vg_test_command_options },
                                                .anything = orders };

/* ---- names ---- */

/* The names of all orders that are no option as well; the last entry is NULL. */
static void order_names(const char *names[VG_ORDER_KIND_COUNT])
{
    size_t n = 0;

    for (int k = 0; k < VG_ORDER_KIND_COUNT; k++) {
        if (k != VG_ORDER_KIND_NOTE)
            names[n++] = vg_order_name((enum vg_order_kind)k);
    }
    names[n] = NULL;
}

/* The one key of the mapping that names an order, or NULL after noting the problem. One that was
 * mistyped is noted already: then there are more than `errors`. */
static const struct vg_node *find_order(struct vg_load *l, const struct vg_node *map,
                                        uint32_t errors, enum vg_order_kind *ret)
{
    const struct vg_node *found = NULL;

    for (const struct vg_node *c = map->child; c; c = c->next) {
        enum vg_order_kind kind = vg_order_find(c->key);

        if (kind == VG_ORDER_KIND_COUNT || (kind == VG_ORDER_KIND_NOTE && found))
            continue;
        if (found && *ret != VG_ORDER_KIND_NOTE) {
            vg_document_error(l->doc, c->key_at,
                              "\"%s\" and \"%s\" are two commands; give each an "
                              "entry of its own",
                              found->key, c->key);
            return NULL;
        }
        found = c;
        *ret = kind;
    }
    if (!found && l->doc->count[VG_ERROR] == errors)
        vg_document_error(l->doc, map->at,
                          "the command is missing, such as {at: 15s, acknowledge: RULE}");
    return found;
}

static void check_answer(struct vg_load *l, const struct vg_node *map, const char *answer)
{
    const char *names[VG_ANSWER_COUNT];
    size_t n = 1;

    names[0] = "ok";
    for (int i = VG_ANSWER_OK + 1; i < VG_ANSWER_COUNT; i++) {
        names[n] = vg_answer_code((enum vg_answer)i);
        n += strcmp(names[n], names[n - 1]) != 0; /* several reasons for one code stand together */
    }
    for (size_t i = 0; i < n; i++) {
        if (strcmp(names[i], answer) == 0)
            return;
    }
    vg_document_unknown(l->doc, vg_node_find(map, "answer")->at, "answer", answer, names, n);
}

/* ---- what it is about ---- */

static void read_channel(struct vg_load *l, const struct vg_node *node, struct vg_order *order)
{
    const char *names[VG_CHANNELS];

    for (int c = 0; c < VG_CHANNELS; c++)
        names[c] = vg_channels[c].name;
    order->channel = vg_channel_find(node->text);
    if (order->channel == VG_CHANNEL_NONE)
        vg_document_unknown(l->doc, node->at, "channel", node->text, names, VG_CHANNELS);
}

static void read_subject(struct vg_load *l, const struct vg_node *node, struct vg_test_command *c)
{
    uint32_t says = vg_order_says((enum vg_order_kind)c->order.kind);

    if (says & (VG_ORDER_EPISODE | VG_ORDER_RULE)) {
        vg_load_test_rule(l, node, c->rule);
        if (says & VG_ORDER_RULE)
            memcpy(c->order.rule, c->rule, sizeof(c->order.rule));
    } else if (node->kind != VG_NODE_SCALAR || vg_node_empty(node)) {
        vg_document_error(l->doc, node->at, "expected a %s, not %s",
                          says & VG_ORDER_CHANNEL ? "channel" : "patient", vg_node_what(node));
    } else if (says & VG_ORDER_CHANNEL) {
        read_channel(l, node, &c->order);
    } else if (strlen(node->text) >= sizeof(c->patient)) {
        vg_document_error(l->doc, node->at, "expected the pseudonym of a patient");
    } else {
        snprintf(c->patient, sizeof(c->patient), "%s", node->text);
    }
}

static void read_limit(struct vg_load *l, const struct vg_node *map, const char *key,
                       const struct vg_order *order, uint8_t *set, float *ret)
{
    const struct vg_node *node = vg_node_find(map, key);

    if (!node || order->channel == VG_CHANNEL_NONE)
        return;
    *set = 1;
    *ret = vg_load_test_value(l, node, order->channel).value;
}

/* ---- the whole ---- */

/* What the order itself finds wrong, at the key that it means. A limit that nobody can have is right
 * where the test expects that it is refused. */
static void check_order(struct vg_load *l, const struct vg_node *map, const struct vg_node *at,
                        const struct vg_test_command *c)
{
    const struct vg_node *option;
    struct vg_err err;

    if (vg_order_check(&c->order, &err) == VG_OK &&
        (c->answer[0] || vg_order_judge_limits(&c->order, &err) == VG_ANSWER_OK))
        return;
    option = vg_node_find(map, strcmp(err.option, "for_s") == 0 ? "for" : err.option);
    vg_document_error(l->doc, option ? option->at : at->key_at, "%s: %s", at->key, err.msg);
}

static void read_noted(struct vg_load *l, const struct vg_node *map, struct vg_order *order)
{
    const struct vg_node *node = vg_node_find(map, "value");
    struct vg_test_value value;

    if (!node || order->channel == VG_CHANNEL_NONE)
        return;
    value = vg_load_test_value(l, node, order->channel);
    if (value.quality != VG_Q_GOOD)
        vg_document_error(l->doc, node->at, "expected a value; `clear: true` takes one back");
    order->value_set = 1;
    order->value = value.value;
}

static void set_order(struct vg_load *l, const struct vg_node *map, const struct command_options *o,
                      struct vg_order *order)
{
    vg_load_test_label(l, map, "by", o->by, sizeof(order->by), order->by);
    if (order->kind != VG_ORDER_KIND_NOTE)
        vg_load_test_label(l, map, "note", o->note, sizeof(order->note), order->note);
    read_noted(l, map, order);
    read_limit(l, map, "low", order, &order->low_set, &order->low);
    read_limit(l, map, "high", order, &order->high_set, &order->high);
    order->clear = o->clear;
    order->for_ns = o->for_ns;
}

void vg_load_test_command(struct vg_load *l, const struct vg_node *map, const char *patient,
                          struct vg_test_command *ret)
{
    const char *names[VG_ORDER_KIND_COUNT];
    struct command_options o = { 0 };
    const struct vg_target target = { vg_test_command_options, &o };
    uint32_t errors = l->doc->count[VG_ERROR];
    enum vg_order_kind kind = VG_ORDER_KIND_COUNT;
    const struct vg_node *order;

    if (!vg_document_is_mapping(l->doc, map))
        return;
    order_names(names);
    ret->line = map->at.line;
    ret->order.channel = VG_CHANNEL_NONE;
    vg_options_default(vg_test_command_options, &o);
    vg_document_options(l->doc, map, &target, 1, names);
    order = find_order(l, map, errors, &kind);
    ret->at_ns = o.at_ns;
    if (order) {
        ret->order.kind = (uint8_t)kind;
        if (o.patient || !(vg_order_says(kind) & VG_ORDER_EPISODE))
            vg_load_test_label(l, map, "patient", o.patient ? o.patient : patient,
                               sizeof(ret->patient), ret->patient);
        read_subject(l, order, ret);
        set_order(l, map, &o, &ret->order);
        check_answer(l, map, o.answer);
        snprintf(ret->answer, sizeof(ret->answer), "%s", strcmp(o.answer, "ok") ? o.answer : "");
        if (l->doc->count[VG_ERROR] == errors)
            check_order(l, map, order, ret);
    }
    vg_options_done(vg_test_command_options, &o);
}
