/* train_show.c - what a person or a program sees of a training, and how it is stopped. */
#include "app/train_show.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"

enum { DATA_PARTS = 1000 };

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
    (void)sig;
    stopped = 1;
}

void vg_train_show_begin(struct vg_train_show *s, int mode)
{
    /* The second signal finds the default: it ends the program. */
    const struct sigaction action = { .sa_handler = on_signal,
                                      .sa_flags = SA_RESTART | (int)SA_RESETHAND };

    *s = (struct vg_train_show){ .mode = mode, .start_ns = vg_mono_ns() };
    if (mode == VG_PROGRESS_AUTO)
        s->mode = isatty(STDERR_FILENO) ? VG_PROGRESS_BAR : VG_PROGRESS_JSON;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

double vg_train_show_elapsed_s(const struct vg_train_show *s)
{
    return (double)(vg_mono_ns() - s->start_ns) / 1e9;
}

/* Only a bar needs to be told of every step. */
static int bar_mode(const struct vg_train_show *s)
{
    return s->mode == VG_PROGRESS_BAR ? VG_PROGRESS_BAR : VG_PROGRESS_NONE;
}

bool vg_train_show_data(void *show, double done)
{
    struct vg_train_show *s = show;

    if (!s->bar.what)
        vg_progress_begin(&s->bar, bar_mode(s), "data", "parts", DATA_PARTS);
    vg_progress_update(&s->bar, (uint64_t)(done * DATA_PARTS));
    return !stopped;
}

/* ---- a fit ---- */

static void add_number(char *out, size_t size, const char *name, double x)
{
    size_t n = strlen(out);

    if (isfinite(x))
        snprintf(out + n, size - n, ",\"%s\":%.6g", name, x);
}

static void print_epoch(const struct vg_train_show *s, const struct vg_fit_progress *p)
{
    char numbers[256] = "";

    add_number(numbers, sizeof(numbers), "loss", p->loss);
    add_number(numbers, sizeof(numbers), "validation", p->validation);
    add_number(numbers, sizeof(numbers), "best", p->best);
    add_number(numbers, sizeof(numbers), "rate", p->rate);
    fprintf(stderr, "{\"epoch\":%u,\"epochs\":%u,\"best_epoch\":%u%s,\"elapsed_s\":%.1f}\n",
            p->epoch, p->epochs, p->best_epoch, numbers, vg_train_show_elapsed_s(s));
}

static void begin_fit(struct vg_train_show *s, const struct vg_fit_progress *p)
{
    if (s->bar.what)
        vg_progress_end(&s->bar, DATA_PARTS);
    vg_progress_begin(&s->bar, bar_mode(s), "train", "steps", p->epochs * p->batches);
    s->fitting = true;
}

bool vg_train_show_fit(void *show, const struct vg_fit_progress *p)
{
    struct vg_train_show *s = show;

    if (!s->fitting)
        begin_fit(s, p);
    if (p->epoch_done && s->mode == VG_PROGRESS_JSON)
        print_epoch(s, p);
    if (p->epoch_done && isfinite(p->validation))
        snprintf(s->bar.note, sizeof(s->bar.note),
                 "epoch %u/%u  loss %.4f  validation %.4f (best %.4f)", p->epoch, p->epochs,
                 p->loss, p->validation, p->best);
    else if (p->epoch_done || s->bar.note[0] == '\0')
        snprintf(s->bar.note, sizeof(s->bar.note), "epoch %u/%u  loss %.4f", p->epoch, p->epochs,
                 p->loss);
    vg_progress_update(&s->bar, (p->epoch - 1) * p->batches + p->batch);
    return !stopped;
}

void vg_train_show_end(struct vg_train_show *s)
{
    if (s->bar.what && s->bar.mode == VG_PROGRESS_BAR)
        fputc('\n', stderr);
    s->bar = (struct vg_progress){ 0 };
}
