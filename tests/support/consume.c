/* consume.c - `consume HOST:PORT TOPIC` prints every record of a topic as a line of JSON, partition by
 * partition as they come, and ends at their ends: {"partition", "key", "headers", "value"}. */
#include <jansson.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MS = 10000 };

static json_t *text(const void *bytes, size_t n)
{
    return bytes ? json_stringn(bytes, n) : json_null();
}

static void print(const rd_kafka_message_t *m)
{
    json_t *headers = json_object();
    rd_kafka_headers_t *found;
    const char *name;
    const void *value;
    size_t size;

    if (rd_kafka_message_headers(m, &found) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        for (size_t i = 0; rd_kafka_header_get_all(found, i, &name, &value, &size) == 0; i++)
            json_object_set_new(headers, name, text(value, size));
    }
    json_t *line =
        json_pack("{s:i,s:o,s:o,s:o}", "partition", m->partition, "key", text(m->key, m->key_len),
                  "headers", headers, "value", text(m->payload, m->len));
    json_dumpf(line, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(line);
}

/* All partitions from their beginning; their number, or -1. */
static int assign(rd_kafka_t *rk, const char *name)
{
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    const struct rd_kafka_metadata *metadata;
    int n = -1;

    if (rd_kafka_metadata(rk, 0, topic, &metadata, ANSWER_MS) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        n = metadata->topics[0].partition_cnt;
        for (int i = 0; i < n; i++)
            rd_kafka_topic_partition_list_add(list, name, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
        rd_kafka_metadata_destroy(metadata);
        if (rd_kafka_assign(rk, list) != RD_KAFKA_RESP_ERR_NO_ERROR)
            n = -1;
    }
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_topic_destroy(topic);
    return n;
}

static int read_all(rd_kafka_t *rk, int partitions)
{
    while (partitions > 0) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, ANSWER_MS);

        if (!m)
            return 1;
        if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            partitions--;
        else if (!m->err)
            print(m);
        rd_kafka_message_destroy(m);
    }
    return 0;
}

int main(int argc, char **argv)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256];
    rd_kafka_t *rk;
    int partitions, code = 1;

    if (argc != 3) {
        fprintf(stderr, "usage: consume HOST:PORT TOPIC\n");
        return 2;
    }
    rd_kafka_conf_set(conf, "bootstrap.servers", argv[1], why, sizeof(why));
    rd_kafka_conf_set(conf, "group.id", "consume", why, sizeof(why));
    rd_kafka_conf_set(conf, "enable.auto.commit", "false", why, sizeof(why));
    rd_kafka_conf_set(conf, "enable.partition.eof", "true", why, sizeof(why));
    rd_kafka_conf_set(conf, "log_level", "2", why, sizeof(why));
    rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    if (!rk)
        return 1;
    partitions = assign(rk, argv[2]);
    if (partitions >= 0)
        code = read_all(rk, partitions);
    rd_kafka_destroy(rk);
    return code;
}
