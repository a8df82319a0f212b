#!/usr/bin/env python3
"""Subscribers that are stopped, late or killed end with the complete sequence, and learn in time
when the pipeline is gone or hangs. VIGIL_LONG=1 stops one for 30 s instead of 10."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import delivery
import live
import vigil
from live import Live, record, until
from vigil import check

TOPIC = "vitals.raw"
STOPPED_S = 30 if os.environ.get("VIGIL_LONG") else 10
LINK_DOWN_S = 4
STALLED_S = 7
BATCH = 250  # seconds of log in which each of 8 patients has an event


def config(broker, folder):
    c = vigil.sedation_config(broker.bootstrap, snapshot={"every": "500ms"})
    c["alert_rules"] = {"spo2_low": vigil.limit_rule("spo2", "90 %", 0)}
    c["sinks"]["live"] = {"type": "zeromq", "publish": f"ipc://{folder}/publish",
                          "control": f"ipc://{folder}/control"}
    return c


class Feeder:
    """Rows of which each begins or ends an alert, in two wards."""

    def __init__(self, broker):
        self.broker, self.second, self.events = broker, 0, 0

    def feed(self, seconds=BATCH):
        rows = [record(i % 2, s, f"p-{i}", spo2=95 if s % 2 else 80, bed=f"icu-{i % 2}/{i:02}")
                for s in range(self.second, self.second + seconds) for i in range(8)]
        vigil.produce(self.broker.bootstrap, TOPIC, rows)
        self.second += seconds
        self.events += len(rows)


class Follower:
    """A subscriber as a process; what it prints goes to a file, so that it waits for no reader."""

    def __init__(self, folder, command):
        self.out = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, stdout=self.out, stderr=subprocess.STDOUT)
        self.folder = folder

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.out.close()

    def text(self):
        text = os.pread(self.out.fileno(), os.fstat(self.out.fileno()).st_size, 0)
        return text[:text.rfind(b"\n") + 1]

    def lines(self):
        return [json.loads(line) for line in self.text().splitlines() if line.startswith(b"{")]

    def events(self):
        return [line for line in self.lines() if line["type"] == "event"]

    def count(self):
        return self.text().count(b'"type":"event"')

    def wait_count(self, events):
        try:
            until("all events", lambda: self.count() >= events)
        except vigil.Failed:
            rest = [line for line in self.text().splitlines() if b'"type":"event"' not in line]
            raise vigil.Failed(f"{self.process.args[1:]} has {self.count()} events of {events}; "
                               f"it said {rest[-12:]}") from None

    def has(self, seq):
        return b'"seq":%d,' % seq in self.text()

    def noticed(self, name):
        return b'"notice":"%s"' % name.encode() in self.text()

    def wait_notice(self, name):
        until(f"notice {name}", lambda: self.noticed(name))

    def finish(self, timeout_s=60):
        try:
            code = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            notices = [line for line in self.lines() if line["type"] == "notice"]
            raise vigil.Failed(f"{self.process.args[1:3]} has {self.count()} events and does not "
                               f"end; notices {notices[-6:]}") from None
        check(code == 0, f"a subscriber ended with {code}: {self.lines()[-3:]}")


def vigil_alerts(folder, *arguments):
    return Follower(folder, [vigil.VIGIL, "alerts", "--json",
                             "--connect", f"ipc://{folder}/publish",
                             "--control", f"ipc://{folder}/control", "--until-closed", *arguments])


def stranger(folder, *arguments):
    return Follower(folder, ["/usr/bin/python3", vigil.SUPPORT / "alert1_subscriber.py",
                             "--publish", f"ipc://{folder}/publish",
                             "--control", f"ipc://{folder}/control", "--until-closing", *arguments])


def stored(p):
    return {seq: json.loads(body) for seq, body in p.outbox("select seq, body from event")}


def check_sequence(got, wanted, who):
    """All of `wanted` {seq: event}, each once, and in order within its ward."""
    seqs = [line["seq"] for line in got]
    check(len(seqs) == len(set(seqs)), f"{who}: {len(seqs) - len(set(seqs))} events twice")
    check(set(seqs) == set(wanted), f"{who}: {len(set(wanted) - set(seqs))} events missing, "
          f"{len(set(seqs) - set(wanted))} that do not exist")
    last = {}
    for line in got:
        event = line["event"]
        check(event == wanted[line["seq"]], f"{who}: other bytes at {line['seq']}")
        check(line["seq"] > last.get(event["ward"], 0), f"{who}: out of order at {line['seq']}")
        last[event["ward"]] = line["seq"]


def check_late(follower, wanted):
    """One that began with a snapshot: the open episodes, and then everything."""
    got = follower.events()
    seqs = [line["seq"] for line in got if line["origin"] != "snapshot"]
    first = min(seqs, default=max(wanted) + 1)
    check_sequence([line for line in got if line["origin"] != "snapshot"],
                   {seq: e for seq, e in wanted.items() if seq >= first}, "the late one")
    newest = {e["episode_id"]: e for seq, e in sorted(wanted.items()) if seq < first}
    open_then = {e["event_id"] for e in newest.values() if e["phase"] != "end"}
    shown = {line["event"]["event_id"] for line in got if line["origin"] == "snapshot"}
    check(shown == open_then, f"the late one: {len(shown ^ open_then)} open episodes differ")


def keep_feeding(feeder, p, seconds):
    """Feeds for so long, at most what the mock holds; each batch is durable before the next."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and feeder.events < 12000:
        feeder.feed()
        until("events durable", live.outbox_has(p, "select count(*) from event", feeder.events))
    time.sleep(max(0, end - time.monotonic()))  # the time is what is tested


