#!/usr/bin/env python3
"""The verbs as a user meets them: help, mistakes, exit codes, and data on standard output alone."""
import gzip
import json
import re
import subprocess
import tempfile
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import vigil
from live import Live
from vigil import check

VERBS = ["run", "validate", "test", "status", "top", "tap", "reload", "record", "whatif", "alerts", "dlq", "audit", "keygen",
         "simulate", "replay", "demo", "mock-broker", "model", "train", "evaluate", "list", "describe", "config", "schema",
         "graph", "doctor", "completion", "version"]
START = "2026-03-01T12:00:00Z"


def call(*arguments, expect=0):
    done = subprocess.run([vigil.VIGIL, *map(str, arguments)], capture_output=True, text=True,
                          timeout=vigil.TIMEOUT_S)
    check(done.returncode == expect,
          f"vigil {arguments}: exit {done.returncode}, expected {expect}\n{done.stderr}")
    return done


def rows(*arguments):
    return [json.loads(line) for line in
            call("simulate", "--to", "-", "--start", START, *arguments).stdout.splitlines()]


def every_verb_has_help():
    listed = call("--help").stdout
    for verb in VERBS:
        check(f"\n  {verb} " in listed, f"{verb} is not in vigil --help")
        text = call(verb, "--help").stdout
        check(f"vigil {verb}" in text, f"{verb} --help says {text[:80]!r}")
    check(re.findall(r"^  ([a-z-]+) ", listed, re.M) == VERBS, f"verbs that this test does not know:\n{listed}")
    check(call("help").stdout == listed, "vigil help")
    check(call("help", "config", "show").stdout == call("config", "show", "--help").stdout, "vigil help VERB")


def mistakes_are_usage_errors_with_a_suggestion():
    check('"simulate"?' in call("simulte", expect=2).stderr, "no suggestion for simulte")
    for verb in VERBS:
        done = call(verb, "--frobnicate", expect=2)
        check("frobnicate" in done.stderr and not done.stdout, f"{verb}: {done.stderr!r}")
    call(expect=2)
    call("run", expect=2)
    call("simulate", "--to", "-", "--brokers", "x", expect=2)
    call("simulate", "--to", "-", "--beds", "12", "--patients", "3", expect=2)
    call("simulate", "--to", "-", "--duration", "30m", "--days", "1", expect=2)
    call("replay", "--csv", "x", expect=2)
    for topic in ("vitals", "vitals:0", "two words:1", ":1"):
        check("vitals.raw:4" in call("mock-broker", "--topic", topic, expect=2).stderr, topic)


def the_configurations_in_the_box_are_valid():
    files = sorted((vigil.ROOT / "configs").glob("*.yaml"))
    check(len(files) >= 3, f"only {files}")
    for file in files:
        check(": ok" in call("validate", file).stdout, f"{file} is not ok")


def a_patient_of_the_demo_costs_less_than_9_kB():
    said = call("validate", vigil.ROOT / "configs/demo.yaml").stdout
    stages = re.search(r"memory of a patient: (\d+) bytes: (.*)", said)
    total, parts = int(stages[1]), [int(part.split()[1]) for part in stages[2].split(", ")]
    check(len(parts) == 7 and sum(parts) == total <= 9_000, said)


def a_wrong_configuration_is_78_for_validate_and_run():
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "wrong.yaml"
        file.write_text((vigil.ROOT / "configs/minimal.yaml").read_text()
                        .replace("topic: vitals.raw", "topik: vitals.raw"))
        for verb in ("validate", "run"):
            said = call(verb, file, expect=78).stderr
            check("wrong.yaml:" in said and "topik" in said and '"topic"' in said, said)


def nobody_there_is_69():
    call("simulate", "--brokers", "127.0.0.1:1", "--topic", "t", expect=69)


def list_and_describe_cover_the_registry():
    listed = call("list").stdout
    names = [line.split()[0] for line in listed.splitlines() if line.startswith("  ")]
    names.remove("name")  # a heading
    check("spo2" in names and "alert" in names and "kafka" in names, listed)
    whole = call("describe", "--all").stdout
    for name in [*names, "service", "source", "models", "profiles", "wards", "alert_rules",
                 "tests"]:
        said = call("describe", name).stdout
        # A source and a sink may share a name: both are shown.
        parts = re.split(r"\n(?=sink \w+: )", said)
        check(name in said and all(part in whole for part in parts), f"describe {name}")
    check("sources, decoders" in call("list", "foo", expect=2).stderr, "list foo")
    call("describe", expect=2)
    call("describe", "--markdown", expect=2)
    call("describe", "--all", "hr", expect=2)
    call("describe", "--commands", "hr", expect=2)
    call("describe", "--commands", "--events", expect=2)


