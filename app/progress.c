/* progress.c - how far long work is, on standard error. */
#include "app/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"

enum { BAR_WIDTH = 24, CHECK_EVERY = 256 };

static const int64_t show_every_ns = VG_NS_PER_S / 5;

const char *const vg_progress_modes[] = { "auto", "bar", "json", "none", NULL };

double vg_progress_elapsed_s(const struct vg_progress *p)
{
    return (double)(vg_mono_ns() - p->start_ns) / 1e9;
}

void vg_progress_begin(struct vg_progress *p, int mode, const char *what, const char *unit,
                       uint64_t total)
{
    if (mode == VG_PROGRESS_AUTO)
        mode = isatty(STDERR_FILENO) ? VG_PROGRESS_BAR : VG_PROGRESS_NONE;
    *p = (struct vg_progress){
        .mode = mode,
        .what = what,
        .unit = unit,
        .total = total,
        .start_ns = vg_mono_ns(),
    };
}

static void show_bar(const struct vg_progress *p, uint64_t done, double rate)
{
    static const char full[] = "########################";
    double part = p->total ? (double)done / (double)p->total : 0;
    int filled = (int)((part > 1 ? 1 : part) * BAR_WIDTH);
    double left_s = rate > 0 ? (double)(p->total - done) / rate : 0;

    if (!p->total) {
        fprintf(stderr, "\r%s: %llu %s, %.0f/s\033[K", p->what, (unsigned long long)done, p->unit,
                rate);
        return;
    }
    fprintf(stderr, "\r%s [%.*s%*s] %3.0f %%  %llu %s, %.0f/s, %.0f s left%s%s\033[K", p->what,
            filled, full, BAR_WIDTH - filled, "", 100 * part, (unsigned long long)done, p->unit,
            rate, left_s, p->note[0] ? "  " : "", p->note);
}

static void show(struct vg_progress *p, uint64_t done)
{
    double elapsed_s = vg_progress_elapsed_s(p);
    double rate = elapsed_s > 0 ? (double)done / elapsed_s : 0;

    if (p->mode == VG_PROGRESS_BAR)
        show_bar(p, done, rate);
    else if (p->mode == VG_PROGRESS_JSON)
        fprintf(stderr,
                "{\"progress\":\"%s\",\"unit\":\"%s\",\"done\":%llu,\"total\":%llu,"
                "\"elapsed_s\":%.3f,\"per_s\":%.0f}\n",
                p->what, p->unit, (unsigned long long)done, (unsigned long long)p->total, elapsed_s,
                rate);
    fflush(stderr);
}

void vg_progress_update(struct vg_progress *p, uint64_t done)
{
    int64_t now;

    if (p->mode == VG_PROGRESS_NONE || done < p->next)
        return;
    now = vg_mono_ns();
    p->next = done + (now - p->shown_ns < show_every_ns ? CHECK_EVERY : 1);
    if (now - p->shown_ns < show_every_ns)
        return;
    p->shown_ns = now;
    show(p, done);
}

void vg_progress_end(struct vg_progress *p, uint64_t done)
{
    if (p->mode == VG_PROGRESS_NONE)
        return;
    show(p, done);
    if (p->mode == VG_PROGRESS_BAR)
        fputc('\n', stderr);
}
