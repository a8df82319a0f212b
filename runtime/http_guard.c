/* http_guard.c - who may ask for what.
 *
 * A token guards against strangers; the host and the origin guard against a browser that has the token and
 * is led astray by another site. A site cannot make a browser send our name as the host unless it was our
 * page that asked, and cannot hide where a POST comes from.
 */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include <sodium.h>

#include "core/host.h"
#include "core/text.h"
#include "runtime/http_private.h"

static const struct vg_http_verdict fine = { 0, NULL };

/* ---- tokens ---- */

static void digest(const struct vg_http_guard *g, const char *token, uint8_t ret[VG_HTTP_DIGEST])
{
    crypto_generichash(ret, VG_HTTP_DIGEST, (const uint8_t *)token, strlen(token), g->key,
                       sizeof(g->key));
}

void vg_http_guard_init(struct vg_http_guard *g, const struct vg_http_options *o, bool local)
{
    const char *const tokens[VG_HTTP_TOKENS] = { o->token, o->acknowledge_token, o->command_token };

    VG_CHECK(sodium_init() >= 0);
    *g = (struct vg_http_guard){ .local = local, .hosts = &o->hosts };
    randombytes_buf(g->key, sizeof(g->key));
    for (int i = 0; i < VG_HTTP_TOKENS; i++) {
        g->known[i] = tokens[i] != NULL;
        if (tokens[i])
            digest(g, tokens[i], g->token[i]);
    }
}

unsigned vg_http_guard_roles(const struct vg_http_guard *g, const char *authorization)
{
    static const char scheme[] = "Bearer ";
    static const unsigned roles[VG_HTTP_TOKENS] = {
        VG_HTTP_MAY_READ,
        VG_HTTP_MAY_READ | VG_HTTP_MAY_ACKNOWLEDGE,
        VG_HTTP_MAY_READ | VG_HTTP_MAY_ACKNOWLEDGE | VG_HTTP_MAY_COMMAND,
    };
    uint8_t given[VG_HTTP_DIGEST];
    unsigned ret = 0;

    if (!authorization || strncasecmp(authorization, scheme, sizeof(scheme) - 1) != 0)
        return 0;
    digest(g, authorization + sizeof(scheme) - 1, given);
    for (int i = 0; i < VG_HTTP_TOKENS; i++) {
        if (g->known[i] && sodium_memcmp(given, g->token[i], sizeof(given)) == 0)
            ret |= roles[i];
    }
    return ret;
}

struct vg_http_verdict vg_http_guard_access(const struct vg_http_guard *g,
                                            enum vg_http_access access, unsigned roles,
                                            bool is_local)
{
    static const struct {
        unsigned role;
        const char *unset, *lacking;
    } needs[] = {
        [VG_HTTP_TRUSTED] = { VG_HTTP_MAY_READ,
                              "this page needs a token, and none is configured: set "
                              "service.http.token",
                              "" },
        [VG_HTTP_READ] = { VG_HTTP_MAY_READ,
                           "this page needs a token, and none is configured: set "
                           "service.http.token",
                           "" },
        [VG_HTTP_ACKNOWLEDGE] = { VG_HTTP_MAY_ACKNOWLEDGE,
                                  "nobody may acknowledge here: set "
                                  "service.http.acknowledge_token",
                                  "this token may only read; expected the one of "
                                  "service.http.acknowledge_token" },
        [VG_HTTP_COMMAND] = { VG_HTTP_MAY_COMMAND,
                              "nobody may give commands here: set service.http.command_token",
                              "this token may not give commands; expected the one of "
                              "service.http.command_token" },
    };
    bool set = false;

    if (access == VG_HTTP_ANYBODY || (access == VG_HTTP_TRUSTED && is_local) ||
        (roles & needs[access].role))
        return fine;
    /* A greater token does for a smaller one. */
    for (int i = 0; i < VG_HTTP_TOKENS; i++)
        set |= g->known[i] && (needs[access].role <= 1u << i);
    if (!set)
        return (struct vg_http_verdict){ MHD_HTTP_FORBIDDEN, needs[access].unset };
    if (roles)
        return (struct vg_http_verdict){ MHD_HTTP_FORBIDDEN, needs[access].lacking };
    return (struct vg_http_verdict){ MHD_HTTP_UNAUTHORIZED,
                                     "this page needs \"Authorization: Bearer TOKEN\"" };
}

/* ---- where it was sent to, and from which page ---- */

