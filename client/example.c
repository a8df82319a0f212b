/* example.c - the smallest program that receives every alert of a pipeline.
 *
 *     cc example.c -o example $(pkg-config --cflags --libs vigil-client)
 *     ./example tcp://127.0.0.1:5557 tcp://127.0.0.1:5558
 *
 * It prints the canonical JSON of each event, one a line, and what is wrong with the pipeline on
 * standard error. After a link failure or a restart of the pipeline it goes on without a gap.
 */
#include <stdio.h>
#include <vigil_client.h>

int main(int argc, char **argv)
{
    struct vigil_endpoint pipeline = {
        .publish = argc > 1 ? argv[1] : "tcp://127.0.0.1:5557",
        .control = argc > 2 ? argv[2] : "tcp://127.0.0.1:5558",
    };
    struct vigil_options options = { .endpoints = &pipeline, .endpoints_n = 1 };
    struct vigil_client *client;
    struct vigil_item item;
    char message[256];

    if (vigil_client_new(&options, &client, message, sizeof(message)) < 0) {
        fprintf(stderr, "%s\n", message);
        return 1;
    }
    while (!vigil_client_closing(client) || !vigil_client_complete(client)) {
        if (!vigil_client_next(client, 1000, &item))
            continue;
        if (item.type == VIGIL_EVENT)
            puts(item.event.json);
        else if (item.type == VIGIL_NOTICE)
            fprintf(stderr, "%s\n", item.notice.text);
        fflush(stdout);
    }
    vigil_client_free(client);
    return 0;
}
