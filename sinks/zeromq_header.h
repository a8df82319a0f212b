/* zeromq_header.h - the second frame of a publication of ALERT/1 (docs/alert1.md). */
#ifndef VG_SINKS_ZEROMQ_HEADER_H
#define VG_SINKS_ZEROMQ_HEADER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { VG_ALERT1_HEADER_SIZE = 48 };
enum vg_alert1_kind { VG_ALERT1_EVENT = 1, VG_ALERT1_HEARTBEAT = 2 };
enum { VG_ALERT1_REPEAT = 1 }; /**< a flag */

struct vg_alert1_header {
    uint8_t kind;   /**< enum vg_alert1_kind, or another: those of later versions */
    uint16_t flags; /**< VG_ALERT1_REPEAT */
    uint64_t seq, prev_seq;
    const uint8_t *outbox; /**< [16] */
    int64_t published_ns;  /**< wall time */
};

static inline void vg_alert1_put(uint8_t *out, uint64_t x, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        out[i] = (uint8_t)(x >> (8 * (bytes - 1 - i)));
}

static inline void vg_alert1_header(const struct vg_alert1_header *h,
                                    uint8_t out[VG_ALERT1_HEADER_SIZE])
{
    memcpy(out, "VGA1", 4);
    out[4] = h->kind;
    out[5] = 0; /* JSON */
    vg_alert1_put(out + 6, h->flags, 2);
    vg_alert1_put(out + 8, h->seq, 8);
    vg_alert1_put(out + 16, h->prev_seq, 8);
    memcpy(out + 24, h->outbox, 16);
    vg_alert1_put(out + 40, (uint64_t)h->published_ns, 8);
}

#endif
