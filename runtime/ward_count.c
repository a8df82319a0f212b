/* ward_count.c - how many patients there are, by ward and by whether data come of them. */
#include <string.h>

#include "runtime/ward_private.h"

static enum vg_ward_presence presence_of(const struct vg_ward_bed *b, int64_t wall_ns)
{
    if (b->standby)
        return VG_PRESENCE_STANDBY;
    return b->seen_ns != 0 && wall_ns - b->seen_ns < VG_WARD_STALE_S * VG_NS_PER_S
               ? VG_PRESENCE_LIVE
               : VG_PRESENCE_SILENT;
}

const char *vg_ward_presence_name(int presence)
{
    static const char *const names[] = { [VG_PRESENCE_LIVE] = "live",
                                         [VG_PRESENCE_SILENT] = "silent",
                                         [VG_PRESENCE_STANDBY] = "standby" };

    return names[presence];
}

void vg_ward_count(const struct vg_ward *w, int64_t wall_ns, uint32_t (*ret)[VG_PRESENCES])
{
    const struct vg_site *site = &w->config->site;

    memset(ret, 0, sizeof(*ret) * vg_site_ward_places(site));
    for (uint32_t i = 0; i < w->beds; i++) {
        const struct vg_ward_bed *b = w->bed[i];

        if (!b->gone)
            ret[vg_site_ward_place(site, b->who.ward)][presence_of(b, wall_ns)]++;
    }
}
