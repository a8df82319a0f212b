/* notice_log.c - which notices were told in which shard. */
#include "runtime/notice_log.h"

#include <string.h>

#include "core/base.h"

/* A sink that failed before a restart has this long to fail again, or to prove well, before that is
 * over: longer than `fails_after` is by default. */
static const int64_t keep_ns = 45 * VG_NS_PER_S;

void vg_notice_log_found(struct vg_notice_log *g, uint32_t shard, const struct vg_noticed *said,
                         int64_t now_ns)
{
    for (int i = 0; i < VG_NOTICE_ALERT_COUNT; i++) {
        if (strncmp(said->alert, vg_notice_alert_name((enum vg_notice_alert)i),
                    sizeof(said->alert)) == 0)
            g->told[i] = (struct vg_notice_told){ shard, now_ns + keep_ns, *said };
    }
}

void vg_notice_log_renew(struct vg_notice_log *g, uint32_t shard)
{
    for (int i = 0; i < VG_NOTICE_ALERT_COUNT; i++) {
        if (g->told[i].shard == shard)
            memset(g->told[i].said.text, 0, sizeof(g->told[i].said.text));
    }
}

void vg_notice_log_drop(struct vg_notice_log *g, uint32_t shard)
{
    for (int i = 0; i < VG_NOTICE_ALERT_COUNT; i++) {
        if (g->told[i].shard == shard)
            memset(&g->told[i], 0, sizeof(g->told[i]));
    }
}

static bool same(const struct vg_noticed *a, const struct vg_noticed *b)
{
    return a->subjects == b->subjects && strcmp(a->text, b->text) == 0;
}

static bool find_shard(const struct vg_notice_told *told, const bool *can, uint32_t shards,
                       uint32_t *ret)
{
    uint32_t i = 0;

    if (told->said.subjects > 0) {
        *ret = told->shard;
        return told->shard < shards && can[told->shard];
    }
    while (i < shards && !can[i])
        i++;
    *ret = i;
    return i < shards;
}

bool vg_notice_log_next(struct vg_notice_log *g, struct vg_notices *notices,
                        enum vg_notice_alert alert, const bool *can, uint32_t shards,
                        int64_t now_ns, uint32_t *ret_shard, struct vg_noticed *ret)
{
    struct vg_notice_told *told = &g->told[alert];

    vg_notices_get(notices, alert, ret);
    if (same(ret, &told->said) || (ret->subjects == 0 && told->said.subjects == 0))
        return false;
    if (ret->subjects == 0 && now_ns < told->keep_until_ns)
        return false;
    if (!find_shard(told, can, shards, ret_shard))
        return false;
    *told = (struct vg_notice_told){ .shard = *ret_shard, .said = *ret };
    return true;
}
