/* bench_models.c - steps per second and core of the models, beside what the processor could do.
 *
 *   bench_models FORECASTER FLOP AUTOENCODER FLOP
 *   bench_models peak                     only that: NAME GFLOP_PER_SECOND of each form
 *
 * A step is one tick of one patient. The peak is that of fused multiply-adds of the form that the
 * kernel uses, measured here and now, so that the share means the same on every machine. Lines:
 * NAME BATCH STEPS_PER_SECOND GFLOP_PER_SECOND; best of several runs in processor time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/fma_peak.h"
#include "core/model.h"
#include "models/kernel.h"

extern const struct vg_model_ops vg_model_lstm, vg_model_autoencoder;

enum { RUNS = 9, STEPS_PER_RUN = 20000, ALIGN = 64, PATIENTS = 1024 };

static double cpu_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *zeros(size_t bytes)
{
    size_t size = (bytes + ALIGN) / ALIGN * ALIGN;
    void *p = aligned_alloc(ALIGN, size);

    if (!p)
        exit(71);
    memset(p, 0, size);
    return p;
}

/* ---- the models ---- */

static void measure(const struct vg_model *m, const char *name, uint32_t batch, double flop)
{
    float *x = zeros(sizeof(float) * VG_BATCH_MAX * m->inputs);
    float *y = zeros(sizeof(float) * VG_BATCH_MAX * m->outputs);
    char *memory = zeros(m->memory_size * PATIENTS);
    void *scratch = zeros(m->scratch_size), *state[VG_BATCH_MAX];
    double best_s = 1e9;
    uint32_t next = 0;

    for (size_t i = 0; i < (size_t)VG_BATCH_MAX * m->inputs; i++)
        x[i] = (float)(i * 37 % 101) / 50.0f - 1.0f;
    for (int run = 0; run < RUNS; run++) {
        double start_s = cpu_s(), took_s;

        for (uint32_t done = 0; done < STEPS_PER_RUN; done += batch) {
            for (uint32_t i = 0; i < batch; i++)
                state[i] = memory + m->memory_size * (next++ % PATIENTS);
            m->ops->step(m, batch, x, state, y, scratch);
        }
        took_s = cpu_s() - start_s;
        best_s = took_s < best_s ? took_s : best_s;
    }
    printf("%s %u %.0f %.1f\n", name, batch, STEPS_PER_RUN / best_s,
           flop * STEPS_PER_RUN / best_s / 1e9);
    free(x);
    free(y);
    free(memory);
    free(scratch);
}

static void measure_file(const struct vg_model_ops *ops, const char *name, const char *path,
                         double flop)
{
    struct vg_model *m;
    struct vg_err err;

    if (ops->load(path, &m, &err) != VG_OK) {
        fprintf(stderr, "bench_models: %s\n", err.msg);
        exit(1);
    }
    measure(m, name, 1, flop);
    measure(m, name, VG_BATCH_MAX, flop);
    ops->free(m);
}

static void print_peaks(void)
{
    const struct vg_kernel *form;

    for (uint32_t i = 0; (form = vg_kernel_form(i)); i++)
        printf("%s %.1f\n", form->name, fma_peak(form) / 1e9);
}

int main(int argc, char **argv)
{
    vg_kernel_thread_init();
    if (argc == 2 && strcmp(argv[1], "peak") == 0) {
        print_peaks();
        return 0;
    }
    if (argc != 5) {
        fprintf(stderr, "usage: bench_models peak | FORECASTER FLOP AUTOENCODER FLOP\n");
        return 2;
    }
    printf("fma_peak 1 0 %.1f\n", fma_peak(vg_kernel()) / 1e9);
    measure_file(&vg_model_lstm, "forecaster", argv[1], strtod(argv[2], NULL));
    measure_file(&vg_model_autoencoder, "autoencoder", argv[3], strtod(argv[4], NULL));
    return 0;
}
