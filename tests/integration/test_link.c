/* test_link.c - frames from thread to thread: order, back-pressure, hand-over. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <zmq.h>

#include "runtime/link.h"
#include "runtime/pool.h"

enum { FRAMES = 20000 };

static void *zmq;
static struct vg_layout layout;
static struct vg_pool *pool;

static void setup(void)
{
    zmq = zmq_ctx_new();
    vg_layout_init(&layout);
    vg_layout_finish(&layout, 8);
    pool = vg_pool_new(&layout);
}

static void teardown(void)
{
    zmq_ctx_term(zmq);
    vg_pool_free(pool);
}

TestSuite(link, .init = setup, .fini = teardown, .timeout = 60);

struct sender {
    uint32_t lane;
};

static void *send_all(void *arg)
{
    const struct sender *s = arg;
    struct vg_link link;
    struct vg_err err;

    if (vg_link_connect(&link, zmq, "inproc://test", s->lane, &err) != VG_OK)
        return NULL;
    for (int64_t i = 0; i < FRAMES; i++) {
        struct vg_frame *f = vg_pool_get(pool, VG_FRAME_ROWS, s->lane);

        f->next_offset = i;
        vg_link_send(&link, f, true);
    }
    vg_link_done(&link);
    return NULL;
}

Test(link, two_lanes_meet_at_one_end_and_each_keeps_its_order)
{
    struct sender s[2] = { { 0 }, { 1 } };
    int64_t next[2] = { 0, 0 };
    pthread_t thread[2];
    struct vg_link link;
    struct vg_err err;

    cr_assert_eq(vg_link_bind(&link, zmq, "inproc://test", &err), VG_OK, "%s", err.msg);
    for (int i = 0; i < 2; i++)
        pthread_create(&thread[i], NULL, send_all, &s[i]);
    for (int i = 0; i < 2 * FRAMES; i++) {
        struct vg_frame *f = vg_link_recv(&link, -1);

        cr_assert_eq(f->next_offset, next[f->shard], "lane %u", f->shard);
        next[f->shard]++;
        vg_pool_put(pool, f);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    cr_assert_eq(vg_pool_out(pool), 0);
    vg_link_done(&link);
}

Test(link, a_full_link_says_so_and_keeps_nothing_of_the_frame)
{
    struct vg_link to, from;
    struct vg_err err;
    struct vg_frame *f;
    int sent = 0, received = 0;

    cr_assert_eq(vg_link_bind(&from, zmq, "inproc://test", &err), VG_OK);
    cr_assert_eq(vg_link_connect(&to, zmq, "inproc://test", 0, &err), VG_OK);
    for (;;) {
        f = vg_pool_get(pool, VG_FRAME_ROWS, 0);
        f->next_offset = sent;
        if (!vg_link_send(&to, f, false))
            break;
        sent++;
    }
    cr_assert_leq(sent, 2 * VG_LINK_HWM);
    vg_pool_put(pool, f);
    while ((f = vg_link_recv(&from, 0)) != NULL) {
        cr_assert_eq(f->next_offset, received);
        received++;
        vg_pool_put(pool, f);
    }
    cr_assert_eq(received, sent);
    vg_link_done(&to);
    vg_link_done(&from);
}

Test(link, nothing_within_the_time_is_no_frame)
{
    struct vg_link from;
    struct vg_err err;

    cr_assert_eq(vg_link_bind(&from, zmq, "inproc://test", &err), VG_OK);
    cr_assert_null(vg_link_recv(&from, 0));
    cr_assert_null(vg_link_recv(&from, 5));
    vg_link_done(&from);
}
