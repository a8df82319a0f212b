/* overlay_study.c - patients, their events, and the rows around these. */
#include "app/overlay_study.h"

#include <stdlib.h>
#include <string.h>

#include "app/recording.h"
#include "app/sim_study.h"

static void append_all(struct vg_overlay_outcomes *to, struct vg_overlay_outcomes *from)
{
    if (from->n > 0) {
        to->one = reallocarray(to->one, to->n + from->n, sizeof(*to->one));
        VG_CHECK(to->one);
        memcpy(to->one + to->n, from->one, from->n * sizeof(*from->one));
        to->n += from->n;
    }
    free(from->one);
    *from = (struct vg_overlay_outcomes){ 0 };
}

/* Random numbers of their own for each event of a patient: whatever else is told of him moves none. */
static struct vg_random random_of(uint64_t seed, const struct vg_overlay_outcome *what,
                                  uint32_t event)
{
    return vg_random_stream(seed, (uint64_t)what->population << 56 | (uint64_t)what->patient << 24 |
                                      event);
}

/* ---- simulated ---- */

struct bed {
    struct vg_alert_collector alerts;
    int64_t label_from_ns, label_until_ns;
    struct vg_overlay_outcomes found;
};

struct simulation {
    const struct vg_overlay_study *study;
    const struct vg_overlay *overlay;
    struct vg_sim_study sim;
    uint32_t group;
    struct bed *bed; /* [per_group] */
};

static void on_begin(void *ctx, uint32_t bed, const struct vg_offline *chain,
                     const struct vg_sim_label *label, size_t labels)
{
    struct simulation *s = ctx;

    (void)chain;
    for (size_t i = 0; i < labels; i++) {
        s->bed[bed].label_from_ns = label[i].start_ns; /* without artefacts it is the only one */
        s->bed[bed].label_until_ns = label[i].end_ns;
    }
}

static void on_event(void *ctx, uint32_t bed, const struct vg_item_event *event, const char *json,
                     size_t len)
{
    struct simulation *s = ctx;

    vg_alert_collect(&s->bed[bed].alerts, s->sim.config, event, json, len);
}

static bool is_first(const struct vg_alert_list *list, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (list->seen[k].rule == list->seen[i].rule &&
            list->seen[k].channel == list->seen[i].channel)
            return false;
    }
    return true;
}

/* The bed's rows around an event; *ret_n of them, freed by the caller. */
static struct vg_sim_row *take_around(struct vg_sim_bed *bed, const struct vg_overlay_event *event,
                                      size_t *ret_n)
{
    const int64_t from_ns = event->start_ns - VG_OVERLAY_BEFORE_NS;
    const int64_t until_ns = event->until_ns + VG_OVERLAY_AFTER_NS;
    size_t room = (size_t)((until_ns - from_ns) / VG_NS_PER_S) + 2;
    struct vg_sim_row *row = calloc(room, sizeof(*row));

    VG_CHECK(row);
    *ret_n = 0;
    do {
        vg_sim_bed_next(bed, &row[*ret_n]);
        if (row[*ret_n].record_ns >= from_ns)
            ++*ret_n;
    } while (*ret_n == 0 || row[*ret_n - 1].record_ns < until_ns);
    return row;
}

/* The patient lives his day once more: keeping it would be much memory. */
static vg_status lay_simulated(struct simulation *s, const struct vg_overlay_outcome *what,
                               uint32_t event, struct vg_err *err)
{
    struct vg_random random = random_of(s->study->seed, what, event);
    struct vg_sim_bed *bed = vg_sim_bed_new(&s->sim.sim, what->patient);
    struct vg_overlay_rows rows;
    struct vg_sim_row *row = take_around(bed, &what->event, &rows.n);
    vg_status st;

    rows.row = row;
    st = vg_overlay_lay(s->overlay, &rows, what, &random, &s->bed[what->patient].found, err);
    free(row);
    vg_sim_bed_free(bed);
    return st;
}

