/* score_window.c - medians over the window of a score. */
#include "core/score_window.h"

struct vg_score_moment vg_score_moment(const struct vg_score_chart *score, int64_t log_ns)
{
    int64_t part_ns = score->window_ns / VG_SCORE_PARTS;

    return (struct vg_score_moment){ log_ns, part_ns, log_ns / part_ns };
}

uint32_t vg_score_windows(const struct vg_score_chart *score)
{
    uint32_t n = 0;

    for (uint32_t p = 0; p < score->parameters; p++) {
        for (uint8_t c = 0; c < score->parameter[p].channels; c++)
            n += vg_score_by_window(&score->parameter[p].channel[c]);
    }
    return n;
}

static uint16_t median(const struct vg_score_window *win)
{
    uint16_t sorted[VG_SCORE_PARTS];
    uint32_t n = 0;

    for (uint32_t i = 0; i < VG_SCORE_PARTS; i++) {
        uint32_t j = n;

        if (win->value[i] == 0)
            continue;
        for (; j > 0 && sorted[j - 1] > win->value[i]; j--)
            sorted[j] = sorted[j - 1];
        sorted[j] = win->value[i];
        n++;
    }
    VG_CHECK(n > 0);
    if (n % 2)
        return sorted[n / 2];
    return (uint16_t)((sorted[n / 2 - 1] + sorted[n / 2] + 1) / 2); /* halves upwards, as always */
}

/* Whether the median of a whole window is still what it was: so it is after most changes, and to see
 * that is much cheaper than to sort. */
static bool stands(const struct vg_score_window *win)
{
    uint32_t less = 0, equal = 0, none = 0;

    for (uint32_t i = 0; i < VG_SCORE_PARTS; i++) {
        less += win->value[i] < win->median;
        equal += win->value[i] == win->median;
        none += win->value[i] == 0;
    }
    return none == 0 && less <= VG_SCORE_PARTS / 2 && less + equal > VG_SCORE_PARTS / 2;
}

static uint32_t place_of(int64_t part)
{
    return (uint32_t)((part % VG_SCORE_PARTS + VG_SCORE_PARTS) % VG_SCORE_PARTS);
}

void vg_score_window_keep(struct vg_score_window *window, const struct vg_score_moment *now,
                          int32_t steps)
{
    uint16_t *place = &window->value[place_of(now->part)];
    const uint16_t value = (uint16_t)(steps + VG_SCORE_ZERO);
    bool moved = window->newest_ns < now->part * now->part_ns;
    int64_t gone = moved ? now->part - window->newest_ns / now->part_ns : 0;

    for (int64_t i = 0; i < gone && i < VG_SCORE_PARTS; i++)
        window->value[place_of(now->part - i)] = 0;
    window->newest_ns = now->log_ns;
    if (*place == value)
        return;
    *place = value;
    if (!stands(window))
        window->median = median(window);
}

/* What is proven to be no measurement would be a median of the disturbance, were it to last. */
static bool counts(uint8_t quality, uint8_t reason)
{
    return quality == VG_Q_GOOD || (quality == VG_Q_SUSPECT && !vg_disproved(reason));
}

void vg_score_windows_take(struct vg_score_window *window, const struct vg_score_chart *score,
                           int64_t log_ns, const float *value, const uint8_t *quality,
                           const uint8_t *reason)
{
    const struct vg_score_moment now = vg_score_moment(score, log_ns);

    for (uint32_t p = 0; p < score->parameters; p++) {
        for (uint8_t i = 0; i < score->parameter[p].channels; i++) {
            const struct vg_score_channel *c = &score->parameter[p].channel[i];

            if (!vg_score_by_window(c))
                continue;
            if (counts(quality[c->channel], reason[c->channel]))
                vg_score_window_keep(window, &now, vg_score_round(value[c->channel], c->per_unit));
            window++;
        }
    }
}

struct vg_score_input vg_score_window_input(const struct vg_score_window *window,
                                            const struct vg_score_channel *c, int64_t log_ns)
{
    return (struct vg_score_input){
        .known = window->median != 0 && log_ns - window->newest_ns <= c->expires_ns,
        .newest_ns = window->newest_ns,
        .steps = window->median - VG_SCORE_ZERO,
    };
}
