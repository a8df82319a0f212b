/* audit_files.h - the files of an audit log, one after another. Among the files of the audit. */
#ifndef VG_RUNTIME_AUDIT_FILES_H
#define VG_RUNTIME_AUDIT_FILES_H

#include "runtime/audit.h"

enum { VG_AUDIT_FILE_SIZE = 32, VG_AUDIT_FILE_BYTES = 16 * 1024 * 1024 };

/** The open folder of a log. */
int vg_audit_folder(const struct vg_audit *a);

/** "000001.ndjson". */
void vg_audit_file_name(uint32_t number, char out[VG_AUDIT_FILE_SIZE]);
/** Whether the file of that number is there; `dir` is the open folder. */
bool vg_audit_file_exists(int dir, uint32_t number);
/** The number of the newest file; 0: there is none. */
uint32_t vg_audit_file_newest(int dir);

/** All that is in a file, appended to `out`. VG_E_IO; VG_E_DECODE for one that Vigil has not written. */
VG_NODISCARD vg_status vg_audit_file_read(int dir, uint32_t number, struct vg_buf *out,
                                          struct vg_err *err);

/** The next line of `text`, which is *at bytes in; its length without the newline. NULL at the end.
 *  *ret_whole: it has its newline. */
const char *vg_audit_file_line(const struct vg_buf *text, size_t *at, size_t *ret_len,
                               bool *ret_whole);

#endif
