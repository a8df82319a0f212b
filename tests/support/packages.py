"""The clients of this project, each as a user has it: the verb, the Python package, the Node package."""
import fcntl
import functools
import os
import shutil
import subprocess

import vigil

PYTHON = vigil.ROOT / "client/python"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(PYTHON)}


@functools.lru_cache
def npm_folder(what, source, name):
    """A copy of the folder with what its package-lock.json pins, in the build folder, since the source
    stays as it is; None, with the reason printed, where that cannot be had."""
    if not shutil.which("node") or not shutil.which("npm"):
        print(f"SKIP: {what}: node and npm are not installed", flush=True)
        return None
    copy = vigil.BUILD / name
    shutil.copytree(source, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
    lock = (source / "package-lock.json").read_bytes()
    stamp = copy / "node_modules/.installed"
    with open(copy / ".lock", "w") as turn:  # tests that run side by side share the folder
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_bytes() != lock:
            done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund",
                                   "--prefer-offline"], cwd=copy, capture_output=True, text=True)
            if done.returncode != 0:
                print(f"SKIP: {what}: npm ci: {done.stderr.strip().splitlines()[-1:]}", flush=True)
                return None
            stamp.write_bytes(lock)
    return copy


def node_package():
    """The Node package with what it depends on, as a user has it after `npm ci`; None without."""
    return npm_folder("Node", vigil.ROOT / "client/node", "client-node")


class Kind:
    """How a client is called, and how it wants its options."""

    def __init__(self, name, *command, seconds="{}"):
        self.name, self.command, self.seconds = name, command, seconds

    def call(self, publishers, *options, timeout=30):
        where = [o for p in publishers for o in ("--connect", p.publish, "--control", p.control)]
        options = [str(o) for o in options]
        return [*map(str, self.command), *where, "--timeout", self.seconds.format(timeout), *options]


def kinds():
    yield Kind("C", vigil.VIGIL, "alerts", "--json", seconds="{}s")
    yield Kind("Python", "/usr/bin/python3", "-B", "-m", "vigil.tail")
    if node_package():
        yield Kind("Node", "node", node_package() / "tail.js")
