/* produce.c - writes exact bytes to exact partitions with exact timestamps, for tests.
 *
 *   produce BOOTSTRAP TOPIC [NAME=VALUE...] < lines
 *
 * A line is PARTITION TAB TIMESTAMP_MS TAB KEY TAB VALUE, where KEY "-" means none and \n, \t, \\ and
 * \xHH stand for those bytes. Each record gets the headers NAME. Prints how many were delivered; exit 1 unless all were.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

static long delivered, failed;

static void report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    (void)rk;
    (void)opaque;
    if (m->err)
        failed++;
    else
        delivered++;
}

static size_t unescape(char *s)
{
    char *to = s, *start = s;

    while (*s) {
        if (*s != '\\') {
            *to++ = *s++;
        } else if (s[1] == 'x') {
            char hex[3] = { s[2], s[3], '\0' };

            *to++ = (char)strtol(hex, NULL, 16);
            s += 4;
        } else {
            *to++ = (char)(s[1] == 'n' ? '\n' : s[1] == 't' ? '\t' : s[1]);
            s += 2;
        }
    }
    return (size_t)(to - start);
}

static rd_kafka_headers_t *make_headers(char **texts, int n)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new((size_t)n);

    for (int i = 0; i < n; i++) {
        const char *value = strchr(texts[i], '=');

        if (value)
            rd_kafka_header_add(headers, texts[i], value - texts[i], value + 1, -1);
    }
    return headers;
}

static int produce_line(rd_kafka_t *rk, const char *topic, const rd_kafka_headers_t *headers,
                        char *line)
{
    char *partition = strtok(line, "\t"), *when = strtok(NULL, "\t"), *key = strtok(NULL, "\t");
    char *value = key ? key + strlen(key) + 1 : NULL;
    size_t key_len, len;
    rd_kafka_resp_err_t err;

    if (!value)
        return -1;
    value[strcspn(value, "\n")] = '\0';
    len = unescape(value);
    key_len = strcmp(key, "-") == 0 ? 0 : unescape(key);
    do {
        rd_kafka_headers_t *copy = rd_kafka_headers_copy(headers);

        err = rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(atoi(partition)),
                                RD_KAFKA_V_TIMESTAMP(atoll(when)),
                                RD_KAFKA_V_KEY(key_len ? key : NULL, key_len),
                                RD_KAFKA_V_VALUE(value, len), RD_KAFKA_V_HEADERS(copy),
                                RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
        if (err)
            rd_kafka_headers_destroy(copy); /* taken over only when it is queued */
        rd_kafka_poll(rk, err == RD_KAFKA_RESP_ERR__QUEUE_FULL ? 10 : 0);
    } while (err == RD_KAFKA_RESP_ERR__QUEUE_FULL);
    return err ? -1 : 0;
}

int main(int argc, char **argv)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char error[256], *line = NULL;
    size_t cap = 0;
    rd_kafka_headers_t *headers;
    long sent = 0;
    rd_kafka_t *rk;

    if (argc < 3) {
        fprintf(stderr, "usage: produce BOOTSTRAP TOPIC [NAME=VALUE...] < lines\n");
        return 2;
    }
    headers = make_headers(argv + 3, argc - 3);
    rd_kafka_conf_set(conf, "bootstrap.servers", argv[1], error, sizeof(error));
    rd_kafka_conf_set(conf, "acks", "all", error, sizeof(error));
    rd_kafka_conf_set(conf, "linger.ms", "5", error, sizeof(error));
    rd_kafka_conf_set(conf, "max.in.flight", "1", error, sizeof(error));
    rd_kafka_conf_set_dr_msg_cb(conf, report);
    rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
    if (!rk) {
        fprintf(stderr, "produce: %s\n", error);
        return 1;
    }
    while (getline(&line, &cap, stdin) > 0) {
        if (produce_line(rk, argv[2], headers, line) != 0) {
            fprintf(stderr, "produce: line %ld is not PARTITION TAB MS TAB KEY TAB VALUE\n",
                    sent + 1);
            return 2;
        }
        sent++;
    }
    free(line);
    rd_kafka_headers_destroy(headers);
    rd_kafka_flush(rk, 60000);
    rd_kafka_destroy(rk);
    printf("%ld\n", delivered);
    return delivered == sent && failed == 0 ? 0 : 1;
}
