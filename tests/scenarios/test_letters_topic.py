#!/usr/bin/env python3
"""Dead letters written to a topic: each as it came, with the reason and its origin, and none is lost
while Vigil is killed and the brokers are away."""
import contextlib
import json
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import delivery
import live
import vigil
from live import Live, record, until
from vigil import check

TOPIC, DEAD = "vitals.raw", "vitals.dead"
LETTERS = ('select partition, "offset", idx, reason, byte_offset, detail, cast(bytes as text),'
           " record_ns from dead_letter order by number")
BAD = '{"patient":"v",'


def config(broker):
    c = delivery.config(broker, {})
    c["source"]["dead_letters"] = {"topic": DEAD}
    return c


def consume(broker):
    done = subprocess.run([vigil.BUILD / "consume", broker.bootstrap, DEAD], capture_output=True,
                          text=True, timeout=60)
    check(done.returncode == 0, f"consume: {done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def as_written(letter):
    """What the headers of a letter in the outbox have to be, beside those that it came with."""
    partition, offset, index, reason, at, detail, _, record_ns = letter
    row = {} if index == 2**32 - 1 else {"vs.origin.row": str(index)}
    return {"vs.error.stage": "ingest", "vs.error.reason": reason, "vs.error.detail": detail,
            "vs.error.offset": str(at), "vs.origin.topic": TOPIC,
            "vs.origin.partition": str(partition), "vs.origin.offset": str(offset),
            "vs.origin.timestamp": str(record_ns // 10**6), **row}


def place(written):
    h = written["headers"]
    return tuple(h.get(f"vs.origin.{name}", "") for name in ("partition", "offset", "row"))


def check_all_written(broker, pipeline, repeats=True):
    written, letters = consume(broker), pipeline.outbox(LETTERS)
    first = {place(w): w for w in reversed(written)}
    check(repeats or len(first) == len(written), f"{len(written) - len(first)} letters came twice")
    check(len(first) == len(letters) > 0, f"{len(first)} of {len(letters)} letters arrived")
    for letter in letters:
        want = as_written(letter)
        check(first.get(place({"headers": want}), {}).get("value") == letter[6],
              f"letter {letter} did not arrive as it came")
    return written


def each_letter_goes_out_as_it_came():
    rows = json.dumps([record(0, 0, "v", spo2=85)[3], [7]])
    with vigil.MockBroker(f"{TOPIC}:1", f"{DEAD}:2") as broker, \
            vigil.Pipeline(config(broker)) as p:
        vigil.produce(broker.bootstrap, TOPIC, [(0, vigil.START_MS, "v", BAD)],
                      "traceparent=00-ab", "unit=ä", "empty=")
        vigil.produce(broker.bootstrap, TOPIC, [(0, vigil.START_MS + 1, None, BAD),
                                                (0, vigil.START_MS + 2, "v", rows)])
        p.run()
        written = check_all_written(broker, p, repeats=False)
        p.run()
        check(len(consume(broker)) == len(written), "a restart writes letters again")
        letters = p.outbox(LETTERS)
    of = {w["headers"]["vs.origin.offset"]: w for w in written}
    check(of["0"]["headers"] == {"traceparent": "00-ab", "unit": "ä", "empty": "",
                                 **as_written(letters[0])}, f"headers {of['0']['headers']}")
    check([of[o]["key"] for o in "012"] == ["v", None, "v"], "other keys")
    check(of["2"]["headers"] == as_written(letters[2]) and of["2"]["value"] == "[7]",
          f"a row: {of['2']}")


@contextlib.contextmanager
def frozen(process):
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def storm(broker, process, kills):
    """Vigil dies while it reads letters, while it writes them, and while the brokers do not answer."""
    with vigil.Pipeline(config(broker)) as p:
        for k in range(kills):
            with Live(p) as run:
                had = len(consume(broker)) if k % 3 == 2 else 0
                vigil.produce(broker.bootstrap, TOPIC,
                              [(i % 2, vigil.START_MS + 1000 * k + i, f"p-{i}", f"{BAD} {k} {i}")
                               for i in range(100)])
                until("a letter in the outbox", live.outbox_has(
                    p, "select count(*) from dead_letter", 100 * k + 1))
                if k % 3 == 1:
                    with frozen(process):
                        run.kill()
                if k % 3 == 2:
                    until("a letter in the topic", lambda: len(consume(broker)) > had)
                run.kill()
        live.check_no_mismatch(p.run())
        check(len(p.outbox(LETTERS)) == 100 * kills, "letters are missing in the outbox")
        check_all_written(broker, p)


def none_is_lost_by_kills():
    with vigil.MockBroker(f"{TOPIC}:2", f"{DEAD}:2") as broker:
        storm(broker, broker.process, 30 if delivery.LONG else 3)


def none_is_lost_by_kills_on_a_real_kafka():
    if not delivery.LONG:
        return
    with vigil.real_kafka(TOPIC, 2) as broker:
        # It takes each letter, and never several together.
        broker.create_topic(DEAD, 2, "max.message.bytes=700")
        storm(broker, broker.node.process, 12)


def letters_of_a_purge_are_not_written_and_harm_no_later_one():
    with vigil.MockBroker(f"{TOPIC}:1", f"{DEAD}:1") as broker:
        c = config(broker)
        c["source"].pop("dead_letters")
        with vigil.Pipeline(c) as p:
            vigil.produce(broker.bootstrap, TOPIC, [(0, vigil.START_MS, "v", BAD)])
            p.run()
            subprocess.run([vigil.VIGIL, "dlq", "purge", "--data-dir", p.data, "--all", "--yes"],
                           check=True, capture_output=True, timeout=20)
            p.config["source"]["dead_letters"] = {"topic": DEAD}
            p.path.write_text(json.dumps(p.config))
            vigil.produce(broker.bootstrap, TOPIC, [(0, vigil.START_MS + 1, "v", BAD)])
            p.run()
            check([w["headers"]["vs.origin.offset"] for w in consume(broker)] == ["1"],
                  "other letters than the second")


if __name__ == "__main__":
    vigil.main(each_letter_goes_out_as_it_came, none_is_lost_by_kills,
               none_is_lost_by_kills_on_a_real_kafka,
               letters_of_a_purge_are_not_written_and_harm_no_later_one)
