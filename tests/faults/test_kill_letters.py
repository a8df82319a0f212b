#!/usr/bin/env python3
"""kill -9 while refused events are set aside, while letters are tried again or purged, and while old
rows leave the outbox: nothing lost, nothing twice.

KILLS (default 3, with VIGIL_LONG=1 50) says how often.
"""
import base64
import json
import os
import pathlib
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import delivery
import live
import receiver
import vigil
from live import Live, until
from vigil import check

KILLS = int(os.environ.get("KILLS", "50" if delivery.LONG else "3"))
STEP_S = 10
LETTERS = 150  # 64 of a partition are tried again in a second


class Picky(receiver.Receiver):
    """Refuses a third of the events for ever, as long as `refusing`; which ones hangs on the event
    alone."""
    refusing = True

    @staticmethod
    def refuses(event):
        return "patient" in event and sum(event["event_id"].encode()) % 3 == 0

    def answer(self, handler, body):
        no = self.refusing and self.refuses(json.loads(body))
        self.behave = 422 if no else 200
        super().answer(handler, body)

    def bodies(self):
        return [body for _, _, body in list(self.accepted)]


def sink(server):
    return {"type": "webhook", "url": f"http://127.0.0.1:{server.port}/a", "allow": ["loopback"],
            "secret": "whsec_" + base64.b64encode(bytes(32)).decode()}


def refused(p):
    """Bodies of refused events by state."""
    of = {0: set(), 1: set(), 2: set()}
    for state, body in p.outbox("select q.state, e.body from quarantine q join event e using (seq)"
                                " where q.sink = 'picky'"):
        of[state].add(body.encode())
    return of


