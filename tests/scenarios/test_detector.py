#!/usr/bin/env python3
"""vigil train detector and evaluate anomaly, with the models that are shipped.

The short form is about the same bytes, honest errors and figures that make sense; VIGIL_LONG=1 holds
the shipped detector to its figures on 200 patients of each scenario.
"""
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import vigil
from vigil import check

SHIPPED = vigil.ROOT / "configs/models"
FAST, SLOW = ["--fast", SHIPPED / "forecast.safetensors"], ["--slow", SHIPPED / "ridge.safetensors"]
WINDOW = ["--window", SHIPPED / "autoencoder.safetensors"]


def run(*arguments, expect=0):
    timeout_s = 3600 if os.environ.get("VIGIL_LONG") else vigil.TIMEOUT_S
    done = subprocess.run([vigil.VIGIL, *arguments, "--progress", "none"], capture_output=True,
                          text=True, timeout=timeout_s)
    check(done.returncode == expect, f"vigil {arguments[0]} {arguments[1]}: exit "
          f"{done.returncode}, expected {expect}\n{done.stderr[-2000:]}")
    return done


def evaluate(*arguments):
    said = run("evaluate", "anomaly", *arguments, "--json").stdout
    return json.loads(said)


def a_detector_is_the_same_bytes_with_any_workers_and_keeps_to_its_budget():
    with tempfile.TemporaryDirectory() as folder:
        digests = set()
        for workers in ("1", "3"):
            out = pathlib.Path(folder) / f"{workers}.safetensors"
            said = run("train", "detector", *FAST, *SLOW, "--out", out, "--patients", "40",
                       "--duration", "6h", "--budget", "2", "--workers", workers, "--json").stdout
            told = json.loads(said)
            digests.add(hashlib.sha256(out.read_bytes()).hexdigest())
            check(told["model"] == str(out) and told["sha256"] in digests, said)
        check(set(told["scores"]) == {"fast", "slow"} and told["patient_days"] > 9, said)
        per_day = told["alerts_per_day"]
        check(len(digests) == 1, "another number of workers, other bytes")
        check(0 < per_day <= 2, f"{per_day} alerts per patient-day, 2 were asked for")
        found = evaluate("--detector", out, *FAST, *SLOW, "--patients", "2", "--normals", "2")
        seen = [s["seen"] for s in found["detector"]["scenarios"].values()]
        check(len(seen) == 9 and sum(seen) / 9 > 0.6, f"seen: {seen}")
        rates = [p["false_per_day"] for p in found["curve"]]
        check(rates == sorted(rates), f"a curve of {rates}")


def too_few_patients_are_said_to_be_and_leave_what_was_there():
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "d.safetensors"
        said = run("train", "detector", *FAST, "--out", out, "--patients", "1", "--duration", "1h",
                   expect=1).stderr
        check("calibrate on more patients" in said or "0 all the time" in said, said)
        check(list(pathlib.Path(folder).iterdir()) == [], "a file was left")
        out.write_bytes(b"the detector before")
        run("train", "detector", *FAST, "--out", out, "--patients", "1", "--duration", "1h", expect=1)
        check(out.read_bytes() == b"the detector before", "the detector before is gone")


def a_detector_is_refused_other_models_than_its_own():
    said = run("evaluate", "anomaly", "--detector", SHIPPED / "detector.safetensors", *FAST,
               "--patients", "1", "--normals", "1", expect=78).stderr
    check("was calibrated with another model" in said, said)


def the_shipped_detector_keeps_what_is_said_of_it():
    found = evaluate("--detector", SHIPPED / "detector.safetensors", *FAST, *SLOW, *WINDOW)
    at = found["detector"]
    print(json.dumps(at, indent=1))
    check(at["false_per_day"] <= 1, f"{at['false_per_day']} false alerts per patient-day")
    check(at["mean"] >= 0.92 and at["worst"] >= 0.75, f"mean {at['mean']}, worst {at['worst']}")


if __name__ == "__main__":
    vigil.main(a_detector_is_the_same_bytes_with_any_workers_and_keeps_to_its_budget,
               too_few_patients_are_said_to_be_and_leave_what_was_there,
               a_detector_is_refused_other_models_than_its_own,
               *([the_shipped_detector_keeps_what_is_said_of_it]
                 if os.environ.get("VIGIL_LONG") else []))
