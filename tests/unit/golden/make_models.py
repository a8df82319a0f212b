#!/usr/bin/python3
"""Writes one small untrained model file of each kind, whose self-test PyTorch computed.

    /usr/bin/python3 tests/unit/golden/make_models.py

Run by hand when the contract of models/metadata.h changes; the files are committed, so that nothing
but this script needs PyTorch (Debian: python3-torch). The formulas here are PyTorch's modules and
functions, in single precision; client/python/vigil_export.py only lays out the bytes. The same
versions give the same files. lstm.safetensors and dense.safetensors are older; they stay.
"""
import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "client/python"))
import vigil_export  # noqa: E402

STEPS = 20
CHANNELS = {
    "training_data_sha256": "5" * 64,
    "channels": "hr,spo2,rr",
    "units": "/min,%,/min",
    "mean": "84,97,18",
    "scale": "15,2,4.5",
    "tick": "30s",
}
RECURRENT = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


def write(name, texts, tensors, x, y):
    tensors = {n: t.detach().numpy() for n, t in tensors.items()}
    tensors |= {"selftest.input": x.numpy(), "selftest.output": y.detach().numpy()}
    texts = {"vigil.schema": "2", **texts}
    (HERE / f"{name}.safetensors").write_bytes(vigil_export.to_bytes(texts, tensors))


class Network(nn.Module):
    """A text of models/network.h as PyTorch modules, one per layer."""

    def __init__(self, text, inputs):
        super().__init__()
        self.text, self.parts = text, nn.ModuleList()
        self.kinds, self.activations = [], []
        for word in text.split(","):
            kind, width, *activation = word.split(":")
            width = int(width)
            if kind == "dense":
                self.parts.append(nn.Linear(inputs, width))
            elif kind == "decay":
                self.parts.append(Decay(width))
                width *= 3
            else:
                self.parts.append(RECURRENT[kind](inputs, width, batch_first=True))
            self.kinds.append(kind)
            self.activations.append(activation[0] if activation else "linear")
            inputs = width

    def forward(self, x):
        """x [T, I] of one stream -> [T, O]"""
        for kind, activation, part in zip(self.kinds, self.activations, self.parts):
            if kind in RECURRENT:
                x = part(x[None])[0][0]
            else:
                x = part(x)
            x = x if activation == "linear" else getattr(torch, activation)(x)
        return x

    def tensors(self, prefix=""):
        count, out = {}, {}
        for kind, part in zip(self.kinds, self.parts):
            n = count[kind] = count.get(kind, -1) + 1
            for name, value in part.state_dict().items():
                if kind == "dense":
                    name = f"dense.{n}.{name}"
                elif kind == "decay":
                    name = f"decay.{name}"
                else:
                    name = f"{kind}.{name.replace('_l0', f'_l{n}')}"
                out[prefix + name] = value
        return out


class Decay(nn.Module):
    """The trainable decay of missing values of models/network.h."""

    def __init__(self, variables):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(variables))
        self.bias = nn.Parameter(torch.rand(variables) - 0.3)

    def forward(self, x):
        value, mask, age = x.chunk(3, dim=-1)
        gamma = torch.exp(-functional.relu(self.weight * age + self.bias))
        return torch.cat([mask * value + (1 - mask) * gamma * value, mask, age], dim=-1)


def features(words, channels=3):
    """x [T, F C] that a forecaster could meet."""
    parts = {"mask": lambda: (torch.rand(STEPS, channels) < 0.7).float(), "age": lambda: torch.rand(STEPS, channels)}
    return torch.cat([parts.get(w, lambda: torch.randn(STEPS, channels))() for w in words.split(",")], dim=1)


def quantile_head(r, skip, median):
    """r [T, C, K, Q], skip [T, C, K] -> y [T, C K Q]"""
    step = functional.softplus(r)
    y = [None] * r.shape[-1]
    y[median] = r[..., median] + skip
    for q in range(median - 1, -1, -1):
        y[q] = y[q + 1] - step[..., q]
    for q in range(median + 1, r.shape[-1]):
        y[q] = y[q - 1] + step[..., q]
    return torch.stack(y, dim=-1).flatten(1)


def forecaster(name, network, inputs, skip, horizons, quantiles):
    words, shape = inputs.split(","), (3, len(horizons.split(",")), len(quantiles.split(",")))
    x, texts, tensors = features(inputs), dict(CHANNELS), {}
    if network:
        model = Network(network, x.shape[1])
        r, tensors = model(x), model.tensors()
    else:
        offset = torch.randn(shape)
        r, tensors["offset"] = offset.expand(STEPS, *shape).flatten(1), offset
    base = torch.zeros(STEPS, *shape[:2])
    if skip == "ridge":
        linear = nn.Linear(x.shape[1], shape[0] * shape[1])
        base = linear(x).unflatten(1, shape[:2])
        tensors |= {"skip.weight": linear.weight, "skip.bias": linear.bias}
    elif skip == "persistence":
        place = 3 * words.index("z")
        base = x[:, place : place + 3, None].expand(STEPS, *shape[:2])
    kind = next((k for k in (network or "").replace(":", ",").split(",") if k in RECURRENT), "ridge")
    texts |= {"kind": kind, "inputs": inputs, "skip": skip, "horizons": horizons, "quantiles": quantiles}
    texts |= {"network": network} if network else {}
    write(name, texts, tensors, x, quantile_head(r.unflatten(1, shape), base, quantiles.split(",").index("0.5")))


