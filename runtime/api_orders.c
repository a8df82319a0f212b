/* api_orders.c - orders over HTTP: parsed, asked, and answered once they are durable.
 *
 * What is wrong is told by the member's name; what the client sent is never repeated, as it may name a
 * patient.
 */
#include "runtime/api_orders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/clock.h"
#include "core/event.h"
#include "runtime/log.h"
#include "runtime/orders.h"

enum { BAD_REQUEST = 400, FORBIDDEN = 403, CONFLICT = 409, UNAVAILABLE = 503, TIMEOUT = 504 };
enum { NOTED_PER_WINDOW = 20 };

/* What takes longer is answered "busy"; it may still come true. */
static const int64_t timeout_ns = 30 * VG_NS_PER_S;
static const int64_t window_ns = 60 * VG_NS_PER_S;

/* ---- what is said ---- */

static vg_status wrong(struct vg_err *err, const char *member, const char *expected)
{
    return vg_fail(err, VG_E_RANGE, "\"%s\": expected %s", member, expected);
}

static vg_status take_text(const json_t *value, const char *member, char *ret, size_t size,
                           struct vg_err *err)
{
    char expected[48];

    snprintf(expected, sizeof(expected), "a text of at most %zu bytes", size - 1);
    if (!json_is_string(value) || json_string_length(value) >= size ||
        strlen(json_string_value(value)) != json_string_length(value))
        return wrong(err, member, expected);
    snprintf(ret, size, "%s", json_string_value(value));
    return VG_OK;
}

static vg_status take_kind(const json_t *value, struct vg_order *ret, struct vg_err *err)
{
    const char *name = json_string_value(value);
    enum vg_order_kind kind = name ? vg_order_find(name) : VG_ORDER_KIND_COUNT;

    if (kind == VG_ORDER_KIND_COUNT || !(vg_order_says(kind) & VG_ORDER_EPISODE))
        return wrong(err, "kind", "acknowledge, snooze or reset");
    ret->kind = (uint8_t)kind;
    return VG_OK;
}

static vg_status take_seconds(const json_t *value, struct vg_order *ret, struct vg_err *err)
{
    enum { LONGEST_S = 31 * 86400 }; /* what is too long for the order shows later */

    if (!json_is_integer(value) || json_integer_value(value) < 1 ||
        json_integer_value(value) > LONGEST_S)
        return wrong(err, "for_s", "a whole number of seconds");
    ret->for_ns = json_integer_value(value) * VG_NS_PER_S;
    return VG_OK;
}

static vg_status take_member(const char *member, const json_t *value, struct vg_order *ret,
                             struct vg_err *err)
{
    const char *text = json_string_value(value);

    if (strcmp(member, "command_id") == 0)
        return take_text(value, member, ret->command_id, sizeof(ret->command_id), err);
    if (strcmp(member, "by") == 0)
        return take_text(value, member, ret->by, sizeof(ret->by), err);
    if (strcmp(member, "note") == 0)
        return take_text(value, member, ret->note, sizeof(ret->note), err);
    if (strcmp(member, "for_s") == 0)
        return take_seconds(value, ret, err);
    if (strcmp(member, "kind") == 0)
        return take_kind(value, ret, err);
    if (strcmp(member, "episode_id") != 0)
        return vg_fail(err, VG_E_RANGE,
                       "an unknown member; expected command_id, kind, episode_id, by, note, for_s");
    if (!text || !vg_episode_parse(text, ret->episode_id))
        return wrong(err, member, "the episode_id of an event, 32 hexadecimal digits");
    return VG_OK;
}

static vg_status take_object(json_t *object, struct vg_order *ret, struct vg_err *err)
{
    static const char *const required[] = { "command_id", "kind", "episode_id", "by" };
    struct vg_err why;
    const char *member;
    json_t *value;
    vg_status st = VG_OK;

    if (!json_is_object(object))
        return vg_fail(err, VG_E_RANGE, "expected one JSON object");
    for (size_t i = 0; i < VG_ARRAY_LEN(required); i++) {
        if (!json_object_get(object, required[i]))
            return vg_fail(err, VG_E_RANGE, "\"%s\" is missing", required[i]);
    }
    json_object_foreach(object, member, value)
    {
        if (st == VG_OK)
            st = take_member(member, value, ret, err);
    }
    if (st == VG_OK && ret->command_id[0] == '\0')
        return wrong(err, "command_id", "a name of its own for each order, of 1 to 64 bytes");
    if (st == VG_OK && vg_order_check(ret, &why) != VG_OK)
        return vg_fail(err, VG_E_RANGE, "\"%s\": %s", why.option, why.msg);
    return st;
}

