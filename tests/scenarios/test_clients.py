#!/usr/bin/env python3
"""Every client gives exactly what ALERT/1 says: the C library, the Python and the Node package follow
one scripted publisher (tests/support/conformance.py) side by side, and print the same.

Order is that of a ward. Which way an event came may differ: a replay and the live stream race.
VIGIL_LONG=1 sends 100,000 events through the losses instead of 10,000."""
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import packages
import vigil
from conformance import Publisher
from live import until
from vigil import check

LONG = bool(os.environ.get("VIGIL_LONG"))
EVENTS = 100_000 if LONG else 10_000
BURST = 1000
LOSS = 0.2
STOPPED_S = 4  # longer than it takes to call a link down
WARDS = ("icu-a", "icu-b", "none")
DEADLINE_S = 240 if LONG else 60


class Client:
    """A process of one kind; `lines` is what it has printed."""

    def __init__(self, kind, folder, command):
        self.name = kind.name
        self.path = pathlib.Path(folder) / f"{kind.name}.{os.urandom(4).hex()}"
        with open(self.path, "wb") as out, open(f"{self.path}.err", "wb") as err:
            self.process = subprocess.Popen(command, stdout=out, stderr=err, env=packages.ENVIRONMENT)
        self.read = open(self.path, "rb")
        self.known, self.rest = [], b""

    def lines(self):
        *whole, self.rest = (self.rest + self.read.read()).split(b"\n")
        self.known += map(json.loads, whole)
        return self.known

    def events(self):
        return [line["event"] for line in self.lines() if line["type"] == "event"]

    def notices(self):
        """With the first two in one order: whether a heartbeat or the snapshot comes first is a race."""
        heard = [line["notice"] for line in self.lines() if line["type"] == "notice"]
        return sorted(heard[:2]) + heard[2:]

    def end(self, code=0):
        try:
            got = self.process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            raise vigil.Failed(f"{self.name} does not end; {self.lines()[-3:]}")
        talk = pathlib.Path(f"{self.path}.err").read_text()
        check(got == code, f"{self.name}: exit {got} instead of {code}: {talk}{self.lines()[-3:]}")
        check("rror" not in talk and "AddressSanitizer" not in talk, f"{self.name} says: {talk}")


class Clients:
    """One client of each kind, all with the same options."""

    def __init__(self, folder, publishers, *options, **how):
        self.of = [Client(k, folder, k.call(publishers, *options, **how)) for k in packages.kinds()]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for c in self.of:
            c.process.kill()
            c.process.wait()
            c.read.close()

    def each(self, what, holds):
        for c in self.of:
            try:
                until(what, lambda: holds(c), DEADLINE_S)
            except AssertionError as why:
                raise vigil.Failed(f"{c.name}: {why}: {c.notices()}, {len(c.events())} events")

    def have(self, events):
        """Each has given these, and no other."""
        self.each(f"{len(events)} events", lambda c: len(c.events()) >= len(events))
        for c in self.of:
            for ward in {e["ward"] for e in events}:
                mine, all_of = ([e for e in some if e["ward"] == ward] for some in (c.events(), events))
                check(mine == all_of, f"{c.name}: other events of {ward}")
            check(len(c.events()) == len(events), f"{c.name}: {len(c.events())} of {len(events)}")

    def heard(self, notices):
        self.each(f"notices {notices}", lambda c: len(c.notices()) >= len(notices))
        for c in self.of:
            check(c.notices() == notices, f"{c.name}: {c.notices()} instead of {notices}")

    def end(self, code=0):
        for c in self.of:
            c.end(code)


def ipc(folder, name):
    return [f"ipc://{folder}/{name}.{part}" for part in ("publish", "control")]


