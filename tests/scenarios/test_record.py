#!/usr/bin/env python3
"""`vigil record`: what entered a pipeline in one file, whose events are those of the pipeline."""
import contextlib
import ctypes
import ctypes.util
import hashlib
import json
import os
import pathlib
import sqlite3
import struct
import subprocess
import sys
import tempfile
import unittest.mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import zmq

import live
import vigil
from live import Live, record, until
from vigil import check

TOPIC = "vitals.raw"
SKIPPABLE = 0x184D2A57


def call(*arguments, expect=0):
    done = subprocess.run([vigil.VIGIL, *map(str, arguments)], capture_output=True,
                          timeout=vigil.TIMEOUT_S)
    check(done.returncode == expect, f"vigil {arguments}: exit {done.returncode}, expected "
                                     f"{expect}\n{done.stderr.decode()[-3000:]}")
    return done


def played(config, recording):
    """The events of a recording: raw lines by partition."""
    shards = {}
    for line in call("run", config, "--recording", recording).stdout.splitlines():
        shards.setdefault(json.loads(line)["position"]["partition"], []).append(line)
    return shards


def check_same(live_shards, again):
    check(live_shards.keys() == again.keys(), f"other shards: {live_shards.keys()} {again.keys()}")
    for shard, lines in live_shards.items():
        check(lines == again[shard], f"shard {shard}: {len(lines)} events live, "
                                     f"{len(again[shard])} of the recording, or others")


class Format:
    """docs/recordings.md, read by somebody who knows nothing else: a check of the page."""

    def __init__(self, path):
        data = pathlib.Path(path).read_bytes()
        self.blocks, self.records, self.commands = [], [], []
        head, at = self.aside(data, 0)
        version, length = struct.unpack_from("<II", head, 4)
        check(head[:4] == b"VRHD" and version == 1, "the head")
        self.head = json.loads(head[12:12 + length])
        check(self.digest(head[:-16]) == head[-16:] and len(head) == 28 + length, "head's digest")
        while True:
            part, at = self.aside(data, at)
            if part[:4] == b"VREN":
                break
            at = self.block(data, part, at)
        counts = struct.unpack_from("<QQQ", part, 4)
        check(counts == (len(self.blocks), len(self.records), len(self.commands))
              and self.digest(part[:28]) == part[28:] and at == len(data), f"the end: {counts}")

    @staticmethod
    def digest(data):
        return hashlib.blake2b(data, digest_size=16).digest()

    @staticmethod
    def aside(data, at):
        magic, size = struct.unpack_from("<II", data, at)
        check(magic == SKIPPABLE, f"no skippable frame at {at}")
        return data[at + 8:at + 8 + size], at + 8 + size

    def block(self, data, part, at):
        entries, raw, packed, number = struct.unpack_from("<IIIQ", part, 4)
        check(part[:4] == b"VRBK" and number == len(self.blocks), "a block's head")
        frame = data[at:at + packed]
        check(self.digest(part[:24] + frame) == part[24:], "a block's digest")
        text = unpack(frame, raw)
        self.blocks.append(at)
        place = 0
        for _ in range(entries):
            kind, shard, offset, time_ns, a, b = struct.unpack_from("<BIqqii", text, place)
            place += 29
            first = None if a < 0 else text[place:place + a]
            place += max(a, 0)
            second = None if b < 0 else text[place:place + b]
            place += max(b, 0)
            if kind == 1:
                self.records.append((shard, offset, time_ns, first, second))
                continue
            check(kind == 2, f"kind {kind}")
            self.commands.append((shard, offset, time_ns, first, second,
                                  *struct.unpack_from("<II", text, place)))
            place += 8
        check(place == raw == len(text), "bytes behind the entries of a block")
        return at + packed


def unpack(frame, size):
    library = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
    library.ZSTD_decompress.restype = ctypes.c_size_t
    out = ctypes.create_string_buffer(size)
    n = library.ZSTD_decompress(out, ctypes.c_size_t(size), frame, ctypes.c_size_t(len(frame)))
    check(n == size, "the block does not unpack")
    return out.raw


def silent_config(broker, folder):
    c = vigil.sedation_config(broker.bootstrap, snapshot={"every": "200ms"})
    c["source"]["max_patients"] = 3
    c["alert_rules"] = {
        "silent": {"title": "No data", "priority": "medium",
                   "when": {"stale": "any", "longer_than": "2s"}},
        "spo2_low": vigil.limit_rule("spo2", "90 %", 2)}
    c["sinks"]["live"] = {"type": "zeromq", "publish": f"ipc://{folder}/publish",
                          "control": f"ipc://{folder}/control"}
    return c


