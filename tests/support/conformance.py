"""A publisher of ALERT/1 that misbehaves as it is told: what a client must be proved against.

It speaks docs/alert1.md and nothing of Vigil. One thread answers requests and sends heartbeats; the
test's own thread says what happens. The live socket belongs to both, under a lock.
"""
import json
import struct
import threading
import time
import uuid

import zmq
from zmq.utils import z85

HEADER = struct.Struct(">4sBBHQQ16sq")
EVENT, HEARTBEAT = 1, 2
BEAT_S = 0.1
ZAP = "inproc://zeromq.zap.01"


class Publisher:
    """One endpoint. `keys`: (public, secret, set of the clients' public keys), for CURVE."""

    def __init__(self, publish, control, partitions=2, shards=(0, 1), keys=None):
        self.partitions, self.shards = partitions, set(shards)
        self.age_ms, self.state, self.reasons = 10, "running", []
        self.beating = True
        self.beaten = threading.Event()
        self.lock = threading.Lock()
        self.requests = []  # every request that came, as an object
        self.context = zmq.Context()
        self.allowed = None
        self.zap = None
        if keys:
            public, secret, self.allowed = keys
            self.zap = self.context.socket(zmq.REP)
            self.zap.bind(ZAP)
        self.pub, self.router = (self._bind(kind, address, keys) for kind, address in
                                 ((zmq.PUB, publish), (zmq.ROUTER, control)))
        self.publish, self.control = (s.last_endpoint.decode() for s in (self.pub, self.router))
        self._empty()
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._serve)

    def _bind(self, kind, address, keys):
        socket = self.context.socket(kind)
        socket.linger = 0
        socket.sndhwm = 10000
        if keys:
            socket.curve_server = True
            socket.curve_publickey, socket.curve_secretkey = (k.encode() for k in keys[:2])
            socket.zap_domain = b"conformance"
        socket.bind(address)
        return socket

    def _empty(self):
        self.outbox = uuid.uuid4()
        self.events = []  # (seq, prev_seq, ward, event, its bytes), all that are held
        self.forgotten = 0  # newest seq that is no longer held
        self.last = {"none": 0}

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()
        self.context.destroy(0)

    # What the test says.

    def emit(self, ward="icu-a", live=True, **members):
        """A new event; with live=False nobody hears of it but by heartbeat and replay."""
        with self.lock:
            return self._emit(ward, live, members)

    def _emit(self, ward, live, members):
        episode = members.pop("episode_id", None) or uuid.uuid4().hex
        seq = max(self.last.values()) + 1
        event = {"event_id": f"{episode}.{members.pop('number', 0)}", "episode_id": episode,
                 "phase": "start", "kind": "physiological", "priority": "high", "state": "active",
                 "signal": {"is": "enabled"}, "rule": "spo2_low", "title": "SpO2 below limit",
                 "text": "SpO2 86 % below 90 % \u00b7 \"so\"", "patient": "p-1", "bed": f"{ward}/07",
                 "ward": ward, "time": "2026-03-01T12:00:10.000Z",
                 "onset": "2026-03-01T12:00:00.000Z",
                 "hour": {"channel": "spo2", "unit": "%", "from": "2026-03-01T11:01:00.000Z",
                          "step_s": 60, "values": [97, None, 96.8, 1e-05]},
                 "config": "sha256:00", **members}
        body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        prev = self.last.get(ward, 0)
        self.events.append((seq, prev, ward, event, body))
        self.last[ward] = seq
        if live:
            self._send(EVENT, ward, seq, prev, body)
        return event

    def forget(self):
        """Retention: none of the events so far is held any longer; snapshots know them."""
        with self.lock:
            self.forgotten = max(self.last.values())

    def new_outbox(self, *events):
        """All that was is gone; the events (ward, members) are in the new one."""
        with self.lock:
            self._empty()
            return [self._emit(ward, False, dict(members)) for ward, members in events]

    def talk_rubbish(self, ward="icu-a"):
        """Messages that are none of the protocol, or of a later version: to be passed over."""
        topic = f"alert/1/{ward}/".encode()
        with self.lock:
            last = self.last[ward]
            header = HEADER.pack(b"VGA1", EVENT, 0, 0, last + 1, last, self.outbox.bytes, 0)
            later = HEADER.pack(b"VGA1", 9, 0, 0, last + 1, last, self.outbox.bytes, 0)
            beat = HEADER.pack(b"VGA1", HEARTBEAT, 0, 0, last, 0, self.outbox.bytes, 0)
            other = self.events[-1][4].replace(ward.encode(), b"icu-z")
            for frames in ([topic], [topic, header], [topic, header[:47], b"{}"],
                           [topic, b"VGA2" + header[4:], self.events[-1][4]], [topic, later, b"?"],
                           [topic, header, b"{"], [topic, header, b"\xff\xfe"], [topic, header, b"[1]"],
                           [topic, header, b'{"event_id":NaN}'], [topic, header, b"{}"],
                           [topic, header, other], [topic, header, b"[" * 100000],
                           [topic + b"x/", header, self.events[-1][4]], [topic, beat, b"{}"],
                           [topic, beat, b'{"pipeline":"x","state":"closing","partitions":-1,"shards":[]}']):
                self.pub.send_multipart(frames)

    def say(self, **what):
        """Changes what heartbeats say: beating, age_ms, shards, state, reasons."""
        with self.lock:
            vars(self).update(what)

    def breathe(self):
        """Returns after the next heartbeat: between many events, so that the thread gets its turn."""
        self.beaten.clear()
        self.beaten.wait(10)

    def asked(self):
        """Every request that came, without its id."""
        with self.lock:
            return [{k: v for k, v in r.items() if k != "id"} for r in self.requests]

    # The protocol.

    def _send(self, kind, ward, seq, prev, body):
        header = HEADER.pack(b"VGA1", kind, 0, 0, seq, prev, self.outbox.bytes, time.time_ns())
        self.pub.send_multipart([f"alert/1/{ward}/".encode(), header, body])

    def _beat(self):
        shards = [{"shard": s, "log_time": None, "wall_age_ms": self.age_ms}
                  for s in sorted(self.shards)]
        reasons = {"reasons": self.reasons} if self.reasons else {}
        body = json.dumps({"pipeline": "conformance", "version": "0", "state": self.state, **reasons,
                           "partitions": self.partitions, "active": 0, "shards": shards}).encode()
        for ward, seq in self.last.items():
            self._send(HEARTBEAT, ward, seq, 0, body)
        self.beaten.set()

    def _serve(self):
        poller = zmq.Poller()
        for socket in filter(None, (self.router, self.zap)):
            poller.register(socket, zmq.POLLIN)
        beat_at = 0.0
        while not self.stopped.is_set():
            ready = dict(poller.poll(20))
            with self.lock:
                if self.zap in ready:
                    self._admit()
                if self.router in ready:
                    self._answer(*self.router.recv_multipart())
                if self.beating and time.monotonic() >= beat_at:
                    beat_at = time.monotonic() + BEAT_S
                    self._beat()

    def _admit(self):
        version, request, _, _, _, mechanism, *credentials = self.zap.recv_multipart()
        known = mechanism == b"CURVE" and z85.encode(credentials[0]) in self.allowed
        code, text = (b"200", b"OK") if known else (b"400", b"not known")
        self.zap.send_multipart([version, request, code, text, b"", b""])

    def _answer(self, peer, frame):
        request = json.loads(frame)
        self.requests.append(request)
        begin = b'{"id":' + json.dumps(request["id"]).encode()

        def send(**members):
            body = json.dumps(members).encode()[1:]
            self.router.send_multipart([peer, begin + b"," + body])

        def send_event(seq, prev, body):
            place = b',"seq":%d,"prev_seq":%d' % (seq, prev) if seq else b""
            self.router.send_multipart([peer, begin + place + b',"event":' + body + b"}"])

        ward = request.get("ward", "")
        if request["do"] in ("snapshot", "replay") and ward and ward not in self.last:
            send(error="unknown_ward", message=f"no ward {ward}")
        elif request["do"] == "snapshot":
            newest = {e[3]["episode_id"]: e for e in self.events if ward in ("", e[2])}
            for _, _, _, event, body in newest.values():
                if event["phase"] != "end":
                    send_event(0, 0, body)
            send(done=True, as_of=max(self.last.values()), outbox=str(self.outbox))
        elif request["do"] == "replay":
            self._replay(request, ward, send, send_event)
        elif request["do"] == "acknowledge":
            self._acknowledge(request, send)
        elif request["do"] in ("confirm", "command"):
            send(ok=True)
        else:
            send(error="unknown_request", message="no such request")

    def _replay(self, request, ward, send, send_event):
        after = request["after"]
        if after < self.forgotten:
            send(truncated=True, oldest=self.forgotten + 1)
            return
        first = max(after - self.events[0][0] + 1, 0) if self.events else 0
        found = []
        for event in self.events[first:]:  # seq has no holes here
            if len(found) == request["credit"]:
                break
            if ward in ("", event[2]):
                found.append(event)
        for seq, prev, _, _, body in found:
            send_event(seq, prev, body)
        last = self.last[ward] if ward else max(self.last.values())
        send(done=True, next=found[-1][0] if found else max(after, last), last=last)

    def _acknowledge(self, request, send):
        of = [e for e in self.events if e[3]["episode_id"] == request["episode"]]
        if not of:
            send(error="unknown_episode", message="no such episode")
            return
        if all(e[3]["phase"] != "acknowledge" for e in of):
            self._emit(of[0][2], True, {"episode_id": request["episode"], "phase": "acknowledge",
                                        "number": len(of), "acknowledged_by": request["by"]})
        send(ok=True)
