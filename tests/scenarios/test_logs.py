#!/usr/bin/env python3
"""What Vigil says about itself: no identifier of a patient whatever goes wrong, no flood, and fields for the
journal."""
import base64
import contextlib
import json
import os
import pathlib
import sqlite3
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import vigil
from journal import Journal
from live import Live, outbox_has, record, until
from log_socket import Log
from receiver import Receiver
from vigil import check

TOPIC = "vitals.raw"
PLANTED = "planted-7f3a"  # in patients, beds, notes and in what servers answer
BURST = 100               # lines of one place in a minute: runtime/log_limit.h
os.environ["VIGIL_TEST_SECRET"] = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def config(broker, url, **log):
    c = vigil.sedation_config(broker.bootstrap, log=log, snapshot={"every": "200ms"})
    c["source"]["max_patients"] = 3
    c["alert_rules"] = {"spo2_low": vigil.limit_rule("spo2", "90 %", 0),
                        "silent": {"title": "No data", "priority": "medium",
                                   "when": {"stale": "any", "longer_than": "2s"}}}
    c["sinks"]["refuses"] = {"type": "webhook", "url": url, "timeout": "5s", "allow": ["loopback"],
                             "secret": "${VIGIL_TEST_SECRET}"}
    return c


def refuse(handler):
    """As servers do: they say what they did not like, which is the event."""
    body = f'{{"error":"{PLANTED}"}}'.encode()
    handler.send_response(422, f"no {PLANTED}")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def trouble(broker):
    """Rows and records of everything that Vigil complains about."""
    name, bed = f"{PLANTED}-%s", f"icu-a/{PLANTED}"
    rows = [record(i % 2, i, name % "a", spo2=80 + i % 2 * 17, hr=80, bed=bed) for i in range(4)]
    rows += [record(i % 2, 5, name % who, spo2=70, bed=bed) for i, who in enumerate("bcdefghi")]
    ms = vigil.START_MS + 6000
    rows += [(0, ms, name % "key", {"patient": name % "other", "time": ms, "spo2": 80}),
             (1, ms, name % "a", f'{{"patient": "{name % "a"}", "time": "{PLANTED}"}}'),
             (0, ms, name % "a", f'{{"patient": "{name % "a"}", {PLANTED}'),
             (1, ms, name % "a", f"{PLANTED} \x1b[2J\n"),
             (0, ms, "no patient " + PLANTED, {"patient": f"no {PLANTED}", "time": ms, "spo2": 80})]
    vigil.produce(broker.bootstrap, TOPIC, rows)


def damage(pipeline):
    """The outbox holds another event than the log gives, and no snapshot helps."""
    with contextlib.closing(sqlite3.connect(pipeline.data / "outbox.db")) as db, db:
        db.execute("update event set body = replace(body, 'spo2_low', 'spo2_lox')")
    for file in (pipeline.data / "snapshots").rglob("*"):
        if file.is_file():
            file.write_bytes(b"no snapshot")


def said_in_trouble(broker, url, journal, **log):
    """Everything that a pipeline says of itself while all goes wrong."""
    def said():
        return run.said + "".join(journal.told)

    with vigil.Pipeline(config(broker, url, socket=journal.path, **log)) as p:
        debug = {"VIGIL_LOG": "debug"}
        with Live(p, env=debug, wait=None) as run:
            until("it runs", lambda: " runs: " in said())
            until("events and dead letters", outbox_has(
                p, "select min((select count(*) from event), (select count(*) from dead_letter))", 4))
            until("a refusal", lambda: "set aside" in said())
            until("a snapshot", lambda: (p.data / "snapshots").exists()
                  and any(f.is_file() for f in (p.data / "snapshots").rglob("*")))
            run.kill()
        first = run.said
        damage(p)
        with Live(p, env=debug, wait=None) as run:
            until("the difference is noticed", lambda: "is not what the outbox holds" in said())
            run.stop()
        return first + said()


def no_identifier_is_in_any_form_of_the_log():
    for form in ("text", "json", "journald"):
        with vigil.MockBroker(f"{TOPIC}:2") as broker, Receiver() as receiver, \
                tempfile.TemporaryDirectory() as folder:
            receiver.behave = refuse
            journal = Log(pathlib.Path(folder) / "journal")
            trouble(broker)
            said = said_in_trouble(broker, f"http://127.0.0.1:{receiver.port}/", journal, format=form)
            journal.stop()
            for expected in ("is refused and set aside", "snapshot", " runs: "):
                check(expected in said, f"{form}: nothing of \"{expected}\": {said}")
            check(bool(journal.told) == (form == "journald"), f"{form}: {len(journal.told)} entries")
            named = [line for line in said.splitlines() if "planted" in line]
            check(not named, f"{form}: {named[:2]}")
            if form == "json":
                check_json(said)


def check_json(said):
    """Each line is an object, but for what the command itself says at the end."""
    for line in said.splitlines():
        check(not line.startswith("20"), f"a line of text: {line}")
        check(not line.startswith("{")
              or set(json.loads(line)) == {"time", "level", "component", "message"}, line)


def one_that_says_much_is_cut_short_and_the_rest_counted():
    with vigil.MockBroker(f"{TOPIC}:2") as broker, Receiver() as receiver:
        receiver.behave = 422
        c = config(broker, f"http://127.0.0.1:{receiver.port}/")
        rows = [record(0, s, "p-1", spo2=80 + s % 2 * 17) for s in range(BURST + 20)]
        vigil.produce(broker.bootstrap, TOPIC, rows)
        with vigil.Pipeline(c) as p:
            said = p.run()
            refused = p.outbox("select count(*) from quarantine")[0][0]
        lines = said.count("is refused and set aside")
        check(refused > BURST == lines, f"{lines} of {refused} lines:\n{said[-2000:]}")
        check(f"refuses: {refused - BURST} more of these were not logged (runtime/feed.c:" in said,
              said[-2000:])
        check(f"file: {refused} delivered" in said, f"another sink has nothing to say: {said[-2000:]}")


def a_real_journal_has_its_fields():
    with vigil.MockBroker(f"{TOPIC}:1") as broker, Journal() as journal:
        if not journal:
            return
        c = vigil.sedation_config(broker.bootstrap,
                                  log={"format": "journald", "socket": str(journal.socket)})
        with vigil.Pipeline(c) as p:
            said = p.run()
            line, = until("the entry", lambda: journal.entry("VIGIL_COMPONENT=service"))
            entry = json.loads(line)
            check(entry["PRIORITY"] == "6" and entry["CODE_FILE"].startswith("runtime/service")
                  and entry["CODE_FUNC"] and int(entry["CODE_LINE"]) > 0
                  and " runs: 1 partitions" in entry["MESSAGE"], f"{entry}")
            check(" runs: " not in said, "it is said on standard error, too")


if __name__ == "__main__":
    vigil.main(no_identifier_is_in_any_form_of_the_log,
               one_that_says_much_is_cut_short_and_the_rest_counted, a_real_journal_has_its_fields)
