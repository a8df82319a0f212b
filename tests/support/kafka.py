#!/usr/bin/env python3
"""A real Apache Kafka for tests, of one node or several: the one place that knows how to start it.

    with Kafka() as kafka:
        kafka.create_topic("vitals.raw", 4)
        use(kafka.bootstrap)

Programs in other languages spawn `kafka.py run --topic NAME:PARTITIONS` and read its first line,
`bootstrap.servers=HOST:PORT`; the broker is gone when stdin closes or SIGTERM arrives. Without
Java, Maven or the jars, `Kafka()` raises Unavailable and the command exits 77 with the reason on
stderr: a test that needs Kafka is then skipped, and says so.

The jars (43 MB) are fetched once into build/kafka-VERSION, together with two things that make a
start take 2 seconds instead of 8: an archive of the loaded classes, and a formatted log directory.
"""
import argparse
import base64
import contextlib
import ctypes
import fcntl
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid

VERSION = "4.1.1"
ROOT = pathlib.Path(__file__).resolve().parents[2]
TEMPLATES = pathlib.Path(__file__).resolve().parent / "kafka"
EXIT_SKIP = 77
READY_LINE = b"Kafka Server started"
READY_TIMEOUT_S = 90
PR_SET_PDEATHSIG = 1


class Unavailable(Exception):
    """No Kafka on this machine; the text says what is missing."""


class Died(Exception):
    """The broker ended before it was ready; the text holds the end of its log."""


def _die_with_parent():
    """A test killed with SIGKILL must not leave a broker behind. The kernel means the thread that
    started it: make a Kafka() in one that lives as long."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _free_ports(n):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]


def _cluster_id():
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


class Installation:
    """Jars, class archive and formatted directory in build/kafka-VERSION, made when missing."""

    def __init__(self, version=VERSION):
        self.version = version
        self.home = ROOT / "build" / f"kafka-{version}"
        self.archive = self.home / "kafka.jsa"
        self.formatted = self.home / "formatted"

    def prepare(self):
        for tool in ("java", "mvn"):
            if not (self.home / "lib").exists() and not shutil.which(tool):
                raise Unavailable(f"no {tool} on this machine (Debian: default-jre-headless, maven)")
        if not shutil.which("java"):
            raise Unavailable("no java on this machine (Debian: default-jre-headless)")
        self.home.mkdir(parents=True, exist_ok=True)
        with open(self.home / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (self.home / "lib").exists():
                self._fetch_jars()
            if not self.formatted.exists():
                self._format()
            if not self.archive.exists():
                self._record_archive()

    def _fetch_jars(self):
        partial = self.home / "lib.partial"
        command = ["mvn", "-q", "-B", "-f", str(TEMPLATES / "pom.xml"),
                   f"-Dkafka.version={self.version}", f"-DoutputDirectory={partial}",
                   "dependency:copy-dependencies"]
        for offline in (["-o"], []):
            shutil.rmtree(partial, ignore_errors=True)
            result = subprocess.run(command[:1] + offline + command[1:], capture_output=True,
                                    text=True, stdin=subprocess.DEVNULL)
            if result.returncode == 0 and any(partial.glob("kafka_*.jar")):
                partial.rename(self.home / "lib")
                return
        reason = (result.stdout + result.stderr).strip().splitlines() or ["no output"]
        raise Unavailable(f"Maven cannot fetch Kafka {self.version}: {reason[0]}")

    def _format(self):
        """Runs Kafka's own formatter once; later directories are copies with another cluster id."""
        with tempfile.TemporaryDirectory(prefix="kafka-format-") as d:
            directory = pathlib.Path(d)
            write_properties(directory, 1, 2)
            result = subprocess.run(
                self.java(directory, archive=False)
                + ["kafka.tools.StorageTool", "format", "-t", _cluster_id(), "-c",
                   str(directory / "server.properties")],
                cwd=self.home, capture_output=True, text=True, stdin=subprocess.DEVNULL)
            if result.returncode != 0:
                raise Unavailable(f"Kafka cannot format a directory: {result.stderr.strip()}")
            partial = self.home / "formatted.partial"
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(directory / "log", partial)
            partial.rename(self.formatted)

    def _record_archive(self):
        """Without the archive Kafka starts as well, only slowly: failing here is not an error."""
        partial = self.home / "kafka.jsa.partial"
        with contextlib.suppress(Died):
            node = Node(self, extra=[f"-XX:ArchiveClassesAtExit={partial}"])
            try:
                node.start()
                node.process.terminate()
                node.process.wait(60)
                partial.rename(self.archive)
            except (OSError, subprocess.TimeoutExpired):
                pass
            finally:
                node.delete()

    def java(self, directory, archive=True, extra=()):
        """The command up to the main class. The class path must be this very string in every run,
        or the archive does not fit."""
        command = ["java", "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                   "-XX:-UsePerfData",
                   f"-Dlog4j2.configurationFile=file:{TEMPLATES / 'log4j2.properties'}",
                   f"-Dkafka.log={directory / 'kafka.log'}"]
        if archive and self.archive.exists():
            command.append(f"-XX:SharedArchiveFile={self.archive}")
        return command + list(extra) + ["-cp", "lib/*"]


