/* kafka_admin.c - `kafka_admin HOST:PORT NAME:PARTITIONS[:REPLICAS]...` creates topics.
 *
 * The jars that tests run Kafka from hold no command for it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/kafka.h"

int main(int argc, char **argv)
{
    rd_kafka_t *client;
    bool ok = argc >= 3;

    if (!ok) {
        fprintf(stderr, "usage: kafka_admin HOST:PORT NAME:PARTITIONS[:REPLICAS]...\n");
        return 2;
    }
    client = test_kafka_client(argv[1]);
    ok = client != NULL;
    for (int i = 2; ok && i < argc; i++) {
        char *colon = strchr(argv[i], ':');
        char *more = NULL;
        int partitions = colon ? (int)strtol(colon + 1, &more, 10) : 0;
        int replicas = more && *more == ':' ? (int)strtol(more + 1, NULL, 10) : 1;

        if (partitions < 1 || replicas < 1) {
            fprintf(stderr, "kafka_admin: '%s' is not NAME:PARTITIONS[:REPLICAS]\n", argv[i]);
            ok = false;
            break;
        }
        *colon = '\0';
        ok = test_kafka_create(client, argv[i], partitions, replicas);
    }
    if (client)
        rd_kafka_destroy(client);
    return ok ? 0 : 1;
}
