/* test_sink_console.c - the console sink, printing into a file. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/fake_outbox.h"

extern const struct vg_sink_ops vg_sink_console;

static struct fake_outbox *outbox;
static void *self;
static char path[] = "/tmp/vigil-console-XXXXXX";

static void setup(void)
{
    int fd = mkstemp(path);

    cr_assert_geq(fd, 0);
    cr_assert_eq(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
    close(fd);
    outbox = fake_outbox_new(1, NULL);
    self = fake_sink_self(&vg_sink_console);
}

static void teardown(void)
{
    fake_sink_close(&vg_sink_console, self);
    fake_outbox_free(outbox);
    unlink(path);
}

static void deliver(uint64_t seq)
{
    struct vg_delivery event = fake_outbox_delivery(outbox, seq);
    struct vg_err err;
    size_t done = 0;

    cr_assert_eq(vg_sink_console.deliver(self, &event, 1, &done, &err), VG_OK, "%s", err.msg);
    cr_assert_eq(done, 1);
}

static const char *printed(void)
{
    static char text[4096];
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, text, sizeof(text) - 1);

    close(fd);
    cr_assert_geq(n, 0);
    text[n] = '\0';
    return text;
}

static void start(void)
{
    struct vg_err err;

    cr_assert_eq(vg_sink_console.open(self, fake_outbox_env(outbox), &err), VG_OK);
}

TestSuite(sink_console, .init = setup, .fini = teardown, .timeout = 10);

Test(sink_console, an_event_is_on_the_terminal_when_deliver_returns)
{
    start();
    deliver(fake_outbox_add(outbox, "icu-a", 1, 0, VG_PHASE_START));
    cr_assert_str_eq(printed(), "12:00:10  HIGH    start        icu-a/07   SpO2 below limit — "
                                "SpO2 86 % below 90 % for 10 s\n");
}

Test(sink_console, a_file_gets_no_colour_unless_told)
{
    start();
    deliver(fake_outbox_add(outbox, "icu-a", 1, 0, VG_PHASE_START));
    cr_assert_null(strchr(printed(), '\033'));
}

Test(sink_console, colour_can_be_forced)
{
    fake_sink_set(&vg_sink_console, self, "color", "always");
    start();
    deliver(fake_outbox_add(outbox, "icu-a", 1, 0, VG_PHASE_START));
    cr_assert_not_null(strchr(printed(), '\033'));
}

Test(sink_console, a_closed_terminal_is_worth_a_retry)
{
    struct vg_delivery event;
    struct vg_err err;
    size_t done = 7;

    start();
    event = fake_outbox_delivery(outbox, fake_outbox_add(outbox, "icu-a", 1, 0, VG_PHASE_START));
    cr_assert_eq(dup2(open("/dev/full", O_WRONLY), STDOUT_FILENO), STDOUT_FILENO);
    cr_assert_eq(vg_sink_console.deliver(self, &event, 1, &done, &err), VG_E_TEMPORARY);
    cr_assert_eq(done, 0);
    cr_assert(strstr(err.msg, "stdout"), "%s", err.msg);
}
