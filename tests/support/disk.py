"""Disks that are small, full, or broken."""
import contextlib
import errno
import os
import pathlib
import subprocess
import tempfile

import vigil
from vigil import check


class SmallDisk:
    """A file system of a few MiB, or a skip with the reason."""

    def __init__(self, size):
        self.size = size

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="vigil-disk-")
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.size}", "none",
                               self.folder], capture_output=True, text=True)
        if done.returncode != 0:
            os.rmdir(self.folder)
            self.folder = None
            print(f"     no full disk: {done.stderr.strip() or 'mount failed'}")
        return self.folder and pathlib.Path(self.folder)

    def __exit__(self, *_):
        if self.folder:
            subprocess.run(["umount", "-l", self.folder], check=True)
            os.rmdir(self.folder)


def fill(file):
    """Takes what is left of its disk."""
    fd = os.open(file, os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(fd, bytes(4096))
    except OSError as why:
        check(why.errno == errno.ENOSPC, str(why))
    finally:
        os.close(fd)


@contextlib.contextmanager
def full(folder, says=None):
    """A fault of a storm: no room, until `says` was said, if anything."""
    fill(folder / "ballast")
    try:
        yield says and (lambda run: run.wait_line(says))
    finally:
        (folder / "ballast").unlink()


@contextlib.contextmanager
def switched_on(switch, says):
    """A fault of a storm: what broken_disk.c does while a file is there, until `says` was said."""
    switch.touch()
    try:
        yield lambda run: run.wait_line(says)
    finally:
        switch.unlink()


def breaking(**switches):
    """Environment of a program whose disk fails as broken_disk.c says: VIGIL_BROKEN_DISK=FILE and so on."""
    return {name: str(file) for name, file in switches.items()} | {
        "LD_PRELOAD": str(vigil.BUILD / "tests" / "broken_disk.so"),
        "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
