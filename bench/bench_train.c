/* bench_train.c - samples learned per second: the seed's LSTM and a window autoencoder.
 *
 *   bench_train lstm|autoencoder SAMPLES EPOCHS WORKERS [SHARDS]
 *
 * Prints a line per epoch, NAME SAMPLES SECONDS CPU_SECONDS, and at the end "memory MB" and "hash" of
 * the parameters, which neither workers nor the form of the kernel (VIGIL_KERNEL) may change. What an
 * epoch holds is what bench/train_peer.py gives to PyTorch: reading the batch, forward, backward, Adam.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "models/kernel.h"
#include "models/train.h"

enum { STEPS = 60, INPUTS = 8, BATCH = 32, WINDOW = STEPS * INPUTS };

struct made {
    size_t samples;
    float *x; /* [samples, T, I], or [samples, T I] */
    float *y; /* [samples] */
    bool windows;
    float ones[WINDOW];
};

static uint32_t steps(const void *self, size_t sequence)
{
    const struct made *m = self;

    (void)sequence;
    return m->windows ? 1 : STEPS;
}

static void read_sequence(const void *self, size_t sequence, uint32_t from, uint32_t n,
                          const struct vg_train_rows *rows)
{
    const struct made *m = self;
    const float *x = m->x + sequence * WINDOW;
    const size_t inputs = m->windows ? WINDOW : INPUTS;

    for (size_t t = 0; t < n; t++)
        memcpy(rows->x + t * rows->x_stride, x + (from + t) * inputs, inputs * sizeof(*x));
    if (m->windows) {
        memcpy(rows->target, x, WINDOW * sizeof(*x));
        memcpy(rows->mask, m->ones, sizeof(m->ones));
    } else if (from + n == STEPS) {
        rows->target[(n - 1) * rows->target_stride] = m->y[sequence];
        rows->mask[(n - 1) * rows->mask_stride] = 1;
    }
}

static struct made make(size_t samples, bool windows)
{
    struct made m = { .samples = samples, .windows = windows };
    uint64_t state = 1;

    for (size_t i = 0; i < WINDOW; i++)
        m.ones[i] = 1;
    m.x = calloc(samples * WINDOW, sizeof(*m.x));
    m.y = calloc(samples, sizeof(*m.y));
    if (!m.x || !m.y)
        exit(71);
    for (size_t i = 0; i < samples * WINDOW; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        m.x[i] = (float)(state >> 40) / 0x1p23f - 1.0f;
    }
    for (size_t i = 0; i < samples; i++)
        m.y[i] = m.x[(i + 1) * WINDOW - INPUTS];
    return m;
}

struct watch {
    const char *name;
    size_t samples;
    double start_s, start_cpu_s;
};

static double now_s(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void begin(struct watch *w)
{
    w->start_s = now_s(CLOCK_MONOTONIC);
    w->start_cpu_s = now_s(CLOCK_PROCESS_CPUTIME_ID);
}

static bool print_epoch(void *ctx, const struct vg_fit_progress *p)
{
    struct watch *w = ctx;

    if (p->epoch_done) {
        printf("%s %zu %.3f %.3f\n", w->name, w->samples, now_s(CLOCK_MONOTONIC) - w->start_s,
               now_s(CLOCK_PROCESS_CPUTIME_ID) - w->start_cpu_s);
        fflush(stdout);
        begin(w);
    }
    return true;
}

static uint64_t hash(const void *bytes, size_t n)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < n; i++)
        h = (h ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
    return h;
}

static void fail(const struct vg_err *err)
{
    fprintf(stderr, "bench_train: %s\n", err->msg);
    exit(1);
}

int main(int argc, char **argv)
{
    const char *form = getenv("VIGIL_KERNEL");
    const bool windows = argc > 1 && strcmp(argv[1], "autoencoder") == 0;
    const struct vg_objective objective = { .loss = VG_LOSS_MSE };
    struct vg_fit fit = vg_fit_default();
    struct vg_fit_result result;
    struct vg_network network;
    struct vg_trainee *t = NULL;
    struct vg_err err;
    struct rusage used;
    struct made m;
    struct vg_train_set set = { .self = &m, .steps = steps, .read = read_sequence };
    struct watch watch;

    if (argc < 5) {
        fprintf(stderr, "usage: bench_train lstm|autoencoder SAMPLES EPOCHS WORKERS [SHARDS]\n");
        return 2;
    }
    if (form && !vg_kernel_choose(form)) {
        fprintf(stderr, "bench_train: this processor has no form %s of the kernel\n", form);
        return 2;
    }
    set.sequences = strtoul(argv[2], NULL, 10);
    fit.epochs = (uint32_t)strtoul(argv[3], NULL, 10);
    fit.workers = (uint32_t)strtoul(argv[4], NULL, 10);
    fit.shards = argc > 5 ? (uint32_t)strtoul(argv[5], NULL, 10) : 0;
    fit.batch = BATCH;
    fit.progress = print_epoch;
    fit.ctx = &watch;
    m = make(set.sequences, windows);
    if (vg_network_parse(&network,
                         windows ? "dense:64:relu,dense:32:relu,dense:64:relu,dense:480"
                                 : "lstm:64,lstm:64,lstm:64,dense:1",
                         windows ? WINDOW : INPUTS, &err) != VG_OK ||
        vg_trainee_new(&network, &objective, 1, &t, &err) != VG_OK)
        fail(&err);
    watch = (struct watch){ .name = argv[1], .samples = set.sequences };
    begin(&watch);
    if (vg_trainee_fit(t, &fit, &set, NULL, &result, &err) != VG_OK)
        fail(&err);
    getrusage(RUSAGE_SELF, &used);
    printf("memory %ld\n", used.ru_maxrss / 1024);
    printf("hash %016llx\n",
           (unsigned long long)hash(vg_trainee_parameters(t),
                                    vg_trainee_parameter_count(t) * sizeof(vg_real)));
    vg_trainee_free(t);
    free(m.x);
    free(m.y);
    return 0;
}
