#!/usr/bin/env python3
"""Sinks: every event once in a file, whatever happens to the process, the file or the disk; and no
sink holds up another."""
import contextlib
import json
import os
import pathlib
import random
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import delivery
import live
import rotated
import vigil
from disk import SmallDisk, breaking, fill, full, switched_on
from live import Live, record, until
from vigil import check

TOPIC = "vitals.raw"
KILLS = int(os.environ.get("KILLS", "8"))
SEED = int(os.environ.get("SEED", "1"))


def config(broker, sinks=None, **service):
    c = vigil.sedation_config(broker.bootstrap, snapshot={"every": "200ms"}, **service)
    c["alert_rules"] = {"spo2_low": vigil.limit_rule("spo2", "90 %", 0)}
    c["sinks"] |= sinks or {}
    return c


def feed(broker, first_s, seconds, patients=4, bed=None):
    """An alert starts or ends with every row; none is open at the end, to lose its data."""
    more = {"bed": bed} if bed else {}
    vigil.produce(broker.bootstrap, TOPIC,
                  [record(0, s, f"p-{i}", spo2=95 if s % 2 else 80, **more)
                   for s in range(first_s, first_s + seconds) for i in range(patients)])


def stored(p):
    return [body if isinstance(body, bytes) else body.encode()
            for body, in p.outbox("select body from event order by seq")]


def complete(p, path="alerts.ndjson"):
    return lambda: len(p.lines(path)) >= p.outbox("select count(*) from event")[0][0] > 0


def check_file(p, path="alerts.ndjson"):
    check(p.lines(path) == stored(p), f"{path} has {len(p.lines(path))} lines that are "
          f"not the {len(stored(p))} events of the outbox")


def tear(file, rng):
    """Leaves what a crash in the middle of a write leaves: a part of one more line."""
    line = file.read_bytes().splitlines()[-1]
    with file.open("ab") as out:
        out.write(line[:rng.randrange(1, len(line))])


def once_in_the_file_after_kills_and_a_torn_line():
    rng = random.Random(SEED)
    with vigil.MockBroker(f"{TOPIC}:1") as broker, vigil.Pipeline(config(broker)) as p:
        feed(broker, 0, 500)
        file = p.data / "alerts.ndjson"
        torn = 0
        for kill in range(KILLS):
            lines = len(p.lines())
            feed(broker, 500 + 50 * kill, 50)
            with Live(p) as run:
                until("a new line", lambda: len(p.lines()) > lines + rng.randrange(150))
                run.kill()
            whole = p.lines()
            check(stored(p)[:len(whole) - 1] == whole[:-1], "the file is ahead of the outbox")
            # Only what the cursor does not count as delivered yet can be torn: the rest was synced.
            if (p.outbox("select max(seq) from cursor")[0][0] or 0) < len(whole):
                torn += 1
                tear(file, rng)
        check(torn > 0, "no kill left the last line behind the cursor: nothing was torn")
        live.check_no_mismatch(p.run())
        check_file(p)
        check(len(p.lines()) == (500 + 50 * KILLS) * 4, f"{len(p.lines())} events")


def once_in_the_rotated_files_after_kills():
    rng = random.Random(SEED)
    sinks = {"plain": {"type": "file", "path": "plain/a.ndjson", "rotate": "4KiB"},
             "packed": {"type": "file", "path": "packed/a.ndjson", "rotate": "8KiB",
                        "compress": "zstd", "fsync": "never"}}
    kills = KILLS if os.environ.get("VIGIL_LONG") == "1" else 4
    with vigil.MockBroker(f"{TOPIC}:1") as broker, vigil.Pipeline(config(broker, sinks)) as p:
        for kill in range(kills):
            lines = len(p.lines())
            feed(broker, 50 * kill, 50)
            with Live(p) as run:
                until("a new line", lambda: len(p.lines()) > lines + rng.randrange(150))
                run.kill()
            for sink in sinks:
                # Both forms of one file may be there after a kill: its events are in each of them.
                lines_now = rotated.lines(p.data / sink / "a.ndjson")
                whole = [line for line in lines_now if line.endswith(b"}")]
                check(stored(p)[:len(whole)] == whole and len(lines_now) <= len(whole) + 1,
                      f"{sink}: the files do not begin as the outbox does")
        live.check_no_mismatch(p.run())
        for sink in sinks:
            check(rotated.lines(p.data / sink / "a.ndjson") == stored(p),
                  f"{sink}: the files hold other events than the outbox")
            parts = rotated.parts(p.data / sink / "a.ndjson")
            check(len(parts) > 20, f"{sink}: {len(parts)} finished files: nothing was tested")
        check(sum(part.suffix == ".zst" for part in parts) > 20, "nothing was compressed")


