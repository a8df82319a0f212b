#!/usr/bin/env python3
"""The SQL sinks: every event is a row, once and in order, whatever happens to Vigil and the server."""
import contextlib
import pathlib
import sqlite3
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import delivery
import postgres
import vigil
from disk import SmallDisk, breaking, full, switched_on
from live import Live, until
from vigil import check

ROWS = "select body from alert_event order by seq"


def every_event_is_a_row_of_postgres_through_crashes():
    with postgres.Postgres() as server:
        def arrived():
            try:
                return [body for body, in server.sql(ROWS)]
            except subprocess.CalledProcessError:
                return []  # there are no tables yet

        @contextlib.contextmanager
        def down(how):
            with server.down(how):
                yield lambda run: run.wait_line(b"trying again")

        @contextlib.contextmanager
        def hanging():
            with server.hanging():
                yield lambda run: run.wait_line(b"did not")
        delivery.storm({"type": "postgres", "connection": server.connection, "timeout": "400ms"},
                       arrived, [lambda: down("fast"), lambda: down("immediate"), hanging],
                       repeats=False)
        check(server.sql("select count(distinct outbox) from alert_cursor") == [["1"]],
              "the cursor of the sink is missing")


def every_event_is_a_row_of_sqlite_through_crashes():
    with SmallDisk("32m") as small, tempfile.TemporaryDirectory() as other:
        path = (small or pathlib.Path(other)) / "alerts.db"
        broken, read_only = pathlib.Path(f"{other}/broken"), pathlib.Path(f"{path.parent}.ro")

        def ask(sql):
            with sqlite3.connect(path) as db:
                return db.execute(sql).fetchall()

        def arrived():
            try:
                return [body for body, in ask(ROWS)]
            except sqlite3.OperationalError:
                return []

        @contextlib.contextmanager
        def locked():
            with sqlite3.connect(path, isolation_level=None) as db:
                db.execute("begin exclusive")
                yield lambda run: run.wait_line(b"database is locked")
                db.execute("rollback")
        faults = [locked, lambda: switched_on(broken, b"disk I/O error"),
                  lambda: switched_on(read_only, b"disk I/O error")]
        if small:
            faults.append(lambda: full(small))  # its log may have room from before
        delivery.storm({"type": "sqlite", "path": str(path), "timeout": "100ms"}, arrived, faults,
                       repeats=False, env=breaking(VIGIL_BROKEN_DISK=broken, VIGIL_BROKEN_FILE=path,
                                                   VIGIL_READ_ONLY=read_only))


def a_row_that_the_database_refuses_is_set_aside_alone():
    with postgres.Postgres() as server, vigil.MockBroker(f"{delivery.TOPIC}:2") as broker, \
            vigil.Pipeline(delivery.config(broker, {
                "tested": {"type": "postgres", "connection": server.connection}})) as p:
        delivery.feed(broker, 0, 4)
        p.run()
        server.sql("create function refuse() returns trigger language plpgsql as "
                   "$$ begin raise exception 'not this one'; end $$;"
                   "create trigger t before insert on alert_event for each row when "
                   "(new.patient = 'p-3' and new.phase = 'start') execute function refuse()")
        delivery.feed(broker, 4, 4)
        said = p.run()
        check("not this one" in said, f"the refusal is not told: {said}")
        check(server.sql("select patient, phase, count(*) from alert_event where time >= "
                         "'2026-01-01T00:00:04Z' and patient in ('p-2', 'p-3') "
                         "group by 1, 2 order by 1, 2")
              == [["p-2", "end", "2"], ["p-2", "start", "2"], ["p-3", "end", "2"]],
              "other events than the refused ones are missing")


def tables_of_a_newer_version_are_left_alone():
    with postgres.Postgres() as server, vigil.MockBroker(f"{delivery.TOPIC}:2") as broker, \
            vigil.Pipeline(delivery.config(broker, {
                "tested": {"type": "postgres", "connection": server.connection}})) as p:
        delivery.feed(broker, 0, 2)
        p.run()
        server.sql("update alert_schema set version = 99")
        delivery.feed(broker, 2, 2)
        with Live(p) as run:
            run.wait_line(b"version 99")
            until("the other sinks go on", lambda: len(p.lines()) == 4 * delivery.PATIENTS)
            run.kill()
        check(server.sql("select count(*) from alert_event") == [[str(2 * delivery.PATIENTS)]],
              "rows were written to tables that this program does not know")


if __name__ == "__main__":
    if not postgres.programs():
        vigil.skip("PostgreSQL is not installed (scripts/install-deps.sh test)")
    vigil.main(every_event_is_a_row_of_postgres_through_crashes,
               every_event_is_a_row_of_sqlite_through_crashes,
               a_row_that_the_database_refuses_is_set_aside_alone,
               tables_of_a_newer_version_are_left_alone)
