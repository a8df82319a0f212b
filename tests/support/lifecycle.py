"""Reference of the life of alerts, written from docs/alert-rules.md, docs/alert-lifecycle.md and
docs/alert1.md alone, so that a second reading of them stands beside the program's.

It takes a configuration as a mapping in the form of the file and the steps of one test (rows and
commands, whole seconds), and gives the events that the documents promise. It looks at everything
each second and is plain rather than fast. Not modelled: forecasts, anomalies, scores, trends, and
`artefact`.
"""
import re

RANK = {"none": 0, "low": 1, "medium": 2, "high": 3}
VALID_S = {"hr": 10, "pulse": 10, "spo2": 10, "rr": 15}
PROBES = ("pulse", "spo2")       # a 0 of these is no measurement but a probe that is off
UNITS = {"hr": "/min", "pulse": "/min", "spo2": "%", "rr": "/min"}
FOREVER = float("inf")


def seconds(text):
    count, unit = re.fullmatch(r"(\d+)(s|m|h)", text).groups()
    return int(count) * {"s": 1, "m": 60, "h": 3600}[unit]


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


class Episode:
    def __init__(self, number, onset):
        self.number, self.onset = number, onset
        self.events = 0
        self.held = None          # why it is held back
        self.latched = self.lost = self.escalated = self.muted = False
        self.acknowledged = self.paused = None     # until when
        self.beyond = None        # newest value beyond `worse`, while that counts
        self.worst = self.told = None
        self.counts_from = self.repeats_from = None
        self.priority = None


