#!/usr/bin/python3
"""Writes parity.bin: what PyTorch answers to networks that tests/unit/test_parity.c builds as well.

    /usr/bin/python3 tests/unit/golden/make_parity.py

Weights and inputs are drawn by one small generator in both places, uniform in +-1/sqrt(H) (PyTorch's
own range) and +-2, so that only answers are committed: of each case the rows that KEPT names, in
single precision, and behind them the same in double precision. Run by hand when a case changes; needs
Debian's python3-torch.
"""
import math
import sys
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import make_models  # noqa: E402

# network, inputs, steps; in the order of test_parity.c
CASES = [
    ("lstm:64,lstm:64,lstm:64", 8, 60),
    ("lstm:64,lstm:64,lstm:64", 8, 512),
    ("lstm:64,lstm:64,lstm:64", 8, 4096),
    ("gru:64,gru:64", 32, 512),
    ("rnn:64,rnn:32", 32, 512),
    ("dense:64:relu,dense:32:relu,dense:64:relu,dense:784:sigmoid", 784, 4),
    ("dense:128:relu,dense:64:relu,dense:1:sigmoid", 40, 64),
    ("decay:37,gru:64,dense:1:sigmoid", 111, 48),
    ("lstm:32,gru:24,rnn:16,dense:20:tanh,dense:9", 16, 128),
]
KEPT = 4  # rows of each case: the last of each quarter


class Draw:
    """xorshift32 (Marsaglia 2003), 24 bits of each number."""

    def __init__(self, seed):
        self.state = seed

    def __call__(self, n, bound):
        out = np.empty(n, np.float32)
        s = self.state
        for i in range(n):
            s ^= (s << 13) & 0xFFFFFFFF
            s ^= s >> 17
            s ^= (s << 5) & 0xFFFFFFFF
            out[i] = s >> 8
        self.state = s
        return (out * np.float32(2.0**-23) - np.float32(1.0)) * np.float32(bound)


def load(network, draw):
    """Draws every parameter in the order of models/network.h."""
    for kind, part in zip(network.kinds, network.parts):
        for value in part.state_dict().values():
            width = part.hidden_size if kind in make_models.RECURRENT else value.shape[-1]
            bound = np.float32(1.0 / math.sqrt(width)) if kind != "decay" else np.float32(0.5)
            if kind == "dense":
                bound = np.float32(1.0 / math.sqrt(part.in_features))
            value.copy_(torch.from_numpy(draw(value.numel(), bound)).reshape(value.shape))


def main():
    torch.set_num_threads(1)
    answers = []
    for index, (text, inputs, steps) in enumerate(CASES):
        draw = Draw(index + 1)
        network = make_models.Network(text, inputs)
        load(network, draw)
        x = torch.from_numpy(draw(steps * inputs, 2.0)).reshape(steps, inputs)
        kept = [steps * (i + 1) // KEPT - 1 for i in range(KEPT)]
        with torch.no_grad():
            single = network(x)[kept]
            double = network.double()(x.double())[kept].float()
        print(f"{text}: single and double precision differ by {(single - double).abs().max():.2g}")
        answers += [single.flatten(), double.flatten()]
    torch.cat(answers).numpy().astype("<f4").tofile(HERE / "parity.bin")


if __name__ == "__main__":
    main()
