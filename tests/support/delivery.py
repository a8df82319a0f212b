"""Delivery under faults: a pipeline whose sink's server dies, hangs and comes back, while Vigil itself
is killed; and what has to be true of what arrived."""
import contextlib
import json
import os
import random
import time

import live
import vigil
from live import Live, record, until
from vigil import check

TOPIC = "vitals.raw"
PATIENTS = 8
LONG = os.environ.get("VIGIL_LONG") == "1"
PATIENCE_S = 120 if LONG else 30
SEED = int(os.environ.get("SEED", "1"))


def config(broker, sinks, **service):
    c = vigil.sedation_config(broker.bootstrap, snapshot={"every": "200ms"}, **service)
    c["alert_rules"] = {"spo2_low": vigil.limit_rule("spo2", "90 %", 0)}
    c["sinks"] |= sinks
    return c


def feed(broker, first_s, seconds):
    """An alert of each patient starts or ends with every row: PATIENTS * seconds events."""
    vigil.produce(broker.bootstrap, TOPIC,
                  [record(i % 2, s, f"p-{i}", spo2=95 if s % 2 else 80)
                   for s in range(first_s, first_s + seconds) for i in range(PATIENTS)])


def event_id(body):
    return json.loads(body)["event_id"]


def check_arrived(pipeline, bodies, repeats, key=None):
    """`bodies` are canonical events in the order in which they arrived, or what `key` makes of one.
    Without `repeats`, none may have come twice."""
    stored = [b if isinstance(b, str) else b.decode()
              for b, in pipeline.outbox("select body from event order by seq")]
    if key:
        body_of = {key(body): body for body in stored}
        bodies = [body_of.get(arrived, arrived) for arrived in bodies]
    first = list(dict.fromkeys(bodies))
    if not repeats:
        check(len(first) == len(bodies), f"{len(bodies) - len(first)} events came twice")
    check(len(stored) > 0, "no events: nothing was tested")
    lost = set(stored) - set(first)
    check(not lost, f"{len(lost)} of {len(stored)} events did not arrive, as {sorted(lost)[:1]}")
    check(not set(first) - set(stored), "events arrived that the outbox does not have")

    def by_patient(events):
        of = {}
        for event in events:
            of.setdefault(json.loads(event).get("patient", ""), []).append(event)
        return of
    check(by_patient(first) == by_patient(stored), "the order of a patient's events is another")


def _wait_for(pipeline, arrived, n):
    """Waits for n more of the events, or for all that there are; copies do not count."""
    want = len(set(arrived())) + n

    def condition():
        different = len(set(arrived()))
        return different >= want \
            or different == pipeline.outbox("select count(*) from event")[0][0]
    until(f"{n} more events, or the last", condition, PATIENCE_S)


def storm(sink, arrived, faults, repeats=True, seconds=None, kills=None, key=None, env=None):
    """Feeds events while Vigil is killed `kills` times and each of `faults` happens in turn: context
    managers that break the server and mend it, and give a function of the Live run that waits until
    the sink has noticed, or None. Kills come while the server is broken, once it is mended, and while
    what had waited goes out. `arrived` returns the canonical bodies in order of arrival, or what `key`
    makes of them."""
    seconds = seconds or (1250 if LONG else 100)
    kills = kills or (50 if LONG else 4)
    rng = random.Random(SEED)
    step = seconds // (kills + 1)
    began = time.monotonic()
    with vigil.MockBroker(f"{TOPIC}:2") as broker, \
            vigil.Pipeline(config(broker, {"tested": sink})) as p:
        for k in range(kills):
            with Live(p, env=env) as run:
                had = len(p.lines())
                moment = rng.choice(("broken", "mended", "catching up", "catching up"))
                with faults[k % len(faults)]() as noticed:
                    feed(broker, k * step, step)
                    until("events in the other sink", lambda: len(p.lines()) > had)
                    if noticed:
                        noticed(run)
                    if moment == "broken":
                        run.kill()
                if moment == "catching up":
                    _wait_for(p, arrived, rng.randrange(1, PATIENTS * step))
                run.kill()
        with Live(p, env=env) as run:
            feed(broker, kills * step, seconds - kills * step)
            until("all events in the outbox", live.outbox_has(
                p, "select count(*) from event", PATIENTS * seconds), PATIENCE_S)
            with contextlib.suppress(vigil.Failed):  # check_arrived() says which are missing
                _wait_for(p, arrived, PATIENTS * seconds)
            live.check_no_mismatch(run.stop())
        found = arrived()
        check_arrived(p, found, repeats, key)
        check(len(p.outbox("select seq from event")) >= PATIENTS * seconds,
              "fewer events than rows that cross the limit")
        print(f"     {len(set(found))} events, {kills} kills, {len(faults)} kinds of fault, "
              f"{len(found) - len(set(found))} copies, {time.monotonic() - began:.0f} s", flush=True)


def _accepted(lines, sink):
    """{seq: when}; fails unless they were accepted in order and none twice."""
    at = {}
    for line in lines:
        _, found, text = line.partition(f" debug {sink}: accepted ")
        if not found:
            continue
        first, _, last, _, when = text.split()
        check(int(first) == len(at) + 1, f"{sink}: {first} was accepted behind {len(at)}")
        at |= dict.fromkeys(range(int(first), int(last) + 1), int(when))
    return at


def _committed(lines):
    """{seq: when it was on the disk}"""
    at = {}
    for line in lines:
        _, found, text = line.partition(" debug commit: committed to ")
        if found:
            last, _, when = text.split()
            at |= dict.fromkeys(range(len(at) + 1, int(last) + 1), int(when))
    return at


def delays(pipeline, said):
    """{sink: [(when on the disk, ms from then to its acceptance)]} of what `vigil run` said with
    VIGIL_LOG=debug; fails unless each sink accepted every event, in order."""
    lines = said.splitlines()
    committed = _committed(lines)
    found = {}
    for sink in pipeline.config["sinks"]:
        at = _accepted(lines, sink)
        check(at.keys() == committed.keys(),
              f"{sink} accepted {len(at)} events of {len(committed)}")
        found[sink] = [(when, (at[seq] - when) / 1e6) for seq, when in committed.items()]
    return found
