"""A log of a test's own, for what the syslog sink says."""
import contextlib
import os
import re
import socket
import threading


class Log:
    """A socket as /dev/log is one, that keeps what it is told."""

    def __init__(self, path):
        self.path = str(path)
        self.told = []
        self.reads = threading.Event()
        self.reads.set()
        self.start()

    def start(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.reader = threading.Thread(target=self._read, args=(self.socket,), daemon=True)
        self.reader.start()

    def _read(self, from_socket):
        while message := from_socket.recv(65536):
            self.told.append(message.decode())
            self.reads.wait()

    def stop(self):
        """Takes no more; whatever the kernel has taken is read first."""
        os.unlink(self.path)
        self.socket.shutdown(socket.SHUT_RD)
        self.reader.join()
        self.socket.close()

    @contextlib.contextmanager
    def away(self):
        self.stop()
        yield lambda run: run.wait_line(b"trying again")
        self.start()

    @contextlib.contextmanager
    def busy(self):
        """Is there and reads nothing."""
        self.reads.clear()
        yield lambda run: run.wait_line(b"cannot tell the log")
        self.reads.set()


def event_id(told):
    return next(filter(None, re.search(r'event_id="([^"]*)"|VIGIL_EVENT_ID=(.*)', told).groups()))
