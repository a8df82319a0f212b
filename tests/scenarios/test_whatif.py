#!/usr/bin/env python3
"""`vigil whatif`: the difference between two configurations, beside a computation of its own here."""
import collections
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import vigil
from vigil import check

TOPIC = "vitals.raw"


def call(*arguments, expect=0):
    done = subprocess.run([vigil.VIGIL, *map(str, arguments)], capture_output=True, text=True,
                          timeout=vigil.TIMEOUT_S)
    check(done.returncode == expect, f"vigil {arguments}: exit {done.returncode}, expected "
                                     f"{expect}\n{done.stderr[-3000:]}")
    return done


def write(folder, name, config):
    path = pathlib.Path(folder) / name
    path.write_text(json.dumps(config))
    return path


class Recorded:
    """A quarter of an hour of a ward in a recording, and two configurations to look at it with."""

    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.temporary.name)
        self.log = self.folder / "ward.vrec"
        with vigil.MockBroker(f"{TOPIC}:3") as broker:
            call("simulate", "--brokers", broker.bootstrap, "--topic", TOPIC, "--beds", "8",
                 "--duration", "15m", "--seed", "3", "--start", "2026-01-01T11:50:00Z",
                 "--scenario", "apnoea@1:4m+3m", "--artefact-rate", "60", "--progress", "none")
            config = vigil.sedation_config(broker.bootstrap, clock="device")
            config["alert_rules"]["silent"] = {"title": "No data", "priority": "medium",
                                               "when": {"stale": "any", "longer_than": "2s"}}
            self.a = write(self.folder, "a.yaml", config)
            call("record", self.a, "--to", self.log)
        rules = config["alert_rules"]
        rules["spo2_low"] |= {"for": "4s", "keep_firing_for": "30s"}
        rules["pulse_low"]["when"]["below"] = "64 /min"
        rules["cold"] = vigil.limit_rule("tcco2", "20 mm[Hg]", 10)
        del rules["silent"]
        self.b = write(self.folder, "b.yaml", config)
        return self

    def __exit__(self, *_):
        self.temporary.cleanup()

    def whatif(self, *more, a=None, b=None, expect=0):
        return call("whatif", "--record", self.log, "--config", a or self.a, "--config",
                    b or self.b, *more, expect=expect)


def seconds(text):
    day, clock = text.rstrip("Z").split("T")
    h, m, s = clock.split(":")
    return 86400 * int(day[-2:]) + 3600 * int(h) + 60 * int(m) + float(s)


def episodes(log, config, end):
    """(rule, channel, patient) -> [[start, end, is open, bed]] of a configuration, by start."""
    found = {}
    for line in call("run", config, "--recording", log).stdout.splitlines():
        e = json.loads(line)
        if e["phase"] == "start":
            found[e["episode_id"]] = [(e["rule"], e.get("channel"), e.get("patient")),
                                      seconds(e["time"]), None, e.get("bed")]
        elif e["phase"] == "end":
            found[e["episode_id"]][2] = seconds(e["time"])
    by_key = collections.defaultdict(list)
    for key, start, over, bed in found.values():
        by_key[key].append([start, end if over is None else over, over is None, bed])
    return {key: sorted(list_) for key, list_ in by_key.items()}


def pair(a, b):
    """Yields (key, episode of A or None, episode of B or None, is one that joins another)."""
    meets = lambda e, others: any(e[0] <= o[1] and o[0] <= e[1] for o in others)
    for key in a.keys() | b.keys():
        x, y = list(a.get(key, [])), list(b.get(key, []))
        while x or y:
            if not y or (x and x[0][1] < y[0][0]):
                yield key, x[0], None, meets(x.pop(0), b.get(key, []))
            elif not x or y[0][1] < x[0][0]:
                yield key, None, y[0], meets(y.pop(0), a.get(key, []))
            else:
                yield key, x.pop(0), y.pop(0), False


def summary(pairs):
    """Counts as the tables have them."""
    a, b = [p for p in pairs if p[1]], [p for p in pairs if p[2]]
    both = [p for p in pairs if p[1] and p[2]]
    same = sum(p[1] == p[2] for p in both)
    joined = [sum(p[3] for p in x if p not in both) for x in (a, b)]
    told = {"a": len(a), "b": len(b), "joined_a": joined[0], "joined_b": joined[1],
            "only_a": len(a) - len(both) - joined[0], "only_b": len(b) - len(both) - joined[1],
            "same": same, "moved": len(both) - same,
            "active_a_s": round(sum(p[1][1] - p[1][0] for p in a), 3),
            "active_b_s": round(sum(p[2][1] - p[2][0] for p in b), 3)}
    if both:
        told["start_shift_s"] = round(statistics.median(p[2][0] - p[1][0] for p in both), 3)
    return told


def rounded(tally, name):
    return {k: round(v, 3) if isinstance(v, float) else v for k, v in tally.items() if k != name}


