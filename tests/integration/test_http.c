/* test_http.c - the HTTP server: who may ask for what, bodies and files, and what is refused and with
 * which status. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/http_server.h"

TestSuite(http, .init = http_init, .fini = http_done, .timeout = 60);

/* ---- who may ask for what ---- */

Test(http, a_request_is_answered_or_refused_as_it_says)
{
    static const struct {
        const char *request;
        int status;
    } rows[] = {
        { "GET /hello" HEAD "\r\n", 200 },
        { "HEAD /hello" HEAD "\r\n", 200 },
        { "GET /hello?n=3" HEAD "\r\n", 200 },
        { "GET /hello?n=11" HEAD "\r\n", 400 },
        { "GET /hello?n=" HEAD "\r\n", 400 },
        { "GET /elsewhere" HEAD "\r\n", 404 },
        { "GET /../hello" HEAD "\r\n", 404 },
        { "DELETE /hello" HEAD "\r\n", 405 },
        { "POST /hello" HEAD JSON "Content-Length: 2\r\n\r\n{}", 405 },
        { "GET /echo" HEAD "\r\n", 405 },
        { "GET /hello" HEAD "Content-Length: 2\r\n\r\n{}", 413 },
        { "GET /hello" HEAD "Content-Length: 0\r\nContent-Length: 2\r\n\r\n{}", 400 },
        { "POST /echo" HEAD BY(NURSE) JSON "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
          400 },
        { "POST /echo" HEAD BY(NURSE) JSON
          "Origin: http://127.0.0.1\r\nOrigin: http://evil.example\r\n"
          "Content-Length: 2\r\n\r\n{}",
          400 },
        /* tokens */
        { "GET /read" HEAD "\r\n", 401 },
        { "GET /read" HEAD BY(READER) "\r\n", 200 },
        { "GET /read" HEAD BY(NURSE) "\r\n", 200 },
        { "GET /read" HEAD BY(READER "x") "\r\n", 401 },
        { "GET /read" HEAD BY("") "\r\n", 401 },
        { "GET /read" HEAD "Authorization: " READER "\r\n\r\n", 401 },
        { "POST /echo" HEAD JSON "Content-Length: 2\r\n\r\n{}", 401 },
        { "POST /echo" HEAD BY(READER) JSON "Content-Length: 2\r\n\r\n{}", 403 },
        { "POST /echo" HEAD BY(NURSE) JSON "Content-Length: 2\r\n\r\n{}", 200 },
        { "POST /command" HEAD BY(NURSE) JSON "Content-Length: 2\r\n\r\n{}", 403 },
        { "POST /command" HEAD BY(COMMANDER) JSON "Content-Length: 2\r\n\r\n{}", 200 },
        { "POST /echo" HEAD BY(COMMANDER) JSON "Content-Length: 2\r\n\r\n{}", 200 },
        { "GET /trusted" HEAD "\r\n", 200 },
        { "GET /trusted" HEAD "X-Forwarded-For: 192.0.2.7\r\n\r\n", 401 },
        { "GET /trusted" HEAD "Via: 1.1 front\r\n\r\n", 401 },
        { "GET /trusted HTTP/1.1\r\nConnection: close\r\nHost: vigil.example.org\r\n\r\n", 401 },
        /* bodies */
        { "POST /echo" HEAD BY(NURSE) "Content-Length: 2\r\n\r\n{}", 415 },
        { "POST /echo" HEAD BY(NURSE) "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",
          415 },
        { "POST /echo" HEAD BY(
              NURSE) "Content-Type: application/jsonp\r\nContent-Length: 2\r\n\r\n{}",
          415 },
        { "POST /echo" HEAD BY(
              NURSE) "Content-Type: application/json; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}",
          200 },
        { "POST /echo" HEAD BY(NURSE) JSON "Content-Length: 16385\r\n\r\n{}", 413 },
        { "POST /echo" HEAD BY(NURSE) JSON "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
          411 },
        { "POST /echo" HEAD BY(NURSE) JSON "\r\n", 411 },
        /* hosts */
        { "GET /hello HTTP/1.1\r\nConnection: close\r\nHost: evil.example\r\n\r\n", 421 },
        { "GET /hello HTTP/1.1\r\nConnection: close\r\nHost: localhost.evil.example\r\n\r\n", 421 },
        { "GET /hello HTTP/1.1\r\nConnection: close\r\nHost: 127.0.0.1.evil.example\r\n\r\n", 421 },
        { "GET /hello HTTP/1.1\r\nConnection: close\r\nHost: 10.0.0.1\r\n\r\n", 421 },
        { "GET /hello HTTP/1.1\r\nConnection: close\r\nHost: \r\n\r\n", 421 },
        { "GET /hello HTTP/1.1\r\nConnection: close\r\nHost: 127.0.0.1:x\r\n\r\n", 421 },
        { "GET /hello HTTP/1.1\r\nConnection: close\r\nHost: [::1\r\n\r\n", 421 },
        { "GET /hello HTTP/1.1\r\nConnection: close\r\nHost: 127.0.0.1\r\nHost: evil\r\n\r\n",
          421 },
        { "GET /hello HTTP/1.1\r\nConnection: close\r\nHost: [::1]:8480\r\n\r\n", 200 },
        { "GET /hello HTTP/1.1\r\nConnection: close\r\nHost: localhost:8480\r\n\r\n", 200 },
        { "GET /hello HTTP/1.1\r\nConnection: close\r\nHost: vigil.EXAMPLE.org:443\r\n\r\n", 200 },
        { "GET /hello HTTP/1.0\r\n\r\n", 200 },
        /* origins */
        { "POST /echo" HEAD BY(NURSE) JSON
          "Content-Length: 2\r\nOrigin: http://127.0.0.1\r\n\r\n{}",
          200 },
        { "POST /echo" HEAD BY(NURSE) JSON
          "Content-Length: 2\r\nOrigin: https://127.0.0.1\r\n\r\n{}",
          200 },
        { "POST /echo" HEAD BY(NURSE) JSON
          "Content-Length: 2\r\nOrigin: http://evil.example\r\n\r\n{}",
          403 },
        { "POST /echo" HEAD BY(NURSE) JSON
          "Content-Length: 2\r\nOrigin: http://127.0.0.1:1\r\n\r\n{}",
          403 },
        { "POST /echo" HEAD BY(NURSE) JSON "Content-Length: 2\r\nOrigin: null\r\n\r\n{}", 403 },
        { "POST /echo" HEAD BY(NURSE) JSON
          "Content-Length: 2\r\nSec-Fetch-Site: same-origin\r\n\r\n{}",
          200 },
        { "POST /echo" HEAD BY(NURSE) JSON
          "Content-Length: 2\r\nSec-Fetch-Site: cross-site\r\n\r\n{}",
          403 },
        { "POST /echo" HEAD BY(NURSE) JSON "Content-Length: 2\r\nSec-Fetch-Site: none\r\n\r\n{}",
          403 },
    };
    struct vg_buf answer = VG_BUF_INIT;

    for (size_t i = 0; i < VG_ARRAY_LEN(rows); i++) {
        int status = http_ask(rows[i].request, &answer);

        cr_expect(status == rows[i].status, "row %zu: %d: %s%s", i, status, rows[i].request,
                  answer.data);
        if (status >= 400 && strncmp(rows[i].request, "HEAD", 4) != 0)
            cr_expect(http_has(&answer, "{\"error\":\""), "row %zu: %s", i, answer.data);
        cr_expect(http_has(&answer, "Content-Security-Policy: default-src 'none'"), "row %zu", i);
    }
    cr_expect(eq(int, atomic_load(&http.refusals), 8));
    vg_buf_done(&answer);
}

