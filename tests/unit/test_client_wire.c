/* test_client_wire.c - the client's reading of ALERT/1 messages, good, newer and broken ones. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/seen.h"
#include "client/wire.h"

#define EPISODE "0123456789abcdef0123456789abcdef"
#define EVENT   "{\"event_id\":\"" EPISODE ".7\",\"ward\":\"icu-a\",\"observed\":{\"value\":0.1}}"

static const char heartbeat[] =
    "{\"pipeline\":\"p\",\"version\":\"1\",\"state\":\"degraded\",\"reasons\":[\"a\",\"b\"],"
    "\"partitions\":9,\"active\":0,\"shards\":["
    "{\"shard\":0,\"log_time\":null,\"wall_age_ms\":41},"
    "{\"shard\":8,\"log_time\":\"2026-03-01T12:00:09.000Z\",\"wall_age_ms\":7000}]}";
static const char replayed[] = "{\"id\":\"12\",\"seq\":5,\"prev_seq\":3,\"event\":" EVENT "}";

TestSuite(client_wire, .timeout = 30);

Test(client_wire, a_header_of_48_bytes_is_read_big_endian)
{
    uint8_t bytes[WIRE_HEADER_SIZE] = "VGA1\1\0\0\1";
    struct vigil_wire_header h;

    bytes[14] = 1; /* seq 258 */
    bytes[15] = 2;
    bytes[23] = 9;
    memset(bytes + 24, 0xee, 16);
    bytes[47] = 5;
    cr_assert(vigil_wire_header(bytes, sizeof(bytes), &h));
    cr_assert_eq(h.kind, WIRE_EVENT);
    cr_assert(h.repeat);
    cr_assert_eq(h.seq, 258);
    cr_assert_eq(h.prev_seq, 9);
    cr_assert_eq(h.outbox[15], 0xee);
    cr_assert_eq(h.published_ns, 5);
    cr_assert_not(vigil_wire_header(bytes, sizeof(bytes) - 1, &h));
    bytes[5] = 1;
    cr_assert_not(vigil_wire_header(bytes, sizeof(bytes), &h), "an encoding that is not JSON");
}

Test(client_wire, only_the_topics_of_the_contract_name_a_ward)
{
    static const char *const bad[] = { "",
                                       "alert/1/",
                                       "alert/1//",
                                       "alert/1/icu-a",
                                       "alert/2/icu-a/",
                                       "alert/1/ICU/",
                                       "alert/1/icu a/",
                                       "alert/1/0123456789012345678901234567890123/" };
    char ward[WIRE_WARD_SIZE];

    cr_assert(vigil_wire_topic("alert/1/icu-a/", 14, ward));
    cr_assert_str_eq(ward, "icu-a");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_not(vigil_wire_topic(bad[i], strlen(bad[i]), ward), "%s", bad[i]);
}

Test(client_wire, a_heartbeat_tells_coverage_state_and_the_oldest_age)
{
    struct vigil_wire_heartbeat h;

    cr_assert(vigil_wire_heartbeat(heartbeat, strlen(heartbeat), &h));
    cr_assert_str_eq(h.state, "degraded");
    cr_assert_str_eq(h.reasons, "a; b");
    cr_assert_eq(h.partitions, 9);
    cr_assert(vigil_wire_covers(&h, 0));
    cr_assert(vigil_wire_covers(&h, 8));
    cr_assert_not(vigil_wire_covers(&h, 7));
    cr_assert_eq(h.oldest_ms, 7000);
    cr_assert_eq(h.oldest_shard, 8);
}

Test(client_wire, an_event_is_passed_on_as_it_came_wherever_it_stands_in_the_reply)
{
    static const char newer[] =
        " { \"new\" : [ \"}\\\"\" , {} ] , \"event\" : " EVENT " , \"id\" : \"12\" } ";
    struct vigil_wire_reply r;

    cr_assert(vigil_wire_reply(replayed, strlen(replayed), &r));
    cr_assert_eq(r.kind, WIRE_REPLY_EVENT);
    cr_assert_eq(r.id, 12);
    cr_assert_eq(r.seq, 5);
    cr_assert_eq(r.prev_seq, 3);
    cr_assert_eq(r.event_len, strlen(EVENT));
    cr_assert_eq(memcmp(r.event, EVENT, r.event_len), 0);
    cr_assert(vigil_wire_reply(newer, strlen(newer), &r));
    cr_assert_eq(r.event_len, strlen(EVENT));
    cr_assert_eq(memcmp(r.event, EVENT, r.event_len), 0);
}

Test(client_wire, a_reply_with_an_error_is_an_error_whatever_else_it_has)
{
    static const char both[] = "{\"id\":\"12\",\"seq\":5,\"prev_seq\":3,\"event\":" EVENT
                               ",\"error\":\"busy\",\"message\":\"later\"}";
    struct vigil_wire_reply r;

    cr_assert(vigil_wire_reply(both, strlen(both), &r));
    cr_assert_eq(r.kind, WIRE_REPLY_ERROR);
    cr_assert_str_eq(r.code, "busy");
}

