/* detector_fast.c - D2 of the channels that are usable, less any one device. */
#include "models/detector_fast.h"

#include <math.h>
#include <string.h>

/* One Gauss-Jordan step at `k` over the rows and columns in `use`. */
static void eliminate(uint32_t n, uint32_t use, uint32_t k, double m[VG_CHANNELS][VG_CHANNELS])
{
    const double pivot = m[k][k];

    m[k][k] = 1;
    for (uint32_t j = 0; j < n; j++)
        m[k][j] /= pivot;
    for (uint32_t i = 0; i < n; i++) {
        const double factor = m[i][k];

        if (i == k || !vg_has(use, i))
            continue;
        m[i][k] = 0;
        for (uint32_t j = 0; j < n; j++)
            m[i][j] -= factor * m[k][j];
    }
}

/* Inverts the symmetric matrix of the rows and columns in `use`; the others become 0. False where it
 * is not positive definite. */
static bool invert(uint32_t n, uint32_t use, double m[VG_CHANNELS][VG_CHANNELS])
{
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t j = 0; j < n; j++)
            m[i][j] = vg_has(use, i) && vg_has(use, j) ? m[i][j] : 0;
    }
    for (uint32_t k = 0; k < n; k++) {
        if (!vg_has(use, k))
            continue;
        if (!(m[k][k] > 1e-9))
            return false;
        eliminate(n, use, k, m);
    }
    return true;
}

bool vg_precision_init(struct vg_precision *ret, const struct vg_calibration *cal,
                       uint32_t channels, uint32_t use)
{
    ret->usable = use;
    for (uint32_t i = 0; i < channels; i++) {
        for (uint32_t j = 0; j < channels; j++)
            ret->p[i][j] = (double)cal->covariance[i * channels + j];
    }
    if (!invert(channels, use, ret->p))
        return false;
    for (uint32_t k = 0; k < cal->devices; k++) {
        memcpy(ret->inverse[k], ret->p, sizeof(ret->p));
        if (!invert(channels, use & cal->device[k], ret->inverse[k]))
            return false;
    }
    return true;
}

/* ---- fast ---- */

static double times(uint32_t n, const double *a, const double *b)
{
    double sum = 0;

    for (uint32_t c = 0; c < n; c++)
        sum += a[c] * b[c];
    return sum;
}

static uint32_t count(uint32_t set)
{
    return (uint32_t)__builtin_popcount(set);
}

/* The score of the channels in `left`, of which P r is `pr`. */
static double score_of(uint32_t channels, uint32_t left, const double *r, const double *pr)
{
    double d2 = 0;

    for (uint32_t c = 0; c < channels; c++)
        d2 += vg_has(left, c) ? r[c] * pr[c] : 0;
    return sqrt(2 * (d2 > 0 ? d2 : 0)) - sqrt(2.0 * count(left) - 1);
}

/* P r of the channels that device `k` does not measure, from P r of all. */
static void leave_out(const struct vg_calibration *cal, const struct vg_precision *p,
                      uint32_t channels, uint32_t k, const double *pr, double *ret)
{
    double w[VG_CHANNELS];

    for (uint32_t c = 0; c < channels; c++)
        w[c] = vg_has(cal->device[k], c) ? times(channels, p->inverse[k][c], pr) : 0;
    for (uint32_t c = 0; c < channels; c++)
        ret[c] = vg_has(cal->device[k], c) ? 0 : pr[c] - times(channels, p->p[c], w);
}

/* The least score of all but one device. `told` becomes P r of that one. */
static double least_score(const struct vg_calibration *cal, const struct vg_precision *p,
                          uint32_t channels, const double *r, double *told)
{
    double pr[VG_CHANNELS], without[VG_CHANNELS], least;

    for (uint32_t c = 0; c < channels; c++)
        told[c] = pr[c] = times(channels, p->p[c], r);
    least = score_of(channels, p->usable, r, pr);
    for (uint32_t k = 0; k < cal->devices; k++) {
        const uint32_t left = p->usable & ~cal->device[k];
        double score;

        if (left == p->usable)
            continue;
        if (left == 0)
            return 0; /* nobody else has anything to say */
        leave_out(cal, p, channels, k, pr, without);
        score = score_of(channels, left, r, without);
        if (score < least) {
            least = score;
            memcpy(told, without, channels * sizeof(*told));
        }
    }
    return least > 0 ? least : 0;
}

float vg_fast_score(const struct vg_calibration *cal, const struct vg_precision *all,
                    uint32_t channels, const float *residual, const float *usable, float *part)
{
    const struct vg_precision *p = all;
    struct vg_precision some;
    double r[VG_CHANNELS], pr[VG_CHANNELS], score;
    uint32_t use = 0;

    for (uint32_t c = 0; c < channels; c++) {
        use |= usable[c] != 0.0f ? 1U << c : 0;
        r[c] = usable[c] != 0.0f ? (double)residual[c] : 0;
        part[c] = 0.0f;
    }
    if (count(use) < 2)
        return 0.0f;
    if (use != all->usable) {
        if (!vg_precision_init(&some, cal, channels, use))
            return 0.0f;
        p = &some;
    }
    score = least_score(cal, p, channels, r, pr);
    for (uint32_t c = 0; c < channels; c++)
        part[c] = (float)(r[c] * pr[c]);
    return (float)score;
}
