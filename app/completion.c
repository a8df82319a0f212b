/* completion.c - `vigil completion`: what makes bash, zsh and fish complete words behind `vigil`.
 *
 * Each script is one walk over all commands for each part of it (app/command_visit.h), so a verb or an
 * option that is added is completed at once.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "app/command_visit.h"
#include "app/verbs.h"

/* ---- parts that shells share ---- */

/* The words that an argument may be, "[sources|sinks]"; nothing when it is no choice of words. */
static void put_words(const char *arguments, const char *before)
{
    if (!strchr(arguments, '|'))
        return;
    for (const char *c = arguments; *c; c++) {
        if (isupper((unsigned char)*c))
            return;
    }
    fputs(before, stdout);
    for (const char *c = arguments; *c; c++) {
        if (*c == '|')
            putchar(' ');
        else if (*c != '[' && *c != ']')
            putchar(*c);
    }
}

static bool is_choice(const char *arguments)
{
    bool upper = false;

    for (const char *c = arguments; *c; c++)
        upper |= isupper((unsigned char)*c) != 0;
    return strchr(arguments, '|') && !upper;
}

/* A value that is a file or a folder, as far as its name in help says. */
static bool names_file(const struct vg_option *o)
{
    static const char *const words[] = {
        "FILE", "FOLDER", "DIR", "CONFIG", "OUTBOX", "PATH", "CSV"
    };
    const char *value = vg_command_value(o);

    for (size_t i = 0; i < VG_ARRAY_LEN(words); i++) {
        if (strstr(value, words[i]))
            return true;
    }
    return false;
}

static void put_choices(const struct vg_option *o)
{
    for (const char *const *c = o->choices; *c; c++)
        printf("%s%s", c == o->choices ? "" : " ", *c);
}

/* `text` with `escape` before each of the characters `which`. */
static void put_escaped(const char *text, const char *which, const char *escape)
{
    for (; *text; text++)
        printf("%s%c", strchr(which, *text) ? escape : "", *text);
}

/* In single quotes of bash and zsh a quote ends them: '\'' is one. */
static void put_quoted(const char *text, const char *which)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", stdout);
        else
            printf("%s%c", strchr(which, *text) ? "\\" : "", *text);
    }
}

/* ---- bash ---- */

static void bash_family(void *arg, const struct vg_family *family)
{
    (void)arg;
    printf("    %s)\n        if ((COMP_CWORD == 2)); then\n            members=\"", family->name);
    for (size_t i = 0; i < family->members; i++)
        printf("%s%s", i ? " " : "", family->member[i].name);
    printf("\"\n        elif [[ ${COMP_WORDS[2]} != -* ]]; then\n"
           "            key=\"$key ${COMP_WORDS[2]}\"\n        fi\n        ;;\n");
}

static void bash_values(void *arg, const struct vg_command *command)
{
    char name[VG_NAME_SIZE];

    (void)arg;
    for (const struct vg_option *o = command->options; o->type != VG_OPT_END_; o++) {
        if (o->type == VG_OPT_BOOL_)
            continue;
        vg_command_spell(o->name, name);
        printf("    \"%s --%s\")\n        ", command->name, name);
        if (o->type == VG_OPT_ENUM_) {
            printf("COMPREPLY=($(compgen -W \"");
            put_choices(o);
            printf("\" -- \"$cur\"))\n        ");
        }
        printf("return\n        ;;\n");
    }
}

static void bash_options(void *arg, const struct vg_command *command)
{
    char name[VG_NAME_SIZE];

    (void)arg;
    printf("    \"%s\")\n        options=\"", command->name);
    for (const struct vg_option *o = command->options; o->type != VG_OPT_END_; o++) {
        vg_command_spell(o->name, name);
        printf("--%s ", name);
    }
    printf("--help\"\n");
    if (is_choice(command->arguments)) {
        put_words(command->arguments, "        members=\"$members ");
        printf("\"\n");
    }
    printf("        ;;\n");
}

