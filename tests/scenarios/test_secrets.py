#!/usr/bin/env python3
"""Secrets are planted in every place that takes one; no verb, file or message has them."""
import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import receiver
import vigil
import zmq
from live import Live, record, until
from vigil import check

TOPIC = "vitals.raw"
PLANTED = {name: f"plant-{name}-7c1e55" for name in
           ("postgres", "sasl", "token", "mqtt", "source")}
PLANTED["webhook"] = "whsec_" + base64.b64encode(b"planted-webhook-0123456789abcdef").decode()


def plant(folder):
    """A file for each; credentials have a folder of their own, as systemd makes it."""
    folder.mkdir(mode=0o700)
    for name, secret in PLANTED.items():
        file = folder / name
        file.write_text(secret + "\n")
        file.chmod(0o600)


def keys(folder):
    for name, *more in (("server", "--server"), ("display", "--ward", "all")):
        done = subprocess.run([vigil.VIGIL, "keygen", name, "--out", folder, *more],
                              capture_output=True, text=True)
        check(done.returncode == 0, done.stderr)
    clients = folder / "clients"
    clients.mkdir(mode=0o700)
    (folder / "display.pub").rename(clients / "display.pub")
    for name in ("server", "display"):
        lines = (folder / f"{name}.key").read_text().splitlines()
        PLANTED[name] = next(line.split()[1] for line in lines if line.startswith("secret:"))


def config(broker, server, folder):
    of = lambda name: "${file:%s/%s}" % (folder / "secrets", name)
    c = vigil.sedation_config(broker.bootstrap, snapshot={"every": "200ms"},
                              shutdown={"drain_timeout": "300ms"})
    c["alert_rules"] = {"spo2_low": vigil.limit_rule("spo2", "90 %", 0)}
    c["source"]["options"] = {"sasl.password": of("source")}
    c["sinks"].update({
        "pager": {"type": "webhook", "url": f"http://127.0.0.1:{server.port}/", "allow": ["loopback"],
                  "secret": of("webhook"), "headers": {"Authorization": "${credential:token}"}},
        "store": {"type": "postgres", "connection": "host=127.0.0.1 port=1 dbname=x user=y",
                  "password": of("postgres"), "timeout": "300ms"},
        "topic": {"type": "kafka", "brokers": "127.0.0.1:1", "topic": "t", "timeout": "500ms",
                  "options": {"sasl.password": of("sasl")}},
        "bus": {"type": "mqtt", "address": "127.0.0.1:1", "username": "u", "password": of("mqtt")},
        "live": {"type": "zeromq", "publish": f"ipc://{folder}/z/publish",
                 "control": f"ipc://{folder}/z/control", "heartbeat": "100ms",
                 "keys": str(folder / "keys" / "clients"),
                 "server_key": str(folder / "keys" / "server.key")}})
    return c


def environment(folder, **more):
    return {**os.environ, "CREDENTIALS_DIRECTORY": str(folder / "secrets"), **more}


def find(where, data):
    for name, secret in PLANTED.items():
        check(secret.encode() not in data, f"the secret of {name} is in {where}")


def call(folder, *arguments, expect=(0,)):

    done = subprocess.run([vigil.VIGIL, *arguments], capture_output=True, env=environment(folder))
    check(done.returncode in expect, f"{arguments}: exit {done.returncode}\n{done.stderr.decode()}")
    find(f"what {arguments[0]} says", done.stdout + done.stderr)
    return done


def guarded(process):
    """The kernel lets nobody look into it and writes no core."""
    status = pathlib.Path(f"/proc/{process.pid}/limits").read_text()
    check("Max core file size        0 " in status, status)


def heartbeat(folder):
    with zmq.Context() as context, context.socket(zmq.SUB) as sub:
        sub.linger = 0
        sub.subscribe(b"")
        read = lambda name, word: next(line.split()[1] for line in
                                       name.read_text().splitlines() if line.startswith(word))
        key = folder / "keys" / "display.key"
        sub.curve_secretkey = read(key, "secret:").encode()
        sub.curve_publickey = read(key, "public:").encode()
        sub.curve_serverkey = read(folder / "keys" / "server.pub", "public:").encode()
        sub.connect(f"ipc://{folder}/z/publish")
        check(sub.poll(20000), "no heartbeat")
        find("a heartbeat", b"".join(sub.recv_multipart()))


def ran(pipeline, broker, server, folder):
    env = environment(folder, VIGIL_LOG="debug")
    with Live(pipeline, env=env) as run:
        guarded(run.process)
        vigil.produce(broker.bootstrap, TOPIC, [record(0, 1, "p-1", spo2=80, bed="icu-0/1"),
                                                (0, vigil.START_MS + 2000, "p-2", "rubbish")])
        until("the alert at the receiver", lambda: server.accepted)
        check(server.accepted[0][1]["Authorization"] == PLANTED["token"],
              "the token did not get to the receiver")
        until("an attempt at each sink that is away",
              lambda: b"store" in b"".join(run.lines) and b"topic" in b"".join(run.lines))
        heartbeat(folder)
        run.stop(expect=75)  # three sinks are away
        find("the log of run", b"".join(run.lines))


def every_file(pipeline):
    names = [f for f in pipeline.data.rglob("*") if f.is_file()]
    check(any(f.suffix == ".db" for f in names) and any("snapshots" in str(f) for f in names),
          f"{names}")
    for file in names:
        find(str(file), file.read_bytes())


def no_output_has_a_secret():
    with tempfile.TemporaryDirectory() as name, vigil.MockBroker(f"{TOPIC}:1") as broker:
        folder, server = pathlib.Path(name), receiver.Receiver()
        (folder / "p").mkdir()
        plant(folder / "secrets")
        keys(folder / "keys")
        with vigil.Pipeline(config(broker, server, folder), folder / "p") as pipeline:
            call(folder, "validate", pipeline.path)
            call(folder, "test", pipeline.path, expect=(0, 1))
            ran(pipeline, broker, server, folder)
            every_file(pipeline)
            recording = folder / "recording"
            call(folder, "record", pipeline.path, "--to", recording)
            find("a recording", recording.read_bytes())
            call(folder, "run", pipeline.path, "--recording", recording)
            call(folder, "whatif", "--record", recording, "--config", pipeline.path, "--config",
                 pipeline.path, "--report", folder / "report.html")
            find("a report", (folder / "report.html").read_bytes())
            call(folder, "dlq", "list", "--config", pipeline.path)
            call(folder, "dlq", "show", "--all", "--show-payload", "--config", pipeline.path,
                 expect=(0, 2))
            call(folder, "audit", "verify", "--config", pipeline.path)
            call(folder, "describe", "--all")
        server.stop()


def a_file_that_others_can_read_stops_every_verb():
    with tempfile.TemporaryDirectory() as name, vigil.MockBroker(f"{TOPIC}:1") as broker:
        folder, server = pathlib.Path(name), receiver.Receiver()
        (folder / "p").mkdir()
        plant(folder / "secrets")
        keys(folder / "keys")
        (folder / "secrets" / "postgres").chmod(0o644)
        with vigil.Pipeline(config(broker, server, folder), folder / "p") as pipeline:
            for verb in ("validate", "run", "test"):
                done = call(folder, verb, pipeline.path, expect=(78,))
                check(b"can be read or written by others; chmod 600 it" in done.stderr,
                      done.stderr.decode())
        server.stop()


if __name__ == "__main__":
    vigil.main(no_output_has_a_secret, a_file_that_others_can_read_stops_every_verb)