def the_figures_are_those_of_a_computation_apart():
    with Recorded() as r:
        said = json.loads(r.whatif("--json").stdout)
        end = seconds(said["to"])
        pairs = list(pair(episodes(r.log, r.a, end), episodes(r.log, r.b, end)))
        check(rounded(said["all"], None) == summary(pairs), f"all: {said['all']} {summary(pairs)}")
        for what in ("only_a", "only_b", "joined_a", "same", "moved"):
            check(said["all"][what] > 0, f"no episode is {what}")
        for tally in said["rules"]:
            mine = summary([p for p in pairs if p[0][0] == tally["rule"]])
            check(rounded(tally, "rule") == mine, f"{tally} {mine}")
        for tally in said["beds"]:
            mine = summary([p for p in pairs if (p[1] or p[2])[3] == tally["bed"]])
            check(rounded(tally, "bed") == mine, f"{tally} {mine}")
        check(len(said["hours"]) == 24, "hours")
        for tally in said["hours"]:
            for side, k in (("a", 1), ("b", 2)):
                n = sum(bool(p[k]) and int(p[k][0] % 86400 // 3600) == int(tally["hour"])
                        for p in pairs)
                check(tally[side] == n, f"hour {tally}, {n} in {side}")
        kinds = collections.Counter(e["in"] for e in said["episodes"])
        alone = {x: said["all"][f"only_{x}"] + said["all"][f"joined_{x}"] for x in "ab"}
        check(kinds == {"a": alone["a"], "b": alone["b"],
                        "both": said["all"]["same"] + said["all"]["moved"]}, f"{kinds}")
        check(any("tcco2" in note for note in said["notes"]), f"{said['notes']}")
        shifted = json.loads(r.whatif("--json", "--utc-offset", "-2h").stdout)
        check([h["a"] for h in shifted["hours"]][8:12] == [h["a"] for h in said["hours"]][10:14],
              "hours of a ward elsewhere")


def a_configuration_beside_itself_differs_in_nothing():
    with Recorded() as r:
        said = json.loads(r.whatif("--json", b=r.a).stdout)
        check(said["all"]["same"] == said["all"]["a"] == said["all"]["b"] > 0, said["all"])
        check(any("same configuration" in note for note in said["notes"]), f"{said['notes']}")
        text = r.whatif(b=r.a).stdout
        check("only in" not in text and "(the configuration that was recorded)" in text, text)


def tables_and_page_show_the_difference():
    with Recorded() as r:
        page = r.folder / "page.html"
        text = r.whatif("--report", page, "--episodes", "2").stdout
        for words in ("only in A", "only in B", "in both, at other times", "more; --episodes",
                      "not a medical device", "tcco2"):
            check(words in text, f"{words!r} is not in\n{text}")
        html = page.read_text()
        said = json.loads(r.whatif("--json").stdout)
        drawn = [html.count(f"<title>{side}: ") for side in "AB"]
        check(drawn == [said["all"]["a"], said["all"]["b"]], f"{drawn} alerts are drawn")
        check("not a medical device" in html.replace("\n", " ") and "icu-a/01" in html, "page")
        check(not re.search(r"https?://|<script|<link|src=", html), "the page needs others")
        r.whatif("--report", page, "--episodes", "2")
        check(page.read_text() == html, "another page the second time")
        r.whatif("--report", "/nowhere/page.html", expect=74)


def mistakes_are_explained():
    with Recorded() as r:
        call("whatif", "--record", r.log, "--config", r.a, expect=2)
        call("whatif", "--config", r.a, "--config", r.b, expect=2)
        r.whatif(b=r.folder / "absent.yaml", expect=78)
        data = bytearray(r.log.read_bytes())
        data[len(data) // 2] ^= 1
        r.log.write_bytes(data)
        done = r.whatif(expect=74)
        check("damaged at byte" in done.stderr and not done.stdout, f"{done}")
        r.log.write_bytes(b"ward")
        check("is no recording" in r.whatif(expect=74).stderr, "not a recording")


def a_log_that_cannot_be_read_is_not_taken_for_a_quiet_one():
    with vigil.MockBroker(f"{TOPIC}:1") as broker, tempfile.TemporaryDirectory() as folder:
        vigil.produce(broker.bootstrap, TOPIC,
                      [(0, vigil.START_MS + s, "p", b"<xml/>") for s in range(10)])
        a = write(folder, "a.yaml", vigil.sedation_config(broker.bootstrap))
        log = pathlib.Path(folder) / "a.vrec"
        call("record", a, "--to", log)
        said = call("whatif", "--record", log, "--config", a, "--config", a, expect=1).stderr
        check("not a row" in said and "decoder" in said, said)


if __name__ == "__main__":
    vigil.main(the_figures_are_those_of_a_computation_apart,
               a_configuration_beside_itself_differs_in_nothing,
               tables_and_page_show_the_difference, mistakes_are_explained,
               a_log_that_cannot_be_read_is_not_taken_for_a_quiet_one)
