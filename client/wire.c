/* wire.c - the messages of ALERT/1, parsed. */
#include "client/wire.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/scan.h"

static uint64_t get_be(const uint8_t *in, size_t bytes)
{
    uint64_t x = 0;

    for (size_t i = 0; i < bytes; i++)
        x = x << 8 | in[i];
    return x;
}

bool vigil_wire_header(const void *bytes, size_t n, struct vigil_wire_header *ret)
{
    enum { ENCODING_JSON = 0, FLAG_REPEAT = 1 };
    const uint8_t *in = bytes;

    if (n != WIRE_HEADER_SIZE || memcmp(in, "VGA1", 4) != 0 || in[5] != ENCODING_JSON)
        return false;
    ret->kind = in[4];
    ret->repeat = get_be(in + 6, 2) & FLAG_REPEAT;
    ret->seq = get_be(in + 8, 8);
    ret->prev_seq = get_be(in + 16, 8);
    memcpy(ret->outbox, in + 24, WIRE_UUID_SIZE);
    ret->published_ns = (int64_t)get_be(in + 40, 8);
    return true;
}

bool vigil_wire_ward_valid(const char *ward)
{
    size_t n = strlen(ward);

    return n > 0 && n < WIRE_WARD_SIZE &&
           strspn(ward, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

bool vigil_wire_topic(const char *topic, size_t n, char ward[WIRE_WARD_SIZE])
{
    static const char prefix[] = "alert/1/";
    size_t skip = sizeof(prefix) - 1;

    if (n < skip + 2 || n > skip + WIRE_WARD_SIZE || memcmp(topic, prefix, skip) != 0 ||
        topic[n - 1] != '/' || memchr(topic, '\0', n))
        return false;
    snprintf(ward, WIRE_WARD_SIZE, "%.*s", (int)(n - skip - 1), topic + skip);
    return vigil_wire_ward_valid(ward);
}

/* The object in the text, or NULL; free with json_decref(). */
static json_t *load(const char *json, size_t n)
{
    json_t *object = json_loadb(json, n, JSON_REJECT_DUPLICATES, NULL);

    if (json_is_object(object))
        return object;
    json_decref(object);
    return NULL;
}

/* Adds text that may be shown to people: no control characters, which a terminal would obey. What is
 * too long is cut between two characters. */
static void add_text(char *out, size_t size, const char *text)
{
    size_t n = strnlen(text, size - 1);

    while (n > 0 && text[n] && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--;
    memcpy(out, text, n);
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)out[i] < 0x20 || out[i] == 0x7f)
            out[i] = ' ';
    }
    out[n] = '\0';
}

/* Copies a string member. False when there is none. */
static bool get_string(const json_t *object, const char *name, char *out, size_t size)
{
    const char *s = json_string_value(json_object_get(object, name));

    add_text(out, size, s ? s : "");
    return s != NULL;
}