Test(http, where_others_can_reach_it_probes_use_any_name_and_pages_for_browsers_do_not)
{
    static const struct {
        const char *request;
        int status;
    } rows[] = {
        { "GET /hello HTTP/1.1\r\nConnection: close\r\nHost: gateway\r\n\r\n", 200 },
        { "GET /trusted HTTP/1.1\r\nConnection: close\r\nHost: gateway\r\n\r\n", 401 },
        { "GET /trusted HTTP/1.1\r\nConnection: close\r\nHost: gateway\r\n" BY(READER) "\r\n",
          200 },
        { "GET /trusted HTTP/1.1\r\nConnection: close\r\nHost: 10.0.0.1\r\n\r\n", 401 },
        { "GET /read HTTP/1.1\r\nConnection: close\r\nHost: gateway\r\n" BY(READER) "\r\n", 421 },
        { "GET /read HTTP/1.1\r\nConnection: close\r\nHost: 10.0.0.1\r\n" BY(READER) "\r\n", 200 },
        { "GET /read HTTP/1.1\r\nConnection: close\r\nHost: [fe80::1]:1\r\n" BY(READER) "\r\n",
          200 },
        { "GET / HTTP/1.1\r\nConnection: close\r\nHost: gateway\r\n\r\n", 421 },
        { "POST /echo HTTP/1.1\r\nConnection: close\r\nHost: gateway\r\n" BY(NURSE) JSON
          "Content-Length: 2\r\n\r\n{}",
          421 },
    };
    struct vg_http_options wide = http_options;
    struct vg_err err = { .status = VG_OK };

    vg_http_stop(http.server);
    wide.listen = (char *)"0.0.0.0:0";
    wide.insecure = true;
    cr_assert(vg_http_start(&wide, &http_content, -1, &http.server, &err) == VG_OK, "%s", err.msg);
    for (size_t i = 0; i < VG_ARRAY_LEN(rows); i++)
        cr_expect(http_ask(rows[i].request, NULL) == rows[i].status, "row %zu: %s", i,
                  rows[i].request);
}

