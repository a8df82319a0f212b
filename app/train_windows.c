/* train_windows.c - windows of ticks, and the threshold of a model of them. */
#include "app/train_windows.h"

#include <stdlib.h>
#include <string.h>

#include "models/kernel.h"
#include "models/load.h"
#include "models/save.h"

static const int64_t alert_for_ns = 60 * VG_NS_PER_S, merge_ns = 1800 * VG_NS_PER_S;
static const double alerts_per_day = 1.0;

/* ---- windows ---- */

/* Whether a scenario goes on in the window: a model of what is usual learns nothing from it. */
static bool in_trouble(const struct vg_windows *w, const struct vg_dataset_patient *p,
                       uint32_t tick)
{
    const int64_t end_ns = p->first_ns + tick * w->data->tick_ns;
    const int64_t begin_ns = end_ns - w->recipe->window * w->data->tick_ns;

    for (uint32_t i = 0; i < p->labels; i++) {
        if (p->label[i].group && p->label[i].start_ns < end_ns && begin_ns < p->label[i].end_ns)
            return true;
    }
    return false;
}

static void add_windows_of(struct vg_windows *w, uint32_t patient, size_t *n, size_t *room)
{
    const struct vg_view *v = &w->view[patient];

    for (uint32_t t = (uint32_t)w->recipe->window - 1; t < v->ticks;
         t += (uint32_t)w->recipe->every) {
        if (in_trouble(w, &w->data->patient[patient], t))
            continue;
        if (*n == *room) {
            *room = *room ? 2 * *room : 4096;
            w->at = reallocarray(w->at, *room, sizeof(*w->at));
            VG_CHECK(w->at != NULL);
        }
        w->at[(*n)++] = (struct vg_window_at){ v, t };
    }
}

static void add_windows(struct vg_windows *w, size_t *n, size_t *room, enum vg_part part)
{
    for (uint32_t i = 0; i < w->data->patients; i++) {
        if (w->data->patient[i].part == part)
            add_windows_of(w, i, n, room);
    }
}

void vg_windows_init(struct vg_windows *w, const struct vg_recipe *r, const struct vg_dataset *data)
{
    vg_kernel_thread_init();
    *w = (struct vg_windows){ .recipe = r,
                              .data = data,
                              .entries = (uint32_t)r->window * data->channels };
    w->view = calloc(data->patients + 1, sizeof(*w->view));
    w->scratch = vg_kernel_alloc((size_t)2 * w->entries * sizeof(float));
    VG_CHECK(w->view != NULL);
}

vg_status vg_windows_load(struct vg_windows *w, struct vg_err *err)
{
    const struct vg_dataset *data = w->data;
    size_t n = 0, room = 0;
    vg_status st = vg_dataset_scale(data, VG_PART_TRAIN, &w->scale, err);

    if (st != VG_OK)
        return st;
    vg_dataset_sha256(data, w->sha256);
    for (uint32_t i = 0; i < data->patients; i++) {
        if (data->patient[i].part != VG_PART_TEST)
            vg_view_init(&w->view[i], data, &data->patient[i], &w->scale, NULL, VG_NS_PER_S);
    }
    add_windows(w, &n, &room, VG_PART_TRAIN);
    w->train = n;
    add_windows(w, &n, &room, VG_PART_VALIDATION);
    w->validation = n - w->train;
    return w->train > 0
               ? VG_OK
               : vg_fail(err, VG_E_FAILED, "no patient to learn from is as long as a window");
}

void vg_windows_done(struct vg_windows *w)
{
    for (uint32_t i = 0; w->view && i < w->data->patients; i++)
        vg_view_done(&w->view[i]);
    free(w->view);
    free(w->at);
    free(w->scratch);
}

void vg_windows_about(const struct vg_windows *w, struct vg_model *about)
{
    *about = (struct vg_model){ .channels = w->data->channels,
                                .tick_ns = w->data->tick_ns,
                                .inputs = 2 * w->entries,
                                .outputs = w->entries,
                                .window = (uint32_t)w->recipe->window,
                                .threshold = 1.0f };
    memcpy(about->channel, w->data->channel, sizeof(about->channel));
    memcpy(about->mean, w->scale.mean, sizeof(about->mean));
    memcpy(about->scale, w->scale.scale, sizeof(about->scale));
    memcpy(about->training_data_sha256, w->sha256, sizeof(about->training_data_sha256));
}

/* ---- the threshold ---- */

/* Scores of one patient by tick, as stages/detect.c has them; 0 where the window says nothing. */
struct scores {
    float *score; /* [ticks] */
    uint32_t ticks;
};

static float score_of(const float *x, const float *y, uint32_t entries)
{
    float sum = 0;
    uint32_t usable = 0;

    for (uint32_t i = 0; i < entries; i++) {
        float error = y[i] - x[i];

        if (x[entries + i] == 0.0f)
            continue;
        sum += error * error;
        usable++;
    }
    return 2 * usable >= entries ? sum / (float)usable : 0.0f;
}

