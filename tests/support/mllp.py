"""An MLLP receiver of a test's own, that answers as it is told and keeps what it accepted."""
import contextlib
import socket
import ssl
import threading

BEGIN, END = b"\x0b", b"\x1c\r"


def control_id(message):
    return message.split(b"\r")[0].split(b"|")[9].decode()


def frame(text):
    return BEGIN + text.encode() + END


def acknowledgement(message, code="CA", error=None, of=None):
    lines = ["MSH|^~\\&|EMR|HOSP|VIGIL||20260301120000+0000||ACK^R40^ACK|1|P|2.6",
             f"MSA|{code}|{of or control_id(message)}"]
    if error:
        lines.append(f"ERR||PID^1^3|{error}^as the tests want it^HL70357|E")
    return "\r".join(lines) + "\r"


class Receiver:
    """`accepted` holds the messages that were answered with CA or AA, in order; `answered` counts all.
    `behave` answers: a function of the connection and the message. TLS with a `certificate`; with
    `client`, only for those who have that certificate."""

    def __init__(self, certificate=None, host="127.0.0.1", client=None, newest=None):
        self.host, self.port, self.tls = host, 0, None
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(certificate + ".pem", certificate + ".key")
        if client:
            self.tls.verify_mode = ssl.CERT_REQUIRED
            self.tls.load_verify_locations(client + ".pem")
        if newest:
            self.tls.minimum_version = self.tls.maximum_version = newest
            self.tls.set_ciphers("ALL:@SECLEVEL=0")
        self.behave = self.accept
        self.accepted = []
        self.answered = 0
        self.changed = threading.Condition()
        self.start()

    def start(self):
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self.socket = socket.create_server((self.host, self.port), family=family)
        self.port = self.socket.getsockname()[1]
        self.connections = set()
        threading.Thread(target=self._listen, args=(self.socket,), daemon=True).start()

    def stop(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for connection in list(self.connections):
            hang_up(connection)

    def _listen(self, listening):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                self.connections.add(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, plain):
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.callback(self.connections.discard, plain)
            connection = stack.enter_context(plain)
            if self.tls:
                connection = stack.enter_context(self.tls.wrap_socket(plain, server_side=True))
            received = b""
            while piece := connection.recv(65536):
                received += piece
                while END in received:
                    message, received = received.split(END, 1)
                    assert message.startswith(BEGIN), message
                    self._take(connection, message[1:])

    def _take(self, connection, message):
        self.behave(connection, message)
        with self.changed:
            self.answered += 1
            self.changed.notify_all()

    def accept(self, connection, message, code="CA", send=None):
        with self.changed:
            self.accepted.append(message)
        (send or connection.sendall)(frame(acknowledgement(message, code)))

    @contextlib.contextmanager
    def behaving(self, behave):
        self.behave = behave
        try:
            yield
        finally:
            self.behave = self.accept

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def hang_up(connection):
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
