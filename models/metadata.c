/* metadata.c - reads the contract of a model file and runs its self-test. */
#include "models/metadata.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "models/kernel.h"

enum { ITEM_SIZE = 64, SELFTEST_MAX = 4096 };

static const float tolerance = 1e-5f;

vg_status vg_metadata_text(const struct vg_safetensors *f, const char *key, const char **ret,
                           struct vg_err *err)
{
    *ret = vg_safetensors_metadata(f, key);
    if (!*ret)
        return vg_fail(err, VG_E_MODEL, "%s: expected \"%s\" in \"__metadata__\", there is none",
                       vg_safetensors_path(f), key);
    return VG_OK;
}

/* ---- comma lists ---- */

/* Copies the next item and moves *s behind its comma; *s is NULL after the last one. */
static bool next_item(const char **s, char item[ITEM_SIZE])
{
    size_t n = strcspn(*s, ",");

    if (n == 0 || n >= ITEM_SIZE)
        return false;
    memcpy(item, *s, n);
    item[n] = '\0';
    *s = (*s)[n] == ',' ? *s + n + 1 : NULL;
    return true;
}

/* Reads one item into entry `i` of `into`. */
typedef bool (*read_fn)(const char *item, uint32_t i, void *into);

static vg_status read_list(const struct vg_safetensors *f, const char *key, uint32_t max,
                           read_fn read, const char *what, void *into, uint32_t *ret_n,
                           struct vg_err *err)
{
    const char *s;
    char item[ITEM_SIZE];
    uint32_t n = 0;
    vg_status st = vg_metadata_text(f, key, &s, err);

    if (st != VG_OK)
        return st;
    for (; s; n++) {
        if (n == max || !next_item(&s, item) || !read(item, n, into))
            return vg_fail(err, VG_E_MODEL,
                           "%s: metadata \"%s\": expected 1 to %u %s with commas between and no "
                           "spaces; number %u is wrong",
                           vg_safetensors_path(f), key, max, what, n + 1);
    }
    *ret_n = n;
    return VG_OK;
}

static bool read_number(const char *item, uint32_t i, void *into)
{
    float *numbers = into;
    double value;

    if (!vg_parse_double(item, &value) || !isfinite((float)value))
        return false;
    numbers[i] = (float)value;
    return true;
}

static bool read_duration(const char *item, uint32_t i, void *into)
{
    int64_t *durations = into;

    return vg_parse_duration(item, &durations[i]) && durations[i] > 0;
}

static bool read_channel(const char *item, uint32_t i, void *into)
{
    int *channels = into;

    channels[i] = vg_channel_find(item);
    for (uint32_t k = 0; k < i; k++) {
        if (channels[k] == channels[i])
            return false;
    }
    return channels[i] != VG_CHANNEL_NONE;
}

/* Units belong to the channels that `into` names. */
static bool read_unit(const char *item, uint32_t i, void *into)
{
    const struct vg_model *m = into;

    return i < m->channels && strcmp(item, vg_channels[m->channel[i]].ucum) == 0;
}

vg_status vg_metadata_numbers(const struct vg_safetensors *f, const char *key, uint32_t max,
                              float *ret, uint32_t *ret_n, struct vg_err *err)
{
    return read_list(f, key, max, read_number, "finite numbers", ret, ret_n, err);
}

vg_status vg_metadata_durations(const struct vg_safetensors *f, const char *key, uint32_t max,
                                int64_t *ret_ns, uint32_t *ret_n, struct vg_err *err)
{
    return read_list(f, key, max, read_duration, "durations such as 10s", ret_ns, ret_n, err);
}

/* ---- the common part ---- */

static vg_status expect_text(const struct vg_safetensors *f, const char *key, const char *expected,
                             struct vg_err *err)
{
    const char *text;
    vg_status st = vg_metadata_text(f, key, &text, err);

    if (st == VG_OK && strcmp(text, expected) != 0)
        return vg_fail(err, VG_E_MODEL, "%s: metadata \"%s\": expected \"%s\", it is \"%.40s\"",
                       vg_safetensors_path(f), key, expected, text);
    return st;
}

static vg_status read_hash(const struct vg_safetensors *f, struct vg_err *err)
{
    const char *text;
    vg_status st = vg_metadata_text(f, "training_data_sha256", &text, err);

    if (st == VG_OK && (strlen(text) != 64 || strspn(text, "0123456789abcdef") != 64))
        return vg_fail(err, VG_E_MODEL,
                       "%s: metadata \"training_data_sha256\": expected 64 hexadecimal digits",
                       vg_safetensors_path(f));
    return st;
}

