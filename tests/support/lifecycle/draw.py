"""What is drawn: configurations, and the rows and commands of their tests."""
from .patient import COMMANDS
from .terms import PROBES, RANK, UNITS

PATIENTS = ("p-1", "p-2")
BEDS = {p: tuple(f"icu/{row}{i}" for i in range(1, 6)) for row, p in enumerate(PATIENTS)}
CHANNELS = ("spo2", "hr")
VALUES = {"spo2": (97, 94, 93, 92, 91, 90, 89, 86, 84, 80),
          "hr": (40, 48, 60, 75, 115, 122, 140, 190)}


# of beds: the profile, and limits of its own; those lack a side, or have one more than the profile
BED_LIMITS = [
    ("adult", {}), ("child", {}),
    ("other", {}),
    ("adult", {"limits": {"author": "Dr. Example", "reason": "agreed", "spo2": {"low": "86 %"}}}),
    ("other", {"limits": {"author": "Dr. Example", "reason": "agreed", "spo2": {"low": "91 %"},
                          "hr": {"low": "45 /min", "high": "118 /min"}}})]


def some(rng, **choices):
    """Of each list one, with a likelihood of a half."""
    return {key: rng.choice(c) for key, c in choices.items() if rng.random() < 0.5}


def bound(rng, channel, low):
    unit = UNITS[channel]
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
    to = [p for p in ("low", "medium", "high") if RANK[p] > RANK[priority]]
    if to and rng.random() < 0.5:
        rule["escalate"] = {"after": rng.choice(["10s", "30s"]), "to": rng.choice(to)}
    if priority == "high" or rule.get("escalate", {}).get("to") == "high":
        rule.update(some(rng, realarm=["120s", "150s"]))
    if priority != "high":
        rule.update(some(rng, refractory=["10s", "60s"]))
        if rng.random() < 0.3:
            rule["budget"] = {"max": rng.choice([1, 2]), "per": rng.choice(["60s", "120s"])}


def whole(rules, **source):
    """A configuration around rules."""
    return {
        "version": 1,
        "service": {"name": "lifecycle", "data_dir": "unused", "on_new_cluster": "fresh"},
        "source": {"type": "kafka", "brokers": "localhost:1", "topic": "t", "decoder": "json",
                   "clock": "record", "start": "latest", **source},
        "stages": [{"type": "clean"}, {"type": "alert"}],
        "sinks": {"terminal": {"type": "console"}},
        "profiles": {
            "adult": {"spo2": {"low": "90 %"}, "hr": {"low": "50 /min", "high": "120 /min"}},
            "child": {"spo2": {"low": "93 %"}, "hr": {"low": "70 /min", "high": "150 /min"}},
            "other": {"hr": {"high": "110 /min"}}},
        "wards": {"icu": {"beds": {f"{row}{i}": {"profile": profile, **own} for row in (0, 1)
                                   for i, (profile, own) in enumerate(BED_LIMITS, 1)}}},
        "alert_rules": rules,
    }


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
    if rng.random() < 0.3:
        rules["source"] = {"when": {"stale": "source", "longer_than": rng.choice(["20s", "60s"])},
                           "priority": rng.choice(["low", "medium", "high"]),
                           **some(rng, **{"for": ["5s"],
                                          "escalate": [{"after": "30s", "to": "high"}]})}
        if rules["source"]["priority"] == "high":
            rules["source"].pop("escalate", 0)
    return whole(rules)


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


def draw_steps(rng, config, count):
    """Of rules that look at moments."""
    gaps = [0, 1, 1, 1, 2, 3, 5, 5, 10, 10, 12, 30]
    levels = {}

    def row(patient):
        values = {}
        for channel in rng.sample(CHANNELS, rng.randint(1, 2)):
            key = patient, channel
            if key not in levels or rng.random() < 0.4:
                levels[key] = rng.choice(VALUES[channel]) if key in levels else VALUES[channel][0]
            values[channel] = disturbed(rng, channel, levels[key])
        return {"values": values}

    return steps_of(rng, config, count, gaps, row)


def disturbed(rng, channel, value):
    nothing = 0 if channel in PROBES else "missing"
    return rng.choices([value, f"suspect {value}", "missing", "invalid", nothing],
                       [20, 2, 1, 1, 1])[0]


def steps_of(rng, config, count, gaps, row, noted=(), patients=PATIENTS):
    """`noted`: of channels that people note, the values."""
    steps, at = [], 0
    bed = {p: BEDS[p][0] for p in PATIENTS}
    while len(steps) < count:
        at += rng.choice(gaps) if rng.random() < 0.97 else 130
        patient = rng.choice(patients)
        if rng.random() < 0.25:
            command = (draw_note(rng, noted) if noted and rng.random() < 0.5 else
                       draw_command(rng, config["alert_rules"]))
            steps.append({"at": at, "patient": patient, "command": command})
            continue
        if rng.random() < 0.05:
            bed[patient] = rng.choice(BEDS[patient])
        steps.append({"at": at, "patient": patient, "bed": bed[patient], **row(patient)})
    return list(playable(steps))


def draw_command(rng, rules):
    by, note = rng.choice(["nurse 7", "doctor 3"]), rng.choice(["seen", "expected"])
    names = [n for n in rules if n != "source"] + ["readmitted", "limit_refused"]
    do = rng.choices(COMMANDS, [6, 4, 4, 4, 4, 1, 1, 1, 1, 0])[0]
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
        if rng.random() < 0.3:
            command.update(impossible(rng, low, high, unit))
    if do in ("mute", "limit") and rng.random() < 0.2:
        command["clear"] = True
        for key in ("for", "low", "high"):
            command.pop(key, None)
    return command


def impossible(rng, low, high, unit):
    """Limits that nobody can have: outside the plausible range, or the wrong way round."""
    return rng.choice([{"high": f"{high + 300} {unit}"}, {"low": f"{-low} {unit}"},
                       {"low": f"{high} {unit}", "high": f"{high} {unit}"},
                       {"low": f"{high} {unit}", "high": f"{low} {unit}"}])


def draw_note(rng, noted):
    channel = rng.choice(list(noted))
    command = {"by": rng.choice(["nurse 7", "doctor 3"]), "note": channel}
    if rng.random() < 0.1:
        return {**command, "clear": True}
    command["value"] = rng.choice(noted[channel])
    return {**command, **some(rng, **{"for": ["7s", "20s", "60s", "150s"]})}


def playable(steps):
    """Without commands for patients that are not known yet: `vigil test` does not look for them."""
    known = set()
    for step in steps:
        if "values" in step:
            known.add(step["patient"])
        if "values" in step or step["patient"] in known:
            yield step
