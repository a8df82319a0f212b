/* zeromq_command.c - the commands of ALERT/1, parsed and checked.
 *
 * What is wrong is told by the member's name; what the client sent is never repeated, as it may name
 * a patient.
 */
#include "sinks/zeromq_command.h"

#include <stdio.h>
#include <string.h>

#include "core/event.h"

static vg_status malformed(struct vg_err *err, const char *member, const char *expected)
{
    return vg_fail_option(err, VG_E_RANGE, "malformed", "\"%s\": expected %s", member, expected);
}

static vg_status read_text(const json_t *value, const char *member, char *out, size_t size,
                           struct vg_err *err)
{
    char expected[48];

    snprintf(expected, sizeof(expected), "a text of at most %zu bytes", size - 1);
    if (!json_is_string(value) || json_string_length(value) >= size ||
        strlen(json_string_value(value)) != json_string_length(value))
        return malformed(err, member, expected);
    snprintf(out, size, "%s", json_string_value(value));
    return VG_OK;
}

static vg_status read_kind(const json_t *command, struct vg_order *ret, struct vg_err *err)
{
    const char *name = json_string_value(json_object_get(command, "do"));
    enum vg_order_kind kind = name ? vg_order_find(name) : VG_ORDER_KIND_COUNT;

    if (kind == VG_ORDER_KIND_COUNT)
        return malformed(err, "do",
                         "acknowledge, snooze, reset, mute, limit, admit, discharge, standby, "
                         "probe_off or note");
    ret->kind = (uint8_t)kind;
    return VG_OK;
}

static vg_status read_episode(const json_t *value, struct vg_order *ret, struct vg_err *err)
{
    if (!json_is_string(value))
        return malformed(err, "episode", "the episode_id of an event");
    if (!vg_episode_parse(json_string_value(value), ret->episode_id))
        return vg_fail_option(err, VG_E_RANGE, vg_answer_code(VG_ANSWER_UNKNOWN_EPISODE),
                              "\"episode\": an episode_id is %d hexadecimal digits",
                              VG_EPISODE_TEXT_SIZE - 1);
    return VG_OK;
}

static vg_status read_seconds(const json_t *value, struct vg_order *ret, struct vg_err *err)
{
    enum { LONGEST_S = 31 * 86400 }; /* what is too long for the command shows later */

    if (!json_is_integer(value) || json_integer_value(value) < 1 ||
        json_integer_value(value) > LONGEST_S)
        return malformed(err, "for_s", "a whole number of seconds");
    ret->for_ns = json_integer_value(value) * VG_NS_PER_S;
    return VG_OK;
}

static vg_status read_side(const json_t *value, const char *member, float *ret, uint8_t *ret_set,
                           struct vg_err *err)
{
    if (!json_is_number(value))
        return malformed(err, member, "a number in the unit of the channel");
    *ret = (float)json_number_value(value);
    *ret_set = 1;
    return VG_OK;
}

static vg_status read_channel(const json_t *value, struct vg_order *ret, struct vg_err *err)
{
    const char *name = json_string_value(value);

    ret->channel = name ? vg_channel_find(name) : VG_CHANNEL_NONE;
    return ret->channel == VG_CHANNEL_NONE ? malformed(err, "channel", "the name of a channel")
                                           : VG_OK;
}

/* A word where the channel has words: nobody knows whose numbering a number would be. */
static vg_status read_value(const json_t *value, struct vg_order *ret, struct vg_err *err)
{
    bool words = ret->channel != VG_CHANNEL_NONE && vg_channel_words(ret->channel) > 0;

    if (words && !json_is_string(value))
        return malformed(err, "value", "one of the channel's words");
    if (words)
        ret->value = (float)vg_channel_word(ret->channel, json_string_value(value),
                                            json_string_length(value));
    else if (json_is_number(value))
        ret->value = (float)json_number_value(value);
    else
        return malformed(err, "value", "a number in the unit of the channel");
    ret->value_set = 1;
    return VG_OK;
}

