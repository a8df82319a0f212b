#!/usr/bin/env python3
"""Starting and stopping: what each signal and each trouble means, and that a stop loses nothing."""
import json
import pathlib
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import live
import vigil
from http_client import settings
from live import Live, record, until
from vigil import check

TOPIC = "vitals.raw"
QUICKLY_S = 5


def config(broker, **service):
    c = vigil.sedation_config(broker if isinstance(broker, str) else broker.bootstrap,
                              snapshot={"every": "200ms"}, **service)
    c["alert_rules"]["spo2_low"] = vigil.limit_rule("spo2", "90 %", 0)
    return c


def feed(broker, first_s=0, seconds=50, partitions=2):
    vigil.produce(broker.bootstrap, TOPIC,
                  [record(i % partitions, s, f"p-{i}", spo2=95 if s % 2 else 80)
                   for s in range(first_s, first_s + seconds) for i in range(4)])
    return 4 * seconds


def refused(p, code, *words, arguments=("--until-end",)):
    """The exit code and what it says, on one or a few lines for people."""
    began = time.monotonic()
    done = subprocess.run([vigil.VIGIL, "run", p.path, *arguments], capture_output=True, text=True,
                          timeout=60)
    check(done.returncode == code, f"exit {done.returncode}, not {code}: {done.stderr}")
    for word in words:
        check(word in done.stderr, f"nothing about {word!r}: {done.stderr}")
    check(done.stdout == "", f"talk on stdout: {done.stdout}")
    return time.monotonic() - began


