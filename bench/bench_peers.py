#!/usr/bin/env python3
"""The kernel beside other runtimes on the same networks in one run: `make bench-models`.

    bench/bench_peers.py [--rounds 7] [--seconds 0.15]

Each contender is a process that lives through the whole run and answers how fast it steps a network
(bench/peer.h); all give the same outputs, or the run ends. Rounds go through every network, batch
and contender in turn, so that a slow phase of the machine meets all of them; a figure is the best
slice of any round, ratios are best against best, and behind each figure stands how far below the
best the worst round was. Everything runs in one thread and counts processor time. Contenders that
are not installed are left out, with the reason. Nothing is asserted but the outputs.

The peak of fused multiply-adds is the limit of many rows. One row uses each weight once, so its limit
is how fast weights come: it is measured by loads alone over as many bytes.
"""
import argparse
import os
import pathlib
import subprocess
import sys

from machine import load, machine

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("VIGIL_BUILD", ROOT / "build/release"))
NETWORKS = {
    "LSTM 8 -> 3 x 64, one step with kept state": "lstm:64,lstm:64,lstm:64@8",
    "autoencoder 480-64-32-64-480": "dense:64:relu,dense:32:relu,dense:64:relu,dense:480@480",
}
BATCHES = (1, 8, 64)
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
VENV = ROOT / "build/peers/venv/bin/python"
FORM_OF_PEERS = ("avx512", "avx2")


