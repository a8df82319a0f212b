/* host.c - hosts in addresses, and whether one is this machine. */
#include "core/host.h"

#include <arpa/inet.h>
#include <string.h>

#include "core/text.h"

enum { PORT_MAX = 65535 };

bool vg_host_is_loopback(const char *host, size_t n)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr v6;
    struct in_addr v4;

    if (n >= 2 && host[0] == '[' && host[n - 1] == ']') {
        host++;
        n -= 2;
    }
    if (n >= sizeof(text))
        return false;
    memcpy(text, host, n);
    text[n] = '\0';
    if (inet_pton(AF_INET, text, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    if (inet_pton(AF_INET6, text, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6);
    return strcmp(text, "localhost") == 0;
}

bool vg_host_split(const char *address, char **ret_host, int *ret_port)
{
    bool bracket = address[0] == '[';
    const char *host = address + bracket;
    size_t n = strcspn(host, bracket ? "]" : ":");
    const char *rest = host + n + (bracket && host[n] == ']');
    int64_t port = 0;

    if (n == 0 || (bracket && host[n] != ']') || (*rest && *rest != ':'))
        return false;
    if (*rest && (!vg_parse_int(rest + 1, &port) || port < 1 || port > PORT_MAX))
        return false;
    *ret_host = strndup(host, n);
    VG_CHECK(*ret_host);
    *ret_port = (int)port;
    return true;
}
