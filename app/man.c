/* man.c - `vigil man`: writes a manual page for each command. For the build; not listed by --help. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/command.h"
#include "app/command_visit.h"
#include "app/verbs.h"

enum { PAGE_NAME_SIZE = 2 * VG_NAME_SIZE };

struct options {
    char *out, *date;
};

struct pages {
    const struct options *options;
    vg_status st;
    struct vg_err err;
};

/* ---- roff ---- */

/* Text in roff: a dash that is typed, no control line, no escapes of its own. */
static void put_text(const char *text, FILE *f)
{
    bool begins = true;

    for (; *text; text++) {
        if (begins && (*text == '.' || *text == '\''))
            fputs("\\&", f);
        if (*text == '\\')
            fputs("\\e", f);
        else if (*text == '-')
            fputs("\\-", f);
        else
            putc(*text, f);
        begins = *text == '\n';
    }
}

static void put_section(const char *title, FILE *f)
{
    fprintf(f, ".SH %s\n", title);
}

/* Text whose lines stay as they are. An empty line is a paragraph; roff wants none written out. */
static void put_lines(const char *text, FILE *f)
{
    fputs(".nf\n", f);
    while (*text) {
        size_t len = strcspn(text, "\n");

        if (len == 0) {
            fputs(".sp\n", f);
        } else {
            char *line = strndup(text, len);

            VG_CHECK(line);
            put_text(line, f);
            putc('\n', f);
            free(line);
        }
        text += len + (text[len] == '\n');
    }
    fputs(".fi\n", f);
}

static void put_option(const struct vg_option *o, FILE *f)
{
    char name[VG_NAME_SIZE];
    const char *value = vg_command_value(o);
    struct vg_buf help = VG_BUF_INIT;

    vg_command_spell(o->name, name);
    fputs(".TP\n\\fB\\-\\-", f);
    put_text(name, f);
    fprintf(f, "\\fR%s\\fI%s\\fR\n", value[0] ? " " : "", value);
    vg_command_tell(o, &help);
    put_text(help.data, f);
    putc('\n', f);
    vg_buf_done(&help);
}

/* "dlq list" of which vigil-dlq-list.1 tells. */
static void page_name(const char *name, char ret[PAGE_NAME_SIZE])
{
    snprintf(ret, PAGE_NAME_SIZE, "vigil%s%s", name[0] ? "-" : "", name);
    for (char *c = ret; *c; c++) {
        if (*c == ' ')
            *c = '-';
    }
}

static FILE *open_page(struct pages *p, const char *name, const char *mode)
{
    char page[PAGE_NAME_SIZE], *path;
    FILE *f = NULL;

    page_name(name, page);
    VG_CHECK(asprintf(&path, "%s/%s.1", p->options->out, page) >= 0);
    if (p->st == VG_OK)
        f = fopen(path, mode);
    if (p->st == VG_OK && !f)
        p->st = vg_fail(&p->err, VG_E_IO, "cannot write %s: %s", path, strerror(errno));
    free(path);
    return f;
}

static void close_page(struct pages *p, FILE *f)
{
    bool wrong = ferror(f) != 0;

    if ((fclose(f) != 0 || wrong) && p->st == VG_OK)
        p->st = vg_fail(&p->err, VG_E_IO, "cannot write %s: %s", p->options->out, strerror(errno));
}

static void put_head(const struct pages *p, const char *name, const char *summary, FILE *f)
{
    char page[PAGE_NAME_SIZE];

    page_name(name, page);
    fprintf(f, ".TH %s 1 %s \"Vigil %s\" Vigil\n", page, p->options->date, VG_VERSION);
    put_section("NAME", f);
    put_text(page, f);
    fputs(" \\- ", f);
    put_text(summary, f);
    putc('\n', f);
}

static void put_tail(FILE *f)
{
    put_section("EXIT STATUS", f);
    fputs("0 well, 1 a check failed, 2 wrong usage, 69 unavailable, 74 input or output, 75 "
          "temporary,\n"
          "78 configuration.\n",
          f);
    put_section("SEE ALSO", f);
    fputs(".BR vigil (1)\n.PP\nVigil is not a medical device.\n", f);
}

/* ---- pages ---- */

