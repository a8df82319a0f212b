/* kafka_conf.c - the librdkafka configuration of a consumer: ours, then what the user adds.
 *
 * Users need librdkafka's own options (TLS, SASL, socket buffers), but some of them load code or run
 * commands, some switch off what makes a connection safe, and some belong to Vigil because its
 * promises hang on them. Those are refused by name, each with its reason.
 */
#include "ingest/kafka_conf.h"

#include <string.h>

#include "core/text.h"

static const struct {
    const char *key;
    const char *allowed; /* the only value that is accepted; NULL: none is */
    const char *why;
} refused[] = {
    { "plugin.library.paths", NULL, "it loads code into Vigil" },
    { "ssl.engine.location", NULL, "it loads code into Vigil" },
    { "sasl.kerberos.kinit.cmd", NULL, "it runs a shell command" },
    { "interceptors", NULL, "it is a pointer" },
    { "opaque", NULL, "it is a pointer" },
    { "default_topic_conf", NULL, "it is a pointer" },
    { "ssl_engine_callback_data", NULL, "it is a pointer" },
    { "enable.sasl.oauthbearer.unsecure.jwt", NULL, "anybody can make an unsigned token" },
    { "enable.ssl.certificate.verification", "true", "anybody could pose as the broker" },
    { "ssl.endpoint.identification.algorithm", "https", "anybody could pose as the broker" },
    { "debug", NULL, "it writes records, with patients in them, to the log" },
    { "test.mock.num.brokers", NULL,
      "it hides the real brokers; `vigil mock-broker` is for tests" },
    { "enabled_events", NULL, "it belongs to Vigil" },
    { "log.queue", NULL, "it belongs to Vigil" },
    { "bootstrap.servers", NULL, "it is the option `brokers` of the source" },
    { "metadata.broker.list", NULL, "it is the option `brokers` of the source" },
    { "group.id", NULL, "it is the option `group` of the source" },
    { "group.instance.id", NULL, "it is the option `instance` of the source" },
    { "auto.offset.reset", NULL, "it would skip lost data in silence; see the option `start`" },
    { "enable.auto.commit", NULL, "positions belong to Vigil's snapshots" },
    { "auto.commit.enable", NULL, "positions belong to Vigil's snapshots" },
    { "enable.auto.offset.store", NULL, "positions belong to Vigil's snapshots" },
    { "enable.partition.eof", NULL, "Vigil has to know when a partition is read to its end" },
};

static const struct {
    const char *key, *value;
} ours[] = {
    { "client.id", "vigil" },
    { "enable.auto.commit", "false" },
    { "enable.auto.offset.store", "false" },
    { "auto.offset.reset", "error" },
    { "enable.partition.eof", "true" },
    { "isolation.level", "read_committed" },
    { "check.crcs", "true" },
    { "log.queue", "true" },
    { "log.connection.close", "false" },
    { "socket.nagle.disable", "true" },
    { "reconnect.backoff.max.ms", "1000" },
    { "fetch.wait.max.ms", "5" },
    { "fetch.error.backoff.ms", "50" },
    /* A partition. 10,000, 30,000 and 100,000 read a real Kafka at 136, 125 and 143 thousand
     * records/s (120 B, 4 partitions, 6 us of work each) in 18, 28 and 61 MB: no difference beyond
     * the noise, and a pause throws away what is queued. */
    { "queued.min.messages", "30000" },
    { "queued.max.messages.kbytes", "32768" },
};

/* Only of a member. Eager assignors: the cooperative one of librdkafka 2.0.2 may loop for ever. */
static const struct {
    const char *key, *value;
} of_member[] = {
    { "partition.assignment.strategy", "range,roundrobin" },
    { "session.timeout.ms", "6000" },
    { "max.poll.interval.ms", "60000" },
};

static bool ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), t = strlen(tail);

    return n >= t && strcmp(s + n - t, tail) == 0;
}

static const char *refusal(const char *key, const char *value)
{
    for (size_t i = 0; i < VG_ARRAY_LEN(refused); i++) {
        if (strcmp(key, refused[i].key) != 0)
            continue;
        return refused[i].allowed && strcmp(value, refused[i].allowed) == 0 ? NULL : refused[i].why;
    }
    if (ends_with(key, "_cb"))
        return "it is a pointer";
    if (strcmp(key, "partition.assignment.strategy") == 0 && strstr(value, "cooperative"))
        return "the cooperative assignor may loop for ever in this librdkafka; use range or "
               "roundrobin";
    return NULL;
}

