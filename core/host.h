/* host.h - whether a host is this machine. */
#ifndef VG_CORE_HOST_H
#define VG_CORE_HOST_H

#include "core/base.h"

/** Whether `host` (n bytes) is "localhost" or an address of the loopback interface: 127.0.0.0/8, ::1,
 *  also in brackets. Other names are not looked up: they may change. */
bool vg_host_is_loopback(const char *host, size_t n);

#endif
