/* detector_fit.c - from models and unremarkable patients to a calibrated detector. */
#include "app/detector_fit.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/anomaly.h"
#include "app/sim_study.h"
#include "models/kernel.h"
#include "models/load.h"
#include "models/save.h"

/* A residual beyond this is taken for an artefact's and kept out of the covariance. */
static const float plain = 4.0f;
/* Of half hours, how many begin a run above a tail's threshold. */
static const double tail_share = 0.1;
static const float ridge = 0.05f, drift = 1.0f, cap = 600.0f;
static const int64_t hold_ns = 120 * VG_NS_PER_S;

/* What the detect stage gave the detector, of one bed. */
struct record {
    float *x; /* [T, inputs] */
    uint32_t ticks, cap;
    int64_t first_ns;
};

struct fit {
    const struct vg_detector_recipe *r;
    char *draft;           /* the file while its thresholds are not known */
    struct vg_model about; /* channels, scales and tick, of the members */
    struct vg_calibration cal;
    uint32_t inputs;
    struct record *record; /* [patients] */
};

/* ---- the chain ---- */

/* What the model called `name` has to be, or NULL where it is. */
static const char *misplaced(const struct vg_model *m, const char *name)
{
    if (strcmp(name, vg_score_names[VG_SCORE_WINDOW]) == 0)
        return m->window > 0 ? NULL : "an autoencoder or a pca";
    if (strcmp(name, "detector") == 0)
        return strcmp(m->ops->name, name) == 0 ? NULL : "a file of `vigil train detector`";
    return m->horizons > 0 ? NULL : "a forecaster, such as type lstm or ridge";
}

static vg_status open_model(const char *path, const char *name, struct vg_model **ret,
                            struct vg_err *err)
{
    vg_status st = vg_model_open(path, ret, err);
    const char *expected = st == VG_OK ? misplaced(*ret, name) : NULL;

    if (expected) {
        st = vg_fail(err, VG_E_MODEL, "--%s %s: is of type %s; expected %s", name, path,
                     (*ret)->ops->name, expected);
        (*ret)->ops->free(*ret);
    } else if (st == VG_OK) {
        snprintf((*ret)->name, sizeof((*ret)->name), "%s", name);
    }
    return st;
}

static vg_status open_models(const char *const path[VG_SCORES], const char *detector,
                             struct vg_model *models[VG_SCORES + 1], uint32_t *n,
                             struct vg_err *err)
{
    vg_status st = VG_OK;

    *n = 0;
    for (uint32_t i = 0; i < VG_SCORES && st == VG_OK; i++) {
        if (path[i])
            st = open_model(path[i], vg_score_names[i], &models[*n], err);
        *n += path[i] && st == VG_OK;
    }
    if (st == VG_OK)
        st = open_model(detector, "detector", &models[*n], err);
    *n += st == VG_OK;
    for (uint32_t i = 0; i < *n && st != VG_OK; i++)
        models[i]->ops->free(models[i]);
    return st;
}

vg_status vg_detector_chain(const struct vg_strings *before, const char *const path[VG_SCORES],
                            const char *detector, bool inputs, struct vg_config **ret,
                            struct vg_err *err)
{
    const char **stages = calloc(before->n + 4, sizeof(*stages));
    struct vg_model *models[VG_SCORES + 1];
    uint32_t n;
    size_t k = before->n;
    vg_status st = open_models(path, detector, models, &n, err);

    VG_CHECK(stages != NULL);
    for (size_t i = 0; i < before->n; i++)
        stages[i] = before->value[i];
    stages[k++] = "normalize";
    if (path[VG_SCORE_FAST])
        stages[k++] = "forecast model=fast";
    stages[k] = inputs ? "detect model=detector inputs=true" : "detect model=detector";
    if (st == VG_OK)
        st = vg_offline_chain(stages, models, n, ret, err);
    free(stages);
    return st;
}

/* ---- parts of the calibration that are known beforehand ---- */

/* Half of the step in which monitors show the channel: two rounded values differ by as much. */
static float least_sd(int channel, float scale)
{
    return (channel == VG_CHANNEL_temp ? 0.05f : 0.5f) / scale;
}

