"""An HTTP receiver of a test's own, that answers as it is told and keeps what it accepted."""
import contextlib
import http.server
import socket
import ssl
import subprocess
import threading


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def setup(self):
        super().setup()
        self.server.connections.add(self.connection)
        if self.server.stopped:  # accepted just before: nobody else would close it
            hang_up(self)

    def finish(self):
        self.server.connections.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.owner.answer(self, body)

    do_PUT = do_POST

    def log_message(self, *_):
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, *arguments):
        self.connections = set()
        self.stopped = False
        super().__init__(*arguments)

    def handle_error(self, *_):
        pass  # a client that was killed


class Receiver:
    """`accepted` holds (path, headers, body) of what got a 2xx, in order; `answered` counts every
    request. `behave` is a status, or a function of the handler that answers by itself."""

    def __init__(self, certificate=None):
        self.certificate = certificate
        self.behave = 200
        self.accepted = []
        self.answered = 0
        self.changed = threading.Condition()
        self.port = None
        self.server = None
        self.start()

    def start(self):
        self.server = _Server(("127.0.0.1", self.port or 0), _Handler)
        self.server.owner = self
        self.port = self.server.server_address[1]
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate + ".pem", self.certificate + ".key")
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def stop(self):
        self.server.stopped = True
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
        for connection in list(self.server.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def answer(self, handler, body):
        behave = self.behave
        if callable(behave):
            behave(handler)
        else:
            if 200 <= behave < 300:
                with self.changed:
                    self.accepted.append((handler.path, dict(handler.headers), body))
            handler.send_response(behave)
            if behave == 302:
                handler.send_header("Location", f"http://127.0.0.1:{self.port}/elsewhere")
            handler.send_header("Content-Length", "0")
            handler.end_headers()
        with self.changed:
            self.answered += 1
            self.changed.notify_all()

    def wait_answered(self, more, timeout_s=30):
        """Until `more` requests were answered from now on."""
        with self.changed:
            want = self.answered + more
            if not self.changed.wait_for(lambda: self.answered >= want, timeout_s):
                raise AssertionError(f"no {more} requests in {timeout_s} s")

    @contextlib.contextmanager
    def behaving(self, behave):
        self.behave = behave
        try:
            yield
        finally:
            self.behave = 200

    @contextlib.contextmanager
    def hanging(self):
        """Takes requests and answers none."""
        go_on = threading.Event()
        with self.behaving(lambda handler: go_on.wait() and hang_up(handler)):
            try:
                yield
            finally:
                go_on.set()

    @contextlib.contextmanager
    def away(self):
        self.stop()
        yield
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def hang_up(handler):
    """No answer: the connection is closed."""
    handler.close_connection = True
    with contextlib.suppress(OSError):
        handler.connection.shutdown(socket.SHUT_RDWR)


def make_certificate(path, name="localhost", address=None):
    """A self-signed certificate: `path`.pem and `path`.key."""
    names = f"subjectAltName=DNS:{name}" + (f",IP:{address}" if address else "")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", path + ".key", "-out",
                    path + ".pem", "-days", "2", "-subj", f"/CN={name}", "-addext",
                    names], check=True, capture_output=True)
    return path
