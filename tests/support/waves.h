/* waves.h - drives a stage that works on ticks with rows whose columns a test fills itself.
 *
 * It stands on capture.h for options, plan and layout, and adds what that lacks: waves of up to
 * VG_BATCH_MAX patients whose rows carry columns of earlier stages.
 *
 *     struct waves w;
 *     waves_init(&w, &vg_stage_forecast, model, NULL);
 *     capture_option(w.c, "model", NULL, "m");
 *     waves_start(&w, WAVES_Z | WAVES_AGE);
 *     row = waves_row(&w, 0, 1);            patient 0 at tick 1
 *     waves_set(&w, row, VG_CHANNEL_hr, VG_Q_GOOD, 0.4f, 1);
 *     waves_step(&w, 0, 1);                 a wave of that row
 */
#ifndef VG_TESTS_SUPPORT_WAVES_H
#define VG_TESTS_SUPPORT_WAVES_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "models/kernel.h"
#include "tests/support/capture.h"

enum { WAVES_Z = 1, WAVES_BASELINE = 2, WAVES_AGE = 4 };

#define WAVES_TICK_NS (10 * VG_NS_PER_S)

struct waves {
    struct capture *c;
    const struct vg_model *models[2];
    int z, baseline, age; /* columns, where asked for */
    struct vg_row row[VG_BATCH_MAX];
    void *memory[VG_BATCH_MAX];
};

static inline void waves_init(struct waves *w, const struct vg_stage_ops *stage,
                              struct vg_model *model, struct vg_model *other)
{
    vg_kernel_thread_init();
    memset(w, 0, sizeof(*w));
    w->c = capture_new(stage);
    w->models[0] = model;
    w->models[1] = other;
    w->c->plan.models = w->models;
    w->c->plan.models_n = other ? 2 : 1;
    w->c->plan.tick_ns = WAVES_TICK_NS;
}

static inline void waves_columns(struct waves *w, unsigned columns)
{
    if (columns & WAVES_Z)
        w->z = capture_column(w->c, "z", VG_CHANNELS, NULL);
    if (columns & WAVES_BASELINE)
        w->baseline = capture_column(w->c, "baseline", VG_CHANNELS, NULL);
    if (columns & WAVES_AGE)
        w->age = capture_column(w->c, "age", VG_CHANNELS, NULL);
}

/* Adds columns and all rows; from then on rows are only written over. */
static inline void waves_start(struct waves *w, unsigned columns)
{
    waves_columns(w, columns);
    capture_start(w->c);
    for (uint32_t i = 0; i < VG_BATCH_MAX; i++) {
        cr_assert_eq(vg_frame_add_row(w->c->in, &w->c->layout), i);
        vg_row_view(&w->row[i], w->c->in, &w->c->layout, i);
        w->row[i].kind = VG_ROW_TICK;
        w->memory[i] = calloc(1, w->c->plan.memory_size);
    }
}

/* The patient of row `i` at a tick: all channels ABSENT, columns 0, age "never seen". */
static inline struct vg_row *waves_row(struct waves *w, uint32_t i, int64_t tick)
{
    struct vg_row *row = &w->row[i];

    row->event_ns = row->log_ns = tick * WAVES_TICK_NS;
    for (int c = 0; c < VG_CHANNELS; c++) {
        vg_row_unusable(row, c, VG_Q_ABSENT, VG_REASON_NONE);
        if (w->z)
            vg_row_column(row, w->z)[c] = 0.0f;
        if (w->baseline)
            vg_row_column(row, w->baseline)[c] = 0.0f;
        if (w->age)
            vg_row_column(row, w->age)[c] = -1.0f;
    }
    return row;
}

/* What resample and normalize would say of a channel. */
static inline void waves_set(struct waves *w, struct vg_row *row, int c, enum vg_quality quality,
                             float z, float age_s)
{
    row->quality[c] = (uint8_t)quality;
    if (w->z)
        vg_row_column(row, w->z)[c] = vg_usable_by_models(row->quality[c]) ? z : 0.0f;
    if (w->age)
        vg_row_column(row, w->age)[c] = age_s;
}

/* Puts `poison` where nothing may be read. */
static inline void waves_poison(struct waves *w, struct vg_row *row, float poison)
{
    for (int c = 0; c < VG_CHANNELS; c++) {
        if (vg_usable_by_models(row->quality[c]))
            continue;
        row->value[c] = poison;
        if (w->z)
            vg_row_column(row, w->z)[c] = poison;
    }
}

/* Rows first .. first + n - 1 as one wave. */
static inline void waves_step(struct waves *w, uint32_t first, uint32_t n)
{
    const struct vg_wave wave = { .n = n, .memory = w->memory + first, .rows = w->row + first };

    w->c->stage->wave(w->c->self, &wave);
}

static inline void waves_done(struct waves *w)
{
    for (uint32_t i = 0; i < VG_BATCH_MAX; i++)
        free(w->memory[i]);
    capture_free(w->c);
}

#endif
