/* metadata.c - reads what a model file says about itself. */
#include "models/metadata.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"

enum { ITEM_SIZE = 64 };

vg_status vg_metadata_wrong(const struct vg_safetensors *f, const char *key, const char *expected,
                            struct vg_err *err)
{
    return vg_fail(err, VG_E_MODEL, "%s: metadata \"%s%s\": expected %s", vg_safetensors_path(f),
                   vg_safetensors_prefix(f), key, expected);
}

vg_status vg_metadata_text(const struct vg_safetensors *f, const char *key, const char **ret,
                           struct vg_err *err)
{
    *ret = vg_safetensors_metadata(f, key);
    if (!*ret)
        return vg_fail(err, VG_E_MODEL, "%s: expected \"%s%s\" in \"__metadata__\", there is none",
                       vg_safetensors_path(f), vg_safetensors_prefix(f), key);
    return VG_OK;
}

vg_status vg_metadata_expect(const struct vg_safetensors *f, const char *key, const char *expected,
                             struct vg_err *err)
{
    const char *text;
    vg_status st = vg_metadata_text(f, key, &text, err);

    if (st == VG_OK && strcmp(text, expected) != 0)
        return vg_fail(err, VG_E_MODEL, "%s: metadata \"%s%s\": expected \"%s\", it is \"%.40s\"",
                       vg_safetensors_path(f), vg_safetensors_prefix(f), key, expected, text);
    return st;
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
                           "%s: metadata \"%s%s\": expected 1 to %u %s with commas between and no "
                           "spaces; number %u is wrong",
                           vg_safetensors_path(f), vg_safetensors_prefix(f), key, max, what, n + 1);
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
    return channels[i] != VG_CHANNEL_NONE && channels[i] < VG_MEASURED;
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

vg_status vg_metadata_integer(const struct vg_safetensors *f, const char *key, uint32_t min,
                              uint32_t max, uint32_t *ret, struct vg_err *err)
{
    const char *text;
    int64_t value;
    vg_status st = vg_metadata_text(f, key, &text, err);

    if (st != VG_OK)
        return st;
    if (!vg_parse_int(text, &value) || value < min || value > max)
        return vg_fail(err, VG_E_MODEL, "%s: metadata \"%s%s\": expected an integer from %u to %u",
                       vg_safetensors_path(f), vg_safetensors_prefix(f), key, min, max);
    *ret = (uint32_t)value;
    return VG_OK;
}

/* ---- the common part ---- */

static vg_status read_hash(const struct vg_safetensors *f, struct vg_model *m, struct vg_err *err)
{
    static const char key[] = "training_data_sha256";
    const char *text;
    vg_status st = vg_metadata_text(f, key, &text, err);

    if (st != VG_OK)
        return st;
    if (strlen(text) != sizeof(m->training_data_sha256) - 1 ||
        text[strspn(text, "0123456789abcdef")] != '\0')
        return vg_metadata_wrong(f, key, "64 hexadecimal digits", err);
    memcpy(m->training_data_sha256, text, sizeof(m->training_data_sha256));
    return VG_OK;
}

vg_status vg_metadata_kind(const struct vg_safetensors *f, const char *kind, struct vg_model *m,
                           struct vg_err *err)
{
    vg_status st = vg_metadata_expect(f, "kind", kind, err);

    if (st == VG_OK)
        st = read_hash(f, m, err);
    memcpy(m->sha256, vg_safetensors_sha256(f), sizeof(m->sha256));
    m->sealed = vg_safetensors_sealed(f);
    return st;
}

static vg_status same_count(const struct vg_safetensors *f, const char *key, uint32_t n,
                            uint32_t expected, struct vg_err *err)
{
    if (n != expected)
        return vg_fail(err, VG_E_MODEL,
                       "%s: metadata \"%s%s\": expected %u entries, one per channel or variable, "
                       "there are %u",
                       vg_safetensors_path(f), vg_safetensors_prefix(f), key, expected, n);
    return VG_OK;
}

