#!/usr/bin/env python3
"""Delivery: a sink that fails is an alert on the others and ends when it delivers again; what could
not be read is tried again when somebody asks; and a replay tells all of it again, byte for byte."""
import base64
import contextlib
import copy
import json
import os
import pathlib
import sqlite3
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import live
import vigil
from disk import SmallDisk, breaking, fill
from live import Live, record, until
from vigil import check

TOPIC = "vitals.raw"
SECRET = "doe-john"


def config(broker, **sinks):
    c = vigil.sedation_config(broker.bootstrap, snapshot={"every": "200ms"},
                              shutdown={"drain_timeout": "2s"})
    c["alert_rules"] = {"spo2_low": vigil.limit_rule("spo2", "90 %", 0)}
    c["sinks"] |= sinks
    return c


def feed(broker, seconds, patient="p-1"):
    """An alert starts or ends with every row."""
    vigil.produce(broker.bootstrap, TOPIC,
                  [record(0, s, patient, spo2=95 if s % 2 else 80) for s in seconds])


def told(p, rule, phase):
    return [e for e in p.events() if e["rule"] == rule and e["phase"] == phase]


def dlq(p, what, *arguments, expect=0):
    done = subprocess.run([vigil.VIGIL, "dlq", what, "--data-dir", p.data, *arguments],
                          capture_output=True, text=True, timeout=60)
    check(done.returncode == expect, f"dlq {what}: exit {done.returncode}: {done.stderr}")
    return done.stdout


def check_repeats(p):
    """The recorded commands, notices and retries among them, give the same events at any speed."""
    with vigil.Pipeline(copy.deepcopy(p.config)) as again:
        again.run("--commands", str(p.data / "outbox.db"))
        check(again.lines() == p.lines(), "a run that repeats the commands tells something else")
    (p.data / "snapshots").rename(p.data / "gone")
    lines = p.lines()
    live.check_no_mismatch(p.run())
    check(p.lines() == lines, "reading all of it once more adds something")


def a_sink_that_fails_is_an_alert_on_the_others_until_it_delivers_again():
    slow = {"type": "sqlite", "path": "alerts.db", "fails_after": "1s", "timeout": "100ms",
            "retry": {"first": "50ms", "max": "200ms"}}
    with vigil.MockBroker(f"{TOPIC}:1") as broker, \
         vigil.Pipeline(config(broker, other=slow)) as p:
        feed(broker, range(4))
        with Live(p) as run:
            until("its tables", lambda: rows_of(p) == len(p.lines()) == 4)
            with locked(p):
                feed(broker, range(4, 10))
                start = until("the alert", lambda: told(p, "delivery_failing", "start"))[0]
                check(start["priority"] == "medium" and start["kind"] == "technical" and
                      start["text"] == "sink other has accepted no alerts for 1s; they wait",
                      f"other words: {start}")
                check("patient" not in start and start["title"] == "Alerts do not reach everybody",
                      f"other words: {start}")
            end = until("the end", lambda: told(p, "delivery_failing", "end"))[0]
            check(end["episode_id"] == start["episode_id"], "another episode")
            until("all in the other sink", lambda: rows_of(p) == len(p.lines()))
            said = run.stop()
            check("other: " in said and "failed attempts" in said, f"no figures at the end: {said}")
        check(len(told(p, "delivery_failing", "start")) == 1, "told twice")
        check_repeats(p)


def rows_of(p):
    try:
        with contextlib.closing(sqlite3.connect(f"file:{p.data}/alerts.db?mode=ro", uri=True)) as db:
            return db.execute("select count(*) from alert_event").fetchone()[0]
    except sqlite3.OperationalError:  # not made yet
        return -1


@contextlib.contextmanager
def locked(p):
    """Somebody else holds the database of the sink."""
    with contextlib.closing(sqlite3.connect(p.data / "alerts.db", isolation_level=None)) as db:
        db.execute("begin immediate")
        yield
        db.execute("rollback")


def old_news_is_told_though_vigil_is_killed_behind_it():
    pager = {"type": "sqlite", "path": "alerts.db", "max_age": "1m"}
    with vigil.MockBroker(f"{TOPIC}:1") as broker, \
         vigil.Pipeline(config(broker, pager=pager)) as p:
        feed(broker, range(8))  # of years ago
        passed = live.outbox_has(p, "select coalesce(max(seq), 0) from cursor where sink = 'pager'", 8)
        with Live(p) as run:
            until("the cursor behind them", passed)
            run.kill()
        with Live(p) as run:
            start = until("the summary", lambda: told(p, "passed_over", "start"))[0]
            check(start["text"].startswith("8 alerts older than 1m were not sent to pager, "),
                  f"{start}")
            urgent = until("the urgent ones", lambda: told(p, "delivery_lost", "start"))[0]
            check(urgent["priority"] == "high" and "priority high older than 1m" in urgent["text"],
                  f"{urgent}")
            run.stop()
        check(len(told(p, "passed_over", "start")) == 1, "told twice")
        live.check_no_duplicates(p)


def letters(p):
    return p.outbox('select "offset", idx, reason, state, attempts from dead_letter'
                    ' order by "offset", idx')


