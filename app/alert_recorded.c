/* alert_recorded.c - recorded patients through a chain, for their alerts. */
#include <stdlib.h>
#include <string.h>

#include "app/alert_study.h"
#include "app/recording_play.h"
#include "runtime/offline.h"

struct playing {
    const struct vg_config *config;
    struct vg_recording *recording;
    struct vg_offline *chain;
    struct vg_alert_population *population;
    struct vg_alert_collector *collector; /* [patients] */
};

static void on_event(void *ctx, uint32_t patient, const struct vg_item_event *event,
                     const char *json, size_t len)
{
    const struct playing *p = ctx;

    (void)patient; /* in order of appearance; the recording has an order of its own */
    for (uint32_t i = 0; i < p->recording->patients_n; i++) {
        if (strcmp(p->recording->patients[i], event->patient) == 0)
            vg_alert_collect(&p->collector[i], p->config, event, json, len);
    }
}

static void on_command(void *ctx, const struct vg_item_command *command)
{
    const struct playing *p = ctx;

    if (command->answer != VG_ANSWER_OK)
        vg_charted_refuse(&p->recording->charted, command->ticket - 1,
                          vg_answer_message((enum vg_answer)command->answer));
}

static void extend(struct vg_alert_patient *patient, int64_t at_ns)
{
    if (patient->until_ns == 0)
        patient->from_ns = at_ns;
    patient->until_ns = at_ns;
}

static vg_status play_record(void *ctx, const struct vg_recorded *row,
                             const struct vg_record *record, struct vg_err *err)
{
    struct playing *p = ctx;

    extend(&p->population->normal[row->patient], row->record_ns);
    return vg_offline_record(p->chain, record, err);
}

static vg_status play_order(void *ctx, const struct vg_item_command *command,
                            const struct vg_order *order, struct vg_err *err)
{
    struct playing *p = ctx;

    (void)err;
    vg_offline_command(p->chain, 0, command, order);
    return VG_OK;
}

static vg_status play(struct playing *p, struct vg_err *err)
{
    const struct vg_offline_sink sink = { .ctx = p, .event = on_event, .command = on_command };
    const struct vg_recording_player player = { p, play_record, play_order };
    vg_status st = vg_offline_new(p->config, &sink, &p->chain, err);

    if (st == VG_OK)
        st = vg_recording_play(p->recording, &player, err);
    if (st == VG_OK)
        vg_offline_finish(p->chain, VG_TIME_NONE);
    vg_offline_free(p->chain);
    return st;
}

/* The log goes on when a patient's rows are over, and what silence tells then is nobody's. */
static void cut(struct vg_alert_list *list, int64_t until_ns)
{
    size_t kept = 0;

    for (size_t i = 0; i < list->n; i++) {
        struct vg_alert_seen *seen = &list->seen[i];

        if (seen->start_ns > until_ns)
            continue;
        if (seen->end_ns > until_ns)
            seen->end_ns = until_ns;
        list->seen[kept++] = *seen;
    }
    list->n = kept;
    vg_alert_list_end(list, until_ns);
}

vg_status vg_alert_recorded_run(const struct vg_config *config, struct vg_recording *recording,
                                struct vg_alert_population *ret, struct vg_err *err)
{
    uint32_t patients = recording->patients_n;
    struct playing p = { .config = config, .recording = recording, .population = ret };
    vg_status st;

    *ret = (struct vg_alert_population){ .config = config, .normals = patients };
    ret->normal = calloc(patients + 1, sizeof(*ret->normal));
    p.collector = calloc(patients + 1, sizeof(*p.collector));
    VG_CHECK(ret->normal && p.collector);
    st = play(&p, err);
    for (uint32_t i = 0; i < patients; i++) {
        ret->normal[i].shown = p.collector[i].list;
        cut(&ret->normal[i].shown, ret->normal[i].until_ns);
        vg_alert_collect_done(&p.collector[i]);
    }
    free(p.collector);
    ret->charted = recording->charted;
    recording->charted = (struct vg_charted){ 0 };
    return st;
}
