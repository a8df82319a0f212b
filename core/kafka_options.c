/* kafka_options.c - what is true of the options of every Kafka client, consumer or producer.
 *
 * Users need librdkafka's own options (TLS, SASL, socket buffers), but some of them load code or run
 * commands, and some switch off what makes a connection safe. Those are refused by name, each with
 * its reason.
 */
#include "core/kafka_options.h"

#include <string.h>
#include <strings.h>

#include "core/host.h"
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
};

const struct vg_kafka_setting vg_kafka_producer[] = {
    { "client.id", "vigil" },
    { "acks", "all" },
    { "enable.idempotence", "true" },
    { "message.timeout.ms", "0" },
    { "partitioner", "murmur2_random" },
    { "linger.ms", "1" },
    { "socket.nagle.disable", "true" },
    { "reconnect.backoff.max.ms", "1000" },
    { "log.connection.close", "false" },
    { NULL, NULL },
};

static bool ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), t = strlen(tail);

    return n >= t && strcmp(s + n - t, tail) == 0;
}

const char *vg_kafka_refusal(const char *key, const char *value)
{
    for (size_t i = 0; i < VG_ARRAY_LEN(refused); i++) {
        if (strcmp(key, refused[i].key) != 0)
            continue;
        return refused[i].allowed && strcmp(value, refused[i].allowed) == 0 ? NULL : refused[i].why;
    }
    return ends_with(key, "_cb") ? "it is a pointer" : NULL;
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

vg_status vg_kafka_check_brokers(const char *brokers, struct vg_err *err)
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

vg_status vg_kafka_check_topic(const char *topic, struct vg_err *err)
{
    size_t n = strlen(topic);

    /* Also keeps out "^...", which librdkafka would subscribe to as a pattern. */
    if (n >= 1 && n <= 249 &&
        strspn(topic, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == n)
        return VG_OK;
    return vg_fail_option(err, VG_E_CONFIG, "topic",
                          "'%s' is no topic name: expected 1 to 249 of letters, digits, '.', '_' "
                          "and '-'",
                          topic);
}

/* ---- transport ---- */

/* HOST[:PORT], an IPv6 address in brackets. */
static bool is_here(const char *s, size_t n)
{
    const char *colon = memrchr(s, ':', n);
    const char *bracket = memrchr(s, ']', n);

    return vg_host_is_loopback(s, colon && colon > bracket ? (size_t)(colon - s) : n);
}

/* The value of an option, or "". */
static const char *value_of(const struct vg_strings *options, const char *key)
{
    for (size_t i = 0; i < options->n; i++) {
        if (strcmp(options->key[i], key) == 0)
            return options->value[i];
    }
    return "";
}

static bool has_tls(const struct vg_strings *options)
{
    const char *protocol = value_of(options, "security.protocol");

    return strcasecmp(protocol, "ssl") == 0 || strcasecmp(protocol, "sasl_ssl") == 0;
}

vg_status vg_kafka_check_transport(const char *brokers, const struct vg_strings *options,
                                   bool insecure, struct vg_err *err)
{
    if (insecure || has_tls(options))
        return VG_OK;
    for (const char *s = brokers;; s++) {
        size_t n = strcspn(s, ",");

        if (!is_here(s, n))
            return vg_fail_option(err, VG_E_CONFIG, "brokers",
                                  "%.*s is another machine, and patients' data would go there in "
                                  "plain text: set security.protocol to ssl or sasl_ssl among the "
                                  "options, or insecure: true",
                                  (int)n, s);
        s += n;
        if (!*s)
            return VG_OK;
    }
}

/* ---- login ---- */

const char *vg_kafka_login_advice(const struct vg_strings *options, int version)
{
    static const int scram_mended = 0x020601ff;
    const char *mechanism = value_of(options, "sasl.mechanism");

    if (!*mechanism)
        mechanism = value_of(options, "sasl.mechanisms");
    if (version >= scram_mended || strncasecmp(mechanism, "SCRAM-", strlen("SCRAM-")) != 0)
        return NULL;
    return "by SCRAM librdkafka before 2.6.1 cannot log in to Kafka 4, whatever the password; "
           "PLAIN "
           "over TLS or a client certificate can";
}
