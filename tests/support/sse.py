"""A client of the pipeline's event stream, as a page is one: it reads while the test looks."""
import http.client
import json
import threading
import time

from live import until


class Stream:
    """The events of /api/v1/stream so far, as (name, data, wall time of arrival)."""

    def __init__(self, port, token, path="/api/v1/stream"):
        self.events = []
        self.ended = False
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200, self.answer.read()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        name = None
        try:
            for line in self.answer:
                line = line.rstrip(b"\n")
                if line.startswith(b"event: "):
                    name = line[7:].decode()
                elif line.startswith(b"data: "):
                    self.events.append((name, json.loads(line[6:]), time.time()))
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass
        self.ended = True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        sock = self.connection.sock or self.answer.fp.raw._sock
        sock.shutdown(2)
        self.thread.join(10)
        self.connection.close()

    def of(self, name, after=0):
        """Data of the events of that name."""
        return [data for n, data, _ in self.events[after:] if n == name]

    def first(self, name, wanted, what, timeout_s=20, after=0):
        """(data, arrival) of the first event of that name for which `wanted` is true, once it is there."""
        def condition():
            return next(((d, at) for n, d, at in self.events[after:] if n == name and wanted(d)), None)
        return until(what, condition, timeout_s)

    def ward(self):
        """The tiles as a page has them that was told all of this: by patient."""
        tiles = {}
        for data in self.of("beds"):
            if data["full"]:
                tiles = {}
            for bed in data["beds"]:
                if bed.get("gone"):
                    tiles.pop(bed["key"], None)
                else:
                    tiles.setdefault(bed["key"], {}).update(bed)
        return {bed["patient"]: bed for bed in tiles.values()}
