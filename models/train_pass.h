/* train_pass.h - a whole network over one window of some rows: what one thread works on.
 *
 * Letters: n rows, T steps, R = T n, O outputs.
 */
#ifndef VG_MODELS_TRAIN_PASS_H
#define VG_MODELS_TRAIN_PASS_H

#include "models/train.h"
#include "models/train_layer.h"
#include "models/train_loss.h"

/** Units [from, to) of one layer, whose gradients one thread gathers. */
struct vg_gradient_piece {
    uint32_t layer;
    size_t from, to;
};

/** Each layer has at most this many. */
enum { VG_PIECES_OF_LAYER = 4 };

/** The network as all passes share it. */
struct vg_pass_network {
    struct vg_network network; /**< as computed: BCE takes logits, so its last layer is linear */
    struct vg_objective objective;
    struct vg_layer_weights layer[VG_LAYERS_MAX];
    struct vg_gradient_piece piece[VG_LAYERS_MAX * VG_PIECES_OF_LAYER];
    uint32_t pieces;
    uint32_t targets;
};

/** Lays the layers over parameters [P], which must outlive it. */
void vg_pass_network_init(struct vg_pass_network *net, const struct vg_network *network,
                          const struct vg_objective *objective, const vg_real *parameters);
void vg_pass_network_done(struct vg_pass_network *net);
/** After the parameters changed: layer by layer, or all. */
void vg_pass_network_pack_layer(struct vg_pass_network *net, uint32_t layer);
void vg_pass_network_pack(struct vg_pass_network *net);

/** What is random in a pass; all 0: nothing. */
struct vg_pass_noise {
    double dropout, drop, noise; /**< of struct vg_fit */
    uint32_t values;
    bool masks;
    uint64_t seed, step; /**< of the optimizer */
    /** Row r of the pass is row first + r apart of the batch: what is drawn for a row depends on
     *  its place in the batch only. */
    size_t first, apart;
};

struct vg_pass;

/** Memory for n rows and T steps at most. */
struct vg_pass *vg_pass_new(const struct vg_pass_network *net, uint32_t rows, uint32_t steps,
                            bool training);
void vg_pass_free(struct vg_pass *p);

/** Begins with `n` sequences, given by number, in a state of 0. */
void vg_pass_start(struct vg_pass *p, uint32_t n, const size_t *sequence);

/**
 * Reads steps [from, from + steps) and computes the outputs. The first `n` rows take part, which
 * may be fewer than in the window before: their states are carried on.
 */
void vg_pass_forward(struct vg_pass *p, const struct vg_train_set *set, uint32_t n, uint32_t from,
                     uint32_t steps, const struct vg_pass_noise *noise);

/** Adds the loss of row `row` of the window. */
void vg_pass_loss_row(struct vg_pass *p, uint32_t row, struct vg_loss_sum *sum);

/** Loss of the window, and the gradients of all inputs and sums, of the total and not the mean. */
struct vg_loss_sum vg_pass_backward(struct vg_pass *p);

/**
 * After vg_pass_backward() of all `n` passes: one piece of the gradient [P] over all of them, in
 * their order, overwritten. Several threads gather different pieces.
 */
void vg_pass_gather(struct vg_pass *const *pass, uint32_t n, uint32_t piece, vg_real *gradient);

/** Outputs [R, O] of the window as the objective understands them. */
const vg_real *vg_pass_finish(struct vg_pass *p);

#endif