static vg_status on_end(void *ctx, uint32_t bed, struct vg_err *err)
{
    struct simulation *s = ctx;
    struct bed *b = &s->bed[bed];
    const struct vg_alert_list *list = &b->alerts.list;
    struct vg_overlay_outcome what = { .population = s->group, .patient = bed };
    uint32_t events = 0;
    vg_status st = VG_OK;

    vg_alert_list_end(&b->alerts.list, b->label_until_ns);
    for (size_t i = 0; i < list->n && st == VG_OK; i++) {
        const struct vg_alert_seen *alert = &list->seen[i];

        if (alert->start_ns >= b->label_from_ns && alert->start_ns < b->label_until_ns &&
            is_first(list, i) && vg_overlay_is_event(s->sim.config, alert, &what.event))
            st = lay_simulated(s, &what, events++, err);
    }
    return st;
}

static bool on_progress(void *ctx, double done)
{
    const struct simulation *s = ctx;
    const struct vg_overlay_study *study = s->study;

    return !study->progress || study->progress(study->ctx, (s->group + done) / VG_SIM_GROUPS);
}

static vg_status simulate_group(const struct vg_overlay_study *study,
                                const struct vg_overlay *overlay, uint32_t group,
                                struct vg_overlay_outcomes *ret, struct vg_err *err)
{
    struct simulation s = {
        .study = study,
        .overlay = overlay,
        .group = group,
        .sim = { .config = &overlay->ungated,
                 .sim = { .ward = study->ward },
                 .workers = study->workers,
                 .ctx = &s,
                 .begin = on_begin,
                 .event = on_event,
                 .end = on_end,
                 .progress = on_progress },
    };
    vg_status st;

    s.bed = calloc(study->per_group, sizeof(*s.bed));
    VG_CHECK(s.bed);
    vg_sim_study_population(&s.sim, 1 + group, study->per_group, study->seed);
    st = vg_sim_study_run(&s.sim, err);
    for (uint32_t i = 0; i < study->per_group; i++) {
        append_all(ret, &s.bed[i].found);
        free(s.bed[i].alerts.list.seen);
        vg_alert_collect_done(&s.bed[i].alerts);
    }
    free(s.bed);
    return st;
}

static vg_status simulate(const struct vg_overlay_study *study, const struct vg_overlay *overlay,
                          struct vg_overlay_outcomes *ret, struct vg_err *err)
{
    vg_status st = VG_OK;

    for (uint32_t g = 0; g < VG_SIM_GROUPS && st == VG_OK; g++)
        st = simulate_group(study, overlay, g, ret, err);
    return st;
}

/* ---- recorded ---- */

struct recorded {
    struct vg_sim_row *row; /* [n] */
    size_t n, room;
    char bed[VG_BED_SIZE]; /* where he was first */
};

static void take_row(struct recorded *to, const char *patient, int64_t record_ns,
                     const struct vg_decoded *decoded)
{
    struct vg_sim_row *row;

    if (to->n == to->room) {
        to->room = to->room > 0 ? 2 * to->room : 4096;
        to->row = reallocarray(to->row, to->room, sizeof(*to->row));
        VG_CHECK(to->row);
    }
    if (to->n == 0)
        memcpy(to->bed, decoded->bed, sizeof(to->bed));
    row = &to->row[to->n++];
    *row = (struct vg_sim_row){
        .patient = patient,
        .label = to->bed,
        .record_ns = record_ns,
        .device_ns = decoded->time == VG_DECODED_TIME_OK ? decoded->time_ns : record_ns,
    };
    memcpy(row->value, decoded->value, sizeof(row->value));
    memcpy(row->quality, decoded->quality, sizeof(row->quality));
}

static void take_rows(const struct vg_source_config *source, const struct vg_recording *rec,
                      struct recorded *to)
{
    for (size_t i = 0; i < rec->rows_n; i++) {
        const struct vg_recorded *from = &rec->rows[i];
        const char *patient = rec->patients[from->patient];
        const struct vg_message message = { .value = (const uint8_t *)vg_recorded_json(rec, from),
                                            .len = from->len,
                                            .key = (const uint8_t *)patient,
                                            .key_len = strlen(patient) };
        const struct vg_decoded *decoded;
        struct vg_fault fault;
        size_t n;

        if (source->decoder->decode(source->decoder_self, &message, &decoded, &n, &fault) != VG_OK)
            continue;
        for (size_t k = 0; k < n; k++) {
            if (decoded[k].usable)
                take_row(&to[from->patient], patient, from->record_ns, &decoded[k]);
        }
    }
}

