/* alert1.c - the ZeroMQ sink and its client, over real sockets. */
#include "tests/support/alert1.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct alert1 alert1 = { .dir = "/tmp/vigil-alert1-XXXXXX" };

int64_t alert1_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void *alert1_new_sink(const struct alert1_pipeline *p)
{
    void *self = fake_sink_self(&vg_sink_zeromq);

    fake_sink_set(&vg_sink_zeromq, self, "publish", p->publish);
    fake_sink_set(&vg_sink_zeromq, self, "control", p->control);
    fake_sink_set(&vg_sink_zeromq, self, "heartbeat", "100ms");
    return self;
}

void alert1_start_sink(struct alert1_pipeline *p, uint64_t cursor)
{
    p->sink = fake_sink_start(&vg_sink_zeromq, alert1_new_sink(p), p->outbox, cursor);
}

void alert1_make_pipeline(struct alert1_pipeline *p, uint8_t uuid, bool tcp)
{
    p->outbox = fake_outbox_new(uuid, NULL);
    if (tcp) {
        snprintf(p->publish, ALERT1_ADDRESS, "tcp://127.0.0.1:%d", fake_free_port());
        snprintf(p->control, ALERT1_ADDRESS, "tcp://127.0.0.1:%d", fake_free_port());
    } else {
        snprintf(p->publish, ALERT1_ADDRESS, "ipc://%s/%u.pub", alert1.dir, uuid);
        snprintf(p->control, ALERT1_ADDRESS, "ipc://%s/%u.ctl", alert1.dir, uuid);
    }
}

void alert1_init(void)
{
    cr_assert_not_null(mkdtemp(alert1.dir));
    alert1_make_pipeline(&alert1.a, 1, false);
}

void alert1_done(void)
{
    char command[64];

    vigil_client_free(alert1.client);
    if (alert1.a.sink)
        fake_sink_stop(alert1.a.sink);
    if (alert1.b.sink)
        fake_sink_stop(alert1.b.sink);
    fake_outbox_free(alert1.a.outbox);
    if (alert1.b.outbox)
        fake_outbox_free(alert1.b.outbox);
    snprintf(command, sizeof(command), "rm -rf %s", alert1.dir);
    cr_assert_eq(system(command), 0); /* NOLINT(cert-env33-c): a folder of our own */
}

void alert1_connect_client(const struct vigil_endpoint *endpoints, size_t n, const char *ward)
{
    struct vigil_options options = {
        .endpoints = endpoints,
        .endpoints_n = n,
        .wards = &ward,
        .wards_n = ward ? 1 : 0,
    };
    char message[256];

    cr_assert_eq(vigil_client_new(&options, &alert1.client, message, sizeof(message)), 0, "%s",
                 message);
}

void alert1_connect_to_a(const char *ward)
{
    struct vigil_endpoint endpoint = { .publish = alert1.a.publish, .control = alert1.a.control };

    alert1_connect_client(&endpoint, 1, ward);
}

void alert1_resume_at_a(uint64_t after)
{
    struct vigil_endpoint endpoint = {
        .publish = alert1.a.publish,
        .control = alert1.a.control,
        .resume = true,
        .after = after,
    };

    alert1_connect_client(&endpoint, 1, NULL);
}

bool alert1_next_of(enum vigil_item_type type, int timeout_ms)
{
    int64_t end = alert1_now_ms() + timeout_ms;

    for (int64_t left = timeout_ms; left > 0; left = end - alert1_now_ms()) {
        if (vigil_client_next(alert1.client, (int)left, &alert1.item) && alert1.item.type == type)
            return true;
    }
    return false;
}

void alert1_expect_notice(enum vigil_notice kind, int timeout_ms)
{
    int64_t end = alert1_now_ms() + timeout_ms;

    while (alert1_next_of(VIGIL_NOTICE, (int)(end - alert1_now_ms()))) {
        if (alert1.item.notice.kind == kind)
            return;
    }
    cr_assert_fail("no notice %d within %d ms", kind, timeout_ms);
}

void alert1_expect_in_step(void)
{
    bool synced = false, up = false;

    while (!synced || !up) {
        cr_assert(alert1_next_of(VIGIL_NOTICE, ALERT1_DEADLINE_MS), "synced %d, link up %d", synced,
                  up);
        synced |= alert1.item.notice.kind == VIGIL_SYNCED;
        up |= alert1.item.notice.kind == VIGIL_LINK_UP;
    }
}

void alert1_expect_event(uint64_t seq)
{
    struct vg_delivery stored;

    cr_assert(alert1_next_of(VIGIL_EVENT, ALERT1_DEADLINE_MS), "event %d did not come", (int)seq);
    cr_assert_eq(alert1.item.event.seq, seq, "expected %d, got %d", (int)seq,
                 (int)alert1.item.event.seq);
    stored = fake_outbox_delivery(alert1.a.outbox, seq);
    cr_assert_eq(alert1.item.event.json_len, stored.len);
    cr_assert_eq(memcmp(alert1.item.event.json, stored.json, stored.len), 0);
    cr_assert_str_eq(alert1.item.event.ward, stored.ward);
}

void alert1_add_starts(struct alert1_pipeline *p, const char *ward, uint32_t first, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        fake_outbox_add(p->outbox, ward, first + i, 0, VG_PHASE_START);
}

struct vigil_stats alert1_stats(void)
{
    struct vigil_stats s;

    vigil_client_stats(alert1.client, &s);
    return s;
}
