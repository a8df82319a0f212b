/* zeromq_zap.h - the gate: who may connect, asked by libzmq for each connection (ZeroMQ RFC 27).
 *
 * Without a handler, libzmq lets every CURVE client in, whatever its key. So the handler is there
 * before a socket is bound, and vg_zap_self_test() shows that it turns strangers away.
 */
#ifndef VG_SINKS_ZEROMQ_ZAP_H
#define VG_SINKS_ZEROMQ_ZAP_H

#include "sinks/zeromq_keys.h"

enum {
    VG_ZAP_FRAMES_MAX = 8,
    VG_ZAP_DOMAIN_SIZE = 32,
    VG_ZAP_ADDRESS_SIZE = 64,
    VG_ZAP_ID_MAX = 255,
};

struct vg_zap_frame {
    const void *data;
    size_t size;
};

/** A connection that asks to be let in. */
struct vg_zap_request {
    uint8_t id[VG_ZAP_ID_MAX];
    size_t id_len;
    char domain[VG_ZAP_DOMAIN_SIZE];   /**< of the socket */
    char address[VG_ZAP_ADDRESS_SIZE]; /**< of the peer */
    bool has_key;                      /**< CURVE, with the key below, which the peer has proved */
    uint8_t key[VG_KEY_BYTES];
};

/** Reads the frames of a request. False: it is none of ZAP 1.0; id is set if there was one. */
VG_NODISCARD bool vg_zap_parse(const struct vg_zap_frame *frame, size_t n,
                               struct vg_zap_request *ret);

/** Decides on a request; for one that is let in, writes its User-Id to `user`. */
typedef bool (*vg_zap_fn)(void *arg, const struct vg_zap_request *request,
                          char user[VG_CLIENT_NAME_SIZE]);

struct vg_zap {
    void *socket; /**< NULL: closed */
    vg_zap_fn decide;
    void *arg;
};

/** Binds the handler of the context. VG_E_BUG when it has one already. */
VG_NODISCARD vg_status vg_zap_open(struct vg_zap *zap, void *context, vg_zap_fn decide, void *arg,
                                   struct vg_err *err);
/** Answers what waits. */
void vg_zap_serve(struct vg_zap *zap);
void vg_zap_close(struct vg_zap *zap); /**< a zeroed or closed one is fine */

/**
 * Whether a client with a new, unknown key is turned away by `socket`, a CURVE server that is not
 * bound: it is bound to a free port of the loopback interface for the test alone. `server` is its
 * public key. Serves `zap` (NULL: there is none) meanwhile. VG_E_CONFIG when the client is let in, or
 * is not turned away within 5 s.
 */
VG_NODISCARD vg_status vg_zap_self_test(struct vg_zap *zap, void *socket, int socket_type,
                                        const char *server, struct vg_err *err);

#endif
