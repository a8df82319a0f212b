/* verbs.c - the table of verbs. */
#include "app/verbs.h"

#include <stddef.h>

const struct vg_verb vg_verbs[] = {
#define VERB_ROW(function, name, summary) { name, vg_verb_##function, summary },
    VG_VERBS(VERB_ROW)
#undef VERB_ROW
        { NULL, NULL, NULL },
};
