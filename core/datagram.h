/* datagram.h - sockets that take whole messages for another program of this machine, and the journal's
 * form of them.
 *
 * systemd.io/JOURNAL_NATIVE_PROTOCOL and sd_notify(3) are a few lines each; linking libsystemd for them
 * would bring a compression library and a dozen more along.
 */
#ifndef VG_CORE_DATAGRAM_H
#define VG_CORE_DATAGRAM_H

#include "core/buf.h"
#include "core/err.h"

/** Where systemd-journald takes entries. */
#define VG_JOURNAL_SOCKET "/run/systemd/journal/socket"

/** Whether an option can name a socket so: by its full path. VG_E_CONFIG. */
VG_NODISCARD vg_status vg_datagram_check(const char *path, const char *option, struct vg_err *err);

/** A socket connected to `path`, or to '@' and the name of one without a file. `flags`: SOCK_NONBLOCK
 *  or 0. -1 and errno: there is none. */
int vg_datagram_open(const char *path, int flags);

/** Appends a field of a journal entry; nothing for an empty value. `name`: [A-Z0-9_]+, not beginning
 *  with '_'. The value may hold any bytes but NUL: one with a newline ends no field. */
void vg_journal_field(struct vg_buf *out, const char *name, const char *value);

#endif
