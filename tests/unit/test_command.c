/* test_command.c - the command line: parsing, messages, --help from the table. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <string.h>

#include "app/command.h"

static void redirect(void)
{
    cr_redirect_stdout();
    cr_redirect_stderr();
}

TestSuite(command, .timeout = 30, .init = redirect);

enum { WORDS_MAX = 12 };

struct options {
    bool until_end;
    int64_t beds;
    int64_t duration_ns;
    int colour;
    char *topic;
    struct vg_strings scenario;
};

static const char *const colours[] = { "red", "green", NULL };

/* clang-format off */
#define O struct options
static const struct vg_option options[] = {
    VG_OPT_BOOL(O, until_end, "until_end", "false", 0, "stop at the end"),
    VG_OPT_INT(O, beds, "beds", "12", 1, 100, "", 0, "how many"),
    VG_OPT_DURATION(O, duration_ns, "duration", "30m", 0, 86400, 0, "how long"),
    VG_OPT_ENUM(O, colour, "colour", "red", colours, 0, "which"),
    VG_CLI_STRING(O, topic, "topic", "NAME", NULL, VG_OPT_REQUIRED, "where to"),
    VG_CLI_LIST(O, scenario, "scenario", "SPEC", 0, "what happens"),
    VG_OPT_END,
};
#undef O
/* clang-format on */

static const struct vg_command command = {
    .name = "try",
    .summary = "Tries things",
    .arguments = "CONFIG",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = options,
    .notes = "the end\n",
};

/* Splits `line` at spaces, as a shell does, and parses it. `text` holds the words. */
static int parse(const char *line, char text[256], struct options *o, char ***args)
{
    static char *argv[WORDS_MAX + 2];
    char verb[] = "try", *save = NULL;
    int argc = 0;

    argv[argc++] = verb;
    snprintf(text, 256, "%s", line);
    for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        cr_assert_leq(argc, WORDS_MAX);
        argv[argc++] = w;
    }
    argv[argc] = NULL;
    *o = (struct options){ 0 };
    return vg_command_parse(&command, argc, argv, o, args);
}

Test(command, defaults_hold_where_nothing_is_said)
{
    struct options o;
    char text[256], **args;

    cr_assert_eq(parse("--topic t a.yaml", text, &o, &args), VG_COMMAND_GO);
    cr_assert(!o.until_end);
    cr_assert_eq(o.beds, 12);
    cr_assert_eq(o.duration_ns, 1800 * VG_NS_PER_S);
    cr_assert_eq(o.scenario.n, 0);
    cr_assert_str_eq(args[0], "a.yaml");
    cr_assert_null(args[1]);
    vg_options_done(options, &o);
}

Test(command, options_and_arguments_come_in_any_order)
{
    struct options o;
    char text[256], **args;

    cr_assert_eq(
        parse("a.yaml --until-end --beds=3 --scenario x --topic t --scenario y", text, &o, &args),
        VG_COMMAND_GO);
    cr_assert(o.until_end);
    cr_assert_eq(o.beds, 3);
    cr_assert_str_eq(o.topic, "t");
    cr_assert_eq(o.scenario.n, 2);
    cr_assert_str_eq(o.scenario.value[1], "y");
    cr_assert_str_eq(args[0], "a.yaml");
    vg_options_done(options, &o);
}

struct wrong {
    char line[64], message[96];
};

ParameterizedTestParameters(command, wrong_usage_is_said_and_gives_2)
{
    static struct wrong rows[] = {
        { "--topic t", "vigil try: CONFIG is missing" },
        { "--topic t a b", "\"b\" is one argument too many" },
        { "a", "--topic NAME is required: where to" },
        { "--topik t a", "no option --topik; did you mean --topic?" },
        { "--topik=t a", "no option --topik; did you mean --topic?" },
        { "--frobnicate a", "no option --frobnicate\n" },
        { "-x a", "no option -x" },
        { "a --topic", "--topic needs a value" },
        { "--until a --topic t", "no option --until" },
        { "--topi t a", "no option --topi; did you mean --topic?" },
        { "--topi=t a", "no option --topi; did you mean --topic?" },
        { "--topic t --beds 0 a", "--beds: \"0\" is out of range; expected" },
        { "--topic t --beds x a", "--beds: \"x\" is not a whole number" },
        { "--topic t --duration 5 a", "--duration: \"5\" is not a duration" },
        { "--topic t --colour rod a", "did you mean \"red\"?" },
    };
    return cr_make_param_array(struct wrong, rows, VG_ARRAY_LEN(rows));
}

static void read_stderr(char *out, size_t size)
{
    FILE *f = cr_get_redirected_stderr();
    size_t n = fread(out, 1, size - 1, f);

    out[n] = '\0';
}

ParameterizedTest(struct wrong *row, command, wrong_usage_is_said_and_gives_2)
{
    struct options o;
    char text[256], said[1024], **args;

    cr_assert_eq(parse(row->line, text, &o, &args), 2);
    vg_options_done(options, &o);
    fflush(stderr);
    read_stderr(said, sizeof(said));
    cr_assert(strstr(said, row->message), "%s", said);
    cr_assert(strstr(said, "try: vigil try --help"), "%s", said);
}

Test(command, help_is_made_from_the_table)
{
    static const char expected[] =
        "usage: vigil try [OPTIONS] CONFIG\n"
        "\n"
        "Tries things.\n"
        "\n"
        "options:\n"
        "  --until-end           stop at the end\n"
        "  --beds N              how many (whole number from 1 to 100; default 12)\n"
        "  --duration DURATION   how long (default 30m)\n"
        "  --colour WORD         which (one of: red, green; default red)\n"
        "  --topic NAME          where to (required)\n"
        "  --scenario SPEC       what happens (may be repeated)\n"
        "\n"
        "the end\n";
    struct options o;
    char text[256], **args;

    cr_assert_eq(parse("--help", text, &o, &args), 0);
    vg_options_done(options, &o);
    fflush(stdout);
    cr_assert_stdout_eq_str(expected);
}
