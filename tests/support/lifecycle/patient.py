"""A patient: what is known, the rules that look at it, and what people say."""
from .ahead import Ticks, TickRule
from .rules import ValueRule
from .technical import (Artefact, CheckSensor, DeviceClock, LeadOff, Readmitted, Refused,
                        SourceStale, Stale)
from .terms import CHANNELS, FOREVER, NOTED, PROBES, SENSORS, Moment, number, seconds

COMMANDS = ("acknowledge", "snooze", "reset", "mute", "limit", "standby", "probe_off", "admit",
            "discharge", "note")  # `note` last: beside others it is a remark


class Patient:
    def __init__(self, name, reference):
        self.name, self.reference = name, reference
        self.known = self.discharged = self.was_late = False
        self.bed = None
        self.ticks = Ticks()      # also of who is discharged
        self.numbers = 0
        self.arrive()

    def arrive(self):
        self.values, self.heard = {}, {}  # newest usable ones, and when
        self.mutes, self.limits, self.limit_until = {}, {}, {}
        self.bed_back = -FOREVER
        self.away_until = None
        self.off_until = {}
        self.noted_until = {}     # of what is noted now
        self.noting = None        # the command that is shown to the rules
        self.rules = []
        for name, says in self.reference.rules:
            if says["when"].get("stale") != "source":
                self.rules += self.make(name, says)

    def make(self, name, says):
        """A rule, once for each channel that has its condition."""
        when = says["when"]
        condition = when.get("condition")
        channels = PROBES if condition == "lead_off" else SENSORS
        channels = [when["channel"]] if "channel" in when else sorted(set(channels.values()))
        if condition == "artefact":
            guarded = [r for r in self.rules if isinstance(r, ValueRule) and r.is_guarded()]
            told_as = {c: SENSORS[c] if "bp_" in c else c for c in SENSORS}
            limits = {c: [r for r in guarded if told_as[r.channel] == c] for c in told_as}
            return [Artefact(name, says, self, c, rules) for c, rules in limits.items() if rules]
        if condition in ("lead_off", "check_sensor"):
            kind = LeadOff if condition == "lead_off" else CheckSensor
            return [kind(name, says, self, c) for c in channels]
        kinds = {"readmitted": Readmitted, "device_clock": DeviceClock, "limit_refused": Refused}
        of_ticks = "forecast" in when or "anomaly" in when
        kind = kinds.get(condition, Stale if "stale" in when else
                         TickRule if of_ticks else ValueRule)
        return [kind(name, says, self)]

    def count(self, rule):
        self.numbers += 1
        return self.numbers

    def say(self, event):
        self.reference.events.append(event)

    def profile(self):
        return self.reference.profile(self.bed)

    def bed_limit(self, channel, side):
        return self.reference.bed_limit(self.bed, channel, side)

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
        self.forget_noted(Moment(t), [c for c, until in self.noted_until.items() if t >= until])

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

    def tick(self, t):
        """A tick of the models closes, or not."""
        tick = self.ticks.at(t)
        if not tick or self.discharged:
            return
        t = Moment(t, {"due": tick[0]}, t - tick[0])
        self.expire(t)
        for rule in self.rules:
            if isinstance(rule, TickRule):
                rule.tick(t, tick[1])
            else:
                rule.try_start(t)

    def row(self, t, bed, row):
        self.known = True
        self.ticks.take(t, row)
        usable = [c for c, v in row.items() if v["usable"]]
        back = self.discharged and bool(usable)
        if self.discharged and not usable:
            return
        self.discharged = False
        moved = self.bed is not None and self.bed != bed
        self.bed = bed
        self.expire(t)
        if moved:
            for rule in self.rules:
                if rule.episode and not rule.episode.held and not rule.lacks_limit():
                    rule.emit(t, "update", reason="bed")
        if usable:
            self.away_until = None
            if self.silent(t):
                self.bed_back = t
        for channel, value in row.items():
            if value["usable"]:
                self.values[channel] = value
                self.heard[channel] = t
                self.off_until.pop(channel, None)
                if channel in NOTED:
                    self.noted_until[channel] = FOREVER
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

    def command(self, t, command, ordinal):
        """The answers, one for each episode that it is about."""
        do = next(k for k in COMMANDS if k in command)
        self.expire(t)
        if do in ("acknowledge", "snooze", "reset"):
            open_ones = [r for r in self.rules if r.name == command[do] and r.episode]
            answers = [getattr(self, do)(t, r, command) for r in open_ones]
        elif self.discharged and do in ("mute", "limit", "standby", "probe_off", "note"):
            return ["not_allowed"]
        elif do == "note":
            place = {"offset": 0, "ordinal": ordinal}
            answers = [self.note(Moment(t, place), command)]
        elif do == "limit":
            answers = [self.limit(Moment(t, {"offset": 0, "ordinal": ordinal}), command)]
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
        own = {side: number(command[side], channel) for side in ("low", "high") if side in command}
        wrong = not command.get("clear") and self.wrong(channel, own)
        refused = [rule for rule in self.rules if isinstance(rule, Refused)]
        for rule in refused:
            if wrong:
                rule.refuse(t, channel, wrong, self.said(command))
            else:
                rule.accept(t, channel, self.said(command))
        if wrong:
            return "not_allowed"
        if command.get("clear"):
            self.change_limits(t, channel, None, command=command)
        else:
            self.change_limits(t, channel, own, self.until(t, command), command)
        return "ok"

    def wrong(self, channel, own):
        """Why nobody can have these limits in this bed, or None."""
        _, _, least, most, _ = CHANNELS[channel]
        if not all(least <= value <= most for value in own.values()):
            return "range"
        both = {side: given[0] for side in ("low", "high")
                if (given := self.bed_limit(channel, side))}
        both.update(own)
        return "crosses" if len(both) == 2 and both["low"] >= both["high"] else None

    def note(self, t, command):
        channel = command["note"]
        if not any(isinstance(r, ValueRule) and r.looks_at(channel) for r in self.rules):
            return "not_allowed"
        if command.get("clear"):
            self.forget_noted(t, [c for c in self.noted_until if c == channel], command)
            return "ok"
        value = {"usable": True, "suspect": False, "t": t,
                 "value": number(command["value"], channel)}
        self.values[channel], self.heard[channel] = value, t
        self.noted_until[channel] = self.until(t, command)
        self.show(t, {channel: value}, command)
        return "ok"

    def forget_noted(self, t, channels, command=None):
        """It has expired, or is taken back: not known, and not normal."""
        for channel in channels:
            del self.noted_until[channel]
        if channels:
            self.show(t, {c: {"usable": False, "forgotten": True} for c in channels}, command)

    def show(self, t, row, command):
        """To the rules that look at what is noted, and to no other."""
        self.noting = command
        for rule in self.rules:
            if isinstance(rule, ValueRule) and rule.looks_at(*row):
                rule.row(t, row)
        self.noting = None

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


class Shard(Patient):
    """Stands for the partition itself: what concerns no patient."""

    def arrive(self):
        super().arrive()
        self.heard_row = None
        self.known = True
        self.rules = [SourceStale(name, says, self) for name, says in self.reference.rules
                      if says["when"].get("stale") == "source"]

    def row(self, t, bed=None, row=None):
        for rule in self.rules:
            rule.row(t, row)
        self.heard_row = t
