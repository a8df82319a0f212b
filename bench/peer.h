/* peer.h - what the contenders of bench/bench_peers.py in C have in common.
 *
 * A contender is a process that lives through all rounds. Each line it reads,
 *
 *   NETWORK BATCH SECONDS     "lstm:64,dense:1@8 64 0.2": the text form, inputs behind the @
 *
 * it answers with one line: steps per second and stream in its best slice of some milliseconds, and
 * the sum of |y| of the third step from zero, by which the script sees that all compute the same.
 * Weights, inputs: the fixed sequences below, in the order of models/network.h.
 */
#ifndef VG_BENCH_PEER_H
#define VG_BENCH_PEER_H

#include <stdint.h>

#include "models/network.h"

struct peer {
    /** Makes a network ready for `batch` streams, all states zero. Ends the program on failure. */
    void *(*open)(const struct vg_network *network, const float *parameters, uint32_t batch);
    /** One step of all streams: x [batch, K] to y [batch, N]. */
    void (*step)(void *open, const float *x, float *y);
    void (*close)(void *open);
};

/** Serves until end of input; returns the program's exit code. */
int peer_serve(const struct peer *peer);

/** Processor time of this thread. */
double peer_cpu_s(void);

/** The `i`-th of a fixed sequence, between -1 and 1. */
float peer_number(uint32_t i);

/** Ends the program with a message. */
__attribute__((noreturn)) void peer_fail(const char *what);

static inline void peer_check(bool ok, const char *what)
{
    if (!ok)
        peer_fail(what);
}

/** Where the tensors of layer `index` are; NULL behind its last. */
void peer_tensors(const struct vg_network *network, uint32_t index, const float *parameters,
                  const float *tensor[VG_LAYER_TENSORS_MAX]);

#endif
