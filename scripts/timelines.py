#!/usr/bin/env python3
"""Draws the timelines of docs/alerts.md: what a mechanism of alerts does, second by second.

    scripts/timelines.py [--check]        # writes docs/pictures/*.svg, or says which are not up to date

Each picture is a small configuration and rows made up for it, through the real stages (`vigil
test`): what is drawn happened. VIGIL names another program than build/release/vigil.
"""
import html
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs/pictures"
PROGRAM = os.environ.get("VIGIL", ROOT / "build/release/vigil")

WIDTH, LEFT, RIGHT = 720, 46, 14
PLOT_TOP, PLOT_HEIGHT = 30, 110
LANE_HEIGHT, LANE_GAP = 16, 6


def spo2_rule(**more):
    return {"title": "SpO2 below limit", "priority": "high",
            "when": {"channel": "spo2", "below": "90 %"}, **more}


def run_of(*steps):
    """Rows a second each: (value, seconds) ..., a value None: no rows."""
    return [value for value, seconds in steps for _ in range(seconds)]


def line(start, end, seconds):
    return [round(start + (end - start) * i / seconds, 1) for i in range(seconds)]


PICTURES = {  # name: title, channel values per second, rules, lines to draw, more
    "for": {
        "title": "for: 10s. A value beyond the limit must stay there before the alert starts",
        "values": {"spo2": run_of((95, 8), (87, 6), (94, 8), (86, 24), (95, 14))},
        "rules": {"spo2_low": spo2_rule(**{"for": "10s"})},
        "limits": {"spo2": [90]},
    },
    "clear": {
        "title": "clear: {above: 92 %, for: 15s}. Between the limits the alert goes on",
        "values": {"spo2": run_of((95, 5), (86, 15), (91, 15), (93, 8), (91, 6), (94, 26))},
        "rules": {"spo2_low": spo2_rule(**{"for": "5s", "clear": {"above": "92 %", "for": "15s"}})},
        "limits": {"spo2": [90, 92]},
    },
    "keep_firing_for": {
        "title": "keep_firing_for: 20s. What comes back within that time is the same episode",
        "values": {"spo2": run_of((95, 5), (86, 15), (95, 12), (86, 12), (95, 36))},
        "rules": {"spo2_low": spo2_rule(**{"for": "5s", "keep_firing_for": "20s"})},
        "limits": {"spo2": [90]},
    },
    "update": {
        "title": "update_every: 30s. A worse value is told, at most so often",
        "values": {"spo2": run_of((95, 5)) + line(89, 70, 100) + run_of((95, 10))},
        "rules": {"spo2_low": spo2_rule(update_every="30s")},
        "limits": {"spo2": [90]},
    },
    "data_lost": {
        "title": "No alert ends because data stopped: SpO2 speaks for 10 s, then data are lost",
        "values": {"spo2": run_of((95, 5), (86, 15), (None, 30), (87, 10), (95, 10))},
        "rules": {"spo2_low": spo2_rule()},
        "limits": {"spo2": [90]},
    },
    "count": {
        "title": "at_least: 3, of: 5. Three of the newest five values",
        "values": {"spo2": run_of((95, 8), (86, 1), (95, 1), (86, 1), (95, 7), (86, 1), (95, 1),
                                  (86, 1), (95, 1), (86, 1), (95, 15))},
        "rules": {"spo2_low": {"title": "SpO2 below limit", "priority": "high",
                               "when": {"channel": "spo2", "below": "90 %", "at_least": 3,
                                        "of": 5}}},
        "limits": {"spo2": [90]},
    },
    "trend": {
        "title": "trend, falls_by: 15 mm[Hg] over 16m. A line through the means of sixteen parts",
        "values": {"abp_mean": [90 + (1 if s % 70 < 30 else -1) - max(0, s - 400) / 60
                                for s in range(0, 2400)]},
        "rules": {"map_falls": {"title": "Blood pressure falling", "priority": "medium",
                                "when": {"trend": "abp_mean", "falls_by": "15 mm[Hg]",
                                         "over": "16m"}}},
        "limits": {"abp_mean": []},
    },
    "rate": {
        "title": "rate, falls_by: 5 % within 1m. The newest value beside the highest of a minute",
        "values": {"spo2": line(98, 95, 60) + line(95, 88, 30) + run_of((88, 80))},
        "rules": {"spo2_drops": {"title": "SpO2 drops", "priority": "medium",
                                 "when": {"rate": "spo2", "falls_by": "5 %", "within": "1m"}}},
        "limits": {"spo2": []},
    },
    "baseline": {
        "title": "baseline, above_by: 25 /min. Known after half an hour, not moved by the crisis",
        "values": {"hr": [62 + (s // 60) % 3 for s in range(2400)]
                   + [62 + min(40, (s - 2400) / 10) for s in range(2400, 4200)]
                   + [64 for _ in range(600)]},
        "rules": {"hr_unusual": {"title": "Heart rate far above the patient's own",
                                 "priority": "low",
                                 "when": {"baseline": "hr", "above_by": "25 /min"}}},
        "limits": {"hr": []},
    },
    "all": {
        "title": "all. Each condition has times of its own, and tells nobody",
        "values": {"spo2": run_of((95, 10), (88, 60), (95, 10)),
                   "rr": run_of((18, 30), (32, 20), (20, 30))},
        "rules": {"both": {"title": "Breathing fails", "priority": "high",
                           "when": {"all": [{"channel": "spo2", "below": "90 %", "for": "10s"},
                                            {"channel": "rr", "above": "30 /min"}]}}},
        "limits": {"spo2": [90], "rr": [30]},
    },
    "sequence": {
        "title": "sequence within 60s. One condition begins after the other",
        "values": {"rr": run_of((18, 10), (34, 15), (18, 75)),
                   "spo2": run_of((95, 40), (88, 30), (95, 30))},
        "rules": {"then": {"title": "Fast breathing, then low SpO2", "priority": "medium",
                           "when": {"sequence": [{"channel": "rr", "above": "30 /min"},
                                                 {"channel": "spo2", "below": "90 %"}],
                                    "within": "60s"}}},
        "limits": {"rr": [30], "spo2": [90]},
    },
    "stale": {
        "title": "stale: any, longer_than: 20s. Silence is an alarm",
        "values": {"spo2": run_of((95, 15), (None, 40), (95, 15))},
        "rules": {"no_data": {"title": "No data from bed", "priority": "medium",
                              "when": {"stale": "any", "longer_than": "20s"}}},
        "limits": {"spo2": []},
    },
    "worse": {
        "title": "worse: {below: 85 %, priority: high}. Up at once, down after a minute",
        "values": {"spo2": run_of((95, 10), (88, 30), (83, 30), (88, 90), (95, 20))},
        "rules": {"spo2_low": {"title": "SpO2 below limit", "priority": "medium",
                               "when": {"channel": "spo2", "below": "90 %"},
                               "worse": {"below": "85 %", "priority": "high"}}},
        "limits": {"spo2": [90, 85]},
    },
    "escalate": {
        "title": "escalate: {after: 1m, to: high}. When nobody acknowledges it",
        "values": {"spo2": run_of((95, 10), (88, 120), (95, 10))},
        "rules": {"spo2_low": {"title": "SpO2 below limit", "priority": "medium",
                               "when": {"channel": "spo2", "below": "90 %"},
                               "escalate": {"after": "1m", "to": "high"}}},
        "limits": {"spo2": [90]},
    },
    "realarm": {
        "title": "realarm: 2m. A high alert that nobody acknowledges is told again",
        "values": {"spo2": run_of((95, 10), (88, 400), (95, 20))},
        "rules": {"spo2_low": spo2_rule(realarm="2m")},
        "limits": {"spo2": [90]},
        "commands": [{"at": "330s", "acknowledge": "spo2_low", "by": "nurse 7"}],
    },
    "latching": {
        "title": "latching: true. What ended by itself is kept until somebody has seen it",
        "values": {"hr": run_of((80, 20), (0, 12), (80, 58))},
        "rules": {"asystole": {"title": "No heart beat", "priority": "high",
                               "when": {"channel": "hr", "below": "20 /min"}, "for": "4s",
                               "latching": True}},
        "limits": {"hr": [20]},
        "commands": [{"at": "70s", "reset": "asystole", "by": "nurse 7"}],
    },
    "inhibited_by": {
        "title": "inhibited_by: [spo2_very_low]. The more urgent rule speaks alone",
        "values": {"spo2": run_of((95, 10), (82, 25), (88, 30), (95, 15))},
        "rules": {"spo2_very_low": {"title": "SpO2 very low", "priority": "high",
                                    "when": {"channel": "spo2", "below": "85 %"}},
                  "spo2_low": {"title": "SpO2 below limit", "priority": "medium",
                               "when": {"channel": "spo2", "below": "90 %"},
                               "inhibited_by": ["spo2_very_low"]}},
        "limits": {"spo2": [90, 85]},
    },
    "refractory": {
        "title": "refractory: 60s. After an end, the next start waits",
        "values": {"spo2": run_of((95, 10), (88, 15), (95, 15), (88, 15), (95, 35), (88, 20),
                                  (95, 10))},
        "rules": {"spo2_low": {"title": "SpO2 below limit", "priority": "medium",
                               "when": {"channel": "spo2", "below": "90 %"},
                               "refractory": "60s"}},
        "limits": {"spo2": [90]},
    },
    "budget": {
        "title": "budget: {max: 2, per: 2m}. The third start within two minutes waits",
        "values": {"spo2": run_of((95, 10), (88, 10), (95, 15), (88, 10), (95, 15), (88, 95),
                                  (95, 15))},
        "rules": {"spo2_low": {"title": "SpO2 below limit", "priority": "medium",
                               "when": {"channel": "spo2", "below": "90 %"},
                               "budget": {"max": 2, "per": "2m"}}},
        "limits": {"spo2": [90]},
    },
    "snooze": {
        "title": "snooze. The sound pauses for its time; the alert goes on, and events go out",
        "values": {"spo2": run_of((95, 10), (88, 100), (95, 10))},
        "rules": {"spo2_low": spo2_rule()},
        "limits": {"spo2": [90]},
        "commands": [{"at": "25s", "snooze": "spo2_low", "for": "60s", "by": "nurse 7"}],
    },
    "acknowledge": {
        "title": "An acknowledgement belongs to one episode",
        "values": {"spo2": run_of((95, 5), (86, 40), (95, 15), (86, 15), (95, 5))},
        "rules": {"spo2_low": spo2_rule(**{"for": "5s"})},
        "limits": {"spo2": [90]},
        "commands": [{"at": "25s", "acknowledge": "spo2_low", "by": "nurse 7"}],
    },
}

STYLE = """
text{font:12px sans-serif;fill:#333}.t{font-weight:bold}.a{fill:#777;font-size:11px}
.v{fill:none;stroke:#1f5f99;stroke-width:1.6}.l{stroke:#b00020;stroke-width:1;stroke-dasharray:4 3}
.x{stroke:#bbb}.p{fill:#f3d27a}.high{fill:#d64545}.medium{fill:#e8a33d}.low{fill:#5fa8d3}
.lost{fill:#999}.held{fill:none;stroke:#999;stroke-dasharray:2 2}.m{stroke:#333;stroke-width:1}
@media(prefers-color-scheme:dark){text{fill:#ddd}.a{fill:#aaa}.v{stroke:#7fb8ea}.x{stroke:#555}
.m{stroke:#ddd}}
"""


def configuration(picture):
    rows = {}
    for channel, values in picture["values"].items():
        rows[channel] = ["none" if v is None else v for v in values]
    length = max(len(values) for values in rows.values())
    silent = [s for s in range(length) if all(v[s] == "none" for v in rows.values() if s < len(v))]
    runs, start = [], 0
    for s in silent + [length]:  # a row without any value would end a silence
        if s > start:
            runs.append({"at": f"{start}s", "every": "1s", "count": s - start,
                         "values": {c: v[start:s] for c, v in rows.items() if v[start:s]}})
        start = s + 1
    # Everything that happens is wanted; a test has to expect something.
    test = {"name": "picture", "until": f"{length}s", "input": runs, "at_end": [],
            **{key: picture[key] for key in ("commands",) if key in picture}}
    return {
        "version": 1,
        "service": {"name": "picture", "data_dir": "nowhere"},
        "source": {"type": "kafka", "brokers": "localhost:9092", "topic": "vitals.raw",
                   "start": "latest", "clock": "record"},
        "stages": [{"type": "clean"}, {"type": "alert"}],
        "alert_rules": picture["rules"],
        "sinks": {"out": {"type": "console"}},
        "tests": [test],
    }, length


def happened(picture):
    """Seconds, and the events of the picture's own rules, by time."""
    config, length = configuration(picture)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "picture.yaml"
        path.write_text(json.dumps(config))
        out = subprocess.run([PROGRAM, "test", "--json", path], capture_output=True, text=True,
                             check=False)
    if not out.stdout:
        sys.exit(f"{picture['title']}: {out.stderr}")
    events = json.loads(out.stdout)["configs"][0]["tests"][0]["events"]
    return length, [(e["at_s"], e["event"]) for e in events if e["event"]["rule"] in picture["rules"]]


class Drawing:
    def __init__(self, length):
        self.length = length
        self.parts = []

    def x(self, s):
        return LEFT + (WIDTH - LEFT - RIGHT) * s / self.length

    def add(self, text):
        self.parts.append(text)

    def text(self, x, y, words, kind="", anchor="start"):
        self.add(f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
                 f"{html.escape(words)}</text>")

    def bar(self, start, end, y, kind):
        self.add(f'<rect class="{kind}" x="{self.x(start):.1f}" y="{y:.1f}" '
                 f'width="{max(1.5, self.x(end) - self.x(start)):.1f}" height="{LANE_HEIGHT}"/>')


def seconds_of(event, member):
    clock = event[member].split("T")[1].rstrip("Z").split(":")
    return int(clock[0]) * 3600 + int(clock[1]) * 60 + float(clock[2])


def draw_values(d, top, channel, values, limits):
    known = [v for v in values if v is not None] + limits
    low, high = min(known), max(known)
    margin = max(1, (high - low) * 0.1)
    low, high = low - margin, high + margin

    def y(v):
        return top + PLOT_HEIGHT * (high - v) / (high - low)

    d.text(4, top + 10, channel, "t")
    for limit in limits:
        d.add(f'<line class="l" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(limit):.1f}" '
              f'y2="{y(limit):.1f}"/>')
        d.text(LEFT - 4, y(limit) + 4, f"{limit:g}", "a", "end")
    step = max(1, len(values) // 600)
    path, pen = "", "M"
    for s in range(0, len(values), step):
        if values[s] is None:
            pen = "M"
            continue
        path += f"{pen}{d.x(s):.1f} {y(values[s]):.1f}"
        pen = "L"
    d.add(f'<path class="v" d="{path}"/>')


def draw_axis(d, y):
    step = next(s for s in (5, 10, 20, 60, 120, 300, 600, 1200, 3600) if d.length / s <= 12)
    d.add(f'<line class="x" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
    for s in range(0, d.length + 1, step):
        d.text(d.x(s), y + 14, f"{s // 60} min" if step >= 60 else f"{s} s", "a",
               "end" if d.x(s) > WIDTH - 2 * RIGHT else "middle")


def draw_episode(d, y, events):
    """One bar: pending from the onset, active by priority, lost data grey, held back dashed."""
    at = [s for s, _ in events]
    start, first = events[0]
    end = next((s for s, e in events if e["phase"] == "end"), d.length)
    if seconds_of(first, "onset") < start:
        d.bar(seconds_of(first, "onset"), start, y, "p")
    for i, (s, event) in enumerate(events):
        kind = event["priority"]
        if event.get("reason") == "data_lost":
            kind = "lost"
        elif event.get("suppressed_by"):
            kind = "held"
        if event["phase"] != "end":
            d.bar(s, at[i + 1] if i + 1 < len(at) else end, y, kind)


def draw_marks(d, y, events):
    """The words of events in rows below, each where there is room."""
    ends = []
    for s, event in events:
        words = " ".join([event["phase"]] + [event[m] for m in ("reason", "suppressed_by")
                                             if event.get(m)])
        width = 6.4 * len(words) + 8
        x = min(d.x(s), WIDTH - RIGHT - width)
        row = next((r for r, end in enumerate(ends) if end <= x), len(ends))
        ends[row:row + 1] = [x + width]
        d.add(f'<line class="m" x1="{d.x(s):.1f}" x2="{d.x(s):.1f}" y1="{y - LANE_HEIGHT - 2:.1f}" '
              f'y2="{y + 4 + 14 * row:.1f}"/>')
        d.text(x + 3, y + 12 + 14 * row, words, "a")
    return 14 * len(ends)


def draw(picture):
    length, events = happened(picture)
    d = Drawing(length)
    d.text(4, 16, picture["title"], "t")
    y = PLOT_TOP
    for channel, values in picture["values"].items():
        draw_values(d, y, channel, values, picture["limits"][channel])
        y += PLOT_HEIGHT + 8
    draw_axis(d, y)
    y += 24
    for rule in picture["rules"]:
        own = [(s, e) for s, e in events if e["rule"] == rule]
        episodes = {}
        for s, event in own:
            episodes.setdefault(event["episode_id"], []).append((s, event))
        for episode in episodes.values():
            draw_episode(d, y, episode)
        y += LANE_HEIGHT
        y += draw_marks(d, y, own) + LANE_GAP
    words = ", ".join(f"{s:g} s {e['phase']}" for s, e in events)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 4:.0f}" '
            f'role="img"><title>{html.escape(picture["title"])}</title>'
            f"<desc>{html.escape(words)}</desc><style>{STYLE.strip()}</style>\n"
            + "\n".join(d.parts) + "\n</svg>\n")


def main():
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit(__doc__)
    stale = []
    FOLDER.mkdir(exist_ok=True)
    for name, picture in PICTURES.items():
        path, svg = FOLDER / f"{name}.svg", draw(picture)
        if check and (not path.exists() or path.read_text() != svg):
            stale.append(path.name)
        elif not check:
            path.write_text(svg)
    known = {f"{name}.svg" for name in PICTURES}
    stale += sorted(p.name for p in FOLDER.glob("*.svg") if p.name not in known)
    if stale:
        print(f"not up to date: {', '.join(stale)}; run scripts/timelines.py")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
