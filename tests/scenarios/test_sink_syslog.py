#!/usr/bin/env python3
"""The syslog sink: every event is told in order while the log comes and goes and Vigil is killed, and no
patient is named; the real journal has its fields, where there is one."""
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import delivery
import live
import vigil
from live import Live, until
from vigil import check

JOURNAL = pathlib.Path("/run/systemd/journal/socket")


class Log:
    """A socket as /dev/log is one, that keeps what it is told."""

    def __init__(self, path):
        self.path = str(path)
        self.told = []
        self.start()

    def start(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.reader = threading.Thread(target=self._read, args=(self.socket,), daemon=True)
        self.reader.start()

    def _read(self, from_socket):
        while message := from_socket.recv(65536):
            self.told.append(message.decode())

    def stop(self):
        """Takes no more; whatever the kernel has taken is read first."""
        os.unlink(self.path)
        self.socket.shutdown(socket.SHUT_RD)
        self.reader.join()
        self.socket.close()


def ids(told):
    return [re.search(r'event_id="([^"]*)"|VIGIL_EVENT_ID=(.*)', m, re.I).group(1, 2) for m in told]


def every_event_is_told_while_the_log_comes_and_goes():
    for target in ("syslog", "journald"):
        with tempfile.TemporaryDirectory() as folder, \
                vigil.MockBroker(f"{delivery.TOPIC}:2") as broker:
            log = Log(pathlib.Path(folder) / "log")
            sink = {"type": "syslog", "target": target, "socket": log.path, "timeout": "100ms"}
            with vigil.Pipeline(delivery.config(broker, {"tested": sink})) as p:
                for kill in range(3):
                    with Live(p) as run:
                        had = len(log.told)
                        delivery.feed(broker, 20 * kill, 10)
                        until("events are told", lambda: len(log.told) > had)
                        log.stop()
                        delivery.feed(broker, 20 * kill + 10, 10)
                        run.wait_line(b"trying again")
                        log.start()
                        run.kill()
                live.check_no_mismatch(p.run())
                log.stop()
                body = {json.loads(b)["event_id"]: b if isinstance(b, str) else b.decode()
                        for b, in p.outbox("select body from event order by seq")}
                delivery.check_arrived(p, [body[a or b] for a, b in ids(log.told)], True)
            named = [m for m in log.told if re.search(r"\bp-\d", m)]
            check(not named, f"a patient is named: {named[:1]}")


def the_real_journal_has_its_fields():
    if not JOURNAL.exists() or not shutil.which("journalctl"):
        print("     no systemd-journald here")
        return
    with vigil.MockBroker(f"{delivery.TOPIC}:2") as broker, vigil.Pipeline(delivery.config(
            broker, {"tested": {"type": "syslog", "target": "journald"}})) as p:
        delivery.feed(broker, 0, 1)
        p.run()
        event = json.loads(p.lines()[0])["event_id"]

        def entry():
            done = subprocess.run(["journalctl", "-o", "json", "-t", "vigil",
                                   f"VIGIL_EVENT_ID={event}"], capture_output=True, text=True)
            return done.stdout
        check(json.loads(until("the entry", entry).splitlines()[0])["VIGIL_PRIORITY"] == "high",
              "the entry lacks its priority")


if __name__ == "__main__":
    vigil.main(every_event_is_told_while_the_log_comes_and_goes, the_real_journal_has_its_fields)