def every_subscriber_ends_with_the_complete_sequence():
    with vigil.MockBroker(f"{TOPIC}:2") as broker, tempfile.TemporaryDirectory() as folder, \
         vigil.Pipeline(config(broker, folder)) as p, Live(p) as run:
        feeder = Feeder(broker)
        with vigil_alerts(folder, "--after", "0") as steady, \
             vigil_alerts(folder, "--after", "0") as stopped, \
             vigil_alerts(folder, "--after", "0") as killed, \
             stranger(folder, "--after", "0") as other, \
             stranger(folder, "--after", "0", "--hwm", "10") as narrow:
            followers = (steady, stopped, killed, other, narrow)
            for follower in followers:
                follower.wait_notice("synced")
            feeder.feed()
            for follower in followers:
                until("the first events", lambda f=follower: f.count() >= feeder.events)
            stopped.process.send_signal(signal.SIGSTOP)
            killed.process.kill()
            keep_feeding(feeder, p, STOPPED_S)
            stopped.process.send_signal(signal.SIGCONT)
            after = max(line["seq"] for line in killed.events())
            with vigil_alerts(folder, "--after", str(after)) as restarted, \
                 vigil_alerts(folder) as late, stranger(folder) as late_other:
                for follower in (restarted, late, late_other):
                    follower.wait_notice("synced")
                feeder.feed()
                until("events durable",
                      live.outbox_has(p, "select count(*) from event", feeder.events))
                # A pipeline that ends waits for nobody: what is missing must be asked for before.
                for follower in (steady, stopped, other, narrow):
                    follower.wait_count(feeder.events)
                newest = max(stored(p))
                for follower in (restarted, late, late_other):
                    until("the newest event", lambda f=follower: f.has(newest), 60)
                run.stop()
                for follower in (steady, stopped, other, narrow, restarted, late, late_other):
                    follower.finish()
                wanted = stored(p)
                check(len(wanted) == feeder.events, f"{len(wanted)} events, not {feeder.events}")
                check_sequence(steady.events(), wanted, "the steady one")
                check_sequence(stopped.events(), wanted, "the one that was stopped")
                check_sequence(killed.events() + restarted.events(), wanted, "the one killed")
                check_late(late, wanted)
                check_late(late_other, wanted)
                for follower, who in ((other, "the stranger"), (narrow, "the narrow stranger")):
                    check_sequence(follower.events(), wanted, who)
                for follower in (other, narrow, late_other):
                    verdict = follower.lines()[-1]
                    check(verdict["verdict"] == "complete", f"verdict {verdict}")
                print(f"     {len(wanted)} events; replayed to the one stopped: "
                      f"{sum(e['origin'] == 'replay' for e in stopped.events())}")


class Followed:
    """What one subscriber after the other was told; each goes on where the one before it was."""

    def __init__(self, folder, stack):
        self.folder, self.stack = folder, stack
        self.before = []
        self.restart()

    def restart(self):
        last = self.before[-1]["seq"] if self.before else 0
        self.present = self.stack.enter_context(vigil_alerts(self.folder, "--after", str(last)))

    def ids(self):
        return [line["event"]["event_id"] for line in self.before + self.present.events()]

    @contextlib.contextmanager
    def hangs(self):
        self.present.process.send_signal(signal.SIGSTOP)
        yield None
        self.present.process.send_signal(signal.SIGCONT)

    @contextlib.contextmanager
    def is_killed(self):
        self.present.process.kill()
        self.present.process.wait()
        self.before += self.present.events()
        yield None
        self.restart()


def a_subscriber_has_every_event_once_through_kills():
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        followed = Followed(folder, stack)
        delivery.storm({"type": "zeromq", "publish": f"ipc://{folder}/publish",
                        "control": f"ipc://{folder}/control"},
                       followed.ids, [followed.hangs, followed.is_killed], repeats=False,
                       kills=None if delivery.LONG else 2,
                       key=delivery.event_id)


