"""Bounds, and the times of a condition."""
import re

from .terms import amount, number, seconds


class Bound:
    """`below` or `above` of a mapping; a number or profile.low or profile.high with an offset."""

    def __init__(self, says, channel):
        self.channel, self.low = channel, "below" in says
        text = says["below" if self.low else "above"]
        named = re.fullmatch(r"profile\.(low|high)(?: ([+-]) (\S+ \S+))?", text)
        self.side = named and named[1]
        if named:
            offset = amount(named[3], channel) if named[3] else 0
            self.offset = -offset if named[2] == "-" else offset
        else:
            self.number = number(text, channel)

    def now(self, patient):
        """The number and where it comes from, or None where there is no such limit."""
        if not self.side:
            return self.number, None
        own = patient.limits.get(self.channel, {})
        if self.side in own:
            return own[self.side] + self.offset, "patient"
        given = patient.bed_limit(self.channel, self.side)
        return given and (given[0] + self.offset, given[1])

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
        self.found = None         # when it was last found to hold, having been clear
        self.dropped = None       # the onset of what was pending when there was no measurement
        self.stood = self.stood_since = None   # what it would be had that been told, and since when

    def drop(self, t):
        """There is explicitly no measurement."""
        self.lost(t)
        self.holding = False
        if not self.on:
            dropped = self.dropped if self.onset is None else self.onset
            stood = ("on" if self.stood == "clear" else self.stood), self.stood_since
            self.forget()
            self.dropped = dropped
            self.stood, self.stood_since = stood

    def lost(self, t):
        """What was clear before a gap is not known to have been clear in it."""
        self.found = t if self.clear_since is not None else self.found
        self.clear_since = None

    def stands(self, t, holds, clear):
        """What was dropped after its time was told in other words, and is told on as it would be."""
        if not self.stood and self.dropped is not None and t > self.dropped + self.for_s:
            self.stood = "on"
        if self.stood == "on" and clear:
            self.stood, self.stood_since = "clear", t
        elif self.stood and (holds or not clear and self.stood == "clear"):
            self.stood = "on"

    def still_stands(self, t):
        if self.stood == "clear" and t >= self.stood_since + self.clear_s:
            self.stood, self.stood_since = "over", t
        if self.stood == "over" and t >= self.stood_since + self.keep_s:
            self.stood = None
        return self.stood is not None

    def sees(self, t, holds, clear):
        if not self.on:
            self.stands(t, holds, clear)
        self.holding, self.dropped = holds, None
        if holds:
            if self.clear_since is not None or self.over_since is not None:
                self.found = t
            self.clear_since = self.over_since = None
            self.onset = t if self.onset is None else self.onset
        elif not self.on:
            self.onset = None
        elif not clear:
            self.lost(t)
        elif self.clear_since is None and self.over_since is None:
            self.clear_since = t
        self.passes(t)

    def starts(self, t):
        if not self.on and self.onset is not None and t >= self.onset + self.for_s:
            self.on = True
            self.stood = None
            self.found = t

    def begin_again(self, t):
        """What was over holds, without a new `for`."""
        self.on = True

    def passes(self, t):
        """The times that may be over at t."""
        self.starts(t)
        if self.on and self.clear_since is not None and t >= self.clear_since + self.clear_s:
            self.over_since, self.clear_since = t, None
        if self.on and self.over_since is not None and t >= self.over_since + self.keep_s:
            self.forget()


class Echo(Watch):
    """Of what only says that it holds: each time counts `clear` anew."""

    def sees(self, t, holds, clear):
        super().sees(t, holds, clear)
        if self.on:
            self.clear_since = self.found = t

    def starts(self, t):
        was = self.on
        super().starts(t)
        if self.on and not was:
            self.clear_since = t

    def passes(self, t):
        super().passes(t)
        self.holding = self.holding and (not self.on or self.over_since is None)

    def begin_again(self, t):
        super().begin_again(t)
        self.clear_since = t