/* "mean" and "scale", `expected` numbers each. */
static vg_status read_scales(const struct vg_safetensors *f, uint32_t expected, float *mean,
                             float *scale, struct vg_err *err)
{
    uint32_t n = 0;
    vg_status st = vg_metadata_numbers(f, "mean", expected, mean, &n, err);

    if (st == VG_OK)
        st = same_count(f, "mean", n, expected, err);
    if (st == VG_OK)
        st = vg_metadata_numbers(f, "scale", expected, scale, &n, err);
    if (st == VG_OK)
        st = same_count(f, "scale", n, expected, err);
    for (uint32_t c = 0; st == VG_OK && c < expected; c++) {
        if (scale[c] <= 0.0f)
            st = vg_metadata_wrong(f, "scale", "numbers above 0", err);
    }
    return st;
}

static vg_status read_channels(const struct vg_safetensors *f, struct vg_model *m,
                               struct vg_err *err)
{
    uint32_t n = 0;
    vg_status st = read_list(f, "channels", VG_CHANNELS, read_channel,
                             "different names of measured channels", m->channel, &m->channels, err);

    if (st == VG_OK)
        st = read_list(f, "units", VG_CHANNELS, read_unit,
                       "UCUM units, those of core/channels.def for the channels", m, &n, err);
    if (st == VG_OK)
        st = same_count(f, "units", n, m->channels, err);
    return st;
}

vg_status vg_metadata_common(const struct vg_safetensors *f, const char *kind, struct vg_model *m,
                             struct vg_err *err)
{
    uint32_t n = 0;
    vg_status st = vg_metadata_kind(f, kind, m, err);

    if (st == VG_OK)
        st = read_channels(f, m, err);
    if (st == VG_OK)
        st = read_scales(f, m->channels, m->mean, m->scale, err);
    if (st == VG_OK)
        st = vg_metadata_durations(f, "tick", 1, &m->tick_ns, &n, err);
    return st;
}

/* ---- variables ---- */

static uint32_t count_items(const char *list)
{
    uint32_t n = 1;

    for (; *list; list++)
        n += *list == ',';
    return n;
}

/* Lays the names out behind the variables. */
static bool read_names(const char *list, struct vg_variable *variable, uint32_t n)
{
    char *names = (char *)(variable + n);

    for (uint32_t i = 0; i < n; i++) {
        char item[ITEM_SIZE];

        if (!next_item(&list, item) ||
            item[strspn(item, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")])
            return false;
        for (uint32_t k = 0; k < i; k++) {
            if (strcmp(variable[k].name, item) == 0)
                return false;
        }
        memcpy(names, item, strlen(item) + 1);
        variable[i].name = names;
        names += strlen(item) + 1;
    }
    return true;
}

static vg_status read_variable_scales(const struct vg_safetensors *f, struct vg_variable *variable,
                                      uint32_t n, struct vg_err *err)
{
    float *numbers = calloc((size_t)2 * n, sizeof(float));
    vg_status st;

    VG_CHECK(numbers);
    st = read_scales(f, n, numbers, numbers + n, err);
    for (uint32_t i = 0; i < n; i++) {
        variable[i].mean = numbers[i];
        variable[i].scale = numbers[n + i];
    }
    free(numbers);
    return st;
}

vg_status vg_metadata_variables(const struct vg_safetensors *f, struct vg_variable **ret,
                                uint32_t *ret_n, struct vg_err *err)
{
    const char *list;
    struct vg_variable *variable;
    uint32_t n;
    vg_status st = vg_metadata_text(f, "variables", &list, err);

    if (st != VG_OK)
        return st;
    n = count_items(list);
    variable = calloc(1, n * sizeof(*variable) + strlen(list) + 1);
    VG_CHECK(variable);
    if (n > VG_VARIABLES_MAX || !read_names(list, variable, n))
        st = vg_metadata_wrong(f, "variables",
                               "1 to 1024 different names of letters, digits, '.', '_' and '-' "
                               "with commas between, each shorter than 64",
                               err);
    if (st == VG_OK)
        st = read_variable_scales(f, variable, n, err);
    if (st != VG_OK) {
        free(variable);
        return st;
    }
    *ret = variable;
    *ret_n = n;
    return VG_OK;
}
