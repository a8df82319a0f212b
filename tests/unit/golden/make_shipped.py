#!/usr/bin/python3
"""What PyTorch says of the shipped forecaster and autoencoder: forecast.bin and autoencoder.bin.

    /usr/bin/python3 tests/unit/golden/make_shipped.py

Run by hand after `scripts/models.sh --accept`; the vectors are committed. Rows of [inputs, outputs]
as float32: of the forecaster the steps of one stream, of the autoencoder single windows.
"""
import torch

import make_models
from make_models import HERE, Network, quantile_head, vigil_export

SHIPPED = HERE.parents[2] / "configs/models"
STEPS, WINDOWS = 200, 64


def network(name, inputs):
    """The modules of a shipped file, with its weights, and its texts."""
    texts, tensors = vigil_export.load(SHIPPED / name)
    net = Network(texts["network"], inputs)
    for key, value in net.tensors().items():
        value.copy_(torch.from_numpy(tensors[key].copy()))
    return net, texts


def write(name, x, y):
    torch.cat([x, y], dim=1).detach().numpy().astype("<f4").tofile(HERE / name)


def forecast():
    make_models.STEPS = STEPS
    channels = 8
    x = make_models.features("z,mask,age,baseline", channels)
    net, texts = network("forecast.safetensors", x.shape[1])
    quantiles = texts["quantiles"].split(",")
    shape = (channels, len(texts["horizons"].split(",")), len(quantiles))
    if (texts["inputs"], texts["skip"]) != ("z,mask,age,baseline", "persistence"):
        raise SystemExit("the shipped forecaster has other inputs; change this script with it")
    base = x[:, :channels, None].expand(STEPS, *shape[:2])
    write("forecast.bin", x, quantile_head(net(x).unflatten(1, shape), base, quantiles.index("0.5")))


def autoencoder():
    entries = 16 * 8
    mask = (torch.rand(WINDOWS, entries) < 0.8).float()
    x = torch.cat([2 * torch.randn(WINDOWS, entries) * mask, mask], dim=1)
    net, _ = network("autoencoder.safetensors", 2 * entries)
    write("autoencoder.bin", x, net(x))


if __name__ == "__main__":
    torch.manual_seed(20260301)
    torch.set_num_threads(1)
    with torch.no_grad():
        forecast()
        autoencoder()
