/* test_api_orders.c - orders over HTTP: when they are answered, and with which status.
 *
 * Ingest is this test: it takes what was asked and says what became of it. Time is what the test says.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "runtime/api_orders.h"
#include "tests/support/store.h"

enum { SHARD = 3, LONGEST_S = 30 };

static struct vg_shared shared;
static struct vg_api_refused refused;
static struct vg_http_answer answer;

static void setup(void)
{
    static const struct vg_config none;

    store_init();
    store_begin();
    store_put(SHARD, 1, 0xaa, 0, VG_PHASE_START, "icu-a", "{}");
    store_commit();
    vg_shared_init(&shared, &none);
    atomic_store(&shared.shard[SHARD].owned, true);
    atomic_store(&shared.shard[SHARD].live, true);
}

static void teardown(void)
{
    vg_shared_done(&shared);
    vg_buf_done(&answer.body);
    store_done();
}

TestSuite(api_orders, .init = setup, .fini = teardown, .timeout = 30);

static void ask(const char *body)
{
    const struct vg_http_request request = { .roles = VG_HTTP_MAY_ACKNOWLEDGE,
                                             .body = body,
                                             .body_len = strlen(body),
                                             .from = "127.0.0.1" };

    vg_buf_clear(&answer.body);
    answer = (struct vg_http_answer){ .status = 200, .body = answer.body };
    vg_api_orders(&shared, store.reader, &refused, &request, &answer);
}

static void acknowledge(const char *name)
{
    char body[256];

    snprintf(body, sizeof(body),
             "{\"command_id\":\"%s\",\"kind\":\"acknowledge\",\"by\":\"nurse-7\","
             "\"episode_id\":\"aa000000000000000000000000000000\"}",
             name);
    ask(body);
}

/* Whether the answer is there so many seconds from now; then it is over. */
static bool is_there(double after_s)
{
    const struct vg_http_later *later = answer.later;

    cr_assert_not_null(later, "%s", answer.body.data);
    if (!later->ready(answer.state, vg_mono_ns() + (int64_t)(after_s * 1e9), &answer))
        return false;
    later->end(answer.state);
    return true;
}

static void expect(unsigned status, const char *part)
{
    cr_assert_eq(answer.status, status, "%u: %s", answer.status, answer.body.data);
    cr_assert(strstr(answer.body.data, part), "%s", answer.body.data);
    cr_assert_null(strstr(answer.body.data, "p-1"), "a patient is named: %s", answer.body.data);
}

Test(api_orders, an_order_is_answered_once_it_has_been_obeyed)
{
    struct vg_request request;

    acknowledge("one");
    cr_assert_not(is_there(0));
    cr_assert(vg_shared_take(&shared, &request));
    cr_assert_str_eq(request.order.command_id, "one");
    cr_assert_eq(request.shard, SHARD);
    cr_assert_not(is_there(LONGEST_S - 1));
    vg_shared_answer(&shared, request.ticket, VG_ANSWER_OK);
    cr_assert(is_there(LONGEST_S - 1));
    expect(200, "{\"ok\":true}");
}

Test(api_orders, what_ingest_refuses_is_a_conflict)
{
    struct vg_request request;

    acknowledge("one");
    cr_assert(vg_shared_take(&shared, &request));
    vg_shared_answer(&shared, request.ticket, VG_ANSWER_ALREADY_ENDED);
    cr_assert(is_there(0));
    expect(409, "\"already_ended\"");
}

Test(api_orders, an_order_that_is_not_durable_in_time_is_told_so_and_may_still_come_true)
{
    struct vg_request request;

    acknowledge("one");
    cr_assert(vg_shared_take(&shared, &request));
    cr_assert(is_there(LONGEST_S + 0.1));
    expect(504, "\"busy\"");
    expect(504, "it may still be");
    vg_shared_answer(&shared, request.ticket, VG_ANSWER_OK);
    acknowledge("one"); /* whoever asks again is told, and it is not ordered twice */
    cr_assert(is_there(0));
    expect(200, "{\"ok\":true}");
    cr_assert_not(vg_shared_take(&shared, &request));
}

Test(api_orders, nobody_takes_orders_while_a_shard_catches_up)
{
    atomic_store(&shared.shard[SHARD].live, false);
    acknowledge("one");
    cr_assert_null(answer.later);
    expect(503, "\"busy\"");
}

Test(api_orders, before_there_is_an_outbox_the_pipeline_starts)
{
    vg_outbox_reader_close(store.reader);
    store.reader = NULL;
    acknowledge("one");
    cr_assert_null(answer.later);
    expect(503, "the pipeline starts");
}