/* The name or address in "HOST:PORT", without its brackets; 0: it is no such text. */
static size_t host_part(const char *text, const char **ret)
{
    bool bracket = text[0] == '[';
    const char *host = text + bracket;
    size_t n = strcspn(host, bracket ? "]" : ":");
    const char *port = host + n + bracket;

    if (bracket && host[n] != ']')
        return 0;
    if (*port == ':' && port[1 + strspn(port + 1, "0123456789")] != '\0')
        return 0;
    if (*port != ':' && *port != '\0')
        return 0;
    *ret = host;
    return n;
}

bool vg_http_guard_is_local(const struct vg_http_guard *g, const struct vg_http_head *head)
{
    const char *host = "";
    size_t n = head->host ? host_part(head->host, &host) : 0;

    return g->local && !head->forwarded && (!head->host || vg_host_is_loopback(host, n));
}

static bool is_address(const char *host, size_t n)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr any;

    if (n >= sizeof(text))
        return false;
    memcpy(text, host, n);
    text[n] = '\0';
    return inet_pton(AF_INET, text, &any) == 1 || inet_pton(AF_INET6, text, &any) == 1;
}

static bool is_named(const struct vg_strings *names, const char *host, size_t n)
{
    for (size_t i = 0; i < names->n; i++) {
        if (strlen(names->value[i]) == n && strncasecmp(names->value[i], host, n) == 0)
            return true;
    }
    return false;
}

/* An address is not a name that somebody could turn round to this machine. */
struct vg_http_verdict vg_http_guard_host(const struct vg_http_guard *g,
                                          const struct vg_http_head *head)
{
    const char *host = "";
    size_t n = head->host ? host_part(head->host, &host) : 0;

    if (head->hosts == 0)
        return fine; /* HTTP/1.0: no browser */
    if (head->hosts == 1 && n > 0 &&
        (vg_host_is_loopback(host, n) || (!g->local && is_address(host, n)) ||
         is_named(g->hosts, host, n)))
        return fine;
    return (struct vg_http_verdict){ MHD_HTTP_MISDIRECTED_REQUEST,
                                     "this server is not called what the request's Host says; "
                                     "expected its address, or a name in service.http.hosts" };
}

struct vg_http_verdict vg_http_guard_origin(const struct vg_http_head *head)
{
    static const struct vg_http_verdict foreign = {
        MHD_HTTP_FORBIDDEN, "this was sent by a page of another site; expected one of this server"
    };
    const char *at = head->origin ? strstr(head->origin, "://") : NULL;

    if (head->fetch_site && strcmp(head->fetch_site, "same-origin") != 0)
        return foreign;
    if (!head->origin)
        return fine;
    /* The scheme may differ: TLS ends before this server. */
    if (!at || !head->host || strcasecmp(at + 3, head->host) != 0)
        return foreign;
    return fine;
}

/* ---- bodies ---- */

struct vg_http_verdict vg_http_guard_framing(const struct vg_http_head *head)
{
    if (head->lengths <= 1 && head->origins <= 1)
        return fine;
    return (struct vg_http_verdict){ MHD_HTTP_BAD_REQUEST,
                                     "expected one Content-Length and one Origin at most" };
}

static bool is_json(const char *type)
{
    static const char json[] = "application/json";
    size_t n = sizeof(json) - 1;

    return type && strncasecmp(type, json, n) == 0 &&
           (type[n] == '\0' || type[n] == ';' || type[n] == ' ');
}

struct vg_http_verdict vg_http_guard_body(const struct vg_http_head *head, bool posts)
{
    int64_t length = 0;

    if (!posts && (head->coding || (head->length && strcmp(head->length, "0") != 0)))
        return (struct vg_http_verdict){ MHD_HTTP_CONTENT_TOO_LARGE, "a request has no body here" };
    if (!posts)
        return fine;
    if (head->coding || !head->length || !vg_parse_int(head->length, &length) || length < 0)
        return (struct vg_http_verdict){ MHD_HTTP_LENGTH_REQUIRED,
                                         "expected a body with Content-Length, not in chunks" };
    if (length > VG_HTTP_BODY_MAX)
        return (struct vg_http_verdict){ MHD_HTTP_CONTENT_TOO_LARGE,
                                         "a body has at most 16 KiB here" };
    if (!is_json(head->type))
        return (struct vg_http_verdict){ MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
                                         "expected Content-Type: application/json" };
    return fine;
}
