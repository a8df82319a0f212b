#!/usr/bin/env python3
"""The hl7 sink: every event is the message that docs/sinks/hl7.md says, read by a parser that shares
nothing with Vigil; and it counts as delivered when the receiver has acknowledged it, not before."""
import contextlib
import itertools
import json
import pathlib
import ssl
import subprocess
import sys
import tempfile
import threading

import hl7

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import delivery
import mllp
import receiver
import vigil
from live import Live, until
from vigil import check

DEVICE = ["69965", "MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS", "MDC"]
BPM = ["264864", "MDC_DIM_BEAT_PER_MIN", "MDC", "/min", "/min", "UCUM"]
BREATHS = ["264928", "MDC_DIM_RESP_PER_MIN", "MDC", "/min", "/min", "UCUM"]
PERCENT = ["262688", "MDC_DIM_PERCENT", "MDC", "%", "%", "UCUM"]
MMHG = ["266016", "MDC_DIM_MMHG", "MDC", "mm[Hg]", "mm[Hg]", "UCUM"]
CHANNELS = {
    "hr": (["147842", "MDC_ECG_HEART_RATE", "MDC"], BPM),
    "pulse": (["149530", "MDC_PULS_OXIM_PULS_RATE", "MDC"], BPM),
    "spo2": (["150456", "MDC_PULS_OXIM_SAT_O2", "MDC"], PERCENT),
    "rr": (["151562", "MDC_RESP_RATE", "MDC"], BREATHS),
    "abp_sys": (["150037", "MDC_PRESS_BLD_ART_ABP_SYS", "MDC"], MMHG),
    "abp_dia": (["150038", "MDC_PRESS_BLD_ART_ABP_DIA", "MDC"], MMHG),
    "abp_mean": (["150039", "MDC_PRESS_BLD_ART_ABP_MEAN", "MDC"], MMHG),
    "nibp_sys": (["150301", "MDC_PRESS_CUFF_SYS", "MDC"], MMHG),
    "nibp_dia": (["150302", "MDC_PRESS_CUFF_DIA", "MDC"], MMHG),
    "nibp_mean": (["150303", "MDC_PRESS_CUFF_MEAN", "MDC"], MMHG),
    "temp": (["150344", "MDC_TEMP", "MDC"],
             ["268192", "MDC_DIM_DEGC", "MDC", "Cel", "Cel", "UCUM"]),
    "etco2": (["151708", "MDC_AWAY_CO2_ET", "MDC"], MMHG),
    "acvpu": (["67775-7", "Consciousness", "LN"], ["{score}", "{score}", "UCUM"]),
    "oxygen": (["3151-8", "Oxygen flow", "LN"], ["L/min", "L/min", "UCUM"]),
}
ACVPU = "ACVPU"
PHASES = {"start": "start", "update": "update", "escalate": "escalate",
          "deescalate": "deescalate", "continue": "continue", "acknowledge": "update",
          "end": "end", "reset": "reset"}
PRIORITIES = {"high": "PH", "medium": "PM", "low": "PL", "none": "PN"}
KINDS = {"physiological": "SP", "technical": "ST", "advisory": "SA"}
STATES = {"active": "active", "data-lost": "active", "latched": "latched", "inactive": "inactive"}
SIGNALS = {"enabled": "enabled", "audio-paused": "audio-paused", "alarm-paused": "alarm-paused",
           "alarm-off": "alarm-off", "acknowledged": "alert-acknowledged"}
QUALITIES = {"good": ("", "R"), "suspect": ("QUES", "R"), "invalid": ("INV", "X"),
             "missing": ("NAV", "X")}

NAMES = {"sending_application": ["VIGIL", "0011223344556677", "EUI-64"],
         "sending_facility": ["WARD 1"], "patient_authority": ["HOSP", "1.2.3", "ISO"],
         "pipeline": "gateway|1"}


# ---- what a message has to say

def time_of(text):
    """2026-03-01T12:00:10.000Z as HL7 has it."""
    return text.translate(str.maketrans("", "", "-:T")).replace("Z", "+0000")


def number(value):
    return str(int(value)) if value == int(value) else repr(value)


def shown(event, value):
    return ACVPU[int(value)] if event["channel"] == "acvpu" else number(value)


