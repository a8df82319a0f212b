"""Rules about what values say."""
from .combinations import Combination, condition
from .conditions import Bound
from .episode import Rule
from .scores import Score
from .terms import NOTED, f32, seconds
from .values import Change, Count


def told(value):
    """A value as `observed` tells it."""
    return {"value": value["value"], "time": value["t"],
            "quality": "suspect" if value["suspect"] else "good"}


class ValueRule(Rule):
    """What values say: of one channel, or a combination."""

    def __init__(self, name, says, patient):
        self.condition = self.make(says, patient)
        self.single = not isinstance(self.condition, Combination)
        super().__init__(name, says, patient, self.condition.channel if self.single else None)
        self.limited = self.single and self.condition.limited
        self.advisory = self.condition.advisory
        if "worse" in says:
            self.worse = Bound(says["worse"], self.channel)
            self.worse_s = seconds(says["worse"].get("for", "60s"))

    def make(self, says, patient):
        return condition(says, says["when"], patient.reference.config)

    def emit(self, t, phase, **members):
        if self.single:
            e = self.episode
            members["worst"] = {"is": self.condition.measures, "value": f32(e.worst),
                                "time": e.worst_at}
        if phase != "acknowledge":
            if self.limited:
                self.tell_limit(phase, members)
            if self.channel:
                members["observed"] = self.observed(phase, members)
            if isinstance(self.condition, Score):
                members["score"] = self.condition.tell(self.patient, t)
        super().emit(t, phase, **members)

    def tell_limit(self, phase, members):
        limit = self.condition.bound.now(self.patient)
        if phase == "escalate" and members["reason"] == "worse":
            limit = self.worse.now(self.patient)
        if limit:
            members["limit"] = self.told_limit(limit)

    def told_limit(self, limit=None):
        number, origin = limit or self.condition.bound.now(self.patient)
        return {"low" if self.condition.bound.low else "high": number,
                "origin": origin or f"rule {self.name}"}

    def observed(self, phase, members):
        """The newest value; where the worst is told, that; while data are lost, none."""
        e = self.episode
        newest = self.patient.values[self.channel]
        first = e.events == 0
        worst = phase == "update" and "reason" not in members and not first
        counted = isinstance(self.condition, Count) and (phase == "start" or first)
        if self.limited and worst or counted:
            newest = e.worst_value
        elif e.lost and not worst:
            return {"quality": "missing", "time": newest["t"]}
        return told(newest)

    def looks_at(self, *channels):
        return self.condition.looks_at(channels)

    def found(self):
        return self.condition.watch.found

    def limit(self):
        return self.limited and self.condition.bound.now(self.patient)

    def is_guarded(self):
        """Whether something stands in for it when no measurement guards it."""
        return self.limited and not self.condition.good_only and self.channel not in NOTED

    def lacks_limit(self):
        return self.limited and not self.limit()

    def forget(self):
        self.condition.forget()

    def holding(self, t):
        if not self.condition.watch.holding:
            return False
        if self.single:
            return self.condition.truth(t) is not None
        return self.condition.open is True

    def newest(self):
        return self.patient.values[self.channel]["value"]

    def values_at_begin(self, t):
        if self.single:
            e = self.episode
            e.worst = e.said = self.condition.worst
            e.worst_value, e.worst_at = self.condition.worst_value, self.condition.worst_at
            self.note_worse(t, self.condition.measure)

    def note_worse(self, t, value):
        if self.worse and self.worse.beyond(value, self.patient):
            self.episode.beyond = t

    def row(self, t, row):
        e = self.episode
        self.condition.row(self.patient, t, row)
        if (self.single and self.condition.concerns(row)
                and not self.condition.applies(self.patient)):
            if e:
                self.close(t, self.condition.why_over)
            return
        if not self.single:
            self.follow_data(t, self.condition.unknown)
        elif self.condition.lost and row:
            self.follow_data(t, True)
        spoke = self.single and self.condition.spoke
        if spoke and e:
            self.data_back(t)
        self.follow(t)
        if spoke and self.episode is e and e:
            self.look_at_value(t)
        self.try_start(t)

    def data_back(self, t):
        """Told where the value does not end the alert; it tells the value, too."""
        e = self.episode
        if e.lost and self.condition.watch.on:
            e.lost = False
            self.tells_value(t)
            self.emit(t, "update", reason="data_back")
        e.lost = False

    def tells_value(self, t):
        """An event that tells the newest value leaves no update for it."""
        e = self.episode
        if self.single and self.note_worst():
            e.said, e.told = e.worst, t

    def note_worst(self):
        """Whether the value is the worst so far."""
        e = self.episode
        measure = self.condition.measure
        if (not self.condition.watch.holding or measure == e.worst
                or self.condition.worst_of(e.worst, measure) != measure):
            return False
        e.worst, e.worst_value = measure, self.condition.measured
        e.worst_at = self.condition.measured_at
        return True

    def look_at_value(self, t):
        e = self.episode
        if e.latched:
            return
        self.note_worst()
        if self.worse:
            self.note_worse(t, self.newest())
            before = e.priority
            self.repriorities(t, "worse")
            if e.priority != before and self.newest() == e.worst:
                e.said = e.worst
            self.better(t)
        self.tell_worst(t)

    def tell_worst(self, t):
        e = self.episode
        if e and not e.held and not e.latched and e.worst != e.said and t >= e.told + self.update_s:
            e.told, e.said = t, e.worst
            self.emit(t, "update")

    def better(self, t):
        e = self.episode
        if (self.worse and e.beyond is not None and not e.latched
                and self.condition.speaks(t) and not self.condition.gone(t)
                and not self.worse.beyond(self.newest(), self.patient)
                and t >= e.beyond + self.worse_s):
            e.beyond = None
            self.repriorities(t, "better")

    def follow(self, t):
        """Begins and ends what the condition says."""
        watch, e = self.condition.watch, self.episode
        if e and e.latched and watch.holding:
            watch.begin_again(t)
        if not e and watch.on:
            self.begin(t, watch.onset)
        elif e and not watch.on:
            self.over(t)
        elif e and e.latched and watch.on:
            e.latched, e.acknowledged = False, None
            e.counts_from = e.repeats_from = t
            self.tells_value(t)
            e.told = t
            self.emit(t, "update", reason="active_again")

    def follow_data(self, t, lost):
        e = self.episode
        if e and not e.held and not e.latched and lost != e.lost:
            e.lost = lost
            if lost or self.condition.watch.on:
                self.emit(t, "update", reason="data_lost" if lost else "data_back")

    def condition_timer(self, t):
        self.condition.timer(self.patient, t)
        self.follow(t)
        if not self.single:
            self.condition.look(self.patient, t)
            self.follow_data(t, self.condition.unknown)
            self.follow(t)
        if self.single and self.episode:
            self.tell_worst(t)
            if self.condition.gone(t):
                self.follow_data(t, True)
