/* zeromq_address.h - which addresses the ZeroMQ sink may bind, and how one is claimed. */
#ifndef VG_SINKS_ZEROMQ_ADDRESS_H
#define VG_SINKS_ZEROMQ_ADDRESS_H

#include "core/err.h"

enum { VG_ENDPOINT_SIZE = 160 };

/**
 * Checks that `endpoint` is tcp with a port, or ipc with a path; without keys, tcp on the loopback
 * interface alone. Fails with VG_E_CONFIG, naming `option`. Touches nothing.
 */
VG_NODISCARD vg_status vg_zeromq_address_check(const char *option, const char *endpoint,
                                               bool has_keys, struct vg_err *err);

/** An address that this process may bind. Zeroed means: none. */
struct vg_zeromq_claim {
    bool is_ipc;
    bool has_lock;
    int lock_fd;
    char bind[VG_ENDPOINT_SIZE]; /**< what to give to zmq_bind() */
};

/**
 * Makes sure that no other process has `endpoint`, which vg_zeromq_address_check() passed. For ipc
 * that takes a lock file beside the socket and tries the socket: libzmq would silently take the
 * name away from a process that lives. Its folder is made, or must be this user's alone (VG_E_CONFIG):
 * else others could put a socket of theirs in its place. Fails with VG_E_UNAVAILABLE, naming `option`.
 */
VG_NODISCARD vg_status vg_zeromq_address_claim(const char *option, const char *endpoint,
                                               struct vg_zeromq_claim *ret, struct vg_err *err);

/** Gives the claim up; a zeroed or released one is fine. */
void vg_zeromq_address_release(struct vg_zeromq_claim *claim);

#endif
