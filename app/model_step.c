/* model_step.c - `vigil model step`: a model over rows of numbers, to compare it with anything.
 *
 * Rows of different streams are advanced together, as in `vigil run`, and answered in the order in
 * which they came. A batch ends at a stream that it has already, or when no further row is there
 * yet: whoever writes one row and waits gets the answer.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "app/command.h"
#include "app/model.h"
#include "core/buf.h"
#include "models/kernel.h"
#include "models/load.h"

enum { LINE_MAX_BYTES = 8 << 20, READ_BYTES = 1 << 16, STREAMS_MIN = 64 };

static const struct vg_option options[] = { VG_OPT_END };

static const struct vg_command command = {
    .name = "model step",
    .summary = "Advances a model over rows on standard input and prints its outputs",
    .arguments = "FILE",
    .arguments_min = 1,
    .arguments_max = 1,
    .options = options,
    .notes =
        "A row is a line {\"stream\":\"a\",\"x\":[...]} with as many numbers as the model has\n"
        "inputs (`vigil model describe FILE`); the answer is {\"stream\":\"a\",\"y\":[...]}, "
        "every\n"
        "number with the digits that give back its bits. A stream is any text; each has a memory "
        "of\n"
        "its own, empty before its first row. Rows are answered in order.\n",
};

struct stream {
    char *name;
    void *memory;
    uint64_t batch; /* the last one that it was in */
};

struct stepper {
    const struct vg_model *model;
    struct stream *slot; /* open addressing; name NULL: free */
    size_t slots, streams;
    uint64_t batch; /* number of the one that is being gathered */
    uint32_t n;     /* rows in it */
    const char *name[VG_BATCH_MAX];
    void *memory[VG_BATCH_MAX];
    uint64_t line[VG_BATCH_MAX];
    float *x, *y;
    void *scratch;
    struct vg_buf out;
};

/* ---- streams ---- */

static uint64_t hash(const char *s)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
    return h;
}

static struct stream *find_slot(struct stream *slot, size_t slots, const char *name)
{
    size_t i = hash(name) & (slots - 1);

    while (slot[i].name && strcmp(slot[i].name, name) != 0)
        i = (i + 1) & (slots - 1);
    return &slot[i];
}

static void grow(struct stepper *s)
{
    size_t slots = s->slots > 0 ? 2 * s->slots : STREAMS_MIN;
    struct stream *slot = calloc(slots, sizeof(*slot));

    VG_CHECK(slot);
    for (size_t i = 0; i < s->slots; i++) {
        if (s->slot[i].name)
            *find_slot(slot, slots, s->slot[i].name) = s->slot[i];
    }
    free(s->slot);
    s->slot = slot;
    s->slots = slots;
}

static struct stream *find_stream(struct stepper *s, const char *name)
{
    struct stream *stream;

    if (2 * s->streams >= s->slots)
        grow(s);
    stream = find_slot(s->slot, s->slots, name);
    if (!stream->name) {
        stream->name = strdup(name);
        VG_CHECK(stream->name);
        stream->memory = vg_kernel_alloc(s->model->memory_size);
        s->streams++;
    }
    return stream;
}

/* ---- a batch ---- */

static vg_status print_row(struct stepper *s, uint32_t i, struct vg_err *err)
{
    const float *y = s->y + (size_t)i * s->model->outputs;

    vg_buf_str(&s->out, "{\"stream\":");
    vg_buf_json_str(&s->out, s->name[i]);
    for (uint32_t k = 0; k < s->model->outputs; k++) {
        if (!isfinite(y[k]))
            return vg_fail(err, VG_E_RANGE, "line %llu: the answer is not finite: x is too large",
                           (unsigned long long)s->line[i]);
        vg_buf_str(&s->out, k == 0 ? ",\"y\":[" : ",");
        vg_buf_float(&s->out, y[k]);
    }
    vg_buf_str(&s->out, "]}\n");
    return VG_OK;
}

/* Steps and prints what was gathered. */
static vg_status flush(struct stepper *s, struct vg_err *err)
{
    vg_status st = VG_OK;

    if (s->n == 0)
        return VG_OK;
    s->model->ops->step(s->model, s->n, s->x, s->memory, s->y, s->scratch);
    for (uint32_t i = 0; st == VG_OK && i < s->n; i++) {
        size_t whole = s->out.len;

        st = print_row(s, i, err);
        if (st != VG_OK)
            s->out.len = whole;
    }
    s->n = 0;
    s->batch++;
    fwrite(s->out.data, 1, s->out.len, stdout);
    vg_buf_clear(&s->out);
    if (fflush(stdout) != 0)
        return vg_fail(err, VG_E_IO, "standard output: %s", strerror(errno));
    return st;
}

/* ---- rows ---- */

static vg_status bad_row(uint64_t line, const char *expected, struct vg_err *err)
{
    return vg_fail(err, VG_E_DECODE, "line %llu: expected %s", (unsigned long long)line, expected);
}

