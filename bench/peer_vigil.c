/* peer_vigil.c - Vigil's kernel as a contender of bench/bench_peers.py, in one of its forms, and
 * what the processor can do at most with vectors of that form.
 *
 *   peer_vigil FORM           serves (bench/peer.h)
 *   peer_vigil FORM peak      serves; each line is answered with FLOP per second instead
 *   peer_vigil FORM loads     serves; each line is a number of bytes, as many as the weights of a
 *                             network, and answered with bytes per second that are loaded from there
 *   peer_vigil                prints the forms of this processor
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/fma_peak.h"
#include "bench/load_peak.h"
#include "bench/peer.h"
#include "models/stack.h"

static const struct vg_kernel *form;

/* ---- the kernel ---- */

struct vigil {
    struct vg_stack stack;
    uint32_t batch;
    float *state;
    void **row; /* [batch] */
    void *scratch;
};

static void *open_stack(const struct vg_network *network, const float *parameters, uint32_t batch)
{
    struct vigil *v = calloc(1, sizeof(*v));
    size_t state = vg_network_state(network);

    peer_check(v != NULL, "out of memory");
    vg_stack_init(&v->stack, form, network, parameters);
    v->batch = batch;
    v->state = vg_kernel_alloc(state * batch * sizeof(float));
    v->row = vg_kernel_alloc(batch * sizeof(*v->row));
    v->scratch = vg_kernel_alloc(vg_stack_scratch(&v->stack));
    for (uint32_t i = 0; i < batch; i++)
        v->row[i] = v->state + state * i;
    return v;
}

static void step_stack(void *open, const float *x, float *y)
{
    struct vigil *v = open;

    vg_stack_step(&v->stack, v->batch, x, v->row, y, v->scratch);
}

static void close_stack(void *open)
{
    struct vigil *v = open;

    vg_stack_done(&v->stack);
    free(v->state);
    free(v->row);
    free(v->scratch);
    free(v);
}

/* ---- the peaks ---- */

static int serve_peak(bool loads)
{
    char line[256];

    while (fgets(line, sizeof(line), stdin)) {
        printf("%.0f 0\n", loads ? load_peak(form, strtoul(line, NULL, 10)) : fma_peak(form));
        fflush(stdout);
    }
    return 0;
}

static const struct vg_kernel *form_named(const char *name)
{
    const struct vg_kernel *k;

    for (uint32_t i = 0; (k = vg_kernel_form(i)); i++) {
        if (strcmp(k->name, name) == 0)
            return k;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    static const struct peer peer = { open_stack, step_stack, close_stack };

    if (argc < 2) {
        for (uint32_t i = 0; vg_kernel_form(i); i++)
            printf("%s\n", vg_kernel_form(i)->name);
        return 0;
    }
    form = form_named(argv[1]);
    peer_check(form != NULL, "this processor does not have that form");
    vg_kernel_thread_init();
    return argc > 2 ? serve_peak(strcmp(argv[2], "loads") == 0) : peer_serve(&peer);
}
