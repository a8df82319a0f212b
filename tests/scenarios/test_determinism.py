#!/usr/bin/env python3
"""The same log gives the same events of each shard, byte for byte, whatever the frames, the workers
and the speed."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import vigil
from vigil import check

PARTITIONS = 4
VARIANTS = [(1, 1), (7, 2), (64, 4), (64, 1), (7, 4)]  # frame_rows, workers


def config(broker, **service):
    c = vigil.sedation_config(broker.bootstrap, **service)
    c["models"] = {
        "forecast": {"type": "lstm", "file": str(vigil.ROOT / "configs/models/forecast.safetensors")},
        "unusual": {"type": "autoencoder",
                    "file": str(vigil.ROOT / "configs/models/autoencoder.safetensors")},
    }
    c["stages"] = [{"type": "clean"}, {"type": "resample", "tick": "10s"}, {"type": "normalize"},
                   {"type": "forecast", "model": "forecast"},
                   {"type": "detect", "model": "unusual"}, {"type": "alert"}]
    c["alert_rules"] |= {
        "spo2_forecast": {"title": "SpO2 likely to fall", "priority": "medium",
                          "when": {"forecast": "spo2", "quantile": 0.5, "below": "93 %",
                                   "within": "10m"}},
        "unusual": {"title": "Unusual", "priority": "low",
                    "when": {"anomaly": "unusual", "above": 0.05}, "for": "30s"},
        "silent": {"title": "No data", "priority": "medium",
                   "when": {"stale": "any", "longer_than": "30s"}},
    }
    return c


def same(reference, other, what):
    check(reference.keys() == other.keys(), f"{what}: other shards have events")
    for shard, lines in reference.items():
        for i, (a, b) in enumerate(zip(lines, other[shard])):
            check(a == b, f"{what}: shard {shard}, event {i}:\n{a.decode()}\n{b.decode()}")
        check(len(lines) == len(other[shard]), f"{what}: shard {shard} has {len(other[shard])} "
              f"events, not {len(lines)}")


def frames_and_workers_change_nothing():
    with vigil.real_kafka("vitals.raw", PARTITIONS) as broker:
        vigil.replay_sedation(broker.bootstrap, "vitals.raw")
        reference = None
        for frame_rows, workers in VARIANTS:
            with vigil.Pipeline(config(broker, frame_rows=frame_rows, workers=workers)) as p:
                p.run()
                shards = p.by_shard()
            kinds = {k for lines in shards.values() for line in lines
                     for k in ("forecast", "anomaly", "spo2_low") if b'"%s"' % k.encode() in line}
            check(kinds == {"forecast", "anomaly", "spo2_low"}, f"the log only gave {kinds}")
            if reference is None:
                reference = shards
            same(reference, shards, f"frames of {frame_rows}, {workers} workers")


if __name__ == "__main__":
    vigil.main(frames_and_workers_change_nothing)
