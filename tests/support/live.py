"""A pipeline that runs while a test looks at it, and the rows that a test feeds it."""
import os
import signal
import subprocess
import threading
import time

import vigil
from vigil import check

TURN_S = 0.02


def until(what, condition, timeout_s=30):
    """Returns what `condition` gives once it is true; fails when it is not in time."""
    end = time.monotonic() + timeout_s
    while True:
        result = condition()
        if result:
            return result
        check(time.monotonic() < end, f"not within {timeout_s} s: {what}")
        time.sleep(TURN_S)


class Live:
    """`vigil run` as a process whose talk is read as it comes."""

    def __init__(self, pipeline, *arguments, env=None, wait=b" runs: "):
        self.pipeline = pipeline
        self.lines = []
        self.changed = threading.Condition()
        self.process = subprocess.Popen([vigil.VIGIL, "run", pipeline.path, *arguments],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        env={**os.environ, **(env or {})})
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        try:
            if wait:
                self.wait_line(wait)
        except vigil.Failed:
            self.kill()
            raise

    def _read(self):
        for line in self.process.stderr:
            with self.changed:
                self.lines.append(line)
                self.changed.notify_all()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()
        self.process.stderr.close()

    @property
    def said(self):
        return b"".join(self.lines).decode(errors="replace")

    def wait_line(self, text, timeout_s=30):
        """Waits for a line that contains `text`, also one that came before."""
        end = time.monotonic() + timeout_s
        with self.changed:
            seen = 0
            while True:
                for line in self.lines[seen:]:
                    if text in line:
                        return line
                seen = len(self.lines)
                check(self.process.poll() is None or self.reader.is_alive(),
                      f"ended with {self.process.poll()} before saying {text!r}: {self.said}")
                check(time.monotonic() < end, f"did not say {text!r} in {timeout_s} s: {self.said}")
                self.changed.wait(0.1)

    def wait(self, timeout_s=30):
        """Waits for its end; returns the exit code."""
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise vigil.Failed(f"still runs after {timeout_s} s: {self.said[-2000:]}") from None
        self.reader.join()
        return self.process.returncode

    def stop(self, number=signal.SIGTERM, expect=0, timeout_s=30):
        self.process.send_signal(number)
        code = self.wait(timeout_s)
        check(code == expect, f"exit {code}, expected {expect}: {self.said[-2000:]}")
        return self.said

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()


def record(partition, second, patient, **channels):
    """One row of a patient as a record, `second` seconds after the start of all tests."""
    ms = vigil.START_MS + round(second * 1000)
    return (partition, ms, patient, {"patient": patient, "time": ms, **channels})


def outbox_has(pipeline, query, least=1):
    """A condition for until(): the count that `query` selects is at least `least`."""
    def condition():
        return (pipeline.data / "outbox.db").exists() and pipeline.outbox(query)[0][0] >= least
    return condition


def wait_for_offset(pipeline, partition, next_offset, timeout_s=30):
    """Until everything before `next_offset` is known to the outbox (needs short snapshots)."""
    until(f"partition {partition} stored up to {next_offset}",
          outbox_has(pipeline, "select count(*) from shard where shard = %d and next_offset >= %d"
                     % (partition, next_offset)), timeout_s)


def check_no_mismatch(said):
    check("MISMATCH" not in said, f"a replay gave other events: {said[-2000:]}")


def check_no_duplicates(pipeline, path="alerts.ndjson"):
    ids = [event["event_id"] for event in pipeline.events(path)]
    check(len(ids) == len(set(ids)), f"{len(ids) - len(set(ids))} events are twice in {path}")
