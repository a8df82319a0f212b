/* http_post.c - one HTTP request at a time to a receiver that is not trusted. */
#include "sinks/http_post.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/host.h"

enum { ANSWER_MAX = 64 * 1024, CONNECTIONS = 1 };

struct vg_http {
    const struct vg_http_options *options;
    CURLSH *share; /* of connections and TLS sessions, between requests */
    struct vg_buf agent;
    long timeout_ms;
    struct vg_buf url;
    long status;         /* of the present answer; 0: none yet */
    size_t answered;     /* bytes of the present answer */
    const char *refused; /* the kind of an address that was turned down */
    bool allow_loopback, allow_link_local;
};

/* ---- checking ---- */

/* Names that would break the request, or say something that is Vigil's to say. */
static bool header_valid(const char *name, const char *value)
{
    static const char *const taken[] = { "host",           "content-length",    "content-type",
                                         "connection",     "transfer-encoding", "expect",
                                         "accept-encoding" };

    if (!*name ||
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") !=
            strlen(name))
        return false;
    for (size_t i = 0; i < VG_ARRAY_LEN(taken); i++) {
        if (strcasecmp(name, taken[i]) == 0)
            return false;
    }
    for (; *value; value++) {
        if ((unsigned char)*value < ' ' && *value != '\t')
            return false;
    }
    return true;
}

static vg_status check_headers(const struct vg_strings *headers, struct vg_err *err)
{
    for (size_t i = 0; i < headers->n; i++) {
        if (!header_valid(headers->key[i], headers->value[i]))
            return vg_fail_option(
                err, VG_E_CONFIG, "headers",
                "%s is no header that may be given here: its name or value is not "
                "valid, or Vigil sets it",
                headers->key[i]);
    }
    return VG_OK;
}

static vg_status check_allow(const struct vg_strings *allow, struct vg_err *err)
{
    for (size_t i = 0; i < allow->n; i++) {
        if (strcmp(allow->value[i], "loopback") != 0 && strcmp(allow->value[i], "link_local") != 0)
            return vg_fail_option(err, VG_E_CONFIG, "allow",
                                  "\"%s\" is no kind of address; expected loopback or link_local",
                                  allow->value[i]);
    }
    return VG_OK;
}

static vg_status check_parts(const struct vg_http_options *o, CURLU *url, struct vg_err *err)
{
    char *scheme = NULL, *host = NULL, *user = NULL;
    vg_status st = VG_OK;

    curl_url_get(url, CURLUPART_SCHEME, &scheme, 0);
    curl_url_get(url, CURLUPART_HOST, &host, 0);
    curl_url_get(url, CURLUPART_USER, &user, 0);
    if (!scheme || !host || (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0))
        st = vg_fail_option(err, VG_E_CONFIG, "url", "expected https://HOST/PATH");
    else if (user)
        st = vg_fail_option(err, VG_E_CONFIG, "url",
                            "a user or password does not belong here, where it would be printed: "
                            "use `headers` (Authorization)");
    else if (strcmp(scheme, "http") == 0 && !o->insecure &&
             !vg_host_is_loopback(host, strlen(host)))
        st = vg_fail_option(
            err, VG_E_CONFIG, "url",
            "%s is another machine, and patients' data would go there in plain text: "
            "use https, or insecure: true",
            host);
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    return st;
}

static vg_status check_url(const struct vg_http_options *o, struct vg_err *err)
{
    CURLU *url = curl_url();
    vg_status st;

    VG_CHECK(url);
    if (curl_url_set(url, CURLUPART_URL, o->url, 0) != CURLUE_OK)
        st = vg_fail_option(err, VG_E_CONFIG, "url", "expected https://HOST/PATH");
    else
        st = check_parts(o, url, err);
    curl_url_cleanup(url);
    return st;
}