static void score_patient(const struct vg_model *m, const struct vg_view *v, struct scores *ret)
{
    float *x = vg_kernel_alloc(sizeof(float) * VG_BATCH_MAX * m->inputs);
    float *y = vg_kernel_alloc(sizeof(float) * VG_BATCH_MAX * m->outputs);
    void *scratch = vg_kernel_alloc(m->scratch_size);

    ret->ticks = v->ticks;
    ret->score = calloc(v->ticks + 1, sizeof(float));
    VG_CHECK(ret->score != NULL);
    for (uint32_t t = m->window - 1; t < v->ticks; t += VG_BATCH_MAX) {
        uint32_t n = v->ticks - t < VG_BATCH_MAX ? v->ticks - t : VG_BATCH_MAX;

        for (uint32_t i = 0; i < n; i++)
            vg_view_window(v, t + i, m->window, x + (size_t)i * m->inputs);
        m->ops->step(m, n, x, NULL, y, scratch);
        for (uint32_t i = 0; i < n; i++)
            ret->score[t + i] =
                score_of(x + (size_t)i * m->inputs, y + (size_t)i * m->outputs, m->outputs);
    }
    free(x);
    free(y);
    free(scratch);
}

/* Runs above the threshold that last long enough; those that follow soon are one. */
static uint32_t count_alerts(const struct scores *s, float threshold, uint32_t lasts,
                             uint32_t merges)
{
    uint32_t count = 0, run = 0, quiet_until = 0;

    for (uint32_t t = 0; t < s->ticks; t++) {
        run = s->score[t] > threshold ? run + 1 : 0;
        if (run < lasts)
            continue;
        count += t >= quiet_until;
        quiet_until = t + merges;
    }
    return count;
}

static bool is_undisturbed(const struct vg_dataset_patient *p)
{
    for (uint32_t i = 0; i < p->labels; i++) {
        if (p->label[i].group)
            return false;
    }
    return true;
}

static uint32_t score_part(const struct vg_windows *w, const struct vg_model *m, enum vg_part part,
                           struct scores *s)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < w->data->patients; i++) {
        const struct vg_dataset_patient *p = &w->data->patient[i];

        if (p->part == part && is_undisturbed(p) && w->view[i].ticks >= m->window)
            score_patient(m, &w->view[i], &s[n++]);
    }
    return n;
}

static double per_day(const struct vg_windows *w, const struct scores *s, uint32_t n,
                      float threshold)
{
    const int64_t tick_ns = w->data->tick_ns;
    uint32_t lasts = (uint32_t)((alert_for_ns + tick_ns - 1) / tick_ns);
    uint32_t merges = (uint32_t)(merge_ns / tick_ns);
    uint64_t count = 0, ticks = 0;

    for (uint32_t i = 0; i < n; i++) {
        count += count_alerts(&s[i], threshold, lasts, merges);
        ticks += s[i].ticks;
    }
    return (double)count / ((double)ticks * (double)tick_ns / (86400 * (double)VG_NS_PER_S));
}

static float choose(const struct vg_windows *w, const struct scores *s, uint32_t n)
{
    float low = 0, high = 0;

    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t t = 0; t < s[i].ticks; t++)
            high = s[i].score[t] > high ? s[i].score[t] : high;
    }
    for (int round = 0; round < 30; round++) {
        float middle = (low + high) * 0.5f;

        if (per_day(w, s, n, middle) <= alerts_per_day)
            high = middle;
        else
            low = middle;
    }
    return high;
}

/*
 * The lowest threshold with at most one false alert in a patient's day: scores of `m` for undisturbed
 * patients of the VALIDATION part (TRAIN if there are none) above it for a minute, those within half
 * an hour being one. *ret_per_day says how many there are. Fails with VG_E_FAILED when there is no
 * such patient.
 */
static vg_status find_threshold(const struct vg_windows *w, const struct vg_model *m,
                                float *ret_threshold, double *ret_per_day, struct vg_err *err)
{
    struct scores *s = calloc(w->data->patients + 1, sizeof(*s));
    uint32_t n;

    VG_CHECK(s != NULL);
    n = score_part(w, m, VG_PART_VALIDATION, s);
    if (n == 0)
        n = score_part(w, m, VG_PART_TRAIN, s);
    if (n > 0) {
        *ret_threshold = choose(w, s, n);
        *ret_per_day = per_day(w, s, n, *ret_threshold);
    }
    for (uint32_t i = 0; i < n; i++)
        free(s[i].score);
    free(s);
    return n > 0 ? VG_OK
                 : vg_fail(err, VG_E_FAILED,
                           "every patient has a scenario: none is left to set the threshold by");
}

vg_status vg_windows_save(const struct vg_windows *w, struct vg_save *parts, struct vg_model *about,
                          const char *out, struct vg_buf *table, struct vg_err *err)
{
    struct vg_model *model = NULL;
    double per_day_found = 0;
    vg_status st;

    parts->about = about;
    st = vg_model_save(out, parts, err);
    if (st == VG_OK)
        st = vg_model_open(out, &model, err);
    if (st == VG_OK)
        st = find_threshold(w, model, &about->threshold, &per_day_found, err);
    if (st == VG_OK)
        st = vg_model_save(out, parts, err);
    if (st == VG_OK)
        vg_buf_printf(table, "threshold %.4g: %.2f alerts a day of undisturbed patients\n",
                      (double)about->threshold, per_day_found);
    if (model)
        model->ops->free(model);
    return st;
}
