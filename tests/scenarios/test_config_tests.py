#!/usr/bin/env python3
"""`vigil test` as a user meets it: the shipped configurations pass, a wrong expectation says why not."""
import json
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import vigil
from vigil import check

CONFIGS = sorted((vigil.ROOT / "configs").glob("*.yaml"))
MINIMAL = vigil.ROOT / "configs/minimal.yaml"


def call(*arguments, expect=0):
    done = subprocess.run([vigil.VIGIL, "test", *map(str, arguments)], capture_output=True,
                          text=True, timeout=vigil.TIMEOUT_S)
    check(done.returncode == expect, f"vigil test {arguments}: exit {done.returncode}, expected "
                                     f"{expect}\n{done.stdout}\n{done.stderr}")
    return done


def wrong(folder, old='{at: 10s, rule: spo2_low', new='{at: 12s, tolerance: 1s, rule: spo2_low'):
    file = pathlib.Path(folder) / "wrong.yaml"
    text = MINIMAL.read_text()
    check(text.count(old) == 1, f"{old!r} is not in {MINIMAL}")
    file.write_text(text.replace(old, new))
    return file


def every_shipped_configuration_passes_and_sees_each_of_its_rules_start():
    check(len(CONFIGS) >= 3, f"only {CONFIGS}")
    said = call("--min-coverage", 100, *CONFIGS)
    check(" 0 failed" in said.stdout and not said.stderr, said.stdout + said.stderr)


def the_same_configurations_give_the_same_bytes():
    check(call("--json", *CONFIGS).stdout == call("--json", *CONFIGS).stdout, "they differ")


def a_wrong_expectation_fails_and_shows_what_happened_instead():
    with tempfile.TemporaryDirectory() as folder:
        said = call(wrong(folder), expect=1).stdout
        lines = [" ".join(line.split()) for line in said.splitlines()]
        for line in ("- 12s spo2_low start ±1s, priority: high, limit.low: 90 (line 51)",
                     "start came at 10s, expected 12s ±1s",
                     "+ 10s spo2_low start high SpO2 86 % below 90 % for 10 s",
                     "3 tests, 1 failed"):
            check(line in lines, f"{line!r} is not in:\n{said}")


def the_outcome_is_there_for_machines():
    with tempfile.TemporaryDirectory() as folder:
        xml = pathlib.Path(folder) / "report.xml"
        said = json.loads(call("--json", "--junit", xml, wrong(folder), MINIMAL, expect=1).stdout)
        suites = ElementTree.parse(xml).getroot()
        check(said["tests"] == 6 and said["failed"] == 1, said)
        failed = [t for c in said["configs"] for t in c["tests"] if not t["passed"]]
        check([f["why"] for f in failed[0]["failures"] if "why" in f]
              == ["start came at 10s, expected 12s ±1s"], failed)
        check(failed[0]["events"][0]["event"]["rule"] == "spo2_low", failed)
        check(said["configs"][1]["rules"] == {"spo2_low": True, "no_data": True}, said)
        check([(s.get("tests"), s.get("failures")) for s in suites] == [("3", "1"), ("3", "0")],
              "counts in the XML")
        failure = suites[0][0][0]
        check(failure.tag == "failure" and "came at 10s" in failure.get("message")
              and "+        10s" in failure.text, ElementTree.tostring(suites))


def a_part_of_the_tests_can_be_run():
    with tempfile.TemporaryDirectory() as folder:
        check("1 test, 0 failed" in call("--filter", "silent", wrong(folder)).stdout, "filter")
        check("no test has such a name" in call("--filter", "xyz", MINIMAL, expect=1).stderr, "none")


def what_is_not_tested_is_not_taken_for_tested():
    with tempfile.TemporaryDirectory() as folder:
        none = pathlib.Path(folder) / "none.yaml"
        none.write_text(MINIMAL.read_text().split("\ntests:")[0] + "\n")
        check("has no tests" in call(none, MINIMAL, expect=1).stderr, "no tests")
        part = pathlib.Path(folder) / "part.yaml"
        part.write_text(MINIMAL.read_text().split("  - name: a silent bed")[0])
        check("not: no_data" in call(part).stdout, "the rule that nothing starts")
        check("1 of 2" in call("--min-coverage", 51, part, expect=1).stderr, "coverage")
        call("--min-coverage", 50, part)


def a_wrong_configuration_is_78_before_anything_runs():
    with tempfile.TemporaryDirectory() as folder:
        said = call(MINIMAL, wrong(folder, new="{at: 10s, rule: spo2_lo"), expect=78)
        check("51:" in said.stderr and '"spo2_low"?' in said.stderr and not said.stdout, said)
        model = pathlib.Path(folder) / "model.yaml"
        model.write_text((vigil.ROOT / "configs/demo.yaml").read_text())
        said = call(model, expect=78).stderr
        check("forecast.safetensors" in said and "model.yaml:" in said, said)
        call(pathlib.Path(folder) / "absent.yaml", expect=78)


def a_report_that_cannot_be_written_is_74():
    call("--junit", "/nowhere/report.xml", MINIMAL, expect=74)


if __name__ == "__main__":
    vigil.main(every_shipped_configuration_passes_and_sees_each_of_its_rules_start,
               the_same_configurations_give_the_same_bytes,
               a_wrong_expectation_fails_and_shows_what_happened_instead,
               the_outcome_is_there_for_machines, a_part_of_the_tests_can_be_run,
               what_is_not_tested_is_not_taken_for_tested,
               a_wrong_configuration_is_78_before_anything_runs,
               a_report_that_cannot_be_written_is_74)
