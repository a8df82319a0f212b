"""When something holds that is said of the values of one channel."""
import math
from collections import deque

from .conditions import Bound, Echo, Watch
from .terms import FOREVER, VALID_S, amount, f32, seconds

NOTHING, UNKNOWN, HOLDS, BETWEEN, CLEAR, LOST = range(6)  # what a row says


class Values:
    """A condition of values of one channel; what a row says of it is for its kinds."""
    limited = False           # events tell a limit
    advisory = False
    rising = True             # greater is worse
    measures = "value"

    def __init__(self, says, channel, watch=Watch):
        self.channel = channel
        self.watch = watch(says)
        self.valid_s = VALID_S.get(channel)
        self.known = None     # when a row last said anything
        self.doubted = False  # since then there was explicitly no measurement
        self.lost = False     # told nobody, but no longer known to hold
        self.spoke = False    # the newest row said something
        self.measure = None   # how bad the newest value is that holds ...
        self.measured = self.measured_at = None  # ... that value, and when, by the device
        self.worst = self.worst_value = self.worst_at = None  # the same since the onset

    why_over = None

    def applies(self, patient):
        return True

    def concerns(self, row):
        return self.channel in row

    def looks_at(self, channels):
        return self.channel in channels

    def speaks(self, t):
        return self.known is not None and not self.doubted and t <= self.known + self.valid_s

    def gone(self, t):
        """What was found no longer speaks."""
        return self.known is not None and t >= self.known + self.valid_s

    def row(self, patient, t, row):
        self.spoke = False
        if not self.concerns(row):
            return
        self.note_edges(patient, t, row)
        if not self.applies(patient):  # nobody knows whether it would hold
            self.forget()
            self.lost = True
            return
        says, measure = self.look(patient, t, row)
        if says == UNKNOWN:
            self.doubted = True
            self.watch.drop(t)
        elif says == LOST:
            self.lost = True
            self.watch.lost(t)
            if not self.watch.on:
                self.watch.forget()
        elif says != NOTHING:
            self.known, self.doubted, self.lost = t, False, False
            self.spoke = True
            if says == HOLDS and measure is not None:
                self.measure, self.measured = measure, patient.values.get(self.channel)
                self.measured_at = t.device
                if self.watch.onset is None or self.worst_of(self.worst, measure) != self.worst:
                    self.worst, self.worst_value = self.measure, self.measured
                    self.worst_at = self.measured_at
            self.watch.sees(t, says == HOLDS, says == CLEAR)

    def note_edges(self, patient, t, row):
        """What the drawn rows have tried of this kind of rule."""
        def met(edge):
            patient.reference.met.add((type(self).__name__, edge))
        value = row.get(self.channel)
        if self.watch.onset is not None and not self.watch.on:
            if self.known is not None and t > self.known + self.valid_s:
                met("gap inside for")
            if value and not value["usable"]:
                met("no value inside for")
        if value and value.get("converted"):
            met("another unit")
        if patient.was_late:
            met("after a late row")
        patient.edge = met

    def worst_of(self, one, other):
        return max(one, other) if self.rising else min(one, other)

    def look(self, patient, t, row):
        """What the row says, and how bad it is."""
        value = row[self.channel]
        if value.get("forgotten"):
            return LOST, None
        return self.find(patient, t, value["value"]) if value["usable"] else (UNKNOWN, None)

    def timer(self, patient, t):
        if self.speaks(t):
            self.watch.starts(t)
        if self.speaks(t) and not self.gone(t) and not self.lost:
            self.watch.passes(t)
        if self.gone(t):
            self.watch.lost(t)
            self.lost = True

    def truth(self, t):
        if self.valid_s == FOREVER:
            return self.watch.on
        return self.watch.on if self.speaks(t) and not self.lost else None

    def forget(self):
        """What belongs to an episode; what is known of the patient stays."""
        self.watch.forget()


class Limit(Values):
    limited, why_over = True, "no_limit"

    def __init__(self, says, when):
        super().__init__(says, when["channel"])
        self.bound = Bound(when, self.channel)
        self.rising = not self.bound.low
        self.good_only = when.get("quality") == "good"
        clear = says.get("clear", {})
        self.clear = Bound(clear, self.channel) if set(clear) & {"below", "above"} else None

    def applies(self, patient):
        return bool(self.bound.now(patient))

    def look(self, patient, t, row):
        if self.good_only and row[self.channel].get("suspect"):
            return UNKNOWN, None
        return super().look(patient, t, row)

    def find(self, patient, t, value):
        if value == self.bound.now(patient)[0]:
            patient.edge("exactly at the limit")
        if self.bound.beyond(value, patient):
            return HOLDS, value
        return self.within(patient, value), None

    def within(self, patient, value):
        return CLEAR if not self.clear or self.clear.beyond(value, patient) else BETWEEN


class Count(Limit):
    """k of n: begins with a value beyond the limit, and goes on while there are enough of them."""

    def __init__(self, says, when):
        super().__init__(says, when)
        self.least = when["at_least"]
        self.newest = deque(maxlen=when["of"])

    def row(self, patient, t, row):
        super().row(patient, t, row)
        if self.concerns(row) and not self.applies(patient):
            self.newest.clear()

    def find(self, patient, t, value):
        beyond = self.bound.beyond(value, patient)
        if value == self.bound.now(patient)[0]:
            patient.edge("exactly at the limit")
        self.newest.append(beyond)
        if sum(self.newest) < self.least:
            return (BETWEEN if beyond else self.within(patient, value)), None
        if beyond:
            return HOLDS, value
        return (BETWEEN if self.watch.onset is None else HOLDS), None


