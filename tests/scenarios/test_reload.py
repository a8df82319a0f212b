#!/usr/bin/env python3
"""A configuration is taken over while rows pass: no row is lost, and every event is the one that
stopping and starting with the new file at that position gives."""
import copy
import http.client
import json
import os
import pathlib
import re
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import live
import vigil
from http_client import TOKEN, Server, settings, value
from live import Live, record
from vigil import check

LONG = os.environ.get("VIGIL_LONG") == "1"
TOPIC = "vitals.raw"
PARTITIONS = 3
PATIENTS = 9


def config(broker, **service):
    c = vigil.sedation_config(broker.bootstrap, **service)
    vigil.add_models(c)
    c["alert_rules"]["spo2_low"]["for"] = "2s"
    return c


def vitals(i, s):
    """Each patient is low for a while now and then, at times of its own."""
    return {"spo2": 85 if (s + 17 * i) % 90 < 12 else 91 if (s + 7 * i) % 40 < 15 else 97,
            "pulse": 45 if (s + 29 * i) % 140 < 20 else 70, "hr": 60 + (s + 11 * i) % 80,
            "rr": 14 + s // 60 % 4}


def rows(seconds):
    return [record(i % PARTITIONS, s, f"p-{i}", **vitals(i, s))
            for s in range(seconds) for i in range(PATIENTS)]


def limit_of(c, n):
    c["alert_rules"]["spo2_low"]["when"]["below"] = f"{88 + n % 5} %"


def no_pulse(c, _):
    del c["alert_rules"]["pulse_low"]


def other_hold(c, n):
    c["stages"][2]["lateness"] = f"{2 + n % 3}s"


def other_scales(c, n):
    """As another recipe would: the detector is left, its rule goes with it."""
    c["alert_rules"]["unusual"]["priority"] = ("medium", "low")[n % 2]


def other_profile(c, n):
    c["profiles"] = {"adult": {"age_years": 50, "spo2": {"low": f"{89 + n % 3} %"}}}
    c["alert_rules"]["spo2_low"]["when"] = {"channel": "spo2", "below": "profile.low"}


CHANGES = (limit_of, no_pulse, other_hold, other_profile, other_scales)


def broken(text):
    return text.replace('"version"', '"versoin"', 1)


class Changing:
    """A live pipeline whose file is changed again and again; knows what is in force."""

    def __init__(self, pipeline):
        self.p = pipeline
        self.first = copy.deepcopy(pipeline.config)
        self.in_force = [copy.deepcopy(pipeline.config)]

    def write(self, change, n):
        c = copy.deepcopy(self.first)
        change(c, n)
        self.p.path.write_text(json.dumps(c, indent=1))
        return c

    def reload(self, change, n):
        """Returns whether it was in time."""
        c = self.write(change, n)
        said = reload(self.p)
        if said is None:
            return False
        check(said["outcome"] == "changed", f"{change.__name__} {n}: {said}")
        self.in_force.append(c)
        check(said["generation"] == len(self.in_force), f"generation: {said}")
        return True

    def refuse(self):
        before = self.p.path.read_text()
        self.p.path.write_text(broken(before))
        said = reload(self.p)
        self.p.path.write_text(before)
        check(said is None or (said["outcome"] == "refused" and
                               said["generation"] == len(self.in_force)), f"broken: {said}")
        return said is not None


def reload(p, *more):
    """The outcome; None: the pipeline has ended."""
    done = subprocess.run([vigil.VIGIL, "reload", p.data, "--json", *more], capture_output=True,
                          text=True, timeout=90)
    if done.returncode == 69 or not done.stdout:
        check(done.returncode == 69, f"reload: exit {done.returncode}: {done.stderr}")
        return None
    said = json.loads(done.stdout)
    check(done.returncode == said["exit"], f"exit {done.returncode}: {said}")
    return said


def positions(p, changes):
    """By partition: where each configuration after the first one took over. A partition that was not
    begun by then has none: it began with the new one."""
    switches = p.outbox("select shard, next_offset, ordinal from config_switch "
                        "order by shard, next_offset, ordinal")
    places = {shard: [at for s, at, _ in switches if s == shard][1:] for shard in range(PARTITIONS)}
    return {shard: [0] * (changes - len(at)) + at for shard, at in places.items()}


def by_restarts(broker_records, configs, places):
    """The events when each configuration is started with the rows that lie before the next one."""
    fed = {shard: [r for r in broker_records if r[0] == shard] for shard in range(PARTITIONS)}
    with vigil.MockBroker(f"{TOPIC}:{PARTITIONS}") as broker:
        with vigil.Pipeline(copy.deepcopy(configs[0])) as p:
            begun = {shard: 0 for shard in range(PARTITIONS)}
            for i, c in enumerate(configs):
                part = []
                for shard in range(PARTITIONS):
                    end = places[shard][i] if i < len(places[shard]) else len(fed[shard])
                    part += fed[shard][begun[shard]:end]
                    begun[shard] = end
                c = copy.deepcopy(c)
                c["service"]["data_dir"] = str(p.data)
                c["source"]["brokers"] = broker.bootstrap
                p.path.write_text(json.dumps(c))
                if part:
                    vigil.produce(broker.bootstrap, TOPIC, part)
                live.check_no_mismatch(p.run())
            return p.by_shard()


def check_same(got, wanted):
    for shard in range(PARTITIONS):
        a, b = got.get(shard, []), wanted.get(shard, [])
        for i, (x, y) in enumerate(zip(a, b)):
            check(x == y, f"shard {shard}, event {i}:\n live    {x}\n restart {y}")
        check(len(a) == len(b), f"shard {shard}: {len(a)} events, by restarts {len(b)}: "
              f"{(a + b)[min(len(a), len(b))]}")


class Onlookers:
    """What looks at the configuration while it changes: pages, metrics and a stream, over and over."""

    PAGES = ("/metrics", "/api/v1/status", "/api/v1/config", "/api/v1/beds", "/readyz")

    def __init__(self, run):
        self.server = Server(run)
        self.looks = self.streamed = 0
        for target in (self._look, self._stream):
            threading.Thread(target=target, daemon=True).start()

    def _look(self):
        try:
            while True:
                for page in self.PAGES:
                    self.server.ask(page, Authorization=f"Bearer {TOKEN}")
                    self.looks += 1
        except (OSError, vigil.Failed, http.client.HTTPException):
            pass  # the pipeline has ended


    def _stream(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        try:
            connection.request("GET", "/api/v1/stream", headers={"Authorization": f"Bearer {TOKEN}"})
            answer = connection.getresponse()
            while part := answer.read1(65536):
                self.streamed += len(part)
        except (OSError, http.client.HTTPException):
            pass


def first_change(run, changing, stall):
    """Asked for while nothing moves, so that it is in the midst of the rows."""
    p = changing.p
    changing.write(CHANGES[0], 0)
    with subprocess.Popen([vigil.VIGIL, "reload", p.path, "--wait"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as asked:
        run.wait_line(b"reading the configuration")
        stall.unlink()
        said = asked.communicate(timeout=60)[0].decode()
    check("generation 2" in said and "alert_rules.spo2_low" in said, said)
    changing.in_force.append(json.loads(p.path.read_text()))


def reload_on(changing, reloads):
    """Good and broken ones, until the log is read or there were so many; returns how many good ones."""
    for n in range(1, reloads):
        if not changing.reload(CHANGES[n % len(CHANGES)], n) or \
                (n % 3 == 0 and not changing.refuse()):
            return n
    return reloads


def under_load(seconds, reloads, kill=False, **service):
    """Reloads under load, compared with restarts at the same places. With `kill`, a crash right behind
    the last one."""
    everything = rows(seconds)
    with vigil.MockBroker(f"{TOPIC}:{PARTITIONS}") as broker:
        vigil.produce(broker.bootstrap, TOPIC, everything)
        c = config(broker, frame_rows=1, in_flight_rows=64, http=settings(token=TOKEN), **service)
        with vigil.Pipeline(c) as p:
            stall = p.folder / "stall"
            stall.touch()
            changing = Changing(p)
            with Live(p, "--until-end", env={"VIGIL_FAULT_STALL": f"alert:{stall}"}) as run:
                looking = Onlookers(run)
                first_change(run, changing, stall)
                done = reload_on(changing, reloads)
                if kill:
                    run.kill()
                else:
                    check(run.wait(300) == 0, f"exit {run.process.returncode}: {run.said[-3000:]}")
                check(looking.looks > 5 and looking.streamed > 0,
                      f"{looking.looks} looks at pages, {looking.streamed} bytes of a stream")
            # The last file that was written may have come too late.
            p.path.write_text(json.dumps(changing.in_force[-1]))
            if kill:
                live.check_no_mismatch(p.run())
            places = positions(p, len(changing.in_force) - 1)
            check(max(at[0] for at in places.values()) > 0, f"nothing was begun: {places}")
            check(p.outbox("select count(*) from command where kind = 0") == [(0,)], "a CLOCK")
            print(f"     {done} reloads over {len(everything)} rows, the first ones at "
                  f"{[at[:6] for at in places.values()]}")
            wanted = by_restarts(everything, changing.in_force, places)
            check(sum(map(len, wanted.values())) > 40, "hardly any events")
            check_same(p.by_shard(), wanted)
            # A restart finds all of it as it was.
            lines = p.lines()
            live.check_no_mismatch(p.run())
            check(p.lines() == lines, "a restart adds events")
            return done


def reloads_under_load_are_as_restarts_at_the_same_places():
    done = under_load(400, 3, workers=2)
    check(done >= 2, f"only {done} reloads before the end of the log")


def expect(p, outcome, *texts, exit=78):
    said = reload(p)
    check((said["outcome"], said["exit"]) == (outcome, exit), f"not {outcome}: {said}")
    whole = json.dumps(said)
    for text in texts:
        check(text in whole, f"no {text!r} in {said}")
    return said


def a_crash_behind_a_reload_changes_nothing():
    under_load(200, 1, kill=True)


def what_cannot_be_taken_over_changes_nothing():
    with vigil.MockBroker(f"{TOPIC}:{PARTITIONS}") as broker:
        c = config(broker, http=settings(token=TOKEN))
        with vigil.Pipeline(c) as p, Live(p) as run:
            server = Server(run)
            first = copy.deepcopy(c)

            def use(change):
                c = copy.deepcopy(first)
                change(c)
                p.path.write_text(json.dumps(c, indent=1))

            trusted = {"Authorization": f"Bearer {TOKEN}"}
            expect(p, "unchanged", exit=0)
            before = p.path.read_text()
            p.path.write_text(broken(before))
            said = expect(p, "refused")
            check(re.search(r"vigil\.yaml:2:3: error: .*versoin.*\n.*versoin.*\n +\^\n",
                            said["diagnostics"]), f"no place: {said['diagnostics']}")
            check(value(server.metrics(), "vigil_config_last_reload_successful") == 0,
                  "a broken one is told")
            for change, text in (
                    (lambda c: c["service"].update(workers=2), "service.workers: 1 -> 2"),
                    (lambda c: c["source"].update(topic="other"), "source.topic: vitals.raw -> other"),
                    (lambda c: c["service"]["http"].update(token="another-secret-of-mine"),
                     "service.http.token: changed"),
                    (lambda c: c["sinks"].update(more={"type": "file", "path": "more.ndjson"}),
                     "sinks.more: added"),
                    (lambda c: c["stages"].pop(1), "another chain of stages"),
                    (lambda c: c["service"].update(data_dir=str(p.folder / "else")),
                     "service.data_dir")):
                use(change)
                said = expect(p, "refused", "needs a restart: ", text)
                check("another-secret" not in json.dumps(said), "a secret is told")
            state = json.loads(server.page("/api/v1/status", **trusted))
            check(state["reload"]["generation"] == 1 and not state["reload"]["ok"] and
                  "data_dir" in state["reload"]["error"], f"state: {state['reload']}")
            use(lambda c: limit_of(c, 3))
            said = expect(p, "changed", "alert_rules.spo2_low.when.below: 90 % -> 91 %", exit=0)
            check(said["generation"] == 2, f"{said}")
            metrics = server.metrics()
            check(value(metrics, "vigil_config_last_reload_successful") == 1 and
                  value(metrics, "vigil_config_generation") == 2, "the metrics")
            shown = json.loads(server.page("/api/v1/config", **trusted))
            check(shown["alert_rules"]["spo2_low"]["when"]["below"] == "91 %", "what is in force")
            values = subprocess.run([vigil.VIGIL, "config", "show", "--json", p.path],
                                    capture_output=True, text=True).stdout
            check(server.page("/api/v1/config?form=values", **trusted) == values,
                  "what is in force is not what `config show` says of the file")
            asked = subprocess.run([vigil.VIGIL, "reload", p.path], capture_output=True, text=True)
            check(asked.returncode == 0 and "was asked" in asked.stderr, f"{asked}")
            run.stop()
            audited = [json.loads(line)["outcome"]
                       for file in sorted((p.data / "audit").glob("*.ndjson"))
                       for line in file.read_text().splitlines() if '"configuration"' in line
                       and '"outcome"' in line]
            check(audited[:9] == ["unchanged"] + ["refused"] * 7 + ["changed"], f"audit: {audited}")
            gone = subprocess.run([vigil.VIGIL, "reload", p.path, "--wait"], capture_output=True)
            check(gone.returncode == 69, f"without a pipeline: {gone}")


def a_hundred_reloads():
    done = 0
    while done < 100:
        done += under_load(3600, 34, workers=1 + done % 2)


if __name__ == "__main__":
    tests = [reloads_under_load_are_as_restarts_at_the_same_places,
             a_crash_behind_a_reload_changes_nothing,
             what_cannot_be_taken_over_changes_nothing]
    if LONG:
        tests.append(a_hundred_reloads)
    vigil.main(*tests)
