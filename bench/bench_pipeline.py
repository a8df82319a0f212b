#!/usr/bin/env python3
"""The figures of docs/performance.md, in under five minutes: `make bench` or bench_pipeline.py.

    bench/bench_pipeline.py [--only throughput,observers,latency,delivery,memory,disk,models,decode]

Runs the real program on the mock broker and on a real Apache Kafka (without Java those are left
out, and the table says so). Rows per second and core are rows by the processor time of the whole
process, all its threads, so a busy machine changes them little; wall time is given beside them.
Nothing is asserted: figures depend on the machine, and its load is printed beside each.
"""
import argparse
import contextlib
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import bench_delivery
import bench_observers
import pipeline
from pipeline import TOPIC, Run, config, load, simulate
from vigil import BUILD, VIGIL, MockBroker, Pipeline, check, real_kafka

ROWS_PER_S = 1000
LATENCY_S = 15
PARTITIONS = 4
QUIET_S = 0.3


class Table:
    """Lines that are printed as they come, so that an interrupted bench has said something."""

    def section(self, title):
        print(f"\n{title}", flush=True)

    def line(self, what, value, note="", target=""):
        print(f"  {what:38} {value:>20}  {target:16} {note}  [load {load():.1f}]", flush=True)

    def text(self, text):
        print(f"  {text}", flush=True)


table = Table()


def program(name):
    for path in (BUILD / "bench" / name, BUILD / name):
        if path.is_file():
            return path
    check(False, f"{name} is not built in {BUILD}")


def lines_of(name, *arguments, timeout=120):
    """{first word: [other words]} of what a program of this folder prints."""
    done = subprocess.run([program(name), *map(str, arguments)], capture_output=True, text=True,
                          timeout=timeout)
    check(done.returncode == 0, f"{name}: {done.stderr}")
    return {line.split()[0] + (" " + line.split()[1] if name == "bench_models" else ""):
            line.split()[1:] for line in done.stdout.splitlines()}


