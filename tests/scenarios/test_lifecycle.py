#!/usr/bin/env python3
"""What becomes of alerts, as a model-based test: random configurations, rows and commands go
through `vigil test` and through a reference that was written from the documents alone
(support/lifecycle). Every event must be the same in both. Of a difference the shortest sequence that
still shows it is printed.

    test_lifecycle.py [--seed FAMILY N]     one configuration, with what differs
"""
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
from datetime import datetime

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lifecycle
import vigil
from vigil import check

LONG = os.environ.get("VIGIL_LONG") == "1"
FAMILIES = {  # what draws configurations, and the steps of a test
    "moments": (lifecycle.draw_config, lifecycle.draw_steps),
    **{pace: (lambda rng, pace=pace: lifecycle.draw_values_config(rng, pace),
              lambda *a, pace=pace: lifecycle.draw_values_steps(*a, pace))
       for pace in ("values", "usual", "trends")},
    "scores": (lifecycle.draw_scores_config, lifecycle.draw_scores_steps),
    "ahead": (lifecycle.draw_ahead_config, lifecycle.draw_ahead_steps),
}
SEEDS = {"moments": (4, 140), "values": (3, 80), "usual": (1, 20), "trends": (1, 20),
         "scores": (2, 50), "ahead": (2, 50)}  # of the short and the long form
TESTS, STEPS = 10, 60                  # tests of each, steps of each test
REASONS = ("acknowledge_over active_again bed better data_back data_lost discharged latched limit "
           "mute_over muted no_limit pause_over probe_off reset snoozed standby unacknowledged worse "
           "budget mute refractory range crosses refused_again")
COMPARED = ("phase", "kind", "priority", "state", "signal", "bed",
            "time", "onset", "duration_s", "delays", "observed", "limit", "worst", "score",
            "position", "reason", "suppressed_by", "acknowledged_by", "by", "note")
# What is tried of which kind of rule; restarts: test_alert_kinds, test_alert_life, test_alert_score.
# That a trend, or what is usual, reaches its bound exactly only rounding decides.
EDGES = {"gap inside for": "Limit Count Rate Trend Baseline Score",
         "no value inside for": "Limit Count Rate Trend Change Baseline Forecast Anomaly",
         "exactly at the limit": "Limit Count Rate Change Score Forecast",
         "after a late row": "Limit Count Rate Trend Change Baseline",
         "another unit": "Limit Count Rate Trend Baseline"}
EDGES_MET = set()


# --- both sides

def as_test(number, steps, answers):
    inputs = [{"at": f"{s['at']}s", "patient": s["patient"], "bed": s["bed"],
               "values": s["values"], **({"age": s["age"]} if "age" in s else {})}
              for s in steps if "values" in s]
    commands = []
    said = iter(answers)
    for step in steps:
        if "command" in step:
            command = {"at": f"{step['at']}s", "patient": step["patient"]}
            for key, value in step["command"].items():
                command[key] = step["patient"] if value is None else value
            if command[next(k for k in lifecycle.COMMANDS if k in command)] == step["patient"]:
                del command["patient"]
            answer = next(said)
            command["answer"] = answer[0] if answer else "ok"
            commands.append(command)
    return {"name": str(number), "input": inputs, "commands": commands,
            "until": f"{until(steps)}s", "at_end": []}


def until(steps):
    return max(s["at"] for s in steps) + 100


def expected(config, steps):
    reference = lifecycle.Reference(config)
    events, answers = reference.run(steps, until(steps))
    EDGES_MET.update(reference.met)
    return [{**e, "limit": e.get("limit")} for e in events], answers


def at_s(text):
    """Seconds of test time of a time of day."""
    s = datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() - lifecycle.START_S
    return int(s) if s == int(s) else s


def observed(test):
    """The events of the program in the form of the reference's; ids must count without gaps."""
    events, counted, ids, keys = [], {}, {}, {}
    for row in test["events"]:
        e = row["event"]
        episode, _, number = e["event_id"].rpartition(".")
        check(episode == e["episode_id"] and int(number) == counted.get(episode, 0),
              f"{e['event_id']}: expected number {counted.get(episode, 0)}")
        counted[episode] = int(number) + 1
        signal = dict(e["signal"])
        if "until" in signal:
            signal["until"] = at_s(signal["until"])
        limit = e.get("limit")
        if limit:
            limit = {k: v if k == "origin" else lifecycle.f32(v) for k, v in limit.items() if k != "unit"}
        saw = e.get("observed")
        if saw:
            saw = {**{k: saw[k] for k in ("value", "quality") if k in saw},
                   "time": at_s(saw["time"])}
        if saw and "value" in saw:
            saw["value"] = lifecycle.f32(saw["value"])
        worst = e.get("worst")
        if worst:
            worst = {"is": worst["is"], "value": lifecycle.f32(worst["value"]),
                     "time": at_s(worst["time"])}
        for part in e.get("score", {}).get("parts", ()):
            if isinstance(part.get("value"), (int, float)):
                part["value"] = lifecycle.f32(part["value"])
        where = e["position"]
        if "due" in where:
            where = {"due": at_s(where["due"])}
        else:
            where = {k: where[k] for k in ("offset", "ordinal") if k in where}
        key = (e.get("patient"), e["rule"], e.get("channel"), str(where))
        check(ids.setdefault(key, episode) == episode and
              keys.setdefault(episode, key) == key, f"{episode}: an id is not that of {key}")
        events.append({**e, "episode": episode, "n": int(number), "time": at_s(e["time"]),
                       "onset": at_s(e["onset"]), "signal": signal, "limit": limit,
                       "observed": saw, "worst": worst, "position": where})
    return events


