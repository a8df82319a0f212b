/* train_trouble.c - rows of simulated patients, and whether trouble is near. */
#include "app/train_trouble.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/kernel.h"
#include "models/load.h"
#include "models/metrics.h"

/* ---- rows ---- */

static bool in_trouble(const struct vg_dataset_patient *p, int64_t at_ns, int64_t ahead_ns)
{
    for (uint32_t i = 0; i < p->labels; i++) {
        const struct vg_dataset_label *l = &p->label[i];

        if (l->group && l->start_ns <= at_ns + ahead_ns && at_ns < l->end_ns)
            return true;
    }
    return false;
}

static void more_room(struct vg_trouble_rows *rows, uint32_t variables)
{
    /* Doubles at every power of two. */
    if (rows->n & (rows->n - 1))
        return;
    rows->x = reallocarray(rows->x, 2 * rows->n + 1, variables * sizeof(float));
    rows->y = reallocarray(rows->y, 2 * rows->n + 1, sizeof(float));
    VG_CHECK(rows->x != NULL && rows->y != NULL);
}

static void add_patient(struct vg_trouble *t, const struct vg_dataset_patient *p)
{
    struct vg_trouble_rows *rows = &t->part[p->part];
    const uint32_t every = (uint32_t)t->recipe->every;
    struct vg_view v;

    vg_view_init(&v, t->data, p, &t->scale, &t->features, t->recipe->baseline_ns);
    for (uint32_t k = every; k < v.ticks; k += every) {
        int64_t at_ns = p->first_ns + k * t->data->tick_ns;

        more_room(rows, t->variables);
        memcpy(rows->x + rows->n * t->variables, v.x + (size_t)k * v.inputs,
               t->variables * sizeof(float));
        rows->y[rows->n++] = in_trouble(p, at_ns, t->recipe->ahead_ns) ? 1.0f : 0.0f;
    }
    vg_view_done(&v);
}

/* "hr.z", "hr.ewma-5m": in the order of x. */
static void name_variables(struct vg_trouble *t)
{
    struct vg_buf text = VG_BUF_INIT;
    char *at = NULL;
    uint32_t i = 0;

    vg_features_format(&t->features, &text);
    for (char *word = strtok_r(text.data, ",", &at); word; word = strtok_r(NULL, ",", &at)) {
        word[strcspn(word, ":")] = word[strcspn(word, ":")] ? '-' : '\0'; /* no name has one */
        for (uint32_t c = 0; c < t->data->channels; c++, i++) {
            snprintf(t->name[i], sizeof(t->name[i]), "%s.%s", vg_channels[t->data->channel[c]].name,
                     word);
            t->variable[i] = (struct vg_variable){ t->name[i], 0.0f, 1.0f };
        }
    }
    vg_buf_done(&text);
}

static size_t positive(const struct vg_trouble_rows *rows)
{
    size_t n = 0;

    for (size_t i = 0; i < rows->n; i++)
        n += rows->y[i] != 0.0f;
    return n;
}

vg_status vg_trouble_init(struct vg_trouble *t, const struct vg_recipe *r,
                          const struct vg_dataset *data, struct vg_err *err)
{
    vg_status st;

    vg_kernel_thread_init();
    *t = (struct vg_trouble){ .recipe = r, .data = data };
    st = vg_features_parse(&t->features, r->features, data->channels, data->tick_ns, err);
    if (st != VG_OK)
        return st;
    t->variables = vg_features_inputs(&t->features);
    name_variables(t);
    return VG_OK;
}

vg_status vg_trouble_load(struct vg_trouble *t, struct vg_err *err)
{
    const struct vg_trouble_rows *train = &t->part[VG_PART_TRAIN];
    vg_status st = vg_dataset_scale(t->data, VG_PART_TRAIN, &t->scale, err);

    if (st != VG_OK)
        return st;
    vg_dataset_sha256(t->data, t->sha256);
    for (uint32_t i = 0; i < t->data->patients; i++)
        add_patient(t, &t->data->patient[i]);
    if (positive(train) == 0 || positive(train) == train->n)
        return vg_fail(err, VG_E_FAILED,
                       "of %zu rows to learn from %zu are of patients in trouble: expected some of "
                       "both; data need simulated patients and a scenario_share",
                       train->n, positive(train));
    return VG_OK;
}

void vg_trouble_done(struct vg_trouble *t)
{
    for (int i = 0; i < VG_PARTS; i++) {
        free(t->part[i].x);
        free(t->part[i].y);
    }
}

void vg_trouble_about(const struct vg_trouble *t, struct vg_model *about)
{
    *about = (struct vg_model){
        .inputs = t->variables, .outputs = 1, .variables = t->variables, .variable = t->variable
    };
    snprintf(about->features, sizeof(about->features), "value");
    memcpy(about->training_data_sha256, t->sha256, sizeof(about->training_data_sha256));
}

/* ---- how good it is ---- */

static void tell(const struct vg_model *m, const struct vg_trouble_rows *rows, float *p)
{
    void *scratch = vg_kernel_alloc(m->scratch_size);

    for (size_t i = 0; i < rows->n; i += VG_BATCH_MAX) {
        size_t left = rows->n - i;
        uint32_t n = left < VG_BATCH_MAX ? (uint32_t)left : VG_BATCH_MAX;

        m->ops->step(m, n, rows->x + i * m->inputs, NULL, p + i, scratch);
    }
    free(scratch);
}

vg_status vg_trouble_table(const struct vg_trouble *t, const char *path, struct vg_buf *table,
                           struct vg_err *err)
{
    const struct vg_trouble_rows *rows = &t->part[VG_PART_VALIDATION];
    struct vg_model *model;
    size_t right = 0, share;
    float *p;
    vg_status st = vg_model_open(path, &model, err);

    if (st != VG_OK)
        return st;
    if (rows->n == 0)
        rows = &t->part[VG_PART_TRAIN];
    p = calloc(rows->n + 1, sizeof(*p));
    VG_CHECK(p != NULL);
    tell(model, rows, p);
    for (size_t i = 0; i < rows->n; i++)
        right += (p[i] > 0.5f) == (rows->y[i] != 0.0f);
    share = positive(rows);
    vg_buf_printf(table,
                  "%zu rows of other patients, %.1f %% in trouble: accuracy %.3f, without a "
                  "model %.3f\n",
                  rows->n, 100.0 * (double)share / (double)rows->n, (double)right / (double)rows->n,
                  (double)(2 * share > rows->n ? share : rows->n - share) / (double)rows->n);
    free(p);
    model->ops->free(model);
    return VG_OK;
}
