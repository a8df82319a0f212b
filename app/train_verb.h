/* train_verb.h - the command line that all trainings share. */
#ifndef VG_APP_TRAIN_VERB_H
#define VG_APP_TRAIN_VERB_H

#include "app/command.h"
#include "app/train_model.h"

struct vg_train_options {
    char *config, *out, *data;
    int64_t seed, workers;
    bool resume, json;
    int progress;
    struct vg_strings set;
};

extern const struct vg_option vg_train_cli[];

struct vg_train_verb {
    struct vg_command command;
    const struct vg_option *recipe;
    vg_status (*train)(const struct vg_recipe *r, const struct vg_dataset *data,
                       const struct vg_train_how *how, const char *out,
                       struct vg_train_outcome *ret, struct vg_err *err);
};

/** Threads for `--workers N`: 0 is as many as there are processors. */
uint32_t vg_train_workers(int64_t workers);

/** Parses the command line into the zeroed *o; as vg_command_parse(). --help shows the recipe too. */
int vg_train_parse(const struct vg_train_verb *verb, int argc, char **argv,
                   struct vg_train_options *o);
/** The same with a command line that was parsed already. */
int vg_train_with(const struct vg_train_verb *verb, const struct vg_train_options *o);

#endif
