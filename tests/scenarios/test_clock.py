#!/usr/bin/env python3
"""When no record comes, log time goes on by CLOCK marks: in time, recorded, and the same after a
restart."""
import json
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import zmq

import live
import vigil
from live import Live, record, until
from vigil import check

TOPIC = "vitals.raw"
LONGER_THAN_S = 3
STALE_STARTS = ("select count(*) from event "
                "where body like '%\"phase\":\"start\"%\"rule\":\"silent\"%'")
CLOCKS = "select count(*) from command where kind = 0"


def config(broker, sinks=None, **service):
    c = vigil.sedation_config(broker.bootstrap, snapshot={"every": "200ms"}, **service)
    c["alert_rules"] = {
        "silent": {"title": "No data", "priority": "medium",
                   "when": {"stale": "any", "longer_than": f"{LONGER_THAN_S}s"}},
        "spo2_low": vigil.limit_rule("spo2", "90 %", 2)}
    c["sinks"] |= sinks or {}
    return c


def feed(broker, first_s, seconds, patients=4, partitions=2):
    """Rows up to `first_s + seconds`; returns (last second, monotonic time of the last record)."""
    vigil.produce(broker.bootstrap, TOPIC,
                  [record(i % partitions, s, f"p-{i}", spo2=95, hr=80)
                   for s in range(first_s, first_s + seconds) for i in range(patients)])
    return first_s + seconds - 1, time.monotonic()


def stored(p, next_offset):
    for partition in (0, 1):
        live.wait_for_offset(p, partition, next_offset)


def wait_stale(p, patients, timeout_s=30):
    until("stale alerts of all patients", live.outbox_has(p, STALE_STARTS, patients), timeout_s)
    return time.monotonic()


def finish(run, p, patients=4):
    """Lets the file catch up; returns the stale alerts by shard."""
    until("all alerts in the file",
          lambda: len(p.lines()) >= p.outbox("select count(*) from event")[0][0])
    run.stop()
    live.check_no_mismatch(run.said)
    live.check_no_duplicates(p)
    starts = [line for line in p.lines() if b'"phase":"start"' in line]
    check(len(starts) == patients, f"{len(starts)} alerts, not one for each of {patients} patients")
    return p.by_shard()


def silence_is_told_in_time_with_the_same_ids_after_a_restart():
    with vigil.MockBroker(f"{TOPIC}:2") as broker, \
         vigil.Pipeline(config(broker)) as whole, vigil.Pipeline(config(broker)) as stopped, \
         vigil.Pipeline(config(broker)) as killed:
        with Live(whole) as a, Live(stopped) as b, Live(killed) as c:
            feed(broker, 0, 5)
            last_s, last = feed(broker, 5, 5)
            for p in (whole, stopped, killed):
                stored(p, 20)
            b.stop()
            c.kill()
            took = wait_stale(whole, 4) - last
            check(took <= LONGER_THAN_S + 2,
                  f"stale alerts {took:.1f} s after the last record, not {LONGER_THAN_S} + 2")
            reference = finish(a, whole)
        for p in (stopped, killed):
            # Down for longer than longer_than: the time counts, the alert comes almost at once.
            with Live(p) as again:
                began = time.monotonic()
                took = wait_stale(p, 4) - began
                check(took < LONGER_THAN_S, f"the time while it was down was not counted: {took} s")
                check(finish(again, p) == reference, "other stale alerts after a restart")
        due = json.loads(reference[0][0])["time"]
        check(due == f"2026-01-01T00:00:{last_s + LONGER_THAN_S}.000Z", f"stale at {due}")


def marks_are_recorded_also_without_an_event_and_an_idle_shard_gives_signs_of_life():
    with vigil.MockBroker(f"{TOPIC}:3") as broker, tempfile.TemporaryDirectory() as folder, \
         vigil.Pipeline(config(broker, {"live": {
             "type": "zeromq", "publish": f"ipc://{folder}/publish",
             "control": f"ipc://{folder}/control"}})) as p, \
         zmq.Context() as context, context.socket(zmq.SUB) as sub, Live(p) as run:
        sub.connect(f"ipc://{folder}/publish")
        sub.subscribe("alert/1/none/")
        feed(broker, 0, 5)
        until("marks", live.outbox_has(p, CLOCKS, 2))
        check(p.outbox("select count(*) from event") == [(0,)], "marks with events came first")
        before = p.outbox(CLOCKS)[0][0]
        wait_stale(p, 4)
        until("marks after the alerts", live.outbox_has(p, CLOCKS, before + 4))
        heartbeats = [json.loads(sub.recv_multipart()[2])]
        while sub.poll(0):
            heartbeats.append(json.loads(sub.recv_multipart()[2]))
        idle = [s for h in heartbeats for s in h.get("shards", []) if s["shard"] == 2]
        check(idle and idle[-1]["log_time"] is None, f"idle shard: {idle[-3:]}")
        check(max(s["wall_age_ms"] for s in idle) < 2500, f"idle shard: {idle}")
        check(p.outbox("select count(*) from command where shard = 2") == [(0,)],
              "an idle shard has no time to go on")
        run.stop()


def marks_go_on_while_the_broker_is_away():
    with vigil.MockBroker(f"{TOPIC}:2") as broker, vigil.Pipeline(config(broker)) as p, \
         Live(p) as run:
        feed(broker, 0, 5)
        stored(p, 10)
        broker.process.kill()
        wait_stale(p, 4)
        before = p.outbox(CLOCKS)[0][0]
        until("marks while the broker is away", live.outbox_has(p, CLOCKS, before + 4))
        run.stop()


def feed_and_wait_for_marks(broker, p, burst):
    """A burst of four seconds, each far enough behind the one before for its marks."""
    feed(broker, burst * (4 + LONGER_THAN_S), 4)
    until("marks behind the last records", live.outbox_has(
        p, f"select count(distinct shard) from command where next_offset = {8 * (burst + 1)}", 2))


def marks_between_records_are_replayed_where_they_were():
    with vigil.MockBroker(f"{TOPIC}:2") as broker, vigil.Pipeline(config(broker)) as p:
        for life in range(4):
            with Live(p) as run:
                feed_and_wait_for_marks(broker, p, 2 * life)
                feed_and_wait_for_marks(broker, p, 2 * life + 1)
                if life % 2:
                    wait_stale(p, 1)
                run.kill()
                live.check_no_mismatch(run.said)
        live.check_no_mismatch(p.run())
        live.check_no_duplicates(p)
        reference = p.by_shard()
        check(len(reference) == 2, "shards without an event")
        with vigil.Pipeline(config(broker)) as again:
            live.check_no_mismatch(again.run("--commands", str(p.data / "outbox.db")))
            check(again.by_shard() == reference, "other events when the log is read at once")


if __name__ == "__main__":
    vigil.main(silence_is_told_in_time_with_the_same_ids_after_a_restart,
               marks_are_recorded_also_without_an_event_and_an_idle_shard_gives_signs_of_life,
               marks_go_on_while_the_broker_is_away,
               marks_between_records_are_replayed_where_they_were, at_once=4)
