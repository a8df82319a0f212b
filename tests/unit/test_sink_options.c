/* test_sink_options.c - what sinks refuse before anything is connected: places that patients' data must
 * not go to, secrets where they would be printed, options that would break a promise. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/fake_outbox.h"

extern const struct vg_sink_ops vg_sink_fhir, vg_sink_file, vg_sink_hl7, vg_sink_kafka,
    vg_sink_mqtt, vg_sink_postgres, vg_sink_syslog, vg_sink_webhook;

enum { OPTIONS = 4 };

struct option_text {
    char name[24];
    char key[24]; /* of a map's entry */
    char value[96];
};

struct row {
    char sink[12];
    struct option_text option[OPTIONS];
    char at[24]; /* the option that the message points at; "" where all is accepted */
    char says[64];
};

#define SECRET "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define POSTGRES(...)                     \
    "postgres",                           \
    {                                     \
        {                                 \
            "connection", "", __VA_ARGS__ \
        }                                 \
    }
#define KAFKA(brokers)              \
    "kafka",                        \
    {                               \
        { "brokers", "", brokers }, \
        {                           \
            "topic", "", "alerts"   \
        }
#define WEBHOOK(url)             \
    "webhook",                   \
    {                            \
        { "url", "", url },      \
        {                        \
            "secret", "", SECRET \
        }

#define MQTT(broker)              \
    "mqtt",                       \
    {                             \
        {                         \
            "address", "", broker \
        }

#define FHIR(url, system)                \
    "fhir",                              \
    {                                    \
        { "url", "", url },              \
        {                                \
            "patient_system", "", system \
        }

#define HL7(address, authority)                \
    "hl7",                                     \
    {                                          \
        { "address", "", address },            \
        {                                      \
            "patient_authority", "", authority \
        }

/* clang-format off */
static struct row rows[] = {
    { POSTGRES("postgresql:///vigil"), "", "" },
    { POSTGRES("host=/run/postgresql dbname=vigil"), "", "" },
    { POSTGRES("postgresql://vigil@localhost/vigil"), "", "" },
    { POSTGRES("host=127.0.0.1,::1 dbname=vigil"), "", "" },
    { POSTGRES("postgresql://vigil@db.example/vigil?sslmode=verify-full"), "", "" },
    { "postgres", { { "connection", "", "postgresql://vigil@db.example/vigil" },
                    { "insecure", "", "true" } }, "", "" },
    { POSTGRES("postgresql://vigil@db.example/vigil"), "connection", "sslmode=verify-full" },
    { POSTGRES("host=db.example sslmode=require"), "connection", "sslmode=verify-full" },
    { POSTGRES("host=localhost,db.example dbname=vigil"), "connection", "another machine" },
    { POSTGRES("hostaddr=192.0.2.7 dbname=vigil"), "connection", "another machine" },
    { POSTGRES("postgresql://vigil:hush@localhost/vigil"), "connection", "a password does not belong" },
    { POSTGRES("service=alerts"), "connection", "another machine" },
    { POSTGRES("host=localhost passwort=x"), "connection", "expected a URI" },
    { POSTGRES("db.example"), "connection", "expected a URI" },

    { KAFKA("localhost:9092,127.0.0.1:9093,[::1]:9094") }, "", "" },
    { KAFKA("kafka1.ward:9093"), { "options", "security.protocol", "sasl_ssl" } }, "", "" },
    { KAFKA("kafka1.ward"), { "insecure", "", "true" } }, "", "" },
    { KAFKA("localhost,kafka1.ward:9092") }, "brokers", "kafka1.ward:9092 is another machine" },
    { KAFKA("localhosts:9092") }, "brokers", "another machine" },
    { KAFKA("kafka1.ward"), { "options", "security.protocol", "sasl_plaintext" } }, "brokers", "plain text" },
    { KAFKA("localhost"), { "options", "acks", "1" } }, "options", "acks is not accepted here" },
    { KAFKA("localhost"), { "options", "plugin.library.paths", "x" } }, "options", "loads code" },
    { KAFKA("localhost"), { "options", "linger", "x" } }, "options", "librdkafka refuses" },
    { "kafka", { { "brokers", "", "localhost" }, { "topic", "", "^alerts" } }, "topic", "no topic name" },

    { WEBHOOK("https://pager.ward/vigil") }, "", "" },
    { WEBHOOK("http://127.0.0.1:8080/"), { "allow", "", "loopback" } }, "", "" },
    { WEBHOOK("http://pager.ward/"), { "insecure", "", "true" } }, "", "" },
    { WEBHOOK("https://x/"), { "headers", "Authorization", "Bearer hush" } }, "", "" },
    { WEBHOOK("ftp://pager.ward/") }, "url", "expected https://HOST/PATH" },
    { WEBHOOK("pager") }, "url", "expected https://HOST/PATH" },
    { WEBHOOK("http://pager.ward/") }, "url", "pager.ward is another machine" },
    { WEBHOOK("http://127.0.0.1.evil.example/"), { "allow", "", "loopback" } }, "url", "another machine" },
    { WEBHOOK("https://u:hush@x/") }, "url", "a user or password does not belong here" },
    { WEBHOOK("https://x/"), { "headers", "Host", "y" } }, "headers", "Host is no header" },
    { WEBHOOK("https://x/"), { "headers", "X-Y", "a\r\nHost: z" } }, "headers", "X-Y is no header" },
    { WEBHOOK("https://x/"), { "allow", "", "all" } }, "allow", "\"all\" is no kind of address" },
    { WEBHOOK("https://x/"), { "key", "", "k.pem" } }, "key", "belong together" },
    { "webhook", { { "url", "", "https://x/" }, { "secret", "", "whsec_AAAA" } }, "secret", "24 to 64" },
    { "webhook", { { "url", "", "https://x/" }, { "secret", "", "hush" } }, "secret", "whsec_" },
    { WEBHOOK("https://x/"), { "old_secret", "", "whsec_=" } }, "old_secret", "24 to 64" },

    { "file", { { "path", "", "a.ndjson" }, { "rotate", "", "64MiB" }, { "keep", "", "7" } }, "", "" },
    { "file", { { "path", "", "%Y-%m-%d" }, { "compress", "", "zstd" } }, "", "" },
    { "file", { { "path", "", "a.ndjson" }, { "compress", "", "zstd" } }, "compress", "ever finished" },
    { "file", { { "path", "", "a.ndjson" }, { "keep", "", "7" } }, "keep", "say `rotate: 64MiB`" },

    { MQTT("localhost:1883") }, "", "" },
    { MQTT("[::1]") }, "", "" },
    { MQTT("broker.ward"), { "tls", "", "true" }, { "ca", "", "ca.pem" } }, "", "" },
    { MQTT("broker.ward:1883"), { "insecure", "", "true" } }, "", "" },
    { MQTT("broker.ward:1883") }, "address", "broker.ward:1883 is another machine" },
    { MQTT("localhost:0") }, "address", "expected HOST:PORT" },
    { MQTT("[::1") }, "address", "expected HOST:PORT" },
    { MQTT("mqtt://localhost") }, "address", "expected HOST:PORT" },
    { MQTT("localhost"), { "qos", "", "0" } }, "qos", "could be lost without anybody knowing" },
    { MQTT("localhost"), { "topic", "", "vigil/#" } }, "topic", "without + and #" },
    { MQTT("localhost"), { "topic", "", "vigil/" } }, "topic", "no / last" },
    { MQTT("localhost"), { "ca", "", "ca.pem" } }, "ca", "tls: true" },
    { MQTT("localhost"), { "tls", "", "true" }, { "key", "", "k.pem" } }, "key", "belong together" },
    { MQTT("localhost"), { "password", "", "hush" } }, "password", "needs a `username`" },

    { "syslog", { { "target", "", "journald" }, { "socket", "", "/run/log" } }, "", "" },
    { "syslog", { { "socket", "", "log" } }, "socket", "expected the full path" },

    { FHIR("https://ehr.ward/fhir/r4", "urn:oid:1.2.3") }, "", "" },
    { FHIR("https://ehr.ward/fhir?x=y", "urn:oid:1.2.3") }, "url", "expected the base of the server" },
    { FHIR("https://ehr.ward/fhir", "our patients") }, "patient_system", "is no URI" },

    { HL7("127.0.0.1:2575", "HOSP") }, "", "" },
    { HL7("[::1]:2575", "HOSP^1.2.36^ISO") }, "", "" },
    { HL7("emr.ward:2575", "HOSP"), { "tls", "", "true" }, { "ca", "", "ca.pem" } }, "", "" },
    { HL7("emr.ward:2575", "HOSP"), { "insecure", "", "true" } }, "", "" },
    { HL7("emr.ward:2575", "HOSP") }, "address", "emr.ward is another machine" },
    { HL7("[2001:db8::7]:2575", "HOSP") }, "address", "another machine" },
    { HL7("127.0.0.1", "HOSP") }, "address", "expected HOST:PORT" },
    { HL7("::1:2575", "HOSP") }, "address", "expected HOST:PORT" },
    { HL7("[localhost]:2575", "HOSP") }, "address", "expected HOST:PORT" },
    { HL7(":2575", "HOSP") }, "address", "expected HOST:PORT" },
    { HL7("localhost:0", "HOSP") }, "address", "expected HOST:PORT" },
    { HL7("localhost:65536", "HOSP") }, "address", "expected HOST:PORT" },
    { HL7("http://localhost:80", "HOSP") }, "address", "expected HOST:PORT" },
    { HL7("localhost:2575", "HOSP"), { "ca", "", "ca.pem" } }, "ca", "use tls: true" },
    { HL7("localhost:2575", "HOSP"), { "tls", "", "true" }, { "key", "", "k.pem" } }, "key", "belong together" },
    { HL7("localhost:2575", "A|B") }, "patient_authority", "expected NAME or NAME^ID" },
    { HL7("localhost:2575", "A^B") }, "patient_authority", "expected NAME or NAME^ID" },
    { HL7("localhost:2575", "") }, "patient_authority", "expected NAME or NAME^ID" },
    { HL7("localhost:2575", "HOSP"), { "sending_application", "", "A&B" } }, "sending_application", "expected NAME" },
    { HL7("localhost:2575", "HOSP"), { "receiving_facility", "", "A\rB" } }, "receiving_facility", "expected NAME" },
};
/* clang-format on */

