#!/usr/bin/env python3
"""The syslog sink: every event is told in order while the log comes and goes and Vigil is killed, and no
patient is named; a real systemd-journald has its fields."""
import json
import pathlib
import re
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import delivery
import log_socket
import vigil
from journal import Journal
from live import until
from vigil import check


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


def a_real_journal_has_its_fields():
    with vigil.MockBroker(f"{delivery.TOPIC}:2") as broker, Journal() as journal:
        if not journal:
            return
        sink = {"type": "syslog", "target": "journald", "socket": str(journal.socket)}
        with vigil.Pipeline(delivery.config(broker, {"tested": sink})) as p:
            delivery.feed(broker, 0, 1)
            p.run()
            event = json.loads(p.lines()[0])
            line, = until("the entry", lambda: journal.entry(f"VIGIL_EVENT_ID={event['event_id']}"))
            entry = json.loads(line)
            check(entry["VIGIL_PRIORITY"] == "high" and entry["VIGIL_RULE"] == event["rule"] and
                  entry["PRIORITY"] == "2" and entry["_TRANSPORT"] == "journal", f"{entry}")
            check(event["patient"] not in line, "a patient is named")


if __name__ == "__main__":
    vigil.main(every_event_is_told_while_the_log_comes_and_goes, a_real_journal_has_its_fields)