def acknowledge(folder, episode):
    with zmq.Context() as context, context.socket(zmq.DEALER) as ask:
        ask.connect(f"ipc://{folder}/control")
        ask.send_json({"id": 1, "do": "acknowledge", "episode": episode, "by": "nurse 7",
                       "note": "seen"})
        check(ask.poll(10000), "no answer to the acknowledgement")
        said = ask.recv_json()
        check(said.get("ok") is True, f"acknowledge: {said}")
        ask.close(0)


def commands_and_bad_messages_are_where_they_were():
    with vigil.MockBroker(f"{TOPIC}:2") as broker, tempfile.TemporaryDirectory() as folder, \
         vigil.Pipeline(silent_config(broker, folder)) as p:
        file = pathlib.Path(folder) / "a.vrec"
        with Live(p) as run:
            vigil.produce(broker.bootstrap, TOPIC, [
                *(record(i % 2, s, f"p-{i}", spo2=85) for s in range(5) for i in range(4)),
                (0, vigil.START_MS + 5000, "p-0", b"{\"patient\": \xff"),
                (1, vigil.START_MS + 5000, None, b""),
                *(record(0, 6, f"p-{i}", spo2=95) for i in (4, 6, 8))])
            low = until("an alert", lambda: [e for e in p.events() if e["rule"] == "spo2_low"])
            acknowledge(folder, low[0]["episode_id"])
            until("silence is told", live.outbox_has(
                p, "select count(*) from event where body like '%\"rule\":\"silent\"%'", 5))
            vigil.produce(broker.bootstrap, TOPIC,
                          [record(i % 2, 20, f"p-{i}", spo2=97) for i in range(4)])
            until("it ends", live.outbox_has(
                p, "select count(*) from event where body like '%\"phase\":\"end\"%\"silent\"%'", 4))
            until("all alerts in the file",
                  lambda: len(p.lines()) >= p.outbox("select count(*) from event")[0][0])
            call("record", p.path, "--to", file, "--progress", "none")
            run.stop()
        events = p.events()
        for rule in ("spo2_low", "silent", "dead_letter", "max_patients"):
            check(any(e["rule"] == rule for e in events), f"no {rule} among the live events")
        check(any(e["phase"] == "acknowledge" for e in events), "no acknowledge live")
        told = Format(file)
        kinds = {c[5] for c in told.commands}
        check(kinds == {0, 3} and any(c[3] for c in told.commands), f"commands: {kinds}")
        check(told.head["topic"] == TOPIC and told.head["commands"] is True, told.head)
        again = played(p.path, file)
        # Marks went on between the record and the stop: what they told is behind the recording.
        check_same({s: lines[:len(again[s])] for s, lines in p.by_shard().items()}, again)
        check(sum(map(len, again.values())) >= len(events) - 4, "the recording tells less")
        shown = call("record", "--show", file).stdout.decode()
        check(f"records    {len(told.records)}," in shown and "complete" in shown, shown)


def ward(broker, *more):
    done = subprocess.run(
        [vigil.VIGIL, "simulate", "--brokers", broker.bootstrap, "--topic", TOPIC, "--beds", "12",
         "--duration", "26m", "--seed", "7", "--script", "demo", "--start", "2026-01-01T12:00:00Z",
         "--artefact-rate", "10", "--progress", "none", *more], capture_output=True, text=True,
        timeout=vigil.TIMEOUT_S)
    check(done.returncode == 0, done.stderr)


def a_recording_of_the_whole_chain_gives_the_events_of_a_live_run():
    with vigil.MockBroker(f"{TOPIC}:3") as broker, tempfile.TemporaryDirectory() as folder:
        ward(broker)
        file = pathlib.Path(folder) / "ward.vrec"
        with vigil.Pipeline(vigil.add_models(vigil.sedation_config(
                broker.bootstrap, clock="device", frame_rows=7, workers=2))) as p:
            p.run()
            said = call("record", p.path, "--to", file).stderr.decode()
            check("records and 0 commands" in said, said)
            rules = {json.loads(x)["rule"] for lines in p.by_shard().values() for x in lines}
            check({"spo2_low", "unusual", "spo2_forecast", "silent"} <= rules, f"only {rules}")
            check_same(p.by_shard(), played(p.path, file))
            verified(p, file, folder)
            another_order(p, file, folder)
            two = pathlib.Path(folder) / "two.vrec"
            call("record", p.path, "--to", two, "--no-commands")
            check([r for r in Format(two).records if r[0] == 1]
                  == [r for r in Format(file).records if r[0] == 1], "other records")
            parts(p, file, folder)


