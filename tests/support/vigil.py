"""Drives the vigil program for tests: a broker, records, a configuration, a run, its events.

Nothing here waits by sleeping: a program is ready when it says so, and done when it ends.
"""
import contextlib
import json
import os
import pathlib
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parents[2]
SUPPORT = pathlib.Path(__file__).resolve().parent
DATA = ROOT.parent / "shared" / "data"
BUILD = pathlib.Path(os.environ.get("VIGIL_BUILD", ROOT / "build" / "release"))
VIGIL = BUILD / "vigil"
EXIT_SKIP = 77
START_MS = 1767225600000  # 2026-01-01T00:00:00Z
TIMEOUT_S = 180
SANITIZED = "ASAN_OPTIONS" in os.environ or "TSAN_OPTIONS" in os.environ

sys.path.insert(0, str(SUPPORT))


def skip(why):
    print(f"SKIP: {why}")
    sys.exit(EXIT_SKIP)


class Failed(AssertionError):
    pass


def check(ok, message):
    if not ok:
        raise Failed(message)


def read_line(stream, timeout_s=30, until=None):
    """The next line (bytes), or the next that contains `until`; fails at the end or in time."""
    end = time.monotonic() + timeout_s
    seen = []
    buffer = b""
    fd = stream.fileno()
    while True:
        left = end - time.monotonic()
        check(left > 0, f"no line with {until!r} in {timeout_s} s; saw {seen[-5:]}")
        ready, _, _ = select.select([fd], [], [], left)
        if not ready:
            continue
        byte = os.read(fd, 1)
        check(byte, f"ended before a line with {until!r}; saw {seen[-8:]}")
        buffer += byte
        if byte == b"\n":
            if until is None or until in buffer:
                return buffer
            seen.append(buffer)
            buffer = b""


class MockBroker:
    """`vigil mock-broker` as a process of its own."""

    def __init__(self, *topics):
        self.topics = topics

    def __enter__(self):
        arguments = [a for t in self.topics for a in ("--topic", t)]
        self.process = subprocess.Popen([VIGIL, "mock-broker", *arguments], stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)
        line = read_line(self.process.stdout).decode()
        check(line.startswith("bootstrap.servers="), f"first line of mock-broker is {line!r}")
        self.bootstrap = line.strip().split("=", 1)[1]
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


@contextlib.contextmanager
def real_kafka(topic, partitions):
    """A real Apache Kafka with one topic; skips the test when there is none to be had."""
    import kafka
    try:
        broker = kafka.Kafka()
    except kafka.Unavailable as why:
        skip(str(why))
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(broker)
        except kafka.Unavailable as why:
            skip(str(why))
        broker.create_topic(topic, partitions)
        yield broker


def _escape(value):
    out = []
    for byte in value:
        if byte == 0x5C:
            out.append("\\\\")
        elif 32 <= byte < 127:
            out.append(chr(byte))
        else:
            out.append(f"\\x{byte:02x}")
    return "".join(out)


def produce(bootstrap, topic, records, *headers):
    """records: (partition, timestamp_ms, key or None, value as bytes, str or object); headers of each:
    "NAME=VALUE"."""
    lines = []
    for partition, ms, key, value in records:
        if not isinstance(value, (bytes, str)):
            value = json.dumps(value)
        if isinstance(value, str):
            value = value.encode()
        name = "-" if key is None else _escape(key.encode())
        lines.append(f"{partition}\t{ms}\t{name}\t{_escape(value)}\n")
    done = subprocess.run([BUILD / "produce", bootstrap, topic, *headers], input="".join(lines), text=True,
                          capture_output=True, timeout=TIMEOUT_S)
    check(done.returncode == 0, f"produce: {done.stderr}")
    return len(lines)


def replay_sedation(bootstrap, topic, *more):
    """The 63 recordings at their original record times, from 2026-01-01 on."""
    source = DATA / "sedation_capno" / "sedation_1hz.csv.gz"
    if not source.exists():
        skip(f"no recordings: ../shared/data/{source.relative_to(DATA)} is absent")
    done = subprocess.run(
        [VIGIL, "replay", "--csv", source, "--map", ROOT / "configs/maps/sedation_capno.yaml",
         "--brokers", bootstrap, "--topic", topic, "--speed", "max",
         "--start", "2026-01-01T00:00:00Z", "--progress", "none", *more],
        capture_output=True, text=True, timeout=TIMEOUT_S)
    check(done.returncode == 0, f"replay: exit {done.returncode}: {done.stderr}")


def limit_rule(channel, below, seconds, **more):
    return {"title": f"{channel} below limit", "priority": "high",
            "when": {"channel": channel, "below": below}, "for": f"{seconds}s", **more}


def sedation_config(bootstrap, topic="vitals.raw", clock="record", **service):
    """The rules of the sedation recordings: SpO2 < 90 % and pulse < 50 /min, each for 10 s."""
    return {
        "version": 1,
        "service": {"name": "sedation", "workers": 1, **service},
        "source": {"type": "kafka", "brokers": bootstrap, "topic": topic, "cluster": "test",
                   "decoder": "json", "start": "earliest", "clock": clock},
        "stages": [{"type": "clean"}, {"type": "alert"}],
        "alert_rules": {"spo2_low": limit_rule("spo2", "90 %", 10),
                        "pulse_low": limit_rule("pulse", "50 /min", 10)},
        "sinks": {"file": {"type": "file", "path": "alerts.ndjson"}},
    }


