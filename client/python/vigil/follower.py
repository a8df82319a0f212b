"""What is known of one endpoint, and what to ask it: ALERT/1 without sockets.

One rule keeps every ward in order and complete, whether an event comes live or by replay: with
`last` the newest seq given out, an event with seq <= last is a repeat, one with prev_seq > last
shows a gap, any other is the next. Events behind a gap are not kept: the pipeline's outbox has them,
and the replay that fills the gap brings them too.

A Scope is what is asked for by one request: one subscribed ward, or all of them ("").
Times are time.monotonic(), in seconds.
"""

import json
from enum import Enum
from typing import Any, Callable, Deque, Dict, List, Optional, Sequence, Tuple, Union

from . import wire
from .items import Alert, Item, Notice, NoticeKind, Origin, Position, Reply, Stats
from .seen import Seen

LINK_DOWN_S = 3.0
STALLED_MS = 5000
BEHIND_S = 0.5
REQUEST_TIMEOUT_S = 2.0
RETRY_S = 0.5
REPLY_TIMEOUT_S = 10.0
CONFIRM_S = 1.0
CLOSING_ROUND_S = 1.0  # heartbeats of all wards are sent together
CREDIT = 500
WARDS_MAX = 4096

Send = Callable[[bytes], bool]


class Phase(Enum):
    SNAPSHOT = 1
    REPLAY = 2
    LIVE = 3


class Scope:
    def __init__(self, ward: str, resume: bool, after: int) -> None:
        self.ward = ward
        self.phase = Phase.REPLAY if resume else Phase.SNAPSHOT
        self.base = self.cursor = after  # wards that appear later start at base
        self.request = 0  # id of the one that is not answered yet
        self.progress = False  # it gave out an event
        self.torn = False  # one of its answers was lost: what is behind has to be asked for again
        self.unreadable = 0  # newest seq that a replay brought and nobody could read
        self.heard = 0.0  # last sign of it
        self.not_before = 0.0
        self.refused = False  # and said so
        self.has_gap = False


class Ward:
    def __init__(self, name: str, scope: Scope) -> None:
        self.name, self.scope = name, scope
        self.last = scope.base  # newest seq given out, or known to be in the snapshot
        self.missed = 0  # newest seq of a live event that had to wait for a replay
        self.announced = 0  # by a heartbeat
        self.behind_since: Optional[float] = None
        self.heartbeat_at: Optional[float] = None
        self.closing = False
        # Complete up to here, and what the next heartbeat will show to be.
        self.proved = self.candidate = scope.base

    def advance(self, seq: int) -> None:
        self.last = seq
        if self.announced <= seq:
            self.behind_since = None

    def is_behind(self, now: float) -> bool:
        late = self.behind_since is not None and now - self.behind_since >= BEHIND_S
        return self.missed > self.last or (self.announced > self.last and late)


class Order:
    """An acknowledgement or a command that is not answered yet."""

    def __init__(self, request: bytes, deadline: float) -> None:
        self.request: Optional[bytes] = request  # None once it is sent
        self.deadline = deadline