static vg_status take_member(struct fit *f, enum vg_score which, struct vg_err *err)
{
    const char *path = f->r->path[which];
    struct vg_model *m;
    vg_status st;

    if (!path)
        return VG_OK;
    st = vg_model_open(path, &m, err);
    if (st != VG_OK)
        return st;
    memcpy(f->cal.member[which], m->sha256, sizeof(m->sha256));
    if (f->about.channels == 0) {
        f->about.channels = m->channels;
        f->about.tick_ns = m->tick_ns;
        memcpy(f->about.channel, m->channel, sizeof(m->channel));
        memcpy(f->about.mean, m->mean, sizeof(m->mean));
        memcpy(f->about.scale, m->scale, sizeof(m->scale));
        memcpy(f->about.training_data_sha256, m->training_data_sha256,
               sizeof(m->training_data_sha256));
    }
    if (m->channels == 0)
        st = vg_fail(err, VG_E_MODEL, "%s: type %s has no vital signs; expected a %s", path,
                     m->ops->name, which == VG_SCORE_WINDOW ? "window model" : "forecaster");
    m->ops->free(m);
    return st;
}

static vg_status take_members(struct fit *f, struct vg_err *err)
{
    vg_status st = VG_OK;

    for (uint32_t i = 0; i < VG_SCORES && st == VG_OK; i++)
        st = take_member(f, (enum vg_score)i, err);
    if (st == VG_OK && f->about.channels == 0)
        st = vg_fail(err, VG_E_USAGE, "a detector needs at least one model to watch");
    return st;
}

static void begin_calibration(struct fit *f)
{
    const uint32_t channels = f->about.channels;

    f->inputs = vg_detector_inputs(channels);
    f->cal.drift = drift;
    f->cal.cap = cap;
    f->cal.hold = (uint32_t)(hold_ns / f->about.tick_ns);
    f->cal.hold = f->cal.hold < 1 ? 1 : f->cal.hold;
    f->cal.hold = f->cal.hold > VG_DETECTOR_HOLD_MAX ? VG_DETECTOR_HOLD_MAX : f->cal.hold;
    f->cal.threshold = VG_SURPRISE_MAX;
    for (uint32_t c = 0; c < channels; c++) {
        f->cal.covariance[c * channels + c] = 1;
        f->cal.sigma_min[c] = least_sd(f->about.channel[c], f->about.scale[c]);
    }
    for (uint32_t i = 0; i < VG_SCORES; i++)
        f->cal.tail[i] = (struct vg_tail){ .threshold = 1, .scale = 1, .share = 0.1f };
}

static vg_status save(const struct fit *f, struct vg_err *err)
{
    enum { STEPS = 64 };
    float *question = calloc((size_t)STEPS * f->inputs, sizeof(float));
    struct vg_save parts = { .kind = "detector",
                             .about = &f->about,
                             .calibration = &f->cal,
                             .selftest = question,
                             .selftest_steps = STEPS };
    vg_status st;

    VG_CHECK(question != NULL);
    vg_detector_question(f->about.channels, STEPS, question);
    st = vg_model_save(f->draft, &parts, err);
    free(question);
    return st;
}

/* ---- recording ---- */

static void on_tick(void *ctx, uint32_t bed, const struct vg_offline *chain,
                    const struct vg_row *row)
{
    const struct fit *f = ctx;
    struct record *record = &f->record[bed];
    int inputs = vg_offline_column(chain, "detector_inputs");

    if (record->ticks == record->cap) {
        record->cap = record->cap ? 2 * record->cap : 1024;
        record->x = realloc(record->x, record->cap * sizeof(float) * f->inputs);
        VG_CHECK(record->x != NULL);
    }
    if (record->ticks == 0)
        record->first_ns = row->event_ns;
    memcpy(record->x + (size_t)record->ticks++ * f->inputs, vg_row_column(row, inputs),
           f->inputs * sizeof(float));
}

static bool on_progress(void *ctx, double done)
{
    const struct fit *f = ctx;

    return !f->r->progress || f->r->progress(f->r->ctx, done);
}

