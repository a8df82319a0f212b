#!/usr/bin/env python3
"""What people say reaches the alerts from this machine and user only, once, survives kill -9, and is
the same in a replay whatever the frames and the workers."""
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import zmq

import live
import vigil
from live import Live, record, until
from vigil import check

TOPIC = "vitals.raw"
VARIANTS = [(1, 1), (7, 2)]  # frame_rows, workers
KILLS = 40 if os.environ.get("VIGIL_LONG") else 5


def config(broker, folder=None, **service):
    c = vigil.sedation_config(broker.bootstrap, snapshot={"every": "200ms"}, **service)
    c["profiles"] = {"adult": {"spo2": {"low": "90 %"}, "hr": {"high": "120 /min"}}}
    c["alert_rules"] = {
        "spo2_low": {"priority": "medium", "when": {"channel": "spo2", "below": "profile.low"},
                     "latching": True, "escalate": {"after": "90s", "to": "high"},
                     "realarm": "2m"},
        "hr_low": {"priority": "high", "when": {"channel": "hr", "below": "40 /min"},
                   "realarm": "2m"},
        "hr_high": {"priority": "low", "when": {"channel": "hr", "above": "profile.high"},
                    "refractory": "30s", "budget": {"max": 2, "per": "1h"},
                    "inhibited_by": ["hr_low"]},
        "gcs_low": {"priority": "medium", "when": {"channel": "gcs", "below": "9"}},
        "no_data": {"priority": "medium", "when": {"stale": "any", "longer_than": "60s"}}}
    if folder:
        c["sinks"]["live"] = {"type": "zeromq", "publish": f"ipc://{folder}/publish",
                              "control": f"ipc://{folder}/control"}
    return c


def feed(broker, first_s, seconds, **patients):
    """Rows of {p0: {...}, p1: {...}}, one each second; patient pN is in partition N."""
    vigil.produce(broker.bootstrap, TOPIC,
                  [record(int(name[1]), s, name, **vitals)
                   for s in range(first_s, first_s + seconds) for name, vitals in patients.items()])


def events(p, **want):
    bodies = [json.loads(b) for (b,) in p.outbox("select body from event order by seq")]
    return [b for b in bodies if all(b.get(k) == v for k, v in want.items())]


def wait_event(p, **want):
    until(f"an event {want}", lambda: (p.data / "outbox.db").exists() and events(p, **want))
    return events(p, **want)[-1]


class Operator:
    def __init__(self, folder, data_dir):
        self.folder = folder
        self.data_dir = data_dir

    def says(self, *words, expect=0, by="nurse-7", data_dir=None):
        done = subprocess.run(
            [vigil.VIGIL, "alerts", *words, "--connect", f"ipc://{self.folder}/publish",
             "--control", f"ipc://{self.folder}/control", "--by", by,
             "--data-dir", data_dir or self.data_dir],
            capture_output=True, text=True, timeout=vigil.TIMEOUT_S)
        check(done.returncode == expect, f"{words}: exit {done.returncode}: {done.stderr}")
        return done.stderr

    def asks(self, **request):
        """A request without the program, as anybody on this machine could send it."""
        with zmq.Context.instance().socket(zmq.DEALER) as dealer:
            dealer.setsockopt(zmq.LINGER, 0)
            dealer.connect(f"ipc://{self.folder}/control")
            dealer.send(json.dumps({"id": "x", **request}).encode())
            check(dealer.poll(10000), f"no answer to {request['do']}")
            return json.loads(dealer.recv())


def nobody_else_may(operator, p, discharge):
    mode = (p.data / "command.key").stat().st_mode & 0o777
    check(mode == 0o600, f"command.key has mode {mode:o}")
    for key in ({}, {"key": ""}, {"key": "0" * 64}, {"key": "short"}):
        said = operator.asks(do="command", command_id="intruder", command=discharge, **key)
        check(said.get("error") == "not_allowed", f"with {key}: {said}")
    check(p.outbox("select count(*) from command where kind = 3") == [(0,)], "it was obeyed")
    operator.says("discharge", "p0", expect=1, data_dir="/nonexistent")