class Rule:
    """One rule, or one channel of a technical condition, of one patient."""

    def __init__(self, name, says, patient, channel=None):
        self.name, self.says, self.patient = name, says, patient
        self.channel = channel
        self.episode = None
        self.starts, self.ended = [], None
        self.update_s = seconds(says.get("update_every", "30s"))
        self.worse = None

    technical = False

    # --- what is told

    def emit(self, t, phase, **members):
        e = self.episode
        over = phase in ("end", "reset")
        state = ("inactive" if over else "latched" if e.latched else
                 "data-lost" if e.lost else "active")
        event = {"patient": self.patient.name, "rule": self.name, "episode": e.number,
                 "n": e.events, "phase": phase, "priority": e.priority, "state": state,
                 "kind": "technical" if self.technical else "physiological",
                 "signal": {"is": "enabled"} if over else self.signal(t),
                 "bed": self.patient.bed, "time": t, "onset": e.onset}
        if self.channel:
            event["channel"] = self.channel
        event.update(members)
        e.events += 1
        self.patient.say(event)

    def signal(self, t):
        e = self.episode
        mute = self.patient.mutes.get(self.name)
        if e.held and e.held != "mute":
            return {"is": "alarm-off"}
        if e.acknowledged:
            until = {} if e.acknowledged == FOREVER else {"until": e.acknowledged}
            return {"is": "acknowledged", **until}
        if e.held == "mute" or e.muted:
            return {"is": "alarm-paused", "until": mute}
        if e.paused:
            return {"is": "audio-paused", "until": e.paused}
        return {"is": "enabled"}

    # --- beginning and end

    def urgency(self):
        e = self.episode
        names = [self.says["priority"]]
        if e.escalated:
            names.append(self.says["escalate"].get("to", "high"))
        if e.beyond is not None:
            names.append(self.says["worse"].get("priority", "high"))
        return max(names, key=RANK.get)

    def begin(self, t, onset):
        self.episode = Episode(self.patient.count(self), onset)
        self.values_at_begin(t)
        self.episode.priority = self.urgency()
        self.episode.held = self.holds_back(t)
        if self.episode.held:
            self.emit(t, "update", suppressed_by=self.episode.held)
        else:
            self.start(t)

    def values_at_begin(self, t):
        pass

    def start(self, t):
        e = self.episode
        e.held = None
        e.said = e.worst
        e.told = e.counts_from = e.repeats_from = t
        self.starts.append(t)
        self.emit(t, "start")

    def holds_back(self, t):
        if self.episode.priority == "high":
            return None
        if self.name in self.patient.mutes:
            return "mute"
        for other in self.says.get("inhibited_by", ()):
            for rule in self.patient.rules:
                e = rule.episode
                if rule.name == other and e and not e.held and not e.latched:
                    return other
        refractory = self.refractory_end()
        if refractory is not None and t < refractory:
            return "refractory"
        budget = self.budget_end()
        if budget is not None and t < budget:
            return "budget"
        return None

    def refractory_end(self):
        if "refractory" not in self.says or self.ended is None:
            return None
        return self.ended + seconds(self.says["refractory"])

    def budget_end(self):
        budget = self.says.get("budget")
        if not budget or len(self.starts) < budget["max"]:
            return None
        return self.starts[-budget["max"]] + seconds(budget["per"])

    def over(self, t):
        """The condition is over by itself."""
        if self.says.get("latching") and not self.episode.held:
            if not self.episode.latched:
                self.episode.latched = True
                self.episode.said = self.episode.worst
                self.emit(t, "update", reason="latched")
        else:
            self.end(t)

    def end(self, t, **members):
        e = self.episode
        if e.held:
            members["suppressed_by"] = e.held
        else:
            self.ended = t
        self.emit(t, "end", **members)
        self.episode = None

    def close(self, t, reason, command=None):
        if self.episode:
            said = {k: command[k] for k in ("by", "note") if command and command.get(k)}
            self.end(t, reason=reason, **said)
        self.forget()

    def forget(self):
        pass

    # --- in time

    def holding(self, t):
        return True

    def try_start(self, t):
        """What was held back starts when nothing holds it back and it holds."""
        e = self.episode
        if not e or not e.held or not self.holding(t):
            return
        why = self.holds_back(t)
        if why:
            e.held = why
        else:
            self.start(t)

    def repriorities(self, t, reason):
        e = self.episode
        before, e.priority = e.priority, self.urgency()
        up = RANK[e.priority] - RANK[before]
        if not up or e.held:
            return
        e.counts_from = e.repeats_from = t
        if up > 0:
            e.acknowledged = e.paused = None
            if e.priority == "high":
                e.muted = False
        self.emit(t, "escalate" if up > 0 else "deescalate", reason=reason)

    def expire(self, t):
        e = self.episode
        if not e:
            return
        if e.acknowledged and t >= e.acknowledged:
            e.acknowledged = None
            e.counts_from = e.repeats_from = t
            self.emit(t, "update", reason="acknowledge_over")
        if e.paused and t >= e.paused:
            e.paused = None
            e.repeats_from = t
            self.emit(t, "update", reason="pause_over")

    def row(self, t, row):
        pass

    def timer(self, t):
        """In the order of the page. Only timers end an acknowledgement or a pause."""
        self.condition_timer(t)
        self.expire(t)
        e = self.episode
        if not e:
            return
        self.try_start(t)
        self.better(t)
        if e.held:
            return
        escalate = self.says.get("escalate")
        more = escalate and RANK[escalate.get("to", "high")] > RANK[e.priority]
        if (more and not e.escalated and not e.latched and not e.acknowledged and not e.muted
                and t >= e.counts_from + seconds(escalate["after"])):
            e.escalated = True
            self.repriorities(t, "unacknowledged")
        again = self.says.get("realarm")
        if (again and e.priority == "high" and self.signal(t)["is"] == "enabled"
                and t >= e.repeats_from + seconds(again)):
            e.repeats_from = t
            self.emit(t, "continue", reason="unacknowledged")

    def condition_timer(self, t):
        pass

    def better(self, t):
        pass

    def mute(self, t, command):
        e = self.episode
        if e and not e.held and e.priority != "high":
            e.muted = True
            self.emit(t, "update", reason="muted", by=command["by"], note=command["note"])

    def unmute(self, t, command=None):
        e = self.episode
        if e and e.muted:
            e.muted = False
            e.counts_from = e.repeats_from = t
            said = {k: command[k] for k in ("by", "note") if command and command.get(k)}
            self.emit(t, "update", reason="mute_over", **said)

    def limit(self):
        return None

    def applies(self):
        return True


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


