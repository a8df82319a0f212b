/* produce.c - writes exact bytes to exact partitions with exact timestamps, for tests.
 *
 *   produce BOOTSTRAP TOPIC [NAME=VALUE...] < lines
 *
 * A line is PARTITION TAB TIMESTAMP_MS TAB KEY TAB VALUE, where KEY "-" means none and \n, \t, \\ and
 * \xHH stand for those bytes. Each record gets the headers NAME. Prints how many were delivered; exit 1 unless all were.
 */
#include <stdbool.h>
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

struct record {
    int32_t partition;
    int64_t time_ms;
    char *key, *value; /* key NULL: none */
    size_t key_len, len;
};

/* Takes a line apart, in place. */
static bool parse_line(char *line, struct record *ret)
{
    char *partition = strtok(line, "\t"), *when = strtok(NULL, "\t"), *key = strtok(NULL, "\t");

    if (!key)
        return false;
    ret->partition = (int32_t)strtol(partition, NULL, 10);
    ret->time_ms = strtoll(when, NULL, 10);
    ret->value = key + strlen(key) + 1;
    ret->value[strcspn(ret->value, "\n")] = '\0';
    ret->len = unescape(ret->value);
    ret->key_len = strcmp(key, "-") == 0 ? 0 : unescape(key);
    ret->key = ret->key_len ? key : NULL;
    return true;
}

static rd_kafka_resp_err_t queue(rd_kafka_t *rk, const char *topic,
                                 const rd_kafka_headers_t *headers, const struct record *r)
{
    rd_kafka_headers_t *copy = rd_kafka_headers_copy(headers);
    const rd_kafka_vu_t parts[] = {
        { .vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = topic },
        { .vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = r->partition },
        { .vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = r->time_ms },
        { .vtype = RD_KAFKA_VTYPE_KEY, .u.mem = { r->key, r->key_len } },
        { .vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = { r->value, r->len } },
        { .vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = copy },
        { .vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY },
    };
    rd_kafka_error_t *error = rd_kafka_produceva(rk, parts, sizeof(parts) / sizeof(parts[0]));
    rd_kafka_resp_err_t err = rd_kafka_error_code(error);

    rd_kafka_error_destroy(error);
    if (err)
        rd_kafka_headers_destroy(copy); /* taken over only when it is queued */
    return err;
}

static bool produce_line(rd_kafka_t *rk, const char *topic, const rd_kafka_headers_t *headers,
                         char *line)
{
    rd_kafka_resp_err_t err;
    struct record r;

    if (!parse_line(line, &r))
        return false;
    do {
        err = queue(rk, topic, headers, &r);
        rd_kafka_poll(rk, err == RD_KAFKA_RESP_ERR__QUEUE_FULL ? 10 : 0);
    } while (err == RD_KAFKA_RESP_ERR__QUEUE_FULL);
    return !err;
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
        if (!produce_line(rk, argv[2], headers, line)) {
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
