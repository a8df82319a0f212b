"""Rules that look at what models say of a tick: forecasts, and what is unusual."""
from statistics import median

from .conditions import Bound
from .models import AHEAD, CHANNELS, GAP_S, HORIZONS_S, LATENESS_S, MEAN, SCALE, THRESHOLD, TICK_S
from .rules import ValueRule
from .terms import f32, seconds
from .values import BETWEEN, CLEAR, HOLDS, UNKNOWN, Values


class Ticks:
    """What a patient's values are on the grid of the models."""

    def __init__(self):
        self.values, self.first = {c: [] for c in CHANNELS}, None

    def take(self, t, row):
        self.first = int(t) if self.first is None else self.first
        for channel, said in row.items():
            if channel in CHANNELS and said["usable"]:
                self.values[channel].append((int(t), said["value"]))

    def at(self, t):
        """The tick that closes at t and its values, None where there is none; or None."""
        end = t - LATENESS_S
        if self.first is None or end % TICK_S or end <= self.first:
            return None
        return end, {c: self.value(c, end) for c in CHANNELS}

    def value(self, channel, end):
        before = [(t, v) for t, v in self.values[channel] if t < end]
        now = [v for t, v in before if t >= end - TICK_S]
        if now:
            return f32(median(now)), "good"
        if before and end - before[-1][0] <= GAP_S:
            return before[-1][1], "imputed"
        return None


class OfTicks(Values):
    """A condition that only ticks move; it is lost after two without an answer."""
    advisory = True

    def __init__(self, says, channel):
        super().__init__(says, channel)
        self.valid_s = 2 * TICK_S

    def concerns(self, row):
        return True

    def looks_at(self, channels):
        return False

    def note_edges(self, patient, t, row):
        """What the drawn ticks have tried of this kind of rule."""
        def met(edge):
            patient.reference.met.add((type(self).__name__, edge))
        self.edge = met
        pending = self.watch.onset is not None and not self.watch.on
        if pending and not (row[self.channel] if self.channel else any(row.values())):
            met("no value inside for")

    def timer(self, patient, t):
        if self.gone(t):
            self.watch.lost(t)
            self.lost = True


class Forecast(OfTicks):
    limited, measures = True, "forecast"

    def __init__(self, says, when):
        super().__init__(says, when["forecast"])
        self.bound = Bound(when, self.channel)
        self.rising = not self.bound.low
        self.good_only = True     # nothing stands in for it
        within = seconds(when["within"])
        self.ahead = [a for a, h in zip(AHEAD[self.channel], HORIZONS_S) if h <= within]
        clear = says.get("clear", {})
        self.clear = Bound(clear, self.channel) if set(clear) & {"below", "above"} else None
        self.now = None

    def row(self, patient, t, row):
        self.now = row[self.channel]
        super().row(patient, t, row)

    def applies(self, patient):
        self.why_over = "limit_passed" if self.bound.now(patient) else "no_limit"
        return bool(self.bound.now(patient)) and not (
            self.now and self.bound.beyond(self.now[0], patient))

    def look(self, patient, t, row):
        if not self.now:
            return UNKNOWN, None
        line = [f32(self.now[0] + a) for a in self.ahead]
        furthest = max(line) if self.rising else min(line)
        if furthest == self.bound.now(patient)[0]:
            self.edge("exactly at the limit")
        if self.bound.beyond(furthest, patient):
            return HOLDS, furthest
        return (CLEAR if not self.clear or self.clear.beyond(furthest, patient) else BETWEEN), None


class Anomaly(OfTicks):
    """The mean squared error of what is known, where all but the heart rate is expected."""
    measures = "score"

    def __init__(self, says, when):
        super().__init__(says, None)

    def look(self, patient, t, row):
        known = [c for c in CHANNELS if row[c]]
        if not known:
            return UNKNOWN, None
        off = (row["hr"][0] - MEAN["hr"]) / SCALE if row["hr"] else 0
        score = f32(off * off / len(known))
        return (HOLDS, score) if score > THRESHOLD else (CLEAR, None)


class TickRule(ValueRule):
    """Tells what a tick says with that tick; in between, only that something has become of it."""
    tick_now = None

    def make(self, says, patient):
        kind = Forecast if "forecast" in says["when"] else Anomaly
        return kind(says, says["when"])

    def row(self, t, row):
        pass

    def tick(self, t, values):
        self.tick_now = values
        super().row(t, values)
        self.tick_now = None

    def looks_at(self, *channels):
        return False

    def emit(self, t, phase, **members):
        e = self.episode
        members["worst"] = {"is": self.condition.measures, "value": f32(e.worst),
                            "time": e.worst_at}
        if phase != "acknowledge" and self.limited:
            limit = self.condition.bound.now(self.patient)
            if limit and (self.tick_now or e.lost or self.condition.bound.side):
                members["limit"] = self.told_limit(limit)
            if self.tick_now and not e.lost:
                value = self.tick_now[self.channel]
                members["observed"] = {"value": value[0], "quality": value[1],
                                       "time": t.device} if value else {
                                           "quality": "missing", "time": t.device}
        super(ValueRule, self).emit(t, phase, **members)

    def values_at_begin(self, t):
        super().values_at_begin(t)
        self.episode.said = self.condition.measure
        self.episode.told = t

    def note_worse(self, t, value):
        pass

    def newest(self):
        return None

    def start(self, t):
        said = self.episode.said
        super().start(t)
        self.episode.said = said

    def try_start(self, t):
        if self.tick_now:
            super().try_start(t)

    def news(self, t):
        """A worse value than any that was told, with a tick, at most one per update_every."""
        e, now = self.episode, self.condition.measure
        if (not self.condition.watch.holding or now == e.said
                or self.condition.worst_of(e.said, now) != now or t < e.told + self.update_s):
            return False
        e.said, e.told = now, t
        return True

    def tells_value(self, t):
        self.note_worst()
        self.news(t)

    def tell_worst(self, t):
        e = self.episode
        if e and self.tick_now and self.news(t) and not e.held:
            self.emit(t, "update")
