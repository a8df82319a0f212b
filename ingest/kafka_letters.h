/* kafka_letters.h - dead letters of the Kafka source to a topic of their own. */
#ifndef VG_INGEST_KAFKA_LETTERS_H
#define VG_INGEST_KAFKA_LETTERS_H

#include <librdkafka/rdkafka.h>

#include "core/source.h"

/** Strings live for as long as the writer does. */
struct vg_kafka_letters_to {
    const char *brokers;
    const char *origin; /**< the topic that is read */
    const char *topic;  /**< the one that letters go to */
    const struct vg_strings *options;
};

/** Checks the name, and that letters are not read again. VG_E_CONFIG names the option `dead_letters`. */
VG_NODISCARD vg_status vg_kafka_letters_check(const char *origin, const char *topic,
                                              struct vg_err *err);

/** As struct vg_letter_ops has them. */
VG_NODISCARD vg_status vg_kafka_letters_open(const struct vg_kafka_letters_to *to, void **ret,
                                             struct vg_err *err);
VG_NODISCARD vg_status vg_kafka_letters_write(void *writer, const struct vg_dead_letter *letters,
                                              size_t n, size_t *done, struct vg_err *err);
void vg_kafka_letters_close(void *writer);

/** Appends the headers of a record as they are kept with a letter: each the length of its name and of
 *  its value (-1: none), 32 bits in the machine's order, the name, the value. */
void vg_kafka_pack_headers(const rd_kafka_message_t *message, struct vg_buf *ret);

#endif
