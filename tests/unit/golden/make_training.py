#!/usr/bin/python3
"""make_training.py: writes training.txt, PyTorch's gradients and loss curves for test_train_parity.c.

    make_training.py > training.txt           the small networks that the tests use
    make_training.py --seed > training_seed.txt   300 steps of the LSTM of configs/train/seed_lstm.yaml
    make_training.py --full > /tmp/full.txt   the seed's sizes; VIGIL_TRAIN_GOLDEN=/tmp/full.txt then

Nothing is stored that both sides can count out: parameters, then inputs, targets, masks, bases and
weights, are numbers of one generator per case, in [-1, 1), exact in float32. What a case holds:

    case NAME key=value ...
    loss, gradient          of the `first` sequences (0: all) as one batch, in double; each
                            `keep`-th number of it
    curve64, curve32        mean loss of each epoch of training, in double and in float32
"""
import math
import sys

import torch

QUANTILES = {1: [.5], 3: [.05, .5, .95]}
SMALL = [
    dict(name="seed_lstm", network="lstm:6,lstm:6,lstm:6,dense:1", inputs=4, steps=12, last=1,
         rate=1e-3, sequences=64, batch=16),
    dict(name="forecaster", network="lstm:6,lstm:5,dense:12", inputs=6, steps=11, loss="pinball",
         quantiles=3, window=4, clip=.5, decay=1e-3, schedule="cosine", factor=.1),
    dict(name="gru", network="gru:7,gru:5,dense:3", inputs=5, steps=9, decay=1e-2, clip=.3),
    dict(name="rnn", network="rnn:8,rnn:6,dense:2", inputs=4, steps=8, optimizer="sgd", rate=.05,
         momentum=.9, schedule="step", factor=.9, every=10, decay=1e-3),
    dict(name="risk", network="decay:2,lstm:6,dense:1:sigmoid", inputs=6, steps=10, loss="bce"),
    dict(name="classes", network="dense:9:tanh,dense:4", inputs=6, loss="cross_entropy"),
    dict(name="autoencoder", network="dense:8:relu,dense:4:relu,dense:8:relu,dense:20", inputs=20,
         copy=1),
    dict(name="autoencoder_bce", network="dense:8:relu,dense:4:relu,dense:8:relu,dense:20:sigmoid",
         inputs=20, loss="bce"),
    dict(name="mlp", network="dense:12:relu,dense:6:relu,dense:1:sigmoid", inputs=10, loss="bce",
         optimizer="sgd", rate=.1, momentum=.5),
]
# 300 steps, and too many sequences to be learned by heart: then losses vanish, and with them digits.
MANY = dict(batch=32, sequences=960, epochs=10)
FULL = [
    dict(name="seed_lstm", network="lstm:64,lstm:64,lstm:64,dense:1", inputs=8, steps=60, last=1,
         bound=-3, rate=1e-3, **MANY),
    dict(name="gru", network="gru:64,gru:64,dense:24", inputs=32, steps=60, loss="pinball",
         quantiles=3, bound=-3, rate=1e-3, **MANY, window=24),
    dict(name="rnn", network="rnn:64,rnn:64,dense:8", inputs=8, steps=40, bound=-3, rate=1e-3,
         **MANY),
    dict(name="autoencoder", inputs=784, copy=1, bound=-4, rate=1e-3, **MANY,
         network="dense:64:relu,dense:32:relu,dense:64:relu,dense:784"),
    dict(name="mlp", network="dense:128:relu,dense:64:relu,dense:1:sigmoid", inputs=32, loss="bce",
         bound=-3, rate=1e-3, **MANY),
]
SEED = [dict(FULL[0], first=64, keep=101)]
DEFAULTS = dict(first=0, keep=1, steps=1, sequences=16, batch=4, loss="mse", quantiles=0, bound=-1,
                last=0, copy=0, optimizer="adam", rate=.003, momentum=0, decay=0, clip=0, schedule="constant",
                factor=1, every=1, window=0, epochs=75)


