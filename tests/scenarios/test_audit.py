#!/usr/bin/env python3
"""The audit log of a pipeline that runs, is killed, changed and asked: what it holds, and that a cut
tail shows against the seal that a heartbeat told."""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import vigil
import zmq
from live import Live, outbox_has, record, until
from vigil import check

TOPIC = "vitals.raw"
PATIENT = "p-1-pseudonym"


def config(broker, folder):
    c = vigil.sedation_config(broker.bootstrap, snapshot={"every": "200ms"})
    c["alert_rules"] = {"spo2_low": vigil.limit_rule("spo2", "90 %", 0)}
    c["sinks"]["live"] = {"type": "zeromq", "publish": f"ipc://{folder}/publish",
                          "control": f"ipc://{folder}/control", "heartbeat": "100ms"}
    return c


def ask(folder, request):
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.linger = 0
        dealer.connect(f"ipc://{folder}/control")
        dealer.send(json.dumps({"id": 1, **request}).encode())
        check(dealer.poll(20000), f"no answer to {request}")
        return json.loads(dealer.recv())


def told_seal(folder):
    """The seal in a heartbeat."""
    with zmq.Context() as context, context.socket(zmq.SUB) as sub:
        sub.linger = 0
        sub.subscribe(b"alert/1/")
        sub.connect(f"ipc://{folder}/publish")
        while True:
            check(sub.poll(20000), "no heartbeat")
            _, header, payload = sub.recv_multipart()
            if header[4] == 2 and "audit" in json.loads(payload):
                return json.loads(payload)["audit"]


