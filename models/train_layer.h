/* train_layer.h - one layer of a network in training, forward and backward over a window.
 *
 * A layer writes its outputs straight into the inputs of the next one, and its gradients into those
 * of the one before, so rows have strides. Row t n + b is step t of row b of the batch.
 *
 * Letters: n rows of a batch, T steps of a window, R = T n, K inputs and N outputs of a layer,
 * H hidden units, G blocks of H gates.
 */
#ifndef VG_MODELS_TRAIN_LAYER_H
#define VG_MODELS_TRAIN_LAYER_H

#include "models/network.h"
#include "models/train_matrix.h"
#include "models/train_real.h"

struct vg_layer_ops;

/** The parameters of one layer; changed only between passes, shared by all threads then. */
struct vg_layer_weights {
    const struct vg_layer_ops *ops;
    const struct vg_layer *layer;
    const vg_real *tensor[VG_LAYER_TENSORS_MAX]; /**< in the trainee's parameters */
    size_t offset[VG_LAYER_TENSORS_MAX];         /**< of each tensor, in a gradient too */
    bool wants_dx;                               /**< whether a layer before it learns */
    struct vg_matrix *forward, *backward;        /**< backward of a recurrent layer only */
    vg_real *joined; /**< [G, H, K + H] and [G, H] of biases: what those were packed from */
};

/** One layer's part of a pass. */
struct vg_layer_pass {
    const struct vg_layer_weights *weights;
    vg_real *x, *y, *dy, *dx; /**< [R, ...]; dx is NULL when nobody wants it */
    size_t x_stride, y_stride, dy_stride, dx_stride;

    /* a recurrent layer's own; x holds [x, h of the step before] side by side, T + 1 times */
    vg_real *gates;    /**< [R, G, H] after activation, then their gradients before it */
    vg_real *cell;     /**< [R + n, H] c of an LSTM; block t is before step t */
    vg_real *squashed; /**< [R, H] tanh(c) */
    vg_real *carry;    /**< [n, H] gradient of the state */
    vg_real *db;       /**< [G, H] */
};

/** One of the passes that share a batch. */
struct vg_layer_part {
    const struct vg_layer_pass *pass;
    size_t rows; /**< R */
};

enum { VG_LAYER_PARTS_MAX = 16 };

struct vg_layer_ops {
    /** After every change of the parameters; NULL when there is nothing to do. */
    void (*pack)(struct vg_layer_weights *w);
    /** Allocates x and, when training, dx and what else there is, for n and T at most. */
    void (*open)(struct vg_layer_pass *p, uint32_t n, uint32_t steps, bool training);
    void (*close)(struct vg_layer_pass *p);
    /** State 0 for n rows; NULL without state. */
    void (*start)(struct vg_layer_pass *p, uint32_t n);
    /** The state after a pass of n rows and T steps becomes that before the next one, of the first
     *  `next` rows. */
    void (*go_on)(struct vg_layer_pass *p, uint32_t n, uint32_t steps, uint32_t next);
    void (*forward)(struct vg_layer_pass *p, uint32_t n, uint32_t steps);
    /** From dy to dx, and to what gather() needs of both. */
    void (*backward)(struct vg_layer_pass *p, uint32_t n, uint32_t steps);
    /** Units whose gradients are found apart from each other: outputs, gates, variables. */
    size_t (*units)(const struct vg_layer *l);
    /** After backward(): writes the gradient of units [from, to), over all parts in their order, to its
     *  places in `gradient` [P]. Several threads gather different units. */
    void (*gather)(const struct vg_layer_part *part, size_t parts, size_t from, size_t to,
                   vg_real *gradient);
};

extern const struct vg_layer_ops vg_train_dense, vg_train_decay, vg_train_recurrent;

#endif