static vg_status record(struct fit *f, struct vg_err *err)
{
    const struct vg_detector_recipe *r = f->r;
    struct vg_config *config = NULL;
    vg_status st = vg_detector_chain(&r->stages, r->path, f->draft, true, &config, err);
    struct vg_sim_study study = {
        .config = config,
        .sim = { .beds = (uint32_t)r->patients,
                 .ward = "icu-a",
                 .seed = (uint64_t)r->seed,
                 .start_ns = VG_SIM_STUDY_START_NS,
                 .artefact_rate = (double)r->artefact_rate },
        .duration_ns = r->duration_ns,
        .workers = r->workers,
        .ctx = f,
        .tick = on_tick,
        .progress = on_progress,
    };

    if (st == VG_OK)
        st = vg_sim_study_run(&study, err);
    vg_config_free(config);
    return st;
}

/* ---- covariance ---- */

static bool is_plain(const float *x, uint32_t channels)
{
    for (uint32_t c = 0; c < channels; c++) {
        if (x[channels + c] == 0.0f || fabsf(x[c]) > plain)
            return false;
    }
    return true;
}

static void fit_covariance(struct fit *f)
{
    const uint32_t channels = f->about.channels;
    double sum[VG_CHANNELS] = { 0 }, products[VG_CHANNELS][VG_CHANNELS] = { { 0 } }, n = 0;

    for (int64_t p = 0; p < f->r->patients; p++) {
        for (uint32_t t = 0; t < f->record[p].ticks; t++) {
            const float *x = f->record[p].x + (size_t)t * f->inputs;

            if (!is_plain(x, channels))
                continue;
            n++;
            for (uint32_t i = 0; i < channels; i++) {
                sum[i] += (double)x[i];
                for (uint32_t j = 0; j < channels; j++)
                    products[i][j] += (double)x[i] * (double)x[j];
            }
        }
    }
    for (uint32_t i = 0; i < channels && n > 0; i++) {
        for (uint32_t j = 0; j < channels; j++) {
            double covariance = products[i][j] / n - sum[i] / n * (sum[j] / n);

            f->cal.covariance[i * channels + j] = (float)covariance + (i == j ? ridge : 0.0f);
        }
    }
}

/* ---- devices ---- */

/* What may go wrong alone. The heart rate is nobody's: it would take from the score what only an
 * electrode sees, and what electrodes do alone is known to the artefact gate. */
static const uint32_t devices[] = {
    1U << VG_CHANNEL_spo2,
    1U << VG_CHANNEL_temp,
    1U << VG_CHANNEL_etco2,
    1U << VG_CHANNEL_abp_sys | 1U << VG_CHANNEL_abp_dia | 1U << VG_CHANNEL_abp_mean,
};

static void set_devices(struct fit *f)
{
    for (size_t k = 0; k < VG_ARRAY_LEN(devices); k++) {
        uint32_t mine = 0;

        for (uint32_t c = 0; c < f->about.channels; c++)
            mine |= (devices[k] >> f->about.channel[c] & 1U) << c;
        if (mine != 0)
            f->cal.device[f->cal.devices++] = mine;
    }
}

/* ---- scores ---- */

/* What output `place` of the detector is for every patient and tick; freed by free_scores(). */
static struct vg_scores *score(const struct fit *f, const struct vg_model *m, uint32_t place)
{
    struct vg_scores *s = calloc((size_t)f->r->patients, sizeof(*s));
    float *y = vg_kernel_alloc(m->outputs * sizeof(float));
    void *memory = vg_kernel_alloc(m->memory_size);

    VG_CHECK(s != NULL);
    for (int64_t p = 0; p < f->r->patients; p++) {
        const struct record *record = &f->record[p];

        s[p] = (struct vg_scores){ .ticks = record->ticks, .first_ns = record->first_ns };
        s[p].score = calloc(record->ticks + 1, sizeof(float));
        VG_CHECK(s[p].score != NULL);
        memset(memory, 0, m->memory_size);
        for (uint32_t t = 0; t < record->ticks; t++) {
            m->ops->step(m, 1, record->x + (size_t)t * f->inputs, &memory, y, NULL);
            s[p].score[t] = y[place];
        }
    }
    free(memory);
    free(y);
    return s;
}

static void free_scores(const struct fit *f, struct vg_scores *s)
{
    for (int64_t p = 0; p < f->r->patients; p++)
        free(s[p].score);
    free(s);
}

static double halves_of(const struct fit *f)
{
    double ticks = 0;

    for (int64_t p = 0; p < f->r->patients; p++)
        ticks += f->record[p].ticks;
    return ticks * (double)f->about.tick_ns / (double)VG_TAIL_RUN_NS;
}

