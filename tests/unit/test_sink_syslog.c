/* test_sink_syslog.c - the syslog sink: the exact datagrams, without the patient; a log that is away
 * or full is waited for, and nothing is told out of order. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/fake_outbox.h"

extern const struct vg_sink_ops vg_sink_syslog;

enum { EVENTS = 256 };

static struct fake_outbox *outbox;
static void *self;
static int receiver;
static struct vg_err err;
static char dir[] = "/tmp/vigil-syslog-XXXXXX";
static char path[64];

static void listen_at_path(void)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };

    unlink(path);
    snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    receiver = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    cr_assert_eq(bind(receiver, (const struct sockaddr *)&at, sizeof(at)), 0);
}

static void start(const char *target)
{
    struct vg_sink_env env = *fake_outbox_env(outbox);

    env.timeout_ns = 20 * VG_NS_PER_MS;
    self = fake_sink_self(&vg_sink_syslog);
    fake_sink_set(&vg_sink_syslog, self, "target", target);
    fake_sink_set(&vg_sink_syslog, self, "facility", "local3");
    fake_sink_set(&vg_sink_syslog, self, "socket", path);
    cr_assert_eq(vg_sink_syslog.check(self, &err), VG_OK, "%s", err.msg);
    cr_assert_eq(vg_sink_syslog.open(self, &env, &err), VG_OK, "%s", err.msg);
}

static vg_status deliver(uint64_t first, uint64_t last, size_t *done)
{
    static struct vg_delivery events[EVENTS];

    for (uint64_t seq = first; seq <= last; seq++)
        events[seq - first] = fake_outbox_delivery(outbox, seq);
    return vg_sink_syslog.deliver(self, events, (size_t)(last - first + 1), done, &err);
}

/* The next datagram; "" when there is none. */
static const char *receive(void)
{
    static char text[4096];
    ssize_t n = recv(receiver, text, sizeof(text) - 1, 0);

    text[n < 0 ? 0 : n] = '\0';
    return text;
}

static void setup(void)
{
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/log", dir);
    outbox = fake_outbox_new(1, dir);
    for (uint32_t i = 1; i <= EVENTS; i++)
        fake_outbox_add(outbox, "icu-a", i, 0, i == 2 ? VG_PHASE_END : VG_PHASE_START);
    listen_at_path();
}

static void teardown(void)
{
    fake_sink_close(&vg_sink_syslog, self);
    close(receiver);
    unlink(path);
    fake_outbox_free(outbox);
    rmdir(dir);
}

TestSuite(sink_syslog, .init = setup, .fini = teardown, .timeout = 30);

Test(sink_syslog, a_message_follows_rfc_5424_and_names_no_patient_and_no_value)
{
    struct vg_delivery e = fake_outbox_delivery(outbox, 1);
    char id[VG_EVENT_ID_TEXT_SIZE], expected[1024];
    size_t done;

    start("syslog");
    cr_assert_eq(deliver(1, 2, &done), VG_OK, "%s", err.msg);
    cr_assert_eq(done, 2);
    vg_event_id_text(e.episode_id, e.number, id);
    /* local3 is 19; 19 * 8 + 2 (crit). */
    snprintf(expected, sizeof(expected),
             "<154>1 2026-03-01T12:00:10.000Z - vigil %d start [vigil@32473 event_id=\"%s\" "
             "phase=\"start\" kind=\"physiological\" priority=\"high\" ward=\"icu-a\" "
             "bed=\"icu-a/07\" rule=\"spo2_low\" time=\"2026-03-01T12:00:10.000Z\"] "
             "high start icu-a/07: SpO2 below limit",
             (int)getpid(), id);
    cr_assert_str_eq(receive(), expected);
    cr_assert_eq(strncmp(receive(), "<158>1 ", 7), 0, "what is over is info");
}

Test(sink_syslog, an_entry_of_the_journal_has_fields)
{
    struct vg_delivery e = fake_outbox_delivery(outbox, 1);
    char id[VG_EVENT_ID_TEXT_SIZE], expected[1024];
    size_t done;

    start("journald");
    cr_assert_eq(deliver(1, 1, &done), VG_OK, "%s", err.msg);
    vg_event_id_text(e.episode_id, e.number, id);
    snprintf(expected, sizeof(expected),
             "MESSAGE=high start icu-a/07: SpO2 below limit\nPRIORITY=2\nSYSLOG_FACILITY=19\n"
             "SYSLOG_IDENTIFIER=vigil\nVIGIL_EVENT_ID=%s\nVIGIL_PHASE=start\n"
             "VIGIL_KIND=physiological\nVIGIL_PRIORITY=high\nVIGIL_WARD=icu-a\n"
             "VIGIL_BED=icu-a/07\nVIGIL_RULE=spo2_low\nVIGIL_TIME=2026-03-01T12:00:10.000Z\n",
             id);
    cr_assert_str_eq(receive(), expected);
}

Test(sink_syslog, no_name_ends_a_field_and_begins_another)
{
    static const char json[] =
        "{\"title\":\"a\\nMESSAGE=b\",\"rule\":\"r\\\"]\\\\\",\"patient\":\"p\"}";
    struct vg_delivery e = fake_outbox_delivery(outbox, 1);
    const char *got;
    size_t done;

    e.json = json;
    e.len = strlen(json);
    start("journald");
    cr_assert_eq(vg_sink_syslog.deliver(self, &e, 1, &done, &err), VG_OK);
    cr_assert(strstr(receive(), "icu-a: a?MESSAGE=b\nPRIORITY"));
    fake_sink_close(&vg_sink_syslog, self);
    start("syslog");
    cr_assert_eq(vg_sink_syslog.deliver(self, &e, 1, &done, &err), VG_OK);
    got = receive();
    cr_assert(strstr(got, " rule=\"r\\\"\\]\\\\\" time="), "%s", got);
}

Test(sink_syslog, a_log_that_is_away_is_waited_for)
{
    size_t done = 7;

    close(receiver);
    unlink(path);
    start("syslog");
    cr_assert_eq(deliver(1, 1, &done), VG_E_UNAVAILABLE);
    cr_assert_eq(done, 0);
    cr_assert(strstr(err.msg, path), "%s", err.msg);
    listen_at_path();
    cr_assert_eq(deliver(1, 1, &done), VG_OK);
    /* It is started again: another socket under the same name. */
    close(receiver);
    listen_at_path();
    cr_assert_eq(deliver(2, 3, &done), VG_E_UNAVAILABLE);
    cr_assert_eq(done, 0);
    cr_assert_eq(deliver(2, 3, &done), VG_OK);
    cr_assert(*receive());
    cr_assert(*receive());
    cr_assert_str_eq(receive(), "");
}

Test(sink_syslog, a_log_that_reads_nothing_holds_up_for_the_timeout_and_gets_the_rest_later)
{
    size_t done = 0, seen = 0;
    uint64_t next = 1;

    start("syslog");
    while (next <= EVENTS) {
        vg_status st = deliver(next, EVENTS, &done);

        next += done;
        if (st != VG_OK) {
            cr_assert_eq(st, VG_E_UNAVAILABLE);
            cr_assert_gt(done, 0, "nothing was told since room was made");
        }
        for (const char *got = receive(); *got; got = receive()) {
            struct vg_delivery e = fake_outbox_delivery(outbox, ++seen);
            char id[VG_EVENT_ID_TEXT_SIZE];

            vg_event_id_text(e.episode_id, e.number, id);
            cr_assert(strstr(got, id), "event %zu: %s", seen, got);
        }
    }
    cr_assert_eq(seen, EVENTS);
}
