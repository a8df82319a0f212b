/* zeromq_command.h - the commands of ALERT/1: parsed, checked, and who may give them. */
#ifndef VG_SINKS_ZEROMQ_COMMAND_H
#define VG_SINKS_ZEROMQ_COMMAND_H

#include <jansson.h>

#include "core/order.h"

/**
 * Reads the object `command` of a request into *ret and `patient` ("" where it is about an episode).
 * VG_E_RANGE with a sentence that names the member at fault, and in err->option the code of ALERT/1
 * ("malformed", "unknown_episode"). Unknown members are refused: a command that is misunderstood must
 * not be half obeyed.
 */
VG_NODISCARD vg_status vg_command_parse_json(json_t *command, struct vg_order *ret,
                                             char patient[VG_PATIENT_SIZE], struct vg_err *err);

enum { VG_COMMAND_KEY_SIZE = 65 };

/**
 * The secret that commands must carry: 64 hexadecimal digits in `<data_dir>/command.key`, which is
 * made when it is not there and which only this user may read. VG_E_IO when it cannot be made or
 * read, or others may read it.
 */
VG_NODISCARD vg_status vg_command_key_open(const char *data_dir, char key[VG_COMMAND_KEY_SIZE],
                                           struct vg_err *err);
/** Whether `said` is the key, in a time that does not tell how much of it is. */
VG_NODISCARD bool vg_command_key_is(const char key[VG_COMMAND_KEY_SIZE], const char *said);

#endif
