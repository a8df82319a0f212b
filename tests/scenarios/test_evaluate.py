#!/usr/bin/env python3
"""vigil evaluate as a user meets it: what is judged, what is refused, and the pages it writes."""
import html.parser
import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import vigil
from vigil import check

SHIPPED = vigil.ROOT / "configs/models"
FORECASTER = ["--model", SHIPPED / "forecast.safetensors"]
NO_DEVICE = "Vigil is not a medical device"
# Nine scenarios of a day and a half are seconds, but a minute with every access checked; what is
# beneath has tests of its own.


def call(*arguments, expect=0):
    done = subprocess.run([vigil.VIGIL, *map(str, arguments)], capture_output=True, text=True,
                          timeout=vigil.TIMEOUT_S)
    check(done.returncode == expect,
          f"vigil {arguments}: exit {done.returncode}, expected {expect}\n{done.stderr}")
    return done


def forecasts_are_judged_only_where_something_was_measured():
    said = call("evaluate", "forecast", *FORECASTER, "--data", "simulator:patients=2,duration=10m",
                "--resamples", "10")
    check("hr            1m       36" in said.stdout and NO_DEVICE not in said.stdout, said.stdout)
    check(said.stderr.count(NO_DEVICE) == 1, said.stderr)
    said = call("evaluate", "forecast", *FORECASTER, "--data", "simulator:patients=2,duration=1m",
                "--resamples", "10", expect=1)
    check("nothing to judge by" in said.stderr and not said.stdout, said.stderr)


def what_forecasts_nothing_is_refused():
    for name in ("autoencoder", "detector"):
        said = call("evaluate", "forecast", "--model", SHIPPED / f"{name}.safetensors", "--data",
                    "simulator:patients=2,duration=10m", expect=78).stderr
        check(f"of type {name}; expected a forecaster" in said, said)


def alerts_are_counted_the_same_with_any_workers():
    few = ["evaluate", "alerts", "--config", vigil.ROOT / "configs/sedation.yaml", "--normals", "2",
           "--patients", "0", "--progress", "none"]
    with tempfile.TemporaryDirectory() as folder:
        page = pathlib.Path(folder) / "alerts.html"
        said = call(*few, "--json", "--workers", "1", "--report", page)
        check(said.stderr.count(NO_DEVICE) == 1, said.stderr)
        check(call(*few, "--json", "--workers", "2").stdout == said.stdout, "workers change figures")
        found = json.loads(said.stdout)
        check(found["patient_days"] == 2 and found["rules"]["probe_off"]["starts"] > 0, said.stdout)
        check(found["false_limits_per_day"] > 0 and found["scenarios"] == {}, said.stdout)
        check("spo2_low" in page.read_text(), "the page has no rules")
    check("spo2_low" in call(*few).stdout, "the table has no rules")


def what_alerts_cannot_be_measured_of_is_refused():
    config = ["evaluate", "alerts", "--config", vigil.ROOT / "configs/sedation.yaml"]
    check("belong together" in call(*config, "--recording", "x.csv", expect=2).stderr, "no map")
    for option in ("--normals", "--patients", "--seed", "--artefact-rate", "--workers", "--ward"):
        said = call(*config, "--recording", "x.csv", "--map", "x.yaml", option, "1", expect=2).stderr
        check(f"{option} is about simulated patients" in said and "leave out" in said, said)
    said = call(*config, "--recording", "nowhere.csv", "--map",
                vigil.ROOT / "configs/maps/sedation_capno.yaml", expect=74).stderr
    check("nowhere.csv" in said, said)
    check("cannot be written" in call(*config, "--report", "/", expect=74).stderr, "no page")
    check("no stage of type artefact" in call(*config, "--overlay", expect=78).stderr, "no gate")
    check("nowhere.yaml" in call("evaluate", "alerts", "--config", "nowhere.yaml",
                                 expect=78).stderr, "no configuration")


def a_page_that_cannot_be_written_is_said_before_the_work():
    with tempfile.TemporaryDirectory() as folder:
        for page, why in ((folder, "it is a folder"), (f"{folder}/no/page.html", "No such file")):
            said = call("evaluate", "forecast", *FORECASTER, "--data", "simulator:patients=2000",
                        "--report", page, expect=74).stderr
            check(f"{page} cannot be written" in said and why in said, said)


def a_trained_file_of_risk_needs_to_be_one_and_a_map():
    data = ["--data", "stays=x,outcomes=y"]
    ridge = ["--model", SHIPPED / "ridge.safetensors"]
    hourly = vigil.ROOT / "configs/train/risk_physionet2019.yaml"
    of_2012 = ["--map", vigil.ROOT / "configs/maps/physionet2012.yaml"]
    for arguments, code, why in (
            (data, 2, "either --config or --model"),
            ([*data, *ridge, "--config", "x"], 2, "either --config or --model"),
            ([*data, *ridge], 2, "--model needs --map"),
            ([*data, *of_2012, "--config", "x"], 2, "are for --model"),
            ([*data, *ridge, *of_2012, "--folds", "1"], 2, "--folds 1"),
            ([*data, *of_2012, "--model", "nowhere"], 78, "nowhere: cannot be opened"),
            (["--data", f"stays={__file__}", "--config", hourly], 74, ".psv file for each stay")):
        said = call("evaluate", "risk", *arguments, expect=code).stderr
        check(why in said, said)


