/* http_answer.c - a request, from its first byte to its answer.
 *
 * What can be refused by the head alone is refused then, so that nobody has to send a body for it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/text.h"
#include "runtime/http_private.h"

const unsigned vg_http_status[VG_HTTP_STATUSES] = {
    MHD_HTTP_OK,
    MHD_HTTP_NOT_MODIFIED,
    MHD_HTTP_BAD_REQUEST,
    MHD_HTTP_UNAUTHORIZED,
    MHD_HTTP_FORBIDDEN,
    MHD_HTTP_NOT_FOUND,
    MHD_HTTP_METHOD_NOT_ALLOWED,
    MHD_HTTP_CONFLICT,
    MHD_HTTP_LENGTH_REQUIRED,
    MHD_HTTP_CONTENT_TOO_LARGE,
    MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
    MHD_HTTP_MISDIRECTED_REQUEST,
    MHD_HTTP_UNPROCESSABLE_CONTENT,
    MHD_HTTP_TOO_MANY_REQUESTS,
    MHD_HTTP_INTERNAL_SERVER_ERROR,
    MHD_HTTP_SERVICE_UNAVAILABLE,
    MHD_HTTP_GATEWAY_TIMEOUT,
};

static void count(struct vg_http *h, unsigned status)
{
    for (size_t i = 0; i < VG_HTTP_STATUSES; i++) {
        if (vg_http_status[i] == status)
            atomic_fetch_add_explicit(&h->answered[i], 1, memory_order_relaxed);
    }
}

/* ---- sending ---- */

void vg_http_harden(struct MHD_Response *r)
{
    static const char *const headers[][2] = {
        { "Content-Security-Policy",
          "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
          "font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
          "form-action 'none'; frame-ancestors 'none'" },
        { "Cross-Origin-Opener-Policy", "same-origin" },
        { "Cross-Origin-Resource-Policy", "same-origin" },
        { "Referrer-Policy", "no-referrer" },
        { "X-Content-Type-Options", "nosniff" },
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(headers); i++)
        MHD_add_response_header(r, headers[i][0], headers[i][1]);
}

static const char *allowed(const struct vg_http_exchange *x)
{
    return x->page && x->page->method == VG_HTTP_POST ? "POST" : "GET, HEAD";
}

static struct MHD_Response *make_response(struct vg_http_exchange *x)
{
    struct vg_http_answer *a = &x->answer;
    struct MHD_Response *r;

    if (a->stream) {
        r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, VG_HTTP_MEMORY, vg_http_hold_read,
                                              x, NULL);
    } else {
        vg_buf_str(&a->body, ""); /* never NULL */
        r = MHD_create_response_from_buffer(a->body.len, a->body.data, MHD_RESPMEM_MUST_FREE);
        if (!r)
            vg_buf_done(&a->body);
        a->body = VG_BUF_INIT; /* the response's */
    }
    return r;
}

static enum MHD_Result respond(struct vg_http_exchange *x)
{
    const struct vg_http_answer *a = &x->answer;
    struct MHD_Response *r = make_response(x);
    enum MHD_Result done;

    if (!r)
        return MHD_NO;
    vg_http_harden(r);
    MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, a->type);
    MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (a->stream) /* a server in front shall not gather it */
        MHD_add_response_header(r, "X-Accel-Buffering", "no");
    if (a->status == MHD_HTTP_UNAUTHORIZED)
        MHD_add_response_header(r, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    if (a->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, allowed(x));
    if (x->unframed)
        MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
    if (a->status == MHD_HTTP_SERVICE_UNAVAILABLE)
        MHD_add_response_header(r, MHD_HTTP_HEADER_RETRY_AFTER, "5");
    done = MHD_queue_response(x->connection, a->status, r);
    MHD_destroy_response(r);
    count(x->server, a->status);
    if (!a->stream)
        vg_http_place_phase(x->place, VG_HTTP_TAKING);
    return done;
}

static enum MHD_Result send_file(struct vg_http_exchange *x)
{
    unsigned status;
    enum MHD_Result done = vg_http_file_send(x->file, x->connection, &status);

    count(x->server, status);
    vg_http_place_phase(x->place, VG_HTTP_TAKING);
    return done;
}

/* ---- refusing ---- */

