/* command_visit.h - all commands, one after another, for those who write about them: completion, man
 * pages.
 *
 * A verb describes itself in its own file. To visit it is to call it while a visitor is set: then
 * vg_command_parse() hands over the description that it was called with and lets the verb end, as after
 * --help, and a family hands over its members.
 */
#ifndef VG_APP_COMMAND_VISIT_H
#define VG_APP_COMMAND_VISIT_H

#include "app/command.h"
#include "app/family.h"

/** What is visited lives during the call. */
struct vg_command_visitor {
    void (*command)(void *arg, const struct vg_command *command); /**< NULL: not asked for */
    void (*family)(void *arg, const struct vg_family *family);    /**< before its members */
    void *arg;
};

/** Visits all verbs that --help lists, in its order. */
void vg_commands_visit(const struct vg_command_visitor *visitor);

/** The visitor who is here now, or NULL. For vg_command_parse() and vg_family_run(). */
const struct vg_command_visitor *vg_command_visitor(void);

#endif