@contextlib.contextmanager
def folder():
    path = pathlib.Path(tempfile.mkdtemp(prefix="vigil-bench-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


# ---- parts alone ----


def bench_decode():
    table.section("JSON decoder alone, one core (known: 4.75 M rows/s for such a parser by hand)")
    done = subprocess.run([program("bench_decode")], capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        name, rate, cost = re.match(r"(.*?)  +.*bytes/message +([\d.]+ M rows/s/core) +(.*)",
                                    line).groups()
        table.line(name, rate, re.sub(" +", " ", cost), ">= 2 M rows/s")


def models_in(path):
    made = config("none:1", 10, path)["models"]
    return made["forecaster"]["file"], made["detector"]["file"]


def bench_models():
    table.section("Models alone, one core, in batches of 64 and of 1")
    with folder() as path:
        forecaster, detector = models_in(path)
        flop = [pipeline.flop_per_step(f) for f in (forecaster, detector)]
        said = lines_of("bench_models", forecaster, flop[0], detector, flop[1])
    peak = float(said["fma_peak 1"][2])
    for name, flops in zip(("forecaster", "autoencoder"), flop):
        for batch in (64, 1):
            _, steps, gflops = said[f"{name} {batch}"]
            share = f"{100 * float(gflops) / peak:.0f} % of the FMA peak" if peak else ""
            table.line(f"{name}, batch {batch}", f"{int(steps):,} steps/s",
                       f"{gflops} of {peak:.0f} GFLOP/s, {share}; {flops:,} FLOP a step")
    return peak, sum(flop)


def bench_rules():
    said = lines_of("bench_rules", pipeline.ROOT / "configs" / "icu-adult.yaml")
    table.section("Rules of configs/icu-adult.yaml, 1,000 patients in turn (ns of processor time)")
    for kind, target in (("sample", "<= 1,000"), ("tick", "")):
        (ns, without), (best, best_without) = said[kind], said[f"best_{kind}"]
        table.line(f"a {kind} row", ns, f"{without} without rules; quickest tenth {best}, "
                                        f"{best_without} without", target)
    table.line("memory of a patient in the stage", said["memory"][0],
               f"{said['memory'][1]} without rules")


def bench_disk(snapshot_bytes=8 << 20):
    table.section("Disk alone, where data_dir would be (ms: p50, p99, max)")
    with folder() as path:
        said = lines_of("bench_disk", path / "data", snapshot_bytes)
    names = {"write_4k": "4 KB + fdatasync", "commit_1": "commit, 1 event",
             "commit_32": "commit, 32 events",
             "snapshot_write": f"snapshot written, {snapshot_bytes / 1e6:.1f} MB",
             "snapshot_read": f"snapshot read, {snapshot_bytes / 1e6:.1f} MB"}
    for name, (_, p50, p99, worst) in said.items():
        table.line(names[name], p50, f"p99 {p99}, max {worst}")
    return float(said["commit_1"][1])


# ---- rows per second ----


def decode_us(rows_per_message):
    """Microseconds that the decoder alone takes for a row of the messages used here."""
    with tempfile.NamedTemporaryFile("w", suffix=".ndjson") as file:
        subprocess.run([VIGIL, "simulate", "--to", "-", "--beds", "20", "--duration", "640s",
                        "--rows", str(rows_per_message), "--progress", "none"], stdout=file,
                       stderr=subprocess.DEVNULL, check=True)
        return float(lines_of("bench_decode", file.name)["ns_per_row"][0]) / 1000


def parts_text(run, rows, decode):
    parts = run.parts()
    total = sum(parts.values())
    us = {name: seconds / rows * 1e6 for name, seconds in parts.items()}
    us["poll and ingest"] = us.pop("ingest", 0.0) - decode
    us["decode"] = decode
    us["start and stop"] = us.pop("vigil", 0.0)
    return [f"{name} {each:.2f} ({100 * each * rows / total / 1e6:.0f} %)"
            for name, each in sorted(us.items(), key=lambda item: -item[1]) if each >= 0.02]


def measure_throughput(bootstrap, tick_s, rows_per_message, rows, decode, note, target):
    with folder() as path:
        with Pipeline(config(bootstrap, tick_s, path), path) as one:
            run = Run(one, "--until-end").wait()
            events = len(one.lines())
            check(f" {rows} rows in" in run.said(), f"not {rows} rows: {run.said()[-500:]}")
    name = f"tick {tick_s} s, {'arrays of ' if rows_per_message > 1 else ''}" \
           f"{rows_per_message} row{'s' if rows_per_message > 1 else ''}"
    table.line(name, f"{rows / run.cpu_s:,.0f} rows/s/core",
               f"{rows / run.wall_s:,.0f} rows/s wall with the broker beside it; "
               f"{events} events, {run.peak / 1e6:.0f} MB{note(rows / run.cpu_s)}", target)
    text = parts_text(run, rows, decode)
    for start in range(0, len(text), 6):
        table.text(("    us a row: " if start == 0 else "              ")
                   + ", ".join(text[start:start + 6]))


def bench_throughput(peak=0.0, flop=0):
    table.section("Kafka JSON to durable alert, real Kafka, 400 beds, 4 partitions, 1 worker")
    for rows_per_message in (1, 32):
        decode = decode_us(rows_per_message)
        with real_kafka(TOPIC, PARTITIONS) as kafka:
            rows = simulate(kafka.bootstrap, 400, 1000, rows_per_message)
            for tick_s, target in ((30, ">= 100,000"), (1, "")):
                def note(rate, tick_s=tick_s):
                    if not peak:
                        return ""
                    return f"; FMA peak allows {peak * 1e9 / flop * tick_s:,.0f}, " \
                           f"{100 * rate * flop / tick_s / peak / 1e9:.0f} % of it"
                measure_throughput(kafka.bootstrap, tick_s, rows_per_message, rows, decode, note,
                                   target)
    handover = float(lines_of("bench_link")["handover"][0])
    links = len(pipeline.STAGES) + 1
    table.line("links, both ends, within the above", f"{links * handover / 64:.2f} us a row",
               f"{links} hand-overs of {handover:.2f} us, 64 rows to a frame")


# ---- latency ----


def toggle(bootstrap, path):
    """The whole chain at the demo's tick, and one rule that each row of the bench turns around."""
    made = config(bootstrap, 10, path)
    made["source"]["start"] = "latest"
    made["alert_rules"] = {"toggle": {"title": "toggle", "priority": "high", "for": "0s",
                                      "when": {"channel": "hr", "above": "100 /min"}}}
    made["sinks"] = {"subscribers": {"type": "zeromq", "publish": f"ipc://{path}/publish",
                                     "control": f"ipc://{path}/control"}}
    return made


def measure_latency(name, broker, commit_ms, target):
    with folder() as path, Pipeline(toggle(broker.bootstrap, path), path) as one:
        run = Run(one)
        settle(run)
        said = lines_of("bench_latency", broker.bootstrap, TOPIC, f"ipc://{path}/publish",
                        f"ipc://{path}/control", ROWS_PER_S, LATENCY_S)
        run.stop()
    count, p50, p99, worst = said["alert"]
    table.line(f"record to subscriber, {name}", f"{p50} / {p99} / {worst}",
               f"{count} alerts, {said['lost'][0]} lost; in the median second p99 is "
               f"{said['p99_of_seconds'][1]}", target)
    table.line("    one Kafka hop alone", " / ".join(said["hop"][1:]))
    share = f"one commit alone is {commit_ms:.1f} ms, {100 * commit_ms / float(p50):.0f} % of " \
            "the median" if commit_ms else ""
    table.line("    beyond that hop", " / ".join(said["excess"][1:]), share)


def bench_latency(commit_ms=0.0):
    table.section(f"Latency at {ROWS_PER_S:,} rows/s, each row an event, both models (ms: p50 / "
                  "p99 / max)")
    with MockBroker(f"{TOPIC}:1") as broker:
        measure_latency("mock", broker, commit_ms, "p99 < 50 ms")
    with real_kafka(TOPIC, 1) as broker:
        measure_latency("real Kafka", broker, commit_ms, "")


# ---- memory and snapshots ----


def settle(run, timeout_s=60):
    """Until the threads have had nothing to do for a while."""
    end = time.monotonic() + timeout_s
    before = -1.0
    while time.monotonic() < end:
        time.sleep(QUIET_S)
        run.look()
        now = sum(run.parts().values())
        if 0 <= now - before < 0.05 * QUIET_S:
            return
        before = now
    check(False, "the pipeline did not come to rest")


def bench_memory():
    table.section("Memory of a patient with both models (tick 10 s), and snapshots of it")
    few, many, rows = 100, 1000, 4000  # the same number of rows: frames in flight cost the same
    with MockBroker(f"{TOPIC}:1") as broker, folder() as path:
        made = config(broker.bootstrap, 10, path, snapshot={"every": "1h"})
        with Pipeline(made, path) as one:
            run = Run(one)
            settle(run)
            resident = []
            for beds in (few, many):
                simulate(broker.bootstrap, beds, rows // beds)
                settle(run)
                resident.append(run.resident())
            run.stop()
            files = sorted((one.data / "snapshots" / "0").glob("*.snap"))
            size = files[-1].stat().st_size
            again = Run(one, env={"VIGIL_LOG": "debug"})
            running_s = again.wait_line(" runs: ")
            restored_s = again.wait_line("recovered up to offset")
            settle(again)
            again.stop()
    slope = (resident[1] - resident[0]) / (many - few)
    table.line("state in the snapshot, bytes a patient", f"{size / many:,.0f}", "", "<= 10 KB")
    table.line("resident memory, bytes a patient", f"{slope:,.0f}",
               f"from {few} to {many} patients; {resident[1] / 1e6:.0f} MB in all", "<= 10 KB")
    table.line(f"snapshot of {many} patients", f"{size / 1e6:.2f} MB")
    table.line("start until running", f"{running_s * 1000:.0f} ms", "with the snapshot read")
    table.line("    and until it goes on", f"{(restored_s - running_s) * 1000:.0f} ms", "later")
    return size


# ---- all ----


def main():
    names = ("decode", "models", "rules", "memory", "disk", "throughput", "observers",
             "latency", "delivery")
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(names), help="comma-separated")
    wanted = parser.parse_args().only.split(",")
    began = time.monotonic()
    print(pipeline.machine())
    peak, flop, size, commit_ms = 0.0, 0, 8 << 20, 0.0
    if "decode" in wanted:
        bench_decode()
    if "models" in wanted:
        peak, flop = bench_models()
    if "rules" in wanted:
        bench_rules()
    if "memory" in wanted:
        size = bench_memory()
    if "disk" in wanted:
        commit_ms = bench_disk(size)
    if "throughput" in wanted:
        bench_throughput(peak, flop)
    if "observers" in wanted:
        bench_observers.bench(table, folder)
    if "latency" in wanted:
        bench_latency(commit_ms)
    if "delivery" in wanted:
        bench_delivery.bench(table, program("bench_delivery"))
    print(f"\n{time.monotonic() - began:.0f} s; load now {load():.1f}")


if __name__ == "__main__":
    sys.exit(main())
