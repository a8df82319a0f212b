/* fuzz_http_answer.c - any bytes as what an HTTP receiver answers: within its time, they are a status
 * that decides, or no answer; and 2xx is only what the bytes say. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sinks/http_post.h"

/* What the receiver says to the next request. */
struct receiver {
    int listen_fd;
    int over_fd; /* eventfd: nobody will come any more */
    const uint8_t *bytes;
    size_t n;
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* Who comes, or -1: on a busy machine the time may be up before the sender has connected. */
static int receive(const struct receiver *r)
{
    struct pollfd p[2] = { { .fd = r->listen_fd, .events = POLLIN },
                           { .fd = r->over_fd, .events = POLLIN } };

    while (poll(p, 2, -1) < 0)
        continue;
    return p[0].revents ? accept(r->listen_fd, NULL, NULL) : -1;
}

/* Reads the head of the request and its body, which is one byte, and answers. */
static void *answer(void *arg)
{
    const struct receiver *r = arg;
    int fd = receive(r);
    char request[2048] = "";
    size_t got = 0;

    if (fd < 0)
        return NULL;
    while (got < sizeof(request) - 1 && !strstr(request, "\r\n\r\nx")) {
        ssize_t more = read(fd, request + got, sizeof(request) - 1 - got);

        if (more <= 0)
            break;
        got += (size_t)more;
        request[got] = '\0';
    }
    if (r->n > 0)
        (void)!send(fd, r->bytes, r->n, MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    close(fd);
    return NULL;
}

static int listen_here(char url[48])
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    VG_CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
             listen(fd, 4) == 0 && getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    snprintf(url, 48, "http://127.0.0.1:%d/", ntohs(address.sin_port));
    return fd;
}

static bool says_2xx(const uint8_t *bytes, size_t n)
{
    return memmem(bytes, n, " 2", 2) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static char url[48];
    static char *allowed[] = { (char *)"loopback" };
    static struct vg_http_options options = { .url = url, .allow = { 1, NULL, allowed } };
    static const char *const headers[] = { "Content-Type: application/json", NULL };
    static const struct vg_http_request request = { "POST", "", headers, "x", 1 };
    static struct receiver r;
    static struct vg_http *http;
    struct vg_err err = { .status = VG_OK };
    uint64_t one = 1;
    pthread_t thread;
    vg_status st;

    if (!http) {
        r.listen_fd = listen_here(url);
        r.over_fd = eventfd(0, EFD_CLOEXEC);
        VG_CHECK(vg_http_open(&options, "test", VG_NS_PER_S, &http, &err) == VG_OK);
    }
    r.bytes = bytes;
    r.n = n;
    VG_CHECK(pthread_create(&thread, NULL, answer, &r) == 0);
    st = vg_http_send(http, &request, &err);
    VG_CHECK(write(r.over_fd, &one, sizeof(one)) == sizeof(one));
    pthread_join(thread, NULL);
    VG_CHECK(read(r.over_fd, &one, sizeof(one)) == sizeof(one));
    VG_CHECK(st == VG_OK ? says_2xx(bytes, n) : err.msg[0] != '\0');
    return 0;
}