class Patient:
    def __init__(self, name, reference):
        self.name, self.reference = name, reference
        self.known = self.discharged = False
        self.bed = None
        self.numbers = 0
        self.arrive()

    def arrive(self):
        self.newest, self.heard = {}, {}
        self.mutes, self.limits, self.limit_until = {}, {}, {}
        self.bed_back = -FOREVER
        self.away_until = None
        self.off_until = {}
        rules = self.reference.rules
        self.rules = []
        for name, says in rules:
            when = says["when"]
            if "stale" in when:
                self.rules.append(Stale(name, says, self))
            elif when.get("condition") == "lead_off":
                channels = [when["channel"]] if "channel" in when else PROBES
                self.rules += [LeadOff(name, says, self, c) for c in channels]
            elif when.get("condition") == "readmitted":
                self.rules.append(Readmitted(name, says, self))
            else:
                self.rules.append(ValueRule(name, says, self))

    def count(self, rule):
        self.numbers += 1
        return self.numbers

    def say(self, event):
        self.reference.events.append(event)

    def profile(self):
        return self.reference.profile(self.bed)

    def gone(self, channel, t):
        """The newest usable value no longer speaks."""
        return channel in self.heard and t >= self.heard[channel] + VALID_S[channel]

    def spared(self, channel):
        return self.away_until is not None or channel in self.off_until

    def silent(self, t):
        """Whether a rule finds the whole bed silent, told or held back."""
        beds = [r for r in self.rules if isinstance(r, Stale) and not r.channel]
        return any(r.episode or (r.newest() is not None and t >= r.newest() + r.after_s)
                   for r in beds)

    def expire(self, t):
        for rule in [r for r, until in self.mutes.items() if t >= until]:
            self.end_mute(t, rule)
        for channel in [c for c, until in self.limit_until.items() if t >= until]:
            self.change_limits(t, channel, None)
        if self.away_until is not None and t >= self.away_until:
            self.away_until = None
        for channel in [c for c, until in self.off_until.items() if t >= until]:
            del self.off_until[channel]

    def end_mute(self, t, name, command=None):
        del self.mutes[name]
        for rule in self.rules:
            if rule.name == name:
                rule.unmute(t, command)

    def change_limits(self, t, channel, limits, until=None, command=None):
        before = [rule.limit() for rule in self.rules]
        self.limits.pop(channel, None)
        self.limit_until.pop(channel, None)
        if limits:
            self.limits[channel], self.limit_until[channel] = limits, until
        said = {k: command[k] for k in ("by", "note") if command and command.get(k)}
        for rule, old in zip(self.rules, before):
            if (rule.episode and not rule.episode.held and rule.limit()
                    and (not old or rule.limit()[0] != old[0])):
                rule.emit(t, "update", reason="limit", **said)

    def row(self, t, bed, row):
        self.known = True
        usable = [c for c, v in row.items() if v["usable"]]
        back = self.discharged and bool(usable)
        if self.discharged and not usable:
            return
        self.discharged = False
        self.expire(t)
        moved = self.bed is not None and self.bed != bed
        self.bed = bed
        if moved:
            for rule in self.rules:
                if rule.episode and not rule.episode.held and rule.applies():
                    rule.emit(t, "update", reason="bed")
        if usable:
            self.away_until = None
            if self.silent(t):
                self.bed_back = t
        for channel, value in row.items():
            self.newest[channel] = {"t": t, **value}
            if value["usable"]:
                self.heard[channel] = t
                self.off_until.pop(channel, None)
        if back:
            for rule in self.rules:
                if isinstance(rule, Readmitted):
                    rule.begin(t, t)
        for rule in self.rules:
            rule.row(t, row)

    def timers(self, t):
        if self.discharged or not self.known:
            return
        self.expire(t)
        for rule in self.rules:
            rule.timer(t)

    # --- commands

    def command(self, t, command):
        """The answers, one for each episode that it is about."""
        do = next(k for k in COMMANDS if k in command)
        self.expire(t)
        if do in ("acknowledge", "snooze", "reset"):
            open_ones = [r for r in self.rules if r.name == command[do] and r.episode]
            answers = [getattr(self, do)(t, r, command) for r in open_ones]
        elif self.discharged and do in ("mute", "limit", "standby", "probe_off"):
            return ["not_allowed"]
        else:
            answers = [getattr(self, do)(t, command)]
        for rule in self.rules:
            rule.try_start(t)
        return answers

    def said(self, command):
        return {k: command[k] for k in ("by", "note") if command.get(k)}

    def until(self, t, command):
        return t + seconds(command["for"]) if "for" in command else FOREVER

    def acknowledge(self, t, rule, command):
        e = rule.episode
        if e.held:
            return "not_allowed"
        if not e.acknowledged:
            e.acknowledged, e.paused = self.until(t, command), None
            members = {"acknowledged_by": command["by"]}
            if command.get("note"):
                members["note"] = command["note"]
            rule.emit(t, "acknowledge", **members)
        return "ok"

    def snooze(self, t, rule, command):
        e = rule.episode
        if e.held or (e.priority == "high" and seconds(command["for"]) > 120):
            return "not_allowed"
        if not e.acknowledged:
            e.paused = self.until(t, command)
            rule.emit(t, "update", reason="snoozed", **self.said(command))
        return "ok"

    def reset(self, t, rule, command):
        if not rule.episode.latched:
            return "not_allowed"
        rule.emit(t, "reset", **self.said(command))
        rule.end(t, reason="reset", **self.said(command))
        return "ok"

    def mute(self, t, command):
        name = command["mute"]
        mine = [r for r in self.rules if r.name == name]
        if mine[0].says["priority"] == "high":
            return "not_allowed"
        if command.get("clear"):
            if name in self.mutes:
                self.end_mute(t, name, command)
            return "ok"
        self.mutes[name] = self.until(t, command)
        for rule in mine:
            rule.mute(t, command)
        return "ok"

    def limit(self, t, command):
        channel = command["limit"]
        if command.get("clear"):
            self.change_limits(t, channel, None, command=command)
            return "ok"
        own = {side: float(command[side].split()[0]) for side in ("low", "high") if side in command}
        both = {side: float(text.split()[0])
                for side, text in self.profile()[1].get(channel, {}).items()}
        both.update(own)
        if len(both) == 2 and both["low"] >= both["high"]:
            return "malformed" if len(own) == 2 else "not_allowed"
        self.change_limits(t, channel, own, self.until(t, command), command)
        return "ok"

    def spare(self, t, reason, command, channel=None):
        for rule in self.rules:
            if rule.technical and (channel is None or rule.channel == channel):
                rule.close(t, reason, command)

    def standby(self, t, command):
        self.away_until = self.until(t, command)
        self.spare(t, "standby", command)
        return "ok"

    def probe_off(self, t, command):
        self.off_until[command["probe_off"]] = self.until(t, command)
        self.spare(t, "probe_off", command, command["probe_off"])
        return "ok"

    def admit(self, t, command):
        self.discharged = False
        self.away_until = None
        self.off_until.clear()
        return "ok"

    def discharge(self, t, command):
        for rule in self.rules:
            rule.close(t, "discharged", command)
        if not self.discharged:
            self.arrive()
        self.discharged = True
        return "ok"


