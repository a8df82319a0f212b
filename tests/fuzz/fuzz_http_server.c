/* fuzz_http_server.c - any bytes as what a client says to the HTTP server: they are answered, or the
 * connection ends, and the next client is served. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/api_orders.h"

enum { ADDRESSES = 200 };

static struct vg_http *server;
static struct vg_shared shared;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void orders(void *arg, const struct vg_http_request *request, struct vg_http_answer *ret)
{
    static struct vg_api_refused refused;

    (void)arg;
    vg_api_orders(&shared, NULL, &refused, request, ret);
}

static void livez(void *arg, const struct vg_http_request *request, struct vg_http_answer *ret)
{
    int64_t n;

    (void)arg;
    if (!vg_http_query_int(request, "n", 0, 9, 0, &n))
        vg_http_refuse(ret, 400, "n: expected a digit");
    else
        vg_buf_str(&ret->body, "ok");
}

static void start_server(void)
{
    static const struct vg_http_page pages[] = {
        { "/livez", VG_HTTP_GET, VG_HTTP_ANYBODY, livez },
        { "/api/v1/orders", VG_HTTP_POST, VG_HTTP_ACKNOWLEDGE, orders },
        { NULL, VG_HTTP_GET, VG_HTTP_ANYBODY, NULL },
    };
    static const struct vg_http_file files[] = { { "/index.html", "<p>", 3 }, { NULL, NULL, 0 } };
    static const struct vg_http_content content = { .pages = pages, .files = files };
    static const struct vg_http_options options = {
        .listen = (char *)"127.0.0.1:0",
        .acknowledge_token = (char *)"0123456789abcdef",
    };
    struct vg_err err = { .status = VG_OK };

    VG_CHECK(vg_http_start(&options, &content, -1, &server, &err) == VG_OK);
}

/* What the server answers, or "" when it waits for more; then the client is gone. */
static void ask(const void *bytes, size_t n, int wait_ms, char *ret, size_t size)
{
    struct sockaddr_in at = { .sin_family = AF_INET };
    struct sockaddr_in from = at;
    struct pollfd p = { .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .events = POLLIN };
    static uint32_t asked;
    ssize_t got = 0;

    /* Of one address all ports would soon be used up: each rests for a minute. */
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + asked++ % ADDRESSES);
    VG_CHECK(bind(p.fd, (struct sockaddr *)&from, sizeof(from)) == 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons((uint16_t)atoi(strrchr(vg_http_address(server), ':') + 1));
    VG_CHECK(connect(p.fd, (struct sockaddr *)&at, sizeof(at)) == 0);
    (void)!send(p.fd, bytes, n, MSG_NOSIGNAL);
    if (poll(&p, 1, wait_ms) > 0)
        got = recv(p.fd, ret, size - 1, 0);
    ret[got > 0 ? got : 0] = '\0';
    close(p.fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const char probe[] =
        "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    char answer[2048];

    if (!server)
        start_server();
    ask(bytes, n, 50, answer, sizeof(answer));
    VG_CHECK(answer[0] == '\0' || strncmp(answer, "HTTP/1.", 7) == 0);
    /* Nothing is ordered here: there is no outbox to look into. */
    VG_CHECK(!strstr(answer, "{\"ok\":true}"));
    ask(probe, sizeof(probe) - 1, 20000, answer, sizeof(answer));
    VG_CHECK(strncmp(answer, "HTTP/1.1 200", 12) == 0);
    return 0;
}
