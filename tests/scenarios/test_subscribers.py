#!/usr/bin/env python3
"""Subscribers of a real pipeline: one that stays, one that is stopped, one that comes late and one
that knows only the contract each end with the complete sequence, through a kill -9 of the pipeline;
and they say in time that the pipeline is dead or hangs."""
import atexit
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import vigil
from live import Live, record, until
from vigil import check

TOPIC = "vitals.raw"
PATIENTS = 4
LINK_DOWN_S = 4
STALLED_S = 7


class Subscriber:
    """A program that prints NDJSON into a file."""

    def __init__(self, folder, name, *command):
        self.path = pathlib.Path(folder) / name
        with open(self.path, "wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        atexit.register(self.process.kill)  # also when the test fails before its end

    def lines(self):
        whole = self.path.read_bytes().rpartition(b"\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def events(self):
        return [line["event"] for line in self.lines() if line["type"] == "event"]

    def heard(self, notice):
        return lambda: any(line.get("notice") == notice for line in self.lines())

    def has(self, n):
        return lambda: len(self.events()) >= n

    def end(self):
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


def feed(broker, first_s, seconds):
    """An alert starts or ends with every row; none is open at the end, to lose its data."""
    vigil.produce(broker.bootstrap, TOPIC,
                  [record(0, s, f"p-{i}", spo2=95 if s % 2 else 80, bed=f"icu-a/{i}")
                   for s in range(first_s, first_s + seconds) for i in range(PATIENTS)])


def events_after(seconds):
    return seconds * PATIENTS


def every_subscriber_ends_with_the_complete_sequence():
    with vigil.MockBroker(f"{TOPIC}:1") as broker, tempfile.TemporaryDirectory() as folder:
        publish, control = f"ipc://{folder}/publish", f"ipc://{folder}/control"
        config = vigil.sedation_config(broker.bootstrap, snapshot={"every": "200ms"})
        config["alert_rules"] = {"spo2_low": vigil.limit_rule("spo2", "90 %", 0)}
        config["sinks"]["ward"] = {"type": "zeromq", "publish": publish, "control": control}
        alerts = [vigil.VIGIL, "alerts", "--connect", publish, "--control", control, "--json"]
        follow = [*alerts, "--after", "0", "--until-closed", "--timeout", "60s"]
        stall = pathlib.Path(folder) / "stall"
        with vigil.Pipeline(config) as p:
            stays = Subscriber(folder, "stays", *follow)
            stopped = Subscriber(folder, "stopped", *follow)
            contract = Subscriber(folder, "contract", "/usr/bin/python3",
                                  vigil.SUPPORT / "alert1_subscriber.py", "--publish", publish,
                                  "--control", control, "--after", "0", "--until-closing",
                                  "--timeout", "60")
            feed(broker, 0, 50)
            with Live(p) as run:
                until("the first alerts", stays.has(events_after(50)))
                stopped.process.send_signal(signal.SIGSTOP)
                feed(broker, 50, 1000)
                until("more alerts", stays.has(events_after(1050)))
                began = time.monotonic()
                run.kill()
            until("link down", stays.heard("link_down"))
            took = time.monotonic() - began
            check(took < LINK_DOWN_S, f"link down after {took:.1f} s")
            stopped.process.send_signal(signal.SIGCONT)
            feed(broker, 1050, 50)
            with Live(p, env={"VIGIL_FAULT_STALL": f"alert:{stall}"}) as run:
                until("alerts after the restart", stays.has(events_after(1100)))
                late = Subscriber(folder, "late", *follow)
                feed(broker, 1100, 1)
                until("open alerts", stays.has(events_after(1101)))
                episode = stays.events()[-1]["episode_id"]
                done = subprocess.run([*alerts, "--ack", episode, "--by", "nurse 4"],
                                      capture_output=True, text=True, timeout=30)
                check(done.returncode == 0, f"acknowledge: {done.stdout}{done.stderr}")
                feed(broker, 1101, 1)
                until("the acknowledgement and the ends", stays.has(events_after(1102) + 1))
                began = time.monotonic()
                stall.touch()
                until("stalled", stays.heard("stalled"))
                took = time.monotonic() - began
                check(took < STALLED_S, f"stalled after {took:.1f} s")
                stall.unlink()
                until("moving again", stays.heard("moving"))
                run.stop()
            stored = [json.loads(body) for body, in
                      p.outbox("select body from event order by seq")]
            check(len(stored) == events_after(1102) + 1, f"{len(stored)} events")
            for subscriber in (stays, stopped, late, contract):
                code = subscriber.end()
                check(code == 0, f"{subscriber.path.name}: exit {code}")
                check(subscriber.events() == stored,
                      f"{subscriber.path.name}: {len(subscriber.events())} events of {len(stored)}")
            check(contract.lines()[-1]["verdict"] == "complete", str(contract.lines()[-1]))


def without_a_pipeline_the_exit_code_says_so():
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([vigil.VIGIL, "alerts", "--connect", f"ipc://{folder}/nobody",
                               "--control", f"ipc://{folder}/neither", "--timeout", "500ms"],
                              capture_output=True, text=True, timeout=30)
        check(done.returncode == 69 and "no connection" in done.stderr, f"{done}")


if __name__ == "__main__":
    vigil.main(every_subscriber_ends_with_the_complete_sequence,
               without_a_pipeline_the_exit_code_says_so)
