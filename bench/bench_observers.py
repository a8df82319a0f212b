"""What watching costs: the same log, as fast as it goes, with and without those who look on.

Watched means all of them at once: /metrics and the state (as `vigil top` asks for it) each second, a ward
page's stream, and a tap behind stage detect. Rounds are in pairs that change their order, so that a machine that
slows down slows both. Compared are medians: processor time of the whole process, which has the observers' own
thread and what stages do for them, and rows a second of wall time. The readers have a processor of their
own to the chain's, as far as the machine has one.
"""
import http.client
import json
import statistics
import threading

from pipeline import Run, config, simulate
from vigil import Pipeline, real_kafka

ROUNDS = 5
PERIOD_S = 1.0
TOKEN = "bench-token-0123456789"


class Watcher:
    """Asks for a page each second, or follows a stream, until nobody answers."""

    def __init__(self, port, method, path, body=None):
        self.request = (method, path, body and json.dumps(body),
                        {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"})
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.answers, self.bytes = 0, 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            while not self.ended.is_set():
                self.connection.request(*self.request)
                answer = self.connection.getresponse()
                while piece := answer.read1(1 << 16):
                    self.bytes += len(piece)
                answer.close()  # read1() leaves it open at the end of a page of known length
                self.answers += answer.status == 200
                self.ended.wait(PERIOD_S)
        except (OSError, http.client.HTTPException):
            return

    def stop(self):
        self.ended.set()
        self.thread.join()


def watch(port):
    return [Watcher(port, "GET", "/metrics"), Watcher(port, "GET", "/api/v1/status"),
            Watcher(port, "GET", "/api/v1/stream"),
            Watcher(port, "POST", "/api/v1/tap", {"stage": "detect"})]


def run_once(bootstrap, folder, watched):
    """Seconds of the processor, of the wall, of the http thread; bytes that were shown."""
    server = {"http": {"listen": "127.0.0.1:0", "token": TOKEN, "beds": 500, "refill": "0"}}
    with folder() as path, Pipeline(config(bootstrap, 30, path, **(server if watched else {})),
                                    path) as one:
        run = Run(one, "--until-end")
        watchers = []
        if watched:
            run.wait_line("listens at ")
            watchers = watch(int(run.said().split("listens at ")[1].split()[0].rsplit(":")[-1]))
        run.wait()
        for watcher in watchers:
            watcher.stop()
        return run.cpu_s, run.wall_s, run.parts().get("http", 0.0), [w.bytes for w in watchers]


def bench(table, folder):
    table.section("Watching: metrics, state, ward page and tap, or nobody; real Kafka, 400 beds, tick 30 s")
    with real_kafka("vitals.raw", 4) as kafka:
        rows = simulate(kafka.bootstrap, 400, 12000)
        rounds = {False: [], True: []}
        for i in range(ROUNDS):
            for watched in ((False, True), (True, False))[i % 2]:
                rounds[watched].append(run_once(kafka.bootstrap, folder, watched))

    def median(of, watched):
        return statistics.median(of(r) for r in rounds[watched])

    cpu = [median(lambda r: r[0], w) for w in (False, True)]
    ratios = sorted(free[1] / seen[1] for free, seen in zip(rounds[False], rounds[True]))
    shown = [sum(r[3][i] for r in rounds[True]) / ROUNDS / 1e6 for i in range(4)]
    table.line("processor a row, watched to not", f"{cpu[1] / cpu[0]:.3f}",
               f"{1e6 * cpu[0] / rows:.2f} to {1e6 * cpu[1] / rows:.2f} us, medians of {ROUNDS}", "<= 1.02")
    table.line("thread http", f"{100 * median(lambda r: r[2] / r[0], True):.2f} % of the processor",
               "MB shown: metrics {:.1f}, state {:.1f}, page {:.1f}, tap {:.1f}".format(*shown), "<= 2 %")
    table.line("rows/s of wall time, watched to not", f"{statistics.median(ratios):.3f}",
               f"pairs from {ratios[0]:.3f} to {ratios[-1]:.3f}", ">= 0.95")