static bool get_number(const json_t *object, const char *name, uint64_t *ret)
{
    const json_t *value = json_object_get(object, name);

    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *ret = (uint64_t)json_integer_value(value);
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* Reads 2 * n hexadecimal digits. */
static bool get_hex(const char *text, size_t n, uint8_t *out)
{
    for (size_t i = 0; i < n; i++) {
        int high = hex_digit(text[2 * i]);
        int low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);

        if (low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool event_key(const char *event_id, uint8_t key[WIRE_EVENT_KEY_SIZE])
{
    enum { EPISODE_BYTES = 16, DIGITS = 2 * EPISODE_BYTES };
    const char *number = event_id + DIGITS + 1;
    unsigned long long n;
    char *end;

    if (strlen(event_id) < DIGITS + 2 || !get_hex(event_id, EPISODE_BYTES, key) ||
        event_id[DIGITS] != '.' || strspn(number, "0123456789") != strlen(number))
        return false;
    n = strtoull(number, &end, 10);
    for (int i = 0; i < 4; i++)
        key[EPISODE_BYTES + i] = (uint8_t)(n >> (24 - 8 * i));
    return n <= UINT32_MAX;
}

static void copy_member(const struct vigil_scan_member *member, char *out, size_t size)
{
    snprintf(out, size, "%.*s", (int)(member->len < size ? member->len : size - 1), member->value);
}

/* As nearly all are. */
static bool plain_event(const char *json, size_t n, struct vigil_wire_event *ret)
{
    struct vigil_scan_member member[] = { { .name = "event_id" }, { .name = "ward" } };

    if (!vigil_scan(json, n, member, 2) || !member[0].value || !member[1].value)
        return false;
    copy_member(&member[0], ret->event_id, sizeof(ret->event_id));
    copy_member(&member[1], ret->ward, sizeof(ret->ward));
    return event_key(ret->event_id, ret->key) && vigil_wire_ward_valid(ret->ward);
}

bool vigil_wire_event(const char *json, size_t n, struct vigil_wire_event *ret)
{
    json_t *object;
    bool ok;

    if (plain_event(json, n, ret))
        return true;
    object = load(json, n);
    if (!object)
        return false;
    if (!get_string(object, "ward", ret->ward, sizeof(ret->ward)))
        snprintf(ret->ward, sizeof(ret->ward), "none");
    ok = get_string(object, "event_id", ret->event_id, sizeof(ret->event_id)) &&
         event_key(ret->event_id, ret->key) && vigil_wire_ward_valid(ret->ward);
    json_decref(object);
    return ok;
}

static void join_reasons(const json_t *list, char *out, size_t size)
{
    size_t i, used = 0;
    const json_t *one;

    out[0] = '\0';
    json_array_foreach(list, i, one)
    {
        const char *text = json_string_value(one);

        if (!text || used + sizeof("; ") >= size)
            continue;
        if (used > 0) {
            add_text(out + used, size - used, "; ");
            used += 2;
        }
        add_text(out + used, size - used, text);
        used += strlen(out + used);
    }
}

static bool read_shards(const json_t *list, struct vigil_wire_heartbeat *h)
{
    size_t i;
    const json_t *one;

    json_array_foreach(list, i, one)
    {
        const json_t *age = json_object_get(one, "wall_age_ms");
        uint64_t shard;

        if (!get_number(one, "shard", &shard) || shard >= WIRE_SHARDS_MAX || !json_is_integer(age))
            return false;
        h->covered[shard / 8] |= (uint8_t)(1U << shard % 8);
        if (json_integer_value(age) > h->oldest_ms) {
            h->oldest_ms = json_integer_value(age);
            h->oldest_shard = (int64_t)shard;
        }
    }
    return json_is_array(list);
}

bool vigil_wire_heartbeat(const char *json, size_t n, struct vigil_wire_heartbeat *ret)
{
    json_t *object = load(json, n);
    uint64_t partitions = 0;
    bool ok;

    if (!object)
        return false;
    *ret = (struct vigil_wire_heartbeat){ .oldest_ms = -1, .oldest_shard = -1 };
    ok = get_string(object, "pipeline", ret->pipeline, sizeof(ret->pipeline)) &&
         get_string(object, "state", ret->state, sizeof(ret->state)) &&
         get_number(object, "partitions", &partitions) && partitions <= WIRE_SHARDS_MAX &&
         read_shards(json_object_get(object, "shards"), ret);
    ret->partitions = (uint32_t)partitions;
    join_reasons(json_object_get(object, "reasons"), ret->reasons, sizeof(ret->reasons));
    json_decref(object);
    return ok;
}

bool vigil_wire_covers(const struct vigil_wire_heartbeat *h, uint32_t shard)
{
    return h->covered[shard / 8] >> shard % 8 & 1;
}

/* 8-4-4-4-12 hexadecimal digits; hyphens may be missing. */
static bool get_uuid(const json_t *object, const char *name, uint8_t out[WIRE_UUID_SIZE])
{
    const char *text = json_string_value(json_object_get(object, name));
    char digits[2 * WIRE_UUID_SIZE];
    size_t n = 0;

    for (; text && *text; text++) {
        if (*text == '-')
            continue;
        if (n == sizeof(digits))
            return false;
        digits[n++] = *text;
    }
    return n == sizeof(digits) && get_hex(digits, WIRE_UUID_SIZE, out);
}

/* The end of the string whose opening quote is at `at`. The text is known to be JSON. */
static const char *string_end(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++) {
        if (*at == '\\')
            at++;
    }
    return at + 1;
}

/* The end of the value that starts at `at`, trailing space included. */
static const char *value_end(const char *at, const char *end)
{
    int depth = 0;

    while (at < end) {
        if (depth == 0 && (*at == ',' || *at == '}'))
            return at;
        if (*at == '"') {
            at = string_end(at, end);
            continue;
        }
        depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
        at++;
    }
    return end;
}

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
        at++;
    return at;
}

/* Finds the bytes of member "event" of the object in the text, which jansson accepted: events are
 * passed on as they came, since writing them anew could change a number's digits. */
static bool find_event(const char *json, size_t n, const char **ret, size_t *ret_len)
{
    static const char name[] = "\"event\"";
    const char *end = json + n;
    const char *at = skip_space(json, end) + 1;

    while ((at = skip_space(at, end)) < end && *at == '"') {
        const char *key = at;
        const char *key_end = string_end(at, end);
        const char *value = skip_space(skip_space(key_end, end) + 1, end);

        at = value_end(value, end);
        if (at > end || value >= end)
            return false;
        if ((size_t)(key_end - key) == sizeof(name) - 1 &&
            memcmp(key, name, sizeof(name) - 1) == 0) {
            *ret = value;
            while (at > value && at[-1] != '}')
                at--;
            *ret_len = (size_t)(at - value);
            return *ret_len > 0;
        }
        at++; /* the comma */
    }
    return false;
}

/* At most 19 digits, so that none is too large. */
static bool get_digits(const char *text, size_t n, uint64_t *ret)
{
    *ret = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *ret = *ret * 10 + (uint64_t)(text[i] - '0');
    }
    return n > 0 && n <= 19;
}

