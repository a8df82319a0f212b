/* fhir.c - puts every event on a FHIR R4 server, as a Communication.
 *
 * A Communication is what FHIR has for an alert that was sent to somebody. Its logical id is the
 * event_id, so that putting it twice stores it once. The mapping is in docs/sinks/fhir.md; the event's
 * own bytes go along as an attachment, so that nothing is lost in it.
 */
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/sink.h"
#include "sinks/http_post.h"

enum { PATH_SIZE = 64 };

struct fhir {
    struct vg_http_options http;
    char *patient_system; /* option */

    const char *pipeline;
    struct vg_http *connection;
    struct vg_buf body, attachment;
};

static const struct vg_option options[] = {
    VG_HTTP_OPTIONS(struct fhir, http, "Base of the FHIR R4 server: https://HOST/PATH."),
    VG_OPT_STRING(struct fhir, patient_system, "patient_system", NULL, VG_OPT_REQUIRED,
                  "The system (a URI) of the identifiers that rows name patients by."),
    VG_OPT_END,
};

static vg_status fhir_check(void *self, struct vg_err *err)
{
    const struct fhir *f = self;
    vg_status st = vg_http_check(&f->http, err);

    if (st == VG_OK && strpbrk(f->http.url, "?#"))
        st = vg_fail_option(err, VG_E_CONFIG, "url",
                            "expected the base of the server, which ends before any '?' or '#'");
    if (st == VG_OK && (!strchr(f->patient_system, ':') || strpbrk(f->patient_system, " \t")))
        st = vg_fail_option(err, VG_E_CONFIG, "patient_system",
                            "\"%s\" is no URI; expected one such as urn:oid:1.2.36.146.595.217.0.1",
                            f->patient_system);
    return st;
}

/* ---- the resource ---- */

/* IEC 60601-1-8 asks for an immediate, a prompt, and no particular response. */
static const char *fhir_priority(int priority)
{
    switch (priority) {
    case VG_PRIORITY_HIGH:
        return "stat";
    case VG_PRIORITY_MEDIUM:
        return "asap";
    case VG_PRIORITY_LOW:
        return "urgent";
    default:
        return "routine";
    }
}

static void add_member(struct vg_buf *b, const char *before, const char *text, const char *behind)
{
    vg_buf_str(b, before);
    vg_buf_json_str(b, text);
    vg_buf_str(b, behind);
}

/* Only what the event has: FHIR knows no empty text. */
static void add_present(struct vg_buf *b, const char *before, const json_t *event, const char *name,
                        const char *behind)
{
    const char *text = json_string_value(json_object_get(event, name));

    if (text && *text)
        add_member(b, before, text, behind);
}

static void add_note(struct vg_buf *b, const json_t *event)
{
    const char *note = json_string_value(json_object_get(event, "note"));

    if (!note || !*note)
        return;
    add_member(b, ",\"note\":[{\"text\":", note, "");
    add_present(b, ",\"authorString\":", event, "by", "");
    vg_buf_str(b, "}]");
}

static void add_attachment(struct fhir *f, const struct vg_delivery *event)
{
    size_t size = sodium_base64_ENCODED_LEN(event->len, sodium_base64_VARIANT_ORIGINAL);

    vg_buf_clear(&f->attachment);
    vg_buf_reserve(&f->attachment, size);
    sodium_bin2base64(f->attachment.data, size, (const uint8_t *)event->json, event->len,
                      sodium_base64_VARIANT_ORIGINAL);
    vg_buf_str(&f->body,
               "{\"contentAttachment\":{\"contentType\":\"application/json\",\"data\":\"");
    vg_buf_str(&f->body, f->attachment.data);
    vg_buf_str(&f->body, "\"}}");
}

static void make_resource(struct fhir *f, const struct vg_delivery *d, const json_t *event,
                          const char *id)
{
    char first[VG_EVENT_ID_TEXT_SIZE];
    struct vg_buf *b = &f->body;

    vg_event_id_text(d->episode_id, 0, first);
    vg_buf_clear(b);
    vg_buf_printf(b,
                  "{\"resourceType\":\"Communication\",\"id\":\"%s\",\"identifier\":[{\"value\":"
                  "\"%s\"}],\"status\":\"completed\"",
                  id, id);
    if (d->number > 0)
        vg_buf_printf(b, ",\"inResponseTo\":[{\"identifier\":{\"value\":\"%s\"}}]", first);
    vg_buf_printf(b,
                  ",\"category\":[{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/"
                  "communication-category\",\"code\":\"alert\"}]},{\"text\":\"%s\"},{\"text\":"
                  "\"%s\"}],\"priority\":\"%s\"",
                  vg_alert_kind_name(d->kind), vg_phase_name(d->phase), fhir_priority(d->priority));
    if (json_string_length(json_object_get(event, "patient")) > 0) {
        add_member(b, ",\"subject\":{\"identifier\":{\"system\":", f->patient_system, "");
        add_present(b, ",\"value\":", event, "patient", "}}");
    }
    add_present(b, ",\"topic\":{\"text\":", event, "title", "}");
    add_present(b, ",\"sent\":", event, "time", "");
    add_member(b, ",\"sender\":{\"display\":", f->pipeline, "}");
    add_present(b, ",\"reasonCode\":[{\"text\":", event, "rule", "}]");
    vg_buf_str(b, ",\"payload\":[");
    add_present(b, "{\"contentString\":", event, "text", "},");
    add_attachment(f, d);
    vg_buf_char(b, ']');
    add_note(b, event);
    vg_buf_char(b, '}');
}

/* ---- delivering ---- */

static vg_status put(struct fhir *f, const struct vg_delivery *d, struct vg_err *err)
{
    static const char *const headers[] = { "Content-Type: application/fhir+json",
                                           "Accept: application/fhir+json", NULL };
    json_t *event = json_loadb(d->json, d->len, 0, NULL);
    char id[VG_EVENT_ID_TEXT_SIZE], path[PATH_SIZE];

    if (!event)
        return vg_fail(err, VG_E_DECODE, "the event is no JSON");
    vg_event_id_text(d->episode_id, d->number, id);
    snprintf(path, sizeof(path), "/Communication/%s", id);
    make_resource(f, d, event, id);
    json_decref(event);
    const struct vg_http_request request = {
        .method = "PUT",
        .path = path,
        .headers = headers,
        .body = f->body.data,
        .len = f->body.len,
    };
    return vg_http_send(f->connection, &request, err);
}

static vg_status fhir_deliver(void *self, const struct vg_delivery *events, size_t n, size_t *done,
                              struct vg_err *err)
{
    struct fhir *f = self;
    vg_status st = VG_OK;

    *done = 0;
    while (*done < n && st == VG_OK) {
        st = put(f, &events[*done], err);
        *done += st == VG_OK;
    }
    return st;
}

static vg_status fhir_open(void *self, const struct vg_sink_env *env, struct vg_err *err)
{
    struct fhir *f = self;

    f->pipeline = env->pipeline;
    return vg_http_open(&f->http, env->version, env->timeout_ns, &f->connection, err);
}

static void fhir_close(void *self)
{
    struct fhir *f = self;

    vg_http_close(f->connection);
    f->connection = NULL;
    vg_buf_done(&f->body);
    vg_buf_done(&f->attachment);
}

const struct vg_sink_ops vg_sink_fhir = {
    .name = "fhir",
    .summary = "Puts every event on a FHIR R4 server, as a Communication.",
    .options = options,
    .self_size = sizeof(struct fhir),
    .check = fhir_check,
    .open = fhir_open,
    .deliver = fhir_deliver,
    .close = fhir_close,
};
