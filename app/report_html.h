/* report_html.h - an evaluation as one self-contained page: tables and curves, no network.
 *
 * Built top to bottom into a buffer, written at the end. All text is escaped here. The drawings are
 * inline SVG with a title for screen readers; the page follows the reader's light or dark setting
 * and prints well.
 */
#ifndef VG_APP_REPORT_HTML_H
#define VG_APP_REPORT_HTML_H

#include "core/buf.h"
#include "core/err.h"
#include "models/bootstrap.h"

struct vg_report {
    struct vg_buf page;
    uint32_t figures; /**< numbers the drawings, for their ids */
};

/** Appends text with what HTML would read as markup escaped. */
void vg_report_text(struct vg_buf *page, const char *text);

/** `title` "Forecasts on ..." and one paragraph under it. */
void vg_report_begin(struct vg_report *r, const char *title, const char *lead);
/** A heading, with a paragraph under it unless NULL. */
void vg_report_section(struct vg_report *r, const char *heading, const char *text);
void vg_report_paragraph(struct vg_report *r, const char *text);

/** Before the text of a cell: it keeps what was promised, or it does not. Shown by a sign and a
 *  colour. */
#define VG_REPORT_GOOD "\x02"
#define VG_REPORT_BAD  "\x03"

enum { VG_REPORT_CELL_SIZE = 64, VG_REPORT_COLUMNS_MAX = 24 };

/** A row in the making; { .n = 0 } is empty. The first cell is its heading. */
struct vg_report_row {
    size_t n;
    char cell[VG_REPORT_COLUMNS_MAX][VG_REPORT_CELL_SIZE];
};

/** One cell more; what is too long is cut. */
void vg_report_cell(struct vg_report_row *row, const char *fmt, ...) VG_PRINTF(2, 3);
/** The same with a number; "-" where it does not exist. */
void vg_report_cell_number(struct vg_report_row *row, int decimals, double value);
/** The same with ".93 [.91, .95]" behind `mark` (VG_REPORT_GOOD, VG_REPORT_BAD or ""). */
void vg_report_cell_interval(struct vg_report_row *row, const char *mark, int decimals,
                             const struct vg_interval *v);

/** Tables: begin, then rows of as many cells as columns, then end. */
void vg_report_table_begin(struct vg_report *r, const char *caption, const char *const *columns,
                           size_t n);
void vg_report_table_row(struct vg_report *r, const struct vg_report_row *row);
void vg_report_table_end(struct vg_report *r);

enum { VG_REPORT_SERIES_MAX = 8 };

struct vg_report_series {
    const char *name; /**< in the legend */
    const double *x;  /**< [n] */
    const double *y;  /**< [n]; NAN breaks the line */
    size_t n;
    bool points; /**< draw marks too */
    bool dashed; /**< a reference, drawn faint and dashed */
};

struct vg_report_plot {
    const char *title;                 /**< one sentence: what is to be seen */
    const char *x_label, *y_label;     /**< with units */
    double x_min, x_max, y_min, y_max; /**< equal: taken from the data */
    bool diagonal;                     /**< a thin line from corner to corner (ROC, calibration) */
    bool band;                         /**< shade y_low..y_high (the wanted range) */
    double y_low, y_high;
    const struct vg_report_series *series;
    size_t n; /**< at most VG_REPORT_SERIES_MAX */
};

/** Drawings between plots_begin and plots_end stand side by side where there is room. */
void vg_report_plots_begin(struct vg_report *r);
void vg_report_plot(struct vg_report *r, const struct vg_report_plot *plot);
void vg_report_plots_end(struct vg_report *r);

/** Horizontal bars, each with its interval, over a wanted band; dots where x_min is not 0. */
struct vg_report_bar {
    const char *name;
    double value;
    double low, high; /**< NAN: no interval */
};
struct vg_report_bars {
    const char *title, *x_label;
    double x_min, x_max;
    double wanted_low, wanted_high; /**< equal: no band */
    const struct vg_report_bar *bar;
    size_t n;
};
void vg_report_bars(struct vg_report *r, const struct vg_report_bars *bars);

/** Ends the page (with what Vigil is not: a medical device) and writes it; frees the buffer. */
VG_NODISCARD vg_status vg_report_write(struct vg_report *r, const char *path, struct vg_err *err);

#endif
