"""PyTorch as a contender (bench/peer.py): its own LSTM and Linear with kept state, scripted and
frozen where that is faster, one thread."""
import torch

import peer

ACTIVATIONS = {"relu": torch.nn.ReLU, "sigmoid": torch.nn.Sigmoid, "tanh": torch.nn.Tanh}


def lstm(layers, values, batch):
    """Layers of one width are one module, as a user would write it."""
    _, inputs, hidden, _ = layers[0]
    module = torch.nn.LSTM(inputs, hidden, num_layers=len(layers))
    for i, tensors in enumerate(values):
        for name, value in zip(("weight_ih", "weight_hh", "bias_ih", "bias_hh"), tensors):
            getattr(module, f"{name}_l{i}").data.copy_(torch.from_numpy(value))
    module.eval()
    state = [torch.zeros(len(layers), batch, hidden), torch.zeros(len(layers), batch, hidden)]

    def step(x):
        y, (state[0], state[1]) = module(torch.from_numpy(x)[None], (state[0], state[1]))
        return y[0]
    return step


def dense(layers, values, batch):
    modules = []
    for (_, inputs, outputs, activation), (weight, bias) in zip(layers, values):
        modules.append(torch.nn.Linear(inputs, outputs))
        modules[-1].weight.data.copy_(torch.from_numpy(weight))
        modules[-1].bias.data.copy_(torch.from_numpy(bias))
        if activation in ACTIVATIONS:
            modules.append(ACTIVATIONS[activation]())
    module = torch.jit.freeze(torch.jit.script(torch.nn.Sequential(*modules).eval()))
    return lambda x: module(torch.from_numpy(x))


def open_network(layers, parameters, batch):
    values = peer.tensors(layers, parameters)
    step = (lstm if layers[0][0] == "lstm" else dense)(layers, values, batch)

    def without_gradients(x):
        with torch.inference_mode():
            return step(x)
    return without_gradients


torch.set_num_threads(1)
peer.serve(open_network)
