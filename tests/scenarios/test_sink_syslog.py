#!/usr/bin/env python3
"""The syslog sink: every event is told in order while the log comes and goes and Vigil is killed, and no
patient is named; the real journal has its fields, where there is one."""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import delivery
import log_socket
import vigil
from live import Live, until
from vigil import check

JOURNAL = pathlib.Path("/run/systemd/journal/socket")


def every_event_is_told_while_the_log_comes_and_goes():
    for target in ("syslog", "journald"):
        with tempfile.TemporaryDirectory() as folder:
            log = log_socket.Log(pathlib.Path(folder) / "log")
            delivery.storm(
                {"type": "syslog", "target": target, "socket": log.path, "timeout": "100ms"},
                lambda: [log_socket.event_id(m) for m in list(log.told)], [log.away, log.busy],
                key=delivery.event_id)
            log.stop()
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
