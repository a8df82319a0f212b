#!/usr/bin/env python3
"""A full disk below the snapshots and below one sink: the other sink has everything, both are said, and
all goes on when there is space."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import delivery
import live
import vigil
from disk import SmallDisk, fill
from live import Live, until
from vigil import check

SECONDS = 100


def a_full_disk_of_snapshots_and_of_a_sink_loses_nothing():
    with vigil.MockBroker(f"{delivery.TOPIC}:2") as broker, SmallDisk("1m") as disk:
        if not disk:
            return
        path = disk / "full.ndjson"
        p = vigil.Pipeline(delivery.config(broker, {"full": {"type": "file", "path": str(path)}}))
        with p:
            p.data.mkdir()
            (disk / "snapshots").mkdir()
            (p.data / "snapshots").symlink_to(disk / "snapshots")
            fill(disk / "ballast")
            delivery.feed(broker, 0, SECONDS)
            with Live(p) as run:
                until("all in the other sink",
                      lambda: len(p.lines()) >= delivery.PATIENTS * SECONDS)
                run.wait_line(b"error snapshot:")
                run.wait_line(b"error full:")
                (disk / "ballast").unlink()
                until("all in the sink", lambda: path.exists()
                      and len(path.read_bytes().splitlines()) >= len(p.lines()))
                run.stop()
            live.check_no_mismatch(p.run())
            lines = path.read_bytes().splitlines()
            check(len(lines) == len(set(lines)), "an event is in the file twice")
            check(set(lines) == set(p.lines()), "an event is missing")
            check(list((disk / "snapshots").iterdir()), "no snapshot when there is space")


if __name__ == "__main__":
    vigil.main(a_full_disk_of_snapshots_and_of_a_sink_loses_nothing)
