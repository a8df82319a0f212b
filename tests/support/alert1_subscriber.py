#!/usr/bin/python3
"""An independent subscriber of ALERT/1, written from docs/alert1.md alone.

It proves that it missed nothing: per ward, each event's prev_seq must be the seq before it, and
each heartbeat must end at the last seq received. Events go to standard output as NDJSON; the last
line is the verdict. Exit code 0: complete; 1: not; 69: never connected.
"""

import argparse
import json
import struct
import sys
import time
import uuid

import zmq

HEADER = struct.Struct(">4sBBHQQ16sq")
LINK_DOWN_S = 3.0
STALLED_MS = 5000
BEHIND_S = 0.5
REQUEST_TIMEOUT_S = 2.0
CREDIT = 500


class Ward:
    """What is known of one ward: everything up to `last` was received."""

    def __init__(self, last):
        self.last = last
        self.announced = 0  # by a heartbeat
        self.behind_since = None
        self.gap_to = 0  # newest live event that could not be taken yet


class Subscriber:
    def __init__(self, args):
        self.args = args
        context = zmq.Context.instance()
        self.sub = context.socket(zmq.SUB)
        self.sub.setsockopt(zmq.RCVHWM, args.hwm)
        self.sub.connect(args.publish)
        topic = f"alert/1/{args.ward}/" if args.ward else "alert/1/"
        self.sub.setsockopt(zmq.SUBSCRIBE, topic.encode())
        self.dealer = context.socket(zmq.DEALER)
        self.dealer.setsockopt(zmq.LINGER, 0)
        self.dealer.connect(args.control)
        self.poller = zmq.Poller()
        self.poller.register(self.sub, zmq.POLLIN)
        self.poller.register(self.dealer, zmq.POLLIN)

        self.outbox = None
        self.wards = {}
        self.base = args.after or 0
        self.synced = False
        self.resume = args.after is not None
        self.request = None  # (id, kind, ward, after), the only one that is open
        self.request_at = 0.0
        self.ids = 0
        self.seen = set()
        self.heartbeat_at = None
        self.closing = False
        self.conditions = set()
        self.count = {"live": 0, "replay": 0, "snapshot": 0}
        self.repeats = self.gaps = self.broken = 0

    def say(self, **line):
        print(json.dumps(line, separators=(",", ":")), flush=True)

    def condition(self, name, holds):
        if holds and name not in self.conditions:
            self.conditions.add(name)
            self.say(type="notice", notice=name)
        elif not holds and name in self.conditions:
            self.conditions.remove(name)
            self.say(type="notice", notice="no longer " + name)

    def ward(self, name):
        return self.wards.setdefault(name, Ward(self.base))

    def give(self, origin, seq, event):
        if event["event_id"] in self.seen:
            self.repeats += 1
            return
        self.seen.add(event["event_id"])
        self.count[origin] += 1
        self.say(type="event", seq=seq, origin=origin, event=event)

    # Control: one request at a time.

    def ask(self, kind, ward, after=0):
        self.ids += 1
        body = {"id": str(self.ids), "do": kind, "ward": ward}
        if kind == "replay":
            body.update(after=after, credit=CREDIT)
        self.request = (str(self.ids), kind, ward, after)
        self.request_at = time.monotonic()
        self.dealer.send(json.dumps(body).encode())

    def ask_if_needed(self):
        now = time.monotonic()
        if self.request and now - self.request_at < REQUEST_TIMEOUT_S:
            return
        self.request = None
        if not self.synced:
            if self.resume:
                self.ask("replay", self.args.ward, self.base)
            else:
                self.ask("snapshot", self.args.ward)
            return
        for name, w in self.wards.items():
            late = w.behind_since is not None and now - w.behind_since > BEHIND_S
            if w.gap_to > w.last or (w.announced > w.last and late):
                self.ask("replay", name, w.last)
                return

    def set_synced(self):
        self.synced = True
        self.say(type="notice", notice="synced")

    def on_reply(self, reply):
        if not self.request or reply.get("id") != self.request[0]:
            return
        self.request_at = time.monotonic()
        _, kind, ward, after = self.request
        if "error" in reply:
            self.say(type="notice", notice="refused", code=reply["error"])
            self.request_at = time.monotonic() - REQUEST_TIMEOUT_S + 0.5
        elif "event" in reply and kind == "snapshot":
            self.give("snapshot", None, reply["event"])
        elif "event" in reply:
            w = self.ward(reply["event"]["ward"])
            if reply["seq"] <= w.last:
                return
            if reply["prev_seq"] > w.last:
                self.broken += 1
            w.last = reply["seq"]
            self.give("replay", reply["seq"], reply["event"])
        elif reply.get("truncated"):
            self.broken += 1
            self.say(type="notice", notice="truncated", oldest=reply["oldest"])
            self.base = reply["oldest"] - 1
            for w in self.wards.values():
                w.last = max(w.last, self.base)
            self.request = None
        elif kind == "snapshot":
            self.outbox = uuid.UUID(reply["outbox"]).bytes
            self.base = reply["as_of"]
            for w in self.wards.values():
                w.last = self.base
            self.request = None
            self.set_synced()
        else:
            self.request = None
            if not self.synced:
                self.base = max(self.base, reply["next"])
                if reply["next"] >= reply["last"]:
                    # Wards that are heard of later start where this replay started.
                    self.base = self.args.after
                    self.set_synced()

    # Live.

    def on_outbox(self, outbox):
        if self.outbox is None:
            self.outbox = outbox
        elif outbox != self.outbox:
            self.say(type="notice", notice="new outbox")
            self.outbox = outbox
            self.wards.clear()
            self.base, self.synced, self.resume, self.request = 0, False, False, None

    def on_live(self, frames):
        topic, header, payload = frames[:3]
        magic, kind, encoding, flags, seq, prev_seq, outbox, _ = HEADER.unpack(header)
        assert magic == b"VGA1" and encoding == 0 and len(header) == 48
        name = topic.decode().split("/")[2]
        self.on_outbox(outbox)
        w = self.ward(name)
        body = json.loads(payload)
        if kind == 2:
            self.on_heartbeat(w, seq, body)
            return
        assert kind == 1 and body["ward"] == name
        if not self.synced:
            w.gap_to = max(w.gap_to, seq)
        elif seq <= w.last:
            self.repeats += 1
        elif prev_seq > w.last:
            if w.gap_to <= w.last:
                self.gaps += 1
            w.gap_to = seq
        else:
            w.last = seq
            self.give("live", seq, body)

    def on_heartbeat(self, w, seq, body):
        now = time.monotonic()
        self.heartbeat_at = now
        w.announced = seq
        if seq <= w.last:
            w.behind_since = None
        elif w.behind_since is None:
            w.behind_since = now
        ages = [s["wall_age_ms"] for s in body["shards"]]
        self.condition("stalled", bool(ages) and max(ages) > STALLED_MS)
        covered = {s["shard"] for s in body["shards"]}
        self.condition("not covered", any(p not in covered for p in range(body["partitions"])))
        self.closing = body["state"] == "closing"

    def complete(self):
        return self.synced and all(
            w.announced <= w.last and w.gap_to <= w.last for w in self.wards.values()
        )

    def run(self):
        started = time.monotonic()
        while True:
            for socket, _ in self.poller.poll(50):
                if socket is self.sub:
                    self.on_live(self.sub.recv_multipart())
                else:
                    self.on_reply(json.loads(self.dealer.recv()))
            self.ask_if_needed()
            now = time.monotonic()
            silent = now - (self.heartbeat_at or started)
            self.condition("link down", silent > LINK_DOWN_S)
            given = sum(self.count.values())
            if self.args.count and given >= self.args.count and self.complete():
                break
            if self.args.seconds and now - started > self.args.seconds:
                break
            if self.args.until_closing and self.closing and self.complete():
                break
            if self.closing and silent > LINK_DOWN_S:
                break
            if self.heartbeat_at is None and silent > self.args.timeout:
                break
        return self.verdict()

    def verdict(self):
        complete = self.complete() and self.broken == 0
        self.say(
            type="verdict",
            verdict="complete" if complete else "incomplete",
            events=sum(self.count.values()),
            **self.count,
            repeats=self.repeats,
            gaps=self.gaps,
            wards={n: [w.last, w.announced] for n, w in sorted(self.wards.items())},
        )
        if self.heartbeat_at is None:
            return 69
        return 0 if complete else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--publish", default="tcp://127.0.0.1:5557")
    parser.add_argument("--control", default="tcp://127.0.0.1:5558")
    parser.add_argument("--ward", default="", help="one ward; default: all")
    parser.add_argument("--after", type=int, help="replay after this seq first; default: snapshot")
    parser.add_argument("--count", type=int, default=0, help="end when so many events are complete")
    parser.add_argument("--seconds", type=float, default=0, help="end after so long")
    parser.add_argument("--until-closing", action="store_true", help="end with the pipeline")
    parser.add_argument("--timeout", type=float, default=10, help="seconds to the first heartbeat")
    parser.add_argument("--hwm", type=int, default=1000, help="messages the SUB socket holds")
    sys.exit(Subscriber(parser.parse_args()).run())


if __name__ == "__main__":
    main()
