"""A PostgreSQL of a test's own: in a temporary folder, on a socket, with a database called vigil."""
import contextlib
import glob
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile


def programs():
    """The folder of initdb and pg_ctl, or None."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: int(p.split("/")[-2]))
    return pathlib.Path(found[-1]) if found else None


class Postgres:
    def __init__(self):
        self.bin = programs()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="vigil-pg-"))
        # The server refuses to run as root: then it runs as the user of Debian's package.
        self.user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] \
            if os.geteuid() == 0 else []
        if self.user:
            shutil.chown(self.folder, "postgres", "postgres")
        self.data = self.folder / "data"
        self._run("initdb", "-D", self.data, "-A", "trust", "-U", "vigil", "-N", "-E", "UTF8",
                  "--locale=C")
        self.start()
        self.sql("create database vigil", database="postgres")

    def _run(self, program, *arguments):
        subprocess.run([*self.user, self.bin / program, *arguments], check=True, cwd=self.folder,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)

    def start(self):
        # -w: returns once it accepts connections.
        self._run("pg_ctl", "-D", self.data, "-w", "-l", self.folder / "log", "-o",
                  f"-c listen_addresses= -c unix_socket_directories={self.folder} -c fsync=off",
                  "start")

    @contextlib.contextmanager
    def down(self, how):
        """Stopped: `fast`, as an operator does, or `immediate`, as a power cut, after which the start
        recovers."""
        self._run("pg_ctl", "-D", self.data, "-w", "-m", how, "stop")
        yield
        self.start()

    @contextlib.contextmanager
    def hanging(self):
        """Every process of the server is there and none does anything."""
        first = int((self.data / "postmaster.pid").read_text().split()[0])
        # The parent at first: one that it makes afterwards would answer.
        os.kill(first, signal.SIGSTOP)
        children = pathlib.Path(f"/proc/{first}/task/{first}/children").read_text().split()
        stopped = [first, *map(int, children)]
        self._signal(stopped[1:], signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(stopped, signal.SIGCONT)

    @staticmethod
    def _signal(pids, number):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):  # a session may end by itself
                os.kill(pid, number)

    @property
    def connection(self):
        return f"host={self.folder} user=vigil dbname=vigil"

    def sql(self, statement, database="vigil"):
        """Rows as lists of text."""
        done = subprocess.run([self.bin / "psql", "-h", self.folder, "-U", "vigil", "-d", database,
                               "-X", "-q", "-A", "-t", "-F", "\x1f", "-R", "\x1e", "-v",
                               "ON_ERROR_STOP=1", "-c", statement],
                              check=True, capture_output=True, text=True, timeout=60)
        text = done.stdout.rstrip("\n")
        return [row.split("\x1f") for row in text.split("\x1e")] if text else []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # A test that failed may have left it stopped.
        with contextlib.suppress(subprocess.CalledProcessError):
            self._run("pg_ctl", "-D", self.data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)
