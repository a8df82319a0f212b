/* command.c - the command line: one description per verb gives parsing, checks and --help. */
#include "app/command.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/command_visit.h"
#include "core/text.h"

enum {
    OPTIONS_MAX = 32,
    NAME_WIDTH = 22, /* of the column of options in --help */
    LINE_WIDTH = 96,
    HELP = 'h',
    FIRST = 256, /* getopt values of the table's rows: FIRST + index, away from characters */
};

void vg_command_spell(const char *name, char out[VG_NAME_SIZE])
{
    snprintf(out, VG_NAME_SIZE, "%s", name);
    for (char *c = out; *c; c++) {
        if (*c == '_')
            *c = '-';
    }
}

const char *vg_command_value(const struct vg_option *opt)
{
    switch (opt->type) {
    case VG_OPT_BOOL_:
        return "";
    case VG_OPT_INT_:
    case VG_OPT_FLOAT_:
        return "N";
    case VG_OPT_DURATION_:
        return "DURATION";
    case VG_OPT_SIZE_:
        return "SIZE";
    case VG_OPT_ENUM_:
        return "WORD";
    default:
        return opt->unit && opt->unit[0] ? opt->unit : "TEXT";
    }
}

/* ---- help ---- */

static void print_wrapped(const char *text, int column, int indent)
{
    while (*text) {
        int word = (int)strcspn(text, " ");

        if (column > indent && column + 1 + word > LINE_WIDTH) {
            printf("\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            putchar(' ');
            column++;
        }
        printf("%.*s", word, text);
        column += word;
        text += word;
        text += strspn(text, " ");
    }
    putchar('\n');
}

void vg_command_tell(const struct vg_option *opt, struct vg_buf *out)
{
    vg_buf_str(out, opt->help);
    if (opt->type == VG_OPT_ENUM_ || opt->type == VG_OPT_INT_ || opt->type == VG_OPT_FLOAT_) {
        vg_buf_str(out, " (");
        vg_option_expected(opt, out);
        if (opt->def)
            vg_buf_printf(out, "; default %s", opt->def);
        vg_buf_str(out, ")");
    } else if (opt->type == VG_OPT_LIST_) {
        vg_buf_str(out, opt->flags & VG_OPT_REQUIRED ? " (required; may be repeated)"
                                                     : " (may be repeated)");
    } else if (opt->flags & VG_OPT_REQUIRED) {
        vg_buf_str(out, " (required)");
    } else if (opt->def && opt->type != VG_OPT_BOOL_) {
        vg_buf_printf(out, " (default %s)", opt->def);
    }
}

static void print_option(const struct vg_option *opt)
{
    char name[VG_NAME_SIZE];
    struct vg_buf help = VG_BUF_INIT;
    const char *value = vg_command_value(opt);
    int n;

    vg_command_spell(opt->name, name);
    vg_command_tell(opt, &help);
    n = printf("  --%s%s%s", name, value[0] ? " " : "", value);
    if (n >= NAME_WIDTH + 2) {
        putchar('\n');
        n = 0;
    }
    printf("%*s", NAME_WIDTH + 2 - n, "");
    print_wrapped(help.data, NAME_WIDTH + 2, NAME_WIDTH + 2);
    vg_buf_done(&help);
}

static void print_help(const struct vg_command *command)
{
    bool any = command->options[0].type != VG_OPT_END_;

    printf("usage: vigil %s%s%s%s\n\n%s.\n", command->name, any ? " [OPTIONS]" : "",
           command->arguments[0] ? " " : "", command->arguments, command->summary);
    if (any)
        printf("\noptions:\n");
    for (const struct vg_option *o = command->options; o->type != VG_OPT_END_; o++)
        print_option(o);
    if (command->notes)
        printf("\n%s", command->notes);
}

/* ---- messages ---- */

int vg_command_usage(const struct vg_command *command, const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "vigil %s: ", command->name);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\ntry: vigil %s --help\n", command->name);
    return vg_status_exit(VG_E_USAGE);
}

int vg_command_failed(const struct vg_command *command, const struct vg_err *err)
{
    fprintf(stderr, "vigil %s: %s\n", command->name, err->msg);
    return vg_status_exit(err->status);
}

void vg_command_disclaim(const char *why)
{
    fprintf(stderr, "Vigil is not a medical device: %s.\n", why);
}

/* ---- output ---- */

static vg_status check_folder(const char *path, struct vg_err *err)
{
    char *folder = strdup(path);
    char *slash = folder ? strrchr(folder, '/') : NULL;
    vg_status st = VG_OK;

    VG_CHECK(folder);
    if (slash)
        slash[slash == folder] = '\0';
    if (access(slash ? folder : ".", W_OK | X_OK) != 0)
        st = vg_fail(err, VG_E_IO, "%s cannot be written: folder %s: %s", path,
                     slash ? folder : ".", strerror(errno));
    free(folder);
    return st;
}

vg_status vg_command_check_output(const char *path, struct vg_err *err)
{
    struct stat file;

    if (path[0] == '\0')
        return vg_fail(err, VG_E_IO, "an empty name of a file to write; expected a path");
    if (stat(path, &file) != 0)
        return check_folder(path, err);
    if (S_ISDIR(file.st_mode))
        return vg_fail(err, VG_E_IO, "%s cannot be written: it is a folder; expected a file in it",
                       path);
    if (access(path, W_OK) != 0)
        return vg_fail(err, VG_E_IO, "%s cannot be written: %s", path, strerror(errno));
    /* A file is replaced as a whole, a device such as /dev/stdout written to. */
    return S_ISREG(file.st_mode) ? check_folder(path, err) : VG_OK;
}

