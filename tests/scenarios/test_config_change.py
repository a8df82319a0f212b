#!/usr/bin/env python3
"""A changed configuration: what it no longer watches ends with the reason, what it newly sees
starts, and what it does not touch goes on as if nothing had happened."""
import copy
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import live
import vigil
from live import Live, record
from vigil import check

TOPIC = "vitals.raw"
PARTITIONS = 2


def config(broker, **service):
    c = vigil.sedation_config(broker.bootstrap, snapshot={"every": "200ms"}, **service)
    c["alert_rules"] = {"spo2_low": vigil.limit_rule("spo2", "90 %", 2),
                        "pulse_low": vigil.limit_rule("pulse", "50 /min", 2)}
    return c


def with_other_limit(c):
    c["alert_rules"]["spo2_low"]["when"]["below"] = "92 %"


def with_rule_removed(c):
    del c["alert_rules"]["pulse_low"]


def with_rule_added(c):
    c["alert_rules"]["hr_high"] = {"title": "Heart rate", "priority": "medium", "for": "2s",
                                   "when": {"channel": "hr", "above": "120 /min"}}


def with_all_of_them(c):
    for change in (with_other_limit, with_rule_removed, with_rule_added):
        change(c)


def vitals(i, s):
    """Patient 0 is low all the time, 1 between the two limits, 2 has a slow pulse, 3 a fast heart,
    4 was low and is back between the limits, 5 is well."""
    spo2 = [85, 91, 97, 97, 85 if s % 20 < 8 else 91, 97][i]
    return {"spo2": spo2, "pulse": 45 if i == 2 else 70, "hr": 130 if i == 3 else 70}


def feed(broker, first_s, seconds=12):
    vigil.produce(broker.bootstrap, TOPIC,
                  [record(i % PARTITIONS, s, f"p-{i}", **vitals(i, s))
                   for s in range(first_s, first_s + seconds) for i in range(6)])


class Shop:
    """One pipeline whose configuration changes while its data stays."""

    def __init__(self, broker, p, first):
        self.broker, self.p, self.first, self.fed = broker, p, first, 0

    def feed(self):
        feed(self.broker, self.fed)
        self.fed += 12

    def use(self, change=None, **service):
        c = copy.deepcopy(self.first)
        if change:
            change(c)
        c["service"] |= {"data_dir": str(self.p.data), **service}
        self.p.config = c
        self.p.path.write_text(json.dumps(c))

    def run(self):
        """To the end; returns the events that this run added. Runs once more for nothing."""
        before = len(self.p.lines())
        live.check_no_mismatch(self.p.run())
        lines = self.p.lines()
        live.check_no_mismatch(self.p.run())
        check(self.p.lines() == lines, "a second run with the same configuration adds events")
        self.check_complete()
        return [json.loads(line) for line in lines[before:]]

    def open(self):
        """(patient, rule) of the alerts that a subscriber believes to be open."""
        newest = {}
        for e in self.p.events():
            newest[e["episode_id"]] = e
        return sorted((e["patient"], e["rule"]) for e in newest.values() if e["phase"] != "end")

    def check_complete(self):
        live.check_no_duplicates(self.p)
        numbers = {}
        for e in self.p.events():
            numbers.setdefault(e["episode_id"], []).append(e)
        for episode, events in numbers.items():
            check([e["event_id"] for e in events] == [f"{episode}.{n}" for n in range(len(events))],
                  f"event numbers of {episode}")
            check([e["phase"] for e in events].count("start") == 1
                  and events[0]["phase"] == "start", f"starts of {episode}")
            check(all(e["phase"] != "end" for e in events[:-1]), f"{episode} goes on after its end")
            check(len({json.dumps(e["position"]) for e in events}) == 1, f"positions of {episode}")
        pairs = self.open()
        check(len(pairs) == len(set(pairs)), f"open twice: {pairs}")


FIRST_OPEN = [("p-0", "spo2_low"), ("p-2", "pulse_low")]
OTHER_OPEN = [("p-0", "spo2_low"), ("p-1", "spo2_low"), ("p-3", "hr_high"), ("p-4", "spo2_low")]


