/* train.h - networks that learn: gradients, losses, optimizers and the loop around them.
 *
 * A trainee is a network (models/network.h), what its outputs mean (struct vg_objective) and its
 * parameters, laid end to end in the order of vg_network_tensor(), in PyTorch's layout. Data comes
 * as sequences through struct vg_train_set. vg_trainee_fit() trains; what comes out is the
 * parameters, for models/safetensors.h to write.
 *
 * The same data, options and seed give the same bytes with any number of workers: a batch is cut
 * into a fixed number of shards, gradients are summed in the order of shards, random numbers are
 * counted and not drawn in turn. On other processors too, with vg_gemm_pinned() (models/gemm.h).
 *
 * Missing is a mask, never a value: what a mask calls 0 adds nothing to a loss or a gradient.
 *
 * Letters: B rows of a batch, T steps, I inputs, O outputs of the last layer, P parameters, and of
 * a quantile head C channels, H horizons, Q quantiles.
 */
#ifndef VG_MODELS_TRAIN_H
#define VG_MODELS_TRAIN_H

#include "core/err.h"
#include "models/network.h"
#include "models/train_real.h"

/* ---- data ---- */

/** Where a set puts the steps of one sequence: step t of `x` is at x + t * x_stride, and so on.
 *  Everything is 0 and every weight 1 before the call, so only what is observed need be written. */
struct vg_train_rows {
    vg_real *x;      /**< [I] */
    vg_real *target; /**< [targets], see vg_objective_targets() */
    vg_real *mask;   /**< [targets]: 1 observed, 0 not */
    vg_real *base;   /**< [C, H] S of a quantile head; NULL without one */
    vg_real *weight; /**< [1] of this step in the loss */
    size_t x_stride, target_stride, mask_stride, base_stride, weight_stride;
};

/** Sequences to learn from or to be judged by; one of memory: vg_train_memory(). */
struct vg_train_set {
    const void *self;
    size_t sequences;
    /** Steps of a sequence, at least 1. */
    uint32_t (*steps)(const void *self, size_t sequence);
    /** Writes steps [from, from + n) of a sequence. Several threads call it at once. */
    void (*read)(const void *self, size_t sequence, uint32_t from, uint32_t n,
                 const struct vg_train_rows *rows);
};

/** One sequence in memory; arrays are dense and belong to the caller. */
struct vg_train_sequence {
    uint32_t steps;      /**< T */
    const float *x;      /**< [T, I] */
    const float *target; /**< [T, targets] */
    const float *mask;   /**< [T, targets], or NULL: all observed */
    const float *base;   /**< [T, C, H], or NULL: zeros */
    const float *weight; /**< [T], or NULL: ones */
};

struct vg_train_memory {
    size_t sequences;
    const struct vg_train_sequence *sequence; /**< [sequences] */
    uint32_t inputs, targets;                 /**< I and targets; base has `targets` as well */
};

/** A set over `memory`, which must outlive it. */
struct vg_train_set vg_train_memory(const struct vg_train_memory *memory);

/* ---- what is learned ---- */

enum vg_loss {
    VG_LOSS_MSE,           /**< (y - target)^2 */
    VG_LOSS_PINBALL,       /**< sum over q of max(q e, (q - 1) e), e = target - y_q */
    VG_LOSS_BCE,           /**< -target log y - (1 - target) log(1 - y) */
    VG_LOSS_CROSS_ENTROPY, /**< -log y[target] */
};

enum { VG_TRAIN_QUANTILES_MAX = 9 };

/**
 * What the outputs of the last layer mean. In all losses the mean is over what is observed:
 * sum of weight mask loss / sum of weight mask, over the outputs and steps of a batch. A loss at
 * the last step only is a mask that is 0 before it.
 *
 *   MSE            y = output; targets [O]
 *   PINBALL        r = output [C, H, Q], with m the place of 0.5: y[m] = S + r[m],
 *                  y[q] = y[q + 1] - softplus(r[q]) below m, y[q] = y[q - 1] + softplus(r[q]) above;
 *                  targets [C, H]; the mean is over C and H, the loss sums over Q
 *   BCE            y = output of a sigmoid layer, or sigmoid(output) of a linear one; targets [O]
 *                  from 0 to 1; computed from the logits, so no output is too sure for it
 *   CROSS_ENTROPY  y = softmax(output) of a linear layer; target [1]: the number of the class
 */
struct vg_objective {
    enum vg_loss loss;
    uint32_t quantiles;                     /**< Q; 0 unless PINBALL */
    float quantile[VG_TRAIN_QUANTILES_MAX]; /**< ascending, 0.5 among them */
};

/** Targets per step for a network of `outputs`. */
uint32_t vg_objective_targets(const struct vg_objective *o, uint32_t outputs);

struct vg_trainee;

/**
 * A trainee with fresh parameters: as PyTorch uniform in +-1/sqrt(H) for recurrent and in
 * +-1/sqrt(K) for dense layers; of a decay layer weight uniform in [0, 1/sqrt(V)) and bias 0.
 * Fails with VG_E_CONFIG when the objective does not fit the network. vg_trainee_free() takes NULL.
 */
VG_NODISCARD vg_status vg_trainee_new(const struct vg_network *network,
                                      const struct vg_objective *objective, uint64_t seed,
                                      struct vg_trainee **ret, struct vg_err *err);
void vg_trainee_free(struct vg_trainee *t);

