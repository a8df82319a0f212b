/* score_window.h - what a score takes of a channel that is measured all the time: a median.
 *
 * The window of the score is cut into parts, each keeps its newest value, rounded as the score's table
 * asks (a median of rounded values is the rounded median), and the median is taken of the parts of the
 * window that ends with the newest value.
 *
 * Flat and zeroed at first sight: it may lie in a patient's memory.
 */
#ifndef VG_CORE_SCORE_WINDOW_H
#define VG_CORE_SCORE_WINDOW_H

#include "core/score.h"

enum { VG_SCORE_PARTS = 15, VG_SCORE_ZERO = INT16_MAX + 1 };

/** Of one patient, score and channel. Values are in steps above -VG_SCORE_ZERO; 0: none. */
struct vg_score_window {
    int64_t newest_ns;              /**< log time of the newest value */
    uint16_t value[VG_SCORE_PARTS]; /**< by number of the part since 1970 */
    uint16_t median;
};

/** A moment on the grid of a score's parts. */
struct vg_score_moment {
    int64_t log_ns, part_ns; /**< the time, and the length of a part */
    int64_t part;            /**< since 1970 */
};

struct vg_score_moment vg_score_moment(const struct vg_score_chart *score, int64_t log_ns);

/** Takes a value in steps; log time never goes back. */
void vg_score_window_keep(struct vg_score_window *window, const struct vg_score_moment *now,
                          int32_t steps);

/** Whether the channel enters as a median; else as its newest value. */
static inline bool vg_score_by_window(const struct vg_score_channel *c)
{
    return !vg_channels[c->channel].episodic;
}

/** How many windows a patient has for this score: one for each channel of each parameter that enters so,
 *  in their order. */
uint32_t vg_score_windows(const struct vg_score_chart *score);

/** Takes what counts of a row: value, quality, reason [VG_CHANNELS], into window [vg_score_windows()]. */
void vg_score_windows_take(struct vg_score_window *window, const struct vg_score_chart *score,
                           int64_t log_ns, const float *value, const uint8_t *quality,
                           const uint8_t *reason);

/** What the window says at `log_ns`. */
struct vg_score_input vg_score_window_input(const struct vg_score_window *window,
                                            const struct vg_score_channel *c, int64_t log_ns);

#endif