def shop(broker, folder=None):
    first = config(broker)
    return Shop(broker, vigil.Pipeline(copy.deepcopy(first), folder), first)


def lose_snapshots(s):
    """As a crash before the first one would: memory is rebuilt from the whole log."""
    for file in (s.p.data / "snapshots").rglob("*.snap"):
        file.unlink()


def change_and_back(forget):
    with vigil.MockBroker(f"{TOPIC}:{PARTITIONS}") as broker:
        s = shop(broker)
        with s.p:
            s.feed()
            s.run()
            check(s.open() == FIRST_OPEN, f"first configuration: {s.open()}")
            for change, wanted in ((with_all_of_them, OTHER_OPEN), (None, FIRST_OPEN),
                                   (with_all_of_them, OTHER_OPEN), (None, FIRST_OPEN)):
                forget(s)
                s.use(change)
                added = s.run()
                ended = {(e["patient"], e["rule"]) for e in added if e.get("reason") == "config"}
                gone = {("p-2", "pulse_low")} if change else {("p-3", "hr_high")}
                check(gone <= ended, f"ended by the change: {ended}")
                s.feed()
                s.run()
                check(s.open() == wanted, f"open {s.open()}, not {wanted}")


def a_change_and_the_way_back_leave_the_right_alerts_open():
    change_and_back(lambda s: None)


def the_same_when_memory_is_rebuilt_from_the_log():
    change_and_back(lose_snapshots)


def one_change_touches_no_other_rule():
    with vigil.MockBroker(f"{TOPIC}:{PARTITIONS}") as broker:
        for change, wanted in (
                (with_other_limit, {("p-1", "spo2_low"), ("p-4", "spo2_low")}),
                (with_rule_added, {("p-3", "hr_high")}), (with_rule_removed, set())):
            s = shop(broker)
            with s.p:
                if s.fed == 0 and change is with_other_limit:
                    feed(broker, 0)
                s.run()
                lose_snapshots(s)
                s.use(change)
                added = s.run()
                starts = {(e["patient"], e["rule"]) for e in added if e["phase"] == "start"}
                ends = {(e["patient"], e["rule"]) for e in added if e["phase"] == "end"}
                check(starts == wanted, f"{change.__name__} starts {starts}, not {wanted}")
                check(ends == ({("p-2", "pulse_low")} if change is with_rule_removed else set()),
                      f"{change.__name__} ends {ends}")


def workers_and_frames_are_no_change():
    with vigil.MockBroker(f"{TOPIC}:{PARTITIONS}") as broker:
        s = shop(broker)
        with s.p:
            s.feed()
            s.run()
            s.use(workers=2, frame_rows=7)
            check(s.run() == [], "other workers and frames gave events")
            lose_snapshots(s)
            s.use(workers=1, frame_rows=1, log={"level": "info"})
            check(s.run() == [], "other frames gave events when the whole log was compared")
            check(s.p.outbox("select count(*) from command where kind = 2") == [(0,)],
                  "noted as a change of configuration")


def killed_around_a_change():
    with vigil.MockBroker(f"{TOPIC}:{PARTITIONS}") as broker:
        s = shop(broker)
        with s.p:
            s.feed()
            for change in (None, with_all_of_them, None, with_other_limit):
                s.use(change)
                for _ in range(2):
                    s.feed()
                    with Live(s.p) as run:
                        for partition in range(PARTITIONS):
                            live.wait_for_offset(s.p, partition, s.fed * 3)
                        run.kill()
                        live.check_no_mismatch(run.said)
                    lose_snapshots(s)
            s.run()
            wanted = [("p-0", "spo2_low"), ("p-1", "spo2_low"), ("p-2", "pulse_low"),
                      ("p-4", "spo2_low")]
            check(s.open() == wanted, f"open {s.open()}, not {wanted}")


if __name__ == "__main__":
    vigil.main(a_change_and_the_way_back_leave_the_right_alerts_open,
               the_same_when_memory_is_rebuilt_from_the_log,
               one_change_touches_no_other_rule, workers_and_frames_are_no_change,
               killed_around_a_change)
