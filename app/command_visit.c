/* command_visit.c - all commands, one after another. */
#include "app/command_visit.h"

#include <stdio.h>
#include <string.h>

#include "app/verbs.h"

enum { SEEN_MAX = 128 };

struct seen {
    const char *name[SEEN_MAX];
    size_t n;
};

/* The caller's visitor, and what was shown to it: a verb that is a family and a command, too, is
 * called twice, and so is every other. */
struct visit {
    const struct vg_command_visitor *to;
    struct seen commands, families;
};

static const struct vg_command_visitor *here;

const struct vg_command_visitor *vg_command_visitor(void)
{
    return here;
}

static bool is_new(struct seen *seen, const char *name)
{
    for (size_t i = 0; i < seen->n; i++) {
        if (strcmp(seen->name[i], name) == 0)
            return false;
    }
    VG_CHECK(seen->n < SEEN_MAX);
    seen->name[seen->n++] = name;
    return true;
}

static void show_command(void *arg, const struct vg_command *command)
{
    struct visit *v = arg;

    if (is_new(&v->commands, command->name) && v->to->command)
        v->to->command(v->to->arg, command);
}

static void show_family(void *arg, const struct vg_family *family)
{
    struct visit *v = arg;

    if (is_new(&v->families, family->name) && v->to->family)
        v->to->family(v->to->arg, family);
}

void vg_commands_visit(const struct vg_command_visitor *visitor)
{
    struct visit visit = { .to = visitor };
    const struct vg_command_visitor mine = { show_command, show_family, &visit };

    here = &mine;
    for (const struct vg_verb *v = vg_verbs; v->name; v++) {
        char name[VG_NAME_SIZE], help[] = "help";
        char *argv[] = { name, NULL, NULL };

        if (!v->summary)
            continue;
        snprintf(name, sizeof(name), "%s", v->name);
        (void)v->run(1, argv);
        argv[1] = help; /* the family `vigil alerts` shows only behind a word */
        (void)v->run(2, argv);
    }
    here = NULL;
}
