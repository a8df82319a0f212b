#!/usr/bin/env python3
"""Rows are shown as they pass a stage, whole and in order, and who looks on never holds the chain up."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import vigil
from feeder import Feeder
from http_client import TOKEN, Server, settings
from live import Live, record, until
from vigil import check

TOPIC = "vitals.raw"
RATE = 400


class Watched:
    """A pipeline that runs, and `vigil tap` on it."""

    def __init__(self, folder, broker, models):
        config = vigil.sedation_config(broker.bootstrap, http=settings(token=TOKEN))
        if models:
            vigil.add_models(config)
        else:
            config["stages"].insert(1, {"type": "resample", "tick": "5s"})
        self.pipeline = folder.enter_context(vigil.Pipeline(config))
        self.run = folder.enter_context(Live(self.pipeline))
        self.server = Server(self.run)

    def command(self, stage, *options):
        return [vigil.VIGIL, "tap", self.pipeline.path, stage, "--at",
                f"127.0.0.1:{self.server.port}", *options]

    def tap(self, stage, *options, expect=0):
        done = subprocess.run(self.command(stage, *options), capture_output=True, text=True,
                              timeout=60)
        check(done.returncode == expect, f"tap {stage} {options}: exit {done.returncode}, expected "
                                         f"{expect}: {done.stdout[-500:]}{done.stderr[-2000:]}")
        return done

    def rows(self, stage, *options):
        return [json.loads(line) for line in
                self.tap(stage, "--format", "json", *options).stdout.splitlines()]


@contextlib.contextmanager
def watched(models=False):
    with contextlib.ExitStack() as folder:
        broker = folder.enter_context(vigil.MockBroker(f"{TOPIC}:2"))
        yield Watched(folder, broker, models), broker


def rows_of_a_patient_come_in_order_with_what_was_asked_for():
    with watched() as (w, broker), Feeder(broker.bootstrap, TOPIC, RATE, beds=True):
        rows = w.rows("clean", "--patient", "p-3", "--columns", "patient,bed,kind,partition",
                      "--columns", "offset,spo2", "--limit", "12")
        check(len(rows) == 12, rows)
        for row in rows:
            check({**row, "offset": 0, "spo2": 0} == {
                "patient": "p-3", "bed": "icu-1/03", "kind": "sample", "partition": 1,
                "offset": 0, "spo2": 0}, row)
            check(row["spo2"] in ({"value": n, "unit": "%", "quality": "good"} for n in (80, 95)),
                  row)
        offsets = [row["offset"] for row in rows]
        # Eight patients in two partitions: each fourth record of its partition.
        check(offsets == list(range(offsets[0], offsets[0] + 48, 4)), offsets)
        rows = w.rows("resample", "--kind", "tick", "--bed", "icu-1/05", "--limit", "3",
                      "--columns", "event,bed,kind,values,age")
        check(all(row["kind"] == "tick" and row["bed"] == "icu-1/05" and
                  row["values"]["spo2"]["quality"] in ("good", "imputed") and row["age"]["spo2"] >= 0
                  for row in rows), rows)
        table = w.tap("alert", "--channel", "spo2", "--limit", "2").stdout.splitlines()
        check(table[0].split() == ["event", "bed", "kind", "values"] and len(table) == 3
              and "spo2" in table[1], table)


def what_models_add_has_names_and_units():
    with watched(models=True) as (w, broker), Feeder(broker.bootstrap, TOPIC, 10 * RATE):
        rows = w.rows("alert", "--kind", "tick", "--limit", "100", "--columns",
                      "z.spo2,forecast,forecast.spo2,anomaly_score")
        told = [row for row in rows if row["forecast"] is not None]
        check(told, f"no forecast in {rows[-1]}")
        for row in told:
            spo2, rr = row["forecast"]["spo2"], row["forecast"]["rr"]
            at = spo2["10m"]
            check(row["forecast.spo2"] == {"spo2": spo2} and spo2["unit"] == "%", row)
            check(at["0.05"] <= at["0.5"] <= at["0.95"], row)
            check(rr["unit"] == "/min" and rr["1m"]["0.5"] is None, row)  # which nobody measures here


def each_nth_row_of_a_patient_is_shown():
    with watched() as (w, broker), Feeder(broker.bootstrap, TOPIC, RATE):
        rows = w.rows("clean", "--patient", "p-2", "--sample", "10", "--limit", "4",
                      "--columns", "offset")
        steps = {b["offset"] - a["offset"] for a, b in zip(rows, rows[1:])}
        check(len(rows) == 4 and steps == {40}, rows)


def what_is_asked_for_wrongly_is_said_with_what_there_is():
    with watched() as (w, _):
        for options, said in (
                (("claen",), 'no stage "claen"; the pipeline has clean, resample, alert'),
                (("clean", "--columns", "sp02"), 'no column "sp02", did you mean "spo2"?'),
                (("clean", "--columns", "age"), "stage resample adds it"),
                (("clean", "--channel", "heart"), 'no vital sign "heart"'),
                (("clean", "--kind", "samples"), "there are sample, tick, shard, command, clock"),
                (("resample", "--columns", "age.hr2"), "expected a vital sign")):
            check(said in w.tap(*options, expect=2).stderr, f"{options}: not {said}")
        check(w.server.ask("/api/v1/tap", "POST", '{"stage":"clean"}',
                           Content_Type="application/json")[0] == 401, "rows without a token")
        check(w.server.ask("/api/v1/tap", "POST", '{"stage":"clean","evry":1}', Content_Type=
                           "application/json", Authorization=f"Bearer {TOKEN}")[0] == 400, "evry")


def who_takes_nothing_loses_rows_and_holds_nobody_up():
    rows = 25000
    with watched() as (w, broker):
        shown = w.pipeline.folder / "shown"
        with shown.open("wb") as file:
            tap = subprocess.Popen(w.command("clean"), stdout=file, stderr=subprocess.PIPE)
        try:
            with Feeder(broker.bootstrap, TOPIC, RATE):
                until("the tap has begun", lambda: shown.stat().st_size)
            os.kill(tap.pid, signal.SIGSTOP)
            vigil.produce(broker.bootstrap, TOPIC, [
                record(0, 100 + i / 100, "p-x", spo2=80) for i in range(rows)])
            state = lambda: json.loads(w.server.page("/api/v1/status",
                                                     Authorization=f"Bearer {TOKEN}"))
            until("all rows pass", lambda: state()["rows"] >= rows and not any(
                stage["waiting_frames"] for stage in state()["stages"]))
            os.kill(tap.pid, signal.SIGCONT)
            said = vigil.read_line(tap.stderr, until=b"were lost").decode()
            lost, passed = (int(word) for word in said.split() if word.isdigit())
            check(lost > 1000 and passed > lost, said)  # so far; a slow machine tells before all have passed
            os.kill(tap.pid, signal.SIGTERM)
            tap.communicate(timeout=30)
            check(tap.returncode == 0, f"exit {tap.returncode}")
        finally:
            tap.kill()
            tap.communicate()


def the_end_of_the_pipeline_is_the_end_of_the_tap():
    with watched() as (w, broker):
        with subprocess.Popen(w.command("clean"), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as tap:
            with Feeder(broker.bootstrap, TOPIC, RATE):
                tap.stdout.readline()
            w.run.stop()
            said = tap.communicate(timeout=30)[1].decode()
        check(tap.returncode == 69 and "went away" in said, f"exit {tap.returncode}: {said}")
        check("does not answer" in w.tap("clean", expect=69).stderr, "nobody is there")


if __name__ == "__main__":
    vigil.main(rows_of_a_patient_come_in_order_with_what_was_asked_for,
               what_models_add_has_names_and_units, each_nth_row_of_a_patient_is_shown,
               what_is_asked_for_wrongly_is_said_with_what_there_is,
               who_takes_nothing_loses_rows_and_holds_nobody_up,
               the_end_of_the_pipeline_is_the_end_of_the_tap)
