#!/usr/bin/env python3
"""The mqtt sink with a real mosquitto: every event arrives in order, whatever happens to the broker; no
topic names a patient; what the broker refuses is told."""
import contextlib
import json
import pathlib
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import delivery
import live
import mqtt
import receiver
import vigil
from live import Live, until
from vigil import check


def sink(broker, **more):
    return {"type": "mqtt", "address": f"127.0.0.1:{broker.port}", "topic": "hospital/vigil",
            "timeout": "400ms", **more}


@contextlib.contextmanager
def broker_with_access():
    """A broker, and a function that sets the rules of its access list."""
    with tempfile.TemporaryDirectory() as folder:
        access = pathlib.Path(folder) / "access"

        def allow(rules):
            access.write_text(rules)
            access.chmod(0o600)
        allow("topic readwrite #\n")
        with mqtt.Mosquitto(f"acl_file {access}") as broker:
            def change(rules):
                allow(rules)
                broker.reload()
            yield broker, change


def every_event_arrives_through_faults():
    with broker_with_access() as (broker, allow), mqtt.Subscriber(broker.port) as subscriber:
        @contextlib.contextmanager
        def refuses():
            allow("topic read #\n")
            yield lambda run: run.wait_line(b"the broker refuses an event")
            allow("topic readwrite #\n")

        @contextlib.contextmanager
        def hangs():
            with broker.hanging():
                yield lambda run: run.wait_line(b"no answer from the broker")

        @contextlib.contextmanager
        def is_away():
            broker.stop()
            yield lambda run: run.wait_line(b"trying again")
            broker.start()
            subscriber.wait()

        @contextlib.contextmanager
        def is_killed():
            """Mosquitto acknowledges before it saves, so nothing may come in between."""
            allow("topic read #\n")
            broker.save()
            broker.stop(signal.SIGKILL)
            yield lambda run: run.wait_line(b"trying again")
            broker.start()
            allow("topic readwrite #\n")
            subscriber.wait()

        @contextlib.contextmanager
        def breaks():
            """While events go through it."""
            yield None
            broker.stop(signal.SIGTERM)
            broker.start()
            subscriber.wait()
        faults = [hangs, is_away, is_killed, breaks, refuses]
        for qos in (1, 2) if delivery.LONG else (1,):
            subscriber.arrived.clear()
            delivery.storm(sink(broker, qos=qos), lambda: [p for _, p in subscriber.arrived], faults,
                           kills=None if delivery.LONG else len(faults))
        for topic, payload in subscriber.arrived:
            event = json.loads(payload)
            check(topic == f"hospital/vigil/{event.get('ward', 'none')}/{event['priority']}",
                  f"topic {topic}")


def nothing_of_a_patient_overtakes_what_is_refused():
    with broker_with_access() as (broker, allow), mqtt.Subscriber(broker.port) as subscriber, \
            vigil.MockBroker(f"{delivery.TOPIC}:2") as source:
        config = delivery.config(source, {"tested": sink(broker)})
        config["alert_rules"]["pulse_low"] = vigil.limit_rule("pulse", "50 /min", 0,
                                                              priority="medium")
        with vigil.Pipeline(config) as p:
            allow("topic read #\ntopic write hospital/vigil/+/medium\n")
            vigil.produce(source.bootstrap, delivery.TOPIC,
                          [live.record(0, s, "p-1", spo2=95 if s % 2 else 80,
                                       pulse=70 if s % 3 else 40) for s in range(30)])
            with Live(p) as run:
                run.wait_line(b"the broker refuses an event")
                live.wait_for_offset(p, 0, 30)
                allow("topic readwrite #\n")
                until("all of them delivered", lambda: p.outbox(
                    "select seq from cursor where sink = 'tested'")
                    == p.outbox("select max(seq) from event"))
                run.stop()
            delivery.check_arrived(p, [payload for _, payload in subscriber.arrived], True)


def an_event_that_is_too_large_for_the_broker_is_set_aside():
    with mqtt.Mosquitto("message_size_limit 100") as broker:
        one_event_through(broker, None, b"is refused and set aside: the broker refuses an event")


def one_event_through(broker, subscriber, says=None, **more):
    with vigil.MockBroker(f"{delivery.TOPIC}:2") as source, vigil.Pipeline(
            delivery.config(source, {"tested": sink(broker, **more)})) as p:
        delivery.feed(source, 0, 1)
        with Live(p) as run:
            if says:
                run.wait_line(says)
            else:
                until("events", lambda: len(subscriber.arrived) >= delivery.PATIENTS)
            run.kill()
        check("hush" not in run.said, "a password was told")


def who_may_publish_is_the_brokers_to_say_and_a_refusal_is_told():
    with tempfile.TemporaryDirectory() as folder:
        access = pathlib.Path(folder) / "access"
        access.write_text("topic read #\nuser nurse\ntopic readwrite #\n")
        passwords = pathlib.Path(folder) / "passwords"
        passwords.write_text("nurse:hush\n")
        subprocess.run(["mosquitto_passwd", "-U", passwords], check=True)
        for file in (access, passwords):
            file.chmod(0o600)
        with mqtt.Mosquitto(f"acl_file {access}", f"password_file {passwords}",
                            "allow_anonymous true") as broker, \
                mqtt.Subscriber(broker.port) as subscriber:
            one_event_through(broker, subscriber, b"the broker refuses an event: Not authorized")
            one_event_through(broker, subscriber, b"the broker refuses the connection: ",
                              username="nurse", password="hush-hush")
            check(not subscriber.arrived, "an event of nobody's arrived")
            one_event_through(broker, subscriber, username="nurse", password="hush")


def tls_is_verified():
    with tempfile.TemporaryDirectory() as folder:
        good = receiver.make_certificate(f"{folder}/good")
        other = receiver.make_certificate(f"{folder}/other")
        with mqtt.Mosquitto() as broker:
            plain, port = broker.port, mqtt.free_port()
            broker.stop()
            with broker.config.open("a") as out:
                out.write(f"listener {port} 127.0.0.1\ncertfile {good}.pem\nkeyfile {good}.key\n")
            broker.start()
            with mqtt.Subscriber(plain) as subscriber:
                for host, ca, says in (("localhost", other, b"TLS"), ("127.0.0.1", good, b"TLS"),
                                       ("localhost", good, None)):
                    one_event_through(broker, subscriber, says, tls=True, ca=f"{ca}.pem", qos=2,
                                      address=f"{host}:{port}")
                    check(bool(subscriber.arrived) == (says is None), "an unverified broker got events")


if __name__ == "__main__":
    if not mqtt.PROGRAM:
        print("skipped: no mosquitto (Debian: mosquitto)")
        sys.exit(77)
    vigil.main(every_event_arrives_through_faults, nothing_of_a_patient_overtakes_what_is_refused,
               an_event_that_is_too_large_for_the_broker_is_set_aside,
               who_may_publish_is_the_brokers_to_say_and_a_refusal_is_told, tls_is_verified)