def source_of(event):
    channel, observed = event.get("channel"), event.get("observed")
    if not channel or not observed:
        return {2: "CWE", 3: ["68480", "MDC_ATTR_ALERT_SOURCE", "MDC"],
                5: CHANNELS[channel][0] if channel else DEVICE, 11: "R"}
    code, unit = CHANNELS[channel]
    flag, status = QUALITIES[observed["quality"]]
    if "value" not in observed and flag != "INV":
        flag, status = "NAV", "X"
    limit = event.get("limit", {})
    return {2: "ST" if channel == "acvpu" else "NM", 3: code,
            5: shown(event, observed["value"]) if "value" in observed else "", 6: unit,
            7: "".join(sign + shown(event, limit[side])
                       for side, sign in (("low", ">"), ("high", "<")) if side in limit),
            8: flag, 11: status, 14: time_of(observed["time"])}


def what_of(event):
    kind = "SA" if event["priority"] == "none" else KINDS[event["kind"]]
    limit = event.get("limit") if event["kind"] == "physiological" else None
    ret = {11: "R", 14: time_of(event["time"])}
    if limit:
        side, code = ("H", ["196648", "MDC_EVT_HI", "MDC"]) if "high" in limit else \
            ("L", ["196670", "MDC_EVT_LO", "MDC"])
        ret |= {2: "ST", 3: code, 5: event["text"]}
    else:
        side = "A"
        ret |= {2: "CWE", 3: ["196616", "MDC_EVT_ALARM", "MDC"],
                5: [event["rule"], event["title"], "99VGL", *[""] * 5, event["text"]]}
    return ret | {8: ("repeated", side, PRIORITIES[event["priority"]], kind)}, kind


def expected(event, names):
    """The message's segments as (name, {field: text, components or repetitions})."""
    application = names["sending_application"]
    what, kind = what_of(event)
    yield "MSH", {1: "|", 2: "^~\\&", 3: application, 4: names.get("sending_facility", ""),
                  5: names.get("receiving_application", ""),
                  6: names.get("receiving_facility", ""), 9: ["ORU", "R40", "ORU_R40"],
                  10: event["event_id"], 11: "P", 12: "2.6", 15: "AL", 16: "NE",
                  18: "UNICODE UTF-8",
                  21: ["IHE_PCD_ACM_001", "IHE PCD", "1.3.6.1.4.1.19376.1.6.1.4.1", "ISO"]}
    if "patient" in event:
        yield "PID", {3: [event["patient"], "", "", names["patient_authority"], "PI"],
                      5: ["", "", "", "", "", "", "U"]}
        if "bed" in event:
            ward, slash, bed = event["bed"].partition("/")
            yield "PV1", {2: "I", 3: [ward, "", bed] if slash and ward == ward.lower()
                          else ["", "", event["bed"]]}
    obr = {1: "1", 3: [event["event_id"], *application], 4: ["196616", "MDC_EVT_ALARM", "MDC"],
           7: time_of(event["time"])}
    if not event["event_id"].endswith(".0"):
        obr[29] = ["", [event["episode_id"] + ".0", *application]]
    yield "OBR", obr
    by = event.get("acknowledged_by") or event.get("by", "")
    if by or "note" in event:
        yield "NTE", {1: "1", 3: event.get("note", ""), 5: by}
    yield "OBX", {3: DEVICE, 4: "1.0.0.0", 11: "X", 18: [names["pipeline"], *application]}
    yield "OBX", what
    yield "OBX", source_of(event)
    for code, text in ((["68481", "MDC_ATTR_EVENT_PHASE", "MDC"], PHASES[event["phase"]]),
                       (["68482", "MDC_ATTR_ALARM_STATE", "MDC"], STATES[event["state"]]),
                       (["68483", "MDC_ATTR_ALARM_INACTIVATION_STATE", "MDC"],
                        SIGNALS[event["signal"]["is"]]),
                       (["68484", "MDC_ATTR_ALARM_PRIORITY", "MDC"], PRIORITIES[event["priority"]]),
                       (["68485", "MDC_ATTR_ALERT_TYPE", "MDC"], kind)):
        yield "OBX", {2: "ST", 3: code, 5: text, 11: "R"}