static vg_status fit_tail(struct fit *f, const struct vg_model *m, enum vg_score which,
                          struct vg_err *err)
{
    const uint32_t p = (uint32_t)f->r->patients;
    const double day_halves = 86400.0 * VG_NS_PER_S / VG_TAIL_RUN_NS;
    struct vg_scores *s = score(f, m, VG_DETECTOR_SCORE + which);
    float threshold = vg_alerts_threshold(s, p, f->about.tick_ns, tail_share * day_halves);
    double *peak = NULL;
    size_t peaks = 0;
    vg_status st = VG_OK;

    if (!(threshold > 0.0f))
        st = vg_fail(err, VG_E_FAILED,
                     "the score \"%s\" was 0 all the time: its model sees nothing in these "
                     "patients",
                     vg_score_names[which]);
    if (st == VG_OK) {
        vg_alert_peaks(s, p, f->about.tick_ns, threshold, &peak, &peaks);
        st = vg_tail_fit(&f->cal.tail[which], (double)threshold, peak, peaks, halves_of(f), err);
    }
    free(peak);
    free_scores(f, s);
    return st;
}

static vg_status fit_tails(struct fit *f, struct vg_err *err)
{
    struct vg_model *m = NULL;
    vg_status st = save(f, err);

    if (st == VG_OK)
        st = vg_model_open(f->draft, &m, err);
    for (uint32_t i = 0; i < VG_SCORES && st == VG_OK; i++) {
        if (f->cal.member[i][0] != '\0')
            st = fit_tail(f, m, (enum vg_score)i, err);
    }
    if (m)
        m->ops->free(m);
    return st;
}

static vg_status fit_threshold(struct fit *f, struct vg_detector_outcome *ret, struct vg_err *err)
{
    const uint32_t p = (uint32_t)f->r->patients;
    struct vg_model *m = NULL;
    struct vg_scores *s;
    vg_status st = save(f, err);

    if (st == VG_OK)
        st = vg_model_open(f->draft, &m, err);
    if (st != VG_OK)
        return st;
    s = score(f, m, 0);
    f->cal.threshold = vg_alerts_threshold(s, p, f->about.tick_ns, f->r->budget);
    ret->all_per_day = vg_alerts_per_day(s, p, f->about.tick_ns, f->cal.threshold);
    free_scores(f, s);
    for (uint32_t i = 0; i < VG_SCORES; i++) {
        s = score(f, m, 1 + i);
        ret->per_day[i] = vg_alerts_per_day(s, p, f->about.tick_ns, f->cal.threshold);
        free_scores(f, s);
    }
    m->ops->free(m);
    return save(f, err);
}

/* ---- all of it ---- */

/* A detector that could not be calibrated is none: what was at `out` stays. */
static vg_status publish(const struct fit *f, const char *out, struct vg_err *err)
{
    if (rename(f->draft, out) != 0)
        return vg_fail(err, VG_E_IO, "%s cannot be written: %s", out, strerror(errno));
    return VG_OK;
}

vg_status vg_detector_fit(const struct vg_detector_recipe *r, const char *out,
                          struct vg_detector_outcome *ret, struct vg_err *err)
{
    struct fit f = { .r = r };
    vg_status st;

    memset(ret, 0, sizeof(*ret));
    vg_kernel_thread_init();
    VG_CHECK(asprintf(&f.draft, "%s.draft", out) >= 0);
    f.record = calloc((size_t)r->patients, sizeof(*f.record));
    VG_CHECK(f.record != NULL);
    st = take_members(&f, err);
    if (st == VG_OK) {
        begin_calibration(&f);
        set_devices(&f);
        st = save(&f, err);
    }
    if (st == VG_OK)
        st = record(&f, err);
    if (st == VG_OK) {
        fit_covariance(&f);
        st = fit_tails(&f, err);
    }
    if (st == VG_OK)
        st = fit_threshold(&f, ret, err);
    if (st == VG_OK)
        st = publish(&f, out, err);
    else
        unlink(f.draft);
    ret->calibration = f.cal;
    ret->channels = f.about.channels;
    memcpy(ret->channel, f.about.channel, sizeof(ret->channel));
    ret->patient_days = halves_of(&f) / 48;
    for (int64_t p = 0; p < r->patients; p++)
        free(f.record[p].x);
    free(f.record);
    free(f.draft);
    return st;
}