def the_same_seed_gives_the_same_bytes_at_any_speed():
    def run(*more):
        return call("simulate", "--to", "-", "--start", START, "--beds", "3", "--duration", "2m",
                    "--artefact-rate", "50", *more).stdout
    check(run() == run("--speed", "200"), "speed changes the bytes")
    check(run() != run("--seed", "2"), "the seed changes nothing")


def labels_say_what_happens_to_a_population():
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "labels.ndjson"
        same = ["--patients", "20", "--days", "0.02", "--artefact-rate", "5", "--one-scenario",
                "vagal"]
        seen = rows(*same, "--labels", file)
        labels = [json.loads(line) for line in file.read_text().splitlines()]
        check(len(seen) == 20 * 1728, f"{len(seen)} rows")
        events = [x for x in labels if x["kind"] == "scenario"]
        check({x["patient"] for x in events} == {row["patient"] for row in seen}
              and {x["group"] for x in events} == {"vagal"}, f"scenarios: {events[:3]}")
        off = next(x for x in labels if x["name"] == "lead-off")
        during = [row for row in seen if row["patient"] == off["patient"]
                  and off["start"] <= row["time"] < off["end"]]
        check(during and off["channels"] == ["hr", "rr"]
              and all(row["hr"] is None for row in during), f"{off}: {during[:2]}")
        call("simulate", "--to", "-", *same[:4], "--labels", folder, expect=74)
        check('"vagal"?' in call("simulate", "--to", "-", "--one-scenario", "vagl",
                                 expect=2).stderr, "no suggestion for a group")
        call("simulate", "--to", "-", "--duration", "0", "--labels", file, expect=2)


def arrays_hold_the_same_rows_of_one_patient_each():
    single = rows("--beds", "3", "--duration", "1m")
    arrays = rows("--beds", "3", "--duration", "1m", "--rows", "7")
    check(all(len({row["patient"] for row in a}) == 1 for a in arrays), "patients are mixed")
    check(max(map(len, arrays)) == 7 and sum(map(len, arrays)) == len(single), "rows are lost")
    by_place = lambda r: (r["patient"], r["time"])
    check(sorted((r for a in arrays for r in a), key=by_place) == sorted(single, key=by_place),
          "the rows differ")


def recorded_rows_come_in_record_order_and_keep_their_digits():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        with gzip.open(folder / "a.csv.gz", "wt") as f:
            f.write("who,t,sat\nA,0,97.50\nA,2,\nB,1,90\n")
        (folder / "map.yaml").write_text("version: 1\npatient: who\nrecord_time: t\n"
                                         "channels: {spo2: sat}\n")
        out = call("replay", "--csv", folder / "a.csv.gz", "--map", folder / "map.yaml", "--to", "-",
                   "--start", START).stdout
        check(out == '{"patient":"A","time":"2026-03-01T12:00:00.000Z","spo2":97.50}\n'
                     '{"patient":"B","time":"2026-03-01T12:00:01.000Z","spo2":90}\n'
                     '{"patient":"A","time":"2026-03-01T12:00:02.000Z","spo2":null}\n', out)


def what_people_noted_is_replayed_where_they_did():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "map.yaml").write_text("version: 1\npatient: who\nrecord_time: t\n"
                                         "channels: {acvpu: avpu, gcs: gcs}\n")
        replay = lambda **more: call("replay", "--csv", folder / "a.csv", "--map",
                                     folder / "map.yaml", "--to", "-", "--start", START, **more)
        (folder / "a.csv").write_text("who,t,avpu,gcs\nA,0,V,\nA,1,,15\n")
        out = replay().stdout
        check(out == '{"patient":"A","time":"2026-03-01T12:00:00.000Z","acvpu":"V"}\n'
                     '{"patient":"A","time":"2026-03-01T12:00:01.000Z","gcs":15}\n', out)
        (folder / "a.csv").write_text("who,t,avpu,gcs\nA,0,sleepy,\n")
        done = replay(expect=1)
        check("column avpu: \"sleepy\" is not a word of that channel" in done.stderr, done.stderr)


