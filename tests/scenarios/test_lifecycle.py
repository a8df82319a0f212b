#!/usr/bin/env python3
"""What becomes of alerts, as a model-based test: random configurations, rows and commands go
through `vigil test` and through a reference that was written from the documents alone
(lifecycle.py). Every event must be the same in both. Of a difference the shortest sequence that
still shows it is printed.

    test_lifecycle.py [--seed N]     one configuration, with what differs
"""
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lifecycle
import vigil
from vigil import check

LONG = os.environ.get("VIGIL_LONG") == "1"
SEEDS = range(4, 184 if LONG else 9)    # configurations
TESTS, STEPS = 10, 60                  # tests of each, steps of each test
PATIENTS = ("p-1", "p-2")
BEDS = {"p-1": ("icu/01", "icu/02", "icu/03"), "p-2": ("icu/11", "icu/12", "icu/13")}
CHANNELS = ("spo2", "hr")
VALUES = {"spo2": (97, 94, 93, 92, 91, 90, 89, 86, 84, 80),
          "hr": (40, 48, 60, 75, 115, 122, 140, 190)}
REASONS = ("acknowledge_over active_again bed better data_back data_lost discharged latched limit "
           "mute_over muted no_limit pause_over probe_off reset snoozed standby unacknowledged worse "
           "budget mute refractory")
NOT_MODELLED = ("artefact", "check_sensor")  # what the stage tells besides of doubted values
COMPARED = ("phase", "kind", "priority", "state", "signal", "bed",
            "time", "onset", "limit", "reason", "suppressed_by", "acknowledged_by", "by", "note")


# --- what is drawn

def some(rng, **choices):
    """Of each list one, with a likelihood of a half."""
    return {key: rng.choice(c) for key, c in choices.items() if rng.random() < 0.5}


def bound(rng, channel, low):
    unit = lifecycle.UNITS[channel]
    side = "low" if low else "high"
    number = {"spo2": 90, "hr": 50 if low else 120}[channel]
    return rng.choice([f"{number} {unit}", f"profile.{side}",
                       f"profile.{side} {'-' if low else '+'} 2 {unit}"])


def beyond(text, low, by):
    """A number that lies further out than a bound, further in where `by` is negative; or None."""
    if text.startswith("profile"):
        return None
    head, _, unit = text.rpartition(" ")
    return f"{float(head) + (-by if low else by):g} {unit}"


def limit(rng):
    channel, low = rng.choice([("spo2", True), ("spo2", True), ("hr", True), ("hr", False)])
    text = bound(rng, channel, low)
    rule = {"when": {"channel": channel, "below" if low else "above": text}}
    rule.update(timing(rng))
    inner = beyond(text, low, -2)
    if inner and rng.random() < 0.5:
        rule.setdefault("clear", {})["above" if low else "below"] = inner
    return rule, text, low


def timing(rng):
    said = some(rng, **{"for": ["5s", "10s", "12s"], "keep_firing_for": ["5s", "20s"]})
    if rng.random() < 0.5:
        said["clear"] = {"for": rng.choice(["4s", "15s"])}
    return said


def fate(rng, rule, priority):
    """What becomes of its alerts."""
    rule["priority"] = priority
    rule.update(some(rng, latching=[True]))
    if rng.random() < 0.5:
        rule["update_every"] = rng.choice(["1s", "5s", "20s"])
    to = [p for p in ("low", "medium", "high") if lifecycle.RANK[p] > lifecycle.RANK[priority]]
    if to and rng.random() < 0.5:
        rule["escalate"] = {"after": rng.choice(["10s", "30s"]), "to": rng.choice(to)}
    if priority == "high" or rule.get("escalate", {}).get("to") == "high":
        rule.update(some(rng, realarm=["120s", "150s"]))
    if priority != "high":
        rule.update(some(rng, refractory=["10s", "60s"]))
        if rng.random() < 0.3:
            rule["budget"] = {"max": rng.choice([1, 2]), "per": rng.choice(["60s", "120s"])}


