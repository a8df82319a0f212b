"""A PostgreSQL of a test's own: in a temporary folder, on a socket, with a database called vigil."""
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

    def restart(self):
        """As an operator does: sessions are ended at once."""
        self._run("pg_ctl", "-D", self.data, "-w", "-m", "fast", "stop")
        self.start()

    def _processes(self):
        first = int((self.data / "postmaster.pid").read_text().split()[0])
        children = pathlib.Path(f"/proc/{first}/task/{first}/children").read_text().split()
        return [first, *map(int, children)]

    def crash(self):
        """As a power cut: nothing is written any more; the start recovers."""
        self._run("pg_ctl", "-D", self.data, "-w", "-m", "immediate", "stop")
        self.start()

    def hang(self, while_hanging):
        """Stops every process of the server, calls while_hanging, and lets them go on."""
        stopped = self._processes()
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            while_hanging()
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)

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
        try:
            self._run("pg_ctl", "-D", self.data, "-w", "-m", "immediate", "stop")
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)