vg_status vg_http_check(const struct vg_http_options *o, struct vg_err *err)
{
    vg_status st = check_url(o, err);

    if (st == VG_OK)
        st = check_headers(&o->headers, err);
    if (st == VG_OK)
        st = check_allow(&o->allow, err);
    if (st == VG_OK)
        st = vg_certificate_check(&o->certs, err);
    return st;
}

/* ---- addresses ---- */

static const char *kind_of_v4(uint32_t a)
{
    /* Alibaba's metadata, the one that is not link-local. */
    static const uint32_t metadata = 0x646464c8;

    if (a >> 24 == 127 || a >> 24 == 0)
        return "loopback";
    if (a >> 16 == 0xa9fe || a == metadata)
        return "link_local";
    return a >> 28 >= 0xe ? "multicast" : NULL;
}

static uint32_t read_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static const char *kind_of_v6(const uint8_t a[16])
{
    static const uint8_t zero[15];
    /* fd00:ec2::254, where one cloud keeps credentials. */
    static const uint8_t metadata[16] = { 0xfd, 0, 0x0e, 0xc2, [14] = 2, [15] = 0x54 };
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

    if (memcmp(a, mapped, sizeof(mapped)) == 0)
        return kind_of_v4(read_be32(a + 12));
    if (memcmp(a, zero, sizeof(zero)) == 0 && a[15] <= 1)
        return "loopback";
    if ((a[0] == 0xfe && (a[1] & 0xc0) == 0x80) || memcmp(a, metadata, sizeof(metadata)) == 0)
        return "link_local";
    return a[0] == 0xff ? "multicast" : NULL;
}

/* Which kind of address it is that has to be allowed; NULL: one that may be talked to. */
static const char *kind_of(const struct sockaddr *a)
{
    if (a->sa_family == AF_INET) {
        struct sockaddr_in v4;

        memcpy(&v4, a, sizeof(v4));
        return kind_of_v4(ntohl(v4.sin_addr.s_addr));
    }
    if (a->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;

        memcpy(&v6, a, sizeof(v6));
        return kind_of_v6(v6.sin6_addr.s6_addr);
    }
    return "local";
}

