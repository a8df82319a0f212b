/* kafka_conf.c - the librdkafka configuration of the source: ours, and what the user adds.
 *
 * What no client may be given is in core/kafka_options.c; here is what only a consumer may not.
 */
#include "ingest/kafka_conf.h"

#include <string.h>

#include "core/kafka_options.h"

/* What belongs to Vigil in a consumer. */
static const struct {
    const char *key, *why;
} refused[] = {
    { "bootstrap.servers", "it is the option `brokers` of the source" },
    { "metadata.broker.list", "it is the option `brokers` of the source" },
    { "group.id", "it is the option `group` of the source" },
    { "group.instance.id", "it is the option `instance` of the source" },
    { "auto.offset.reset", "it would skip lost data in silence; see the option `start`" },
    { "enable.auto.commit", "positions belong to Vigil's snapshots" },
    { "auto.commit.enable", "positions belong to Vigil's snapshots" },
    { "enable.auto.offset.store", "positions belong to Vigil's snapshots" },
    { "enable.partition.eof", "Vigil has to know when a partition is read to its end" },
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
    /* A broker that hangs is told of after so long; librdkafka waits for a minute by itself. */
    { "socket.timeout.ms", "10000" },
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

static const char *refusal(const char *key, const char *value)
{
    for (size_t i = 0; i < VG_ARRAY_LEN(refused); i++) {
        if (strcmp(key, refused[i].key) == 0)
            return refused[i].why;
    }
    if (strcmp(key, "partition.assignment.strategy") == 0 && strstr(value, "cooperative"))
        return "the cooperative assignor may loop for ever in this librdkafka; use range or "
               "roundrobin";
    return vg_kafka_refusal(key, value);
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

/* The options are the consumer's: what they say of a producer does not count. */
static vg_status fill_producer(rd_kafka_conf_t *conf, const char *brokers,
                               const struct vg_strings *options, struct vg_err *err)
{
    vg_status st = add_options(conf, options, err);

    for (const struct vg_kafka_setting *s = vg_kafka_producer; s->key && st == VG_OK; s++)
        st = add(conf, s->key, s->value, err);
    return st == VG_OK ? add(conf, "bootstrap.servers", brokers, err) : st;
}

rd_kafka_conf_t *vg_kafka_conf_new_producer(const char *brokers, const struct vg_strings *options,
                                            struct vg_err *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    if (fill_producer(conf, brokers, options, err) == VG_OK)
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
