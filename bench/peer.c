/* peer.c - the loop around a contender: reading, timing, answering. */
#include "bench/peer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LINE_SIZE = 256, ALIGN = 64 };

/* Long enough for a clock, short enough to fall between two disturbances. */
static const double slice_s = 0.004;

double peer_cpu_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

float peer_number(uint32_t i)
{
    uint32_t bits = i * 2654435761u;

    bits ^= bits >> 15;
    bits *= 2246822519u;
    bits ^= bits >> 13;
    return (float)(bits >> 8) / 0x1p23f - 1.0f;
}

void peer_check(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

static float *numbers(size_t n, float size)
{
    float *p = aligned_alloc(ALIGN, (n * sizeof(float) + ALIGN) / ALIGN * ALIGN);

    peer_check(p != NULL, "out of memory");
    for (size_t i = 0; i < n; i++)
        p[i] = peer_number((uint32_t)i) * size;
    return p;
}

struct job {
    const struct peer *peer;
    void *open;
    const float *x;
    float *y;
};

static double third_step(const struct job *j, size_t n)
{
    double sum = 0.0;

    for (int i = 0; i < 3; i++)
        j->peer->step(j->open, j->x, j->y);
    for (size_t i = 0; i < n; i++)
        sum += fabs((double)j->y[i]);
    return sum;
}

/* Calls a second, in the best slice. */
static double best_rate(const struct job *j, double seconds)
{
    double end_s = peer_cpu_s() + seconds, best = 0.0;
    uint32_t calls = 1;

    while (peer_cpu_s() < end_s) {
        double start_s = peer_cpu_s(), took_s;

        for (uint32_t i = 0; i < calls; i++)
            j->peer->step(j->open, j->x, j->y);
        took_s = peer_cpu_s() - start_s;
        if (took_s < slice_s / 2)
            calls *= 2;
        else if ((double)calls / took_s > best)
            best = (double)calls / took_s;
    }
    return best;
}

static void answer(const struct peer *peer, const struct vg_network *network, uint32_t batch,
                   double seconds)
{
    size_t outputs = (size_t)batch * vg_network_outputs(network);
    float *parameters = numbers(vg_network_parameters(network), 0.125f);
    float *x = numbers((size_t)batch * network->layer[0].inputs, 1.0f), *y = numbers(outputs, 0.0f);
    struct job j = { peer, peer->open(network, parameters, batch), x, y };
    double sum = third_step(&j, outputs);

    printf("%.1f %.6f\n", best_rate(&j, seconds) * batch, sum);
    fflush(stdout);
    peer->close(j.open);
    free(parameters);
    free(x);
    free(y);
}

int peer_serve(const struct peer *peer)
{
    char line[LINE_SIZE], text[LINE_SIZE];

    while (fgets(line, sizeof(line), stdin)) {
        struct vg_network network;
        struct vg_err err;
        unsigned inputs, batch;
        double seconds;

        peer_check(sscanf(line, "%255[^@]@%u %u %lf", text, &inputs, &batch, &seconds) == 4,
                   "expected NETWORK@INPUTS BATCH SECONDS");
        peer_check(vg_network_parse(&network, text, inputs, &err) == VG_OK, "no such network");
        answer(peer, &network, batch, seconds);
    }
    return 0;
}
