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

void peer_fail(const char *what)
{
    fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

void peer_tensors(const struct vg_network *network, uint32_t index, const float *parameters,
                  const float *tensor[VG_LAYER_TENSORS_MAX])
{
    struct vg_layer_tensor t;

    for (uint32_t i = 0; i < VG_LAYER_TENSORS_MAX; i++)
        tensor[i] = vg_network_tensor(network, index, i, &t) ? parameters + t.offset : NULL;
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

/* "NETWORK@INPUTS BATCH SECONDS" */
static void serve_line(const struct peer *peer, char *line)
{
    char *at = strchr(line, '@'), *end;
    struct vg_network network;
    struct vg_err err;
    unsigned long inputs, batch;
    double seconds;

    peer_check(at != NULL, "expected NETWORK@INPUTS BATCH SECONDS");
    *at = '\0';
    inputs = strtoul(at + 1, &end, 10);
    batch = strtoul(end, &end, 10);
    seconds = strtod(end, &end);
    peer_check(inputs > 0 && batch > 0 && seconds > 0.0, "expected numbers above 0");
    peer_check(vg_network_parse(&network, line, (uint32_t)inputs, &err) == VG_OK &&
                   network.layers > 0,
               "no such network");
    answer(peer, &network, (uint32_t)batch, seconds);
}

int peer_serve(const struct peer *peer)
{
    char line[LINE_SIZE];

    while (fgets(line, sizeof(line), stdin))
        serve_line(peer, line);
    return 0;
}
