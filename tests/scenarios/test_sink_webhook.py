#!/usr/bin/env python3
"""The webhook sink: every event is posted in order and signed, whatever the receiver answers; and it
reaches nobody that it should not."""
import base64
import contextlib
import hashlib
import hmac
import json
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import delivery
import receiver
import vigil
from live import Live, until
from vigil import check

SECRETS = [bytes(range(i, i + 32)) for i in (1, 101)]
TEXTS = ["whsec_" + base64.b64encode(s).decode() for s in SECRETS]


def sink(server, scheme="http", host="127.0.0.1", **more):
    return {"type": "webhook", "url": f"{scheme}://{host}:{server.port}/alerts", "secret": TEXTS[0],
            "old_secret": TEXTS[1], "allow": ["loopback"], "timeout": "300ms", **more}


def check_signed(headers, body):
    """As docs/sinks/webhook.md tells receivers to do."""
    headers = {name.lower(): value for name, value in headers.items()}
    event = json.loads(body)
    check(headers["webhook-id"] == event["event_id"], f"webhook-id {headers['webhook-id']}")
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = ["v1," + base64.b64encode(hmac.digest(s, signed, hashlib.sha256)).decode()
                for s in SECRETS]
    check(headers["webhook-signature"].split(" ") == expected, "a signature is wrong")


def every_event_arrives_signed_through_faults():
    with receiver.Receiver() as server:
        @contextlib.contextmanager
        def answers(behave, says):
            with server.behaving(behave):
                yield lambda run: run.wait_line(says)

        @contextlib.contextmanager
        def hangs():
            with server.hanging():
                yield lambda run: run.wait_line(b"no answer: Timeout")

        @contextlib.contextmanager
        def is_away():
            with server.away():
                yield lambda run: run.wait_line(b"no answer: ")
        faults = [hangs, is_away, lambda: answers(receiver.hang_up, b"no answer: "),
                  *(lambda status=status: answers(status, b"status %d" % status)
                    for status in (503, 401, 404, 429, 302))]
        delivery.storm(sink(server), lambda: [body.decode() for _, _, body in server.accepted],
                       faults, kills=50 if delivery.LONG else len(faults))
        for path, headers, body in server.accepted:
            check(path == "/alerts", f"a redirect was followed to {path}")
            check_signed(headers, body)


def an_answer_without_end_is_not_waited_for():
    def floods(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(1 << 30))
        handler.end_headers()
        with contextlib.suppress(OSError):
            while True:
                handler.wfile.write(b"x" * 65536)
    with receiver.Receiver() as server, vigil.MockBroker(f"{delivery.TOPIC}:2") as broker, \
            vigil.Pipeline(delivery.config(broker, {"tested": sink(server)})) as p:
        delivery.feed(broker, 0, 1)
        with server.behaving(floods), Live(p) as run:
            server.wait_answered(delivery.PATIENTS)
            until("the status counts", lambda: p.outbox(
                "select seq from cursor where sink = 'tested'") == [(delivery.PATIENTS,)])
            run.stop()


def what_is_refused_for_ever_is_set_aside_and_410_ends_it():
    def refuses_one(handler):
        handler.send_response(422 if b"p-3" in server.body else 200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
    with receiver.Receiver() as server, vigil.MockBroker(f"{delivery.TOPIC}:2") as broker, \
            vigil.Pipeline(delivery.config(broker, {"tested": sink(server)})) as p:
        answer = server.answer

        def note(handler, body):
            server.body = body
            answer(handler, body)
        server.answer = note
        delivery.feed(broker, 0, 1)
        with server.behaving(refuses_one), Live(p) as run:
            run.wait_line(b"422")
            server.behave = 410
            delivery.feed(broker, 1, 1)
            run.wait_line(b"410")
            until("the other sinks go on", lambda: len(p.lines()) >= 2 * delivery.PATIENTS)
            run.kill()


def addresses_that_only_this_machine_reaches_are_refused():
    with receiver.Receiver() as server, vigil.MockBroker(f"{delivery.TOPIC}:2") as broker:
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0"):
            with vigil.Pipeline(delivery.config(broker, {
                    "tested": sink(server, host=host, allow=[], insecure=True)})) as p:
                delivery.feed(broker, 0, 1)
                with Live(p) as run:
                    run.wait_line(b"leads to a loopback address")
                    run.kill()
        check(server.answered == 0, "a request arrived")


def tls_is_verified():
    with tempfile.TemporaryDirectory() as folder:
        good = receiver.make_certificate(f"{folder}/good")
        other = receiver.make_certificate(f"{folder}/other")
        with receiver.Receiver(good) as server, vigil.MockBroker(f"{delivery.TOPIC}:2") as broker:
            for ca, host, arrives in ((good, "localhost", True), (other, "localhost", False),
                                      (good, "127.0.0.1", False)):
                with vigil.Pipeline(delivery.config(broker, {
                        "tested": sink(server, "https", host, ca=f"{ca}.pem")})) as p:
                    server.accepted.clear()
                    delivery.feed(broker, 0, 1)
                    with Live(p) as run:
                        if arrives:
                            until("events by TLS", lambda: len(server.accepted) > 0)
                        else:
                            run.wait_line(b"no answer: SSL")
                            check(not server.accepted, "an unverified receiver got events")
                        run.kill()


if __name__ == "__main__":
    vigil.main(every_event_arrives_signed_through_faults, an_answer_without_end_is_not_waited_for,
               what_is_refused_for_ever_is_set_aside_and_410_ends_it,
               addresses_that_only_this_machine_reaches_are_refused, tls_is_verified)
