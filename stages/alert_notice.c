/* alert_notice.c - trouble on the way out of this instance: sinks, subscribers, the disk.
 *
 * It is in no log, so it comes as a recorded command (core/notice.h), which says all that is the case
 * and in what words. Told in the shard's own slot, without a patient.
 */
#include <string.h>

#include "stages/alert_tell.h"
#include "stages/alert_watch.h"

static vg_status plan_notice(struct vg_watch *w, struct vg_plan *plan, struct vg_err *err)
{
    (void)w;
    (void)plan;
    (void)err;
    return VG_OK;
}

static struct vg_finding look_at_notice(struct vg_look *l, const struct vg_watch *w)
{
    (void)w;
    if (!l->noticed)
        return (struct vg_finding){ .says = VG_SAYS_NOTHING };
    if (l->noticed->subjects == 0)
        return (struct vg_finding){ .says = VG_SAYS_CLEAR };
    return (struct vg_finding){ .says = VG_SAYS_TRUE, .measure = (float)l->noticed->subjects };
}

static void describe_notice(struct vg_look *l, const struct vg_watch *w, const struct vg_episode *e,
                            struct vg_event *event, struct vg_buf *text)
{
    (void)e;
    if (event->phase == VG_PHASE_END)
        vg_buf_str(text, "No longer the case");
    else if (l->noticed && l->noticed->text[0])
        vg_buf_printf(text, "%.*s", VG_NOTICED_SIZE - 1, l->noticed->text);
    else /* by time: the words came with the command */
        vg_buf_str(text, vg_condition_title(w->rule->condition));
}

const struct vg_watch_kind vg_watch_notice = {
    .by_timer = true,
    .plan = plan_notice,
    .look = look_at_notice,
    .describe = describe_notice,
};

void vg_notice_obey(struct vg_look *l, const struct vg_noticed *noticed)
{
    l->noticed = noticed;
    for (uint32_t i = 0; i < l->alert->watches; i++) {
        const struct vg_watch *w = &l->alert->watch[i];
        bool told = vg_episode_open(vg_watch_episode(l, w));

        if (w->kind != &vg_watch_notice ||
            strcmp(vg_condition_name(w->rule->condition), noticed->alert) != 0)
            continue;
        vg_watch_row(l, w);
        if (told && noticed->subjects > 0)
            vg_watch_tell_update(l, w, NULL, noticed->text);
    }
    l->noticed = NULL;
}