def everything_that_can_happen_is_told_once_and_in_its_place():
    with tempfile.TemporaryDirectory() as folder, Publisher(*ipc(folder, "p")) as p:
        ended = p.emit(phase="end")
        opened = p.emit()
        with Clients(folder, [p], "--until-closed") as clients:
            seen, told = [opened], ["link_up", "synced"]

            def expect(*notices, events=()):
                seen.extend(events)
                told.extend(notices)
                clients.have(seen)
                clients.heard(told)

            expect()
            expect(events=[p.emit(), p.emit("icu-b")])
            expect(events=[p.emit(live=False), p.emit()])  # a gap
            expect(events=[p.emit(live=False)])  # the end is missing
            p.talk_rubbish()
            expect(events=[p.emit()])
            p.say(age_ms=6000)
            expect("stalled")
            p.say(age_ms=10)
            expect("moving")
            p.say(shards={0})
            expect("not_covered")
            p.say(shards={0, 1})
            expect("covered")

            with p.lock:  # no heartbeat may tell of them before they are forgotten
                p._emit("icu-a", False, {"phase": "end"})
                kept = p._emit("icu-a", False, {})
                p.forgotten = max(p.last.values())
                last = p._emit("icu-a", True, {})
            expect("history_lost", "synced", events=[kept, last])

            for kind in packages.kinds():
                ask = lambda *o: subprocess.run(kind.call([p], *o), capture_output=True, text=True,
                                                env=packages.ENVIRONMENT, timeout=DEADLINE_S)
                done = ask("--ack", last["episode_id"], "--by", "nurse \"4\" \u00e4")
                check(done.returncode == 0 and json.loads(done.stdout)["ok"], f"{kind.name}: {done}")
                done = ask("--ack", "0" * 32, "--by", "nurse 4")
                check(done.returncode == 1 and json.loads(done.stdout)["code"] == "unknown_episode",
                      f"{kind.name}: {done}")
            expect(events=[p.events[-1][3]])
            check(seen[-1]["acknowledged_by"] == "nurse \"4\" \u00e4", seen[-1])

            p.say(beating=False)
            expect("link_down")
            p.say(beating=True)
            expect("link_up")
            again = {"episode_id": opened["episode_id"]}
            expect("new_outbox", "synced", events=p.new_outbox(("icu-a", again), ("icu-b", {}))[1:])
            expect(events=[p.emit("icu-b", live=False), p.emit("icu-b")])
            p.say(state="degraded", reasons=["the disk is full"])
            expect("state")
            p.say(state="running", reasons=[])
            expect("state")
            p.say(state="closing")
            expect("state")
            clients.end()
            check(ended not in seen, "an ended episode is in no snapshot")


def one_ward_hears_nothing_of_another_and_goes_on_after_its_position():
    with tempfile.TemporaryDirectory() as folder, Publisher(*ipc(folder, "p")) as p:
        a = [p.emit("icu-a") for _ in range(3)]
        p.emit("icu-b")
        with Clients(folder, [p], "--ward", "icu-a", "--after", 1, "--until-closed") as clients:
            clients.have(a[1:])
            p.emit("icu-b")
            a.append(p.emit("icu-a"))
            clients.have(a[1:])
            clients.heard(["link_up", "synced"])  # events may be there before the first heartbeat is
            p.say(state="closing")
            clients.end()
            clients.heard(["link_up", "synced", "state"])
        p.say(state="running")
        p.forget()
        late = p.emit("icu-a")
        with Clients(folder, [p], "--after", 0, "--count", 1) as clients:  # older ones are gone
            clients.have([late])
            clients.end()
            for c in clients.of:
                check("history_lost" in c.notices(), f"{c.name}: {c.notices()}")


ORDERS = {
    "Python": """
import sys
from vigil import Reply, subscribe
with subscribe(*sys.argv[1:3], subscriber="display") as alerts:
    tickets = [alerts.snooze("e" * 32, by="nurse 4", for_s=60, key="k"),
               alerts.command({"do": "admit", "patient": "p-1", "by": "nurse 4"}, command_id="c-1")]
    for item in alerts:
        if isinstance(item, Reply) and item.ok:
            tickets.remove(item.ticket)
        if isinstance(item, Reply) and not tickets:
            print("all answered", flush=True)
""",
    "Node": """
import { subscribe } from './index.js';
const [publish, control] = process.argv.slice(-2);
const alerts = subscribe({ publish, control, subscriber: 'display' });
const tickets = [alerts.snooze('e'.repeat(32), { by: 'nurse 4', forS: 60, key: 'k' }),
    alerts.command({ do: 'admit', patient: 'p-1', by: 'nurse 4' }, { commandId: 'c-1' })];
for await (const item of alerts) {
    if (item.type === 'reply' && item.ok)
        tickets.splice(tickets.indexOf(item.ticket), 1);
    if (item.type === 'reply' && tickets.length === 0)
        console.log('all answered');
}
""",
}


