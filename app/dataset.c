/* dataset.c - patients as ticks: parts, scales and what the data are called by. */
#include "app/dataset.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "runtime/hash.h"

/* ---- patients ---- */

struct vg_dataset *vg_dataset_new(const int *channel, uint32_t channels, int64_t tick_ns)
{
    struct vg_dataset *d = calloc(1, sizeof(*d));

    VG_CHECK(d != NULL && channels > 0 && channels <= VG_CHANNELS && tick_ns > 0);
    d->channels = channels;
    d->tick_ns = tick_ns;
    memcpy(d->channel, channel, channels * sizeof(*channel));
    return d;
}

struct vg_dataset_patient *vg_dataset_add(struct vg_dataset *d, const char *id, int64_t first_ns,
                                          uint32_t ticks)
{
    const size_t cells = (size_t)ticks * d->channels;
    struct vg_dataset_patient *p;

    if ((d->patients & (d->patients - 1)) == 0) {
        d->patient = reallocarray(d->patient, d->patients ? (size_t)2 * d->patients : 1,
                                  sizeof(*d->patient));
        VG_CHECK(d->patient != NULL);
    }
    p = &d->patient[d->patients++];
    *p = (struct vg_dataset_patient){ .first_ns = first_ns, .ticks = ticks };
    strncpy(p->id, id, sizeof(p->id) - 1);
    p->value = calloc(cells + 1, sizeof(float));
    p->quality = calloc(cells + 1, 1);
    p->age_s = malloc((cells + 1) * sizeof(float));
    VG_CHECK(p->value != NULL && p->quality != NULL && p->age_s != NULL);
    for (size_t i = 0; i < cells; i++)
        p->age_s[i] = -1.0f;
    return p;
}

void vg_dataset_free(struct vg_dataset *d)
{
    if (!d)
        return;
    for (uint32_t i = 0; i < d->patients; i++) {
        free(d->patient[i].value);
        free(d->patient[i].quality);
        free(d->patient[i].age_s);
        free(d->patient[i].label);
    }
    free(d->patient);
    free(d);
}

/* ---- parts ---- */

double vg_dataset_place(const char *id, const char *salt)
{
    struct vg_buf text = VG_BUF_INIT;
    uint8_t digest[VG_SHA256_SIZE];
    uint64_t bits = 0;

    vg_buf_printf(&text, "%s/%s", salt, id);
    vg_sha256(text.data, text.len, digest);
    vg_buf_done(&text);
    for (int i = 0; i < 8; i++)
        bits = bits << 8 | digest[i];
    return (double)(bits >> 11) / 9007199254740992.0; /* 2^53 */
}

void vg_dataset_split(struct vg_dataset *d, double train, double validation, const char *salt)
{
    for (uint32_t i = 0; i < d->patients; i++) {
        double place = vg_dataset_place(d->patient[i].id, salt);

        if (place < train)
            d->patient[i].part = VG_PART_TRAIN;
        else
            d->patient[i].part = place < train + validation ? VG_PART_VALIDATION : VG_PART_TEST;
    }
}

void vg_dataset_fold(struct vg_dataset *d, uint32_t folds, uint32_t fold, double validation,
                     const char *salt)
{
    struct vg_buf inner = VG_BUF_INIT;

    vg_buf_printf(&inner, "%s/validation", salt);
    for (uint32_t i = 0; i < d->patients; i++) {
        const char *id = d->patient[i].id;

        if ((uint32_t)(vg_dataset_place(id, salt) * folds) == fold)
            d->patient[i].part = VG_PART_TEST;
        else
            d->patient[i].part =
                vg_dataset_place(id, inner.data) < validation ? VG_PART_VALIDATION : VG_PART_TRAIN;
    }
    vg_buf_done(&inner);
}

uint32_t vg_dataset_count(const struct vg_dataset *d, enum vg_part part)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < d->patients; i++)
        n += d->patient[i].part == part;
    return n;
}

/* ---- scales ---- */

static void swap(float *a, float *b)
{
    float t = *a;

    *a = *b;
    *b = t;
}