class Rate(Values):
    """The newest value beside the most extreme one of the newest eight parts of the window."""
    measures = "change"
    PARTS = 8

    def __init__(self, says, when):
        super().__init__(says, when["rate"])
        self.rising = "rises_by" in when
        self.by = amount(when["rises_by" if self.rising else "falls_by"], self.channel)
        self.part_ms = seconds(when["within"]) * 1000 // self.PARTS
        self.kept = {}

    def find(self, patient, t, value):
        part = t.ms // self.part_ms
        self.kept = {p: v for p, v in self.kept.items() if p > part - self.PARTS}
        worst = min if self.rising else max
        self.kept[part] = worst(self.kept.get(part, value), value)
        change = f32(value - worst(self.kept.values()))
        holds = change >= self.by if self.rising else change <= -self.by
        if abs(change) == self.by:
            patient.edge("exactly at the limit")
        return (HOLDS, change) if holds else (CLEAR, None)


class Change(Values):
    """A setting that lies so far from the one told before."""
    measures = "change"
    advisory = True

    def __init__(self, says, when):
        clear = {"for": "60s", **says.get("clear", {})}
        super().__init__({**says, "clear": clear}, when["change"], Echo)
        self.by = amount(when["by"], self.channel)
        self.valid_s = FOREVER
        self.told = None

    def look(self, patient, t, row):
        value = row[self.channel]
        if not value["usable"]:
            return NOTHING, None
        before, value = self.told, value["value"]
        change = 0 if before is None else f32(abs(value - before))
        if before is not None and change == self.by:
            patient.edge("exactly at the limit")
        if before is not None and change < self.by:
            return NOTHING, None
        self.told = value
        return (NOTHING, None) if before is None else (HOLDS, change)


class Trend(Values):
    """A line through the means of sixteen parts of a window."""
    measures = "change"
    PARTS, LEAST = 16, 8
    # Student's t, one-sided, for 6 to 14 degrees of freedom
    SURE = {"90 %": (1.440, 1.415, 1.397, 1.383, 1.372, 1.363, 1.356, 1.350, 1.345),
            "95 %": (1.943, 1.895, 1.860, 1.833, 1.812, 1.796, 1.782, 1.771, 1.761),
            "99 %": (3.143, 2.998, 2.896, 2.821, 2.764, 2.718, 2.681, 2.650, 2.624)}

    def __init__(self, says, when):
        super().__init__(says, when["trend"])
        self.rising = "rises_by" in when
        self.by = amount(when["rises_by" if self.rising else "falls_by"], self.channel)
        over_s = seconds(when["over"])
        self.part_ms = over_s * 1000 / self.PARTS
        self.valid_s = max(self.valid_s, over_s / 4)
        self.sure = self.SURE[when.get("confidence", "95 %")]
        self.values = {}          # of each part: sum, as a 32-bit float, and number
        self.newest = None
        self.line = NOTHING, None

    def look(self, patient, t, row):
        if not row[self.channel]["usable"]:
            return NOTHING, None
        part = int(t.ms // self.part_ms)
        if self.newest is not None and part != self.newest:
            self.line = self.draw()
        self.newest = part
        self.values = {p: v for p, v in self.values.items() if p > part - self.PARTS}
        total, n = self.values.get(part, (0, 0))
        self.values[part] = f32(total + row[self.channel]["value"]), n + 1
        return self.line

    def draw(self):
        """The line through the parts up to the one that is over."""
        points = sorted((p - self.newest + self.PARTS - 1, total / n)
                        for p, (total, n) in self.values.items())
        n = len(points)
        if n < self.LEAST or points[0][0] > 4 or points[-1][0] < 11:
            return NOTHING, None
        x0, y0 = (sum(p[i] for p in points) / n for i in (0, 1))
        xx = sum((x - x0) ** 2 for x, _ in points)
        slope = sum((x - x0) * (y - y0) for x, y in points) / xx
        rest = sum((y - y0 - slope * (x - x0)) ** 2 for x, y in points)
        change = slope * self.PARTS
        enough = change >= self.by if self.rising else change <= -self.by
        sure = abs(slope) > self.sure[n - self.LEAST] * math.sqrt(rest / (n - 2) / xx)
        return (HOLDS, f32(change)) if enough and sure else (CLEAR, None)


class Baseline(Values):
    """The newest value beside the patient's own usual one."""
    KNOWN_MINUTES, FAR = 30, 0.1

    def __init__(self, says, when):
        super().__init__(says, when["baseline"])
        self.rising = "above_by" in when
        by = when["above_by" if self.rising else "below_by"]
        self.share = by.endswith("%") and self.channel != "spo2"
        self.by = float(by.split()[0]) / 100 if self.share else amount(by, self.channel)
        self.keep = math.exp(-60 / seconds(when.get("over", "4h")))
        self.total = self.weight = 0.0
        self.minutes = 0
        self.minute, self.good = None, []

    def beyond(self, value):
        usual = self.total / self.weight
        off = (value - usual) / (usual if self.share else 1)
        return off >= self.by if self.rising else off <= -self.by

    def look(self, patient, t, row):
        value = row[self.channel]
        if not value["usable"]:
            return UNKNOWN, None
        minute = t.ms // 60000
        if minute != self.minute and self.good:
            self.learn(sum(self.good) / len(self.good))
        self.minute = minute
        if not value.get("suspect"):
            self.good.append(value["value"])
        if self.minutes < self.KNOWN_MINUTES:
            return NOTHING, None
        return (HOLDS, value["value"]) if self.beyond(value["value"]) else (CLEAR, None)

    def learn(self, mean):
        new = 1 - self.keep
        if self.minutes >= self.KNOWN_MINUTES and self.beyond(mean):
            new *= self.FAR
        self.total += new * (mean - self.total)
        self.weight += new * (1 - self.weight)
        self.minutes += 1
        self.good = []
