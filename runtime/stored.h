/* stored.h - whether a command that was read from a file can be one that Vigil wrote.
 *
 * Stages take what a command says as it is. So what comes from a disk, which may be damaged or hostile, is
 * looked at once, before it is injected.
 */
#ifndef VG_RUNTIME_STORED_H
#define VG_RUNTIME_STORED_H

#include "core/frame.h"

/** Whether kind, size, texts and numbers of a command with `len` bytes of payload are in their bounds. */
bool vg_stored_command_valid(const struct vg_item_command *command, const void *payload,
                             size_t len);

#endif