static bool may_reach(const struct vg_http *h, const char *kind)
{
    return !kind || (h->allow_loopback && strcmp(kind, "loopback") == 0) ||
           (h->allow_link_local && strcmp(kind, "link_local") == 0);
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct vg_http *h = arg;
    const char *kind = kind_of(&address->addr);

    if (purpose != CURLSOCKTYPE_IPCXN || !may_reach(h, kind)) {
        h->refused = kind;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* ---- sending ---- */

/* "HTTP/1.1 204 ..." or "HTTP/2 204": the status, or 0. libcurl takes any line that begins with HTTP/
 * for a 200 when it can make nothing of it, and an alert must not count as delivered for that. */
static long read_status(const char *line, size_t n)
{
    static const char *const starts[] = { "HTTP/1.0 ", "HTTP/1.1 ", "HTTP/2 " };

    for (size_t i = 0; i < VG_ARRAY_LEN(starts); i++) {
        size_t skip = strlen(starts[i]);
        const char *s = line + skip;

        if (n >= skip + 3 && strncmp(line, starts[i], skip) == 0 && isdigit((unsigned char)s[0]) &&
            isdigit((unsigned char)s[1]) && isdigit((unsigned char)s[2]))
            return (s[0] - '0') * 100L + (s[1] - '0') * 10L + (s[2] - '0');
    }
    return 0;
}

/* Headers, a line at a time; a status line may follow one of 1xx. */
static size_t take_header(char *line, size_t size, size_t n, void *arg)
{
    struct vg_http *h = arg;

    if (size * n >= 5 && strncasecmp(line, "HTTP/", 5) == 0)
        h->status = read_status(line, size * n);
    return size * n;
}

/* Reads the answer up to its bound and keeps none of it. */
/* NOLINTNEXTLINE(readability-non-const-parameter): the type is libcurl's */
static size_t take_answer(char *bytes, size_t size, size_t n, void *arg)
{
    struct vg_http *h = arg;

    (void)bytes;
    h->answered += size * n;
    return h->answered > ANSWER_MAX ? 0 : size * n;
}

static bool is_allowed(const struct vg_strings *allow, const char *kind)
{
    for (size_t i = 0; i < allow->n; i++) {
        if (strcmp(allow->value[i], kind) == 0)
            return true;
    }
    return false;
}

static bool set_fixed(struct vg_http *h, CURL *c)
{
    const struct vg_http_options *o = h->options;
    bool ok = curl_easy_setopt(c, CURLOPT_SHARE, h->share) == CURLE_OK;

    /* A name is resolved by getaddrinfo() in a thread of libcurl's, so that no signal is needed. */
    ok &= curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
    ok &= curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
    ok &= curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK;
    ok &= curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK;
    ok &= curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK;
    ok &= curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK;
    ok &= curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, h->timeout_ms) == CURLE_OK;
    ok &= curl_easy_setopt(c, CURLOPT_MAXCONNECTS, (long)CONNECTIONS) == CURLE_OK;
    ok &= curl_easy_setopt(c, CURLOPT_TCP_NODELAY, 1L) == CURLE_OK;
    ok &= curl_easy_setopt(c, CURLOPT_USERAGENT, h->agent.data) == CURLE_OK;
    ok &= curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header) == CURLE_OK;
    ok &= curl_easy_setopt(c, CURLOPT_HEADERDATA, h) == CURLE_OK;
    ok &= curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_answer) == CURLE_OK;
    ok &= curl_easy_setopt(c, CURLOPT_WRITEDATA, h) == CURLE_OK;
    ok &= curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK;
    ok &= curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, h) == CURLE_OK;
    if (o->certs.ca_file)
        ok &= curl_easy_setopt(c, CURLOPT_CAINFO, o->certs.ca_file) == CURLE_OK;
    if (o->certs.certificate) {
        ok &= curl_easy_setopt(c, CURLOPT_SSLCERT, o->certs.certificate) == CURLE_OK;
        ok &= curl_easy_setopt(c, CURLOPT_SSLKEY, o->certs.key) == CURLE_OK;
    }
    return ok;
}

/* A file that cannot be read would show as a failure of TLS, over and over. */
static vg_status check_files(const struct vg_http_options *o, struct vg_err *err)
{
    const char *const files[][2] = { { "ca", o->certs.ca_file },
                                     { "certificate", o->certs.certificate },
                                     { "key", o->certs.key } };

    for (size_t i = 0; i < VG_ARRAY_LEN(files); i++) {
        if (files[i][1] && access(files[i][1], R_OK) != 0)
            return vg_fail_option(err, VG_E_CONFIG, files[i][0], "%s cannot be read", files[i][1]);
    }
    return VG_OK;
}

vg_status vg_http_open(const struct vg_http_options *options, const char *version,
                       int64_t timeout_ns, struct vg_http **ret, struct vg_err *err)
{
    struct vg_http *h;
    vg_status st = check_files(options, err);

    *ret = NULL;
    if (st != VG_OK)
        return st;
    h = calloc(1, sizeof(*h));
    VG_CHECK(h);
    VG_CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
    h->options = options;
    h->share = curl_share_init();
    h->timeout_ms = (long)(timeout_ns / VG_NS_PER_MS);
    h->allow_loopback = is_allowed(&options->allow, "loopback");
    h->allow_link_local = is_allowed(&options->allow, "link_local");
    VG_CHECK(h->share &&
             curl_share_setopt(h->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT) == CURLSHE_OK &&
             curl_share_setopt(h->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) ==
                 CURLSHE_OK);
    vg_buf_printf(&h->agent, "vigil/%s", version);
    *ret = h;
    return VG_OK;
}

void vg_http_close(struct vg_http *h)
{
    if (!h)
        return;
    curl_share_cleanup(h->share);
    curl_global_cleanup();
    vg_buf_done(&h->agent);
    vg_buf_done(&h->url);
    free(h);
}

