#!/usr/bin/env python3
"""kill -9 at random moments of a replay: nothing lost, nothing twice, nothing different.

KILLS (default 20, with VIGIL_LONG=1 100) and SEED choose how often and when.
"""
import os
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import vigil
from vigil import check

PARTITIONS = 4
KILLS = int(os.environ.get("KILLS", "100" if os.environ.get("VIGIL_LONG") else "20"))
SEED = int(os.environ.get("SEED", "1"))
RECOVERY_S = 5.0


MODELS = vigil.ROOT / "configs/models"


def limits(broker):
    return vigil.sedation_config(broker.bootstrap, snapshot={"every": "200ms"},
                                 log={"level": "info"})


def whole_chain(broker):
    """Every stage has memory that must come back: ticks, hidden states, windows, silences."""
    c = limits(broker)
    c["service"]["workers"] = 2
    c["models"] = {"forecast": {"type": "lstm", "file": str(MODELS / "forecast.safetensors")},
                   "unusual": {"type": "autoencoder",
                               "file": str(MODELS / "autoencoder.safetensors")}}
    c["stages"] = [{"type": "clean"}, {"type": "resample", "tick": "10s"}, {"type": "normalize"},
                   {"type": "forecast", "model": "forecast"},
                   {"type": "detect", "model": "unusual"}, {"type": "alert"}]
    c["alert_rules"] |= {
        "spo2_forecast": {"title": "SpO2 likely to fall", "priority": "medium",
                          "when": {"forecast": "spo2", "quantile": 0.5, "below": "93 %",
                                   "within": "10m"}},
        "silent": {"title": "No data", "priority": "medium",
                   "when": {"stale": "any", "longer_than": "2s"}}}
    return c


def one_life(p, moment_s):
    """Starts, kills `moment_s` after the first shard is read; returns (finished, restored)."""
    began = time.monotonic()
    process = p.start("--until-end")
    try:
        vigil.read_line(process.stderr, until=b" runs: ")
        check(time.monotonic() - began < RECOVERY_S, "not processing again within 5 s")
        try:
            process.wait(moment_s)
            finished = True
        except vigil.subprocess.TimeoutExpired:
            process.kill()
            finished = False
        said = process.stderr.read().decode()
        process.wait()
        if finished:
            check(process.returncode == 0, f"exit {process.returncode}: {said[-2000:]}")
        check("not what the outbox holds" not in said, f"replay mismatches: {said[-2000:]}")
        return finished, "from a snapshot" in said
    finally:
        if process.poll() is None:
            process.kill()
        process.stderr.close()


def check_same(p, reference):
    lines = p.lines()
    ids = [line.split(b'"', 4)[3] for line in lines]
    check(len(ids) == len(set(ids)), f"{len(ids) - len(set(ids))} events are twice in the file")
    check(set(lines) == reference, f"{len(reference - set(lines))} events lost, "
          f"{len(set(lines) - reference)} not in the uninterrupted run")
    stored = {body for (body,) in p.outbox("select body from event")}
    stored = {b if isinstance(b, bytes) else b.encode() for b in stored}
    check(stored == reference, "the outbox differs from the uninterrupted run")


def uninterrupted(broker, config):
    """Its events and how long it takes."""
    with vigil.Pipeline(config(broker)) as p:
        began = time.monotonic()
        p.run()
        whole_s = time.monotonic() - began
        reference = set(p.lines())
    check(len(reference) > 400, "the uninterrupted run gave hardly any event")
    return reference, whole_s


def one_pass(p, rng, whole_s, kills_left):
    """Kills until the log is read to its end; returns (kills, restarts from a snapshot)."""
    kills = restored = 0
    finished = False
    while not finished:
        moment_s = rng.uniform(0.01, whole_s / 3) if kills < kills_left else vigil.TIMEOUT_S
        finished, from_snapshot = one_life(p, moment_s)
        restored += kills > 0 and from_snapshot
        kills += not finished
    return kills, restored


def kill_often(config, wanted):
    rng = random.Random(SEED)
    kills = restored = passes = 0
    with vigil.real_kafka("vitals.raw", PARTITIONS) as broker:
        vigil.replay_sedation(broker.bootstrap, "vitals.raw")
        reference, whole_s = uninterrupted(broker, config)
        while kills < wanted:
            with vigil.Pipeline(config(broker)) as p:
                more = one_pass(p, rng, whole_s, wanted - kills)
                kills, restored = kills + more[0], restored + more[1]
                check_same(p, reference)
                passes += 1
    print(f"     {kills} kills in {passes} passes, {restored} restarts from a snapshot")
    check(restored >= kills / 2, f"only {restored} of {kills} restarts restored a snapshot")


def killed_at_random_moments():
    kill_often(limits, KILLS)


def killed_with_all_stages():
    kill_often(whole_chain, KILLS // 2)


if __name__ == "__main__":
    vigil.main(killed_at_random_moments, killed_with_all_stages)