def a_model_of_another_kind_is_named_with_what_was_expected():
    one = ["--patients", "1", "--normals", "1"]
    file = lambda name: SHIPPED / f"{name}.safetensors"
    for verb, why in (
            (["evaluate", "anomaly", "--window", file("forecast"), *one], "expected an autoencoder"),
            (["evaluate", "anomaly", "--window", file("autoencoder"), "--against", file("ridge"), *one],
             "expected an autoencoder"),
            (["evaluate", "anomaly", "--detector", file("ridge"), "--fast", file("forecast"), *one],
             "`vigil train detector`"),
            (["evaluate", "anomaly", "--detector", file("detector"), "--fast", file("pca"), *one],
             "--fast"),
            (["train", "detector", "--fast", file("forecast"), "--window", file("ridge"), "--out",
              "/tmp/no"], "--window"),
            (["train", "detector", "--slow", file("autoencoder"), "--out", "/tmp/no"],
             "expected a forecaster")):
        said = call(*verb, expect=78).stderr
        check(why in said and "is of type" in said, said)
    risk = vigil.ROOT / "tests/unit/golden/risk.safetensors"
    for verb in (["train", "detector", "--fast", risk, "--out", "/tmp/no"],
                 ["evaluate", "forecast", "--model", risk, "--data", "simulator:patients=1"]):
        said = call(*verb, expect=78).stderr
        check("type risk" in said and "expected a forecaster" in said, said)


def what_would_be_ignored_is_refused():
    simulated = ["--data", "simulator:patients=1"]
    for arguments, why in (
            (["forecast", *FORECASTER, *simulated, "--set", "fit.epochs=1"], "--set"),
            (["forecast", *FORECASTER, *simulated, "--json=1"], "--json takes no value"),
            (["forecast", *FORECASTER, "--config", "x"], "only one"),
            (["anomaly", "--against", SHIPPED / "pca.safetensors"], "--window, which is missing"),
            (["anomaly", "--gate", "--fast", SHIPPED / "pca.safetensors"], "--detector, which"),
            (["anomaly"], "nothing to measure")):
        said = call("evaluate", *arguments, expect=2).stderr
        check(why in said, said)


class Page(html.parser.HTMLParser):
    """A page that is closed as it was opened, and asks nobody for anything."""
    ALONE = {"meta", "path", "line", "rect", "circle"}

    def __init__(self, path):
        super().__init__()
        self.open, self.figures = [], 0
        text = pathlib.Path(path).read_text()
        self.feed(text)
        check(not self.open and "nan" not in text and "inf" not in text, f"{path}: {self.open}")
        check("medical device" in text, f"{path} does not say what Vigil is not")

    def handle_starttag(self, tag, attrs):
        check(not {"src", "href"} & {name for name, _ in attrs}, f"the page loads {attrs}")
        self.figures += tag == "figure"
        if tag not in self.ALONE:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.ALONE:
            check(self.open.pop() == tag, f"</{tag}> closes something else")


def a_detector_is_shown_with_all_that_was_found_of_it():
    with tempfile.TemporaryDirectory() as folder:
        page = f"{folder}/detector.html"
        said = call("evaluate", "anomaly", "--detector", SHIPPED / "detector.safetensors", "--fast",
                    SHIPPED / "forecast.safetensors", "--slow", SHIPPED / "ridge.safetensors",
                    "--window", SHIPPED / "autoencoder.safetensors", "--patients", "1",
                    "--normals", "1", "--json", "--report", page)
        found = json.loads(said.stdout)
        for one in found["detector"]["scenarios"].values():
            check(sum(one["delays"]) == one["seen"] * found["patients"], f"delays: {one}")
            check(one["seen_low"] <= one["seen"] <= one["seen_high"], f"interval: {one}")
        check(found["vus_pr"]["low"] <= found["vus_pr"]["value"] <= found["vus_pr"]["high"], "VUS-PR")
        check(Page(page).figures == 6, "a drawing is missing")
        check(said.stderr.count(NO_DEVICE) == 1, said.stderr)


if __name__ == "__main__":
    vigil.main(forecasts_are_judged_only_where_something_was_measured,
               alerts_are_counted_the_same_with_any_workers,
               what_alerts_cannot_be_measured_of_is_refused,
               what_forecasts_nothing_is_refused,
               a_page_that_cannot_be_written_is_said_before_the_work,
               a_trained_file_of_risk_needs_to_be_one_and_a_map,
               a_model_of_another_kind_is_named_with_what_was_expected,
               what_would_be_ignored_is_refused,
               *([] if vigil.SANITIZED else [a_detector_is_shown_with_all_that_was_found_of_it]))
