/* stream_tls.h - TLS over a socket that does not block, for stream.c: OpenSSL behind eight calls. */
#ifndef VG_SINKS_STREAM_TLS_H
#define VG_SINKS_STREAM_TLS_H

#include "core/err.h"

struct vg_tls_files; /**< certificates and keys, as they were when they were read */
struct vg_tls;       /**< of one connection */

enum vg_tls_result { VG_TLS_DONE, VG_TLS_WANTS_READ, VG_TLS_WANTS_WRITE, VG_TLS_FAILED };

/** Reads the files; `ca` NULL: the system's, `certificate` and `key` NULL: none. VG_E_CONFIG names the
 *  option of a file that cannot be read. */
VG_NODISCARD vg_status vg_tls_files_read(const char *ca, const char *certificate, const char *key,
                                         struct vg_tls_files **ret, struct vg_err *err);
void vg_tls_files_free(struct vg_tls_files *files); /**< NULL is fine */

/** A connection to `host`, whose certificate has to be for that name or IP address. */
struct vg_tls *vg_tls_new(struct vg_tls_files *files, int fd, const char *host);
void vg_tls_free(struct vg_tls *t); /**< NULL is fine; the socket stays */

enum vg_tls_result vg_tls_handshake(struct vg_tls *t);
enum vg_tls_result vg_tls_write(struct vg_tls *t, const char *bytes, size_t n, size_t *ret);
enum vg_tls_result vg_tls_read(struct vg_tls *t, char *bytes, size_t size, size_t *ret);

/** Why the last call failed. */
void vg_tls_why(const struct vg_tls *t, char *out, size_t size);

#endif
