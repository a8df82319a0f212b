/* main.c - the vigil command: finds the verb and calls it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/verbs.h"
#include "core/err.h"
#include "core/text.h"
#include "models/kernel.h"
#include "runtime/secret.h"

enum { VERBS_MAX = 64 };

static void help(FILE *out)
{
    fprintf(out,
            "usage: vigil VERB [OPTIONS] [ARGUMENTS]\n\n"
            "Vigil watches vital signs that arrive from Kafka and raises alerts that no crash\n"
            "can lose. It is not a medical device.\n\n");
    for (const struct vg_verb *v = vg_verbs; v->name; v++) {
        if (v->summary)
            fprintf(out, "  %-12s %s\n", v->name, v->summary);
    }
    fprintf(out, "\n`vigil VERB --help` tells more. A first look without a Kafka: `make demo`.\n");
}

static int unknown(const char *word)
{
    const char *names[VERBS_MAX];
    const char *near;
    size_t n = 0;

    for (const struct vg_verb *v = vg_verbs; v->name && n < VERBS_MAX; v++)
        names[n++] = v->name;
    near = vg_did_you_mean(word, names, n);
    fprintf(stderr, "vigil: no verb \"%s\"%s%s%s\ntry: vigil --help\n", word,
            near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    return vg_status_exit(VG_E_USAGE);
}

/* For benchmarks and for those who doubt that all forms answer the same. */
static int choose_kernel(const char *name)
{
    const struct vg_kernel *form;

    if (!name || *name == '\0' || vg_kernel_choose(name))
        return 0;
    fprintf(stderr, "vigil: VIGIL_KERNEL: this processor has no form \"%s\"; it has", name);
    for (uint32_t i = 0; (form = vg_kernel_form(i)); i++)
        fprintf(stderr, " %s", form->name);
    fputs("\n", stderr);
    return vg_status_exit(VG_E_USAGE);
}

/* `vigil help WORDS` is `vigil WORDS --help`. */
static void turn_help(int argc, char **argv)
{
    static char option[] = "--help";

    if (strcmp(argv[1], "help") != 0)
        return;
    memmove(argv + 1, argv + 2, (size_t)(argc - 2) * sizeof(*argv));
    argv[argc - 1] = option;
}

int main(int argc, char **argv)
{
    int wrong = choose_kernel(getenv("VIGIL_KERNEL"));

    if (wrong)
        return wrong;
    vg_secret_guard_memory();
    if (argc < 2) {
        help(stderr);
        return vg_status_exit(VG_E_USAGE);
    }
    turn_help(argc, argv);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        help(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0)
        argv[1] += 2;
    for (const struct vg_verb *v = vg_verbs; v->name; v++) {
        if (strcmp(v->name, argv[1]) == 0)
            return v->run(argc - 1, argv + 1);
    }
    return unknown(argv[1]);
}
