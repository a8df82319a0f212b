#!/usr/bin/env python3
"""configs/sedation.yaml on the 63 recordings: fewer alerts, and none of the sustained runs missed.

What is a run, how long values were beyond a limit and which episode holds a run is computed here
from the CSV and the events, without Vigil's own evaluation.
"""
import collections
import datetime
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import sedation
import vigil
from vigil import check

FOLDER = vigil.DATA / "sedation_capno"
CSV = FOLDER / "sedation_1hz.csv.gz"
CONFIG = vigil.ROOT / "configs/sedation.yaml"
MAP = vigil.ROOT / "configs/maps/sedation_capno.yaml"
SUSTAINED = {"pulse_low": 15, "spo2_low": 10}  # values, one a second
STARTS, ACTIVE, OFF_DELAY_S = 55, 1.8, 60
CLEAR = {"pulse_low": 52, "spo2_low": 90}  # an alert goes on up to here


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def records():
    """Every row as a record, all patients from second 0."""
    said = subprocess.run([vigil.VIGIL, "replay", "--csv", CSV, "--map", MAP, "--to", "-",
                           "--start", "2026-01-01T00:00:00Z", "--progress", "none"],
                          capture_output=True, text=True, timeout=vigil.TIMEOUT_S, check=True)
    position = collections.Counter()
    rows = sedation.read(CSV)
    for line in said.stdout.splitlines():
        patient = json.loads(line)["patient"]
        t = rows[patient][position[patient]][0]
        position[patient] += 1
        yield f"0\t{vigil.START_MS + int(1000 * t)}\t{patient}\t{line}\n"


def episodes():
    """{(patient, rule): [(start_s, end_s or None)]}"""
    done = subprocess.run([vigil.BUILD / "offline", CONFIG], input="".join(records()).encode(),
                          capture_output=True, timeout=vigil.TIMEOUT_S, check=True)
    found, order = {}, []
    for event in map(json.loads, done.stdout.splitlines()):
        if event["kind"] != "physiological":
            continue
        at = seconds(event["time"]) - vigil.START_MS / 1000
        if event["phase"] == "start":
            order.append((event["patient"], event["rule"], event["episode_id"]))
            found[event["episode_id"]] = [at, None]
        elif event["phase"] == "end":
            found[event["episode_id"]][1] = at
    ret = collections.defaultdict(list)
    for patient, rule, episode in order:
        ret[patient, rule].append(tuple(found[episode]))
    return ret


def beyond(patient_rows, rule):
    """[(t_s, value)] of usable values beyond the limit, and runs [(first_s, last_s, values)]."""
    column, limit, *_ = sedation.RULES[rule]
    low, runs, run = [], [], []
    for t, _, values in patient_rows:
        if values[column] is not None and 0 < values[column] < limit:
            low.append((t, values[column]))
            run.append(t)
            continue
        runs, run = runs + [run], []
    return low, [r for r in runs + [run] if len(r) >= SUSTAINED[rule]]


def off_delay(patient_rows, rule, start, end):
    """Seconds from the first of the clear values that the episode ended with to its end."""
    column = sedation.RULES[rule][0]
    first = end
    for t, _, values in reversed([r for r in patient_rows if start <= r[0] <= end]):
        if not values[column] or values[column] <= CLEAR[rule]:
            break  # not clear, or unknown: an alert waits for data
        first = t
    return end - first


def main():
    if not CSV.exists():
        print(f"skipped: {CSV} is not there")
        return 77
    found = episodes()
    starts = sum(map(len, found.values()))
    sustained, beyond_s, active_s, worst = 0, 0, 0, 0
    for patient, rows in sedation.read(CSV).items():
        end_of_log = rows[-1][0]
        for rule in sedation.RULES:
            low, runs = beyond(rows, rule)
            beyond_s += len(low)
            own = found.get((patient, rule), [])
            active_s += sum((end_of_log if end is None else end) - start for start, end in own)
            worst = max([worst] + [off_delay(rows, rule, *e) for e in own if e[1] is not None])
            for run in runs:
                sustained += 1
                by = run[SUSTAINED[rule] - 1] + 1
                check(any(start <= by and (end is None or end >= run[-1]) for start, end in own),
                      f"{patient}: {rule} from {run[0]} to {run[-1]} is in none of {own}")
    check(sustained == 201, f"{sustained} sustained runs")
    check(starts <= STARTS, f"{starts} physiological starts; at most {STARTS}")
    check(active_s <= ACTIVE * beyond_s, f"active for {active_s} s of {beyond_s} s beyond a limit")
    check(worst <= OFF_DELAY_S, f"an alert went on for {worst} s after it was clear")
    print(f"{starts} starts for {sustained} sustained runs, active {active_s / beyond_s:.2f} times "
          f"as long as values were beyond a limit, off after at most {worst:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