/* What of the patient's rows an event needs. */
static struct vg_overlay_rows around(const struct recorded *of,
                                     const struct vg_overlay_event *event)
{
    size_t from = 0, until = of->n;

    while (of->row[from].record_ns < event->start_ns - VG_OVERLAY_BEFORE_NS)
        from++;
    while (until > from + 1 && of->row[until - 1].record_ns > event->until_ns + VG_OVERLAY_AFTER_NS)
        until--;
    return (struct vg_overlay_rows){ .row = of->row + from, .n = until - from };
}

static vg_status lay_recorded(const struct vg_overlay_study *study,
                              const struct vg_overlay *overlay, const struct recorded *of,
                              uint32_t patient, struct vg_overlay_outcomes *ret, struct vg_err *err)
{
    const struct vg_overlay_rows all = { .row = of->row, .n = of->n };
    struct vg_overlay_outcome what = { .patient = patient };
    struct vg_alert_list list = { 0 };
    uint32_t events = 0;
    vg_status st = VG_OK;

    if (of->n > 0)
        st = vg_overlay_watch(&overlay->ungated, &all, NULL, &list, err);
    for (size_t i = 0; i < list.n && st == VG_OK; i++) {
        if (vg_overlay_is_event(overlay->gated, &list.seen[i], &what.event)) {
            struct vg_random random = random_of(study->seed, &what, events++);
            struct vg_overlay_rows rows = around(of, &what.event);

            st = vg_overlay_lay(overlay, &rows, &what, &random, ret, err);
        }
    }
    free(list.seen);
    return st;
}

static vg_status lay_recording(const struct vg_overlay_study *study,
                               const struct vg_overlay *overlay, const struct vg_recording *rec,
                               struct vg_overlay_outcomes *ret, struct vg_err *err)
{
    const struct vg_source_config *source = &study->config->source;
    struct recorded *patient = calloc(rec->patients_n + 1, sizeof(*patient));
    vg_status st = source->decoder->open ? source->decoder->open(source->decoder_self, err) : VG_OK;

    VG_CHECK(patient);
    if (st == VG_OK)
        take_rows(source, rec, patient);
    if (st == VG_OK && source->decoder->close)
        source->decoder->close(source->decoder_self);
    for (uint32_t i = 0; i < rec->patients_n && st == VG_OK; i++) {
        st = lay_recorded(study, overlay, &patient[i], i, ret, err);
        if (st == VG_OK && study->progress &&
            !study->progress(study->ctx, (i + 1.0) / rec->patients_n))
            st = vg_fail(err, VG_E_TEMPORARY, "interrupted");
    }
    for (uint32_t i = 0; i < rec->patients_n; i++)
        free(patient[i].row);
    free(patient);
    return st;
}

static vg_status play(const struct vg_overlay_study *study, const struct vg_overlay *overlay,
                      struct vg_overlay_outcomes *ret, struct vg_err *err)
{
    const struct vg_strings everybody = { 0 };
    struct vg_recording rec = { 0 };
    vg_status st =
        vg_recording_read(&rec, study->csv, study->map, &everybody, VG_SIM_STUDY_START_NS, err);

    if (st == VG_OK)
        st = lay_recording(study, overlay, &rec, ret, err);
    vg_recording_done(&rec);
    return st;
}

vg_status vg_overlay_study_run(const struct vg_overlay_study *study,
                               struct vg_overlay_outcomes *ret, struct vg_err *err)
{
    struct vg_overlay overlay;
    vg_status st = vg_overlay_init(&overlay, study->config, err);

    *ret = (struct vg_overlay_outcomes){ 0 };
    if (st == VG_OK)
        st = study->csv ? play(study, &overlay, ret, err) : simulate(study, &overlay, ret, err);
    vg_overlay_done(&overlay);
    return st;
}