Test(http, a_body_arrives_whole_however_it_is_cut)
{
    struct vg_buf answer = VG_BUF_INIT, body = VG_BUF_INIT, head = VG_BUF_INIT;
    int fd = http_knock(0);

    for (int i = 0; i < VG_HTTP_BODY_MAX; i++)
        vg_buf_char(&body, (char)('a' + i % 26));
    vg_buf_printf(&head, "POST /echo" HEAD BY(NURSE) JSON "Content-Length: %zu\r\n\r\n", body.len);
    http_say(fd, head.data);
    for (size_t at = 0; at < body.len; at += 1000)
        cr_assert(send(fd, body.data + at, body.len - at < 1000 ? body.len - at : 1000, 0) > 0);
    http_hear(fd, NULL, &answer);
    cr_expect(http_has(&answer, "200 OK") && http_has(&answer, body.data));
    close(fd);
    vg_buf_done(&head);
    vg_buf_done(&body);
    vg_buf_done(&answer);
}

/* ---- files ---- */

Test(http, a_file_is_packed_tagged_and_not_sent_twice)
{
    struct vg_buf answer = VG_BUF_INIT, request = VG_BUF_INIT;
    char tag[64];

    cr_assert(http_ask("GET /" HEAD "\r\n", &answer) == 200);
    cr_expect(http_has(&answer, http_text_file) && http_has(&answer, "text/html"));
    cr_assert(sscanf(strstr(answer.data, "ETag: "), "ETag: %63s", tag) == 1);
    cr_assert(http_ask("GET /index.html" HEAD "Accept-Encoding: deflate, gzip\r\n\r\n", &answer) ==
              200);
    cr_expect(http_has(&answer, "Content-Encoding: gzip") && !http_has(&answer, http_text_file));
    cr_assert(http_ask("GET /index.html" HEAD "Accept-Encoding: gzip;q=0\r\n\r\n", &answer) == 200);
    cr_expect(http_has(&answer, http_text_file));
    vg_buf_printf(&request, "GET /" HEAD "If-None-Match: \"x\", %s\r\n\r\n", tag);
    cr_expect(eq(int, http_ask(request.data, &answer), 304));
    cr_expect(eq(int, http_ask("POST /" HEAD JSON "Content-Length: 2\r\n\r\n{}", NULL), 405));
    cr_assert(http_ask("GET /tiny.js" HEAD "Accept-Encoding: gzip\r\n\r\n", &answer) == 200);
    cr_expect(http_has(&answer, "text/javascript") && !http_has(&answer, "gzip"));
    vg_buf_done(&request);
    vg_buf_done(&answer);
}
