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
from live import Live
from vigil import check

PARTITIONS = 4
KILLS = int(os.environ.get("KILLS", "100" if os.environ.get("VIGIL_LONG") else "20"))
SEED = int(os.environ.get("SEED", "1"))
RECOVERY_S = 5.0
RECORDS = 166485
POLL_S = 0.005


def limits(broker):
    return vigil.add_life(vigil.sedation_config(broker.bootstrap, snapshot={"every": "200ms"},
                                                log={"level": "info"}))


def whole_chain(broker):
    """Every stage has memory that must come back: ticks, hidden states, windows, silences."""
    c = vigil.add_models(limits(broker))
    c["service"]["workers"] = 2
    return c


def progress(p):
    """Records that the outbox knows to be worked through."""
    if not (p.data / "outbox.db").exists():
        return 0
    return p.outbox("select coalesce(sum(next_offset), 0) from shard")[0][0]


def kill_at(run, p, records, delay_s):
    """Kills `delay_s` after so many records; false when the run ended before."""
    end = time.monotonic() + vigil.TIMEOUT_S
    while run.process.poll() is None and progress(p) < records:
        check(time.monotonic() < end, f"no progress: {run.said[-2000:]}")
        time.sleep(POLL_S)
    try:
        run.process.wait(delay_s)
        return False
    except vigil.subprocess.TimeoutExpired:
        run.kill()
        return True


def one_life(p, records, delay_s):
    """From a start to the kill, or (records None) to the end; returns (killed, restored)."""
    began = time.monotonic()
    with Live(p, "--until-end") as run:
        check(time.monotonic() - began < RECOVERY_S, "not processing again within 5 s")
        killed = records is not None and kill_at(run, p, records, delay_s)
        if not killed:
            code = run.wait(vigil.TIMEOUT_S)
            check(code == 0, f"exit {code}: {run.said[-2000:]}")
        check("not what the outbox holds" not in run.said, f"mismatches: {run.said[-2000:]}")
        return killed, "from a snapshot" in run.said


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
    with vigil.Pipeline(config(broker)) as p:
        p.run()
        reference = set(p.lines())
    check(len(reference) > 400, "the uninterrupted run gave hardly any event")
    vigil.check_life(reference)
    return reference


def one_pass(p, rng, kills_left):
    """Kills all along the log until it is read to its end; returns (records at each kill, restarts
    from a snapshot)."""
    moments, restored = [], 0
    killed = True
    while killed:
        records = progress(p) + rng.randrange(RECORDS // 8) if len(moments) < kills_left else None
        killed, from_snapshot = one_life(p, records, rng.uniform(0, 0.1))
        restored += len(moments) > 0 and from_snapshot
        if killed:
            moments.append(progress(p))
    return moments, restored


def kill_often(config, wanted):
    rng = random.Random(SEED)
    restored = passes = 0
    moments = []  # of all kills
    with vigil.real_kafka("vitals.raw", PARTITIONS) as broker:
        vigil.replay_sedation(broker.bootstrap, "vitals.raw")
        reference = uninterrupted(broker, config)
        while len(moments) < wanted:
            with vigil.Pipeline(config(broker)) as p:
                more = one_pass(p, rng, wanted - len(moments))
                moments += more[0]
                restored += more[1]
                check_same(p, reference)
                passes += 1
    spread = len({min(m * 8 // RECORDS, 7) for m in moments})
    print(f"     {len(moments)} kills in {passes} passes, in {spread} of 8 parts of the log, "
          f"{restored} restarts from a snapshot")
    check(restored >= len(moments) / 2, f"only {restored} restarts restored a snapshot")
    check(spread >= min(5, wanted // 3), f"kills only in {spread} of 8 parts of the log: {moments}")


def killed_at_random_moments():
    kill_often(limits, KILLS)


def killed_with_all_stages():
    kill_often(whole_chain, KILLS // 2)


if __name__ == "__main__":
    vigil.main(killed_at_random_moments, killed_with_all_stages)
