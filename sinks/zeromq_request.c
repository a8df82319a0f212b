/* zeromq_request.c - the requests of ALERT/1's control socket, parsed and checked.
 *
 * Members that are not known are ignored, as the contract says, so that a newer subscriber can talk
 * to an older pipeline. Messages never repeat what the client sent: it may name a patient.
 */
#include "sinks/zeromq_request.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "core/event.h"
#include "sinks/zeromq_command.h"

static bool refuse(struct vg_request *r, const char *code, const char *fmt, ...) VG_PRINTF(3, 4);

static bool refuse(struct vg_request *r, const char *code, const char *fmt, ...)
{
    va_list ap;

    snprintf(r->code, sizeof(r->code), "%s", code);
    va_start(ap, fmt);
    vsnprintf(r->message, sizeof(r->message), fmt, ap);
    va_end(ap);
    return false;
}

static bool read_id(const json_t *object, struct vg_request *r)
{
    const json_t *id = json_object_get(object, "id");
    struct vg_buf text = VG_BUF_INIT;

    if (json_is_integer(id))
        vg_buf_printf(&text, "%" JSON_INTEGER_FORMAT, json_integer_value(id));
    else if (json_is_string(id) && json_string_length(id) <= VG_REQUEST_ID_MAX)
        vg_buf_json_strn(&text, json_string_value(id), json_string_length(id));
    else
        return refuse(r, "malformed", "\"id\": expected a string of at most %d bytes",
                      VG_REQUEST_ID_MAX);
    snprintf(r->id, sizeof(r->id), "%s", text.data);
    vg_buf_done(&text);
    return true;
}

/* Copies a string member of at most size-1 bytes. */
static bool read_string(const json_t *object, const char *name, bool required, char *out,
                        size_t size, struct vg_request *r)
{
    const json_t *value = json_object_get(object, name);

    out[0] = '\0';
    if (!value && !required)
        return true;
    if (!json_is_string(value) || json_string_length(value) >= size ||
        (required && json_string_length(value) == 0))
        return refuse(r, "malformed", "\"%s\": expected a string of %s%zu bytes", name,
                      required ? "1 to " : "at most ", size - 1);
    snprintf(out, size, "%s", json_string_value(value));
    return true;
}

static bool read_number(const json_t *object, const char *name, json_int_t min, json_int_t max,
                        uint64_t *ret, struct vg_request *r)
{
    const json_t *value = json_object_get(object, name);
    json_int_t n = json_integer_value(value);

    if (!json_is_integer(value) || n < min || n > max)
        return refuse(r, "malformed",
                      "\"%s\": expected an integer from %" JSON_INTEGER_FORMAT
                      " to %" JSON_INTEGER_FORMAT,
                      name, min, max);
    *ret = (uint64_t)n;
    return true;
}

/* A ward that cannot be the name of one is unknown, not malformed: no such ward exists. */
static bool read_ward(const json_t *object, bool required, struct vg_request *r)
{
    const json_t *value = json_object_get(object, "ward");

    if (json_is_string(value) && json_string_length(value) >= sizeof(r->ward))
        return refuse(r, "unknown_ward", "\"ward\": a ward has at most %zu bytes",
                      sizeof(r->ward) - 1);
    return read_string(object, "ward", required, r->ward, sizeof(r->ward), r);
}

static bool read_snapshot(const json_t *object, struct vg_request *r)
{
    return read_ward(object, false, r);
}

static bool read_replay(const json_t *object, struct vg_request *r)
{
    uint64_t credit = 0;

    if (!read_ward(object, false, r) || !read_number(object, "after", 0, INT64_MAX, &r->seq, r) ||
        !read_number(object, "credit", 1, VG_REQUEST_CREDIT_MAX, &credit, r))
        return false;
    r->credit = (uint32_t)credit;
    return true;
}

static bool read_acknowledge(const json_t *object, struct vg_request *r)
{
    const json_t *episode = json_object_get(object, "episode");

    if (!json_is_string(episode))
        return refuse(r, "malformed", "\"episode\": expected the episode_id of an event");
    r->order.kind = VG_ORDER_KIND_ACKNOWLEDGE;
    r->order.channel = VG_CHANNEL_NONE;
    if (!vg_episode_parse(json_string_value(episode), r->order.episode_id))
        return refuse(r, "unknown_episode", "\"episode\": an episode_id is %d hexadecimal digits",
                      VG_EPISODE_TEXT_SIZE - 1);
    return read_string(object, "by", true, r->order.by, sizeof(r->order.by), r) &&
           read_string(object, "note", false, r->order.note, sizeof(r->order.note), r);
}

static bool read_command(const json_t *object, struct vg_request *r)
{
    char command_id[VG_COMMAND_ID_SIZE];
    struct vg_err err;

    if (!read_string(object, "command_id", true, command_id, sizeof(command_id), r) ||
        !read_string(object, "key", false, r->key, sizeof(r->key), r))
        return false;
    if (vg_command_parse_json(json_object_get(object, "command"), &r->order, r->patient, &err) !=
        VG_OK)
        return refuse(r, err.option, "%s", err.msg);
    memcpy(r->order.command_id, command_id, sizeof(command_id));
    return true;
}

static bool read_confirm(const json_t *object, struct vg_request *r)
{
    return read_string(object, "subscriber", true, r->subscriber, sizeof(r->subscriber), r) &&
           read_ward(object, true, r) && read_number(object, "seq", 0, INT64_MAX, &r->seq, r);
}

static const struct {
    const char *name;
    enum vg_request_kind kind;
    bool (*read)(const json_t *object, struct vg_request *r);
} requests[] = {
    { "snapshot", VG_REQUEST_SNAPSHOT, read_snapshot },
    { "replay", VG_REQUEST_REPLAY, read_replay },
    { "acknowledge", VG_REQUEST_ACKNOWLEDGE, read_acknowledge },
    { "confirm", VG_REQUEST_CONFIRM, read_confirm },
    { "command", VG_REQUEST_COMMAND, read_command },
};

static bool read_object(const json_t *object, struct vg_request *r)
{
    const json_t *what = json_object_get(object, "do");

    if (!json_is_object(object))
        return refuse(r, "malformed", "expected one JSON object in one frame");
    if (!read_id(object, r))
        return false;
    if (!json_is_string(what))
        return refuse(r, "malformed", "\"do\": expected the name of a request");
    for (size_t i = 0; i < VG_ARRAY_LEN(requests); i++) {
        if (strcmp(json_string_value(what), requests[i].name) == 0) {
            r->kind = requests[i].kind;
            return requests[i].read(object, r);
        }
    }
    return refuse(r, "unknown_request",
                  "\"do\": expected snapshot, replay, acknowledge, confirm or command");
}

bool vg_request_parse(const char *text, size_t len, struct vg_request *ret)
{
    json_error_t error;
    json_t *object;
    bool ok;

    *ret = (struct vg_request){ .id = "null" };
    if (len > VG_REQUEST_SIZE_MAX)
        return refuse(ret, "malformed", "longer than %d bytes", VG_REQUEST_SIZE_MAX);
    object = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    if (!object)
        return refuse(ret, "malformed", "not JSON at byte %d; expected one JSON object",
                      error.position);
    ok = read_object(object, ret);
    json_decref(object);
    return ok;
}
