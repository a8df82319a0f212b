/* train_order.c - shuffles by counted random numbers, so that an epoch's order needs no history. */
#include "models/train_order.h"

#include <string.h>

#include "models/train_random.h"

enum { RUN = 16 }; /* batches */

static void swap(size_t *order, size_t i, size_t j)
{
    size_t kept = order[i];

    order[i] = order[j];
    order[j] = kept;
}

/* Longest first within [from, to), ties as they are. Insertion by halves of a merge would be more
 * code; a run of 16 batches is a few hundred entries, and equal lengths cost one comparison each. */
static void sort(const struct vg_train_set *set, size_t *order, size_t from, size_t to)
{
    for (size_t i = from + 1; i < to; i++) {
        const size_t sequence = order[i];
        const uint32_t steps = set->steps(set->self, sequence);
        size_t j = i;

        for (; j > from && set->steps(set->self, order[j - 1]) < steps; j--)
            order[j] = order[j - 1];
        order[j] = sequence;
    }
}

static void swap_batches(size_t *order, uint32_t batch, size_t i, size_t j)
{
    for (size_t k = 0; k < batch && i != j; k++)
        swap(order, i * batch + k, j * batch + k);
}

void vg_train_order(const struct vg_train_set *set, uint32_t batch, bool in_order, uint64_t seed,
                    uint32_t epoch, size_t *order)
{
    const size_t n = set->sequences, run = in_order ? batch : (size_t)RUN * batch;
    const uint64_t stream = vg_draw_stream(seed, VG_DRAW_ORDER, epoch);

    VG_CHECK(batch > 0);
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    for (size_t i = n; i-- > 1 && !in_order;)
        swap(order, i, vg_draw_bits(stream, i) % (i + 1));
    for (size_t from = 0; from < n; from += run)
        sort(set, order, from, n - from < run ? n : from + run);
    for (size_t i = n / batch; i-- > 1 && !in_order;)
        swap_batches(order, batch, i, vg_draw_bits(stream, n + i) % (i + 1));
}

size_t vg_train_windows(const struct vg_train_set *set, uint32_t batch, uint32_t window,
                        const size_t *order)
{
    size_t windows = 0;

    for (size_t i = 0; i < set->sequences; i += batch) {
        uint32_t longest = set->steps(set->self, order[i]);

        windows += window > 0 ? (longest + window - 1) / window : 1;
    }
    return windows;
}
