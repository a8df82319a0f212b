/* log_limit.h - how often a place of the code may speak.
 *
 * A place is a line of the source and the component it speaks of, so that one sink's trouble hides no
 * other's. Each may say VG_LOG_BURST lines a minute; what goes beyond is counted. A minute begins with
 * a place's first line in it. Memory is bounded: places that said nothing for a minute are forgotten,
 * and those for which there is no room share the last one. Not thread safe.
 */
#ifndef VG_RUNTIME_LOG_LIMIT_H
#define VG_RUNTIME_LOG_LIMIT_H

#include "runtime/log.h"

enum { VG_LOG_BURST = 100, VG_LOG_PLACES = 128 };
#define VG_LOG_MINUTE_NS (60 * VG_NS_PER_S)

struct vg_log_place {
    struct vg_log_site site; /**< file: NULL where the place is free */
    char component[VG_NAME_SIZE];
    enum vg_log_level level; /**< of its newest line */
    int64_t began_ns;        /**< its minute */
    uint32_t said;
    uint64_t hidden;
};

/** {0} has forgotten everything. */
struct vg_log_limit {
    struct vg_log_place place[VG_LOG_PLACES];
};

/** Whether a line may be written; counts it either way. */
bool vg_log_limit_take(struct vg_log_limit *l, const struct vg_log_site *site,
                       const char *component, enum vg_log_level level, int64_t now_ns);

/** A place whose minute is over and hid something; it begins anew. False: there is none. */
bool vg_log_limit_over(struct vg_log_limit *l, int64_t now_ns, struct vg_log_place *ret);

#endif