def orders(folder):
    yield "Python", ["/usr/bin/python3", "-B", "-c", ORDERS["Python"]]
    if packages.node_package():
        path = packages.node_package() / "orders.mjs"
        path.write_text(ORDERS["Node"])
        yield "Node", ["node", path]


def commands_and_confirmations_are_sent_as_the_contract_says():
    with tempfile.TemporaryDirectory() as folder:
        for name, command in orders(folder):
            with Publisher(*ipc(folder, name)) as p:
                p.emit()
                with Example(folder, [*command, p.publish, p.control]) as program:
                    program.says("all answered")
                    confirm = {"do": "confirm", "subscriber": "display", "ward": "icu-a", "seq": 1}
                    until(f"{name} confirms", lambda: confirm in p.asked())
                given = [r for r in p.asked() if r["do"] == "command"]
                ids = [r.pop("command_id") for r in given]
                check(given == [
                    {"do": "command", "key": "k",
                     "command": {"do": "snooze", "episode": "e" * 32, "by": "nurse 4", "for_s": 60}},
                    {"do": "command", "key": "",
                     "command": {"do": "admit", "patient": "p-1", "by": "nurse 4"}},
                ] and ids[1] == "c-1" and 0 < len(ids[0]) <= 64, f"{name}: {given}, {ids}")


def instances_of_a_pipeline_are_merged():
    with tempfile.TemporaryDirectory() as folder, \
            Publisher(*ipc(folder, "a"), shards={0}) as a, \
            Publisher(*ipc(folder, "b"), shards={1}) as b:
        first = a.emit()
        with Clients(folder, [a, b], "--until-closed") as clients:
            clients.have([first])
            clients.each("both links", lambda c: len(c.notices()) >= 4)
            same = {"episode_id": first["episode_id"]}  # its shard has moved
            b.emit(live=True, **same)
            events = [first, b.emit("icu-b")]
            clients.have(events)
            b.say(beating=False)
            clients.each("not covered", lambda c: c.notices()[-2:] == ["link_down", "not_covered"])
            b.say(beating=True)
            clients.each("covered", lambda c: c.notices()[-2:] == ["link_up", "covered"])
            a.say(state="closing")
            b.say(state="closing")
            clients.end()
            for c in clients.of:
                check(len(c.notices()) == 10, f"{c.name}: {c.notices()}")
            clients.have(events)


def nothing_is_missing_whatever_is_lost_on_the_way():
    rng = random.Random(7)
    with tempfile.TemporaryDirectory() as folder, Publisher(*ipc(folder, "p")) as p:
        with Clients(folder, [p], "--after", 0, "--until-closed") as clients:
            clients.heard(["link_up", "synced"])
            events = []
            while len(events) < EVENTS:
                p.breathe()
                events += [p.emit(rng.choice(WARDS), live=rng.random() >= LOSS) for _ in range(BURST)]
            clients.each("all events", lambda c: len(c.events()) >= EVENTS)
            p.say(state="closing")
            clients.end()
            clients.have(events)
            clients.heard(["link_up", "synced", "state"])


def who_was_stopped_itself_does_not_call_the_pipeline_dead():
    with tempfile.TemporaryDirectory() as folder, Publisher(*ipc(folder, "p")) as p:
        with Clients(folder, [p], "--after", 0, "--until-closed") as clients:
            clients.heard(["link_up", "synced"])
            for c in clients.of:
                c.process.send_signal(signal.SIGSTOP)
            began, events = time.monotonic(), []
            while time.monotonic() - began < STOPPED_S:
                p.breathe()
                events += [p.emit(live=i % 7 != 0) for i in range(30)]
            for c in clients.of:
                c.process.send_signal(signal.SIGCONT)
            clients.have(events)
            p.say(state="closing")
            clients.end()
            clients.heard(["link_up", "synced", "state"])


def keygen(folder, name, *options):
    done = subprocess.run([vigil.VIGIL, "keygen", name, "--out", folder, *options],
                          capture_output=True, text=True)
    check(done.returncode == 0, f"keygen: {done.stderr}")
    text = (pathlib.Path(folder) / f"{name}.key").read_text()
    return [re.search(rf"^{w}: (.*)$", text, re.M)[1] for w in ("public", "secret")]