/* Where each member goes. */
static vg_status read_member(const char *member, const json_t *value, struct vg_order *ret,
                             char patient[VG_PATIENT_SIZE], struct vg_err *err)
{
    if (strcmp(member, "do") == 0 || strcmp(member, "value") == 0)
        return VG_OK; /* read before, or once the channel is known */
    if (strcmp(member, "by") == 0)
        return read_text(value, member, ret->by, sizeof(ret->by), err);
    if (strcmp(member, "note") == 0)
        return read_text(value, member, ret->note, sizeof(ret->note), err);
    if (strcmp(member, "episode") == 0)
        return read_episode(value, ret, err);
    if (strcmp(member, "patient") == 0)
        return read_text(value, member, patient, VG_PATIENT_SIZE, err);
    if (strcmp(member, "rule") == 0)
        return read_text(value, member, ret->rule, sizeof(ret->rule), err);
    if (strcmp(member, "channel") == 0)
        return read_channel(value, ret, err);
    if (strcmp(member, "for_s") == 0)
        return read_seconds(value, ret, err);
    if (strcmp(member, "low") == 0)
        return read_side(value, member, &ret->low, &ret->low_set, err);
    if (strcmp(member, "high") == 0)
        return read_side(value, member, &ret->high, &ret->high_set, err);
    if (strcmp(member, "clear") == 0) {
        ret->clear = json_is_true(value);
        return json_is_boolean(value) ? VG_OK : malformed(err, member, "true or false");
    }
    return vg_fail_option(err, VG_E_RANGE, "malformed", "\"command\": has an unknown member");
}

/* Members that say what this kind of command has nothing to do with. */
static vg_status check_members(const json_t *command, const struct vg_order *order,
                               const char *patient, struct vg_err *err)
{
    uint32_t says = vg_order_says((enum vg_order_kind)order->kind);
    const struct {
        const char *member;
        bool wanted;
    } members[] = {
        { "episode", says & VG_ORDER_EPISODE },
        { "patient", !(says & VG_ORDER_EPISODE) },
        { "rule", says & VG_ORDER_RULE },
        { "channel", says & VG_ORDER_CHANNEL },
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(members); i++) {
        bool there = json_object_get(command, members[i].member) != NULL;

        if (there && !members[i].wanted)
            return vg_fail_option(err, VG_E_RANGE, "malformed", "\"%s\": %s has none",
                                  members[i].member,
                                  vg_order_name((enum vg_order_kind)order->kind));
        if (!there && members[i].wanted)
            return vg_fail_option(err, VG_E_RANGE, "malformed", "\"%s\" is missing: %s needs it",
                                  members[i].member,
                                  vg_order_name((enum vg_order_kind)order->kind));
    }
    if (!(says & VG_ORDER_EPISODE) && patient[0] == '\0')
        return malformed(err, "patient", "the pseudonym that rows name");
    return VG_OK;
}

vg_status vg_command_parse_json(json_t *command, struct vg_order *ret,
                                char patient[VG_PATIENT_SIZE], struct vg_err *err)
{
    const char *member;
    json_t *value;
    struct vg_err why;
    vg_status st;

    memset(ret, 0, sizeof(*ret));
    memset(patient, 0, VG_PATIENT_SIZE);
    ret->channel = VG_CHANNEL_NONE;
    if (!json_is_object(command))
        return malformed(err, "command", "an object");
    st = read_kind(command, ret, err);
    json_object_foreach(command, member, value)
    {
        if (st == VG_OK)
            st = read_member(member, value, ret, patient, err);
    }
    value = json_object_get(command, "value");
    if (st == VG_OK && value)
        st = read_value(value, ret, err);
    if (st == VG_OK)
        st = check_members(command, ret, patient, err);
    if (st == VG_OK && vg_order_check(ret, &why) != VG_OK)
        return vg_fail_option(err, VG_E_RANGE, "malformed", "\"%s\": %s", why.option, why.msg);
    return st;
}