def mistakes_are_answered(operator, p, high):
    key = (p.data / "command.key").read_text().strip()
    for command, code in (
            ({"do": "snooze", "episode": high, "by": "n"}, "malformed"),
            ({"do": "snooze", "episode": high, "by": "n", "for_s": 5000}, "malformed"),
            ({"do": "snooze", "episode": "f" * 32, "by": "n", "for_s": 5}, "unknown_episode"),
            ({"do": "limit", "patient": "p0", "channel": "spo2", "low": 95, "high": 90, "by": "n",
              "note": "x", "for_s": 60}, "not_allowed"),
            ({"do": "limit", "patient": "p0", "channel": "hr", "low": 130, "by": "n",
              "note": "x", "for_s": 60}, "not_allowed"),
            ({"do": "limit", "patient": "p0", "channel": "spo2", "low": 1000, "by": "n",
              "note": "x", "for_s": 60}, "not_allowed"),
            ({"do": "mute", "patient": "p0", "rule": "hr_high", "by": "n", "for_s": 60},
             "malformed"),
            ({"do": "mute", "patient": "p0", "rule": "nothing", "by": "n", "for_s": 60,
              "note": "x"}, "unknown_rule"),
            ({"do": "mute", "patient": "p0", "rule": "hr_low", "by": "n", "for_s": 60,
              "note": "x"}, "not_allowed"),
            ({"do": "note", "patient": "p0", "channel": "spo2", "value": 80, "by": "n"},
             "malformed"),
            ({"do": "note", "patient": "p0", "channel": "gcs", "value": 16, "by": "n"},
             "malformed"),
            ({"do": "note", "patient": "p0", "channel": "gcs", "by": "n"}, "malformed"),
            ({"do": "note", "patient": "p0", "channel": "acvpu", "value": 2, "by": "n"},
             "malformed"),
            ({"do": "note", "patient": "p0", "channel": "acvpu", "value": "Z", "by": "n"},
             "malformed"),
            ({"do": "note", "patient": "p0", "channel": "acvpu", "value": "V", "by": "n"},
             "not_allowed"),
            ({"do": "admit", "patient": "p9", "by": "n"}, "unknown_patient"),
            ({"do": "admit", "patient": "p0", "rule": "hr_low", "by": "n"}, "malformed"),
            ({"do": "admit", "patient": "p0", "by": "n", "twice": 1}, "malformed"),
            ({"do": "dance", "patient": "p0", "by": "n"}, "malformed")):
        said = operator.asks(do="command", key=key, command=command,
                             command_id=json.dumps(command)[:64])
        check(said.get("error") == code, f"{command}: {said}")
        check("p0" not in said["message"], f"a patient in a message: {said}")


def said_before_the_kill(operator, p):
    high = wait_event(p, rule="hr_low", phase="start")["episode_id"]
    low = wait_event(p, rule="spo2_low", phase="start", patient="p0")["episode_id"]
    nobody_else_may(operator, p, {"do": "discharge", "patient": "p0", "by": "n"})
    mistakes_are_answered(operator, p, high)
    for _ in range(2):
        refused = operator.says("snooze", high, "--for", "3m", "--command-id", "long", expect=1)
        check("not_allowed" in refused and "2 minutes" in refused, refused)
        operator.says("snooze", high, "--for", "2m", "--command-id", "short", "--note", "alone")
    check(len(events(p, reason="snoozed")) == 1, "a repeated command made another event")
    check(wait_event(p, reason="snoozed")["signal"]["is"] == "audio-paused", "not paused")
    told = [e["text"].split(" by ")[0] for e in events(p, rule="limit_refused", phase="start")]
    check(told == ["SpO2 limit low 95 % high 90 %", "HR limit low 130 /min",
                   "SpO2 limit low 1000 %"], f"refused limits are told as {told}")
    operator.says("limit", "p0", "spo2", "--low", "75 %", "--for", "1h", "--reason", "COPD")
    wait_event(p, rule="limit_refused", phase="end", reason="limit")
    changed = wait_event(p, rule="spo2_low", reason="limit")
    check((changed["limit"], changed["by"], changed["note"])
          == ({"low": 75, "unit": "%", "origin": "patient"}, "nurse-7", "COPD"), str(changed))
    operator.says("mute", "p1", "hr_high", "--for", "1h", "--reason", "known")
    check(wait_event(p, reason="muted")["signal"]["is"] == "alarm-paused", "not muted")
    operator.says("probe-off", "p1", "spo2", "--for", "1h")
    operator.says("note", "p1", "gcs", "--value", "8", "--for", "2m", "--note", "sleepy")
    noted = wait_event(p, rule="gcs_low", phase="start", patient="p1")
    check((noted["observed"]["value"], noted["by"], noted["note"], noted["position"]["ordinal"] >= 0)
          == (8, "nurse-7", "sleepy", True), str(noted))
    check(operator.asks(do="acknowledge", episode=low, by="nurse-8")["ok"], "not acknowledged")
    listed = subprocess.run([vigil.VIGIL, "alerts", "list", "--connect",
                             f"ipc://{operator.folder}/publish", "--control",
                             f"ipc://{operator.folder}/control"], capture_output=True, text=True,
                            timeout=vigil.TIMEOUT_S)
    check(listed.returncode == 0 and listed.stdout.count("\n") == 4
          and "[audio-paused until" in listed.stdout, listed.stdout + listed.stderr)
    return low


