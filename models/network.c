/* network.c - the text form of networks, and the names and places of their tensors. */
#include "models/network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_SIZE = 24, WORDS_MAX = 3, GATES_LSTM = 4, GATES_GRU = 3 };

static const char *const kind_names[] = {
    [VG_LAYER_DENSE] = "dense", [VG_LAYER_LSTM] = "lstm",   [VG_LAYER_GRU] = "gru",
    [VG_LAYER_RNN] = "rnn",     [VG_LAYER_DECAY] = "decay",
};
static const char *const activation_names[] = {
    [VG_LINEAR] = "linear",
    [VG_RELU] = "relu",
    [VG_SIGMOID] = "sigmoid",
    [VG_TANH] = "tanh",
};

enum { KINDS = sizeof(kind_names) / sizeof(*kind_names) };
enum { ACTIVATIONS = sizeof(activation_names) / sizeof(*activation_names) };

const char *vg_layer_kind_name(enum vg_layer_kind kind)
{
    return kind_names[kind];
}

const char *vg_activation_name(enum vg_activation activation)
{
    return activation_names[activation];
}

/* ---- text ---- */

static int find(const char *word, const char *const *names, int n)
{
    for (int i = 0; i < n; i++) {
        if (strcmp(word, names[i]) == 0)
            return i;
    }
    return -1;
}

/* Splits "dense:64:relu" up to a comma into words. Returns how many, or 0 when there are too many,
 * an empty or a long one; *at moves behind the layer. */
static int split(const char **at, char word[WORDS_MAX][WORD_SIZE])
{
    int words = 0;

    for (;;) {
        size_t n = strcspn(*at, ":,");

        if (words == WORDS_MAX || n == 0 || n >= WORD_SIZE)
            return 0;
        memcpy(word[words], *at, n);
        word[words++][n] = '\0';
        *at += n;
        if (**at != ':')
            return words;
        ++*at;
    }
}

static bool parse_width(const char *word, uint32_t *ret)
{
    char *end;
    unsigned long width = strtoul(word, &end, 10);

    if (*word < '0' || *word > '9' || *end != '\0' || width < 1 || width > VG_LAYER_WIDTH_MAX)
        return false;
    *ret = (uint32_t)width;
    return true;
}

static vg_status refuse(struct vg_err *err, uint32_t index, const char *what)
{
    return vg_fail(err, VG_E_CONFIG,
                   "layer %u: %s; expected a list such as \"lstm:64,lstm:64,dense:32:relu\"",
                   index + 1, what);
}

static vg_status parse_layer(struct vg_layer *l, uint32_t index, int words,
                             char word[WORDS_MAX][WORD_SIZE], struct vg_err *err)
{
    int kind = find(word[0], kind_names, KINDS), activation = VG_LINEAR;

    if (kind < 0)
        return refuse(err, index, "expected dense, lstm, gru, rnn or decay");
    if (words < 2 || !parse_width(word[1], &l->outputs))
        return refuse(err, index, "expected a width from 1 to 4096 after the kind");
    if (words == 3)
        activation = kind == VG_LAYER_DENSE ? find(word[2], activation_names, ACTIVATIONS) : -1;
    if (activation < 0)
        return refuse(err, index,
                      "a dense layer may have an activation, linear, relu, sigmoid or tanh, and "
                      "no other layer has one");
    l->kind = (enum vg_layer_kind)kind;
    l->activation = (enum vg_activation)activation;
    if (l->kind != VG_LAYER_DECAY)
        return VG_OK;
    l->outputs *= 3;
    if (index > 0 || l->outputs != l->inputs)
        return refuse(err, index,
                      "a decay layer must be the first, and have a third of the inputs as "
                      "variables");
    return VG_OK;
}

vg_status vg_network_parse(struct vg_network *n, const char *text, uint32_t inputs,
                           struct vg_err *err)
{
    VG_CHECK(inputs > 0);
    n->layers = 0;
    while (*text) {
        char word[WORDS_MAX][WORD_SIZE];
        struct vg_layer *l = &n->layer[n->layers];
        int words;
        vg_status st;

        if (n->layers == VG_LAYERS_MAX)
            return refuse(err, n->layers, "there are at most 16 layers");
        words = split(&text, word);
        if (words == 0)
            return refuse(err, n->layers, "expected KIND:WIDTH or dense:WIDTH:ACTIVATION");
        l->inputs = inputs;
        st = parse_layer(l, n->layers, words, word, err);
        if (st != VG_OK)
            return st;
        inputs = l->outputs;
        n->layers++;
        if (*text == ',' && *++text == '\0')
            return refuse(err, n->layers, "a layer is missing after the last comma");
    }
    return VG_OK;
}

