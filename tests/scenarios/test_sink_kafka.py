#!/usr/bin/env python3
"""The kafka sink on a real cluster of three nodes: every event arrives, a patient's in order, while
nodes and Vigil are killed, and once if only the brokers were away."""
import contextlib
import itertools
import json
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import delivery
import kafka
import vigil
from live import Live, until
from vigil import check

def consume(topic):
    done = subprocess.run([vigil.BUILD / "consume", brokers.bootstrap, topic], capture_output=True,
                          text=True, timeout=60)
    check(done.returncode == 0, f"consume: {done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def sink(topic, **more):
    brokers.create_topic(topic, 3)
    return {"type": "kafka", "brokers": brokers.bootstrap, "topic": topic, **more}


def check_record(record):
    event, headers = json.loads(record["value"]), record["headers"]
    check(record["key"] == event.get("patient"), f"the key is {record['key']}")
    check(headers == {"ce_specversion": "1.0", "ce_id": event["event_id"],
                      "ce_source": "vigil/sedation",
                      "ce_type": "vigil.alert.1." + event["phase"], "ce_time": event["time"],
                      "content-type": "application/json"}, f"headers {headers}")


def every_event_arrives_though_nodes_die():
    victim = itertools.cycle(brokers.nodes)

    @contextlib.contextmanager
    def without_a_node():
        node = next(victim)
        node.kill()
        yield None
        node.start()
    delivery.storm(sink("storm"), lambda: [r["value"] for r in consume("storm")], [without_a_node],
                   kills=None if delivery.LONG else 2)
    for record in consume("storm"):
        check_record(record)


def an_outage_makes_no_copies():
    with vigil.MockBroker(f"{delivery.TOPIC}:2") as broker, vigil.Pipeline(
            delivery.config(broker, {"tested": sink("outage", timeout="500ms")})) as p:
        with Live(p) as run:
            delivery.feed(broker, 0, 2)
            until("the first events", lambda: len(consume("outage")) == 16)
            for node in brokers.nodes:
                node.process.send_signal(signal.SIGSTOP)
            delivery.feed(broker, 2, 8)
            run.wait_line(b"not confirmed")
            for node in brokers.nodes:
                node.process.send_signal(signal.SIGCONT)
            until("the rest", lambda: p.outbox("select seq from cursor where sink = 'tested'")
                  == [(80,)])
            run.stop()
        delivery.check_arrived(p, [r["value"] for r in consume("outage")], False)


if __name__ == "__main__":
    try:
        cluster = kafka.Cluster(3)
    except kafka.Unavailable as why:
        vigil.skip(str(why))
    with cluster as brokers:
        vigil.main(every_event_arrives_though_nodes_die, an_outage_makes_no_copies)
