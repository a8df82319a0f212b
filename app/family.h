/* family.h - verbs that are families: `vigil evaluate forecast`, `vigil train risk`.
 *
 * A family is a table of members; the first word after the verb chooses one. What follows is the
 * member's own: it parses with a struct vg_command whose name is "evaluate forecast".
 */
#ifndef VG_APP_FAMILY_H
#define VG_APP_FAMILY_H

#include "core/base.h"

struct vg_family_member {
    const char *name;
    /** argv[0] is the member's name; returns the exit code. */
    int (*run)(int argc, char **argv);
    const char *summary; /**< one sentence without a full stop */
};

struct vg_family {
    const char *name;    /**< the verb: "evaluate" */
    const char *summary; /**< printed first by --help; ends with a newline */
    const struct vg_family_member *member;
    size_t members;
};

/** Calls the member that argv[1] names. Without one, or with --help, prints what there is. Returns
 *  the exit code: 2 for a word that is no member, with a suggestion. */
int vg_family_run(const struct vg_family *family, int argc, char **argv);

#endif
