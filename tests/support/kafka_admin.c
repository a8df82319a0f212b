/* kafka_admin.c - `kafka_admin HOST:PORT NAME:PARTITIONS[:REPLICAS[:SETTING=VALUE]]...` creates topics.
 *
 * The jars that tests run Kafka from hold no command for it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/kafka.h"

/* A number above 0, and where it ends; 0: there is none. */
static int read_number(const char *text, char **end)
{
    long n = strtol(text, end, 10);

    return n > 0 && n < 10000 ? (int)n : 0;
}

static bool create(rd_kafka_t *client, char *wanted)
{
    char *more = strchr(wanted, ':'), *name = more, *value = NULL;
    int partitions = more ? read_number(more + 1, &more) : 0;
    int replicas = more && *more == ':' ? read_number(more + 1, &more) : 1;
    char *setting = more && *more == ':' ? more + 1 : NULL;

    if (setting)
        value = strchr(setting, '=');
    if (partitions < 1 || replicas < 1 || (setting && !value)) {
        fprintf(stderr, "kafka_admin: '%s' is not NAME:PARTITIONS[:REPLICAS[:SETTING=VALUE]]\n",
                wanted);
        return false;
    }
    *name = '\0';
    if (value)
        *value++ = '\0';
    return test_kafka_create(client, wanted, partitions, replicas, setting, value);
}

int main(int argc, char **argv)
{
    rd_kafka_t *client;
    bool ok = argc >= 3;

    if (!ok) {
        fprintf(stderr,
                "usage: kafka_admin HOST:PORT NAME:PARTITIONS[:REPLICAS[:SETTING=VALUE]]...\n");
        return 2;
    }
    client = test_kafka_client(argv[1]);
    ok = client != NULL;
    for (int i = 2; ok && i < argc; i++)
        ok = create(client, argv[i]);
    if (client)
        rd_kafka_destroy(client);
    return ok ? 0 : 1;
}
