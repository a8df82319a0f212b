/* csv.h - reading CSV (RFC 4180) with a header line, plain or gzip, strictly.
 *
 * Every row must have as many cells as the header. A cell may stand in double quotes ("" is a
 * quote), but no line break in it: recordings have none, and an unclosed quote is then found on
 * its own line. Errors name file, line and column. One thread.
 */
#ifndef VG_APP_CSV_H
#define VG_APP_CSV_H

#include <zlib.h>

#include "core/err.h"

enum { VG_CSV_COLUMNS_MAX = 1024, VG_CSV_LINE_MAX = 1024 * 1024 };

struct vg_csv {
    char *path;
    gzFile file;   /* reads plain files as well */
    uint64_t line; /**< of the current row, from 1 */
    char **header; /**< [columns] */
    uint32_t columns;
    char **cell; /**< [columns] of the current row, NUL-terminated, valid until the next call */
    char *text;  /* bytes read and not yet consumed */
    size_t start, end, cap;
    bool eof;
};

/** Opens `path` and reads the header. VG_E_IO when it cannot be read, VG_E_DECODE when it is no
 *  CSV. The caller calls vg_csv_close() in every case. */
VG_NODISCARD vg_status vg_csv_open(struct vg_csv *csv, const char *path, struct vg_err *err);

/** Reads the next row that is not empty; *ret_row is false at the end. */
VG_NODISCARD vg_status vg_csv_next(struct vg_csv *csv, bool *ret_row, struct vg_err *err);

/** Index of the column of that name. VG_E_DECODE with the columns there are, and a near miss. */
VG_NODISCARD vg_status vg_csv_column(const struct vg_csv *csv, const char *name, uint32_t *ret,
                                     struct vg_err *err);

void vg_csv_close(struct vg_csv *csv);

#endif
