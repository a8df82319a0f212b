"""A mosquitto of a test's own, and a subscriber that shares no code with what Vigil publishes by."""
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

from live import until

PROGRAM = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def accepts(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


class Mosquitto:
    def __init__(self, *more, durable=True):
        """`more` are lines of its configuration. A durable one writes all to the disk with each change,
        and queues have room for all: what it acknowledged it keeps."""
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="vigil-mqtt-"))
        self.port = free_port()
        self.config = self.folder / "mosquitto.conf"
        lines = [f"persistence {str(durable).lower()}", f"persistence_location {self.folder}/",
                 "autosave_on_changes true", "autosave_interval 1", "max_queued_messages 100000",
                 "max_inflight_messages 0", f"listener {self.port} 127.0.0.1", *more]
        if os.geteuid() == 0:
            lines.append("user root")
        if not any("allow_anonymous" in line for line in more):
            lines.append("allow_anonymous true")
        self.config.write_text("\n".join(lines) + "\n")
        self.process = None
        self.start()

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen([PROGRAM, "-c", self.config], stdout=log, stderr=log)
        until("mosquitto accepts", lambda: accepts(self.port))

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.process.send_signal(signal.SIGCONT)
        self.process.wait()

    def reload(self):
        """Reads its access list again."""
        log = self.folder / "log"
        said = b"Reloading config"
        times = log.read_bytes().count(said)
        self.process.send_signal(signal.SIGHUP)
        until("mosquitto has reloaded", lambda: log.read_bytes().count(said) > times)

    def save(self):
        """Returns once all that it has acknowledged before is on the disk."""
        stored = self.folder / "mosquitto.db"

        def when():
            return stored.stat().st_mtime_ns if stored.exists() else 0
        before = when()
        self.process.send_signal(signal.SIGUSR1)
        until("mosquitto has saved", lambda: when() > before)

    @contextlib.contextmanager
    def hanging(self):
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)


def _text(s):
    return struct.pack(">H", len(s)) + s.encode()


def _packet(kind, body):
    length, n = b"", len(body)
    while True:
        length += bytes([n % 128 | (0x80 if n > 127 else 0)])
        n //= 128
        if n == 0:
            return bytes([kind]) + length + body


class Subscriber:
    """Subscribes to everything by MQTT 3.1.1 with QoS 1 and a session that the broker keeps; comes
    back at once when the connection is lost. `arrived` has (topic, payload)."""

    def __init__(self, port):
        self.port = port
        self.arrived = []
        self.subscribed = threading.Event()
        self.ending = False
        self.socket = None
        threading.Thread(target=self._run, daemon=True).start()

    def _read(self, n):
        data = b""
        while len(data) < n:
            more = self.socket.recv(n - len(data))
            if not more:
                raise OSError("closed")
            data += more
        return data

    def _packet(self):
        kind, n, shift = self._read(1)[0], 0, 0
        while True:
            byte = self._read(1)[0]
            n |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return kind, self._read(n)

    def _session(self):
        # Clean session 0, keep alive 0: for ever.
        self.socket.sendall(_packet(0x10, _text("MQTT") + bytes([4, 0, 0, 0]) + _text("reader")))
        self.socket.sendall(_packet(0x82, bytes([0, 1]) + _text("#") + bytes([1])))
        while True:
            kind, body = self._packet()
            if kind == 0x90:
                self.subscribed.set()
            if kind & 0xF0 != 0x30:
                continue
            n = struct.unpack(">H", body[:2])[0]
            topic, rest = body[2:2 + n].decode(), body[2 + n:]
            if kind & 0x06:
                self.arrived.append((topic, rest[2:].decode()))
                self.socket.sendall(_packet(0x40, rest[:2]))
            else:
                self.arrived.append((topic, rest.decode()))

    def _run(self):
        while not self.ending:
            with contextlib.suppress(OSError), \
                    socket.create_connection(("127.0.0.1", self.port), 5) as self.socket:
                self.socket.settimeout(None)
                self._session()
            self.subscribed.clear()
            time.sleep(0.01)  # between attempts to connect, as nothing tells when the broker is back

    def wait(self):
        until("the subscriber is subscribed", self.subscribed.is_set)

    def __enter__(self):
        self.wait()
        return self

    def __exit__(self, *_):
        self.ending = True
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
