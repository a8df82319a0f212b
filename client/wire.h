/* wire.h - the messages of ALERT/1, parsed. Private to the client library.
 *
 * Everything here is bounded, allocates nothing that outlives the call and touches no socket. False
 * always means: not a message of ALERT/1.
 */
#ifndef VIGIL_CLIENT_WIRE_H
#define VIGIL_CLIENT_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WIRE_HEADER_SIZE = 48,
    WIRE_WARD_SIZE = 33,
    WIRE_EVENT_ID_SIZE = 48, /* 32 digits, '.', a number */
    WIRE_EVENT_KEY_SIZE = 20,
    WIRE_UUID_SIZE = 16,
    WIRE_SHARDS_MAX = 4096,
    WIRE_TEXT_SIZE = 256,
};

enum vigil_wire_kind { WIRE_EVENT = 1, WIRE_HEARTBEAT = 2 };

struct vigil_wire_header {
    uint8_t kind;
    bool repeat;
    uint64_t seq, prev_seq;
    uint8_t outbox[WIRE_UUID_SIZE];
    int64_t published_ns;
};

bool vigil_wire_header(const void *bytes, size_t n, struct vigil_wire_header *ret);

/* "alert/1/<ward>/" -> ward */
bool vigil_wire_topic(const char *topic, size_t n, char ward[WIRE_WARD_SIZE]);
bool vigil_wire_ward_valid(const char *ward);

/* What the client itself needs of an event. */
struct vigil_wire_event {
    char event_id[WIRE_EVENT_ID_SIZE];
    uint8_t key[WIRE_EVENT_KEY_SIZE]; /* the same in binary */
    char ward[WIRE_WARD_SIZE];
};

bool vigil_wire_event(const char *json, size_t n, struct vigil_wire_event *ret);

struct vigil_wire_heartbeat {
    char pipeline[WIRE_TEXT_SIZE];
    char state[16];
    char reasons[WIRE_TEXT_SIZE]; /* joined by "; " */
    uint32_t partitions;
    uint8_t covered[WIRE_SHARDS_MAX / 8]; /* bit s: shard s is processed there */
    int64_t oldest_ms;                    /* largest wall_age_ms; -1 without shards */
    int64_t oldest_shard;
};

bool vigil_wire_heartbeat(const char *json, size_t n, struct vigil_wire_heartbeat *ret);
bool vigil_wire_covers(const struct vigil_wire_heartbeat *h, uint32_t shard);

enum vigil_wire_reply_kind {
    WIRE_REPLY_EVENT,
    WIRE_REPLY_DONE,
    WIRE_REPLY_TRUNCATED,
    WIRE_REPLY_OK,
    WIRE_REPLY_ERROR,
};

struct vigil_wire_reply {
    uint64_t id; /* ours are numbers in strings */
    enum vigil_wire_reply_kind kind;
    uint64_t seq, prev_seq; /* of an event of a replay; 0 in a snapshot */
    const char *event;      /* its bytes, inside the text that was parsed */
    size_t event_len;
    uint64_t as_of, next, last, oldest;
    bool has_outbox;
    uint8_t outbox[WIRE_UUID_SIZE];
    char code[32];
    char message[WIRE_TEXT_SIZE];
};

bool vigil_wire_reply(const char *json, size_t n, struct vigil_wire_reply *ret);

#endif