def draw_config(rng):
    rules = {}
    for i in range(rng.randint(2, 4)):
        rule, text, low = limit(rng)
        priority = rng.choice(["low", "medium", "high"])
        outer = beyond(text, low, 3)
        if outer and priority != "high" and rng.random() < 0.5:
            to = rng.choice(["medium", "high"] if priority == "low" else ["high"])
            rule["worse"] = {"below" if low else "above": outer, "priority": to,
                             "for": rng.choice(["0s", "8s", "60s"])}
        fate(rng, rule, priority)
        inhibit(rng, rules, rule)
        rules[f"limit_{i}"] = rule
    if rng.random() < 0.7:
        rule = {"when": combination(rng), **timing(rng)}
        fate(rng, rule, rng.choice(["low", "medium", "high"]))
        inhibit(rng, rules, rule)
        rules["combined"] = rule
    for which in ("any", "spo2"):
        if rng.random() < 0.5:
            rule = {"when": {"stale": which, "longer_than": rng.choice(["15s", "30s"])}}
            fate(rng, rule, rng.choice(["low", "medium", "high"]))
            rule.pop("latching", 0)
            rules[f"stale_{which}"] = rule
    if rng.random() < 0.5:
        rule = {"when": {"condition": "lead_off", "channel": "spo2"},
                **some(rng, **{"for": ["3s"], "keep_firing_for": ["5s"]})}
        fate(rng, rule, "low")
        rule.pop("latching", 0)
        rules["probe"] = rule
    return {
        "version": 1,
        "service": {"name": "lifecycle", "data_dir": "unused", "on_new_cluster": "fresh"},
        "source": {"type": "kafka", "brokers": "localhost:1", "topic": "t", "decoder": "json",
                   "clock": "record", "start": "latest"},
        "stages": [{"type": "clean"}, {"type": "alert"}],
        "sinks": {"terminal": {"type": "console"}},
        "profiles": {
            "adult": {"spo2": {"low": "90 %"}, "hr": {"low": "50 /min", "high": "120 /min"}},
            "child": {"spo2": {"low": "93 %"}, "hr": {"low": "70 /min", "high": "150 /min"}},
            "other": {"hr": {"high": "110 /min"}}},
        "wards": {"icu": {"beds": {f"{row}{i}": {"profile": profile} for row in (0, 1)
                                   for i, profile in enumerate(("adult", "child", "other"), 1)}}},
        "alert_rules": rules,
    }


def inhibit(rng, rules, rule):
    if rules and rule["priority"] != "high" and rng.random() < 0.5:
        rule["inhibited_by"] = rng.sample(list(rules), rng.randint(1, min(2, len(rules))))


def combination(rng):
    def part():
        said, _, _ = limit(rng)
        return {**said.pop("when"), **said}
    kind = rng.choice(["all", "any", "not", "sequence"])
    if kind == "not":  # alone it would hold for everybody who is well
        return {"all": [part(), {"not": part()}]}
    when = {kind: [part() for _ in range(rng.randint(2, 3))]}
    if kind == "sequence":
        when["within"] = rng.choice(["10s", "40s"])
    return when


def draw_steps(rng, rules):
    steps, at = [], 0
    bed = {p: BEDS[p][0] for p in PATIENTS}
    level = {(p, c): VALUES[c][0] for p in PATIENTS for c in CHANNELS}
    while len(steps) < STEPS:
        at += rng.choice([0, 1, 1, 1, 2, 3, 5, 5, 10, 10, 12, 30]) if rng.random() < 0.97 else 130
        patient = rng.choice(PATIENTS)
        if rng.random() < 0.25:
            steps.append({"at": at, "patient": patient, "command": draw_command(rng, rules)})
            continue
        if rng.random() < 0.05:
            bed[patient] = rng.choice(BEDS[patient])
        values = {}
        for channel in rng.sample(CHANNELS, rng.randint(1, 2)):
            if rng.random() < 0.4:
                level[patient, channel] = rng.choice(VALUES[channel])
            values[channel] = rng.choices(
                [level[patient, channel], f"suspect {level[patient, channel]}", "missing",
                 "invalid", 0 if channel == "spo2" else "missing"], [20, 2, 1, 1, 1])[0]
        steps.append({"at": at, "patient": patient, "bed": bed[patient], "values": values})
    return list(playable(steps))


