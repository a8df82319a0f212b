#!/usr/bin/env python3
"""Alerts are read and acknowledged over HTTP: by who may, once, recorded and audited as any other order."""
import http.client
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import vigil
from http_client import Server, settings
from live import Live, record, until
from vigil import check

TOPIC = "vitals.raw"
READ, NURSE, COMMAND = ("reader-0123456789abcdef", "nurse-0123456789abcdef",
                        "command-0123456789abcdef")


def config(broker):
    c = vigil.sedation_config(
        broker.bootstrap, snapshot={"every": "200ms"},
        http=settings(token=READ, acknowledge_token=NURSE, command_token=COMMAND))
    c["alert_rules"] = {"spo2_low": vigil.limit_rule("spo2", "90 %", 2)}
    return c


class Page:
    """What a page of the server can do, with a token."""

    def __init__(self, server, token):
        self.server = server
        self.token = {"Authorization": f"Bearer {token}"}

    def get(self, path):
        return json.loads(self.server.page(path, **self.token))

    def post(self, order, expect=200, **headers):
        body = order if isinstance(order, str) else json.dumps(order)
        status, _, text = self.server.ask("/api/v1/orders", "POST", body.encode(), **{
            "Content-Type": "application/json", **self.token, **headers})
        check(status == expect, f"{order}: {status}: {text}")
        return json.loads(text)


def order(episode, command_id, kind="acknowledge", **more):
    return {"command_id": command_id, "kind": kind, "episode_id": episode, "by": "nurse-7", **more}


def alerts_are_told(reader):
    told = until("an alert", lambda: [a for a in reader.get("/api/v1/alerts")["alerts"]
                                      if a["rule"] == "spo2_low"])
    check(len(told) == 1 and told[0]["phase"] in ("start", "update") and told[0]["seq"] > 0
          and told[0]["patient"] == "p0", told)
    answer = reader.get("/api/v1/alerts?state=all&limit=1")
    check(answer["next"] == answer["alerts"][0]["seq"] and answer["seq"] >= answer["next"], answer)
    rest = reader.get(f"/api/v1/alerts?state=all&before={answer['next']}")
    everything = reader.get("/api/v1/alerts?state=all")
    check(answer["alerts"] + rest["alerts"] == everything["alerts"] and rest["next"] is None,
          "the parts are not the whole")
    ended = [a for a in everything["alerts"] if a["state"] == "inactive"]
    check(len(ended) == 1 and ended[0]["patient"] == "p1", everything)
    for bad in ("state=some", "limit=0", "limit=501", "limit=x", "before=0"):
        check(reader.server.ask(f"/api/v1/alerts?{bad}", **reader.token)[0] == 400, bad)
    return told[0]["episode_id"], ended[0]["episode_id"]


def mistakes_are_answered(nurse, active, ended):
    unknown = order("f" * 32, "u")
    for bad, status, word in (
            ("{", 400, "not JSON"),
            ("[]", 400, "one JSON object"),
            ('{"by":"a","by":"b"}', 400, "not JSON"),
            ({"kind": "acknowledge"}, 400, "command_id"),
            (order(active, ""), 400, "command_id"),
            (order(active, "x" * 65), 400, "command_id"),
            (order(active, "a", kind="mute"), 400, "kind"),
            (order("p0", "a"), 400, "episode_id"),
            ({**order(active, "a"), "by": ""}, 400, "by"),
            ({**order(active, "a"), "by": "b" * 64}, 400, "by"),
            ({**order(active, "a"), "patient": "p0"}, 400, "unknown member"),
            (order(active, "a", kind="snooze"), 400, "for_s"),
            (order(active, "a", kind="snooze", for_s=1.5), 400, "for_s"),
            (order(active, "a", kind="snooze", for_s=4000), 400, "for_s"),
            (order(active, "a", kind="reset"), 403, "command_token"),
            (unknown, 409, "unknown_episode"),
            (order(ended, "e"), 409, "already_ended"),
            (order(active, "h", kind="snooze", for_s=600), 409, "not_allowed")):
        said = nurse.post(bad, status)
        check(word in json.dumps(said), f"{bad}: {said}")
        check("p0" not in json.dumps(said), f"what was sent is repeated: {said}")


