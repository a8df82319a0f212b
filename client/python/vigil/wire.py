"""ALERT/1 as bytes: frames of PUB, messages of ROUTER. Raises Malformed for all else."""

import json
import struct
import uuid
from dataclasses import dataclass
from typing import Any, Dict, FrozenSet, List, Tuple

EVENT, HEARTBEAT = 1, 2
PARTITIONS_MAX = 1 << 16

_HEADER = struct.Struct(">4sBBHQQ16sq")
_WARD_MAX = 32
_WARD_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


class Malformed(ValueError):
    """A message that is not of this protocol."""


@dataclass(frozen=True)
class Header:
    kind: int
    repeat: bool
    seq: int
    prev_seq: int
    outbox: str
    published_ns: int


@dataclass(frozen=True)
class Heartbeat:
    pipeline: str
    state: str
    reasons: Tuple[str, ...]
    partitions: int
    shards: FrozenSet[int]
    oldest_ms: int  # -1: no shards
    oldest_shard: int


def is_ward(text: str) -> bool:
    return 0 < len(text) <= _WARD_MAX and _WARD_CHARACTERS.issuperset(text)


def _no_constant(name: str) -> None:
    raise Malformed(f"{name} is not JSON")


def _object(data: bytes) -> Dict[str, Any]:
    try:
        value = json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError) as why:
        raise Malformed("not JSON") from why
    if not isinstance(value, dict):
        raise Malformed("not a JSON object")
    return value


def text(value: Dict[str, Any], name: str) -> str:
    found = value.get(name)
    if not isinstance(found, str):
        raise Malformed(f"{name}: expected a text")
    return found


def number(value: Dict[str, Any], name: str) -> int:
    found = value.get(name)
    if type(found) is not int or found < 0:  # bool is an int, but no number here
        raise Malformed(f"{name}: expected a whole number")
    return found


def outbox(value: Dict[str, Any]) -> str:
    try:
        return str(uuid.UUID(text(value, "outbox")))
    except ValueError as why:
        raise Malformed("outbox: expected a UUID") from why


def topic_ward(frame: bytes) -> str:
    parts = frame.decode("ascii", "replace").split("/")
    if len(parts) != 4 or parts[:2] != ["alert", "1"] or parts[3] or not is_ward(parts[2]):
        raise Malformed("not a topic alert/1/<ward>/")
    return parts[2]


def header(frame: bytes) -> Header:
    if len(frame) != _HEADER.size:
        raise Malformed("not a header of 48 bytes")
    magic, kind, encoding, flags, seq, prev_seq, box, published_ns = _HEADER.unpack(frame)
    if magic != b"VGA1" or encoding != 0:
        raise Malformed("not a header of ALERT/1 in JSON")
    return Header(kind, bool(flags & 1), seq, prev_seq, str(uuid.UUID(bytes=box)), published_ns)


def check_event(value: Any) -> Dict[str, Any]:
    if not isinstance(value, dict) or not is_ward(text(value, "ward")):
        raise Malformed("not an event")
    text(value, "event_id")
    text(value, "episode_id")
    return value


def event(frame: bytes) -> Dict[str, Any]:
    return check_event(_object(frame))


def heartbeat(frame: bytes) -> Heartbeat:
    value = _object(frame)
    shards, reasons = value.get("shards"), value.get("reasons", [])
    partitions = number(value, "partitions")
    if not isinstance(shards, list) or not isinstance(reasons, list):
        raise Malformed("shards, reasons: expected lists")
    if partitions > PARTITIONS_MAX:
        raise Malformed("more partitions than Kafka has")
    ages: List[Tuple[int, int]] = []
    for shard in shards:
        if not isinstance(shard, dict) or type(shard.get("wall_age_ms")) is not int:
            raise Malformed("shards: expected objects with wall_age_ms")
        ages.append((shard["wall_age_ms"], number(shard, "shard")))
    oldest_ms, oldest_shard = max(ages, default=(-1, -1))
    return Heartbeat(
        text(value, "pipeline"),
        text(value, "state"),
        tuple(str(r) for r in reasons),
        partitions,
        frozenset(shard for _, shard in ages),
        oldest_ms,
        oldest_shard,
    )


def reply(frame: bytes) -> Tuple[int, Dict[str, Any]]:
    """The id, which this package makes of digits, and the whole object."""
    value = _object(frame)
    number_text = text(value, "id")
    if not number_text.isascii() or not number_text.isdigit():
        raise Malformed("id: not one of ours")
    return int(number_text), value