Test(client_wire, numbers_of_a_replay_that_are_none_are_nobody_s_place)
{
    static const char *const replies[] = {
        "{\"id\":\"12\",\"seq\":5.5,\"prev_seq\":-3,\"event\":" EVENT "}",
        "{\"id\":\"12\",\"seq\":\"5\",\"prev_seq\":null,\"event\":" EVENT "}",
        "{\"id\":\"12\",\"event\":" EVENT "}",
    };
    struct vigil_wire_reply r;

    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
        cr_assert(vigil_wire_reply(replies[i], strlen(replies[i]), &r), "%s", replies[i]);
        cr_assert_eq(r.seq, 0);
        cr_assert_eq(r.prev_seq, 0);
    }
}

Test(client_wire, what_is_not_of_the_contract_is_refused)
{
    static const char *const replies[] = {
        "",
        "[]",
        "{}",
        "{\"id\":1,\"ok\":true}",
        "{\"id\":\"0\",\"ok\":true}",
        "{\"id\":\"1\",\"ok\":false}",
        "{\"id\":\"1\",\"done\":true}",
        "{\"id\":\"1\",\"done\":true,\"as_of\":1}",
        "{\"id\":\"1\",\"done\":true,\"as_of\":1,\"outbox\":\"x\"}",
        "{\"id\":\"1\",\"done\":true,\"next\":1}",
        "{\"id\":\"1\",\"done\":true,\"next\":-1,\"last\":1}",
        "{\"id\":\"1\",\"truncated\":true}",
        "{\"id\":\"1\",\"error\":7}",
        "{\"id\":\"99999999999999999999\",\"ok\":true}",
    };
    static const char *const events[] = {
        "{\"ward\":\"icu-a\"}",
        "{\"event_id\":\"" EPISODE "\",\"ward\":\"a\"}",
        "{\"event_id\":\"" EPISODE ".\",\"ward\":\"a\"}",
        "{\"event_id\":\"" EPISODE ".x\",\"ward\":\"a\"}",
        "{\"event_id\":\"" EPISODE ".4294967296\",\"ward\":\"a\"}",
        "{\"event_id\":\"" EPISODE ".1\",\"ward\":\"A\"}",
        "{\"event_id\":\"" EPISODE ".1\",\"event_id\":\"" EPISODE ".1\"}",
    };
    struct vigil_wire_reply r;
    struct vigil_wire_event e;

    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++)
        cr_assert_not(vigil_wire_reply(replies[i], strlen(replies[i]), &r), "%s", replies[i]);
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
        cr_assert_not(vigil_wire_event(events[i], strlen(events[i]), &e), "%s", events[i]);
}

Test(client_wire, an_event_is_understood_whether_its_json_is_plain_or_not)
{
#define MEMBERS "\"event_id\":\"" EPISODE ".7\",\"ward\":\"icu-a\""
    static const char *const events[] = {
        "{" MEMBERS "}",
        " { \"a\" : [ ] ,\n" MEMBERS ", \"b\":[null,true,false,-0.5,{},\"\xc3\xa4\\n\\\"\"]}\n",
        "{\"\\u0065vent_id\":\"" EPISODE ".7\",\"ward\":\"\\u0069cu-a\"}",
        "{" MEMBERS ",\"a\":1e3,\"b\":0.1234567890123456789,\"c\":\"\\u00e4\"}",
        "{" MEMBERS ",\"a\":[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]}",
    };
    struct vigil_wire_event e;

    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        cr_assert(vigil_wire_event(events[i], strlen(events[i]), &e), "%s", events[i]);
        cr_assert_str_eq(e.event_id, EPISODE ".7");
        cr_assert_str_eq(e.ward, "icu-a");
    }
}

/* Changes one byte after the other of a copy that ends where the message ends. */
static void disturb(const char *text)
{
    static const char bytes[] = "\0\"\\{}[],:0x\xff";
    size_t n = strlen(text);
    char *copy = malloc(n);
    struct vigil_wire_heartbeat h;
    struct vigil_wire_reply r;
    struct vigil_wire_event e;

    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < sizeof(bytes) - 1; k++) {
            memcpy(copy, text, n);
            copy[i] = bytes[k];
            (void)vigil_wire_heartbeat(copy, n, &h);
            (void)vigil_wire_event(copy, n, &e);
            if (vigil_wire_reply(copy, n, &r) && r.kind == WIRE_REPLY_EVENT)
                cr_assert(r.event >= copy && r.event + r.event_len <= copy + n);
        }
        (void)vigil_wire_reply(copy, i, &r);
    }
    free(copy);
}

Test(client_wire, no_disturbed_message_leads_outside_its_bytes)
{
    disturb(heartbeat);
    disturb(replayed);
    disturb(EVENT);
}

Test(client_wire, the_newest_65536_keys_are_remembered)
{
    struct vigil_seen *s = vigil_seen_new();
    uint8_t key[WIRE_EVENT_KEY_SIZE] = { 0 };

    for (uint32_t i = 0; i < 65537; i++) {
        memcpy(key, &i, sizeof(i));
        cr_assert(vigil_seen_add(s, key));
    }
    cr_assert_not(vigil_seen_add(s, key), "the newest");
    memcpy(key, &(uint32_t){ 1 }, 4);
    cr_assert_not(vigil_seen_add(s, key), "the oldest that is left");
    memcpy(key, &(uint32_t){ 0 }, 4);
    cr_assert(vigil_seen_add(s, key), "the one that made room");
    vigil_seen_free(s);
}
