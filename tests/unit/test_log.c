/* test_log.c - the forms of a line, and how often a place of the code may speak. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/datagram.h"
#include "runtime/log_limit.h"

/* ---- how often ---- */

static const struct vg_log_site here = { "a/one.c", 7, "one" };
static const struct vg_log_site there = { "a/two.c", 7, "two" };
static struct vg_log_limit limit;

static uint32_t taken(const struct vg_log_site *site, const char *component, uint32_t lines,
                      int64_t now_ns)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < lines; i++)
        n += vg_log_limit_take(&limit, site, component, VG_LOG_WARN, now_ns);
    return n;
}

Test(log, a_place_says_so_much_a_minute_and_the_rest_is_counted)
{
    struct vg_log_place place;

    cr_assert_eq(taken(&here, "a", VG_LOG_BURST + 23, VG_NS_PER_S), VG_LOG_BURST);
    cr_assert_not(vg_log_limit_over(&limit, VG_LOG_MINUTE_NS, &place), "before its minute is over");
    cr_assert(vg_log_limit_over(&limit, VG_NS_PER_S + VG_LOG_MINUTE_NS, &place));
    cr_assert_eq(place.hidden, 23);
    cr_assert_eq(place.site.line, 7);
    cr_assert_str_eq(place.component, "a");
    cr_assert_not(vg_log_limit_over(&limit, VG_TIME_MAX, &place), "it is said once");
    cr_assert_eq(taken(&here, "a", 3, 2 * VG_LOG_MINUTE_NS), 3);
}

Test(log, one_that_speaks_much_silences_no_other)
{
    taken(&here, "a", 2 * VG_LOG_BURST, 0);
    cr_assert_eq(taken(&here, "b", 5, 0), 5, "another sink at the same line");
    cr_assert_eq(taken(&there, "a", 5, 0), 5, "another line of the same sink");
    cr_assert_eq(taken(&here, "a", 5, 0), 0);
}

Test(log, what_is_remembered_is_bounded_and_nothing_that_was_hidden_is_forgotten)
{
    uint64_t hidden = 0, said = 0;
    struct vg_log_place place;
    char name[16];

    for (uint32_t i = 0; i < 3 * VG_LOG_PLACES; i++) {
        snprintf(name, sizeof(name), "sink-%u", i);
        said += taken(&here, name, VG_LOG_BURST + 1, i);
    }
    while (vg_log_limit_over(&limit, VG_TIME_MAX, &place))
        hidden += place.hidden;
    cr_assert_eq(said + hidden, (uint64_t)3 * VG_LOG_PLACES * (VG_LOG_BURST + 1));
    cr_assert_eq(said, (uint64_t)VG_LOG_PLACES * VG_LOG_BURST);
    /* Those that said nothing for a minute make room. */
    cr_assert_eq(taken(&there, "new", VG_LOG_BURST + 1, 2 * VG_LOG_MINUTE_NS), VG_LOG_BURST);
}

/* ---- forms ---- */

static int heard;
static char dir[] = "/tmp/vigil-log-XXXXXX";
static char path[64];

/* What was written to standard error. */
static const char *printed(void)
{
    static char text[8192];
    ssize_t n = read(heard, text, sizeof(text) - 1);

    text[n < 0 ? 0 : n] = '\0';
    return text;
}

static int listen_at_path(void)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    unlink(path);
    snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

static void setup(void)
{
    int fd[2];

    unsetenv("VIGIL_LOG");
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/journal", dir);
    cr_assert_eq(pipe(fd), 0);
    heard = fd[0];
    dup2(fd[1], STDERR_FILENO);
}

static void teardown(void)
{
    unlink(path);
    rmdir(dir);
}

TestSuite(log_form, .init = setup, .fini = teardown, .timeout = 30);

static void open_as(enum vg_log_format format)
{
    static struct vg_log_options o;

    o = (struct vg_log_options){ .level = VG_LOG_INFO, .format = (int)format, .socket = path };
    vg_log_open(&o);
}

