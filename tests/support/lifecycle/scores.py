"""Early warning scores, by their files as data: docs/scores.md."""
import functools
import math
import re
from decimal import ROUND_FLOOR, Decimal

import yaml

from .terms import FOREVER, NOTED, VALID_S, WORDS, f32, seconds, shortest
from .values import BETWEEN, CLEAR, HOLDS, LOST, Values

WINDOW_PARTS = 15


class Channel:
    """A channel of a parameter: how it is rounded, and how long a value counts."""

    def __init__(self, name, parameter, file, expires):
        self.name = name
        step = parameter.get("round", 1)
        self.step = Decimal(str(step.get(name, 1) if isinstance(step, dict) else step))
        window_s = seconds(file["window"])
        self.part_ms = window_s * 1000 // WINDOW_PARTS
        self.monitored = name not in NOTED and not name.startswith("nibp")
        said = expires.get(name) or file.get("expires", {}).get(name)
        if said:
            self.expires_s = seconds(said)
        else:
            self.expires_s = window_s if self.monitored else VALID_S[name]
        self.kept, self.newest = {}, None

    def rounded(self, value):
        """In steps; halves upwards."""
        steps = Decimal(shortest(value)) / self.step + Decimal("0.5")
        return int(steps.to_integral_value(ROUND_FLOOR))

    def take(self, t, value):
        part = t.ms // self.part_ms
        if self.monitored:
            self.kept = {p: v for p, v in self.kept.items() if p > part - WINDOW_PARTS}
        else:
            self.kept = {}
        self.kept[part] = self.rounded(value)
        self.newest = t

    def now(self, t):
        """Steps, or None without a value that counts."""
        if self.newest is None or t > self.newest + self.expires_s:
            return None
        steps = sorted(self.kept.values())
        middle = len(steps) // 2
        if len(steps) % 2:
            return steps[middle]
        return (steps[middle - 1] + steps[middle] + 1) // 2


class Band:
    """Between two numbers, both included, or one word."""

    def __init__(self, text, channel):
        self.word = channel.name in WORDS and WORDS[channel.name].index(text)
        self.most, self.least = FOREVER, -FOREVER
        between = re.fullmatch(r"(\S+) to (\S+)", text)
        if between:
            self.least, self.most = (Decimal(x) for x in between.groups())
        elif self.word is False:
            sign, bound = text.split()
            bound = Decimal(bound)
            bound += {"<": -channel.step, ">": channel.step}.get(sign, 0)
            if sign.startswith("<"):
                self.most = bound
            else:
                self.least = bound

    def has(self, value):
        if self.word is not False:
            return value == self.word
        return self.least <= value <= self.most


class Part:
    """What one parameter adds: between `least` and `most`."""

    def __init__(self, channel, value, newest):
        self.channel, self.value, self.newest = channel, value, newest
        self.least, self.most, self.state = math.inf, -math.inf, None

    def may_add(self, points):
        self.least, self.most = min(self.least, *points), max(self.most, *points)

    def known(self):
        return self.value is not None and self.least == self.most


class Parameter:
    def __init__(self, name, says, file, expires):
        self.name, self.says = name, says
        self.channels = [Channel(c, says, file, expires) for c in says["from"]]
        self.tables = says.get("tables") or [{"bands": says["bands"]}]
        self.highest = says.get("choose") == "highest"
        self.points = says.get("points", {})

    def depends(self, others):
        return any(k in others for table in self.tables for k in table.get("when", {}))

    def weigh(self, channel, t, patient, states):
        steps = channel.now(t)
        value = None if steps is None else steps * channel.step
        part = Part(channel, value, channel.newest)
        first = True
        for table in self.tables:
            holds = self.holds(table.get("when", {}), channel, patient, states)
            if holds is False:
                continue
            said = [p for text, p in table["bands"].items()
                    if value is not None and Band(text, channel).has(value)]
            if first and holds and said and said[0] in self.points:
                part.state = said[0]
            all_of_it = [self.points.get(p, p) for p in table["bands"].values() if p != "unknown"]
            known = said and said[0] != "unknown"
            part.may_add([self.points.get(said[0], said[0])] if known else all_of_it)
            first = False
            if holds:
                break
        return part

    def holds(self, when, channel, patient, states):
        """True, False, or None when that is not known."""
        known = True
        for key, wanted in when.items():
            if key == "channel":
                if channel.name != wanted:
                    return False
            elif key == "spo2_scale":
                if patient["scale"] != wanted:
                    return False
            elif key == "under_years":
                if patient["years"] is None:
                    known = None
                elif patient["years"] >= wanted:
                    return False
            elif states[key] is None:
                known = None
            elif states[key] != wanted:
                return False
        return known

    def choose(self, t, patient, states):
        parts = [self.weigh(c, t, patient, states) for c in self.channels]
        measured = [p for p in parts if p.value is not None]
        if not measured:
            for part in parts[1:]:
                parts[0].may_add((part.least, part.most))
            return parts[0]
        if self.highest:
            return max(measured, key=lambda p: (p.least, p.most))
        return measured[0]


