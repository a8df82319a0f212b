"""Technical rules: what is wrong with the data."""
from .conditions import Watch
from .episode import Rule
from .rules import told
from .terms import NOTED, PROBES, RANK, SENSORS, seconds


class Stale(Rule):
    technical = True

    def __init__(self, name, says, patient):
        which = says["when"]["stale"]
        super().__init__(name, says, patient, None if which == "any" else which)
        self.after_s = seconds(says["when"]["longer_than"]) + seconds(says.get("for", "0s"))

    def newest(self):
        heard = self.patient.heard
        if self.channel:
            return heard.get(self.channel)
        return max((t for c, t in heard.items() if c not in NOTED), default=None)

    def row(self, t, row):
        usable = [c for c, v in row.items() if v["usable"] and (self.channel or c not in NOTED)]
        if self.episode and (self.channel in usable if self.channel else usable):
            self.over(t)
        self.try_start(t)

    def condition_timer(self, t):
        since = self.newest()
        if self.channel and since is not None:
            since_told = max(since, self.patient.bed_back)
        else:
            since_told = since
        if self.episode or since is None or t < since_told + self.after_s:
            return
        if self.patient.spared(self.channel) or (self.channel and self.patient.silent(t)):
            return
        self.begin(t, since, {"due": t})


class SourceStale(Stale):
    """The silence of the partition, told without a patient and up to a second later."""

    def __init__(self, name, says, patient):
        super().__init__(name, says, patient)
        self.channel = None
        self.after_s += 1

    def newest(self):
        return self.patient.heard_row

    def row(self, t, row):
        if self.episode:
            self.over(t)


class FoundByRows(Rule):
    """A condition that rows find, and that lasts."""
    technical = True
    clear_s = 0

    def __init__(self, name, says, patient, channel=None):
        super().__init__(name, says, patient, channel)
        self.watch = Watch(says, self.clear_s)

    def forget(self):
        self.watch.forget()

    def row(self, t, row):
        found = None if self.patient.spared(self.channel) else self.find(t, row)
        if found is not None:
            self.watch.sees(t, found, not found)
        self.follow(t)
        self.try_start(t)

    def found(self):
        return self.watch.found

    def follow(self, t):
        if not self.episode and self.watch.on:
            self.begin(t, self.watch.onset)
        elif self.episode and not self.watch.on:
            self.over(t)

    def condition_timer(self, t):
        self.watch.passes(t)
        self.follow(t)

    def holding(self, t):
        return self.watch.holding


class LeadOff(FoundByRows):
    def emit(self, t, phase, **members):
        newest = self.patient.values.get(self.channel)
        if phase == "end":
            if newest:
                members["observed"] = told(newest)
        elif phase != "acknowledge":
            members["observed"] = {"quality": "invalid", "time": t.device}
        super().emit(t, phase, **members)

    def find(self, t, row):
        values = [v for c, v in row.items() if PROBES.get(c) == self.channel]
        if any(v["usable"] for v in values):
            return False
        return True if any(v["why"] == "probe_off" for v in values) else None


class CheckSensor(FoundByRows):
    """Doubts that last, by the first channel of the sensor that has one."""

    def __init__(self, name, says, patient, channel):
        super().__init__(name, {"for": "120s", **says}, patient, channel)

    def emit(self, t, phase, **members):
        newest = self.patient.values.get(self.channel)
        if phase != "acknowledge":
            members["observed"] = (told(newest) if newest else
                                   {"quality": "invalid", "time": t.device})
            if phase != "end":
                members.setdefault("reason", self.why)
        super().emit(t, phase, **members)

    def find(self, t, row):
        mine = [row[c] for c in SENSORS if c in row and SENSORS[c] == self.channel]
        doubted = [v["why"] for v in mine
                   if v["why"] in ("range", "device") and not v.get("missing")]
        if doubted:
            if not self.episode:
                self.why = doubted[0]
            return True
        return False if any(v["usable"] for v in mine) else None


class DeviceClock(FoundByRows):
    """Only rows begin and end it: late ones, too."""
    clear_s = 60

    def __init__(self, name, says, patient):
        super().__init__(name, says, patient)
        self.newest = None        # time of the device, and when it was first seen

    def row(self, t, row):
        """Compared with the row before, also with one that came while nobody was told."""
        super().row(t, row)
        if self.newest is None or t.device != self.newest[0]:
            self.newest = t.device, t

    def find(self, t, row):
        stands = (self.newest is not None and t.device <= self.newest[0] and t >= self.newest[1] + 1)
        return stands or t - t.device > self.patient.reference.late_after

    def condition_timer(self, t):
        pass

    def try_start(self, t):
        if t.row is not None:
            super().try_start(t)


