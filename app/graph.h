/* graph.h - the parts of a pipeline as boxes and arrows, for `vigil graph`. */
#ifndef VG_APP_GRAPH_H
#define VG_APP_GRAPH_H

#include <jansson.h>

#include "runtime/config.h"

enum { VG_GRAPH_LINE = 96, VG_GRAPH_BOXES = 160 };

/** A box of two or three lines, and where its arrow comes from. */
struct vg_graph_box {
    char id[24]; /**< "source0", "stage2", "sink1": a kind, and a number from 0 */
    char title[VG_GRAPH_LINE], line[VG_GRAPH_LINE];
    char live[VG_GRAPH_LINE]; /**< how it does; "" unless the graph is live */
    char rate[32];            /**< what comes by its arrow, "237/s" */
    bool bad;                 /**< something is wrong with it */
    int from;                 /**< -1: nowhere */
    int row;                  /**< of the picture; boxes of a row stand side by side */
    bool side;                /**< a model: beside the stage that uses it, with a dotted line */
};

struct vg_graph {
    struct vg_graph_box box[VG_GRAPH_BOXES];
    int n;
    bool live;
};

/** Fills in what the state of the running pipeline (../docs/http.md) says of the last ten seconds. A part that
 *  the state does not know "does not run". */
void vg_graph_live(struct vg_graph *g, const struct vg_config *config, const json_t *state);

#endif
