#!/usr/bin/env python3
"""The same log gives the same events of each shard, byte for byte, whatever the frames, the workers
and the speed."""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import live
import vigil
from live import until
from vigil import check

PARTITIONS = 4
TOPIC = "vitals.raw"
VARIANTS = [(1, 1), (7, 2), (64, 4), (64, 1)]  # frame_rows, workers
# Sanitizers slow it down fourfold: they get a part of the log.
SOME = ["--patients", "C007,C017,C038,C045,C068,C081,C091"] if vigil.SANITIZED else []
AFTER_THE_RECORDINGS = "2026-01-01T12:00:00Z"


def config(broker, **service):
    """Limits, what becomes of their alerts, both models, and silence: everything whose time could
    depend on how rows arrive."""
    return vigil.add_models(vigil.add_life(vigil.sedation_config(broker.bootstrap, **service)))


def simulate(broker, *more):
    done = subprocess.run(
        [vigil.VIGIL, "simulate", "--brokers", broker.bootstrap, "--topic", TOPIC, "--seed", "7",
         "--progress", "none", *more], capture_output=True, text=True, timeout=vigil.TIMEOUT_S)
    check(done.returncode == 0, f"simulate: exit {done.returncode}: {done.stderr}")


def same(reference, other, what):
    check(reference.keys() == other.keys(), f"{what}: other shards have events")
    for shard, lines in reference.items():
        for i, (a, b) in enumerate(zip(lines, other[shard])):
            check(a == b, f"{what}: shard {shard}, event {i}:\n{a.decode()}\n{b.decode()}")
        check(len(lines) == len(other[shard]), f"{what}: shard {shard} has {len(other[shard])} "
              f"events, not {len(lines)}")


def check_rules(shards, *rules):
    lines = [line for of_shard in shards.values() for line in of_shard]
    for rule in rules:
        check(any(b'"rule":"%s"' % rule.encode() in line for line in lines),
              f"the log gave no event of {rule}")


def frames_and_workers_change_nothing():
    with vigil.real_kafka(TOPIC, PARTITIONS) as broker:
        vigil.replay_sedation(broker.bootstrap, TOPIC, *SOME)
        simulate(broker, "--beds", "12", "--duration", "15m", "--start", AFTER_THE_RECORDINGS,
                 "--script", "demo", "--artefact-rate", "20")
        reference = None
        for frame_rows, workers in VARIANTS:
            with vigil.Pipeline(config(broker, frame_rows=frame_rows, workers=workers)) as p:
                p.run()
                shards = p.by_shard()
            if reference is None:
                reference = shards
                check_rules(shards, "spo2_low", "pulse_low", "lead_off", "device_clock",
                            "spo2_forecast", "unusual", "silent", "news2")
            same(reference, shards, f"frames of {frame_rows}, {workers} workers")


def feed_in_bursts(broker, p):
    """Accelerated rows with silences between them in which CLOCK marks occur."""
    for i in range(2):
        before = p.outbox("select count(*) from command")[0][0]
        simulate(broker, "--beds", "6", "--duration", "90s",
                 "--start", f"2026-01-01T00:0{3 * i}:00Z", "--speed", "60",
                 "--artefact-rate", "200")
        until("marks in the silence after the burst",
              live.outbox_has(p, "select count(distinct log_ns) from command", before + 8))


def recorded_commands_give_the_same_events_at_any_speed():
    with vigil.MockBroker(f"{TOPIC}:{PARTITIONS}") as broker, \
         vigil.Pipeline(config(broker, snapshot={"every": "1s"})) as first:
        with live.Live(first) as run:
            feed_in_bursts(broker, first)
            said = run.stop()
        check("dead letters" in said, f"no closing line: {said[-500:]}")
        reference = first.by_shard()
        check_rules(reference, "silent")
        for frame_rows, workers in VARIANTS[:3]:
            c = config(broker, frame_rows=frame_rows, workers=workers)
            with vigil.Pipeline(c) as again:
                again.run("--commands", str(first.data / "outbox.db"))
                same(reference, again.by_shard(), f"max speed, frames of {frame_rows}")
                check(again.outbox("select * from command order by 1, 2, 3")
                      == first.outbox("select * from command order by 1, 2, 3"),
                      "the commands of the second run are not those of the first")


def poisoned(unread):
    """Rows in which many cells are not to be read; `unread` is what stands in those that say so."""
    invalid = {"value": unread, "quality": "invalid"}
    missing = {"value": unread, "quality": "missing"}
    for s in range(400):
        for i in range(5):
            vitals = {"hr": 80 + i, "rr": 14 + s % 3, "spo2": 96 - (s // 40) % 3 * 4,
                      "pulse": 80 + i, "abp_sys": 120, "abp_dia": 70, "abp_mean": 85, "temp": 37,
                      "etco2": 38}
            vitals |= [{}, {"spo2": None}, {"hr": invalid, "spo2": 88}, {"pulse": 0, "spo2": 0},
                       {"rr": missing, "abp_mean": None, "etco2": invalid}][(s // 15 + i) % 5]
            if (s // 60 + i) % 4 == 3:
                vitals = {"spo2": vitals["spo2"]}
            yield live.record(i % PARTITIONS, s, f"p-{i}", **vitals)


def what_stands_in_unusable_cells_changes_nothing():
    with vigil.MockBroker(f"plain:{PARTITIONS}", f"poison:{PARTITIONS}") as broker:
        runs = []
        for topic, unread in (("plain", 0), ("poison", 1e30)):
            vigil.produce(broker.bootstrap, topic, poisoned(unread))
            for frame_rows, workers in VARIANTS[:3]:
                c = config(broker, frame_rows=frame_rows, workers=workers)
                c["source"]["topic"] = topic
                c["alert_rules"]["spo2_forecast"]["when"] |= {"quantile": 0.05, "below": "95 %"}
                with vigil.Pipeline(c) as p:
                    p.run()
                    check(p.outbox("select count(*) from dead_letter") == [(0,)], "dead letters")
                    runs.append((topic, frame_rows, p.by_shard(), p.events()))
        check_rules(runs[0][2], "lead_off", "spo2_low", "spo2_forecast")
        for topic, frame_rows, shards, events in runs[1:]:
            if topic == "plain":
                same(runs[0][2], shards, f"frames of {frame_rows}")
            strip = [[{k: v for k, v in e.items()
                       if k not in ("event_id", "episode_id", "position", "config")}
                      for e in run if e["position"]["partition"] == shard]
                     for run in (runs[0][3], events) for shard in range(PARTITIONS)]
            check(strip[:PARTITIONS] == strip[PARTITIONS:], f"{topic}, frames of {frame_rows}: "
                  "events depend on what stands in unusable cells")


if __name__ == "__main__":
    vigil.main(frames_and_workers_change_nothing,
               recorded_commands_give_the_same_events_at_any_speed,
               what_stands_in_unusable_cells_changes_nothing)
