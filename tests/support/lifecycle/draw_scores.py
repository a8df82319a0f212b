"""Rules about early warning scores, and rows that move those."""
import pathlib

from .draw import fate, inhibit, some, steps_of, timing, whole
from .terms import NOTED

SCORES = pathlib.Path(__file__).resolve().parents[3] / "configs" / "scores"
# values on both sides of the edges of bands, of what is scored
EDGES = {"rr": (8, 8.5, 9, 11.4, 12, 14.5, 20, 21, 24.5, 25, 29.5, 30),
         "spo2": (83.4, 84, 86, 88, 91.4, 91.5, 92, 93, 95, 96, 97),
         "hr": (40.4, 41, 50, 51, 90.5, 100, 110, 111, 130, 131),
         "pulse": (40, 51, 90, 110.5, 130.5), "temp": (34.9, 35.04, 35.05, 36, 38.05, 38.45, 39.1),
         "abp_sys": (70, 80.5, 90.4, 90.5, 100, 101, 110, 199.5, 219, 220),
         "nibp_sys": (70, 90, 100, 111, 220), "acvpu": tuple("ACVPU"), "gcs": (15, 14, 14.5, 8),
         "oxygen": (0, 0.004, 0.01, 2), "fio2": (21, 21.4, 21.5, 40)}
CALM = {"rr": 16, "spo2": 97, "hr": 75, "pulse": 75, "temp": 36.8, "abp_sys": 125, "nibp_sys": 125,
        "acvpu": "A", "gcs": 15, "oxygen": 0, "fio2": 21}
LEVELS = {"news2": ("single", "urgent", "emergency"), "mews": ("critical",), "qsofa": ("positive",)}
HIGH_AT_LEAST = {"emergency": "high", "urgent": "medium", "single": "medium", "critical": "medium"}


def draw_scores_config(rng):
    rules = {}
    for i in range(rng.randint(2, 4)):
        score = rng.choice(["news2", "news2", "mews", "qsofa"])
        when = {"score": score}
        kind = rng.choice(["level", "at_least", "single"])
        when[kind] = {"level": rng.choice(LEVELS[score]), "single": 1 if score == "qsofa" else
                      rng.randint(2, 3), "at_least": 2 if score == "qsofa" else rng.randint(3, 7)}[kind]
        rule = {"when": when, **timing(rng)}
        if rng.random() < 0.3:
            rule["for"] = "120s"
        if kind == "at_least" and rng.random() < 0.5:
            rule.setdefault("clear", {})["below"] = str(max(1, when["at_least"] - rng.randint(0, 2)))
        least = ["low", "medium"] if score == "qsofa" else ["low", "medium", "high"]
        fate(rng, rule, HIGH_AT_LEAST.get(when.get("level")) or rng.choice(least))
        if score == "qsofa":
            tame(rule)
        inhibit(rng, rules, rule)
        rules[f"score_{i}"] = rule
    if rng.random() < 0.5:
        rules["gcs_low"] = {"when": {"channel": "gcs", "below": "14.5"}, **timing(rng)}
        fate(rng, rules["gcs_low"], rng.choice(["low", "medium", "high"]))
    if rng.random() < 0.3:
        rules["drowsy"] = {"when": {"all": [{"channel": "acvpu", "above": "A"},
                                            {"not": {"channel": "gcs", "below": "9"}}]}}
        fate(rng, rules["drowsy"], "medium")
    config = whole(rules)
    config["profiles"] = {
        "adult": {"age_years": 40, "spo2": {"low": "90 %"},
                  "hr": {"low": "50 /min", "high": "120 /min"}},
        "child": {"extends": "adult", "spo2_scale": {"use": 2, "author": "Dr. Example"}},
        "other": {"age_years": 60}}
    used = {r["when"]["score"] for r in rules.values() if "score" in r["when"]}
    config["scores"] = {
        name: {"file": str(SCORES / f"{name}.yaml"), **some(rng, profiles=[["adult", "child"]]),
               **some(rng, expires=[{"abp_sys": "120s"}, {"rr": "30s"}])} for name in sorted(used)}
    return config


def tame(rule):
    """An advisory alert is never high and never latches."""
    rule.pop("latching", 0)
    rule.pop("realarm", 0)
    if rule.get("escalate", {}).get("to") == "high":
        rule["escalate"]["to"] = "medium"
    if rule["priority"] == "medium":
        rule.pop("escalate", 0)


def draw_scores_steps(rng, config, count):
    levels = {}

    def row(patient):
        values = {}
        for channel in rng.sample(list(EDGES), rng.randint(1, 5)):
            key = patient, channel
            if key not in levels or rng.random() < 0.3:
                calm = key not in levels or rng.random() < 0.4
                levels[key] = CALM[channel] if calm else rng.choice(EDGES[channel])
            value = levels[key]
            doubted = value if isinstance(value, str) else f"suspect {value}"
            values[channel] = rng.choices([value, doubted, "missing", "invalid"], [20, 2, 1, 1])[0]
        return {"values": values}

    return steps_of(rng, config, count, [0, 1, 2, 5, 8, 10, 15, 20, 30, 45, 100, 100], row,
                    {channel: EDGES[channel] for channel in NOTED})
