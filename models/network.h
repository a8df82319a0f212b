/* network.h - a network as data: which layers follow each other, and what their tensors are called.
 *
 * One description serves inference (models/stack.h), training (models/train.h), model files and
 * `vigil model describe`. Layers follow each other without branches. As text, in a file's metadata
 * and in a training configuration:
 *
 *     lstm:64,lstm:64,dense:120              two LSTM layers of 64 units, a linear layer of 120
 *     dense:64:relu,dense:32:relu,dense:784:sigmoid
 *     decay:37,gru:64,dense:1:sigmoid        trainable decay of missing values, then a GRU
 *
 * Letters: B rows of a batch, K inputs and N outputs of a layer, H hidden units (N of a recurrent
 * layer), V variables of a decay layer.
 *
 * Tensors have PyTorch's names, shapes and meaning; <i> counts the layers of that kind from 0.
 *
 *   lstm   lstm.weight_ih_l<i> [4H, K], lstm.weight_hh_l<i> [4H, H], lstm.bias_ih_l<i> [4H],
 *          lstm.bias_hh_l<i> [4H]; gates in the order i, f, g, o (torch.nn.LSTM):
 *            i, f, o = sigmoid(W_ih x + b_ih + W_hh h + b_hh), g = tanh(same)
 *            c' = f c + i g, h' = o tanh(c')
 *   gru    gru.weight_ih_l<i> [3H, K], ... as above with 3H; gates in the order r, z, n
 *          (torch.nn.GRU):
 *            r, z = sigmoid(W_ih x + b_ih + W_hh h + b_hh)
 *            n = tanh(W_in x + b_in + r (W_hn h + b_hn)), h' = (1 - z) n + z h
 *   rnn    rnn.weight_ih_l<i> [H, K], ...: h' = tanh(W_ih x + b_ih + W_hh h + b_hh)
 *          (torch.nn.RNN)
 *   dense  dense.<i>.weight [N, K], dense.<i>.bias [N]: y = activation(W x + b) (torch.nn.Linear)
 *   decay  decay.weight [V], decay.bias [V]; only as the first layer. Input [x, mask, age]
 *          [3, V]: the last value seen (0 before the first), 1 where it is of this step, and
 *          log1p(minutes since it was seen) / 6, which is near 1. Output [xhat, mask, age] [3, V]
 *          with (GRU-D, Che 2018, doi 10.1038/s41598-018-24271-9, formula 10; decay towards the
 *          mean, which is 0)
 *            xhat = mask x + (1 - mask) exp(-max(0, weight age + bias)) x
 */
#ifndef VG_MODELS_NETWORK_H
#define VG_MODELS_NETWORK_H

#include "core/buf.h"
#include "core/err.h"

enum { VG_LAYERS_MAX = 16, VG_LAYER_TENSORS_MAX = 4, VG_LAYER_WIDTH_MAX = 4096 };

enum vg_layer_kind {
    VG_LAYER_DENSE,
    VG_LAYER_LSTM,
    VG_LAYER_GRU,
    VG_LAYER_RNN,
    VG_LAYER_DECAY,
};

enum vg_activation { VG_LINEAR, VG_RELU, VG_SIGMOID, VG_TANH };

struct vg_layer {
    enum vg_layer_kind kind;
    enum vg_activation activation; /**< of a dense layer */
    uint32_t inputs;               /**< K; 3V of a decay layer */
    uint32_t outputs;              /**< N or H; 3V of a decay layer */
};

struct vg_network {
    uint32_t layers;
    struct vg_layer layer[VG_LAYERS_MAX];
};

/** A tensor of a layer: its place within all parameters of the network, laid end to end in the
 *  order of layers and, within a layer, as above. */
struct vg_layer_tensor {
    char name[48];
    uint32_t rank;     /**< 1 or 2 */
    uint32_t shape[2]; /**< row-major */
    size_t offset;     /**< floats before it */
    size_t size;       /**< floats */
};

/** Reads the text form for a network of `inputs` inputs. Fails
 *  with VG_E_CONFIG saying which layer is wrong and what was expected. */
VG_NODISCARD vg_status vg_network_parse(struct vg_network *n, const char *text, uint32_t inputs,
                                        struct vg_err *err);

/** Appends the text form. */
void vg_network_format(const struct vg_network *n, struct vg_buf *out);

/** Tensor `which` (from 0) of layer `layer`; false behind the last of that layer. */
bool vg_network_tensor(const struct vg_network *n, uint32_t layer, uint32_t which,
                       struct vg_layer_tensor *ret);

size_t vg_network_parameters(const struct vg_network *n); /**< floats of all tensors */
uint32_t vg_network_outputs(const struct vg_network *n);  /**< of the last layer */

/** Floats of kept state of one stream: h (and c) of each recurrent layer, in order: h [H], c [H]. */
size_t vg_network_state(const struct vg_network *n);

/** "lstm", "sigmoid", ...: as in the text form. */
const char *vg_layer_kind_name(enum vg_layer_kind kind);
const char *vg_activation_name(enum vg_activation activation);

#endif
