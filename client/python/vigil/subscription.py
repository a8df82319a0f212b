"""subscribe(): the sockets, the loops (plain and asyncio), and what concerns several endpoints.

A Subscription belongs to one thread or one event loop; nothing is global, not even the ZeroMQ
context. There is no thread behind it: notices are only as timely as the caller asks for items.
"""

import asyncio
import time
import uuid
from collections import deque
from dataclasses import dataclass
from typing import Any, AsyncIterator, Deque, Dict, Iterator, List, Optional, Sequence, Union

import zmq

from . import wire
from .follower import Follower
from .items import Alert, Item, Position, Stats
from .keys import Keys
from .seen import Seen

TICK_S = 0.05
TURN = 1000  # messages without an item that are worked off in one go
NOT_COVERED_S = 1.5  # a shard that moves is shown by neither instance until both have sent a heartbeat
RECONNECT_S = 5.0
CERTAIN_MS = 100
RECEIVE_HWM = 20000
MESSAGE_MAX = 1 << 20

After = Union[Position, int, None]


@dataclass(frozen=True)
class Endpoint:
    """One pipeline, or one of the instances that share a pipeline's input.

    after: None begins with a snapshot of the open episodes; a Position, or a seq (0: all that the
    pipeline holds), with a replay of everything after it.
    """

    publish: str  # what the ZeroMQ sink calls `publish`
    control: str
    keys: Optional[Keys] = None
    after: After = None


