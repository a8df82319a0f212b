#!/usr/bin/env python3
"""A crowd of subscribers, stopped, killed and joined at random: each that is there at the end has
received every event once, in order, byte for byte, and the publisher's memory stays bounded.
VIGIL_LONG=1: 100 subscribers for ten minutes at 200 events/s; SECONDS sets another time."""
import os
import pathlib
import random
import re
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import delivery
import live
import vigil
from feeder import Feeder
from live import Live, until
from vigil import check

SUBSCRIBERS, STRANGERS, RATE, SECONDS, TURN_S = (
    (100, 10, 200, 600, 0.25) if delivery.LONG else (8, 2, 100, 3, 0.1))
SECONDS = float(os.environ.get("SECONDS", SECONDS))
SEED = int(os.environ.get("SEED", "1"))
STOPPED_S = (0.2, 8.0) if delivery.LONG else (0.1, 1.0)
# A machine that could not keep up is given as long again.
CATCH_UP_S = max(60, SECONDS)
# What 100 queues of 1,000 messages can hold, and some.
RESIDENT_MAX = 400 << 20
EVENT = re.compile(rb'^\{"type":"event","seq":(\d+),.*?"event":(\{.*\})\}$')


def checksum(body):
    return zlib.crc32(body if isinstance(body, bytes) else body.encode())


class Member:
    """One subscriber; after a kill another process goes on behind the last event it has."""

    def __init__(self, command, folder, crowd):
        self.command, self.crowd = command, crowd
        self.endpoints = (f"ipc://{folder}/publish", f"ipc://{folder}/control")
        self.events = []  # (seq, checksum)
        self.stopped_until = None
        self.starts = 0
        self.start()

    def start(self):
        self.starts += 1
        self.rest = b""
        publish, control = self.endpoints
        arguments = [word.format(publish=publish, control=control, after=self.newest())
                     for word in self.command]
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)
        self.open = True
        self.crowd.selector.register(self.process.stdout, selectors.EVENT_READ, self)

    def newest(self):
        return self.events[-1][0] if self.events else 0

    def take(self):
        """Reads what it wrote; a last line that a kill cut short is left."""
        chunk = os.read(self.process.stdout.fileno(), 1 << 16)
        if not chunk:
            self.crowd.selector.unregister(self.process.stdout)
            self.process.stdout.close()
            self.open = False
            return
        lines = (self.rest + chunk).split(b"\n")
        self.rest = lines.pop()
        for line in lines:
            event = EVENT.match(line)
            if event:
                self.events.append((int(event[1]), checksum(event[2])))

    def stop(self, seconds):
        self.process.send_signal(signal.SIGSTOP)
        self.stopped_until = time.monotonic() + seconds

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)
        self.stopped_until = None

    def kill_and_start(self):
        self.process.kill()
        self.process.wait()
        until("the rest of what was killed", lambda: not self.open)
        self.start()

    def end(self):
        self.process.kill()
        self.process.wait()


class Crowd(threading.Thread):
    """Reads what all of them write."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.folder = folder
        self.selector = selectors.DefaultSelector()
        self.members = []
        self.ended = threading.Event()
        self.commands = {
            "c": [str(vigil.VIGIL), "alerts", "--json", "--until-closed", "--timeout", "60s",
                  "--after", "{after}",
                  "--connect", "{publish}", "--control", "{control}"],
            "stranger": ["/usr/bin/python3", str(vigil.SUPPORT / "alert1_subscriber.py"),
                         "--until-closing", "--timeout", "60", "--after", "{after}",
                         "--publish", "{publish}", "--control", "{control}"]}

    def join_in(self, kind):
        self.members.append(Member(self.commands[kind], self.folder, self))

    def wait_for(self, seq):
        try:
            until(f"event {seq} at each of them",
                  lambda: all(m.newest() >= seq for m in self.members), CATCH_UP_S)
        except vigil.Failed as why:
            late = [(m.command[1], m.newest(), m.starts, m.process.poll())
                    for m in self.members if m.newest() < seq]
            raise vigil.Failed(f"{why}; {len(late)} have not (what, newest, starts, exit code): "
                               f"{late[:10]}") from None

    def run(self):
        while not self.ended.is_set():
            for key, _ in self.selector.select(0.05):
                key.data.take()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()
        for member in self.members:
            member.end()


def resident(process):
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) << 10
    return 0


def trouble(crowd, rng):
    """One member is stopped, killed, or joins late."""
    now = time.monotonic()
    for member in crowd.members:
        if member.stopped_until and member.stopped_until < now:
            member.go_on()
    going = [member for member in crowd.members if not member.stopped_until]
    what = rng.random()
    if len(crowd.members) < SUBSCRIBERS and what < 0.2:
        crowd.join_in("c")
    elif going and what < 0.7:
        rng.choice(going).stop(rng.uniform(*STOPPED_S))
    elif going:
        rng.choice(going).kill_and_start()


def each_of_a_crowd_has_every_event():
    rng = random.Random(SEED)
    with vigil.MockBroker(f"{delivery.TOPIC}:2") as broker, \
            tempfile.TemporaryDirectory() as folder:
        c = vigil.sedation_config(broker.bootstrap, snapshot={"every": "5s"})
        c["alert_rules"] = {"spo2_low": vigil.limit_rule("spo2", "90 %", 0)}
        c["sinks"] = {"live": {"type": "zeromq", "publish": f"ipc://{folder}/publish",
                               "control": f"ipc://{folder}/control"}}
        with vigil.Pipeline(c) as p, Live(p) as run, Crowd(folder) as crowd:
            for kind in ["c"] * (SUBSCRIBERS * 3 // 4 - STRANGERS) + ["stranger"] * STRANGERS:
                crowd.join_in(kind)
            grown = []
            with Feeder(broker.bootstrap, delivery.TOPIC, RATE) as feeder:
                end = time.monotonic() + SECONDS
                while time.monotonic() < end:
                    time.sleep(TURN_S)  # the time is what is tested
                    trouble(crowd, rng)
                    grown.append(resident(run.process))
            for member in crowd.members:
                if member.stopped_until:
                    member.go_on()
            until("the last events",
                  live.outbox_has(p, "select count(*) from event", feeder.rows))
            stored = p.outbox("select seq, body from event order by seq")
            crowd.wait_for(stored[-1][0])
            run.stop()
            wanted = [(seq, checksum(body)) for seq, body in stored]
            for i, member in enumerate(crowd.members):
                check(member.events == wanted, f"subscriber {i}, started {member.starts} times: "
                      f"{len(member.events)} events, not the {len(wanted)} of the outbox")
            print(f"     {len(wanted)} events for {len(crowd.members)} subscribers in {SECONDS:.0f} "
                  f"s; {sum(m.starts - 1 for m in crowd.members)} were killed; the publisher had "
                  f"{grown[len(grown) // 10] >> 20} MB early on, {max(grown) >> 20} at most")
            check(max(grown) < RESIDENT_MAX, "the publisher's memory grows")


if __name__ == "__main__":
    vigil.main(each_of_a_crowd_has_every_event)
