/* test_alert1_wire.c - ALERT/1 as bytes: requests, frames and addresses, by a peer that speaks by hand. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "tests/support/alert1.h"

TestSuite(alert1_wire, .init = alert1_init, .fini = alert1_done, .timeout = 120);

/* A peer that speaks the wire by hand. */
static void *context, *dealer;

static void open_dealer(void)
{
    int linger = 0, timeout = ALERT1_DEADLINE_MS;

    context = zmq_ctx_new();
    dealer = zmq_socket(context, ZMQ_DEALER);
    zmq_setsockopt(dealer, ZMQ_LINGER, &linger, sizeof(linger));
    zmq_setsockopt(dealer, ZMQ_RCVTIMEO, &timeout, sizeof(timeout));
    cr_assert_eq(zmq_connect(dealer, alert1.a.control), 0);
}

static void close_dealer(void)
{
    zmq_close(dealer);
    zmq_ctx_term(context);
}

static const char *request(const char *text)
{
    static char answer[4096];
    int n;

    cr_assert_geq(zmq_send(dealer, text, strlen(text), 0), 0);
    n = zmq_recv(dealer, answer, sizeof(answer) - 1, 0);
    cr_assert_geq(n, 0, "no answer to %s", text);
    answer[n] = '\0';
    return answer;
}

Test(alert1_wire, every_bad_request_gets_its_error_and_the_next_one_is_served)
{
    static const char *const rows[][2] = {
        { "", "{\"id\":null,\"error\":\"malformed\"" },
        { "\xff\xfe", "{\"id\":null,\"error\":\"malformed\"" },
        { "{", "{\"id\":null,\"error\":\"malformed\"" },
        { "{\"do\":\"snapshot\"}", "{\"id\":null,\"error\":\"malformed\"" },
        { "{\"id\":\"7\",\"do\":\"delete\"}", "{\"id\":\"7\",\"error\":\"unknown_request\"" },
        { "{\"id\":\"7\",\"do\":\"snapshot\",\"ward\":\"nowhere\"}",
          "{\"id\":\"7\",\"error\":\"unknown_ward\"" },
        { "{\"id\":\"7\",\"do\":\"replay\",\"after\":0,\"credit\":9999}",
          "{\"id\":\"7\",\"error\":\"malformed\"" },
        { "{\"id\":\"7\",\"do\":\"acknowledge\",\"episode\":\"x\",\"by\":\"n\"}",
          "{\"id\":\"7\",\"error\":\"unknown_episode\"" },
        { "{\"id\":7,\"do\":\"confirm\",\"subscriber\":\"s\",\"ward\":\"none\",\"seq\":0}",
          "{\"id\":7,\"ok\":true}" },
    };

    alert1_start_sink(&alert1.a, 0);
    open_dealer();
    for (size_t i = 0; i < VG_ARRAY_LEN(rows); i++) {
        const char *answer = request(rows[i][0]);

        cr_assert_eq(strncmp(answer, rows[i][1], strlen(rows[i][1])), 0, "%s -> %s", rows[i][0],
                     answer);
    }
    close_dealer();
}

Test(alert1_wire, snapshot_and_replay_answer_exactly_as_the_contract_says)
{
    char expect[2048];
    struct vg_delivery e;

    alert1_add_starts(&alert1.a, "icu-a", 1, 1);
    alert1_add_starts(&alert1.a, "icu-b", 2, 1);
    alert1_start_sink(&alert1.a, 2);
    open_dealer();
    e = fake_outbox_delivery(alert1.a.outbox, 2);
    snprintf(expect, sizeof(expect), "{\"id\":\"1\",\"event\":%s}", e.json);
    cr_assert_str_eq(request("{\"id\":\"1\",\"do\":\"snapshot\",\"ward\":\"icu-b\"}"), expect);
    cr_assert_str_eq(request("{\"id\":\"x\",\"do\":\"nothing\"}") ? expect : "", expect);
    snprintf(expect, sizeof(expect), "{\"id\":\"2\",\"seq\":2,\"prev_seq\":0,\"event\":%s}",
             e.json);
    cr_assert_not_null(strstr(request("{\"id\":\"2\",\"do\":\"replay\",\"after\":1,"
                                      "\"credit\":500}"),
                              "\"error\":\"unknown_request\""));
    {
        char answer[2048];
        int n = zmq_recv(dealer, answer, sizeof(answer) - 1, 0);

        cr_assert_gt(n, 0);
        answer[n] = '\0';
        cr_assert_str_eq(answer, expect);
        n = zmq_recv(dealer, answer, sizeof(answer) - 1, 0);
        cr_assert_gt(n, 0);
        answer[n] = '\0';
        cr_assert_str_eq(answer, "{\"id\":\"2\",\"done\":true,\"next\":2,\"last\":2}");
    }
    close_dealer();
}