def once_in_the_files_through_full_and_broken_disks():
    with SmallDisk("32m") as small, tempfile.TemporaryDirectory() as folder:
        if not small:
            return
        path, broken = small / "a.ndjson", pathlib.Path(folder) / "broken"
        read_only = pathlib.Path(f"{small}.ro")

        def arrived():
            # A file may get another name while they are read.
            with contextlib.suppress(FileNotFoundError):
                return [line.decode() for line in rotated.lines(path) if line.endswith(b"}")]
            return []
        delivery.storm({"type": "file", "path": str(path), "rotate": "64KiB", "compress": "zstd"},
                       arrived, [lambda: full(small, b"No space left"),
                                 lambda: switched_on(broken, b"Input/output error"),
                                 lambda: switched_on(read_only, b"Read-only file system")],
                       repeats=False, env=breaking(VIGIL_BROKEN_DISK=broken, VIGIL_BROKEN_FILE=path,
                                                   VIGIL_READ_ONLY=read_only))


def each_sink_has_a_cursor_of_its_own():
    second = {"second": {"type": "file", "path": "days/%Y-%m-%d.ndjson"}}
    with vigil.MockBroker(f"{TOPIC}:1") as broker, vigil.Pipeline(config(broker)) as p:
        feed(broker, 0, 20)
        p.run()
        p.config["sinks"] |= second
        p.path.write_text(json.dumps(p.config))
        feed(broker, 20, 20)
        p.run()
        check_file(p)
        check_file(p, "days/2026-01-01.ndjson")  # a new sink gets what the outbox holds
        cursors = p.outbox("select sink, seq from cursor order by sink")
        check([c[0] for c in cursors] == ["file", "second"] and cursors[0][1] == cursors[1][1],
              f"cursors {cursors}")



def a_sink_that_fails_is_tried_again_and_holds_up_no_other():
    with vigil.MockBroker(f"{TOPIC}:1") as broker, tempfile.TemporaryDirectory() as folder:
        blocked = pathlib.Path(folder) / "elsewhere"
        blocked.mkdir()
        sinks = {"second": {"type": "file", "path": str(blocked / "alerts.ndjson")}}
        with vigil.Pipeline(config(broker, sinks)) as p:
            # A folder in the file's place: opening fails, for root as well.
            (blocked / "alerts.ndjson").mkdir()
            feed(broker, 0, 20)
            with Live(p) as run:
                until("the other sink", complete(p))
                run.wait_line(b"trying again")
                feed(broker, 20, 20)
                until("the other sink goes on",
                      lambda: len(p.lines()) == 40 * 4)
                (blocked / "alerts.ndjson").rmdir()
                until("the sink that failed",
                      lambda: (blocked / "alerts.ndjson").exists()
                      and len((blocked / "alerts.ndjson").read_bytes().splitlines()) == 160)
                run.stop()
            check_file(p)
            check((blocked / "alerts.ndjson").read_bytes().splitlines() == stored(p),
                  "the sink that failed has other events")


def one_process_holds_a_data_dir():
    with vigil.MockBroker(f"{TOPIC}:1") as broker, vigil.Pipeline(config(broker)) as p:
        with Live(p) as run:
            said = p.run(expect=69)
            check(str(p.data) in said and "another" in said, f"the message is {said!r}")
            feed(broker, 0, 10)
            until("the first goes on", complete(p))
            run.kill()
        p.run()
        check_file(p)


def about_patients(p):
    return [line for line in p.lines() if b'"patient"' in line]


def a_full_disk_loses_nothing():
    with vigil.MockBroker(f"{TOPIC}:1") as broker, SmallDisk("6m") as disk:
        if not disk:
            return
        p = vigil.Pipeline(config(broker), disk)
        feed(broker, 0, 20)
        p.run()
        ballast = disk / "ballast"
        with Live(p) as run:
            fill(ballast)
            feed(broker, 20, 300)
            run.wait_line(b"trying again every second")
            ballast.unlink()
            until("all events", lambda: len(about_patients(p)) == 320 * 4 and complete(p)())
            run.stop()
        live.check_no_mismatch(p.run())
        check_file(p)


if __name__ == "__main__":
    vigil.main(once_in_the_file_after_kills_and_a_torn_line,
               once_in_the_rotated_files_after_kills,
               once_in_the_files_through_full_and_broken_disks, each_sink_has_a_cursor_of_its_own,
               a_sink_that_fails_is_tried_again_and_holds_up_no_other,
               one_process_holds_a_data_dir, a_full_disk_loses_nothing)