def add_life(config):
    """Rules whose alerts get worse, are told again, and are held back."""
    config["alert_rules"] |= {
        "pulse_falls": {"priority": "medium", "when": {"channel": "pulse", "below": "55 /min"},
                        "for": "5s", "worse": {"below": "48 /min", "for": "20s"},
                        "escalate": {"after": "60s", "to": "high"}, "realarm": "2m"},
        "spo2_falls": {"priority": "low", "when": {"channel": "spo2", "below": "94 %"},
                       "for": "2s", "refractory": "2m", "budget": {"max": 3, "per": "1h"},
                       "inhibited_by": ["spo2_low", "pulse_falls"]}}
    return config


def check_life(lines):
    """What rules of add_life() are for has happened."""
    for what in ('"phase":"escalate"', '"phase":"deescalate"', '"phase":"continue"',
                 '"suppressed_by":"refractory"', '"suppressed_by":"budget"',
                 '"suppressed_by":"pulse_falls"'):
        check(any(what.encode() in line for line in lines), f"no event has {what}")


def add_models(config):
    """The whole chain with the demo's models, and rules on what they say, on a score and on silence."""
    models = ROOT / "configs/models"
    config["models"] = {
        name: {"type": kind, "file": str(models / f"{file}.safetensors")} for name, kind, file in (
            ("forecast", "lstm", "forecast"), ("slow", "ridge", "ridge"),
            ("window", "autoencoder", "autoencoder"), ("unusual", "detector", "detector"))}
    config["stages"] = [
        {"type": "clean"}, {"type": "artefact"}, {"type": "resample", "tick": "30s"},
        {"type": "normalize"}, {"type": "forecast", "model": "forecast"},
        {"type": "detect", "model": "unusual"}, {"type": "alert"}]
    config["scores"] = {"news2": {"file": str(ROOT / "configs/scores/news2.yaml")}}
    config["alert_rules"] |= {
        "news2": {"title": "NEWS2", "priority": "low", "when": {"score": "news2", "at_least": 3},
                  "for": "30s", "clear": {"for": "1m"}},
        "spo2_forecast": {"title": "SpO2 likely to fall", "priority": "medium",
                          "when": {"forecast": "spo2", "quantile": 0.5, "below": "93 %",
                                   "within": "10m"}},
        "unusual": {"title": "Unusual", "priority": "low",
                    "when": {"anomaly": "unusual", "above": "threshold"}},
        "silent": {"title": "No data", "priority": "medium",
                   "when": {"stale": "any", "longer_than": "2s"}}}
    return config


class Pipeline:
    """One configuration in a folder of its own, to be run as often as a test likes."""

    def __init__(self, config, folder=None):
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="vigil-test-"))
        self.config = config
        self.data = self.folder / "data"
        config["service"]["data_dir"] = str(self.data)
        self.path = self.folder / "vigil.yaml"
        self.path.write_text(json.dumps(config, indent=1))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, *arguments, env=None):
        """A running process whose stderr is a pipe."""
        return subprocess.Popen([VIGIL, "run", self.path, *arguments],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                env={**os.environ, **(env or {})})

    def run(self, *arguments, expect=0, timeout=TIMEOUT_S):
        """Runs to the end of the log; returns what it said."""
        done = subprocess.run([VIGIL, "run", self.path, "--until-end",
                               *arguments], capture_output=True, text=True, timeout=timeout)
        check(done.returncode == expect,
              f"vigil run: exit {done.returncode}, expected {expect}\n{done.stderr[-4000:]}")
        return done.stderr

    def lines(self, path="alerts.ndjson"):
        """What the file sink wrote: raw lines, without one that is being written."""
        file = self.data / path
        return file.read_bytes().split(b"\n")[:-1] if file.exists() else []

    def events(self, path="alerts.ndjson"):
        return [json.loads(line) for line in self.lines(path)]

    def by_shard(self):
        """Raw lines in their order, by partition: what must not depend on anything."""
        shards = {}
        for line in self.lines():
            shards.setdefault(json.loads(line)["position"]["partition"], []).append(line)
        return shards

    def outbox(self, query):
        with contextlib.closing(sqlite3.connect(f"file:{self.data}/outbox.db?mode=ro",
                                                uri=True)) as db:
            return db.execute(query).fetchall()


def _passes(test):
    """Prints one line on how it went."""
    began = time.monotonic()
    try:
        test()
    except (AssertionError, subprocess.SubprocessError) as why:
        print(f"FAIL {test.__name__}: {why}", flush=True)
        return False
    print(f"ok   {test.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
    return True


def main(*tests, at_once=1):
    """Runs each test function, so many `at_once`: for tests that wait for times of a contract and need no
    processor meanwhile. Prints one line for each and a summary that CTest can read."""
    wanted = [test for test in tests if not sys.argv[1:] or test.__name__ in sys.argv[1:]]
    if at_once == 1:
        results = [_passes(test) for test in wanted]
    else:
        with ThreadPoolExecutor(at_once) as pool:
            results = list(pool.map(_passes, wanted))
    failed = results.count(False)
    print(f"{len(results) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
