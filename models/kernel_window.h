/* kernel_window.h - windows of ticks: unpacked for a model, and compared with its answer; part of
 * kernel_form.h.
 *
 * A window is read anew at every tick of every patient, so these two loops are a part of each row's
 * cost. They have no branches, and eight channels side by side: most models have eight.
 */
#ifndef VG_MODELS_KERNEL_WINDOW_H
#define VG_MODELS_KERNEL_WINDOW_H

enum { SIDE_BY_SIDE = 8 };

typedef float eight __attribute__((vector_size(SIDE_BY_SIDE * sizeof(float))));
typedef int16_t seight __attribute__((vector_size(SIDE_BY_SIDE * sizeof(int16_t))));
typedef int32_t ieight __attribute__((vector_size(SIDE_BY_SIDE * sizeof(int32_t))));

BODY void unpack_eight(const int16_t *packed, float unit, float *x, float *mask)
{
    const eight one = { 1, 1, 1, 1, 1, 1, 1, 1 };
    seight steps;

    memcpy(&steps, packed, sizeof(steps));

    ieight there = __builtin_convertvector(steps != INT16_MIN, ieight);
    eight value = unit * __builtin_convertvector(__builtin_convertvector(steps, ieight), eight);
    eight known = (eight)(there & (ieight)one);

    value = (eight)(there & (ieight)value);
    memcpy(x, &value, sizeof(value));
    memcpy(mask, &known, sizeof(known));
}

static void unpack(size_t n, const int16_t *packed, float unit, float *x, float *mask)
{
    size_t i = 0;

    for (; i + SIDE_BY_SIDE <= n; i += SIDE_BY_SIDE)
        unpack_eight(packed + i, unit, x + i, mask + i);
    for (; i < n; i++) {
        x[i] = packed[i] != INT16_MIN ? unit * (float)packed[i] : 0.0f;
        mask[i] = packed[i] != INT16_MIN ? 1.0f : 0.0f;
    }
}

/* Sums over ticks for the eight channels that begin at those pointers; returns the usable entries. */
BODY float eight_channels(size_t channels, size_t ticks, const float *y, const float *x,
                          const float *mask, float *sum)
{
    eight total = { 0 }, usable = { 0 };
    float n = 0.0f;

    for (size_t k = 0; k < ticks * channels; k += channels) {
        eight answer, question, there;

        memcpy(&answer, y + k, sizeof(answer));
        memcpy(&question, x + k, sizeof(question));
        memcpy(&there, mask + k, sizeof(there));

        eight error = (eight)((ieight)(answer - question) & (ieight)(there != 0.0f));

        total += error * error;
        usable += there;
    }
    memcpy(sum, &total, sizeof(total));
    for (size_t i = 0; i < SIDE_BY_SIDE; i++)
        n += usable[i];
    return n;
}

BODY float one_channel(size_t channels, size_t ticks, const float *y, const float *x,
                       const float *mask, float *sum)
{
    float n = 0.0f;

    *sum = 0.0f;
    for (size_t k = 0; k < ticks * channels; k += channels) {
        float error = mask[k] != 0.0f ? y[k] - x[k] : 0.0f;

        *sum += error * error;
        n += mask[k];
    }
    return n;
}

static uint32_t squared_errors(size_t channels, size_t ticks, const float *y, const float *x,
                               const float *mask, float *sum)
{
    float usable = 0.0f;
    size_t c = 0;

    for (; c + SIDE_BY_SIDE <= channels; c += SIDE_BY_SIDE)
        usable += eight_channels(channels, ticks, y + c, x + c, mask + c, sum + c);
    for (; c < channels; c++)
        usable += one_channel(channels, ticks, y + c, x + c, mask + c, sum + c);
    return (uint32_t)usable;
}

#endif
