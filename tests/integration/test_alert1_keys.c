/* test_alert1_keys.c - ALERT/1 with CURVE: who is let in, what they may do, and who is turned away.
 *
 * The sink runs in a thread over an outbox in memory. Every wait has a deadline and is for an event.
 */
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "client/vigil_client.h"
#include "core/text.h"
#include "sinks/zeromq_keys.h"
#include "sinks/zeromq_zap.h"
#include "tests/support/fake_outbox.h"

extern const struct vg_sink_ops vg_sink_zeromq;

enum { DEADLINE_MS = 20000, ADDRESS_SIZE = 128, PATH_SIZE = 128, REPLY_SIZE = 4096 };

static char dir[] = "/tmp/vigil-keys-XXXXXX";
static struct fake_outbox *outbox;
static struct fake_sink *sink;
static char publish[ADDRESS_SIZE], control[ADDRESS_SIZE];
static struct vg_key_file server;
static struct vigil_item item;

/* The sink's clock may be put ahead of the machine's. */
static _Atomic int64_t ahead_ns;
int64_t __real_vg_mono_ns(void);
int64_t __wrap_vg_mono_ns(void);

int64_t __wrap_vg_mono_ns(void)
{
    return __real_vg_mono_ns() + atomic_load(&ahead_ns);
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static const char *path_of(const char *name)
{
    static char path[PATH_SIZE];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static void write_file(const char *name, mode_t mode, const char *text)
{
    FILE *f = fopen(path_of(name), "we");

    cr_assert_not_null(f);
    fputs(text, f);
    fclose(f);
    cr_assert_eq(chmod(path_of(name), mode), 0);
}

/* Lets a new client in; returns its pair. */
static struct vg_key_file allow(const char *name, const char *roles, const char *wards)
{
    struct vg_key_file pair;
    char file[64], text[256];

    vg_key_pair_make(&pair);
    snprintf(file, sizeof(file), "keys/%s.pub", name);
    snprintf(text, sizeof(text), "name: %s\npublic: %s\nroles: %s\nwards: %s\n", name,
             pair.public_text, roles, wards);
    write_file(file, 0644, text);
    return pair;
}

static void setup(void)
{
    char text[256];

    cr_assert_not_null(mkdtemp(dir));
    cr_assert_eq(mkdir(path_of("keys"), 0700), 0);
    vg_key_pair_make(&server);
    snprintf(text, sizeof(text), "name: server\npublic: %s\nsecret: %s\n", server.public_text,
             server.secret_text);
    write_file("server.key", 0600, text);
    outbox = fake_outbox_new(7, dir);
    snprintf(publish, sizeof(publish), "tcp://127.0.0.1:%d", fake_free_port());
    snprintf(control, sizeof(control), "tcp://127.0.0.1:%d", fake_free_port());
}

static void teardown(void)
{
    char command[64];

    if (sink)
        fake_sink_stop(sink);
    fake_outbox_free(outbox);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    cr_assert_eq(system(command), 0); /* NOLINT(cert-env33-c): a folder of our own */
}

static void *new_sink(void)
{
    void *self = fake_sink_self(&vg_sink_zeromq);

    fake_sink_set(&vg_sink_zeromq, self, "publish", publish);
    fake_sink_set(&vg_sink_zeromq, self, "control", control);
    fake_sink_set(&vg_sink_zeromq, self, "heartbeat", "100ms");
    fake_sink_set(&vg_sink_zeromq, self, "keys", path_of("keys"));
    fake_sink_set(&vg_sink_zeromq, self, "server_key", path_of("server.key"));
    return self;
}

static void start(void *self)
{
    struct vg_err err;

    cr_assert_eq(vg_sink_zeromq.check(self, &err), VG_OK, "%s", err.msg);
    sink = fake_sink_start(&vg_sink_zeromq, self, outbox, 0);
}

static struct vigil_client *connect_as(const struct vg_key_file *pair, const char *ward)
{
    struct vigil_endpoint endpoint = { .publish = publish, .control = control };
    struct vigil_options options = {
        .endpoints = &endpoint, .endpoints_n = 1, .wards = &ward, .wards_n = ward ? 1 : 0
    };
    struct vigil_client *c;
    char message[256];

    if (pair) {
        endpoint.server_key = server.public_text;
        endpoint.public_key = pair->public_text;
        endpoint.secret_key = pair->secret_text;
    }
    cr_assert_eq(vigil_client_new(&options, &c, message, sizeof(message)), 0, "%s", message);
    return c;
}

static void expect_event(struct vigil_client *c, uint64_t seq)
{
    int64_t end = now_ms() + DEADLINE_MS;

    while (now_ms() < end) {
        if (vigil_client_next(c, 100, &item) && item.type == VIGIL_EVENT) {
            cr_assert_eq(item.event.seq, seq, "expected %d, got %d", (int)seq, (int)item.event.seq);
            return;
        }
    }
    cr_assert_fail("event %d did not come", (int)seq);
}

static void expect_notice(struct vigil_client *c, enum vigil_notice kind)
{
    int64_t end = now_ms() + DEADLINE_MS;

    while (now_ms() < end) {
        if (!vigil_client_next(c, 100, &item))
            continue;
        cr_assert_neq(item.type, VIGIL_EVENT, "an event instead of notice %d", kind);
        if (item.type == VIGIL_NOTICE && item.notice.kind == kind)
            return;
    }
    cr_assert_fail("no notice %d", kind);
}

static void expect_in_step(struct vigil_client *c)
{
    bool synced = false, up = false;
    int64_t end = now_ms() + DEADLINE_MS;

    while ((!synced || !up) && now_ms() < end) {
        if (vigil_client_next(c, 100, &item) && item.type == VIGIL_NOTICE) {
            synced |= item.notice.kind == VIGIL_SYNCED;
            up |= item.notice.kind == VIGIL_LINK_UP;
        }
    }
    cr_assert(synced && up, "synced %d, link up %d", synced, up);
}

static void expect_audit(const char *part)
{
    int64_t end = now_ms() + DEADLINE_MS;

    while (fake_outbox_audits(outbox, part) == 0 && now_ms() < end)
        usleep(1000); /* NOLINT: the audit has no event to wait for */
    cr_assert_gt(fake_outbox_audits(outbox, part), 0, "no audit line \"%s\"", part);
}

/* ---- the control socket, by hand ---- */

struct asker {
    void *context, *dealer;
};

static struct asker open_asker(const struct vg_key_file *pair)
{
    struct asker a = { .context = zmq_ctx_new() };
    int linger = 0;

    a.dealer = zmq_socket(a.context, ZMQ_DEALER);
    zmq_setsockopt(a.dealer, ZMQ_LINGER, &linger, sizeof(linger));
    zmq_setsockopt(a.dealer, ZMQ_CURVE_SERVERKEY, server.public_text, 41);
    zmq_setsockopt(a.dealer, ZMQ_CURVE_PUBLICKEY, pair->public_text, 41);
    zmq_setsockopt(a.dealer, ZMQ_CURVE_SECRETKEY, pair->secret_text, 41);
    cr_assert_eq(zmq_connect(a.dealer, control), 0);
    return a;
}

static void close_asker(struct asker *a)
{
    zmq_close(a->dealer);
    zmq_ctx_term(a->context);
}

static bool next_reply(struct asker *a, char reply[REPLY_SIZE], int timeout_ms)
{
    int n;

    zmq_setsockopt(a->dealer, ZMQ_RCVTIMEO, &timeout_ms, sizeof(timeout_ms));
    n = zmq_recv(a->dealer, reply, REPLY_SIZE - 1, 0);
    if (n < 0)
        return false;
    reply[n < REPLY_SIZE ? n : REPLY_SIZE - 1] = '\0';
    return true;
}

static void expect_reply(struct asker *a, const char *request, const char *part)
{
    char reply[REPLY_SIZE];

    cr_assert_gt(zmq_send(a->dealer, request, strlen(request), 0), 0);
    cr_assert(next_reply(a, reply, DEADLINE_MS), "no reply to %s", request);
    cr_assert(strstr(reply, part), "%s: expected %s, got %s", request, part, reply);
}

TestSuite(alert1_keys, .init = setup, .fini = teardown, .timeout = 120);

Test(alert1_keys, a_client_with_a_key_hears_everything_and_it_is_noted)
{
    struct vg_key_file pair = allow("display", "read", "all");
    struct vigil_client *c;

    start(new_sink());
    c = connect_as(&pair, NULL);
    expect_in_step(c);
    fake_outbox_add(outbox, "icu-a", 1, 0, VG_PHASE_START);
    expect_event(c, 1);
    expect_audit("accepted display: publish from 127.0.0.1");
    vigil_client_free(c);
}

Test(alert1_keys, a_stranger_is_turned_away_and_told_so)
{
    struct vg_key_file pair;
    struct vigil_client *c;

    allow("display", "read", "all");
    vg_key_pair_make(&pair);
    fake_outbox_add(outbox, "icu-a", 1, 0, VG_PHASE_START);
    start(new_sink());
    c = connect_as(&pair, NULL);
    expect_notice(c, VIGIL_REFUSED);
    expect_notice(c, VIGIL_LINK_DOWN);
    expect_audit("refused a stranger (127.0.0.1): the key is not in the folder of keys");
    vigil_client_free(c);
}

Test(alert1_keys, a_client_without_keys_hears_nothing)
{
    struct vigil_client *c;

    fake_outbox_add(outbox, "icu-a", 1, 0, VG_PHASE_START);
    start(new_sink());
    c = connect_as(NULL, NULL);
    expect_notice(c, VIGIL_LINK_DOWN);
    expect_audit("no handshake by CURVE");
    vigil_client_free(c);
}

Test(alert1_keys, a_key_that_is_withdrawn_loses_its_connections_and_the_others_miss_nothing)
{
    struct vg_key_file stays = allow("stays", "read", "all"), goes = allow("goes", "read", "all");
    struct vigil_client *s, *g;

    start(new_sink());
    s = connect_as(&stays, NULL);
    g = connect_as(&goes, NULL);
    expect_in_step(s);
    expect_in_step(g);
    fake_outbox_add(outbox, "icu-a", 1, 0, VG_PHASE_START);
    expect_event(s, 1);
    expect_event(g, 1);
    cr_assert_eq(unlink(path_of("keys/goes.pub")), 0);
    fake_sink_reload(sink);
    for (uint32_t i = 2; i <= 6; i++)
        fake_outbox_add(outbox, "icu-a", i, 0, VG_PHASE_START);
    for (uint64_t seq = 2; seq <= 6; seq++)
        expect_event(s, seq);
    expect_notice(g, VIGIL_REFUSED);
    expect_audit("withdrawn goes");
    vigil_client_free(s);
    vigil_client_free(g);
}

Test(alert1_keys, a_new_key_is_let_in_after_a_reload_and_nobody_is_disturbed)
{
    struct vg_key_file first = allow("first", "read", "all"), second;
    struct vigil_client *f, *s;

    start(new_sink());
    f = connect_as(&first, NULL);
    expect_in_step(f);
    second = allow("second", "read", "all");
    fake_sink_reload(sink);
    s = connect_as(&second, NULL);
    expect_in_step(s);
    fake_outbox_add(outbox, "icu-a", 1, 0, VG_PHASE_START);
    expect_event(f, 1);
    expect_event(s, 1);
    cr_assert_eq(fake_outbox_audits(outbox, "accepted first"), 2);
    vigil_client_free(f);
    vigil_client_free(s);
}

Test(alert1_keys, what_is_wrong_at_a_reload_lets_nobody_in_and_the_others_stay)
{
    struct vg_key_file pair = allow("display", "read", "all");
    struct vigil_client *c;

    start(new_sink());
    c = connect_as(&pair, NULL);
    expect_in_step(c);
    write_file("keys/broken.pub", 0644, "name: broken\n");
    fake_sink_reload(sink);
    fake_outbox_add(outbox, "icu-a", 1, 0, VG_PHASE_START);
    expect_event(c, 1);
    cr_assert_eq(unlink(path_of("keys/display.pub")), 0);
    cr_assert_eq(chmod(path_of("keys"), 0770), 0);
    fake_sink_reload(sink);
    fake_outbox_add(outbox, "icu-a", 2, 0, VG_PHASE_START);
    expect_event(c, 2);
    cr_assert_eq(fake_outbox_audits(outbox, "withdrawn"), 0);
    vigil_client_free(c);
}

Test(alert1_keys, who_may_see_one_ward_is_not_let_in_where_others_are_carried)
{
    struct vg_key_file pair = allow("ward-a", "read acknowledge command", "icu-a");
    struct vigil_client *c;

    fake_outbox_add(outbox, "icu-b", 1, 0, VG_PHASE_START);
    start(new_sink());
    c = connect_as(&pair, NULL);
    expect_notice(c, VIGIL_REFUSED);
    expect_audit("refused ward-a (127.0.0.1): its key does not allow all wards of this sink");
    vigil_client_free(c);
}

Test(alert1_keys, a_sink_of_one_ward_says_nothing_of_another)
{
    struct vg_key_file pair = allow("ward-a", "read acknowledge", "icu-a");
    char episode[VG_EPISODE_TEXT_SIZE], request[REPLY_SIZE];
    void *self = new_sink();
    struct vigil_client *c;
    struct asker a;

    fake_outbox_add(outbox, "icu-b", 1, 0, VG_PHASE_START);
    fake_outbox_add(outbox, "icu-a", 2, 0, VG_PHASE_START);
    fake_sink_add(&vg_sink_zeromq, self, "wards", NULL, "icu-a");
    start(self);
    a = open_asker(&pair);
    expect_reply(&a, "{\"id\":1,\"do\":\"snapshot\"}", "\"ward\":\"icu-a\"");
    cr_assert(next_reply(&a, request, DEADLINE_MS));
    cr_assert(strstr(request, "\"done\":true"), "%s", request);
    expect_reply(&a, "{\"id\":2,\"do\":\"replay\",\"after\":0,\"credit\":500}", "\"seq\":2,");
    cr_assert(next_reply(&a, request, DEADLINE_MS));
    cr_assert(strstr(request, "\"next\":2,\"last\":2"), "%s", request);
    expect_reply(&a, "{\"id\":3,\"do\":\"snapshot\",\"ward\":\"icu-b\"}", "unknown_ward");
    expect_reply(&a, "{\"id\":4,\"do\":\"replay\",\"ward\":\"icu-b\",\"after\":0,\"credit\":1}",
                 "unknown_ward");
    fake_outbox_episode(1, episode);
    snprintf(request, sizeof(request),
             "{\"id\":5,\"do\":\"acknowledge\",\"episode\":\"%s\",\"by\":\"nurse\"}", episode);
    expect_reply(&a, request, "unknown_episode");
    close_asker(&a);
    c = connect_as(&pair, "icu-a");
    expect_event(c, 0); /* of the snapshot */
    fake_outbox_add(outbox, "icu-b", 3, 0, VG_PHASE_START);
    fake_outbox_add(outbox, "icu-a", 4, 0, VG_PHASE_START);
    expect_event(c, 4);
    vigil_client_free(c);
}

Test(alert1_keys, each_role_allows_its_own_and_nothing_else)
{
    struct vg_key_file reads = allow("reads", "read", "all"),
                       answers = allow("answers", "acknowledge", "all"),
                       commands = allow("commands", "command", "all");
    char episode[VG_EPISODE_TEXT_SIZE], acknowledge[256], snooze[256];
    const char *admit = "{\"id\":4,\"do\":\"command\",\"command_id\":\"c1\",\"command\":"
                        "{\"do\":\"admit\",\"patient\":\"p-1\",\"by\":\"nurse\"}}";
    const char *snapshot = "{\"id\":1,\"do\":\"snapshot\",\"ward\":\"none\"}";
    struct asker a;

    fake_outbox_add(outbox, "icu-a", 1, 0, VG_PHASE_START);
    fake_outbox_episode(1, episode);
    snprintf(acknowledge, sizeof(acknowledge),
             "{\"id\":2,\"do\":\"acknowledge\",\"episode\":\"%s\",\"by\":\"nurse\"}", episode);
    snprintf(snooze, sizeof(snooze),
             "{\"id\":3,\"do\":\"command\",\"command_id\":\"c2\",\"command\":{\"do\":\"snooze\","
             "\"episode\":\"%s\",\"by\":\"nurse\",\"for_s\":60}}",
             episode);
    start(new_sink());
    a = open_asker(&reads);
    expect_reply(&a, snapshot, "\"done\":true");
    expect_reply(&a, acknowledge, "not_allowed");
    expect_reply(&a, snooze, "not_allowed");
    expect_reply(&a, admit, "not_allowed");
    close_asker(&a);
    a = open_asker(&answers);
    expect_reply(&a, snapshot, "not_allowed");
    expect_reply(&a, acknowledge, "\"ok\":true");
    expect_reply(&a, snooze, "\"ok\":true");
    expect_reply(&a, admit, "not_allowed");
    close_asker(&a);
    a = open_asker(&commands);
    expect_reply(&a, acknowledge, "not_allowed");
    expect_reply(&a, snooze, "not_allowed");
    expect_reply(&a, admit, "\"ok\":true");
    close_asker(&a);
}

Test(alert1_keys,
     who_knocks_without_end_is_counted_and_the_count_is_told_though_nobody_comes_any_more)
{
    struct vg_key_file pair = allow("pager", "acknowledge", "all");
    const char *snapshot = "{\"id\":1,\"do\":\"snapshot\"}";
    struct asker a;

    start(new_sink());
    a = open_asker(&pair);
    for (int i = 0; i < 130; i++)
        expect_reply(&a, snapshot, "not_allowed");
    cr_assert_eq(fake_outbox_audits(outbox, "refused pager"), 100);
    cr_assert_eq(fake_outbox_audits(outbox, "refused others"), 0);
    atomic_store(&ahead_ns, 61 * VG_NS_PER_S);
    expect_audit("refused others: 30 more within a minute");
    for (int i = 0; i < 102; i++)
        expect_reply(&a, snapshot, "not_allowed");
    close_asker(&a);
    fake_sink_stop(sink);
    sink = NULL;
    cr_assert_eq(fake_outbox_audits(outbox, "refused others: 2 more within a minute"), 1);
    cr_assert_eq(fake_outbox_audits(outbox, "refused others"), 2);
}

Test(alert1_keys, who_does_not_read_gets_no_live_events)
{
    struct vg_key_file pair = allow("pager", "acknowledge", "all");
    struct vigil_client *c;

    start(new_sink());
    c = connect_as(&pair, NULL);
    expect_notice(c, VIGIL_REFUSED);
    expect_audit("refused pager (127.0.0.1): its key has not the role read");
    vigil_client_free(c);
}

/* The sink says it behind what it is about. */
static void expect_subscribers(uint32_t registered, uint32_t late)
{
    int64_t end = now_ms() + DEADLINE_MS;
    struct vg_subscriber_count count;

    do {
        usleep(1000); /* NOLINT: what the sink says of them is no event of a socket */
        count = fake_outbox_subscribers(outbox);
    } while ((count.registered != registered || count.late != late) && now_ms() < end);
    cr_assert_eq(count.registered, registered);
    cr_assert_eq(count.late, late);
}

static void expect_connected(uint32_t n)
{
    int64_t end = now_ms() + DEADLINE_MS;

    while (fake_outbox_subscribers(outbox).connected != n && now_ms() < end)
        usleep(1000); /* NOLINT: as above */
    cr_assert_eq(fake_outbox_subscribers(outbox).connected, n);
}

Test(alert1_keys, who_was_turned_away_does_not_stay_counted)
{
    struct vg_key_file pair = allow("display", "read", "all"), stranger;
    struct vigil_client *in, *out;

    start(new_sink());
    in = connect_as(&pair, NULL);
    expect_in_step(in);
    expect_connected(1);
    vg_key_pair_make(&stranger);
    out = connect_as(&stranger, NULL);
    expect_notice(out, VIGIL_REFUSED);
    vigil_client_free(out);
    expect_connected(1);
    vigil_client_free(in);
    expect_connected(0);
}

Test(alert1_keys, a_confirmation_is_answered_when_it_is_durable_and_silence_is_told)
{
    struct vg_key_file pair = allow("central", "read", "all"),
                       other = allow("other", "read", "all");
    const char *confirm = "{\"id\":1,\"do\":\"confirm\",\"subscriber\":\"central\","
                          "\"ward\":\"icu-a\",\"seq\":1}";
    int64_t end = now_ms() + DEADLINE_MS;
    void *self = new_sink();
    char text[192], reply[REPLY_SIZE];
    struct asker a;

    fake_sink_add(&vg_sink_zeromq, self, "subscribers", "central", "1s");
    start(self);
    fake_outbox_add(outbox, "icu-a", 1, 0, VG_PHASE_START);
    while (fake_outbox_notices(outbox, text, sizeof(text)) == 0 && now_ms() < end)
        usleep(1000); /* NOLINT: a notice is no event of a socket */
    cr_assert_str_eq(text, "subscriber central has not confirmed within 1s");
    expect_subscribers(1, 1);
    a = open_asker(&other);
    expect_reply(&a, confirm, "not_allowed");
    close_asker(&a);
    a = open_asker(&pair);
    fake_outbox_durable(outbox, false);
    cr_assert_gt(zmq_send(a.dealer, confirm, strlen(confirm), 0), 0);
    cr_assert_not(next_reply(&a, reply, 300), "answered before it was durable: %s", reply);
    fake_outbox_durable(outbox, true);
    cr_assert(next_reply(&a, reply, DEADLINE_MS));
    cr_assert(strstr(reply, "\"ok\":true"), "%s", reply);
    cr_assert_eq(fake_outbox_confirmed(outbox, "central", "icu-a"), 1);
    while (fake_outbox_notices(outbox, text, sizeof(text)) < 2 && now_ms() < end)
        usleep(1000); /* NOLINT: as above */
    cr_assert_str_eq(text, "");
    expect_subscribers(1, 0);
    expect_reply(&a,
                 "{\"id\":2,\"do\":\"confirm\",\"subscriber\":\"central\",\"ward\":\"icu-a\","
                 "\"seq\":9}",
                 "malformed");
    close_asker(&a);
}

Test(alert1_keys, ipv6_works)
{
    struct vg_key_file pair = allow("display", "read", "all");
    struct vigil_client *c;

    snprintf(publish, sizeof(publish), "tcp://[::1]:%d", fake_free_port());
    snprintf(control, sizeof(control), "tcp://[::1]:%d", fake_free_port());
    start(new_sink());
    c = connect_as(&pair, NULL);
    expect_in_step(c);
    fake_outbox_add(outbox, "icu-a", 1, 0, VG_PHASE_START);
    expect_event(c, 1);
    vigil_client_free(c);
}

/* ---- what does not start ---- */

static void expect_refused(const char *part)
{
    void *self = new_sink();
    struct vg_err err = { 0 };

    cr_assert_eq(vg_sink_zeromq.open(self, fake_outbox_env(outbox), &err), VG_E_CONFIG, "%s",
                 err.msg);
    cr_assert(strstr(err.msg, part), "%s", err.msg);
    cr_assert_not(strstr(err.msg, server.secret_text));
    fake_sink_close(&vg_sink_zeromq, self);
}

Test(alert1_keys, a_secret_key_that_others_can_read_is_refused)
{
    cr_assert_eq(chmod(path_of("server.key"), 0640), 0);
    expect_refused("others can read or change this secret key");
}

Test(alert1_keys, a_folder_of_keys_that_others_can_write_to_is_refused)
{
    cr_assert_eq(chmod(path_of("keys"), 0770), 0);
    expect_refused("others can change it");
}

Test(alert1_keys, a_file_that_is_wrong_is_refused_at_the_start)
{
    write_file("keys/x.pub", 0644, "name: x\npublic: abc\n");
    expect_refused("line 2: expected public: and the 40 characters of a key");
}

Test(alert1_keys, a_secret_in_the_folder_of_keys_is_refused)
{
    char text[256];

    snprintf(text, sizeof(text), "name: x\npublic: %s\nsecret: %s\nroles: read\nwards: all\n",
             server.public_text, server.secret_text);
    write_file("keys/x.pub", 0600, text);
    expect_refused("holds a secret key");
}

Test(alert1_keys, one_key_with_two_names_is_refused)
{
    struct vg_key_file pair = allow("a", "read", "all");
    char text[256];

    snprintf(text, sizeof(text), "name: b\npublic: %s\nroles: command\nwards: all\n",
             pair.public_text);
    write_file("keys/b.pub", 0644, text);
    expect_refused("another file has the same key");
}

Test(alert1_keys, addresses_off_the_machine_need_keys)
{
    void *self = fake_sink_self(&vg_sink_zeromq);
    struct vg_err err;

    fake_sink_set(&vg_sink_zeromq, self, "publish", "tcp://*:5557");
    fake_sink_set(&vg_sink_zeromq, self, "control", "tcp://[::]:5558");
    cr_assert_eq(vg_sink_zeromq.check(self, &err), VG_E_CONFIG);
    cr_assert(strstr(err.msg, "only with CURVE"), "%s", err.msg);
    fake_sink_set(&vg_sink_zeromq, self, "keys", "keys");
    cr_assert_eq(vg_sink_zeromq.check(self, &err), VG_E_CONFIG);
    fake_sink_set(&vg_sink_zeromq, self, "server_key", "server.key");
    cr_assert_eq(vg_sink_zeromq.check(self, &err), VG_OK, "%s", err.msg);
    vg_options_done(vg_sink_zeromq.options, self);
    free(self);
}

Test(alert1_keys, an_ipc_folder_that_others_may_enter_is_refused)
{
    snprintf(publish, sizeof(publish), "ipc://%s/shared/publish", dir);
    cr_assert_eq(mkdir(path_of("shared"), 0755), 0);
    cr_assert_eq(chmod(path_of("shared"), 0755), 0);
    expect_refused("closed to all others");
}

/* Bytes that a process of `user` reads from the socket file: the greeting, or nothing. */
static int greeting_for(uid_t user, const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int status = 0;
    pid_t child;

    cr_assert_lt(strlen(path), sizeof(address.sun_path));
    memcpy(address.sun_path, path, strlen(path) + 1);
    child = fork();
    if (child == 0) {
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        char bytes[64];
        ssize_t n = -1;

        if (setuid(user) == 0 &&
            connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
            n = read(fd, bytes, sizeof(bytes));
        _exit(n < 0 ? 255 : (int)n);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    return WEXITSTATUS(status);
}

Test(alert1_keys, the_kernel_says_who_connects_to_a_socket_file)
{
    enum { NOBODY = 65534 };
    void *self = fake_sink_self(&vg_sink_zeromq);
    struct vg_err err;
    int n;

    if (geteuid() != 0)
        cr_skip_test("only root can be another user");
    snprintf(publish, sizeof(publish), "ipc://%s/ipc/publish", dir);
    snprintf(control, sizeof(control), "ipc://%s/ipc/control", dir);
    fake_sink_set(&vg_sink_zeromq, self, "publish", publish);
    fake_sink_set(&vg_sink_zeromq, self, "control", control);
    cr_assert_eq(vg_sink_zeromq.open(self, fake_outbox_env(outbox), &err), VG_OK, "%s", err.msg);
    /* As if somebody had opened the doors: the folders and the socket itself. */
    cr_assert_eq(chmod(dir, 0755), 0);
    cr_assert_eq(chmod(path_of("ipc"), 0755), 0);
    cr_assert_eq(chmod(path_of("ipc/publish"), 0777), 0);
    n = greeting_for(NOBODY, path_of("ipc/publish"));
    cr_assert(n == 0 || n == 255, "another user reads %d bytes", n);
    n = greeting_for(geteuid(), path_of("ipc/publish"));
    cr_assert(n > 0 && n < 255, "this user reads %d bytes", n);
    fake_sink_close(&vg_sink_zeromq, self);
}

/* ---- the test of the gate tests something ---- */

static bool lets_everybody_in(void *arg, const struct vg_zap_request *request,
                              char user[VG_CLIENT_NAME_SIZE])
{
    (void)arg;
    (void)request;
    snprintf(user, VG_CLIENT_NAME_SIZE, "anybody");
    return true;
}

static bool lets_nobody_in(void *arg, const struct vg_zap_request *request,
                           char user[VG_CLIENT_NAME_SIZE])
{
    (void)arg;
    (void)request;
    (void)user;
    return false;
}

static vg_status self_test(bool (*decide)(void *, const struct vg_zap_request *,
                                          char[VG_CLIENT_NAME_SIZE]),
                           struct vg_err *err)
{
    void *context = zmq_ctx_new(), *socket = zmq_socket(context, ZMQ_PUB);
    struct vg_zap zap = { 0 };
    int one = 1;
    vg_status st;

    zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &one, sizeof(one));
    zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, server.secret_text, 41);
    zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, "test", 4);
    if (decide)
        cr_assert_eq(vg_zap_open(&zap, context, decide, NULL, err), VG_OK);
    st = vg_zap_self_test(decide ? &zap : NULL, socket, ZMQ_PUB, server.public_text, err);
    vg_zap_close(&zap);
    zmq_close(socket);
    zmq_ctx_term(context);
    return st;
}

Test(alert1_keys, the_test_at_the_start_passes_a_gate_that_is_shut)
{
    struct vg_err err = { 0 };

    cr_assert_eq(self_test(lets_nobody_in, &err), VG_OK, "%s", err.msg);
}

Test(alert1_keys, the_test_at_the_start_finds_a_gate_that_is_open)
{
    struct vg_err err;

    cr_assert_eq(self_test(lets_everybody_in, &err), VG_E_CONFIG);
    cr_assert(strstr(err.msg, "unknown key was let in"), "%s", err.msg);
}

Test(alert1_keys, the_test_at_the_start_finds_that_there_is_no_gate)
{
    struct vg_err err;

    cr_assert_eq(self_test(NULL, &err), VG_E_CONFIG);
    cr_assert(strstr(err.msg, "unknown key was let in"), "%s", err.msg);
}
