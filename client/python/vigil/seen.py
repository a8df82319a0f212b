"""Which events were given out: drops those that come from two instances, or from a new outbox."""

from collections import deque
from typing import Deque, Set

SEEN_MAX = 1 << 16


class Seen:
    def __init__(self) -> None:
        self._ids: Set[str] = set()
        self._order: Deque[str] = deque()

    def add(self, event_id: str) -> bool:
        """False when it was added before and is among the newest SEEN_MAX."""
        if event_id in self._ids:
            return False
        if len(self._order) == SEEN_MAX:
            self._ids.remove(self._order.popleft())
        self._ids.add(event_id)
        self._order.append(event_id)
        return True
