/* outlet.c - where simulate and replay write to: a Kafka topic or standard output, at some speed. */
#include "app/outlet.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"
#include "core/text.h"

enum { WAIT_SLICE_MS = 100, STDOUT_BUFFER = 1024 * 1024 };

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
    (void)sig;
    stopped = 1;
}

bool vg_outlet_stopped(void)
{
    return stopped;
}

static vg_status parse_speed(const char *text, double *ret, struct vg_err *err)
{
    if (strcmp(text, "max") == 0) {
        *ret = 0;
    } else if (strcmp(text, "real") == 0) {
        *ret = 1;
    } else if (!vg_parse_double(text, ret) || *ret < 1e-3 || *ret > 1e6) {
        return vg_fail(err, VG_E_USAGE,
                       "--speed \"%s\": expected real, max, or a number such as 60", text);
    }
    return VG_OK;
}

static vg_status check_target(const struct vg_outlet_options *o, struct vg_err *err)
{
    if (o->to && strcmp(o->to, "-") != 0)
        return vg_fail(err, VG_E_USAGE, "--to \"%s\": only - (standard output) is known", o->to);
    if (o->to && (o->brokers || o->topic))
        return vg_fail(err, VG_E_USAGE, "give either --to - or --brokers and --topic");
    if (!o->to && (!o->brokers || !o->topic))
        return vg_fail(err, VG_E_USAGE,
                       "say where to: --brokers HOST:PORT --topic NAME, or --to - for standard "
                       "output");
    return VG_OK;
}

vg_status vg_outlet_open(struct vg_outlet *out, const struct vg_outlet_options *options,
                         const char *what, uint64_t rows, struct vg_err *err)
{
    struct sigaction action = { .sa_handler = on_signal };
    vg_status st;

    *out = (struct vg_outlet){ .first_record_ns = VG_TIME_NONE };
    st = check_target(options, err);
    if (st == VG_OK)
        st = parse_speed(options->speed, &out->speed, err);
    if (st == VG_OK && !options->to)
        st = vg_producer_open(options->brokers, options->topic, &out->producer, err);
    if (st != VG_OK)
        return st;
    if (out->producer)
        snprintf(out->target, sizeof(out->target), "topic %s", options->topic);
    else
        snprintf(out->target, sizeof(out->target), "standard output");
    setvbuf(stdout, NULL, _IOFBF, STDOUT_BUFFER);
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    vg_progress_begin(&out->progress, options->progress, what, "rows", rows);
    return VG_OK;
}

static void wait_until(struct vg_outlet *out, int64_t due_mono_ns)
{
    int64_t left_ns = due_mono_ns - vg_mono_ns();

    if (left_ns > VG_NS_PER_MS && !out->producer)
        fflush(stdout);
    for (; left_ns > 0 && !stopped; left_ns = due_mono_ns - vg_mono_ns()) {
        int64_t slice_ns =
            left_ns < WAIT_SLICE_MS * VG_NS_PER_MS ? left_ns : WAIT_SLICE_MS * VG_NS_PER_MS;
        struct timespec ts = { .tv_nsec = slice_ns };

        if (out->producer && slice_ns >= 2 * VG_NS_PER_MS)
            vg_producer_poll(out->producer, (int)(slice_ns / VG_NS_PER_MS));
        else
            nanosleep(&ts, NULL);
        vg_progress_update(&out->progress, out->rows);
    }
}

vg_status vg_outlet_write(struct vg_outlet *out, const char *key, const char *message, size_t len,
                          uint32_t rows, int64_t record_ns, struct vg_err *err)
{
    if (out->first_record_ns == VG_TIME_NONE) {
        out->first_record_ns = record_ns;
        out->first_mono_ns = vg_mono_ns();
    }
    if (out->speed > 0)
        wait_until(out, out->first_mono_ns +
                            (int64_t)((double)(record_ns - out->first_record_ns) / out->speed));
    if (stopped)
        return VG_OK;
    out->rows += rows;
    out->messages++;
    vg_progress_update(&out->progress, out->rows);
    if (out->producer)
        return vg_producer_send(out->producer, key, message, len, record_ns, err);
    if (fwrite(message, 1, len, stdout) != len || putchar('\n') == EOF)
        return vg_fail(err, VG_E_IO, "cannot write to standard output: %s", strerror(errno));
    return VG_OK;
}

vg_status vg_outlet_finish(struct vg_outlet *out, struct vg_err *err)
{
    vg_status st = VG_OK;
    double elapsed_s;

    if (out->producer)
        st = vg_producer_flush(out->producer, err);
    else if (fflush(stdout) != 0)
        st = vg_fail(err, VG_E_IO, "cannot write to standard output: %s", strerror(errno));
    vg_progress_end(&out->progress, out->rows);
    if (st != VG_OK)
        return st;
    elapsed_s = vg_progress_elapsed_s(&out->progress);
    fprintf(stderr, "%s: %llu rows in %llu messages to %s in %.1f s (%.0f rows/s)%s\n",
            out->progress.what, (unsigned long long)out->rows, (unsigned long long)out->messages,
            out->target, elapsed_s, elapsed_s > 0 ? (double)out->rows / elapsed_s : 0,
            stopped ? ", stopped early" : "");
    return VG_OK;
}

void vg_outlet_close(struct vg_outlet *out)
{
    vg_producer_free(out->producer);
    out->producer = NULL;
}
