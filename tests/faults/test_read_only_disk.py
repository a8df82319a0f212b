#!/usr/bin/env python3
"""The disk of Vigil's data cannot be written: a start is refused with the reason; a pipeline that runs
says so, reads nothing more, tears nothing, and goes on when it can be written again."""
import contextlib
import json
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import delivery
import disk
import live
import vigil
import zmq
from live import Live, until
from vigil import check


def pipeline(broker, folder, **service):
    live_sink = {"type": "zeromq", "publish": f"ipc://{folder}/publish",
                 "control": f"ipc://{folder}/control", "heartbeat": "100ms"}
    return vigil.Pipeline(delivery.config(broker, {"live": live_sink,
                                                   "book": {"type": "sqlite", "path": "book.db"}},
                                          **service))


def switch(p):
    """While this file is there nothing in the data folder can be written."""
    return pathlib.Path(f"{p.data}.ro")


def env(p):
    return disk.breaking(VIGIL_READ_ONLY=switch(p))


@contextlib.contextmanager
def heartbeats(folder):
    """A function that gives the next one."""
    with zmq.Context() as context, context.socket(zmq.SUB) as sub:
        sub.linger = 0
        sub.subscribe(b"alert/1/")
        sub.connect(f"ipc://{folder}/publish")

        def following():
            while True:
                check(sub.poll(20000), "no heartbeat")
                _, header, payload = sub.recv_multipart()
                if header[4] == 2:
                    return json.loads(payload)
        yield following


def told(p, rule):
    return [e for e in p.events() if e["rule"] == rule]


def check_whole(p, seconds):
    """What was fed has arrived, once, everywhere; and all of it can be read again."""
    rows = delivery.PATIENTS * seconds
    until("all", lambda: len(told(p, "spo2_low")) == rows)
    live.check_no_duplicates(p)
    stored = [body.encode() for body, in p.outbox("select body from event order by seq")]
    until("all in the file", lambda: p.lines() == stored)
    check(p.outbox("pragma integrity_check") == [("ok",)], "the outbox is damaged")
    with Live(p) as run:  # reads its snapshots, and the log behind them
        run.stop()
        live.check_no_mismatch(run.said)


def a_start_on_a_read_only_disk_is_refused_with_the_reason():
    with vigil.MockBroker(f"{delivery.TOPIC}:1") as broker, \
            tempfile.TemporaryDirectory() as folder, pipeline(broker, folder) as p:
        for there in (False, True):  # the folder
            switch(p).touch()
            with Live(p, env=env(p), wait=None) as run:
                check(run.wait() == 74, run.said)
            check(str(p.data) in run.said and "Read-only file system; service.data_dir must be a "
                  "folder that this user can write to" in run.said, run.said)
            check(not there or not list(p.data.iterdir()), "something was made")
            switch(p).unlink()
            p.data.mkdir(mode=0o700, exist_ok=True)


def a_disk_that_becomes_read_only_stops_reading_until_it_can_be_written_again():
    with vigil.MockBroker(f"{delivery.TOPIC}:2") as broker, \
            tempfile.TemporaryDirectory() as folder, pipeline(broker, folder) as p:
        with Live(p, env=env(p)) as run, heartbeats(folder) as following:
            delivery.feed(broker, 0, 2)
            until("the first", lambda: len(p.lines()) == 2 * delivery.PATIENTS)
            switch(p).touch()
            delivery.feed(broker, 2, 20)
            run.wait_line(b"its file system is read-only; make it writable again; trying again")
            until("degraded", lambda: any("disk of Vigil's data is read-only" in reason
                                          for reason in following().get("reasons", [])))
            check(len(p.lines()) == 2 * delivery.PATIENTS, "told what is not durable")
            switch(p).unlink()
            until("running", lambda: following()["state"] == "running")
            until("that it was so, and is over", lambda:
                  [e["phase"] for e in told(p, "delivery_lost")][:1] == ["start"] and
                  told(p, "delivery_lost")[-1]["phase"] == "end")
            start = told(p, "delivery_lost")[0]
            check("is read-only" in start["text"] and start["priority"] == "high", f"{start}")
            until("all", lambda: len(told(p, "spo2_low")) == 22 * delivery.PATIENTS)
            run.stop()
        check_whole(p, 22)


def a_stop_meanwhile_ends_with_75_and_the_next_start_has_everything():
    with vigil.MockBroker(f"{delivery.TOPIC}:2") as broker, \
            tempfile.TemporaryDirectory() as folder, \
            pipeline(broker, folder, shutdown={"drain_timeout": "1s"}) as p:
        with Live(p, env=env(p)) as run:
            delivery.feed(broker, 0, 2)
            until("the first", lambda: len(p.lines()) == 2 * delivery.PATIENTS)
            switch(p).touch()
            delivery.feed(broker, 2, 20)
            run.wait_line(b"its file system is read-only")
            run.stop(expect=75)
        switch(p).unlink()
        with Live(p) as run:
            until("all", lambda: len(told(p, "spo2_low")) == 22 * delivery.PATIENTS)
            run.stop()
        check_whole(p, 22)


if __name__ == "__main__":
    vigil.main(a_start_on_a_read_only_disk_is_refused_with_the_reason,
               a_disk_that_becomes_read_only_stops_reading_until_it_can_be_written_again,
               a_stop_meanwhile_ends_with_75_and_the_next_start_has_everything)
