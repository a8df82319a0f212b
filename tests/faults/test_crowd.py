#!/usr/bin/env python3
"""A crowd of subscribers, stopped, killed and joined at random: each that is there at the end has
received every event once, in order, unchanged, and the publisher's memory stays bounded. There are the
C library, the packages for Python and Node, and a client written from docs/alert1.md alone.
VIGIL_LONG=1: 100 subscribers for ten minutes at 200 events/s; SECONDS sets another time."""
import json
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
import packages
import vigil
from feeder import Feeder
from live import Live, until
from vigil import check

# Most are in C: a hundred processes that read JSON in Python and JavaScript want more than two
# processors.
CROWD, RATE, SECONDS, TURN_S = (
    ({"C": 70, "Python": 10, "Node": 10, "stranger": 10}, 200, 600, 0.25) if delivery.LONG else
    ({"C": 4, "Python": 2, "Node": 2, "stranger": 1}, 100, 3, 0.1))
LATE_SHARE = 0.25  # of the crowd; they join while it goes on
SECONDS = float(os.environ.get("SECONDS", SECONDS))
SEED = int(os.environ.get("SEED", "1"))
STOPPED_S = (0.2, 8.0) if delivery.LONG else (0.1, 1.0)
# A machine that could not keep up is given as long again.
CATCH_UP_S = max(60, SECONDS)
# What 100 queues of 1,000 messages can hold, and some.
RESIDENT_MAX = 400 << 20
EVENT = re.compile(rb'^\{"type":"event","seq":(\d+),.*?"event":(\{.*\})\}$')


class Content:
    """Checksums of what events say. The packages write JSON in their own way (95.0 or 95): each kind's
    text of an event is read once, whoever prints it again."""

    def __init__(self):
        self.known = {}

    def checksum(self, kind, body):
        raw = zlib.crc32(body)
        if (kind, raw) not in self.known:
            text = json.dumps(json.loads(body, parse_int=float), sort_keys=True)
            self.known[kind, raw] = zlib.crc32(text.encode())
        return self.known[kind, raw]


class Member:
    """One subscriber; after a kill another process goes on behind the last event it has."""

    def __init__(self, kind, crowd):
        self.kind, self.crowd = kind, crowd
        self.events = []  # (seq, checksum)
        self.stopped_until = None
        self.starts = 0
        self.start()

    def start(self):
        self.starts += 1
        self.rest = b""
        self.process = subprocess.Popen(self.crowd.command(self.kind, self.newest()),
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        env=packages.ENVIRONMENT)
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
                self.events.append((int(event[1]),
                                    self.crowd.content.checksum(self.kind, event[2])))

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
        self.publish, self.control = (f"ipc://{folder}/{name}" for name in ("publish", "control"))
        self.kinds = {kind.name: kind for kind in packages.kinds()}
        self.absent = [kind for kind in CROWD if kind not in (*self.kinds, "stranger")]
        self.content = Content()
        self.selector = selectors.DefaultSelector()
        self.members = []
        self.ended = threading.Event()

    def command(self, kind, after):
        if kind == "stranger":
            return ["/usr/bin/python3", str(vigil.SUPPORT / "alert1_subscriber.py"),
                    "--until-closing", "--timeout", "60", "--after", str(after),
                    "--publish", self.publish, "--control", self.control]
        return self.kinds[kind].call([self], "--until-closed", "--after", after, timeout=60)

    def join_in(self, kind):
        self.members.append(Member("C" if kind in self.absent else kind, self))

    def wait_for(self, seq):
        try:
            until(f"event {seq} at each of them",
                  lambda: all(m.newest() >= seq for m in self.members), CATCH_UP_S)
        except vigil.Failed as why:
            late = [(m.kind, m.newest(), m.starts, m.process.poll())
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


def trouble(crowd, late, rng):
    """One member is stopped, killed, or joins late."""
    now = time.monotonic()
    for member in crowd.members:
        if member.stopped_until and member.stopped_until < now:
            member.go_on()
    going = [member for member in crowd.members if not member.stopped_until]
    what = rng.random()
    if late and what < 0.2:
        crowd.join_in(late.pop())
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
            late = [kind for kind, n in CROWD.items() for _ in range(n)]
            rng.shuffle(late)
            for _ in range(int(len(late) * (1 - LATE_SHARE))):
                crowd.join_in(late.pop())
            grown = []
            with Feeder(broker.bootstrap, delivery.TOPIC, RATE) as feeder:
                end = time.monotonic() + SECONDS
                while time.monotonic() < end:
                    time.sleep(TURN_S)  # the time is what is tested
                    trouble(crowd, late, rng)
                    grown.append(resident(run.process))
            for member in crowd.members:
                if member.stopped_until:
                    member.go_on()
            until("the last events",
                  live.outbox_has(p, "select count(*) from event", feeder.rows))
            crowd.wait_for(p.outbox("select max(seq) from event")[0][0])
            run.stop()
            # While they caught up there may have been news: silence, for one.
            stored = p.outbox("select seq, body from event order by seq")
            crowd.wait_for(stored[-1][0])
            wanted = [(seq, crowd.content.checksum("outbox", body.encode()))
                      for seq, body in stored]
            for i, member in enumerate(crowd.members):
                check(member.events == wanted, f"subscriber {i} ({member.kind}), started "
                      f"{member.starts} times: "
                      f"{len(member.events)} events, not the {len(wanted)} of the outbox")
            print(f"     {len(wanted)} events for {len(crowd.members)} subscribers in {SECONDS:.0f} "
                  f"s; {sum(m.starts - 1 for m in crowd.members)} were killed; the publisher had "
                  f"{grown[len(grown) // 10] >> 20} MB early on, {max(grown) >> 20} at most")
            check(max(grown) < RESIDENT_MAX, "the publisher's memory grows")


if __name__ == "__main__":
    vigil.main(each_of_a_crowd_has_every_event)