def who_is_refused_is_told_so():
    """A ward that does not exist, and a key that is not known; a key that is known is let in."""
    with tempfile.TemporaryDirectory() as folder:
        server = keygen(folder, "pipeline", "--server")
        known = keygen(folder, "display", "--ward", "icu-a")[0].encode()
        keygen(folder, "stranger", "--ward", "icu-a")
        keys = lambda name: ("--server-key", f"{folder}/pipeline.pub", "--key", f"{folder}/{name}.key")
        anywhere = "tcp://127.0.0.1:*"
        with Publisher(anywhere, anywhere) as plain, \
                Publisher(anywhere, anywhere, keys=(*server, {known})) as curve, \
                Clients(folder, [plain], "--ward", "icu-z", timeout=4) as astray, \
                Clients(folder, [curve], *keys("stranger"), timeout=4) as stranger, \
                Clients(folder, [curve], *keys("display"), "--count", 1) as display:
            event = curve.emit()
            display.have([event])
            display.end()
            for refused in (astray, stranger):
                refused.heard(["link_down", "refused"])
                refused.end(1)
                refused.have([])


def example(readme, language, n=0):
    """The n-th block of that language, as a reader copies it."""
    return re.findall(rf"^```{language}\n(.*?)^```", readme.read_text(), re.M | re.S)[n]


def examples(folder):
    """(name, command) of the first program of each README."""
    path = pathlib.Path(folder) / "display.py"
    path.write_text(example(packages.PYTHON / "README.md", "python"))
    yield "Python", ["/usr/bin/python3", "-B", path]
    if packages.node_package():
        path = packages.node_package() / "display.mjs"
        path.write_text(example(packages.node_package() / "README.md", "js"))
        yield "Node", ["node", path]


def the_examples_of_the_pages_run_as_written():
    with tempfile.TemporaryDirectory() as folder:
        for name, command in examples(folder):
            with Publisher(*ipc(folder, name)) as p:
                p.emit("icu-a", text="before")
                run = [*command, p.publish, p.control, f"{folder}/{name}.position"]
                with Example(folder, [*run, "nurse 4"]) as display:
                    display.says("high start icu-a/07 before", "ACKNOWLEDGED")
                    p.say(state="closing")
                    display.ends()
                p.say(state="running")
                p.emit("icu-a", text="while it was away")
                with Example(folder, run) as display:
                    display.says("while it was away", "NOTICE synced", "NOTICE link_up")
                    check("before" not in display.text(), f"{name}: {display.text()}")
                    p.say(state="closing")
                    display.ends()
        with Publisher(*ipc(folder, "p")) as p:
            p.emit(text="one")
            where = [p.publish, p.control]
            follow = example(packages.PYTHON / "README.md", "python", 1)
            with Example(folder, ["/usr/bin/python3", "-B", "-c", follow, *where]) as coroutine, \
                    Example(folder, [vigil.BUILD / "vigil_client_example", *where]) as in_c:
                both = (coroutine, in_c)
                for program in both:
                    program.says("one")
                p.emit(live=False, text="two")
                for program in both:
                    program.says("two")
                p.say(beating=False)
                for program in both:
                    program.says("LINK DOWN")


class Example:
    """A program that talks; it is killed at the end."""

    def __init__(self, folder, command):
        self.path = pathlib.Path(folder) / f"said.{os.urandom(4).hex()}"
        with open(self.path, "wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out, env=packages.ENVIRONMENT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def text(self):
        return self.path.read_text()

    def says(self, *texts):
        for text in texts:
            try:
                until(text, lambda: text in self.text(), DEADLINE_S)
            except AssertionError as why:
                raise vigil.Failed(f"{why}; it says {self.text()}")

    def ends(self):
        check(self.process.wait(DEADLINE_S) == 0, self.text())


if __name__ == "__main__":
    vigil.main(everything_that_can_happen_is_told_once_and_in_its_place,
               one_ward_hears_nothing_of_another_and_goes_on_after_its_position,
               commands_and_confirmations_are_sent_as_the_contract_says,
               instances_of_a_pipeline_are_merged,
               nothing_is_missing_whatever_is_lost_on_the_way,
               who_was_stopped_itself_does_not_call_the_pipeline_dead,
               who_is_refused_is_told_so,
               the_examples_of_the_pages_run_as_written, at_once=4)