COMMANDS = ("acknowledge", "snooze", "reset", "mute", "limit", "standby", "probe_off", "admit",
            "discharge")


def ordered(rules):
    """In the order of the file, but each behind those that inhibit it."""
    done, order = set(), []

    def place(name):
        if name in done:
            return
        done.add(name)
        for other in rules[name].get("inhibited_by", ()):
            place(other)
        order.append((name, rules[name]))

    for name in rules:
        place(name)
    return order


class Reference:
    def __init__(self, config):
        self.config = config
        rules = dict(config["alert_rules"])
        for name, priority in (("lead_off", "low"), ("readmitted", "medium")):
            if not any(r["when"].get("condition") == name for r in rules.values()):
                rules[name] = {"priority": priority, "when": {"condition": name}}
        self.rules = ordered(rules)
        self.events = []
        self.patients = {}

    def profile(self, bed):
        ward, _, label = bed.partition("/")
        beds = self.config["wards"].get(ward, {}).get("beds", {})
        name = beds.get(label, {}).get("profile", next(iter(self.config["profiles"])))
        return name, self.config["profiles"][name]

    def run(self, steps, until):
        """Events, and the answers to the commands in their order."""
        answers = []
        at = {}
        for step in steps:
            at.setdefault(step["at"], []).append(step)
        for t in range(until + 1):
            here = at.get(t, [])
            for step in here:
                if "values" in step:
                    self.patient(step).row(t, step["bed"], reading(step["values"]))
            for step in here:
                if "command" in step:
                    answers.append(self.patient(step).command(t, step["command"]))
            for patient in self.patients.values():
                patient.timers(t)
        return self.events, answers

    def patient(self, step):
        name = step["patient"]
        if name not in self.patients:
            self.patients[name] = Patient(name, self)
        return self.patients[name]


def reading(values):
    row = {}
    for channel, text in values.items():
        words = str(text).split()
        if words[-1] in ("missing", "invalid"):
            row[channel] = {"usable": False, "lead_off": False, "value": None}
            continue
        value = float(words[-1])
        off = value == 0 and channel in PROBES
        row[channel] = {"usable": not off, "lead_off": off, "value": value}
    return row
