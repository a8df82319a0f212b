/* train_stays.h - `vigil train risk` for recorded stays: app/risk_train.h behind the command line. */
#ifndef VG_APP_TRAIN_STAYS_H
#define VG_APP_TRAIN_STAYS_H

#include "app/train_verb.h"

/** o->data is "stays=FILE,outcomes=FILE". Returns the exit code; `command` is who speaks. */
int vg_train_stays(const struct vg_command *command, const struct vg_train_options *o);

#endif
