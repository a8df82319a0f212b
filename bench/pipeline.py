"""What the benchmarks share: model files for a tick, a configuration, a watched run, a table."""
import os
import pathlib
import subprocess
import sys
import threading
import time

from machine import load, machine  # noqa: F401  (benchmarks take both from here)

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "client/python")]

import vigil  # noqa: E402  (found in tests/support)
import vigil_export  # noqa: E402  (found in client/python)

SAMPLE_S = 0.05
TOPIC = "vitals.raw"
STAGES = ("clean", "resample", "normalize", "forecast", "detect", "alert")


# ---- models ----


def with_tick(path, tick_s, to):
    """A copy of a model file for another tick. Its forecasts are then of no use, its cost is the
    same; the self-test stays valid because the weights do."""
    texts, tensors = vigil_export.load(path)
    texts["tick"] = f"{tick_s}s"
    if "horizons" in texts:
        texts["horizons"] = ",".join(f"{n * tick_s}s" for n in (2, 10, 20, 60, 120))
    to.write_bytes(vigil_export.to_bytes(texts, tensors))
    return str(to)


def flop_per_step(*paths):
    """Multiplications and additions of a model step: 2 for each weight of a matrix."""
    total = 0
    for path in paths:
        for name, tensor in vigil_export.load(path)[1].items():
            if name.startswith(("lstm.", "dense.")) and tensor.ndim == 2:
                total += 2 * tensor.size
    return total


# ---- a pipeline ----


def config(bootstrap, tick_s, folder, **service):
    """The demo's chain, and rules of each kind beside those that are watched without asking."""
    def limit(channel, side, value):
        return {"title": f"{channel} limit", "priority": "high",
                "when": {"channel": channel, side: value}, "for": "10s"}

    models = vigil.ROOT / "configs" / "models"
    options = {"resample": {"tick": f"{tick_s}s", "lateness": f"{min(tick_s, 2)}s"},
               "forecast": {"model": "forecaster"}, "detect": {"model": "detector"}}
    return {
        "version": 1,
        "service": {"name": "bench", "workers": 1, "log": {"level": "info"}, **service},
        "source": {"type": "kafka", "brokers": bootstrap, "topic": TOPIC, "cluster": "bench",
                   "decoder": "json", "start": "earliest", "clock": "device",
                   "late_after": "120s", "max_patients": 10000},
        "models": {
            "forecaster": {"type": "lstm", "file": with_tick(
                models / "forecast.safetensors", tick_s, folder / "forecast.safetensors")},
            "detector": {"type": "autoencoder", "file": with_tick(
                models / "autoencoder.safetensors", tick_s, folder / "autoencoder.safetensors")},
        },
        "stages": [{"type": name, **options.get(name, {})} for name in STAGES],
        "profiles": {"adult": {"hr": {"low": "45 /min", "high": "130 /min"},
                               "spo2": {"low": "90 %"}}},
        "alert_rules": {
            "spo2_low": limit("spo2", "below", "profile.low"),
            "hr_high": limit("hr", "above", "profile.high"),
            "hr_low": limit("hr", "below", "profile.low"),
            "spo2_forecast": {"title": "SpO2 may fall", "priority": "medium", "for": "30s",
                              "when": {"forecast": "spo2", "quantile": 0.05,
                                       "below": "profile.low", "within": f"{60 * tick_s}s"}},
            "anomaly": {"title": "Unusual", "priority": "low", "for": "60s",
                        "when": {"anomaly": "detector", "above": "threshold"}},
            "no_data": {"title": "No data", "priority": "medium",
                        "when": {"stale": "any", "longer_than": "60s"}},
        },
        "sinks": {"file": {"type": "file", "path": "alerts.ndjson"}},
    }


def simulate(bootstrap, beds, seconds, rows=1, topic=TOPIC, seed=1):
    """Writes a ward to Kafka as fast as it goes; returns the number of rows."""
    subprocess.run(
        [vigil.VIGIL, "simulate", "--brokers", bootstrap, "--topic", topic, "--beds", str(beds),
         "--duration", f"{seconds}s", "--rows", str(rows), "--seed", str(seed),
         "--start", "2026-01-01T00:00:00Z", "--speed", "max", "--progress", "none"],
        check=True, timeout=vigil.TIMEOUT_S, capture_output=True)
    return beds * seconds


# ---- a watched run ----


class Run:
    """`vigil run` with the processor time of each of its threads, by name."""

    def __init__(self, pipeline, *arguments, env=None, command=()):
        self.pipeline = pipeline
        self.log = open(pipeline.folder / "stderr", "w+b")
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [*command, vigil.VIGIL, "run", pipeline.path, *arguments], stdout=subprocess.DEVNULL,
            stderr=self.log, env={**os.environ, **(env or {})})
        self.threads = {}  # tid: (name, seconds)
        self.ended = threading.Event()
        self.sampler = threading.Thread(target=self._sample, daemon=True)
        self.sampler.start()

    def _sample(self):
        while not self.ended.wait(SAMPLE_S):
            self.look()

    def look(self):
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").glob("*"):
            try:
                name = (task / "comm").read_text().strip()
                ran_ns = int((task / "schedstat").read_text().split()[0])
            except (OSError, ValueError, IndexError):
                continue  # it ended between two looks
            self.threads[task.name] = (name, ran_ns / 1e9)

    def resident(self):
        """Bytes in memory now."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0

    def said(self):
        return pathlib.Path(self.log.name).read_text(errors="replace")

    def wait_line(self, text, timeout_s=30):
        """Waits until it has said so; returns the seconds since it was started."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if text in self.said():
                return time.monotonic() - self.began
            time.sleep(0.002)
        vigil.check(False, f"did not say {text!r}: {self.said()[-1000:]}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.ended.set()

    def wait(self):
        """Waits for its end; fails unless it ended well."""
        _, status, usage = os.wait4(self.process.pid, 0)
        self.wall_s = time.monotonic() - self.began
        self.ended.set()
        self.sampler.join()
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.cpu_s = usage.ru_utime + usage.ru_stime
        self.peak = usage.ru_maxrss * 1024
        vigil.check(self.process.returncode == 0,
                    f"vigil run: exit {self.process.returncode}\n{self.said()[-4000:]}")
        return self

    def stop(self):
        self.process.terminate()
        return self.wait()

    def parts(self):
        """{part: processor seconds}: threads that do the same are one part."""
        parts = {}
        for name, seconds in self.threads.values():
            part = name.split("/")[0]
            if part.startswith("rdk:"):
                part = "kafka client"
            elif part.startswith("ZMQbg"):
                part = "ZeroMQ i/o"
            parts[part] = parts.get(part, 0.0) + seconds
        return parts
