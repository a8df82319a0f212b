/* doctor_libraries.c - which libraries are loaded, and what is known of them.
 *
 * Asked from the loaded code, not from headers: what the program was built with says nothing about the
 * library that this machine gives it.
 */
#include "app/doctor.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Those that say their version as text. */
static const struct {
    const char *name, *symbol;
} texts[] = {
    { "librdkafka", "rd_kafka_version_str" },
    { "SQLite", "sqlite3_libversion" },
    { "libfyaml", "fy_library_version" },
    { "libsodium", "sodium_version_string" },
    { "jansson", "jansson_version_str" },
    { "libcurl", "curl_version" },
    { "zlib", "zlibVersion" },
    { "zstd", "ZSTD_versionString" },
};

/* Known anomalies, in versions before `fixed`; NULL: in all. `harmless`: Vigil goes around it by itself. */
static const struct {
    const char *name, *fixed, *what, *advice;
    bool harmless;
} anomalies[] = {
    { "librdkafka", "2.3.0",
      "a producer may end with a fatal error after one request that timed out (idempotence, issue "
      "4438)",
      "nothing: the kafka sink makes a new producer and sends again what was not confirmed; "
      "subscribers "
      "drop what comes twice by event_id",
      true },
    { "librdkafka", "2.1.0", "calls that return batches may lose messages around a pause",
      "nothing: Vigil asks for one message at a time", true },
    { "librdkafka", "2.6.1", "the cooperative assignor may loop for ever (issue 4800)",
      "leave partition.assignment.strategy at what Vigil sets", true },
    { "librdkafka", "2.2.0", "connections with SASL are not authenticated again",
      "brokers with connections.max.reauth.ms will cut connections; they come back", true },
    { "librdkafka", "2.6.1",
      "by SCRAM it cannot log in to Kafka 4, whose brokers say that the password is wrong (pull "
      "request 4895)",
      "with such brokers use PLAIN over TLS or a client certificate", true },
    { "libzmq", NULL,
      "with ZMQ_HEARTBEAT a full socket is taken for dead, and the program may end when it "
      "connects "
      "again (issue 3937)",
      "nothing: Vigil has heartbeats of its own; subscribers that are written by hand leave that "
      "option "
      "off, too",
      true },
    { "libzmq", "4.3.3", "curve servers can be stopped by clients that open half a connection",
      "install libzmq 4.3.3 or newer", false },
    { "SQLite", "3.51.3",
      "two connections that write and checkpoint at the same moment may damage a database (the "
      "WAL-reset bug)",
      "nothing: one connection alone makes checkpoints of the outbox; do not open it for writing "
      "with other "
      "programs",
      true },
    { "SQLite", "3.7.0", "no write-ahead log", "install SQLite 3.40 or newer", false },
};

/* The function of a name, in what is loaded. Through memcpy, because C has no cast for it. */
static bool find(const char *symbol, void *ret_function)
{
    void *at = dlsym(RTLD_DEFAULT, symbol);

    memcpy(ret_function, &at, sizeof(at));
    return at != NULL;
}

/* A version as one number: 2.0.2 is 2000002. */
static uint64_t number_of(const char *text)
{
    uint64_t ret = 0;
    char *end = NULL;

    for (int i = 0; i < 3; i++) {
        ret = ret * 1000 + strtoul(text, &end, 10);
        text = *end == '.' ? end + 1 : "";
    }
    return ret;
}

static void tell(struct vg_doctor *doctor, const char *name, const char *version)
{
    /* "libcurl/7.88.1 OpenSSL/3.0": its own alone. */
    version += strcspn(version, "0123456789");
    vg_doctor_tell(doctor, VG_FINDING_OK, name, "", "%.*s", (int)strcspn(version, " "), version);
    for (size_t i = 0; i < VG_ARRAY_LEN(anomalies); i++) {
        const char *fixed = anomalies[i].fixed;

        if (strcmp(anomalies[i].name, name) != 0 ||
            (fixed && number_of(version) >= number_of(fixed)))
            continue;
        vg_doctor_tell(doctor, anomalies[i].harmless ? VG_FINDING_NOTE : VG_FINDING_PROBLEM, name,
                       anomalies[i].advice, "%s%s%s%s", fixed ? "before " : "", fixed ? fixed : "",
                       fixed ? ": " : "", anomalies[i].what);
    }
}

void vg_doctor_libraries(struct vg_doctor *doctor)
{
    void (*zmq)(int *major, int *minor, int *patch);

    for (size_t i = 0; i < VG_ARRAY_LEN(texts); i++) {
        const char *(*version)(void);

        if (find(texts[i].symbol, &version))
            tell(doctor, texts[i].name, version());
    }
    if (find("zmq_version", &zmq)) {
        char text[48];
        int major, minor, patch;

        zmq(&major, &minor, &patch);
        snprintf(text, sizeof(text), "%d.%d.%d", major, minor, patch);
        tell(doctor, "libzmq", text);
    }
}