void vg_network_format(const struct vg_network *n, struct vg_buf *out)
{
    for (uint32_t i = 0; i < n->layers; i++) {
        const struct vg_layer *l = &n->layer[i];
        uint32_t width = l->kind == VG_LAYER_DECAY ? l->outputs / 3 : l->outputs;

        vg_buf_printf(out, "%s%s:%u", i > 0 ? "," : "", kind_names[l->kind], width);
        if (l->activation != VG_LINEAR)
            vg_buf_printf(out, ":%s", activation_names[l->activation]);
    }
}

/* ---- tensors ---- */

static uint32_t gates_of(enum vg_layer_kind kind)
{
    if (kind == VG_LAYER_LSTM)
        return GATES_LSTM;
    return kind == VG_LAYER_GRU ? GATES_GRU : 1;
}

static bool recurrent(enum vg_layer_kind kind)
{
    return kind == VG_LAYER_LSTM || kind == VG_LAYER_GRU || kind == VG_LAYER_RNN;
}

static void name_dense(const struct vg_layer *l, uint32_t number, uint32_t which,
                       struct vg_layer_tensor *t)
{
    snprintf(t->name, sizeof(t->name), "dense.%u.%s", number, which == 0 ? "weight" : "bias");
    t->rank = which == 0 ? 2 : 1;
    t->shape[0] = l->outputs;
    t->shape[1] = l->inputs;
}

static void name_decay(const struct vg_layer *l, uint32_t which, struct vg_layer_tensor *t)
{
    snprintf(t->name, sizeof(t->name), "decay.%s", which == 0 ? "weight" : "bias");
    t->rank = 1;
    t->shape[0] = l->outputs / 3;
}

static void name_recurrent(const struct vg_layer *l, uint32_t number, uint32_t which,
                           struct vg_layer_tensor *t)
{
    static const char *const part[] = { "weight_ih", "weight_hh", "bias_ih", "bias_hh" };

    snprintf(t->name, sizeof(t->name), "%s.%s_l%u", kind_names[l->kind], part[which], number);
    t->rank = which < 2 ? 2 : 1;
    t->shape[0] = gates_of(l->kind) * l->outputs;
    t->shape[1] = which == 0 ? l->inputs : l->outputs;
}

static uint32_t tensors_of(const struct vg_layer *l)
{
    return recurrent(l->kind) ? VG_LAYER_TENSORS_MAX : 2;
}

/* Tensor `which` of a layer that is the `number`-th of its kind, without its place. */
static void describe(const struct vg_layer *l, uint32_t number, uint32_t which,
                     struct vg_layer_tensor *t)
{
    if (l->kind == VG_LAYER_DENSE)
        name_dense(l, number, which, t);
    else if (l->kind == VG_LAYER_DECAY)
        name_decay(l, which, t);
    else
        name_recurrent(l, number, which, t);
    if (t->rank == 1)
        t->shape[1] = 1;
    t->size = (size_t)t->shape[0] * t->shape[1];
}

bool vg_network_tensor(const struct vg_network *n, uint32_t layer, uint32_t which,
                       struct vg_layer_tensor *ret)
{
    uint32_t number = 0;
    size_t offset = 0;

    if (layer >= n->layers || which >= tensors_of(&n->layer[layer]))
        return false;
    for (uint32_t i = 0; i <= layer; i++) {
        const struct vg_layer *l = &n->layer[i];
        uint32_t before = i < layer ? tensors_of(l) : which;

        for (uint32_t w = 0; w < before; w++) {
            describe(l, 0, w, ret);
            offset += ret->size;
        }
        number += i < layer && l->kind == n->layer[layer].kind;
    }
    describe(&n->layer[layer], number, which, ret);
    ret->offset = offset;
    return true;
}

size_t vg_network_parameters(const struct vg_network *n)
{
    struct vg_layer_tensor last;

    if (n->layers == 0)
        return 0;
    vg_network_tensor(n, n->layers - 1, tensors_of(&n->layer[n->layers - 1]) - 1, &last);
    return last.offset + last.size;
}

uint32_t vg_network_outputs(const struct vg_network *n)
{
    return n->layers > 0 ? n->layer[n->layers - 1].outputs : 0;
}

size_t vg_network_state(const struct vg_network *n)
{
    size_t state = 0;

    for (uint32_t i = 0; i < n->layers; i++) {
        if (recurrent(n->layer[i].kind))
            state += (size_t)(n->layer[i].kind == VG_LAYER_LSTM ? 2 : 1) * n->layer[i].outputs;
    }
    return state;
}