def verified(p, file, folder):
    """`vigil replay --verify` finds nothing in the whole, and what is missing of a part."""
    def verify(recording, expect):
        return call("replay", "--verify", recording, "--config", p.path, "--outbox", f"{p.data}/outbox.db",
                    expect=expect)

    stored = sum(map(len, p.by_shard().values()))
    said = verify(file, 0).stdout.decode()
    check(said == f"{stored} events stored; of the recording again 0 differ, 0 are missing, 0 are new, "
                  "0 are in another order\n", said)
    part = pathlib.Path(folder) / "first.vrec"
    call("record", p.path, "--to", part, "--until", "2026-01-01T12:15:00Z")
    done = verify(part, 1)
    check(b" 0 are missing" not in done.stdout and b"does not come again" in done.stderr, done.stdout)
    call("replay", "--verify", file, "--config", p.path, expect=2)
    call("replay", expect=2)


def another_order(p, file, folder):
    """Two events of a shard that changed places are found, and nothing else is said of them."""
    path = pathlib.Path(folder) / "order.db"
    with contextlib.closing(sqlite3.connect(p.data / "outbox.db")) as db, \
            contextlib.closing(sqlite3.connect(path)) as other, other:
        db.backup(other)
        first, second = (seq for seq, in other.execute("select seq from event where shard = 1 order by seq limit 2"))
        for old, new in ((first, -1), (second, first), (-1, second)):
            other.execute("update event set seq = ? where seq = ?", (new, old))
    done = call("replay", "--verify", file, "--config", p.path, "--outbox", path, expect=1)
    check(done.stdout.decode().endswith(" 0 differ, 0 are missing, 0 are new, 1 are in another order\n")
          and b"comes earlier in its shard" in done.stderr, f"{done.stdout} {done.stderr}")


class Demo(vigil.Pipeline):
    """configs/demo.yaml as `vigil demo` runs it, but that its data stay until the end."""

    def __init__(self, broker, folder):
        self.folder = pathlib.Path(folder)
        self.path = vigil.ROOT / "configs/demo.yaml"
        self.data = self.folder / "data"
        self.env = {"KAFKA_BROKERS": broker.bootstrap, "VIGIL_DEMO_DATA": str(self.data), "VIGIL_LOG": "info",
                    "VIGIL_DEMO_PUBLISH": f"ipc://{folder}/publish", "VIGIL_DEMO_CONTROL": f"ipc://{folder}/control"}


def the_demo_recorded_gives_its_events_again():
    """With the marks of a live run in it."""
    with vigil.MockBroker(f"{TOPIC}:4") as broker, tempfile.TemporaryDirectory() as folder:
        demo, file = Demo(broker, folder), pathlib.Path(folder) / "demo.vrec"
        ward(broker)
        with unittest.mock.patch.dict(os.environ, demo.env):
            with Live(demo) as run:
                until("marks", live.outbox_has(demo, "select count(*) from command where kind = 0", 8))
                run.stop()
            call("record", demo.path, "--to", file, "--progress", "none")
            said = call("replay", "--verify", file, "--config", demo.path, "--outbox", demo.data / "outbox.db")
        stored = demo.outbox("select count(*) from event")[0][0]
        check(stored > 40, f"only {stored} events")
        check(said.stdout.decode().startswith(f"{stored} events stored; of the recording again 0 differ, 0 are "
                                              "missing, 0 are new, 0 are in another order"), said.stdout)


