/* mock_broker.c - `vigil mock-broker`: librdkafka's mock cluster in a process of its own.
 *
 * For the demo and for first steps without a Kafka. It keeps everything in memory, at most 5 MiB or
 * 100,000 batches a partition, and drops what is older without an error.
 */
#include <getopt.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "app/verbs.h"
#include "core/text.h"

enum { TOPICS_MAX = 64, PARTITIONS_MAX = 1000, BROKERS_MAX = 9 };

struct topic {
    char *name;
    int partitions;
};

struct request {
    struct topic topics[TOPICS_MAX];
    size_t topics_n;
    int brokers;
};

static const char usage[] =
    "Usage: vigil mock-broker --topic NAME:PARTITIONS [--topic ...] [--brokers N]\n"
    "\n"
    "Runs a small Kafka for demos and tests until SIGTERM or Ctrl-C. The first line on\n"
    "stdout is bootstrap.servers=HOST:PORT. Nothing is written to disk; a partition holds\n"
    "at most 5 MiB, older records are dropped in silence.\n"
    "\n"
    "  -t, --topic NAME:PARTITIONS  a topic to make; may be repeated\n"
    "  -b, --brokers N              1 to 9 (default 1)\n"
    "  -h, --help                   this text\n";

static int wrong(const char *why, const char *text)
{
    fprintf(stderr, "vigil mock-broker: %s: '%s'\nTry 'vigil mock-broker --help'.\n", why, text);
    return 2;
}

static bool parse_count(const char *text, int max, int *ret)
{
    int64_t n;

    if (!vg_parse_int(text, &n) || n < 1 || n > max)
        return false;
    *ret = (int)n;
    return true;
}

static bool parse_topic(char *text, struct topic *ret)
{
    char *colon = strrchr(text, ':');

    if (!colon || colon == text || !parse_count(colon + 1, PARTITIONS_MAX, &ret->partitions))
        return false;
    *colon = '\0';
    ret->name = text;
    return true;
}

/* Returns an exit code, or -1 to go on. */
static int parse(int argc, char **argv, struct request *req)
{
    static const struct option longs[] = {
        { "topic", required_argument, NULL, 't' },
        { "brokers", required_argument, NULL, 'b' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int c;

    optind = 1;
    opterr = 0;
    while ((c = getopt_long(argc, argv, "t:b:h", longs, NULL)) != -1) {
        switch (c) {
        case 't':
            if (req->topics_n == TOPICS_MAX)
                return wrong("too many topics, at most 64", optarg);
            if (!parse_topic(optarg, &req->topics[req->topics_n]))
                return wrong("expected --topic NAME:PARTITIONS with 1 to 1000 partitions", optarg);
            req->topics_n++;
            break;
        case 'b':
            if (!parse_count(optarg, BROKERS_MAX, &req->brokers))
                return wrong("expected --brokers 1 to 9", optarg);
            break;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            return wrong("unknown or incomplete option", argv[optind - 1]);
        }
    }
    if (optind < argc)
        return wrong("unexpected argument", argv[optind]);
    if (req->topics_n == 0)
        return wrong("at least one is needed", "--topic NAME:PARTITIONS");
    return -1;
}

static int serve(const struct request *req, rd_kafka_mock_cluster_t *cluster, const sigset_t *stop)
{
    int sig;

    for (size_t i = 0; i < req->topics_n; i++) {
        const struct topic *t = &req->topics[i];
        rd_kafka_resp_err_t code =
            rd_kafka_mock_topic_create(cluster, t->name, t->partitions, req->brokers);

        if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
            fprintf(stderr, "vigil mock-broker: cannot make topic %s: %s\n", t->name,
                    rd_kafka_err2str(code));
            return 1;
        }
    }
    printf("bootstrap.servers=%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
    fflush(stdout);
    fprintf(stderr, "vigil mock-broker: in memory only; a partition holds at most 5 MiB, older "
                    "records are dropped. Ctrl-C ends it.\n");
    sigwait(stop, &sig);
    return 0;
}

int vg_verb_mock_broker(int argc, char **argv)
{
    struct request req = { .brokers = 1 };
    int code = parse(argc, argv, &req);
    rd_kafka_mock_cluster_t *cluster = NULL;
    rd_kafka_conf_t *conf;
    char why[256] = "";
    sigset_t stop;
    rd_kafka_t *rk;

    if (code >= 0)
        return code;
    /* Blocked before librdkafka starts its threads, which inherit the mask: the signal waits for
     * sigwait() in this one. */
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    conf = rd_kafka_conf_new();
    /* Only errors: it would warn that it has no brokers, which is the point. */
    rd_kafka_conf_set(conf, "log_level", "3", why, sizeof(why));
    rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    if (rk)
        cluster = rd_kafka_mock_cluster_new(rk, req.brokers);
    if (!cluster) {
        fprintf(stderr, "vigil mock-broker: cannot start a mock cluster: %s\n", why);
        code = 1;
    } else {
        code = serve(&req, cluster, &stop);
        rd_kafka_mock_cluster_destroy(cluster);
    }
    if (rk)
        rd_kafka_destroy(rk);
    return code;
}
