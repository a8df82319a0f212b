/* demo_page.c - where the ward page of the demo is, and the token for it. */
#include "app/demo_page.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TOKEN_BYTES = 16 };

/* Somebody else may take it before the pipeline does; then the pipeline says so and ends. */
static int free_port(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int port = 0;

    if (fd < 0)
        return 0;
    if (bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
        getsockname(fd, (struct sockaddr *)&at, &len) == 0)
        port = ntohs(at.sin_port);
    close(fd);
    return port;
}

vg_status vg_demo_page_choose(char ret[96], struct vg_err *err)
{
    unsigned char random[TOKEN_BYTES];
    char token[2 * TOKEN_BYTES + 1], listen[32];
    int port = free_port();

    if (port == 0 || getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return vg_fail(err, VG_E_IO, "no port or token for the ward page: %s", strerror(errno));
    for (size_t i = 0; i < TOKEN_BYTES; i++)
        snprintf(token + 2 * i, 3, "%02x", random[i]);
    snprintf(listen, sizeof(listen), "127.0.0.1:%d", port);
    setenv("VIGIL_DEMO_HTTP", listen, 1);
    setenv("VIGIL_DEMO_TOKEN", token, 1);
    snprintf(ret, 96, "http://%s/#token=%s", listen, token);
    return VG_OK;
}