static struct curl_slist *add_header(struct curl_slist *list, const char *text)
{
    list = curl_slist_append(list, text);
    VG_CHECK(list);
    return list;
}

static struct curl_slist *make_headers(const struct vg_http *h, const struct vg_http_request *r)
{
    struct vg_buf line = VG_BUF_INIT;
    /* Without it, libcurl would ask first whether a large body is welcome, and wait. */
    struct curl_slist *list = add_header(NULL, "Expect:");

    for (size_t i = 0; r->headers[i]; i++)
        list = add_header(list, r->headers[i]);
    for (size_t i = 0; i < h->options->headers.n; i++) {
        vg_buf_clear(&line);
        vg_buf_printf(&line, "%s: %s", h->options->headers.key[i], h->options->headers.value[i]);
        list = add_header(list, line.data);
    }
    /* A header may be a secret. */
    if (line.data)
        explicit_bzero(line.data, line.cap);
    vg_buf_done(&line);
    return list;
}

static void drop_headers(struct curl_slist *list)
{
    for (struct curl_slist *i = list; i; i = i->next)
        explicit_bzero(i->data, strlen(i->data));
    curl_slist_free_all(list);
}

static vg_status judge_status(long status, struct vg_err *err)
{
    if (status >= 200 && status < 300)
        return VG_OK;
    switch (status) {
    case 400:
    case 413:
    case 414:
    case 422:
        return vg_fail(err, VG_E_RANGE, "the receiver refuses it with status %ld", status);
    case 410:
        return vg_fail(err, VG_E_FAILED,
                       "the receiver wants no more events (status 410): remove the sink, or its "
                       "address is wrong");
    default:
        if (status >= 300 && status < 400)
            return vg_fail(err, VG_E_TEMPORARY,
                           "the receiver has moved (status %ld), and redirects are not followed: "
                           "change the url",
                           status);
        return vg_fail(err, VG_E_TEMPORARY, "the receiver answers with status %ld", status);
    }
}

static vg_status judge(const struct vg_http *h, CURLcode code, struct vg_err *err)
{
    /* The status is the answer; a body that is too long or does not end is not waited for. */
    if (h->status >= 200)
        return judge_status(h->status, err);
    if (h->refused)
        return vg_fail(err, VG_E_UNAVAILABLE,
                       "the name leads to a %s address, which is refused unless the option allow "
                       "names it",
                       h->refused);
    return vg_fail(err, VG_E_UNAVAILABLE, "no answer: %s",
                   code == CURLE_OK ? "not HTTP" : curl_easy_strerror(code));
}

static bool ends_in_slash(const char *url)
{
    return url[strlen(url) - 1] == '/';
}

vg_status vg_http_send(struct vg_http *h, const struct vg_http_request *r, struct vg_err *err)
{
    struct curl_slist *headers = make_headers(h, r);
    /* One for each request: used again, libcurl 7.88 reads freed memory when an answer begins with a
     * folded line (found by tests/fuzz/fuzz_http_answer.c). Connections are kept by h->share. */
    CURL *c = curl_easy_init();
    CURLcode code;

    vg_buf_clear(&h->url);
    /* A base may end in a slash, and a path begins with one. */
    vg_buf_add(&h->url, h->options->url,
               strlen(h->options->url) - (r->path[0] && ends_in_slash(h->options->url)));
    vg_buf_str(&h->url, r->path);
    h->answered = 0;
    h->status = 0;
    h->refused = NULL;
    VG_CHECK(c && set_fixed(h, c) && curl_easy_setopt(c, CURLOPT_URL, h->url.data) == CURLE_OK &&
             curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
             curl_easy_setopt(c, CURLOPT_POSTFIELDS, r->body) == CURLE_OK &&
             curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->len) == CURLE_OK &&
             curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, r->method) == CURLE_OK);
    code = curl_easy_perform(c);
    curl_easy_cleanup(c);
    drop_headers(headers);
    return judge(h, code, err);
}