ParameterizedTestParameters(sink_options, are_checked_before_anything_is_connected)
{
    return cr_make_param_array(struct row, rows, VG_ARRAY_LEN(rows));
}

static const struct vg_sink_ops *find(const char *name)
{
    static const struct vg_sink_ops *const all[] = { &vg_sink_fhir,   &vg_sink_file,
                                                     &vg_sink_hl7,    &vg_sink_mqtt,
                                                     &vg_sink_kafka,  &vg_sink_postgres,
                                                     &vg_sink_syslog, &vg_sink_webhook };

    for (size_t i = 0; i < VG_ARRAY_LEN(all); i++) {
        if (strcmp(all[i]->name, name) == 0)
            return all[i];
    }
    cr_assert_fail("no sink %s", name);
    return NULL;
}

static void give(const struct vg_sink_ops *ops, void *self, const struct option_text *o)
{
    const struct vg_option *option = vg_option_find(ops->options, o->name);
    struct vg_err err;

    cr_assert_not_null(option, "%s", o->name);
    if (option->type == VG_OPT_LIST_ || option->type == VG_OPT_MAP_)
        cr_assert_eq(vg_option_add(option, self, o->key[0] ? o->key : NULL, o->value, &err), VG_OK);
    else
        cr_assert_eq(vg_option_set(option, self, o->value, &err), VG_OK, "%s", err.msg);
}

ParameterizedTest(struct row *row, sink_options, are_checked_before_anything_is_connected)
{
    const struct vg_sink_ops *ops = find(row->sink);
    void *self = fake_sink_self(ops);
    struct vg_err err = { .msg = "" };
    vg_status st;

    for (size_t i = 0; i < OPTIONS && row->option[i].name[0]; i++)
        give(ops, self, &row->option[i]);
    st = ops->check(self, &err);
    if (row->at[0] == '\0') {
        cr_expect_eq(st, VG_OK, "%s: %s", row->option[0].value, err.msg);
    } else {
        cr_expect_eq(st, VG_E_CONFIG, "%s", row->option[0].value);
        cr_expect_str_eq(err.option, row->at);
        cr_expect(strstr(err.msg, row->says), "%s: %s", row->option[0].value, err.msg);
        cr_expect(!strstr(err.msg, "hush"), "a secret is told: %s", err.msg);
    }
    vg_options_done(ops->options, self);
    free(self);
}