def what_could_not_be_read_is_tried_again_in_order_and_once():
    good = json.dumps({"patient": SECRET, "time": vigil.START_MS, "spo2": 80})
    with vigil.MockBroker(f"{TOPIC}:1") as broker, vigil.Pipeline(config(broker)) as p:
        feed(broker, range(4))
        vigil.produce(broker.bootstrap, TOPIC,
                      [(0, vigil.START_MS + 4000, SECRET, '{"patient":"%s","spo2":' % SECRET),
                       (0, vigil.START_MS + 4000, SECRET, '{"patient":"other","spo2":80}')])
        feed(broker, range(50, 54))  # what came before is older than late_after
        with Live(p) as run:
            until("two letters", lambda: (p.data / "outbox.db").exists() and len(letters(p)) == 2)
            out = dlq(p, "list")
            check("0/4 " in out and "malformed" in out and "identity_mismatch" in out, out)
            check(SECRET not in out + dlq(p, "show"), "an identifier is shown")
            check(SECRET in dlq(p, "show", "0/4", "--show-payload"), "the payload is not shown")
            dlq(p, "retry", expect=2)
            check(dlq(p, "retry", "--all") == "1 messages, 0 events\n", "the wrong key is tried again")
            until("it failed again", lambda: letters(p)[0][3:] == (0, 2))
            # As if the decoder could read it by now.
            with contextlib.closing(sqlite3.connect(p.data / "outbox.db")) as db, db:
                db.execute("update dead_letter set bytes = ? where \"offset\" = 4", [good.encode()])
            dlq(p, "retry", "0/4")
            until("it went through", lambda: letters(p)[0][3:] == (2, 3))
            check(letters(p)[1] == (5, 0, "identity_mismatch", 0, 1), f"the other: {letters(p)}")
            feed(broker, range(60, 64))
            until("the rows", lambda: len(told(p, "spo2_low", "start")) == 6)
            run.stop()
        check(SECRET not in b"".join(p.lines()).decode(), "a row of long ago is an alert of now")
        check("0/4" not in dlq(p, "list") and "0/4" in dlq(p, "list", "--done"), "done is not done")
        check_repeats(p)


def letters_are_exported_and_purged_and_that_is_recorded():
    with vigil.MockBroker(f"{TOPIC}:1") as broker, vigil.Pipeline(config(broker)) as p:
        vigil.produce(broker.bootstrap, TOPIC,
                      [(0, vigil.START_MS, "x", b"\xff" + bytes([i % 256])) for i in range(300)])
        p.run()
        out = p.data / "letters.ndjson"
        check(dlq(p, "export", "--out", out, "--shard", "0") == "300 messages, 0 events\n", "export")
        check(out.stat().st_mode & 0o777 == 0o600, "others may read it")
        lines = [json.loads(line) for line in out.read_text().splitlines()]
        check(base64.b64decode(lines[7]["payload"]) == b"\xff\x07", f"other bytes: {lines[7]}")
        dlq(p, "export", "--out", out, expect=74)
        dlq(p, "purge", "--all", expect=2)
        check(dlq(p, "purge", "0/7/1", "--yes") == "0 messages, 0 events\n", "no such row")
        check(dlq(p, "purge", "0/7", "--yes") == "1 messages, 0 events\n", "one by its ID")
        check(dlq(p, "purge", "--reason", "limits", "--yes") == "0 messages, 0 events\n", "reason")
        check(dlq(p, "purge", "--since", "1h", "--yes") == "299 messages, 0 events\n", "the rest")
        check(dlq(p, "list", "nonsense", expect=2) == "", "no ID")
        done = p.outbox("select action, letters, uid from dlq_action order by id")
        check(done == [("export", 300, os.getuid()), ("purge", 1, os.getuid()),
                       ("purge", 299, os.getuid())], f"recorded: {done}")


def a_full_disk_is_told_in_space_kept_for_that_and_all_goes_on_when_there_is_space():
    with vigil.MockBroker(f"{TOPIC}:1") as broker, SmallDisk("40m") as disk:
        if not disk:
            return
        p = vigil.Pipeline(config(broker), disk)
        feed(broker, range(10))
        with Live(p) as run:
            until("the first", lambda: len(p.lines()) == 10)
            reserve = p.data / "reserve"
            check(reserve.stat().st_size == 8 << 20, "no reserve")
            fill(disk / "ballast")
            feed(broker, range(10, 1000))
            start = until("the alert", lambda: told(p, "delivery_lost", "start"))[0]
            check("is full" in start["text"] and start["priority"] == "high", f"{start}")
            check(not reserve.exists(), "the reserve is kept")
            (disk / "ballast").unlink()
            until("the end", lambda: told(p, "delivery_lost", "end"))
            until("all", lambda: len(told(p, "spo2_low", "start")) == 500)
            check(reserve.exists(), "nothing is reserved again")
            run.stop()
        live.check_no_duplicates(p)
        live.check_no_mismatch(p.run())


def a_disk_that_breaks_ends_the_run_with_75_and_the_next_goes_on_with_what_is_there():
    with vigil.MockBroker(f"{TOPIC}:1") as broker, vigil.Pipeline(config(broker)) as p:
        feed(broker, range(10))
        broken = p.folder / "broken"
        with Live(p, env=breaking(VIGIL_BROKEN_DISK=broken)) as run:
            until("the first", lambda: len(p.lines()) == 10)
            broken.touch()
            feed(broker, range(10, 20))
            code = run.wait()
            check(code == 75, f"exit {code}: {run.said}")
            check("start again" in run.said, run.said)
        live.check_no_mismatch(p.run())
        check(len(told(p, "spo2_low", "start")) == 10, "an event is missing")
        live.check_no_duplicates(p)


if __name__ == "__main__":
    vigil.main(a_sink_that_fails_is_an_alert_on_the_others_until_it_delivers_again,
               old_news_is_told_though_vigil_is_killed_behind_it,
               what_could_not_be_read_is_tried_again_in_order_and_once,
               letters_are_exported_and_purged_and_that_is_recorded,
               a_full_disk_is_told_in_space_kept_for_that_and_all_goes_on_when_there_is_space,
               a_disk_that_breaks_ends_the_run_with_75_and_the_next_goes_on_with_what_is_there)
