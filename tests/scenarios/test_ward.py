#!/usr/bin/env python3
"""What the ward page is given: tiles, what was before, alerts as they come, and no calm while it hangs."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import vigil
from http_client import TOKEN, Server, settings
from live import Live, until
from sse import Stream
from vigil import check

TOPIC = "vitals.raw"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
BASE_MS = (int(time.time()) // 60 - 10) * 60000  # the whole minute that began ten minutes ago
HR, SPO2 = 0, 2


def config(broker, **http):
    c = vigil.sedation_config(broker.bootstrap, http=settings(token=TOKEN, **http))
    c["wards"] = {"icu-a": {"name": "A", "beds": {"01": {}}}}
    c["alert_rules"] = {"spo2_low": vigil.limit_rule("spo2", "90 %", 2)}
    return c


def row(patient, second, bed="icu-a/01", partition=0, **values):
    ms = BASE_MS + round(second * 1000)
    return (partition, ms, patient, {"patient": patient, "time": ms, "bed": bed, **values})


def steady(patient, seconds, **more):
    return [row(patient, s, **{"spo2": 97, "hr": 80, **more}) for s in seconds]


def get(server, path):
    return json.loads(server.page(path, **BEARER))


def tiles(server):
    return {bed["patient"]: bed for bed in get(server, "/api/v1/beds")["beds"]}


def tile_at(server, patient, second):
    """The patient's tile once the row of that second is in it."""
    def condition():
        bed = tiles(server).get(patient)
        return bed if bed and bed["log"] >= BASE_MS + second * 1000 else None
    return until(f"{patient} at {second} s", condition)


def tiles_follow_patients_and_history_has_gaps(broker, server):
    vigil.produce(broker.bootstrap, TOPIC,
                  steady("p-one", range(0, 61)) + steady("p-one", range(120, 181), spo2=96)
                  + steady("p-two", range(0, 181), bed="icu-a/02", partition=1))
    one, two = tile_at(server, "p-one", 180), tile_at(server, "p-two", 180)
    check(one["values"][SPO2] == [96, "good", "", BASE_MS + 180000] and one["values"][1] is None,
          f"values: {one['values']}")
    check((one["ward"], one["bed"], one["standing"]) == ("icu-a", "icu-a/01", "admitted"), one)
    check(one["key"] != two["key"] and "p-one" not in one["key"] and len(one["key"]) == 16, "keys")
    check(one["trend"]["step_s"] == 60 and 97 in one["trend"]["spo2"]
          and None in one["trend"]["spo2"], one["trend"])
    h = get(server, f"/api/v1/history?bed={one['key']}&from={BASE_MS}&to={BASE_MS + 180000}")
    check(h["step_s"] == 5 and h["from"] == BASE_MS and h["n"] == 37, (h["step_s"], h["n"]))
    spo2 = h["channels"]["spo2"]
    check(spo2["raw"] == spo2["clean"] == [97] * 13 + [None] * 11 + [96] * 13, spo2)
    check(spo2["quality"] == "g" * 13 + "-" * 11 + "g" * 13, spo2["quality"])
    check(h["gaps"] == [[BASE_MS + 65000, BASE_MS + 120000]], h["gaps"])
    day = get(server, f"/api/v1/history?bed={one['key']}&from={BASE_MS - 86400000}")
    minutes = day["channels"]["spo2"]
    check(day["step_s"] == 60 and day["n"] == 1440 and minutes["mean"][-4:] == [97, 97, 96, 96]
          and minutes["share"][-4:] == [1, 0.08, 1, 0.08] and minutes["low"][-5] is None,
          [minutes[k][-5:] for k in minutes])
    vigil.produce(broker.bootstrap, TOPIC, steady("p-one", [181], bed="icu-b/07"))
    moved = tile_at(server, "p-one", 181)
    check((moved["key"], moved["ward"], moved["bed"]) == (one["key"], "icu-b", "icu-b/07"), moved)
    status, _, text = server.ask("/api/v1/history?bed=0123456789abcdef", **BEARER)
    check(status == 404 and "error" in json.loads(text), text)
    check(server.ask("/api/v1/history?bed=" + one["key"] + "&from=x", **BEARER)[0] == 400, "from")
    check(server.ask("/api/v1/beds")[0] == 401, "without a token")


