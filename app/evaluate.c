/* evaluate.c - vigil evaluate: measures models against what happened. */
#include "app/evaluate.h"
#include "app/family.h"
#include "app/verbs.h"

static const struct vg_family_member members[] = {
#define MEMBER(name, summary) { #name, vg_evaluate_##name, summary },
    VG_EVALUATIONS(MEMBER)
#undef MEMBER
};

static const struct vg_family family = {
    .name = "evaluate",
    .summary = "Measures models against what happened, and beside every number the simple methods\n"
               "that a model has to beat. Vigil is not a medical device.\n",
    .member = members,
    .members = VG_ARRAY_LEN(members),
};

int vg_verb_evaluate(int argc, char **argv)
{
    return vg_family_run(&family, argc, argv);
}
