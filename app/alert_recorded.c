/* alert_recorded.c - recorded patients through a chain, for their alerts. */
#include <stdlib.h>
#include <string.h>

#include "app/alert_study.h"
#include "app/recording.h"
#include "app/sim_study.h"

struct playing {
    const struct vg_config *config;
    const struct vg_recording *recording;
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

static void extend(struct vg_alert_patient *patient, int64_t at_ns)
{
    if (patient->until_ns == 0)
        patient->from_ns = at_ns;
    patient->until_ns = at_ns;
}

static vg_status play(struct playing *p, struct vg_err *err)
{
    const struct vg_offline_sink sink = { .ctx = p, .event = on_event };
    const struct vg_recording *rec = p->recording;
    struct vg_offline *chain = NULL;
    vg_status st = vg_offline_new(p->config, &sink, &chain, err);

    for (size_t i = 0; i < rec->rows_n && st == VG_OK; i++) {
        const struct vg_recorded *row = &rec->rows[i];
        const char *patient = rec->patients[row->patient];
        const struct vg_record record = {
            .offset = (int64_t)i,
            .time_ns = row->record_ns,
            .message = { .value = (const uint8_t *)vg_recorded_json(rec, row),
                         .len = row->len,
                         .key = (const uint8_t *)patient,
                         .key_len = strlen(patient) },
        };

        extend(&p->population->normal[row->patient], row->record_ns);
        st = vg_offline_record(chain, &record, err);
    }
    if (st == VG_OK)
        vg_offline_finish(chain, VG_TIME_NONE);
    vg_offline_free(chain);
    return st;
}

vg_status vg_alert_recorded_run(const struct vg_config *config, const char *csv,
                                const struct vg_replay_map *map, struct vg_alert_population *ret,
                                struct vg_err *err)
{
    const struct vg_strings everybody = { 0 };
    struct vg_recording rec = { 0 };
    struct playing p = { .config = config, .recording = &rec, .population = ret };
    vg_status st;

    *ret = (struct vg_alert_population){ .config = config };
    st = vg_recording_read(&rec, csv, map, &everybody, VG_SIM_STUDY_START_NS, err);
    if (st == VG_OK) {
        ret->normals = rec.patients_n;
        ret->normal = calloc(rec.patients_n + 1, sizeof(*ret->normal));
        p.collector = calloc(rec.patients_n + 1, sizeof(*p.collector));
        VG_CHECK(ret->normal && p.collector);
        st = play(&p, err);
    }
    for (uint32_t i = 0; p.collector && i < ret->normals; i++) {
        ret->normal[i].shown = p.collector[i].list;
        vg_alert_list_end(&ret->normal[i].shown, ret->normal[i].until_ns);
        vg_alert_collect_done(&p.collector[i]);
    }
    free(p.collector);
    vg_recording_done(&rec);
    return st;
}