def changes_and_alerts_come_by_the_stream(broker, server):
    with Stream(server.port, TOKEN) as stream:
        first, _ = stream.first("beds", lambda d: d["full"], "the whole ward")
        check({b["patient"] for b in first["beds"]} == {"p-one", "p-two"}
              and all("trend" in b for b in first["beds"]), first)
        stream.first("alerts", lambda d: d["full"] and not d["alerts"], "no alerts yet")
        heart, _ = stream.first("heart", lambda d: d["ready"] and not d["stalled"], "a heart that beats")
        check(heart["config"] == get(server, "/api/v1/status")["config"] and heart["lost"] == 0
              and heart["lost_at"] is None, heart)
        mark = len(stream.events)
        vigil.produce(broker.bootstrap, TOPIC, steady("p-two", range(182, 186), bed="icu-a/02",
                                                      partition=1, spo2=80))
        told, at = stream.first("alerts", lambda d: d["alerts"], "the alert", after=mark)
        alert = told["alerts"][0]
        check(alert["rule"] == "spo2_low" and alert["state"] == "active" and not told["full"]
              and alert["key"] == tiles(server)["p-two"]["key"] and alert["seq"] == told["seq"],
              alert)
        check(at * 1000 - alert["wall"] <= 1000, f"{at * 1000 - alert['wall']} ms behind its commit")
        stream.first("beds", lambda d: any("p-two" == stream.ward()[p]["patient"]
                                           and stream.ward()[p]["values"][SPO2][0] == 80
                                           for p in stream.ward()), "the value", after=mark)
        deltas = [b for d in stream.of("beds", mark) for b in d["beds"]]
        check(deltas and all("trend" not in b and b["key"] == alert["key"] for b in deltas),
              "only what changed is told")
    shown = get(server, f"/api/v1/history?bed={alert['key']}")
    check([e["episode_id"] for e in shown["episodes"]] == [alert["episode_id"]]
          and shown["episodes_known"], shown["episodes"])


def who_is_silent_is_silent_though_the_grid_goes_on():
    with vigil.MockBroker(f"{TOPIC}:1") as broker:
        c = config(broker)
        c["stages"] = [{"type": "clean"}, {"type": "resample", "tick": "5s"}, {"type": "alert"}]
        with vigil.Pipeline(c) as p, Live(p) as run:
            server = Server(run)
            vigil.produce(broker.bootstrap, TOPIC, steady("p-one", range(11)))
            seen = tile_at(server, "p-one", 10)["seen"]
            vigil.produce(broker.bootstrap, TOPIC, steady("p-two", range(11, 121), bed="icu-a/02"))
            tile_at(server, "p-two", 120)
            one = tiles(server)["p-one"]
            check((one["log"], one["seen"]) == (BASE_MS + 10000, seen),
                  f"{(one['log'] - BASE_MS) / 1000 - 10} s of ticks make it look as if it were heard")
            run.stop()


def a_ward_that_hangs_is_told_within_five_seconds():
    with vigil.MockBroker(f"{TOPIC}:2") as broker, vigil.Pipeline(config(broker)) as p:
        stall = p.folder / "stall"
        with Live(p, env={"VIGIL_FAULT_STALL": f"alert:{stall}"}) as run:
            server = Server(run)
            until("ready", lambda: not server.ready())
            with Stream(server.port, TOKEN) as stream:
                stream.first("heart", lambda d: d["ready"] and not d["stalled"], "all is well")
                stall.write_text("")
                began = time.time()
                told, at = stream.first("heart", lambda d: d["stalled"], "it hangs")
                check(at - began <= 5, f"told after {at - began:.1f} s")
                check(not stream.ended and told["partitions"][0]["mark_age_s"] >= 3, told)
                mark = len(stream.events)
                stall.unlink()
                stream.first("heart", lambda d: not d["stalled"], "it goes on", after=mark)
            run.stop()


def a_patient_beyond_the_bound_has_no_tile_which_is_told():
    with vigil.MockBroker(f"{TOPIC}:2") as broker, \
            vigil.Pipeline(config(broker, beds=1)) as p, Live(p) as run:
        server = Server(run)
        vigil.produce(broker.bootstrap, TOPIC, steady("p-one", [0]) + steady("p-two", [1]))
        until("a patient without a tile", lambda: get(server, "/api/v1/beds")["left_out"] == 1)
        check(len(tiles(server)) == 1, "one tile")
        run.stop()


def a_page_is_told_of_its_ward():
    with vigil.MockBroker(f"{TOPIC}:2") as broker, vigil.Pipeline(config(broker)) as p, \
            Live(p) as run:
        server = Server(run)
        tiles_follow_patients_and_history_has_gaps(broker, server)
        changes_and_alerts_come_by_the_stream(broker, server)
        run.stop()