static vg_status parse(const struct vg_http_request *request, struct vg_order *ret,
                       struct vg_err *err)
{
    json_error_t error;
    json_t *object = json_loadb(request->body, request->body_len, JSON_REJECT_DUPLICATES, &error);
    vg_status st;

    *ret = (struct vg_order){ .channel = VG_CHANNEL_NONE };
    if (!object)
        return vg_fail(err, VG_E_RANGE, "not JSON at byte %d; expected one object", error.position);
    st = take_object(object, ret, err);
    json_decref(object);
    return st;
}

/* ---- what is answered ---- */

static void write_answer(const char *code, const char *message, struct vg_http_answer *ret)
{
    ret->type = "application/json";
    if (code[0] == '\0') {
        vg_buf_str(&ret->body, "{\"ok\":true}\n");
        return;
    }
    if (ret->status < CONFLICT)
        ret->status = strcmp(code, vg_answer_code(VG_ANSWER_BUSY)) == 0 ? UNAVAILABLE : CONFLICT;
    vg_buf_str(&ret->body, "{\"ok\":false,\"code\":");
    vg_buf_json_str(&ret->body, code);
    vg_buf_str(&ret->body, ",\"message\":");
    vg_buf_json_str(&ret->body, message);
    vg_buf_str(&ret->body, "}\n");
}

/* An order that was asked for. */
struct waiting {
    struct vg_shared *shared;
    uint64_t ticket;
    int64_t give_up_ns;
};

static bool is_answered(void *state, int64_t mono_ns, struct vg_http_answer *ret)
{
    const struct waiting *w = state;
    struct vg_answered answered;

    if (vg_orders_answered(w->shared, w->ticket, &answered)) {
        write_answer(answered.code, answered.message, ret);
        return true;
    }
    if (mono_ns < w->give_up_ns)
        return false;
    ret->status = TIMEOUT;
    write_answer("busy", "not durable within 30 s; it may still be", ret);
    return true;
}

static const struct vg_http_later until_durable = { is_answered, free };

static void ask(struct vg_shared *shared, struct vg_outbox_reader *reader,
                const struct vg_order *order, struct vg_http_answer *ret)
{
    struct vg_answered answered = { .code = "" };
    struct waiting *w;
    struct vg_err err = { .status = VG_OK };
    uint64_t ticket = 0;
    vg_status st = vg_orders_ask(shared, reader, order, "", NULL, &ticket, &answered, &err);

    if (st != VG_OK) {
        write_answer(err.option[0] ? err.option : "busy", err.msg, ret);
        return;
    }
    if (ticket == 0) {
        write_answer(answered.code, answered.message, ret);
        return;
    }
    w = malloc(sizeof(*w));
    VG_CHECK(w);
    *w = (struct waiting){ shared, ticket, vg_mono_ns() + timeout_ns };
    ret->later = &until_durable;
    ret->state = w;
}

void vg_api_orders(struct vg_shared *shared, struct vg_outbox_reader *reader,
                   struct vg_api_refused *refused, const struct vg_http_request *request,
                   struct vg_http_answer *ret)
{
    static const char lacking[] =
        "this token may not reset; expected the one of service.http.command_token";
    struct vg_order order;
    struct vg_err err;

    if (parse(request, &order, &err) != VG_OK) {
        vg_http_refuse(ret, BAD_REQUEST, "%s", err.msg);
    } else if (order.kind == VG_ORDER_KIND_RESET && !(request->roles & VG_HTTP_MAY_COMMAND)) {
        vg_api_refused_note(refused, shared->audit, request->from, lacking);
        vg_http_refuse(ret, FORBIDDEN, "%s", lacking);
    } else if (!reader) {
        write_answer("busy", "the pipeline starts; ask again", ret);
    } else {
        ask(shared, reader, &order, ret);
    }
}

/* ---- who may not ---- */

void vg_api_refused_note(struct vg_api_refused *r, struct vg_audit *audit, const char *from,
                         const char *why)
{
    int64_t now_ns = vg_mono_ns();
    char text[192];

    if (now_ns - r->window_ns > window_ns) {
        snprintf(text, sizeof(text), "%u more in the minute before", r->unsaid);
        if (r->unsaid > 0)
            vg_audit_note(audit, "refused", "sink", "http", "who", "others", "why", text, NULL);
        *r = (struct vg_api_refused){ .window_ns = now_ns };
    }
    if (r->said == NOTED_PER_WINDOW) {
        r->unsaid++;
        return;
    }
    r->said++;
    vg_log(VG_LOG_INFO, "http", "audit: refused %s: %s", from, why);
    vg_audit_note(audit, "refused", "sink", "http", "who", from, "why", why, NULL);
}
