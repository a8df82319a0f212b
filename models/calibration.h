/* calibration.h - three scores of one moment become one, with one explanation (kind `detector`).
 *
 * What other models say of a tick goes in, how unusual that is comes out, as the surprise of
 * models/tail.h. A detector is calibrated with certain models, whose files it names by their SHA-256,
 * and means nothing with others. Letters: C channels, K devices.
 *
 *   fast     r [C], how far each value is from the forecast of the shortest horizon, in the
 *            forecast's own standard deviations, of the channels that have one now. What a patient
 *            suffers shows in the measurements of several devices; what goes wrong with a device (a
 *            probe that slips, a transducer at another height, a damped line) in its own alone. So
 *            each device is left out in turn, and the least that the others say counts: with
 *            D2 = r' P r over the n channels left, P the inverse of their covariance,
 *                score = max(0, min over devices of sqrt(2 D2) - sqrt(2 n - 1)),
 *            which is nearly normal for any n (Fisher 1925): fewer channels are neither more nor
 *            less suspicious. The second greatest of three ticks counts: two of three.
 *   slow     two cumulative sums a channel, up = min(cap, max(0, up + r - drift)) and down likewise
 *            with -r (Page 1954), of the residual of a forecaster that a slow change cannot take
 *            along; score = sum over channels of max(up, down). A channel without a value counts as
 *            one that is as forecast. The least of the newest `hold` ticks counts.
 *   window   the mean squared error of a reconstructed window.
 *
 * x = [fast r, fast 0/1, slow r, slow 0/1, window error] [5, C], then [1] whether the window is
 * valid; errors are the channels' parts of the score. y = surprise of all, then of fast, slow and
 * window (VG_SURPRISE_NONE for one that says nothing), their scores [3], and what share each channel
 * has in the one that is most surprising [C]: from 0 to 1, in sum 1 where the surprise of all is above
 * VG_SURPRISE_NONE, else all 0.
 *     fast    r_c (P r)_c / D2 of the channels that were left; negative ones count as 0. Of the newest
 *             tick whose own score is above 0: of two of three ticks this one may be the third
 *     slow    max(up, down) / sum
 *     window  error / sum
 */
#ifndef VG_MODELS_CALIBRATION_H
#define VG_MODELS_CALIBRATION_H

#include "core/model.h"
#include "models/safetensors_write.h"
#include "models/tail.h"

enum vg_score { VG_SCORE_FAST, VG_SCORE_SLOW, VG_SCORE_WINDOW, VG_SCORES };
extern const char *const vg_score_names[VG_SCORES]; /**< "fast", "slow", "window" */

enum { VG_DEVICES_MAX = VG_CHANNELS, VG_DETECTOR_HOLD_MAX = 60 };

/** Residuals are clipped: no value, however wrong, outweighs all others. */
#define VG_FAST_CLIP 8.0f
#define VG_SLOW_CLIP 6.0f

/** Places in x and y. */
static inline uint32_t vg_detector_inputs(uint32_t channels)
{
    return 5 * channels + 1;
}

enum { VG_DETECTOR_SCORE = 1 + VG_SCORES, VG_DETECTOR_SHARE = 1 + 2 * VG_SCORES };

static inline uint32_t vg_detector_outputs(uint32_t channels)
{
    return VG_DETECTOR_SHARE + channels;
}

/** What is fitted to unremarkable patients. In a file: texts "fast", "slow", "window" (SHA-256 of
 *  that model's file; a score without one is not computed), "drift", "cap", "hold", "threshold"; tensors
 *  "covariance" [C, C], "device" [K, C] of 0 and 1, "sigma_min" [C] and "tail" [3, 4]. */
struct vg_calibration {
    char member[VG_SCORES][65];   /**< hexadecimal; "" for none */
    float sigma_min[VG_CHANNELS]; /**< [C] no forecast is believed to be better, SD of z */
    float covariance[VG_CHANNELS * VG_CHANNELS]; /**< [C, C] of r, positive definite */
    uint32_t devices;                            /**< K */
    uint32_t device[VG_DEVICES_MAX]; /**< [K] bit c: it measures the model's channel c; each channel
                                          belongs to at most one */
    float drift, cap;
    uint32_t hold; /**< ticks, 1..VG_DETECTOR_HOLD_MAX */
    struct vg_tail tail[VG_SCORES];
    float threshold; /**< surprise of all above which an alert is worth its price */
};

/** The calibration of a model, or NULL when it is no detector. */
const struct vg_calibration *vg_detector_calibration(const struct vg_model *model);

/** For models/save.h: what a file of kind `detector` has beyond the common texts. */
void vg_detector_add_texts(struct vg_safetensors_out *out, const struct vg_calibration *c);
void vg_detector_add_tensors(struct vg_safetensors_out *out, uint32_t channels,
                             const struct vg_calibration *c);

/** A question for the self-test that reaches every part: [steps, inputs]. */
void vg_detector_question(uint32_t channels, uint32_t steps, float *x);

#endif
