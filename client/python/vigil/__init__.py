"""Receives every alert of a Vigil pipeline, and knows that none is missing.

    from vigil import Alert, subscribe

    for item in subscribe("tcp://127.0.0.1:5557", "tcp://127.0.0.1:5558", ward="icu-a"):
        if isinstance(item, Alert):
            print(item.event["priority"], item.event["text"])
        else:
            print(item)                      # a notice: the link is down, a stage hangs, ...

`async for` works on the same object. README.md says more; docs/alert1.md of Vigil is the protocol.
Vigil is not a medical device.
"""

from .events import Event
from .items import Alert, Item, Notice, Position, Reply, Stats
from .keys import KeyFileError, Keys
from .subscription import Endpoint, Subscription, subscribe

__all__ = [
    "Alert",
    "Endpoint",
    "Event",
    "Item",
    "KeyFileError",
    "Keys",
    "Notice",
    "Position",
    "Reply",
    "Stats",
    "Subscription",
    "subscribe",
]