static vg_status same_count(const struct vg_safetensors *f, const char *key, uint32_t n,
                            const struct vg_model *m, struct vg_err *err)
{
    if (n != m->channels)
        return vg_fail(err, VG_E_MODEL,
                       "%s: metadata \"%s\": expected %u entries, one per channel, there are %u",
                       vg_safetensors_path(f), key, m->channels, n);
    return VG_OK;
}

static vg_status read_scales(const struct vg_safetensors *f, struct vg_model *m, struct vg_err *err)
{
    uint32_t n = 0;
    vg_status st = vg_metadata_numbers(f, "mean", VG_CHANNELS, m->mean, &n, err);

    if (st == VG_OK)
        st = same_count(f, "mean", n, m, err);
    if (st == VG_OK)
        st = vg_metadata_numbers(f, "scale", VG_CHANNELS, m->scale, &n, err);
    if (st == VG_OK)
        st = same_count(f, "scale", n, m, err);
    for (uint32_t c = 0; st == VG_OK && c < m->channels; c++) {
        if (m->scale[c] <= 0.0f)
            st = vg_fail(err, VG_E_MODEL, "%s: metadata \"scale\": expected numbers above 0",
                         vg_safetensors_path(f));
    }
    return st;
}

static vg_status read_channels(const struct vg_safetensors *f, struct vg_model *m,
                               struct vg_err *err)
{
    uint32_t n = 0;
    vg_status st = read_list(f, "channels", VG_CHANNELS, read_channel, "different channel names",
                             m->channel, &m->channels, err);

    if (st == VG_OK)
        st = read_list(f, "units", VG_CHANNELS, read_unit,
                       "UCUM units, those of core/channels.def for the channels", m, &n, err);
    if (st == VG_OK)
        st = same_count(f, "units", n, m, err);
    return st;
}

vg_status vg_metadata_common(const struct vg_safetensors *f, const char *kind, struct vg_model *m,
                             struct vg_err *err)
{
    uint32_t n = 0;
    vg_status st = expect_text(f, "vigil.schema", "1", err);

    if (st == VG_OK)
        st = expect_text(f, "kind", kind, err);
    if (st == VG_OK)
        st = read_channels(f, m, err);
    if (st == VG_OK)
        st = read_scales(f, m, err);
    if (st == VG_OK)
        st = vg_metadata_durations(f, "tick", 1, &m->tick_ns, &n, err);
    if (st == VG_OK)
        st = read_hash(f, err);
    memcpy(m->sha256, vg_safetensors_sha256(f), sizeof(m->sha256));
    return st;
}

/* ---- self-test ---- */

/* The largest difference over all steps; infinite when an output is not a number. */
static float largest_difference(const struct vg_model *m, uint64_t steps, const float *input,
                                const float *output)
{
    void *memory = vg_kernel_alloc(m->memory_size), *scratch = vg_kernel_alloc(m->scratch_size);
    float *y = vg_kernel_alloc(m->outputs * sizeof(float));
    float largest = 0.0f;

    for (uint64_t t = 0; t < steps; t++) {
        m->ops->step(m, 1, input + t * m->inputs, &memory, y, scratch);
        for (uint32_t i = 0; i < m->outputs; i++) {
            float d = fabsf(y[i] - output[t * m->outputs + i]);

            largest = isnan(d) ? INFINITY : fmaxf(largest, d);
        }
    }
    free(memory);
    free(scratch);
    free(y);
    return largest;
}

vg_status vg_metadata_selftest(struct vg_safetensors *f, const struct vg_model *m,
                               struct vg_err *err)
{
    uint64_t in[2] = { 0, m->inputs }, out[2] = { 0, m->outputs };
    const float *input, *output;
    float largest;
    vg_status st = vg_safetensors_take(f, "selftest.input", 2, in, &input, err);

    out[0] = in[0];
    if (st == VG_OK)
        st = vg_safetensors_take(f, "selftest.output", 2, out, &output, err);
    if (st == VG_OK)
        st = vg_safetensors_all_taken(f, err);
    if (st != VG_OK)
        return st;
    if (in[0] > SELFTEST_MAX)
        return vg_fail(err, VG_E_MODEL, "%s: tensor selftest.input: expected at most %d steps",
                       vg_safetensors_path(f), SELFTEST_MAX);
    largest = largest_difference(m, in[0], input, output);
    if (!(largest <= tolerance))
        return vg_fail(err, VG_E_MODEL,
                       "%s: self-test: expected outputs within %g of those in the file, the "
                       "largest difference is %g: weights, gate order or shapes do not mean what "
                       "they say",
                       vg_safetensors_path(f), (double)tolerance, (double)largest);
    return VG_OK;
}
