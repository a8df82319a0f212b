#!/usr/bin/python3
"""Trains the two models of the demo and writes them as safetensors with their self-tests.

    nice -n 10 /usr/bin/python3 scripts/train_demo_models.py --vigil build/release/vigil
    nice -n 10 /usr/bin/python3 scripts/train_demo_models.py --random

The first writes configs/models (with training.txt: what the models reach) and takes about ten
minutes, the second the untrained models of tests/unit/golden. Run by hand when the simulator, the
features or the networks change; the files are committed. Needs numpy and torch (Debian:
python3-torch). Seeds are fixed: the same versions on the same machine give the same files. The
patients are simulated (`vigil simulate`), so these models show that the pipeline works; they say
nothing about any real patient.

The features here mirror stages/normalize.c, stages/forecast.c and stages/detect.c, the networks
models/lstm.c and models/autoencoder.c; the contract of the files is in models/metadata.h. Shapes: P
patients, T ticks, C channels, K horizons, Q quantiles, W window ticks.
"""
import argparse
import hashlib
import json
import struct
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

import demo_patients
from demo_patients import CHANNELS, TICK_S, UNITS

ROOT = Path(__file__).resolve().parent.parent
SEED = 20260301
HORIZONS_S = (60, 300, 600)
QUANTILES = (0.05, 0.5, 0.95)
WINDOW = 16
CHANNEL_SHIFT = 2.0  # standard deviations
CLIP = 6.0
BASELINE_S = 4 * 3600
PSEUDO_S = 30 * 60
AGE_MAX_S = 3600.0
ARTEFACT_RATE = 1.0  # as many artefacts as are usual on a ward
ALERT_FOR_TICKS = 6  # an anomaly must last a minute before it is an alert
ALERTS_PER_DAY = 1.0  # false ones, per patient


report = []  # lines of training.txt


def tell(line):
    print(line, flush=True)
    report.append(line)


# ---- files ----


def save(path, tensors, metadata):
    """Writes a safetensors file: float32, in the order given, header padded to 8 bytes."""
    header, data = {"__metadata__": metadata}, b""
    for name, value in tensors.items():
        value = np.ascontiguousarray(value, dtype="<f4")
        header[name] = {
            "dtype": "F32",
            "shape": list(value.shape),
            "data_offsets": [len(data), len(data) + value.nbytes],
        }
        data += value.tobytes()
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    print(f"wrote {path.name} ({8 + len(text) + len(data)} bytes)")


def numbers(values):
    return ",".join(f"{float(v):.9g}" for v in values)


def common_metadata(kind, channels, mean, scale, data_sha256):
    return {
        "vigil.schema": "1",
        "kind": kind,
        "channels": ",".join(channels),
        "units": ",".join(UNITS[c] for c in channels),
        "mean": numbers(mean),
        "scale": numbers(scale),
        "tick": f"{TICK_S}s",
        "training_data_sha256": data_sha256,
    }


def tensors_of(model):
    return {name: value.detach().numpy() for name, value in model.state_dict().items()}


# ---- networks ----


class Forecaster(nn.Module):
    """LSTM with a quantile head; zero weights in the head say "the last value stays"."""

    def __init__(self, channels, hidden, layers, horizons, quantiles):
        super().__init__()
        self.shape = (channels, len(horizons), len(quantiles))
        self.median = quantiles.index(0.5)
        self.lstm = nn.LSTM(4 * channels, hidden, layers, batch_first=True)
        self.head = nn.Linear(hidden, int(np.prod(self.shape)))

    def forward(self, x, state=None):
        """x [P, T, 4C] -> y [P, T, C, K, Q] ascending over Q, state"""
        hidden, state = self.lstm(x, state)
        raw = self.head(hidden).unflatten(-1, self.shape)
        step = functional.softplus(raw)
        y = [None] * self.shape[2]
        y[self.median] = x[..., : self.shape[0], None] + raw[..., self.median]
        for q in range(self.median - 1, -1, -1):
            y[q] = y[q + 1] - step[..., q]
        for q in range(self.median + 1, self.shape[2]):
            y[q] = y[q - 1] + step[..., q]
        return torch.stack(y, -1), state


