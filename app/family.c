/* family.c - verbs that are families. */
#include "app/family.h"

#include <stdio.h>
#include <string.h>

#include "app/command_visit.h"
#include "core/err.h"
#include "core/text.h"

enum { FAMILY_MAX = 16 };

static void help(const struct vg_family *f, FILE *out)
{
    fprintf(out, "usage: vigil %s WHAT [OPTIONS] [ARGUMENTS]\n\n%s\n", f->name, f->summary);
    for (size_t i = 0; i < f->members; i++)
        fprintf(out, "  %-12s %s\n", f->member[i].name, f->member[i].summary);
    fprintf(out, "\n`vigil %s WHAT --help` tells more.\n", f->name);
}

static int unknown(const struct vg_family *f, const char *word)
{
    const char *names[FAMILY_MAX];

    for (size_t i = 0; i < f->members; i++)
        names[i] = f->member[i].name;

    const char *near = vg_did_you_mean(word, names, f->members);
    fprintf(stderr, "vigil %s: nothing called \"%s\"%s%s%s\ntry: vigil %s --help\n", f->name, word,
            near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "", f->name);
    return vg_status_exit(VG_E_USAGE);
}

static void show(const struct vg_family *f, const struct vg_command_visitor *visitor)
{
    visitor->family(visitor->arg, f);
    for (size_t i = 0; i < f->members; i++) {
        char name[VG_NAME_SIZE];
        char *argv[] = { name, NULL };

        snprintf(name, sizeof(name), "%s", f->member[i].name);
        (void)f->member[i].run(1, argv);
    }
}

int vg_family_run(const struct vg_family *f, int argc, char **argv)
{
    VG_CHECK(f->members <= FAMILY_MAX);
    if (vg_command_visitor()) {
        show(f, vg_command_visitor());
        return 0;
    }
    if (argc < 2) {
        help(f, stderr);
        return vg_status_exit(VG_E_USAGE);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        help(f, stdout);
        return 0;
    }
    for (size_t i = 0; i < f->members; i++)
        if (strcmp(f->member[i].name, argv[1]) == 0)
            return f->member[i].run(argc - 1, argv + 1);
    return unknown(f, argv[1]);
}
