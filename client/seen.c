/* seen.c - which events were given out.
 *
 * The sequence drops repeats of one outbox; this catches the same event from two instances, or from
 * a new outbox of the same input. A ring of keys in the order they came, and a hash table of chains
 * through it.
 */
#include "client/seen.h"

#include <stdlib.h>
#include <string.h>

enum { SEEN_MAX = 1 << 16, NONE = -1 };

struct vigil_seen {
    uint64_t added;
    uint8_t key[SEEN_MAX][WIRE_EVENT_KEY_SIZE];
    int32_t next[SEEN_MAX]; /* in the chain of its bucket */
    int32_t bucket[SEEN_MAX];
};

struct vigil_seen *vigil_seen_new(void)
{
    struct vigil_seen *s = calloc(1, sizeof(*s));

    for (int i = 0; s && i < SEEN_MAX; i++)
        s->bucket[i] = NONE;
    return s;
}

void vigil_seen_free(struct vigil_seen *s)
{
    free(s);
}

/* FNV-1a. Episode ids are hashes already; the number in the last bytes needs mixing. */
static uint32_t bucket_of(const uint8_t *key)
{
    uint32_t h = 2166136261U;

    for (size_t i = 0; i < WIRE_EVENT_KEY_SIZE; i++)
        h = (h ^ key[i]) * 16777619U;
    return (h ^ h >> 16) % SEEN_MAX;
}

static void remove_slot(struct vigil_seen *s, int32_t slot)
{
    int32_t *link = &s->bucket[bucket_of(s->key[slot])];

    while (*link != slot)
        link = &s->next[*link];
    *link = s->next[slot];
}

bool vigil_seen_add(struct vigil_seen *s, const uint8_t key[WIRE_EVENT_KEY_SIZE])
{
    uint32_t bucket = bucket_of(key);
    int32_t slot = (int32_t)(s->added % SEEN_MAX);

    for (int32_t i = s->bucket[bucket]; i != NONE; i = s->next[i]) {
        if (memcmp(s->key[i], key, WIRE_EVENT_KEY_SIZE) == 0)
            return false;
    }
    if (s->added >= SEEN_MAX)
        remove_slot(s, slot);
    memcpy(s->key[slot], key, WIRE_EVENT_KEY_SIZE);
    s->next[slot] = s->bucket[bucket];
    s->bucket[bucket] = slot;
    s->added++;
    return true;
}