class Autoencoder(nn.Module):
    def __init__(self, channels, window, widths):
        super().__init__()
        sizes = [2 * window * channels, *widths]
        half = len(widths) // 2 + 1
        self.encoder = self.stack(sizes[:half + 1], last=True)
        self.decoder = self.stack([*sizes[half:], window * channels], last=False)

    @staticmethod
    def stack(sizes, last):
        layers = []
        for i, (a, b) in enumerate(zip(sizes, sizes[1:])):
            layers.append(nn.Linear(a, b))
            if last or i + 2 < len(sizes):
                layers.append(nn.ReLU())
        return nn.Sequential(*layers)

    def forward(self, x):
        return self.decoder(self.encoder(x))


def save_forecaster(path, model, channels, horizons, quantiles, scales, data_sha256, x):
    """x [T, 4C] is the self-test's input; returns its output [T, C K Q]."""
    model.eval()
    with torch.no_grad():
        y = model(torch.from_numpy(x)[None])[0][0].flatten(1).numpy()
    metadata = common_metadata("lstm", channels, *scales, data_sha256)
    metadata["horizons"] = ",".join(f"{h}s" for h in horizons)
    metadata["quantiles"] = numbers(quantiles)
    metadata["gates"] = "ifgo"
    tensors = tensors_of(model)
    tensors["selftest.input"], tensors["selftest.output"] = x[:48], y[:48]
    save(path, tensors, metadata)
    return y


def save_autoencoder(path, model, channels, window, threshold, scales, data_sha256, x):
    """x [N, 2 W C] is the self-test's input; returns its output [N, W C]."""
    model.eval()
    with torch.no_grad():
        y = model(torch.from_numpy(x)).numpy()
    metadata = common_metadata("autoencoder", channels, *scales, data_sha256)
    metadata["window"] = str(window)
    metadata["threshold"] = f"{threshold:.6g}"
    tensors = tensors_of(model)
    tensors["selftest.input"], tensors["selftest.output"] = x[:24], y[:24]
    save(path, tensors, metadata)
    return y


# ---- features, as the stages compute them ----


def scores(values, mean, scale):
    """values [P, T, C], NaN where there is none -> z (0 there), mask; as stages/normalize.c"""
    mask = np.isfinite(values)
    z = np.clip((np.where(mask, values, mean) - mean) / scale, -CLIP, CLIP)
    return (z * mask).astype(np.float32), mask.astype(np.float32)


def baselines(z, mask):
    """The personal baseline before each tick, as stages/normalize.c keeps it."""
    alpha = 1.0 - np.exp(-TICK_S / BASELINE_S)
    out = np.zeros_like(z)
    total = np.zeros(z[:, 0].shape)
    weight = np.full(z[:, 0].shape, 1.0 - np.exp(-PSEUDO_S / BASELINE_S))
    for t in range(z.shape[1]):
        now = total / weight
        out[:, t] = now
        a = np.where(np.abs(z[:, t] - now) > 4.0, 0.1 * alpha, alpha) * mask[:, t]
        total += a * (z[:, t] - total)
        weight += a * (1.0 - weight)
    return out


def forecast_input(z, mask, age):
    """[P, T, 4C]: held value, mask, log1p(age) / 6, baseline"""
    held, last = np.zeros_like(z), np.zeros_like(z[:, 0])
    for t in range(z.shape[1]):
        last = np.where(mask[:, t] > 0, z[:, t], last)
        held[:, t] = last
    age = np.log1p(np.minimum(age, AGE_MAX_S)) / 6.0
    return np.concatenate([held, mask, age, baselines(z, mask)], -1).astype(np.float32)


def windows(z, mask, patient, tick):
    """[N, 2 W C]: the W ticks that end at (patient[i], tick[i])"""
    at = tick[:, None] - np.arange(WINDOW - 1, -1, -1)[None]
    z, mask = z[patient[:, None], at], mask[patient[:, None], at]
    return np.concatenate([z.reshape(len(tick), -1), mask.reshape(len(tick), -1)], -1)


# ---- forecaster ----


