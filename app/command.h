/* command.h - the command line: one description per verb gives parsing, checks and --help.
 *
 * Options of a verb are rows of the same table that components use (core/option.h), so a duration
 * on the command line reads like one in the configuration. `until_end` there is `--until-end` here.
 * Data goes to standard output, talk to standard error.
 */
#ifndef VG_APP_COMMAND_H
#define VG_APP_COMMAND_H

#include "core/option.h"

struct vg_command {
    const char *name;
    const char *summary;   /**< one sentence without a full stop */
    const char *arguments; /**< as usage shows them: "CONFIG", "[COMPONENT]"; "" for none */
    int arguments_min, arguments_max;
    const struct vg_option *options; /**< ends with VG_OPT_END; `unit` names the value: "FILE" */
    const char *notes; /**< printed after the options: what a user asks next; NULL for none */
};

/* clang-format off */
/** A text option whose value --help calls `metavar`. */
#define VG_CLI_STRING(T, field, key, metavar, d, fl, h) \
    { .type = VG_OPT_STRING_, .name = (key), .unit = (metavar), .help = (h), .flags = (fl), \
      .offset = VG_FIELD_(T, field, char *), .def = (d) }
/** The same, and it may be given several times. */
#define VG_CLI_LIST(T, field, key, metavar, fl, h) \
    { .type = VG_OPT_LIST_, .name = (key), .unit = (metavar), .help = (h), .flags = (fl), \
      .offset = VG_FIELD_(T, field, struct vg_strings) }
/* clang-format on */

enum { VG_COMMAND_GO = -1 };

/**
 * Reads argv into the zeroed struct `self` that command->options describe; the rest goes to *args
 * (arguments_min..arguments_max of them, then NULL). Returns VG_COMMAND_GO, or the exit code when
 * the program shall stop here: 0 after --help, 2 after a message about wrong usage. The caller
 * calls vg_options_done(command->options, self) in every case.
 */
VG_NODISCARD int vg_command_parse(const struct vg_command *command, int argc, char **argv,
                                  void *self, char ***args);

/** The first of `names` ("dry-run"; NULL-terminated) that stands on the command line as an option; NULL:
 *  none. For options that go with others only, where a default would hide that one was given. */
const char *vg_command_given(int argc, char *const *argv, const char *const *names);

/** `until_end` as the command line spells it: "until-end". */
void vg_command_spell(const char *name, char out[VG_NAME_SIZE]);
/** What help calls the value of an option, "DURATION"; "" when it takes none. */
const char *vg_command_value(const struct vg_option *opt);
/** Appends what help says of an option: its sentence, what it accepts, its default. */
void vg_command_tell(const struct vg_option *opt, struct vg_buf *out);

/** Prints "vigil NAME: message" and how to get help; returns exit code 2. */
int vg_command_usage(const struct vg_command *command, const char *fmt, ...) VG_PRINTF(2, 3);

/** Prints "vigil NAME: err->msg"; returns the exit code of the status. */
int vg_command_failed(const struct vg_command *command, const struct vg_err *err);

/** Says on standard error that Vigil is not a medical device, and `why` that matters here: a clause
 *  that follows a colon. For verbs whose output somebody may decide by, once in a run. */
void vg_command_disclaim(const char *why);

/** Whether a file can be written at `path`, for verbs that work long before they write. Fails with
 *  VG_E_IO; makes and changes nothing. */
VG_NODISCARD vg_status vg_command_check_output(const char *path, struct vg_err *err);

#endif
