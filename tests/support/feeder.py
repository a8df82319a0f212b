"""Rows at a steady rate, each of which begins or ends an alert."""
import json
import subprocess
import threading
import time

import live
import vigil

PATIENTS = 8
TURN_S = 0.005


class Feeder(threading.Thread):
    """With `every_other_second`, nothing is sent in odd seconds of the wall clock, in which something
    else may be measured. `beds` puts the patients into two wards."""

    def __init__(self, bootstrap, topic, rate, every_other_second=False, beds=False):
        super().__init__(daemon=True)
        self.rate, self.every_other_second, self.beds = rate, every_other_second, beds
        self.process = subprocess.Popen([vigil.BUILD / "produce", bootstrap, topic],
                                        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.ended = threading.Event()
        self.rows = 0

    def _row(self):
        second, patient = divmod(self.rows, PATIENTS)
        more = {"bed": f"icu-{patient % 2}/{patient:02}"} if self.beds else {}
        partition, ms, key, value = live.record(patient % 2, second, f"p-{patient}",
                                                spo2=95 if second % 2 else 80, **more)
        self.rows += 1
        return f"{partition}\t{ms}\t{key}\t{json.dumps(value)}\n"

    def run(self):
        due = 0.0
        before = time.monotonic()
        while not self.ended.wait(TURN_S):
            now = time.monotonic()
            if not (self.every_other_second and int(time.time()) % 2):
                due += (now - before) * self.rate
            before = now
            self.process.stdin.write("".join(self._row() for _ in range(int(due))).encode())
            self.process.stdin.flush()
            due -= int(due)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()
        self.process.stdin.close()
        vigil.check(self.process.wait(60) == 0, "rows could not be produced")
