/* test_http_hold.c - the HTTP server: streams, answers that come later, and clients that hold places. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/http_server.h"

TestSuite(http_hold, .init = http_init, .fini = http_done, .timeout = 60);

/* ---- streams and later answers ---- */

Test(http_hold, a_stream_says_its_events_in_order_and_ends)
{
    struct vg_buf answer = VG_BUF_INIT;

    cr_assert(http_ask("GET /stream HTTP/1.0\r\n\r\n", &answer) == 200);
    cr_expect(http_has(&answer, "text/event-stream"));
    cr_expect(http_has(&answer, "\r\n\r\nevent: count\ndata: 0\n\nevent: count\ndata: 1\n\n"
                                "event: count\ndata: 2\n\n"));
    cr_expect(eq(int, atomic_load(&http.streams_ended), 1));
    cr_assert(http_ask("HEAD /stream" HEAD "\r\n", &answer) == 200);
    vg_buf_done(&answer);
}

Test(http_hold, a_silent_stream_shows_that_it_lives)
{
    struct vg_buf answer = VG_BUF_INIT;
    int fd = http_knock(0);

    http_say(fd, "GET /quiet HTTP/1.0\r\n\r\n");
    http_hear(fd, "\r\n\r\n", &answer);
    http_pass(VG_HTTP_QUIET_S + 1);
    http_hear(fd, ":\n\n", &answer);
    cr_expect(http_has(&answer, ":\n\n"));
    close(fd);
    vg_buf_done(&answer);
}

Test(http_hold, only_so_many_streams_are_open_at_a_time)
{
    struct vg_buf answer = VG_BUF_INIT;
    int fd[VG_HTTP_STREAMS];

    for (int i = 0; i < VG_HTTP_STREAMS; i++) {
        fd[i] = http_knock(0);
        http_say(fd[i], "GET /quiet HTTP/1.0\r\n\r\n");
        http_hear(fd[i], "\r\n\r\n", &answer);
    }
    cr_expect(eq(int, http_ask("GET /quiet" HEAD "\r\n", &answer), 503));
    cr_expect(http_has(&answer, "Retry-After: ") && atomic_load(&http.streams_ended) == 1);
    for (int i = 0; i < VG_HTTP_STREAMS; i++)
        close(fd[i]);
    vg_buf_done(&answer);
}

Test(http_hold, who_stops_reading_a_stream_is_cut_off_and_holds_up_nobody)
{
    struct vg_buf answer = VG_BUF_INIT;
    int fd = http_knock(4096);

    atomic_store(&http.flood, true);
    http_say(fd, "GET /stream HTTP/1.0\r\n\r\n");
    http_hear(fd, "event: flood", &answer);
    for (int i = 0; i < 200 && atomic_load(&http.streams_ended) == 0; i++) {
        cr_assert(http_ask("GET /hello" HEAD "\r\n", NULL) == 200);
        http_pass(1);
    }
    cr_assert(http_ask("GET /hello" HEAD "\r\n", NULL) == 200);
    cr_expect(eq(int, atomic_load(&http.streams_ended), 1));
    cr_expect(eq(uint, atomic_load(&http.slow_cuts), 1));
    close(fd);
    vg_buf_done(&answer);
}

Test(http_hold, an_answer_may_come_later_and_others_do_not_wait_for_it)
{
    static const char request[] = "POST /later" HEAD BY(NURSE) JSON "Content-Length: 2\r\n\r\n{}";
    struct vg_buf answer = VG_BUF_INIT;
    struct pollfd p = { .fd = http_knock(0), .events = POLLIN };

    http_say(p.fd, request);
    cr_assert(http_ask("GET /hello" HEAD "\r\n", NULL) == 200);
    http_pass(VG_HTTP_WAIT_S + 1); /* its own time counts, not that of places */
    cr_assert(http_ask("GET /hello" HEAD "\r\n", NULL) == 200);
    cr_expect(poll(&p, 1, 0) == 0);
    atomic_store(&http.release_later, true);
    http_hear(p.fd, NULL, &answer);
    cr_expect(http_has(&answer, "409 Conflict") && http_has(&answer, "{\"error\":\"later\"}"), "%s",
              answer.data);
    cr_expect(eq(int, atomic_load(&http.laters_ended), 1));
    close(p.fd);
    vg_buf_done(&answer);
}