/* ---- parsing ---- */

struct table {
    struct option rows[OPTIONS_MAX + 2]; /* of getopt; --help and the end besides the options */
    char names[OPTIONS_MAX][VG_NAME_SIZE];
    int n;
};

static void make_table(const struct vg_command *command, struct table *t)
{
    t->n = 0;
    for (const struct vg_option *o = command->options; o->type != VG_OPT_END_; o++, t->n++) {
        VG_CHECK(t->n < OPTIONS_MAX);
        vg_command_spell(o->name, t->names[t->n]);
        t->rows[t->n] = (struct option){
            .name = t->names[t->n],
            .has_arg = o->type == VG_OPT_BOOL_ ? no_argument : required_argument,
            .val = FIRST + t->n,
        };
    }
    t->rows[t->n] = (struct option){ .name = "help", .has_arg = no_argument, .val = HELP };
    t->rows[t->n + 1] = (struct option){ 0 };
}

static int unknown(const struct vg_command *command, const struct table *t, const char *word)
{
    const char *names[OPTIONS_MAX + 1];
    char name[VG_NAME_SIZE];
    const char *near;

    snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
    for (int i = 0; i <= t->n; i++)
        names[i] = t->rows[i].name;
    near = vg_did_you_mean(name + strspn(name, "-"), names, (size_t)t->n + 1);
    if (near && strcmp(near, name + strspn(name, "-")) == 0)
        return vg_command_usage(command, "%s takes no value", name);
    if (near)
        return vg_command_usage(command, "no option %s; did you mean --%s?", name, near);
    return vg_command_usage(command, "no option %s", name);
}

/* getopt accepts any beginning of a name that is unique today; a script that used one would change
 * its meaning when an option is added. */
static bool abbreviated(const char *word, const char *name)
{
    return strncmp(word, "--", 2) == 0 && strcspn(word + 2, "=") != strlen(name) &&
           strncmp(word + 2, name, strcspn(word + 2, "=")) == 0;
}

static int set(const struct vg_command *command, int row, const char *value, void *self)
{
    const struct vg_option *opt = &command->options[row];
    struct vg_err err;
    char name[VG_NAME_SIZE];
    vg_status st;

    if (opt->type == VG_OPT_LIST_)
        st = vg_option_add(opt, self, NULL, value, &err);
    else
        st = vg_option_set(opt, self, opt->type == VG_OPT_BOOL_ ? "true" : value, &err);
    if (st == VG_OK)
        return VG_COMMAND_GO;
    vg_command_spell(opt->name, name);
    /* The message begins with the key as a configuration spells it. */
    return vg_command_usage(command, "--%s%s", name, err.msg + strlen(opt->name));
}

static int check_required(const struct vg_command *command, const bool *given)
{
    char name[VG_NAME_SIZE];

    for (int i = 0; command->options[i].type != VG_OPT_END_; i++) {
        if (!(command->options[i].flags & VG_OPT_REQUIRED) || given[i])
            continue;
        vg_command_spell(command->options[i].name, name);
        return vg_command_usage(command, "--%s %s is required: %s", name,
                                vg_command_value(&command->options[i]), command->options[i].help);
    }
    return VG_COMMAND_GO;
}

static int check_arguments(const struct vg_command *command, char **args)
{
    int n = 0;

    while (args[n])
        n++;
    if (n < command->arguments_min)
        return vg_command_usage(command, "%s is missing", command->arguments);
    if (n > command->arguments_max)
        return vg_command_usage(command, "\"%s\" is one argument too many",
                                args[command->arguments_max]);
    return VG_COMMAND_GO;
}

/* The word that getopt has just read; with a separate value it stands before that one. */
static const char *current_word(char **argv, const struct option *row)
{
    bool separate = row->has_arg == required_argument && optarg == argv[optind - 1];

    return argv[optind - (separate ? 2 : 1)];
}

int vg_command_parse(const struct vg_command *command, int argc, char **argv, void *self,
                     char ***args)
{
    struct table t;
    bool given[OPTIONS_MAX] = { 0 };
    int c, go = VG_COMMAND_GO;

    if (vg_command_visitor()) {
        vg_command_visitor()->command(vg_command_visitor()->arg, command);
        return 0;
    }
    vg_options_default(command->options, self);
    make_table(command, &t);
    optind = 0; /* a second call in one process, as in tests, starts anew */
    while (go == VG_COMMAND_GO && (c = getopt_long(argc, argv, ":h", t.rows, NULL)) != -1) {
        int row = c - FIRST;

        if (c == HELP) {
            print_help(command);
            return 0;
        }
        if (c == ':')
            return vg_command_usage(command, "%s needs a value", argv[optind - 1]);
        if (row < 0)
            return unknown(command, &t, argv[optind - 1]);
        if (abbreviated(current_word(argv, &t.rows[row]), t.names[row]))
            return unknown(command, &t, current_word(argv, &t.rows[row]));
        given[row] = true;
        go = set(command, row, optarg, self);
    }
    if (go == VG_COMMAND_GO)
        go = check_required(command, given);
    *args = argv + optind;
    return go == VG_COMMAND_GO ? check_arguments(command, *args) : go;
}

static bool is_option(const char *word, const char *name)
{
    size_t n = strlen(name);

    return strncmp(word, "--", 2) == 0 && strncmp(word + 2, name, n) == 0 &&
           (word[2 + n] == '\0' || word[2 + n] == '=');
}

const char *vg_command_given(int argc, char *const *argv, const char *const *names)
{
    for (; *names; names++) {
        for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
            if (is_option(argv[i], *names))
                return *names;
        }
    }
    return NULL;
}
