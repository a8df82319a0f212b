/* host.h - hosts in addresses, and whether one is this machine. */
#ifndef VG_CORE_HOST_H
#define VG_CORE_HOST_H

#include "core/base.h"

/** Whether `host` (n bytes) is "localhost" or an address of the loopback interface: 127.0.0.0/8, ::1,
 *  also in brackets. Other names are not looked up: they may change. */
bool vg_host_is_loopback(const char *host, size_t n);

/** Parts "HOST", "HOST:PORT" and "[V6]:PORT" into the host, which the caller frees, and the port, 0 when
 *  there is none. False when it is no such address; then nothing is to be freed. */
VG_NODISCARD bool vg_host_split(const char *address, char **ret_host, int *ret_port);

#endif
