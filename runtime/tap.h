/* tap.h - rows as they pass a stage, for somebody who looks on: the stream of /api/v1/tap.
 *
 * The question is a POST, since who a patient is must not stand in a URL: {"stage":"detect"} and, each if
 * wanted, "patient", "bed", "channels" (rows with one of them), "kinds" (as vg_row_kind_name(); samples and
 * ticks), "columns" (runtime/tap_column.h), "every" (each n-th row). What comes is documented in
 * ../docs/http.md: events "row", and once a second "count".
 *
 * Bounded and lossy: at most VG_TAP_ROWS_PER_S rows a second are shown, the rest is lost where it would be
 * written and counted. The chain waits for nobody.
 */
#ifndef VG_RUNTIME_TAP_H
#define VG_RUNTIME_TAP_H

#include "runtime/http.h"
#include "runtime/observed.h"

enum {
    VG_TAP_ROWS_PER_S = 500,       /**< that are shown */
    VG_TAP_LOOKED_AT_PER_S = 40000 /**< for those that are to be shown */
};

/** Answers a request: a stream, or a refusal that says what was expected. `o` must outlive the server. */
void vg_tap_answer(const struct vg_observed *o, const struct vg_http_request *request,
                   struct vg_http_answer *ret);

#endif
