"""When something holds: bounds, times, limits and combinations of them."""
import re

from .terms import VALID_S, seconds


class Bound:
    """`below` or `above` of a mapping; a number or profile.low or profile.high with an offset."""

    def __init__(self, says, channel):
        self.channel, self.low = channel, "below" in says
        text = says["below" if self.low else "above"]
        named = re.fullmatch(r"profile\.(low|high)(?: ([+-]) (\S+) \S+)?", text)
        self.side = named and named[1]
        if named:
            self.offset = float(named[3] or 0) * (-1 if named[2] == "-" else 1)
        else:
            self.number = float(text.split()[0])

    def now(self, patient):
        """The number and where it comes from, or None where there is no such limit."""
        if not self.side:
            return self.number, None
        own = patient.limits.get(self.channel, {})
        if self.side in own:
            return own[self.side] + self.offset, "patient"
        name, profile = patient.profile()
        text = profile.get(self.channel, {}).get(self.side)
        return text and (float(text.split()[0]) + self.offset, f"profile {name}")

    def beyond(self, value, patient):
        limit = self.now(patient)
        return bool(limit) and (value < limit[0] if self.low else value > limit[0])


class Watch:
    """for, clear and keep_firing_for of one condition."""

    def __init__(self, says, clear_s=None):
        self.for_s = seconds(says.get("for", "0s"))
        own = says.get("clear", {}).get("for")
        self.clear_s = seconds(own) if own else clear_s or 0
        self.keep_s = seconds(says.get("keep_firing_for", "0s"))
        self.forget()

    def forget(self):
        self.onset = self.clear_since = self.over_since = None
        self.on = self.holding = False

    def drop(self):
        """There is explicitly no measurement."""
        self.lost()
        self.holding = False
        if not self.on:
            self.forget()

    def lost(self):
        """What was clear before a gap is not known to have been clear in it."""
        self.clear_since = None

    def sees(self, t, holds, clear):
        self.holding = holds
        if holds:
            self.clear_since = self.over_since = None
            self.onset = t if self.onset is None else self.onset
        elif not self.on:
            self.onset = None
        elif not clear:
            self.clear_since = None
        elif self.clear_since is None and self.over_since is None:
            self.clear_since = t
        self.passes(t)

    def starts(self, t):
        if not self.on and self.onset is not None and t >= self.onset + self.for_s:
            self.on = True

    def passes(self, t):
        """The times that may be over at t."""
        self.starts(t)
        if self.on and self.clear_since is not None and t >= self.clear_since + self.clear_s:
            self.over_since, self.clear_since = t, None
        if self.on and self.over_since is not None and t >= self.over_since + self.keep_s:
            self.forget()


class Limit:
    """A condition of values of one channel."""

    def __init__(self, says, when):
        self.channel = when["channel"]
        self.bound = Bound(when, self.channel)
        clear = says.get("clear", {})
        self.clear = Bound(clear, self.channel) if set(clear) & {"below", "above"} else None
        self.watch = Watch(says)
        self.lost = False         # told nobody, but no longer known to hold

    def speaks(self, patient, t):
        newest = patient.newest.get(self.channel)
        return bool(newest) and newest["usable"] and t <= newest["t"] + VALID_S[self.channel]

    def surely_speaks(self, patient, t):
        return self.speaks(patient, t) and not patient.gone(self.channel, t)

    def row(self, patient, t, row):
        value = row.get(self.channel)
        if value is None:
            return
        if not self.bound.now(patient):  # nobody knows whether it would hold
            self.watch.forget()
            self.lost = True
            return
        if not value["usable"]:
            self.watch.drop()
            return
        self.lost = False
        holds = self.bound.beyond(value["value"], patient)
        clear = not holds and (not self.clear or self.clear.beyond(value["value"], patient))
        self.watch.sees(t, holds, clear)

    def timer(self, patient, t):
        if self.speaks(patient, t):
            self.watch.starts(t)
        if self.surely_speaks(patient, t):
            self.watch.passes(t)
        if patient.gone(self.channel, t):
            self.watch.lost()
            self.lost = True

    def truth(self, patient, t):
        newest = patient.newest.get(self.channel)
        known = newest and newest["usable"] and not self.lost
        return self.watch.on if known else None

    def forget(self):
        self.watch.forget()


class Combination:
    """all, any, not, sequence: true, false or, when that is open, None."""

    def __init__(self, says, when):
        self.kind = next(k for k in when if k in ("all", "any", "not", "sequence"))
        parts = [when["not"]] if self.kind == "not" else when[self.kind]
        self.parts = [condition(part, part) for part in parts]
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

    def look(self, patient, t):
        self.open = self.combine([part.truth(patient, t) for part in self.parts], t)
        self.unknown = self.open is None
        if self.unknown:
            self.watch.drop()
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

    def truth(self, patient, t):
        return None if self.open is None else self.watch.on


def condition(says, when):
    return Limit(says, when) if "channel" in when else Combination(says, when)
