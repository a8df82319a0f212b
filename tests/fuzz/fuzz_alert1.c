/* fuzz_alert1.c - any bytes as what a publisher sends: a client understands them, or refuses them.
 *
 * Whatever it takes is bounded, lies inside the message, and may be printed.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void require(bool ok)
{
    if (!ok)
        abort();
}

static bool printable(const char *text, size_t size)
{
    size_t n = strnlen(text, size);

    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return false;
    }
    return n < size;
}

static void try_frames(const uint8_t *bytes, size_t n)
{
    char ward[WIRE_WARD_SIZE];
    struct vigil_wire_header h;

    if (vigil_wire_topic((const char *)bytes, n, ward))
        require(vigil_wire_ward_valid(ward) && strlen(ward) + 9 == n);
    if (vigil_wire_header(bytes, n, &h))
        require(n == WIRE_HEADER_SIZE);
}

static void try_event(const char *text, size_t n)
{
    struct vigil_wire_event e;

    if (vigil_wire_event(text, n, &e))
        require(vigil_wire_ward_valid(e.ward) && printable(e.event_id, sizeof(e.event_id)));
}

static void try_heartbeat(const char *text, size_t n)
{
    struct vigil_wire_heartbeat h;
    uint32_t covered = 0;

    if (!vigil_wire_heartbeat(text, n, &h))
        return;
    require(printable(h.pipeline, sizeof(h.pipeline)) && printable(h.state, sizeof(h.state)) &&
            printable(h.reasons, sizeof(h.reasons)) && h.partitions <= WIRE_SHARDS_MAX);
    for (uint32_t s = 0; s < WIRE_SHARDS_MAX; s++)
        covered += vigil_wire_covers(&h, s);
    require(h.oldest_shard < (int64_t)WIRE_SHARDS_MAX && (h.oldest_shard < 0 || covered > 0));
}

static void try_reply(const char *text, size_t n)
{
    struct vigil_wire_reply r;

    if (!vigil_wire_reply(text, n, &r))
        return;
    require(r.id > 0 && printable(r.code, sizeof(r.code)) &&
            printable(r.message, sizeof(r.message)));
    if (r.kind != WIRE_REPLY_EVENT)
        return;
    require(r.event >= text && r.event_len > 1 && r.event + r.event_len <= text + n);
    require(r.event[0] == '{' && r.event[r.event_len - 1] == '}');
    try_event(r.event, r.event_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    const char *text = (const char *)bytes;

    try_frames(bytes, n);
    try_event(text, n);
    try_heartbeat(text, n);
    try_reply(text, n);
    return 0;
}
