/* kafka.c - Kafka for tests: librdkafka's mock in this process, or a real one as a child. */
#include "tests/support/kafka.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TIMEOUT_MS = 30000, EXIT_SKIP = 77 };

static bool failed(const char *what, const char *why)
{
    fprintf(stderr, "tests/support/kafka: %s: %s\n", what, why);
    return false;
}

static void quiet_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    (void)level;
    (void)facility;
    (void)text;
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    int *undelivered = m->_private;

    (void)rk;
    (void)opaque;
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        --*undelivered;
}

rd_kafka_t *test_kafka_client(const char *bootstrap)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char why[256] = "";
    rd_kafka_t *rk;

    rd_kafka_conf_set_log_cb(conf, quiet_log);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    /* One request at a time keeps the order also when one is sent again. */
    rd_kafka_conf_set(conf, "max.in.flight", "1", why, sizeof(why));
    if (bootstrap)
        rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, why, sizeof(why));
    rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    if (!rk) {
        rd_kafka_conf_destroy(conf);
        failed("client", why);
    }
    return rk;
}

bool test_kafka_mock(struct test_kafka *k, const char *topic, int partitions)
{
    rd_kafka_t *home = test_kafka_client(NULL);

    *k = (struct test_kafka){ .child_stdin = -1 };
    if (!home)
        return false;
    k->mock = rd_kafka_mock_cluster_new(home, 1);
    if (!k->mock)
        return failed("mock", "cannot make a cluster");
    snprintf(k->bootstrap, sizeof(k->bootstrap), "%s", rd_kafka_mock_cluster_bootstraps(k->mock));
    k->client = test_kafka_client(k->bootstrap);
    return k->client &&
           rd_kafka_mock_topic_create(k->mock, topic, partitions, 1) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

static pid_t spawn(const char *topic, int partitions, int stdin_fd, int stdout_fd)
{
    char spec[300];
    pid_t pid;

    snprintf(spec, sizeof(spec), "%s:%d", topic, partitions);
    pid = fork();
    if (pid != 0)
        return pid;
    dup2(stdin_fd, STDIN_FILENO);
    dup2(stdout_fd, STDOUT_FILENO);
    execlp("python3", "python3", VG_SOURCE_ROOT "/tests/support/kafka.py", "run", "--topic", spec,
           (char *)NULL);
    _exit(EXIT_SKIP);
}

static bool read_bootstrap(int fd, char out[static 128])
{
    char line[256];
    FILE *f = fdopen(fd, "r");
    bool ok =
        f && fgets(line, sizeof(line), f) && sscanf(line, "bootstrap.servers=%127s", out) == 1;

    if (f)
        fclose(f);
    return ok;
}

enum test_kafka_real test_kafka_real(struct test_kafka *k, const char *topic, int partitions)
{
    int to[2], from[2], status;
    bool ready;

    *k = (struct test_kafka){ .child_stdin = -1 };
    if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0)
        return TEST_KAFKA_BROKEN;
    k->child = spawn(topic, partitions, to[0], from[1]);
    close(to[0]);
    close(from[1]);
    k->child_stdin = to[1];
    ready = read_bootstrap(from[0], k->bootstrap);
    if (ready)
        k->client = test_kafka_client(k->bootstrap);
    if (k->client)
        return TEST_KAFKA_RUNS;
    close(k->child_stdin);
    k->child_stdin = -1;
    waitpid(k->child, &status, 0);
    k->child = 0;
    return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIP ? TEST_KAFKA_NONE
                                                                 : TEST_KAFKA_BROKEN;
}

void test_kafka_stop(struct test_kafka *k)
{
    rd_kafka_t *home = k->mock ? rd_kafka_mock_cluster_handle(k->mock) : NULL;

    if (k->client)
        rd_kafka_destroy(k->client);
    if (k->mock)
        rd_kafka_mock_cluster_destroy(k->mock);
    if (home)
        rd_kafka_destroy(home);
    if (k->child_stdin >= 0)
        close(k->child_stdin);
    if (k->child > 0)
        waitpid(k->child, NULL, 0);
    *k = (struct test_kafka){ .child_stdin = -1 };
}

