"""What becomes of an alert, whatever it is about."""
from .terms import FOREVER, RANK, seconds


class Episode:
    def __init__(self, number, began, onset, position):
        self.number, self.began, self.onset = number, began, onset
        self.position = position or (
            {"due": onset} if onset.row is None else
            onset.row if isinstance(onset.row, dict) else {"offset": onset.row})
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

    technical = advisory = False

    def kind(self):
        return "technical" if self.technical else "advisory" if self.advisory else "physiological"

    # --- what is told

    def emit(self, t, phase, **members):
        e = self.episode
        over = phase in ("end", "reset")
        state = ("inactive" if over else "latched" if e.latched else
                 "data-lost" if e.lost else "active")
        event = {"patient": self.patient.name, "rule": self.name, "episode": e.number,
                 "n": e.events, "phase": phase, "priority": e.priority, "state": state,
                 "kind": self.kind(),
                 "signal": {"is": "enabled"} if over else self.signal(t),
                 "bed": self.patient.bed, "time": t, "onset": e.onset,
                 "position": e.position}
        if self.channel:
            event["channel"] = self.channel
        if phase == "end":
            event["duration_s"] = t - e.onset
        if e.events == 0 or phase == "start":
            found = self.found()
            found = e.began if found is None else found
            event["delays"] = {"condition_s": found - e.onset}
            if phase == "start":
                event["delays"]["generation_s"] = t - found
        if self.patient.noting:
            event["by"] = self.patient.noting["by"]
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

    def begin(self, t, onset, position=None):
        self.episode = Episode(self.patient.count(self), t, onset, position)
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
        e.lost = False
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

    def found(self):
        """When it was last found to hold, or None: with its beginning."""
        return None

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

    def lacks_limit(self):
        """Whether it names a limit that the patient's bed does not have."""
        return False
