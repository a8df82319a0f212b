/* dataset_build.c - rows through clean and resample, and the ticks that come out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/dataset_private.h"
#include "core/text.h"

enum {
    STAGES_MAX = 8,
    /* A patient's ticks that are not there: so many are filled in as missing, behind more another
     * entry begins. */
    GAP_TICKS_MAX = 2880,
};

static const int64_t lateness_max_ns = 2 * VG_NS_PER_S; /* resample's default */

/* ---- ticks into a data set ---- */

/* Ticks up to the last one with a value: resample goes on for a while when a patient has left. */
static uint32_t ticks_worth(const struct vg_collect_patient *p, uint32_t channels)
{
    size_t cells = (size_t)p->ticks * channels;

    while (cells > 0 && !vg_usable(p->quality[cells - 1]))
        cells--;
    return (uint32_t)((cells + channels - 1) / channels);
}

/* What was gathered of a patient becomes an entry. */
static void close_entry(struct vg_collect *c, struct vg_collect_patient *p)
{
    const uint32_t ticks = ticks_worth(p, c->data->channels);
    const size_t cells = (size_t)ticks * c->data->channels;
    struct vg_dataset_patient *entry;

    if (ticks > 0) {
        entry = vg_dataset_add(c->data, p->id, p->first_ns, ticks);
        memcpy(entry->value, p->value, cells * sizeof(float));
        memcpy(entry->quality, p->quality, cells);
        memcpy(entry->age_s, p->age_s, cells * sizeof(float));
    }
    p->ticks = 0;
}

static void more_room(struct vg_collect *c, struct vg_collect_patient *p)
{
    const size_t channels = c->data->channels;

    if (p->ticks < p->room)
        return;
    p->room = p->room ? 2 * p->room : 256;
    p->value = reallocarray(p->value, p->room * channels, sizeof(float));
    p->quality = reallocarray(p->quality, p->room, channels);
    p->age_s = reallocarray(p->age_s, p->room * channels, sizeof(float));
    VG_CHECK(p->value != NULL && p->quality != NULL && p->age_s != NULL);
}

/* A tick that nobody sent: everything is missing and a tick older. */
static void fill_gap(struct vg_collect *c, struct vg_collect_patient *p)
{
    const size_t channels = c->data->channels, at = p->ticks * channels;
    const float tick_s = (float)((double)c->data->tick_ns / (double)VG_NS_PER_S);

    more_room(c, p);
    for (size_t i = at; i < at + channels; i++) {
        p->value[i] = 0.0f;
        p->quality[i] = VG_Q_MISSING;
        p->age_s[i] = p->age_s[i - channels] < 0.0f ? -1.0f : p->age_s[i - channels] + tick_s;
    }
    p->ticks++;
}

static void reach(struct vg_collect *c, struct vg_collect_patient *p, int64_t at_ns)
{
    int64_t next = p->first_ns + p->ticks * c->data->tick_ns;

    if (p->ticks > 0 && at_ns - next > GAP_TICKS_MAX * c->data->tick_ns)
        close_entry(c, p);
    if (p->ticks == 0) {
        p->first_ns = at_ns;
        return;
    }
    for (; next < at_ns; next += c->data->tick_ns)
        fill_gap(c, p);
}

static struct vg_collect_patient *patient_of(struct vg_collect *c, uint32_t number,
                                             const struct vg_patient *who)
{
    if (number >= c->room) {
        uint32_t room = 64;

        while (room <= number)
            room *= 2;
        c->patient = reallocarray(c->patient, room, sizeof(*c->patient));
        VG_CHECK(c->patient != NULL);
        memset(c->patient + c->room, 0, (room - c->room) * sizeof(*c->patient));
        c->room = room;
    }
    if (number >= c->patients)
        c->patients = number + 1;
    memcpy(c->patient[number].id, who->id, sizeof(who->id));
    return &c->patient[number];
}

static void take_row(void *ctx, uint32_t number, const struct vg_row *row)
{
    struct vg_collect *c = ctx;
    struct vg_collect_patient *p;
    const float *age;
    size_t at;

    if (row->kind != VG_ROW_TICK)
        return;
    p = patient_of(c, number, row->patient);
    reach(c, p, row->event_ns);
    more_room(c, p);
    at = (size_t)p->ticks * c->data->channels;
    age = vg_row_column(row, c->age);
    for (uint32_t i = 0; i < c->data->channels; i++) {
        int channel = c->data->channel[i];

        p->value[at + i] = vg_usable_by_models(row->quality[channel]) ? row->value[channel] : 0.0f;
        p->quality[at + i] = row->quality[channel];
        p->age_s[at + i] = age[channel];
    }
    p->ticks++;
}

/* ---- the chain ---- */

static vg_status make_chain(const struct vg_dataset_spec *spec, int64_t lateness_ns,
                            struct vg_config **ret, struct vg_err *err)
{
    const char *stages[STAGES_MAX + 2] = { "clean" };
    char resample[160], tick[VG_DURATION_TEXT_SIZE], gap[VG_DURATION_TEXT_SIZE],
        late[VG_DURATION_TEXT_SIZE];
    size_t n = spec->stages.n;
    struct vg_err why;
    vg_status st;

