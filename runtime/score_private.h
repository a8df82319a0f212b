/* score_private.h - the files that read scores, among themselves: score_file.c reads what a file says
 * of a score and its parameters, score_tables.c the tables of points, score_cover.c looks for gaps. */
#ifndef VG_RUNTIME_SCORE_PRIVATE_H
#define VG_RUNTIME_SCORE_PRIVATE_H

#include "runtime/document_options.h"
#include "runtime/score_file.h"

struct vg_score_reader {
    struct vg_document *doc;
    struct vg_score_chart *score;
    const struct vg_node *node[VG_SCORE_PARAMETERS_MAX]; /**< of the parameters */
};

/** Reads `states` of parameter `p`: what `points` says of each. Before any table is read. */
void vg_score_read_states(struct vg_score_reader *r, uint32_t p);
/** Reads the tables of parameter `p`, and checks them. All parameters have their channels and
 *  states. */
void vg_score_read_tables(struct vg_score_reader *r, uint32_t p);
/** Whether for every patient a table of parameter `p` holds, and every table for some. */
void vg_score_check_tables(struct vg_score_reader *r, uint32_t p);

#endif