def windows(ticks):
    mask = (torch.rand(STEPS, 3 * ticks) < 0.8).float()
    return torch.cat([2 * torch.randn(STEPS, 3 * ticks) * mask, mask], dim=1)


def autoencoder(name, network, ticks, low, high):
    x = windows(ticks)
    z = ((x[:, : 3 * ticks] - low) / (high - low)).clamp(0, 1)
    model = Network(network, 3 * ticks)
    texts = CHANNELS | {"kind": "autoencoder", "inputs": "z", "network": network, "window": str(ticks)}
    texts |= {"threshold": "1.5", "range": f"{low},{high}"}
    write(name, texts, model.tensors(), x, low + (high - low) * model(z))


def pca(name, ticks, components):
    x = windows(ticks)
    entries = 3 * ticks
    mean, rows = 0.3 * torch.randn(entries), torch.linalg.qr(torch.randn(entries, components))[0].T
    code = ((x[:, :entries] - mean) * x[:, entries:]) @ rows.T
    texts = CHANNELS | {"kind": "pca", "window": str(ticks), "threshold": "1.25"}
    write(name, texts, {"pca.mean": mean, "pca.components": rows}, x, mean + code @ rows)


def classifier_texts(kind, network, variables, prefix=""):
    names = [f"v{i}.x" for i in range(variables)]
    texts = {"kind": kind, "training_data_sha256": "7" * 64, "variables": ",".join(names)}
    texts |= {"mean": ",".join(["0.5"] * variables), "scale": ",".join(["2"] * variables), "network": network}
    texts |= {"inputs": "value,mask,age", "tick": "1h"} if kind == "risk" else {"inputs": "value"}
    return {prefix + key: value for key, value in texts.items()}


def classifier(name, kind, network, variables):
    x = features("value,mask,age" if kind == "risk" else "value", variables)
    model = Network(network, x.shape[1])
    write(name, classifier_texts(kind, network, variables), model.tensors(), x, model(x))


def risks(seeds, prefix=""):
    """A mean of risk models over x [T, 15]: texts, tensors, its function."""
    network = "decay:5,lstm:7,dense:1:sigmoid"
    members = [Network(network, 15) for _ in range(seeds)]
    texts = {f"{prefix}kind": "mean", f"{prefix}members": str(seeds), f"{prefix}training_data_sha256": "7" * 64}
    tensors = {}
    for i, member in enumerate(members):
        texts |= classifier_texts("risk", network, 5, f"{prefix}m{i}.")
        tensors |= member.tensors(f"{prefix}m{i}.")
    return texts, tensors, lambda x: sum(m(x) for m in members) / seeds


def several(name_mean, name_stacked):
    x = features("value,mask,age", 5)
    texts, tensors, run = risks(3)
    write(name_mean, texts, tensors, x, run(x))

    texts, tensors, run = risks(2, "m0.")
    logistic = Network("dense:1:sigmoid", 4)
    texts |= classifier_texts("logistic", "dense:1:sigmoid", 4, "m1.")
    tensors |= logistic.tensors("m1.")
    weight, bias = torch.tensor([0.7, 0.6]), torch.tensor([-0.2])
    z = torch.randn(STEPS, 4)
    y = torch.sigmoid(weight[0] * torch.logit(run(x)) + weight[1] * torch.logit(logistic(z)) + bias)
    head = {"kind": "stacked", "training_data_sha256": "7" * 64, "members": "2"}
    write(name_stacked, head | texts, tensors | {"stacked.weight": weight, "stacked.bias": bias}, torch.cat([x, z], dim=1), y)


def main():
    torch.manual_seed(20260301)
    torch.set_num_threads(1)
    forecaster("gru", "gru:11,gru:8,dense:9:tanh,dense:18", "z,mask,age,baseline", "ridge", "1m,5m", "0.05,0.5,0.95")
    forecaster("rnn", "dense:10:relu,rnn:9,lstm:6,dense:9", "age,z,ewma:2m", "none", "1m,5m,10m", "0.5")
    forecaster("ridge", None, "z,ewma:5m,ewma:1h", "ridge", "10m", "0.05,0.25,0.5,0.95")
    forecaster("mixed", "lstm:5,gru:6,rnn:7,dense:9:sigmoid,dense:6", "mask,z", "persistence", "1m", "0.5,0.9")
    autoencoder("autoencoder_range", "dense:8:relu,dense:4:tanh,dense:8:relu,dense:12:sigmoid", 4, -6, 6)
    pca("pca", 5, 4)
    classifier("mlp", "mlp", "dense:16:relu,dense:8:relu,dense:2:sigmoid", 10)
    classifier("logistic", "logistic", "dense:1:sigmoid", 12)
    classifier("risk", "risk", "decay:6,lstm:9,dense:1:sigmoid", 6)
    several("mean", "stacked")


if __name__ == "__main__":
    main()