def parts(p, file, folder):
    """--from and --until cut by record time."""
    part = pathlib.Path(folder) / "part.vrec"
    whole = Format(file).records
    cut = lambda minute: f"2026-01-01T12:{minute}:00Z"
    call("record", p.path, "--to", part, "--from", cut(10), "--until", cut(20))
    low, high = ((vigil.START_MS + 43_200_000 + m * 60_000) * 1_000_000 for m in (10, 20))
    wanted = []
    for shard in range(3):
        mine = [r for r in whole if r[0] == shard]
        first, end = (next(i for i, r in enumerate(mine) if r[2] >= t) for t in (low, high))
        wanted += mine[first:end]
    check(0 < len(wanted) < len(whole) / 2, f"{len(wanted)} of {len(whole)} records wanted")
    check(sorted(Format(part).records, key=lambda r: r[:2]) == wanted, "another part of them")
    call("record", p.path, "--to", part, expect=74)
    call("record", p.path, "--to", part, "--from", cut(25), "--overwrite")
    check(Format(part).records[0][2] >= low, "--overwrite left the old file")
    check((part.stat().st_mode & 0o777) == 0o600, "others may read a recording")
    check(not list(pathlib.Path(folder).glob("*.part")), "a .part is left")


def damage_and_a_cut_are_noticed_with_the_byte():
    with vigil.MockBroker(f"{TOPIC}:1") as broker, tempfile.TemporaryDirectory() as folder:
        file, bad = pathlib.Path(folder) / "a.vrec", pathlib.Path(folder) / "bad.vrec"
        vigil.produce(broker.bootstrap, TOPIC,
                      [record(0, s, "p-1", spo2=95, hr=70 + s % 7) for s in range(30000)])
        with vigil.Pipeline(vigil.sedation_config(broker.bootstrap)) as p:
            call("record", p.path, "--to", file)
            data, blocks = file.read_bytes(), Format(file).blocks
            check(len(blocks) >= 3, f"{len(blocks)} blocks")
            for at in {9, 40, blocks[1] + 5, blocks[1] - 20, blocks[-1] + 100, len(data) - 30}:
                bad.write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1:])
                said = call("record", "--show", bad, expect=74).stderr.decode()
                check("bad.vrec" in said, f"byte {at}: {said}")
            # What is told is where the block begins, whose checksum covers the byte.
            bad.write_bytes(data[:blocks[1] + 5] + b"?" + data[blocks[1] + 6:])
            said = call("run", p.path, "--recording", bad, expect=74).stderr.decode()
            check(f"damaged at byte {blocks[1] - 48}" in said, said)
            for n in (0, 7, 30, blocks[1] - 48, blocks[1] + 5, len(data) - 1):
                bad.write_bytes(data[:n])
                said = call("record", "--show", bad, expect=74).stderr.decode()
                check("cut short" in said or "is no recording" in said, f"{n} bytes: {said}")
            bad.write_bytes(data[:blocks[1] - 48] + data[blocks[2] - 48:])
            check("a block is missing" in call("record", "--show", bad, expect=74).stderr.decode(),
                  "a block was taken out")
            bad.write_bytes(data + b"x")
            check("follows its end" in call("record", "--show", bad, expect=74).stderr.decode(), "+")


def mistakes_are_explained():
    with vigil.MockBroker(f"{TOPIC}:1") as broker, tempfile.TemporaryDirectory() as folder, \
         vigil.Pipeline(vigil.sedation_config(broker.bootstrap)) as p:
        file = pathlib.Path(folder) / "a.vrec"
        for usage in ([p.path], ["--to", file], [p.path, "--show", file],
                      [p.path, "--to", file, "--from", "noon"],
                      [p.path, "--to", file, "--no-commands", "--outbox", "x"]):
            call("record", *usage, expect=2)
        call("run", p.path, "--recording", file, "--until-end", expect=2)
        call("record", "--show", file, expect=74)
        call("record", p.path, "--to", "/nowhere/a.vrec", "--no-commands", expect=74)
        check("no outbox" in call("record", p.path, "--to", file).stderr.decode(), "no outbox")
        call("run", p.path, "--recording", file)
        p.run()
        with contextlib.closing(sqlite3.connect(p.data / "outbox.db")) as db, db:
            db.execute("update meta set value = 'another' where key = 'cluster'")
        said = call("record", p.path, "--to", file, "--overwrite", expect=78).stderr.decode()
        check("--no-commands" in said and "log another" in said, said)
        p.config["source"] |= {"brokers": "127.0.0.1:1", "connect_timeout": "1s"}
        p.path.write_text(json.dumps(p.config))
        call("record", p.path, "--to", file, "--overwrite", "--no-commands", expect=69)


if __name__ == "__main__":
    vigil.main(commands_and_bad_messages_are_where_they_were,
               a_recording_of_the_whole_chain_gives_the_events_of_a_live_run,
               the_demo_recorded_gives_its_events_again,
               damage_and_a_cut_are_noticed_with_the_byte, mistakes_are_explained)
