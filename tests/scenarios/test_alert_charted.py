#!/usr/bin/env python3
"""Charted vitals under charted limits: every entry beyond a limit in force has its alert at that
record, entries that follow are the same one, and what cannot be, value or limit, is technical.

Which these are is counted from the CSV, by tests/support/charted.py.
"""
import collections
import datetime
import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import charted
import vigil
from vigil import check

CSV = vigil.DATA / "mimic3_demo" / "vitals_and_alarm_limits.csv.gz"
CONFIG = vigil.ROOT / "configs/charted.yaml"
MAP = vigil.ROOT / "configs/maps/mimic3_demo.yaml"
IMPOSSIBLE = {"impossible", "probe_off", "abp_sys_0", "abp_dia_0", "abp_mean_0", "nibp_sys_0",
              "nibp_dia_0", "nibp_mean_0"}
# The channel that tells for others of its sensor.
SENSOR = {"rr": "hr", "abp_dia": "abp_sys", "abp_mean": "abp_sys", "nibp_dia": "nibp_sys",
          "nibp_mean": "nibp_sys"}


def run(*arguments):
    return subprocess.run([vigil.VIGIL, *map(str, arguments)], capture_output=True, text=True,
                          timeout=vigil.TIMEOUT_S, check=True).stdout


def seconds(text):
    at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    return at - vigil.START_MS / 1000


def episodes(folder):
    """{(kind, patient, rule, channel, start_s, end_s or None): text of the start}"""
    log = folder / "chart.vrec"
    run("record", CONFIG, "--csv", CSV, "--map", MAP, "--to", log, "--progress", "none")
    found, texts = {}, {}
    for event in map(json.loads, run("run", CONFIG, "--recording", log).splitlines()):
        at = seconds(event["time"])
        if event["phase"] == "start":
            found[event["episode_id"]] = [event["kind"], event["patient"], event["rule"],
                                          event.get("channel"), at, None]
            texts[event["episode_id"]] = event["text"]
        elif event["phase"] == "end":
            found[event["episode_id"]][5] = at
    return {tuple(e): texts[episode] for episode, e in found.items()}


def check_limits(counts, found):
    expected = sorted((stay, rule, start, -1 if end is None else end)
                      for stay, c in counts.items() for rule, start, end in c.episodes)
    told = sorted((stay, rule, start, -1 if end is None else end)
                  for kind, stay, rule, _, start, end in found if kind == "physiological")
    check(expected == told, f"not told: {set(expected) - set(told)}; "
                            f"told without a reason: {set(told) - set(expected)}")
    lying = collections.defaultdict(list)
    for stay, rule, start, end in told:
        lying[stay, rule].append((start, end))
    for stay, c in counts.items():
        for rule, t in c.beyond:
            check(any(start <= t and (end < 0 or t < end) for start, end in lying[stay, rule]),
                  f"{stay}: {rule} at {t} s has no alert")


def check_impossible(counts, found):
    technical = collections.defaultdict(list)
    for kind, stay, rule, channel, start, end in found:
        if rule in IMPOSSIBLE:
            check(kind == "technical", f"{rule} is {kind}")
            technical[stay, channel].append((start, end))
    for stay, c in counts.items():
        for channel, t in c.impossible:
            own = technical[stay, channel] + technical[stay, SENSOR.get(channel)]
            check(any(start <= t and (end is None or t < end) for start, end in own),
                  f"{stay}: an impossible {channel} at {t} s is not told")
    for (stay, channel), own in technical.items():
        for start, _ in own:
            check(any(t == start and channel in (c, SENSOR.get(c))
                      for c, t in counts[stay].impossible),
                  f"{stay}: {channel} at {start} s is told as impossible and is not")


def check_refused(counts, found):
    """Each limit that none can be is in exactly one technical alert, at its chart time."""
    expected = sorted((stay, t, words(channel, limits)) for stay, c in counts.items()
                      for t, channel, limits in c.monitor.told)
    told = sorted((stay, start, text.split(" by ")[0])
                  for (kind, stay, rule, _, start, _), text in found.items()
                  if rule == "limit_refused")
    check(expected == told, f"refused: {expected}, and told: {told}")
    check(all(kind == "technical" for kind, _, rule, *_ in found if rule == "limit_refused"),
          "a limit that was refused is no finding about the patient")
    return told


def words(channel, limits):
    title, unit = {"hr": ("HR", "/min"), "rr": ("RR", "/min"), "spo2": ("SpO2", "%")}[channel]
    return f"{title} limit" + "".join(f" {side} {limits[side]:g} {unit}"
                                      for side in ("low", "high") if side in limits)


def check_report(counts, found):
    """The one command that makes the table of docs/evaluation.md."""
    report = json.loads(run("evaluate", "alerts", "--config", CONFIG, "--recording", CSV, "--map",
                            MAP, "--json"))
    starts = collections.Counter(rule for _, stay, rule, _, start, _ in found
                                 if start <= counts[stay].end)
    check({r: f["starts"] for r, f in report["rules"].items()} == starts,
          f"{report['rules']} and not {starts}")
    refused = sorted(line for c in counts.values() for line in c.monitor.refused)
    limits = report["limits"]
    check(sorted(r["line"] for r in limits["refused"]) == refused,
          f"refused: {limits['refused']}, and not lines {refused}")
    check(all(r["why"] for r in limits["refused"]), "a limit was refused without a reason")
    check(limits["charted"] == sum(c.limits for c in counts.values()), f"{limits['charted']} limits")
    check(limits["orders"] == sum(c.monitor.orders for c in counts.values()),
          f"{limits['orders']} orders")
    return report


def print_table(counts, report, refused):
    under, beyond = collections.Counter(), collections.Counter()
    for c in counts.values():
        under.update(c.under_limit)
        beyond.update(rule for rule, _ in c.beyond)
    print("| limit | entries under it | beyond | alerts | a day | minutes a day |")
    for rule in sorted(rule for rule in under if under[rule]):
        own = report["rules"].get(rule, {"starts": 0, "per_day": 0, "active_s_per_day": 0})
        print(f"| {rule} | {under[rule]:,} | {beyond[rule]} | {own['starts']} | "
              f"{own['per_day']:.2f} | {own['active_s_per_day'] / 60:.1f} |")
    impossible = sum(len(c.impossible) for c in counts.values())
    print(f"{sum(beyond.values())} entries beyond a limit, each with its alert; {impossible} "
          f"impossible entries, all of them technical; {len(report['limits']['refused'])} limits "
          f"refused, in {len(refused)} technical alerts; {report['patient_days']:.1f} patient-days")


def main():
    if not CSV.exists():
        print(f"skipped: {CSV} is not there")
        return vigil.EXIT_SKIP
    counts = charted.count(CSV)
    with tempfile.TemporaryDirectory(prefix="vigil-test-") as folder:
        found = episodes(pathlib.Path(folder))
    check_limits(counts, found)
    check_impossible(counts, found)
    refused = check_refused(counts, found)
    print_table(counts, check_report(counts, found), refused)
    return 0


if __name__ == "__main__":
    sys.exit(main())
