"""The event of docs/alert1.md, member by member.

Members that do not apply are absent, so what is not in every event is of a class with total=False:
use event.get("bed"). A later pipeline may send members that are not named here.
"""

from typing import Dict, List, Literal, Optional, TypedDict, Union

Phase = Literal[
    "start", "update", "escalate", "deescalate", "continue", "acknowledge", "end", "reset"
]
Kind = Literal["physiological", "technical", "advisory"]
Priority = Literal["high", "medium", "low", "none"]
State = Literal["active", "data-lost", "latched", "inactive"]


Signal = TypedDict(
    "Signal",
    {
        "is": Literal["enabled", "audio-paused", "alarm-paused", "alarm-off", "acknowledged"],
        "until": str,
    },
    total=False,
)


class Delays(TypedDict, total=False):
    condition_s: float
    generation_s: float


class Observed(TypedDict, total=False):
    value: float
    unit: str
    quality: str
    time: str


class Limit(TypedDict, total=False):
    low: float
    high: float
    unit: str
    origin: str


Worst = TypedDict(
    "Worst",
    {
        "is": Literal["value", "change", "forecast", "score", "points"],
        "value": float,
        "unit": str,
        "time": str,
    },
    total=False,
)

Window = TypedDict(
    "Window",
    {
        "from": str,
        "to": str,
        "for_s": float,
        "at_least": int,
        "of": int,
        "over_s": float,
        "falls_by": float,
        "rises_by": float,
        "by": float,
        "below_by": float,
        "above_by": float,
        "unit": str,
        "share": bool,
        "confidence": float,
        "usual": float,
        "within_s": float,
        "longer_than_s": float,
    },
    total=False,
)


class Forecast(TypedDict, total=False):
    channel: str
    horizon_s: float
    quantiles: Dict[str, float]
    limit: float
    crossing_s: float
    probability: float


class Contribution(TypedDict):
    channel: str
    share: float


class Anomaly(TypedDict, total=False):
    score: float
    threshold: float
    contributions: List[Contribution]


class ScorePart(TypedDict, total=False):
    channel: str
    value: Union[float, str]
    points: int
    least: int
    most: int
    age_s: float


class Score(TypedDict, total=False):
    name: str
    total: int
    lowest: int
    highest: int
    known: int
    of: int
    spo2_scale: int
    parts: List[ScorePart]


Hour = TypedDict(
    "Hour",
    {
        "channel": str,
        "unit": str,
        "from": str,
        "step_s": int,
        "values": List[Optional[float]],  # None: no usable value came in that minute
    },
)


class Place(TypedDict, total=False):
    topic: str
    partition: int
    offset: int
    index: int
    due: str
    ordinal: int


class Model(TypedDict):
    name: str
    sha256: str


class _Always(TypedDict):
    event_id: str
    episode_id: str
    phase: Phase
    kind: Kind
    priority: Priority
    state: State
    signal: Signal
    rule: str
    title: str
    text: str
    ward: str
    time: str
    onset: str
    config: str


class Event(_Always, total=False):
    patient: str
    bed: str
    duration_s: float
    delays: Delays
    channel: str
    observed: Observed
    limit: Limit
    worst: Worst
    window: Window
    forecast: Forecast
    anomaly: Anomaly
    score: Score
    hour: Hour
    reason: str
    suppressed_by: str
    acknowledged_by: str
    by: str
    note: str
    position: Place
    model: Model
