#!/usr/bin/env python3
"""kill -9 at random moments of a replay: nothing lost, nothing twice, nothing different.

KILLS (default 20; `make test-long`: 100) and SEED choose how often and when.
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
KILLS = int(os.environ.get("KILLS", "20"))
SEED = int(os.environ.get("SEED", "1"))
RECOVERY_S = 5.0


def config(broker):
    return vigil.sedation_config(broker.bootstrap, snapshot={"every": "200ms"},
                                 log={"level": "info"})


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


def killed_at_random_moments():
    rng = random.Random(SEED)
    kills = restored = passes = 0
    with vigil.real_kafka("vitals.raw", PARTITIONS) as broker:
        vigil.replay_sedation(broker.bootstrap, "vitals.raw")
        with vigil.Pipeline(config(broker)) as p:
            began = time.monotonic()
            p.run()
            whole_s = time.monotonic() - began
            reference = set(p.lines())
        check(len(reference) > 400, "the uninterrupted run gave hardly any event")
        while kills < KILLS:
            with vigil.Pipeline(config(broker)) as p:
                finished = False
                restarted = False
                while not finished:
                    finished, from_snapshot = one_life(
                        p, rng.uniform(0.01, whole_s / 3) if kills < KILLS else 120)
                    restored += restarted and from_snapshot
                    kills += not finished
                    restarted = True
                check_same(p, reference)
                passes += 1
    print(f"     {kills} kills in {passes} passes, {restored} restarts from a snapshot")
    check(restored >= kills / 2, f"only {restored} of {kills} restarts restored a snapshot")


if __name__ == "__main__":
    vigil.main(killed_at_random_moments)