def targets(z, mask):
    """[P, T, C, K] and whether there is one"""
    y, there = [], []
    for h in HORIZONS_S:
        ahead = h // TICK_S
        pad = ((0, 0), (0, ahead), (0, 0))
        y.append(np.pad(z[:, ahead:], pad))
        there.append(np.pad(mask[:, ahead:], pad))
    return np.stack(y, -1), np.stack(there, -1)


def pinball(y, target, there):
    q = torch.tensor(QUANTILES)
    error = target[..., None] - y
    loss = torch.maximum(q * error, (q - 1) * error).sum(-1)
    return (loss * there).sum() / there.sum().clamp(min=1)


def train_forecaster(x, target, there, epochs, chunk=60, batch=72):
    """Truncated backpropagation through time, the state carried from chunk to chunk."""
    torch.manual_seed(SEED)
    model = Forecaster(len(CHANNELS), 64, 2, HORIZONS_S, QUANTILES)
    nn.init.zeros_(model.head.weight)
    nn.init.zeros_(model.head.bias)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-5)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    x, target, there = map(torch.from_numpy, (x, target, there))
    for epoch in range(epochs):
        start, total, n = time.time(), 0.0, 0
        for rows in torch.randperm(len(x)).split(batch):
            state = None
            for t in range(0, x.shape[1], chunk):
                part = slice(t, t + chunk)
                y, state = model(x[rows, part], state)
                loss = pinball(y, target[rows, part], there[rows, part])
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                state = tuple(s.detach() for s in state)
                total, n = total + loss.item(), n + 1
        schedule.step()
        print(f"  forecaster epoch {epoch + 1}/{epochs}: pinball {total / n:.4f} "
              f"({time.time() - start:.0f} s)", flush=True)
    return model


def evaluate_forecaster(model, x, target, there, scale):
    """Tells mean absolute errors beside those of "the last value stays", in channel units."""
    model.eval()
    with torch.no_grad():
        y = np.concatenate([model(part)[0].numpy() for part in torch.from_numpy(x).split(32)])
    held = x[..., : len(CHANNELS)]
    tell(f"\nForecaster, {len(x)} held-out patients: mean absolute error of the last value, of the "
         "median forecast,\ntheir ratio, and the share of values within the 90 % interval")
    heads = (f"  |{h // 60:3} min last  model  ratio  within" for h in HORIZONS_S)
    tell("channel  " + "".join(heads))
    for c, name in enumerate(CHANNELS):
        line = f"{name:9}"
        for k in range(len(HORIZONS_S)):
            use = there[..., c, k] > 0
            truth, low, middle, high = target[..., c, k][use], *y[..., c, k, :][use].T
            last = np.abs(held[..., c][use] - truth).mean() * scale[c]
            error = np.abs(middle - truth).mean() * scale[c]
            within = ((low <= truth) & (truth <= high)).mean()
            line += f"  |{last:12.2f} {error:6.2f} {error / last:6.3f} {within:7.3f}"
        tell(line)


# ---- autoencoder ----


def disturb(truth, there):
    """What the network sees in training: entries dropped, noise on each, and each channel shifted.

    The shift matters most. Without it 32 numbers are enough to copy a window, usual or not; with it
    the network has to know which levels occur together.
    """
    rows = len(truth)
    keep = there * (torch.rand_like(there) > 0.15)
    shift = CHANNEL_SHIFT * torch.randn(rows, 1, len(CHANNELS)).expand(-1, WINDOW, -1)
    noise = 0.1 * torch.randn_like(truth) + shift.reshape(rows, -1)
    return torch.cat([(truth + noise) * keep, keep], 1)


