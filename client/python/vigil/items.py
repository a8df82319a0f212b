"""What a subscription gives: alerts, notices and replies, in one stream and in order."""

from dataclasses import dataclass
from typing import Literal, NamedTuple, Optional, Union

from .events import Event

Origin = Literal["live", "replay", "snapshot"]

NoticeKind = Literal[
    "link_up",  # first heartbeat, or heartbeats again
    "link_down",  # no heartbeat for 3 s: alerts may not arrive
    "stalled",  # a shard has not moved through the whole chain for more than 5 s
    "moving",  # no longer stalled
    "not_covered",  # no reachable instance processes one of the partitions
    "covered",  # every partition is processed again
    "state",  # the pipeline changed its state; the text holds it and its reasons
    "synced",  # the snapshot or first replay is complete
    "new_outbox",  # the pipeline has another outbox; a snapshot follows
    "history_lost",  # events that were asked for are no longer held
    "unreadable",  # an event cannot be understood and was skipped
    "refused",  # the pipeline refuses what this client needs: its key, a ward
]


class Position(NamedTuple):
    """Where to resume: every event of the outbox up to `seq` was given out. Store both."""

    outbox: str  # UUID
    seq: int


@dataclass(frozen=True)
class Alert:
    """An event, given out once. Events of one ward come in order, whatever their origin."""

    endpoint: int  # index of the one it came from
    origin: Origin
    seq: Optional[int]  # in the endpoint's outbox; None for one of a snapshot
    prev_seq: Optional[int]  # of the event before it in the same ward
    repeat: bool  # the pipeline may have published it before a restart
    published_ns: Optional[int]  # wall time of a live event, ns since 1970
    event: Event

    @property
    def ward(self) -> str:
        return self.event["ward"]


@dataclass(frozen=True)
class Notice:
    """Something about the pipeline or the link. Conditions come in pairs, raised and cleared."""

    endpoint: int
    kind: NoticeKind
    text: str  # one sentence for people
    shard: Optional[int] = None  # of stalled and not_covered: one that is affected


@dataclass(frozen=True)
class Reply:
    """The answer to an acknowledgement or a command."""

    endpoint: int
    ticket: int
    ok: bool  # durable in the pipeline
    code: str = ""  # if not: of docs/alert1.md, or "timeout"; it may still come true
    message: str = ""


Item = Union[Alert, Notice, Reply]


@dataclass
class Stats:
    """What was received since the start."""

    events: int = 0  # given out
    duplicates: int = 0  # dropped: given out before
    gaps: int = 0  # times that events were found missing
    replayed: int = 0  # events given out that a replay brought
    malformed: int = 0  # messages that could not be understood
