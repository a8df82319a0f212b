/* vigil_client.h - receive every alert of a Vigil pipeline, and know that none is missing.
 *
 * This is a complete subscriber of ALERT/1 (docs/alert1.md): it subscribes, takes a snapshot,
 * notices gaps and has them replayed, drops repeats, and watches the pipeline itself: a broken
 * link, a stage that hangs, a part of the input that nobody covers. What a program does with it:
 *
 *     struct vigil_endpoint pipeline = {
 *         .publish = "tcp://127.0.0.1:5557",
 *         .control = "tcp://127.0.0.1:5558",
 *     };
 *     struct vigil_options options = { .endpoints = &pipeline, .endpoints_n = 1 };
 *     struct vigil_client *client;
 *     struct vigil_item item;
 *     char message[256];
 *
 *     if (vigil_client_new(&options, &client, message, sizeof(message)) < 0)
 *         ...
 *     while (running) {
 *         if (vigil_client_next(client, 1000, &item) <= 0)
 *             continue;
 *         if (item.type == VIGIL_EVENT)
 *             handle(item.event.json, item.event.json_len);
 *         else if (item.type == VIGIL_NOTICE)
 *             fprintf(stderr, "%s\n", item.notice.text);
 *     }
 *     vigil_client_free(client);
 *
 * Threads: one thread at a time calls a client, from new to free; it may be handed to another thread
 * as anything else is. Several clients may live in several threads: nothing is global. No function
 * but vigil_client_version() may be called in a signal handler, and none after a fork in the child. libzmq
 * has threads of its own, which run no code of the caller. None of them understands the protocol, so
 * call vigil_client_next() at least every second: notices are only as timely as that.
 * Ownership: the client copies its options. What an item points to belongs to the client and is
 * valid until the next call with that client. No function keeps a pointer that it is given.
 * Memory: what a client keeps does not grow with time, nor with what a publisher sends: 4 MB, 0.3 KB
 * for each ward up to 4096, and what waits in a socket, at most 20,000 messages of at most 1 MiB
 * each (Vigil's have about 2 KB). Running out of it ends the program (abort), since an alert must
 * not get lost in silence.
 * Trust: frames from the wire are bounded and checked; what cannot be understood is counted in
 * vigil_client_stats() and filled in by a replay. Texts of notices and replies hold no control
 * characters, so they may be printed; item.event.json is JSON, in which they are escaped.
 */
#ifndef VIGIL_CLIENT_H
#define VIGIL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vigil_client;

/**
 * The version of the library that is loaded, "0.1.0". Within a soname (libvigil-client.so.0) the
 * functions, the order and size of these structs and the numbers of these enums stay as they are.
 */
const char *vigil_client_version(void);

/** One pipeline, or one of the instances that share a pipeline's input. */
struct vigil_endpoint {
    const char *publish; /**< what the ZeroMQ sink calls `publish` */
    const char *control;
    /** False: start with a snapshot of the open episodes. True: start with a replay of everything
     *  after `after` (0: all that the pipeline holds). */
    bool resume;
    uint64_t after;
    /** 16 bytes, or NULL: the outbox that `after` counts in, as vigil_client_position() told it.
     *  With it, another outbox is noticed for certain and answered with a snapshot. */
    const uint8_t *outbox;
    /** CURVE: the pipeline's public key and this client's pair, each the 40 characters of Z85; all
     *  NULL for a pipeline on this machine that has none. Who is not let in hears nothing: the link
     *  is down, and a notice VIGIL_REFUSED says so. */
    const char *server_key, *public_key, *secret_key;
};

struct vigil_options {
    const struct vigil_endpoint *endpoints;
    size_t endpoints_n; /**< at least 1 */
    const char *const *wards;
    size_t wards_n; /**< 0: every ward */
    /** NULL, or the name under which the pipeline is told each second what was received. */
    const char *subscriber;
};

enum vigil_item_type {
    VIGIL_EVENT,  /**< an alert event: item.event */
    VIGIL_NOTICE, /**< something about the pipeline or the link: item.notice */
    VIGIL_REPLY,  /**< the answer to an acknowledgement or a command: item.reply */
};

/** How an event came. Events of one ward are in order, whatever their origin. */
enum vigil_origin {
    VIGIL_LIVE,     /**< published now */
    VIGIL_REPLAYED, /**< older: from the start position, or missed before */
    VIGIL_SNAPSHOT, /**< newest event of an episode that is open; seq is not known (0) */
};