void vg_http_refuse(struct vg_http_answer *ret, unsigned status, const char *fmt, ...)
{
    char text[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    ret->status = status;
    ret->type = "application/json";
    vg_buf_clear(&ret->body);
    vg_buf_str(&ret->body, "{\"error\":");
    vg_buf_json_str(&ret->body, text);
    vg_buf_str(&ret->body, "}\n");
}

/* Whether there is something against the request, which is then its answer. */
static bool refused(struct vg_http_exchange *x, struct vg_http_verdict verdict)
{
    if (verdict.status == 0)
        return false;
    vg_http_refuse(&x->answer, verdict.status, "%s", verdict.why);
    x->made = true;
    return true;
}

/* As `refused`, and somebody is told: it may have been an order. */
static bool forbidden(struct vg_http_exchange *x, struct vg_http_verdict verdict)
{
    const struct vg_http_content *content = x->server->content;

    if (!refused(x, verdict))
        return false;
    if (x->page->method == VG_HTTP_POST && content->refused)
        content->refused(content->arg, x->place->from, x->page->path, verdict.why);
    return true;
}

static void list_pages(struct vg_http_exchange *x)
{
    struct vg_buf list = VG_BUF_INIT;

    vg_buf_str(&list, "");
    for (const struct vg_http_page *p = x->server->content->pages; p->path; p++)
        vg_buf_printf(&list, "%s%s", list.len ? ", " : "", p->path);
    vg_http_refuse(&x->answer, MHD_HTTP_NOT_FOUND, "there is no such page; there are %s",
                   list.data);
    vg_buf_done(&list);
    x->made = true;
}

/* ---- the head ---- */

static const char *header(struct MHD_Connection *c, const char *name)
{
    return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

static enum MHD_Result count_header(void *arg, enum MHD_ValueKind kind, const char *key,
                                    const char *value)
{
    struct vg_http_head *head = arg;

    (void)kind;
    (void)value;
    head->hosts += strcasecmp(key, MHD_HTTP_HEADER_HOST) == 0;
    head->lengths += strcasecmp(key, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0;
    head->origins += strcasecmp(key, MHD_HTTP_HEADER_ORIGIN) == 0;
    return MHD_YES;
}

/* Servers in front that are not told which name to pass on name this one's address: as if somebody here
 * had asked. */
static bool is_forwarded(struct MHD_Connection *c)
{
    static const char *const names[] = { "Forwarded", "Via", "X-Forwarded-For", "X-Real-IP" };
    bool found = false;

    for (size_t i = 0; i < VG_ARRAY_LEN(names); i++)
        found |= header(c, names[i]) != NULL;
    return found;
}

static void read_head(struct MHD_Connection *c, struct vg_http_head *ret)
{
    *ret = (struct vg_http_head){
        .host = header(c, MHD_HTTP_HEADER_HOST),
        .origin = header(c, MHD_HTTP_HEADER_ORIGIN),
        .fetch_site = header(c, "Sec-Fetch-Site"),
        .authorization = header(c, MHD_HTTP_HEADER_AUTHORIZATION),
        .type = header(c, MHD_HTTP_HEADER_CONTENT_TYPE),
        .length = header(c, MHD_HTTP_HEADER_CONTENT_LENGTH),
        .coding = header(c, MHD_HTTP_HEADER_TRANSFER_ENCODING),
        .forwarded = is_forwarded(c),
    };
    MHD_get_connection_values(c, MHD_HEADER_KIND, count_header, ret);
}

static const struct vg_http_page *find_page(const struct vg_http *h, const char *path)
{
    const struct vg_http_page *page = h->content->pages;

    while (page->path && strcmp(page->path, path) != 0)
        page++;
    return page->path ? page : NULL;
}

/* Probes and Prometheus call a server as they like. Where others can reach it, what they are told hangs on
 * the token alone, which no other site has; where not, it hangs on who asks. */
static bool any_host(const struct vg_http_guard *guard, const struct vg_http_page *page)
{
    return !guard->local && page && page->method == VG_HTTP_GET &&
           (page->access == VG_HTTP_ANYBODY || page->access == VG_HTTP_TRUSTED);
}

/* Sets the page or file that is asked for, or refuses. */
static void judge(struct vg_http_exchange *x, const char *path, const char *method)
{
    const struct vg_http_guard *guard = &x->server->guard;
    bool posts = strcmp(method, MHD_HTTP_METHOD_POST) == 0;
    bool reads =
        strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    struct vg_http_head head;

    read_head(x->connection, &head);
    x->unframed = refused(x, vg_http_guard_framing(&head));
    if (x->unframed)
        return;
    x->page = find_page(x->server, path);
    if (!any_host(guard, x->page) && refused(x, vg_http_guard_host(guard, &head)))
        return;
    x->file = x->page ? NULL : vg_http_file_find(&x->server->files, path);
    if (!x->page && !x->file) {
        list_pages(x);
        return;
    }
    if (x->page && x->page->method == VG_HTTP_POST ? !posts : !reads) {
        refused(x, (struct vg_http_verdict){ MHD_HTTP_METHOD_NOT_ALLOWED,
                                             x->page && x->page->method == VG_HTTP_POST
                                                 ? "this is done by POST"
                                                 : "this is read by GET or HEAD" });
        return;
    }
    x->roles = vg_http_guard_roles(guard, head.authorization);
    if (x->page && posts && forbidden(x, vg_http_guard_origin(&head)))
        return;
    x->is_local = vg_http_guard_is_local(guard, &head);
    if (x->page &&
        forbidden(x, vg_http_guard_access(guard, x->page->access, x->roles, x->is_local)))
        return;
    refused(x, vg_http_guard_body(&head, posts));
}

/* ---- the page ---- */

static void take_body(struct vg_http_exchange *x, const char *bytes, size_t n)
{
    if (x->body.len + n <= VG_HTTP_BODY_MAX)
        vg_buf_add(&x->body, bytes, n);
    else
        refused(x, (struct vg_http_verdict){ MHD_HTTP_CONTENT_TOO_LARGE,
                                             "the body is longer than it said" });
}

static void make_page(struct vg_http_exchange *x)
{
    struct vg_http_answer *a = &x->answer;
    struct vg_http_request request = {
        .accept = header(x->connection, MHD_HTTP_HEADER_ACCEPT),
        .roles = x->roles,
        .trusted = (x->roles & VG_HTTP_MAY_READ) || x->is_local,
        .from = x->place->from,
        .connection = x->connection,
    };

    vg_buf_str(&x->body, "");
    request.body = x->body.data;
    request.body_len = x->body.len;
    x->page->fn(x->server->content->arg, &request, a);
    x->made = true;
    if ((a->stream || a->later) && !vg_http_hold(x)) {
        vg_http_release(x);
        vg_http_refuse(a, MHD_HTTP_SERVICE_UNAVAILABLE,
                       "as many wait here as may; expected to be asked again later");
    }
}

static struct vg_http_exchange *begin(struct vg_http *h, struct MHD_Connection *c)
{
    struct vg_http_exchange *x = calloc(1, sizeof(*x));

    VG_CHECK(x);
    x->server = h;
    x->connection = c;
    x->place = vg_http_place_of(c);
    x->answer.status = MHD_HTTP_OK;
    x->answer.type = "text/plain; charset=utf-8";
    return x;
}

enum MHD_Result vg_http_answer_call(void *server, struct MHD_Connection *c, const char *url,
                                    const char *method, const char *version, const char *upload,
                                    size_t *upload_size, void **exchange)
{
    struct vg_http_exchange *x = *exchange;

    (void)version;
    if (!x) {
        *exchange = x = begin(server, c);
        judge(x, url, method);
        return x->made ? respond(x) : MHD_YES;
    }
    if (*upload_size > 0) {
        take_body(x, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    if (x->file && !x->made)
        return send_file(x);
    if (!x->made)
        make_page(x);
    if (x->answer.later) {
        vg_http_hold_rest(x);
        return MHD_YES;
    }
    return respond(x);
}

void vg_http_answer_over(void *server, struct MHD_Connection *c, void **exchange,
                         enum MHD_RequestTerminationCode why)
{
    struct vg_http_exchange *x = *exchange;

    (void)server;
    (void)c;
    (void)why;
    if (!x)
        return;
    vg_http_place_phase(x->place, VG_HTTP_AWAITED);
    vg_http_release(x);
    vg_buf_done(&x->answer.body);
    vg_buf_done(&x->body);
    free(x);
    *exchange = NULL;
}

/* ---- for pages ---- */

bool vg_http_wants_json(const char *accept)
{
    const char *json = accept ? strstr(accept, "application/json") : NULL;
    const char *text = accept ? strstr(accept, "text/plain") : NULL;

    return json && (!text || json < text);
}

const char *vg_http_query(const struct vg_http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

bool vg_http_query_int(const struct vg_http_request *request, const char *name, int64_t min,
                       int64_t max, int64_t otherwise, int64_t *ret)
{
    const char *text = vg_http_query(request, name);
    int64_t n = otherwise;

    if (text && (!vg_parse_int(text, &n) || n < min || n > max))
        return false;
    *ret = n;
    return true;
}

void vg_http_event(struct vg_buf *out, const char *name)
{
    vg_buf_printf(out, "event: %s\ndata: ", name);
}

void vg_http_event_end(struct vg_buf *out)
{
    vg_buf_str(out, "\n\n");
}