def audit(pipeline, *arguments):
    done = subprocess.run([vigil.VIGIL, "audit", *arguments, "--data-dir", pipeline.data],
                          capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def records(pipeline):
    file = pipeline.data / "audit" / "000001.ndjson"
    return [json.loads(line) for line in file.read_text().splitlines()]


def kinds(pipeline):
    return [r["kind"] for r in records(pipeline)]


def live_through(pipeline, broker, folder):
    """A first run with an order, a replay and a refusal, that is killed; a second one that stops."""
    with Live(pipeline) as run:
        vigil.produce(broker.bootstrap, TOPIC, [record(0, 1, PATIENT, spo2=80, bed="icu-0/1")])
        episode = until("the alert", lambda: [e["episode_id"] for e in pipeline.events()
                                              if e["rule"] == "spo2_low"])[0]
        reply = ask(folder, {"do": "acknowledge", "episode": episode, "by": "nurse-7",
                             "note": "sees the " + PATIENT})
        check(reply.get("ok"), f"{reply}")
        reply = ask(folder, {"do": "command", "command_id": "c-1", "command": {
            "do": "limit", "patient": PATIENT, "channel": "spo2", "low": 85, "by": "nurse-7",
            "for_s": 60, "note": "chronic"}})
        check(reply["error"] == "not_allowed", f"{reply}")
        key = (pipeline.data / "command.key").read_text().strip()
        reply = ask(folder, {"do": "command", "command_id": "c-2", "key": key, "command": {
            "do": "limit", "patient": PATIENT, "channel": "spo2", "low": 85, "by": "nurse-7",
            "for_s": 60, "note": "chronic"}})
        check(reply.get("ok"), f"{reply}")
        ask(folder, {"do": "snapshot", "ward": "icu-0"})
        ask(folder, {"do": "replay", "ward": "icu-0", "after": 0, "credit": 10})
        run.process.send_signal(signal.SIGHUP)
        run.wait_line(b"SIGHUP")
        seal = told_seal(folder)
        run.kill()
    pipeline.config["alert_rules"]["spo2_low"] = vigil.limit_rule("spo2", "89 %", 0)
    pipeline.path.write_text(json.dumps(pipeline.config))
    with Live(pipeline) as run:
        until("that it is recovered", lambda: "recovered" in kinds(pipeline)[6:])
        run.stop()
        told = re.findall(r"seal (\d+:[0-9a-f]{64})", run.said)
    return episode, seal, told


def check_records(pipeline, episode):
    log = records(pipeline)
    of = lambda kind: [r for r in log if r["kind"] == kind]
    text = (pipeline.data / "audit" / "000001.ndjson").read_text()
    check(PATIENT not in text, f"a patient is in the audit log:\n{text}")
    check(len(of("start")) == 2 and len(of("stop")) == 1, f"{kinds(pipeline)}")
    check(of("stop")[0]["why"] == "signal 15", f"{of('stop')}")
    check(len(of("config")) == 1 and of("config")[0]["to"] == of("start")[1]["config"], f"{log}")
    check(any("no end" in r["what"] for r in of("recovered")), f"{of('recovered')}")
    orders = [(r["order"], r["by"], r["answer"]) for r in of("order")]
    check(orders == [("acknowledge", "nurse-7", "ok"), ("limit", "nurse-7", "ok")], f"{orders}")
    check(of("order")[0]["episode_id"] == episode, f"{of('order')} {episode}")
    check(of("order")[1]["says"] == "low 85, for 60 s", f"{of('order')}")
    check(of("order")[1]["command_id"] == "c-2", f"{of('order')}")
    check("command.key" in of("refused")[0]["why"], f"{of('refused')}")
    check(of("subscribe")[0]["why"] == "ward icu-0" and of("replay"), f"{log}")
    check(len(of("reload")) == 1, f"{log}")


def a_life_is_recorded_and_a_cut_tail_shows():
    with vigil.MockBroker(f"{TOPIC}:1") as broker, tempfile.TemporaryDirectory() as folder, \
            vigil.Pipeline(config(broker, folder)) as pipeline:
        episode, seal, told = live_through(pipeline, broker, folder)
        check_records(pipeline, episode)
        code, said = audit(pipeline, "verify")
        check(code == 0 and f"last seal: {told[-1]}" in said, f"{code} {said} {told}")
        for s in (*told, f"{seal['seal']}:{seal['hash']}"):
            code, said = audit(pipeline, "verify", "--seal", s)
            check(code == 0, f"{code} {said}")
        code, key = audit(pipeline, "key")
        check(code == 0 and re.fullmatch(r"[0-9a-f]{64}\n", key), key)
        check(audit(pipeline, "verify", "--key", key.strip())[0] == 0, "its own key")
        code, said = audit(pipeline, "verify", "--key", "1" * 64)
        check(code == 1 and "not made with this pipeline's key" in said, said)

        file = pipeline.data / "audit" / "000001.ndjson"
        whole = file.read_text()
        lines = whole.splitlines(keepends=True)
        file.write_text("".join(lines[:-3]))
        check(audit(pipeline, "verify")[0] == 0, "a cut at a record is not to be seen from within")
        code, said = audit(pipeline, "verify", "--seal", told[-1])
        check(code == 1 and "the tail is cut off" in said, f"{code} {said}")
        file.write_text(whole.replace("nurse-7", "nurse-8", 1))
        code, said = audit(pipeline, "verify")
        line = whole[:whole.index("nurse-7")].count("\n") + 1
        check(code == 1 and said.startswith(f"audit/000001.ndjson:{line}: "), f"{code} {said}")


def refused_to_another_user(pipeline):
    """Root, too: the pipeline could not write on what root made."""
    if os.geteuid() != 0:
        print("     no other user: only root can give a file away")
        return
    os.chown(pipeline.data / "outbox.db", 65534, 65534)
    for what in (["retry", "--all"], ["purge", "--all", "--yes"],
                 ["export", "--out", pipeline.folder / "letters"]):
        done = subprocess.run([vigil.VIGIL, "dlq", *what, "--data-dir", pipeline.data],
                              capture_output=True, text=True)
        check(done.returncode == 2 and "belongs to user 65534, and this is user 0; run it as that user"
              in done.stderr, f"{what}: {done.returncode} {done.stderr}")
    os.chown(pipeline.data / "outbox.db", 0, 0)


def what_is_done_with_letters_is_recorded():
    with vigil.MockBroker(f"{TOPIC}:1") as broker, tempfile.TemporaryDirectory() as folder, \
            vigil.Pipeline(config(broker, folder)) as pipeline:
        vigil.produce(broker.bootstrap, TOPIC, [(0, vigil.START_MS, PATIENT, "rubbish")])
        with Live(pipeline) as run:
            until("the letter", outbox_has(pipeline, "select count(*) from dead_letter"))
            done = subprocess.run([vigil.VIGIL, "dlq", "purge", "--all", "--yes", "--data-dir",
                                   pipeline.data], capture_output=True, text=True)
            check(done.returncode == 0, done.stderr)
            run.stop()
        refused_to_another_user(pipeline)
        dlq = [r for r in records(pipeline) if r["kind"] == "dlq"]
        check([(r["action"], r["messages"]) for r in dlq] == [("purge", "1")], f"{dlq}")
        code, said = audit(pipeline, "verify")
        check(code == 0, f"{code} {said}")


if __name__ == "__main__":
    vigil.main(a_life_is_recorded_and_a_cut_tail_shows, what_is_done_with_letters_is_recorded)
