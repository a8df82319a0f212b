#!/usr/bin/env python3
"""What a running pipeline shows of itself: exact counts, and no "ready" while work is not done."""
import base64
import contextlib
import http.client
import json
import pathlib
import shutil
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import vigil
from disk import SmallDisk, fill
from http_client import OPENMETRICS, TOKEN, Server, settings, value
from live import Live, record, until
from vigil import check

TOPIC = "vitals.raw"


def config(broker, http=None, **service):
    c = vigil.sedation_config(broker.bootstrap, http=http or settings(), **service)
    c["wards"] = {"icu-a": {"name": "A", "beds": {"01": {}}}}
    c["alert_rules"] = {"spo2_low": vigil.limit_rule("spo2", "90 %", 2)}
    return c


def feed(broker):
    """20 rows of a patient with one alert that ends, 5 of one elsewhere, 3 records of no use."""
    rows = [record(0, s, "pseudonym-a", spo2=85 if s < 10 else 97, bed="icu-a/01")
            for s in range(20)]
    rows += [record(1, s, "pseudonym-b", spo2=80, bed="attic/02") for s in range(5)]
    rows += [(1, vigil.START_MS + 6000 + s, "pseudonym-b", text)
             for s, text in enumerate((b"{bad", b"{bad again", b"[]x"))]
    vigil.produce(broker.bootstrap, TOPIC, rows)
    return len(rows)


def check_counts(m, records):
    check(value(m, "vigil_component_received_messages_total", component="source", kind="source",
                type="kafka") == records, "records")
    check(value(m, "vigil_component_sent_messages_total", component="source", kind="source",
                type="kafka") == 25, "rows")
    letters = {k[1][1]: v for k, v in m.items() if k[0] == "vigil_dead_letters_total"}
    check(letters == {"malformed": 3}, f"dead letters: {letters}")
    events = {tuple(v for _, v in k[1:]): n for k, n in m.items() if k[0] == "vigil_alerts_total"}
    labels = {("high", "spo2_low", "start", "icu-a"): 1, ("high", "spo2_low", "end", "icu-a"): 1,
              ("high", "spo2_low", "start", "other"): 1}
    check({k: n for k, n in events.items() if k[1] == "spo2_low" and k[2] != "update"} == labels,
          f"alerts: {events}")
    check(value(m, "vigil_sink_delivered_total", sink="file", type="file") == sum(events.values()),
          "every event is delivered once")
    check(value(m, "vigil_sink_delay_seconds_count", sink="file") == sum(events.values()), "delays")
    check(value(m, "vigil_sink_waiting_messages", sink="file", type="file") == 0, "none waits")
    check(value(m, "vigil_alerts_active", ward="icu-a", priority="high") == 0, "one has ended")
    check(value(m, "vigil_alerts_active", ward="other", priority="high") == 1, "one is there")
    check(value(m, "vigil_replay_mismatch_total") == 0, "mismatches")
    check(value(m, "vigil_ready") == 1, "ready")
    for partition in "01":
        check(value(m, "vigil_kafka_consumer_lag_messages", component="source", topic=TOPIC,
                    partition=partition) == 0, "lag")
    check(value(m, "vigil_component_busy_seconds_total", component="alert") > 0, "busy")
    check(value(m, "vigil_delay_seconds_count", hop="commit") >= 1, "commits")
    check_sizes(m, sum(events.values()))