static void print_bash(void)
{
    printf("# bash completion of vigil, made by `vigil completion bash`\n\n"
           "_vigil()\n{\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
           "    local key=${COMP_WORDS[1]} members= options=\n"
           "    COMPREPLY=()\n"
           "    if ((COMP_CWORD == 1)); then\n        COMPREPLY=($(compgen -W \"");
    for (const struct vg_verb *v = vg_verbs; v->name; v++)
        printf("%s%s", v->summary ? v->name : "", v->summary ? " " : "");
    printf("--help --version\" -- \"$cur\"))\n        return\n    fi\n    case $key in\n");
    vg_commands_visit(&(struct vg_command_visitor){ .family = bash_family });
    printf("    esac\n    case \"$key $prev\" in\n");
    vg_commands_visit(&(struct vg_command_visitor){ .command = bash_values });
    printf("    esac\n    case $key in\n");
    vg_commands_visit(&(struct vg_command_visitor){ .command = bash_options });
    printf("    esac\n"
           "    if [[ $cur == -* ]]; then\n        members=$options\n    fi\n"
           "    COMPREPLY=($(compgen -W \"$members\" -- \"$cur\"))\n}\n\n"
           "complete -o bashdefault -o default -F _vigil vigil\n");
}

/* ---- zsh ---- */

static void zsh_family(void *arg, const struct vg_family *family)
{
    (void)arg;
    printf("    %s)\n      if (( CURRENT == 3 )) && [[ $words[3] != -* ]]; then\n        list=(\n",
           family->name);
    for (size_t i = 0; i < family->members; i++) {
        printf("          '%s:", family->member[i].name);
        put_quoted(family->member[i].summary, ":\\");
        printf("'\n");
    }
    printf("        )\n        _describe what list\n        return\n      fi\n"
           "      if [[ $words[3] != -* ]]; then\n        key=\"$key $words[3]\"\n"
           "        shift words\n        (( CURRENT-- ))\n      fi\n      ;;\n");
}

static void zsh_command(void *arg, const struct vg_command *command)
{
    char name[VG_NAME_SIZE];

    (void)arg;
    printf("    '%s')\n      _arguments -S \\\n", command->name);
    for (const struct vg_option *o = command->options; o->type != VG_OPT_END_; o++) {
        const char *value = vg_command_value(o);

        vg_command_spell(o->name, name);
        printf("        '%s--%s%s[", o->type == VG_OPT_LIST_ ? "*" : "", name, value[0] ? "=" : "");
        put_quoted(o->help, "[]:\\");
        printf("]");
        if (value[0])
            printf(":%s:", value);
        if (o->type == VG_OPT_ENUM_) {
            printf("(");
            put_choices(o);
            printf(")");
        } else if (names_file(o)) {
            printf("_files");
        }
        printf("' \\\n");
    }
    printf("        '--help[print help]' \\\n        '*:argument:");
    if (is_choice(command->arguments)) {
        put_words(command->arguments, "(");
        printf(")'\n      ;;\n");
    } else {
        printf("_files'\n      ;;\n");
    }
}

static void print_zsh(void)
{
    printf("#compdef vigil\n# zsh completion of vigil, made by `vigil completion zsh`\n\n"
           "_vigil() {\n  local key=$words[2]\n  local -a list\n"
           "  if (( CURRENT == 2 )); then\n    list=(\n");
    for (const struct vg_verb *v = vg_verbs; v->name; v++) {
        if (!v->summary)
            continue;
        printf("      '%s:", v->name);
        put_quoted(v->summary, ":\\");
        printf("'\n");
    }
    printf("    )\n    _describe verb list\n    return\n  fi\n  case $key in\n");
    vg_commands_visit(&(struct vg_command_visitor){ .family = zsh_family });
    printf("  esac\n  shift words\n  (( CURRENT-- ))\n  case $key in\n");
    vg_commands_visit(&(struct vg_command_visitor){ .command = zsh_command });
    printf("  esac\n}\n\n"
           "if [[ $funcstack[1] == _vigil ]]; then\n  _vigil \"$@\"\nelse\n  compdef _vigil "
           "vigil\nfi\n");
}