class Follower:
    """Give it what arrives and the time; it queues items and sends requests."""

    def __init__(
        self,
        index: int,
        name: str,
        wards: Sequence[str],
        after: Union[Position, int, None],
        subscriber: Optional[str],
        send: Send,
        items: Deque[Item],
        seen: Seen,
        stats: Stats,
        now: float,
    ) -> None:
        self.index, self.name, self.subscriber = index, name, subscriber
        self.send, self.items, self.seen, self.stats = send, items, seen, stats
        self.outbox = after.outbox if isinstance(after, Position) else None
        seq = after.seq if isinstance(after, Position) else after or 0
        self.all_wards = not wards
        self.scopes = [Scope(ward, after is not None, seq) for ward in wards or [""]]
        self.wards = {s.ward: Ward(s.ward, s) for s in self.scopes if s.ward}
        self.next_id = 1
        self.orders: Dict[int, Order] = {}
        self.highest = 0  # seq seen live
        self.heartbeat: Optional[wire.Heartbeat] = None
        self.heartbeat_at: Optional[float] = None
        self.closing_since: Optional[float] = None
        self.started = self.drained_at = now  # drained: the SUB socket was seen empty
        self.link_is_up: Optional[bool] = None
        self.key_refused = self.stalled = False
        self.confirmed_at = now

    def notify(self, kind: NoticeKind, text: str, shard: Optional[int] = None) -> None:
        self.items.append(Notice(self.index, kind, text, shard))

    # ---- requests ----

    def drive(self, scope: Scope, now: float) -> None:
        """Asks for what the scope needs, if it needs something and nothing is on its way."""
        waiting = scope.request and now - scope.heard < REQUEST_TIMEOUT_S
        if waiting or now < scope.not_before:
            return
        if scope.phase is not Phase.LIVE:
            self._ask(scope, scope.ward, now)
            return
        scope.request = 0
        gap = next((w for w in self.wards.values() if w.scope is scope and w.is_behind(now)), None)
        self.stats.gaps += gap is not None and not scope.has_gap
        scope.has_gap = gap is not None
        if gap:
            scope.cursor = gap.last
            self._ask(scope, gap.name, now)

    def _ask(self, scope: Scope, ward: str, now: float) -> None:
        request: Dict[str, Any] = {"do": "snapshot", "ward": ward}
        if scope.phase is not Phase.SNAPSHOT:
            request.update(do="replay", after=scope.cursor, credit=CREDIT)
        scope.request, body = self._number(request)
        if not self.send(body):
            scope.request = 0
            return
        scope.progress, scope.torn, scope.heard = False, False, now

    def _number(self, request: Dict[str, Any]) -> Tuple[int, bytes]:
        number = self.next_id
        self.next_id += 1
        body = json.dumps({"id": str(number), **request}, ensure_ascii=False)
        return number, body.encode()

    def order(self, request: Dict[str, Any], now: float) -> int:
        ticket, body = self._number(request)
        self.orders[ticket] = Order(body, now + REPLY_TIMEOUT_S)
        self._send_orders(now)
        return ticket

    def _send_orders(self, now: float) -> None:
        for ticket, order in list(self.orders.items()):
            if order.request and self.send(order.request):
                order.request = None
            if now >= order.deadline:
                del self.orders[ticket]
                message = "the pipeline did not answer within 10 s"
                self.items.append(Reply(self.index, ticket, False, "timeout", message))

    # ---- live ----

    def on_published(self, frames: List[bytes], now: float) -> None:
        try:
            if len(frames) < 3:
                raise wire.Malformed("fewer than three frames")
            name, header = wire.topic_ward(frames[0]), wire.header(frames[1])
            if header.kind == wire.HEARTBEAT:
                heartbeat = wire.heartbeat(frames[2])
            elif header.kind == wire.EVENT:
                event = wire.event(frames[2])
                if event["ward"] != name:
                    raise wire.Malformed("the topic has another ward")
            else:
                return  # of a later version
        except wire.Malformed:
            self.stats.malformed += 1
            return
        self._check_outbox(header.outbox)
        self.highest = max(self.highest, header.seq)
        ward = self._ward(name)
        if header.kind == wire.HEARTBEAT:
            self._take_heartbeat(ward, header.seq, heartbeat, now)
        elif ward:
            self._take_live(ward, header, event, now)

    def _ward(self, name: str) -> Optional[Ward]:
        """None when it is none of ours."""
        if name not in self.wards and self.all_wards and len(self.wards) < WARDS_MAX:
            self.wards[name] = Ward(name, self.scopes[0])
        return self.wards.get(name)

    def _check_outbox(self, outbox: str) -> None:
        if self.outbox is None:
            self.outbox = outbox
        elif outbox != self.outbox:
            self.outbox = outbox
            self._start_anew()

    def _start_anew(self) -> None:
        """Another outbox counts anew: nothing that is known of the old one holds."""
        self.highest = 0
        for scope in self.scopes:
            scope.phase = Phase.SNAPSHOT
            scope.base = scope.cursor = scope.request = scope.unreadable = 0
            scope.not_before = 0.0
        for w in self.wards.values():
            w.last = w.missed = w.announced = w.proved = w.candidate = 0
            w.behind_since = None
        self.notify("new_outbox", f"the pipeline at {self.name} has another outbox: asking for a snapshot")

    def _take_live(self, w: Ward, header: wire.Header, event: Dict[str, Any], now: float) -> None:
        if w.scope.phase is not Phase.LIVE:
            w.missed = max(w.missed, header.seq)
        elif header.seq <= w.last:
            self.stats.duplicates += 1
        elif header.prev_seq > w.last:
            w.missed = header.seq
            self.drive(w.scope, now)
        else:
            w.advance(header.seq)
            self._give("live", header.seq, header.prev_seq, event, header)

    def _give(
        self,
        origin: Origin,
        seq: Optional[int],
        prev_seq: Optional[int],
        event: Any,
        header: Optional[wire.Header] = None,
    ) -> None:
        """Gives the event out, unless it was before."""
        if not self.seen.add(event["event_id"]):
            self.stats.duplicates += 1
            return
        self.stats.events += 1
        self.stats.replayed += origin == "replay"
        repeat = header is not None and header.repeat
        published_ns = header.published_ns if header else None
        self.items.append(Alert(self.index, origin, seq, prev_seq, repeat, published_ns, event))

    def _take_heartbeat(
        self, w: Optional[Ward], seq: int, fresh: wire.Heartbeat, now: float
    ) -> None:
        self.heartbeat_at = now
        closing = fresh.state == "closing"
        if not closing:
            self.closing_since = None
        elif self.closing_since is None:
            self.closing_since = now
        if w:
            self._take_announcement(w, seq, closing, now)
        self._note_state(fresh)
        self.heartbeat = fresh
        self._note_age(fresh)

    def _take_announcement(self, w: Ward, seq: int, closing: bool, now: float) -> None:
        w.heartbeat_at, w.closing, w.announced = now, closing, seq
        if seq > w.last:
            if w.behind_since is None:
                w.behind_since = now
            return
        w.behind_since = None
        # One heartbeat later, so that a ward that is still unknown had its own in between.
        w.proved = max(w.proved, w.candidate)
        w.candidate = self.highest

    def _note_state(self, fresh: wire.Heartbeat) -> None:
        before = (self.heartbeat.state, self.heartbeat.reasons) if self.heartbeat else ("running", ())
        if before != (fresh.state, fresh.reasons):
            reasons = f": {'; '.join(fresh.reasons)}" if fresh.reasons else ""
            self.notify("state", f"the pipeline at {self.name} is {fresh.state}{reasons}")

    def _note_age(self, fresh: wire.Heartbeat) -> None:
        stalled = fresh.oldest_ms > STALLED_MS
        if stalled and not self.stalled:
            text = (
                f"STALLED: shard {fresh.oldest_shard} of {self.name} has not moved for "
                f"{fresh.oldest_ms / 1000:.1f} s, alerts may not be raised"
            )
            self.notify("stalled", text, fresh.oldest_shard)
        elif self.stalled and not stalled:
            self.notify("moving", f"all shards of {self.name} move again")
        self.stalled = stalled

    # ---- replies ----

    def on_reply(self, frame: bytes, now: float) -> None:
        try:
            number, reply = wire.reply(frame)
            scope = next((s for s in self.scopes if s.request == number), None)
            if scope:
                scope.heard = now
                self._take_answer(scope, reply, now)
            elif self.orders.pop(number, None):
                self._take_ordered(number, reply)
            # else of a request that was given up, or a confirmation
        except wire.Malformed:
            self.stats.malformed += 1

    def _take_ordered(self, ticket: int, reply: Dict[str, Any]) -> None:
        ok = reply.get("ok") is True
        code = "" if ok else str(reply.get("error", ""))
        message = "" if ok else str(reply.get("message", ""))
        self.items.append(Reply(self.index, ticket, ok, code, message))

    def _take_answer(self, scope: Scope, reply: Dict[str, Any], now: float) -> None:
        if "error" in reply:
            self._take_refusal(scope, reply, now)
        elif "event" in reply:
            self._take_stored(scope, reply)
        elif reply.get("truncated") is True:
            self._skip_history(scope, wire.number(reply, "oldest"), now)
        elif reply.get("done") is True:
            self._finish(scope, reply, now)

    def _take_refusal(self, scope: Scope, reply: Dict[str, Any], now: float) -> None:
        busy = reply["error"] == "busy"
        scope.request = 0
        scope.not_before = now + (RETRY_S if busy else REQUEST_TIMEOUT_S)
        if busy or scope.refused:
            return
        scope.refused = True
        what = f"ward {scope.ward}" if scope.ward else "all wards"
        why = f"{reply['error']}: {reply.get('message', '')}"
        self.notify("refused", f"the pipeline at {self.name} refuses {what}: {why}")

    def _take_stored(self, scope: Scope, reply: Dict[str, Any]) -> None:
        """An event in a reply; one that cannot be read must not stop those behind it."""
        if scope.phase is not Phase.SNAPSHOT:
            self._take_replayed(scope, reply)
            return
        event = self._read_stored(reply, 0)
        if event:
            self._give("snapshot", None, None, event)

    def _read_stored(self, reply: Dict[str, Any], seq: int) -> Optional[Dict[str, Any]]:
        try:
            return wire.check_event(reply["event"])
        except wire.Malformed:
            self.stats.malformed += 1
            self.notify("unreadable", f"event {seq} of {self.name} cannot be understood")
            return None

    def _take_replayed(self, scope: Scope, reply: Dict[str, Any]) -> None:
        if scope.torn:
            return
        seq, prev_seq = wire.number(reply, "seq"), wire.number(reply, "prev_seq")
        event = self._read_stored(reply, seq)
        w = self._ward(event["ward"]) if event else None
        if w and prev_seq > w.last and prev_seq > scope.unreadable:
            scope.torn = True  # a pipeline drops answers that are not taken in time
            self.stats.gaps += 1
            return
        scope.cursor = max(scope.cursor, seq)
        if not event:
            scope.unreadable = max(scope.unreadable, seq)
        if w and event and seq > w.last:
            w.advance(seq)
            scope.progress = True
            self._give("replay", seq, prev_seq, event)

    def _finish(self, scope: Scope, reply: Dict[str, Any], now: float) -> None:
        was_live = scope.phase is Phase.LIVE
        scope.request = 0
        if scope.phase is Phase.SNAPSHOT:
            self._finish_snapshot(scope, reply)
        else:
            self._finish_replay(scope, wire.number(reply, "next"), wire.number(reply, "last"), now)
        if was_live and not scope.progress:  # a gap that is still there: not at once again
            scope.not_before = now + RETRY_S
        self.drive(scope, now)

    def _finish_snapshot(self, scope: Scope, reply: Dict[str, Any]) -> None:
        as_of = wire.number(reply, "as_of")
        self._check_outbox(wire.outbox(reply))
        scope.base = as_of
        for w in self.wards.values():
            if w.scope is scope:
                w.advance(as_of)
                w.proved = w.candidate = as_of
        self._set_live(scope)

    def _finish_replay(self, scope: Scope, after: int, last: int, now: float) -> None:
        first = scope.phase is Phase.REPLAY
        if first and last < scope.cursor and not scope.ward:
            # The position that the caller gave counts in an outbox that is gone. (The last event
            # of a single ward may well be before it.)
            self._start_anew()
            return
        if first and not scope.torn:
            scope.cursor = max(scope.cursor, after)
            if after >= last:
                self._set_live(scope)
        if not scope.progress and (scope.torn or after < last):
            scope.not_before = now + RETRY_S

    def _set_live(self, scope: Scope) -> None:
        scope.phase = Phase.LIVE
        what = f"ward {scope.ward}" if scope.ward else "all wards"
        self.notify("synced", f"in step with {self.name}, {what}")

    def _skip_history(self, scope: Scope, oldest: int, now: float) -> None:
        """Retention was faster than this subscriber."""
        self.notify(
            "history_lost",
            f"the pipeline at {self.name} no longer holds the events after {scope.cursor}; the "
            f"oldest is {oldest}",
        )
        scope.request = 0
        if scope.phase is Phase.LIVE:
            scope.phase = Phase.SNAPSHOT
        else:
            scope.cursor = scope.base = max(oldest - 1, 0)
            for w in self.wards.values():
                if w.scope is scope and w.last < scope.base:
                    w.advance(scope.base)
        self.drive(scope, now)

    # ---- time ----

    def on_tick(self, now: float) -> None:
        self._send_orders(now)
        self._watch_link()
        for scope in self.scopes:
            self.drive(scope, now)
        self._confirm(now)

    def on_key_refused(self) -> None:
        if self.key_refused:
            return
        self.key_refused = True
        self.notify(
            "refused",
            f"the pipeline at {self.name} turns this client's key away: is its .pub in the folder of "
            "keys, with the role read and these wards?",
        )

    def _heard(self) -> Tuple[float, bool]:
        """When the link was last known to be good, and whether all that is subscribed was heard."""
        heard = [self.heartbeat_at] if self.all_wards else [w.heartbeat_at for w in self.wards.values()]
        return max(min(h or 0.0 for h in heard), self.started), None not in heard

    def goes_silent(self) -> bool:
        """Whether the next tick will call the link down. Heartbeats that wait in the socket count: a
        program that was stopped itself must not call the pipeline dead. So it is about the time when
        the socket was last empty."""
        return self.link_is_up is not False and self.drained_at - self._heard()[0] > LINK_DOWN_S

    def _watch_link(self) -> None:
        good, everything = self._heard()
        silent = self.drained_at - good
        if self.goes_silent():
            self.link_is_up = False
            self.notify(
                "link_down",
                f"LINK DOWN: no heartbeat from {self.name} for {silent:.1f} s, alerts may not arrive",
            )
        elif not self.link_is_up and silent <= LINK_DOWN_S and everything:
            self.link_is_up, self.key_refused = True, False
            pipeline = self.heartbeat.pipeline if self.heartbeat else ""
            self.notify("link_up", f"link to {self.name} is up (pipeline {pipeline})")

    def _confirm(self, now: float) -> None:
        if not self.subscriber or now - self.confirmed_at < CONFIRM_S:
            return
        self.confirmed_at = now
        for w in self.wards.values():
            if w.scope.phase is Phase.LIVE:
                request = {"do": "confirm", "subscriber": self.subscriber, "ward": w.name}
                self.send(self._number({**request, "seq": w.last})[1])

    # ---- questions ----

    def position(self) -> Optional[Position]:
        """None while the first snapshot or replay is not complete."""
        if self.outbox is None or any(s.phase is not Phase.LIVE for s in self.scopes):
            return None
        # Of a ward that nobody has heard of yet, `last` of another one proves nothing.
        complete = [w.proved if self.all_wards else max(w.proved, w.last) for w in self.wards.values()]
        return Position(self.outbox, min(complete, default=self.scopes[0].base))

    def is_complete(self) -> bool:
        live = all(s.phase is Phase.LIVE for s in self.scopes)
        return live and all(
            w.missed <= w.last and w.announced <= w.last for w in self.wards.values()
        )

    def is_closing(self, now: float) -> bool:
        """Heartbeats come by ward: until each has said it, a ward may still announce what is
        missing. One that is silent, because the pipeline has forgotten it, is not waited for."""
        if self.closing_since is None:
            return False
        said = all(w.closing for w in self.wards.values())
        return said or now - self.closing_since >= CLOSING_ROUND_S