def train_autoencoder(z, mask, epochs, per_epoch=40000, batch=256):
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    model = Autoencoder(len(CHANNELS), WINDOW, (64, 32, 64))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    half = WINDOW * len(CHANNELS)
    for epoch in range(epochs):
        patient = rng.integers(0, len(z), per_epoch)
        tick = rng.integers(WINDOW - 1, z.shape[1], per_epoch)
        total = 0.0
        for part in torch.from_numpy(windows(z, mask, patient, tick)).split(batch):
            truth, there = part[:, :half], part[:, half:]
            error = (model(disturb(truth, there)) - truth) ** 2 * there
            loss = error.sum() / there.sum().clamp(min=1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(part)
        schedule.step()
        if epoch % 5 == 4:
            print(f"  autoencoder epoch {epoch + 1}/{epochs}: error {total / per_epoch:.4f}",
                  flush=True)
    return model


def anomaly_scores(model, z, mask):
    """[P, T]: as stages/detect.c; 0 where the window is not filled enough"""
    model.eval()
    half = WINDOW * len(CHANNELS)
    out = np.zeros(z.shape[:2], np.float32)
    for p in range(len(z)):
        tick = np.arange(WINDOW - 1, z.shape[1])
        x = windows(z, mask, np.full(len(tick), p), tick)
        with torch.no_grad():
            y = model(torch.from_numpy(x)).numpy()
        truth, there = x[:, :half], x[:, half:]
        n = there.sum(1)
        mean = ((y - truth) ** 2 * there).sum(1) / np.maximum(n, 1)
        out[p, tick] = np.where(n * 2 >= half, mean, 0)
    return out


def alerts(score, threshold, merge_ticks=180):
    """How many runs above the threshold last long enough; those within half an hour are one."""
    count = 0
    for row in score > threshold:
        run, quiet_until = 0, -1
        for t, above in enumerate(row):
            run = run + 1 if above else 0
            if run >= ALERT_FOR_TICKS:
                count += t > quiet_until
                quiet_until = t + merge_ticks
    return count


def choose_threshold(score, per_day):
    """The lowest threshold with at most `per_day` alerts per patient-day."""
    days = score.size * TICK_S / 86400
    low, high = 0.0, float(score.max())
    for _ in range(30):
        middle = (low + high) / 2
        if alerts(score, middle) <= per_day * days:
            high = middle
        else:
            low = middle
    return high


def report_scores(score, events, held, threshold):
    days = held.size * TICK_S / 86400
    per_day = alerts(held, threshold) / days
    tell(f"\nAutoencoder, {days:.0f} held-out days of stable patients: {per_day:.2f} alerts a day "
         f"at the threshold {threshold:.3f}, chosen on them;\n"
         f"median score {np.median(held[held > 0]):.3f}, 99 % below {np.quantile(held, 0.99):.3f}")
    tell("scenario                 patients  alerted  highest score before, after onset (median)")
    for name in dict.fromkeys(events.name):
        pick = [i for i, n in enumerate(events.name) if n == name]
        before = [score[i, : events.onset[i]].max() for i in pick]
        after = [score[i, events.onset[i] :] for i in pick]
        found = sum(alerts(s[None], threshold) > 0 for s in after)
        tell(f"{name:24} {len(pick):8} {found:8} {np.median(before):10.2f} "
             f"{np.median([s.max() for s in after]):8.2f}")


# ---- commands ----


def train(vigil, out, quick):
    patients, hours, epochs = (24, 2, 1) if quick else (96, 4, 14)
    start = time.time()
    stable = demo_patients.stable(vigil, patients, hours, SEED, ARTEFACT_RATE)
    events = demo_patients.scenarios(vigil, patients // 2, hours, SEED + 1, ARTEFACT_RATE)
    # Other seeds than those on which anything was chosen.
    held = demo_patients.stable(vigil, patients // 2, 2 * hours, SEED + 12, ARTEFACT_RATE)
    held_events = demo_patients.scenarios(vigil, patients // 2, hours, SEED + 13, ARTEFACT_RATE)
    data = hashlib.sha256(stable.values.tobytes() + events.ticks.values.tobytes()).hexdigest()
    print(f"patients simulated ({time.time() - start:.0f} s)", flush=True)

    flat = stable.values.reshape(-1, len(CHANNELS))
    mean = np.nanmedian(flat, 0)
    scale = 1.4826 * np.nanmedian(np.abs(flat - mean), 0)
    scales = mean, scale = mean.astype(np.float32), scale.astype(np.float32)
    tell(f"{patients} stable patients and {patients // 2} with a scenario, {hours} h each, tick "
         f"{TICK_S} s\nchannels {','.join(CHANNELS)}\nmean     {numbers(mean)}\n"
         f"scale    {numbers(scale)}")
    train_forecast(out, stable, events.ticks, held_events.ticks, scales, data, epochs)
    train_anomaly(out, stable, held, held_events, scales, data, 5 if quick else 40)
    (out / "training.txt").write_text("\n".join(report) + "\n")


def train_forecast(out, stable, events, held, scales, data, epochs):
    everyone = demo_patients.Ticks(*(np.concatenate(pair) for pair in zip(stable, events)))
    z, mask = scores(everyone.values, *scales)
    model = train_forecaster(forecast_input(z, mask, everyone.age), *targets(z, mask), epochs)
    z, mask = scores(held.values, *scales)
    x = forecast_input(z, mask, held.age)
    evaluate_forecaster(model, x, *targets(z, mask), scales[1])
    rows = x[0, 300:600]  # the first held-out patient, around the onset of what happens to it
    y = save_forecaster(out / "forecast.safetensors", model, CHANNELS, HORIZONS_S, QUANTILES,
                        scales, data, rows)
    golden(out, "forecast.bin", rows, y)


def train_anomaly(out, stable, held, events, scales, data, epochs):
    model = train_autoencoder(*scores(stable.values, *scales), epochs)
    held_scores = anomaly_scores(model, *scores(held.values, *scales))
    threshold = choose_threshold(held_scores, ALERTS_PER_DAY)
    z, mask = scores(events.ticks.values, *scales)
    report_scores(anomaly_scores(model, z, mask), events, held_scores, threshold)
    rng = np.random.default_rng(SEED + 8)
    rows = windows(z, mask, rng.integers(0, len(z), 64), rng.integers(WINDOW, z.shape[1], 64))
    y = save_autoencoder(out / "autoencoder.safetensors", model, CHANNELS, WINDOW, threshold,
                         scales, data, rows)
    golden(out, "autoencoder.bin", rows, y)


def golden(out, name, x, y):
    """Rows of input and PyTorch's output, side by side, for the unit tests."""
    folder = ROOT / "tests/unit/golden" if out == ROOT / "configs/models" else out
    folder.mkdir(parents=True, exist_ok=True)
    np.concatenate([x, y], 1).astype("<f4").tofile(folder / name)


def random_models(out):
    """Small untrained models with what the demo's lack: other sizes, a layer more, 5 quantiles."""
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    channels = ("hr", "spo2", "rr")
    scales = (np.array([84, 97, 18], np.float32), np.array([15, 2, 4.5], np.float32))
    quantiles = (0.05, 0.25, 0.5, 0.75, 0.95)
    model = Forecaster(len(channels), 19, 3, (60, 300), quantiles)
    for value in model.parameters():
        nn.init.uniform_(value, -0.6, 0.6)
    x = rng.normal(0, 2, (256, 4 * len(channels))).astype(np.float32)
    x[rng.random(x.shape) < 0.05] = 6.0
    y = save_forecaster(out / "lstm.safetensors", model, channels, (60, 300), quantiles, scales,
                        "0" * 64, x)
    golden(out, "lstm.bin", x, y)
    model = Autoencoder(len(channels), 5, (21, 9, 13))
    for value in model.parameters():
        nn.init.uniform_(value, -0.5, 0.5)
    x = rng.normal(0, 2, (64, 2 * 5 * len(channels))).astype(np.float32)
    y = save_autoencoder(out / "dense.safetensors", model, channels, 5, 1.5, scales, "0" * 64, x)
    golden(out, "dense.bin", x, y)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--random", action="store_true", help="untrained models for the unit tests")
    parser.add_argument("--quick", action="store_true", help="little data, to try the script")
    parser.add_argument("--vigil", default="build/release/vigil", help="program to simulate with")
    parser.add_argument("--out", type=Path, help="folder to write to")
    args = parser.parse_args()
    torch.set_num_threads(1)  # more threads only wait for each other here
    torch.use_deterministic_algorithms(True)
    if args.random:
        random_models((args.out or ROOT / "tests/unit/golden").resolve())
    else:
        train(args.vigil, (args.out or ROOT / "configs/models").resolve(), args.quick)


if __name__ == "__main__":
    main()
