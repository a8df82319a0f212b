/* test_sink_zeromq.c - which addresses and which requests the ZeroMQ sink takes; no sockets. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sinks/zeromq_address.h"
#include "sinks/zeromq_request.h"
#include "tests/support/fake_outbox.h"

extern const struct vg_sink_ops vg_sink_zeromq;

static struct vg_err err;
static struct vg_request r;

TestSuite(sink_zeromq, .timeout = 10);

Test(sink_zeromq, loopback_and_socket_files_are_allowed)
{
    static const char *const good[] = {
        "tcp://127.0.0.1:5557", "tcp://127.255.0.9:1",     "tcp://localhost:65535",
        "tcp://[::1]:5557",     "ipc:///run/vigil/alerts", "ipc://relative.sock",
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(good); i++)
        cr_assert_eq(vg_zeromq_address_check("publish", good[i], false, &err), VG_OK, "%s: %s",
                     good[i], err.msg);
}

Test(sink_zeromq, an_address_that_other_machines_reach_is_refused_with_the_reason)
{
    static const char *const bad[] = {
        "tcp://0.0.0.0:5557",     "tcp://*:5557",           "tcp://192.168.1.4:5557",
        "tcp://eth0:5557",        "tcp://[::]:5557",        "tcp://[fe80::1]:5557",
        "tcp://example.org:5557", "tcp://128.0.0.1:5557",   "tcp://127.1:5557",
        "tcp://lo:5557",          "tcp://localhost.evil:1", "tcp://eth0;127.0.0.1:5557",
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(bad); i++) {
        cr_assert_eq(vg_zeromq_address_check("control", bad[i], false, &err), VG_E_CONFIG, "%s",
                     bad[i]);
        cr_assert_str_eq(err.option, "control");
        cr_assert(strstr(err.msg, "CURVE"), "%s: %s", bad[i], err.msg);
    }
}

Test(sink_zeromq, with_keys_other_machines_may_reach_an_address)
{
    static const char *const good[] = { "tcp://0.0.0.0:5557", "tcp://*:5557", "tcp://[::]:5557",
                                        "tcp://192.168.1.4:5557", "tcp://eth0:5557" };

    for (size_t i = 0; i < VG_ARRAY_LEN(good); i++)
        cr_assert_eq(vg_zeromq_address_check("publish", good[i], true, &err), VG_OK, "%s: %s",
                     good[i], err.msg);
    cr_assert_eq(vg_zeromq_address_check("publish", "tcp://:5557", true, &err), VG_E_CONFIG);
}

Test(sink_zeromq, other_transports_ports_and_sockets_are_refused)
{
    static const char *const bad[] = {
        "",
        "5557",
        "udp://127.0.0.1:5557",
        "inproc://alerts",
        "pgm://127.0.0.1:5557",
        "ws://127.0.0.1:5557",
        "tcp://127.0.0.1",
        "tcp://127.0.0.1:",
        "tcp://127.0.0.1:0",
        "tcp://127.0.0.1:*",
        "tcp://127.0.0.1:65536",
        "tcp://127.0.0.1:55x",
        "ipc://",
        "ipc://*",
        "ipc://@vigil",
        "ipc:///run/vigil/",
        "ipc:///0123456789012345678901234567890123456789012345678901234567890123456789012345678901"
        "23456789012345678901234567890",
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(bad); i++) {
        cr_assert_eq(vg_zeromq_address_check("publish", bad[i], false, &err), VG_E_CONFIG, "%s",
                     bad[i]);
        cr_assert_str_eq(err.option, "publish");
    }
}

Test(sink_zeromq, both_sockets_need_an_address_of_their_own)
{
    void *self = fake_sink_self(&vg_sink_zeromq);

    fake_sink_set(&vg_sink_zeromq, self, "publish", "tcp://127.0.0.1:5557");
    fake_sink_set(&vg_sink_zeromq, self, "control", "tcp://127.0.0.1:5557");
    cr_assert_eq(vg_sink_zeromq.check(self, &err), VG_E_CONFIG);
    cr_assert_str_eq(err.option, "control");
    vg_options_done(vg_sink_zeromq.options, self);
    free(self);
}

static bool parse(const char *text)
{
    return vg_request_parse(text, strlen(text), &r);
}

Test(sink_zeromq, every_request_of_the_contract_is_understood)
{
    cr_assert(parse("{\"id\":\"1\",\"do\":\"snapshot\",\"ward\":\"icu-a\"}"));
    cr_assert_eq(r.kind, VG_REQUEST_SNAPSHOT);
    cr_assert_str_eq(r.id, "\"1\"");
    cr_assert_str_eq(r.ward, "icu-a");

    cr_assert(parse("{\"id\":2,\"do\":\"replay\",\"after\":7,\"credit\":500,\"new\":[1]}"));
    cr_assert_eq(r.kind, VG_REQUEST_REPLAY);
    cr_assert_str_eq(r.id, "2");
    cr_assert_str_eq(r.ward, "");
    cr_assert_eq(r.seq, 7);
    cr_assert_eq(r.credit, 500);

    cr_assert(parse("{\"id\":\"3\",\"do\":\"acknowledge\",\"by\":\"n4\",\"note\":\"seen\","
                    "\"episode\":\"5d0c5d0c5d0c5d0c5d0c5d0c5d0c5de1\"}"));
    cr_assert_eq(r.kind, VG_REQUEST_ACKNOWLEDGE);
    cr_assert_eq(r.order.episode_id[15], 0xe1);
    cr_assert_str_eq(r.order.by, "n4");
    cr_assert_str_eq(r.order.note, "seen");

    cr_assert(parse("{\"id\":\"4\",\"do\":\"confirm\",\"subscriber\":\"x\",\"ward\":\"none\","
                    "\"seq\":9}"));
    cr_assert_eq(r.kind, VG_REQUEST_CONFIRM);
}

static bool command(const char *text)
{
    char request[512];

    snprintf(request, sizeof(request),
             "{\"id\":\"5\",\"do\":\"command\",\"command_id\":\"c-1\",\"key\":\"k\","
             "\"command\":{\"by\":\"n4\",%s}}",
             text);
    return parse(request);
}

Test(sink_zeromq, every_command_of_the_contract_is_understood)
{
    cr_assert(command("\"do\":\"snooze\",\"for_s\":90,\"note\":\"with the patient\","
                      "\"episode\":\"5d0c5d0c5d0c5d0c5d0c5d0c5d0c5de1\""));
    cr_assert_eq(r.kind, VG_REQUEST_COMMAND);
    cr_assert_str_eq(r.key, "k");
    cr_assert_str_eq(r.order.command_id, "c-1");
    cr_assert_eq(r.order.kind, VG_ORDER_KIND_SNOOZE);
    cr_assert_eq(r.order.for_ns, 90 * VG_NS_PER_S);
    cr_assert_eq(r.order.episode_id[15], 0xe1);
    cr_assert_str_eq(r.order.note, "with the patient");
    cr_assert_str_eq(r.patient, "");

    cr_assert(command("\"do\":\"limit\",\"patient\":\"p-1\",\"channel\":\"spo2\","
                      "\"low\":88,\"for_s\":604800,\"note\":\"COPD\""));
    cr_assert_str_eq(r.patient, "p-1");
    cr_assert_eq(r.order.channel, VG_CHANNEL_spo2);
    cr_assert(r.order.low_set && !r.order.high_set && r.order.low == 88);

    /* What nobody can have is refused where it would take effect, and told there. */
    cr_assert(command("\"do\":\"limit\",\"patient\":\"p-1\",\"channel\":\"spo2\","
                      "\"low\":101,\"high\":90,\"for_s\":60,\"note\":\"x\""));

    cr_assert(command("\"do\":\"mute\",\"patient\":\"p-1\",\"rule\":\"hr_high\",\"clear\":true"));
    cr_assert(r.order.clear);
    cr_assert(command("\"do\":\"standby\",\"patient\":\"p-1\",\"for_s\":14400"));
    cr_assert(command("\"do\":\"admit\",\"patient\":\"p-1\""));
}

