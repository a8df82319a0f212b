/* stream.h - a TCP connection, with TLS where it is asked for, on which nothing waits past a deadline.
 *
 * TLS is 1.2 or newer; the receiver's certificate has to be valid, and for the host (a name or an IP
 * address) that the address names. Deadlines are those of vg_mono_ns(). One thread. A process
 * that uses TLS ignores SIGPIPE. (Only looking a name up is left to the system's resolver and the
 * deadlines of resolv.conf.)
 */
#ifndef VG_SINKS_STREAM_H
#define VG_SINKS_STREAM_H

#include "core/clock.h"
#include "core/err.h"
#include "core/option.h"
#include "sinks/certificate.h"

/** The options of a sink that connects; VG_STREAM_OPTIONS has their rows. */
struct vg_stream_options {
    char *address; /**< HOST:PORT, [IPV6]:PORT */
    bool tls;
    struct vg_certificate_options certs;
    bool insecure; /**< plain text off this machine */
};

/* clang-format off */
#define VG_STREAM_OPTIONS(T, field, address_help) \
    VG_OPT_STRING(T, field.address, "address", NULL, VG_OPT_REQUIRED, address_help), \
    VG_OPT_BOOL(T, field.tls, "tls", "false", 0, "Speak TLS, 1.2 or newer."), \
    VG_CERTIFICATE_OPTIONS(T, field.certs), \
    VG_OPT_BOOL(T, field.insecure, "insecure", "false", 0, \
                "Allow plain text to another machine.")
/* clang-format on */

struct vg_stream;

/** Checks the options; VG_E_CONFIG names the one at fault. Touches no network and no file. */
VG_NODISCARD vg_status vg_stream_check(const struct vg_stream_options *options, struct vg_err *err);

/** Prepares, and reads the files that TLS needs (VG_E_CONFIG); connects to nobody. `options` has to
 *  live as long. */
VG_NODISCARD vg_status vg_stream_open(const struct vg_stream_options *options,
                                      struct vg_stream **ret, struct vg_err *err);
/** Reads the files again, for the next connection. Those read before stay when that fails. */
VG_NODISCARD vg_status vg_stream_reload(struct vg_stream *s, struct vg_err *err);
void vg_stream_close(struct vg_stream *s); /**< NULL is fine */

/** Connects, unless it is connected. What fails here and below is VG_E_UNAVAILABLE, and ends the
 *  connection. */
VG_NODISCARD vg_status vg_stream_connect(struct vg_stream *s, int64_t deadline_ns,
                                         struct vg_err *err);
bool vg_stream_connected(const struct vg_stream *s);
void vg_stream_drop(struct vg_stream *s);

/** Sends all of it. */
VG_NODISCARD vg_status vg_stream_write(struct vg_stream *s, const char *bytes, size_t n,
                                       int64_t deadline_ns, struct vg_err *err);

/** Reads at least one byte and at most `size`. VG_E_AGAIN when none has come by the deadline (0: none
 *  is there now); the connection stays. */
VG_NODISCARD vg_status vg_stream_read(struct vg_stream *s, char *bytes, size_t size, size_t *ret,
                                      int64_t deadline_ns, struct vg_err *err);

#endif
