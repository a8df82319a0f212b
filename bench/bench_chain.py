#!/usr/bin/env python3
"""The whole chain with large models on every row: `make bench-chain` or bench_chain.py.

    bench/bench_chain.py [--rounds 5] [--rows 1440000] [--kernel avx2,avx512]

960 patients send a row of 120 bytes a second to a real Apache Kafka of 8 partitions; `vigil run`
reads the backlog with a tick of 1 s, so that every row is a step of an LSTM of 3 x 64 and of an
autoencoder over 60 ticks; one row in a hundred makes an alert event, and each is committed to disk.
Snapshots are on. All threads of Vigil run on one core, the broker on the other.

The limit printed is that of arithmetic alone: the FMA peak of the core by the multiplications and
additions of a row. On a virtual machine the other half of a core belongs to somebody else, who takes
up to 40 % of it for a minute and then does not: rows a second of one minute say little about those
of the next. So the peak is measured right before and after each round on the same core, each round
has its own share of its own limit, and the median of these shares is the figure to compare; shares
by processor time leave out what other programs took of the core besides. What a neighbour takes of
caches and loads is not in the peak: the less of that, the higher the share.

The models are untrained; their cost is that of trained ones. Needs Java for Kafka, and two cores.
Nothing is asserted.
"""
import argparse
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

import pipeline
from pipeline import TOPIC, Run
from vigil import BUILD, ROOT, VIGIL, Pipeline, check, real_kafka

PATIENTS = 960
PARTITIONS = 8
ROW_BYTES = 120
START_MS = 1772323200000
VIGIL_CORE, BROKER_CORE = 0, 1
PEAK_S = 0.2
TICK = ["--set", "tick=1s", "--set", "fit.epochs=1"]
MODELS = {  # name: (verb, recipe, its network for this bench)
    "forecaster": ("forecast", "demo_forecast", [
        "network=lstm:64,lstm:64,lstm:64,dense:120", "horizons=6s,30s,1m,2m,4m"]),
    "detector": ("autoencoder", "demo_autoencoder", [
        "network=dense:64:relu,dense:32:relu,dense:64:relu,dense:480", "window=60"]),
}


def train(folder):
    """Untrained models of the right shapes: one short epoch over a few patients."""
    files = {}
    for name, (verb, recipe, changes) in MODELS.items():
        files[name] = folder / f"{name}.safetensors"
        subprocess.run(
            [VIGIL, "train", verb, "--config", ROOT / "configs/train" / f"{recipe}.yaml",
             "--out", files[name], "--data", "simulator:patients=12,duration=1h,seed=1",
             "--progress", "none", *TICK,
             *(word for change in changes for word in ("--set", change))],
            check=True, timeout=600, stdout=subprocess.DEVNULL)
    return files


def config(bootstrap, files, folder, frame_rows):
    made = pipeline.config(bootstrap, 1, folder, frame_rows=frame_rows,
                           snapshot={"every": "5s"})
    made["source"].update(clock="record", max_patients=PATIENTS)
    made["models"] = {"forecaster": {"type": "lstm", "file": str(files["forecaster"])},
                      "detector": {"type": "autoencoder", "file": str(files["detector"])}}
    made["alert_rules"] = {
        "hr_high": {"title": "HR high", "priority": "high", "for": "0s",
                    "when": {"channel": "hr", "above": "130 /min"}},
        "hr_may_rise": {"title": "HR may rise", "priority": "low", "for": "30s",
                        "when": {"forecast": "hr", "quantile": 0.5, "above": "200 /min",
                                 "within": "4m"}},
        "anomaly": {"title": "Unusual", "priority": "low", "for": "60s",
                    "when": {"anomaly": "detector", "above": 1e6}}}
    return made


def rows(seconds):
    """Lines for `produce`: partition, timestamp, key, value."""
    draw = random.Random(1)
    usual = [(draw.randint(60, 100), draw.randint(93, 99), draw.randint(12, 22),
              draw.randint(100, 140)) for _ in range(PATIENTS)]
    for second in range(seconds):
        for i, (hr, spo2, rr, systolic) in enumerate(usual):
            # One row in 200 begins an alert and the next ends it: two events in 200 rows.
            hr = 150 if draw.random() < 0.005 else hr + draw.randint(-2, 2)
            ms = START_MS + second * 1000 + i
            value = (f'{{"patient":"p-{i:04d}","time":{ms},"hr":{hr},"spo2":{spo2},"rr":{rr},'
                     f'"abp_sys":{systolic},"abp_dia":{systolic - 50},'
                     f'"abp_mean":{systolic - 30},"temp":36.8}}')
            yield f"{i % PARTITIONS}\t{ms}\tp-{i:04d}\t{value}\n"


