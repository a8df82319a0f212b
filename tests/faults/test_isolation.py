#!/usr/bin/env python3
"""A sink whose receiver dies, hangs, is slow or refuses holds up no other sink.

Every sink at once, events at a steady rate, one receiver broken after the other; between two such
passes one in which all is well. Short: each sink has every event, in order. VIGIL_LONG=1 also
compares delays from commit to acceptance with the pass before, the best of all rounds against the
best: what holds up a sink does so in each round, and a machine that is busy with other things not.
"""
import base64
import contextlib
import pathlib
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import delivery
import disk
import fhir
import live
import log_socket
import mllp
import mqtt
import postgres
import receiver
import vigil
from feeder import Feeder
from live import Live, until
from vigil import check

ROUNDS, PASS_S, RATE = (5, 3, 100) if delivery.LONG else (1, 0.2, 100)
SLOW_S = 0.05
RETRY = {"first": "20ms", "max": "200ms"}
LIMIT_MEDIAN, LIMIT_P99, LIMIT_MS = 1.5, 2.0, 250
ROWS = "select body from alert_event order by seq"
ONCE = ("file", "sqlite", "postgres")
BY_ID = ("hl7", "syslog")


class Receivers:
    """One of each kind, the sinks that deliver to them, and how each of them breaks."""

    def __init__(self, stack):
        self.stack = stack
        self.folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        self.http = stack.enter_context(receiver.Receiver())
        self.kafka = stack.enter_context(vigil.MockBroker("alerts:1"))
        self.sinks = {
            "file": {"type": "file", "path": "alerts.ndjson"},
            "sqlite": {"type": "sqlite", "path": str(self.folder / "alerts.db"),
                       "timeout": "100ms"},
            "webhook": {"type": "webhook", "url": f"http://127.0.0.1:{self.http.port}/alerts",
                        "secret": "whsec_" + base64.b64encode(bytes(32)).decode(),
                        "allow": ["loopback"], "insecure": True, "timeout": "500ms"},
            "kafka": {"type": "kafka", "brokers": self.kafka.bootstrap, "topic": "alerts"},
            "zeromq": {"type": "zeromq", "publish": f"ipc://{self.folder}/publish",
                       "control": f"ipc://{self.folder}/control"}}
        self.faults = {("sqlite", "locked"): self.locked,
                       ("webhook", "killed"): self.http.away,
                       ("webhook", "frozen"): self.http.hanging,
                       ("webhook", "slow"): lambda: self.answering(self.http, self.slow),
                       ("webhook", "errors"): lambda: self.answering(self.http, 503),
                       ("kafka", "frozen"): lambda: stopped(self.kafka.process)}
        self.add_records()
        self.add_log()
        self.add_disk()
        self.add_postgres()
        self.add_mqtt()
        for sink in self.sinks.values():
            sink["retry"] = RETRY

    def add_records(self):
        """What a hospital's record listens to."""
        self.fhir = self.stack.enter_context(receiver.Receiver())
        self.hl7 = self.stack.enter_context(mllp.Receiver())
        self.sinks["fhir"] = {"type": "fhir", "url": f"http://127.0.0.1:{self.fhir.port}/fhir/",
                              "allow": ["loopback"], "patient_system": "urn:oid:1.2.3"}
        self.sinks["hl7"] = {"type": "hl7", "address": f"127.0.0.1:{self.hl7.port}",
                             "patient_authority": "HOSP", "timeout": "500ms"}
        self.faults["fhir", "errors"] = lambda: self.answering(self.fhir, 503)
        self.faults["hl7", "frozen"] = lambda: self.answering(
            self.hl7, lambda connection, _: self.released.wait() and mllp.hang_up(connection))

    def add_log(self):
        log = self.log = log_socket.Log(self.folder / "log")
        self.sinks["syslog"] = {"type": "syslog", "socket": log.path, "timeout": "500ms"}
        self.faults["syslog", "frozen"] = log.busy

    def add_mqtt(self):
        if not mqtt.PROGRAM:
            print("     no mosquitto (scripts/install-deps.sh test)")
            return
        broker = self.stack.enter_context(mqtt.Mosquitto(durable=False))
        self.mqtt = self.stack.enter_context(mqtt.Subscriber(broker.port))
        self.sinks["mqtt"] = {"type": "mqtt", "address": f"127.0.0.1:{broker.port}",
                              "timeout": "500ms"}
        self.faults["mqtt", "frozen"] = broker.hanging

    def add_disk(self):
        folder = self.stack.enter_context(disk.SmallDisk("64m"))
        if folder:
            self.sinks["file"]["path"] = str(folder / "alerts.ndjson")
            self.faults["file", "full disk"] = lambda: disk.full(folder)

    def add_postgres(self):
        if not postgres.programs():
            print("     no PostgreSQL (scripts/install-deps.sh test)")
            return
        self.postgres = self.stack.enter_context(postgres.Postgres())
        self.sinks["postgres"] = {"type": "postgres", "timeout": "500ms",
                                  "connection": self.postgres.connection}
        self.faults["postgres", "killed"] = lambda: self.postgres.down("immediate")
        self.faults["postgres", "frozen"] = self.postgres.hanging

    def watch(self):
        """A subscriber that is stopped now and then."""
        out = self.stack.enter_context(tempfile.TemporaryFile())
        process = subprocess.Popen([vigil.VIGIL, "alerts", "--json", "--after", "0",
                                    "--connect", self.sinks["zeromq"]["publish"],
                                    "--control", self.sinks["zeromq"]["control"]],
                                   stdout=out, stderr=subprocess.DEVNULL)
        self.stack.callback(process.wait)
        self.stack.callback(process.kill)
        self.faults["zeromq", "subscriber frozen"] = lambda: stopped(process)

    def arrived(self, pipeline):
        """{sink: bodies in order, or ids of events}, of those that keep them."""
        with contextlib.closing(sqlite3.connect(self.folder / "alerts.db")) as db:
            rows = db.execute(ROWS).fetchall()
        found = {"file": pathlib.Path(pipeline.data / self.sinks["file"]["path"])
                 .read_text().splitlines(),
                 "sqlite": [body for body, in rows],
                 "webhook": [body.decode() for _, _, body in self.http.accepted],
                 "fhir": [fhir.event_of(body) for _, _, body in self.fhir.accepted],
                 "hl7": [mllp.control_id(message) for message in self.hl7.accepted],
                 "syslog": [log_socket.event_id(text) for text in list(self.log.told)]}
        if "postgres" in self.sinks:
            found["postgres"] = [body for body, in self.postgres.sql(ROWS)]
        if "mqtt" in self.sinks:
            found["mqtt"] = [payload for _, payload in list(self.mqtt.arrived)]
        return found

    @contextlib.contextmanager
    def locked(self):
        with contextlib.closing(sqlite3.connect(self.folder / "alerts.db", timeout=30,
                                                isolation_level=None)) as db:
            db.execute("begin exclusive")
            yield

    @contextlib.contextmanager
    def answering(self, server, behave):
        self.released = threading.Event()
        try:
            with server.behaving(behave):
                yield
        finally:
            self.released.set()

    def slow(self, handler):
        self.released.wait(SLOW_S)
        receiver.hang_up(handler)


