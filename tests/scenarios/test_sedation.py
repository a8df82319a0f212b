#!/usr/bin/env python3
"""63 real recordings through a real Kafka: the alerts are those that the CSV says, to the second, and
come again of a recording of the log, byte for byte."""
import collections
import datetime
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import sedation
import vigil
from vigil import check

PARTITIONS = 4
ROWS = 166485
CSV = vigil.DATA / "sedation_capno" / "sedation_1hz.csv.gz"


def seconds(text):
    when = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return when.timestamp() - vigil.START_MS / 1000


def episodes(events, rules):
    """{(patient, rule, onset_s, start_s, end_s or None)} as sedation.expected() has them."""
    found = {}
    for e in events:
        if e["rule"] not in rules:
            continue
        if e["phase"] == "start":
            found[e["episode_id"]] = [e["patient"], e["rule"], seconds(e["onset"]),
                                      seconds(e["time"]), None]
        elif e["phase"] == "end":
            found[e["episode_id"]][4] = seconds(e["time"])
    return {tuple(v) for v in found.values()}


def compare(found, wanted):
    missing, extra = sorted(wanted - found, key=str), sorted(found - wanted, key=str)
    check(not missing and not extra,
          f"{len(missing)} missing, {len(extra)} extra; first {missing[:3]} and {extra[:3]}")


def check_technical(events):
    lead_off = {(e["patient"], e["channel"]) for e in events
                if e["rule"] == "lead_off" and e["phase"] == "start"}
    clock = {e["patient"] for e in events
             if e["rule"] == "device_clock" and e["phase"] == "start"}
    wanted = sedation.probe_off(CSV)
    check(lead_off == wanted, f"lead_off differs: {lead_off ^ wanted}")
    check(clock == sedation.clock_trouble(CSV),
          f"device_clock differs: {clock ^ sedation.clock_trouble(CSV)}")
    for e in events:
        check(e["kind"] == ("physiological" if e["rule"] in sedation.RULES else "technical"),
              f"kind of {e}")
        if e["rule"] in sedation.RULES:
            check(e["observed"].get("value") != 0, f"a probe that is off alerted as a value: {e}")


def check_complete(events, run):
    numbers = collections.defaultdict(list)
    for e in events:
        episode, number = e["event_id"].split(".")
        check(episode == e["episode_id"], f"event_id of {e}")
        numbers[episode].append(int(number))
    for episode, n in numbers.items():
        check(n == list(range(len(n))), f"event numbers of {episode}: {n}")
    check(f"{ROWS} rows" in run, f"rows of the closing line: {run[-300:]}")


def run_with(broker, clock):
    with vigil.Pipeline(vigil.sedation_config(broker.bootstrap, clock=clock)) as p:
        said = p.run()
        events = p.events()
        check_complete(events, said)
        compare(episodes(events, sedation.RULES),
                sedation.expected(CSV, PARTITIONS, device_clock=clock == "device"))
        check_technical(events)
        check(p.outbox("select count(*) from dead_letter") == [(0,)], "a row was dead-lettered")
        if clock == "record" or os.environ.get("VIGIL_LONG"):
            verify(p)


def verify(p):
    """What `vigil record` keeps of the run gives every event of it again, byte for byte and in order."""
    file = p.folder / "sedation.vrec"
    for arguments in (("record", p.path, "--to", file, "--progress", "none"),
                      ("replay", "--verify", file, "--config", p.path, "--outbox", p.data / "outbox.db")):
        done = subprocess.run([vigil.VIGIL, *arguments], capture_output=True, text=True, timeout=vigil.TIMEOUT_S)
        check(done.returncode == 0, f"{arguments[0]}: exit {done.returncode}: {done.stdout}{done.stderr[-2000:]}")
    stored = p.outbox("select count(*) from event")[0][0]
    check(stored > 0 and done.stdout == f"{stored} events stored; of the recording again 0 differ, 0 are missing, "
          "0 are new, 0 are in another order\n", done.stdout)


def alerts_equal_the_recordings():
    with vigil.real_kafka("vitals.raw", PARTITIONS) as broker:
        vigil.replay_sedation(broker.bootstrap, "vitals.raw")
        for clock in ("record", "device"):
            run_with(broker, clock)
        if os.environ.get("VIGIL_LONG"):
            whole_chain(broker)


def whole_chain(broker):
    """Every model, score and rule over the recordings, by more than one worker."""
    c = vigil.add_life(vigil.add_models(vigil.sedation_config(broker.bootstrap, workers=2)))
    with vigil.Pipeline(c) as p:
        p.run()
        verify(p)


if __name__ == "__main__":
    vigil.main(alerts_equal_the_recordings)
