"""What watching costs: the same log with and without somebody who reads /metrics each second.

Rounds are in pairs that change their order, so that a machine that slows down slows both; the best of
each is compared with the best, by processor time of the whole process and by rows a second of wall time.
"""
import http.client
import threading

from pipeline import Run, config, simulate
from vigil import Pipeline, real_kafka

ROUNDS = 5
PERIOD_S = 1.0


class Scraper:
    """Reads the page at once and then each second, until it is told to stop or nobody answers."""

    def __init__(self, port):
        self.port = port
        self.pages = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            while True:
                connection.request("GET", "/metrics")
                connection.getresponse().read()
                self.pages += 1
                if self.ended.wait(PERIOD_S):
                    return
        except (OSError, http.client.HTTPException):
            return

    def stop(self):
        self.ended.set()
        self.thread.join()


def run_once(bootstrap, folder, watched):
    """Rows a second by processor time, by wall time; processor time of the http thread; pages."""
    with folder() as path, Pipeline(config(bootstrap, 30, path, **(
            {"http": {"listen": "127.0.0.1:0"}} if watched else {})), path) as one:
        run = Run(one, "--until-end")
        scraper = None
        if watched:
            run.wait_line("listens at ")
            scraper = Scraper(int(run.said().split("listens at ")[1].split()[0].rsplit(":")[-1]))
        run.wait()
        if scraper:
            scraper.stop()
        return run.cpu_s, run.wall_s, run.parts().get("http", 0.0), scraper.pages if scraper else 0


def bench(table, folder):
    table.section("Watching: /metrics each second or not, real Kafka, 400 beds, tick 30 s")
    with real_kafka("vitals.raw", 4) as kafka:
        rows = simulate(kafka.bootstrap, 400, 3000)
        best = {False: [1e9, 1e9], True: [1e9, 1e9]}
        http_s, pages, cpu_s = 0.0, 0, 0.0
        for i in range(ROUNDS):
            for watched in ((False, True), (True, False))[i % 2]:
                cpu, wall, http, got = run_once(kafka.bootstrap, folder, watched)
                best[watched] = [min(best[watched][0], cpu), min(best[watched][1], wall)]
                if watched:
                    http_s, pages, cpu_s = http_s + http, pages + got, cpu_s + cpu
    table.line("rows/s/core, watched to not", f"{best[False][0] / best[True][0]:.3f}",
               f"{rows / best[True][0]:,.0f} to {rows / best[False][0]:,.0f}, best of {ROUNDS}")
    table.line("rows/s of wall time, watched to not", f"{best[False][1] / best[True][1]:.3f}",
               f"{rows / best[True][1]:,.0f} to {rows / best[False][1]:,.0f}", ">= 0.95")
    table.line("thread http", f"{100 * http_s / cpu_s:.2f} % of the processor",
               f"{pages} pages, {1e3 * http_s / max(pages, 1):.2f} ms each", "<= 2 %")