def check_sizes(m, events):
    """What has no exact value, and must fit to that which has."""
    beds = {tuple(v for _, v in k[1:]): n for k, n in m.items() if k[0] == "vigil_beds"}
    check({state for state, _ in beds} == {"live", "silent", "standby"}
          and {ward for _, ward in beds} == {"icu-a", "none", "other"}, f"beds: {beds}")
    for ward, there in (("icu-a", 1), ("other", 1), ("none", 0)):
        check(sum(n for k, n in beds.items() if k[1] == ward) == there, f"beds of {ward}: {beds}")
    check(value(m, "vigil_ward_lost_rows_total") == 0, "rows that the ward page lost")
    check(value(m, "vigil_end_to_end_latency_seconds_count", sink="file") == events, "end to end")
    for stage in ("clean", "alert"):
        turns = value(m, "vigil_component_processing_seconds_count", component=stage)
        took = value(m, "vigil_component_processing_seconds_sum", component=stage)
        busy = value(m, "vigil_component_busy_seconds_total", component=stage)
        check(turns >= 2 and 0 < took <= busy, f"{stage}: {turns} turns, {took} of {busy} s")
    started = value(m, "process_start_time_seconds")
    check(0 <= value(m, "vigil_config_last_reload_success_timestamp_seconds") - started + 1 < 60,
          "a start is a configuration that was taken over")
    check(not [k for k in m if k[0] == "vigil_subscribers"], "nobody subscribes to a file")


def everything_is_delivered(run, server):
    """The last rows have passed, what they caused has arrived, and the lag, told once a second, says so."""
    def condition():
        m = server.metrics()
        return (sum(n for k, n in m.items() if k[0] == "vigil_dead_letters_total") == 3
                and [n for k, n in m.items() if k[0] == "vigil_kafka_consumer_lag_messages"] == [0, 0]
                and sum(n for k, n in m.items() if k[0] == "vigil_alerts_total"
                        and dict(k[1:])["rule"] == "spo2_low"
                        and dict(k[1:])["transition"] != "update") == 3
                and not sum(n for k, n in m.items() if k[0] in ("vigil_sink_waiting_messages",
                                                                "vigil_queue_messages")))
    until("all is delivered", condition)


def a_page_after_a_known_run_has_the_exact_counts():
    with vigil.MockBroker(f"{TOPIC}:2") as broker, vigil.Pipeline(config(broker)) as p:
        records = feed(broker)
        with Live(p) as run:
            server = Server(run)
            everything_is_delivered(run, server)
            check_counts(server.metrics(), records)
            page = server.page("/metrics")
            check("pseudonym" not in page and "attic" not in page and "/01" not in page,
                  "a patient, a bed or a ward that rows named is on the page")
            check_with_promtool(page)
            run.stop()


def check_with_promtool(page):
    """Prometheus' own linter, where it is there (Debian: prometheus)."""
    if not shutil.which("promtool"):
        print("     promtool is not installed: the page is not linted")
        return
    done = subprocess.run(["promtool", "check", "metrics"], input=page, text=True,
                          capture_output=True, timeout=30)
    check(done.returncode == 0, f"promtool: {done.stdout}{done.stderr}")


def who_may_ask_for_what():
    with vigil.MockBroker(f"{TOPIC}:1") as broker:
        http_ = settings("0.0.0.0:0", token=TOKEN, insecure=True, beds=0)
        with vigil.Pipeline(config(broker, http_)) as p, Live(p) as run:
            server = Server(run)
            until("ready", lambda: not server.ready())
            check(server.page("/livez") == "ok\n", "anybody may ask whether it lives")
            check(server.ask("/")[0] == 404, "there is a page of no ward")
            for header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN},
                           {"Authorization": f"Bearer {TOKEN}x"}):
                status, headers, text = server.ask("/metrics", **header)
                check(status == 401 and headers["WWW-Authenticate"] == "Bearer"
                      and "vigil_" not in text, f"{header}: {status}")
            status, headers, text = server.ask("/metrics", Authorization=f"Bearer {TOKEN}",
                                               Accept=OPENMETRICS)
            check(status == 200 and headers["Content-Type"].startswith(OPENMETRICS), headers)
            check(TOKEN not in text and TOKEN not in run.said, "the token is shown")
            run.stop()


def ask_status(pipeline, server, *more):
    return subprocess.run([vigil.VIGIL, "status", pipeline.path, "--at",
                           f"127.0.0.1:{server.port}", *more],
                          capture_output=True, text=True, timeout=60)


