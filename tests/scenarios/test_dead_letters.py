#!/usr/bin/env python3
"""What cannot be read is kept once, with its bytes and the place of the fault, and harms no row
beside it."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import live
import vigil
from live import Live, record
from vigil import check

TOPIC = "vitals.raw"
TIME = '"time":1767225610000'
SHARD_RULES = ("dead_letter", "max_patients")
LETTERS = ('select "offset", idx, reason, byte_offset, bytes, record_ns from dead_letter '
           'order by "offset", idx')


def of_row(members):
    return '{"patient":"v",%s,%s}' % (TIME, members)


def at(text, mark):
    """`text`, and the offset of `mark` in it: where the fault is."""
    return text, text.index(mark)


# name: (bytes, offset of the fault), reason. All of it is the patient `v`, so that what happens to
# the rows of others can be compared with a log without these.
MESSAGES = {  # the whole message is lost
    "not UTF-8": ((b'{"patient":"v","bed":"\xff"}', 22), "malformed"),
    "truncated": ((of_row("")[:-2], len(of_row("")) - 2), "malformed"),
    "trailing bytes": (at(of_row('"spo2":95') + " x", "x"), "malformed"),
    "byte order mark": ((b"\xef\xbb\xbf" + of_row('"spo2":95').encode(), 0), "malformed"),
    "two rows without an array": ((of_row('"x":1') * 2, len(of_row('"x":1'))), "malformed"),
    "leading zero": (at(of_row('"spo2":095'), "095"), "malformed"),
    "not JSON": (("spo2=95", 0), "malformed"),
    "control character": (at(of_row('"bed":"a\x01"'), "\x01"), "malformed"),
    "too deep": ((of_row('"x":' + "[" * 16 + "]" * 16), None), "limits"),
    "too long": ((of_row('"x":"%s"' % ("y" * 66000)), None), "limits"),
    "too many members": ((of_row(",".join(f'"x{i}":1' for i in range(300))), None), "limits"),
    "duplicate key": (at(of_row('"spo2":95, "spo2":96'), '"spo2":96'), "duplicate_key"),
    "duplicate key by code": (at(of_row('"spo2":95,"59408-5":96'), '"59408-5"'), "duplicate_key"),
    "duplicate unknown key": (at(of_row('"x":1,"y":2, "x":3'), '"x":3'), "duplicate_key"),
}
ROWS = {  # one row is lost
    "no patient": (('{%s,"spo2":95}' % TIME, 0), "schema"),
    "patient is a number": (at('{"patient":7,%s}' % TIME, "7"), "schema"),
    "patient is empty": (at('{"patient":"",%s}' % TIME, '""'), "schema"),
    "version 2": (at(of_row('"version":2'), "2}"), "schema"),
    "another format": (at(of_row('"schema":"x"'), '"schema"'), "schema"),
    "no object": (("42", 0), "schema"),
    "another patient than the key": (at('{"patient":"w",%s,"spo2":80}' % TIME, '"w"'),
                                     "identity_mismatch"),
}
VALUES = {  # one channel of one row is lost
    "string": (at(of_row('"spo2":"72"'), '"72"'), "number"),
    "boolean": (at(of_row('"spo2":false'), "false"), "number"),
    "array": (at(of_row('"spo2":[1]'), "[1]"), "number"),
    "NaN": (at(of_row('"spo2":NaN'), "NaN"), "number"),
    "-Infinity": (at(of_row('"spo2":-Infinity'), "-Inf"), "number"),
    "overflow": (at(of_row('"spo2":1e400'), "1e400"), "number"),
    "unit": (at(of_row('"temp":{"value":98,"unit":"%"}'), '"%"'), "unit"),
    "unit is a number": (at(of_row('"temp":{"value":37,"unit":7}'), "7}"), "unit"),
    "quality": (at(of_row('"spo2":{"value":95,"quality":"fine"}'), '"fine"'), "schema"),
    "object without value": (at(of_row('"spo2":{"unit":"%"}'), "{\"unit"), "schema"),
}
FINE = {  # not faults
    "nothing": "", "null": of_row('"spo2":null'), "-0": of_row('"temp":-0'),
    "subnormal": of_row('"temp":5e-324'), "2^53+1": of_row('"hr":9007199254740993'),
    "out of range": of_row('"spo2":140'), "below zero": of_row('"hr":-5'),
    "no time": '{"patient":"v","spo2":95}', "unreadable time": '{"patient":"v","time":"noon"}',
    "unknown member": of_row('"note":"x"'), "declared unit": of_row(
        '"temp":{"value":98.6,"unit":"[degF]"}'), "no rows": "[]",
}


def config(broker, **source):
    c = vigil.sedation_config(broker.bootstrap, snapshot={"every": "200ms"})
    c["source"] |= source
    c["alert_rules"]["spo2_low"]["for"] = "0s"
    return c


def as_bytes(value):
    return value if isinstance(value, bytes) else value.encode()


def log(cases):
    """Good rows of two patients with a case between any two of them; `spo2` falls now and then."""
    for i, value in enumerate(cases):
        for patient in ("a", "b"):
            yield record(0, i, patient, spo2=85 if i // 5 % 3 == 1 else 95, pulse=70)
        yield (0, vigil.START_MS + 1000 * i, "v", value)


def run_log(cases, **source):
    with vigil.MockBroker(f"{TOPIC}:1") as broker, \
         vigil.Pipeline(config(broker, **source)) as p:
        vigil.produce(broker.bootstrap, TOPIC, log(cases))
        p.run()
        letters, lines = p.outbox(LETTERS), p.lines()
        p.run()
        check(p.outbox(LETTERS) == letters and p.lines() == lines, "a restart adds something")
        (p.data / "snapshots").rename(p.data / "gone")
        live.check_no_mismatch(p.run())
        check(p.outbox(LETTERS) == letters and p.lines() == lines,
              "reading everything once more adds something")
    return letters, lines


def rules_of(lines, patient=None):
    events = [(line, json.loads(line)) for line in lines]
    return [line for line, e in events
            if e.get("patient") == patient and (patient or e["rule"] in SHARD_RULES)]


def check_letters(cases, letters):
    kinds = list(cases.items())
    kept = {offset for offset, *_ in letters}
    lost = [name for i, (name, _) in enumerate(kinds) if 3 * i + 2 not in kept]
    check(not lost and len(letters) == len(cases), f"{len(letters)} dead letters; none of {lost}")
    for (offset, index, reason, where, kept, record_ns), (name, ((value, fault_at), wanted)) \
            in zip(letters, kinds):
        value = as_bytes(value)
        i = kinds.index((name, cases[name]))
        check(offset == 3 * i + 2, f"{name}: offset {offset}, not {3 * i + 2}")
        check(reason == wanted, f"{name}: reason {reason}, not {wanted}")
        check(kept == value, f"{name}: kept {kept[:80]!r}")
        check(fault_at is None or where == fault_at, f"{name}: fault at {where}, not {fault_at}")
        check(record_ns == (vigil.START_MS + 1000 * i) * 1000000, f"{name}: time {record_ns}")


def each_bad_record_is_kept_once_and_harms_no_other():
    cases = MESSAGES | ROWS | VALUES
    letters, lines = run_log([value for (value, _), _ in cases.values()])
    check_letters(cases, letters)
    # A record without a value is no fault, so that everything keeps its offset.
    none, plain = run_log([""] * len(cases))
    check(none == [], "an empty record is no dead letter")
    for patient in ("a", "b"):
        check(rules_of(lines, patient) == rules_of(plain, patient) != [],
              f"other alerts of {patient} beside bad records")
    shard = [json.loads(line) for line in rules_of(lines)]
    check(shard and shard[0]["phase"] == "start" and shard[0]["rule"] == "dead_letter"
          and shard[0]["kind"] == "technical" and shard[0]["position"]["offset"] == 2,
          f"technical alert of the shard: {shard[:1]}")
    check(len({e["episode_id"] for e in shard}) == 1, "more than one alert for a row of faults")


def what_is_no_fault_makes_no_dead_letter():
    letters, lines = run_log(list(FINE.values()))
    check(letters == [], f"dead letters: {letters}")
    check(not rules_of(lines), "a technical alert without a dead letter")


def good_rows_of_an_array_survive_a_bad_one():
    rows = [record(0, s, "v", spo2=85)[3] for s in range(12)]
    rows[3] = {"patient": "w", "time": rows[3]["time"]}
    rows[5]["spo2"] = "low"
    rows[7] = [7]
    message = json.dumps(rows)
    letters, lines = run_log([message])
    check([(index, reason) for _, index, reason, _, _, _ in letters]
          == [(3, "identity_mismatch"), (5, "number"), (7, "schema")], f"letters {letters}")
    for _, index, _, where, kept, _ in letters:
        check(kept.decode() in message and json.loads(kept) == rows[index], f"kept {kept}")
        check(0 <= where < len(message), f"fault at {where}")
    check(any(b'"rule":"spo2_low"' in line for line in rules_of(lines, "v")),
          "no alert of the good rows")


def rows_of_patients_beyond_max_patients_are_kept_and_told_once():
    with vigil.MockBroker(f"{TOPIC}:1") as broker, \
         vigil.Pipeline(config(broker, max_patients=3)) as p:
        vigil.produce(broker.bootstrap, TOPIC,
                      [record(0, s, f"p-{i}", spo2=85) for s in range(6) for i in range(5)])
        p.run()
        letters = p.outbox(LETTERS)
        check(len(letters) == 12 and {reason for _, _, reason, _, _, _ in letters}
              == {"max_patients"}, f"letters {letters}")
        check({json.loads(kept)["patient"] for _, _, _, _, kept, _ in letters} == {"p-3", "p-4"},
              "rows of others were refused")
        events = p.events()
        starts = [e["rule"] for e in events if e["phase"] == "start"]
        check(starts.count("max_patients") == 1, f"alerts {starts}")
        check({e["patient"] for e in events if e["rule"] == "spo2_low"} == {"p-0", "p-1", "p-2"},
              "alerts of the others")


def a_kill_between_dead_letters_keeps_each_once():
    cases = MESSAGES | ROWS
    records = list(log([value for (value, _), _ in cases.values()]))
    with vigil.MockBroker(f"{TOPIC}:1") as broker, vigil.Pipeline(config(broker)) as p:
        for begin in range(0, len(records), 20):
            with Live(p) as run:
                vigil.produce(broker.bootstrap, TOPIC, records[begin:begin + 20])
                live.wait_for_offset(p, 0, min(begin + 20, len(records)))
                run.kill()
        live.check_no_mismatch(p.run())
        check_letters(cases, p.outbox(LETTERS))
        live.check_no_duplicates(p)


if __name__ == "__main__":
    vigil.main(each_bad_record_is_kept_once_and_harms_no_other,
               what_is_no_fault_makes_no_dead_letter,
               good_rows_of_an_array_survive_a_bad_one,
               rows_of_patients_beyond_max_patients_are_kept_and_told_once,
               a_kill_between_dead_letters_keeps_each_once)