def draw_command(rng, rules):
    by, note = rng.choice(["nurse 7", "doctor 3"]), rng.choice(["seen", "expected"])
    names = [n for n in rules] + ["readmitted"]
    do = rng.choices(lifecycle.COMMANDS, [6, 4, 4, 4, 4, 1, 1, 1, 1])[0]
    command = {"by": by}
    expires = rng.choice(["7s", "20s", "60s", "150s"])
    if do in ("acknowledge", "snooze", "reset", "mute"):
        command[do] = rng.choice(names)
        if do == "snooze" or do == "mute" or (do == "acknowledge" and rng.random() < 0.5):
            command["for"] = expires
        command["note"] = note
    elif do in ("limit", "probe_off"):
        command[do] = "spo2" if do == "probe_off" else rng.choice(CHANNELS)
        command.update({"for": expires, "note": note})
    else:
        command[do] = None
        command["note"] = note
        if do == "standby":
            command["for"] = expires
    if do == "limit":
        low, high, unit = ((85, 96, "%"), (45, 130, "/min"))[command[do] == "hr"]
        sides = rng.choice([("low",), ("high",), ("low", "high")])
        if "low" in sides:
            command["low"] = f"{low + rng.choice([0, 2, 10])} {unit}"
        if "high" in sides:
            command["high"] = f"{high + rng.choice([0, 3])} {unit}"
    if do in ("mute", "limit") and rng.random() < 0.2:
        command["clear"] = True
        for key in ("for", "low", "high"):
            command.pop(key, None)
    return command


# --- both sides

def playable(steps):
    """Without commands for patients that are not known yet: `vigil test` does not look for them."""
    known = set()
    for step in steps:
        if "values" in step:
            known.add(step["patient"])
        if "values" in step or step["patient"] in known:
            yield step


def as_test(number, steps, answers):
    inputs = [{"at": f"{s['at']}s", "patient": s["patient"], "bed": s["bed"],
               "values": s["values"]} for s in steps if "values" in s]
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
    events, answers = lifecycle.Reference(config).run(steps, until(steps))
    return [{**e, "limit": e.get("limit")} for e in events], answers


def at_s(text):
    """Seconds of test time of a time of day."""
    day, clock = text[8:10], text[11:23]
    hours, minutes, left = clock.split(":")
    s = (int(day) - 1) * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(left)
    return int(s) if s == int(s) else s


def observed(test):
    """The events of the program in the form of the reference's; ids must count without gaps."""
    events, counted = [], {}
    for row in test["events"]:
        e = row["event"]
        if e["rule"] in NOT_MODELLED:
            continue
        episode, _, number = e["event_id"].rpartition(".")
        check(episode == e["episode_id"] and int(number) == counted.get(episode, 0),
              f"{e['event_id']}: expected number {counted.get(episode, 0)}")
        counted[episode] = int(number) + 1
        signal = dict(e["signal"])
        if "until" in signal:
            signal["until"] = at_s(signal["until"])
        limit = e.get("limit")
        if limit:
            limit = {k: v if k == "origin" else float(v) for k, v in limit.items() if k != "unit"}
        events.append({**e, "episode": episode, "n": int(number), "time": at_s(e["time"]),
                       "onset": at_s(e["onset"]), "signal": signal, "limit": limit,
                       "value": e.get("observed", {}).get("value")})
    return events


def comparable(events):
    """By patient, rule and channel, each as text; episodes by their order."""
    lines, numbers = {}, {}
    for e in events:
        key = (e["patient"], e["rule"], e.get("channel"))
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
            fewer = list(playable(steps[:i] + steps[i + size:]))
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


def draw(seed):
    rng = random.Random(seed)
    config = draw_config(rng)
    return config, [draw_steps(rng, config["alert_rules"]) for _ in range(TESTS)]


def compare(seeds, seen):
    """Number of steps; `seen` gains the reasons of their events."""
    with tempfile.TemporaryDirectory() as folder:
        cases = [draw(seed) for seed in seeds]
        for seed, (config, tests), found in zip(seeds, cases, run(folder, cases, seen)):
            for steps, differs in zip(tests, found):
                if differs:
                    steps, found = shortest(folder, config, steps)
                    raise vigil.Failed(f"seed {seed}, " + explain(config, steps, found))
    return sum(len(steps) for _, tests in cases for steps in tests)


def the_program_does_what_the_documents_say():
    steps, seen = 0, set()
    for i in range(0, len(SEEDS), 10):
        steps += compare(SEEDS[i:i + 10], seen)
    check(seen >= set(REASONS.split()), f"never told: {set(REASONS.split()) - seen}")
    print(f"{steps} steps under {len(SEEDS)} configurations: the same events")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--seed"]:
        compare([int(sys.argv[2])], set())
    else:
        vigil.main(the_program_does_what_the_documents_say)