/** [P], to read or to set between calls. */
vg_real *vg_trainee_parameters(struct vg_trainee *t);
size_t vg_trainee_parameter_count(const struct vg_trainee *t); /**< P */
const struct vg_network *vg_trainee_network(const struct vg_trainee *t);

/* ---- fit ---- */

enum vg_optimizer {
    VG_ADAM, /**< Kingma 2015: p -= rate / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps) */
    VG_SGD,  /**< b = momentum b + g, p -= rate b */
};

enum vg_schedule {
    VG_CONSTANT,
    VG_STEP,   /**< rate factor^(epoch / every), whole epochs */
    VG_COSINE, /**< from rate down to rate factor along half a cosine over all epochs, per batch */
};

/** How far a fit is; passed after every optimizer step and at the end of every epoch. */
struct vg_fit_progress {
    uint32_t epoch, epochs; /**< from 1 */
    size_t batch, batches;  /**< optimizer steps done of those of this epoch */
    bool epoch_done;
    double loss;       /**< mean of the training loss in this epoch so far */
    double validation; /**< loss on the validation set; only when epoch_done, NaN without a set */
    double best;       /**< least validation loss so far */
    uint32_t best_epoch;
    double rate;
    double gradient_norm; /**< of the last step, before clipping */
};

struct vg_fit {
    enum vg_optimizer optimizer;
    double rate;
    double beta1, beta2, epsilon; /**< of Adam */
    double momentum;              /**< of SGD */
    double weight_decay;          /**< decoupled, as AdamW (Loshchilov 2019): p -= rate decay p */
    double clip;                  /**< greatest norm of the whole gradient; 0: none */
    enum vg_schedule schedule;
    double factor;  /**< of the schedule */
    uint32_t every; /**< epochs between steps of VG_STEP */

    uint32_t epochs;
    uint32_t patience; /**< epochs without a better validation loss before the end; 0: all epochs */
    uint32_t batch;    /**< B: sequences learned from together */
    uint32_t window;   /**< steps of truncated back-propagation; state is carried on from window to
                            window and starts at 0 with each sequence. 0: whole sequences */
    uint32_t shards;   /**< parts of a batch whose gradients are summed; changes bytes */
    uint32_t workers;  /**< threads; changes no byte */
    bool in_order;     /**< batches in the order of the set, not shuffled */

    double dropout;        /**< of the inputs of the last layer (inverted: kept ones grow) */
    double drop;           /**< share of observed input values hidden (denoising) */
    double noise;          /**< standard deviation added to the others, nearly normal */
    uint32_t noise_values; /**< the first inputs are values; 0: all of them */
    bool noise_masks;      /**< behind the values come their masks: hiding one clears its mask,
                                  and what is masked already is left alone */

    const char *checkpoint; /**< file written at the end of each epoch, or NULL */
    bool resume;            /**< go on from the checkpoint if there is one */

    /** Called in the caller's thread; false ends the fit. May be NULL. */
    bool (*progress)(void *ctx, const struct vg_fit_progress *p);
    void *ctx;
};

/** Adam 1e-3 (0.9, 0.999, 1e-8), 10 epochs, batch 32, whole sequences, one worker. */
struct vg_fit vg_fit_default(void);

struct vg_fit_result {
    uint32_t epochs;     /**< finished */
    uint32_t best_epoch; /**< whose parameters the trainee has; without validation the last */
    double loss;         /**< training loss of the last finished epoch */
    double best;         /**< validation loss of best_epoch; NaN without a set */
    bool stopped;        /**< progress() asked for the end */
};

/**
 * Trains on `train`. With a validation set (or NULL) the trainee has the parameters of the epoch
 * with the least validation loss afterwards, without one those of the last finished epoch (of the
 * last step when none was finished).
 *
 * A batch is `batch` sequences, of a like length where lengths differ; each window of it is one
 * optimizer step, left out when nothing in it is observed. Fails with VG_E_CONFIG for options out
 * of range or a checkpoint of another fit, VG_E_IO for its file, VG_E_FAILED when the loss is not
 * finite any more: the trainee then has the best parameters so far.
 */
VG_NODISCARD vg_status vg_trainee_fit(struct vg_trainee *t, const struct vg_fit *fit,
                                      const struct vg_train_set *train,
                                      const struct vg_train_set *validation,
                                      struct vg_fit_result *ret, struct vg_err *err);

/* ---- use ---- */

/** Mean loss over a set, each sequence from a state of 0, nothing hidden or dropped. NaN when
 *  nothing is observed. Bytes depend on neither workers nor the order of the set's batches. */
double vg_trainee_loss(struct vg_trainee *t, const struct vg_train_set *set, uint32_t workers);

/**
 * The outputs as the objective understands them (quantiles, probabilities).
 *
 *   write   called for n steps of a sequence from `from` on, in the order of sequences of a batch;
 *           y [n, O], steps `stride` apart; from several threads when workers > 1
 */
typedef void (*vg_predicted)(void *ctx, size_t sequence, uint32_t from, uint32_t n,
                             const vg_real *y, size_t stride);
void vg_trainee_predict(struct vg_trainee *t, const struct vg_train_set *set, uint32_t workers,
                        vg_predicted write, void *ctx);

/** Loss and its gradient [P] over the whole of `set` as one batch, state from 0; for tests. */
double vg_trainee_gradient(struct vg_trainee *t, const struct vg_train_set *set, uint32_t shards,
                           vg_real *gradient);

#endif
