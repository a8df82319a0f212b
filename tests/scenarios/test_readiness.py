#!/usr/bin/env python3
"""/readyz says what is wrong while it is: a broker that goes away, a log that is repeated after a restart."""
import pathlib
import shutil
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import vigil
from http_client import Server, settings
from live import Live, outbox_has, record, until
from vigil import check

TOPIC = "vitals.raw"


def config(broker, **service):
    return vigil.sedation_config(broker.bootstrap, http=settings(), **service)


def feed(broker, first_s, seconds):
    vigil.produce(broker.bootstrap, TOPIC,
                  [record(0, s, "pseudonym-a", spo2=97, pulse=70) for s in range(first_s, first_s + seconds)])


def a_broker_that_goes_away_is_a_reason_until_it_is_back_also_without_a_new_record():
    with vigil.MockBroker(f"{TOPIC}:1") as broker:
        c = config(broker)
        # A minute by default. Less, and librdkafka complains of the option.
        c["source"]["options"] = {"socket.timeout.ms": "1100"}
        feed(broker, 0, 5)
        with vigil.Pipeline(c) as p, Live(p) as run:
            server = Server(run)
            until("ready", lambda: not server.ready())
            check("source: " not in run.said, f"the source complains: {run.said}")
            broker.process.send_signal(signal.SIGSTOP)
            try:
                reasons = until("Kafka is a reason", lambda: [r for r in server.ready() or []
                                                              if r.startswith("Kafka: ")])
            finally:
                broker.process.send_signal(signal.SIGCONT)
            check("pseudonym" not in reasons[0], reasons)
            until("ready again", lambda: not server.ready())
            feed(broker, 5, 5)
            run.stop()


def a_broker_of_the_list_that_is_down_ends_nothing():
    with vigil.MockBroker(f"{TOPIC}:1") as broker:
        feed(broker, 0, 5)
        for _ in range(5):  # whose answer comes first is chance
            c = config(broker)
            c["source"]["brokers"] = f"127.0.0.1:1,{broker.bootstrap}"
            with vigil.Pipeline(c) as p:
                check("5 rows" in p.run(), "it did not read")


def what_is_repeated_after_a_restart_is_a_reason_until_it_is_over():
    rows = 500
    with vigil.MockBroker(f"{TOPIC}:1") as broker:
        feed(broker, 0, rows)
        # So little may be under way that a chain that hangs holds up the reading of what is stored.
        with vigil.Pipeline(config(broker, in_flight_rows=64, frame_rows=8)) as p:
            check(f"{rows} rows" in p.run(), "nothing is stored")
            shutil.rmtree(p.data / "snapshots")
            stall = p.folder / "stall"
            stall.touch()
            with Live(p, env={"VIGIL_FAULT_STALL": f"alert:{stall}"}) as run:
                server = Server(run)
                until("recovering", lambda: "recovering: 1 of 1 partitions" in (server.ready() or []))
                check(server.page("/livez") == "ok\n", "it lives")
                stall.unlink()
                until("ready", lambda: not server.ready())
                run.stop()


if __name__ == "__main__":
    vigil.main(a_broker_that_goes_away_is_a_reason_until_it_is_back_also_without_a_new_record,
               a_broker_of_the_list_that_is_down_ends_nothing,
               what_is_repeated_after_a_restart_is_a_reason_until_it_is_over)
