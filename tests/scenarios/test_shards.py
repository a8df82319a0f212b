#!/usr/bin/env python3
"""Trouble with shards: silence of the source, keys that name another patient, two patients in one bed
are events of one shard's log, the same after any restart; one patient in two shards is in the
heartbeat and in no event."""
import json
import os
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import zmq

import live
import vigil
from live import Live, record, until
from vigil import check

TOPIC = "vitals.raw"


def config(broker, rules=None, sinks=None):
    c = vigil.sedation_config(broker.bootstrap, snapshot={"every": "200ms"})
    c["alert_rules"] |= rules or {}
    c["sinks"] |= sinks or {}
    return c


SILENT = {"silent_source": {"title": "No records", "priority": "high",
                            "when": {"stale": "source", "longer_than": "2s"}}}


def told(p, rule):
    return [(e["phase"], e.get("patient")) for e in p.events() if e["rule"] == rule]


def heartbeat_says(sub, words):
    """A condition for until(): a heartbeat gives a reason with these words."""
    def condition():
        while sub.poll(0):
            frames = sub.recv_multipart()
            if frames[1][4] == 2 and any(words in r for r in
                                         json.loads(frames[2]).get("reasons", [])):
                return True
        return False
    return condition


def silence_of_the_source_is_told_by_each_shard_and_the_same_after_kills():
    with vigil.MockBroker(f"{TOPIC}:3") as broker, tempfile.TemporaryDirectory() as folder, \
         vigil.Pipeline(config(broker, SILENT, {"live": {
             "type": "zeromq", "publish": f"ipc://{folder}/publish",
             "control": f"ipc://{folder}/control"}})) as p, zmq.Context() as context, \
         context.socket(zmq.SUB) as sub:
        starts = "select count(*) from event where body like '%\"rule\":\"silent_source\"%'"
        sub.connect(f"ipc://{folder}/publish")
        sub.subscribe("")
        with Live(p) as run:
            vigil.produce(broker.bootstrap, TOPIC, [record(i, s, f"p-{i}", spo2=95)
                                                    for s in range(5) for i in (0, 1)])
            until("both shards tell", live.outbox_has(p, starts, 2))
            until("the heartbeat tells", heartbeat_says(sub, "no record from the source"))
            run.kill()
        vigil.produce(broker.bootstrap, TOPIC, [record(i, s, f"p-{i}", spo2=95)
                                                for s in range(60, 63) for i in (0, 1)])
        with Live(p) as run:
            until("records are back, then silence again", live.outbox_has(p, starts, 6))
            run.kill()
        live.check_no_mismatch(p.run())
        live.check_no_duplicates(p)
        with vigil.Pipeline(config(broker, SILENT)) as again:
            live.check_no_mismatch(again.run("--commands", str(p.data / "outbox.db")))
            check(again.by_shard() == p.by_shard() and set(p.by_shard()) == {0, 1},
                  "other events when the log is read at once")
        first = json.loads(p.by_shard()[0][0])
        check("patient" not in first and first["ward"] == "none" and
              first["position"]["due"] == "2026-01-01T00:00:07.000Z", f"{first}")


def a_key_that_names_another_patient_is_an_alert_of_its_own():
    with vigil.MockBroker(f"{TOPIC}:1") as broker, vigil.Pipeline(config(broker)) as p:
        rows = [record(0, s, "a", spo2=95) for s in range(10)]
        partition, ms, _, row = record(0, 10, "b", spo2=80)
        vigil.produce(broker.bootstrap, TOPIC, rows + [(partition, ms, "a", row)] * 12)
        p.run()
        check(told(p, "key_mismatch")[0] == ("start", None), f"{p.events()}")
        check(told(p, "dead_letter_rate")[0] == ("start", None), f"{p.events()}")
        check(all(e.get("patient") != "b" for e in p.events()), "a patient that may be another one")


def shared_bed(first_s, last_s):
    """Two patients of partition 0 whose rows name one bed; another one takes a bed that was left."""
    rows = []
    for s in range(first_s, last_s):
        rows += [record(0, s, "a", bed="icu-a/1", spo2=95), record(0, s, "b", bed="icu-a/1", hr=80)]
        rows.append(record(0, s, "c" if s < 20 else "d", bed="icu-a/2", spo2=95))
    return rows


def two_patients_in_one_bed_are_told_of_both_also_after_a_kill():
    with vigil.MockBroker(f"{TOPIC}:1") as broker, vigil.Pipeline(config(broker)) as p, \
         vigil.Pipeline(config(broker)) as whole:
        with Live(p) as run:
            vigil.produce(broker.bootstrap, TOPIC, shared_bed(0, 8))
            live.wait_for_offset(p, 0, 24)
            run.kill()
        vigil.produce(broker.bootstrap, TOPIC, shared_bed(8, 40))
        p.run()
        whole.run()
        check(p.lines() == whole.lines(), "other events after a kill")
        check(sorted(told(p, "bed_shared")) == [("start", "a"), ("start", "b")], f"{p.events()}")


def a_patient_in_two_partitions_is_in_the_heartbeat_and_in_no_event():
    if not os.environ.get("VIGIL_LONG"):
        return  # rows of both have to come for 10 s of the wall clock
    with vigil.MockBroker(f"{TOPIC}:2") as broker, tempfile.TemporaryDirectory() as folder, \
         vigil.Pipeline(config(broker, sinks={"live": {
             "type": "zeromq", "publish": f"ipc://{folder}/publish",
             "control": f"ipc://{folder}/control"}})) as p, zmq.Context() as context, \
         context.socket(zmq.SUB) as sub, Live(p) as run:
        sub.connect(f"ipc://{folder}/publish")
        sub.subscribe("")
        second = iter(range(1000))
        tells = heartbeat_says(sub, "two partitions")

        def one_more():
            s = next(second) / 4
            vigil.produce(broker.bootstrap, TOPIC, [record(i, s, "a", spo2=95) for i in (0, 1)])
            return tells()
        until("the heartbeat tells", one_more, 60)
        run.stop()
        check(p.events() == [], f"{p.events()}")


if __name__ == "__main__":
    vigil.main(silence_of_the_source_is_told_by_each_shard_and_the_same_after_kills,
               a_key_that_names_another_patient_is_an_alert_of_its_own,
               two_patients_in_one_bed_are_told_of_both_also_after_a_kill,
               a_patient_in_two_partitions_is_in_the_heartbeat_and_in_no_event)