def said_after_it(operator, p, broker, low):
    feed(broker, 200, 3, p0={"spo2": 80, "hr": 30}, p1={"spo2": 0, "hr": 130})
    latched = wait_event(p, rule="spo2_low", reason="latched")
    check((latched["state"], latched["signal"]["is"]) == ("latched", "acknowledged"), str(latched))
    wait_event(p, rule="hr_low", reason="pause_over")
    check(not events(p, rule="lead_off"), "a probe that was taken off is missed")
    wait_event(p, rule="gcs_low", reason="data_lost")
    operator.says("note", "p1", "gcs", "--value", "15")
    check(wait_event(p, rule="gcs_low", phase="end")["by"] == "nurse-7", "whose note?")
    operator.says("reset", low)
    wait_event(p, rule="spo2_low", phase="end", reason="reset")
    operator.says("reset", low, expect=1)
    operator.says("standby", "p1", "--for", "4h")
    operator.says("discharge", "p1")
    wait_event(p, rule="hr_high", phase="end", reason="discharged")
    feed(broker, 600, 3, p0={"spo2": 97, "hr": 80}, p1={"spo2": 97, "hr": 130})
    wait_event(p, rule="readmitted", phase="start", patient="p1")
    wait_event(p, rule="hr_high", phase="start", patient="p1")
    feed(broker, 700, 1, p0={"spo2": 97, "hr": 80}, p1={"spo2": 97, "hr": 80})
    wait_event(p, rule="readmitted", phase="end")


def check_replays(broker, p):
    """Whatever the frames and the workers, the recorded commands give the same events."""
    reference = p.by_shard()
    for frame_rows, workers in VARIANTS:
        with vigil.Pipeline(config(broker, frame_rows=frame_rows, workers=workers)) as again:
            again.run("--commands", str(p.data / "outbox.db"))
            strip = [{shard: [re.sub(rb'"config":"[^"]*"', b"", line) for line in lines]
                      for shard, lines in shards.items()}
                     for shards in (reference, again.by_shard())]
            check(strip[0] == strip[1], f"frames of {frame_rows}, {workers} workers differ:\n"
                  f"{reference}\n{again.by_shard()}")
            check(tables(again) == tables(p), "other commands or answers")


def tables(p):
    return [p.outbox(f"select * from {table} order by 1, 2, 3") for table in ("command", "answer")]


def old_subscriber(folder):
    """Written from docs/alert1.md before there were commands."""
    return subprocess.Popen(
        ["/usr/bin/python3", vigil.SUPPORT / "alert1_subscriber.py", "--publish",
         f"ipc://{folder}/publish", "--control", f"ipc://{folder}/control", "--after", "0",
         "--until-closing", "--timeout", "60"], stdout=subprocess.PIPE, text=True)


def check_old_subscriber(subscriber, p):
    said = [json.loads(line) for line in subscriber.communicate(timeout=60)[0].splitlines()]
    check(subscriber.returncode == 0, f"not complete: {said[-1]}")
    got = {line["event"]["event_id"]: line["event"] for line in said if line["type"] == "event"}
    check(got == {e["event_id"]: e for e in events(p)}, "an old subscriber has other events")
    open_there = {}
    for e in got.values():
        open_there[e["episode_id"]] = e["phase"] != "end"
    check({id for id, is_open in open_there.items() if is_open}
          == {e for (e,) in p.outbox("select lower(hex(episode_id)) from episode where open")},
          "an old subscriber believes other alerts to be open")


def commands_are_obeyed_once_and_the_same_again():
    with vigil.MockBroker(f"{TOPIC}:2") as broker, tempfile.TemporaryDirectory() as folder, \
         vigil.Pipeline(config(broker, folder)) as p:
        operator = Operator(folder, p.data)
        feed(broker, 0, 3, p0={"spo2": 80, "hr": 30}, p1={"spo2": 97, "hr": 130})
        with Live(p) as run:
            low = said_before_the_kill(operator, p)
            run.kill()
        with Live(p) as run:
            subscriber = old_subscriber(folder)
            said_after_it(operator, p, broker, low)
            for partition in (0, 1):
                live.wait_for_offset(p, partition, 10)
            until("all alerts in the file",
                  lambda: len(p.lines()) >= p.outbox("select count(*) from event")[0][0])
            said = run.stop()
        check_old_subscriber(subscriber, p)
        check("from a snapshot" in said, f"no snapshot was restored: {said}")
        check("not what the outbox holds" not in said, said)
        live.check_no_duplicates(p)
        check_replays(broker, p)


