/* observer.c - the pages of a running service. */
#include "runtime/observer.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "core/clock.h"
#include "runtime/api_alerts.h"
#include "runtime/config_show.h"
#include "runtime/health.h"
#include "runtime/log.h"
#include "runtime/metrics.h"
#include "runtime/status.h"
#include "runtime/tap.h"
#include "runtime/web.h"

static const unsigned UNAVAILABLE = 503;

/* ---- probes ---- */

static void json_health(const struct vg_health *h, bool reasons, struct vg_buf *out)
{
    vg_buf_printf(out, "{\"ok\":%s,\"reasons\":[", h->reasons == 0 ? "true" : "false");
    for (uint32_t i = 0; i < h->reasons && reasons; i++) {
        vg_buf_str(out, i ? "," : "");
        vg_buf_json_str(out, h->reason[i]);
    }
    vg_buf_str(out, "]}\n");
}

static void text_health(const struct vg_health *h, bool reasons, const char * not,
                        struct vg_buf *out)
{
    if (h->reasons == 0)
        vg_buf_str(out, "ok\n");
    else if (!reasons)
        vg_buf_printf(out, "%s\n", not );
    for (uint32_t i = 0; i < h->reasons && reasons; i++)
        vg_buf_printf(out, "%s\n", h->reason[i]);
}

static void write_health(const struct vg_health *h, const char * not,
                         const struct vg_http_request *request, struct vg_http_answer *ret)
{
    if (h->reasons > 0)
        ret->status = UNAVAILABLE;
    if (vg_http_wants_json(request->accept)) {
        ret->type = "application/json";
        json_health(h, request->trusted, &ret->body);
    } else {
        text_health(h, request->trusted, not, &ret->body);
    }
}

static void livez(void *arg, const struct vg_http_request *request, struct vg_http_answer *ret)
{
    const struct vg_observer *o = arg;
    struct vg_health h;

    vg_health_live(&o->what, &h);
    write_health(&h, "not live", request, ret);
}

static void readyz(void *arg, const struct vg_http_request *request, struct vg_http_answer *ret)
{
    const struct vg_observer *o = arg;
    struct vg_health h;

    vg_health_ready(&o->what, &h);
    write_health(&h, "not ready", request, ret);
}

/* ---- metrics ---- */

/* Not before it runs: another log's outbox is moved aside until then. */
static void open_reader(struct vg_observer *o)
{
    struct vg_err err;
    vg_status st;

    if (o->reader || atomic_load(&o->what.shared->state) == VG_STATE_STARTING)
        return;
    st = vg_outbox_reader_open(o->what.outbox, &o->reader, &err);
    if (st != VG_OK && !o->told)
        vg_log(VG_LOG_WARN, "http", "active alerts are not known: %s", err.msg);
    o->told = st != VG_OK;
}

static void metrics(void *arg, const struct vg_http_request *request, struct vg_http_answer *ret)
{
    struct vg_observer *o = arg;
    struct vg_exposition x = { .out = &ret->body,
                               .openmetrics = vg_exposition_wants_openmetrics(request->accept) };

    open_reader(o);
    ret->type = vg_exposition_type(x.openmetrics);
    vg_metrics_write(&o->what, o->reader, o->ward.feed ? vg_ward_feed_ward(o->ward.feed) : NULL,
                     o->http, &x);
}

/* ---- state ---- */

static void status(void *arg, const struct vg_http_request *request, struct vg_http_answer *ret)
{
    struct vg_observer *o = arg;

    (void)request;
    open_reader(o);
    ret->type = "application/json";
    vg_status_write(&o->what, o->reader, &ret->body);
}

static void config(void *arg, const struct vg_http_request *request, struct vg_http_answer *ret)
{
    const struct vg_observer *o = arg;

    const char *form = vg_http_query(request, "form");

    ret->type = "application/json";
    if (form && strcmp(form, "values") == 0)
        vg_config_show_values(o->what.config, true, &ret->body);
    else if (form)
        vg_http_refuse(ret, 400, "there is no form \"%.20s\"; expected: values", form);
    else
        vg_status_write_config(o->what.config, &ret->body);
}

/* ---- the ward ---- */

static void beds(void *arg, const struct vg_http_request *request, struct vg_http_answer *ret)
{
    struct vg_observer *o = arg;

    (void)request;
    vg_ward_page_beds(&o->ward, ret);
}

static void history(void *arg, const struct vg_http_request *request, struct vg_http_answer *ret)
{
    struct vg_observer *o = arg;

    vg_ward_page_history(&o->ward, request, ret);
}

static void stream(void *arg, const struct vg_http_request *request, struct vg_http_answer *ret)
{
    struct vg_observer *o = arg;

    (void)request;
    vg_ward_page_stream(&o->ward, ret);
}

static void turn(void *arg, int64_t mono_ns)
{
    struct vg_observer *o = arg;

    if (!o->ward.feed)
        return;
    open_reader(o);
    vg_ward_feed_turn(o->ward.feed, o->reader, mono_ns);
}