Test(sink_zeromq, a_command_that_says_too_little_or_too_much_is_refused)
{
    static const char *const bad[] = {
        "\"do\":\"snooze\",\"episode\":\"5d0c5d0c5d0c5d0c5d0c5d0c5d0c5de1\"",
        "\"do\":\"snooze\",\"for_s\":90",
        "\"do\":\"snooze\",\"for_s\":90.5,\"episode\":\"5d0c5d0c5d0c5d0c5d0c5d0c5d0c5de1\"",
        "\"do\":\"reset\",\"for_s\":9,\"episode\":\"5d0c5d0c5d0c5d0c5d0c5d0c5d0c5de1\"",
        "\"do\":\"standby\",\"patient\":\"p-1\",\"for_s\":14401",
        "\"do\":\"standby\",\"patient\":\"\",\"for_s\":60",
        "\"do\":\"standby\",\"patient\":\"p-1\",\"for_s\":60,\"low\":1",
        "\"do\":\"admit\",\"patient\":\"p-1\",\"clear\":true",
        "\"do\":\"admit\",\"patient\":\"p-1\",\"channel\":\"hr\"",
        "\"do\":\"probe_off\",\"patient\":\"p-1\",\"channel\":\"ear\",\"for_s\":60",
        "\"do\":\"limit\",\"patient\":\"p-1\",\"channel\":\"spo2\",\"for_s\":60,\"note\":\"x\"",
        "\"do\":\"limit\",\"patient\":\"p-1\",\"channel\":\"spo2\",\"low\":1e300,\"for_s\":60,"
        "\"note\":\"x\"",
        "\"do\":\"admit\",\"patient\":\"p\\u0000\"",
        "\"do\":7",
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(bad); i++) {
        cr_assert_not(command(bad[i]), "%s", bad[i]);
        cr_assert_str_eq(r.code, "malformed", "%s: %s", bad[i], r.message);
    }
    cr_assert_not(parse("{\"id\":\"5\",\"do\":\"command\",\"command\":{}}"));
    cr_assert_not(parse("{\"id\":\"5\",\"do\":\"command\",\"command_id\":\"c\",\"command\":7}"));
}