Test(alert1_wire, a_request_that_is_too_long_ends_that_connection_only)
{
    char *big = malloc(100000);

    alert1_start_sink(&alert1.a, 0);
    open_dealer();
    memset(big, ' ', 100000);
    cr_assert_eq(zmq_send(dealer, big, 100000, 0), 100000);
    free(big);
    alert1_connect_to_a(NULL);
    alert1_expect_in_step();
    close_dealer();
}

Test(alert1_wire, a_peer_that_asks_and_never_reads_holds_up_nobody)
{
    static const char ask[] = "{\"id\":\"1\",\"do\":\"replay\",\"after\":0,\"credit\":500}";

    alert1_add_starts(&alert1.a, "icu-a", 1, 500);
    alert1_start_sink(&alert1.a, 500);
    open_dealer();
    for (int i = 0; i < 400; i++) /* 200,000 replies: far more than the sockets hold */
        cr_assert_geq(zmq_send(dealer, ask, sizeof(ask) - 1, 0), 0);
    alert1_connect_to_a(NULL);
    alert1_expect_in_step();
    alert1_add_starts(&alert1.a, "icu-a", 501, 1);
    alert1_expect_event(501);
    close_dealer();
}

/* Receives one frame as text. */
static size_t frame(void *sub, char *out, size_t size)
{
    int n = zmq_recv(sub, out, size - 1, 0);

    cr_assert_geq(n, 0);
    out[n] = '\0';
    return (size_t)n;
}

static void *open_sub(const char *topic)
{
    int timeout = ALERT1_DEADLINE_MS, linger = 0;
    void *sub;

    context = zmq_ctx_new();
    sub = zmq_socket(context, ZMQ_SUB);
    zmq_setsockopt(sub, ZMQ_RCVTIMEO, &timeout, sizeof(timeout));
    zmq_setsockopt(sub, ZMQ_LINGER, &linger, sizeof(linger));
    zmq_setsockopt(sub, ZMQ_SUBSCRIBE, topic, strlen(topic));
    cr_assert_eq(zmq_connect(sub, alert1.a.publish), 0);
    return sub;
}

Test(alert1_wire, a_heartbeat_has_exactly_the_bytes_of_the_contract)
{
    char topic[64], header[64], body[1024];
    void *sub;

    alert1_add_starts(&alert1.a, "icu-a", 1, 2);
    alert1_add_starts(&alert1.a, "icu-b", 3, 1);
    alert1_start_sink(&alert1.a, 3);
    sub = open_sub("alert/1/icu-a/");
    frame(sub, topic, sizeof(topic));
    cr_assert_str_eq(topic, "alert/1/icu-a/");
    cr_assert_eq(frame(sub, header, sizeof(header)), 48);
    cr_assert_eq(memcmp(header,
                        "VGA1\x02\0\0\0"
                        "\0\0\0\0\0\0\0\x02"
                        "\0\0\0\0\0\0\0\0"
                        "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01",
                        40),
                 0);
    frame(sub, body, sizeof(body));
    cr_assert_str_eq(body,
                     "{\"pipeline\":\"icu-a-gateway\",\"version\":\"0.1.0\",\"state\":\"running\","
                     "\"partitions\":2,\"active\":2,\"shards\":["
                     "{\"shard\":0,\"log_time\":\"2026-03-01T12:00:09.000Z\",\"wall_age_ms\":41},"
                     "{\"shard\":1,\"log_time\":\"2026-03-01T12:00:09.000Z\",\"wall_age_ms\":41}"
                     "]}");
    zmq_close(sub);
    zmq_ctx_term(context);
}