static vg_status read_x(const struct stepper *s, const json_t *v, uint64_t line, float *x,
                        struct vg_err *err)
{
    if (!json_is_array(v) || json_array_size(v) != s->model->inputs)
        return vg_fail(err, VG_E_DECODE,
                       "line %llu: expected \"x\" to be an array of %u numbers, there are %zu",
                       (unsigned long long)line, s->model->inputs, json_array_size(v));
    for (uint32_t i = 0; i < s->model->inputs; i++) {
        const json_t *number = json_array_get(v, i);

        x[i] = (float)json_number_value(number);
        if (!json_is_number(number) || !isfinite(x[i]))
            return vg_fail(
                err, VG_E_DECODE,
                "line %llu: expected \"x\" to be numbers that a float can hold, number %u "
                "is not",
                (unsigned long long)line, i + 1);
    }
    return VG_OK;
}

/* Takes a row into the batch; a stream that is in it already ends it first. */
static vg_status add_row(struct stepper *s, const json_t *row, uint64_t line, struct vg_err *err)
{
    const char *name = json_string_value(json_object_get(row, "stream"));
    struct stream *stream;
    vg_status st;

    if (!name || json_object_size(row) != 2 || !json_object_get(row, "x"))
        return bad_row(line, "{\"stream\":\"NAME\",\"x\":[...]} and nothing else", err);
    stream = find_stream(s, name);
    if (s->n == VG_BATCH_MAX || stream->batch == s->batch) {
        st = flush(s, err);
        if (st != VG_OK)
            return st;
    }
    st = read_x(s, json_object_get(row, "x"), line, s->x + (size_t)s->n * s->model->inputs, err);
    if (st != VG_OK)
        return st;
    stream->batch = s->batch;
    s->name[s->n] = stream->name;
    s->memory[s->n] = stream->memory;
    s->line[s->n++] = line;
    return VG_OK;
}

static vg_status take_line(struct stepper *s, const char *text, size_t n, uint64_t line,
                           struct vg_err *err)
{
    json_error_t e;
    json_t *row = json_loadb(text, n, JSON_REJECT_DUPLICATES, &e);
    vg_status st;

    if (!row)
        return vg_fail(err, VG_E_DECODE, "line %llu: expected a JSON object: %s",
                       (unsigned long long)line, e.text);
    st = add_row(s, row, line, err);
    json_decref(row);
    return st;
}

/* Takes the whole lines of `in` and keeps the rest. */
static vg_status take_lines(struct stepper *s, struct vg_buf *in, uint64_t *line,
                            struct vg_err *err)
{
    size_t at = 0;
    vg_status st = VG_OK;
    char *end;

    while (st == VG_OK && (end = memchr(in->data + at, '\n', in->len - at))) {
        size_t n = (size_t)(end - in->data) - at;

        st = take_line(s, in->data + at, n, ++*line, err);
        at += n + 1;
    }
    in->len -= at;
    memmove(in->data, in->data + at, in->len);
    if (st == VG_OK && in->len > LINE_MAX_BYTES)
        st = bad_row(*line + 1, "a line of at most 8 MiB", err);
    return st;
}

/* Reads what is there; *end when nothing more comes. */
static vg_status read_some(struct vg_buf *in, bool *end, struct vg_err *err)
{
    ssize_t n;

    vg_buf_reserve(in, READ_BYTES);
    do
        n = read(STDIN_FILENO, in->data + in->len, READ_BYTES - 1);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return vg_fail(err, VG_E_IO, "standard input: %s", strerror(errno));
    *end = n == 0;
    in->len += (size_t)n;
    return VG_OK;
}

static vg_status run(struct stepper *s, struct vg_err *err)
{
    struct vg_buf in = VG_BUF_INIT;
    struct vg_err later;
    uint64_t line = 0;
    bool end = false;
    vg_status st = VG_OK;

    while (st == VG_OK && !end) {
        st = read_some(&in, &end, err);
        if (st == VG_OK && end && in.len > 0)
            vg_buf_char(&in, '\n');
        if (st == VG_OK)
            st = take_lines(s, &in, &line, err);
        /* Rows before a bad one are answered. */
        if (st == VG_OK)
            st = flush(s, err);
        else
            (void)flush(s, &later);
    }
    vg_buf_done(&in);
    return st;
}

/* ---- the verb ---- */

static void done(struct stepper *s)
{
    for (size_t i = 0; i < s->slots; i++) {
        free(s->slot[i].name);
        free(s->slot[i].memory);
    }
    free(s->slot);
    free(s->x);
    free(s->y);
    free(s->scratch);
    vg_buf_done(&s->out);
}

static vg_status step_file(const char *path, struct vg_err *err)
{
    struct stepper s = { .batch = 1 };
    struct vg_model *m;
    vg_status st = vg_model_open(path, &m, err);

    if (st != VG_OK)
        return st;
    s.model = m;
    s.x = vg_kernel_alloc(sizeof(float) * VG_BATCH_MAX * m->inputs);
    s.y = vg_kernel_alloc(sizeof(float) * VG_BATCH_MAX * m->outputs);
    s.scratch = vg_kernel_alloc(m->scratch_size);
    st = run(&s, err);
    done(&s);
    m->ops->free(m);
    return st;
}

int vg_model_verb_step(int argc, char **argv)
{
    struct vg_err err;
    char **args;
    int code = vg_command_parse(&command, argc, argv, NULL, &args);

    if (code != VG_COMMAND_GO)
        return code;
    vg_command_disclaim("what a model answers is no finding about a patient");
    vg_kernel_thread_init();
    return step_file(args[0], &err) == VG_OK ? 0 : vg_command_failed(&command, &err);
}