class Secure:
    """What a node needs for a second listener that takes TLS and one user's password alone (PLAIN, and
    SCRAM once the cluster has been told of the user), and looks at certificates that are shown."""

    def __init__(self, user, password, certificate, clients):
        """`certificate`.pem and `certificate`.key: made for 127.0.0.1. `clients`: the authority of clients'
        certificates, a PEM file."""
        self.user, self.password, self.clients = user, password, clients
        both = pathlib.Path(f"{certificate}.both")
        both.touch(mode=0o600)
        both.write_text("".join(pathlib.Path(certificate + end).read_text()
                                for end in (".key", ".pem")))
        self.store = both

    def properties(self, port, controller_port, secure_port):
        """They take the place of those that stand before them."""
        own, secure = f"PLAINTEXT://127.0.0.1:{port}", f"SECURE://127.0.0.1:{secure_port}"
        return "\n".join((
            "", f"listeners={own},{secure},CONTROLLER://127.0.0.1:{controller_port}",
            f"advertised.listeners={own},{secure}",
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL",
            "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512",
            "listener.name.secure.plain.sasl.jaas.config="
            "org.apache.kafka.common.security.plain.PlainLoginModule required"
            f' user_{self.user}="{self.password}";',
            "listener.name.secure.scram-sha-512.sasl.jaas.config="
            "org.apache.kafka.common.security.scram.ScramLoginModule required;",
            "listener.name.secure.ssl.client.auth=requested",
            "ssl.keystore.type=PEM", f"ssl.keystore.location={self.store}",
            "ssl.truststore.type=PEM", f"ssl.truststore.location={self.clients}", ""))


def write_properties(directory, port, controller_port, number=1, voters=None, more=""):
    text = (TEMPLATES / "server.properties").read_text()
    voters = voters or f"{number}@127.0.0.1:{controller_port}"
    for name, value in (("PORT", port), ("CONTROLLER_PORT", controller_port), ("DIR", directory),
                        ("NUMBER", number), ("VOTERS", voters),
                        ("REPLICAS_MIN", max(1, voters.count(",")))):
        text = text.replace(f"@{name}@", str(value))
    (directory / "server.properties").write_text(text + more)