class Contender:
    """`form`: the form of the kernel whose instructions it uses."""

    def __init__(self, name, command, form, batches=BATCHES, **environment):
        self.name, self.form, self.batches, self.best, self.worst = name, form, batches, {}, {}
        self.process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, env={**os.environ, **ONE_THREAD, **environment})

    def ask(self, network, batch, seconds):
        """Steps a second, and the sum of the outputs; None when the process has ended."""
        try:
            self.process.stdin.write(f"{network} {batch} {seconds}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return None
        answer = self.process.stdout.readline().split()
        return (float(answer[0]), float(answer[1])) if answer else None

    def note(self, key, rate):
        self.best[key] = max(rate, self.best.get(key, 0.0))
        self.worst[key] = min(rate, self.worst.get(key, rate))

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def program(name):
    for path in (BUILD / "bench" / name, BUILD / name):
        if path.exists():
            return path
    return None


def python_with(*modules):
    """An interpreter that has them: Debian's, or that of the virtual environment."""
    for python in (VENV, pathlib.Path("/usr/bin/python3"), pathlib.Path(sys.executable)):
        if python.exists() and subprocess.run(
                [python, "-c", "import " + ",".join(modules)], stderr=subprocess.DEVNULL,
                check=False).returncode == 0:
            return python
    return None


def flop(network):
    """Multiplications and additions of a step: 2 for each weight of a matrix."""
    text, inputs = network.split("@")
    total, inputs = 0, int(inputs)
    for layer in text.split(","):
        kind, width = layer.split(":")[0], int(layer.split(":")[1])
        total += 2 * width * (4 * (inputs + width) if kind == "lstm" else inputs)
        inputs = width
    return total


# ---- who takes part ----


def vigil(forms):
    return [Contender(f"Vigil, {form}", [program("peer_vigil"), form], form)
            for form in reversed(forms) if form != "portable"]


def in_c(forms):
    made = []
    naive, onednn = program("peer_naive"), program("peer_onednn")
    openblas, kann = program("peer_openblas"), program("peer_kann")
    if naive:
        made.append(Contender("plain loops in C, libm", [naive], None))
    for form, core, isa in (("avx512", "SkylakeX", "AVX512_CORE"), ("avx2", "Haswell", "AVX2")):
        if form not in forms:
            continue
        if openblas:
            for rows in (16, 24):
                made.append(Contender(f"OpenBLAS, {form}, tiles of {rows}", [openblas, rows], form,
                                      OPENBLAS_CORETYPE=core))
        if onednn:
            made.append(Contender(f"oneDNN, {form}", [onednn], form, DNNL_MAX_CPU_ISA=isa))
    if not onednn:
        print("  without oneDNN: Debian's libdnnl-dev is not installed")
    if kann:
        made.append(Contender("KANN", [kann], None, batches=(1,)))
    else:
        print("  without KANN: its source could not be had (scripts/bench_models.sh)")
    return made


def in_python(forms):
    made = []
    onnx, torch = python_with("numpy", "onnx", "onnxruntime"), python_with("numpy", "torch")
    best = next((form for form in FORM_OF_PEERS if form in forms), None)
    here = pathlib.Path(__file__).parent
    if onnx:
        made.append(Contender("ONNX Runtime", [onnx, here / "peer_onnx.py"], best))
    else:
        print("  without ONNX Runtime: no Python here has numpy, onnx and onnxruntime")
    if torch:
        made.append(Contender("PyTorch", [torch, here / "peer_torch.py"], best))
    else:
        print("  without PyTorch: no Python here has numpy and torch")
    return made


# ---- rounds ----


def same(expected, got):
    return abs(expected - got) <= 1e-4 * abs(expected)


def measure(contenders, network, batch, seconds):
    expected = None
    for contender in list(contenders):
        if batch not in contender.batches:
            continue
        answer = contender.ask(network, batch, seconds)
        if not answer:
            print(f"  {contender.name} ended: it is left out from here")
            contenders.remove(contender)
            continue
        rate, total = answer
        expected = total if expected is None else expected
        if not same(expected, total):
            sys.exit(f"{contender.name} computes another network: {total}, expected {expected}")
        contender.note((network, batch), rate)


def weight_bytes(network):
    """Of its matrices: four for each multiplication and addition."""
    return flop(network) // 2 * 4


def rounds(contenders, peaks, loads, count, seconds):
    for number in range(count):
        print(f"\rround {number + 1} of {count}", end="", file=sys.stderr, flush=True)
        for network in NETWORKS.values():
            for meter in loads:
                meter.note(network, meter.ask(weight_bytes(network), 1, 0)[0])
            for batch in BATCHES:
                for peak in peaks:
                    peak.note("peak", peak.ask("peak", 1, 0)[0])
                measure(contenders, network, batch, seconds)
    print(file=sys.stderr)


# ---- what is printed ----


def figure(contender, key, peaks, work):
    if key not in contender.best:
        return f"{'-':>24}"
    best = contender.best[key]
    spread = 100 * (1 - contender.worst[key] / best)
    share = f"{100 * best * work / peaks[contender.form]:3.0f} %" if contender.form else "   - "
    return f"{best / 1000:9.1f} {share} (-{spread:2.0f} %)"


def table(contenders, title, network, peaks):
    print(f"\n{title}: {flop(network):,} FLOP; thousand steps/s, share of the FMA peak, spread")
    print(f"  {'':28}" + "".join(f"{f'B = {batch}':>24}" for batch in BATCHES))
    for contender in contenders:
        print(f"  {contender.name:28}" + "".join(
            figure(contender, (network, batch), peaks, flop(network)) for batch in BATCHES))


def ratios(contenders, network, form):
    """Of one form over the others that use the same instructions or do not choose."""
    own = next((c for c in contenders if c.name == f"Vigil, {form}"), None)
    if not own:
        return
    print(f"  Vigil, {form}, over")
    for other in contenders:
        if other.name.startswith("Vigil") or other.form not in (form, None):
            continue
        over = [f"{own.best[key] / other.best[key]:24.2f}" if key in other.best else f"{'-':>24}"
                for key in ((network, batch) for batch in BATCHES)]
        print(f"    {other.name:26}" + "".join(over))


def one_row(contenders, network, loads):
    """How near to its own limit each form is with one row."""
    for meter in loads:
        own = next(c for c in contenders if c.name == f"Vigil, {meter.form}")
        limit = meter.best[network] / weight_bytes(network)
        print(f"  B = 1, {meter.form}: loads alone bring the {weight_bytes(network) // 1024} KB of "
              f"weights {limit / 1000:.1f} thousand times a second, {meter.best[network] / 1e9:.0f} "
              f"GB/s; Vigil reaches {100 * own.best[(network, 1)] / limit:.0f} % of that")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.15)
    chosen = parser.parse_args()
    if not program("peer_vigil"):
        sys.exit(f"peer_vigil is not built in {BUILD}")
    print(machine())
    forms = subprocess.run([program("peer_vigil")], capture_output=True, text=True,
                           check=True).stdout.split()
    contenders = vigil(forms) + in_c(forms) + in_python(forms)
    meters = [Contender(form, [program("peer_vigil"), form, "peak"], form)
              for form in forms if form != "portable"]
    loads = [Contender(form, [program("peer_vigil"), form, "loads"], form)
             for form in forms if form != "portable"]
    rounds(contenders, meters, loads, chosen.rounds, chosen.seconds)
    peaks = {meter.form: meter.best["peak"] for meter in meters}
    for meter in meters:
        print(f"  FMA peak, {meter.form:8} {meter.best['peak'] / 1e9:6.1f} GFLOP/s "
              f"(-{100 * (1 - meter.worst['peak'] / meter.best['peak']):.0f} %)")
    for title, network in NETWORKS.items():
        table(contenders, title, network, peaks)
        for form in FORM_OF_PEERS:
            ratios(contenders, network, form)
        one_row(contenders, network, loads)
    for contender in contenders + meters + loads:
        contender.end()
    print(f"\nload now {load():.1f}")


if __name__ == "__main__":
    sys.exit(main())