def the_state_is_told_to_who_has_the_token_and_by_vigil_status():
    with vigil.MockBroker(f"{TOPIC}:2") as broker:
        c = config(broker, settings(token="${file:%s}"))
        with vigil.Pipeline(c) as p:
            secret = p.folder / "token"
            secret.write_text(TOKEN)
            secret.chmod(0o600)
            c["service"]["http"]["token"] = f"${{file:{secret}}}"
            p.path.write_text(json.dumps(c))
            records = feed(broker)
            with Live(p) as run:
                server = Server(run)
                everything_is_delivered(run, server)
                bearer = {"Authorization": f"Bearer {TOKEN}"}
                for path in ("/api/v1/status", "/api/v1/config"):
                    check(server.ask(path)[0] == 401, f"{path} without a token")
                state = json.loads(server.page("/api/v1/status", **bearer))
                check(state["ready"] and state["reasons"] == [] and state["rows"] == 25
                      and state["dead_letters"] == 3, state)
                check(state["source"]["records"] == records
                      and [q["lag_records"] for q in state["source"]["partitions"]] == [0, 0],
                      state["source"])
                check([s["name"] for s in state["stages"]] == ["clean", "alert"], state["stages"])
                check(state["sinks"][0]["waiting"] == 0 < state["sinks"][0]["delivered"], state)
                check(state["active_alerts"]["high"] == 1, state["active_alerts"])
                shown = server.page("/api/v1/config", **bearer)
                check(TOKEN not in shown and json.loads(shown)["service"]["http"]["token"] == "***"
                      and json.loads(shown)["source"]["topic"] == TOPIC, shown)
                screen = ask_status(p, server)
                check(screen.returncode == 0 and "sedation  running, ready" in screen.stdout
                      and f"{records} records read, 0 to go" in screen.stdout
                      and "active alerts: 1 high" in screen.stdout, screen.stdout + screen.stderr)
                check(json.loads(ask_status(p, server, "--json").stdout)["rows"] == 25, "--json")
                secret.write_text("another-secret-than-that")
                refused = ask_status(p, server)
                check(refused.returncode == 1 and "needs" in refused.stderr, refused.stderr)
                run.stop()
            gone = ask_status(p, server)
            check(gone.returncode == 69 and "does not answer" in gone.stderr, gone.stderr)
            check("pseudonym" not in screen.stdout + json.dumps(state), "a patient is shown")


def what_is_no_plain_question_is_refused_and_the_server_goes_on():
    with vigil.MockBroker(f"{TOPIC}:1") as broker, vigil.Pipeline(config(broker)) as p, \
            Live(p) as run:
        server = Server(run)
        check(server.ask("/livez", "POST", b"x" * 1000)[0] == 405, "POST")
        check(server.ask("/livez", "GET", b"x" * 1000)[0] == 413, "a body")
        status, _, text = server.ask("/elsewhere")
        check(status == 404 and "/metrics" in text, text)
        check(server.ask("/livez", X_Long="x" * 40000)[0] in (400, 413, 414, 431), "long headers")
        check(server.ask("/livez", "HEAD")[2] == "", "HEAD")
        one = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        for _ in range(3):  # on one connection
            one.request("GET", "/livez")
            check(one.getresponse().read() == b"ok\n", "keep-alive")
        one.close()
        crowd = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(200)]
        for connection in crowd:
            with contextlib.suppress(OSError):  # it has given way already
                connection.send(b"GET /livez HTTP/1.1\r\nHost: loc")
        check(server.page("/livez") == "ok\n", "beside 200 that do not come to an end")
        check(value(server.metrics(), "vigil_http_cut_total", reason="room") >= 136, "places")
        for connection in crowd:
            connection.close()
        check(run.stop().count("listens at") == 1, "one server")