class _Connection:
    """The two sockets of an endpoint, and what is known of it."""

    def __init__(self, context: "zmq.Context[Any]", endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.follower: Follower  # set by the Subscription
        self.sub = _socket(context, zmq.SUB, endpoint)
        self.dealer = _socket(context, zmq.DEALER, endpoint)
        self.monitor = None
        if endpoint.keys:
            self.monitor = self.sub.get_monitor_socket(int(zmq.Event.HANDSHAKE_FAILED_AUTH))
        self.sub.connect(endpoint.publish)
        self.dealer.connect(endpoint.control)
        self.connected_at = time.monotonic()
        self.not_covered = False
        self.uncovered_since: Optional[float] = None

    def send(self, body: bytes) -> bool:
        try:
            self.dealer.send(body, zmq.DONTWAIT)
        except zmq.Again:
            return False
        return True

    def receive(self) -> bool:
        """One message of each socket at most; false when there was none."""
        now = time.monotonic()
        try:
            self.follower.on_published(self.sub.recv_multipart(zmq.DONTWAIT), now)
            any_message = True
        except zmq.Again:
            self.follower.drained_at = now
            any_message = False
        try:
            self.follower.on_reply(self.dealer.recv_multipart(zmq.DONTWAIT)[0], now)
        except zmq.Again:
            return any_message
        return True

    def tick(self, now: float) -> None:
        while self.monitor and self.monitor.poll(0):
            self.monitor.recv_multipart()
            self.follower.on_key_refused()
        # ZeroMQ's thread may have been stopped with this one, and not be back yet.
        if self.follower.goes_silent() and self.sub.poll(CERTAIN_MS):
            return
        # Something in between may be stuck that the kernel takes for alive: begin anew.
        if self.follower.link_is_up is False and now - self.connected_at >= RECONNECT_S:
            self.connected_at = now
            self.sub.disconnect(self.endpoint.publish)
            self.sub.connect(self.endpoint.publish)
            self.dealer.disconnect(self.endpoint.control)
            self.dealer.connect(self.endpoint.control)
        self.follower.on_tick(now)


def _socket(context: "zmq.Context[Any]", kind: int, endpoint: Endpoint) -> "zmq.Socket[Any]":
    socket: "zmq.Socket[Any]" = context.socket(kind)
    # A network that swallows packets is noticed by the kernel's probes. Not by ZMQ_HEARTBEAT: a
    # socket that is full reads no pings and is taken for dead (docs/alert1.md, step 7).
    for option, value in (
        (zmq.LINGER, 0),
        (zmq.IPV6, 1),
        (zmq.RCVHWM, RECEIVE_HWM),
        (zmq.RECONNECT_IVL, 100),
        (zmq.RECONNECT_IVL_MAX, 1000),
        (zmq.CONNECT_TIMEOUT, 3000),
        (zmq.TCP_KEEPALIVE, 1),
        (zmq.TCP_KEEPALIVE_IDLE, 1),
        (zmq.TCP_KEEPALIVE_INTVL, 1),
        (zmq.TCP_KEEPALIVE_CNT, 3),
        (zmq.TCP_MAXRT, 4000),
        # Requests must not wait in a queue for a pipeline that is away: they are asked anew.
        (zmq.IMMEDIATE, int(kind == zmq.DEALER)),
        (zmq.MAXMSGSIZE, MESSAGE_MAX),
    ):
        socket.setsockopt(option, value)
    if endpoint.keys:
        socket.setsockopt(zmq.CURVE_SERVERKEY, endpoint.keys.server.encode())
        socket.setsockopt(zmq.CURVE_PUBLICKEY, endpoint.keys.public.encode())
        socket.setsockopt(zmq.CURVE_SECRETKEY, endpoint.keys.secret.encode())
    return socket


class Subscription:
    """An iterator, plain or asynchronous, that ends when it is closed. See subscribe()."""

    def __init__(
        self, endpoints: Sequence[Endpoint], wards: Sequence[str], subscriber: Optional[str]
    ) -> None:
        if not endpoints:
            raise ValueError("no endpoint to connect to")
        for ward in wards:
            if not wire.is_ward(ward):
                raise ValueError(f"{ward!r} is not a ward: expected 1 to 32 of a-z, 0-9 and -")
        if subscriber is not None and not wire.is_ward(subscriber):
            raise ValueError("the subscriber's name needs 1 to 32 of a-z, 0-9 and -")
        self.stats = Stats()
        self._items: Deque[Item] = deque()
        self._closed = False
        self._ticked_at = 0.0
        self._context: "zmq.Context[Any]" = zmq.Context()
        self._connections: List[_Connection] = []
        self._poller = zmq.Poller()
        try:
            self._connect(endpoints, wards, subscriber)
        except zmq.ZMQError as why:
            self.close()
            raise ValueError(f"cannot connect: {why}") from why

    def _connect(
        self, endpoints: Sequence[Endpoint], wards: Sequence[str], subscriber: Optional[str]
    ) -> None:
        seen, now = Seen(), time.monotonic()
        for i, endpoint in enumerate(endpoints):
            c = _Connection(self._context, endpoint)
            c.follower = Follower(
                i, endpoint.publish, wards, endpoint.after, subscriber, c.send, self._items, seen,
                self.stats, now,
            )  # fmt: skip
            for ward in wards or [""]:
                c.sub.subscribe(f"alert/1/{ward}/" if ward else "alert/1/")
            self._poller.register(c.sub, zmq.POLLIN)
            self._poller.register(c.dealer, zmq.POLLIN)
            self._connections.append(c)

    # ---- items ----

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        item = self.receive()
        if item is None:
            raise StopIteration
        return item

    def receive(self, timeout_s: Optional[float] = None) -> Optional[Item]:
        """The next item; None when the time is over, or the subscription is closed."""
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._work():
            now = time.monotonic()
            if self._closed or (end is not None and now >= end):
                return None
            wait = TICK_S if end is None else min(TICK_S, end - now)
            self._poller.poll(int(wait * 1000) + 1)
        return self._items.popleft()

    def __aiter__(self) -> AsyncIterator[Item]:
        return self

    async def __anext__(self) -> Item:
        item = await self.receive_async()
        if item is None:
            raise StopAsyncIteration
        return item

    async def receive_async(self, timeout_s: Optional[float] = None) -> Optional[Item]:
        """receive() for a coroutine: others run while it waits."""
        loop, ready = asyncio.get_running_loop(), asyncio.Event()
        end = None if timeout_s is None else time.monotonic() + timeout_s
        await asyncio.sleep(0)  # others run between items too, when there are many
        if self._work():
            return self._items.popleft()
        watched = [int(s.FD) for c in self._connections for s in (c.sub, c.dealer)]
        try:
            for fd in watched:
                loop.add_reader(fd, ready.set)
            while not self._work():
                now = time.monotonic()
                if self._closed or (end is not None and now >= end):
                    return None
                await self._wait(ready, TICK_S if end is None else min(TICK_S, end - now))
        finally:
            for fd in watched:
                loop.remove_reader(fd)
        return self._items.popleft()

    async def _wait(self, ready: asyncio.Event, seconds: float) -> None:
        # The descriptor tells of a change, which a request that was sent may have used up already.
        if self._poller.poll(0):
            await asyncio.sleep(0)
            return
        ready.clear()
        try:
            await asyncio.wait_for(ready.wait(), seconds)
        except asyncio.TimeoutError:
            pass

    def _work(self) -> bool:
        """Works off what has arrived until there is an item; false when there is none (yet)."""
        for _ in range(TURN):
            if self._items or self._closed:
                break
            any_message = False
            for c in self._connections:
                any_message |= c.receive()
            now = time.monotonic()
            if now - self._ticked_at >= TICK_S:
                self._ticked_at = now
                self._tick(now)
            if not any_message:
                break
        return bool(self._items)

    def _tick(self, now: float) -> None:
        for c in self._connections:
            c.tick(now)
        for c in self._connections:
            self._watch_coverage(c, now)

    # ---- several endpoints ----

    def _instances(self, pipeline: str) -> List[_Connection]:
        return [
            c for c in self._connections
            if c.follower.heartbeat and c.follower.heartbeat.pipeline == pipeline
        ]  # fmt: skip

    def _uncovered(self, c: _Connection) -> Optional[int]:
        """The first partition that no reachable instance has. When none is reachable, "link down"
        has said it all. The first endpoint of a pipeline speaks for all."""
        if c.follower.heartbeat is None:
            return None
        instances = self._instances(c.follower.heartbeat.pipeline)
        if instances[0] is not c:
            return None
        beats = [
            i.follower.heartbeat for i in instances
            if i.follower.link_is_up and i.follower.heartbeat
        ]  # fmt: skip
        covered = frozenset[int]().union(*(b.shards for b in beats)) if beats else frozenset()
        partitions = max((b.partitions for b in beats), default=0)
        return next((p for p in range(partitions) if p not in covered), None)

    def _watch_coverage(self, c: _Connection, now: float) -> None:
        shard = self._uncovered(c)
        pipeline = c.follower.heartbeat.pipeline if c.follower.heartbeat else ""
        if shard is None:
            c.uncovered_since = None
            if c.not_covered:
                c.follower.notify("covered", f"every partition of pipeline {pipeline} is processed again")
            c.not_covered = False
            return
        if c.uncovered_since is None:
            c.uncovered_since = now
        if not c.not_covered and now - c.uncovered_since >= NOT_COVERED_S:
            c.not_covered = True
            text = f"NOT COVERED: no instance of pipeline {pipeline} processes partition {shard}"
            c.follower.notify("not_covered", text, shard)

    # ---- requests ----

    def acknowledge(
        self, alert: Union[Alert, str], *, by: str, note: str = "", endpoint: int = 0
    ) -> int:
        """Says that `by` takes care of the alert (or episode of `endpoint`). A Reply with the ticket
        that this returns comes in the stream within 10 s. Asking twice is harmless."""
        request = {"do": "acknowledge", "episode": _episode(alert), "by": by}
        return self._order(alert, endpoint, {**request, "note": note} if note else request)

    def snooze(
        self,
        alert: Union[Alert, str],
        *,
        by: str,
        for_s: int,
        note: str = "",
        key: str = "",
        endpoint: int = 0,
    ) -> int:
        """Pauses the audio of an alert, as a command."""
        command = {"do": "snooze", "episode": _episode(alert), "by": by, "for_s": for_s}
        where = alert.endpoint if isinstance(alert, Alert) else endpoint
        return self.command({**command, "note": note} if note else command, key=key, endpoint=where)

    def command(
        self,
        command: Dict[str, Any],
        *,
        key: str = "",
        command_id: Optional[str] = None,
        endpoint: int = 0,
    ) -> int:
        """Gives a command of docs/alert1.md. `key` is the text of the file command.key, not needed
        with CURVE; under the same command_id (default: a new one) it is obeyed once."""
        name = command_id or uuid.uuid4().hex
        request = {"do": "command", "command_id": name, "key": key, "command": command}
        return self._order("", endpoint, request)

    def _order(self, alert: Union[Alert, str], endpoint: int, request: Dict[str, Any]) -> int:
        where = alert.endpoint if isinstance(alert, Alert) else endpoint
        return self._connections[where].follower.order(request, time.monotonic())

    # ---- questions ----

    def position(self, endpoint: int = 0) -> Optional[Position]:
        """Where to resume: every event of the endpoint up to it was given out. None while the first
        snapshot or replay is not complete."""
        position = self._connections[endpoint].follower.position()
        waiting = [
            i.seq for i in self._items
            if isinstance(i, Alert) and i.endpoint == endpoint and i.seq is not None
        ]  # fmt: skip
        if position and waiting:
            return position._replace(seq=min(position.seq, min(waiting) - 1))
        return position

    @property
    def complete(self) -> bool:
        """Whether every event that the pipelines have announced so far was given out."""
        queued = any(isinstance(i, Alert) for i in self._items)
        return not queued and all(c.follower.is_complete() for c in self._connections)

    @property
    def closing(self) -> bool:
        """Whether all endpoints have said that they are closing."""
        now = time.monotonic()
        return all(c.follower.is_closing(now) for c in self._connections)

    def close(self) -> None:
        """Disconnects; the iteration ends. Twice is fine."""
        if not self._closed:
            self._closed = True
            self._items.clear()
            self._context.destroy(linger=0)

    def __enter__(self) -> "Subscription":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _episode(alert: Union[Alert, str]) -> str:
    return alert.event["episode_id"] if isinstance(alert, Alert) else alert


def subscribe(
    publish: Union[str, Sequence[Endpoint]],
    control: Optional[str] = None,
    *,
    ward: Union[str, Sequence[str]] = (),
    keys: Optional[Keys] = None,
    after: After = None,
    subscriber: Optional[str] = None,
) -> Subscription:
    """Follows a pipeline: `for item in subscribe(...)` or `async for item in subscribe(...)`.

    publish, control: the two addresses of the ZeroMQ sink; or a list of Endpoint, whose events are
    merged. ward: one or more; default: all. keys: CURVE. after: where to resume (Endpoint).
    subscriber: the name under which the pipeline is told each second what was given out.
    Raises ValueError for addresses and names that cannot be.
    """
    wards = [ward] if isinstance(ward, str) else list(ward)
    if isinstance(publish, str):
        if control is None:
            raise ValueError("a pipeline has two addresses, publish and control")
        publish = [Endpoint(publish, control, keys, after)]
    elif control is not None or keys is not None or after is not None:
        raise ValueError("with a list of endpoints, each has its own control, keys and after")
    return Subscription(publish, wards, subscriber)