static void write_command(void *arg, const struct vg_command *command)
{
    struct pages *p = arg;
    FILE *f = open_page(p, command->name, "we");
    bool any = command->options[0].type != VG_OPT_END_;

    if (!f)
        return;
    put_head(p, command->name, command->summary, f);
    put_section("SYNOPSIS", f);
    fputs("\\fBvigil ", f);
    put_text(command->name, f);
    fprintf(f, "\\fR%s ", any ? " [OPTIONS]" : "");
    put_text(command->arguments, f);
    putc('\n', f);
    put_section("DESCRIPTION", f);
    put_text(command->summary, f);
    fputs(".\n", f);
    if (any)
        put_section("OPTIONS", f);
    for (const struct vg_option *o = command->options; o->type != VG_OPT_END_; o++)
        put_option(o, f);
    if (command->notes) {
        put_section("NOTES", f);
        put_lines(command->notes, f);
    }
    put_tail(f);
    close_page(p, f);
}

static void put_members(const struct vg_family *family, FILE *f)
{
    put_section("MEMBERS", f);
    for (size_t i = 0; i < family->members; i++) {
        fprintf(f, ".TP\n\\fBvigil %s ", family->name);
        put_text(family->member[i].name, f);
        fputs("\\fR\n", f);
        put_text(family->member[i].summary, f);
        putc('\n', f);
    }
}

/* A family that is a command as well, as alerts is, has a page already, which gets one section more. */
static void write_family(void *arg, const struct vg_family *family)
{
    struct pages *p = arg;
    const bool both = strcmp(family->name, "alerts") == 0;
    FILE *f = open_page(p, family->name, both ? "ae" : "we");

    if (!f)
        return;
    if (!both) {
        put_head(p, family->name, "a family of commands", f);
        put_section("SYNOPSIS", f);
        fprintf(f, "\\fBvigil %s\\fR WHAT [OPTIONS] [ARGUMENTS]\n", family->name);
        put_section("DESCRIPTION", f);
        put_lines(family->summary, f);
    }
    put_members(family, f);
    if (!both)
        put_tail(f);
    close_page(p, f);
}

static void write_overview(struct pages *p)
{
    FILE *f = open_page(p, "", "we");

    if (!f)
        return;
    put_head(p, "", "watches vital signs and raises alerts that no crash can lose", f);
    put_section("SYNOPSIS", f);
    fputs("\\fBvigil\\fR VERB [OPTIONS] [ARGUMENTS]\n", f);
    put_section("DESCRIPTION", f);
    fputs("Vital signs arrive from Kafka, pass a chain of stages, and leave as alerts. Each verb "
          "has a\n"
          "page of its own, vigil\\-VERB(1). Data go to standard output, talk to standard error.\n",
          f);
    put_section("COMMANDS", f);
    for (const struct vg_verb *v = vg_verbs; v->name; v++) {
        if (!v->summary)
            continue;
        fputs(".TP\n\\fB", f);
        put_text(v->name, f);
        fputs("\\fR\n", f);
        put_text(v->summary, f);
        putc('\n', f);
    }
    put_tail(f);
    close_page(p, f);
}

/* ---- the verb ---- */

static const struct vg_option options[] = {
    VG_CLI_STRING(struct options, out, "out", "FOLDER", NULL, VG_OPT_REQUIRED,
                  "where the pages go; made when it is not there"),
    VG_CLI_STRING(struct options, date, "date", "DATE", "2026-01-01", 0, "of the pages"),
    VG_OPT_END,
};

static const struct vg_command command = {
    .name = "man",
    .summary = "Writes the manual pages of all commands",
    .arguments = "",
    .options = options,
};

static int write_pages(const struct options *o)
{
    struct pages p = { .options = o, .st = VG_OK };

    if (mkdir(o->out, 0755) != 0 && errno != EEXIST) {
        p.st = vg_fail(&p.err, VG_E_IO, "cannot make %s: %s", o->out, strerror(errno));
    } else {
        write_overview(&p);
        vg_commands_visit(&(struct vg_command_visitor){ write_command, write_family, &p });
    }
    return p.st == VG_OK ? 0 : vg_command_failed(&command, &p.err);
}

int vg_verb_man(int argc, char **argv)
{
    struct options o = { 0 };
    char **args;
    int exit = vg_command_parse(&command, argc, argv, &o, &args);

    if (exit == VG_COMMAND_GO)
        exit = write_pages(&o);
    vg_options_done(options, &o);
    return exit;
}
