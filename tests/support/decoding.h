/* decoding.h - texts through the JSON decoder, and what is expected of their rows.
 *
 * In the texts '@' stands in front of the byte at which a fault is expected; it is taken out before
 * the text is decoded. Every text is decoded from memory of exactly its size, so that AddressSanitizer
 * sees a byte read too far.
 */
#ifndef VG_TESTS_DECODING_H
#define VG_TESTS_DECODING_H

#include "core/decoder.h"

enum { DECODING_TEXT = 2048 };

#define DECODING_EXAMPLE                                                                        \
    "{\"patient\":\"p-7f3a\",\"bed\":\"icu-a/07\",\"time\":\"2026-03-01T12:00:00Z\",\"hr\":82," \
    "\"spo2\":97,\"rr\":16,\"abp_sys\":118,\"abp_dia\":71,\"abp_mean\":87,\"temp\":36.8}"
#define NOON_NS (INT64_C(1772366400) * VG_NS_PER_S) /* 2026-03-01T12:00:00Z */

/** Of one test at a time. */
struct decoding {
    const struct vg_decoder_ops *ops;
    void *self;
    const struct vg_decoded *rows; /**< of the last message ... */
    size_t n;                      /**< ... and how many */
    struct vg_fault fault;
    uint8_t *bytes; /**< of the last message; faults and rows point into it */
};

extern struct decoding decoding;

/** For .init and .fini of a TestSuite. */
void decoding_init(void);
void decoding_done(void);
/** Again, with one option that is not its default. */
void decoding_reopen(const char *option, const char *text);

vg_status decoding_decode(const void *s, size_t len, const char *key);
/** A message that must be readable. */
const struct vg_decoded *decoding_take(const char *s, const char *key);
/** The same, of one row. */
const struct vg_decoded *decoding_one(const char *s);

/** Takes the '@' out of `marked` and returns where it stood. */
uint32_t decoding_unmark(const char *marked, char out[DECODING_TEXT]);

void decoding_expect_fault(const struct vg_fault *f, const char *reason, uint32_t offset,
                           const char *text);
/** The whole message is refused for `reason` at the mark. */
void decoding_expect_refused(const char *marked, const char *reason);
/** The only row is lost for `reason` at the mark. */
const struct vg_decoded *decoding_expect_dead(const char *marked, const char *reason);
/** The only row goes on, with a fault at the mark. */
const struct vg_decoded *decoding_expect_noted(const char *marked, const char *reason);
/** The only row has no fault. */
const struct vg_decoded *decoding_expect_clean(const char *text);

bool decoding_positive_zero(float x);
void decoding_expect_channel(const struct vg_decoded *row, int channel, enum vg_quality quality,
                             enum vg_reason reason, const char *text);
void decoding_expect_value(const struct vg_decoded *row, int channel, float value,
                           const char *text);

/** Below `bound`; the seed is fixed, so a failure can be repeated. */
uint32_t decoding_random_below(uint32_t bound);

#endif
