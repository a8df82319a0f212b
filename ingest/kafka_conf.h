/* kafka_conf.h - the librdkafka configuration of the source: ours, and what the user adds. */
#ifndef VG_INGEST_KAFKA_CONF_H
#define VG_INGEST_KAFKA_CONF_H

#include <librdkafka/rdkafka.h>

#include "core/option.h"

struct vg_kafka_conf {
    const char *brokers;
    const char *group; /**< name of the consumer group; librdkafka wants one even to read alone */
    const char *instance; /**< group.instance.id of a member of the group; NULL: reads alone */
    const struct vg_strings *options; /**< pass-through, key and value as librdkafka's */
};

/**
 * Checks the pass-through options as one: names and values, what Vigil refuses and why, and what
 * only shows when a client is made of them (files that are missing, values that contradict each
 * other). Touches no network.
 */
VG_NODISCARD vg_status vg_kafka_conf_check_options(const struct vg_strings *options,
                                                   struct vg_err *err);

/** Makes a configuration; the caller adds callbacks and hands it to rd_kafka_new(). NULL and
 *  VG_E_CONFIG in err when an option is refused. */
rd_kafka_conf_t *vg_kafka_conf_new(const struct vg_kafka_conf *want, struct vg_err *err);

/** The same for a producer that writes beside the consumer, with the same connection. */
rd_kafka_conf_t *vg_kafka_conf_new_producer(const char *brokers, const struct vg_strings *options,
                                            struct vg_err *err);

#endif
