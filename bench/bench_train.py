#!/usr/bin/env python3
"""Training beside PyTorch on the same two networks in one run: `make bench-train`.

    bench/bench_train.py [--rounds 5] [--samples 2000] [lstm] [autoencoder]

The seed's forecaster, LSTM 8 -> 3 x 64 and Dense 1 on windows of 60 steps, and an autoencoder
480-64-32-64-480; MSE, Adam, batches of 32. An epoch reads its batches, goes forward and backward
and steps. Rounds go through all contenders in turn, so that a slow phase of the machine meets all
of them; a figure is the best epoch of any round, ratios are best against best. One thread each,
but for two workers, which have to give the same bytes; so has the kernel's form for AVX2 beside that
for AVX-512. VIGIL_TORCH_PYTHON names another interpreter with a torch than Debian's.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/support"))

from vigil import BUILD  # noqa: E402  (needs tests/support)

WORKS = {  # name: (what it is, multiply-adds of a sample forward and backward, samples by --samples)
    "lstm": ("LSTM 8 -> 3 x 64 -> 1, 60 steps", 3 * 60 * (256 * (8 + 64) + 2 * 256 * 128), 1),
    # Nobody wants the gradient of its inputs.
    "autoencoder": ("autoencoder 480-64-32-64-480", 3 * 2 * (480 * 64 + 64 * 32) - 480 * 64, 20),
}
EPOCHS = 3  # of a round; the first warms up
FREE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
PEER = "PyTorch, 1 thread"
OURS, BOTH, AVX2 = "Vigil, 1 worker", "Vigil, 2 workers", "Vigil, 1, AVX2 form"


def program():
    for path in (BUILD / "bench/bench_train", BUILD / "bench_train"):
        if path.exists():
            return str(path)
    sys.exit("bench_train is not built: scripts/build.sh release all")


def torch_python():
    for python in (os.environ.get("VIGIL_TORCH_PYTHON"), "/usr/bin/python3", sys.executable):
        if python and subprocess.run([python, "-c", "import torch"], stderr=subprocess.DEVNULL,
                                     check=False).returncode == 0:
            return python
    return None


def has_form(name):
    return subprocess.run([program(), "autoencoder", "32", "1", "1"], check=False,
                          env={**os.environ, "VIGIL_KERNEL": name}, capture_output=True).returncode == 0


def contenders():
    made = {OURS: (lambda work, n: [program(), work, n, str(EPOCHS), "1"], {}),
            BOTH: (lambda work, n: [program(), work, n, str(EPOCHS), "2"], {})}
    if has_form("avx512"):
        made[AVX2] = (made[OURS][0], {"VIGIL_KERNEL": "avx2"})
    python = torch_python()
    if python:
        peer = str(ROOT / "bench/train_peer.py")
        made[PEER] = (lambda work, n: [python, peer, work, n, str(EPOCHS)], FREE)
    else:
        print("without PyTorch: no Python here has torch (python3-torch)")
    return made


def run(command, environment):
    """Seconds and processor seconds per sample of each epoch after the first, and other lines."""
    out = subprocess.run(command, env={**os.environ, **environment}, check=True,
                         stdout=subprocess.PIPE, text=True).stdout
    lines = [line.split() for line in out.splitlines()]
    epochs = [(float(w[2]) / int(w[1]), float(w[3]) / int(w[1])) for w in lines if len(w) == 4]
    return epochs[1:], {w[0]: w[1] for w in lines if len(w) == 2}


def measure(work, samples, rounds, others):
    walls, cpus, notes = {}, {}, {}
    for _ in range(rounds):
        for name, (command, environment) in others.items():
            epochs, notes[name] = run(command(work, str(samples)), environment)
            walls.setdefault(name, []).extend(wall for wall, _ in epochs)
            cpus.setdefault(name, []).extend(cpu for _, cpu in epochs)
    return walls, cpus, notes


def show(work, walls, cpus, notes):
    text, flop, _ = WORKS[work]
    print(f"\n{text}: samples per second, best (median); processor time; share of PyTorch")
    for name, wall in walls.items():
        best, cpu = min(wall), min(cpus[name])
        # Two workers are compared by the clock, all others by what they took of the processor,
        # which others on the machine disturb less.
        line = (f"  {name:18} {1 / best:9.0f} ({1 / statistics.median(wall):.0f})"
                f"  {1 / cpu:9.0f} /cpu s  {2 * flop / cpu / 1e9:6.1f} GFLOP/s")
        if PEER in walls and name != BOTH:
            line += f"  {min(cpus[PEER]) / cpu:5.2f} x"
        print(line)
    same = len({note["hash"] for name, note in notes.items() if name != PEER}) == 1
    print(f"  two workers: {min(walls[OURS]) / min(walls[BOTH]):.2f} of one; "
          f"{'the same bytes' if same else 'OTHER BYTES'}; memory {notes[OURS]['memory']} MB")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("work", nargs="*", default=list(WORKS), metavar="|".join(WORKS))
    options = parser.parse_args()
    others = contenders()
    for work in options.work:
        samples = options.samples * WORKS[work][2]
        show(work, *measure(work, samples, options.rounds, others))


if __name__ == "__main__":
    main()