class Counter:
    def __init__(self):
        self.state = 1

    def draw(self, *shape):
        numbers = []
        for _ in range(math.prod(shape)):
            self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
            numbers.append((self.state >> 40) / 2**23 - 1)
        return torch.tensor(numbers, dtype=torch.float64).reshape(shape)


def layers_of(case):
    inputs = case["inputs"]
    for text in case["network"].split(","):
        kind, width, *activation = text.split(":")
        width = int(width) * (3 if kind == "decay" else 1)
        yield kind, inputs, width, activation[0] if activation else "linear"
        inputs = width


def shapes(kind, inputs, width):
    if kind == "dense":
        return [(width, inputs), (width,)]
    if kind == "decay":
        return [(width // 3,), (width // 3,)]
    gates = {"lstm": 4, "gru": 3, "rnn": 1}[kind] * width
    return [(gates, inputs), (gates, width), (gates,), (gates,)]


class Network:
    """The layers of a case; recurrent ones are torch.nn's."""

    def __init__(self, case, counter, dtype):
        self.case, self.parameters, self.layers = case, [], []
        for kind, inputs, width, activation in layers_of(case):
            made = [counter.draw(*s).mul(2.0 ** case["bound"]).to(dtype).requires_grad_()
                    for s in shapes(kind, inputs, width)]
            module = None
            if kind in ("lstm", "gru", "rnn"):
                module = getattr(torch.nn, kind.upper())(inputs, width, batch_first=True)
                module = module.to(dtype)
                for name, value in zip(["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"],
                                       made):
                    delattr(module, name)
                    setattr(module, name, torch.nn.Parameter(value.detach()))
                module._flat_weights = [getattr(module, n) for n in module._flat_weights_names]
                made = list(module._flat_weights)
            self.parameters += made
            self.layers.append((kind, module, made, activation))

    def forward(self, x, states):
        """Logits where the loss is BCE; states is changed in place."""
        for i, (kind, module, made, activation) in enumerate(self.layers):
            if module:
                x, states[i] = module(x, states[i])
            elif kind == "decay":
                x, mask, age = x.chunk(3, -1)
                kept = torch.exp(-torch.relu(made[0] * age + made[1]))
                x = torch.cat([mask * x + (1 - mask) * kept * x, mask, age], -1)
            else:
                x = torch.nn.functional.linear(x, made[0], made[1])
                if activation != "linear" and not (self.case["loss"] == "bce" and
                                                   i + 1 == len(self.layers)):
                    x = getattr(torch, activation)(x)
        return x


class Data:
    def __init__(self, case, counter, outputs):
        n, steps, inputs = case["sequences"], case["steps"], case["inputs"]
        targets = {"pinball": outputs // max(case["quantiles"], 1), "cross_entropy": 1}
        targets = targets.get(case["loss"], outputs)
        self.x = counter.draw(n, steps, inputs)
        if case["network"].startswith("decay"):
            third = inputs // 3
            self.x[..., third:2 * third] = (self.x[..., third:2 * third] < 0).double()
            self.x[..., 2 * third:] = self.x[..., 2 * third:] + 1
        self.target = counter.draw(n, steps, targets)
        if case["copy"]:
            self.target = self.x.clone()
        if case["loss"] == "bce":
            self.target = (self.target + 1) / 2
        if case["loss"] == "cross_entropy":
            self.target = torch.floor((self.target + 1) / 2 * outputs)
        self.mask = (counter.draw(n, steps, targets) < .34).double()
        if case["last"]:
            self.mask[:, :-1] = 0
            self.mask[:, -1] = 1
        self.base = counter.draw(n, steps, targets)
        # Rounded as C rounds it.
        self.weight = ((counter.draw(n, steps, 1) + 3).float() / 2).double()


def losses(case, output, data, part):
    """Sum of weighted losses over what is observed, and the weight."""
    dtype = output.dtype
    target, mask = data.target[part].to(dtype), data.mask[part].to(dtype)
    weight = mask * data.weight[part].to(dtype)
    functional = torch.nn.functional
    if case["loss"] == "mse":
        each = (output - target) ** 2
    elif case["loss"] == "bce":
        each = functional.binary_cross_entropy_with_logits(output, target, reduction="none")
    elif case["loss"] == "cross_entropy":
        each = functional.cross_entropy(output.flatten(0, 1), target.flatten().long(),
                                        reduction="none").reshape(weight.shape)
    else:
        levels = QUANTILES[case["quantiles"]]
        middle = levels.index(.5)
        r = output.unflatten(-1, (-1, len(levels)))
        y = [None] * len(levels)
        y[middle] = data.base[part].to(dtype) + r[..., middle]
        for q in range(middle - 1, -1, -1):
            y[q] = y[q + 1] - functional.softplus(r[..., q])
        for q in range(middle + 1, len(levels)):
            y[q] = y[q - 1] + functional.softplus(r[..., q])
        # As C stores them: quantiles are float32.
        levels = [torch.tensor(q, dtype=torch.float32).to(dtype) for q in levels]
        each = sum(torch.maximum(q * (target - v), (q - 1) * (target - v))
                   for q, v in zip(levels, y))
    return (weight * each).sum(), weight.sum()


def rate_of(case, epoch, done, batches):
    if case["schedule"] == "step":
        return case["rate"] * case["factor"] ** (epoch // case["every"])
    if case["schedule"] == "cosine":
        part = (epoch + done / batches) / case["epochs"]
        return case["rate"] * (case["factor"] +
                               (1 - case["factor"]) * .5 * (1 + math.cos(math.pi * part)))
    return case["rate"]


def detach(state):
    return tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()


def train(case, network, data, dtype):
    """The mean loss of each epoch."""
    if case["optimizer"] == "adam":
        optimizer = torch.optim.AdamW(network.parameters, lr=case["rate"],
                                      weight_decay=case["decay"])
    else:
        optimizer = torch.optim.SGD(network.parameters, lr=case["rate"],
                                    momentum=case["momentum"])
    window = case["window"] or case["steps"]
    batches = case["sequences"] // case["batch"] * -(-case["steps"] // window)
    for epoch in range(case["epochs"]):
        total = weights = done = 0
        for first in range(0, case["sequences"], case["batch"]):
            states = [None] * len(network.layers)
            for at in range(0, case["steps"], window):
                part = (slice(first, first + case["batch"]), slice(at, at + window))
                output = network.forward(data.x[part].to(dtype), states)
                states = [detach(s) if s is not None else None for s in states]
                loss, weight = losses(case, output, data, part)
                rate = rate_of(case, epoch, done, batches)
                done += 1
                total, weights = total + loss.item(), weights + weight.item()
                if weight == 0:
                    continue
                optimizer.zero_grad()
                (loss / weight).backward()
                if case["clip"]:
                    torch.nn.utils.clip_grad_norm_(network.parameters, case["clip"])
                optimizer.param_groups[0]["lr"] = rate
                if case["optimizer"] == "sgd" and case["decay"]:
                    with torch.no_grad():
                        for p in network.parameters:
                            p.mul_(1 - rate * case["decay"])
                optimizer.step()
        yield total / weights


def write(case):
    case = {**DEFAULTS, **case}
    outputs = list(layers_of(case))[-1][2]
    print("case", case.pop("name"), *(f"{k}={v}" for k, v in case.items()))
    curves = {}
    for bits, dtype in ((64, torch.float64), (32, torch.float32)):
        counter = Counter()
        network = Network(case, counter, dtype)
        data = Data(case, counter, outputs)
        if bits == 64:
            part = (slice(case["first"] or None), slice(None))
            output = network.forward(data.x[part], [None] * len(network.layers))
            loss, weight = losses(case, output, data, part)
            (loss / weight).backward()
            print("loss", repr((loss / weight).item()))
            gradient = torch.cat([p.grad.flatten() for p in network.parameters])
            print("gradient", *(f"{g:.15g}" for g in gradient[::case["keep"]].tolist()))
        curves[bits] = train(case, network, data, dtype)
        print(f"curve{bits}", *(repr(v) for v in curves[bits]))


def main():
    torch.set_num_threads(1)
    for case in FULL if "--full" in sys.argv else SEED if "--seed" in sys.argv else SMALL:
        write(case)


if __name__ == "__main__":
    main()
