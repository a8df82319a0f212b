"""Rules by what they look at."""
from .conditions import Bound, Watch, condition
from .episode import Rule
from .terms import seconds


class ValueRule(Rule):
    """A limit or a combination."""

    def __init__(self, name, says, patient):
        super().__init__(name, says, patient, says["when"].get("channel"))
        self.condition = condition(says, says["when"])
        self.single = self.channel is not None
        if "worse" in says:
            self.worse = Bound(says["worse"], self.channel)
            self.worse_s = seconds(says["worse"].get("for", "60s"))

    def emit(self, t, phase, **members):
        if self.single and phase != "acknowledge":
            limit = self.condition.bound.now(self.patient)
            low = self.condition.bound.low
            if phase == "escalate" and members["reason"] == "worse":
                limit = self.worse.now(self.patient)
            if limit:
                members["limit"] = {"low" if low else "high": limit[0],
                                    "origin": limit[1] or f"rule {self.name}"}
        super().emit(t, phase, **members)

    def limit(self):
        return self.single and self.condition.bound.now(self.patient)

    def applies(self):
        return not self.single or bool(self.limit())

    def forget(self):
        self.condition.forget()

    def holding(self, t):
        if not self.condition.watch.holding:
            return False
        if self.single:
            return self.condition.truth(self.patient, t) is not None
        return self.condition.open is True

    def newest(self):
        return self.patient.newest[self.channel]["value"]

    def values_at_begin(self, t):
        if self.single:
            self.note_worse(t)
            self.episode.worst = self.episode.said = self.newest()

    def note_worse(self, t):
        if self.worse and self.worse.beyond(self.newest(), self.patient):
            self.episode.beyond = t

    def row(self, t, row):
        value = row.get(self.channel) if self.single else None
        usable = value is not None and value["usable"]
        e = self.episode
        if value is not None and not self.limit():
            if e:
                self.close(t, "no_limit")
            self.condition.forget()
            return
        self.condition.row(self.patient, t, row)
        if not self.single:
            self.follow_data(t, self.condition.unknown)
        if usable and e:
            self.data_back(t)
        self.follow(t)
        if usable and self.episode is e and e:
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
        if self.single and self.condition.watch.holding:
            worst = self.worst_of(e.worst, self.newest())
            if worst != e.worst:
                e.said, e.told = worst, t
            e.worst = worst

    def worst_of(self, one, other):
        return min(one, other) if self.condition.bound.low else max(one, other)

    def look_at_value(self, t):
        e = self.episode
        if e.latched:
            return
        if self.condition.watch.holding:
            e.worst = self.worst_of(e.worst, self.newest())
        self.note_worse(t)
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
            self.emit(t, "update", value=e.worst)

    def better(self, t):
        e = self.episode
        if (e.beyond is not None and not e.latched
                and self.condition.surely_speaks(self.patient, t)
                and not self.worse.beyond(self.newest(), self.patient)
                and t >= e.beyond + self.worse_s):
            e.beyond = None
            self.repriorities(t, "better")

    def follow(self, t):
        """Begins and ends what the condition says."""
        watch, e = self.condition.watch, self.episode
        if e and e.latched and watch.holding:
            watch.on = True
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
            if self.patient.gone(self.channel, t):
                self.follow_data(t, True)


class Stale(Rule):
    technical = True

    def __init__(self, name, says, patient):
        which = says["when"]["stale"]
        super().__init__(name, says, patient, None if which == "any" else which)
        self.after_s = seconds(says["when"]["longer_than"]) + seconds(says.get("for", "0s"))

    def newest(self):
        heard = self.patient.heard
        return heard.get(self.channel) if self.channel else max(heard.values(), default=None)

    def row(self, t, row):
        usable = [c for c, v in row.items() if v["usable"]]
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
        self.begin(t, since)


class LeadOff(Rule):
    technical = True

    def __init__(self, name, says, patient, channel):
        super().__init__(name, says, patient, channel)
        self.watch = Watch(says)

    def forget(self):
        self.watch.forget()

    def row(self, t, row):
        value = row.get(self.channel)
        if value is not None and not self.patient.spared(self.channel):
            if value["usable"]:
                self.watch.sees(t, False, True)
            elif value["lead_off"]:
                self.watch.sees(t, True, False)
        self.follow(t)
        self.try_start(t)

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


class Readmitted(Rule):
    technical = True

    def condition_timer(self, t):
        if self.episode and t >= self.episode.onset + 60:
            self.over(t)
