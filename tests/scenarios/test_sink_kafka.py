#!/usr/bin/env python3
"""The kafka sink on a real cluster of three nodes: every event arrives, a patient's in order, while
nodes and Vigil are killed, hang or refuse, and once if only the brokers were away. Source and sink get
in with a user's password over TLS, and say what is wrong when they do not."""
import contextlib
import ctypes
import ctypes.util
import json
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import delivery
import kafka
import live
import receiver
import vigil
from live import Live, until
from vigil import check

USER, PASSWORD, WRONG = "vigil-icu", "planted-kafka-5a1f09c2", "planted-wrong-77d0be31"


def consume(topic):
    done = subprocess.run([vigil.BUILD / "consume", brokers.bootstrap, topic], capture_output=True,
                          text=True, timeout=60)
    check(done.returncode == 0, f"consume: {done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def sink(topic, setting="", partitions=3, **more):
    brokers.create_topic(topic, partitions, setting)
    return {"type": "kafka", "brokers": brokers.bootstrap, "topic": topic, **more}


def check_record(record):
    event, headers = json.loads(record["value"]), record["headers"]
    check(record["key"] == event.get("patient"), f"the key is {record['key']}")
    check(headers == {"ce_specversion": "1.0", "ce_id": event["event_id"],
                      "ce_source": "vigil/sedation",
                      "ce_type": "vigil.alert.1." + event["phase"], "ce_time": event["time"],
                      "content-type": "application/json"}, f"headers {headers}")


@contextlib.contextmanager
def frozen(nodes):
    for node in nodes:
        node.process.send_signal(signal.SIGSTOP)
    try:
        yield lambda run: run.wait_line(b"not confirmed")
    finally:
        for node in nodes:
            node.process.send_signal(signal.SIGCONT)


def values(topic):
    return lambda: [record["value"] for record in consume(topic)]


def every_event_arrives_though_nodes_die_and_hang():
    rng = random.Random(delivery.SEED)

    @contextlib.contextmanager
    def without_a_node():
        node = rng.choice(brokers.nodes)
        node.kill()
        yield None
        node.start()

    def two_hang():
        """One alone may be needed by nobody."""
        return frozen(rng.sample(brokers.nodes, 2))
    delivery.storm(sink("storm", timeout="500ms"), values("storm"), [without_a_node, two_hang],
                   kills=None if delivery.LONG else 2)
    if delivery.LONG:
        # All three have to have it: while one is away the others answer NOT_ENOUGH_REPLICAS.
        delivery.storm(sink("strict", "min.insync.replicas=3", timeout="500ms"), values("strict"),
                       [without_a_node], seconds=250, kills=10)
    for record in consume("storm"):
        check_record(record)


def a_node_that_hangs_is_left_for_the_others():
    """Whichever it is that leads the partition of the one patient."""
    if not delivery.LONG:
        return
    for node in brokers.nodes:
        with vigil.MockBroker(f"{delivery.TOPIC}:2") as broker, vigil.Pipeline(delivery.config(
                broker, {"tested": sink(f"left{node.member[0]}")})) as p, Live(p) as run:
            delivery.feed(broker, 0, 1)
            until("events", lambda: p.outbox("select seq from cursor where sink = 'tested'") == [(8,)])
            with frozen([node]):
                began = time.monotonic()
                delivery.feed(broker, 1, 1)
                until("events without it", lambda: p.outbox(
                    "select seq from cursor where sink = 'tested'") == [(16,)], 40)
                print(f"     after {time.monotonic() - began:.1f} s")
            run.stop()


def a_batch_that_is_refused_changes_no_order():
    """The brokers refuse ten events together and would take each alone, and the four behind them."""
    with vigil.MockBroker(f"{delivery.TOPIC}:2") as broker, \
            vigil.Pipeline(delivery.config(broker, {})) as p:
        delivery.feed(broker, 0, 3)
        p.run()
        p.config["sinks"]["tested"] = sink("narrow", "max.message.bytes=6000", partitions=1,
                                           options={"batch.num.messages": "10"})
        p.path.write_text(json.dumps(p.config))
        said = p.run()
        check("set aside" not in said, f"an event was refused: {said}")
        delivery.check_arrived(p, values("narrow")(), True)


def an_outage_makes_no_copies():
    with vigil.MockBroker(f"{delivery.TOPIC}:2") as broker, vigil.Pipeline(
            delivery.config(broker, {"tested": sink("outage", timeout="500ms")})) as p:
        with Live(p) as run:
            delivery.feed(broker, 0, 2)
            until("the first events", lambda: len(consume("outage")) == 16)
            with frozen(brokers.nodes) as noticed:
                delivery.feed(broker, 2, 8)
                noticed(run)
            until("the rest", lambda: p.outbox("select seq from cursor where sink = 'tested'")
                  == [(80,)])
            run.stop()
        delivery.check_arrived(p, values("outage")(), False)


def login(password="right", authority="broker", mechanism="PLAIN", certificate=None):
    """Options for the listener that is closed to others; the password is in a file."""
    shown = {"ssl.certificate.location": str(folder / f"{certificate}.pem"),
             "ssl.key.location": str(folder / f"{certificate}.key")} if certificate else {}
    return {"security.protocol": "sasl_ssl", "sasl.mechanism": mechanism, "sasl.username": USER,
            "sasl.password": "${file:%s}" % (folder / password),
            "ssl.ca.location": str(folder / f"{authority}.pem"), **shown}


def secure_config(source, tested, topic="secure.alerts"):
    c = delivery.config(brokers, {"tested": {
        "type": "kafka", "brokers": brokers.secure_bootstrap, "topic": topic,
        "timeout": "1s", "options": tested}}, shutdown={"drain_timeout": "300ms"})
    c["source"] |= {"brokers": brokers.secure_bootstrap, "topic": "secure.vitals",
                    "options": source}
    return c


def check_no_secret(pipeline, said):
    found = [pipeline.data / name for name in pipeline.data.rglob("*") if name.is_file()]
    check(found, "no file was written: nothing was tested")
    for where, text in [("the log", said.encode()), *((f, f.read_bytes()) for f in found)]:
        for secret in (PASSWORD, WRONG):
            check(secret.encode() not in text, f"a password is in {where}")


def a_user_with_a_password_over_tls_reads_and_writes():
    brokers.create_topic("secure.vitals", 2)
    vigil.produce(brokers.bootstrap, "secure.vitals", [
        live.record(i % 2, s, f"p-{i}", spo2=95 if s % 2 else 80) for s in range(4) for i in range(4)])
    for topic, way in (("secure.alerts", {}), ("secure.shown", {"certificate": "client"})):
        brokers.create_topic(topic, 3)
        with vigil.Pipeline(secure_config(login(**way), login(**way), topic)) as p:
            said = p.run()
            delivery.check_arrived(p, values(topic)(), False)
            check_no_secret(p, said)


def who_is_not_let_in_is_told_why():
    for options, words in ((login(password="wrong"), "refuse this user"),
                           (login(certificate="other"), "no TLS connection"),
                           (login(authority="other"), "no TLS connection")):
        c = secure_config(options, login())
        c["source"]["connect_timeout"] = "2s"
        with vigil.Pipeline(c) as p:
            said = p.run(expect=69)
            check(words in said, f"{said}")
            check_no_secret(p, said)
        with vigil.Pipeline(secure_config(login(), options)) as p, Live(p) as run:
            line = run.wait_line(b"error tested: ").decode()
            check("Invalid username or password" in line or "certificate verify failed" in line
                  or "certificate unknown" in line, line)
            check_no_secret(p, run.stop(expect=75))


def scram_works_or_says_that_the_library_is_too_old():
    """librdkafka before 2.6.1 repeats its nonce, which Kafka 4 takes for a wrong password."""
    brokers.add_scram_user(USER, PASSWORD)
    brokers.create_topic("secure.scram", 3)
    scram = login(mechanism="SCRAM-SHA-512")
    c = secure_config(scram, scram, "secure.scram")
    c["source"]["connect_timeout"] = "2s"
    with vigil.Pipeline(c) as p:
        if scram_is_mended():
            p.run()
            delivery.check_arrived(p, values("secure.scram")(), False)
        else:
            check("by SCRAM librdkafka before 2.6.1" in p.run(expect=69), "no advice from the source")
    if not scram_is_mended():
        with vigil.Pipeline(secure_config(login(), scram, "secure.scram")) as p, Live(p) as run:
            line = run.wait_line(b"error tested: ").decode()
            check("by SCRAM librdkafka before 2.6.1" in line, line)
            run.stop(expect=75)


def scram_is_mended():
    name = ctypes.util.find_library("rdkafka")
    return ctypes.CDLL(name).rd_kafka_version() >= 0x020601ff


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for word, text in (("right", PASSWORD), ("wrong", WRONG)):
            (folder / word).touch(mode=0o600)
            (folder / word).write_text(text + "\n")
        for whose in ("other", "client"):
            receiver.make_certificate(f"{folder}/{whose}", name=whose)
        door = kafka.Secure(USER, PASSWORD,
                            receiver.make_certificate(f"{folder}/broker", address="127.0.0.1"),
                            folder / "client.pem")
        try:
            cluster = kafka.Cluster(3, door)
        except kafka.Unavailable as why:
            vigil.skip(str(why))
        with cluster as brokers:
            vigil.main(every_event_arrives_though_nodes_die_and_hang,
                       a_node_that_hangs_is_left_for_the_others,
                       a_batch_that_is_refused_changes_no_order, an_outage_makes_no_copies,
                       a_user_with_a_password_over_tls_reads_and_writes,
                       who_is_not_let_in_is_told_why,
                       scram_works_or_says_that_the_library_is_too_old)
