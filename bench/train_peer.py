#!/usr/bin/env python3
"""PyTorch at the work of bench_train.c: train_peer.py lstm|autoencoder SAMPLES EPOCHS.

Prints the same lines. One thread. The plain way of its users: nn.LSTM, a shuffled index, Adam.
"""
import sys
import time

import torch

STEPS, INPUTS, BATCH = 60, 8, 32


class Forecaster(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = torch.nn.LSTM(INPUTS, 64, 3, batch_first=True)
        self.dense = torch.nn.Linear(64, 1)

    def forward(self, x):
        return self.dense(self.lstm(x)[0][:, -1])


def autoencoder():
    linear, relu = torch.nn.Linear, torch.nn.ReLU
    return torch.nn.Sequential(linear(480, 64), relu(), linear(64, 32), relu(), linear(32, 64),
                               relu(), linear(64, 480))


def main():
    name, samples, epochs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    torch.manual_seed(1)
    lstm = name == "lstm"
    x = torch.rand(samples, STEPS, INPUTS) * 2 - 1
    x = x if lstm else x.reshape(samples, STEPS * INPUTS)
    y = x[:, -1, :1].clone() if lstm else x
    model = Forecaster() if lstm else autoencoder()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss_of = torch.nn.MSELoss()
    for _ in range(epochs):
        start, start_cpu = time.monotonic(), time.process_time()
        order = torch.randperm(samples)
        for i in range(0, samples, BATCH):
            rows = order[i:i + BATCH]
            optimizer.zero_grad(set_to_none=True)
            loss_of(model(x[rows]), y[rows]).backward()
            optimizer.step()
        print(f"{name} {samples} {time.monotonic() - start:.3f} {time.process_time() - start_cpu:.3f}",
              flush=True)


if __name__ == "__main__":
    main()