Test(http_hold, what_is_held_open_is_let_go_when_the_server_stops)
{
    struct vg_buf answer = VG_BUF_INIT;
    int fd[2] = { http_knock(0), http_knock(0) };

    http_say(fd[0], "GET /quiet HTTP/1.0\r\n\r\n");
    http_hear(fd[0], "\r\n\r\n", &answer);
    http_say(fd[1], "POST /later" HEAD BY(NURSE) JSON "Content-Length: 2\r\n\r\n{}");
    cr_assert(http_ask("GET /hello" HEAD "\r\n", NULL) == 200);
    vg_http_stop(http.server);
    http.server = NULL;
    cr_expect(eq(int, atomic_load(&http.streams_ended), 1));
    cr_expect(eq(int, atomic_load(&http.laters_ended), 1));
    http_hear(fd[0], NULL, &answer);
    close(fd[0]);
    close(fd[1]);
    vg_buf_done(&answer);
}

/* ---- places ---- */

Test(http_hold, who_holds_places_gives_way_to_a_newcomer)
{
    int fd[2 * VG_HTTP_CONNECTIONS];

    for (size_t i = 0; i < VG_ARRAY_LEN(fd); i++) {
        fd[i] = http_knock(0);
        (void)!send(fd[i], "GET /he", 7, MSG_NOSIGNAL);
    }
    for (int i = 0; i < 3; i++)
        cr_assert(http_ask("GET /hello" HEAD "\r\n", NULL) == 200);
    cr_expect(atomic_load(&http.room_cuts) >= VG_HTTP_CONNECTIONS, "%u",
              atomic_load(&http.room_cuts));
    cr_expect(atomic_load(&http.connections) <= VG_HTTP_CONNECTIONS, "%u",
              atomic_load(&http.connections));
    for (size_t i = 0; i < VG_ARRAY_LEN(fd); i++)
        close(fd[i]);
}

Test(http_hold, streams_keep_their_places_when_others_crowd_in)
{
    struct vg_buf answer = VG_BUF_INIT;
    int fd[2 * VG_HTTP_CONNECTIONS], display = http_knock(0);

    http_say(display, "GET /quiet HTTP/1.0\r\n\r\n");
    http_hear(display, "\r\n\r\n", &answer);
    for (size_t i = 0; i < VG_ARRAY_LEN(fd); i++)
        fd[i] = http_knock(0);
    cr_assert(http_ask("GET /hello" HEAD "\r\n", NULL) == 200);
    http_pass(VG_HTTP_QUIET_S + 1);
    http_hear(display, ":\n\n", &answer);
    cr_expect(http_has(&answer, ":\n\n"));
    for (size_t i = 0; i < VG_ARRAY_LEN(fd); i++)
        close(fd[i]);
    close(display);
    vg_buf_done(&answer);
}

Test(http_hold, a_byte_now_and_then_does_not_hold_a_place_for_ever)
{
    struct vg_buf answer = VG_BUF_INIT;
    int head = http_knock(0), body = http_knock(0);

    http_say(head, "GET /hel");
    http_say(body, "POST /echo" HEAD BY(NURSE) JSON "Content-Length: 100\r\n\r\n{");
    cr_assert(http_ask("GET /hello" HEAD "\r\n", NULL) == 200);
    for (int i = 0; i < 3; i++) {
        http_pass(VG_HTTP_WAIT_S / 4);
        http_say(head, "l");
        http_say(body, " ");
        cr_assert(http_ask("GET /hello" HEAD "\r\n", NULL) == 200);
    }
    cr_expect(eq(uint, atomic_load(&http.late_cuts), 0));
    http_pass(VG_HTTP_WAIT_S);
    http_hear(head, NULL, &answer);
    http_hear(body, NULL, &answer);
    cr_assert(http_ask("GET /hello" HEAD "\r\n", NULL) == 200);
    cr_expect(eq(uint, atomic_load(&http.late_cuts), 2));
    close(head);
    close(body);
    vg_buf_done(&answer);
}

Test(http_hold, a_server_that_gets_no_thread_says_so_and_lets_go_of_its_address)
{
    struct vg_err err = { .status = VG_OK };
    struct vg_http_options again = http_options;
    struct vg_http *other = NULL;
    char address[64];

    snprintf(address, sizeof(address), "%s", vg_http_address(http.server));
    vg_http_stop(http.server);
    http.server = NULL;
    again.listen = address;
    atomic_store(&http.no_threads, true);
    cr_assert(vg_http_start(&again, &http_content, -1, &other, &err) == VG_E_MEMORY);
    cr_assert(other == NULL);
    cr_assert(strstr(err.msg, "thread http cannot be started") != NULL, "%s", err.msg);
    atomic_store(&http.no_threads, false);
    cr_assert(vg_http_start(&again, &http_content, -1, &other, &err) == VG_OK, "%s", err.msg);
    vg_http_stop(other);
}