/* Hands one record to the client, waiting for room in its queue. */
static rd_kafka_resp_err_t produce_one(rd_kafka_t *client, const char *topic, int partition, int i,
                                       int64_t time_ms, int *undelivered)
{
    char key[32], value[32];
    rd_kafka_resp_err_t code;

    snprintf(key, sizeof(key), "p-%d", i);
    snprintf(value, sizeof(value), "record %d", i);
    for (;;) {
        code = rd_kafka_producev(
            client, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
            RD_KAFKA_V_KEY(key, strlen(key)), RD_KAFKA_V_VALUE(value, strlen(value)),
            RD_KAFKA_V_TIMESTAMP(time_ms), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
            RD_KAFKA_V_OPAQUE(undelivered), RD_KAFKA_V_END);
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            return code;
        rd_kafka_poll(client, 100);
    }
}

bool test_kafka_produce(struct test_kafka *k, const char *topic, int partition, int n,
                        int64_t first_ms)
{
    int undelivered = n;

    for (int i = 0; i < n; i++) {
        rd_kafka_resp_err_t code =
            produce_one(k->client, topic, partition, i, first_ms + INT64_C(1000) * i, &undelivered);

        if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
            return failed("produce", rd_kafka_err2str(code));
        rd_kafka_poll(k->client, 0);
    }
    rd_kafka_flush(k->client, TIMEOUT_MS);
    return undelivered == 0 || failed("produce", "not everything was delivered");
}

int64_t test_kafka_low(struct test_kafka *k, const char *topic, int partition)
{
    int64_t low, high;
    rd_kafka_resp_err_t code =
        rd_kafka_query_watermark_offsets(k->client, topic, partition, &low, &high, TIMEOUT_MS);

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return low;
    failed("watermarks", rd_kafka_err2str(code));
    return -1;
}

/* Waits for the one result of a request; the caller destroys the event. */
static rd_kafka_event_t *wait_result(rd_kafka_queue_t *queue, const char *what)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, TIMEOUT_MS);

    if (!event) {
        failed(what, "no answer");
    } else if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        failed(what, rd_kafka_event_error_string(event));
        rd_kafka_event_destroy(event);
        event = NULL;
    }
    return event;
}

bool test_kafka_delete_before(struct test_kafka *k, const char *topic, int partition,
                              int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(k->client);
    rd_kafka_DeleteRecords_t *request;
    rd_kafka_event_t *event;

    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    request = rd_kafka_DeleteRecords_new(list);
    rd_kafka_DeleteRecords(k->client, &request, 1, NULL, queue);
    event = wait_result(queue, "delete records");
    rd_kafka_DeleteRecords_destroy(request);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_queue_destroy(queue);
    if (!event)
        return false;
    rd_kafka_event_destroy(event);
    return test_kafka_low(k, topic, partition) == offset;
}

static bool created(rd_kafka_event_t *event)
{
    size_t n;
    const rd_kafka_topic_result_t **result =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &n);

    return rd_kafka_topic_result_error(result[0]) == RD_KAFKA_RESP_ERR_NO_ERROR ||
           failed("create topic", rd_kafka_topic_result_error_string(result[0]));
}

bool test_kafka_create(rd_kafka_t *client, const char *topic, int partitions, int replicas,
                       const char *setting, const char *value)
{
    char why[256] = "";
    rd_kafka_NewTopic_t *wanted =
        rd_kafka_NewTopic_new(topic, partitions, replicas, why, sizeof(why));
    rd_kafka_queue_t *queue;
    rd_kafka_event_t *event;
    bool ok = false;

    if (!wanted)
        return failed("create topic", why);
    if (setting)
        rd_kafka_NewTopic_set_config(wanted, setting, value);
    queue = rd_kafka_queue_new(client);
    rd_kafka_CreateTopics(client, &wanted, 1, NULL, queue);
    event = wait_result(queue, "create topic");
    if (event) {
        ok = created(event);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_NewTopic_destroy(wanted);
    rd_kafka_queue_destroy(queue);
    return ok;
}
