/* train.c - vigil train: from a recipe and data to a model file. */
#include "app/train.h"

#include "app/family.h"
#include "app/verbs.h"

static const struct vg_family_member members[] = {
#define MEMBER(name, summary) { #name, vg_train_##name, summary },
    VG_TRAININGS(MEMBER)
#undef MEMBER
};

static const struct vg_family family = {
    .name = "train",
    .summary =
        "Makes a model file from a recipe (configs/train) and data. The same recipe, data and\n"
        "seed give the same bytes. Vigil is not a medical device: a model has to be shown to\n"
        "be good where it is to be used.\n",
    .member = members,
    .members = VG_ARRAY_LEN(members),
};

int vg_verb_train(int argc, char **argv)
{
    return vg_family_run(&family, argc, argv);
}
