/* zeromq_request.h - the requests of ALERT/1's control socket, parsed and checked. */
#ifndef VG_SINKS_ZEROMQ_REQUEST_H
#define VG_SINKS_ZEROMQ_REQUEST_H

#include "core/frame.h"
#include "core/order.h"

enum vg_request_kind {
    VG_REQUEST_SNAPSHOT,
    VG_REQUEST_REPLAY,
    VG_REQUEST_ACKNOWLEDGE,
    VG_REQUEST_CONFIRM,
    VG_REQUEST_COMMAND,
};

enum {
    VG_REQUEST_SIZE_MAX = 64 << 10, /**< bytes of a message; a longer one ends the connection */
    VG_REQUEST_ID_MAX = 64,         /**< bytes of an id */
    VG_REQUEST_ID_SIZE = 6 * VG_REQUEST_ID_MAX + 3,
    VG_REQUEST_CREDIT_MAX = 500,
};

struct vg_request {
    /** The id as JSON, to be given back; "null" when the request had none that could be read. */
    char id[VG_REQUEST_ID_SIZE];
    enum vg_request_kind kind;
    char ward[VG_WARD_SIZE]; /**< "": all */
    uint64_t seq;            /**< replay: after; confirm: seq */
    uint32_t credit;
    struct vg_order order;         /**< ACKNOWLEDGE, COMMAND */
    char patient[VG_PATIENT_SIZE]; /**< COMMAND: "" where it is about an episode */
    char subscriber[VG_NAME_SIZE]; /**< CONFIRM */
    char key[80];                  /**< COMMAND: what was said to be the key; "" for nothing */

    char code[24]; /**< of the error: "malformed", "unknown_request", ... */
    char message[320];
};

/** Parses `len` bytes. False when refused: then `id`, `code` and `message` are set. */
VG_NODISCARD bool vg_request_parse(const char *text, size_t len, struct vg_request *ret);

#endif