/* ---- fish ---- */

static void fish_family(void *arg, const struct vg_family *family)
{
    (void)arg;
    for (size_t i = 0; i < family->members; i++) {
        printf("complete -c vigil -n '__vigil_at %s; and __vigil_words 2' -f -a %s -d '",
               family->name, family->member[i].name);
        put_escaped(family->member[i].summary, "'\\", "\\");
        printf("'\n");
    }
}

static void fish_command(void *arg, const struct vg_command *command)
{
    char name[VG_NAME_SIZE];

    (void)arg;
    if (is_choice(command->arguments)) {
        printf("complete -c vigil -n '__vigil_at %s' -f", command->name);
        put_words(command->arguments, " -a '");
        printf("'\n");
    }
    for (const struct vg_option *o = command->options; o->type != VG_OPT_END_; o++) {
        vg_command_spell(o->name, name);
        printf("complete -c vigil -n '__vigil_at %s' -l %s -d '", command->name, name);
        put_escaped(o->help, "'\\", "\\");
        printf("'");
        if (o->type == VG_OPT_ENUM_) {
            printf(" -x -a '");
            put_choices(o);
            printf("'");
        } else if (o->type != VG_OPT_BOOL_) {
            printf(names_file(o) ? " -r -F" : " -x");
        }
        printf("\n");
    }
    printf("complete -c vigil -n '__vigil_at %s' -l help -d 'print help'\n", command->name);
}

static void print_fish(void)
{
    printf("# fish completion of vigil, made by `vigil completion fish`\n\n"
           "# Whether the words behind vigil begin with these.\n"
           "function __vigil_at\n"
           "    set -l words (commandline -opc)[2..]\n"
           "    test (count $words) -ge (count $argv); or return 1\n"
           "    for i in (seq (count $argv))\n"
           "        test \"$words[$i]\" = \"$argv[$i]\"; or return 1\n"
           "    end\n"
           "end\n\n"
           "# Whether there are so many words before this one.\n"
           "function __vigil_words\n"
           "    test (count (commandline -opc)) -eq $argv[1]\n"
           "end\n\n");
    for (const struct vg_verb *v = vg_verbs; v->name; v++) {
        if (!v->summary)
            continue;
        printf("complete -c vigil -n '__vigil_words 1' -f -a %s -d '", v->name);
        put_escaped(v->summary, "'\\", "\\");
        printf("'\n");
    }
    vg_commands_visit(
        &(struct vg_command_visitor){ .command = fish_command, .family = fish_family });
}

/* ---- the verb ---- */

static const struct vg_option options[] = { VG_OPT_END };

static const struct vg_command command = {
    .name = "completion",
    .summary = "Prints a script that makes a shell complete words behind vigil",
    .arguments = "bash|zsh|fish",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = options,
    .notes = "For this shell only:\n"
             "  bash  source <(vigil completion bash)\n"
             "  zsh   source <(vigil completion zsh), behind compinit\n"
             "  fish  vigil completion fish | source\n"
             "An installation puts them where the shells look.\n",
};

int vg_verb_completion(int argc, char **argv)
{
    char none = 0, **args;
    int exit = vg_command_parse(&command, argc, argv, &none, &args);

    if (exit != VG_COMMAND_GO)
        return exit;
    if (strcmp(args[0], "bash") == 0)
        print_bash();
    else if (strcmp(args[0], "zsh") == 0)
        print_zsh();
    else if (strcmp(args[0], "fish") == 0)
        print_fish();
    else
        return vg_command_usage(&command, "no shell \"%s\"; expected bash, zsh or fish", args[0]);
    return 0;
}
