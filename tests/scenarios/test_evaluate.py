#!/usr/bin/env python3
"""vigil evaluate as a user meets it: what is judged, what is refused, and the pages it writes."""
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


def a_page_that_cannot_be_written_is_said_before_the_work():
    with tempfile.TemporaryDirectory() as folder:
        for page, why in ((folder, "it is a folder"), (f"{folder}/no/page.html", "No such file")):
            said = call("evaluate", "forecast", *FORECASTER, "--data", "simulator:patients=2000",
                        "--report", page, expect=74).stderr
            check(f"{page} cannot be written" in said and why in said, said)


if __name__ == "__main__":
    vigil.main(forecasts_are_judged_only_where_something_was_measured,
               what_forecasts_nothing_is_refused,
               a_page_that_cannot_be_written_is_said_before_the_work)
