"""A person at some terminals: types blocks of a page into a shell, one after another, and others into
terminals of their own, which inherit what the shell has exported and the folder that it is in.
"""
import contextlib
import ctypes
import fcntl
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import tempfile

import vigil
from vigil import check, read_line

_BROKEN = re.compile(r"ERROR: (Address|Leak)Sanitizer|runtime error:|WARNING: ThreadSanitizer")
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1


def alone_on_the_network():
    """Gives this process and its children a loopback interface of their own, so that pages may name ports.
    False where the system does not allow it."""
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.getuid(), os.getgid()
    if uid == 0 and libc.unshare(_CLONE_NEWNET) != 0:
        return False
    if uid != 0:
        if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0:
            return False
        pathlib.Path("/proc/self/setgroups").write_text("deny")
        pathlib.Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        pathlib.Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
    return True


def may_be_alone():
    """Whether the system allows that; tried in a process that is gone afterwards."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if alone_on_the_network() else 1)
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


class Terminal:
    """One block that goes on running."""

    def __init__(self, file, folder, env):
        self.process = subprocess.Popen(["bash", "-e", file], cwd=folder, env=env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        start_new_session=True)

    def wait_for(self, text, timeout_s=300):
        return read_line(self.process.stdout, timeout_s, text.encode()).decode()

    def expect(self, lines, timeout_s=60):
        """The next lines but talk ("vigil VERB: ..."); "..." stands for any."""
        until = None
        for expected in lines:
            if expected == "...":
                until = ""
                continue
            until = until if until is None else f"{expected}\n"
            got = "vigil "
            while got.startswith("vigil "):
                got = read_line(self.process.stdout, timeout_s, until and until.encode()).decode().rstrip()
            check(got == expected, f"expected\n{expected}\ncame\n{got}")
            until = None

    def stop(self):
        """Ctrl-C. Returns the rest of what was printed."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGINT)
        try:
            return self.process.communicate(timeout=60)[0].decode()
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise


class Desk:
    """The shell, and the terminals beside it."""

    def __init__(self, folder, env):
        self.blocks = pathlib.Path(tempfile.mkdtemp(prefix="blocks-", dir=folder.parent))
        self.terminals, self.n = {}, 0
        ours, theirs = os.pipe()
        os.set_inheritable(theirs, True)
        self.shell = subprocess.Popen(["bash", "--norc"], cwd=folder, env=env, stdin=subprocess.PIPE,
                                      pass_fds=[theirs], start_new_session=True, text=True,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(theirs)
        self.answers, self.fd = open(ours, "rb", buffering=0), theirs
        self._type("set -eo pipefail")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for terminal in list(self.terminals):
            with contextlib.suppress(Exception):
                self.stop(terminal)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.shell.pid, signal.SIGKILL)
        self.shell.wait()
        self.answers.close()

    def _type(self, line):
        self.shell.stdin.write(line + "\n")
        self.shell.stdin.flush()

    def _file(self, text):
        self.n += 1
        file = self.blocks / f"{self.n}.sh"
        file.write_text(text)
        return file

    def _ask(self, line, timeout_s):
        self._type(f"{line} >&{self.fd}")
        return read_line(self.answers, timeout_s).decode().split()

    def run(self, text, timeout_s=120, code=0):
        """Returns what the block printed: on standard output, or where that is empty on the other stream.
        Fails on another exit code than `code`."""
        file = self._file(text)
        out, talk = file.with_suffix(".out"), file.with_suffix(".err")
        self._type(f"set +e; . {file} >{out} 2>{talk} </dev/null; code=$?; set -e" if code else
                   f". {file} >{out} 2>{talk} </dev/null; code=0")
        try:
            answer = self._ask("echo $code", timeout_s)
        except AssertionError as why:
            raise vigil.Failed(f"the block failed ({why}); it said\n{talk.read_text()[-3000:]}") from why
        said = out.read_text() or talk.read_text()
        check(answer == [str(code)], f"exit code {answer}, expected {code}; it said\n{said[-3000:]}")
        check(not _BROKEN.search(talk.read_text()), talk.read_text()[-6000:])
        return said

    @property
    def folder(self):
        return pathlib.Path(self._ask("pwd", 30)[0])

    def terminal(self, name, text, until):
        env = self.blocks / "env"
        self.run(f"env -0 >{env}")
        values = dict(item.split("=", 1) for item in env.read_text().split("\0") if "=" in item)
        self.terminals[name] = Terminal(self._file(text), self.folder, values)
        self.terminals[name].wait_for(until)

    def stop(self, name):
        said = self.terminals.pop(name).stop()
        check(not _BROKEN.search(said), said[-6000:])