def vitals(rng):
    return {"spo2": rng.choice([0, 70, 80, 88, 95, 97]), "hr": rng.choice([30, 80, 130, None])}


def some_order(rng, p):
    """A command that may make sense, about what is open now."""
    open_now = [e for (e,) in p.outbox("select lower(hex(episode_id)) from episode where open")]
    patient, by, for_s = rng.choice(["p0", "p1"]), "nurse-7", rng.randrange(1, 120)
    about = {"patient": patient, "by": by}
    timed = {**about, "for_s": for_s}
    orders = [{"do": "discharge", **about}, {"do": "admit", **about}, {"do": "standby", **timed},
              {"do": "probe_off", "channel": "spo2", **timed},
              {"do": "note", "channel": "gcs", "value": rng.choice([3, 8, 9, 15]), **timed},
              {"do": "note", "channel": "gcs", "clear": True, **about},
              {"do": "mute", "rule": rng.choice(["spo2_low", "hr_high"]), "note": "x", **timed},
              {"do": "limit", "channel": "spo2", "low": rng.choice([75, 85, 92, 110]), "note": "x",
               **timed}]
    if open_now:
        episode = {"episode": rng.choice(open_now), "by": by}
        orders += [{"do": "acknowledge", "for_s": for_s, **episode},
                   {"do": "snooze", "for_s": for_s, **episode}, {"do": "reset", **episode}] * 3
    return rng.choice(orders)


def check_episodes(p):
    """What docs/alert1.md says of the events of an episode."""
    episodes = {}
    for e in events(p):
        episodes.setdefault(e["episode_id"], []).append(e)
    for id, of in episodes.items():
        phases = [e["phase"] for e in of]
        check([e["event_id"] for e in of] == [f"{id}.{n}" for n in range(len(of))],
              f"numbers of {id}")
        check(phases[0] == "start" or (phases[0] == "update" and "suppressed_by" in of[0]),
              f"{id} begins with {of[0]}")
        check(phases.count("start") <= 1 and "end" not in phases[:-1], f"phases of {id}: {phases}")
        check("reset" not in phases or phases[-2:] == ["reset", "end"], f"phases: {phases}")
        for e in of:
            check((e["state"] == "inactive") == (e["phase"] in ("end", "reset")), str(e))
            check(e["priority"] != "high" or "suppressed_by" not in e, f"high is held back: {e}")
            check(e["phase"] != "continue" or e["priority"] == "high", f"told again: {e}")
    return len(episodes)


def killed_while_people_give_commands():
    rng = random.Random(int(os.environ.get("SEED", "1")))
    second, asked, restored, obeyed = 0, 0, 0, 0
    with vigil.MockBroker(f"{TOPIC}:2") as broker, tempfile.TemporaryDirectory() as folder, \
         vigil.Pipeline(config(broker, folder)) as p:
        operator = Operator(folder, p.data)
        for life in range(KILLS + 1):
            with Live(p) as run:
                key = (p.data / "command.key").read_text().strip()
                for _ in range(3):
                    feed(broker, second, 4, p0=vitals(rng), p1=vitals(rng))
                    second += rng.choice([10, 40, 130])
                    for partition in (0, 1):
                        live.wait_for_offset(p, partition, 4 * (3 * life + 1))
                    for _ in range(4):
                        asked += 1
                        said = operator.asks(do="command", key=key, command_id=str(asked),
                                             command=some_order(rng, p))
                        obeyed += "ok" in said
                restored += "from a snapshot" in run.said
                check("not what the outbox holds" not in run.said, run.said[-2000:])
                if life < KILLS:
                    run.kill()
                    continue
                for partition in (0, 1):
                    live.wait_for_offset(p, partition, 12 * (KILLS + 1))
                until("all alerts in the file",
                      lambda: len(p.lines()) >= p.outbox("select count(*) from event")[0][0])
                run.stop()
        live.check_no_duplicates(p)
        print(f"     {KILLS} kills, {restored} restarts from a snapshot, {obeyed} of {asked} "
              f"commands obeyed, {len(p.lines())} events of {check_episodes(p)} episodes")
        check(restored >= KILLS / 2 and obeyed >= asked / 3, "hardly any restart or command")
        check_replays(broker, p)


