/* bench_decode.c - rows per second and core of the JSON decoder.
 *
 *   bench_decode [FILE]
 *
 * Without FILE it decodes messages of its own, with FILE those in it, one a line.
 *
 * The messages differ from each other as those of a ward do (patient, second, values), so that the
 * processor cannot learn one by heart; all of them together stay within the L2 cache, as a message
 * fresh from the network does. Prints the best of several runs in time of this thread on a
 * processor, since whatever else ran can only have made the others slower.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/decoder.h"

extern const struct vg_decoder_ops vg_decoder_decode_json;

enum {
    MESSAGES = 512,
    RUNS = 7,
    ROWS_PER_RUN = 2000000,
    ROW_SIZE = 192,
    ARRAY_ROWS = 32,
    LINE_MAX_SIZE = 8192
};

struct batch {
    struct vg_message message[MESSAGES];
    char *bytes;
    size_t n, size;
};

static int64_t cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * VG_NS_PER_S + t.tv_nsec;
}

static size_t print_row(char *out, unsigned i)
{
    return (size_t)snprintf(out, ROW_SIZE,
                            "{\"patient\":\"p-%04x\",\"bed\":\"icu-a/%02u\",\"time\":"
                            "\"2026-03-01T12:%02u:%02uZ\",\"hr\":%u,\"spo2\":%u,\"rr\":%u,"
                            "\"abp_sys\":%u,\"abp_dia\":%u,\"abp_mean\":%u,\"temp\":%u.%u}",
                            0x1000 + i * 37 % 0xE000, i % 100, i / 60 % 60, i % 60, 60 + i % 40,
                            90 + i % 10, 10 + i % 20, 100 + i % 60, 60 + i % 30, 70 + i % 30,
                            36 + i % 3, i % 10);
}

/* `rows` to a message; 0: one row without the array around it. */
static void fill(struct batch *b, size_t n, unsigned rows)
{
    char *at;

    b->n = n;
    b->bytes = at = malloc(n * (rows + 1) * ROW_SIZE);
    if (!at)
        exit(71);
    for (size_t i = 0; i < n; i++) {
        char *start = at;

        for (unsigned r = 0; r < rows; r++) {
            *at++ = r == 0 ? '[' : ',';
            at += print_row(at, (unsigned)i * rows + r);
        }
        if (rows == 0)
            at += print_row(at, (unsigned)i);
        else
            *at++ = ']';
        b->message[i] =
            (struct vg_message){ .value = (uint8_t *)start, .len = (size_t)(at - start) };
    }
    b->size = (size_t)(at - b->bytes);
}

/* The messages of a file, one a line. */
static void fill_from(struct batch *b, const char *path)
{
    FILE *file = fopen(path, "r");
    size_t cap = (size_t)MESSAGES * LINE_MAX_SIZE;
    char *at;

    b->bytes = at = malloc(cap);
    if (!file || !at) {
        fprintf(stderr, "bench_decode: cannot read %s\n", path);
        exit(1);
    }
    b->n = 0;
    while (b->n < MESSAGES && cap - (size_t)(at - b->bytes) > LINE_MAX_SIZE &&
           fgets(at, LINE_MAX_SIZE, file)) {
        size_t len = strcspn(at, "\n");

        b->message[b->n++] = (struct vg_message){ .value = (uint8_t *)at, .len = len };
        at += len;
    }
    b->size = (size_t)(at - b->bytes);
    fclose(file);
}

/* Seconds that ROWS_PER_RUN rows took. */
static double run(void *decoder, const struct batch *b)
{
    const struct vg_decoded *rows;
    struct vg_fault fault;
    int64_t start_ns = cpu_ns();
    size_t n;

    for (size_t done = 0, i = 0; done < ROWS_PER_RUN; done += n, i = (i + 1) % b->n) {
        if (vg_decoder_decode_json.decode(decoder, &b->message[i], &rows, &n, &fault) != VG_OK ||
            !rows[0].usable || rows[0].has_fault) {
            fprintf(stderr, "bench_decode: a good message was refused\n");
            exit(1);
        }
    }
    return (double)(cpu_ns() - start_ns) / 1e9;
}

static double best_of_runs(void *decoder, const struct batch *b)
{
    double best_s = 1e9;

    for (int i = 0; i < RUNS; i++) {
        double s = run(decoder, b);

        best_s = s < best_s ? s : best_s;
    }
    return best_s;
}

static void measure_file(void *decoder, const char *path)
{
    struct batch b;

    fill_from(&b, path);
    if (b.n == 0) {
        fprintf(stderr, "bench_decode: no messages in %s\n", path);
        exit(1);
    }
    printf("ns_per_row %.0f\n", best_of_runs(decoder, &b) / ROWS_PER_RUN * 1e9);
    free(b.bytes);
}

static void measure(void *decoder, const char *name, size_t messages, unsigned rows)
{
    struct batch b;
    double best_s;

    fill(&b, messages, rows);
    best_s = best_of_runs(decoder, &b);
    printf("%-24s %7.1f bytes/message %7.2f M rows/s/core %6.0f ns/row %6.2f GB/s\n", name,
           (double)b.size / (double)messages, ROWS_PER_RUN / best_s / 1e6,
           best_s / ROWS_PER_RUN * 1e9,
           (double)b.size / (double)(messages * (rows ? rows : 1)) * ROWS_PER_RUN / best_s / 1e9);
    free(b.bytes);
}

int main(int argc, char **argv)
{
    const struct vg_decoder_ops *ops = &vg_decoder_decode_json;
    void *decoder = calloc(1, ops->self_size);
    struct vg_err err;

    if (!decoder)
        return 71;
    vg_options_default(ops->options, decoder);
    if (ops->open(decoder, &err) != VG_OK) {
        fprintf(stderr, "bench_decode: %s\n", err.msg);
        return vg_status_exit(err.status);
    }
    if (argc > 1) {
        measure_file(decoder, argv[1]);
    } else {
        measure(decoder, "decode json, 1 row", MESSAGES, 0);
        measure(decoder, "decode json, array of 32", MESSAGES / ARRAY_ROWS, ARRAY_ROWS);
    }
    ops->close(decoder);
    free(decoder);
    return 0;
}