def a_pipeline_that_is_gone_or_hangs_is_noticed_in_time():
    with vigil.MockBroker(f"{TOPIC}:2") as broker, tempfile.TemporaryDirectory() as folder, \
         vigil.Pipeline(config(broker, folder)) as p:
        stall = pathlib.Path(folder) / "stall"
        feeder = Feeder(broker)
        feeder.feed(2)
        with vigil_alerts(folder, "--after", "0") as a, stranger(folder, "--after", "0") as b, \
             Live(p, env={"VIGIL_FAULT_STALL": f"clean:{stall}"}) as run:
            for follower in (a, b):
                until("the first events", lambda f=follower: f.count() >= feeder.events)
            check(not a.noticed("stalled") and not b.noticed("stalled"), "stalled before it was")
            stall.write_text("")
            began = time.monotonic()
            for follower in (a, b):
                follower.wait_notice("stalled")
            took = time.monotonic() - began
            check(took <= STALLED_S, f"stalled after {took:.1f} s, not {STALLED_S}")
            feeder.feed(2)
            stall.unlink()
            a.wait_notice("moving")
            b.wait_notice("no longer stalled")
            for follower in (a, b):
                until("the events held back", lambda f=follower: f.count() >= feeder.events)
            run.kill()
            began = time.monotonic()
            a.wait_notice("link_down")
            b.wait_notice("link down")
            took = time.monotonic() - began
            check(took <= LINK_DOWN_S, f"link down after {took:.1f} s, not {LINK_DOWN_S}")
            with Live(p) as again:
                feeder.feed(2)
                for follower in (a, b):
                    until("events after the restart", lambda f=follower: f.count() >= feeder.events)
                again.stop()
            for follower in (a, b):
                follower.finish()
                check_sequence(follower.events(), stored(p), "across the restart")


def acknowledge(folder, episode):
    return subprocess.run(
        [vigil.VIGIL, "alerts", "--connect", f"ipc://{folder}/publish",
         "--control", f"ipc://{folder}/control", "--ack", episode, "--by", "nurse-7",
         "--note", "on my way"], capture_output=True, text=True, timeout=30)


def an_acknowledgement_is_durable_and_replayed():
    with vigil.MockBroker(f"{TOPIC}:2") as broker, tempfile.TemporaryDirectory() as folder, \
         vigil.Pipeline(config(broker, folder)) as p, \
         vigil_alerts(folder, "--after", "0") as follower:
        feeder = Feeder(broker)
        feeder.feed(1)
        acks = "select count(*) from event where body like '%\"phase\":\"acknowledge\"%'"
        with Live(p) as run:
            until("an open alert", lambda: follower.count() >= 8)
            episode = follower.events()[0]["event"]["episode_id"]
            done = acknowledge(folder, episode)
            check(done.returncode == 0, f"refused: {done.stderr}")
            check(p.outbox(acks) == [(1,)], "ok before it was durable")
            done = acknowledge(folder, episode)
            check(done.returncode == 0, f"refused the second time: {done.stderr}")
            check(p.outbox(acks) == [(1,)], "acknowledged twice")
            done = acknowledge(folder, "0" * 32)
            check(done.returncode == 1 and "unknown_episode" in done.stderr, done.stderr)
            until("the event at the subscriber", lambda: follower.count() >= 9)
            event = follower.events()[-1]["event"]
            check((event["phase"], event["acknowledged_by"], event["episode_id"])
                  == ("acknowledge", "nurse-7", episode), f"the event is {event}")
            until("the event in the file", lambda: len(p.lines()) == 9)
            feeder.feed(3)
            until("events behind it", live.outbox_has(p, "select count(*) from event", 33))
            run.kill()
        for file in (p.data / "snapshots").rglob("*.snap"):
            file.unlink()
        before = p.outbox("select seq, body from event order by seq")
        with Live(p) as run:
            feeder.feed(1)
            until("events after the restart",
                  live.outbox_has(p, "select count(*) from event", 41))
            until("all of them in the file", lambda: len(p.lines()) == 41)
            until("all of them at the subscriber", lambda: follower.count() == 41)
            done = acknowledge(folder, episode)
            check(done.returncode == 1 and "already_ended" in done.stderr,
                  f"{done.returncode} {done.stderr}")
            run.stop()
        live.check_no_mismatch(run.said)
        check(p.outbox("select seq, body from event order by seq")[:33] == before,
              "other events after the restart")
        follower.finish()
        check_sequence(follower.events(), stored(p), "the subscriber")


if __name__ == "__main__":
    vigil.main(every_subscriber_ends_with_the_complete_sequence,
               a_subscriber_has_every_event_once_through_kills,
               a_pipeline_that_is_gone_or_hangs_is_noticed_in_time,
               an_acknowledgement_is_durable_and_replayed)
