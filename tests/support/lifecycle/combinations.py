"""Conditions joined, and which kind a mapping is."""
from .conditions import Watch
from .scores import Score
from .terms import seconds
from .values import Baseline, Change, Count, Limit, Rate, Trend


class Combination:
    """all, any, not, sequence: true, false or, when that is open, None."""

    def __init__(self, says, when):
        self.kind = next(k for k in when if k in ("all", "any", "not", "sequence"))
        parts = [when["not"]] if self.kind == "not" else when[self.kind]
        self.parts = [condition(part, part) for part in parts]
        self.advisory = all(part.advisory for part in self.parts)
        self.within = seconds(when.get("within", "0s"))
        self.watch = Watch(says)
        self.forget()

    def forget(self):
        self.watch.forget()
        self.was = [False] * len(self.parts)
        self.chain = [None] * len(self.parts)  # the newest beginning of a chain up to this part
        self.matched = self.unknown = False
        for part in self.parts:
            part.forget()

    def row(self, patient, t, row):
        for part in self.parts:
            part.row(patient, t, row)
        self.look(patient, t)

    def timer(self, patient, t):
        """What was known up to now may still be over now, before it is lost."""
        for part in self.parts:
            part.timer(patient, t)
            if isinstance(part, Combination):
                part.look(patient, t)
        if not self.unknown:
            self.watch.passes(t)

    def looks_at(self, channels):
        return any(part.looks_at(channels) for part in self.parts)

    def look(self, patient, t):
        self.open = self.combine([part.truth(t) for part in self.parts], t)
        self.unknown = self.open is None
        if self.unknown:
            self.watch.drop(t)
        else:
            self.watch.sees(t, self.open, not self.open)

    def combine(self, truths, t):
        if self.kind == "sequence":
            return self.follow(truths, t)
        if self.kind == "not":
            return None if truths[0] is None else not truths[0]
        decides = self.kind == "any"
        if decides in truths:
            return decides
        return None if None in truths else not decides

    def follow(self, truths, t):
        for i, part in enumerate(self.parts):
            on = part.watch.on
            if on and not self.was[i]:
                self.chain[i] = t if i == 0 else self.chain[i - 1]
                if i == len(self.parts) - 1:
                    first = self.chain[i]
                    self.matched = first is not None and t - first <= self.within
            self.was[i] = on
        if not self.was[-1]:
            self.matched = False
        return truths[-1] if self.matched or truths[-1] is None else False

    def truth(self, t):
        return None if self.open is None else self.watch.on


KINDS = {"trend": Trend, "rate": Rate, "baseline": Baseline, "change": Change}


def condition(says, when, config=None):
    if "score" in when:
        return Score(says, when, config)
    if "channel" in when:
        return (Count if "at_least" in when else Limit)(says, when)
    kind = KINDS.get(next(iter(when)), Combination)
    return kind(says, when)