def limits_and_mutes_survive_another_configuration():
    with vigil.MockBroker(f"{TOPIC}:2") as broker, tempfile.TemporaryDirectory() as folder, \
         vigil.Pipeline(config(broker, folder)) as p:
        operator = Operator(folder, p.data)
        feed(broker, 0, 3, p0={"spo2": 92, "hr": 80}, p1={"spo2": 92, "hr": 80})
        with Live(p) as run:
            for partition in (0, 1):
                live.wait_for_offset(p, partition, 3)
            for patient in ("p0", "p1"):
                operator.says("limit", patient, "spo2", "--low", "94 %", "--for", "1h",
                              "--reason", "shunt")
            operator.says("limit", "p1", "spo2", "--clear")
            operator.says("mute", "p0", "hr_high", "--for", "1h", "--reason", "known")
            run.stop()
        p.config["alert_rules"]["hr_low"]["title"] = "Another title"
        p.path.write_text(json.dumps(p.config))
        for second in (100, 200):
            feed(broker, second, 1, p0={"spo2": 92, "hr": 130}, p1={"spo2": 92, "hr": 130})
            with Live(p) as run:
                started = wait_event(p, rule="spo2_low", phase="start", patient="p0")
                check(started["limit"]["origin"] == "patient", str(started))
                held = wait_event(p, rule="hr_high", patient="p0", suppressed_by="mute")
                check(held["signal"]["is"] == "alarm-paused", str(held))
                check(not events(p, rule="spo2_low", patient="p1"), "what was cleared holds")
                check("not what the outbox holds" not in run.said, run.said[-2000:])
                run.kill()


def what_is_typed_wrong_is_told_before_anybody_is_asked():
    episode = "0123456789abcdef" * 2
    for words, told in (
            ("snoze", '"snooze"?'),
            ("ack", "--by NAME is required"),
            (f"ack {episode[1:]} --by n", "32 digits"),
            (f"snooze {episode} --by n", "--for DURATION is required"),
            (f"snooze {episode} --by n --for 2h", "--for"),
            (f"reset {episode} --by n --for 1m", "no option --for"),
            ("mute p0 hr_high --by n --for 1h", "--reason"),
            ("mute p0 --by n --for 1h --reason x", "PATIENT RULE is missing"),
            ("limit p0 ear --by n --for 1h --reason x --low 90%", "ear"),
            ("limit p0 spo2 --by n --for 1h --reason x", '"low", "high" or both'),
            ("limit p0 spo2 --by n --for 1h --reason x --low 88", 'its unit, such as "90 %"'),
            ("limit p0 spo2 --by n --for 8d --reason x --low 88%", "--for"),
            ("standby p0 --by n --for 5h", "14400")):
        done = subprocess.run([vigil.VIGIL, "alerts", *words.split()], capture_output=True,
                              text=True, timeout=vigil.TIMEOUT_S)
        check(done.returncode == 2 and told in done.stderr and not done.stdout,
              f"{words}: exit {done.returncode}: {done.stderr}")
    for word in ("list", "ack", "snooze", "reset", "mute", "limit", "admit", "discharge", "standby",
                 "probe-off"):
        done = subprocess.run([vigil.VIGIL, "alerts", word, "--help"], capture_output=True,
                              text=True, timeout=vigil.TIMEOUT_S)
        check(done.returncode == 0 and f"usage: vigil alerts {word} " in done.stdout, done.stdout)


def a_key_that_others_can_read_is_refused():
    with vigil.MockBroker(f"{TOPIC}:2") as broker, tempfile.TemporaryDirectory() as folder, \
         vigil.Pipeline(config(broker, folder)) as p:
        p.data.mkdir(mode=0o700)
        (p.data / "command.key").write_text("0" * 64 + "\n")
        (p.data / "command.key").chmod(0o644)
        done = subprocess.run([vigil.VIGIL, "run", p.path], capture_output=True, text=True,
                              timeout=vigil.TIMEOUT_S)
        check(done.returncode == 74 and "command.key" in done.stderr, done.stderr)


if __name__ == "__main__":
    vigil.main(commands_are_obeyed_once_and_the_same_again, killed_while_people_give_commands,
               limits_and_mutes_survive_another_configuration,
               what_is_typed_wrong_is_told_before_anybody_is_asked,
               a_key_that_others_can_read_is_refused)