def what_was_before_a_restart_is_read_back():
    """VIGIL_LONG=1: only a real Kafka knows where a time is. The short form is tests/integration/test_ward_refill.c."""
    if not os.environ.get("VIGIL_LONG"):
        return
    with vigil.real_kafka(TOPIC, 2) as broker, vigil.Pipeline(config(broker)) as p:
        vigil.produce(broker.bootstrap, TOPIC,
                      steady("p-one", range(0, 60)) + steady("p-one", range(90, 120))
                      + steady("p-two", [10], partition=1, bed="icu-a/02", spo2=0))
        with Live(p) as run:
            server = Server(run)
            tile_at(server, "p-one", 119)
            until("stored", lambda: "p-two" in tiles(server))
            run.stop()
        vigil.produce(broker.bootstrap, TOPIC, steady("p-one", range(120, 150)))
        with Live(p) as run:
            server = Server(run)
            run.wait_line(b"are on the ward page")
            one, two = tile_at(server, "p-one", 149), tile_at(server, "p-two", 10)
            until("the rows that came by themselves",
                  lambda: tiles(server)["p-one"]["values"][SPO2]
                  == [97, "good", "", BASE_MS + 149000])
            check(two["seen"] is None and tiles(server)["p-one"]["seen"], "what was read back")
            check(two["values"][SPO2][:3] == [None, "invalid", "range"]
                  and two["values"][HR][:2] == [80, "suspect"], two["values"])
            h = get(server, f"/api/v1/history?bed={one['key']}&from={BASE_MS}")
            spo2 = h["channels"]["spo2"]
            check(spo2["raw"] == [97] * 12 + [None] * 6 + [97] * 12, spo2["raw"])
            # What the chain recovers, it judges again; how much that is, hangs on the snapshots.
            check(re.fullmatch("s{6}[sg]{6}-{6}[sg]{6}g{6}", spo2["quality"]), spo2["quality"])
            check(all((v is None) == (q != "g") for v, q in zip(spo2["clean"], spo2["quality"])),
                  "nobody has judged what was read back")
            check(h["gaps"] == [[BASE_MS + 60000, BASE_MS + 90000]], h["gaps"])
            run.stop()


def says(p, folder, *words):
    done = subprocess.run(
        [vigil.VIGIL, "alerts", *words, "--connect", f"ipc://{folder}/publish", "--control",
         f"ipc://{folder}/control", "--by", "nurse-7", "--data-dir", p.data],
        capture_output=True, text=True, timeout=vigil.TIMEOUT_S)
    check(done.returncode == 0, f"{words}: {done.stderr}")


def what_people_order_is_on_the_tile_also_after_a_restart():
    with vigil.MockBroker(f"{TOPIC}:1") as broker, tempfile.TemporaryDirectory() as folder:
        c = config(broker)
        c["profiles"] = {"adult": {"spo2": {"low": "90 %"}}}
        c["alert_rules"] = {"spo2_low": vigil.limit_rule("spo2", "profile.low", 2)}
        c["sinks"]["live"] = {"type": "zeromq", "publish": f"ipc://{folder}/publish",
                              "control": f"ipc://{folder}/control"}
        orders_of_people(broker, vigil.Pipeline(c), folder)


def orders_of_people(broker, pipeline, folder):
    with pipeline as p:
        with Live(p) as run:
            server = Server(run)
            vigil.produce(broker.bootstrap, TOPIC, steady("p-one", [0]))
            tile_at(server, "p-one", 0)
            says(p, folder, "limit", "p-one", "spo2", "--low", "84 %", "--for", "1h", "--reason",
                 "COPD")
            until("the limit", lambda: tiles(server)["p-one"]["limits"] == {"spo2": [84, None]})
            run.stop()
        with Live(p) as run:
            server = Server(run)
            vigil.produce(broker.bootstrap, TOPIC, steady("p-one", [1]))
            tile_at(server, "p-one", 1)
            until("the limit again",
                  lambda: tiles(server)["p-one"]["limits"] == {"spo2": [84, None]})
            with Stream(server.port, TOKEN) as stream:
                stream.first("beds", lambda d: d["full"], "the whole ward")
                key = stream.ward()["p-one"]["key"]
                says(p, folder, "discharge", "p-one")
                stream.first("beds", lambda d: {"key": key, "gone": True} in d["beds"], "it goes")
            check(tiles(server) == {}, "no tile")
            run.stop()


if __name__ == "__main__":
    vigil.main(a_page_is_told_of_its_ward, what_was_before_a_restart_is_read_back,
               what_people_order_is_on_the_tile_also_after_a_restart, a_patient_beyond_the_bound_has_no_tile_which_is_told,
               who_is_silent_is_silent_though_the_grid_goes_on, a_ward_that_hangs_is_told_within_five_seconds)
