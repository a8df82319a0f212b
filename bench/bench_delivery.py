"""How long an event takes from its commit to a sink's acceptance, and to subscribers over ZeroMQ."""
import contextlib
import pathlib
import subprocess
import tempfile
import time

import pipeline  # noqa: F401  (finds tests/support)
import postgres
import receiver
import vigil
from delivery import TOPIC, delays
from feeder import Feeder

RATE = 1000
SINK_S = 7
CROWD = 100
CROWD_RATE = 200
SUBSCRIBER_S = 14
WARM_S = 3
SECRET = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="


def config(broker, sink):
    made = vigil.sedation_config(broker.bootstrap, snapshot={"every": "30s"})
    made["alert_rules"] = {"spo2_low": vigil.limit_rule("spo2", "90 %", 0)}
    made["sinks"] = {"sink": sink}
    return made


@contextlib.contextmanager
def running(sink):
    """A broker, a pipeline with this sink, and its process whose log is a file."""
    with vigil.MockBroker(f"{TOPIC}:2") as broker, vigil.Pipeline(config(broker, sink)) as p, \
            pipeline.Run(p, env={"VIGIL_LOG": "debug"}) as process:
        process.wait_line(" runs: ")
        yield broker, p, process


def sinks(folder, stack):
    """(name, configuration, events/s): receivers in Python take no thousand requests a second."""
    yield "file", {"type": "file", "path": "alerts.ndjson"}, RATE
    yield "sqlite", {"type": "sqlite", "path": str(folder / "alerts.db")}, RATE
    if postgres.programs():
        server = stack.enter_context(postgres.Postgres())
        yield "postgres", {"type": "postgres", "connection": server.connection}, RATE
    broker = stack.enter_context(vigil.MockBroker("alerts:1"))
    yield "kafka (mock)", {"type": "kafka", "brokers": broker.bootstrap, "topic": "alerts"}, RATE
    http = stack.enter_context(receiver.Receiver())
    yield "webhook", {"type": "webhook", "url": f"http://127.0.0.1:{http.port}/", "secret": SECRET,
                      "allow": ["loopback"], "insecure": True}, CROWD_RATE
    yield "zeromq", zeromq(folder), RATE


def zeromq(folder):
    return {"type": "zeromq", "publish": f"ipc://{folder}/publish",
            "control": f"ipc://{folder}/control"}


def measure_sink(sink, rate):
    """(events, p50, p99, worst) in ms, without the first seconds, in which it connects."""
    with running(sink) as (broker, p, process):
        with Feeder(broker.bootstrap, TOPIC, rate):
            time.sleep(SINK_S)  # the time is what is measured
        process.stop()
        found = sorted(delays(p, process.said())["sink"])
    warm = found[0][0] + WARM_S * 10**9
    took = sorted(ms for wall_ns, ms in found if wall_ns >= warm)
    return len(took), took[len(took) // 2], took[len(took) * 99 // 100], took[-1]


def measure_subscribers(folder, program, subscribers, rate):
    """{line: words} of bench_delivery."""
    with running(zeromq(folder)) as (broker, _, process), \
            Feeder(broker.bootstrap, TOPIC, rate, every_other_second=True):
        said = subprocess.run(
            [program, f"ipc://{folder}/publish", f"ipc://{folder}/control", process.log.name,
             str(subscribers), str(rate), str(SUBSCRIBER_S)], check=True, text=True,
            capture_output=True, timeout=120).stdout
    return {line.split()[0]: line.split()[1:] for line in said.splitlines()}


def bench(table, program):
    table.section("Delivery: from commit to acceptance, one sink at a time (ms: p50 / p99 / max)")
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for name, sink, rate in sinks(folder, stack):
            count, *times = measure_sink(sink, rate)
            table.line(f"{name}, {rate:,} events/s", " / ".join(f"{ms:.2f}" for ms in times),
                       f"{count} events")
        table.section("From commit to subscribers in C beside a bare PUB/SUB hop to as many, in turn "
                      "each second (ms: p50 / p99 / max)")
        for subscribers, rate, more_ms in ((1, RATE, 3), (CROWD, CROWD_RATE, 15)):
            said = measure_subscribers(folder, program, subscribers, rate)
            hop, event = said["hop"], said["event"]
            name = f"{subscribers} at {rate:,} events/s"
            table.line(name, " / ".join(event[1:]),
                       f"{event[0]} received, {said['lost_event'][0]} not; p99 is that of the hop "
                       f"+ {float(event[2]) - float(hop[2]):.2f} ms, "
                       f"{float(event[2]) / float(hop[2]):.1f} of it", f"hop p99 + {more_ms}")
            table.line("    bare hop", " / ".join(hop[1:]))