class Node:
    """One broker process with its directory."""

    def __init__(self, installation, port=None, directory=None, extra=(), member=None, secure=None):
        """`member` of a cluster: its number, the voters, the cluster's id and its controller port.
        `secure`: a Secure and the port of its listener."""
        self.installation = installation
        self.member = member
        self.extra = extra
        self.secure = secure
        self.owns_directory = directory is None
        self.directory = pathlib.Path(directory or tempfile.mkdtemp(prefix="kafka-"))
        self.directory.mkdir(parents=True, exist_ok=True)
        self.wanted_port = port
        self.port = None
        self.process = None

    def start(self):
        self.launch()
        self.wait_ready()

    def launch(self):
        self.port, controller_port = self._ports()
        more = self.secure[0].properties(self.port, controller_port, self.secure[1]) \
            if self.secure else ""
        write_properties(self.directory, self.port, controller_port,
                         *(self.member[:2] if self.member else ()), more=more)
        if not (self.directory / "log").exists():
            self._copy_formatted()
        with open(self.directory / "stderr", "ab") as stderr:
            self.process = subprocess.Popen(
                self.installation.java(self.directory, archive=not self.extra, extra=self.extra)
                + ["kafka.Kafka", str(self.directory / "server.properties")],
                cwd=self.installation.home, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=stderr, preexec_fn=_die_with_parent, start_new_session=True)

    def _ports(self):
        """A restart keeps its ports: clients know them."""
        if self.member:
            return self.wanted_port, self.member[3]
        if self.port:
            line = next(l for l in (self.directory / "server.properties").read_text().splitlines()
                        if l.startswith("controller.quorum.voters="))
            return self.port, int(line.rsplit(":", 1)[1])
        ports = _free_ports(2)
        return (self.wanted_port or ports[0]), ports[1]

    def _copy_formatted(self):
        log = self.directory / "log"
        shutil.copytree(self.installation.formatted, log)
        meta = log / "meta.properties"
        number, _, cluster, _ = self.member or (1, None, _cluster_id(), None)
        kept = [l for l in meta.read_text().splitlines()
                if not l.startswith(("cluster.id=", "directory.id=", "node.id="))]
        meta.write_text("\n".join([*kept, f"cluster.id={cluster}", f"node.id={number}"]) + "\n")

    def wait_ready(self):
        deadline = time.monotonic() + READY_TIMEOUT_S
        seen = b""
        while READY_LINE not in seen:
            readable, _, _ = select.select([self.process.stdout], [], [],
                                           max(0.0, deadline - time.monotonic()))
            piece = os.read(self.process.stdout.fileno(), 4096) if readable else b""
            if not piece:
                why = "ended at once" if readable else f"was not ready in {READY_TIMEOUT_S} s"
                self.kill()
                raise Died(f"Kafka {why}:\n{self._log_tail()}")
            seen += piece

    def _log_tail(self):
        text = ""
        for name in ("stderr", "kafka.log"):
            with contextlib.suppress(OSError):
                text += (self.directory / name).read_text(errors="replace")
        return "\n".join(text.splitlines()[-20:])

    def kill(self):
        """SIGKILL: an orderly stop can take minutes, and a test wants nothing from it."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.process = None

    def delete(self):
        self.kill()
        if self.owns_directory:
            shutil.rmtree(self.directory, ignore_errors=True)


class Kafka:
    """A running broker; a context manager. `admin` is the path of the built kafka_admin."""

    def __init__(self, port=None, directory=None, admin=None, version=VERSION):
        installation = Installation(version)
        installation.prepare()
        self.admin = admin or find_admin()
        self.node = Node(installation, port, directory)
        try:
            self._start()
        except BaseException:
            self.node.delete()
            raise

    def _start(self):
        for _ in range(2):
            with contextlib.suppress(Died):
                return self.node.start()
            # Somebody else may have taken the port between our look and the broker's bind.
            self.node.port = None
        return self.node.start()

    @property
    def bootstrap(self):
        return f"127.0.0.1:{self.node.port}"

    def create_topic(self, name, partitions, setting=""):
        create_topic(self, f"{name}:{partitions}:1", setting)

    def kill(self):
        self.node.kill()

    def restart(self):
        """Starts the broker again on the same port with its data; about 6 s after kill()."""
        self.node.kill()
        self.node.start()

    def close(self):
        self.node.delete()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Cluster:
    """Several brokers that replicate, each also a controller; a context manager. With a Secure each has
    a second listener."""

    def __init__(self, size=3, secure=None):
        installation = Installation()
        installation.prepare()
        self.admin = find_admin()
        ports = _free_ports(3 * size)
        voters = ",".join(f"{i + 1}@127.0.0.1:{ports[size + i]}" for i in range(size))
        cluster = _cluster_id()
        self.nodes = [Node(installation, ports[i], member=(i + 1, voters, cluster, ports[size + i]),
                           secure=secure and (secure, ports[2 * size + i]))
                      for i in range(size)]
        try:
            # Together: none is ready before the controllers have elected one.
            for node in self.nodes:
                node.launch()
            for node in self.nodes:
                node.wait_ready()
        except BaseException:
            self.close()
            raise

    @property
    def bootstrap(self):
        return ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    @property
    def secure_bootstrap(self):
        return ",".join(f"127.0.0.1:{node.secure[1]}" for node in self.nodes)

    def add_scram_user(self, user, password):
        """With Kafka's own tool: librdkafka 2.0.2 cannot ask for it."""
        node = self.nodes[0]
        done = subprocess.run(
            node.installation.java(node.directory) +
            ["kafka.admin.ConfigCommand", "--bootstrap-server", self.bootstrap, "--alter",
             "--add-config", f"SCRAM-SHA-512=[password={password}]", "--entity-type", "users",
             "--entity-name", user],
            cwd=node.installation.home, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise RuntimeError(f"kafka-configs: {done.stdout}{done.stderr}")

    def create_topic(self, name, partitions, setting=""):
        """A replica on every node."""
        create_topic(self, f"{name}:{partitions}:{len(self.nodes)}", setting)

    def close(self):
        for node in self.nodes:
            node.delete()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def create_topic(brokers, wanted, setting):
    """`wanted` is NAME:PARTITIONS:REPLICAS, `setting` NAME=VALUE or nothing."""
    if not brokers.admin:
        raise Unavailable("kafka_admin is not built (ninja kafka_admin), or set VG_KAFKA_ADMIN")
    subprocess.run([brokers.admin, brokers.bootstrap, wanted + (setting and f":{setting}")],
                   check=True, stdin=subprocess.DEVNULL)


def find_admin():
    """CTest runs tests in the build directory; otherwise the newest build has it."""
    candidates = [os.environ.get("VG_KAFKA_ADMIN"), "kafka_admin"]
    builds = sorted(ROOT.glob("build/*/kafka_admin"), key=lambda p: p.stat().st_mtime)
    for path in candidates + list(reversed(builds)):
        if path and os.access(path, os.X_OK):
            return os.path.abspath(path)
    return None


def run(args):
    """Serves until stdin closes or a signal arrives, so that no caller can forget the broker."""
    def stop(*_):
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    with Kafka(port=args.port, directory=args.dir, admin=args.admin) as kafka:
        for topic in args.topic:
            name, _, partitions = topic.rpartition(":")
            kafka.create_topic(name, int(partitions))
        print(f"bootstrap.servers={kafka.bootstrap}", flush=True)
        sys.stdin.buffer.read()


def main():
    parser = argparse.ArgumentParser(description="A real Apache Kafka of one node, for tests.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("prepare", help="fetch the jars and make starts quick")
    runner = verbs.add_parser("run", help="run until stdin closes or SIGTERM")
    runner.add_argument("--topic", action="append", default=[], metavar="NAME:PARTITIONS")
    runner.add_argument("--port", type=int, help="default: a free one")
    runner.add_argument("--dir", help="keeps the data there; default: a directory deleted after")
    runner.add_argument("--admin", help="path of the built kafka_admin")
    args = parser.parse_args()
    try:
        if args.verb == "prepare":
            Installation().prepare()
        else:
            run(args)
    except Unavailable as reason:
        print(f"kafka.py: skipped: {reason}", file=sys.stderr)
        return EXIT_SKIP
    except Died as reason:
        print(f"kafka.py: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