class Supervisor:
    """The socket of a systemd that wants to hear of a service four times a second."""

    def __init__(self, folder):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.path = str(folder / "notify")
        self.socket.bind(self.path)
        self.socket.settimeout(30)

    def env(self):
        return {"NOTIFY_SOCKET": self.path, "WATCHDOG_USEC": "500000"}

    def hear(self, what):
        """Until it is said; fails when 30 s pass in silence."""
        for _ in range(1000):
            if self.socket.recv(4096).decode() == what:
                return
        check(False, f"{what} was not said")

    def drain(self):
        """What was said until now."""
        said = []
        self.socket.setblocking(False)
        while True:
            try:
                said.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                self.socket.settimeout(30)
                return said


def a_stage_that_hangs_is_named_until_it_moves_and_systemd_hears_nothing_meanwhile():
    with vigil.MockBroker(f"{TOPIC}:1") as broker, vigil.Pipeline(config(broker)) as p:
        stall = p.folder / "stall"
        systemd = Supervisor(p.folder)
        with Live(p, env={"VIGIL_FAULT_STALL": f"alert:{stall}", **systemd.env()}) as run:
            server = Server(run)
            systemd.hear("READY=1")
            systemd.hear("WATCHDOG=1")
            until("ready", lambda: not server.ready())
            stall.touch()
            reasons = until("not ready", server.ready)
            check(len(reasons) == 1 and "stage alert of worker 0 has not moved" in reasons[0],
                  reasons)
            check(server.page("/livez") == "ok\n", "a hanging stage is no dead process")
            check(value(server.metrics(), "vigil_ready") == 0, "the metric says so, too")
            until("the last word", lambda: not systemd.drain())
            check(server.ready() and not systemd.drain(), "a hanging chain is said to be well")
            stall.unlink()
            until("ready again", lambda: not server.ready())
            systemd.hear("WATCHDOG=1")
            run.stop()
            systemd.hear("STOPPING=1")


def a_sink_that_is_needed_and_fails_is_a_reason_and_another_is_none():
    with vigil.MockBroker(f"{TOPIC}:2") as broker:
        c = config(broker)
        away = {"type": "webhook", "url": "http://127.0.0.1:9/", "timeout": "1s",
                "secret": "whsec_" + base64.b64encode(bytes(range(32))).decode()}
        c["sinks"] |= {"needed": {**away, "required": True}, "other": away}
        with vigil.Pipeline(c) as p, Live(p) as run:
            server = Server(run)
            until("ready", lambda: not server.ready())
            feed(broker)
            check(until("not ready", server.ready) == ["sink needed fails"], server.ready())
            up = lambda: value(server.metrics(), "vigil_sink_up", sink="other", type="webhook")
            until("the other fails as well", lambda: up() == 0)
            check(server.ready() == ["sink needed fails"], server.ready())
            m = server.metrics()
            check(value(m, "vigil_sink_waiting_messages", sink="needed", type="webhook") > 0
                  and value(m, "vigil_sink_oldest_waiting_seconds", sink="needed",
                            type="webhook") > 0, "what waits is counted")


def a_full_disk_is_a_reason_until_there_is_space():
    with vigil.MockBroker(f"{TOPIC}:2") as broker, SmallDisk("24m") as disk:
        if not disk:
            return
        p = vigil.Pipeline(config(broker))
        with p, Live_on(p, disk) as run:
            server = Server(run)
            until("ready", lambda: not server.ready())
            fill(disk / "ballast")
            feed(broker)
            reasons = until("not ready", server.ready)
            check(any("disk" in reason for reason in reasons), reasons)
            (disk / "ballast").unlink()
            until("ready again", lambda: not server.ready())


def Live_on(pipeline, disk):
    pipeline.data.symlink_to(disk)
    return Live(pipeline)


if __name__ == "__main__":
    vigil.main(a_page_after_a_known_run_has_the_exact_counts, who_may_ask_for_what,
               the_state_is_told_to_who_has_the_token_and_by_vigil_status,
               what_is_no_plain_question_is_refused_and_the_server_goes_on,
               a_stage_that_hangs_is_named_until_it_moves_and_systemd_hears_nothing_meanwhile,
               a_sink_that_is_needed_and_fails_is_a_reason_and_another_is_none,
               a_full_disk_is_a_reason_until_there_is_space, at_once=3)