def flat_expected(event, names):
    ret, observations = {}, 0
    for name, fields in expected(event, names):
        observations += name == "OBX"
        place = name
        if name == "OBX":
            place = f"OBX {observations}"
            fields = {1: str(observations), **fields}
            if observations > 1:
                fields[4] = f"1.1.1.1.{observations - 1}"
        for field, value in fields.items():
            repetitions = value[1:] if isinstance(value, tuple) else (value,)
            for r, repetition in enumerate(repetitions, 1):
                for c, component in enumerate(repetition if isinstance(repetition, list)
                                              else [repetition], 1):
                    for s, text in enumerate(component if isinstance(component, list)
                                             else [component], 1):
                        if text:
                            ret[place, field, r, c, s] = text
    return ret


# ---- what it says

def leaves(node, depth=3, place=()):
    """Places and texts below a field of python-hl7, whatever levels it has left out."""
    if isinstance(node, str):
        yield place + (1,) * depth, node
        return
    for i, child in enumerate(node, 1):
        if isinstance(child, str):
            yield place + (i,) + (1,) * (depth - 1), child
        else:
            yield from leaves(child, depth - 1, place + (i,))


def flat(text):
    message = hl7.parse(text)
    ret, observations = {}, 0
    for segment in message:
        name = place = str(segment[0])
        if name == "OBX":
            observations += 1
            place = f"OBX {observations}"
        for field in range(1, len(segment)):
            if name == "MSH" and field <= 2:
                ret[place, field, 1, 1, 1] = str(segment[field])
                continue
            for at, leaf in leaves(segment[field]):
                if leaf:
                    ret[(place, field, *at)] = message.unescape(leaf)
    return ret


def check_message(raw, event, names):
    check(raw.endswith(b"\r") and b"\n" not in raw and b"\x1c" not in raw and b"\x0b" not in raw,
          f"segments do not end in CR: {raw}")
    got, want = flat(raw.decode()), flat_expected(event, names)
    sent = got.pop(("MSH", 7, 1, 1, 1))
    check(len(sent) == 23 and sent[14] == "." and sent.endswith("+0000"), f"MSH-7 is {sent}")
    wrong = {place: (got.get(place), want.get(place)) for place in got.keys() | want.keys()
             if got.get(place) != want.get(place)}
    check(not wrong, f"{json.dumps(event)}\nis {raw}\n(is, should be): {wrong}")


# ---- events of every kind

NASTY = "a|b^c&d~e\\f\\F\\ – µ\n\t\x7f|"
TIME = "2026-03-01T12:00:10.000Z"


def event_of(number_, **members):
    episode = f"{number_:032x}"
    event = {"event_id": f"{episode}.{number_ % 3}", "episode_id": episode, "phase": "start",
             "kind": "physiological", "priority": "high", "state": "active",
             "signal": {"is": "enabled"}, "rule": "a_rule", "title": "A title",
             "text": "SpO2 86 % below 90 %", "patient": "p-7f3a", "bed": "icu-a/07",
             "ward": "icu-a", "time": TIME}
    event |= members
    return {name: value for name, value in event.items() if value is not None}


def shapes():
    """Members that make a difference, apart from phase, kind and priority."""
    def observed(quality="good", **value):
        return {"unit": "x", "quality": quality, "time": "2026-03-01T12:00:09.500Z", **value}
    yield {}
    for channel in CHANNELS:
        value = 2 if channel == "acvpu" else 86.5
        yield {"channel": channel}
        for side in ("low", "high"):
            yield {"channel": channel, "observed": observed(value=value),
                   "limit": {side: 3 if channel == "acvpu" else 90, "unit": "x"}}
    for quality in QUALITIES:
        yield {"channel": "spo2", "observed": observed(quality), "limit": {"low": 90}}
    yield {"channel": "spo2", "observed": observed("suspect", value=0.1)}
    yield {"patient": None, "bed": None, "ward": "none"}
    yield {"bed": None, "ward": "none"}
    yield {"bed": "Bed 7/2", "ward": "none"}
    yield {"bed": "none/2", "ward": "none"}
    yield {"bed": "icu-a/r2/7"}
    yield dict.fromkeys(("text", "title", "rule", "note", "by", "bed"), NASTY) | {"ward": "none"}
    yield {"patient": "p|7^f&3~a\\F\\"}
    yield {"acknowledged_by": "nurse 3", "note": "seen"}
    yield {"by": "nurse 3"}
    for state, signal in itertools.product(STATES, SIGNALS):
        yield {"state": state, "signal": {"is": signal, "until": TIME}}