static bool get_id(const json_t *object, uint64_t *ret)
{
    const char *id = json_string_value(json_object_get(object, "id"));

    return id && get_digits(id, strlen(id), ret) && *ret > 0;
}

static bool read_done(const json_t *object, struct vigil_wire_reply *ret)
{
    bool snapshot = get_number(object, "as_of", &ret->as_of);
    bool replay = get_number(object, "next", &ret->next) && get_number(object, "last", &ret->last);

    ret->kind = WIRE_REPLY_DONE;
    ret->has_outbox = get_uuid(object, "outbox", ret->outbox);
    return replay || (snapshot && ret->has_outbox);
}

static bool read_reply(const json_t *object, const char *json, size_t n,
                       struct vigil_wire_reply *ret)
{
    if (!get_id(object, &ret->id))
        return false;
    if (json_object_get(object, "error")) {
        ret->kind = WIRE_REPLY_ERROR;
        get_string(object, "message", ret->message, sizeof(ret->message));
        return get_string(object, "error", ret->code, sizeof(ret->code));
    }
    if (json_is_object(json_object_get(object, "event"))) {
        ret->kind = WIRE_REPLY_EVENT;
        (void)get_number(object, "seq", &ret->seq);
        (void)get_number(object, "prev_seq", &ret->prev_seq);
        return find_event(json, n, &ret->event, &ret->event_len);
    }
    if (json_is_true(json_object_get(object, "done")))
        return read_done(object, ret);
    if (json_is_true(json_object_get(object, "truncated"))) {
        ret->kind = WIRE_REPLY_TRUNCATED;
        return get_number(object, "oldest", &ret->oldest);
    }
    ret->kind = WIRE_REPLY_OK;
    return json_is_true(json_object_get(object, "ok"));
}

/* What a replay consists of; whoever was away has thousands to read before anything new. */
static bool plain_event_reply(const char *json, size_t n, struct vigil_wire_reply *ret)
{
    enum { ID, SEQ, PREV_SEQ, EVENT, ERROR, MEMBERS };
    struct vigil_scan_member member[MEMBERS] = {
        [ID] = { .name = "id" },
        [SEQ] = { .name = "seq", .any = true },
        [PREV_SEQ] = { .name = "prev_seq", .any = true },
        [EVENT] = { .name = "event", .any = true },
        [ERROR] = { .name = "error", .any = true },
    };

    if (!vigil_scan(json, n, member, MEMBERS) || !member[ID].value || !member[SEQ].value ||
        !member[PREV_SEQ].value || !member[EVENT].value || member[ERROR].value)
        return false;
    ret->kind = WIRE_REPLY_EVENT;
    ret->event = member[EVENT].value;
    ret->event_len = member[EVENT].len;
    return *ret->event == '{' && get_digits(member[ID].value, member[ID].len, &ret->id) &&
           ret->id > 0 && get_digits(member[SEQ].value, member[SEQ].len, &ret->seq) &&
           get_digits(member[PREV_SEQ].value, member[PREV_SEQ].len, &ret->prev_seq);
}

bool vigil_wire_reply(const char *json, size_t n, struct vigil_wire_reply *ret)
{
    json_t *object;
    bool ok;

    *ret = (struct vigil_wire_reply){ 0 };
    if (plain_event_reply(json, n, ret))
        return true;
    *ret = (struct vigil_wire_reply){ 0 };
    object = load(json, n);
    if (!object)
        return false;
    ok = read_reply(object, json, n, ret);
    json_decref(object);
    return ok;
}
