/* kafka.h - Kafka for tests: librdkafka's mock in this process, or a real one as a child.
 *
 * Functions that return bool print on stderr why they failed.
 */
#ifndef VG_TESTS_SUPPORT_KAFKA_H
#define VG_TESTS_SUPPORT_KAFKA_H

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct test_kafka {
    char bootstrap[128];           /**< HOST:PORT */
    rd_kafka_t *client;            /**< a producer; of the mock also its home */
    rd_kafka_mock_cluster_t *mock; /**< NULL: a real one */
    pid_t child;                   /**< kafka.py; 0: the mock */
    int child_stdin;               /**< closing it ends the broker */
};

/** A mock of one broker. It keeps at most 5 MiB a partition and drops older records in silence:
 *  check that test_kafka_low() is 0 before a test believes what it reads. */
bool test_kafka_mock(struct test_kafka *k, const char *topic, int partitions);

enum test_kafka_real {
    TEST_KAFKA_RUNS,
    TEST_KAFKA_NONE, /**< no Java, Maven or jars: skip; the reason stands on stderr */
    TEST_KAFKA_BROKEN,
};

/** A real Apache Kafka, ready to use, in a few seconds (minutes when its jars are fetched first). */
enum test_kafka_real test_kafka_real(struct test_kafka *k, const char *topic, int partitions);

/** Ends the broker with all its data; also after a failed start. */
void test_kafka_stop(struct test_kafka *k);

/** Produces `n` records "record 0".. with keys "p-0".. and timestamps first_ms, first_ms + 1000..;
 *  returns when all are acknowledged. */
bool test_kafka_produce(struct test_kafka *k, const char *topic, int partition, int n,
                        int64_t first_ms);

/** First offset that a partition holds; -1 on failure. */
int64_t test_kafka_low(struct test_kafka *k, const char *topic, int partition);

/** Deletes the records before `offset`, as retention does. Real Kafka only. */
bool test_kafka_delete_before(struct test_kafka *k, const char *topic, int partition,
                              int64_t offset);

/** Creates a topic, with one setting of its own unless that is NULL. Real Kafka only. */
bool test_kafka_create(rd_kafka_t *client, const char *topic, int partitions, int replicas,
                       const char *setting, const char *value);

/** A producer, which is also a client for administration; NULL on failure. */
rd_kafka_t *test_kafka_client(const char *bootstrap);

#endif