struct bad {
    const char *text, *code, *id;
};

Test(sink_zeromq, a_bad_request_is_refused_with_its_code_and_its_own_id)
{
    static const struct bad rows[] = {
        { "", "malformed", "null" },
        { "no json", "malformed", "null" },
        { "[1]", "malformed", "null" },
        { "{\"id\":\"1\",\"id\":\"2\",\"do\":\"snapshot\"}", "malformed", "null" },
        { "{\"id\":\"1\",\"do\":\"snapshot\"} x", "malformed", "null" },
        { "{\"do\":\"snapshot\"}", "malformed", "null" },
        { "{\"id\":{},\"do\":\"snapshot\"}", "malformed", "null" },
        { "{\"id\":\"1\"}", "malformed", "\"1\"" },
        { "{\"id\":\"1\",\"do\":7}", "malformed", "\"1\"" },
        { "{\"id\":\"1\",\"do\":\"drop\"}", "unknown_request", "\"1\"" },
        { "{\"id\":\"1\",\"do\":\"snapshot\",\"ward\":7}", "malformed", "\"1\"" },
        { "{\"id\":\"1\",\"do\":\"snapshot\",\"ward\":\"0123456789012345678901234567890123\"}",
          "unknown_ward", "\"1\"" },
        { "{\"id\":\"1\",\"do\":\"replay\",\"credit\":5}", "malformed", "\"1\"" },
        { "{\"id\":\"1\",\"do\":\"replay\",\"after\":0}", "malformed", "\"1\"" },
        { "{\"id\":\"1\",\"do\":\"replay\",\"after\":-1,\"credit\":5}", "malformed", "\"1\"" },
        { "{\"id\":\"1\",\"do\":\"replay\",\"after\":0,\"credit\":0}", "malformed", "\"1\"" },
        { "{\"id\":\"1\",\"do\":\"replay\",\"after\":0,\"credit\":501}", "malformed", "\"1\"" },
        { "{\"id\":\"1\",\"do\":\"replay\",\"after\":\"0\",\"credit\":5}", "malformed", "\"1\"" },
        { "{\"id\":\"1\",\"do\":\"acknowledge\",\"by\":\"n\"}", "malformed", "\"1\"" },
        { "{\"id\":\"1\",\"do\":\"acknowledge\",\"by\":\"n\",\"episode\":\"feed\"}",
          "unknown_episode", "\"1\"" },
        { "{\"id\":\"1\",\"do\":\"acknowledge\","
          "\"episode\":\"5d0c5d0c5d0c5d0c5d0c5d0c5d0c5de1\"}",
          "malformed", "\"1\"" },
        { "{\"id\":\"1\",\"do\":\"acknowledge\",\"by\":\"\","
          "\"episode\":\"5d0c5d0c5d0c5d0c5d0c5d0c5d0c5de1\"}",
          "malformed", "\"1\"" },
        { "{\"id\":\"1\",\"do\":\"confirm\",\"ward\":\"none\",\"seq\":1}", "malformed", "\"1\"" },
        { "{\"id\":\"1\",\"do\":\"confirm\",\"subscriber\":\"x\",\"seq\":1}", "malformed",
          "\"1\"" },
    };

    for (size_t i = 0; i < VG_ARRAY_LEN(rows); i++) {
        cr_assert_not(parse(rows[i].text), "%s", rows[i].text);
        cr_assert_str_eq(r.code, rows[i].code, "%s: %s", rows[i].text, r.message);
        cr_assert_str_eq(r.id, rows[i].id, "%s", rows[i].text);
        cr_assert_neq(r.message[0], '\0');
    }
}

Test(sink_zeromq, an_id_comes_back_as_json_whatever_it_holds)
{
    cr_assert(parse("{\"id\":\"a\\\"\\u0001\",\"do\":\"snapshot\"}"));
    cr_assert_str_eq(r.id, "\"a\\\"\\u0001\"");
}
