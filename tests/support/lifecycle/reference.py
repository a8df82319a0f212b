"""A configuration over the steps of a test."""
from .patient import Patient
from .terms import PROBES


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