def a_signal_drains_and_ends_quickly():
    with vigil.MockBroker(f"{TOPIC}:2") as broker:
        for number in (signal.SIGTERM, signal.SIGINT):
            with vigil.Pipeline(config(broker)) as p, Live(p) as run:
                events = feed(broker) if number == signal.SIGTERM else 200
                until("half of the events", lambda: len(p.lines()) >= events // 2)
                began = time.monotonic()
                run.stop(number)
                took = time.monotonic() - began
                check(took < QUICKLY_S, f"{took:.1f} s to stop")
                check(len(p.lines()) == p.outbox("select count(*) from event")[0][0],
                      "stopped before the file had everything")
                p.run()
                check(len(p.lines()) == events, f"{len(p.lines())} events, not {events}")
                live.check_no_duplicates(p)


def stalled(p, stage="alert"):
    """The fault that holds a stage for as long as the file is there."""
    file = p.folder / "stall"
    file.write_text("")
    return file, {"VIGIL_FAULT_STALL": f"{stage}:{file}"}


def a_signal_is_heard_while_no_broker_answers():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        c = config(f"127.0.0.1:{silent.getsockname()[1]}", http=settings())
        c["source"]["connect_timeout"] = "60s"
        with vigil.Pipeline(c) as p, Live(p, wait=b"listens at ") as run:
            began = time.monotonic()
            run.stop(expect=75, timeout_s=QUICKLY_S)
            check("before it ran" in run.said, f"{time.monotonic() - began:.1f} s: {run.said}")


def a_second_signal_ends_at_once():
    with vigil.MockBroker(f"{TOPIC}:2") as broker, vigil.Pipeline(config(broker)) as p:
        events = feed(broker)
        file, fault = stalled(p)
        with Live(p, env=fault) as run:
            run.process.send_signal(signal.SIGTERM)
            run.wait_line(b"stopping")
            run.stop(expect=75, timeout_s=QUICKLY_S)
            check("second signal" in run.said, run.said)
        file.unlink()
        p.run()
        check(len(p.lines()) == events, f"{len(p.lines())} events after the next start")


def what_does_not_drain_in_time_is_left_for_the_next_start():
    with vigil.MockBroker(f"{TOPIC}:2") as broker, \
         vigil.Pipeline(config(broker, shutdown={"drain_timeout": "1s"})) as p:
        events = feed(broker)
        file, fault = stalled(p)
        with Live(p, env=fault) as run:
            began = time.monotonic()
            run.stop(expect=75, timeout_s=20)
            check(1 <= time.monotonic() - began < 1 + QUICKLY_S, "not after drain_timeout")
            check("drain_timeout" in run.said, run.said)
        file.unlink()
        p.run()
        check(len(p.lines()) == events, f"{len(p.lines())} events after the next start")


def the_end_of_an_empty_topic_is_reached_at_once():
    with vigil.MockBroker(f"{TOPIC}:2") as broker, vigil.Pipeline(config(broker)) as p:
        said = p.run(timeout=20)
        check("0 rows" in said, said)
        check(p.run(timeout=20) and p.lines() == [], "events of nothing")


def troubles_at_the_start_have_their_code_and_words():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"127.0.0.1:{closed.getsockname()[1]}"
        c = config(nobody)
        c["source"]["connect_timeout"] = "1s"
        with vigil.Pipeline(c) as p:
            took = refused(p, 69, nobody, "no broker answered")
            check(took < 1 + QUICKLY_S, f"{took:.1f} s to say that there is no broker")
    with vigil.MockBroker(f"{TOPIC}:2") as broker:
        c = config(broker)
        c["source"]["topik"] = c["source"].pop("topic")
        with vigil.Pipeline(c) as p:
            refused(p, 78, str(p.path), "topik", "did you mean", "^")
        c = config(broker)
        c["sinks"]["live"] = {"type": "zeromq", "publish": "tcp://0.0.0.0:5557",
                              "control": "tcp://127.0.0.1:5558"}
        with vigil.Pipeline(c) as p:
            refused(p, 78, "publish", "0.0.0.0")
        with socket.socket() as taken, vigil.Pipeline(config(broker)) as p:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
            p.config["sinks"]["live"] = {"type": "zeromq", "publish": address,
                                         "control": f"ipc://{p.folder}/control"}
            p.path.write_text(json.dumps(p.config))
            refused(p, 69, address, "in use")


def another_cluster_is_refused_or_begun_afresh():
    with vigil.MockBroker(f"{TOPIC}:2") as broker, vigil.Pipeline(config(broker)) as p:
        events = feed(broker)
        p.run()
        check(len(p.lines()) == events, "first cluster")
        old = set(p.data.iterdir())
        with vigil.MockBroker(f"{TOPIC}:3") as other:
            feed(other, 100, 10)
            # Two mock clusters may have the same id, so this one has another number of partitions.
            p.config["source"] |= {"brokers": other.bootstrap, "cluster": "other"}
            p.path.write_text(json.dumps(p.config))
            refused(p, 78, str(p.data), "on_new_cluster")
            p.config["service"]["on_new_cluster"] = "fresh"
            p.path.write_text(json.dumps(p.config))
            p.run()
            check(p.outbox("select count(*) from event")[0][0] == 40, "the new outbox is not new")
            aside = [f.name for f in set(p.data.iterdir()) - old]
            check(any(name.startswith("outbox-") for name in aside), f"set aside: {aside}")
            p.run()
            check(len(p.lines()) == events + 40, "one more start of the same cluster")


def grouped(broker, instance):
    c = config(broker)
    c["source"] |= {"group": "vigil", "instance": instance}
    return c


def an_unknown_topic_is_told(broker):
    c = config(broker)
    c["source"]["topic"] = "absent"
    with vigil.Pipeline(c) as p:
        refused(p, 69, "absent", "does not exist")
        # Not in test_validate.py: the mock broker makes a topic that is asked for.
        tried = subprocess.run([vigil.VIGIL, "validate", "--env", p.path], capture_output=True, text=True,
                               timeout=vigil.TIMEOUT_S)
        check(tried.returncode == 69 and "topic absent does not exist" in tried.stdout + tried.stderr,
              f"{tried.returncode}: {tried.stdout}{tried.stderr}")


def instances_of_a_group_share_the_partitions_both_ways():
    with vigil.real_kafka(TOPIC, 2) as broker, vigil.Pipeline(grouped(broker, "a")) as a, \
         vigil.Pipeline(grouped(broker, "b")) as b:
        an_unknown_topic_is_told(broker)
        events = feed(broker)
        with Live(a) as one:
            until("all events in one instance", lambda: len(a.lines()) == events)
            one.stop()
            began = time.monotonic()
            with Live(a) as again:  # a static member that is back within its session
                feed(broker, 50, 10)
                until("all events after a restart", lambda: len(a.lines()) == events + 40)
                check(time.monotonic() - began < 20, "the restart waited for a rebalance")
                with Live(b) as two:
                    again.wait_line(b"handed over", 60)
                    feed(broker, 60, 10)
                    until("its part in the second instance",
                          lambda: any(e["time"] >= "2026-01-01T00:01:00" for e in b.events()), 60)
                    check(len({e["position"]["partition"] for e in b.events()}) == 1,
                          "the second instance has not one partition of two")
                    two.stop()
                # What `b` has read meanwhile `a` reads once more, from its own position.
                feed(broker, 70, 10)
                until("everything in the first instance again", lambda: sum(
                    e["time"] >= "2026-01-01T00:01:10" for e in a.events()) == 40, 60)
                again.stop()
            live.check_no_mismatch(again.said)
        for p in (a, b):
            live.check_no_duplicates(p)
        check(len(a.lines()) == events + 40 * 3, f"{len(a.lines())} events in the first instance")
        # Not the bytes: each instance has seen silences of its own, and log time went on in them.
        ids = [{e["event_id"] for e in p.events()} for p in (a, b)]
        check(ids[1] <= ids[0], f"only in the second instance: {ids[1] - ids[0]}")


if __name__ == "__main__":
    vigil.main(instances_of_a_group_share_the_partitions_both_ways,
               a_signal_drains_and_ends_quickly, a_signal_is_heard_while_no_broker_answers,
               a_second_signal_ends_at_once,
               what_does_not_drain_in_time_is_left_for_the_next_start,
               the_end_of_an_empty_topic_is_reached_at_once,
               troubles_at_the_start_have_their_code_and_words,
               another_cluster_is_refused_or_begun_afresh, at_once=3)