def fill(bootstrap, seconds):
    produce = subprocess.Popen([BUILD / "produce", bootstrap, TOPIC], stdin=subprocess.PIPE,
                               stdout=subprocess.DEVNULL)
    for line in rows(seconds):
        produce.stdin.write(line.encode())
    produce.stdin.close()
    check(produce.wait() == 0, "not all rows were written")


def peaks():
    """{kernel form: GFLOP/s} of the core that Vigil gets: the median of PEAK_S seconds."""
    said, end_s = {}, time.monotonic() + PEAK_S
    while not said or time.monotonic() < end_s:
        lines = subprocess.run(["taskset", "-c", str(VIGIL_CORE), BUILD / "bench_models", "peak"],
                               capture_output=True, text=True, check=True).stdout.splitlines()
        for name, gflops in map(str.split, lines):
            said.setdefault(name, []).append(float(gflops))
    return {name: statistics.median(found) for name, found in said.items()}


class Round:
    """One run over all rows, and what the core could do at that time."""

    def __init__(self, run, events, total, limit):
        self.events, self.parts, self.limit = events, run.parts(), limit
        self.rate, self.cpu_rate = total / run.wall_s, total / run.cpu_s

    def share(self):
        return 100 * self.rate / self.limit

    def cpu_share(self):
        return 100 * self.cpu_rate / self.limit


def one_round(bootstrap, files, total, kernel, frame_rows):
    flop = pipeline.flop_per_step(*files.values())
    with tempfile.TemporaryDirectory(prefix="vigil-bench-") as path:
        folder = pathlib.Path(path)
        with Pipeline(config(bootstrap, files, folder, frame_rows), folder) as one:
            before = peaks()[kernel]
            run = Run(one, "--until-end", env={"VIGIL_KERNEL": kernel},
                      command=["taskset", "-c", str(VIGIL_CORE)]).wait()
            peak = (before + peaks()[kernel]) / 2
            check(f" {total} rows in" in run.said(), f"not {total} rows: {run.said()[-500:]}")
            return Round(run, len(one.lines()), total, peak * 1e9 / flop)


def report(kernel, rounds, total, flop):
    def spread(values):
        return (f"{statistics.median(values):,.0f} (rounds {min(values):,.0f} to "
                f"{max(values):,.0f})")

    print(f"\n{kernel}: rows/s on one core {spread([r.rate for r in rounds])}; "
          f"{rounds[0].events:,} events")
    print(f"  arithmetic allows {spread([r.limit for r in rounds])}, {flop:,} FLOP a row")
    print(f"  % of it, round by round: {spread([r.share() for r in rounds])}; "
          f"by processor time {spread([r.cpu_share() for r in rounds])}")
    parts = {name: 1e6 / total * statistics.median(r.parts.get(name, 0) for r in rounds)
             for name in rounds[0].parts}
    print("  us a row: " + ", ".join(
        f"{name} {us:.2f}" for name, us in sorted(parts.items(), key=lambda part: -part[1])
        if us >= 0.02) + f"; together {sum(parts.values()):.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=1440000)
    parser.add_argument("--frame-rows", type=int, default=1024)
    parser.add_argument("--kernel", help="comma-separated; default: all fast forms here")
    args = parser.parse_args()
    seconds = args.rows // PATIENTS
    total = seconds * PATIENTS
    check(len(next(rows(1)).rsplit("\t", 1)[1]) == ROW_BYTES + 1, "rows have another size")
    print(pipeline.machine(), flush=True)
    kernels = args.kernel.split(",") if args.kernel else [k for k in peaks() if k[:3] == "avx"]
    with tempfile.TemporaryDirectory(prefix="vigil-bench-") as path, \
            real_kafka(TOPIC, PARTITIONS) as kafka:
        files = train(pathlib.Path(path))
        flop = pipeline.flop_per_step(*files.values())
        os.sched_setaffinity(kafka.node.process.pid, {BROKER_CORE})
        fill(kafka.bootstrap, seconds)
        rounds = {kernel: [] for kernel in kernels}
        for _ in range(args.rounds):
            for kernel in kernels:
                one = one_round(kafka.bootstrap, files, total, kernel, args.frame_rows)
                rounds[kernel].append(one)
                print(f"  {kernel} {one.rate:,.0f} rows/s, {one.share():.1f} % of "
                      f"{one.limit:,.0f}, {one.cpu_share():.1f} % by processor time "
                      f"[load {pipeline.load():.1f}]", flush=True)
        for kernel in kernels:
            report(kernel, rounds[kernel], total, flop)


if __name__ == "__main__":
    sys.exit(main())