/* Conditions come in pairs, raised and cleared. */
enum vigil_notice {
    VIGIL_LINK_UP,      /**< first heartbeat, or heartbeats again */
    VIGIL_LINK_DOWN,    /**< no heartbeat for 3 s: alerts may not arrive */
    VIGIL_STALLED,      /**< a shard has not moved through the whole chain for more than 5 s */
    VIGIL_MOVING,       /**< no longer stalled */
    VIGIL_NOT_COVERED,  /**< no reachable instance processes one of the partitions */
    VIGIL_COVERED,      /**< every partition is processed again */
    VIGIL_STATE,        /**< the pipeline changed its state; text holds it and its reasons */
    VIGIL_SYNCED,       /**< the snapshot or first replay of a ward is complete */
    VIGIL_NEW_OUTBOX,   /**< the pipeline has another outbox; a snapshot follows */
    VIGIL_HISTORY_LOST, /**< events that were asked for are no longer held */
    VIGIL_UNREADABLE,   /**< an event cannot be understood and was skipped */
    VIGIL_REFUSED,      /**< the pipeline refuses what this client needs, e.g. an unknown ward */
};

struct vigil_item {
    enum vigil_item_type type;
    size_t endpoint; /**< index in the options */
    struct {
        enum vigil_origin origin;
        uint64_t seq, prev_seq; /**< in the endpoint's outbox; prev_seq: of the same ward */
        bool repeat;            /**< the pipeline may have published it before a restart */
        int64_t published_ns;   /**< wall time of a live event, ns since 1970; else 0 */
        const char *ward;
        const char *event_id;
        const char *json; /**< the canonical bytes, NUL-terminated */
        size_t json_len;
    } event;
    struct {
        enum vigil_notice kind;
        const char *name; /**< of the kind, "link_down" */
        const char *text; /**< one sentence for people */
        int64_t shard;    /**< stalled, not_covered: one that is affected; else -1 */
    } notice;
    struct {
        uint64_t ticket;  /**< of the acknowledgement or command */
        bool ok;          /**< durable in the pipeline */
        const char *code; /**< if not: of docs/alert1.md, or "timeout"; it may still come true */
        const char *message;
    } reply;
};

/** What was received since the start. */
struct vigil_stats {
    uint64_t events;     /**< given out */
    uint64_t duplicates; /**< dropped: a seq or event_id that was given out before */
    uint64_t gaps;       /**< times that events were found missing */
    uint64_t replayed;   /**< events given out that a replay brought */
    uint64_t malformed;  /**< messages that could not be understood */
};

/**
 * Creates a client and starts connecting; endpoints need not be up yet. Returns 0, or -1 with a
 * sentence in `message` (a bad address, no memory); *ret is then NULL.
 */
int vigil_client_new(const struct vigil_options *options, struct vigil_client **ret, char *message,
                     size_t message_size);

/** Disconnects and frees; NULL is fine. */
void vigil_client_free(struct vigil_client *client);

/**
 * Waits at most timeout_ms (0: not at all, -1: for ever) for the next item. Returns 1 with *item
 * filled in, or 0 when the time is over or a signal came.
 */
int vigil_client_next(struct vigil_client *client, int timeout_ms, struct vigil_item *item);

/**
 * Acknowledges an episode (32 hexadecimal digits) at the endpoint that its events came from. `note`
 * may be NULL. Returns a ticket; a VIGIL_REPLY with it comes within 10 s. Asking twice is harmless.
 * Returns 0 when an argument is NULL or the endpoint does not exist.
 */
uint64_t vigil_client_acknowledge(struct vigil_client *client, size_t endpoint, const char *episode,
                                  const char *by, const char *note);

/**
 * Gives a command (docs/alert1.md): `command` is its JSON object, `key` the secret in the file
 * command.key of the pipeline's data_dir, `command_id` a name of 1 to 64 bytes; the same command
 * under the same name is obeyed once. Returns a ticket, as vigil_client_acknowledge() does.
 */
uint64_t vigil_client_command(struct vigil_client *client, size_t endpoint, const char *command_id,
                              const char *key, const char *command);

/**
 * Where to resume after a restart of the caller: every event of `endpoint` up to *ret_after was
 * given out. False while the first snapshot or replay is not complete.
 */
bool vigil_client_position(const struct vigil_client *client, size_t endpoint, uint64_t *ret_after,
                           uint8_t ret_outbox[16]);

/** Whether every event that the pipelines have announced so far was given out. */
bool vigil_client_complete(const struct vigil_client *client);

/** Whether all endpoints have said that they are closing. */
bool vigil_client_closing(const struct vigil_client *client);

void vigil_client_stats(const struct vigil_client *client, struct vigil_stats *ret);

#ifdef __cplusplus
}
#endif

#endif
