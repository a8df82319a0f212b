/* train_checkpoint.c - writes and reads a fit between two epochs. */
#include "models/train_checkpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "models/safetensors.h"
#include "models/safetensors_write.h"

enum { PLACE_SIZE = 256, SEED_SIZE = 24, ARRAYS = 4 };

static const char *const names[ARRAYS] = { "parameter", "moment1", "moment2", "best" };

static void add(struct vg_safetensors_out *out, const char *name, uint32_t size, const vg_real *x)
{
    float *copy = malloc(size * sizeof(*copy));

    VG_CHECK(copy);
    for (uint32_t i = 0; i < size; i++)
        copy[i] = (float)x[i];
    vg_safetensors_add(out, name, 1, &size, copy);
    free(copy);
}

vg_status vg_checkpoint_write(const char *path, const struct vg_fit_identity *identity,
                              const struct vg_fit_state *s, const vg_real *parameter,
                              struct vg_err *err)
{
    const vg_real *const arrays[ARRAYS] = { parameter, s->optimizer.m, s->optimizer.v, s->best };
    struct vg_safetensors_out out = { 0 };
    char place[PLACE_SIZE], seed[SEED_SIZE];
    vg_status st;

    /* Hexadecimal, so that the numbers come back to the bit. */
    snprintf(place, sizeof(place), "%" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu64 " %a %a %a %a",
             s->epochs, s->best_epoch, s->waited, s->optimizer.steps, s->optimizer.beta1_power,
             s->optimizer.beta2_power, s->best_loss, s->loss);
    vg_safetensors_add_text(&out, "kind", "checkpoint");
    snprintf(seed, sizeof(seed), "%" PRIu64, identity->seed);
    vg_safetensors_add_text(&out, "options", identity->options);
    vg_safetensors_add_text(&out, "data", identity->data);
    vg_safetensors_add_text(&out, "seed", seed);
    vg_safetensors_add_text(&out, "place", place);
    for (size_t i = 0; i < ARRAYS; i++)
        add(&out, names[i], (uint32_t)s->optimizer.parameters, arrays[i]);
    st = vg_safetensors_write(&out, path, err);
    vg_safetensors_out_done(&out);
    return st;
}

static bool parse_place(const char *text, struct vg_fit_state *s)
{
    unsigned long long whole[4];
    double real[4];
    char *end;

    for (size_t i = 0; i < VG_ARRAY_LEN(whole); i++, text = end)
        whole[i] = strtoull(text, &end, 10);
    for (size_t i = 0; i < VG_ARRAY_LEN(real); i++, text = end)
        real[i] = strtod(text, &end);
    if (*end != '\0')
        return false;
    s->epochs = (uint32_t)whole[0];
    s->best_epoch = (uint32_t)whole[1];
    s->waited = (uint32_t)whole[2];
    s->optimizer.steps = whole[3];
    s->optimizer.beta1_power = real[0];
    s->optimizer.beta2_power = real[1];
    s->best_loss = real[2];
    s->loss = real[3];
    return true;
}

/* Whether the file is of this fit. What differs is said, for it decides what to do about it. */
static vg_status compare(const struct vg_safetensors *f, const struct vg_fit_identity *identity,
                         struct vg_err *err)
{
    const char *options = vg_safetensors_metadata(f, "options");
    const char *data = vg_safetensors_metadata(f, "data");
    const char *seed = vg_safetensors_metadata(f, "seed");
    struct vg_buf what = VG_BUF_INIT;
    vg_status st = VG_OK;

    if (!options || strcmp(options, identity->options) != 0)
        vg_buf_str(&what, ", recipe");
    if (!data || strcmp(data, identity->data) != 0)
        vg_buf_str(&what, ", data");
    if (!seed || strtoull(seed, NULL, 10) != identity->seed)
        vg_buf_str(&what, ", seed");
    if (what.len)
        st = vg_fail(err, VG_E_CONFIG,
                     "%s: this checkpoint is of a run that differs in %s; go on with what it began "
                     "with, or remove it to start anew",
                     vg_safetensors_path(f), what.data + 2);
    vg_buf_done(&what);
    return st;
}

static vg_status take(struct vg_safetensors *f, const struct vg_fit_identity *identity,
                      struct vg_fit_state *s, vg_real *parameter, struct vg_err *err)
{
    const char *kind = vg_safetensors_metadata(f, "kind");
    const char *place = vg_safetensors_metadata(f, "place");
    vg_real *const arrays[ARRAYS] = { parameter, s->optimizer.m, s->optimizer.v, s->best };
    vg_status st;

    if (!kind || strcmp(kind, "checkpoint") != 0 || !place || !vg_safetensors_sealed(f) ||
        !parse_place(place, s))
        return vg_fail(err, VG_E_MODEL, "%s: expected the checkpoint of a training run",
                       vg_safetensors_path(f));
    st = compare(f, identity, err);
    if (st != VG_OK)
        return st;
    for (size_t i = 0; i < ARRAYS; i++) {
        uint64_t shape[1] = { s->optimizer.parameters };
        const float *value;

        st = vg_safetensors_take(f, names[i], 1, shape, &value, err);

        if (st != VG_OK)
            return st;
        for (size_t j = 0; j < s->optimizer.parameters; j++)
            arrays[i][j] = (vg_real)value[j];
    }
    return VG_OK;
}

vg_status vg_checkpoint_read(const char *path, const struct vg_fit_identity *identity,
                             struct vg_fit_state *s, vg_real *parameter, struct vg_err *err)
{
    struct vg_safetensors *f;
    vg_status st = vg_safetensors_read(path, &f, err);

    if (st != VG_OK)
        return st;
    st = take(f, identity, s, parameter, err);
    vg_safetensors_free(f);
    return st;
}
