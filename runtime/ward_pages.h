/* ward_pages.h - the ward over HTTP: tiles, history, and a stream of what changes.
 *
 * Documented in ../docs/http.md. All of it runs in the server's thread.
 */
#ifndef VG_RUNTIME_WARD_PAGES_H
#define VG_RUNTIME_WARD_PAGES_H

#include "runtime/http.h"
#include "runtime/ward_feed.h"

/** Without a chain passed for so long, a page says that nothing is watched; told at most a second later. */
#define VG_WARD_STALLED_NS (3500 * VG_NS_PER_MS)

/** What pages need; everything but `feed` and `reader` is set, and lives as long as the server. */
struct vg_ward_pages {
    const struct vg_observed *what;
    struct vg_ward_feed *feed;        /**< NULL: service.http.beds is 0, and there is no ward */
    struct vg_outbox_reader **reader; /**< of the outbox; *reader is NULL while there is none */
};

void vg_ward_page_beds(struct vg_ward_pages *p, struct vg_http_answer *ret);
void vg_ward_page_history(struct vg_ward_pages *p, const struct vg_http_request *request,
                          struct vg_http_answer *ret);
void vg_ward_page_stream(struct vg_ward_pages *p, struct vg_http_answer *ret);

/** Appends the ward's members of the session, with a comma before each; nothing without a ward. */
void vg_ward_page_session(const struct vg_ward_pages *p, struct vg_buf *out);

#endif