static vg_status add(rd_kafka_conf_t *conf, const char *key, const char *value, struct vg_err *err)
{
    char why[256];

    if (rd_kafka_conf_set(conf, key, value, why, sizeof(why)) == RD_KAFKA_CONF_OK)
        return VG_OK;
    return vg_fail_option(err, VG_E_CONFIG, "options", "librdkafka refuses option %s: %s", key,
                          why);
}

static vg_status add_options(rd_kafka_conf_t *conf, const struct vg_strings *options,
                             struct vg_err *err)
{
    for (size_t i = 0; i < options->n; i++) {
        const char *why = refusal(options->key[i], options->value[i]);
        vg_status st;

        if (why)
            return vg_fail_option(err, VG_E_CONFIG, "options",
                                  "option %s is not accepted here: %s; remove it", options->key[i],
                                  why);
        st = add(conf, options->key[i], options->value[i], err);
        if (st != VG_OK)
            return st;
    }
    return VG_OK;
}

static vg_status add_membership(rd_kafka_conf_t *conf, const char *instance, struct vg_err *err)
{
    vg_status st = VG_OK;

    for (size_t i = 0; i < VG_ARRAY_LEN(of_member) && st == VG_OK; i++)
        st = add(conf, of_member[i].key, of_member[i].value, err);
    return st != VG_OK ? st : add(conf, "group.instance.id", instance, err);
}

static vg_status fill(rd_kafka_conf_t *conf, const struct vg_kafka_conf *want, struct vg_err *err)
{
    vg_status st = VG_OK;

    for (size_t i = 0; i < VG_ARRAY_LEN(ours) && st == VG_OK; i++)
        st = add(conf, ours[i].key, ours[i].value, err);
    if (st == VG_OK && want->brokers)
        st = add(conf, "bootstrap.servers", want->brokers, err);
    if (st == VG_OK)
        st = add(conf, "group.id", want->group, err);
    if (st == VG_OK && want->instance)
        st = add_membership(conf, want->instance, err);
    return st != VG_OK ? st : add_options(conf, want->options, err);
}

rd_kafka_conf_t *vg_kafka_conf_new(const struct vg_kafka_conf *want, struct vg_err *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    if (fill(conf, want, err) == VG_OK)
        return conf;
    rd_kafka_conf_destroy(conf);
    return NULL;
}

vg_status vg_kafka_conf_check_options(const struct vg_strings *options, struct vg_err *err)
{
    /* Without brokers a client can be made and connects to nobody. */
    const struct vg_kafka_conf want = { NULL, "check", "check", options };
    rd_kafka_conf_t *conf = vg_kafka_conf_new(&want, err);
    char why[256];
    rd_kafka_t *rk;

    if (!conf)
        return VG_E_CONFIG;
    rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
    if (!rk) {
        rd_kafka_conf_destroy(conf);
        return vg_fail_option(err, VG_E_CONFIG, "options",
                              "librdkafka refuses these options together: %s", why);
    }
    rd_kafka_destroy(rk);
    return VG_OK;
}

static bool port_valid(const char *s, size_t n)
{
    char text[8];
    int64_t port;

    if (n == 0 || n >= sizeof(text))
        return false;
    memcpy(text, s, n);
    text[n] = '\0';
    return vg_parse_int(text, &port) && port >= 1 && port <= 65535;
}

static bool broker_valid(const char *s, size_t n)
{
    const char *bracket = memrchr(s, ']', n);
    const char *colon = memrchr(s, ':', n);

    if (n == 0 || memchr(s, ' ', n) || s[0] == ':')
        return false;
    if (!colon || (bracket && colon < bracket))
        return true;
    return port_valid(colon + 1, n - (size_t)(colon + 1 - s));
}

vg_status vg_kafka_conf_check_brokers(const char *brokers, struct vg_err *err)
{
    for (const char *s = brokers;; s++) {
        size_t n = strcspn(s, ",");

        if (!broker_valid(s, n))
            return vg_fail_option(err, VG_E_CONFIG, "brokers",
                                  "'%.*s' is no broker: expected HOST or HOST:PORT, separated by "
                                  "commas, such as kafka1:9092,kafka2:9092",
                                  (int)n, s);
        s += n;
        if (!*s)
            return VG_OK;
    }
}
