"""Rules about forecasts and what is unusual, and rows that move those."""
from .draw import draw_steps, fate, inhibit, limit, some, timing, whole
from .draw_scores import tame
from .models import GAP_S, LATENESS_S, TICK_S


def draw_ahead_config(rng):
    rules = {}
    if rng.random() < 0.5:
        rules["limit"], _, _ = limit(rng)
        fate(rng, rules["limit"], rng.choice(["low", "medium", "high"]))
    for i in range(rng.randint(2, 3)):
        rule = {"when": rng.choice([forecast, forecast, anomaly])(rng), **timing(rng)}
        if "channel" not in rule["when"] and rng.random() < 0.3:
            rule["keep_firing_for"] = rng.choice(["20s", "60s"])
        fate(rng, rule, rng.choice(["low", "medium"]))
        tame(rule)
        inhibit(rng, rules, rule)
        rules[f"model_{i}"] = rule
    config = whole(rules)
    config["models"] = {"ahead": {"type": "ridge", "file": "ahead.safetensors"},
                        "odd": {"type": "pca", "file": "odd.safetensors"}}
    config["stages"] = [
        {"type": "clean"},
        {"type": "resample", "tick": f"{TICK_S}s", "lateness": f"{LATENESS_S}s",
         "max_gap": f"{GAP_S}s"},
        {"type": "normalize"}, {"type": "forecast", "model": "ahead", "adapt": False},
        {"type": "detect", "model": "odd"}, {"type": "alert"}]
    return config


def forecast(rng):
    channel, side, number = rng.choice([("spo2", "below", "90 %"), ("hr", "above", "120 /min")])
    profile = "profile.low" if side == "below" else "profile.high"
    return {"forecast": channel, side: rng.choice([number, profile, profile]),
            "within": rng.choice(["60s", "90s", "120s"])}


def anomaly(rng):
    return {"anomaly": "odd", "above": "threshold"}


def draw_ahead_steps(rng, config, count):
    """Without suspect values, which models are not shown."""
    steps = draw_steps(rng, config, count)
    for step in steps:
        for channel, said in step.get("values", {}).items():
            if str(said).startswith("suspect "):
                step["values"][channel] = said[len("suspect "):]
    return steps