class Total:
    def __init__(self, parts):
        self.parts = parts
        self.lowest = sum(p.least for p in parts.values())
        self.highest = sum(p.most for p in parts.values())
        self.known = sum(p.known() for p in parts.values())
        self.single = max([p.least for p in parts.values() if p.value is not None] + [0])


@functools.lru_cache
def chart(path):
    with open(path, encoding="utf-8") as file:
        return yaml.safe_load(file)


class Score(Values):
    """A score of a patient reaches a number of points."""
    why_over, measures = "no_score", "points"

    def __init__(self, says, when, config):
        self.name = when["score"]
        self.said = config["scores"][self.name]
        self.file = chart(self.said["file"])
        super().__init__(says, None)
        expires = self.said.get("expires", {})
        self.parameters = {name: Parameter(name, said, self.file, expires)
                           for name, said in self.file["parameters"].items()}
        self.advisory = self.file.get("advisory", False)
        self.valid_s = min(c.expires_s for p in self.parameters.values() for c in p.channels)
        level = self.file["levels"].get(when.get("level"), when)
        self.one = "single" in level
        self.points = level["single" if self.one else "at_least"]
        below = says.get("clear", {}).get("below")
        self.below = below and float(below)
        self.blamed = ()

    def applies(self, patient):
        return "profiles" not in self.said or patient.profile()[0] in self.said["profiles"]

    def concerns(self, row):
        return bool(row)

    def looks_at(self, channels):
        return any(c.name in channels for p in self.parameters.values() for c in p.channels)

    def row(self, patient, t, row):
        for parameter in self.parameters.values():
            for channel in parameter.channels:
                value = row.get(channel.name)
                if value and value["usable"]:
                    channel.take(t, value["value"])
                elif value and value.get("forgotten"):
                    channel.newest = None
        super().row(patient, t, row)

    def total(self, patient, t):
        said = patient.profile()[1]
        about = {"scale": said.get("spo2_scale", {}).get("use", 1), "years": said.get("age_years")}
        parts, states = {}, {}
        for later in (False, True):
            for name, parameter in self.parameters.items():
                if parameter.depends(self.parameters) == later:
                    parts[name] = parameter.choose(t, about, states)
                    states[name] = parts[name].state
        return Total({name: parts[name] for name in self.parameters})

    def look(self, patient, t, row):
        total = self.total(patient, t)
        measure = total.single if self.one else total.lowest
        if measure == self.points:
            patient.edge("exactly at the limit")
        if measure >= self.points:
            self.blamed = [n for n, p in total.parts.items() if p.value is not None
                           and p.least >= (self.points if self.one else 1)]
            return HOLDS, measure
        if self.watch.onset is not None and self.may_hold(total):
            return LOST, None
        return (CLEAR if self.below is None or measure < self.below else BETWEEN), None

    def may_hold(self, total):
        """Were those that gave points, and are not known now, at their most."""
        gone = [total.parts[n] for n in self.blamed if not total.parts[n].known()]
        if self.one:
            return max([total.single] + [p.most for p in gone]) >= self.points
        return total.lowest + sum(p.most - p.least for p in gone) >= self.points

    def tell(self, patient, t):
        """The member `score`."""
        total = self.total(patient, t)
        scale = patient.profile()[1].get("spo2_scale", {}).get("use", 1)
        said = {"name": self.name, "total": total.lowest, "lowest": total.lowest,
                "highest": total.highest, "known": total.known, "of": len(total.parts)}
        if scale == 2:
            said["spo2_scale"] = 2
        said["parts"] = [self.tell_part(part, t) for part in total.parts.values()]
        return said

    def tell_part(self, part, t):
        said = {"channel": part.channel.name}
        if part.value is None:
            return said
        words = WORDS.get(part.channel.name)
        said["value"] = words[int(part.value)] if words else f32(float(part.value))
        if part.known():
            said["points"] = part.least
        else:
            said.update(least=part.least, most=part.most)
        said["age_s"] = t - part.newest
        return said
