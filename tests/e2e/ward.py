"""A ward that runs now: a broker, simulated beds at life's speed, one bed of the test's own, and a pipeline
whose page a browser can open."""
import contextlib
import json
import signal
import socket
import subprocess
import threading
import time

import vigil
from http_client import TOKEN, Server, settings
from live import Live, until
from vigil import check

TOPIC = "vitals.raw"
PARTITIONS = 8  # the mock broker keeps 5 MiB of each
NURSE = "nurse-0123456789abcdef"
BED, PATIENT = "icu-a/90", "p-of-the-test"
START_S = 120


def free_port():
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as s:
        return s.getsockname()[1]


def config(broker, port, beds):
    c = vigil.add_models(vigil.sedation_config(
        broker.bootstrap, clock="device", snapshot={"every": "1s"},
        http=settings(f"127.0.0.1:{port}", token=TOKEN, acknowledge_token=NURSE, beds=beds)))
    c["wards"] = {"icu-a": {"name": "Intensive care A"}}
    c["source"]["max_patients"] = 1000
    c["profiles"] = {"adult": {"hr": {"low": "45 /min", "high": "130 /min"}, "spo2": {"low": "90 %"}}}
    c["alert_rules"] |= {
        "spo2_low": {"title": "SpO2 below limit", "priority": "high",
                     "when": {"channel": "spo2", "below": "profile.low"}, "for": "1s"},
        "silent": {"title": "No data from bed", "priority": "medium", "when": {"stale": "any", "longer_than": "30s"}}}
    return c


class OwnBed(threading.Thread):
    """A row a second of a bed whose values the test sets."""

    def __init__(self, bootstrap):
        super().__init__(daemon=True)
        self.values = {"hr": 80, "spo2": 97, "rr": 14, "abp_sys": 118}
        self.process = subprocess.Popen([vigil.BUILD / "produce", bootstrap, TOPIC], stdin=subprocess.PIPE,
                                        stdout=subprocess.DEVNULL, text=True)
        self.ended = threading.Event()

    def row(self):
        ms = int(time.time() * 1000)
        value = {"patient": PATIENT, "bed": BED, "time": ms, **self.values}
        return f"0\t{ms}\t{PATIENT}\t{json.dumps(value)}\n"

    def run(self):
        while not self.ended.wait(1):
            self.process.stdin.write(self.row())
            self.process.stdin.flush()

    def end(self):
        self.ended.set()
        self.join()
        self.process.stdin.close()
        self.process.wait(20)


class Ward:
    """`beds` beds, one of them the test's own, with `minutes` of the past."""

    def __init__(self, beds=24, minutes=10):
        self.beds, self.minutes = beds, minutes
        self.port = free_port()
        self.stack = contextlib.ExitStack()

    def _simulate(self, *more):
        return [vigil.VIGIL, "simulate", "--brokers", self.broker.bootstrap, "--topic", TOPIC, "--beds",
                str(self.beds - 1), "--seed", "7", "--progress", "none", *more]

    def _play(self):
        """The past at once, and the present at its speed."""
        now = time.time()
        time_of = lambda s: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(s))
        if self.minutes:
            done = subprocess.run(self._simulate("--start", time_of(now - 60 * self.minutes), "--duration",
                                                 f"{self.minutes}m"), capture_output=True, text=True,
                                  timeout=vigil.TIMEOUT_S)
            check(done.returncode == 0, done.stderr)
        self.present = subprocess.Popen(self._simulate("--start", time_of(time.time()), "--duration", "0",
                                                       "--speed", "real"), stderr=subprocess.DEVNULL)
        self.own = OwnBed(self.broker.bootstrap)
        self.own.start()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.broker = stack.enter_context(vigil.MockBroker(f"{TOPIC}:{PARTITIONS}"))
            self.pipeline = stack.enter_context(vigil.Pipeline(config(self.broker, self.port, self.beds)))
            self.stall = self.pipeline.folder / "stall"
            stack.callback(self._stop_playing)
            self._play()
            self.run = None
            stack.callback(self._stop_running)
            self.start()
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def _stop_playing(self):
        if hasattr(self, "own"):
            self.own.end()
        if hasattr(self, "present"):
            self.present.send_signal(signal.SIGTERM)
            self.present.wait(20)

    def _stop_running(self):
        if self.run:
            self.run.__exit__()

    def start(self):
        """Also after a kill, at the same address."""
        self.run = Live(self.pipeline, env={"VIGIL_FAULT_STALL": f"alert:{self.stall}"})
        self.server = Server(self.run)
        until("all beds", lambda: len(self.get("beds")["beds"]) == self.beds, START_S)

    def get(self, path, token=TOKEN):
        return json.loads(self.server.page(f"/api/v1/{path}", Authorization=f"Bearer {token}"))

    def address(self, token=NURSE, view=""):
        return f"http://127.0.0.1:{self.port}/#token={token}" if token else f"http://127.0.0.1:{self.port}/{view}"

    def key(self, bed=BED):
        return next(b["key"] for b in self.get("beds")["beds"] if b["bed"] == bed)

    def patients(self):
        return {b["patient"] for b in self.get("beds")["beds"]}
