#!/usr/bin/env python3
"""`vigil alerts conformance` is passed by a right client, and by no wrong one: each of the clients reports
what a scenario expects, in its order, and one that asks for too little fails.

VIGIL_LONG=1 plays every scenario with every client, and the burst with 100,000 events."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import packages
import vigil
import zmq
from vigil import check

LONG = bool(os.environ.get("VIGIL_LONG"))
BURST = "100000" if LONG else "2000"
DEADLINE_S = 120
OTHERS = ("gap", "lost_reply", "acknowledge", "refused_key", "burst")  # for the other clients, else


class Publisher:
    """The verb, up to the line that says it is ready: `where` to connect, and `expected`."""

    def __init__(self, scenario, *more):
        self.process = subprocess.Popen(
            [vigil.VIGIL, "alerts", "conformance", "--scenario", scenario, *more],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.expected = []
        for line in self.process.stdout:
            self.expected.append(json.loads(line))
            if self.expected[-1]["type"] == "ready":
                break
        check(self.expected, f"{scenario}: it does not begin")
        self.where = self.expected[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def expects(self, what):
        return [line for line in self.expected if line.get("expect") == what]

    def end(self):
        """(exit code, what it judged); the last is the verdict."""
        out, _ = self.process.communicate(timeout=DEADLINE_S)
        lines = [json.loads(line) for line in out.splitlines()]
        check(lines and lines[-1]["type"] == "verdict", f"ends with {lines[-1:]}")
        return self.process.returncode, lines


def key_files(folder, keys):
    """What the verb prints, as `vigil alerts` takes it."""
    server, client = pathlib.Path(folder) / "server.pub", pathlib.Path(folder) / "client.key"
    server.write_text(f"name: server\npublic: {keys['server_key']}\n")
    client.touch(mode=0o600)
    client.write_text(f"name: client\npublic: {keys['public_key']}\nsecret: {keys['secret_key']}\n")
    return ["--server-key", server, "--key", client]


def address(where):
    return ["--connect", where["publish"], "--control", where["control"]]


def acknowledge(publisher, client):
    """Does what the verb says is to be done once the client has an event; returns what it said until then."""
    orders = [line for line in publisher.expected if line["type"] == "do"]
    said_so_far = ""
    while orders and '"type":"event"' not in said_so_far:
        line = client.stdout.readline()
        check(line, "the client ends without an event")
        said_so_far += line
    for order in orders:
        done = subprocess.run([vigil.VIGIL, "alerts", *address(publisher.where), "--json", "--ack",
                               order["episode"], "--by", order["by"]], capture_output=True, text=True,
                              timeout=DEADLINE_S)
        reply, = (e for e in publisher.expects("reply") if e["episode"] == order["episode"])
        said = json.loads(done.stdout)
        check((said["ok"], said["code"]) == (reply["ok"], reply["code"]), f"{said}, not {reply}")
    return said_so_far


def check_report(scenario, publisher, lines):
    optional = {line["event_id"] for line in publisher.expected if line["type"] == "optional"}
    given = [line["event"] for line in lines if line["type"] == "event"]
    check(len({e["event_id"] for e in given}) == len(given), f"{scenario}: an event is there twice")
    for ward in publisher.where["wards"]:
        wanted = [e["event_id"] for e in publisher.expects("event") if e["ward"] == ward]
        got = [e["event_id"] for e in given if e["ward"] == ward and e["event_id"] not in optional]
        check(got == wanted, f"{scenario}: ward {ward} has {len(got)} events, expected {len(wanted)}")
    heard = iter([(line["notice"], line.get("shard")) for line in lines if line["type"] == "notice"])
    for notice in publisher.expects("notice"):
        check(any(name == notice["notice"] and notice.get("shard") in (None, shard)
                  for name, shard in heard), f"{scenario}: {notice} is not there, or not in its place")


def play(scenario, kind):
    with tempfile.TemporaryDirectory() as folder, \
            Publisher(scenario, "--count", BURST, "--seed", "7") as publisher:
        keys = publisher.where.get("keys")
        client = subprocess.Popen(
            [*kind.command, "--until-closed", "--timeout", kind.seconds.format(60),
             *address(publisher.where), *(key_files(folder, keys) if keys else [])],
            stdout=subprocess.PIPE, text=True, env=packages.ENVIRONMENT)
        what = f"{scenario}, {kind.name}"
        try:
            out = acknowledge(publisher, client)
            out += client.communicate(timeout=DEADLINE_S)[0]
            check(client.returncode == 0, f"{what}: the client ends with {client.returncode}")
            code, judged = publisher.end()
            check(code == 0 and judged[-1]["ok"], f"{what}: exit {code}: {judged}")
            check_report(what, publisher, [json.loads(line) for line in out.splitlines()])
        finally:
            client.kill()


def scenarios():
    done = subprocess.run([vigil.VIGIL, "alerts", "conformance", "--list"], capture_output=True,
                          text=True, timeout=30)
    return [line.split()[0] for line in done.stdout.splitlines()]


def right_clients_pass_every_scenario():
    names = scenarios()
    check({"gap", "truncated", "new_outbox", "link_down", "stalled", "not_covered", "acknowledge",
           "refused_key", "burst"} <= set(names), f"{names}")
    plays = [(name, kind) for kind in packages.kinds() for name in names
             if LONG or kind.name == "C" or name in OTHERS]
    with ThreadPoolExecutor(len(names)) as pool:  # each waits for the times of the contract
        for done in [pool.submit(play, *one) for one in plays]:
            done.result()


def a_client_that_passes_over_a_gap_fails():
    """It asks for what is behind the gap, instead of what is in it."""
    with Publisher("gap") as publisher, zmq.Context() as context, \
            context.socket(zmq.SUB) as sub, context.socket(zmq.DEALER) as dealer:
        sub.linger = dealer.linger = 0
        sub.subscribe("alert/1/")
        sub.connect(publisher.where["publish"])
        dealer.connect(publisher.where["control"])
        check(sub.poll(20000), "no heartbeat")
        dealer.send_json({"id": "1", "do": "snapshot"})

        def hear_of(seq):
            while (newest := int.from_bytes(sub.recv_multipart()[1][8:16], "big")) < seq:
                check(sub.poll(20000), f"nothing after {newest}")

        hear_of(15)  # 6 events, 3 that are lost, 6 events
        dealer.send_json({"id": "2", "do": "replay", "after": 15, "credit": 500})
        line = json.loads(publisher.process.stdout.readline())
        check(line["check"] == "replay" and not line["ok"] and "never sent 7" in line["text"], f"{line}")
        dealer.send_json({"id": "3", "do": "replay", "after": 0, "credit": 500})
        hear_of(17)  # 2 that are lost at the end
        dealer.send_json({"id": "4", "do": "replay", "after": 15, "credit": 500})
        hear_of(19)
        sub.close()
        code, judged = publisher.end()
        check(code == 1 and not judged[-1]["ok"], f"exit {code}: {judged}")


def without_a_client_it_ends_in_time():
    with Publisher("gap", "--timeout", "300ms") as publisher:
        code, judged = publisher.end()
        check(code == 69 and not judged[-1]["ok"], f"exit {code}: {judged}")


def the_same_seed_expects_the_same():
    def told(seed):
        with Publisher("gap", "--seed", seed) as publisher:
            return publisher.expected[1:]
    check(told("3") == told("3") != told("4"), "the seed decides nothing, or not all")


def mistakes_are_usage_errors():
    for arguments, text in ((["--scenario", "gab"], '"gap"'), ([], "--scenario NAME")):
        done = subprocess.run([vigil.VIGIL, "alerts", "conformance", *arguments], capture_output=True,
                              text=True, timeout=30)
        check(done.returncode == 2 and text in done.stderr and not done.stdout, f"{done}")


if __name__ == "__main__":
    vigil.main(right_clients_pass_every_scenario, a_client_that_passes_over_a_gap_fails,
               without_a_client_it_ends_in_time, the_same_seed_expects_the_same,
               mistakes_are_usage_errors)