Test(alert1_wire, before_the_first_record_there_is_no_log_time_and_ward_none_is_there)
{
    char text[1024];
    void *sub;

    fake_outbox_status(alert1.a.outbox, VG_STATE_STARTING, 0, 0, VG_TIME_NONE, 0);
    alert1_start_sink(&alert1.a, 0);
    sub = open_sub("alert/1/");
    frame(sub, text, sizeof(text));
    cr_assert_str_eq(text, "alert/1/none/");
    frame(sub, text, sizeof(text));
    frame(sub, text, sizeof(text));
    cr_assert_str_eq(text, "{\"pipeline\":\"icu-a-gateway\",\"version\":\"0.1.0\","
                           "\"state\":\"starting\",\"partitions\":0,\"active\":0,\"shards\":[]}");
    fake_outbox_status(alert1.a.outbox, VG_STATE_DEGRADED, 1, 1, VG_TIME_NONE, 7);
    fake_outbox_reason(alert1.a.outbox, "disk \"full\"");
    while (!strstr(text, "reasons"))
        frame(sub, text, sizeof(text));
    cr_assert_str_eq(text, "{\"pipeline\":\"icu-a-gateway\",\"version\":\"0.1.0\","
                           "\"state\":\"degraded\",\"reasons\":[\"disk \\\"full\\\"\"],"
                           "\"partitions\":1,\"active\":0,\"shards\":["
                           "{\"shard\":0,\"log_time\":null,\"wall_age_ms\":7}]}");
    zmq_close(sub);
    zmq_ctx_term(context);
}

Test(alert1_wire, an_event_frame_carries_sequence_and_repeat_flag)
{
    char text[1024], header[64];
    void *sub, *self = alert1_new_sink(&alert1.a);
    struct vg_delivery event;
    struct vg_err err;
    size_t done = 0;

    alert1_add_starts(&alert1.a, "icu-a", 1, 2);
    cr_assert_eq(vg_sink_zeromq.open(self, fake_outbox_env(alert1.a.outbox), &err), VG_OK);
    sub = open_sub("alert/1/icu-a/");
    while (zmq_recv(sub, text, sizeof(text), ZMQ_DONTWAIT) < 0)
        vg_sink_zeromq.serve(self, -1, 20); /* until a heartbeat shows that the link is up */
    frame(sub, header, sizeof(header));
    frame(sub, text, sizeof(text));
    event = fake_outbox_delivery(alert1.a.outbox, 2);
    event.repeat = true;
    cr_assert_eq(vg_sink_zeromq.deliver(self, &event, 1, &done, &err), VG_OK);
    cr_assert_eq(done, 1);
    do {
        frame(sub, text, sizeof(text));
        frame(sub, header, sizeof(header));
        frame(sub, text, sizeof(text));
    } while (header[4] != 1);
    cr_assert_eq(memcmp(header,
                        "VGA1\x01\0\0\x01"
                        "\0\0\0\0\0\0\0\x02"
                        "\0\0\0\0\0\0\0\x01",
                        24),
                 0);
    cr_assert_str_eq(text, event.json);
    fake_sink_close(&vg_sink_zeromq, self);
    zmq_close(sub);
    zmq_ctx_term(context);
}

Test(alert1_wire, frames_that_are_no_alert1_are_counted_and_harm_nothing)
{
    static const struct {
        const char *frames[4];
        size_t size[4];
    } bad[] = {
        { { "alert/1/icu-a/" }, { 14 } },
        { { "alert/1/icu-a/", "VGA1" }, { 14, 4 } },
        { { "alert/1/", "VGA1", "{}" }, { 8, 4, 2 } },
        { { "alert/1/icu-a/", "VGA2............................................", "{}" },
          { 14, 48, 2 } },
        { { "alert/1/ICU/", "VGA1\1\0..........................................", "{}" },
          { 12, 48, 2 } },
    };
    char header[48] = "VGA1\x01";
    void *ctx = zmq_ctx_new(), *pub = zmq_socket(ctx, ZMQ_XPUB);
    struct vigil_endpoint endpoint = { .publish = alert1.a.publish, .control = alert1.a.control };
    char subscription[64];
    int linger = 0;

    zmq_setsockopt(pub, ZMQ_LINGER, &linger, sizeof(linger));
    cr_assert_eq(zmq_bind(pub, alert1.a.publish), 0);
    alert1_connect_client(&endpoint, 1, NULL);
    while (zmq_recv(pub, subscription, sizeof(subscription), ZMQ_DONTWAIT) < 0)
        vigil_client_next(alert1.client, 10, &alert1.item);
    for (size_t i = 0; i < VG_ARRAY_LEN(bad); i++) {
        for (size_t k = 0; k < 4 && bad[i].frames[k]; k++) {
            bool more = k < 3 && bad[i].frames[k + 1];

            zmq_send(pub, bad[i].frames[k], bad[i].size[k], more ? ZMQ_SNDMORE : 0);
        }
    }
    for (size_t n = 0; n < 2; n++) { /* an event and a heartbeat whose payload is none */
        header[4] = (char)(1 + n);
        zmq_send(pub, "alert/1/icu-a/", 14, ZMQ_SNDMORE);
        zmq_send(pub, header, sizeof(header), ZMQ_SNDMORE);
        zmq_send(pub, "{\"event_id\":7,\"shards\":{}}", 26, 0);
    }
    for (int64_t end = alert1_now_ms() + 5000;
         alert1_stats().malformed < 7 && alert1_now_ms() < end;)
        vigil_client_next(alert1.client, 10, &alert1.item);
    cr_assert_eq(alert1_stats().malformed, 7);
    cr_assert_eq(alert1_stats().events, 0);
    zmq_close(pub);
    zmq_ctx_term(ctx);
}