static void tap(void *arg, const struct vg_http_request *request, struct vg_http_answer *ret)
{
    const struct vg_observer *o = arg;

    vg_tap_answer(&o->what, request, ret);
}

/* ---- alerts and orders ---- */

static void session(void *arg, const struct vg_http_request *request, struct vg_http_answer *ret)
{
    static const char *const roles[] = { "read", "acknowledge", "command" };
    const struct vg_observer *o = arg;
    struct vg_buf *out = &ret->body;

    ret->type = "application/json";
    vg_buf_str(out, "{\"pipeline\":");
    vg_buf_json_str(out, o->what.config->service.name);
    vg_buf_printf(out, ",\"version\":\"%s\",\"run\":\"%s\",\"now\":%lld,\"roles\":[", VG_VERSION,
                  o->run, (long long)(vg_wall_ns() / VG_NS_PER_MS));
    for (size_t i = 0, n = 0; i < VG_ARRAY_LEN(roles); i++) {
        if (request->roles >> i & 1)
            vg_buf_printf(out, "%s\"%s\"", n++ ? "," : "", roles[i]);
    }
    vg_buf_char(out, ']');
    vg_ward_page_session(&o->ward, out);
    vg_buf_str(out, "}\n");
}

static void alerts(void *arg, const struct vg_http_request *request, struct vg_http_answer *ret)
{
    struct vg_observer *o = arg;

    open_reader(o);
    vg_api_alerts(o->reader, request, ret);
}

static void orders(void *arg, const struct vg_http_request *request, struct vg_http_answer *ret)
{
    struct vg_observer *o = arg;

    open_reader(o);
    vg_api_orders(o->what.shared, o->reader, &o->refused, request, ret);
}

static void refused(void *arg, const char *from, const char *path, const char *why)
{
    struct vg_observer *o = arg;
    char text[256];

    snprintf(text, sizeof(text), "%s: %s", path, why);
    vg_api_refused_note(&o->refused, o->what.shared->audit, from, text);
}

/* clang-format off */
static const struct vg_http_page pages[] = {
    { "/livez", VG_HTTP_GET, VG_HTTP_ANYBODY, livez },
    { "/readyz", VG_HTTP_GET, VG_HTTP_ANYBODY, readyz },
    { "/metrics", VG_HTTP_GET, VG_HTTP_TRUSTED, metrics },
    { "/api/v1/status", VG_HTTP_GET, VG_HTTP_READ, status },
    { "/api/v1/config", VG_HTTP_GET, VG_HTTP_READ, config },
    { "/api/v1/tap", VG_HTTP_POST, VG_HTTP_READ, tap },
    { "/api/v1/beds", VG_HTTP_GET, VG_HTTP_READ, beds },
    { "/api/v1/history", VG_HTTP_GET, VG_HTTP_READ, history },
    { "/api/v1/stream", VG_HTTP_GET, VG_HTTP_READ, stream },
    { "/api/v1/session", VG_HTTP_GET, VG_HTTP_READ, session },
    { "/api/v1/alerts", VG_HTTP_GET, VG_HTTP_READ, alerts },
    { "/api/v1/orders", VG_HTTP_POST, VG_HTTP_ACKNOWLEDGE, orders },
    { NULL, VG_HTTP_GET, VG_HTTP_ANYBODY, NULL },
};
/* clang-format on */

/* ---- the server ---- */

/* The configuration does not change under a page. */
static void enter(void *arg)
{
    const struct vg_observer *o = arg;

    vg_shared_look_at_config(o->what.shared);
}

static void leave(void *arg)
{
    const struct vg_observer *o = arg;

    vg_shared_leave_config(o->what.shared);
}

vg_status vg_observer_start(struct vg_observer *o, int wake_fd, struct vg_err *err)
{
    const struct vg_http_options *options = &o->what.config->service.http;
    const int64_t beds = o->what.config->service.http_beds;
    vg_status st;

    if (!options->listen)
        return VG_OK;
    o->content = (struct vg_http_content){ .pages = pages,
                                           .files = beds > 0 ? vg_web_files : NULL,
                                           .refused = refused,
                                           .turn = turn,
                                           .enter = enter,
                                           .leave = leave,
                                           .arg = o };
    o->ward = (struct vg_ward_pages){ .what = &o->what,
                                      .feed = vg_ward_feed_new(&o->what),
                                      .reader = &o->reader };
    snprintf(o->run, sizeof(o->run), "%08x", randombytes_random());
    st = vg_http_start(options, &o->content, wake_fd, &o->http, err);
    if (st != VG_OK)
        return st;
    vg_shared_add_wake(o->what.shared, vg_http_wake_fd(o->http));
    vg_log(VG_LOG_INFO, "http", "listens at http://%s", vg_http_address(o->http));
    return VG_OK;
}

void vg_observer_stop(struct vg_observer *o)
{
    vg_http_stop(o->http);
    vg_ward_feed_free(o->ward.feed);
    vg_outbox_reader_close(o->reader);
    o->ward.feed = NULL;
    o->http = NULL;
    o->reader = NULL;
}