def every_event_is_the_message_that_the_manual_says():
    events = [event_of(i, phase=phase, kind=kind, priority=priority, **shape)
              for i, (shape, phase, kind, priority) in enumerate(
                  itertools.product(shapes(), PHASES, KINDS, PRIORITIES))]
    printed = subprocess.run([vigil.BUILD / "hl7_print"], capture_output=True, check=True,
                             input="".join(json.dumps(e, ensure_ascii=False) + "\n" for e in events)
                             .encode(), timeout=60).stdout
    messages = printed.split(b"\x0b")[1:]
    check(len(messages) == len(events), f"{len(messages)} messages of {len(events)} events")
    some = zip(messages, events) if delivery.LONG else \
        (pair for i, pair in enumerate(zip(messages, events)) if i % 23 == 0 or i < 96)
    for raw, event in some:
        check_message(raw, event, NAMES)


# ---- delivering

def sink(server, host="127.0.0.1", **more):
    return {"type": "hl7", "address": f"{host}:{server.port}", "patient_authority": "HOSP^1.2.3^ISO",
            "receiving_application": "EMR", "timeout": "300ms", **more}


def in_pieces(server):
    def behave(connection, message):
        def send(answer):
            for i in range(len(answer)):
                connection.sendall(answer[i:i + 1])
        server.accept(connection, message, "AA", send)
    return behave


def twice(server):
    """As receivers do that say that they have it, and then what they have done with it."""
    return lambda connection, message: server.accept(
        connection, message, send=lambda answer: connection.sendall(2 * answer))


def answers(text):
    return lambda connection, message: connection.sendall(text(message))


FAULTS = {
    "AE": (answers(lambda m: mllp.frame(mllp.acknowledgement(m, "AE"))), b"cannot take it now: AE"),
    "CR 207": (answers(lambda m: mllp.frame(mllp.acknowledgement(m, "CR", 207))),
               b"cannot take it now: CR (error 207)"),
    "wrong id": (answers(lambda m: mllp.frame(mllp.acknowledgement(m, "CA", of="1"))),
                 b"acknowledges another message"),
    "garbage": (answers(lambda m: b"HTTP/1.1 200 OK\r\n\r\n"), b"no MLLP frame"),
    "no acknowledgement": (answers(lambda m: mllp.frame("MSH|^~\\&|x\r")), b"no acknowledgement"),
    "cut off": (lambda connection, message: (
        connection.sendall(mllp.frame(mllp.acknowledgement(message))[:-2]),
        mllp.hang_up(connection)), b"no answer: "),
    "without end": (answers(lambda m: mllp.BEGIN + b"x" * 70000), b"no MLLP frame"),
}


def every_event_arrives_acknowledged_through_faults():
    events = {}

    def key(body):
        event = json.loads(body)
        events[event["event_id"]] = event
        return event["event_id"]
    with mllp.Receiver() as server:
        @contextlib.contextmanager
        def fault(behave, says):
            with server.behaving(behave):
                yield says and (lambda run: run.wait_line(says))

        @contextlib.contextmanager
        def answers_too_late():
            go_on = threading.Event()

            def late(connection, message):
                go_on.wait()
                server.accept(connection, message)
            with server.behaving(late):
                yield lambda run: run.wait_line(b"no answer: timeout")
                go_on.set()

        @contextlib.contextmanager
        def is_away():
            server.stop()
            yield lambda run: run.wait_line(b"no answer: ")
            server.start()
        faults = [answers_too_late, is_away, lambda: fault(in_pieces(server), None),
                  lambda: fault(twice(server), None),
                  *(lambda behave=behave, says=says: fault(behave, says)
                    for behave, says in FAULTS.values())]
        delivery.storm(sink(server), lambda: [mllp.control_id(m) for m in server.accepted], faults,
                       kills=50 if delivery.LONG else len(faults), key=key)
        different = list({mllp.control_id(m): m for m in server.accepted}.values())
        for message in different[::1 if delivery.LONG else 5]:
            check_message(message, events[mllp.control_id(message)],
                          {"sending_application": ["VIGIL"], "receiving_application": ["EMR"],
                           "patient_authority": ["HOSP", "1.2.3", "ISO"],
                           "pipeline": hl7.parse(message.decode()).extract_field("OBX", 1, 18)})


