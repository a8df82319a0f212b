/* decoder.h - bytes of a message to rows: the interface of a decoder.
 *
 * Stateless between messages. The only place that declares a message or a part of it unreadable.
 */
#ifndef VG_CORE_DECODER_H
#define VG_CORE_DECODER_H

#include "core/channel.h"
#include "core/err.h"
#include "core/option.h"

enum { VG_ROWS_PER_MESSAGE = 4096 };

/** What was wrong: with the whole message, a row of it, or a value in a row. */
struct vg_fault {
    const char *reason;   /**< "malformed", "limits", "duplicate_key", "schema",
                               "identity_mismatch", "number", "word", "unit", ...; static text */
    uint32_t byte_offset; /**< in the message */
    char detail[120];     /**< what was found and what was expected; no values, no identifiers */
};

enum vg_decoded_time {
    VG_DECODED_TIME_OK,
    VG_DECODED_TIME_NONE, /**< missing or unreadable: the record's time is used */
};

struct vg_decoded {
    bool usable;    /**< false: this row is a dead letter because of `fault` */
    bool has_fault; /**< `fault` says what; a usable row with a fault goes on, and its bytes are
                           kept as a dead letter once */
    uint8_t time;   /**< enum vg_decoded_time */
    uint32_t index; /**< place in the message's array; 0 for a single row */
    uint32_t start, len; /**< the row's bytes in the message */
    int64_t time_ns;
    char patient[VG_PATIENT_SIZE];
    char bed[VG_BED_SIZE];        /**< "" when the row names none */
    float value[VG_CHANNELS];     /**< channel units; +0.0 unless usable */
    uint8_t quality[VG_CHANNELS]; /**< ABSENT, GOOD, SUSPECT, INVALID or MISSING */
    uint8_t reason[VG_CHANNELS];
    struct vg_fault fault;
};

/** A message as the source has it. */
struct vg_message {
    const uint8_t *value;
    size_t len;
    const uint8_t *key; /**< NULL: none */
    size_t key_len;
};

struct vg_decoder_ops {
    const char *name; /**< `decoder:` in the configuration */
    const char *summary;
    const struct vg_option *options;
    size_t self_size;
    vg_status (*open)(void *self, struct vg_err *err);
    /**
     * Decodes one message. VG_OK: *rows and *n are set (owned by the decoder, valid until the next
     * call); n may be 0 for a message that says nothing (empty value). VG_E_DECODE: the whole
     * message is unreadable, *fault says why, and no row of it may be used. Any bytes are allowed;
     * allocates nothing.
     */
    vg_status (*decode)(void *self, const struct vg_message *message,
                        const struct vg_decoded **rows, size_t *n, struct vg_fault *fault);
    void (*close)(void *self);
};

#endif
