#!/usr/bin/env python3
"""Everything that may be asked over HTTP, by many at once, while rows pass and the configuration
changes; short enough for ThreadSanitizer to watch."""
import contextlib
import http.client
import itertools
import json
import threading

from test_reload import Changing, limit_of, other_profile, TOPIC, vigil
from feeder import Feeder
from http_client import TOKEN, Server, settings
from live import Live, until
from sse import Stream
from vigil import check

NURSE = "nurse-0123456789abcdef"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
RATE = 400
LEAST = 3  # times that each does what it does, at the least


def config(broker):
    c = vigil.sedation_config(broker.bootstrap, workers=2, snapshot={"every": "200ms"},
                              http=settings(token=TOKEN, acknowledge_token=NURSE))
    vigil.add_models(c)
    c["alert_rules"]["spo2_low"]["for"] = "0s"
    return c


class Asker(threading.Thread):
    """Does one thing again and again until it is told to end; what goes wrong is kept."""

    def __init__(self, name, turn):
        super().__init__(name=name, daemon=True)
        self.turn, self.turns, self.error = turn, 0, None
        self.enough = threading.Event()

    def run(self):
        try:
            while not self.enough.is_set():
                self.turn()
                self.turns += 1
        except Exception as why:  # whatever it is, it must not be lost with its thread
            self.error = why

    def end(self):
        self.enough.set()
        self.join(30)
        check(self.error is None, f"{self.name}: {self.error!r}")
        check(not self.is_alive() and self.turns >= LEAST, f"{self.name}: {self.turns} times")


def pages(server):
    paths = itertools.cycle(["/", "/metrics", "/livez", "/readyz", "/api/v1/status",
                             "/api/v1/session", "/api/v1/config", "/api/v1/alerts?state=all"])
    return lambda: check(server.ask(next(paths), **BEARER)[0] in (200, 503), "a page")


def histories(server):
    def turn():
        for bed in json.loads(server.page("/api/v1/beds", **BEARER))["beds"]:
            status, _, text = server.ask(f"/api/v1/history?bed={bed['key']}", **BEARER)
            check(status == 200, f"history: {status}: {text}")
    return turn


def streams(server):
    def turn():
        with Stream(server.port, TOKEN) as stream:
            stream.first("beds", lambda d: d["full"], "the ward")
            stream.first("heart", lambda d: True, "a heart beat")
    return turn


def taps(server):
    stages = itertools.cycle(["clean", "forecast", "alert"])

    def turn():
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        with contextlib.closing(connection):
            connection.request("POST", "/api/v1/tap", json.dumps({"stage": next(stages)}),
                               {**BEARER, "Content-Type": "application/json"})
            answer = connection.getresponse()
            check(answer.status == 200 and len([answer.readline() for _ in range(20)]) == 20,
                  f"tap: {answer.status}")
    return turn


def orders(server):
    """Alerts come and go while they are acknowledged: too late is no mistake."""
    names = itertools.count()

    def turn():
        alerts = json.loads(server.page("/api/v1/alerts?limit=4", **BEARER))["alerts"]
        for alert in alerts:
            order = {"command_id": f"c{next(names)}", "kind": "acknowledge", "by": "nurse-7",
                     "episode_id": alert["episode_id"]}
            status, _, text = server.ask(
                "/api/v1/orders", "POST", json.dumps(order).encode(), **{
                    "Content-Type": "application/json", "Authorization": f"Bearer {NURSE}"})
            check(status in (200, 409, 503), f"order: {status}: {text}")
    return turn


def all_ask_at_once_while_rows_pass_and_the_configuration_changes():
    with vigil.MockBroker(f"{TOPIC}:2") as broker, vigil.Pipeline(config(broker)) as p, \
            Live(p) as run, Feeder(broker.bootstrap, TOPIC, RATE, beds=True):
        server = Server(run)
        until("an alert", lambda: json.loads(
            server.page("/api/v1/alerts?state=all", **BEARER))["alerts"])
        askers = [Asker(turn.__name__, turn(server))
                  for turn in (pages, histories, streams, streams, taps, orders)]
        for asker in askers:
            asker.start()
        changing = Changing(p)
        for n, change in enumerate((limit_of, other_profile, limit_of)):
            check(changing.reload(change, n), "the pipeline has ended")
        check(changing.refuse(), "the pipeline has ended")
        until("everybody has asked", lambda: all(a.turns >= LEAST or a.error for a in askers))
        for asker in askers:
            asker.end()
        check(p.outbox("select count(*) from answer")[0][0] > 0, "no order was decided")
        run.stop()


if __name__ == "__main__":
    vigil.main(all_ask_at_once_while_rows_pass_and_the_configuration_changes)