def dlq(p, *arguments):
    return subprocess.Popen([vigil.VIGIL, "dlq", *arguments, "--data-dir", p.data],
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def kill_soon(process, delay_s):
    """Kills it, unless it ended before; returns whether it did end."""
    try:
        process.wait(delay_s)
        ended = True
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        ended = False
    process.stdout.close()
    return ended


def check_whole(p):
    with sqlite3.connect(p.data / "outbox.db") as db:
        check(db.execute("pragma integrity_check").fetchall() == [("ok",)], "the outbox is damaged")
    db.close()


def kill_while_set_aside(broker, server, p):
    for k in range(KILLS):
        with Live(p) as run:
            had = len(refused(p)[0]) if k else 0
            delivery.feed(broker, k * STEP_S, STEP_S)
            until("a refused event", lambda: len(refused(p)[0]) > had)
            run.kill()
    live.check_no_mismatch(p.run())
    stored = [body.encode() for body, in p.outbox("select body from event order by seq")]
    want = {body for body in stored if server.refuses(json.loads(body))}
    check(refused(p)[0] == want and len(want) > KILLS, "others are set aside than were refused")
    check(set(server.bodies()) == set(stored) - want, "what was not refused did not arrive")
    return want


def kill_while_tried_again(server, p, want):
    server.refusing = False
    for k in range(KILLS):
        with Live(p) as run:
            kill_soon(dlq(p, "retry", "--all"), 0.002 * (k + 1))
            dlq(p, "retry", "--all").communicate(timeout=30)
            had = len(refused(p)[2])
            until("an event tried again", lambda: len(refused(p)[2]) > had or not refused(p)[1])
            run.kill()
        check(not set().union(*refused(p).values()) ^ want, "a refused event is gone, or new")
    with Live(p) as run:
        dlq(p, "retry", "--all").communicate(timeout=30)
        until("all of them", lambda: refused(p)[2] == want)
        run.stop()
    check(set(server.bodies()) >= want, "an event that is done did not arrive")
    check_whole(p)


def refused_events_survive_kills_and_arrive_when_they_are_tried_again():
    with Picky() as server, vigil.MockBroker(f"{delivery.TOPIC}:2") as broker, \
            vigil.Pipeline(delivery.config(broker, {"picky": sink(server)})) as p:
        want = kill_while_set_aside(broker, server, p)
        kill_while_tried_again(server, p, want)


def letters(p):
    return p.outbox('select count(*), count(distinct "offset"), coalesce(sum(state <> 0), 0),'
                    " coalesce(min(attempts), 0) from dead_letter")[0]


def bad(first):
    return [(0, vigil.START_MS + i, "v", f"bad {first + i}") for i in range(LETTERS)]


def letters_are_tried_again_and_purged_though_both_sides_are_killed():
    with vigil.MockBroker(f"{delivery.TOPIC}:1") as broker, \
            vigil.Pipeline(delivery.config(broker, {})) as p:
        vigil.produce(broker.bootstrap, delivery.TOPIC, bad(0))
        p.run()
        for k in range(KILLS):
            with Live(p) as run:
                kill_soon(dlq(p, "retry", "--all"), 0.002 * (k + 1))
                dlq(p, "retry", "--all").communicate(timeout=30)
                until("one tried again", live.outbox_has(
                    p, "select count(*) from dead_letter where attempts > 1"))
                run.kill()
            check(letters(p)[:2] == (LETTERS, LETTERS), f"letters {letters(p)}")
        with Live(p) as run:
            dlq(p, "retry", "--all").communicate(timeout=30)
            until("all tried again", lambda: letters(p)[2] == 0 and letters(p)[3] > 1)
            run.stop()
        live.check_no_mismatch(p.run())
        check(letters(p)[:3] == (LETTERS, LETTERS, 0), f"letters {letters(p)}")
        purge(broker, p)


def purge(broker, p):
    with Live(p) as run:
        for k in range(KILLS):
            kill_soon(dlq(p, "purge", "--all", "--yes"), 0.002 * (k + 1))
        run.kill()
    vigil.produce(broker.bootstrap, delivery.TOPIC, bad(LETTERS)[:10])
    dlq(p, "purge", "--all", "--yes").communicate(timeout=30)
    check(letters(p)[0] == 0, "a purge left letters")
    p.run()
    check(letters(p)[0] == 10, f"letters after the purge: {letters(p)}")
    check_whole(p)


def old_by_now(p):
    """All events that the outbox has are older than `retention`."""
    newest_ns = p.outbox("select max(wall_ns) from event")[0][0]
    return time.time_ns() - newest_ns > 10**9


def what_leaves_the_outbox_was_delivered_though_vigil_is_killed():
    with vigil.MockBroker(f"{delivery.TOPIC}:2") as broker:
        c = delivery.config(broker, {}, retention={"events": "1s", "letters": "1s"})
        with vigil.Pipeline(c) as p:
            gone = 0
            for k in range(KILLS):
                delivery.feed(broker, k * STEP_S, STEP_S)
                with Live(p) as run:
                    until("all to be delivered", live.outbox_has(
                        p, "select coalesce(min(seq), 0) from cursor",
                        (k + 1) * STEP_S * delivery.PATIENTS))
                    until("old ones to leave", live.outbox_has(
                        p, "select coalesce(min(seq), 0) from event", gone + 1))
                    run.kill()
                gone = p.outbox("select min(seq) from event")[0][0]
                until("the rest to be old", lambda: old_by_now(p))
            live.check_no_mismatch(p.run())
            check(gone > STEP_S * delivery.PATIENTS, "few have left: little was tested")
            # A seq for each event, without gaps; and the newest never leaves.
            lines, newest = p.lines(), p.outbox("select max(seq) from event")[0][0]
            check(len(lines) == len(set(lines)) == newest,
                  f"{len(lines)} lines, {len(set(lines))} different, of {newest} events")
            check_whole(p)


if __name__ == "__main__":
    vigil.main(refused_events_survive_kills_and_arrive_when_they_are_tried_again,
               letters_are_tried_again_and_purged_though_both_sides_are_killed,
               what_leaves_the_outbox_was_delivered_though_vigil_is_killed)
