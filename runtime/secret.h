/* secret.h - secrets that lie in files: reading them, and leaving nothing of them behind.
 *
 * Any thread.
 */
#ifndef VG_RUNTIME_SECRET_H
#define VG_RUNTIME_SECRET_H

#include "core/buf.h"
#include "core/err.h"

enum { VG_SECRET_BYTES_MAX = 64 * 1024 };

/**
 * Appends the text of a file to `out`, without a newline at its end. The path is absolute, the file
 * a regular one that belongs to this user or root and that nobody else can read: VG_E_CONFIG with a
 * message that says what to do, and never what is in the file; VG_E_IO when it cannot be read.
 */
VG_NODISCARD vg_status vg_secret_file(const char *path, struct vg_buf *out, struct vg_err *err);

/**
 * The same for a credential of systemd: the file `name` in $CREDENTIALS_DIRECTORY. There the group's
 * bits are not looked at: they show who else an access list names, which is this service.
 */
VG_NODISCARD vg_status vg_secret_credential(const char *name, struct vg_buf *out,
                                            struct vg_err *err);

/** Overwrites a text and frees it; NULL is fine. */
void vg_secret_free(char *text);

/**
 * From here on this process leaves no core file, and no other process of the user can look into its
 * memory: there are keys in it, and vital signs. VIGIL_CORE_DUMPS=1 in the environment allows both.
 */
void vg_secret_guard_memory(void);

#endif