def what_is_refused_is_set_aside_and_the_rest_goes_on():
    def refuses_one(connection, message):
        if b"p-3" in message:
            connection.sendall(mllp.frame(mllp.acknowledgement(message, "AR")))
        else:
            server.accept(connection, message)
    with mllp.Receiver() as server, vigil.MockBroker(f"{delivery.TOPIC}:2") as broker, \
            vigil.Pipeline(delivery.config(broker, {"tested": sink(server)})) as p:
        delivery.feed(broker, 0, 1)
        with server.behaving(refuses_one), Live(p) as run:
            run.wait_line(b"refuses it with AR")
            until("the others", lambda: len({m for m in server.accepted if b"|p-" in m})
                  == delivery.PATIENTS - 1)
            run.stop()


def a_connection_that_was_closed_meanwhile_costs_no_attempt():
    with mllp.Receiver() as server, vigil.MockBroker(f"{delivery.TOPIC}:2") as broker, \
            vigil.Pipeline(delivery.config(broker, {"tested": sink(server)})) as p:
        with Live(p) as run:
            for second in range(3):
                had = len(server.accepted)
                delivery.feed(broker, second, 1)
                until("events", lambda: len(server.accepted) >= had + delivery.PATIENTS)
                until("nothing under way", lambda: p.outbox(
                    "select seq from cursor where sink = 'tested'")
                    == p.outbox("select max(seq) from event"))
                for connection in list(server.connections):
                    mllp.hang_up(connection)
                until("closed", lambda: not server.connections)
            check("no answer" not in run.said, run.said)
            run.stop()


def arrives(p, broker, server, says):
    """Events arrive, or (says) none does, and the sink says why."""
    delivery.feed(broker, 0, 1)
    with Live(p) as run:
        if says:
            run.wait_line(says)
            check(not server.accepted, "an unverified receiver got events")
        else:
            until("events", lambda: len(server.accepted) > 0)
        run.kill()


def tls_is_verified_and_ipv6_is_spoken():
    with tempfile.TemporaryDirectory() as folder, vigil.MockBroker(f"{delivery.TOPIC}:2") as broker:
        good = receiver.make_certificate(f"{folder}/good")
        other = receiver.make_certificate(f"{folder}/other")
        mine = {"certificate": f"{good}.pem", "key": f"{good}.key"}
        for ca, host, client, more, says in (
                (good, "localhost", None, {}, None),
                (other, "localhost", None, {}, b"no answer: TLS: "),
                (good, "127.0.0.1", None, {}, b"no answer: TLS: IP address mismatch"),
                (good, "localhost", good, mine, None),
                (good, "localhost", good, {}, b"no answer: TLS: ")):
            with mllp.Receiver(good, client=client) as server, vigil.Pipeline(delivery.config(
                    broker, {"tested": sink(server, host, tls=True, ca=f"{ca}.pem",
                                            **more)})) as p:
                arrives(p, broker, server, says)
        old = ssl.TLSVersion.TLSv1_1
        with mllp.Receiver(good, newest=old) as server, vigil.Pipeline(delivery.config(
                broker, {"tested": sink(server, "localhost", tls=True, ca=f"{good}.pem")})) as p:
            arrives(p, broker, server, b"no answer: TLS: ")
        with mllp.Receiver(host="::1") as server, vigil.Pipeline(delivery.config(
                broker, {"tested": sink(server, "[::1]")})) as p:
            arrives(p, broker, server, None)


if __name__ == "__main__":
    vigil.main(every_event_is_the_message_that_the_manual_says,
               every_event_arrives_acknowledged_through_faults,
               what_is_refused_is_set_aside_and_the_rest_goes_on,
               a_connection_that_was_closed_meanwhile_costs_no_attempt,
               tls_is_verified_and_ipv6_is_spoken)