Test(alert1_wire, an_address_in_use_is_unavailable_and_names_the_option)
{
    struct vg_err err;
    void *self = alert1_new_sink(&alert1.a);

    alert1_start_sink(&alert1.a, 0);
    alert1_connect_to_a(NULL);
    alert1_expect_notice(VIGIL_LINK_UP, ALERT1_DEADLINE_MS);
    cr_assert_eq(vg_sink_zeromq.open(self, fake_outbox_env(alert1.a.outbox), &err),
                 VG_E_UNAVAILABLE);
    cr_assert_str_eq(err.option, "publish");
    cr_assert(strstr(err.msg, alert1.dir), "%s", err.msg);
    fake_sink_close(&vg_sink_zeromq, self);
    alert1_add_starts(&alert1.a, "icu-a", 1, 1); /* the first one lives on */
    cr_assert(alert1_next_of(VIGIL_EVENT, ALERT1_DEADLINE_MS));
}

Test(alert1_wire, a_tcp_port_in_use_is_unavailable_and_names_the_endpoint)
{
    struct vg_err err;
    void *self, *ctx = zmq_ctx_new(), *other = zmq_socket(ctx, ZMQ_PUB);

    fake_outbox_free(alert1.a.outbox);
    alert1_make_pipeline(&alert1.a, 1, true);
    self = alert1_new_sink(&alert1.a);
    cr_assert_eq(zmq_bind(other, alert1.a.control), 0);
    cr_assert_eq(vg_sink_zeromq.open(self, fake_outbox_env(alert1.a.outbox), &err),
                 VG_E_UNAVAILABLE);
    cr_assert_str_eq(err.option, "control");
    cr_assert(strstr(err.msg, alert1.a.control), "%s", err.msg);
    fake_sink_close(&vg_sink_zeromq, self);
    zmq_close(other);
    zmq_ctx_term(ctx);
}

Test(alert1_wire, the_socket_file_of_a_dead_process_is_taken_over_and_is_private)
{
    const char *path = alert1.a.publish + strlen("ipc://");
    struct stat info;
    void *ctx = zmq_ctx_new(), *other = zmq_socket(ctx, ZMQ_PUB);
    char moved[ALERT1_ADDRESS + 4];

    cr_assert_eq(zmq_bind(other, alert1.a.publish), 0);
    snprintf(moved, sizeof(moved), "%.*s.old", ALERT1_ADDRESS - 1, path);
    cr_assert_eq(link(path, moved), 0);
    zmq_close(other); /* removes the name: bring it back, as after kill -9 */
    zmq_ctx_term(ctx);
    cr_assert_eq(rename(moved, path), 0);
    alert1_start_sink(&alert1.a, 0);
    alert1_connect_to_a(NULL);
    alert1_expect_notice(VIGIL_LINK_UP, ALERT1_DEADLINE_MS);
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_eq(info.st_mode & 077, 0);
}

Test(alert1_wire, a_file_that_is_no_socket_is_not_replaced)
{
    const char *path = alert1.a.publish + strlen("ipc://");
    struct vg_err err;
    struct stat info;
    FILE *f = fopen(path, "w");
    void *self = alert1_new_sink(&alert1.a);

    fclose(f);
    cr_assert_eq(vg_sink_zeromq.open(self, fake_outbox_env(alert1.a.outbox), &err),
                 VG_E_UNAVAILABLE);
    cr_assert_str_eq(err.option, "publish");
    fake_sink_close(&vg_sink_zeromq, self);
    cr_assert_eq(stat(path, &info), 0);
    cr_assert(S_ISREG(info.st_mode));
}
