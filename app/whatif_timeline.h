/* whatif_timeline.h - the alerts of two configurations drawn over time, a lane for each bed. */
#ifndef VG_APP_WHATIF_TIMELINE_H
#define VG_APP_WHATIF_TIMELINE_H

#include "app/report_html.h"
#include "app/whatif.h"

/** Adds a section with the drawing: of each bed A above and B below, what is only in one of them
 *  thick and what is in both thin. The beds that differ most, if there are too many. */
void vg_whatif_timeline(struct vg_report *r, const struct vg_whatif *w);

#endif
