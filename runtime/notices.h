/* notices.h - what this instance has to tell by itself, until ingest puts it into a log.
 *
 * Sinks and the committer say what is the case with whom; ingest asks what there is to tell and tells
 * it as a command (core/notice.h) in the shard that it chooses. However many notices make the same alert,
 * it is one. Any thread.
 */
#ifndef VG_RUNTIME_NOTICES_H
#define VG_RUNTIME_NOTICES_H

#include <pthread.h>

#include "core/notice.h"

/** The last places are for what is urgent: many late subscribers leave them free. */
enum { VG_NOTICE_SUBJECTS_MAX = 256, VG_NOTICE_SUBJECTS_KEPT = 64 };

struct vg_notice_entry {
    enum vg_notice notice;
    char subject[VG_NOTICE_SUBJECT_SIZE];
    char text[VG_NOTICE_TEXT_SIZE];
};

/** Zeroed but for the lock; vg_notices_init() makes that. */
struct vg_notices {
    pthread_mutex_t lock;
    struct vg_notice_entry entry[VG_NOTICE_SUBJECTS_MAX]; /**< by notice, then subject */
    uint32_t entries;
    bool more[VG_NOTICE_ALERT_COUNT]; /**< there was no room for some, until all of it is over */
};

void vg_notices_init(struct vg_notices *n);
void vg_notices_done(struct vg_notices *n);

/** Says it of a subject, or (text NULL) no longer; returns whether that changed anything. */
bool vg_notices_set(struct vg_notices *n, enum vg_notice notice, const char *subject,
                    const char *text);
/** All that is to be told now with one alert. */
void vg_notices_get(struct vg_notices *n, enum vg_notice_alert alert, struct vg_noticed *ret);

#endif