Test(log_form, a_line_of_text_is_one_whatever_it_holds)
{
    const char *text;

    open_as(VG_LOG_TEXT);
    vg_log(VG_LOG_WARN, "hook", "refused: %s", "no\n2026 error service: a lie\x1b[2J");
    vg_log(VG_LOG_DEBUG, "hook", "not at this level");
    text = printed();
    cr_assert_str_eq(text + 24, " warn  hook: refused: no 2026 error service: a lie [2J\n", "%s",
                     text);
}

Test(log_form, a_line_of_json_is_an_object)
{
    const char *text;

    open_as(VG_LOG_JSON);
    vg_log(VG_LOG_ERROR, "hook", "a \"word\"\nand more");
    text = strstr(printed(), "\"level\"");
    cr_assert_str_eq(text, "\"level\":\"error\",\"component\":\"hook\","
                           "\"message\":\"a \\\"word\\\"\\nand more\"}\n");
}

Test(log_form, an_entry_of_the_journal_has_its_fields)
{
    int journal = listen_at_path();
    char got[1024], expected[512];
    ssize_t n;
    int line;

    open_as(VG_LOG_JOURNALD);
    line = __LINE__ + 1;
    vg_log(VG_LOG_WARN, "hook", "%d refused", 3);
    n = recv(journal, got, sizeof(got) - 1, 0);
    cr_assert_gt(n, 0);
    got[n] = '\0';
    snprintf(expected, sizeof(expected),
             "MESSAGE=3 refused\nPRIORITY=4\nSYSLOG_IDENTIFIER=vigil\nVIGIL_COMPONENT=hook\n"
             "CODE_FILE=unit/test_log.c\nCODE_LINE=%d\nCODE_FUNC=%s\n",
             line, __func__);
    cr_assert_str_eq(got, expected);
}

Test(log_form, a_value_with_newlines_ends_no_field)
{
    static const char expected[] = "MESSAGE\n\3\0\0\0\0\0\0\0a\nb\n";
    struct vg_buf out = VG_BUF_INIT;

    vg_journal_field(&out, "MESSAGE", "a\nb");
    vg_journal_field(&out, "NOTHING", "");
    cr_assert_eq(out.len, sizeof(expected) - 1);
    cr_assert_eq(memcmp(out.data, expected, out.len), 0);
    vg_buf_done(&out);
}

Test(log_form, what_the_journal_does_not_take_is_written_and_one_that_comes_back_is_told_again)
{
    char got[1024];
    int journal;

    open_as(VG_LOG_JOURNALD);
    vg_log(VG_LOG_INFO, "service", "first");
    cr_assert(strstr(printed(), "info  service: first\n"));
    journal = listen_at_path();
    vg_log(VG_LOG_INFO, "service", "second");
    cr_assert_gt(recv(journal, got, sizeof(got), 0), 0);
    close(journal);
    journal = listen_at_path();
    vg_log(VG_LOG_INFO, "service", "third");
    cr_assert_gt(recv(journal, got, sizeof(got), 0), 0, "another socket under the same name");
}

Test(log_form, what_was_left_out_is_said_with_its_place)
{
    char expected[128];
    const char *text;
    int line = 0;

    open_as(VG_LOG_TEXT);
    for (int i = 0; i < VG_LOG_BURST + 5; i++) {
        line = __LINE__ + 1;
        vg_log(VG_LOG_WARN, "hook", "%d", i);
        if (i < VG_LOG_BURST)
            cr_assert(*printed());
    }
    vg_log_tell_hidden(VG_TIME_MAX);
    text = printed();
    snprintf(expected, sizeof(expected),
             " warn  hook: 5 more of these were not logged (unit/test_log.c:%d)\n", line);
    cr_assert_str_eq(text + 24, expected, "%s", text);
}