/* The k-th smallest (from 0); no greater one stands before it afterwards (Hoare's selection). */
static float select_nth(float *x, size_t n, size_t k)
{
    ptrdiff_t low = 0, high = (ptrdiff_t)n - 1, at = (ptrdiff_t)k;

    while (low < high) {
        const float pivot = x[low + (high - low) / 2];
        ptrdiff_t i = low, j = high;

        while (i <= j) {
            while (x[i] < pivot)
                i++;
            while (pivot < x[j])
                j--;
            if (i <= j)
                swap(&x[i++], &x[j--]);
        }
        if (at > j && at < i)
            break;
        if (at <= j)
            high = j;
        else
            low = i;
    }
    return x[k];
}

static float median(float *x, size_t n)
{
    float upper = select_nth(x, n, n / 2), lower = upper;

    if (n % 2 == 0)
        lower = select_nth(x, n / 2, n / 2 - 1);
    return (float)(((double)lower + (double)upper) / 2);
}

static float deviation(const float *x, size_t n)
{
    double mean = 0, sum = 0;

    for (size_t i = 0; i < n; i++)
        mean += (double)x[i];
    mean /= (double)n;
    for (size_t i = 0; i < n; i++)
        sum += ((double)x[i] - mean) * ((double)x[i] - mean);
    return (float)sqrt(sum / (double)n);
}

static size_t gather(const struct vg_dataset *d, enum vg_part part, uint32_t c, float *x)
{
    size_t n = 0;

    for (uint32_t i = 0; i < d->patients; i++) {
        const struct vg_dataset_patient *p = &d->patient[i];

        for (size_t at = c; p->part == part && at < (size_t)p->ticks * d->channels;
             at += d->channels) {
            if (vg_certain(p->quality[at]))
                x[n++] = p->value[at];
        }
    }
    return n;
}

static size_t most_ticks(const struct vg_dataset *d)
{
    size_t n = 0;

    for (uint32_t i = 0; i < d->patients; i++)
        n += d->patient[i].ticks;
    return n;
}

vg_status vg_dataset_scale(const struct vg_dataset *d, enum vg_part part,
                           struct vg_dataset_scale *ret, struct vg_err *err)
{
    float *x = calloc(most_ticks(d) + 1, sizeof(float));
    vg_status st = VG_OK;

    VG_CHECK(x != NULL);
    *ret = (struct vg_dataset_scale){ { 0 }, { 0 } };
    for (uint32_t c = 0; c < d->channels && st == VG_OK; c++) {
        size_t n = gather(d, part, c, x);
        float spread;

        if (n == 0) {
            st = vg_fail(err, VG_E_FAILED, "the training data have no value of channel %s",
                         vg_channels[d->channel[c]].name);
            break;
        }
        spread = deviation(x, n);
        ret->mean[c] = median(x, n);
        for (size_t i = 0; i < n; i++)
            x[i] = fabsf(x[i] - ret->mean[c]);
        ret->scale[c] = 1.4826f * median(x, n);
        if (ret->scale[c] <= 0.0f)
            ret->scale[c] = spread > 0.0f ? spread : 1.0f;
    }
    free(x);
    return st;
}

/* ---- what they are called by ---- */

static void hash_patient(const struct vg_dataset *d, const struct vg_dataset_patient *p,
                         struct vg_buf *scratch, struct vg_buf *all)
{
    const size_t cells = (size_t)p->ticks * d->channels;
    uint8_t digest[VG_SHA256_SIZE];
    uint8_t part = (uint8_t)p->part;

    vg_buf_clear(scratch);
    vg_buf_add(scratch, p->id, sizeof(p->id));
    vg_buf_add(scratch, &p->first_ns, sizeof(p->first_ns));
    vg_buf_add(scratch, &part, sizeof(part));
    vg_buf_add(scratch, p->value, cells * sizeof(float));
    vg_buf_add(scratch, p->quality, cells);
    vg_buf_add(scratch, p->age_s, cells * sizeof(float));
    vg_sha256(scratch->data, scratch->len, digest);
    vg_buf_add(all, digest, sizeof(digest));
}

void vg_dataset_sha256(const struct vg_dataset *d, char out[65])
{
    struct vg_buf scratch = VG_BUF_INIT, all = VG_BUF_INIT;

    for (uint32_t c = 0; c < d->channels; c++)
        vg_buf_printf(&all, "%s,", vg_channels[d->channel[c]].name);
    vg_buf_printf(&all, "%lld\n", (long long)d->tick_ns);
    for (uint32_t i = 0; i < d->patients; i++)
        hash_patient(d, &d->patient[i], &scratch, &all);
    vg_sha256_hex(all.data, all.len, out);
    vg_buf_done(&scratch);
    vg_buf_done(&all);
}
