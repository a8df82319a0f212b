/* kafka_options.h - what is true of the options of every Kafka client, consumer or producer.
 *
 * Only text: librdkafka itself stays in ingest/kafka*.c and sinks/kafka*.c, which add what belongs to
 * a consumer or a producer.
 */
#ifndef VG_CORE_KAFKA_OPTIONS_H
#define VG_CORE_KAFKA_OPTIONS_H

#include "core/option.h"

/** Checks a list of HOST[:PORT]; VG_E_CONFIG names the option `brokers`. */
VG_NODISCARD vg_status vg_kafka_check_brokers(const char *brokers, struct vg_err *err);

/** Checks the name of a topic; VG_E_CONFIG names the option `topic`. */
VG_NODISCARD vg_status vg_kafka_check_topic(const char *topic, struct vg_err *err);

/**
 * Checks that records do not cross a network in plain text: brokers off this machine need
 * security.protocol ssl or sasl_ssl among `options`, unless `insecure`.
 */
VG_NODISCARD vg_status vg_kafka_check_transport(const char *brokers,
                                                const struct vg_strings *options, bool insecure,
                                                struct vg_err *err);

struct vg_kafka_setting {
    const char *key, *value;
};
/** What every producer is set to, whatever its options say: nothing is lost, doubled or reordered, or
 *  given up. Ends with a NULL key. */
extern const struct vg_kafka_setting vg_kafka_producer[];

/** Why no client of Vigil's takes this option of librdkafka's, or NULL when it may be given. */
const char *vg_kafka_refusal(const char *key, const char *value);

/**
 * What else may be wrong when brokers refuse a user: advice, or NULL. `version` is rd_kafka_version().
 *
 * Before 2.6.1 librdkafka repeats its nonce in SCRAM's last message (pull request 4895 of
 * confluentinc/librdkafka). Brokers up to Kafka 3.9 overlook that, those of Kafka 4 say that the password
 * is wrong.
 */
const char *vg_kafka_login_advice(const struct vg_strings *options, int version);

#endif