def replay_and_simulate_deliver_every_row_to_kafka():
    with vigil.MockBroker("vitals.raw:4") as broker:
        call("simulate", "--brokers", broker.bootstrap, "--topic", "vitals.raw", "--start", START,
             "--beds", "4", "--duration", "5m", "--scenario", "apnoea@1:1m+2m")
        with vigil.Pipeline(vigil.sedation_config(broker.bootstrap)) as p:
            said = p.run()
            check("run: 1200 rows" in said, said)
            phases = [e["phase"] for e in p.events()
                      if e["rule"] == "spo2_low" and e["bed"] == "icu-a/01"]
            check(phases and phases[0] == "start", f"the apnoea gave {phases}")


def the_example_of_the_alert_rules_page_is_true():
    """docs/alert-rules.md: the rule that it shows, fed with the rows that it describes."""
    page = (vigil.ROOT / "docs/alert-rules.md").read_text().split("## An example\n")[1]
    rule, told = page.split("```yaml\n")[1].split("```\n")[0::2]
    value = lambda s: 97 if s < 10 else 89 if s < 25 else 86 if s < 55 else 91 if s < 75 else 93
    with vigil.MockBroker("t:1") as broker, tempfile.TemporaryDirectory() as folder:
        noon_ms = 1772366400000  # 2026-03-01T12:00:00Z
        vigil.produce(broker.bootstrap, "t", [
            (0, noon_ms + 1000 * s, "p-1", {"patient": "p-1", "bed": "icu-a/01", "spo2": value(s),
                                            "time": noon_ms + 1000 * s})
            for s in range(131) if not 55 <= s < 70])
        config = vigil.sedation_config(broker.bootstrap, "t", data_dir=f"{folder}/data")
        del config["alert_rules"]
        config["sinks"] = {"terminal": {"type": "console"}}
        file = pathlib.Path(folder) / "example.yaml"
        indented = "".join(f"  {line}\n" for line in rule.splitlines())
        sections = "".join(f"{key}: {json.dumps(value)}\n" for key, value in config.items())
        file.write_text(f"{sections}alert_rules:\n{indented}")
        said = call("run", file, "--until-end").stdout
        check(said == told, f"the page says\n{told}\nvigil says\n{said}")


def a_ward_that_nobody_has_is_refused_with_the_reason_alone():
    with vigil.MockBroker("t:1") as broker, tempfile.TemporaryDirectory() as folder:
        publish, control = f"ipc://{folder}/publish", f"ipc://{folder}/control"
        config = vigil.sedation_config(broker.bootstrap, "t")
        config["sinks"]["ward"] = {"type": "zeromq", "publish": publish, "control": control}
        with vigil.Pipeline(config) as p, Live(p):
            said = call("alerts", "--connect", publish, "--control", control, "--ward", "nowhere",
                        "--timeout", "1s", expect=1).stderr
            check("unknown_ward" in said and "is `vigil run` running" not in said, said)


def the_demo_shows_what_it_promises():
    said = call("demo", vigil.ROOT / "configs/demo.yaml", "--seconds", "24").stdout
    check("MISSING" not in said and said.count("  seen ") == 4, said)


if __name__ == "__main__":
    vigil.main(the_demo_shows_what_it_promises, nobody_there_is_69,  # they wait, and the others are quick
               every_verb_has_help, mistakes_are_usage_errors_with_a_suggestion,
               the_configurations_in_the_box_are_valid,
               a_patient_of_the_demo_costs_less_than_9_kB,
               a_wrong_configuration_is_78_for_validate_and_run,
               list_and_describe_cover_the_registry,
               the_same_seed_gives_the_same_bytes_at_any_speed,
               labels_say_what_happens_to_a_population,
               arrays_hold_the_same_rows_of_one_patient_each,
               recorded_rows_come_in_record_order_and_keep_their_digits,
               what_people_noted_is_replayed_where_they_did,
               replay_and_simulate_deliver_every_row_to_kafka,
               the_example_of_the_alert_rules_page_is_true,
               a_ward_that_nobody_has_is_refused_with_the_reason_alone, at_once=3)
