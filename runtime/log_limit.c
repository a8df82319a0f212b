/* log_limit.c - a table of those who spoke within a minute. */
#include "runtime/log_limit.h"

#include <stdio.h>
#include <string.h>

static bool is_over(const struct vg_log_place *p, int64_t now_ns)
{
    return now_ns - p->began_ns >= VG_LOG_MINUTE_NS;
}

/* One call has one __FILE__, whose address is the same each time. */
static bool is_of(const struct vg_log_place *p, const struct vg_log_site *site,
                  const char *component)
{
    return p->site.file == site->file && p->site.line == site->line &&
           strcmp(p->component, component) == 0;
}

/* The place of a line, or one for it. */
static struct vg_log_place *place_of(struct vg_log_limit *l, const struct vg_log_site *site,
                                     const char *component, int64_t now_ns)
{
    struct vg_log_place *shared = &l->place[VG_LOG_PLACES - 1], *free = NULL;

    for (struct vg_log_place *p = l->place; p < shared; p++) {
        if (is_of(p, site, component))
            return p;
        if (!free && (!p->site.file || (is_over(p, now_ns) && p->hidden == 0)))
            free = p;
    }
    if (!free)
        return shared;
    *free = (struct vg_log_place){ .site = *site, .began_ns = now_ns };
    snprintf(free->component, sizeof(free->component), "%s", component);
    return free;
}

bool vg_log_limit_take(struct vg_log_limit *l, const struct vg_log_site *site,
                       const char *component, enum vg_log_level level, int64_t now_ns)
{
    struct vg_log_place *p = place_of(l, site, component, now_ns);

    if (!p->site.file || is_over(p, now_ns)) {
        /* Only the shared place has no name yet. */
        if (!p->site.file)
            snprintf(p->component, sizeof(p->component), "others");
        p->site = *site;
        p->began_ns = now_ns;
        p->said = 0;
    }
    p->level = level;
    if (p->said < VG_LOG_BURST) {
        p->said++;
        return true;
    }
    p->hidden++;
    return false;
}

bool vg_log_limit_over(struct vg_log_limit *l, int64_t now_ns, struct vg_log_place *ret)
{
    for (uint32_t i = 0; i < VG_LOG_PLACES; i++) {
        struct vg_log_place *p = &l->place[i];

        if (p->hidden == 0 || !is_over(p, now_ns))
            continue;
        *ret = *p;
        *p = (struct vg_log_place){ .site = { .file = NULL } };
        return true;
    }
    return false;
}