@contextlib.contextmanager
def stopped(process):
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


class Passes:
    """What was broken when: each fault between two passes without one."""

    def __init__(self, pipeline, receivers):
        self.pipeline, self.receivers = pipeline, receivers
        self.spans = []  # (fault or None, from, to), in wall time

    def all_delivered(self, after):
        newest, = self.pipeline.outbox("select max(seq) from event")[0]
        for sink in self.receivers.sinks:
            until(f"{sink} has caught up after {after}", lambda s=sink: self.pipeline.outbox(
                f"select coalesce(max(seq), 0) from cursor where sink = '{s}'")[0][0] >= newest)

    def one(self, fault):
        with self.receivers.faults[fault]() if fault else contextlib.nullcontext():
            began = time.time_ns()
            time.sleep(PASS_S)  # the time is what is measured
            self.spans.append((fault, began, time.time_ns()))
        self.all_delivered(fault)

    def rounds(self):
        for _ in range(ROUNDS):
            for fault in self.receivers.faults:
                if delivery.LONG:
                    self.one(None)
                self.one(fault)
        self.one(None)


def quantiles(delays):
    """Median and p99, in ms."""
    delays = sorted(delays)
    return delays[len(delays) // 2], delays[len(delays) * 99 // 100]


def compare(spans, delays):
    """{fault: {sink: ([(median, p99) of each pass], [those of the pass before each])}}"""
    def within(sink, span):
        return quantiles([ms for at_ns, ms in delays[sink] if span[1] <= at_ns < span[2]])
    found = {}
    for i, (fault, _, _) in enumerate(spans):
        for sink in delays:
            if fault and sink != fault[0]:
                broken, free = found.setdefault(fault, {}).setdefault(sink, ([], []))
                broken.append(within(sink, spans[i]))
                free.append(within(sink, spans[i - 1]))
    return found


def best(passes, k):
    return min(quantile[k] for quantile in passes)


def check_delays(found):
    """Prints a line for each fault with the worst of the other sinks; returns what is too slow."""
    slow = []
    for fault, sinks in found.items():
        name = " ".join(fault)
        text = f"     {name:26} others:"
        for k, (what, limit) in enumerate((("median", LIMIT_MEDIAN), ("p99", LIMIT_P99))):
            ratios = {sink: best(broken, k) / best(free, k)
                      for sink, (broken, free) in sinks.items()}
            worst = max(ratios, key=ratios.get)
            middle = {sink: statistics.median(of[k] for of in broken)
                      for sink, (broken, _) in sinks.items()}
            latest = max(middle, key=middle.get)
            text += f" {what} {ratios[worst]:.2f} of the free pass ({worst}), " \
                    f"{middle[latest]:.2f} ms ({latest});"
            if ratios[worst] > limit or middle[latest] > LIMIT_MS:
                slow.append(f"{name}: {what} of {worst} {ratios[worst]:.2f} of the free pass, "
                            f"of {latest} {middle[latest]:.0f} ms")
        print(text)
    return slow


def config(broker, receivers):
    c = vigil.sedation_config(broker.bootstrap, snapshot={"every": "5s"})
    c["alert_rules"] = {"spo2_low": vigil.limit_rule("spo2", "90 %", 0)}
    c["sinks"] = receivers.sinks
    return c


def check_all(pipeline, receivers):
    """A receiver that others stand behind may be told a moment after the sink is done."""
    n, = pipeline.outbox("select count(*) from event")[0]
    with contextlib.suppress(vigil.Failed):
        until("all everywhere", lambda: all(len(set(arrived)) == n for arrived
                                            in receivers.arrived(pipeline).values()), 10)
    for sink, arrived in receivers.arrived(pipeline).items():
        delivery.check_arrived(pipeline, arrived, repeats=sink not in ONCE,
                               key=delivery.event_id if sink in BY_ID else None)


def a_broken_sink_holds_up_no_other():
    with vigil.MockBroker(f"{delivery.TOPIC}:2") as broker, contextlib.ExitStack() as stack:
        receivers = Receivers(stack)
        with vigil.Pipeline(config(broker, receivers)) as p, \
                Live(p, env={"VIGIL_LOG": "debug"}) as run:
            receivers.watch()
            passes = Passes(p, receivers)
            with Feeder(broker.bootstrap, delivery.TOPIC, RATE) as feeder:
                until("events in the outbox",
                      live.outbox_has(p, "select count(*) from event", 4 * delivery.PATIENTS))
                passes.rounds()
            until("the last events",
                  live.outbox_has(p, "select count(*) from event", feeder.rows))
            run.stop()
            delays = delivery.delays(p, run.said)
            check_all(p, receivers)
            if delivery.LONG:
                slow = check_delays(compare(passes.spans, delays))
                check(not slow, "; ".join(slow))
            print(f"     {feeder.rows} events, {len(passes.spans)} passes of {PASS_S} s")


if __name__ == "__main__":
    vigil.main(a_broken_sink_holds_up_no_other)
