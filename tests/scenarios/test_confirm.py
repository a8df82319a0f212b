#!/usr/bin/env python3
"""A subscriber that must confirm and does not is an alert; what it confirmed outlives kill -9."""
import json
import pathlib
import signal
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import vigil
import zmq
from live import Live, outbox_has, record, until
from vigil import check

TOPIC = "vitals.raw"


def config(broker, folder):
    c = vigil.sedation_config(broker.bootstrap, snapshot={"every": "500ms"})
    c["alert_rules"] = {"spo2_low": vigil.limit_rule("spo2", "90 %", 0)}
    c["sinks"]["live"] = {"type": "zeromq", "publish": f"ipc://{folder}/publish",
                          "control": f"ipc://{folder}/control", "subscribers": {"central": "1s"}}
    return c


def ask(folder, request):
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.linger = 0
        dealer.connect(f"ipc://{folder}/control")
        dealer.send(json.dumps({"id": 1, **request}).encode())
        check(dealer.poll(20000), f"no answer to {request}")
        return json.loads(dealer.recv())


def told(pipeline):
    return [e["phase"] for e in pipeline.events() if e["rule"] == "delivery_failing"]


def newest(pipeline):
    return pipeline.outbox("select ward, max(seq) from event group by ward")


def confirm_all(pipeline, folder):
    """Confirms everything, also what the alert about it adds to ward none."""
    for ward, seq in newest(pipeline):
        reply = ask(folder, {"do": "confirm", "subscriber": "central", "ward": ward, "seq": seq})
        check(reply.get("ok"), f"{ward} {seq}: {reply}")


def silence_is_an_alert_until_it_is_over():
    with vigil.MockBroker(f"{TOPIC}:1") as broker, tempfile.TemporaryDirectory() as folder, \
            vigil.Pipeline(config(broker, folder)) as pipeline:
        with Live(pipeline) as run:
            vigil.produce(broker.bootstrap, TOPIC, [record(0, 1, "p-1", spo2=80, bed="icu-0/1")])
            until("the alert", outbox_has(pipeline, "select count(*) from event where ward = 'icu-0'"))
            until("that nobody confirms is told", lambda: "start" in told(pipeline))

            def over():
                confirm_all(pipeline, folder)
                return "end" in told(pipeline)
            until("that it is over", over)
            confirmed = dict(newest(pipeline))["icu-0"]
            run.process.send_signal(signal.SIGKILL)
            run.process.wait()
        rows = dict(pipeline.outbox("select sink, seq from cursor"))
        check(rows.get("live/central/icu-0") == confirmed, f"{rows}, expected {confirmed}")
        with Live(pipeline) as run:
            reply = ask(folder, {"do": "confirm", "subscriber": "central", "ward": "icu-0",
                                 "seq": confirmed + 1000})
            check(reply.get("error") == "malformed", f"{reply}")
            run.stop()


if __name__ == "__main__":
    vigil.main(silence_is_an_alert_until_it_is_over)