    if (n > STAGES_MAX)
        return vg_fail(err, VG_E_CONFIG, "stages: at most %d", STAGES_MAX);
    for (size_t i = 0; i < n; i++)
        stages[i] = spec->stages.value[i];
    vg_format_duration(spec->tick_ns, tick);
    vg_format_duration(spec->max_gap_ns, gap);
    vg_format_duration(lateness_ns, late);
    snprintf(resample, sizeof(resample), "resample tick=%s max_gap=%s lateness=%s", tick, gap,
             late);
    stages[n ? n : 1] = resample;
    st = vg_offline_chain(stages, NULL, 0, ret, &why);
    return st == VG_OK ? VG_OK : vg_fail(err, st, "stages: %.400s", why.msg);
}

vg_status vg_collect_begin(struct vg_collect *c, const struct vg_dataset_spec *spec,
                           struct vg_dataset *data, struct vg_err *err)
{
    const struct vg_offline_sink sink = { .ctx = c, .row = take_row };
    vg_status st;

    *c = (struct vg_collect){ .data = data, .lateness_ns = lateness_max_ns };
    if (spec->tick_ns < c->lateness_ns)
        c->lateness_ns = spec->tick_ns;
    st = make_chain(spec, c->lateness_ns, &c->config, err);
    if (st == VG_OK)
        st = vg_offline_new(c->config, &sink, &c->offline, err);
    if (st == VG_OK)
        c->age = vg_offline_column(c->offline, "age");
    return st;
}

void vg_collect_end(struct vg_collect *c, int64_t end_ns)
{
    vg_offline_finish(c->offline, end_ns + c->lateness_ns + 1);
    for (uint32_t i = 0; i < c->patients; i++)
        close_entry(c, &c->patient[i]);
}

void vg_collect_done(struct vg_collect *c)
{
    for (uint32_t i = 0; i < c->room; i++) {
        free(c->patient[i].value);
        free(c->patient[i].quality);
        free(c->patient[i].age_s);
    }
    free(c->patient);
    vg_offline_free(c->offline);
    vg_config_free(c->config);
    *c = (struct vg_collect){ 0 };
}

/* ---- what to build ---- */

static const char *const usual_channels[] = { "hr",      "rr",       "spo2", "abp_sys",
                                              "abp_dia", "abp_mean", "temp", "etco2" };

static vg_status find_channels(const struct vg_dataset_spec *spec, int *channel, uint32_t *ret_n,
                               struct vg_err *err)
{
    const bool given = spec->channels.n > 0;
    const size_t n = given ? spec->channels.n : VG_ARRAY_LEN(usual_channels);

    if (n > VG_CHANNELS)
        return vg_fail_option(err, VG_E_CONFIG, "channels", "channels: at most %d", VG_CHANNELS);
    for (size_t i = 0; i < n; i++) {
        const char *name = given ? spec->channels.value[i] : usual_channels[i];

        channel[i] = vg_channel_find(name);
        if (channel[i] == VG_CHANNEL_NONE || channel[i] >= VG_MEASURED)
            return vg_fail_option(
                err, VG_E_CONFIG, "channels",
                "channels: \"%.40s\" is none that is measured; `vigil list` shows them", name);
        for (size_t k = 0; k < i; k++) {
            if (channel[k] == channel[i])
                return vg_fail_option(err, VG_E_CONFIG, "channels", "channels: %s twice", name);
        }
    }
    *ret_n = (uint32_t)n;
    return VG_OK;
}

static int by_patient(const void *a, const void *b)
{
    const struct vg_dataset_patient *x = a, *y = b;
    int order = strcmp(x->id, y->id);

    if (order != 0)
        return order;
    return (x->first_ns > y->first_ns) - (x->first_ns < y->first_ns);
}

vg_status vg_dataset_grid(const struct vg_dataset_spec *spec, struct vg_dataset **ret,
                          struct vg_err *err)
{
    int channel[VG_CHANNELS];
    uint32_t channels = 0;
    vg_status st = find_channels(spec, channel, &channels, err);

    *ret = st == VG_OK ? vg_dataset_new(channel, channels, spec->tick_ns) : NULL;
    return st;
}

vg_status vg_dataset_build(const struct vg_dataset_spec *spec, uint32_t workers,
                           vg_dataset_progress_fn *progress, void *ctx, struct vg_dataset **ret,
                           struct vg_err *err)
{
    struct vg_dataset *d;
    vg_status st = vg_dataset_grid(spec, &d, err);

    *ret = NULL;
    if (st != VG_OK)
        return st;
    switch ((enum vg_dataset_source)spec->source) {
    case VG_DATA_SIMULATOR:
        st = vg_dataset_simulate(spec, workers, progress, ctx, d, err);
        break;
    case VG_DATA_CSV:
        st = vg_dataset_read_csv(spec, progress, ctx, d, err);
        break;
    case VG_DATA_KAFKA:
        st = vg_dataset_read_kafka(spec, progress, ctx, d, err);
        break;
    case VG_DATA_NONE:
        st = vg_fail(err, VG_E_USAGE, "no data: expected a simulator, csv files or a kafka topic");
        break;
    }
    if (st == VG_OK && d->patients == 0)
        st = vg_fail(err, VG_E_FAILED, "the data have no patient with a value of these channels");
    if (st != VG_OK) {
        vg_dataset_free(d);
        return st;
    }
    /* In which order the partitions of a topic were read is chance. */
    qsort(d->patient, d->patients, sizeof(*d->patient), by_patient);
    *ret = d;
    return VG_OK;
}