class Artefact(Rule):
    """What stands in for the limits of a channel, a line or a cuff."""
    technical = True
    BLIND_S, WORSE_S = 60, 120

    def __init__(self, name, says, patient, channel, limits):
        self.limits = limits      # rules
        self.highest = max((r.says["priority"] for r in limits), key=RANK.get)
        says = {**says, "priority": "medium" if self.highest == "high" else self.highest}
        super().__init__(name, says, patient, channel)
        self.blind_since = self.why = None
        self.is_worse = False

    def emit(self, t, phase, **members):
        newest = self.patient.values.get(self.channel)
        if phase == "end":
            members["observed"] = (told(newest) if newest else
                                   {"quality": "invalid", "time": t})
        elif phase != "acknowledge":
            members["observed"] = {"quality": "invalid", "time": t}
            if self.why:
                members.setdefault("reason", self.why)
            first = self.first()
            if first and first[0] <= t and first[1].channel == self.channel and first[1].limit():
                members["limit"] = first[1].told_limit()
        super().emit(t, phase, **members)

    def urgency(self):
        return max(super().urgency(), self.highest if self.is_worse else "none", key=RANK.get)

    def first(self):
        """When the first limit would have told what was dropped, and its rule."""
        due = [(r.condition.watch.dropped + r.condition.watch.for_s, r) for r in self.limits
               if r.condition.watch.dropped is not None]
        return min(due, key=lambda d: d[0], default=None)

    def row(self, t, row):
        spared = self.patient.spared(self.channel)
        if not spared:
            measured = self.note_blind(t, row)
            stood = [r.condition for r in self.limits if r.condition.watch.stood]
            stands = [c for c in stood if not c.speaks(t) or c.gone(t) or c.watch.still_stands(t)]
            if self.episode and (measured or stood) and not stands and not self.first():
                self.over(t)
        self.try_start(t)

    def note_blind(self, t, row):
        """Whether there is a measurement."""
        invalid = False
        for rule in self.limits:
            value = row.get(rule.channel)
            if not value:
                continue
            if value["usable"]:
                self.blind_since = None
                return True
            self.why = value["why"]
            needed = rule.says["priority"] == "high" and rule.limit()
            invalid |= bool(needed and not value.get("missing"))
        if invalid and self.blind_since is None:
            self.blind_since = t
        return False

    def condition_timer(self, t):
        first = self.first()
        withheld = first is not None and t >= first[0]
        blind = self.blind_since is not None and t >= self.blind_since + self.BLIND_S
        if not self.episode and (withheld or blind) and not self.patient.spared(self.channel):
            self.is_worse = self.worse_now(t)
            self.begin(t, first[1].condition.watch.dropped if withheld else self.blind_since,
                       {"due": t})

    def worse_now(self, t):
        if self.blind_since is not None and t >= self.blind_since + self.WORSE_S:
            return True
        return any(r.condition.watch.dropped is not None
                   and RANK[r.says["priority"]] >= RANK[self.highest]
                   and t >= r.condition.watch.dropped + r.condition.watch.for_s
                   for r in self.limits)

    def better(self, t):
        """It only becomes worse."""
        if self.episode and not self.is_worse and self.worse_now(t):
            self.is_worse = True
            self.repriorities(t, "worse")


class Readmitted(Rule):
    technical = True

    def condition_timer(self, t):
        if self.episode and t >= self.episode.onset + 60:
            self.over(t)


class Refused(Rule):
    """A limit that was ordered and that nobody can have: each order is an alert of its own."""
    technical = True
    LASTS_S = 600
    given = None

    def refuse(self, t, channel, reason, said):
        if self.patient.spared(None):
            return
        if self.episode:
            self.end(t, reason="refused_again", **said)
        self.given = {"reason": reason, **said}
        self.about = channel
        self.begin(t, t)
        self.given = None

    def accept(self, t, channel, said):
        if self.episode and self.about == channel:
            self.end(t, reason="limit", **said)

    def emit(self, t, phase, **members):
        super().emit(t, phase, **{**(self.given or {}), **members})

    def condition_timer(self, t):
        if self.episode and t >= self.episode.onset + self.LASTS_S:
            self.over(t)
