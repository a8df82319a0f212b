/* bench_link.c - what handing a frame from one thread to the next takes, both threads together.
 *
 * A frame crosses a link for each stage and one more, with 64 rows in it when there is a backlog.
 * The program prints microseconds of processor time for each hand-over, best of several runs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zmq.h>

#include "runtime/link.h"
#include "runtime/thread.h"

enum { RUNS = 5, FRAMES = 200000, ROWS = 64 };

static const char endpoint[] = "inproc://bench";

static double cpu_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static vg_status receive(void *arg, struct vg_thread *thread, struct vg_err *err)
{
    struct vg_link link;
    vg_status st = vg_link_bind(&link, arg, endpoint, err);

    if (st != VG_OK)
        return st;
    vg_thread_ready(thread);
    for (int i = 0; i < FRAMES; i++)
        vg_link_recv(&link, -1);
    vg_link_done(&link);
    return VG_OK;
}

static double run(struct vg_frame *frame)
{
    void *zmq = zmq_ctx_new();
    struct vg_thread receiver = { 0 };
    struct vg_link link;
    struct vg_err err;
    double start_s;

    if (vg_thread_start(&receiver, "receiver", receive, zmq, -1, &err) != VG_OK ||
        vg_link_connect(&link, zmq, endpoint, 0, &err) != VG_OK) {
        fprintf(stderr, "bench_link: %s\n", err.msg);
        exit(1);
    }
    start_s = cpu_s();
    for (int i = 0; i < FRAMES; i++)
        vg_link_send(&link, frame, true);
    vg_thread_join(&receiver);
    start_s = cpu_s() - start_s;
    vg_link_done(&link);
    zmq_ctx_term(zmq);
    return start_s;
}

int main(void)
{
    struct vg_layout layout;
    struct vg_frame *frame;
    double best_s = 1e9;

    vg_layout_init(&layout);
    vg_layout_finish(&layout, ROWS);
    frame = vg_frame_new(&layout, 0);
    for (int i = 0; i < RUNS; i++) {
        double s = run(frame);

        best_s = s < best_s ? s : best_s;
    }
    printf("handover %.3f\n", best_s / FRAMES * 1e6);
    vg_frame_free(frame);
    return 0;
}
