"""A configuration over the steps of a test."""
from .patient import Patient, Shard
from .terms import CHANNELS, UNITS, Moment, number, seconds


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
        for name, priority in (("lead_off", "low"), ("device_clock", "low"), ("artefact", "low"),
                               ("check_sensor", "low"), ("readmitted", "medium"),
                               ("limit_refused", "low")):
            if not any(r["when"].get("condition") == name for r in rules.values()):
                rules[name] = {"priority": priority, "when": {"condition": name}}
        self.rules = ordered(rules)
        self.events, self.met = [], set()
        self.patients = {}
        source = config["source"]
        self.by_device = source["clock"] == "device"
        self.shard = Shard(None, self)
        self.late_after = seconds(source.get("late_after", "30s"))

    def profile(self, bed):
        name = self.bed(bed).get("profile", next(iter(self.config["profiles"])))
        return name, self.config["profiles"][name]

    def bed(self, bed):
        ward, _, label = bed.partition("/")
        return self.config["wards"].get(ward, {}).get("beds", {}).get(label, {})

    def bed_limit(self, bed, channel, side):
        """The number and who gives it: the bed, else its profile; or None."""
        name, profile = self.profile(bed)
        for origin, limits in ((f"bed {bed}", self.bed(bed).get("limits", {})),
                               (f"profile {name}", profile)):
            text = limits.get(channel, {}).get(side)
            if text:
                return number(text, channel), origin
        return None

    def run(self, steps, until):
        """Events, and the answers to the commands in their order."""
        answers = []
        at = {}
        for step in steps:
            at.setdefault(step["at"], []).append(step)
        rows = 0
        for t in map(Moment, range(until + 1)):
            here = at.get(t, [])
            for step in here:
                if "values" in step:
                    self.take(step, t, rows)
                    rows += 1
            for step in here:
                if "command" in step:
                    given = sum(len(answer) for answer in answers)
                    answers.append(self.patient(step).command(t, step["command"], given))
            for patient in (self.shard, *self.patients.values()):
                patient.tick(t)
                patient.timers(t)
        return self.events, answers

    def take(self, step, t, number):
        """A row that is late names a bed, and reaches nothing else; times are the device's."""
        age = seconds(step.get("age", "0s")) if self.by_device else 0
        t = Moment(t, number, age)
        late = age > self.late_after
        row = {} if late else reading(step["values"])
        for value in row.values():
            value["t"] = t.device
        self.shard.row(t)
        patient = self.patient(step)
        patient.row(t, step["bed"], row)
        patient.was_late = late

    def patient(self, step):
        name = step["patient"]
        if name not in self.patients:
            self.patients[name] = Patient(name, self)
        return self.patients[name]


def reading(values):
    """What `clean` makes of the values of a row."""
    row = {}
    for channel, text in values.items():
        _, doubt, said = str(text).rpartition("suspect ")
        if said in ("missing", "invalid"):
            row[channel] = {"usable": False, "why": "device", "missing": said == "missing"}
            continue
        value = number(said, channel)
        _, _, least, most, zero_is_none = CHANNELS[channel]
        why = None
        if value == 0 and zero_is_none:
            why = "probe_off"
        elif not least <= value <= most:
            why = "range"
        row[channel] = {"usable": not why, "why": why or (doubt and "device"),
                        "value": value, "suspect": bool(doubt),
                        "converted": " " in said and not said.endswith(" " + UNITS[channel])}
    return row
