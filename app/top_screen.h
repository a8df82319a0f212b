/* top_screen.h - the lines that `vigil top` shows: the same for a terminal and for --once.
 *
 * Lines are plain ASCII, so that a byte is a column everywhere; who draws them cuts them off at the right.
 */
#ifndef VG_APP_TOP_SCREEN_H
#define VG_APP_TOP_SCREEN_H

#include <jansson.h>

#include "core/buf.h"

enum vg_top_tone {
    VG_TOP_PLAIN,
    VG_TOP_TITLE, /**< names of columns */
    VG_TOP_STRONG,
    VG_TOP_BAD, /**< something is wrong */
    VG_TOP_OLD, /**< of before the pipeline went away */
};

enum vg_top_sort { VG_TOP_CHAIN, VG_TOP_BUSY, VG_TOP_ROWS, VG_TOP_MEMORY, VG_TOP_SORTS };
const char *vg_top_sort_name(int sort);

/** What is looked at, and how. */
struct vg_top_view {
    json_t *state;    /**< ../docs/http.md; NULL: never heard of */
    json_t *beds;     /**< answer of /api/v1/beds, or NULL */
    const char *gone; /**< why nothing comes; "" while it does */
    int64_t age_s;    /**< of the state */
    int sort;         /**< enum vg_top_sort: of the stages */
    bool minute;      /**< figures of the last minute, not of ten seconds */
    bool show_beds;   /**< in place of partitions */
    bool paused;
    int height; /**< lines that there are; the lowest table is cut to fit */
    int skip;   /**< its first rows that are not shown */
};

/** Calls put for each line, from above, at most view->height times. */
void vg_top_lines(const struct vg_top_view *view,
                  void (*put)(void *arg, enum vg_top_tone tone, const char *line), void *arg);

#endif
