#!/usr/bin/env python3
"""A chain in one thread without a log gives the events of a live run, to the last byte."""
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import vigil
from vigil import check

PARTITIONS = 3
TOPIC = "vitals.raw"


def ward():
    """The demo's ward as records; the first bed is never silent and its clock is right."""
    rows = subprocess.run(
        [vigil.VIGIL, "simulate", "--to", "-", "--beds", "12", "--duration", "26m", "--seed", "7",
         "--script", "demo", "--start", "2026-01-01T12:00:00Z", "--artefact-rate", "10",
         "--progress", "none"], capture_output=True, text=True, timeout=vigil.TIMEOUT_S)
    check(rows.returncode == 0, rows.stderr)
    second = -1
    for line in rows.stdout.splitlines():
        row = json.loads(line)
        bed = int(row["bed"].split("/")[1])
        second += bed == 1
        yield bed % PARTITIONS, vigil.START_MS + 43_200_000 + 1000 * second, row["patient"], line


def offline(path, records):
    lines = "".join("\t".join(map(str, r)) + "\n" for r in records)
    done = subprocess.run([vigil.BUILD / "offline", path], input=lines.encode(),
                          capture_output=True, timeout=vigil.TIMEOUT_S)
    check(done.returncode == 0, done.stderr.decode())
    shards = {}
    for line in done.stdout.splitlines():
        shards.setdefault(json.loads(line)["position"]["partition"], []).append(line)
    return shards


def offline_events_are_those_of_a_live_run():
    records = list(ward())
    with vigil.MockBroker(f"{TOPIC}:{PARTITIONS}") as broker:
        vigil.produce(broker.bootstrap, TOPIC, records)
        for frame_rows, workers in ((1024, 1), (7, 2)):
            config = vigil.add_models(vigil.sedation_config(
                broker.bootstrap, clock="device", frame_rows=frame_rows, workers=workers))
            with vigil.Pipeline(config) as p:
                p.run()
                live = p.by_shard()
                alone = offline(p.path, records)
            rules = {json.loads(line)["rule"] for lines in live.values() for line in lines}
            check({"spo2_low", "unusual", "spo2_forecast", "silent"} <= rules,
                  f"the ward gave events of {rules} only")
            check(live.keys() == alone.keys(), "other shards have events")
            for shard, lines in live.items():
                check(lines == alone[shard], f"shard {shard}, frames of {frame_rows}: "
                      f"{len(lines)} events live, {len(alone[shard])} offline, or others")


if __name__ == "__main__":
    vigil.main(offline_events_are_those_of_a_live_run)
