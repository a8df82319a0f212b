/* mock_broker.c - `vigil mock-broker`: librdkafka's mock cluster in a process of its own.
 *
 * For the demo and for first steps without a Kafka. It keeps everything in memory, at most 5 MiB or
 * 100,000 batches a partition, and drops what is older without an error.
 */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "app/verbs.h"
#include "core/text.h"

enum { PARTITIONS_MAX = 1000, TOPIC_MAX = 249 };

struct options {
    struct vg_strings topic;
    int64_t brokers;
};

/* clang-format off */
#define O struct options
static const struct vg_option options[] = {
    VG_CLI_LIST(O, topic, "topic", "NAME:PARTITIONS", VG_OPT_REQUIRED, "a topic to make"),
    VG_OPT_INT(O, brokers, "brokers", "1", 1, 9, "", 0, "brokers of the cluster"),
    VG_OPT_END,
};
#undef O
/* clang-format on */

static const struct vg_command command = {
    .name = "mock-broker",
    .summary = "Runs a small Kafka in memory, for demos and tests, until SIGTERM or Ctrl-C",
    .arguments = "",
    .options = options,
    .notes =
        "The first line on standard output is bootstrap.servers=HOST:PORT. A partition holds at "
        "most\n5 MiB; older records are dropped in silence.\n",
};

/* What a real Kafka would refuse must not work here. */
static bool is_topic(const char *name, size_t n)
{
    return n >= 1 && n <= TOPIC_MAX &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") >= n;
}

/* Cuts "NAME:PARTITIONS" at its colon. */
static bool parse_topic(char *text, int *ret_partitions)
{
    char *colon = strrchr(text, ':');
    int64_t n;

    if (!colon || !is_topic(text, (size_t)(colon - text)) || !vg_parse_int(colon + 1, &n) ||
        n < 1 || n > PARTITIONS_MAX)
        return false;
    *colon = '\0';
    *ret_partitions = (int)n;
    return true;
}

static int make_topics(const struct options *o, rd_kafka_mock_cluster_t *cluster)
{
    for (size_t i = 0; i < o->topic.n; i++) {
        char *name = o->topic.value[i];
        rd_kafka_resp_err_t e;
        int partitions;

        if (!parse_topic(name, &partitions))
            return vg_command_usage(&command,
                                    "--topic \"%s\": expected NAME:PARTITIONS, a name of letters, "
                                    "digits, \".\", \"_\", \"-\" and 1 to %d partitions, such as "
                                    "vitals.raw:4",
                                    name, PARTITIONS_MAX);
        e = rd_kafka_mock_topic_create(cluster, name, partitions, (int)o->brokers);
        if (e) {
            fprintf(stderr, "vigil mock-broker: cannot make topic %s: %s\n", name,
                    rd_kafka_err2str(e));
            return vg_status_exit(VG_E_FAILED);
        }
    }
    return VG_COMMAND_GO;
}

static int serve(const struct options *o, rd_kafka_mock_cluster_t *cluster, const sigset_t *stop)
{
    int sig, exit = make_topics(o, cluster);

    if (exit != VG_COMMAND_GO)
        return exit;
    printf("bootstrap.servers=%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
    fflush(stdout);
    fprintf(stderr, "vigil mock-broker: in memory only; a partition holds at most 5 MiB, older "
                    "records are dropped. Ctrl-C ends it.\n");
    sigwait(stop, &sig);
    return 0;
}

static int run(const struct options *o)
{
    rd_kafka_mock_cluster_t *cluster = NULL;
    rd_kafka_conf_t *conf;
    char why[256] = "";
    sigset_t stop;
    rd_kafka_t *rk;
    int exit = vg_status_exit(VG_E_FAILED);

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
        cluster = rd_kafka_mock_cluster_new(rk, (int)o->brokers);
    if (cluster) {
        exit = serve(o, cluster, &stop);
        rd_kafka_mock_cluster_destroy(cluster);
    } else {
        fprintf(stderr, "vigil mock-broker: cannot start a mock cluster: %s\n", why);
    }
    if (rk)
        rd_kafka_destroy(rk);
    return exit;
}

int vg_verb_mock_broker(int argc, char **argv)
{
    struct options o = { 0 };
    char **args;
    int exit = vg_command_parse(&command, argc, argv, &o, &args);

    if (exit == VG_COMMAND_GO)
        exit = run(&o);
    vg_options_done(options, &o);
    return exit;
}