def comparable(events):
    """By patient, rule and channel, each as text; episodes by their order."""
    lines, numbers = {}, {}
    for e in events:
        key = (e.get("patient"), e["rule"], e.get("channel"))
        mine = numbers.setdefault(key, {})
        number = mine.setdefault(e["episode"], len(mine))
        told = {k: e[k] for k in COMPARED if e.get(k) is not None}
        lines.setdefault(key, []).append(
            (e["time"], f"episode {number}.{e['n']} " + json.dumps(told, sort_keys=True)))
    return lines


def difference(config_test, answer):
    """The first thing that differs, or None."""
    events, answers = answer
    ours, theirs = comparable(events), comparable(observed(config_test))
    first = None
    for key in ours.keys() | theirs.keys():
        a, b = ours.get(key, []), theirs.get(key, [])
        for i in range(max(len(a), len(b))):
            one = a[i] if i < len(a) else None
            other = b[i] if i < len(b) else None
            if one != other:
                time = min(x[0] for x in (one, other) if x)
                if first is None or time < first[0]:
                    first = (time, key, one and one[1], other and other[1])
                break
    nobody = sum(not a for a in answers)
    wrong = [f for f in config_test["failures"] if "why" in f
             and not f["why"].startswith("no episode of")]
    wrong_nobody = sum(f.get("why", "").startswith("no episode of")
                       for f in config_test["failures"])
    if first is None and (wrong or nobody != wrong_nobody):
        first = (0, "answers", f"{nobody} about nothing", f"{wrong_nobody}; {wrong}")
    return first


def run(folder, cases, seen):
    """Runs [(configuration, [steps, ...])] in one process; gives the difference in each test."""
    files, answers = [], []
    lifecycle.write_models(pathlib.Path(folder))
    for i, (config, tests) in enumerate(cases):
        file = pathlib.Path(folder) / f"{i}.yaml"
        answers.append([expected(config, steps) for steps in tests])
        for events, _ in answers[-1]:
            seen.update(e.get(k) for e in events for k in ("reason", "suppressed_by"))
        both = [as_test(n, steps, answer[1])
                for n, (steps, answer) in enumerate(zip(tests, answers[-1]))]
        file.write_text(json.dumps({**config, "tests": both}))
        files.append(file)
    done = subprocess.run([vigil.VIGIL, "test", "--json", *files], capture_output=True, text=True,
                          timeout=vigil.TIMEOUT_S)
    check(done.returncode in (0, 1), f"exit {done.returncode}\n{done.stderr}")
    said = [c["tests"] for c in json.loads(done.stdout)["configs"]]
    return [[difference(test, answer) for test, answer in zip(*both)]
            for both in zip(said, answers)]


def shortest(folder, config, steps):
    """Drops steps as long as something still differs; gives what is left, and the difference."""
    def differs(config, steps):
        return run(folder, [(config, [steps])], set())[0][0]

    size = len(steps) // 2
    while size:
        i = 0
        while i < len(steps):
            fewer = list(lifecycle.playable(steps[:i] + steps[i + size:]))
            if any("values" in s for s in fewer) and differs(config, fewer):
                steps = fewer
            else:
                i += size
        size //= 2
    return steps, differs(config, steps)


def explain(config, steps, found):
    time, key, ours, theirs = found
    rules = config["alert_rules"]
    lines = [f"at {time} s, {key}:", f"  documents  {ours}", f"  program    {theirs}", "rules:"]
    lines += [f"  {name}: {json.dumps(rule)}" for name, rule in rules.items()]
    lines += ["steps:"] + [f"  {json.dumps(step)}" for step in steps]
    return "\n".join(lines)


def draw(family, seed):
    rng = random.Random(seed)
    config, steps = FAMILIES[family]
    config = config(rng)
    return config, [steps(rng, config, STEPS) for _ in range(TESTS)]


def compare(family, seeds, seen):
    """Number of steps; `seen` gains the reasons of their events."""
    with tempfile.TemporaryDirectory() as folder:
        cases = [draw(family, seed) for seed in seeds]
        for seed, (config, tests), found in zip(seeds, cases, run(folder, cases, seen)):
            for steps, differs in zip(tests, found):
                if differs:
                    steps, found = shortest(folder, config, steps)
                    raise vigil.Failed(f"{family} {seed}, " + explain(config, steps, found))
    return sum(len(steps) for _, tests in cases for steps in tests)


def the_program_does_what_the_documents_say():
    counts, seen = {}, set()
    for family, (few, many) in SEEDS.items():
        for i in range(0, many if LONG else few, 10):
            seeds = range(4 + i, 4 + min(i + 10, many if LONG else few))
            counts[family] = counts.get(family, 0) + compare(family, seeds, seen)
    check(seen >= set(REASONS.split()), f"never told: {set(REASONS.split()) - seen}")
    missed = {(kind, edge) for edge, kinds in EDGES.items() for kind in kinds.split()} - EDGES_MET
    if missed and LONG:
        print(f"never tried: {sorted(missed)}")
    print(f"{sum(counts.values())} steps, the same events: {counts}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--seed"]:
        compare(sys.argv[2], [int(sys.argv[3])], set())
    else:
        vigil.main(the_program_does_what_the_documents_say)
