"""A small Debian of its own, made by mmdebstrap, that packages are installed into, run in and removed from."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import vigil
from vigil import check


class Unavailable(Exception):
    pass


class Root:
    """Commands run in it as its root, in namespaces of processes and mounts that end with them; the network is
    the machine's."""

    def __init__(self, *packages):
        if os.getuid() != 0:
            raise Unavailable("a clean root needs root")
        if not shutil.which("mmdebstrap"):
            raise Unavailable("mmdebstrap is not installed (apt-get install mmdebstrap)")
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="vigil-root-"))
        more = [f"--include={','.join(packages)}"] if packages else []
        done = subprocess.run(["mmdebstrap", "--variant=minbase", *more, "bookworm", self.path],
                              capture_output=True, text=True, timeout=1800)
        if done.returncode != 0:
            shutil.rmtree(self.path, ignore_errors=True)
            raise Unavailable(f"mmdebstrap: {done.stderr.strip().splitlines()[-1:]}")
        # Nothing is started by an installation, as in every chroot of Debian.
        self.write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path)

    def __truediv__(self, path):
        return self.path / str(path).lstrip("/")

    def write(self, path, text, mode=0o644):
        (self / path).parent.mkdir(parents=True, exist_ok=True)
        (self / path).write_text(text)
        (self / path).chmod(mode)

    def _command(self, command):
        inside = f"mount -t proc proc {self.path}/proc && exec chroot {self.path} \"$@\""
        return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", inside, "sh",
                "/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                "DEBIAN_FRONTEND=noninteractive", *map(str, command)]

    def run(self, *command, expect=0):
        done = subprocess.run(self._command(command), capture_output=True, text=True, timeout=1200)
        check(done.returncode == expect,
              f"{command}: exit {done.returncode}, expected {expect}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def boot(self, script):
        """Boots its systemd, runs a script of the shell under it, and turns it off; what the script printed."""
        if not shutil.which("systemd-nspawn"):
            raise Unavailable("systemd-nspawn is not installed (apt-get install systemd-container)")
        (self / "usr/sbin/policy-rc.d").unlink()
        self.write("/root/script", f"exec >/root/said 2>&1\n{script}\nsystemctl poweroff\n")
        self.write("/etc/systemd/system/script.service",
                   "[Service]\nType=oneshot\nExecStart=/bin/sh /root/script\n"
                   "[Install]\nWantedBy=multi-user.target\n")
        self.run("systemctl", "enable", "-q", "script.service")
        done = subprocess.run(["systemd-nspawn", "-q", "-D", self.path, "-b", "--register=no",
                               "--keep-unit", "--console=pipe"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=300)
        said = self / "root/said"
        check(done.returncode == 0 and said.exists(), f"systemd-nspawn: {done.stdout}{done.stderr}")
        return said.read_text()

    def start(self, *command):
        """A process in it; its end is that of its namespace."""
        return subprocess.Popen(self._command(command), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)


def tell(process, name, number):
    """Sends a signal to the program `name` that `process`, of Root.start(), became the parent of."""
    end = time.monotonic() + 10
    waiting = [process.pid]
    while waiting:
        pid = waiting.pop()
        try:
            if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == name:
                return os.kill(pid, number)
            waiting += map(int, pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        except FileNotFoundError:
            pass
        check(time.monotonic() < end, f"there is no {name}")
    raise vigil.Failed(f"there is no {name} to tell {signal.Signals(number).name}")