def strangers_are_refused(server, active):
    Page(server, READ).post(order(active, "r"), 403)
    Page(server, "nobody-0123456789abcdef").post(order(active, "r"), 401)
    nurse = Page(server, NURSE)
    nurse.post(order(active, "r"), 403, Origin="http://evil.example")
    nurse.post(order(active, "r"), 403, Sec_Fetch_Site="cross-site")
    nurse.post(order(active, "r"), 421, Host="evil.example")


def an_order_is_durable_when_it_is_answered_and_obeyed_once():
    with vigil.MockBroker(f"{TOPIC}:2") as broker, vigil.Pipeline(config(broker)) as p:
        vigil.produce(broker.bootstrap, TOPIC,
                      [record(0, s, "p0", spo2=85) for s in range(20)]
                      + [record(1, s, "p1", spo2=85 if s < 10 else 97) for s in range(20)])
        with Live(p) as run:
            server = Server(run)
            reader, nurse, chief = (Page(server, t) for t in (READ, NURSE, COMMAND))
            check(reader.get("/api/v1/session")["roles"] == ["read"]
                  and nurse.get("/api/v1/session")["roles"] == ["read", "acknowledge"]
                  and chief.get("/api/v1/session")["roles"] == ["read", "acknowledge", "command"],
                  "roles")
            until("the end of one", lambda: len(reader.get("/api/v1/alerts?state=all")["alerts"]) > 1
                  and any(a["state"] == "inactive"
                          for a in reader.get("/api/v1/alerts?state=all")["alerts"]))
            active, ended = alerts_are_told(reader)
            mistakes_are_answered(nurse, active, ended)
            strangers_are_refused(server, active)
            chief.post(order(active, "l", kind="reset"), 409)
            check(p.outbox("select count(*) from event where phase = 5") == [(0,)], "obeyed too soon")
            check(nurse.post(order(active, "one", note="on my way")) == {"ok": True}, "acknowledge")
            check(p.outbox("select count(*) from event where phase = 5") == [(1,)],
                  "answered before it was durable")
            for _ in range(2):  # the same again, and another order under the same name
                check(nurse.post(order(active, "one")) == {"ok": True}, "repeat")
            check(nurse.post(order(active, "one", kind="snooze", for_s=60)) == {"ok": True}, "repeat")
            check(nurse.post(order(active, "two", kind="snooze", for_s=60)) == {"ok": True}, "snooze")
            told = [a for a in reader.get("/api/v1/alerts")["alerts"] if a["rule"] == "spo2_low"]
            check(told[0]["acknowledged_by"] == "nurse-7", told)
            run.stop()
        check(p.outbox("select count(*) from event where phase = 5") == [(1,)], "more than once")
        check_audit(p)


def check_audit(p):
    lines = [json.loads(line) for file in sorted((p.data / "audit").glob("*.ndjson"))
             for line in file.read_text().splitlines()]
    orders = [(line["command_id"], line["order"], line["by"], line["answer"]) for line in lines
              if line["kind"] == "order"]
    check(("one", "acknowledge", "nurse-7", "ok") in orders
          and ("two", "snooze", "nurse-7", "ok") in orders, orders)
    refused = [(line["sink"], line["who"]) for line in lines if line["kind"] == "refused"]
    check(refused == [("http", "127.0.0.1")] * 5, lines)


def a_connection_that_is_kept_serves_orders_and_pages_in_turn():
    with vigil.MockBroker(f"{TOPIC}:1") as broker, vigil.Pipeline(config(broker)) as p, \
            Live(p) as run:
        connection = http.client.HTTPConnection("127.0.0.1", Server(run).port, timeout=20)
        headers = {"Authorization": f"Bearer {NURSE}", "Content-Type": "application/json"}
        for _ in range(3):
            connection.request("POST", "/api/v1/orders", json.dumps(order("f" * 32, "x")), headers)
            answer = connection.getresponse()
            check(answer.status == 409 and b"unknown_episode" in answer.read(), answer.status)
            connection.request("GET", "/api/v1/alerts", headers=headers)
            answer = connection.getresponse()
            check(answer.status == 200 and b'"alerts":[' in answer.read(), answer.status)
        connection.close()
        run.stop()


if __name__ == "__main__":
    vigil.main(an_order_is_durable_when_it_is_answered_and_obeyed_once,
               a_connection_that_is_kept_serves_orders_and_pages_in_turn)
