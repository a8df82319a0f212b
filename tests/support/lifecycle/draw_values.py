"""Rules that look at more than one value of a channel, and rows that move them."""
from .draw import disturbed, fate, inhibit, some, steps_of, whole
from .draw import timing as short
from .terms import PROBES

# where a channel begins, how far it moves from row to row, and between which numbers
WALKS = {"spo2": (96, 2, 78, 100), "hr": (80, 6, 35, 190), "temp": (36.8, 0.3, 34.0, 41.0),
         "abp_mean": (82, 5, 40, 130), "oxygen": (0, 2, 0, 15)}
# in another unit, exactly on a limit that some rule has
ON_LIMIT = {"spo2": ["90 %", "0.9 1"], "hr": ["50 /min", "2 Hz", "120 /min"],
            "temp": ["97.7 [degF]", "38.5 Cel", "311.15 K"], "abp_mean": ["8 kPa", "60 mm[Hg]"],
            "oxygen": ["4 L/min"]}
BEYOND_PLAUSIBLE = {"spo2": 100.5, "hr": 351, "temp": 13.9, "abp_mean": 376, "oxygen": 101}
LIMITS = {"spo2": [("below", "90 %"), ("below", "0.9 1"), ("below", "profile.low")],
          "hr": [("below", "50 /min"), ("above", "2 Hz"), ("above", "profile.high + 2 /min")],
          "temp": [("below", "97.7 [degF]"), ("above", "38.5 Cel"), ("above", "311.15 K")],
          "abp_mean": [("below", "8 kPa"), ("below", "60 mm[Hg]")]}
STEPS = {"spo2": ["3.3 %", "6 %"], "hr": ["0.3 Hz", "25 /min"], "temp": ["0.7 K", "1 [degF]"],
         "abp_mean": ["1.5 kPa", "17 mm[Hg]"]}
SHARES = {"spo2": "4.3 %", "hr": "21 %", "temp": "1.1 Cel", "abp_mean": "2.1 kPa"}


# How a channel goes: what is drawn of it, seconds between rows, how many channels a row has, how often
# it turns and jumps. What is usual is known after half an hour, a trend after minutes one way.
class Pace:
    def __init__(self, drawn, gaps, channels, turns=0.15, jumps=0.03, length=1):
        self.drawn, self.gaps, self.channels = drawn, gaps, channels
        self.turns, self.jumps, self.length = turns, jumps, length


def draw_values_config(rng, pace):
    drawn = PACES[pace].drawn
    rules = {}
    for i in range(rng.randint(3, 5)):
        draw = rng.choice(drawn)
        when, more = draw(rng)
        rule = {"when": when, **more}
        fate(rng, rule, priority(rng, when))
        parts = next((p for p in when.values() if isinstance(p, list)), [when])
        if all("change" in part for part in parts):  # advisory
            rule.pop("latching", 0)
        inhibit(rng, rules, rule)
        rules[f"{draw.__name__}_{i}"] = rule
    if rng.random() < 0.5:
        return whole(rules, clock="device", late_after="30s")
    return whole(rules)


def timing(rng):
    """Sometimes longer than values speak, so that there are gaps in it."""
    said = short(rng)
    if rng.random() < 0.25:
        said["for"] = rng.choice(["40s", "90s"])
    return said


def priority(rng, when):
    mild = when.get("quality") == "good" or "change" in when
    return rng.choice(["low", "medium"] if mild else ["low", "medium", "high"])


def bounded(rng, said):
    channel = rng.choice(list(LIMITS))
    side, text = rng.choice(LIMITS[channel])
    said.update(some(rng, quality=["good"]))
    return {"channel": channel, side: text, **said}, timing(rng)


def limit(rng):
    return bounded(rng, {})


def count(rng):
    least = rng.randint(1, 3)
    return bounded(rng, {"at_least": least, "of": rng.randint(max(2, least), 5)})


def step(rng):
    channel = rng.choice(list(STEPS))
    return channel, {rng.choice(["falls_by", "rises_by"]): rng.choice(STEPS[channel])}


def rate(rng):
    channel, by = step(rng)
    return {"rate": channel, **by, "within": rng.choice(["8s", "20s", "60s"])}, timing(rng)


def trend(rng):
    channel, by = step(rng)
    return {"trend": channel, **by, "over": rng.choice(["64s", "100s", "160s"]),
            **some(rng, confidence=["90 %", "95 %", "99 %"])}, timing(rng)


def slope(rng):
    """Of a trend that is waited for longer than a line is believed in, a quarter of its window."""
    when, said = trend(rng)
    return when, {**said, "for": rng.choice(["40s", "90s"])}


def change(rng):
    said = some(rng, **{"keep_firing_for": ["5s", "20s"], "for": ["5s"]})
    said.update(some(rng, clear=[{"for": "10s"}, {"for": "30s"}]))
    return {"change": "oxygen", "by": rng.choice(["2 L/min", "3 L/min"])}, said


def baseline(rng):
    channel = rng.choice(list(SHARES))
    return {"baseline": channel, rng.choice(["below_by", "above_by"]): SHARES[channel],
            "over": rng.choice(["1h", "4h"])}, timing(rng)


def combination(rng):
    def part():
        when, said = rng.choice([limit, count, rate, trend, change])(rng)
        return {**when, **said}
    kind = rng.choice(["all", "any", "sequence"])
    when = {kind: [part() for _ in range(2)]}
    if kind == "sequence":
        when["within"] = "40s"
    return when, timing(rng)


PACES = {
    "values": Pace([count, limit, rate, trend, change, combination],
                   [0, 1, 1, 2, 2, 3, 4, 5, 10, 16, 32], (1, 4)),
    "usual": Pace([baseline], [20, 30, 40, 60, 60], (4, 4), length=2),
    "trends": Pace([trend, slope], [2, 3, 3, 4, 4, 5, 5, 6, 30, 50], (4, 5), turns=0.03, jumps=0.003,
                   length=2)}


def draw_values_steps(rng, config, count, pace):
    pace = PACES[pace]
    late = config["source"]["clock"] == "device"
    walks = {}

    def move(key):
        """Drifts, and stays where it is for a while."""
        begins, far, least, most = WALKS[key[1]]
        value, drift = walks.get(key, (begins, 0))
        if rng.random() < pace.turns:
            drift = rng.choice([0, 0, -far, far])
        value = value + drift + rng.choice([-far, 0, 0, 0, far]) / 2
        if rng.random() < pace.jumps:
            value = rng.uniform(least, most)
        walks[key] = round(min(max(value, least), most), 1), drift
        return walks[key][0]

    def row(patient):
        values = {}
        for channel in rng.sample(list(WALKS), rng.randint(*pace.channels)):
            value = move((patient, channel))
            kind = rng.random()
            if kind < 0.1:
                values[channel] = rng.choice(ON_LIMIT[channel])
            elif kind < 0.12:
                values[channel] = BEYOND_PLAUSIBLE[channel]
            else:
                values[channel] = disturbed(rng, channel, value)
        said = {"values": values}
        if late and rng.random() < 0.15:
            said["age"] = rng.choice(["10s", "30s", "31s", "45s"])
        return said

    alone = {"patients": ["p-1"]} if pace.length > 1 else {}
    return steps_of(rng, config, pace.length * count, pace.gaps, row, **alone)
